//! The neural side of a quench: a fitted first state, carried by TDVP or TENG.

use super::exact::{Exact, overlap};
use super::{QuenchOutcome, QuenchRun};
use crate::evolve::{
    Evolve, Flow, Schroedinger, StepReport, Tableau, Tdvp, Teng, fit_largest, fit_state,
};
use crate::exact::Memory;
use crate::run::ground_state::broad_for;
use crate::run::watch::{bar, measured, stopped};
use crate::run::{RunError, RunOptions};
use crate::run_file::{EvolutionMethod, Integrator, SamplerMethod};
use crate::{Estimate, FullSum, Independent, Sampled, Sampler};
use ketwork_hamiltonians::{Hamiltonian, Model, OnSpace, Scalar};
use ketwork_models::{Ansatz, Stream};
use num_complex::Complex64;

/// Largest dimension that is evolved exactly beside a network.
const TWIN_UP_TO: f64 = 65536.0;
/// Largest dimension over which a network is summed unasked.
const SUM_UP_TO: f64 = 1100.0;
/// Largest dimension over which a first state is fitted, and the largest amplitudes beyond it.
const FIT_UP_TO: usize = 4096;
/// Time of the fitted first state, in units of the inverse energy spread for each site.
const FIRST: f64 = 0.03;
/// Infidelity of the fit from which on the run says that it is poor.
const POOR_FIT: f64 = 1e-8;
/// Relative shift of linear systems of shots. Ring of 8, h = 1, 4096 shots, TDVP to t = 1: the
/// infidelity is 3e-2 at 1e-3, 1e-2 at 1e-4, 7e-3 at 1e-5, 6e-3 at 1e-6, 0.3 at 1e-8 (width 16, one seed).
const SAMPLED_SHIFT: f64 = 1e-5;
/// Shots that observables are measured with, for each shot of a step: they cost no linear system.
const OBSERVED: u64 = 16;
/// How often a failing step is halved.
const HALVINGS: u32 = 6;

impl QuenchRun {
    /// Whether a network of so many configurations is summed over all of them.
    pub(super) fn sums(&self, states: f64) -> Result<bool, RunError> {
        match self.run.sampling.sampler {
            Some(SamplerMethod::FullSum) => Ok(true),
            Some(SamplerMethod::Ancestral) => Ok(false),
            None => Ok(states <= SUM_UP_TO),
            Some(SamplerMethod::Metropolis) => Err(RunError::Value {
                key: "sampling.sampler",
                reason: "this network draws exact samples; use \"ancestral\" or \"full_sum\""
                    .into(),
            }),
        }
    }

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
        let sums = self.sums(states)?;
        let stream = Stream::new(self.run.seed);
        let all = FullSum::new(&**model.sector(), Memory::default())?;
        let shots = self.run.sampling.samples.unwrap_or(4096) as u64;
        let sampler = |name, shots, uniform| -> Box<dyn Sampler<dyn Ansatz<Log = Complex64>>> {
            let shots = Independent::new(shots, stream.named(name));
            match sums {
                true => Box::new(all.clone()),
                false => Box::new(shots.broadened(uniform)),
            }
        };
        // Near a product state almost all of |psi|^2 sits on few configurations, while the motion comes
        // from their neighbours. Ring of 8, h = 1, t = 1: <Y> is off by 0.020(3) without, by 0.005(1) with it.
        let broad = |name| sampler(name, shots, broad_for(model.space().n_sites));
        let (energy, spread) = exact.energy(start);
        let rate = exact.rate(start);
        let mut theta = psi.layout().initial(stream.named("parameters"));
        let mut reference = start.to_vec();
        let mut found = self.empty(!sums);
        let mut infidelity = Vec::new();
        let mut bar = bar("evolution", options, section.times.len());
        // The state that the network can represent: shortly after a product state nothing vanishes.
        let mut at = FIRST / rate;
        let mut reached = 0.0;
        let mut times = section.times.iter().peekable();
        while let Some(&&t) = times.peek().filter(|t| ***t <= at) {
            exact.advance(t - reached, &mut reference)?;
            reached = t;
            for (values, o) in found.values.iter_mut().zip(exact.operators) {
                values.push(Estimate::exact(exact.mean(o, &reference)));
            }
            infidelity.push(0.0);
            times.next();
        }
        exact.advance(at - reached, &mut reference)?;
        reached = at;
        // Near a state along z few amplitudes hold all of the norm.
        let largest = !sums && exact.basis.len() > FIT_UP_TO && is_narrow(&reference);
        if !largest {
            Memory::default().check(
                "the Jacobian of the first state",
                states,
                16.0 * states * theta.len() as f64,
            )?;
        }
        let fitted = match largest {
            true => fit_largest(psi, &mut theta, &exact.basis, &reference, FIT_UP_TO, 1e-11),
            false => fit_state(psi, &mut theta, &all, &reference, 1e-11),
        }
        .map_err(RunError::Evolve)?;
        bar.say(&format!(
            "the state at t = {at:.3} is fitted to an infidelity of {:.1e} in {} sweeps{}",
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
                let mut teng = Teng::new(model, psi, broad("evolution"));
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
                    broad("evolution"),
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
        let mut observed = sampler("observables", OBSERVED * shots, 0.0);
        let longest = if states <= 300.0 { 0.01 } else { 0.02 };
        let dt = section.dt.unwrap_or(longest / rate.max(1.0));
        let mut residual: f64 = 0.0;
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

/// Whether the amplitudes that [`fit_largest`] takes hold all but 1e-7 of the norm,
/// less than shots notice.
fn is_narrow(amplitudes: &[Complex64]) -> bool {
    let mut shares: Vec<f64> = amplitudes.iter().map(|a| a.norm_sqr()).collect();
    shares.sort_by(|a, b| b.total_cmp(a));
    shares.iter().skip(FIT_UP_TO).sum::<f64>() < 1e-7
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
