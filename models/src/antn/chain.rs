//! The chain of tensors: shapes, and one position of the contraction.

use super::SiteTensor;
use crate::NetworkError;
use ketwork_hamiltonians::{Scalar, Space};

/// Squared norms below this count as 0: the prefix has no amplitude, and its conditionals, which
/// nothing depends on, are level.
const NOTHING: f64 = 1e-250;

/// Bond dimensions and places of the tensors inside theta.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chain {
    local_dim: usize,
    /// N + 1 numbers, the outer ones 1.
    bonds: Vec<usize>,
    /// Entries before each tensor.
    starts: Vec<usize>,
    widest: usize,
}

impl Chain {
    fn with_bonds(local_dim: usize, bonds: Vec<usize>) -> Self {
        let mut starts = vec![0];
        for pair in bonds.windows(2) {
            let last = starts[starts.len() - 1];
            starts.push(last + local_dim * pair[0] * pair[1]);
        }
        Self {
            local_dim,
            widest: bonds.iter().copied().max().unwrap_or(1),
            bonds,
            starts,
        }
    }

    /// Bonds of at most `bond`, and no larger than either side has states.
    pub(super) fn capped(space: Space, bond: usize) -> Self {
        let n = space.n_sites;
        let states = |sites: usize| {
            let most = u32::try_from(sites).unwrap_or(u32::MAX);
            space.local_dim.checked_pow(most).unwrap_or(usize::MAX)
        };
        let bonds = (0..=n).map(|p| bond.min(states(p)).min(states(n - p)));
        Self::with_bonds(space.local_dim, bonds.collect())
    }

    pub(super) fn of<L: Scalar>(
        space: Space,
        tensors: &[SiteTensor<L>],
    ) -> Result<Self, NetworkError> {
        let refused = |site: usize, reason: String| Err(NetworkError::Tensor { site, reason });
        if tensors.len() != space.n_sites {
            let reason = format!("{} tensors for {} sites", tensors.len(), space.n_sites);
            return refused(0, reason);
        }
        let mut bonds = vec![1];
        for (site, tensor) in tensors.iter().enumerate() {
            let (left, right) = (tensor.left, tensor.right);
            if left != bonds[site] {
                let reason = format!("its left bond is {left}, the one before {}", bonds[site]);
                return refused(site, reason);
            }
            let needed = space.local_dim * left * right;
            if right == 0 || tensor.entries.len() != needed {
                let reason = format!("{} entries, not {needed}", tensor.entries.len());
                return refused(site, reason);
            }
            if tensor.entries.iter().any(|t| !t.is_finite()) {
                return refused(site, "an entry is not finite".into());
            }
            bonds.push(right);
        }
        if bonds[space.n_sites] != 1 {
            let reason = format!("its right bond is {}, not 1", bonds[space.n_sites]);
            return refused(space.n_sites - 1, reason);
        }
        Ok(Self::with_bonds(space.local_dim, bonds))
    }

    pub(super) fn bonds(&self) -> &[usize] {
        &self.bonds
    }

    pub(super) fn widest(&self) -> usize {
        self.widest
    }

    /// Real parameters of k components.
    pub(super) fn n_params(&self, k: usize) -> usize {
        k * self.starts[self.starts.len() - 1]
    }

    pub(super) fn shape(&self, p: usize, k: usize) -> Vec<usize> {
        let mut shape = vec![self.local_dim, self.bonds[p], self.bonds[p + 1]];
        if k == 2 {
            shape.push(2);
        }
        shape
    }

    /// Place of the tensor at p inside theta.
    pub(super) fn place(&self, p: usize, k: usize) -> std::ops::Range<usize> {
        k * self.starts[p]..k * self.starts[p + 1]
    }

    /// Bonds left and right of p.
    pub(super) fn around(&self, p: usize) -> (usize, usize) {
        (self.bonds[p], self.bonds[p + 1])
    }

    /// after (d, widest) = left (M_x + shift_x), of which the first entries are written. The shift
    /// holds one number for each value, or (d, widest, widest).
    pub(super) fn advance<L: Scalar>(
        &self,
        tensors: &[f64],
        p: usize,
        left: &[L],
        shift: &[L],
        after: &mut [L],
    ) {
        let (rows, columns) = self.around(p);
        let tensor = &tensors[self.place(p, L::COMPONENTS)];
        let sum: L = left[..rows].iter().copied().sum();
        let matrices = tensor.chunks_exact(L::COMPONENTS * rows * columns);
        let shifts = shift.chunks_exact(shift.len() / self.local_dim);
        for ((matrix, after), shift) in matrices
            .zip(after.chunks_exact_mut(self.widest))
            .zip(shifts)
        {
            let after = &mut after[..columns];
            if let [one] = shift {
                after.fill(*one * sum);
            } else {
                after.fill(L::ZERO);
                for (&v, row) in left[..rows].iter().zip(shift.chunks_exact(self.widest)) {
                    after.iter_mut().zip(row).for_each(|(u, &f)| *u += v * f);
                }
            }
            for (&v, row) in left
                .iter()
                .zip(matrix.chunks_exact(L::COMPONENTS * columns))
            {
                for (u, m) in after.iter_mut().zip(row.chunks_exact(L::COMPONENTS)) {
                    *u += v * entry::<L>(m);
                }
            }
        }
    }

    /// Raw log-amplitudes of the values at p; the last position carries the phase.
    pub(super) fn read<L: Scalar>(&self, p: usize, after: &[L], out: &mut [L]) {
        let (_, columns) = self.around(p);
        let is_last = p + 2 == self.bonds.len();
        for (after, out) in after.chunks_exact(self.widest).zip(out) {
            let modulus = 0.5 * square(&after[..columns]).max(NOTHING).ln();
            let phase = if is_last { after[0].ln().im() } else { 0.0 };
            *out = L::from_parts(modulus, phase);
        }
    }

    /// The left vector before p, of norm 1, or 0 where the prefix has no amplitude.
    pub(super) fn normalise<L: Scalar>(&self, p: usize, after: &[L], left: &mut [L]) {
        let columns = self.bonds[p];
        let size = square(&after[..columns]);
        let scale = if size > NOTHING {
            size.sqrt().recip()
        } else {
            0.0
        };
        for (left, after) in left.iter_mut().zip(&after[..columns]) {
            *left = after.scale(scale);
        }
    }
}

/// Whether a squared norm is that of a prefix with amplitude.
pub(super) fn has_amplitude(square: f64) -> bool {
    square > NOTHING
}

pub(super) fn square<L: Scalar>(v: &[L]) -> f64 {
    v.iter().map(|v| v.abs2()).sum()
}

/// The entry whose parts stand side by side.
pub(super) fn entry<L: Scalar>(parts: &[f64]) -> L {
    L::from_parts(parts[0], parts.get(1).copied().unwrap_or(0.0))
}
