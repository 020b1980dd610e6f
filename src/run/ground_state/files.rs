//! What a run writes: log, checkpoint, picture.

use super::GroundStateRun;
use crate::exchange::{ExchangeError, Series};
use crate::run::{RunError, RunOptions};
use crate::{Checkpoint, Estimate, GroundState, Manifest, Recorder, Sampler, TangentSolver};
use ketwork_hamiltonians::Hamiltonian;
use ketwork_models::Differentiable;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Name of the choices in a checkpoint.
const CHOSEN: &str = "chosen";

/// The files of a run that was given a directory.
pub(super) struct Files {
    pub(super) checkpoint: PathBuf,
    pub(super) log: Recorder,
    fingerprint: String,
    /// What the run chose beside its run file.
    chosen: String,
    picture: PathBuf,
    title: String,
    resumed: Option<Checkpoint>,
}

impl Files {
    /// Opens the directory; what it holds of an earlier session is read with `--resume` only.
    pub(super) fn open(
        this: &GroundStateRun,
        options: &RunOptions,
        chosen: Value,
    ) -> Result<Option<Self>, RunError> {
        let Some(out) = &options.out else {
            return Ok(None);
        };
        let at = |source| RunError::Out {
            path: out.clone(),
            source,
        };
        std::fs::create_dir_all(out).map_err(at)?;
        let checkpoint = out.join("checkpoint.safetensors");
        let fingerprint = this.run.fingerprint();
        let resumed = match (checkpoint.exists(), options.resume) {
            (true, true) => Some(Checkpoint::load(&checkpoint, &fingerprint)?),
            (false, true) => {
                return Err(RunError::Value {
                    key: "--resume",
                    reason: format!(
                        "there is no checkpoint in {}; start without it",
                        out.display()
                    ),
                });
            }
            (true, false) => {
                return Err(RunError::Value {
                    key: "--out",
                    reason: format!(
                        "{} holds a checkpoint; continue it with --resume, or name another directory",
                        out.display()
                    ),
                });
            }
            (false, false) => None,
        };
        let chosen_text = chosen.to_string();
        // A checkpoint continues only what would have gone on in the same way.
        if let Some(saved) = &resumed
            && saved.word(CHOSEN)? != chosen_text
        {
            return Err(RunError::Value {
                key: "--resume",
                reason: format!(
                    "{} was made by another version of ketwork, which had chosen {} where this one chooses \
                     {chosen_text}; start anew in another directory",
                    checkpoint.display(),
                    saved.word(CHOSEN)?
                ),
            });
        }
        let manifest = Manifest {
            program: "ground_state".to_owned(),
            seed: this.run.seed,
            threads: rayon::current_num_threads(),
            run: this.filled().resolved(),
            chosen,
        };
        let path = out.join("log.jsonl");
        let log = match &resumed {
            Some(saved) => Recorder::resume(&path, &manifest, saved.counter("step")?)?,
            None => Recorder::create(&path, &manifest)?,
        };
        let picture = out.join("energy.png");
        let title = this.title();
        Ok(Some(Self {
            checkpoint,
            fingerprint,
            chosen: chosen_text,
            log,
            picture,
            title,
            resumed,
        }))
    }

    /// Continues the interrupted run whose checkpoint was found.
    pub(super) fn restore<H, W, S>(
        &self,
        vmc: &mut GroundState<'_, H, W, S, Box<dyn TangentSolver>>,
    ) -> Result<(), RunError>
    where
        H: Hamiltonian,
        W: Differentiable + ?Sized,
        S: Sampler<W>,
    {
        let Some(saved) = &self.resumed else {
            return Ok(());
        };
        vmc.theta = saved.parameters(vmc.psi.layout())?;
        vmc.step = saved.counter("step")?;
        vmc.solver.load(saved.array("solver")?);
        let sampler: Vec<u64> = saved
            .array("sampler")?
            .iter()
            .map(|v| v.to_bits())
            .collect();
        Ok(vmc.sampler.load(&sampler)?)
    }

    pub(super) fn save<H, W, S>(
        &self,
        vmc: &GroundState<'_, H, W, S, Box<dyn TangentSolver>>,
    ) -> Result<(), RunError>
    where
        H: Hamiltonian,
        W: Differentiable + ?Sized,
        S: Sampler<W>,
    {
        let sampler: Vec<f64> = vmc.sampler.save().into_iter().map(f64::from_bits).collect();
        let mut checkpoint = Checkpoint::new(self.fingerprint.clone());
        checkpoint
            .set_parameters(vmc.psi.layout(), &vmc.theta)
            .set_array("solver", &vmc.solver.save())
            .set_array("sampler", &sampler)
            .set_word(CHOSEN, &self.chosen)
            .set_counter("step", vmc.step);
        Ok(checkpoint.save(&self.checkpoint)?)
    }

    /// The whole log for Python: `run.npz`, and `netket.log` in the shape of NetKet's.
    pub(super) fn exchange(&self) -> Result<(), ExchangeError> {
        let log = self.log.path();
        let series = match Series::read(log) {
            // A run that was finished before it took a step.
            Err(ExchangeError::NoSteps { .. }) => return Ok(()),
            series => series?,
        };
        series.write_npz(&log.with_file_name("run.npz"))?;
        series.write_netket(&log.with_file_name("netket.log"))
    }

    /// The energy curve of the whole log, earlier sessions included.
    pub(super) fn draw(&self, last: Estimate, exact: Option<f64>) -> Result<(), RunError> {
        let points = energies(self.log.path())?;
        if points.is_empty() {
            return Ok(());
        }
        let title = format!("{}: E = {last}", self.title);
        Ok(crate::Figure::of_energy(&title, &points, exact).write(&self.picture)?)
    }
}

/// (step, energy, error) of a log.
fn energies(log: &Path) -> Result<Vec<(f64, f64, f64)>, RunError> {
    let at = |source| RunError::Out {
        path: log.to_owned(),
        source,
    };
    let text = std::fs::read_to_string(log).map_err(at)?;
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line).ok()?;
        let energy = &line["energy"];
        Some((
            line["step"].as_f64()?,
            energy["mean"].as_f64()?,
            energy["error"].as_f64()?,
        ))
    };
    Ok(text.lines().filter_map(line).collect())
}
