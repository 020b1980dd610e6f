//! Mixed states up to eight qubits, depolarising noise and superfidelity.

use crate::DiffusionError;
use num_complex::Complex64;

/// A density matrix of trace 1.
///
/// # Shapes
/// (2^n, 2^n), row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Density {
    pub(crate) n_qubits: u32,
    pub(crate) matrix: Vec<Complex64>,
}

impl Density {
    /// Most qubits, ancillas included.
    pub const MAX_QUBITS: u32 = 8;

    /// $|\psi\rangle\langle\psi|$ of a normalised state.
    ///
    /// # Errors
    /// [`DiffusionError::NotPowerOfTwo`], [`DiffusionError::Memory`] above eight qubits.
    pub fn pure(psi: &[Complex64]) -> Result<Self, DiffusionError> {
        let dim = psi.len();
        if dim < 2 || !dim.is_power_of_two() {
            let length = dim;
            return Err(DiffusionError::NotPowerOfTwo { row: 0, length });
        }
        check(dim.ilog2())?;
        let row = |a: &Complex64| psi.iter().map(|b| a * b.conj()).collect::<Vec<_>>();
        Ok(Self {
            n_qubits: dim.ilog2(),
            matrix: psi.iter().flat_map(row).collect(),
        })
    }

    /// The maximally mixed state $1/2^n$, where depolarising noise ends.
    ///
    /// # Errors
    /// [`DiffusionError::NotPowerOfTwo`] for no qubit, [`DiffusionError::Memory`] above eight.
    pub fn mixed(n_qubits: u32) -> Result<Self, DiffusionError> {
        check(n_qubits)?;
        let mut psi = vec![Complex64::default(); 1 << n_qubits];
        psi[0] = Complex64::from(1.0);
        Ok(Self::pure(&psi)?.depolarised(0.0))
    }

    /// Number of qubits.
    #[must_use]
    pub fn n_qubits(&self) -> u32 {
        self.n_qubits
    }

    /// Elements, row by row.
    #[must_use]
    pub fn elements(&self) -> &[Complex64] {
        &self.matrix
    }

    /// $\langle\psi|\rho|\psi\rangle$, the fidelity with a normalised pure state.
    ///
    /// # Panics
    /// If the length of psi is not 2^n.
    #[must_use]
    #[track_caller]
    pub fn fidelity(&self, psi: &[Complex64]) -> f64 {
        assert_eq!(psi.len(), 1 << self.n_qubits, "amplitudes");
        let rows = self.matrix.chunks_exact(psi.len()).zip(psi);
        rows.map(|(row, a)| {
            let sum: Complex64 = row.iter().zip(psi).map(|(r, b)| r * b).sum();
            (a.conj() * sum).re
        })
        .sum()
    }

    /// Depolarising noise, $\rho \to \bar\alpha\rho + (1-\bar\alpha) 1/2^n$: after t steps of rates
    /// $p_s$ with $\bar\alpha = \prod_{s \le t}(1-p_s)$.
    #[must_use]
    pub fn depolarised(&self, alpha_bar: f64) -> Self {
        let dim = 1usize << self.n_qubits;
        let mut out = self.clone();
        out.matrix.iter_mut().for_each(|z| *z *= alpha_bar);
        (0..dim).for_each(|i| out.matrix[i * dim + i] += (1.0 - alpha_bar) / dim as f64);
        out
    }

    /// $\mathrm{Tr}\,\rho\sigma$.
    ///
    /// # Panics
    /// If the numbers of qubits differ.
    #[must_use]
    #[track_caller]
    pub fn overlap(&self, other: &Self) -> f64 {
        assert_eq!(self.n_qubits, other.n_qubits, "qubits");
        overlap(&self.matrix, &other.matrix)
    }

    /// Superfidelity $\mathrm{Tr}\rho\sigma + \sqrt{(1-\mathrm{Tr}\rho^2)(1-\mathrm{Tr}\sigma^2)}$,
    /// an upper bound of the fidelity that needs no eigenvalues; 1 only for equal states.
    ///
    /// # Panics
    /// If the numbers of qubits differ.
    ///
    /// # References
    /// J. A. Miszczak et al., Quantum Inf. Comput. 9, 103 (2009), eq. 3.
    #[must_use]
    #[track_caller]
    pub fn superfidelity(&self, other: &Self) -> f64 {
        let mixed = |r: &Self| (1.0 - r.overlap(r)).max(0.0);
        self.overlap(other) + (mixed(self) * mixed(other)).sqrt()
    }
}

/// $\mathrm{Tr}\,ab$ of Hermitian matrices.
fn overlap(a: &[Complex64], b: &[Complex64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a.conj() * b).re).sum()
}

pub(crate) fn check(n_qubits: u32) -> Result<(), DiffusionError> {
    if n_qubits > Density::MAX_QUBITS {
        return Err(DiffusionError::Memory {
            n_qubits: n_qubits as usize,
            needed: 16.0 * 4f64.powi(n_qubits as i32),
            allowed: 16 << (2 * Density::MAX_QUBITS),
        });
    }
    Ok(())
}

/// 1 minus the superfidelity of a target with a result that is not normalised, with its cotangent,
/// for [`Circuit::density_pullback`](crate::Circuit::density_pullback).
///
/// # Panics
/// If the sizes differ.
#[track_caller]
pub fn superinfidelity(target: &Density, rho: &[Complex64], cotangent: &mut [Complex64]) -> f64 {
    assert_eq!(target.matrix.len(), rho.len(), "matrices of equal size");
    let dim = 1usize << target.n_qubits;
    let trace: f64 = (0..dim).map(|i| rho[i * dim + i].re).sum();
    let n: Vec<Complex64> = rho.iter().map(|z| z / trace).collect();
    let mixed = |a: &[Complex64]| 1.0 - overlap(a, a);
    // The root has no derivative at a pure result; rounding decides there.
    let (own, other) = (mixed(&n).max(1e-14), mixed(&target.matrix).max(0.0));
    let value = overlap(&n, &target.matrix) + (own * other).sqrt();
    // dG = Re Tr(B d rho), B = sigma - sqrt(other / own) rho.
    let b: Vec<Complex64> = (target.matrix.iter().zip(&n))
        .map(|(s, r)| s - r * (other / own).sqrt())
        .collect();
    let along = overlap(&b, &n);
    for (i, (c, b)) in cotangent.iter_mut().zip(&b).enumerate() {
        let unit = if i / dim == i % dim { along } else { 0.0 };
        *c = (b - unit) * (-0.5 / trace);
    }
    1.0 - value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Circuit;
    use crate::adam::Adam;
    use crate::tests::{angles, random_states};
    use ketwork_models::Stream;

    fn bottleneck() -> Circuit {
        let mut c = Circuit::new(2);
        c.identity_layers(2).append_ancillas(1).identity_layers(2);
        c.rotation(&[
            (0, ketwork_hamiltonians::Pauli::Y),
            (2, ketwork_hamiltonians::Pauli::X),
        ]);
        c.project_ancillas(1).identity_layers(2);
        c
    }

    #[test]
    fn pure_density_matrices_follow_their_states() {
        let c = bottleneck();
        let theta = angles(c.n_params(), Stream::new(1));
        let x = random_states(2, 9, Stream::new(2));
        let rho: Vec<_> = x.rows().map(|r| Density::pure(r).unwrap()).collect();
        let y = c.apply(&theta, &x).unwrap();
        for (i, (rho, p)) in c.apply_density(&theta, &rho).unwrap().iter().enumerate() {
            let exact = Density::pure(y.states.row(i)).unwrap();
            assert!((rho.overlap(&exact) - 1.0).abs() < 1e-12, "state {i}");
            assert!((p - y.probability[i]).abs() < 1e-12, "probability {i}");
        }
    }

    #[test]
    fn a_mixture_becomes_the_mixture_of_the_results() {
        let c = bottleneck();
        let theta = angles(c.n_params(), Stream::new(3));
        let x = random_states(2, 2, Stream::new(4));
        let rho: Vec<_> = x.rows().map(|r| Density::pure(r).unwrap()).collect();
        let mut half = rho[0].clone();
        half.matrix
            .iter_mut()
            .zip(&rho[1].matrix)
            .for_each(|(a, b)| *a = (*a + b) * 0.5);
        let (mixed, p) = c.apply_density(&theta, &[half]).unwrap().remove(0);
        let parts = c.apply_density(&theta, &rho).unwrap();
        assert!(
            (p - 0.5 * (parts[0].1 + parts[1].1)).abs() < 1e-12,
            "probability {p}"
        );
        for (k, z) in mixed.matrix.iter().enumerate() {
            let exact: Complex64 = parts.iter().map(|(r, q)| r.matrix[k] * (0.5 * q / p)).sum();
            assert!((z - exact).norm() < 1e-12, "element {k}");
        }
    }

    #[test]
    fn steps_of_depolarising_noise_compose() {
        let x = random_states(2, 1, Stream::new(5));
        let rho = Density::pure(x.row(0)).unwrap();
        let twice = rho.depolarised(0.7).depolarised(0.4);
        let once = rho.depolarised(0.28);
        assert!(
            (twice.overlap(&twice) - once.overlap(&once)).abs() < 1e-14,
            "another purity"
        );
        // Tr rho^2 = a^2 + (1 - a^2)/d.
        let exact = 0.28 * 0.28 + (1.0 - 0.28 * 0.28) / 4.0;
        assert!(
            (once.overlap(&once) - exact).abs() < 1e-14,
            "purity {exact}"
        );
    }

    #[test]
    fn superfidelity_gradients_equal_central_differences() {
        let c = bottleneck();
        let x = random_states(2, 3, Stream::new(6));
        let clean: Vec<_> = x
            .rows()
            .map(|r| Density::pure(r).unwrap().depolarised(0.9))
            .collect();
        let noisy: Vec<_> = clean.iter().map(|r| r.depolarised(0.6)).collect();
        let theta = angles(c.n_params(), Stream::new(7));
        let run = |t: &[f64]| {
            c.density_pullback(t, &noisy, |i, m, out| superinfidelity(&clean[i], m, out))
                .unwrap()
        };
        let exact = run(&theta).gradient;
        for p in 0..theta.len() {
            let at = |by: f64| {
                let mut t = theta.clone();
                t[p] += by;
                run(&t).loss.iter().sum::<f64>()
            };
            let h = 1e-3;
            let numeric = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
            assert!(
                (numeric - exact[p]).abs() < 1e-8,
                "angle {p}: {numeric}, {}",
                exact[p]
            );
        }
    }

    #[test]
    fn a_bottleneck_learns_to_undo_depolarising_noise() {
        // Post-selection concentrates the weight on a common state: unitaries could not, since they
        // leave the spectrum as it is.
        let x = random_states(2, 1, Stream::new(8));
        let clean = Density::pure(x.row(0)).unwrap().depolarised(0.95);
        let noisy = [clean.depolarised(0.5)];
        let c = bottleneck();
        let mut theta: Vec<f64> = angles(c.n_params(), Stream::new(9))
            .iter()
            .map(|a| 0.1 * a)
            .collect();
        let idle = 1.0 - clean.superfidelity(&noisy[0]);
        let mut adam = Adam::new(theta.len());
        let mut last = f64::INFINITY;
        for _ in 0..300 {
            let g = c
                .density_pullback(&theta, &noisy, |_, m, out| superinfidelity(&clean, m, out))
                .unwrap();
            last = g.loss[0];
            adam.step(&mut theta, &g.gradient, 0.05);
        }
        assert!(
            last < 0.5 * idle,
            "{last} after training, {idle} without a circuit"
        );
    }
}
