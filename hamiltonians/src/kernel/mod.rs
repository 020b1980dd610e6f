//! The compiled form of a sum of terms: tables of connected elements, terms on the same sites
//! merged.

mod merge;
mod string;
mod table;
#[cfg(test)]
pub(crate) mod tests;

use crate::{Action, ConfigsRef, Connected, LocalMask, OperatorError, Pauli, Scalar, Space, Term};
use merge::Merge;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use string::PauliString;
use table::{Elements, Table, permute, rows};

/// Local spaces up to this dimension become tables; longer Pauli strings are applied as strings.
const LARGEST_TABLE: usize = 256;

/// Sites that must hold one of the masked values, masks as bits so that guards can be keys.
type Guard = Vec<(u32, u64)>;

/// One table on one list of sites. Lists lie in the pools of the kernel, one after the other, so
/// that a sweep over all groups reads memory in order.
#[derive(Clone, Debug)]
struct Group {
    sites: Range<u32>,
    guard: Range<u32>,
    table: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Kernel<T> {
    n_sites: usize,
    local_dim: usize,
    site_pool: Vec<u32>,
    guard_pool: Vec<(u32, LocalMask)>,
    /// Groups `lone_groups..` and strings `lone_strings..` may lead to the same configuration as
    /// another one; the rest never does and skips the merging.
    groups: Vec<Group>,
    lone_groups: usize,
    strings: Vec<PauliString<T>>,
    lone_strings: usize,
    tables: Vec<Table<T>>,
}

/// Terms merged by sites and guard, before compilation.
struct Merged<T> {
    tables: BTreeMap<(Vec<u32>, Guard), Elements<T>>,
    strings: BTreeMap<(Vec<u32>, Guard, Vec<Pauli>), T>,
}

impl<T: Scalar> Merged<T> {
    fn new(d: usize, terms: &[Term<T>], couplings: &[(String, f64)]) -> Self {
        let mut merged = Self {
            tables: BTreeMap::new(),
            strings: BTreeMap::new(),
        };
        for term in terms {
            merged.add(d, term, couplings[term.coupling as usize].1);
        }
        merged.tables.retain(|_, dense| {
            dense.retain(|_, v| *v != T::ZERO);
            !dense.is_empty()
        });
        merged.strings.retain(|_, v| *v != T::ZERO);
        merged
    }

    fn add(&mut self, d: usize, term: &Term<T>, coupling: f64) {
        let mut guard: Guard = term.guard.iter().map(|&(s, m)| (s, m.0)).collect();
        guard.sort_unstable();
        let mut place: Vec<usize> = (0..term.sites.len()).collect();
        if let Action::Pauli(string, _) = &term.action {
            place.retain(|&i| string[i] != Pauli::I);
        }
        place.sort_unstable_by_key(|&i| term.sites[i]);
        let sites: Vec<u32> = place.iter().map(|&i| term.sites[i]).collect();
        let small = d
            .checked_pow(sites.len() as u32)
            .is_some_and(|s| s <= LARGEST_TABLE);
        match &term.action {
            Action::Pauli(string, v) => {
                let string: Vec<_> = place.iter().map(|&i| string[i]).collect();
                if small {
                    let dense = self.tables.entry((sites, guard)).or_default();
                    for (r, c, v) in rows(&Action::Pauli(string, *v), d) {
                        *dense.entry((r, c)).or_default() += v.scale(coupling);
                    }
                } else {
                    let sum = self.strings.entry((sites, guard, string)).or_default();
                    *sum += v.scale(coupling);
                }
            }
            Action::Rows(elements) => {
                let dense = self.tables.entry((sites, guard)).or_default();
                for &(r, c, v) in elements.iter() {
                    let at = (permute(r, &place, d), permute(c, &place, d));
                    *dense.entry(at).or_default() += v.scale(coupling);
                }
            }
        }
    }
}

impl<T: Scalar> Kernel<T> {
    pub(crate) fn new(space: Space, terms: &[Term<T>], couplings: &[(String, f64)]) -> Self {
        let d = space.local_dim;
        let merged = Merged::new(d, terms, couplings);
        let mut kernel = Self {
            n_sites: space.n_sites,
            local_dim: d,
            site_pool: Vec::new(),
            guard_pool: Vec::new(),
            groups: Vec::new(),
            lone_groups: 0,
            strings: Vec::new(),
            lone_strings: 0,
            tables: Vec::new(),
        };
        let mut known: HashMap<Vec<(u32, u32, u64, u64)>, u32> = HashMap::new();
        for ((sites, guard), dense) in merged.tables {
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
            let sites = extend(&mut kernel.site_pool, sites);
            let guard = extend(&mut kernel.guard_pool, masks(guard));
            kernel.groups.push(Group {
                sites,
                guard,
                table,
            });
        }
        for ((sites, guard, string), factor) in merged.strings {
            kernel.strings.push(PauliString::new(
                sites,
                string,
                masks(guard).collect(),
                factor,
            ));
        }
        kernel.separate_lone();
        kernel
    }

    /// Moves what shares a set of changed sites with anything else behind what does not.
    fn separate_lone(&mut self) {
        let mut owners: HashMap<Vec<u32>, usize> = HashMap::new();
        let mut sets: Vec<Vec<Vec<u32>>> = Vec::new();
        for group in &self.groups {
            let sites = self.sites(group);
            let of = |set: Vec<u8>| set.into_iter().map(|i| sites[i as usize]).collect();
            let changed = self.tables[group.table as usize].changed_sets();
            sets.push(changed.into_iter().map(of).collect());
        }
        sets.extend(self.strings.iter().map(|s| vec![s.flips().to_vec()]));
        for set in sets.iter().flatten() {
            *owners.entry(set.clone()).or_default() += 1;
        }
        let lone = |sets: &Vec<Vec<u32>>| sets.iter().all(|s| s.is_empty() || owners[s] == 1);
        let lone: Vec<bool> = sets.iter().map(lone).collect();
        let (of_groups, of_strings) = lone.split_at(self.groups.len());
        self.lone_groups = partition(&mut self.groups, of_groups);
        self.lone_strings = partition(&mut self.strings, of_strings);
    }

    fn sites(&self, group: &Group) -> &[u32] {
        &self.site_pool[group.sites.start as usize..group.sites.end as usize]
    }

    fn guard(&self, group: &Group) -> &[(u32, LocalMask)] {
        &self.guard_pool[group.guard.start as usize..group.guard.end as usize]
    }

    #[track_caller]
    pub(crate) fn connected(&self, x: ConfigsRef<'_>, out: &mut Connected<T>) {
        assert_eq!(
            x.n_sites(),
            self.n_sites,
            "configurations and operator differ in sites"
        );
        out.clear();
        let mut merge = Merge::default();
        for (b, row) in x.rows().enumerate() {
            let mut diagonal = T::ZERO;
            for group in &self.groups[..self.lone_groups] {
                diagonal += self.apply_group(group, b, row, out);
            }
            for string in &self.strings[..self.lone_strings] {
                diagonal += string.apply(b, row, out);
            }
            let first = out.element.len();
            for group in &self.groups[self.lone_groups..] {
                diagonal += self.apply_group(group, b, row, out);
            }
            for string in &self.strings[self.lone_strings..] {
                diagonal += string.apply(b, row, out);
            }
            merge.equal_neighbours(first, b, out);
            out.diagonal.push(diagonal);
        }
    }

    /// Appends the off-diagonal elements of a row and returns the diagonal one.
    #[inline]
    fn apply_group(&self, group: &Group, b: usize, row: &[u8], out: &mut Connected<T>) -> T {
        if !open(self.guard(group), row) {
            return T::ZERO;
        }
        let sites = self.sites(group);
        let table = &self.tables[group.table as usize];
        let r = sites
            .iter()
            .fold(0, |r, &s| r * self.local_dim + row[s as usize] as usize);
        for (v, changes) in table.row(r) {
            let change = |&(i, new): &(u8, u8)| (sites[i as usize] as usize, new);
            out.neighbours.push(b, changes.iter().map(change));
            out.element.push(v);
        }
        table.diagonal[r]
    }

    pub(crate) fn check_hermitian(&self) -> Result<(), OperatorError> {
        for group in &self.groups {
            let dense = &self.tables[group.table as usize].dense;
            let scale = dense.values().map(|v| v.abs2()).fold(0.0, f64::max).sqrt();
            for (&(r, c), &v) in dense {
                let t = dense.get(&(c, r)).copied().unwrap_or_default();
                if (v - t.conj()).abs2().sqrt() > 1e-13 * scale {
                    return Err(OperatorError::NotHermitian {
                        sites: self.sites(group).to_vec(),
                        row: r as usize,
                        column: c as usize,
                        element: v.to_complex(),
                        transpose: t.to_complex(),
                    });
                }
            }
        }
        self.strings
            .iter()
            .try_for_each(PauliString::check_hermitian)
    }

    pub(crate) fn is_stoquastic(&self) -> bool {
        let off = |v: T| v.im() == 0.0 && v.re() <= 0.0;
        self.tables
            .iter()
            .all(|t| t.dense.iter().all(|(&(r, c), &v)| r == c || off(v)))
            && self.strings.iter().all(PauliString::is_stoquastic)
    }

    pub(crate) fn is_real(&self) -> bool {
        self.tables
            .iter()
            .all(|t| t.dense.values().all(|v| v.im() == 0.0))
            && self.strings.iter().all(PauliString::is_real)
    }

    pub(crate) fn norm_bound(&self) -> f64 {
        let bounds: Vec<f64> = self.tables.iter().map(Table::norm_bound).collect();
        self.groups
            .iter()
            .map(|g| bounds[g.table as usize])
            .sum::<f64>()
            + self.strings.iter().map(PauliString::norm).sum::<f64>()
    }

    /// The merged terms, couplings multiplied in.
    pub(crate) fn merged_terms(&self) -> Vec<Term<T>> {
        let groups = self.groups.iter().map(|g| Term {
            sites: self.sites(g).to_vec(),
            guard: self.guard(g).to_vec(),
            action: Action::Rows(
                self.tables[g.table as usize]
                    .dense
                    .iter()
                    .map(|(&(r, c), &v)| (r, c, v))
                    .collect(),
            ),
            coupling: 0,
        });
        groups
            .chain(self.strings.iter().map(PauliString::term))
            .collect()
    }
}

fn open(guard: &[(u32, LocalMask)], row: &[u8]) -> bool {
    guard.iter().all(|&(s, m)| m.allows(row[s as usize]))
}

fn masks(guard: Guard) -> impl Iterator<Item = (u32, LocalMask)> {
    guard.into_iter().map(|(s, m)| (s, LocalMask(m)))
}

fn extend<V>(pool: &mut Vec<V>, items: impl IntoIterator<Item = V>) -> Range<u32> {
    let from = pool.len() as u32;
    pool.extend(items);
    from..pool.len() as u32
}

/// Moves the marked items to the front, orders kept, and returns their number.
fn partition<V>(items: &mut Vec<V>, front: &[bool]) -> usize {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (item, &front) in items.drain(..).zip(front) {
        if front {
            first.push(item);
        } else {
            second.push(item);
        }
    }
    let count = first.len();
    first.append(&mut second);
    *items = first;
    count
}
