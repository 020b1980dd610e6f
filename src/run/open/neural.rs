//! Networks of outcome probabilities.

use super::{OpenOutcome, OpenRun, SUM_UP_TO};
use crate::evolve::{Evolve, Tableau, Tdvp};
use crate::exact::{Basis, Memory, SparseMatrix};
use crate::open::{Corrected, Master, Trapezoid};
use crate::run::watch::{bar, measured, stopped};
use crate::run::{RunError, RunOptions};
use crate::run_file::{Integrator, LindbladMethod, Network};
use crate::{FullSum, Independent, Sampled, Sampler};
use ketwork_hamiltonians::{Free, Sector, Space};
use ketwork_models::{
    Ansatz, Autoregressive, Cell, Offset, Rnn, RnnParams, Stream, Transformer, TransformerParams,
};
use std::sync::Arc;

/// $\sum_a |(AP)(a)|$ at which a network counts as stationary.
const STATIONARY: f64 = 2e-3;
/// Residual of a step above which it is repeated at half its length: the network could not follow.
/// Dissipative Ising ring of 6 from all up, V = g = 2: steps of 0.05 left 0.06 and an error of 0.03 in
/// the mean of X.
const POOR: f64 = 4e-3;
/// Shortest step, in units of the longest.
const SHORTEST: f64 = 1.0 / 64.0;
/// Longest time in which a network may become stationary, and the time that shots are given, in units
/// of 1/gamma.
const PATIENCE: f64 = 100.0;
const RELAXED: f64 = 10.0;
/// Longest steps of sums and of shots.
const STEP: f64 = 0.05;
const SAMPLED_STEP: f64 = 0.02;
/// Shots of a step, and how strongly their linear systems are damped.
const SHOTS: usize = 4096;
const SAMPLED_SHIFT: f64 = 1e-3;
/// Corrections after which a sampled trapezoid step counts as solved.
const CORRECTIONS: u32 = 4;
/// Error of an adapted TDVP step.
const TOLERANCE: f64 = 2e-4;

type Law = dyn Ansatz<Log = f64>;

impl OpenRun {
    pub(super) fn neurally(
        &self,
        found: &mut OpenOutcome,
        options: &RunOptions,
    ) -> Result<(), RunError> {
        let psi = self.network(self.start.len())?;
        let stream = Stream::new(self.run.seed);
        let mut theta = psi.layout().initial(stream.named("parameters"));
        let summed = match self.sums()? {
            true => {
                let (basis, a) = self.matrix()?;
                let sector = Free::new(Space::new(self.start.len(), 4));
                let all = FullSum::new(&sector, Memory::default())?;
                Some(Summed { basis, a, all })
            }
            false => None,
        };
        found.is_sampled = summed.is_none();
        let mut engine = self.engine(&*psi, summed.as_ref(), stream);
        // A step that fits shots or an integrator with its own error is not judged by its residual.
        let is_judged = summed.is_some() && self.method != LindbladMethod::Tdvp;
        let is_steady = found.times.is_empty();
        let gamma = self.run.lindblad.gamma.unwrap_or(1.0);
        let ends = match (is_steady, found.is_sampled) {
            (true, true) => vec![RELAXED / gamma.max(0.1)],
            (true, false) => vec![PATIENCE],
            _ => found.times.clone(),
        };
        let longest = match found.is_sampled {
            true => SAMPLED_STEP,
            false => STEP,
        };
        let tau = self.run.evolution.dt.unwrap_or(longest);
        let mut bar = bar("open system", options, ends.len());
        let mut observed = Independent::new(self.shots(), stream.named("observables"));
        let (mut at, mut step, mut worst) = (0.0, tau, 0f64);
        for (i, t) in ends.into_iter().enumerate() {
            while t - at > 1e-12 * t {
                // Equal steps to the end, none of them longer than the fits of late could follow.
                let taken = (t - at) / ((t - at) / step - 1e-9).ceil().max(1.0);
                let mut next = theta.clone();
                let report = engine
                    .advance(at, &mut next, taken)
                    .map_err(RunError::Evolve)?;
                if options.is_stopped() {
                    return Err(stopped(i));
                }
                if is_judged && report.residual > POOR && taken > tau * SHORTEST {
                    step = 0.5 * taken;
                    continue;
                }
                theta = next;
                at += taken;
                worst = worst.max(report.residual);
                if is_judged && report.residual < 0.25 * POOR {
                    step = (1.5 * step).min(tau);
                }
                let left = report.residual;
                bar.show(i as u64, &format!("t = {at:.3}  residual {left:.1e}"));
                match (is_steady, &summed) {
                    (true, Some(summed)) => {
                        found.residual = summed.unrest(&*psi, &theta)?;
                        if found.residual < STATIONARY {
                            break;
                        }
                    }
                    (true, None) => {}
                    (false, _) => found.residual = found.residual.max(left),
                }
            }
            match &summed {
                Some(summed) => {
                    let p = summed.probabilities(&*psi, &theta)?;
                    self.measure(&summed.basis, &p, found)?;
                }
                None => self.measure_shots(t, &*psi, &theta, &mut observed, found)?,
            }
        }
        bar.finish();
        if is_judged && worst > POOR {
            bar.say(&format!(
                "the network left {worst:.1e} even of a step of {:.1e}; take a wider one",
                tau * SHORTEST
            ));
        }
        if is_steady && !found.is_sampled && found.residual > STATIONARY {
            bar.say(&format!(
                "not stationary after t = {PATIENCE}: sum |A P| = {:.1e}",
                found.residual
            ));
        }
        Ok(())
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
                Some(summed) => Box::new(summed.all.clone()),
                None => Box::new(Independent::new(self.shots(), stream.named("evolution"))),
            }
        };
        match (self.method, summed) {
            (LindbladMethod::Tdvp, _) => {
                let mut tdvp = Tdvp::new(Master::new(&self.generator), psi, sampler());
                tdvp.tolerance = TOLERANCE;
                if summed.is_none() {
                    tdvp.shift = SAMPLED_SHIFT;
                }
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
                Box::new(engine.with_all(summed.all.clone()))
            }
            (_, Some(summed)) => Box::new(Trapezoid::new(&summed.a, psi, summed.all.clone())),
            (method, None) => {
                let mut engine = Corrected::new(&self.generator, psi, sampler());
                (engine.fit.shift, engine.fit.least_shift) = (SAMPLED_SHIFT, SAMPLED_SHIFT);
                engine.fit.sweeps = 2;
                if method != LindbladMethod::Teng {
                    engine.corrections = CORRECTIONS;
                }
                Box::new(engine)
            }
        }
    }

    /// Adds means of shots; the mean of |(A P)/P| is the unrest of a steady state.
    fn measure_shots(
        &self,
        t: f64,
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
        if found.times.is_empty() {
            let rates = now.local_estimates(&self.generator, "rate of an outcome");
            let rates = rates.map_err(measured(t))?;
            let parts = rates.iter().zip(&samples.weight);
            found.residual = parts.map(|(r, w)| w * r.abs()).sum();
        }
        Ok(())
    }

    pub(super) fn network(&self, n: usize) -> Result<Box<dyn Ansatz<Log = f64>>, RunError> {
        let section = &self.run.wavefunction;
        let space = Space::new(n, 4);
        let shift = self.start.iter().flatten().map(|p| p.ln()).collect();
        let sector: Sector = Arc::new(Free::new(space));
        let rnn = |cell| RnnParams {
            cell,
            layers: section.layers.unwrap_or(1),
            width: section.width.unwrap_or(if n > SUM_UP_TO { 24 } else { 12 }),
        };
        Ok(match section.network {
            None | Some(Network::Transformer) => {
                let params = TransformerParams {
                    layers: section.layers.unwrap_or(1),
                    width: section.width.unwrap_or(if n > SUM_UP_TO { 16 } else { 8 }),
                    heads: section.heads.unwrap_or(2),
                };
                let net = Transformer::<f64>::new(space, params)?;
                Box::new(Autoregressive::probability(Offset::new(net, shift), sector))
            }
            Some(Network::Gru) => {
                let net = Rnn::<f64>::new(space, rnn(Cell::Gru))?;
                Box::new(Autoregressive::probability(Offset::new(net, shift), sector))
            }
            Some(Network::Lstm) => {
                let net = Rnn::<f64>::new(space, rnn(Cell::Lstm))?;
                Box::new(Autoregressive::probability(Offset::new(net, shift), sector))
            }
            Some(other) => {
                return Err(RunError::Value {
                    key: "wavefunction.network",
                    reason: format!(
                        "{other:?} gives no probabilities of outcomes; use \"transformer\", \"gru\" or \"lstm\""
                    ),
                });
            }
        })
    }
}

/// All outcome strings, and the generator on them.
struct Summed {
    basis: Basis,
    a: SparseMatrix<f64>,
    all: FullSum,
}

impl Summed {
    fn probabilities(&self, psi: &Law, theta: &[f64]) -> Result<Vec<f64>, RunError> {
        Ok(self.all.clone().draw(psi, theta)?.weight)
    }

    /// $\sum_a |(AP)(a)|$.
    fn unrest(&self, psi: &Law, theta: &[f64]) -> Result<f64, RunError> {
        let p = self.probabilities(psi, theta)?;
        let mut rate = vec![0.0; p.len()];
        self.a.apply(&p, &mut rate);
        Ok(rate.iter().map(|x| x.abs()).sum())
    }
}
