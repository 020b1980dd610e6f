//! The time-evolving natural gradient for quantum states.

use super::fit::{Distance, FitParams, at, sweep};
use super::{Evolve, EvolveError, Flow, Points, StepReport, Tableau, forward};
use crate::{Sampled, Sampler};
use ketwork_hamiltonians::{Driven, Scalar};
use ketwork_models::{Differentiable, Samples};
use num_complex::Complex64;

/// Largest damping that is handed on: one fit that failed must not slow down all that follow.
const MOST_DAMPED: f64 = 1e-2;

/// Each stage of a tableau writes down its target state on the points,
/// $\psi_n + dt \sum_j a_j f H \psi_j$, and fits the network to it by Gauss-Newton sweeps: the
/// nonlinear projection, where TDVP takes the linear one.
///
/// States of stages are known up to norm and phase; both follow from the fit to their targets. A fit
/// starts with the damping that the one before ended with: where the manifold is strongly curved, sweeps
/// would otherwise be spent on finding it again.
///
/// # References
/// Z. Chen, J. McCarran, E. Vizcaino, M. Soljačić, D. Luo, Proc. ICML 235, 7143 (2024), for partial
/// differential equations; the amplitude residual here is what replaces their function values.
pub struct Teng<'a, T: Scalar, W: Differentiable<Log = Complex64> + ?Sized> {
    hamiltonian: &'a dyn Driven<T>,
    psi: &'a W,
    sampler: Box<dyn Sampler<W> + 'a>,
    /// All configurations, where they are affordable: drawn samples else.
    all: Option<Points<Complex64>>,
    /// Real or imaginary time.
    pub flow: Flow,
    /// Euler, Heun, or the fourth-order method.
    pub tableau: Tableau,
    /// The fit of each stage; its first damping is that of the first step only, see [`Teng`].
    pub fit: FitParams,
    /// Damping with which the next fit starts.
    damping: Option<f64>,
}

impl<'a, T, W> Teng<'a, T, W>
where
    T: Scalar,
    W: Differentiable<Log = Complex64> + ?Sized,
    Complex64: From<T>,
{
    /// Real time with Heun's tableau, on the samples that `sampler` draws at the start of each step.
    pub fn new(
        hamiltonian: &'a dyn Driven<T>,
        psi: &'a W,
        sampler: Box<dyn Sampler<W> + 'a>,
    ) -> Self {
        Self {
            hamiltonian,
            psi,
            sampler,
            all: None,
            flow: Flow::RealTime,
            tableau: Tableau::heun(),
            fit: FitParams {
                tolerance: 1e-16,
                sweeps: 20,
                shift: 1e-8,
                least_shift: 1e-11,
                distance: Distance::Amplitude,
            },
            damping: None,
        }
    }

    /// The same with all configurations as points.
    #[must_use]
    pub fn with_all(mut self, all: crate::FullSum) -> Self {
        self.all = Some(Points::All(all));
        self
    }

    /// $f (E_\mathrm{loc} - E_0)\,e^c \psi/\psi_n$ at the points, and the energy $E_0$: the one given, or
    /// the mean.
    fn velocity(
        &self,
        t: f64,
        theta: &[f64],
        samples: &Samples<Complex64>,
        c: Complex64,
        start: &Samples<Complex64>,
        zero: Option<f64>,
    ) -> Result<(Vec<Complex64>, f64), EvolveError> {
        let h = self.hamiltonian.at(t);
        let energies = Sampled::new(self.psi, theta, samples)
            .local_estimates(&*h, "local energy")
            .map_err(|source| EvolveError::Measure { t, source })?;
        let parts = energies.iter().zip(&samples.weight);
        let zero = zero.unwrap_or_else(|| parts.map(|(e, w)| e.re * w).sum());
        let of = |b: usize| {
            let ratio = (samples.log_psi[b] + c - start.log_psi[b]).exp();
            self.flow.velocity(energies[b] - zero) * ratio
        };
        Ok(((0..samples.len()).map(of).collect(), zero))
    }

    /// $\ln[\psi_n (1 + dt \sum_j a_j k_j)]$.
    fn target(
        start: &Samples<Complex64>,
        dt: f64,
        by: &[f64],
        rates: &[Vec<Complex64>],
    ) -> Vec<Complex64> {
        let of = |(b, l): (usize, &Complex64)| {
            let sum: Complex64 = by.iter().zip(rates).map(|(a, k)| a * k[b]).sum();
            let factor = 1.0 + dt * sum;
            match factor.norm_sqr() > 0.0 {
                true => l + factor.ln(),
                false => Complex64::new(f64::NEG_INFINITY, 0.0),
            }
        };
        start.log_psi.iter().enumerate().map(of).collect()
    }
}

impl<T, W> Evolve for Teng<'_, T, W>
where
    T: Scalar,
    W: Differentiable<Log = Complex64> + ?Sized,
    Complex64: From<T>,
{
    fn advance(&mut self, t: f64, theta: &mut [f64], dt: f64) -> Result<StepReport, EvolveError> {
        forward(t, dt)?;
        let sampled = |source| EvolveError::Sample { t, source };
        let (start, points) = match &self.all {
            Some(all) => (all.of(self.psi, theta).map_err(sampled)?, all.clone()),
            None => {
                let drawn = self.sampler.draw(self.psi, theta).map_err(sampled)?;
                (drawn.clone(), Points::Shots(drawn))
            }
        };
        let (first, zero) = self.velocity(t, theta, &start, Complex64::ZERO, &start, None)?;
        let mut rates = vec![first];
        let mut report = StepReport {
            energy: zero,
            ..StepReport::default()
        };
        let mut next = theta.to_vec();
        let mut damping = self.damping;
        let mut project = |next: &mut Vec<f64>, target: &[Complex64]| {
            let mut fit = self.fit;
            fit.shift = damping.unwrap_or(fit.shift);
            let found = sweep(self.psi, next, &points, target, &fit).map_err(|e| at(t, e))?;
            damping = Some(found.shift.clamp(fit.least_shift, MOST_DAMPED));
            report.residual = report.residual.max(found.loss.max(0.0).sqrt());
            report.solves += found.sweeps;
            Ok::<_, EvolveError>(())
        };
        for stage in 1..self.tableau.stages() {
            let target = Self::target(&start, dt, self.tableau.a(stage), &rates);
            project(&mut next, &target)?;
            let there = points.of(self.psi, &next).map_err(sampled)?;
            // Norm and phase as in the target: the weighted mean of the ratio is 1.
            let mean: Complex64 = target
                .iter()
                .zip(&there.log_psi)
                .zip(&there.weight)
                .filter(|((a, _), _)| a.re > f64::NEG_INFINITY)
                .map(|((a, l), w)| w * (a - l).exp())
                .sum();
            let at_stage = t + self.tableau.c(stage) * dt;
            let (rate, _) =
                self.velocity(at_stage, &next, &there, mean.ln(), &start, Some(zero))?;
            rates.push(rate);
        }
        let target = Self::target(&start, dt, self.tableau.b(), &rates);
        project(&mut next, &target)?;
        if next.iter().any(|x| !x.is_finite()) {
            return Err(EvolveError::Diverged { t });
        }
        self.damping = damping;
        theta.copy_from_slice(&next);
        Ok(report)
    }

    fn save(&self) -> Vec<u64> {
        let damping = self.damping.unwrap_or(f64::NAN).to_bits();
        [vec![damping], self.sampler.save()].concat()
    }

    fn load(&mut self, saved: &[u64]) -> Result<(), EvolveError> {
        let (damping, sampler) = saved.split_at(saved.len().min(1));
        let damping = damping.first().map(|b| f64::from_bits(*b));
        self.damping = damping.filter(|x| x.is_finite());
        let loaded = self.sampler.load(sampler);
        loaded.map_err(|source| EvolveError::Sample { t: 0.0, source })
    }
}

impl<T: Scalar, W: Differentiable<Log = Complex64> + ?Sized> std::fmt::Debug for Teng<'_, T, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Teng")
            .field("flow", &self.flow)
            .field("tableau", &self.tableau)
            .field("fit", &self.fit)
            .finish_non_exhaustive()
    }
}
