//! Networks of outcome probabilities.

use super::course::Course;
use super::steps::{POOR, Steps};
use super::summed::Summed;
use super::{NARROW_UP_TO, OpenOutcome, OpenRun, PURITY_UP_TO};
use crate::evolve::{Evolve, FitParams, Tableau, Tdvp};
use crate::open::{
    Corrected, Master, Trapezoid, evolve_probabilities, fit_probabilities, reduced_density,
    sampled_purity,
};
use crate::run::kept::{bits, words};
use crate::run::watch::{bar, measured, stopped};
use crate::run::{Kept, RunError, RunOptions};
use crate::run_file::{Integrator, LindbladMethod};
use crate::{Estimate, Independent, Sampled, Sampler, SiteOperator};
use ketwork_hamiltonians::Pauli;
use ketwork_models::{Ansatz, Samples, Stream};
use std::f64::consts::E;
use std::path::PathBuf;

/// $\sum_a |(AP)(a)|$ at which a network counts as stationary, and most steps towards it. What a small
/// network leaves of it says little about its means: at 0.02 those of the ring of 6 sites (V = 2,
/// g = 1) are within 5e-4 of the exact ones.
const STATIONARY: f64 = 5e-4;
const SETTLING: usize = 100;
/// Steps without a gain after which no more is expected.
const SETTLED: usize = 3;
/// Steps of the law towards stationarity, the first and the longest, in units of 1/gamma.
const FIRST_STEP: f64 = 0.05;
const PATIENT_STEP: f64 = 2.0;
/// Shortest step, in units of the shorter of the one asked for and the default.
const SHORTEST: f64 = 1.0 / 64.0;
/// Time that shots are given to become stationary, and how often they are measured from then on, at
/// distances of 1: the noise of a network's motion has its own time of the same order. In units of 1/gamma.
const RELAXED: f64 = 8.0;
const MEASURED: u32 = 4;
/// Smallest rate of decay with which that is done.
const SLOWEST: f64 = 0.01;
/// Longest steps of sums and of shots.
const STEP: f64 = 0.05;
const SAMPLED_STEP: f64 = 0.02;
/// Shots of a step.
const SHOTS: usize = 4096;
/// Shots that observables are measured with, for each shot of a step: they cost no linear system.
const OBSERVED: u64 = 16;
/// How strongly linear systems of shots are damped, where these see most of the outcomes, and those of TDVP that
/// are summed. Dissipative Ising ring
/// of 6, V = g = 2, to t = 4: means are off by 9e-4 at 1e-10, where weak directions make the motion stiff, and
/// by 7e-5 at 1e-6.
const SAMPLED_SHIFT: f64 = 1e-3;
const FEW_SHIFT: f64 = 1e-4;
const SUMMED_SHIFT: f64 = 1e-6;
/// Corrections after which a sampled trapezoid step counts as solved.
const CORRECTIONS: u32 = 4;
/// Error of an adapted TDVP step.
const TOLERANCE: f64 = 2e-4;

pub(super) type Law = dyn Ansatz<Log = f64>;

impl OpenRun {
    pub(super) fn neurally(
        &self,
        found: &mut OpenOutcome,
        options: &RunOptions,
    ) -> Result<(), RunError> {
        let psi = self.network()?;
        let stream = Stream::new(self.run.seed);
        let mut theta = psi.layout().initial(stream.named("parameters"));
        let summed = match self.sums()? {
            true => Some(self.summed()?),
            false => None,
        };
        found.is_sampled = summed.is_none();
        let longest = match found.is_sampled {
            true => SAMPLED_STEP,
            false => STEP,
        };
        let tau = self.run.evolution.dt.unwrap_or(longest);
        let is_steady = found.times.is_empty();
        // How often a steady state is relaxed may be prolonged; sweeps of a fit may not.
        let sweeps = self.run.optimizer.steps.filter(|_| !is_steady);
        let chosen = format!(
            "{} parameters, sums {}, shots {}, dt {tau}, sweeps {sweeps:?}",
            theta.len(),
            !found.is_sampled,
            self.shots()
        );
        let kept = Kept::open(options, &self.run, chosen)?;
        if let (true, Some(summed)) = (is_steady, &summed) {
            return self.settle(&*psi, &mut theta, summed, found, (options, kept.as_ref()));
        }
        let mut engine = self.engine(&*psi, summed.as_ref(), stream);
        // A step that fits shots or an integrator with its own error is not judged by its residual.
        let is_judged = summed.is_some() && self.method != LindbladMethod::Tdvp;
        let gamma = self.run.lindblad.gamma.unwrap_or(1.0);
        let ends = match is_steady {
            true if gamma < SLOWEST => {
                return Err(RunError::Value {
                    key: "lindblad.gamma",
                    reason: format!(
                        "a steady state on shots takes a time of {RELAXED}/gamma to be reached, too long below {SLOWEST}; use sampler = \"full_sum\" or no [wavefunction]"
                    ),
                });
            }
            true => (0..=MEASURED)
                .map(|i| (RELAXED + f64::from(i)) / gamma)
                .collect(),
            false => found.times.clone(),
        };
        let steps = Steps {
            longest: tau,
            shortest: tau.min(longest) * SHORTEST,
            is_judged,
        };
        let mut bar = bar("open system", options, ends.len());
        let mut observed = Independent::new(OBSERVED * self.shots(), stream.named("observables"));
        let mut course = Course {
            step: tau,
            ..Course::default()
        };
        if let Some(saved) = kept.as_ref().and_then(|kept| kept.resumed.as_ref()) {
            course.restore(saved, found)?;
            theta = saved.parameters(psi.layout())?;
            engine
                .load(&bits(saved.array("engine")?))
                .map_err(RunError::Evolve)?;
            Sampler::<Law>::load(&mut observed, &bits(saved.array("observed")?))?;
        }
        let last = ends.len().saturating_sub(1);
        for (i, t) in ends.into_iter().enumerate().skip(course.done) {
            course.done = i;
            while t - course.at > 1e-12 * t {
                if let Some(left) = steps.take(&mut *engine, &mut course, &mut theta, t)? {
                    let at = course.at;
                    bar.show(i as u64, &format!("t = {at:.3}  residual {left:.1e}"));
                    if !is_steady {
                        found.residual = found.residual.max(left);
                    }
                }
                if options.is_stopped() {
                    let memory = (&*engine, &observed);
                    let checkpoint = course.keep(kept.as_ref(), found, (&*psi, &theta), memory)?;
                    return Err(stopped(i, checkpoint));
                }
            }
            // Before the time is measured: what only the last one has needs no place in a checkpoint.
            course.keep(kept.as_ref(), found, (&*psi, &theta), (&*engine, &observed))?;
            match &summed {
                Some(summed) => self.measure_sums((t, i == last), &*psi, &theta, summed, found)?,
                None => {
                    self.measure_shots((t, i == last), &*psi, &theta, &mut observed, found)?;
                }
            }
        }
        bar.finish();
        if is_steady {
            settled(found);
        }
        if is_judged && course.worst > POOR {
            bar.say(&format!(
                "the network left {:.1e} even of a step of {:.1e}; take a wider one",
                course.worst, steps.shortest
            ));
        }
        Ok(())
    }

    /// Long steps of the whole vector of probabilities, the network fitted to each.
    fn settle(
        &self,
        psi: &Law,
        theta: &mut [f64],
        summed: &Summed,
        found: &mut OpenOutcome,
        (options, kept): (&RunOptions, Option<&Kept>),
    ) -> Result<(), RunError> {
        let most = self.run.optimizer.steps.unwrap_or(SETTLING);
        let mut bar = bar("steady state", options, most);
        let longest = PATIENT_STEP / self.run.lindblad.gamma.unwrap_or(1.0).max(0.1);
        found.residual = f64::INFINITY;
        let fit = FitParams {
            tolerance: 1e-13,
            sweeps: 20,
            shift: self.run.optimizer.shift.unwrap_or(1e-3),
            least_shift: 1e-10,
            ..FitParams::default()
        };
        let mut best = theta.to_vec();
        let (mut first, mut idle, mut is_settled) = (0, 0, false);
        let mut course = Course::default();
        if let Some(saved) = kept.and_then(|kept| kept.resumed.as_ref()) {
            course.restore(saved, found)?;
            theta.copy_from_slice(&saved.parameters(psi.layout())?);
            best = saved.array("best")?.to_vec();
            first = saved.counter("steps")? as usize;
            idle = saved.counter("idle")? as usize;
            is_settled = saved.counter("settled")? > 0;
        }
        for i in first..most {
            if is_settled {
                break;
            }
            // Short steps first: a law far from the start needs the way there.
            let tau = longest.min(FIRST_STEP * 1.5f64.powi(i as i32));
            let mut target = summed.probabilities(psi, theta)?;
            evolve_probabilities(&summed.a, tau, &mut target, 1e-8)?;
            fit_probabilities(psi, theta, summed.orbits.sum(), &target, &fit)
                .map_err(RunError::Evolve)?;
            let left = summed.unrest(psi, theta)?;
            idle = if left < 0.97 * found.residual {
                0
            } else {
                idle + 1
            };
            if left < found.residual {
                found.residual = left;
                best.copy_from_slice(theta);
            }
            bar.show(i as u64 + 1, &format!("sum |A P| = {left:.1e}"));
            is_settled = found.residual < STATIONARY || (tau >= longest && idle >= SETTLED);
            let checkpoint = course.save(kept, found, |checkpoint| {
                checkpoint
                    .set_parameters(psi.layout(), theta)
                    .set_array("best", &best)
                    .set_counter("steps", i as u64 + 1)
                    .set_counter("idle", idle as u64)
                    .set_counter("settled", is_settled.into());
            })?;
            if options.is_stopped() && !is_settled && i + 1 < most {
                return Err(stopped(i + 1, checkpoint));
            }
        }
        let theta = &best;
        bar.finish();
        self.measure_sums((0.0, true), psi, theta, summed, found)
    }

    fn shots(&self) -> u64 {
        self.run.sampling.samples.unwrap_or(SHOTS) as u64
    }

    fn engine<'a>(
        &'a self,
        psi: &'a Law,
        summed: Option<&'a Summed>,
        stream: Stream,
    ) -> Box<dyn Evolve + 'a> {
        let sampler = || -> Box<dyn Sampler<Law> + 'a> {
            match summed {
                Some(summed) => Box::new(summed.orbits.sum().clone()),
                None => {
                    // The motion has no use for the noise of counts.
                    let shots = Independent::new(self.shots(), stream.named("evolution"));
                    Box::new(shots.by_inclusion())
                }
            }
        };
        let optimizer = &self.run.optimizer;
        let shift = optimizer
            .shift
            .or(summed.is_none().then_some(match self.start.len() {
                0..=NARROW_UP_TO => FEW_SHIFT,
                _ => SAMPLED_SHIFT,
            }));
        // What the run file says about the fits.
        let asked = |fit: &mut FitParams| {
            if let Some(shift) = shift {
                fit.shift = shift;
            }
            if summed.is_none() {
                (fit.least_shift, fit.sweeps) = (fit.shift, 2);
            }
            if let Some(steps) = optimizer.steps {
                fit.sweeps = u32::try_from(steps).unwrap_or(u32::MAX);
            }
        };
        // Euler's tableau of TENG needs no correction.
        let corrections = match self.run.evolution.integrator {
            Some(Integrator::Euler) => 0,
            _ => 1,
        };
        match (self.method, summed) {
            (LindbladMethod::Tdvp, _) | (LindbladMethod::SteadyState, None) => {
                let master = match summed {
                    Some(summed) => Master::over(&summed.a),
                    None => Master::new(&self.generator),
                };
                let mut tdvp = Tdvp::new(master, psi, sampler());
                tdvp.tolerance = TOLERANCE;
                tdvp.shift = shift.unwrap_or(SUMMED_SHIFT);
                tdvp.tableau = match self.run.evolution.integrator {
                    Some(Integrator::Euler) => Tableau::euler(),
                    Some(Integrator::Heun) => Tableau::heun(),
                    Some(Integrator::Rk4) => Tableau::rk4(),
                    // Noise of shots is no error of the integrator.
                    None if summed.is_none() => Tableau::heun(),
                    Some(Integrator::Rk45) | None => Tableau::rk45(),
                };
                Box::new(tdvp)
            }
            (LindbladMethod::Teng, Some(summed)) => {
                let engine = Corrected::new(&self.generator, psi, sampler());
                let mut engine = engine.with_all(summed.orbits.sum().clone(), &summed.a);
                engine.corrections = corrections;
                asked(&mut engine.fit);
                Box::new(engine)
            }
            (_, Some(summed)) => {
                let mut engine = Trapezoid::new(&summed.a, psi, summed.orbits.sum().clone());
                asked(&mut engine.fit);
                Box::new(engine)
            }
            (method, None) => {
                let mut engine = Corrected::new(&self.generator, psi, sampler());
                asked(&mut engine.fit);
                engine.corrections = match method {
                    LindbladMethod::Teng => corrections,
                    _ => CORRECTIONS,
                };
                Box::new(engine)
            }
        }
    }

    fn measure_sums(
        &self,
        (t, is_last): (f64, bool),
        psi: &Law,
        theta: &[f64],
        summed: &Summed,
        found: &mut OpenOutcome,
    ) -> Result<(), RunError> {
        let samples = summed.all(psi, theta)?;
        self.measure(summed.orbits.basis(), &samples.weight, found)?;
        if is_last {
            self.correlate(t, &Sampled::new(psi, theta, &samples), found)?;
        }
        Ok(())
    }

    /// The correlations at this time.
    fn correlate(
        &self,
        t: f64,
        now: &Sampled<'_, Law>,
        found: &mut OpenOutcome,
    ) -> Result<(), RunError> {
        if self.lattice.n_sites() != self.start.len() {
            return Ok(());
        }
        let z = SiteOperator::diagonal(&self.frame.coefficients(Pauli::Z));
        let all = now.correlations_by_displacement(&z, &self.lattice);
        found.correlations = all.map_err(measured(t))?;
        // On one site the square of the outcomes' numbers is not that of Z.
        found.correlations.retain(|c| c.distance > 0.0);
        Ok(())
    }

    /// Positivity of a block, and the purity of few sites.
    fn monitor_shots(
        &self,
        samples: &Samples<f64>,
        found: &mut OpenOutcome,
    ) -> Result<(), RunError> {
        let n = self.start.len();
        let mut block = match self.lattice.n_sites() == n {
            true => self.lattice.snake_order(),
            false => (0..n as u32).collect(),
        };
        block.truncate(4);
        let reduced = reduced_density(&self.frame, samples, &block)?;
        let is_lower = |m: Estimate| reduced.smallest.mean < m.mean;
        if found.min_eigenvalue.is_none_or(is_lower) {
            found.min_eigenvalue = Some(reduced.smallest);
            found.noise_floor = Some(reduced.floor);
        }
        found.block = block;
        if n <= PURITY_UP_TO {
            let purity = sampled_purity(&self.frame, samples)?;
            found.purity.get_or_insert_default().push(purity);
        }
        Ok(())
    }

    /// Adds means of shots; the mean of |(A P)/P| is the unrest of a steady state.
    fn measure_shots(
        &self,
        (t, is_last): (f64, bool),
        psi: &Law,
        theta: &[f64],
        sampler: &mut Independent,
        found: &mut OpenOutcome,
    ) -> Result<(), RunError> {
        let samples = sampler.draw(psi, theta)?;
        let now = Sampled::new(psi, theta, &samples);
        for (values, o) in found.values.iter_mut().zip(&self.observables) {
            values.push(
                now.expectation::<f64>(&o.diagonal)
                    .map_err(measured(t))?
                    .mean,
            );
        }
        if is_last {
            self.correlate(t, &now, found)?;
        }
        self.monitor_shots(&samples, found)?;
        if found.times.is_empty() {
            let rates = now.local_estimates(&self.generator, "rate of an outcome");
            let rates = rates.map_err(measured(t))?;
            let parts = rates.iter().zip(&samples.weight);
            found.residual = parts.map(|(r, w)| w * r.abs()).sum();
        }
        Ok(())
    }
}

/// One mean of those of all times of a steady state. Its error is that of the shots, or what the means scatter
/// by if that is more: the network moves on, pushed by the noise of its shots. Means at a distance of 1/gamma
/// are correlated by 1/e, which makes the variance of their mean (e + 1)/(e - 1) times as large.
fn settled(found: &mut OpenOutcome) {
    let lists = found.values.iter_mut().chain(&mut found.purity);
    for list in lists.filter(|list| list.len() > 1) {
        let n = list.len() as f64;
        let mean = list.iter().map(|e| e.mean).sum::<f64>() / n;
        let shots = list.iter().map(|e| e.error.powi(2)).sum::<f64>() / (n * n);
        let off = list.iter().map(|e| (e.mean - mean).powi(2));
        let scatter = (E + 1.0) / (E - 1.0) * off.sum::<f64>() / (n * (n - 1.0));
        let error = shots.max(scatter).sqrt();
        let n = list.iter().map(|e| e.n).sum();
        *list = vec![Estimate {
            mean,
            error,
            n,
            ..list[0]
        }];
    }
}

impl Course {
    /// Keeps all that the rest of a network's evolution depends on.
    fn keep(
        &self,
        kept: Option<&Kept>,
        found: &OpenOutcome,
        (psi, theta): (&Law, &[f64]),
        (engine, observed): (&dyn Evolve, &Independent),
    ) -> Result<Option<PathBuf>, RunError> {
        self.save(kept, found, |checkpoint| {
            checkpoint
                .set_parameters(psi.layout(), theta)
                .set_array("engine", &words(&engine.save()))
                .set_array("observed", &words(&Sampler::<Law>::save(observed)));
        })
    }
}
