//! The chain of tensors: shapes, and one position of the contraction.

use super::{SiteTensor, widest_sector};
use crate::NetworkError;
use ketwork_hamiltonians::{Scalar, Space};

/// Squared norms below this count as 0: the prefix has no amplitude, and its conditionals, which
/// nothing depends on, are level.
const NOTHING: f64 = 1e-250;

/// Bond dimensions and places of the tensors inside theta.
///
/// The states of a bond stand in *sectors*: with a conserved sum of the values, those of one charge,
/// the sum to the left of the bond; else all of them. A prefix has a charge, so its left vector lives
/// in one sector, and of a tensor only the blocks that lead from sector to sector are kept.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chain {
    local_dim: usize,
    /// N + 1 numbers, the outer ones 1.
    bonds: Vec<usize>,
    /// Of each position the blocks (sectors to the left, d); `None` where the charge has no state to
    /// the right.
    blocks: Vec<Vec<Option<Block>>>,
    /// Entries before each position.
    starts: Vec<usize>,
    /// Dimension of the widest sector.
    widest: usize,
    /// Whether a sum of values is conserved.
    is_charged: bool,
}

/// A matrix (lines, columns) of one value and one sector to the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Sector to the right.
    pub(super) to: usize,
    /// Entries of the chain before it.
    pub(super) start: usize,
    pub(super) lines: usize,
    pub(super) columns: usize,
    /// Places of its first entry in the whole tensor.
    line: usize,
    column: usize,
}

/// One sector of a bond.
#[derive(Clone, Copy, Debug)]
struct Sector {
    charge: i64,
    start: usize,
    dim: usize,
}

/// The sectors of ascending charges.
fn sectors(charges: &[i64]) -> Vec<Sector> {
    let mut start = 0;
    let of = |equal: &[i64]| {
        start += equal.len();
        Sector {
            charge: equal[0],
            start: start - equal.len(),
            dim: equal.len(),
        }
    };
    charges.chunk_by(|a, b| a == b).map(of).collect()
}

impl Chain {
    /// `charges` of the states of the N + 1 bonds, ascending; a value adds itself, or nothing.
    fn with_charges(local_dim: usize, charges: &[Vec<i64>]) -> Self {
        let is_charged = charges.iter().flatten().any(|&c| c != 0);
        let (mut starts, mut blocks, mut at) = (vec![0], Vec::new(), 0);
        for pair in charges.windows(2) {
            let (left, right) = (sectors(&pair[0]), sectors(&pair[1]));
            let mut here = Vec::new();
            for from in &left {
                for value in 0..local_dim as i64 {
                    let charge = from.charge + if is_charged { value } else { 0 };
                    here.push(right.iter().position(|s| s.charge == charge).map(|to| {
                        let (lines, columns) = (from.dim, right[to].dim);
                        at += lines * columns;
                        Block {
                            to,
                            start: at - lines * columns,
                            lines,
                            columns,
                            line: from.start,
                            column: right[to].start,
                        }
                    }));
                }
            }
            blocks.push(here);
            starts.push(at);
        }
        Self {
            local_dim,
            bonds: charges.iter().map(Vec::len).collect(),
            blocks,
            starts,
            widest: widest_sector(charges),
            is_charged,
        }
    }

    /// Bonds of at most `bond`, and no larger than either side has states.
    pub(super) fn capped(space: Space, bond: usize) -> Self {
        let n = space.n_sites;
        let states = |sites: usize| {
            let most = u32::try_from(sites).unwrap_or(u32::MAX);
            space.local_dim.checked_pow(most).unwrap_or(usize::MAX)
        };
        let bonds = (0..=n).map(|p| vec![0; bond.min(states(p)).min(states(n - p))]);
        Self::with_charges(space.local_dim, &bonds.collect::<Vec<_>>())
    }

    /// The chain of given tensors, whose bonds have no charges where there are none of them.
    pub(super) fn of<L: Scalar>(
        space: Space,
        tensors: &[SiteTensor<L>],
        charges: Option<&[Vec<i64>]>,
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
        let Some(charges) = charges else {
            let none: Vec<_> = bonds.iter().map(|&b| vec![0; b]).collect();
            return Ok(Self::with_charges(space.local_dim, &none));
        };
        for (bond, &dim) in bonds.iter().enumerate() {
            let known = charges.get(bond).map_or(&[][..], Vec::as_slice);
            if known.len() != dim || !known.is_sorted() {
                let reason = format!("bond {bond} has {dim} states and the charges {known:?}");
                return refused(bond.min(space.n_sites - 1), reason);
            }
        }
        let chain = Self::with_charges(space.local_dim, charges);
        for (site, tensor) in tensors.iter().enumerate() {
            let kept = chain.kept(site, tensor).filter(|z| z.abs2() > 0.0).count();
            let all = tensor.entries.iter().filter(|z| z.abs2() > 0.0).count();
            if kept != all {
                let reason = format!("{} entries do not conserve the charges", all - kept);
                return refused(site, reason);
            }
        }
        Ok(chain)
    }

    /// The entries of a tensor that are parameters, in their order.
    pub(super) fn kept<'a, L: Scalar>(
        &'a self,
        p: usize,
        tensor: &'a SiteTensor<L>,
    ) -> impl Iterator<Item = L> + 'a {
        let blocks = self.blocks[p].iter().enumerate();
        blocks
            .filter_map(|(i, b)| Some((i % self.local_dim, (*b)?)))
            .flat_map(move |(value, b)| {
                (b.line..b.line + b.lines).flat_map(move |line| {
                    let from = (value * tensor.left + line) * tensor.right + b.column;
                    tensor.entries[from..from + b.columns].iter().copied()
                })
            })
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

    /// Place of the tensor at p inside theta.
    pub(super) fn place(&self, p: usize, k: usize) -> std::ops::Range<usize> {
        k * self.starts[p]..k * self.starts[p + 1]
    }

    /// Shape of the parameters at p: the tensor, or where charges are conserved its entries in a row.
    pub(super) fn shape(&self, p: usize, k: usize) -> Vec<usize> {
        let mut shape = if self.is_charged {
            vec![self.starts[p + 1] - self.starts[p]]
        } else {
            vec![self.local_dim, self.bonds[p], self.bonds[p + 1]]
        };
        if k == 2 {
            shape.push(2);
        }
        shape
    }

    /// The block at p of a value after a prefix in a sector; `None` where there is none.
    pub(super) fn block(&self, p: usize, sector: Option<usize>, value: usize) -> Option<Block> {
        self.blocks[p][sector? * self.local_dim + value]
    }

    /// The sector before p of a row; `None` where its charge has no state.
    pub(super) fn sector(&self, row: &[u8], p: usize) -> Option<usize> {
        let mut sector = Some(0);
        for (p, &value) in row[..p].iter().enumerate() {
            sector = self.block(p, sector, value as usize).map(|b| b.to);
        }
        sector
    }

    /// What a number that is the same for a whole block is multiplied with: with charges the number of
    /// columns depends on the value, and equal numbers shall stay equal norms.
    pub(super) fn spread(&self, block: Block) -> f64 {
        if self.is_charged {
            (block.columns as f64).sqrt().recip()
        } else {
            1.0
        }
    }

    /// after (d, widest) = left (M_x + shift_x), of which the entries of the sector are written. The
    /// shift holds one number for each value, or (d, widest, widest).
    pub(super) fn advance<L: Scalar>(
        &self,
        tensors: &[f64],
        (p, sector): (usize, Option<usize>),
        left: &[L],
        shift: &[L],
        after: &mut [L],
    ) {
        let shifts = shift.chunks_exact(shift.len() / self.local_dim);
        let values = after.chunks_exact_mut(self.widest).zip(shifts);
        for (value, (after, shift)) in values.enumerate() {
            let Some(block) = self.block(p, sector, value) else {
                after.fill(L::ZERO);
                continue;
            };
            let left = &left[..block.lines];
            let after = &mut after[..block.columns];
            if let [one] = shift {
                let sum: L = left.iter().copied().sum();
                after.fill((*one * sum).scale(self.spread(block)));
            } else {
                after.fill(L::ZERO);
                for (&v, row) in left.iter().zip(shift.chunks_exact(self.widest)) {
                    after.iter_mut().zip(row).for_each(|(u, &f)| *u += v * f);
                }
            }
            let lines = self.entries::<L>(tensors, block);
            for (&v, row) in left.iter().zip(lines) {
                for (u, m) in after.iter_mut().zip(row.chunks_exact(L::COMPONENTS)) {
                    *u += v * entry::<L>(m);
                }
            }
        }
    }

    /// The lines of a block inside the tensors.
    pub(super) fn entries<'t, L: Scalar>(
        &self,
        tensors: &'t [f64],
        block: Block,
    ) -> std::slice::ChunksExact<'t, f64> {
        let k = L::COMPONENTS;
        tensors[k * block.start..][..k * block.lines * block.columns]
            .chunks_exact(k * block.columns)
    }

    /// Raw log-amplitudes of the values at p; the last position carries the phase.
    pub(super) fn read<L: Scalar>(
        &self,
        (p, sector): (usize, Option<usize>),
        after: &[L],
        out: &mut [L],
    ) {
        let is_last = p + 2 == self.bonds.len();
        let values = after.chunks_exact(self.widest).zip(out);
        for (value, (after, out)) in values.enumerate() {
            let columns = self.block(p, sector, value).map_or(0, |b| b.columns);
            let modulus = 0.5 * square(&after[..columns]).max(NOTHING).ln();
            let phase = if is_last { after[0].ln().im() } else { 0.0 };
            *out = L::from_parts(modulus, phase);
        }
    }

    /// The left vector (widest) after a block, of norm 1, or 0 where the prefix has no amplitude.
    pub(super) fn normalise<L: Scalar>(&self, block: Option<Block>, after: &[L], left: &mut [L]) {
        let Some(Block { columns, .. }) = block else {
            left.fill(L::ZERO);
            return;
        };
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
