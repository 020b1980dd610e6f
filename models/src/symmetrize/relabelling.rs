//! Permutations of the sites, with or without a reversal of all values.

use super::{LARGEST_GROUP, SymmetryError};
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// A relabelling g of configurations: $(g x)_i = x_{\pi(i)}$, every value v replaced by d - 1 - v where
/// `flip` is set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Relabelling {
    /// The site whose value site i takes.
    pub sites: Vec<u32>,
    /// Whether all values are reversed: the spin flip of qubits.
    pub flip: bool,
}

impl Relabelling {
    /// The identity of N sites.
    #[must_use]
    pub fn identity(n_sites: usize) -> Self {
        Self {
            sites: (0..n_sites as u32).collect(),
            flip: false,
        }
    }

    /// The spin flip of N sites.
    #[must_use]
    pub fn spin_flip(n_sites: usize) -> Self {
        Self {
            flip: true,
            ..Self::identity(n_sites)
        }
    }

    /// The group that some relabellings of N sites generate, in a fixed order, the identity first.
    ///
    /// # Errors
    /// [`SymmetryError`] for one that is no permutation, or more than 4096 elements.
    pub fn group(n_sites: usize, generators: &[Self]) -> Result<Vec<Self>, SymmetryError> {
        check_permutations(n_sites, generators)?;
        close(n_sites, generators)
    }

    /// Whether these, each of which must be there once, are a whole group.
    #[must_use]
    pub fn is_group(all: &[Self]) -> bool {
        let set: BTreeSet<&Self> = all.iter().collect();
        if set.len() != all.len() {
            return false;
        }
        // Each element outside the group of those before it at least doubles that group, so that a few generate
        // all, and products with these are enough.
        let (mut generators, mut group): (Vec<Self>, Vec<Self>) = (vec![], vec![]);
        for g in all {
            if group.binary_search(g).is_ok() {
                continue;
            }
            generators.push(g.clone());
            group = match close(g.sites.len(), &generators) {
                Ok(larger) if larger.len() <= all.len() => larger,
                _ => return false,
            };
        }
        group.len() == all.len() && group.iter().all(|g| set.contains(g))
    }

    pub(super) fn after(&self, first: &Self) -> Self {
        let sites = self
            .sites
            .iter()
            .map(|&s| first.sites[s as usize])
            .collect();
        Self {
            sites,
            flip: self.flip != first.flip,
        }
    }

    pub(super) fn inverse(&self) -> Self {
        let mut sites = vec![0; self.sites.len()];
        for (i, &s) in self.sites.iter().enumerate() {
            sites[s as usize] = i as u32;
        }
        Self {
            sites,
            flip: self.flip,
        }
    }

    /// The image g x of a configuration of sites with `local_dim` values.
    ///
    /// # Panics
    /// If `x` has another length than the relabelling.
    #[must_use]
    pub fn image(&self, x: &[u8], local_dim: usize) -> Vec<u8> {
        assert_eq!(x.len(), self.sites.len(), "one value for each site");
        let mut out = vec![0; x.len()];
        self.apply(x, local_dim, &mut out);
        out
    }

    /// How the image g x compares with x, lexicographically; it ends at the first difference.
    ///
    /// # Panics
    /// If `x` has another length than the relabelling.
    #[must_use]
    pub fn compare_image(&self, x: &[u8], local_dim: usize) -> Ordering {
        assert_eq!(x.len(), self.sites.len(), "one value for each site");
        self.values(x, local_dim).cmp(x.iter().copied())
    }

    /// The values of the image, one after the other.
    pub(super) fn values(&self, x: &[u8], d: usize) -> impl Iterator<Item = u8> + Clone {
        self.sites.iter().map(move |&s| {
            let v = x[s as usize];
            if self.flip { d as u8 - 1 - v } else { v }
        })
    }

    pub(super) fn apply(&self, x: &[u8], d: usize, out: &mut [u8]) {
        out.iter_mut()
            .zip(self.values(x, d))
            .for_each(|(o, v)| *o = v);
    }
}

pub(super) fn check_permutations(n_sites: usize, all: &[Relabelling]) -> Result<(), SymmetryError> {
    for (index, g) in all.iter().enumerate() {
        let mut sorted = g.sites.clone();
        sorted.sort_unstable();
        if sorted != (0..n_sites as u32).collect::<Vec<_>>() {
            return Err(SymmetryError::NoPermutation { index, n_sites });
        }
    }
    Ok(())
}

fn close(n: usize, generators: &[Relabelling]) -> Result<Vec<Relabelling>, SymmetryError> {
    let mut group = BTreeSet::from([Relabelling::identity(n)]);
    let mut new: Vec<Relabelling> = group.iter().cloned().collect();
    while let Some(g) = new.pop() {
        for h in generators {
            let product = g.after(h);
            if group.insert(product.clone()) {
                new.push(product);
            }
        }
        if group.len() > LARGEST_GROUP {
            return Err(SymmetryError::TooLarge);
        }
    }
    Ok(group.into_iter().collect())
}
