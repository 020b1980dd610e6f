//! Two-dimensional recurrent network with a tensorised gate.
//!
//! Notation: as for the chain; the neighbours of a position are the last visited site beside it in
//! its row ("across") and the last visited one beside it in its column ("along").

mod backward;
mod forward;

use super::head::Head;
use super::room;
use crate::{Conditional, Init, Layout, NetworkError};
use ketwork_hamiltonians::{ConfigsRef, OnSpace, Scalar, Space};
use std::marker::PhantomData;
use std::ops::Range;

/// Sizes of an [`Rnn2d`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rnn2dParams {
    /// Number of stacked layers.
    pub layers: usize,
    /// Width w of the hidden states; multiples of 8 fill the vectors of the processor.
    pub width: usize,
}

impl Default for Rnn2dParams {
    fn default() -> Self {
        Self {
            layers: 1,
            width: 16,
        }
    }
}

/// Recurrent network on a rectangle: raw log-amplitudes (`L = f64`), or with a phase
/// (`L = Complex64`).
///
/// The hidden state at a position is computed from those of its two neighbours that were visited
/// before, $q = (h_\mathrm{across}, h_\mathrm{along})$, and from their values, one-hot,
/// $\sigma = (\sigma_\mathrm{across}, \sigma_\mathrm{along})$:
/// $$\tilde h = \tanh(\sigma T q + V \sigma + b),\quad u = \mathrm{sigmoid}(\sigma T' q + V' \sigma + b'),
/// \quad h = u \odot \tilde h + (1 - u) \odot W q.$$
/// A neighbour outside the rectangle, or not yet visited, counts as zero. Further layers read the
/// state below instead of the values, $\tilde h = \tanh(A (h_\mathrm{below}, q) + b)$. The output at
/// a position depends on all positions before it in snake order; with another order on those that
/// are reached through neighbours.
///
/// `step` and `resume` give the same bits as `forward`.
///
/// # Shapes
/// "layers.0.tensor" (2 d 2w, 2w), "layers.0.value" (2 d, 2w), "layers.l.tensor" (3w, 2w),
/// "layers.l.bias" (2w), "layers.l.bypass" (2w, w); "head" and "phase" weights (w, d) and biases (d).
///
/// # References
/// M. Hibat-Allah, R. G. Melko and J. Carrasquilla, arXiv:2207.14314 (the tensorised gate); the terms
/// V are added here.
#[derive(Clone, Debug)]
pub struct Rnn2d<L> {
    space: Space,
    params: Rnn2dParams,
    layout: Layout,
    /// Neighbours across and along, by position.
    neighbours: Vec<[Option<u32>; 2]>,
    /// Last position that reads each position.
    last_use: Vec<u32>,
    places: Vec<Places>,
    head: Head,
    log: PhantomData<L>,
}

/// Places of one layer's parameters inside theta.
#[derive(Clone, Debug)]
struct Places {
    tensor: Range<usize>,
    /// Of the first layer, else empty.
    value: Range<usize>,
    bias: Range<usize>,
    bypass: Range<usize>,
}

impl<L: Scalar> Rnn2d<L> {
    /// A network on a rectangle of `extent` = (Lx, Ly) sites, site = x + Lx y, read in `order` (the
    /// order of the constraint; a snake is meant).
    ///
    /// # Errors
    /// [`NetworkError::Zero`] if a size is zero.
    ///
    /// # Panics
    /// If the rectangle or the order has another number of sites than the space.
    #[track_caller]
    pub fn new(
        space: Space,
        extent: (usize, usize),
        order: &[u32],
        params: Rnn2dParams,
    ) -> Result<Self, NetworkError> {
        let Rnn2dParams { layers, width: w } = params;
        for (name, size) in [("layers", layers), ("width", w)] {
            if size == 0 {
                return Err(NetworkError::Zero { name });
            }
        }
        let n = space.n_sites;
        assert_eq!(
            (extent.0 * extent.1, order.len()),
            (n, n),
            "sites of {extent:?} and of the order"
        );
        let neighbours = neighbours(extent, order);
        let mut last_use = vec![0; n];
        for (p, near) in neighbours.iter().enumerate() {
            near.iter()
                .flatten()
                .for_each(|&q| last_use[q as usize] = p as u32);
        }
        let d = space.local_dim;
        let spread = || Init::Uniform(1.0 / (2.0 * w as f64).sqrt());
        let mut layout = Layout::new();
        let places = (0..layers)
            .map(|l| {
                let mut push = |name: &str, shape: &[usize]| {
                    layout.push(format!("layers.{l}.{name}"), shape, spread())
                };
                let (tensor, value) = if l == 0 {
                    (
                        push("tensor", &[4 * d * w, 2 * w]),
                        push("value", &[2 * d, 2 * w]),
                    )
                } else {
                    (push("tensor", &[3 * w, 2 * w]), 0..0)
                };
                Places {
                    tensor,
                    value,
                    bias: push("bias", &[2 * w]),
                    bypass: push("bypass", &[2 * w, w]),
                }
            })
            .collect();
        let head = Head::push(&mut layout, w, d, L::COMPONENTS);
        let log = PhantomData;
        Ok(Self {
            space,
            params,
            layout,
            neighbours,
            last_use,
            places,
            head,
            log,
        })
    }

    /// Length of the vector that the tensor of layer l acts on.
    fn inputs(&self, l: usize) -> usize {
        let w = self.params.width;
        if l == 0 {
            4 * self.space.local_dim * w
        } else {
            3 * w
        }
    }
}

/// The neighbours of each position that were visited before, the later one of two.
fn neighbours((lx, ly): (usize, usize), order: &[u32]) -> Vec<[Option<u32>; 2]> {
    let mut place = vec![0; order.len()];
    for (p, &s) in order.iter().enumerate() {
        place[s as usize] = p as u32;
    }
    order
        .iter()
        .enumerate()
        .map(|(p, &s)| {
            let (x, y) = (s as usize % lx, s as usize / lx);
            let visited = |near: [Option<usize>; 2]| {
                let places = near.into_iter().flatten().map(|s| place[s]);
                places.filter(|&q| (q as usize) < p).max()
            };
            let s = s as usize;
            [
                visited([(x > 0).then(|| s - 1), (x + 1 < lx).then_some(s + 1)]),
                visited([(y > 0).then(|| s - lx), (y + 1 < ly).then_some(s + lx)]),
            ]
        })
        .collect()
}

/// What one layer keeps from the forward pass, time-major.
#[derive(Debug, Default)]
struct Tape {
    h: Vec<f64>,
    /// Activated gates (N, B, 2w).
    gates: Vec<f64>,
    bypass: Vec<f64>,
}

/// Memory of an [`Rnn2d`] for one block: tape, states of the steps and scratch.
#[derive(Debug, Default)]
pub struct Rnn2dWork {
    tape: Vec<Tape>,
    /// Rows of the tape.
    rows: usize,
    /// States of the steps, or of the rows that continue a parent, (N, B, w) for each layer.
    cache: Vec<Vec<f64>>,
    /// Rows of the cache.
    cached: usize,
    step: Step,
    scratch: Scratch,
}

/// Arrays of one position.
#[derive(Debug, Default)]
struct Step {
    /// Hidden states of the two neighbours (B, 2w).
    q: Vec<f64>,
    /// What the tensor acts on (B, inputs).
    z: Vec<f64>,
    gates: Vec<f64>,
    bypass: Vec<f64>,
    raw: Vec<f64>,
}

/// Cotangents of the backward pass, time-major or of one position.
#[derive(Debug, Default)]
struct Scratch {
    dh: Vec<f64>,
    dbelow: Vec<f64>,
    dgates: Vec<f64>,
    dbypass: Vec<f64>,
    dq: Vec<f64>,
    dz: Vec<f64>,
    tensor: Vec<f64>,
    bypass: Vec<f64>,
}

impl<L> OnSpace for Rnn2d<L> {
    fn space(&self) -> &Space {
        &self.space
    }
}

impl<L: Scalar> Conditional for Rnn2d<L> {
    type Log = L;
    type Work = Rnn2dWork;

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn work(&self, _batch: usize) -> Rnn2dWork {
        let mut work = Rnn2dWork::default();
        work.tape.resize_with(self.params.layers, Tape::default);
        work.cache.resize_with(self.params.layers, Vec::new);
        work
    }

    fn forward(&self, theta: &[f64], work: &mut Rnn2dWork, x: ConfigsRef<'_>, out: &mut [L]) {
        self.forward_block(theta, work, x, out);
    }

    fn pullback(
        &self,
        theta: &[f64],
        work: &mut Rnn2dWork,
        x: ConfigsRef<'_>,
        cotangent: &[f64],
        rows: &mut [f64],
    ) {
        self.backward_block(theta, work, x, cotangent, rows);
    }

    fn step(
        &self,
        theta: &[f64],
        work: &mut Rnn2dWork,
        position: usize,
        x: ConfigsRef<'_>,
        out: &mut [L],
    ) {
        self.step_block(theta, work, position, x, out);
    }

    fn select(&self, from: &Rnn2dWork, into: &mut Rnn2dWork, position: usize, rows: &[u32]) {
        let (w, n) = (self.params.width, self.space.n_sites);
        into.cached = rows.len();
        for (from_h, into_h) in from.cache.iter().zip(&mut into.cache) {
            let into_h = room(into_h, n * rows.len() * w);
            for q in (0..position).filter(|&q| self.last_use[q] as usize >= position) {
                let new = into_h[q * rows.len() * w..].chunks_exact_mut(w);
                for (new, &row) in new.zip(rows) {
                    new.copy_from_slice(&from_h[(q * from.cached + row as usize) * w..][..w]);
                }
            }
        }
    }

    fn resume(
        &self,
        theta: &[f64],
        parents: &Rnn2dWork,
        work: &mut Rnn2dWork,
        x: ConfigsRef<'_>,
        parent: &[u32],
        first: &[u32],
        out: &mut [L],
    ) {
        self.resume_block(theta, parents, work, x, parent, first, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snake_reads_the_site_before_and_the_row_below() {
        // 3 x 2 sites: 0 1 2, then 5 4 3.
        let near = neighbours((3, 2), &[0, 1, 2, 5, 4, 3]);
        let expected = [
            [None, None],
            [Some(0), None],
            [Some(1), None],
            [None, Some(2)],
            [Some(3), Some(1)],
            [Some(4), Some(0)],
        ];
        assert_eq!(near, expected);
    }
}
