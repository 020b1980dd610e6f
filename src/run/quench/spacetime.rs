//! The neural side of a quench by one network for all times.

use super::exact::{Exact, overlap};
use super::{QuenchOutcome, QuenchRun};
use crate::evolve::{EvolveError, Spacetime};
use crate::exact::Memory;
use crate::run::watch::{bar, measured, stopped};
use crate::run::{RunError, RunOptions};
use crate::run_file::SamplerMethod;
use crate::{Estimate, FullSum, Sampled, Sampler};
use ketwork_hamiltonians::{Hamiltonian, Model, Scalar};
use ketwork_models::{Ansatz, Stream};
use num_complex::Complex64;

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
        let mut found = self.empty(false);
        let mut infidelity = Vec::new();
        // What a product state is at t = 0 needs no network.
        if times.first() == Some(&0.0) {
            for (values, o) in found.values.iter_mut().zip(exact.operators) {
                values.push(Estimate::exact(exact.mean(o, start)));
            }
            infidelity.push(0.0);
        }
        if slices == 0 {
            (found.residual, found.infidelity) = (Some(0.0), Some(infidelity));
            return Ok(found);
        }
        let mut bar = bar("evolution", options, slices);
        let (path, report) = spacetime
            .solve(&exact.h, psi, &theta, start, &all, |now| {
                bar.show(
                    now.slices as u64,
                    &format!("{} slices  loss {:.1e}", now.slices, now.loss),
                );
                !options.is_stopped()
            })
            .map_err(RunError::Evolve)?;
        if options.is_stopped() {
            return Err(stopped(report.slices));
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
        let (mut at, mut reference) = (0.0, start.to_vec());
        for &t in times.iter().filter(|t| **t > 0.0) {
            exact.advance(t - at, &mut reference)?;
            at = t;
            let theta = path.at(t);
            let samples = all.draw(psi, &theta)?;
            let now = Sampled::new(psi, &theta, &samples);
            for (values, o) in found.values.iter_mut().zip(exact.operators) {
                values.push(now.expectation::<Complex64>(o).map_err(measured(t))?.mean);
            }
            let now = now.expectation::<T>(model).map_err(measured(t))?.mean.mean;
            found.energy_drift = found
                .energy_drift
                .max((now - energy).abs() / spread.max(1e-300));
            infidelity.push(overlap(psi, &theta, &all, &reference)?);
        }
        // In units of the norm, as for the other methods: the mean dt times sqrt(L).
        found.residual = Some(last / slices as f64 * report.loss.sqrt());
        found.infidelity = Some(infidelity);
        Ok(found)
    }
}
