//! The master equation as a velocity of probabilities.

use crate::Sampled;
use crate::evolve::{EvolveError, Velocity};
use ketwork_hamiltonians::Operator;
use ketwork_models::{Differentiable, Samples};

/// The master equation $\dot P = A P$: $v(a) = \sum_{a'} A_{aa'} P(a') / P(a)$, whose mean is
/// 0 because the columns of A add up to 0.
///
/// # References
/// J. Carrasquilla et al., Phys. Rev. A 104, 032610 (2021).
pub struct Master<'a> {
    generator: &'a dyn Operator<Elem = f64>,
}

impl<'a> Master<'a> {
    /// Of a generator on outcome strings, see
    /// [`Lindblad::generator`](crate::hamiltonians::open::Lindblad::generator).
    #[must_use]
    pub fn new(generator: &'a dyn Operator<Elem = f64>) -> Self {
        Self { generator }
    }

    /// $(A P)(a) / P(a)$ at samples.
    pub(super) fn rates<W>(
        &self,
        t: f64,
        psi: &W,
        theta: &[f64],
        samples: &Samples<f64>,
    ) -> Result<Vec<f64>, EvolveError>
    where
        W: Differentiable<Log = f64> + ?Sized,
    {
        Sampled::new(psi, theta, samples)
            .local_estimates(self.generator, "rate of an outcome")
            .map_err(|source| EvolveError::Measure { t, source })
    }
}

impl<W: Differentiable<Log = f64> + ?Sized> Velocity<W> for Master<'_> {
    fn at(
        &self,
        t: f64,
        psi: &W,
        theta: &[f64],
        samples: &Samples<f64>,
    ) -> Result<(Vec<f64>, f64), EvolveError> {
        Ok((self.rates(t, psi, theta, samples)?, 0.0))
    }
}

impl std::fmt::Debug for Master<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Master").finish_non_exhaustive()
    }
}
