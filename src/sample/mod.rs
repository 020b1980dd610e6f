//! Samplers: independent shots, exact sums, Markov chains.

mod independent;

pub use independent::Independent;

use ketwork_models::{Samples, Wavefunction};

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
}

/// Why nothing can be drawn.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SampleError {
    /// No shots were asked for.
    #[error("0 samples: ask for at least one")]
    NoSamples,
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
}
