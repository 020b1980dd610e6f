//! Keys of a run file that say nothing about a network of outcomes.

use crate::run::RunError;
use crate::run_file::{Integrator, LindbladMethod, OptimizerMethod, RunFile, Symmetry};

/// Refuses the method of closed dynamics: that of open ones stands in `[lindblad]`.
pub(super) fn check_method(run: &RunFile) -> Result<(), RunError> {
    match run.evolution.method {
        None => Ok(()),
        Some(_) => Err(RunError::Value {
            key: "evolution.method",
            reason:
                "the method of an open system is lindblad.method; write it there and drop this key"
                    .into(),
        }),
    }
}

/// Refuses what has no meaning for a network of outcome probabilities. An exact run is the twin of
/// such a run and reads nothing about networks.
pub(super) fn check_network(run: &RunFile, method: LindbladMethod) -> Result<(), RunError> {
    let refuse = |key, reason: &str| {
        let reason = reason.to_owned();
        Err(RunError::Value { key, reason })
    };
    if run.wavefunction.phase == Some(true) {
        return refuse(
            "wavefunction.phase",
            "probabilities have no phase; drop the key",
        );
    }
    if run.wavefunction.symmetry.contains(&Symmetry::SpinFlip) {
        return refuse(
            "wavefunction.symmetry",
            "no exchange of outcomes flips the spins; drop \"spin_flip\"",
        );
    }
    match run.optimizer.method {
        None | Some(OptimizerMethod::Minsr | OptimizerMethod::Sr) => {}
        Some(OptimizerMethod::Spring | OptimizerMethod::Adam) => {
            return refuse(
                "optimizer.method",
                "every step is a least-squares problem of its own, solved by \"sr\" or \"minsr\"; drop the key",
            );
        }
    }
    if run.optimizer.learning_rate.is_some() {
        return refuse(
            "optimizer.learning_rate",
            "steps are least-squares problems without a rate; drop the key, or choose evolution.dt",
        );
    }
    let has_tableau = match (method, run.evolution.integrator) {
        (LindbladMethod::Tdvp, _) | (_, None) => true,
        (LindbladMethod::Teng, Some(rule)) => {
            matches!(rule, Integrator::Euler | Integrator::Heun)
        }
        _ => false,
    };
    if !has_tableau {
        return refuse(
            "evolution.integrator",
            "integrators are those of TDVP, and \"euler\" or \"heun\" of TENG; drop the key",
        );
    }
    Ok(())
}
