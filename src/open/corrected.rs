//! Corrected Euler steps of a probability on all outcomes or on shots: TENG, and the trapezoid.

use super::Master;
use crate::Sampler;
use crate::evolve::{
    Evolve, EvolveError, FitParams, Points, Rest, StepReport, descend, failed, forward,
};
use crate::exact::SparseMatrix;
use ketwork_hamiltonians::Driven;
use ketwork_models::{Differentiable, Samples};

/// An Euler step, then corrections
/// $P_{k+1} = P_\mathrm{old} + \tfrac\tau2 A (P_\mathrm{old} + P_k)$, each projected on the network by
/// Gauss-Newton sweeps at points that stay where they were drawn. No correction is TENG with Euler's
/// tableau, one is TENG with Heun's, many end in the forward-backward trapezoid.
///
/// # References
/// D. Luo, Z. Chen, J. Carrasquilla, B. K. Clark, Phys. Rev. Lett. 128, 090501 (2022); Z. Chen,
/// J. McCarran, E. Vizcaino, M. Soljačić, D. Luo, Proc. ICML 235, 7143 (2024).
pub struct Corrected<'a, W: Differentiable<Log = f64> + ?Sized> {
    master: Master<'a>,
    psi: &'a W,
    sampler: Box<dyn Sampler<W> + 'a>,
    /// All outcomes, where they are affordable: drawn samples else.
    all: Option<Points<f64>>,
    /// Corrections after the Euler step.
    pub corrections: u32,
    /// The fit of each stage.
    pub fit: FitParams,
}

impl<'a, W: Differentiable<Log = f64> + ?Sized> Corrected<'a, W> {
    /// One correction, at the samples that `sampler` draws at the start of each step.
    pub fn new(
        generator: &'a dyn Driven<f64>,
        psi: &'a W,
        sampler: Box<dyn Sampler<W> + 'a>,
    ) -> Self {
        Self {
            master: Master::new(generator),
            psi,
            sampler,
            all: None,
            corrections: 1,
            fit: FitParams {
                tolerance: 1e-13,
                sweeps: 6,
                shift: 1e-6,
                least_shift: 1e-9,
                ..FitParams::default()
            },
        }
    }

    /// The same with all outcomes, or the orbits of them, as points, and the generator, which stands still, as a
    /// matrix over these.
    #[must_use]
    pub fn with_all(mut self, all: crate::FullSum, generator: &'a SparseMatrix<f64>) -> Self {
        self.all = Some(Points::All(all));
        self.master = Master::over(generator);
        self
    }
}

impl<W: Differentiable<Log = f64> + ?Sized> Evolve for Corrected<'_, W> {
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
        let first = self.master.rates(t, self.psi, theta, &start)?;
        let mut factor: Vec<f64> = first.iter().map(|v| 1.0 + dt * v).collect();
        let mut next = theta.to_vec();
        let mut report = StepReport::default();
        for k in 0..=self.corrections {
            if k > 0 {
                let there = points.of(self.psi, &next).map_err(sampled)?;
                let rates = self.master.rates(t + dt, self.psi, &next, &there)?;
                for (b, f) in factor.iter_mut().enumerate() {
                    let ratio = (there.log_psi[b] - start.log_psi[b]).exp();
                    *f = 1.0 + 0.5 * dt * (first[b] + rates[b] * ratio);
                }
            }
            let rest = |samples: &Samples<f64>| rest(samples, &start, &factor);
            let found = descend(self.psi, &mut next, &points, &rest, &self.fit)
                .map_err(|e| failed(t, e))?;
            report.residual = found.loss.max(0.0).sqrt();
            report.solves += found.sweeps;
        }
        if next.iter().any(|x| !x.is_finite()) {
            return Err(EvolveError::Diverged { t });
        }
        theta.copy_from_slice(&next);
        Ok(report)
    }

    fn save(&self) -> Vec<u64> {
        self.sampler.save()
    }

    fn load(&mut self, saved: &[u64]) -> Result<(), EvolveError> {
        let loaded = self.sampler.load(saved);
        loaded.map_err(|source| EvolveError::Sample { t: 0.0, source })
    }
}

/// $f P_\mathrm{old}/P - 1$ with the ratio's mean set to 1.
fn rest(samples: &Samples<f64>, start: &Samples<f64>, factor: &[f64]) -> Rest<f64> {
    let logs = start.log_psi.iter().zip(&samples.log_psi);
    let mut values: Vec<f64> = factor
        .iter()
        .zip(logs)
        .map(|(f, (old, new))| f * (old - new).exp())
        .collect();
    let mean: f64 = values.iter().zip(&samples.weight).map(|(v, w)| w * v).sum();
    if mean > 0.0 {
        values.iter_mut().for_each(|v| *v = *v / mean - 1.0);
    }
    let spread = values.iter().zip(&samples.weight);
    let spread: f64 = spread.map(|(v, w)| w * v * v).sum();
    Rest {
        values,
        loss: if mean > 0.0 {
            spread / (1.0 + spread)
        } else {
            1.0
        },
    }
}

impl<W: Differentiable<Log = f64> + ?Sized> std::fmt::Debug for Corrected<'_, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Corrected")
            .field("corrections", &self.corrections)
            .field("fit", &self.fit)
            .finish_non_exhaustive()
    }
}
