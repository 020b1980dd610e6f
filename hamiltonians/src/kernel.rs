//! The compiled form of a sum of terms: tables of connected elements, terms on the same sites merged.

use crate::{Action, ConfigsRef, Connected, LocalMask, OperatorError, Pauli, Scalar, Space, Term};
use num_complex::Complex64;
use std::collections::{BTreeMap, HashMap};

/// Local spaces up to this dimension become tables; longer Pauli strings are applied as strings.
const LARGEST_TABLE: usize = 256;

type Guard = Vec<(u32, LocalMask)>;

/// One table of rows shared by all site groups with equal elements.
#[derive(Clone, Debug)]
struct Table<T> {
    diagonal: Vec<T>,
    /// Row r holds entries `start[r]..start[r + 1]`.
    start: Vec<u32>,
    /// (element, number of the first change, one past the last)
    entries: Vec<(T, u32, u32)>,
    /// (index among the sites, new value)
    changes: Vec<(u8, u8)>,
    dense: BTreeMap<(u32, u32), T>,
}

#[derive(Clone, Debug)]
struct Group {
    sites: Vec<u32>,
    guard: Guard,
    table: u32,
}

#[derive(Clone, Debug)]
struct StringTerm<T> {
    sites: Vec<u32>,
    string: Vec<Pauli>,
    guard: Guard,
    factor: T,
    flips: Vec<u32>,
}

#[derive(Clone, Debug)]
pub(crate) struct Kernel<T> {
    local_dim: usize,
    groups: Vec<Group>,
    tables: Vec<Table<T>>,
    strings: Vec<StringTerm<T>>,
}

impl<T: Scalar> Kernel<T> {
    pub(crate) fn new(space: Space, terms: &[Term<T>], couplings: &[(String, f64)]) -> Self {
        let d = space.local_dim;
        let mut merged: BTreeMap<(Vec<u32>, Vec<(u32, u64)>), BTreeMap<(u32, u32), T>> =
            BTreeMap::new();
        let mut strings: BTreeMap<(Vec<u32>, Vec<(u32, u64)>, Vec<Pauli>), T> = BTreeMap::new();
        for term in terms {
            let factor = couplings[term.coupling as usize].1;
            let mut guard: Vec<_> = term.guard.iter().map(|&(s, m)| (s, m.0)).collect();
            guard.sort_unstable();
            let mut place: Vec<usize> = (0..term.sites.len()).collect();
            place.sort_unstable_by_key(|&i| term.sites[i]);
            let sites: Vec<u32> = place.iter().map(|&i| term.sites[i]).collect();
            let small = d
                .checked_pow(sites.len() as u32)
                .is_some_and(|s| s <= LARGEST_TABLE);
            match &term.action {
                Action::Pauli(string, v) if !small => {
                    let string: Vec<_> = place.iter().map(|&i| string[i]).collect();
                    *strings.entry((sites, guard, string)).or_default() += v.scale(factor);
                }
                action => {
                    let entry = merged.entry((sites, guard)).or_default();
                    for (r, c, v) in rows(action, d) {
                        let (r, c) = (permute(r, &place, d), permute(c, &place, d));
                        *entry.entry((r, c)).or_default() += v.scale(factor);
                    }
                }
            }
        }
        let mut kernel = Self {
            local_dim: d,
            groups: Vec::new(),
            tables: Vec::new(),
            strings: Vec::new(),
        };
        let mut known: HashMap<Vec<(u32, u32, u64, u64)>, u32> = HashMap::new();
        for ((sites, guard), mut dense) in merged {
            dense.retain(|_, v| *v != T::ZERO);
            if dense.is_empty() {
                continue;
            }
            let key = std::iter::once((sites.len() as u32, 0, 0, 0))
                .chain(
                    dense
                        .iter()
                        .map(|(&(r, c), v)| (r, c, v.re().to_bits(), v.im().to_bits())),
                )
                .collect();
            let table = *known.entry(key).or_insert_with(|| {
                kernel.tables.push(Table::new(sites.len(), d, dense));
                kernel.tables.len() as u32 - 1
            });
            let guard = guard.into_iter().map(|(s, m)| (s, LocalMask(m))).collect();
            kernel.groups.push(Group {
                sites,
                guard,
                table,
            });
        }
        for ((sites, guard, string), factor) in strings {
            if factor == T::ZERO {
                continue;
            }
            let flips = sites
                .iter()
                .zip(&string)
                .filter(|(_, p)| matches!(p, Pauli::X | Pauli::Y))
                .map(|(&s, _)| s)
                .collect();
            let guard = guard.into_iter().map(|(s, m)| (s, LocalMask(m))).collect();
            kernel.strings.push(StringTerm {
                sites,
                string,
                guard,
                factor,
                flips,
            });
        }
        kernel
    }

    pub(crate) fn connected(&self, x: ConfigsRef<'_>, out: &mut Connected<T>) {
        out.clear();
        for (b, row) in x.rows().enumerate() {
            let mut diagonal = T::ZERO;
            for group in &self.groups {
                if !open(&group.guard, row) {
                    continue;
                }
                let table = &self.tables[group.table as usize];
                let r = group
                    .sites
                    .iter()
                    .fold(0, |r, &s| r * self.local_dim + row[s as usize] as usize);
                diagonal += table.diagonal[r];
                for &(v, from, to) in
                    &table.entries[table.start[r] as usize..table.start[r + 1] as usize]
                {
                    let changes = &table.changes[from as usize..to as usize];
                    out.neighbours.push(
                        b,
                        changes
                            .iter()
                            .map(|&(i, new)| (group.sites[i as usize] as usize, new)),
                    );
                    out.element.push(v);
                }
            }
            for term in &self.strings {
                if !open(&term.guard, row) {
                    continue;
                }
                let v = term.element(row);
                if term.flips.is_empty() {
                    diagonal += v;
                } else {
                    out.neighbours.push(
                        b,
                        term.flips
                            .iter()
                            .map(|&s| (s as usize, 1 - row[s as usize])),
                    );
                    out.element.push(v);
                }
            }
            out.diagonal.push(diagonal);
        }
    }

    pub(crate) fn check_hermitian(&self) -> Result<(), OperatorError> {
        for group in &self.groups {
            let dense = &self.tables[group.table as usize].dense;
            let scale = dense.values().map(|v| v.abs2()).fold(0.0, f64::max).sqrt();
            for (&(r, c), &v) in dense {
                let t = dense.get(&(c, r)).copied().unwrap_or_default();
                if (v - t.conj()).abs2().sqrt() > 1e-13 * scale {
                    return Err(OperatorError::NotHermitian {
                        sites: group.sites.clone(),
                        row: r as usize,
                        column: c as usize,
                        element: v.to_complex(),
                        transpose: t.to_complex(),
                    });
                }
            }
        }
        for term in &self.strings {
            if term.factor.im() != 0.0 {
                return Err(OperatorError::NotHermitian {
                    sites: term.sites.clone(),
                    row: 0,
                    column: 0,
                    element: term.factor.to_complex(),
                    transpose: term.factor.to_complex(),
                });
            }
        }
        Ok(())
    }

    pub(crate) fn is_stoquastic(&self) -> bool {
        let off = |v: T| v.im() == 0.0 && v.re() <= 0.0;
        self.tables
            .iter()
            .all(|t| t.dense.iter().all(|(&(r, c), &v)| r == c || off(v)))
            && self.strings.iter().all(|s| {
                s.flips.is_empty()
                    || (off(s.factor) && !s.string.iter().any(|p| matches!(p, Pauli::Y | Pauli::Z)))
            })
    }

    pub(crate) fn is_real(&self) -> bool {
        self.tables
            .iter()
            .all(|t| t.dense.values().all(|v| v.im() == 0.0))
            && self.strings.iter().all(|s| {
                let ys = s.string.iter().filter(|&&p| p == Pauli::Y).count();
                s.factor.im() == 0.0 && ys % 2 == 0
            })
    }

    pub(crate) fn norm_bound(&self) -> f64 {
        // The largest absolute row sum bounds the norm of a Hermitian matrix.
        let of_table = |t: &Table<T>| {
            let mut sums: HashMap<u32, f64> = HashMap::new();
            for (&(r, _), v) in &t.dense {
                *sums.entry(r).or_default() += v.abs2().sqrt();
            }
            sums.into_values().fold(0.0, f64::max)
        };
        let bounds: Vec<f64> = self.tables.iter().map(of_table).collect();
        self.groups
            .iter()
            .map(|g| bounds[g.table as usize])
            .sum::<f64>()
            + self
                .strings
                .iter()
                .map(|s| s.factor.abs2().sqrt())
                .sum::<f64>()
    }

    /// The merged terms, couplings multiplied in.
    pub(crate) fn merged_terms(&self) -> Vec<Term<T>> {
        let groups = self.groups.iter().map(|g| Term {
            sites: g.sites.clone(),
            guard: g.guard.clone(),
            action: Action::Rows(
                self.tables[g.table as usize]
                    .dense
                    .iter()
                    .map(|(&(r, c), &v)| (r, c, v))
                    .collect(),
            ),
            coupling: 0,
        });
        let strings = self.strings.iter().map(|s| Term {
            sites: s.sites.clone(),
            guard: s.guard.clone(),
            action: Action::Pauli(s.string.clone(), s.factor),
            coupling: 0,
        });
        groups.chain(strings).collect()
    }
}

fn open(guard: &[(u32, LocalMask)], row: &[u8]) -> bool {
    guard.iter().all(|&(s, m)| m.allows(row[s as usize]))
}

impl<T: Scalar> Table<T> {
    fn new(n_sites: usize, d: usize, dense: BTreeMap<(u32, u32), T>) -> Self {
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
}

impl<T: Scalar> StringTerm<T> {
    /// The element between `row` and the flipped configuration.
    fn element(&self, row: &[u8]) -> T {
        let mut v = Complex64::new(1.0, 0.0);
        for (&s, &p) in self.sites.iter().zip(&self.string) {
            v *= p.row(row[s as usize] as usize).1;
        }
        // Real sums hold only strings with an even number of Y, whose elements are real.
        T::from_parts(v.re, v.im) * self.factor
    }
}

/// Sparse rows of an action.
fn rows<T: Scalar>(action: &Action<T>, d: usize) -> Vec<(u32, u32, T)> {
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
fn permute(index: u32, place: &[usize], d: usize) -> u32 {
    place
        .iter()
        .fold(0, |r, &p| r * d + digit(index, p, place.len(), d)) as u32
}
