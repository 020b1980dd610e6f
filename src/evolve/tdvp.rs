//! The time-dependent variational principle.

use super::fit::{solver, weighted};
use super::{Evolve, EvolveError, Flow, StepReport, Tableau};
use crate::{Sampled, Sampler};
use ketwork_hamiltonians::{Driven, Scalar};
use ketwork_models::{Dense, Differentiable, TangentMap};
use num_complex::Complex64;

/// McLachlan's principle: $\dot\theta$ minimises $\|J\dot\theta - v\|^2$ with
/// $v = \sqrt{w} f (E_\mathrm{loc} - \bar E)$, J the centred tangent map, f = -i or -1.
///
/// With all configurations as points and a complete ansatz it is Schrödinger's equation; the error is
/// then that of the tableau.
///
/// # References
/// A. D. McLachlan, Mol. Phys. 8, 39 (1964); G. Carleo et al., Sci. Rep. 2, 243 (2012).
pub struct Tdvp<'a, T: Scalar, W: Differentiable<Log = Complex64> + ?Sized> {
    hamiltonian: &'a dyn Driven<T>,
    psi: &'a W,
    sampler: Box<dyn Sampler<W> + 'a>,
    /// Real or imaginary time.
    pub flow: Flow,
    /// The integrator.
    pub tableau: Tableau,
    /// Relative diagonal shift of the linear systems: about 1e-10 for full sums, 1e-4 for a thousand
    /// shots.
    pub shift: f64,
}

impl<'a, T, W> Tdvp<'a, T, W>
where
    T: Scalar,
    W: Differentiable<Log = Complex64> + ?Sized,
    Complex64: From<T>,
{
    /// Real time, fourth order, and the shift of full sums.
    pub fn new(
        hamiltonian: &'a dyn Driven<T>,
        psi: &'a W,
        sampler: Box<dyn Sampler<W> + 'a>,
    ) -> Self {
        Self {
            hamiltonian,
            psi,
            sampler,
            flow: Flow::RealTime,
            tableau: Tableau::rk4(),
            shift: 1e-10,
        }
    }

    /// $\dot\theta$ with the relative projection residual and the energy.
    fn rate(&mut self, t: f64, theta: &[f64]) -> Result<(Vec<f64>, f64, f64), EvolveError> {
        let samples = self
            .sampler
            .draw(self.psi, theta)
            .map_err(|source| EvolveError::Sample { t, source })?;
        let h = self.hamiltonian.at(t);
        let energies = Sampled::new(self.psi, theta, &samples)
            .local_estimates(&*h, "local energy")
            .map_err(|source| EvolveError::Measure { t, source })?;
        let mean: Complex64 = energies
            .iter()
            .zip(&samples.weight)
            .map(|(e, w)| e * w)
            .sum();
        let wanted = weighted(&samples, |b| self.flow.velocity(energies[b] - mean));
        let map = Dense::new(self.psi, theta, &samples);
        let mut solver = solver(&map);
        solver.set_shift(self.shift);
        let mut rate = vec![0.0; theta.len()];
        solver
            .solve(&map, &wanted, &mut rate)
            .map_err(|source| EvolveError::Solve { t, source })?;
        let mut found = vec![0.0; wanted.len()];
        map.apply(&rate, &mut found);
        let left: f64 = found
            .iter()
            .zip(&wanted)
            .map(|(a, b)| (a - b).powi(2))
            .sum();
        Ok((rate, left.sqrt(), mean.re))
    }
}

impl<T, W> Evolve for Tdvp<'_, T, W>
where
    T: Scalar,
    W: Differentiable<Log = Complex64> + ?Sized,
    Complex64: From<T>,
{
    fn advance(&mut self, t: f64, theta: &mut [f64], dt: f64) -> Result<StepReport, EvolveError> {
        let tableau = self.tableau.clone();
        let mut report = StepReport::default();
        let mut rates: Vec<Vec<f64>> = Vec::new();
        let moved = |theta: &[f64], by: &[f64], rates: &[Vec<f64>]| {
            let mut next = theta.to_vec();
            for (a, rate) in by.iter().zip(rates) {
                next.iter_mut()
                    .zip(rate)
                    .for_each(|(x, r)| *x += dt * a * r);
            }
            next
        };
        for stage in 0..tableau.stages() {
            let there = moved(theta, tableau.a(stage), &rates);
            let (rate, left, energy) = self.rate(t + tableau.c(stage) * dt, &there)?;
            if stage == 0 {
                report.energy = energy;
            }
            report.residual = report.residual.max(dt * left);
            report.solves += 1;
            rates.push(rate);
        }
        let next = moved(theta, tableau.b(), &rates);
        if next.iter().any(|x| !x.is_finite()) {
            return Err(EvolveError::Diverged { t });
        }
        theta.copy_from_slice(&next);
        Ok(report)
    }
}

impl<T: Scalar, W: Differentiable<Log = Complex64> + ?Sized> std::fmt::Debug for Tdvp<'_, T, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tdvp")
            .field("flow", &self.flow)
            .field("tableau", &self.tableau)
            .field("shift", &self.shift)
            .finish_non_exhaustive()
    }
}
