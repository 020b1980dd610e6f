//! A network that follows the forward-backward trapezoid.

use crate::evolve::{
    Evolve, EvolveError, FitParams, FitReport, Points, Rest, StepReport, descend, failed, forward,
};
use crate::exact::SparseMatrix;
use crate::{FullSum, Sampler};
use ketwork_models::{Differentiable, Samples};

/// Products of the fixed-point iteration of one step, at most.
const ITERATIONS: usize = 400;
/// Change of the iteration, as a sum of moduli, below which a step counts as solved.
const SOLVED: f64 = 1e-13;

/// Implicit trapezoid steps of probabilities, $(1 - \tfrac\tau2 A) P_\mathrm{new} = (1 + \tfrac\tau2 A) P_\mathrm{old}$,
/// second order in $\tau$, on all outcome strings: the step is solved as a vector, and the network is
/// fitted to it by Gauss-Newton sweeps of $\sqrt{P}(P_\mathrm{new}/P - 1)$, a natural gradient in the
/// metric of Fisher. The L1 norm of the residual, which the paper minimises by Adam, is reported.
///
/// # References
/// D. Luo, Z. Chen, J. Carrasquilla, B. K. Clark, Phys. Rev. Lett. 128, 090501 (2022).
pub struct Trapezoid<'a, W: Differentiable<Log = f64> + ?Sized> {
    generator: &'a SparseMatrix<f64>,
    psi: &'a W,
    all: FullSum,
    /// The fit of each step.
    pub fit: FitParams,
}

impl<'a, W: Differentiable<Log = f64> + ?Sized> Trapezoid<'a, W> {
    /// Steps of a network that is a probability (norm L1) over the strings of `all`, whose order is that of
    /// the generator.
    pub fn new(generator: &'a SparseMatrix<f64>, psi: &'a W, all: FullSum) -> Self {
        Self {
            generator,
            psi,
            all,
            fit: FitParams {
                tolerance: 1e-13,
                sweeps: 6,
                shift: 1e-6,
                least_shift: 1e-9,
                ..FitParams::default()
            },
        }
    }

    /// The probabilities of the network.
    ///
    /// # Errors
    /// [`EvolveError::Sample`].
    pub fn probabilities(&mut self, t: f64, theta: &[f64]) -> Result<Vec<f64>, EvolveError> {
        let samples = self
            .all
            .draw(self.psi, theta)
            .map_err(|source| EvolveError::Sample { t, source })?;
        Ok(samples.weight)
    }

    /// The whole of [`Evolve::advance`].
    fn step(&mut self, t: f64, theta: &mut [f64], tau: f64) -> Result<StepReport, EvolveError> {
        let half = 0.5 * tau;
        let old = self.probabilities(t, theta)?;
        let mut rate = vec![0.0; old.len()];
        self.generator.apply(&old, &mut rate);
        let forward: Vec<f64> = old.iter().zip(&rate).map(|(p, r)| p + half * r).collect();
        // P = forward + tau/2 A P, from the explicit step on.
        let mut target: Vec<f64> = old.iter().zip(&rate).map(|(p, r)| p + tau * r).collect();
        let mut change = f64::INFINITY;
        for _ in 0..ITERATIONS {
            self.generator.apply(&target, &mut rate);
            change = 0.0;
            for ((p, f), r) in target.iter_mut().zip(&forward).zip(&rate) {
                let next = f + half * r;
                change += (next - *p).abs();
                *p = next;
            }
            if change < SOLVED || !change.is_finite() {
                break;
            }
        }
        if change.is_nan() || change > 1e-9 {
            return Err(EvolveError::Diverged { t });
        }
        let found = fit_probabilities(self.psi, theta, &self.all, &target, &self.fit)?;
        let new = self.probabilities(t + tau, theta)?;
        self.generator.apply(&new, &mut rate);
        let left = new.iter().zip(&rate).zip(&forward);
        Ok(StepReport {
            residual: left.map(|((p, r), f)| (p - half * r - f).abs()).sum(),
            energy: 0.0,
            solves: found.sweeps,
        })
    }
}

impl<W: Differentiable<Log = f64> + ?Sized> Evolve for Trapezoid<'_, W> {
    /// The residual is $\sum_a |(1 - \tfrac\tau2 A) P_\mathrm{new} - (1 + \tfrac\tau2 A) P_\mathrm{old}|(a)$
    /// with both laws of the network; a step that is too long for the implicit equation to be solved
    /// fails as [`EvolveError::Diverged`].
    fn advance(&mut self, t: f64, theta: &mut [f64], dt: f64) -> Result<StepReport, EvolveError> {
        forward(t, dt)?;
        let mut next = theta.to_vec();
        let report = self.step(t, &mut next, dt)?;
        theta.copy_from_slice(&next);
        Ok(report)
    }
}

/// Fits a network's law to given probabilities over all strings; the loss is
/// $\sum_a (P^*(a) - P(a))^2 / P(a)$ over 1 plus the same.
///
/// # Errors
/// [`EvolveError`].
///
/// # Panics
/// If `target` differs in length from the strings.
#[track_caller]
pub fn fit_probabilities<W>(
    psi: &W,
    theta: &mut [f64],
    all: &FullSum,
    target: &[f64],
    params: &FitParams,
) -> Result<FitReport, EvolveError>
where
    W: Differentiable<Log = f64> + ?Sized,
{
    let rest = |samples: &Samples<f64>| {
        assert_eq!(
            target.len(),
            samples.len(),
            "one probability for each string"
        );
        let pairs = target.iter().zip(&samples.weight);
        let values: Vec<f64> = pairs.map(|(t, p)| t / p - 1.0).collect();
        let spread = values.iter().zip(&samples.weight);
        let spread: f64 = spread.map(|(v, p)| p * v * v).sum();
        Rest {
            values,
            loss: spread / (1.0 + spread),
        }
    };
    let points = Points::All(all.clone());
    descend(psi, theta, &points, &rest, params).map_err(|e| failed(0.0, e))
}

impl<W: Differentiable<Log = f64> + ?Sized> std::fmt::Debug for Trapezoid<'_, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trapezoid")
            .field("fit", &self.fit)
            .finish_non_exhaustive()
    }
}
