use crate::{Estimate, MeasureError, SampleError, SolveError, SolveInfo};
use serde::Serialize;

/// What one step saw and did. Energies belong to the parameters before the step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Number of the step, from 0.
    pub step: u64,
    /// Energy with its error bar.
    pub energy: Estimate,
    /// Imaginary part of the mean local energy: 0 within the error bar for a Hermitian operator.
    pub imaginary: f64,
    /// $\langle |E_\mathrm{loc} - \bar E|^2\rangle$, zero at an eigenstate.
    pub variance: f64,
    /// See [`v_score`].
    pub v_score: Option<f64>,
    /// Norm of the force $J^T r$ = half the energy gradient; on a tilted path, or where changes were
    /// limited, of the force that the step followed.
    pub gradient_norm: f64,
    /// Norm of the parameter step.
    pub step_norm: f64,
    /// Fubini-Study length of the step.
    pub distance: f64,
    /// Learning rate, after shortening.
    pub learning_rate: f64,
    /// Different configurations among the samples.
    pub unique: usize,
    /// Split R-hat of the local energies of Markov chains, see [`r_hat`](crate::r_hat): 1 for independent
    /// shots and sums, `None` for chains too short to tell.
    pub r_hat: Option<f64>,
    /// The linear solve.
    pub solve: SolveInfo,
    /// Wall-clock seconds of each part.
    #[serde(skip)]
    pub timings: Timings,
}

/// Wall-clock seconds of the parts of one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Timings {
    /// Sampling.
    pub sample: f64,
    /// Local energies.
    pub local: f64,
    /// Tangent map.
    pub tangent: f64,
    /// Solve and update.
    pub solve: f64,
}

/// Why a step failed; the parameters are those before it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VmcError {
    /// No samples.
    #[error("step {step}: {source}")]
    Sample {
        /// Number of the step.
        step: u64,
        /// What is wrong with the state, and where.
        source: SampleError,
    },
    /// No step.
    #[error("step {step}{}: {source}", at(configuration))]
    Solve {
        /// Number of the step.
        step: u64,
        /// The first configuration whose derivatives are not finite, where that is the reason.
        configuration: Option<Vec<u8>>,
        /// The solver's reason.
        source: SolveError,
    },
    /// No energy.
    #[error("step {step}: {source}")]
    Measure {
        /// Number of the step.
        step: u64,
        /// What is not finite, and where.
        source: MeasureError,
    },
    /// A parameter would become NaN or infinite.
    #[error(
        "step {step}: a parameter of {name} becomes {value}; lower the learning rate or start from an earlier \
         checkpoint"
    )]
    NotFinite {
        /// Name of the array that holds it.
        name: String,
        /// Its value.
        value: f64,
        /// Number of the step.
        step: u64,
    },
}

/// The part of a message that names a configuration.
pub(super) fn at(configuration: &Option<Vec<u8>>) -> String {
    configuration
        .as_ref()
        .map_or_else(String::new, |x| format!(", configuration {x:?}"))
}

/// V-score $N\, \mathrm{Var}(E) / (\bar E - E_\infty)^2$: how far from an eigenstate, comparable between
/// models; `infinite` is the energy at infinite temperature, Tr H / dim. `None` where the energy is just
/// that and the score has no meaning.
///
/// # References
/// D. Wu et al., Science 386, 296 (2024), eq. (1).
#[must_use]
pub fn v_score(n_sites: usize, energy: f64, variance: f64, infinite: f64) -> Option<f64> {
    let score = n_sites as f64 * variance / (energy - infinite).powi(2);
    score.is_finite().then_some(score)
}
