//! The master equation as a velocity of probabilities.

use crate::Sampled;
use crate::evolve::{EvolveError, Velocity};
use crate::exact::SparseMatrix;
use ketwork_hamiltonians::Driven;
use ketwork_models::{Differentiable, Samples};

/// The master equation $\dot P = A P$: $v(a) = \sum_{a'} A_{aa'} P(a') / P(a)$, whose mean is
/// 0 because the columns of A add up to 0.
///
/// # References
/// J. Carrasquilla et al., Phys. Rev. A 104, 032610 (2021).
pub struct Master<'a> {
    rates: Rates<'a>,
}

/// Where the probabilities of neighbours come from.
enum Rates<'a> {
    /// From the network, at any samples.
    Network(&'a dyn Driven<f64>),
    /// From the samples, which are all rows of a matrix.
    Rows(&'a SparseMatrix<f64>),
}

impl<'a> Master<'a> {
    /// Of a generator on outcome strings, see
    /// [`Lindblad::generator`](crate::hamiltonians::open::Lindblad::generator), or of a driven one.
    #[must_use]
    pub fn new(generator: &'a dyn Driven<f64>) -> Self {
        Self {
            rates: Rates::Network(generator),
        }
    }

    /// Of a generator as a matrix over all outcomes, or over their [`Orbits`](super::Orbits): samples must be
    /// the whole sum, in its order. One product takes the place of the amplitudes of all neighbours.
    #[must_use]
    pub fn over(generator: &'a SparseMatrix<f64>) -> Self {
        Self {
            rates: Rates::Rows(generator),
        }
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
        let generator = match &self.rates {
            Rates::Network(generator) => generator.at(t),
            Rates::Rows(generator) => {
                // Rows whose law has fallen to 0 are left out of a sum.
                if samples.len() != generator.dimension() {
                    return Err(EvolveError::Diverged { t });
                }
                let mut rates = vec![0.0; samples.len()];
                generator.apply(&samples.weight, &mut rates);
                let pairs = rates.iter_mut().zip(&samples.weight);
                pairs.for_each(|(r, p)| *r /= p.max(f64::MIN_POSITIVE));
                return Ok(rates);
            }
        };
        Sampled::new(psi, theta, samples)
            .local_estimates(&*generator, "rate of an outcome")
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
