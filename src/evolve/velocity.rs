//! What drives a state, at samples.

use super::{EvolveError, Flow};
use crate::Sampled;
use ketwork_hamiltonians::{Driven, Scalar};
use ketwork_models::{Differentiable, Samples};
use num_complex::Complex64;

/// The velocity $d\ln\psi/dt$ that an equation of motion asks of a state.
pub trait Velocity<W: Differentiable + ?Sized> {
    /// Its values at samples (B), up to a constant, and the mean energy (0 where there is none).
    ///
    /// # Errors
    /// [`EvolveError::Measure`] where a value is not finite.
    fn at(
        &self,
        t: f64,
        psi: &W,
        theta: &[f64],
        samples: &Samples<W::Log>,
    ) -> Result<(Vec<W::Log>, f64), EvolveError>;
}

/// Schrödinger's equation: $v = f (E_\mathrm{loc} - \bar E)$ with f = -i or -1.
pub struct Schroedinger<'a, T: Scalar> {
    hamiltonian: &'a dyn Driven<T>,
    flow: Flow,
}

impl<'a, T: Scalar> Schroedinger<'a, T> {
    /// Real or imaginary time under a Hamiltonian.
    pub fn new(hamiltonian: &'a dyn Driven<T>, flow: Flow) -> Self {
        Self { hamiltonian, flow }
    }
}

impl<T: Scalar> std::fmt::Debug for Schroedinger<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Schroedinger")
            .field("flow", &self.flow)
            .finish_non_exhaustive()
    }
}

impl<T, W> Velocity<W> for Schroedinger<'_, T>
where
    T: Scalar,
    W: Differentiable<Log = Complex64> + ?Sized,
    Complex64: From<T>,
{
    fn at(
        &self,
        t: f64,
        psi: &W,
        theta: &[f64],
        samples: &Samples<Complex64>,
    ) -> Result<(Vec<Complex64>, f64), EvolveError> {
        let h = self.hamiltonian.at(t);
        let energies = Sampled::new(psi, theta, samples)
            .local_estimates(&*h, "local energy")
            .map_err(|source| EvolveError::Measure { t, source })?;
        let parts = energies.iter().zip(&samples.weight);
        let mean: Complex64 = parts.map(|(e, w)| e * w).sum();
        let values = energies.iter().map(|e| self.flow.velocity(e - mean));
        Ok((values.collect(), mean.re))
    }
}
