//! A circuit on batches of states, forwards, and backwards for gradients in one sweep.

use crate::block::{Block, LANES, Lane};
use crate::circuit::{Op, Register};
use crate::{Circuit, DiffusionError, States};
use ketwork_stats::reduce;
use num_complex::Complex64;

/// States after a circuit.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Normalised states.
    pub states: States,
    /// Probability that all projections succeed (B).
    pub probability: Vec<f64>,
}

/// Losses of a batch and the gradient of their sum.
#[derive(Clone, Debug)]
pub struct Pullback {
    /// Loss of each state (B).
    pub loss: Vec<f64>,
    /// Derivative of the summed loss by each angle (P).
    pub gradient: Vec<f64>,
}

/// What a block's run is given beside its angles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digits {
    /// Share of the activation, from 0 (linear) to 1.
    pub(crate) activation: f64,
    /// Digit of the label register of each state.
    pub(crate) label: [u32; LANES],
    /// Outcome that each state's measured register is projected on.
    pub(crate) outcome: [u32; LANES],
}

impl Default for Digits {
    fn default() -> Self {
        Self {
            activation: 1.0,
            label: [0; LANES],
            outcome: [0; LANES],
        }
    }
}

impl Digits {
    fn slope(&self, slope: f64) -> f64 {
        1.0 - (1.0 - slope) * self.activation
    }

    fn of(&self, register: Register) -> [u32; LANES] {
        match register {
            Register::Zero => [0; LANES],
            Register::Label => self.label,
            Register::Outcome => self.outcome,
        }
    }
}

impl Circuit {
    /// Applies the circuit to a batch.
    ///
    /// # Errors
    /// [`DiffusionError::ZeroVector`] where a projection leaves nothing.
    ///
    /// # Panics
    /// If the numbers of angles or qubits do not fit, or ancillas are left.
    #[track_caller]
    pub fn apply(&self, theta: &[f64], states: &States) -> Result<Applied, DiffusionError> {
        self.check(theta, states);
        let angles: Vec<Lane> = theta.iter().map(|&x| Lane::splat(x)).collect();
        let n_blocks = states.len().div_ceil(LANES);
        let run = |b: usize| {
            let rows = block_rows(states, b);
            let mut psi = Block::gather(rows, states.dim());
            let kept = self.forward(&angles, &mut psi, &Digits::default(), None);
            let mut out = vec![Complex64::default(); rows.len()];
            psi.scatter(&mut out);
            let count = rows.len() / states.dim();
            (out, kept.0[..count].to_vec())
        };
        let join = |mut a: (Vec<_>, Vec<_>), b: (Vec<_>, Vec<_>)| {
            a.0.extend(b.0);
            a.1.extend(b.1);
            a
        };
        let (flat, probability) = reduce(n_blocks, run, join).unwrap_or_default();
        let states = States::from_flat(flat, states.dim())?;
        Ok(Applied {
            states,
            probability,
        })
    }

    /// Losses and gradient of any loss of the (not normalised) output.
    ///
    /// `loss(i, psi, cotangent)` returns the loss of state i and writes
    /// $\partial L/\partial\psi^*$; the sweep runs backwards once, undoing gates as it goes.
    ///
    /// # Panics
    /// If the numbers of angles or qubits do not fit, or ancillas are left.
    #[track_caller]
    pub fn pullback(
        &self,
        theta: &[f64],
        states: &States,
        loss: impl Fn(usize, &[Complex64], &mut [Complex64]) -> f64 + Sync,
    ) -> Pullback {
        self.check(theta, states);
        let angles: Vec<Lane> = theta.iter().map(|&x| Lane::splat(x)).collect();
        let n_blocks = states.len().div_ceil(LANES);
        let run = |b: usize| {
            let rows = block_rows(states, b);
            let of =
                |l: usize, psi: &[Complex64], out: &mut [Complex64]| loss(b * LANES + l, psi, out);
            let psi = Block::gather(rows, states.dim());
            let count = rows.len() / states.dim();
            let (losses, grad) = self.block_pullback(&angles, psi, count, &Digits::default(), of);
            (losses, grad.iter().map(|g| g.sum()).collect())
        };
        let (loss, gradient) = reduce(n_blocks, run, join_gradients)
            .unwrap_or_else(|| (Vec::new(), vec![0.0; self.n_params]));
        Pullback { loss, gradient }
    }

    /// Losses of the states of one block, and the gradient of each by its angles.
    pub(crate) fn block_pullback(
        &self,
        angles: &[Lane],
        mut psi: Block,
        count: usize,
        digits: &Digits,
        loss: impl Fn(usize, &[Complex64], &mut [Complex64]) -> f64,
    ) -> (Vec<f64>, Vec<Lane>) {
        let mut tape = Vec::new();
        self.forward(angles, &mut psi, digits, Some(&mut tape));
        let dim = psi.dim();
        let mut rows = vec![Complex64::default(); dim * count];
        let mut cotangent = rows.clone();
        psi.scatter(&mut rows);
        let each = rows.chunks_exact(dim).zip(cotangent.chunks_exact_mut(dim));
        let losses = each.enumerate().map(|(l, (p, c))| loss(l, p, c)).collect();
        let mut lambda = Block::gather(&cotangent, dim);
        let mut grad = vec![Lane::ZERO; self.n_params];
        self.backward(angles, &mut psi, &mut lambda, digits, tape, &mut grad);
        (losses, grad)
    }

    /// Runs forwards; returns the probability that all projections succeed.
    pub(crate) fn forward(
        &self,
        angles: &[Lane],
        psi: &mut Block,
        digits: &Digits,
        mut tape: Option<&mut Vec<Block>>,
    ) -> Lane {
        let mut kept = Lane::splat(1.0);
        for op in &self.ops {
            match op {
                Op::Gate(gate) => gate.apply(psi, angles),
                Op::Append(bits, register) => psi.embed(*bits, &digits.of(*register)),
                Op::Project(bits, register) => {
                    let before = psi.norm2();
                    if let Some(tape) = tape.as_deref_mut() {
                        tape.push(psi.clone());
                    }
                    psi.restrict(*bits, &digits.of(*register));
                    let ratio = psi.norm2().zip(before, |a, b| a / b.max(f64::MIN_POSITIVE));
                    kept = kept.zip(ratio, |k, r| k * r);
                }
                Op::LeakyRelu(slope) => {
                    let slope = digits.slope(*slope);
                    if let Some(tape) = tape.as_deref_mut() {
                        tape.push(psi.clone());
                    }
                    for x in psi.re.iter_mut().chain(&mut psi.im).flat_map(|l| &mut l.0) {
                        *x *= if *x > 0.0 { 1.0 } else { slope };
                    }
                }
            }
        }
        kept
    }

    /// From the cotangent of the output to that of the input, adding derivatives by angles.
    pub(crate) fn backward(
        &self,
        angles: &[Lane],
        psi: &mut Block,
        lambda: &mut Block,
        digits: &Digits,
        mut tape: Vec<Block>,
        grad: &mut [Lane],
    ) {
        let last = "the forward pass stored a state for each operation without inverse";
        for op in self.ops.iter().rev() {
            match op {
                Op::Gate(gate) => gate.back(psi, lambda, angles, grad),
                Op::Append(bits, register) => {
                    psi.restrict(*bits, &digits.of(*register));
                    lambda.restrict(*bits, &digits.of(*register));
                }
                Op::Project(bits, register) => {
                    *psi = tape.pop().expect(last);
                    lambda.embed(*bits, &digits.of(*register));
                }
                Op::LeakyRelu(slope) => {
                    *psi = tape.pop().expect(last);
                    let slope = digits.slope(*slope);
                    let x = psi.re.iter().chain(&psi.im).flat_map(|l| &l.0);
                    let y = lambda.re.iter_mut().chain(&mut lambda.im);
                    for (x, y) in x.zip(y.flat_map(|l| &mut l.0)) {
                        *y *= if *x > 0.0 { 1.0 } else { slope };
                    }
                }
            }
        }
    }

    #[track_caller]
    fn check(&self, theta: &[f64], states: &States) {
        assert_eq!(theta.len(), self.n_params, "one number for each angle");
        assert_eq!(states.n_qubits(), self.n_qubits, "qubits of the states");
        assert_eq!(self.n_bits, self.n_qubits, "ancillas are left at the end");
    }
}

/// Rows of block b.
pub(crate) fn block_rows(states: &States, b: usize) -> &[Complex64] {
    let size = LANES * states.dim();
    let flat = states.flat();
    &flat[b * size..flat.len().min((b + 1) * size)]
}

/// Losses one after another, gradients added.
pub(crate) fn join_gradients(
    mut a: (Vec<f64>, Vec<f64>),
    b: (Vec<f64>, Vec<f64>),
) -> (Vec<f64>, Vec<f64>) {
    a.0.extend(b.0);
    a.1.iter_mut().zip(b.1).for_each(|(a, b)| *a += b);
    a
}

/// Infidelity $1 - |\langle a|\psi\rangle|^2/\langle\psi|\psi\rangle$ of an output that is not
/// normalised, with its cotangent, for [`Circuit::pullback`].
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn infidelity(target: &[Complex64], psi: &[Complex64], cotangent: &mut [Complex64]) -> f64 {
    assert_eq!(target.len(), psi.len(), "states of equal length");
    let norm: f64 = psi.iter().map(Complex64::norm_sqr).sum();
    let overlap = crate::states::inner(target, psi);
    let f = overlap.norm_sqr() / norm;
    for ((c, &a), &p) in cotangent.iter_mut().zip(target).zip(psi) {
        *c = (p * f - a * overlap) / norm;
    }
    1.0 - f
}
