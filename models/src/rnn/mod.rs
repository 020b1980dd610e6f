//! Recurrent networks, native and in double precision.
//!
//! Notation: B rows, N positions, d values, w width, G gates. The token at position p is the value
//! at p - 1 (a start token at p = 0), so the output at p depends on positions before p only.
//! Activations are stored time-major, (N, B, w): the rows of a step are one dense matrix.

mod backward;
mod forward;
mod head;
#[cfg(test)]
mod tests;
mod two_d;

pub use two_d::{Rnn2d, Rnn2dParams, Rnn2dWork};

use crate::layers::{gru, lstm};
use crate::{Conditional, Init, Layout, NetworkError};
use head::Head;
use ketwork_hamiltonians::{ConfigsRef, OnSpace, Scalar, Space};
use std::marker::PhantomData;
use std::ops::Range;

/// The recurrent cell of an [`Rnn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Gated recurrent unit: 3 gates, one state.
    Gru,
    /// Long short-term memory: 4 gates, output and memory.
    Lstm,
}

impl Cell {
    fn gates(self) -> usize {
        match self {
            Self::Gru => gru::GATES,
            Self::Lstm => lstm::GATES,
        }
    }
}

/// Sizes of an [`Rnn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RnnParams {
    /// Kind of the cell.
    pub cell: Cell,
    /// Number of stacked layers.
    pub layers: usize,
    /// Width w of the hidden states; multiples of 8 fill the vectors of the processor.
    pub width: usize,
}

impl Default for RnnParams {
    fn default() -> Self {
        Self {
            cell: Cell::Gru,
            layers: 2,
            width: 16,
        }
    }
}

/// Recurrent network along the autoregressive order: raw log-amplitudes (`L = f64`), or with a phase
/// (`L = Complex64`).
///
/// The first layer reads the value before each position (a table, which is a weight applied to a
/// one-hot vector), every further layer the outputs of the layer below; a linear head of d outputs
/// for each component of L gives the log-amplitude and, if complex, the phase in radians.
///
/// A step costs the same at any position, so sampling is linear in N. `step` and `resume` give the
/// same bits as `forward`, and a configuration gives the same bits in any block.
///
/// # Shapes
/// "layers.0.token" (d + 1, G w), the last row for the start; "layers.l.input.weight" (w, G w) and
/// bias (G w); "layers.l.recurrent.weight" (w, G w) and, for the GRU, bias (w); "head" and "phase"
/// weights (w, d) and biases (d).
///
/// # References
/// M. Hibat-Allah et al., Phys. Rev. Research 2, 023358 (2020).
#[derive(Clone, Debug)]
pub struct Rnn<L> {
    space: Space,
    params: RnnParams,
    layout: Layout,
    places: Vec<Places>,
    head: Head,
    log: PhantomData<L>,
}

/// Places of one layer's parameters inside theta.
#[derive(Clone, Debug)]
struct Places {
    /// Table of the tokens in the first layer, weights (w, G w) in the others.
    input: Range<usize>,
    /// Empty in the first layer: the table has it.
    bias: Range<usize>,
    recurrent: Range<usize>,
    /// Of the GRU's third gate, else empty.
    recurrent_bias: Range<usize>,
}

impl<L: Scalar> Rnn<L> {
    /// A network on a space.
    ///
    /// # Errors
    /// [`NetworkError::Zero`] if a size is zero.
    pub fn new(space: Space, params: RnnParams) -> Result<Self, NetworkError> {
        Self::with_outputs(space, params, space.local_dim)
    }

    /// A network whose head gives another count of numbers at each position than the d of a state, for
    /// elementwise mixing in an [`Antn`](crate::Antn).
    ///
    /// # Errors
    /// [`NetworkError::Zero`] if a size is zero.
    pub fn with_outputs(
        space: Space,
        params: RnnParams,
        outputs: usize,
    ) -> Result<Self, NetworkError> {
        let RnnParams {
            cell,
            layers,
            width: w,
        } = params;
        for (name, size) in [("layers", layers), ("width", w), ("outputs", outputs)] {
            if size == 0 {
                return Err(NetworkError::Zero { name });
            }
        }
        let gw = cell.gates() * w;
        let spread = || Init::Uniform(1.0 / (w as f64).sqrt());
        let mut layout = Layout::new();
        let places = (0..layers)
            .map(|l| {
                let mut push = |name: &str, shape: &[usize]| {
                    layout.push(format!("layers.{l}.{name}"), shape, spread())
                };
                let (input, bias) = if l == 0 {
                    (push("token", &[space.local_dim + 1, gw]), 0..0)
                } else {
                    (push("input.weight", &[w, gw]), push("input.bias", &[gw]))
                };
                let recurrent = push("recurrent.weight", &[w, gw]);
                let recurrent_bias = match cell {
                    Cell::Gru => push("recurrent.bias", &[w]),
                    Cell::Lstm => 0..0,
                };
                Places {
                    input,
                    bias,
                    recurrent,
                    recurrent_bias,
                }
            })
            .collect();
        let head = Head::push(&mut layout, w, outputs, L::COMPONENTS);
        Ok(Self {
            space,
            params,
            layout,
            places,
            head,
            log: PhantomData,
        })
    }

    /// Sizes.
    #[must_use]
    pub fn params(&self) -> &RnnParams {
        &self.params
    }
}

/// What one layer keeps from the forward pass.
#[derive(Debug, Default)]
struct Tape {
    /// Activated gates (N, B, G w).
    gates: Vec<f64>,
    /// Output (N + 1, B, w), the first one 0.
    h: Vec<f64>,
    /// LSTM: memory (N + 1, B, w), the first one 0. GRU: recurrent part of the third gate.
    e: Vec<f64>,
}

/// States of one layer between two steps (B, w), and memory for the next ones.
#[derive(Debug, Default)]
struct State {
    h: Vec<f64>,
    e: Vec<f64>,
    next_h: Vec<f64>,
    next_e: Vec<f64>,
}

/// Memory of an [`Rnn`] for one block: tape, states of the steps and scratch.
#[derive(Debug, Default)]
pub struct RnnWork {
    tape: Vec<Tape>,
    /// Rows of the tape.
    rows: usize,
    states: Vec<State>,
    gates: Vec<f64>,
    raw: Vec<f64>,
    scratch: Scratch,
}

/// Cotangents of the backward pass.
#[derive(Debug, Default)]
struct Scratch {
    /// Of the outputs (N, B, w).
    dh: Vec<f64>,
    /// Of the input and recurrent parts of the gates (N, B, G w).
    dinput: Vec<f64>,
    drecurrent: Vec<f64>,
    /// Of the states between two steps (B, w).
    carry: Vec<f64>,
    dc: Vec<f64>,
    transposed: Vec<f64>,
}

/// Makes room for n numbers and gives them; what is there stays.
fn room(v: &mut Vec<f64>, n: usize) -> &mut [f64] {
    if v.len() < n {
        v.resize(n, 0.0);
    }
    &mut v[..n]
}

impl<L> OnSpace for Rnn<L> {
    fn space(&self) -> &Space {
        &self.space
    }
}

impl<L: Scalar> Conditional for Rnn<L> {
    type Log = L;
    type Work = RnnWork;

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn outputs(&self) -> usize {
        self.head.outputs()
    }

    fn work(&self, _batch: usize) -> RnnWork {
        // Each call makes the room it needs: a block that is only sampled needs no tape.
        let mut work = RnnWork::default();
        work.tape.resize_with(self.params.layers, Tape::default);
        work.states.resize_with(self.params.layers, State::default);
        work
    }

    fn forward(&self, theta: &[f64], work: &mut RnnWork, x: ConfigsRef<'_>, out: &mut [L]) {
        self.forward_block(theta, work, x, out);
    }

    fn pullback(
        &self,
        theta: &[f64],
        work: &mut RnnWork,
        x: ConfigsRef<'_>,
        cotangent: &[f64],
        rows: &mut [f64],
    ) {
        self.backward_block(theta, work, x, cotangent, rows);
    }

    fn step(
        &self,
        theta: &[f64],
        work: &mut RnnWork,
        position: usize,
        x: ConfigsRef<'_>,
        out: &mut [L],
    ) {
        self.step_block(theta, work, position, x, out);
    }

    fn select(&self, from: &RnnWork, into: &mut RnnWork, position: usize, rows: &[u32]) {
        if position == 0 {
            return;
        }
        let w = self.params.width;
        for (from, into) in from.states.iter().zip(&mut into.states) {
            for (old, new) in [(&from.h, &mut into.h), (&from.e, &mut into.e)] {
                let new = room(new, rows.len() * w);
                for (new, &row) in new.chunks_exact_mut(w).zip(rows) {
                    new.copy_from_slice(&old[row as usize * w..][..w]);
                }
            }
        }
    }

    fn resume(
        &self,
        theta: &[f64],
        parents: &RnnWork,
        work: &mut RnnWork,
        x: ConfigsRef<'_>,
        parent: &[u32],
        first: &[u32],
        out: &mut [L],
    ) {
        self.resume_block(theta, parents, work, x, parent, first, out);
    }
}
