//! What carries a neural state forward: TDVP or TENG, at sums or at shots.

use super::QuenchRun;
use crate::evolve::{Evolve, Flow, Schroedinger, StepReport, Tableau, Tdvp, Teng};
use crate::run::RunError;
use crate::run_file::{EvolutionMethod, Integrator};
use crate::{FullSum, Sampler};
use ketwork_hamiltonians::{Model, Scalar};
use ketwork_models::Ansatz;
use num_complex::Complex64;

/// A state in motion.
pub(super) type Moving = dyn Ansatz<Log = Complex64>;

/// Relative shift of TDVP's linear systems at shots. What a larger one leaves out is the motion itself:
/// ring of 8 qubits at h = 1, width 8, from |+x>: an infidelity of 0.16 at t = 1 for 1e-5, also with full
/// sums. A smaller one makes the motion stiff: the ring of 10 is followed in 222 CPU seconds at 1e-8, and not
/// to t = 0.25 in as many at 1e-9 or 1e-10.
fn sampled_shift(states: usize) -> f64 {
    if states <= SMALL { 1e-10 } else { 1e-8 }
}
/// Configurations of a small space.
const SMALL: usize = 300;
/// Error of an adapted step at shots.
const SAMPLED_TOLERANCE: f64 = 1e-4;
/// Relative shift of TENG's fits at shots, which cannot follow smaller directions in few sweeps.
const TENG_SHIFT: f64 = 1e-5;
/// Sweeps of these fits: at a damping that does not fall more gain nothing.
const TENG_SWEEPS: u32 = 8;
/// How often a failing step is halved.
const HALVINGS: u32 = 6;

impl QuenchRun {
    /// The method of a run in a space of so many configurations; `all` where it sums over them.
    pub(super) fn engine<'a, T: Scalar>(
        &self,
        model: &'a Model<T>,
        psi: &'a Moving,
        sampler: Box<dyn Sampler<Moving> + 'a>,
        all: Option<FullSum>,
        states: usize,
    ) -> Box<dyn Evolve + 'a>
    where
        Complex64: From<T>,
    {
        let section = &self.run.evolution;
        let shift = self.run.optimizer.shift;
        match section.method {
            Some(EvolutionMethod::TengEuler | EvolutionMethod::TengHeun) => {
                let mut teng = Teng::new(model, psi, sampler);
                let is_sampled = all.is_none();
                if let Some(all) = all {
                    teng = teng.with_all(all);
                }
                if let Some(shift) = shift.or(is_sampled.then_some(TENG_SHIFT)) {
                    (teng.fit.shift, teng.fit.least_shift) = (shift, shift);
                }
                if is_sampled {
                    teng.fit.sweeps = TENG_SWEEPS;
                }
                if let Some(sweeps) = self.run.optimizer.steps {
                    teng.fit.sweeps = u32::try_from(sweeps).unwrap_or(u32::MAX);
                }
                if section.method == Some(EvolutionMethod::TengEuler) {
                    teng.tableau = Tableau::euler();
                }
                Box::new(teng)
            }
            _ => {
                let motion = Schroedinger::new(model, Flow::RealTime);
                let mut tdvp = Tdvp::new(motion, psi, sampler);
                if all.is_none() {
                    (tdvp.shift, tdvp.tolerance) = (sampled_shift(states), SAMPLED_TOLERANCE);
                }
                if let Some(shift) = shift {
                    tdvp.shift = shift;
                }
                tdvp.tableau = match section.integrator {
                    Some(Integrator::Euler) => Tableau::euler(),
                    Some(Integrator::Heun) => Tableau::heun(),
                    Some(Integrator::Rk4) => Tableau::rk4(),
                    Some(Integrator::Rk45) | None => Tableau::rk45(),
                };
                Box::new(tdvp)
            }
        }
    }
}

/// One step; one that fails is halved, at most so many times.
pub(super) fn advance(
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
