//! What evolutions share: their bar, how they end early, and how they refuse what does not fit.

use super::{RunError, RunOptions};
use crate::evolve::EvolveError;
use crate::exact::ExactError;
use crate::{MeasureError, Progress};
use std::path::PathBuf;

/// A bar where one is asked for.
pub(super) fn bar(name: &str, options: &RunOptions, steps: usize) -> Progress {
    match options.progress {
        true => Progress::new(name, steps as u64),
        false => Progress::hidden(),
    }
}

/// The end of a run that was stopped after so many steps, with its checkpoint.
pub(super) fn stopped(steps: usize, checkpoint: Option<PathBuf>) -> RunError {
    RunError::Interrupted {
        steps: steps as u64,
        energy: None,
        checkpoint,
    }
}

/// The error of a measurement at time t.
pub(super) fn measured(t: f64) -> impl Fn(MeasureError) -> RunError {
    move |source| RunError::Evolve(EvolveError::Measure { t, source })
}

/// What does not fit is the lattice of an evolution: it has no exact twin to leave out.
pub(super) fn too_large(error: RunError) -> RunError {
    match error {
        RunError::Exact(e @ ExactError::Memory { .. }) => RunError::Value {
            key: "hamiltonian.lattice",
            reason: e.to_string(),
        },
        e => e,
    }
}
