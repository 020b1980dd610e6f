//! Samplers: independent shots, exact sums, Markov chains.

mod full_sum;
mod independent;
mod metropolis;
#[cfg(test)]
mod tests;

pub use full_sum::FullSum;
pub use independent::Independent;
pub use metropolis::{Metropolis, MetropolisParams};

use crate::exact::ExactError;
use ketwork_hamiltonians::{ConfigsRef, Scalar};
use ketwork_models::{Samples, Wavefunction};
use serde::{Deserialize, Serialize};

/// Draws weighted configurations from $|\psi|^2$ (or from P).
///
/// A sampler owns its counters: two draws differ, and the same sequence of draws from the same seed
/// gives the same configurations with any number of threads.
pub trait Sampler<W: Wavefunction + ?Sized> {
    /// Draws the next samples.
    ///
    /// # Errors
    /// [`SampleError`] where nothing can be drawn.
    fn draw(&mut self, psi: &W, theta: &[f64]) -> Result<Samples<W::Log>, SampleError>;

    /// Counters and chains as numbers, for a checkpoint.
    fn save(&self) -> Vec<u64>;

    /// Continues from what [`Sampler::save`] gave.
    ///
    /// # Errors
    /// [`SampleError::Foreign`] where the numbers come from another sampler.
    fn load(&mut self, saved: &[u64]) -> Result<(), SampleError>;

    /// How well the chains of the last draw mixed; `None` where there are no chains.
    fn diagnostics(&self) -> Option<Diagnostics> {
        None
    }
}

impl<W: Wavefunction + ?Sized, S: Sampler<W> + ?Sized> Sampler<W> for Box<S> {
    fn draw(&mut self, psi: &W, theta: &[f64]) -> Result<Samples<W::Log>, SampleError> {
        (**self).draw(psi, theta)
    }

    fn save(&self) -> Vec<u64> {
        (**self).save()
    }

    fn load(&mut self, saved: &[u64]) -> Result<(), SampleError> {
        (**self).load(saved)
    }

    fn diagnostics(&self) -> Option<Diagnostics> {
        (**self).diagnostics()
    }
}

/// How well Markov chains mix.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diagnostics {
    /// Accepted share of all proposals.
    pub acceptance: f64,
    /// Split r-hat of the log-probability; `None` below 4 samples a chain. Above 1.05 or so the
    /// chains disagree.
    pub r_hat: Option<f64>,
    /// Integrated autocorrelation time of the log-probability, in samples of a chain; 1/2 where
    /// they are independent.
    pub tau: f64,
}

/// Refuses NaN and +inf, and names the configuration; an amplitude of 0 is in order.
fn check_finite<L: Scalar>(x: ConfigsRef<'_>, log_psi: &[L]) -> Result<(), SampleError> {
    let wrong = |l: &L| !(l.is_finite() || l.re() == f64::NEG_INFINITY);
    match log_psi.iter().position(wrong) {
        Some(i) => Err(SampleError::NotFinite {
            configuration: x.row(i).to_vec(),
        }),
        None => Ok(()),
    }
}

/// Why nothing can be drawn.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SampleError {
    /// No shots were asked for.
    #[error("0 samples: ask for at least one")]
    NoSamples,
    /// The state draws from its own law only.
    #[error("this state draws from no broader law than its own; set `uniform` to 0")]
    NotBroad,
    /// Orbits of a group that leads out of the sector.
    #[error(
        "the group leads out of the sector: its orbits hold {found} configurations, the sector {dimension}; drop \
         that symmetry"
    )]
    NotInvariant {
        /// Configurations in the orbits of legal ones, counted by the sizes of the orbits.
        found: f64,
        /// Legal configurations.
        dimension: usize,
    },
    /// The saved state belongs to another sampler.
    #[error(
        "the saved sampler state has {found} numbers, this sampler needs {expected}; resume with the same [sampling] section"
    )]
    Foreign {
        /// Numbers found.
        found: usize,
        /// Numbers needed.
        expected: usize,
    },
    /// A log-amplitude is NaN or infinite.
    #[error(
        "ln psi is not finite at configuration {configuration:?}; lower the learning rate or start from smaller parameters"
    )]
    NotFinite {
        /// Values of the sites.
        configuration: Vec<u8>,
    },
    /// The amplitude vanishes everywhere, or at every place a chain could reach.
    #[error("the state vanishes where it is sampled; sampler and state must share a sector")]
    NoAmplitude,
    /// Exchange moves without pairs.
    #[error("exchange moves need pairs of sites, for example the bonds of the lattice")]
    NoPairs,
    /// No chain ever moved.
    #[error(
        "none of {proposed} proposals was accepted; where single changes leave the sector use exchange \
         moves, in a tiny sector the full sum"
    )]
    Stuck {
        /// Proposals made.
        proposed: u64,
    },
    /// A saved chain stands outside the sector.
    #[error("a saved chain is no legal configuration; resume with the same model and sector")]
    Illegal,
    /// The sum over all configurations cannot be made.
    #[error(transparent)]
    Exact(#[from] ExactError),
}
