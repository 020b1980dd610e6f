//! All outcomes of a network, or the orbits of them.

use super::OpenRun;
use super::neural::Law;
use crate::Sampler;
use crate::exact::{Memory, SparseMatrix};
use crate::open::Orbits;
use crate::run::RunError;
use ketwork_hamiltonians::{Free, Space};
use ketwork_models::{Draw, Samples};

/// All outcome strings, or their orbits under the symmetries of a mixture, and the generator on these.
pub(super) struct Summed {
    pub(super) a: SparseMatrix<f64>,
    pub(super) orbits: Orbits,
}

impl Summed {
    /// Probabilities of the orbits.
    pub(super) fn probabilities(&self, psi: &Law, theta: &[f64]) -> Result<Vec<f64>, RunError> {
        Ok(self.orbits.sum().clone().draw(psi, theta)?.weight)
    }

    /// All outcomes with their probabilities.
    pub(super) fn all(&self, psi: &Law, theta: &[f64]) -> Result<Samples<f64>, RunError> {
        let weight = self.orbits.scattered(&self.probabilities(psi, theta)?);
        let basis = self.orbits.basis();
        Ok(Samples {
            x: basis.configs(0..basis.len()),
            log_psi: weight.iter().map(|p| p.ln()).collect(),
            weight,
            draw: Draw::Exact,
        })
    }

    /// $\sum_a |(AP)(a)|$.
    pub(super) fn unrest(&self, psi: &Law, theta: &[f64]) -> Result<f64, RunError> {
        let p = self.probabilities(psi, theta)?;
        let mut rate = vec![0.0; p.len()];
        self.a.apply(&p, &mut rate);
        Ok(rate.iter().map(|x| x.abs()).sum())
    }
}

impl OpenRun {
    /// All outcomes, or the orbits of them, and the generator on these.
    pub(super) fn summed(&self) -> Result<Summed, RunError> {
        let strings = Free::new(Space::new(self.start.len(), 4));
        let orbits = Orbits::new(&strings, &self.group, Memory::default())?;
        let a = orbits.generator(&self.generator, Memory::default())?;
        Ok(Summed { a, orbits })
    }
}
