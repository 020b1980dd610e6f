//! The neural side of a quench by one network for all times.

use super::course::Course;
use super::exact::{Exact, overlap};
use super::{QuenchOutcome, QuenchRun};
use crate::evolve::{EvolveError, Spacetime, SpacetimeReport, Window};
use crate::exact::Memory;
use crate::run::watch::{bar, measured, stopped};
use crate::run::{Kept, RunError, RunOptions};
use crate::run_file::SamplerMethod;
use crate::{Checkpoint, FullSum, Sampled, Sampler};
use ketwork_hamiltonians::{Hamiltonian, Model, Scalar};
use ketwork_models::{Ansatz, Stream};
use num_complex::Complex64;
use std::path::PathBuf;

/// Distance of slices where none is given, in units of the inverse rate.
const DT: f64 = 0.05;
/// Bound on the error of the last state above which the run fails instead of returning numbers.
const WORST: f64 = 0.1;
/// Most rows of the linear systems: their Gram matrix takes 0.5 GB and a minute.
const ROWS: usize = 8192;

impl QuenchRun {
    /// The slices that a run asks for, checked against what can be solved.
    pub(super) fn slices<T: Scalar>(
        &self,
        exact: &Exact<'_, T>,
        start: &[Complex64],
        n_params: usize,
    ) -> Result<Spacetime, RunError>
    where
        Complex64: From<T>,
    {
        if matches!(
            self.run.sampling.sampler,
            Some(SamplerMethod::Ancestral | SamplerMethod::Metropolis)
        ) {
            return Err(RunError::Value {
                key: "sampling.sampler",
                reason: "spacetime networks sum all configurations; use \"full_sum\", or the method \"tdvp\""
                    .into(),
            });
        }
        let rate = exact.rate(start);
        let dt = self.run.evolution.dt.unwrap_or(DT / rate.max(1.0));
        // Every time asked for is a slice: between slices the parameters are only interpolated.
        let (mut at, mut lengths) = (0.0, Vec::new());
        for &t in &self.run.evolution.times {
            let n = ((t - at) / dt - 1e-9).ceil();
            lengths.push((at, t, n));
            at = t;
        }
        let slices: f64 = lengths.iter().map(|(_, _, n)| n).sum();
        let rows = 2.0 * slices * exact.basis.len() as f64;
        if rows > ROWS as f64 {
            return Err(RunError::Value {
                key: "evolution.method",
                reason: format!(
                    "spacetime solves for {slices} slices of {} configurations at once, {rows:.0} rows of {ROWS} that are offered; use \"tdvp\", a longer evolution.dt or fewer sites",
                    exact.basis.len()
                ),
            });
        }
        let mut times = Vec::new();
        for (from, to, n) in lengths.into_iter().filter(|(_, _, n)| *n > 0.0) {
            let inner = (1..n as usize).map(|k| from + (to - from) * k as f64 / n);
            times.extend(inner.chain([to]));
        }
        let spacetime = Spacetime::new(times);
        let memory = Memory::default();
        memory.check(
            "the Gram matrix of all slices",
            exact.basis.len() as f64,
            spacetime.bytes(exact.basis.len(), n_params),
        )?;
        Ok(spacetime)
    }

    pub(super) fn at_once<T: Scalar>(
        &self,
        model: &Model<T>,
        exact: &Exact<'_, T>,
        start: &[Complex64],
        psi: &dyn Ansatz<Log = Complex64>,
        options: &RunOptions,
    ) -> Result<QuenchOutcome, RunError>
    where
        Complex64: From<T>,
    {
        let times = &self.run.evolution.times;
        let theta = psi
            .layout()
            .initial(Stream::new(self.run.seed).named("parameters"));
        let spacetime = self.slices(exact, start, theta.len())?;
        let mut all = FullSum::new(&**model.sector(), Memory::default())?;
        let slices = spacetime.times.len();
        let last = spacetime.times.last().copied().unwrap_or(0.0);
        let kept = Kept::open(
            options,
            &self.run,
            format!("{slices} slices, {} parameters", theta.len()),
        )?;
        let mut course = Course::new(self.empty(false));
        // What a product state is at t = 0 needs no network.
        if times.first() == Some(&0.0) {
            course.measured(exact.means(start));
            course.infidelity.push(0.0);
        }
        if slices == 0 {
            return Ok(course.finish(true));
        }
        let known = kept.as_ref().and_then(|kept| kept.resumed.as_ref());
        let known = known.map(window).transpose()?;
        let (mut checkpoint, mut failed) = (None, None);
        let mut bar = bar("evolution", options, slices);
        let (path, report) = spacetime
            .solve(&exact.h, psi, &theta, start, &all, known, |window| {
                let now = &window.report;
                bar.show(
                    now.slices as u64,
                    &format!("{} slices  loss {:.1e}", now.slices, now.loss),
                );
                match keep(kept.as_ref(), window) {
                    Ok(path) => checkpoint = path,
                    Err(e) => failed = Some(e),
                }
                failed.is_none() && !options.is_stopped()
            })
            .map_err(RunError::Evolve)?;
        if let Some(e) = failed {
            return Err(e);
        }
        if report.slices < slices {
            return Err(stopped(report.slices, checkpoint));
        }
        bar.say(&format!(
            "{} slices up to t = {last}: loss {:.1e} after {} sweeps; start fitted to an infidelity of {:.1e}",
            report.slices, report.loss, report.sweeps, report.start
        ));
        bar.finish();
        // Residuals add up over time at most.
        let error = last * report.loss.sqrt();
        if error > WORST {
            return Err(RunError::Evolve(EvolveError::Unconverged {
                slices: report.slices,
                loss: report.loss,
                error,
            }));
        }
        let (energy, spread) = exact.energy(start);
        let mut reference = start.to_vec();
        for (_, t) in course.left() {
            exact.advance(t - course.at, &mut reference)?;
            course.at = t;
            let theta = path.at(t);
            let samples = all.draw(psi, &theta)?;
            let now = Sampled::new(psi, &theta, &samples);
            let means = exact
                .operators
                .iter()
                .map(|o| Ok(now.expectation::<Complex64>(o).map_err(measured(t))?.mean));
            course.measured(means.collect::<Result<Vec<_>, RunError>>()?);
            let now = now.expectation::<T>(model).map_err(measured(t))?.mean.mean;
            let drift = (now - energy).abs() / spread.max(1e-300);
            course.found.energy_drift = course.found.energy_drift.max(drift);
            course
                .infidelity
                .push(overlap(psi, &theta, &all, &reference)?);
        }
        // In units of the norm, as for the other methods: the mean dt times sqrt(L).
        course.residual = last / slices as f64 * report.loss.sqrt();
        Ok(course.finish(true))
    }
}

/// Keeps a window, where a directory was given, and says where.
fn keep(kept: Option<&Kept>, window: &Window) -> Result<Option<PathBuf>, RunError> {
    let Some(kept) = kept else {
        return Ok(None);
    };
    let now = &window.report;
    let mut checkpoint = kept.checkpoint();
    checkpoint
        .set_array("theta", &window.theta)
        .set_array("losses", &[now.loss, now.start])
        .set_counter("slices", now.slices as u64)
        .set_counter("sweeps", now.sweeps.into());
    checkpoint.save(&kept.path)?;
    Ok(Some(kept.path.clone()))
}

/// The window of a checkpoint.
fn window(saved: &Checkpoint) -> Result<Window, RunError> {
    let (loss, start) = match saved.array("losses")? {
        [loss, start] => (*loss, *start),
        _ => (f64::INFINITY, f64::INFINITY),
    };
    Ok(Window {
        theta: saved.array("theta")?.to_vec(),
        report: SpacetimeReport {
            slices: saved.counter("slices")? as usize,
            sweeps: saved.counter("sweeps")? as u32,
            loss,
            start,
        },
    })
}
