//! Circuit diffusion from a run file: data and parameters by name, and the pictures.

mod choices;
mod family;

use super::{Kept, RunError, RunOptions, arrays};
use crate::run_file::{DiffusionData, RunFile};
use crate::{Figure, Panel, Progress};
use choices::{classes, encoded, encoder, params, qubits};
use family::Family;
use ketwork_diffusion::{
    Autoencoder, Condition, Data, Diffusion, DiffusionParams, Grid, Report, Split, States, Training,
};
use ketwork_models::Stream;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Share of the data that is held out.
const HELD_OUT: f64 = 0.2;
/// Name of the training's numbers in a checkpoint.
const TRAINING: &str = "training";
/// Time between checkpoints.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(30);
/// Tiles of the picture: rows and columns.
const TILES: (usize, usize) = (4, 16);

/// A diffusion run, checked and ready.
#[derive(Debug)]
pub struct DiffusionRun {
    run: RunFile,
    split: Split,
    params: DiffusionParams,
    /// Pictures behind latent states.
    decoder: Option<(Autoencoder, (usize, usize))>,
    /// The Hamiltonians of ground states.
    family: Option<Family>,
}

impl DiffusionRun {
    /// Prepares the data; the latent version trains its autoencoder here.
    ///
    /// # Errors
    /// [`RunError`] for impossible values, or keys that the data does not have.
    pub fn new(run: &RunFile) -> Result<Self, RunError> {
        let section = &run.diffusion;
        let stream = Stream::new(run.seed).named("diffusion");
        let is_latent = section.latent == Some(true);
        let data = section.data.unwrap_or(DiffusionData::Digits);
        if let (Some(h), false) = (&run.hamiltonian, data == DiffusionData::GroundStates) {
            return Err(RunError::Value {
                key: "hamiltonian",
                reason: format!(
                    "{} needs none with this data; drop the section, or set diffusion.data = \"ground_states\"",
                    h.model()
                ),
            });
        }
        if data != DiffusionData::GroundStates && section.coupling.is_some() {
            return Err(RunError::Value {
                key: "diffusion.coupling",
                reason: "only ground states have it; drop the key, or set data = \"ground_states\""
                    .into(),
            });
        }
        if data != DiffusionData::Digits && (section.classes.is_some() || is_latent) {
            let key = if is_latent {
                "diffusion.latent"
            } else {
                "diffusion.classes"
            };
            let reason = "only digits have it; drop the key, or set data = \"digits\"".into();
            return Err(RunError::Value { key, reason });
        }
        let params = params(run, data)?;
        params.check()?;
        let (mut decoder, mut family) = (None, None);
        let split = match data {
            DiffusionData::Digits => {
                let digits = Data::digits(
                    &classes(section),
                    if is_latent { 6 } else { qubits(section, 6) },
                )?;
                let split = digits.split(HELD_OUT, stream.named("split"))?;
                match is_latent {
                    true => {
                        let code = encoder(&split.train, section, stream)?;
                        decoder = Some((code.clone(), split.train.shape));
                        Split {
                            train: encoded(&code, split.train)?,
                            held_out: encoded(&code, split.held_out)?,
                        }
                    }
                    false => split,
                }
            }
            DiffusionData::Bars => {
                Data::bars(qubits(section, 4))?.split(HELD_OUT, stream.named("split"))?
            }
            DiffusionData::GroundStates => {
                let along = Family::new(run)?;
                let split = along.split()?;
                family = Some(along);
                split
            }
        };
        Ok(Self {
            run: run.clone(),
            split,
            params,
            decoder,
            family,
        })
    }

    /// Trains, generates and measures; with a directory a checkpoint is kept there from time to time, when
    /// the run is stopped and at the end of training.
    ///
    /// # Errors
    /// [`RunError`]; [`RunError::Interrupted`] for a run that is stopped.
    pub fn run(&self, options: &RunOptions) -> Result<Report, RunError> {
        let stream = Stream::new(self.run.seed);
        let mut training = Training::new(&self.split, &self.params, stream)?;
        let kept = Kept::open(options, &self.run, format!("{:?}", self.params))?;
        if let Some(saved) = kept.as_ref().and_then(|kept| kept.resumed.as_ref()) {
            training.load(saved.array(TRAINING)?)?;
        }
        let save = |training: &Training<'_>| -> Result<(), RunError> {
            let Some(kept) = &kept else {
                return Ok(());
            };
            let mut checkpoint = kept.checkpoint();
            checkpoint.set_array(TRAINING, &training.save());
            Ok(checkpoint.save(&kept.path)?)
        };
        let failed = |source| RunError::Trained {
            source,
            checkpoint: kept
                .as_ref()
                .map(|kept| kept.path.clone())
                .filter(|path| path.exists()),
        };
        let mut saved_at = Instant::now();
        let mut bar = match options.progress {
            true => Progress::new("epochs", self.params.epochs as u64),
            false => Progress::hidden(),
        };
        while let Some(epoch) = training.next() {
            let epoch = epoch.map_err(&failed)?;
            let mean = epoch.infidelity.iter().sum::<f64>() / epoch.infidelity.len() as f64;
            bar.show(epoch.epoch as u64, &format!("mean infidelity {mean:.4}"));
            if options.is_stopped() {
                save(&training)?;
                return Err(RunError::Interrupted {
                    steps: epoch.epoch as u64,
                    energy: None,
                    checkpoint: kept.as_ref().map(|kept| kept.path.clone()),
                });
            }
            if saved_at.elapsed() > CHECKPOINT_EVERY {
                save(&training)?;
                saved_at = Instant::now();
            }
        }
        bar.finish();
        // Like a picture, a last checkpoint that fails loses no result.
        if let Err(e) = save(&training) {
            eprintln!("{e}");
        }
        let mut found = training.finish().map_err(&failed)?;
        if let Some(family) = &self.family {
            family.measure(&self.split, &mut found).map_err(failed)?;
        }
        for warning in &found.report.warnings {
            eprintln!("{warning}");
        }
        if let Some(dir) = &options.out {
            arrays::write(dir, &arrays::diffusion(&found.report));
            // A picture that fails loses no result.
            if let Err(e) = self.draw(&found, dir) {
                eprintln!("{e}");
            }
            if let Err(e) = export(&found, dir) {
                eprintln!("{e}");
            }
        }
        Ok(found.report)
    }

    /// Data above generated states, and the infidelity of each step beside doing nothing.
    fn draw(&self, found: &Diffusion, dir: &Path) -> Result<(), RunError> {
        let data = self.tiles(&self.split.train.states)?;
        let made = self.tiles(&found.generated)?;
        let image = |caption: &str, grid: Grid| Panel::image(caption, grid.width, grid.pixels);
        Figure::new("Moduli of the amplitudes")
            .panel(image("data", data))
            .panel(image("generated from noise", made))
            .write(&dir.join("states.png"))?;
        let r = &found.report;
        let by_step = |v: &[f64]| -> Vec<(f64, f64)> {
            let steps = v.iter().enumerate();
            steps.map(|(t, &x)| (t as f64 + 1.0, x)).collect()
        };
        let panel = Panel::new("step t", "infidelity")
            .line("circuit", by_step(&r.infidelity))
            .line("doing nothing", by_step(&r.identity_baseline));
        Ok(Figure::new("One backward step, on held-out states")
            .panel(panel)
            .write(&dir.join("infidelity.png"))?)
    }

    /// Every so many of the states, so that all classes are seen.
    fn tiles(&self, states: &States) -> Result<Grid, RunError> {
        let count = (TILES.0 * TILES.1).min(states.len());
        let some: Vec<_> = (0..count).map(|k| k * states.len() / count).collect();
        let states = states.select(&some);
        let Some((code, shape)) = &self.decoder else {
            let shape = self.split.train.shape;
            return Ok(Grid::new(&states, shape, TILES.0, TILES.1));
        };
        let positive = |row: Vec<f64>| row.into_iter().map(|x| x.max(0.0)).collect();
        let pictures: Vec<Vec<f64>> = code.decode(&states)?.into_iter().map(positive).collect();
        let pictures = States::from_real(&pictures)?;
        Ok(Grid::new(&pictures, *shape, TILES.0, TILES.1))
    }
}

/// The circuits that generated states, one OpenQASM 3 program for each label or parameter, or one line
/// that says why there are none.
fn export(found: &Diffusion, dir: &Path) -> Result<(), RunError> {
    let firsts: Vec<usize> = match (&found.condition, found.model.is_conditioned()) {
        (_, false) => vec![0],
        (Condition::Labels { label, .. }, true) => first_of(label, |a, b| a == b),
        (Condition::Values(v), true) => first_of(v, |a, b| a.total_cmp(b).is_eq()),
    };
    for (k, &i) in firsts.iter().enumerate() {
        match found.model.to_qasm(&found.condition, i) {
            Ok(program) => {
                let path = dir.join(format!("circuit_{k}.qasm"));
                fs::write(&path, program).map_err(|source| RunError::Out { path, source })?;
            }
            Err(why) => {
                eprintln!("no OpenQASM program is written: {why}");
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Place of the first of each group of equal neighbours.
fn first_of<T>(all: &[T], same: impl Fn(&T, &T) -> bool) -> Vec<usize> {
    (0..all.len())
        .filter(|&i| i == 0 || !same(&all[i - 1], &all[i]))
        .collect()
}

#[cfg(test)]
mod tests;
