//! Tables of connected elements on a few sites.

use crate::{Action, Scalar};
use num_complex::Complex64;
use std::collections::BTreeMap;

/// Elements by (row, column).
pub(super) type Elements<T> = BTreeMap<(u32, u32), T>;

/// The elements of one small matrix, shared by all groups of sites on which it acts.
#[derive(Clone, Debug)]
pub(super) struct Table<T> {
    pub(super) diagonal: Vec<T>,
    /// Row r holds entries `start[r]..start[r + 1]`.
    start: Vec<u32>,
    /// (element, number of the first change, one past the last)
    entries: Vec<(T, u32, u32)>,
    /// (index among the sites, new value)
    changes: Vec<(u8, u8)>,
    pub(super) dense: Elements<T>,
}

impl<T: Scalar> Table<T> {
    pub(super) fn new(n_sites: usize, d: usize, dense: Elements<T>) -> Self {
        let size = d.pow(n_sites as u32);
        let mut table = Self {
            diagonal: vec![T::ZERO; size],
            start: vec![0; size + 1],
            entries: Vec::new(),
            changes: Vec::new(),
            dense,
        };
        let mut row = 0;
        for (&(r, c), &v) in &table.dense {
            if r == c {
                table.diagonal[r as usize] = v;
                continue;
            }
            while row < r as usize {
                row += 1;
                table.start[row] = table.entries.len() as u32;
            }
            let from = table.changes.len() as u32;
            for i in 0..n_sites {
                let (old, new) = (digit(r, i, n_sites, d), digit(c, i, n_sites, d));
                if old != new {
                    table.changes.push((i as u8, new as u8));
                }
            }
            table.entries.push((v, from, table.changes.len() as u32));
        }
        for s in &mut table.start[row + 1..] {
            *s = table.entries.len() as u32;
        }
        table
    }

    /// Off-diagonal elements of a row with the changes they make.
    #[inline]
    pub(super) fn row(&self, r: usize) -> impl Iterator<Item = (T, &[(u8, u8)])> {
        let entries = &self.entries[self.start[r] as usize..self.start[r + 1] as usize];
        entries
            .iter()
            .map(|&(v, from, to)| (v, &self.changes[from as usize..to as usize]))
    }

    /// The distinct sets of changed sites, as indices among the sites.
    pub(super) fn changed_sets(&self) -> Vec<Vec<u8>> {
        let of = |&(_, from, to): &(T, u32, u32)| {
            self.changes[from as usize..to as usize]
                .iter()
                .map(|&(i, _)| i)
                .collect()
        };
        let mut sets: Vec<Vec<u8>> = self.entries.iter().map(of).collect();
        sets.sort_unstable();
        sets.dedup();
        sets
    }

    /// $\sqrt{\lVert A\rVert_1 \lVert A\rVert_\infty}$, which bounds the norm of any matrix.
    pub(super) fn norm_bound(&self) -> f64 {
        let mut rows: BTreeMap<u32, f64> = BTreeMap::new();
        let mut columns: BTreeMap<u32, f64> = BTreeMap::new();
        for (&(r, c), v) in &self.dense {
            let size = v.abs2().sqrt();
            *rows.entry(r).or_default() += size;
            *columns.entry(c).or_default() += size;
        }
        let largest = |sums: BTreeMap<u32, f64>| sums.into_values().fold(0.0, f64::max);
        (largest(rows) * largest(columns)).sqrt()
    }
}

/// Sparse rows of an action.
pub(super) fn rows<T: Scalar>(action: &Action<T>, d: usize) -> Vec<(u32, u32, T)> {
    match action {
        Action::Rows(rows) => rows.to_vec(),
        Action::Pauli(string, factor) => (0..d.pow(string.len() as u32) as u32)
            .map(|r| {
                let (mut c, mut v) = (0, Complex64::new(1.0, 0.0));
                for (i, p) in string.iter().enumerate() {
                    let (column, element) = p.row(digit(r, i, string.len(), d));
                    c = 2 * c + column as u32;
                    v *= element;
                }
                (r, c, T::from_parts(v.re, v.im) * *factor)
            })
            .collect(),
    }
}

fn digit(index: u32, i: usize, n: usize, d: usize) -> usize {
    index as usize / d.pow((n - 1 - i) as u32) % d
}

/// Reorders the digits of an index: digit i of the result is digit `place[i]`.
pub(super) fn permute(index: u32, place: &[usize], d: usize) -> u32 {
    place
        .iter()
        .fold(0, |r, &p| r * d + digit(index, p, place.len(), d)) as u32
}
