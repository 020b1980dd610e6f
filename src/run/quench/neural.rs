//! The neural side of a quench: a fitted first state, carried by TDVP or TENG.

use super::exact::{Exact, overlap};
use super::{QuenchOutcome, QuenchRun};
use crate::evolve::{Evolve, Flow, Schroedinger, StepReport, Tableau, Tdvp, Teng, fit_state};
use crate::exact::Memory;
use crate::run::watch::{bar, measured, stopped};
use crate::run::{RunError, RunOptions};
use crate::run_file::{EvolutionMethod, Integrator, SamplerMethod};
use crate::{Estimate, FullSum, Independent, Sampled, Sampler};
use ketwork_hamiltonians::{Hamiltonian, Model, Scalar};
use ketwork_models::{Ansatz, Stream};
use num_complex::Complex64;

/// Largest dimension that is evolved exactly beside a network.
const TWIN_UP_TO: f64 = 65536.0;
/// Largest dimension over which a network is summed unasked.
const SUM_UP_TO: f64 = 1100.0;
/// Time of the fitted first state, in units of the inverse energy spread for each site.
const FIRST: f64 = 0.03;
/// Infidelity of the fit from which on the run says that it is poor.
const POOR_FIT: f64 = 1e-8;
/// Relative shift of linear systems of shots.
const SAMPLED_SHIFT: f64 = 1e-4;
/// How often a failing step is halved.
const HALVINGS: u32 = 6;
impl QuenchRun {
    pub(super) fn neurally<T: Scalar>(
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
        let section = &self.run.evolution;
        let states = exact.basis.len() as f64;
        let sums = match self.run.sampling.sampler {
            Some(SamplerMethod::FullSum) => true,
            Some(SamplerMethod::Ancestral) => false,
            None => states <= SUM_UP_TO,
            Some(SamplerMethod::Metropolis) => {
                return Err(RunError::Value {
                    key: "sampling.sampler",
                    reason: "this network draws exact samples; use \"ancestral\" or \"full_sum\""
                        .into(),
                });
            }
        };
        let stream = Stream::new(self.run.seed);
        let all = FullSum::new(&**model.sector(), Memory::default())?;
        let shots = self.run.sampling.samples.unwrap_or(4096) as u64;
        let sampler = |name| -> Box<dyn Sampler<dyn Ansatz<Log = Complex64>>> {
            match sums {
                true => Box::new(all.clone()),
                false => Box::new(Independent::new(shots, stream.named(name))),
            }
        };
        let (energy, spread) = exact.energy(start);
        let rate = exact.rate(start);
        // The state that the network can represent: shortly after a product state nothing vanishes.
        let first = FIRST / rate;
        let mut reference = start.to_vec();
        let mut at = 0.0;
        let mut found = self.empty(!sums);
        let mut infidelity = Vec::new();
        let mut times = section.times.iter().peekable();
        while let Some(&&t) = times.peek().filter(|t| ***t <= first) {
            exact.advance(t - at, &mut reference)?;
            at = t;
            for (values, o) in found.values.iter_mut().zip(exact.operators) {
                values.push(Estimate::exact(exact.mean(o, &reference)));
            }
            infidelity.push(0.0);
            times.next();
        }
        exact.advance(first - at, &mut reference)?;
        at = first;
        let mut theta = psi.layout().initial(stream.named("parameters"));
        let fitted =
            fit_state(psi, &mut theta, &all, &reference, 1e-11).map_err(RunError::Evolve)?;
        let mut bar = bar("evolution", options, section.times.len());
        bar.say(&format!(
            "the state at t = {first:.3} is fitted to an infidelity of {:.1e} in {} sweeps{}",
            fitted.loss,
            fitted.sweeps,
            if fitted.loss > POOR_FIT {
                "; a wider network would start closer"
            } else {
                ""
            }
        ));
        let mut engine: Box<dyn Evolve + '_> = match section.method {
            Some(EvolutionMethod::TengEuler | EvolutionMethod::TengHeun) => {
                let mut teng = Teng::new(model, psi, sampler("evolution"));
                if sums {
                    teng = teng.with_all(all.clone());
                } else {
                    (teng.fit.shift, teng.fit.least_shift) = (SAMPLED_SHIFT, SAMPLED_SHIFT);
                }
                if section.method == Some(EvolutionMethod::TengEuler) {
                    teng.tableau = Tableau::euler();
                }
                Box::new(teng)
            }
            _ => {
                let mut tdvp = Tdvp::new(
                    Schroedinger::new(model, Flow::RealTime),
                    psi,
                    sampler("evolution"),
                );
                if !sums {
                    tdvp.shift = SAMPLED_SHIFT;
                }
                tdvp.tableau = match section.integrator {
                    Some(Integrator::Euler) => Tableau::euler(),
                    Some(Integrator::Heun) => Tableau::heun(),
                    Some(Integrator::Rk4) => Tableau::rk4(),
                    // Noise of shots is no error of the integrator.
                    None if !sums => Tableau::heun(),
                    Some(Integrator::Rk45) | None => Tableau::rk45(),
                };
                Box::new(tdvp)
            }
        };
        let mut observed = sampler("observables");
        let longest = if states <= 300.0 { 0.01 } else { 0.02 };
        let dt = section.dt.unwrap_or(longest / rate.max(1.0));
        let mut residual: f64 = 0.0;
        let mut reached = first;
        for (i, &t) in times.enumerate() {
            while at < t * (1.0 - 1e-14) {
                // What vanished at t = 0 grows as a power of t: steps in proportion to it at first.
                let step = dt.min(0.25 * at);
                let n = ((t - at) / step - 1e-9).ceil().max(1.0);
                let step = (t - at) / n;
                let report = advance(&mut *engine, at, &mut theta, step)?;
                residual = residual.max(report.residual);
                at += step;
                if options.is_stopped() {
                    return Err(stopped(i));
                }
                bar.show(
                    i as u64,
                    &format!(
                        "t = {at:.3}  E {:.6}  residual {:.1e}",
                        report.energy, report.residual
                    ),
                );
            }
            at = t;
            let samples = observed.draw(psi, &theta)?;
            let now = Sampled::new(psi, &theta, &samples);
            for (values, o) in found.values.iter_mut().zip(exact.operators) {
                values.push(now.expectation::<Complex64>(o).map_err(measured(t))?.mean);
            }
            let now = now.expectation::<T>(model).map_err(measured(t))?.mean.mean;
            found.energy_drift = found
                .energy_drift
                .max((now - energy).abs() / spread.max(1e-300));
            if states <= TWIN_UP_TO {
                exact.advance(t - reached, &mut reference)?;
                reached = t;
                infidelity.push(overlap(psi, &theta, &all, &reference)?);
            }
        }
        bar.finish();
        found.residual = Some(residual);
        found.infidelity = (infidelity.len() == section.times.len()).then_some(infidelity);
        Ok(found)
    }
}

/// One step; one that fails is halved, at most so many times.
fn advance(
    engine: &mut (dyn Evolve + '_),
    t: f64,
    theta: &mut [f64],
    dt: f64,
) -> Result<StepReport, RunError> {
    let (mut at, end, mut step) = (t, t + dt, dt);
    let mut worst = StepReport::default();
    while at < end - 1e-12 * dt {
        step = step.min(end - at);
        match engine.advance(at, theta, step) {
            Ok(report) => {
                worst.residual = worst.residual.max(report.residual);
                worst.energy = report.energy;
                worst.solves += report.solves;
                at += step;
            }
            Err(e) if step <= dt / f64::from(1 << HALVINGS) => return Err(RunError::Evolve(e)),
            Err(e) => {
                eprintln!("{e}; the step is halved");
                step *= 0.5;
            }
        }
    }
    Ok(worst)
}
