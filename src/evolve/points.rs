//! Where a state is compared with its target.

use crate::{FullSum, SampleError, Sampler};
use ketwork_hamiltonians::Scalar;
use ketwork_models::{Samples, Wavefunction};

/// All configurations, or samples that stay where they were drawn.
#[derive(Clone, Debug)]
pub enum Points<L> {
    /// Every legal configuration, weighted by the probability of the state at hand.
    All(FullSum),
    /// Fixed samples with fixed weights.
    Shots(Samples<L>),
}

impl<L: Scalar> Points<L> {
    /// Log-amplitudes and weights for these parameters.
    ///
    /// # Errors
    /// [`SampleError`] where a log-amplitude is not finite.
    pub fn of<W>(&self, psi: &W, theta: &[f64]) -> Result<Samples<L>, SampleError>
    where
        W: Wavefunction<Log = L> + ?Sized,
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
