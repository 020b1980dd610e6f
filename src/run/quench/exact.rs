//! The exact side of a quench.

use crate::exact::{Basis, EvolveParams, SparseMatrix, evolve, expectation};
use crate::run::RunError;
use crate::{Estimate, FullSum, Sampler};
use ketwork_hamiltonians::{LocalSum, Scalar};
use ketwork_models::Ansatz;
use num_complex::Complex64;

/// The exact side: matrix, basis and observables.
pub(super) struct Exact<'a, T: Scalar> {
    pub(super) h: SparseMatrix<T>,
    pub(super) basis: Basis,
    pub(super) operators: &'a [LocalSum<Complex64>],
}

impl<T: Scalar> Exact<'_, T>
where
    Complex64: From<T>,
{
    pub(super) fn advance(&self, time: f64, psi: &mut [Complex64]) -> Result<(), RunError> {
        if time > 0.0 {
            evolve(&self.h, time, psi, &EvolveParams::default())?;
        }
        Ok(())
    }

    fn mean(&self, o: &LocalSum<Complex64>, psi: &[Complex64]) -> f64 {
        expectation(o, &self.basis, psi).re
    }

    /// The means of all observables.
    pub(super) fn means(&self, psi: &[Complex64]) -> impl Iterator<Item = Estimate> {
        let means = self.operators.iter().map(|o| self.mean(o, psi));
        means.map(Estimate::exact)
    }

    /// Energy spread for each root of a site: what sets the time of a quench.
    pub(super) fn rate(&self, psi: &[Complex64]) -> f64 {
        let n = self.basis.configs(0..1).view().n_sites() as f64;
        (self.energy(psi).1 / n.sqrt()).max(1e-3)
    }

    /// Mean and standard deviation of the energy.
    pub(super) fn energy(&self, psi: &[Complex64]) -> (f64, f64) {
        let mut image = vec![Complex64::ZERO; psi.len()];
        self.h.apply(psi, &mut image);
        let mean: f64 = psi.iter().zip(&image).map(|(a, b)| (a.conj() * b).re).sum();
        let square: f64 = image
            .iter()
            .zip(psi)
            .map(|(b, a)| (b - mean * a).norm_sqr())
            .sum();
        (mean, square.sqrt())
    }
}

/// $1 - |\langle\phi|\psi\rangle|^2$ over all configurations.
pub(super) fn overlap(
    psi: &dyn Ansatz<Log = Complex64>,
    theta: &[f64],
    all: &FullSum,
    exact: &[Complex64],
) -> Result<f64, RunError> {
    let samples = all.clone().draw(psi, theta)?;
    let sum: Complex64 = samples
        .log_psi
        .iter()
        .zip(&samples.weight)
        .zip(exact)
        .map(|((l, w), e)| e.conj() * w.sqrt() * Complex64::from_polar(1.0, l.im))
        .sum();
    Ok((1.0 - sum.norm_sqr()).max(0.0))
}
