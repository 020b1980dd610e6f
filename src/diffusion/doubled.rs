//! Circuits on density matrices.
//!
//! A density matrix of N qubits is a vector of 2N, on which a gate acts as $U \otimes U^*$: the
//! same kernels and the same backward sweep as for pure states.

use crate::block::{Block, LANES, Lane};
use crate::circuit::{Op, Register};
use crate::density::check;
use crate::gate::Gate;
use crate::{Circuit, Density, DiffusionError, Pullback};
use num_complex::Complex64;

/// One operation on the doubled register; ancillas are there throughout and 0 outside their use.
#[derive(Debug)]
enum Step {
    Gate(Gate),
    /// Zeroes what has one of these bits, in rows or columns.
    Clear(usize),
}

/// A circuit with its gates on rows (low bits) and their conjugates on columns (high bits).
#[derive(Debug)]
pub(crate) struct Doubled {
    steps: Vec<Step>,
    n_qubits: u32,
    /// Bits of a row, ancillas included.
    bits: u32,
    n_params: usize,
}

impl Doubled {
    /// Number of element i of a density matrix in the vector of the doubled register.
    fn place(&self, i: usize) -> usize {
        (i >> self.n_qubits) | (i & ((1 << self.n_qubits) - 1)) << self.bits
    }

    /// The matrix of lane l after all ancillas are gone.
    fn matrix(&self, psi: &Block, l: usize) -> Vec<Complex64> {
        let at = |i: usize| {
            let row = self.place(i);
            Complex64::new(psi.re[row].0[l], psi.im[row].0[l])
        };
        (0..1usize << (2 * self.n_qubits)).map(at).collect()
    }

    fn forward(
        &self,
        angles: &[Lane],
        rho: &[&Density],
        mut tape: Option<&mut Vec<Block>>,
    ) -> Block {
        let mut psi = Block::zeros(1 << (2 * self.bits));
        for (l, r) in rho.iter().enumerate() {
            assert_eq!(r.n_qubits, self.n_qubits, "qubits of the density matrices");
            for (i, z) in r.matrix.iter().enumerate() {
                let row = self.place(i);
                (psi.re[row].0[l], psi.im[row].0[l]) = (z.re, z.im);
            }
        }
        for step in &self.steps {
            match step {
                Step::Gate(gate) => gate.apply(&mut psi, angles),
                Step::Clear(mask) => {
                    if let Some(tape) = tape.as_deref_mut() {
                        tape.push(psi.clone());
                    }
                    clear(&mut psi, *mask);
                }
            }
        }
        psi
    }

    /// Losses of up to eight density matrices, and the derivatives by their angles.
    ///
    /// `loss(l, matrix, cotangent)` as in [`Circuit::density_pullback`].
    pub(crate) fn pullback(
        &self,
        angles: &[Lane],
        rho: &[&Density],
        mut loss: impl FnMut(usize, &[Complex64], &mut [Complex64]) -> f64,
    ) -> (Vec<f64>, Vec<Lane>) {
        let mut tape = Vec::new();
        let mut psi = self.forward(angles, rho, Some(&mut tape));
        let mut lambda = Block::zeros(psi.dim());
        let mut losses = Vec::with_capacity(rho.len());
        for l in 0..rho.len() {
            let m = self.matrix(&psi, l);
            let mut c = vec![Complex64::default(); m.len()];
            losses.push(loss(l, &m, &mut c));
            for (i, z) in c.iter().enumerate() {
                let row = self.place(i);
                (lambda.re[row].0[l], lambda.im[row].0[l]) = (z.re, z.im);
            }
        }
        let mut grad = vec![Lane::ZERO; self.n_params];
        for step in self.steps.iter().rev() {
            match step {
                Step::Gate(gate) => gate.back(&mut psi, &mut lambda, angles, &mut grad),
                Step::Clear(mask) => {
                    psi = tape.pop().expect("one state for each projection");
                    clear(&mut lambda, *mask);
                }
            }
        }
        (losses, grad)
    }

    /// Normalised results and probabilities of success of up to eight density matrices, the first of
    /// which has the number `first`.
    pub(crate) fn apply(
        &self,
        angles: &[Lane],
        rho: &[&Density],
        first: usize,
    ) -> Result<Vec<(Density, f64)>, DiffusionError> {
        let (n_qubits, dim) = (self.n_qubits, 1usize << self.n_qubits);
        let psi = self.forward(angles, rho, None);
        let finish = |l: usize| {
            let mut matrix = self.matrix(&psi, l);
            let trace: f64 = (0..dim).map(|i| matrix[i * dim + i].re).sum();
            if trace <= 0.0 {
                return Err(DiffusionError::ZeroVector { row: first + l });
            }
            matrix.iter_mut().for_each(|z| *z /= trace);
            Ok((Density { n_qubits, matrix }, trace))
        };
        (0..rho.len()).map(finish).collect()
    }
}

impl Circuit {
    /// The circuit on density matrices.
    pub(crate) fn doubled(&self) -> Result<Doubled, DiffusionError> {
        check(self.max_bits)?;
        let total = self.max_bits;
        let (mut steps, mut bits) = (Vec::new(), self.n_qubits());
        for op in &self.ops {
            match op {
                Op::Gate(Gate::Cnots { pairs, .. }) => {
                    let row = Gate::cnots(pairs.clone(), 2 * total);
                    let column = row.conjugate(total, 2 * total);
                    steps.extend([Step::Gate(row), Step::Gate(column)]);
                }
                Op::Gate(gate) => {
                    let column = gate.conjugate(total, 2 * total);
                    steps.extend([Step::Gate(gate.clone()), Step::Gate(column)]);
                }
                Op::Append(k, Register::Zero) => bits += k,
                Op::Project(k, Register::Zero) => {
                    bits -= k;
                    let mask = ((1usize << k) - 1) << bits;
                    steps.push(Step::Clear(mask | mask << total));
                }
                Op::LeakyRelu(_) => {
                    return Err(DiffusionError::NoGate {
                        operation: "a leaky ReLU",
                        reason: "density matrices have linear maps only; train with activation = None",
                    });
                }
                Op::Append(..) | Op::Project(..) => {
                    return Err(DiffusionError::NoGate {
                        operation: "a label or outcome register",
                        reason: "density matrices have ancillas that are projected on 0 only",
                    });
                }
            }
        }
        Ok(Doubled {
            steps,
            n_qubits: self.n_qubits(),
            bits: total,
            n_params: self.n_params,
        })
    }

    /// Refuses a circuit whose gradients on density matrices need more than the allowed bytes.
    pub(crate) fn check_density_memory(&self, allowed: u64) -> Result<(), DiffusionError> {
        check(self.max_bits)?;
        let projections = self.ops.iter().filter(|o| matches!(o, Op::Project(..)));
        let block = 16.0 * LANES as f64 * 4f64.powi(self.max_bits as i32);
        let threads = rayon::current_num_threads() as f64;
        let needed = (4 + projections.count()) as f64 * block * threads;
        if needed > allowed as f64 {
            return Err(DiffusionError::Memory {
                n_qubits: self.max_bits as usize,
                needed,
                allowed,
            });
        }
        Ok(())
    }

    /// Applies the circuit to density matrices: normalised results and probabilities of success.
    ///
    /// # Errors
    /// [`DiffusionError::Memory`] above eight qubits with ancillas, [`DiffusionError::NoGate`] for a
    /// leaky ReLU, [`DiffusionError::ZeroVector`] where a projection leaves nothing.
    ///
    /// # Panics
    /// If the numbers of angles or qubits do not fit.
    #[track_caller]
    pub fn apply_density(
        &self,
        theta: &[f64],
        rho: &[Density],
    ) -> Result<Vec<(Density, f64)>, DiffusionError> {
        let (doubled, angles) = self.prepared(theta)?;
        let mut out = Vec::with_capacity(rho.len());
        for (b, block) in rho.chunks(LANES).enumerate() {
            let block: Vec<&Density> = block.iter().collect();
            out.extend(doubled.apply(&angles, &block, b * LANES)?);
        }
        Ok(out)
    }

    /// Losses of the (not normalised) results, and the gradient of their sum.
    ///
    /// `loss(i, matrix, cotangent)` returns the loss of state i and writes
    /// $\partial L/\partial\rho^*_{rc}$.
    ///
    /// # Errors
    /// Those of [`Self::apply_density`].
    ///
    /// # Panics
    /// If the numbers of angles or qubits do not fit.
    #[track_caller]
    pub fn density_pullback(
        &self,
        theta: &[f64],
        rho: &[Density],
        mut loss: impl FnMut(usize, &[Complex64], &mut [Complex64]) -> f64,
    ) -> Result<Pullback, DiffusionError> {
        let (doubled, angles) = self.prepared(theta)?;
        let mut losses = Vec::with_capacity(rho.len());
        let mut gradient = vec![0.0; self.n_params];
        for (b, block) in rho.chunks(LANES).enumerate() {
            let block: Vec<&Density> = block.iter().collect();
            let of = |l: usize, m: &[Complex64], c: &mut [Complex64]| loss(b * LANES + l, m, c);
            let (some, grad) = doubled.pullback(&angles, &block, of);
            losses.extend(some);
            let sums = gradient.iter_mut().zip(&grad);
            sums.for_each(|(g, x)| *g += x.sum());
        }
        Ok(Pullback {
            loss: losses,
            gradient,
        })
    }

    #[track_caller]
    fn prepared(&self, theta: &[f64]) -> Result<(Doubled, Vec<Lane>), DiffusionError> {
        assert_eq!(theta.len(), self.n_params, "one number for each angle");
        assert_eq!(self.n_bits, self.n_qubits(), "ancillas are left at the end");
        let angles = theta.iter().map(|&x| Lane::splat(x)).collect();
        Ok((self.doubled()?, angles))
    }
}

fn clear(psi: &mut Block, mask: usize) {
    for i in (0..psi.dim()).filter(|i| i & mask != 0) {
        (psi.re[i], psi.im[i]) = (Lane::ZERO, Lane::ZERO);
    }
}
