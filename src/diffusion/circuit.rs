//! Circuits with free angles: what they are made of, and the memory they need.

use crate::block::LANES;
use crate::gate::Gate;
use crate::kernels::Bits;
use crate::{DiffusionError, States};
use ketwork_hamiltonians::Pauli;

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
    pub(crate) n_qubits: u32,
    /// Bits in use after the operations so far.
    pub(crate) n_bits: u32,
    pub(crate) max_bits: u32,
    pub(crate) ops: Vec<Op>,
    pub(crate) n_params: usize,
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

    pub(crate) fn has_activation(&self) -> bool {
        self.ops.iter().any(|o| matches!(o, Op::LeakyRelu(_)))
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
}
