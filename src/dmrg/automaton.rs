//! Sums of products as a finite automaton with as few states as the ranks allow.
//!
//! At each bond the coefficients form a matrix from what stands on the left to what stands on the
//! right. It falls into blocks (connected rows and columns). In each block the smaller side gives
//! the states: chosen rows or columns, the others as combinations of them (interpolative
//! decomposition), so that the rank is the smallest possible and the tensors stay sparse.

use crate::Element;
use crate::mpo::{Entry, Line, Mpo};
use crate::strings::Strings;
use std::collections::BTreeMap;

/// What is still to come: the rest of a product.
type Rest<'a> = &'a [(u32, u16)];
type Row<'a, T> = BTreeMap<Rest<'a>, T>;

/// A vector is a combination of the chosen ones if at most this fraction of the largest is left.
const DEPENDENT: f64 = 1e-13;

/// A block of the coefficient matrix: (left state, operator) against rests.
struct Block<'a, T> {
    rows: Vec<((usize, u16), Row<'a, T>)>,
    charge: i64,
}

/// A state after one more site: how it is reached, and what follows it.
struct State<'a, T> {
    from: Vec<((usize, u16), T)>,
    row: Row<'a, T>,
    charge: i64,
}

pub(crate) fn compile<T: Element>(strings: &Strings<T>) -> Mpo<T> {
    let n = strings.n_sites;
    let all: Row<'_, T> = strings
        .products
        .iter()
        .map(|(p, v)| (p.as_slice(), *v))
        .collect();
    let mut states = vec![State {
        from: Vec::new(),
        row: all,
        charge: 0,
    }];
    let mut lines = vec![Line::of_charges(&[0])];
    let mut sites = Vec::new();
    for p in 0..n as u32 {
        let mut rows: BTreeMap<(usize, u16), Row<'_, T>> = BTreeMap::new();
        for (a, state) in states.iter_mut().enumerate() {
            for (rest, v) in std::mem::take(&mut state.row) {
                let (op, rest) = match rest.first() {
                    Some(&(at, op)) if at == p => (op, &rest[1..]),
                    _ => (0, rest),
                };
                rows.entry((a, op)).or_default().insert(rest, v);
            }
        }
        let mut next: Vec<_> = blocks(rows, |(a, op)| states[a].charge + strings.basis.charge(op))
            .into_iter()
            .flat_map(reduce)
            .collect();
        if next.is_empty() {
            // The operator is 0.
            next.push(State {
                from: Vec::new(),
                row: Row::new(),
                charge: 0,
            });
        }
        next.sort_by_key(|s| s.charge);
        let mut entries: BTreeMap<(usize, usize, u8, u8), T> = BTreeMap::new();
        for (b, state) in next.iter().enumerate() {
            for &((a, op), w) in &state.from {
                for (r, c, v) in strings.basis.elements(op) {
                    *entries.entry((a, b, r, c)).or_insert(T::ZERO) += w.scale(v);
                }
            }
        }
        entries.retain(|_, w| *w != T::ZERO);
        let entry = |((a, b, row, col), weight)| Entry {
            a,
            b,
            row: usize::from(row),
            col: usize::from(col),
            weight,
        };
        sites.push(entries.into_iter().map(entry).collect());
        let charges: Vec<_> = next.iter().map(|s| s.charge).collect();
        lines.push(Line::of_charges(&charges));
        states = next;
    }
    Mpo::from_parts(strings.basis.dim, lines, sites)
}

/// Splits rows into connected blocks, in the order of their first rows.
fn blocks<'a, T: Element>(
    rows: BTreeMap<(usize, u16), Row<'a, T>>,
    charge: impl Fn((usize, u16)) -> i64,
) -> Vec<Block<'a, T>> {
    fn root(parent: &mut [usize], mut i: usize) -> usize {
        while parent[i] != i {
            parent[i] = parent[parent[i]];
            i = parent[i];
        }
        i
    }
    let mut parent: Vec<_> = (0..rows.len()).collect();
    let mut first: BTreeMap<Rest<'a>, usize> = BTreeMap::new();
    for (i, row) in rows.values().enumerate() {
        for rest in row.keys() {
            let j = *first.entry(rest).or_insert(i);
            let (i, j) = (root(&mut parent, i), root(&mut parent, j));
            parent[i.max(j)] = i.min(j);
        }
    }
    let mut out: BTreeMap<usize, Block<'a, T>> = BTreeMap::new();
    for (i, (key, row)) in rows.into_iter().enumerate() {
        let block = out.entry(root(&mut parent, i)).or_insert_with(|| Block {
            rows: Vec::new(),
            charge: charge(key),
        });
        block.rows.push((key, row));
    }
    out.into_values().collect()
}

/// The states that one block needs.
fn reduce<T: Element>(block: Block<'_, T>) -> Vec<State<'_, T>> {
    let Block { rows, charge } = block;
    let mut columns: BTreeMap<Rest<'_>, usize> = BTreeMap::new();
    for (_, row) in &rows {
        for rest in row.keys() {
            let next = columns.len();
            columns.entry(rest).or_insert(next);
        }
    }
    let (m, n) = (rows.len(), columns.len());
    if m == 1 {
        let (key, row) = rows.into_iter().next().expect("a block has a row");
        let from = vec![(key, T::ONE)];
        return vec![State { from, row, charge }];
    }
    let mut dense = vec![vec![T::ZERO; n]; m];
    for (i, (_, row)) in rows.iter().enumerate() {
        for (rest, v) in row {
            dense[i][columns[rest]] = *v;
        }
    }
    if m <= n {
        let (chosen, combination) = interpolate(&dense);
        let mut states: Vec<_> = chosen
            .iter()
            .map(|&i| State {
                from: Vec::new(),
                row: rows[i].1.clone(),
                charge,
            })
            .collect();
        for ((key, _), weights) in rows.iter().zip(combination) {
            for (state, w) in states.iter_mut().zip(weights) {
                if w != T::ZERO {
                    state.from.push((*key, w));
                }
            }
        }
        return states;
    }
    let turned: Vec<Vec<T>> = (0..n)
        .map(|j| dense.iter().map(|row| row[j]).collect())
        .collect();
    let (chosen, combination) = interpolate(&turned);
    let mut states: Vec<_> = chosen
        .iter()
        .map(|&j| State {
            from: rows
                .iter()
                .zip(&turned[j])
                .filter(|(_, w)| **w != T::ZERO)
                .map(|((key, _), w)| (*key, *w))
                .collect(),
            row: Row::new(),
            charge,
        })
        .collect();
    for (rest, j) in &columns {
        for (state, w) in states.iter_mut().zip(&combination[*j]) {
            if *w != T::ZERO {
                state.row.insert(rest, *w);
            }
        }
    }
    states
}

/// Chooses vectors that span the others; returns their numbers, ascending, and each vector as a
/// combination of them.
fn interpolate<T: Element>(vectors: &[Vec<T>]) -> (Vec<usize>, Vec<Vec<T>>) {
    let square = |v: &[T]| v.iter().map(|x| x.abs2()).sum::<f64>();
    let mut rest = vectors.to_vec();
    let mut basis: Vec<Vec<T>> = Vec::new();
    let mut pivots: Vec<usize> = Vec::new();
    // Coefficients of every vector in the orthonormal basis.
    let mut r: Vec<Vec<T>> = vec![Vec::new(); vectors.len()];
    let largest = vectors.iter().map(|v| square(v)).fold(0.0, f64::max);
    while basis.len() < vectors.len() {
        let mut best = (0, 0.0);
        for (i, v) in rest.iter().enumerate() {
            let s = square(v);
            if s > best.1 {
                best = (i, s);
            }
        }
        if best.1 <= largest * DEPENDENT * DEPENDENT {
            break;
        }
        let mut q = rest[best.0].clone();
        for b in &basis {
            let overlap: T = b.iter().zip(&q).map(|(b, q)| b.conj() * *q).sum();
            q.iter_mut().zip(b).for_each(|(q, b)| *q -= overlap * *b);
        }
        let norm = square(&q).sqrt();
        q.iter_mut().for_each(|q| *q = q.scale(1.0 / norm));
        for (v, r) in rest.iter_mut().zip(&mut r) {
            let overlap: T = q.iter().zip(&*v).map(|(q, v)| q.conj() * *v).sum();
            v.iter_mut().zip(&q).for_each(|(v, q)| *v -= overlap * *q);
            r.push(overlap);
        }
        rest[best.0].fill(T::ZERO);
        basis.push(q);
        pivots.push(best.0);
    }
    let rank = pivots.len();
    let solve = |i: usize| {
        // Back substitution in the triangle of the pivots.
        let mut x = vec![T::ZERO; rank];
        if let Some(k) = pivots.iter().position(|&p| p == i) {
            x[k] = T::ONE;
            return x;
        }
        for k in (0..rank).rev() {
            let known: T = (k + 1..rank).map(|l| r[pivots[l]][k] * x[l]).sum();
            x[k] = (r[i][k] - known) / r[pivots[k]][k];
        }
        // Rounding would fill the tensors.
        let top = x.iter().map(|x| x.abs2()).fold(1.0, f64::max);
        for x in &mut x {
            if x.abs2() < top * DEPENDENT * DEPENDENT {
                *x = T::ZERO;
            }
        }
        x
    };
    let combination: Vec<_> = (0..vectors.len()).map(solve).collect();
    let mut order: Vec<_> = (0..rank).collect();
    order.sort_by_key(|&k| pivots[k]);
    let chosen = order.iter().map(|&k| pivots[k]).collect();
    let sorted = combination
        .iter()
        .map(|x| order.iter().map(|&k| x[k]).collect())
        .collect();
    (chosen, sorted)
}
