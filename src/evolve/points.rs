//! Where a state is compared with its target.

use crate::{FullSum, SampleError, Sampler};
use ketwork_models::{Samples, Wavefunction};
use num_complex::Complex64;

/// All configurations, or samples that stay where they were drawn.
#[derive(Clone, Debug)]
pub enum Points {
    /// Every legal configuration, weighted by the probability of the state at hand.
    All(FullSum),
    /// Fixed samples with fixed weights.
    Shots(Samples<Complex64>),
}

impl Points {
    /// Log-amplitudes and weights for these parameters.
    ///
    /// # Errors
    /// [`SampleError`] where a log-amplitude is not finite.
    pub fn of<W>(&self, psi: &W, theta: &[f64]) -> Result<Samples<Complex64>, SampleError>
    where
        W: Wavefunction<Log = Complex64> + ?Sized,
    {
        match self {
            Self::All(all) => all.clone().draw(psi, theta),
            Self::Shots(shots) => {
                let mut samples = shots.clone();
                psi.log_psi(theta, samples.x.view(), &mut samples.log_psi);
                match samples.log_psi.iter().position(|l| !l.is_finite()) {
                    Some(i) => Err(SampleError::NotFinite {
                        configuration: samples.x.row(i).to_vec(),
                    }),
                    None => Ok(samples),
                }
            }
        }
    }
}
