//! Training of a diffusion model with a progress bar, as all stories about them need it.

use super::{Failure, Session};
use ketwork::Stream;
use ketwork::diffusion::{Diffusion, DiffusionParams, Split, Training};
use std::sync::atomic::Ordering;

/// The parameters with `--samples` states generated. `--steps` is refused: a story has its own passes.
pub fn asked(session: &Session, params: DiffusionParams) -> Result<DiffusionParams, Failure> {
    if session.written.optimizer.steps.is_some() {
        return Err(Failure::Input(
            "--steps: circuits are trained by passes over the data, whose number is part of this story; \
             leave it out"
                .into(),
        ));
    }
    let samples = session.written.sampling.samples.unwrap_or(params.samples);
    Ok(DiffusionParams { samples, ..params })
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
