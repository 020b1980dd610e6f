//! The neural side of a quench: a fitted first state, carried by TDVP or TENG.

use super::course::Course;
use super::engine::{Moving, advance};
use super::exact::{Exact, overlap};
use super::{QuenchOutcome, QuenchRun};
use crate::evolve::{Evolve, FitReport, fit_largest, fit_state};
use crate::exact::Memory;
use crate::run::ground_state::broad_for;
use crate::run::kept::{bits, words};
use crate::run::watch::{bar, measured, stopped};
use crate::run::{Kept, RunError, RunOptions};
use crate::run_file::SamplerMethod;
use crate::{FullSum, Independent, Sampled, Sampler};
use ketwork_hamiltonians::{Hamiltonian, Model, OnSpace, Scalar};
use ketwork_models::Stream;
use num_complex::Complex64;
use std::path::PathBuf;

/// Largest dimension that is evolved exactly beside a network.
const TWIN_UP_TO: f64 = 65536.0;
/// Largest dimension over which a network is summed unasked.
const SUM_UP_TO: f64 = 1100.0;
/// Largest dimension over which a first state is fitted, and the largest amplitudes beyond it.
const FIT_UP_TO: usize = 1024;
/// Time of the fitted first state, in units of the inverse energy spread for each site.
const FIRST: f64 = 0.03;
/// Infidelity to which a first state is fitted, for sums and for shots, whose noise is far above it.
const FITTED: f64 = 1e-11;
const SAMPLED_FITTED: f64 = 1e-10;
/// Infidelity of the fit from which on the run says that it is poor.
const POOR_FIT: f64 = 1e-8;
/// Shots that observables are measured with, for each shot of a step: they cost no linear system.
const OBSERVED: u64 = 16;
/// Infidelity of the fit from which on there is no start.
const NO_FIT: f64 = 0.01;

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
        psi: &Moving,
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
        let sampler = |shots: Independent| -> Box<dyn Sampler<Moving>> {
            match sums {
                true => Box::new(all.clone()),
                false => Box::new(shots),
            }
        };
        // Near a product state almost all of |psi|^2 sits on few configurations, while the motion comes
        // from their neighbours. Ring of 8, h = 1, t = 1: <Y> is off by 0.020(3) without, by 0.005(1) with it.
        // A mixture of images has no broader law.
        let uniform = broad_for(model.space().n_sites);
        let offers = psi.draw_broadly(&[], 0..0, stream, uniform).is_some();
        let uniform = if offers { uniform } else { 0.0 };
        let (energy, spread) = exact.energy(start);
        let rate = exact.rate(start);
        let longest = if states <= 300.0 { 0.01 } else { 0.02 };
        let dt = section.dt.unwrap_or(longest / rate.max(1.0));
        let chosen = format!(
            "{} parameters, sums {sums}, shots {shots}, broad {uniform}, dt {dt}",
            psi.layout().n_params()
        );
        let kept = Kept::open(options, &self.run, chosen)?;
        // The motion has no use for the noise of counts, which the error bars of means are made of.
        let moving = Independent::new(shots, stream.named("evolution")).by_inclusion();
        let moving = moving.broadened(uniform);
        let mut engine = self.engine(
            model,
            psi,
            sampler(moving),
            sums.then(|| all.clone()),
            exact.basis.len(),
        );
        let observing = Independent::new(OBSERVED * shots, stream.named("observables"));
        let mut observed = sampler(observing);
        let mut bar = bar("evolution", options, section.times.len());
        // The state that the network can represent: shortly after a product state nothing vanishes.
        let first = FIRST / rate;
        let mut course = Course::new(self.empty(!sums));
        let mut twin = Twin {
            exact,
            psi: start.to_vec(),
            at: 0.0,
        };
        let mut theta = psi.layout().initial(stream.named("parameters"));
        if let Some(saved) = kept.as_ref().and_then(|kept| kept.resumed.as_ref()) {
            theta = saved.parameters(psi.layout())?;
            engine
                .load(&bits(saved.array("engine")?))
                .map_err(RunError::Evolve)?;
            observed.load(&bits(saved.array("observed")?))?;
            course.restore(saved)?;
            if states <= TWIN_UP_TO {
                // In the stretches of the first session, for the same bits.
                let early = section.times.iter().copied().filter(|t| *t <= first);
                let measured = section.times[..course.done]
                    .iter()
                    .copied()
                    .filter(|t| *t > first);
                for t in early.chain([first]).chain(measured) {
                    twin.go_to(t)?;
                }
            }
        } else {
            for (_, t) in course.left().into_iter().take_while(|(_, t)| *t <= first) {
                twin.go_to(t)?;
                course.measured(exact.means(&twin.psi));
                course.infidelity.push(0.0);
            }
            twin.go_to(first)?;
            course.at = first;
            let fitted = self.fit_first(psi, &mut theta, (exact, &twin.psi), sums, &all)?;
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
        }
        for (i, t) in course.left() {
            while course.at < t * (1.0 - 1e-14) {
                // What vanished at t = 0 grows as a power of t: steps in proportion to it at first.
                let step = dt.min(0.25 * course.at);
                let n = ((t - course.at) / step - 1e-9).ceil().max(1.0);
                let step = (t - course.at) / n;
                let report = advance(&mut *engine, course.at, &mut theta, step)?;
                course.residual = course.residual.max(report.residual);
                course.at += step;
                let now = format!(
                    "t = {:.3}  E {:.6}  residual {:.1e}",
                    course.at, report.energy, report.residual
                );
                bar.show(i as u64, &now);
                if options.is_stopped() {
                    let memory = (&*engine, &*observed);
                    return Err(stopped(i, course.keep(kept.as_ref(), psi, &theta, memory)?));
                }
            }
            course.at = t;
            let samples = observed.draw(psi, &theta)?;
            let now = Sampled::new(psi, &theta, &samples);
            let means = exact
                .operators
                .iter()
                .map(|o| Ok(now.expectation::<Complex64>(o).map_err(measured(t))?.mean));
            let means = means.collect::<Result<Vec<_>, RunError>>()?;
            let drift =
                (now.expectation::<T>(model).map_err(measured(t))?.mean.mean - energy).abs();
            course.found.energy_drift = course.found.energy_drift.max(drift / spread.max(1e-300));
            course.measured(means);
            if states <= TWIN_UP_TO {
                twin.go_to(t)?;
                course
                    .infidelity
                    .push(overlap(psi, &theta, &all, &twin.psi)?);
            }
            course.keep(kept.as_ref(), psi, &theta, (&*engine, &*observed))?;
        }
        bar.finish();
        Ok(course.finish(true))
    }

    /// Fits the network to the first state that it can represent.
    fn fit_first<T: Scalar>(
        &self,
        psi: &Moving,
        theta: &mut [f64],
        (exact, target): (&Exact<'_, T>, &[Complex64]),
        sums: bool,
        all: &FullSum,
    ) -> Result<FitReport, RunError>
    where
        Complex64: From<T>,
    {
        // Near a state along z few amplitudes hold all of the norm.
        let largest = !sums && exact.basis.len() > FIT_UP_TO && is_narrow(target);
        if !largest {
            let states = exact.basis.len() as f64;
            let bytes = 16.0 * states * theta.len() as f64;
            Memory::default().check("the Jacobian of the first state", states, bytes)?;
        }
        let tolerance = if sums { FITTED } else { SAMPLED_FITTED };
        let fitted = match largest {
            true => fit_largest(psi, theta, &exact.basis, target, FIT_UP_TO, tolerance),
            false => fit_state(psi, theta, all, target, tolerance),
        }
        .map_err(RunError::Evolve)?;
        match fitted.loss < NO_FIT {
            true => Ok(fitted),
            false => Err(RunError::Value {
                key: "wavefunction",
                reason: format!(
                    "this network does not represent the initial state: the fit ends at an infidelity of {:.1e}; take a wider one, or drop its symmetry if the state does not have it",
                    fitted.loss
                ),
            }),
        }
    }
}

impl Course {
    /// Keeps all that the rest of a neural evolution depends on.
    fn keep(
        &self,
        kept: Option<&Kept>,
        psi: &Moving,
        theta: &[f64],
        (engine, observed): (&dyn Evolve, &dyn Sampler<Moving>),
    ) -> Result<Option<PathBuf>, RunError> {
        self.save(kept, |checkpoint| {
            checkpoint
                .set_parameters(psi.layout(), theta)
                .set_array("engine", &words(&engine.save()))
                .set_array("observed", &words(&observed.save()));
        })
    }
}

/// The exact state beside the network's.
struct Twin<'a, 'b, T: Scalar> {
    exact: &'a Exact<'b, T>,
    psi: Vec<Complex64>,
    at: f64,
}

impl<T: Scalar> Twin<'_, '_, T>
where
    Complex64: From<T>,
{
    fn go_to(&mut self, t: f64) -> Result<(), RunError> {
        self.exact.advance(t - self.at, &mut self.psi)?;
        self.at = t;
        Ok(())
    }
}

/// Whether the amplitudes that [`fit_largest`] takes hold all but 1e-7 of the norm,
/// less than shots notice.
fn is_narrow(amplitudes: &[Complex64]) -> bool {
    let mut shares: Vec<f64> = amplitudes.iter().map(|a| a.norm_sqr()).collect();
    shares.sort_by(|a, b| b.total_cmp(a));
    shares.iter().skip(FIT_UP_TO).sum::<f64>() < 1e-7
}
