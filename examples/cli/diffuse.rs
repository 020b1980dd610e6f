//! Training of a diffusion model with a progress bar, as all stories about them need it.

use super::{Failure, Session};
use ketwork::Stream;
use ketwork::diffusion::{Diffusion, DiffusionParams, Split, Training};
use std::sync::atomic::Ordering;

/// The parameters with `--samples` states generated.
pub fn asked(session: &Session, params: DiffusionParams) -> DiffusionParams {
    let samples = session.written.sampling.samples.unwrap_or(params.samples);
    DiffusionParams { samples, ..params }
}

/// Passes over the data: `--steps`, or the story's own number.
pub fn passes(session: &Session, own: usize) -> usize {
    // --quick lowers what was written; what was not, the story has lowered itself.
    let written = session.written.optimizer.steps;
    written.and(session.run.optimizer.steps).unwrap_or(own)
}

/// Trains, generates and measures; `name` stands in the progress bar.
pub fn diffuse(
    session: &Session,
    name: &str,
    split: &Split,
    params: &DiffusionParams,
    stream: Stream,
) -> Result<Diffusion, Failure> {
    let training = Training::new(split, params, stream).map_err(Failure::input)?;
    complete(session, name, params.epochs, training)
}

/// The same for a training that is set up already.
pub fn complete(
    session: &Session,
    name: &str,
    epochs: usize,
    mut training: Training<'_>,
) -> Result<Diffusion, Failure> {
    let stop = session.interrupted();
    let mut bar = session.progress(epochs);
    for epoch in training.by_ref() {
        let epoch = epoch.map_err(Failure::computation)?;
        let mean = epoch.infidelity.iter().sum::<f64>() / epoch.infidelity.len() as f64;
        bar.show(
            epoch.epoch as u64,
            &format!("{name}: infidelity {mean:.1e}"),
        );
        if stop.load(Ordering::Relaxed) {
            let text = format!("stopped in epoch {}; nothing was kept", epoch.epoch);
            return Err(Failure::Interrupted(text));
        }
    }
    bar.finish();
    let found = training.finish().map_err(Failure::computation)?;
    for warning in &found.report.warnings {
        eprintln!("{warning}");
    }
    Ok(found)
}
