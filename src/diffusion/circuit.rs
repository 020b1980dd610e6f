//! Circuits with free angles on batches of states, and their gradients in one backward sweep.

use crate::block::{Block, LANES, Lane};
use crate::gate::Gate;
use crate::kernels::Bits;
use crate::{DiffusionError, States};
use ketwork_hamiltonians::Pauli;
use ketwork_stats::reduce;
use num_complex::Complex64;

/// What a register that comes or goes holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    /// All qubits up.
    Zero,
    /// The label of the state.
    Label,
    /// The outcome of a measurement, given from outside.
    Outcome,
}

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Gate(Gate),
    Append(u32, Register),
    Project(u32, Register),
    LeakyRelu(f64),
}

/// A circuit on n data qubits: rotations, CNOTs, exponentials of terms, ancillas that are
/// projected, and a leaky ReLU (simulation only).
///
/// Qubits are numbered 0 to n - 1; ancillas in use follow as n, n + 1, ... and are more significant
/// than the data. The output is not normalised: its squared norm is the probability that all
/// projections succeed.
///
/// # Examples
/// ```
/// use ketwork_diffusion::{Circuit, States};
/// let mut circuit = Circuit::new(2);
/// circuit.general(0).general(1).cnot_chain(false);
/// let x = States::from_real(&[vec![1.0, 2.0, 0.0, 1.0]])?;
/// let y = circuit.apply(&[0.0; 6], &x)?;
/// assert!((y.probability[0] - 1.0).abs() < 1e-12);
/// # Ok::<(), ketwork_diffusion::DiffusionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Circuit {
    n_qubits: u32,
    /// Bits in use after the operations so far.
    pub(crate) n_bits: u32,
    pub(crate) max_bits: u32,
    pub(crate) ops: Vec<Op>,
    pub(crate) n_params: usize,
}

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
    /// The empty circuit on n qubits.
    ///
    /// # Panics
    /// If n is 0 or above [`States::MAX_QUBITS`].
    #[must_use]
    #[track_caller]
    pub fn new(n_qubits: u32) -> Self {
        assert!(
            (1..=States::MAX_QUBITS).contains(&n_qubits),
            "{n_qubits} qubits; 1 to {} are possible",
            States::MAX_QUBITS
        );
        Self {
            n_qubits,
            n_bits: n_qubits,
            max_bits: n_qubits,
            ops: Vec::new(),
            n_params: 0,
        }
    }

    /// Number of data qubits.
    #[must_use]
    pub fn n_qubits(&self) -> u32 {
        self.n_qubits
    }

    /// Number of angles P.
    #[must_use]
    pub fn n_params(&self) -> usize {
        self.n_params
    }

    /// Place of a qubit in the number of a basis state.
    #[track_caller]
    pub(crate) fn bit(&self, qubit: u32) -> u32 {
        assert!(qubit < self.n_bits, "qubit {qubit} of {}", self.n_bits);
        if qubit < self.n_qubits {
            self.n_qubits - 1 - qubit
        } else {
            qubit
        }
    }

    fn push(&mut self, gate: Gate, n_params: usize) -> &mut Self {
        self.ops.push(Op::Gate(gate));
        self.n_params += n_params;
        self
    }

    /// $e^{-i\theta P/2}$ with a Pauli string, a new angle theta: R_X, R_ZZ, ...
    ///
    /// # Panics
    /// For qubits out of range or named twice.
    #[track_caller]
    pub fn rotation(&mut self, string: &[(u32, Pauli)]) -> &mut Self {
        let param = self.n_params;
        self.n_params += 1;
        self.rotation_by(string, 0.5, param)
    }

    /// $e^{-i s\theta_k P}$ with an angle there is already.
    ///
    /// # Panics
    /// For qubits out of range or named twice, or an angle that is not there.
    #[track_caller]
    pub fn rotation_by(&mut self, string: &[(u32, Pauli)], scale: f64, param: usize) -> &mut Self {
        assert!(param < self.n_params, "angle {param} of {}", self.n_params);
        let (mut bits, mut seen) = (Bits { x: 0, z: 0, n_y: 0 }, 0usize);
        for &(qubit, p) in string {
            let one = 1 << self.bit(qubit);
            assert_eq!(seen & one, 0, "qubit {qubit} is named twice");
            seen |= one;
            bits.x |= if matches!(p, Pauli::X | Pauli::Y) {
                one
            } else {
                0
            };
            bits.z |= if matches!(p, Pauli::Z | Pauli::Y) {
                one
            } else {
                0
            };
            bits.n_y += u32::from(p == Pauli::Y);
        }
        self.push(Gate::Pauli { bits, scale, param }, 0)
    }

    /// The general rotation $R_Z(\omega) R_Y(\theta) R_Z(\varphi)$, three new angles in this order.
    ///
    /// # Panics
    /// If the qubit is out of range.
    #[track_caller]
    pub fn general(&mut self, qubit: u32) -> &mut Self {
        let (bit, param) = (self.bit(qubit), self.n_params);
        let gate = Gate::General {
            bit,
            param,
            conj: false,
        };
        self.push(gate, 3)
    }

    /// CNOTs (control, target), one after another.
    ///
    /// # Panics
    /// If a qubit is out of range or controls itself.
    #[track_caller]
    pub fn cnots(&mut self, pairs: &[(u32, u32)]) -> &mut Self {
        let bit = |&(c, t): &(u32, u32)| {
            assert_ne!(c, t, "a qubit cannot control itself");
            (self.bit(c), self.bit(t))
        };
        let gate = Gate::cnots(pairs.iter().map(bit).collect(), self.n_bits);
        self.push(gate, 0)
    }

    /// CNOTs along the line from the most to the least significant qubit, or its inverse.
    ///
    /// Ancillas come first and are controls only of what follows: in state 0 they do nothing.
    pub fn cnot_chain(&mut self, inverse: bool) -> &mut Self {
        let n = self.n_bits;
        let mut pairs: Vec<_> = (1..n).rev().map(|b| (b, b - 1)).collect();
        if inverse {
            pairs.reverse();
        }
        let gate = Gate::cnots(pairs, n);
        self.push(gate, 0)
    }

    pub(crate) fn matrix(&mut self, local: crate::gate::Local) -> &mut Self {
        self.push(Gate::Matrix(Box::new(local)), 0)
    }

    /// Adds ancillas in state 0.
    pub fn append_ancillas(&mut self, count: u32) -> &mut Self {
        self.append(count, Register::Zero)
    }

    /// Projects the last ancillas on 0 and drops them.
    ///
    /// # Panics
    /// If there are fewer.
    #[track_caller]
    pub fn project_ancillas(&mut self, count: u32) -> &mut Self {
        self.project(count, Register::Zero)
    }

    pub(crate) fn append(&mut self, count: u32, register: Register) -> &mut Self {
        self.ops.push(Op::Append(count, register));
        self.n_bits += count;
        self.max_bits = self.max_bits.max(self.n_bits);
        self
    }

    #[track_caller]
    pub(crate) fn project(&mut self, count: u32, register: Register) -> &mut Self {
        assert!(
            self.n_bits - self.n_qubits >= count,
            "{count} of {} ancillas",
            self.n_bits - self.n_qubits
        );
        self.ops.push(Op::Project(count, register));
        self.n_bits -= count;
        self
    }

    /// x -> x for x > 0, slope x otherwise, on real and imaginary parts; no quantum operation.
    pub fn leaky_relu(&mut self, slope: f64) -> &mut Self {
        self.ops.push(Op::LeakyRelu(slope));
        self
    }

    /// New angles that a caller places with [`Self::rotation_by`]; returns the first.
    pub fn new_params(&mut self, count: usize) -> usize {
        self.n_params += count;
        self.n_params - count
    }

    /// Bytes that a gradient needs: two states of a block for each thread, and one more for each
    /// place that cannot be undone.
    #[must_use]
    pub fn memory(&self) -> f64 {
        let stops = (self.ops.iter())
            .filter(|o| matches!(o, Op::Project(..) | Op::LeakyRelu(_)))
            .count();
        let block = 16.0 * LANES as f64 * 2f64.powi(self.max_bits as i32);
        (4 + stops) as f64 * block * rayon::current_num_threads() as f64
    }

    /// Refuses a circuit that needs more than the allowed bytes.
    ///
    /// # Errors
    /// [`DiffusionError::Memory`].
    pub fn check_memory(&self, allowed: u64) -> Result<(), DiffusionError> {
        let needed = self.memory();
        if self.max_bits > States::MAX_QUBITS || needed > allowed as f64 {
            return Err(DiffusionError::Memory {
                n_qubits: self.max_bits as usize,
                needed,
                allowed,
            });
        }
        Ok(())
    }

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
