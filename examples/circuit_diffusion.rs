//! Can circuits learn to undo noise? A diffusion model whose backward steps are parameterised
//! quantum circuits, beside what doing nothing, random states and held-out data would give.
//!
//! Without a run file: handwritten digits 0 and 1 on six qubits, ten steps.

mod cli;

use cli::{Failure, Line, Session, Story, Takes};
use ketwork::run::{DiffusionRun, RunOptions};
use std::process::ExitCode;

const STORY: Story = Story {
    name: "circuit_diffusion",
    takes: &[Takes::RunFile, Takes::Resume],
    toml: "seed = 1\n[diffusion]\ndata = \"digits\"\nclasses = [0, 1]\nqubits = 6\nsteps = 10\n",
};

fn main() -> ExitCode {
    cli::main(STORY, tell)
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let options = RunOptions {
        out: session.out().map(Into::into),
        resume: session.resume,
        progress: true,
        stop: Some(session.interrupted()),
        ..RunOptions::default()
    };
    // Unless steps were asked for, the passes of the data count, which --quick lowers as well.
    let mut run = session.run.clone();
    if session.written.optimizer.steps.is_none() {
        run.optimizer.steps = None;
    }
    let r = DiffusionRun::new(&run)?.run(&options)?;
    let steps = r.infidelity.iter().zip(&r.identity_baseline);
    for (t, (trained, idle)) in steps.enumerate() {
        let t = t + 1;
        session.say(format!(
            "step {t:2}: infidelity {trained:.4}, doing nothing {idle:.4}"
        ));
    }
    session.say(format!(
        "fidelity with the nearest state of the data: {:.3} (random states {:.3}, held-out states {:.3})",
        r.fidelity_to_data, r.haar_baseline, r.data_baseline
    ));
    if let (Some(made), Some(random)) = (r.frechet, r.frechet_random) {
        session.say(format!(
            "Frechet distance: {made:.3} (random states {random:.3})"
        ));
    }
    if let Some(accuracy) = r.label_accuracy {
        session.say(format!("label accuracy: {accuracy:.3}"));
    }
    let (unseen, nearest) = (r.conditional_fidelity, r.nearest_baseline);
    if let (Some(unseen), Some(nearest)) = (unseen, nearest) {
        session.say(format!(
            "infidelity at unseen couplings: {:.1e} (nearest training state {:.1e})",
            1.0 - unseen,
            1.0 - nearest
        ));
    }
    let (excess, near) = (r.energy_error, r.nearest_energy_error);
    if let (Some(excess), Some(near)) = (excess, near) {
        session.say(format!(
            "energy above the ground state: {excess:.1e} (nearest training state {near:.1e})"
        ));
    }
    session.say(format!(
        "all projections succeed with probability {:.1e}",
        r.success_probability
    ));
    Ok(Line::new()
        .set("infidelity", r.infidelity)
        .set("identity_baseline", r.identity_baseline)
        .set("fidelity_to_data", r.fidelity_to_data)
        .set("haar_baseline", r.haar_baseline)
        .set("data_baseline", r.data_baseline)
        .set("success_probability", r.success_probability)
        .set("frechet", r.frechet)
        .set("frechet_random", r.frechet_random)
        .set("frechet_data", r.frechet_data)
        .set("label_accuracy", r.label_accuracy)
        .set("classifier_accuracy", r.classifier_accuracy)
        .set("conditional_fidelity", r.conditional_fidelity)
        .set("nearest_baseline", r.nearest_baseline)
        .set("energy_error", r.energy_error)
        .set("nearest_energy_error", r.nearest_energy_error)
        .set("n_params", r.n_params))
}
