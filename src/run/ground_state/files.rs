//! What a run writes: log, checkpoint, picture.

use super::GroundStateRun;
use crate::exchange::{ExchangeError, Series};
use crate::run::{Kept, RunError, RunOptions};
use crate::{Estimate, GroundState, Manifest, Recorder, Sampler, TangentSolver};
use ketwork_hamiltonians::Hamiltonian;
use ketwork_models::Differentiable;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The files of a run that was given a directory.
pub(super) struct Files {
    kept: Kept,
    pub(super) log: Recorder,
    picture: PathBuf,
    title: String,
}

impl Files {
    /// The checkpoint.
    pub(super) fn checkpoint(&self) -> &Path {
        &self.kept.path
    }

    /// Opens the directory; what it holds of an earlier session is read with `--resume` only.
    pub(super) fn open(
        this: &GroundStateRun,
        options: &RunOptions,
        chosen: Value,
    ) -> Result<Option<Self>, RunError> {
        let Some(kept) = Kept::open(options, &this.run, chosen.to_string())? else {
            return Ok(None);
        };
        let manifest = Manifest {
            program: "ground_state".to_owned(),
            seed: this.run.seed,
            threads: rayon::current_num_threads(),
            run: this.filled().resolved(),
            chosen,
        };
        let path = kept.path.with_file_name("log.jsonl");
        let log = match &kept.resumed {
            Some(saved) => Recorder::resume(&path, &manifest, saved.counter("step")?)?,
            None => Recorder::create(&path, &manifest)?,
        };
        let picture = kept.path.with_file_name("energy.png");
        let title = this.title();
        Ok(Some(Self {
            kept,
            log,
            picture,
            title,
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
        let Some(saved) = &self.kept.resumed else {
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
        let mut checkpoint = self.kept.checkpoint();
        checkpoint
            .set_parameters(vmc.psi.layout(), &vmc.theta)
            .set_array("solver", &vmc.solver.save())
            .set_array("sampler", &sampler)
            .set_counter("step", vmc.step);
        Ok(checkpoint.save(&self.kept.path)?)
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
