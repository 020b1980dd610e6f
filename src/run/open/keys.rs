//! Keys of a run file that say nothing about a network of outcomes.

use crate::run::RunError;
use crate::run_file::{Integrator, LindbladMethod, OptimizerMethod, RunFile, Symmetry};

/// Refuses what a network of outcome probabilities cannot be. An exact run is the twin of such a run
/// and reads nothing about networks.
pub(super) fn check_network(run: &RunFile) -> Result<(), RunError> {
    if run.wavefunction.symmetry.contains(&Symmetry::SpinFlip) {
        return Err(RunError::Value {
            key: "wavefunction.symmetry",
            reason: "no exchange of outcomes flips the spins; drop \"spin_flip\"".into(),
        });
    }
    Ok(())
}

/// What a run says it does not use: the same file may describe closed dynamics and a ground state too.
pub(super) fn unused(run: &RunFile, method: LindbladMethod, is_sampled: bool) -> Vec<&'static str> {
    let has_rule = match (method, run.evolution.integrator) {
        (LindbladMethod::Tdvp, _) | (_, None) => true,
        (LindbladMethod::SteadyState, _) => is_sampled,
        (LindbladMethod::Teng, Some(rule)) => {
            matches!(rule, Integrator::Euler | Integrator::Heun)
        }
        _ => false,
    };
    let fits = matches!(
        run.optimizer.method,
        None | Some(OptimizerMethod::Minsr | OptimizerMethod::Sr)
    );
    let is_exact = method == LindbladMethod::Exact;
    let is_tdvp =
        method == LindbladMethod::Tdvp || (method == LindbladMethod::SteadyState && is_sampled);
    let all = [
        (
            is_tdvp && run.optimizer.steps.is_some(),
            "optimizer.steps: not used, TDVP fits nothing; evolution.dt is the step",
        ),
        (
            run.evolution.method.is_some(),
            "evolution.method: not used, the method of an open system is lindblad.method",
        ),
        (
            !is_exact && run.wavefunction.phase == Some(true),
            "wavefunction.phase: not used, probabilities have no phase",
        ),
        (
            !is_exact && !fits,
            "optimizer.method: not used, each step is a least-squares problem, solved by \"sr\" or \"minsr\"",
        ),
        (
            !is_exact && run.optimizer.learning_rate.is_some(),
            "optimizer.learning_rate: not used, least-squares problems have none; evolution.dt is the step",
        ),
        (
            !is_exact && !has_rule,
            "evolution.integrator: not used, integrators are those of \"tdvp\", and \"euler\" or \"heun\" of \"teng\"",
        ),
    ];
    let told = all.into_iter().filter(|(is_there, _)| *is_there);
    told.map(|(_, words)| words).collect()
}
