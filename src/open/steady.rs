//! Steady states of a network by the smallest residual.

use crate::evolve::EvolveError;
use crate::exact::SparseMatrix;
use crate::{Dense, FullSum, Sampler};
use ketwork_linalg::{accumulate_columns, cholesky_solve};
use ketwork_models::{Differentiable, Samples};
use rayon::prelude::*;

/// Damping of the first step and its range, in units of the mean diagonal.
const FIRST: f64 = 1e-2;
const LEAST: f64 = 1e-10;
const MOST: f64 = 1e6;

/// The network nearest to a steady state: Gauss-Newton steps of
/// $$\sum_a \frac{[(A P_\theta)(a)]^2}{P_\theta(a)},$$
/// the variance of the rates $(AP)(a)/P(a)$, over all outcome strings, damped as Levenberg and
/// Marquardt do. The published loss is the first moment, $\sum_a |(AP)(a)|$, minimised by Adam; the
/// second is smooth at its minimum and bounds the square of the first. Both see fast modes more than
/// slow ones: a network that cannot reach 0 has better means where it is fitted to the law that its
/// own law relaxes to, see [`fit_probabilities`](crate::open::fit_probabilities).
///
/// # References
/// D. Luo, Z. Chen, J. Carrasquilla, B. K. Clark, Phys. Rev. Lett. 128, 090501 (2022).
pub struct Steady<'a, W: Differentiable<Log = f64> + ?Sized> {
    generator: &'a SparseMatrix<f64>,
    psi: &'a W,
    all: FullSum,
    /// Entries of A by rows.
    rows: Vec<Vec<(u32, f64)>>,
    damping: f64,
    memory: Vec<f64>,
}

/// What one step reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SteadyReport {
    /// $\sum_a |(AP)(a)|$.
    pub residual: f64,
    /// $\sum_a [(AP)(a)]^2 / P(a)$.
    pub variance: f64,
    /// False where no damping lowers the variance any more: the minimum.
    pub moved: bool,
}

impl<'a, W: Differentiable<Log = f64> + ?Sized> Steady<'a, W> {
    /// Of a network that is a probability (norm L1) over the strings of `all`, whose order is that
    /// of the generator.
    pub fn new(generator: &'a SparseMatrix<f64>, psi: &'a W, all: FullSum) -> Self {
        let mut rows = vec![Vec::new(); generator.dimension()];
        for (r, c, v) in generator.entries() {
            rows[r].push((c as u32, v));
        }
        Self {
            generator,
            psi,
            all,
            rows,
            damping: FIRST,
            memory: Vec::new(),
        }
    }

    /// One step that lowers the variance, or none.
    ///
    /// # Errors
    /// [`EvolveError`] where the network gives no numbers.
    ///
    /// # Panics
    /// If theta has another length than the network's parameters.
    #[track_caller]
    pub fn step(&mut self, theta: &mut [f64]) -> Result<SteadyReport, EvolveError> {
        let here = self.draw(theta)?;
        let (mut report, rates) = self.judge(&here.weight);
        let (k, n) = (theta.len(), here.len());
        let root: Vec<f64> = here.weight.iter().map(|p| p.sqrt()).collect();
        let map = Dense::reusing(std::mem::take(&mut self.memory), self.psi, theta, &here);
        let tangents = map.into_memory();
        // M = P^{-1/2} A P^{1/2} J, and r = P^{-1/2} A P.
        let mut moved = vec![0.0; n * k];
        moved
            .par_chunks_mut(k.max(1))
            .enumerate()
            .for_each(|(a, out)| {
                for &(b, v) in &self.rows[a] {
                    let scale = v * root[b as usize] / root[a].max(f64::MIN_POSITIVE);
                    let from = &tangents[b as usize * k..][..k];
                    out.iter_mut().zip(from).for_each(|(o, x)| *o += scale * x);
                }
            });
        let rest: Vec<f64> = rates.iter().zip(&root).map(|(r, s)| r * s).collect();
        let mut square = vec![0.0; k * k];
        accumulate_columns(&moved, k, &mut square);
        let mut slope = vec![0.0; k];
        for (row, r) in moved.chunks_exact(k).zip(&rest) {
            slope.iter_mut().zip(row).for_each(|(s, x)| *s -= r * x);
        }
        self.memory = tangents;
        let mean = (0..k).map(|i| square[i * k + i]).sum::<f64>() / k as f64;
        while self.damping <= MOST {
            let mut shifted = square.clone();
            (0..k).for_each(|i| shifted[i * k + i] += self.damping * mean);
            let mut step = slope.clone();
            if cholesky_solve(&shifted, &mut step).is_ok() {
                let next: Vec<f64> = theta.iter().zip(&step).map(|(t, s)| t + s).collect();
                let (there, _) = self.judge(&self.law(&next)?);
                if there.variance < report.variance {
                    theta.copy_from_slice(&next);
                    self.damping = (0.3 * self.damping).max(LEAST);
                    return Ok(there);
                }
            }
            self.damping *= 5.0;
        }
        self.damping = FIRST;
        report.moved = false;
        Ok(report)
    }

    fn draw(&self, theta: &[f64]) -> Result<Samples<f64>, EvolveError> {
        let sampled = |source| EvolveError::Sample { t: 0.0, source };
        self.all.clone().draw(self.psi, theta).map_err(sampled)
    }

    /// The law, or not-a-numbers where a long step led out of range.
    fn law(&self, theta: &[f64]) -> Result<Vec<f64>, EvolveError> {
        match self.draw(theta) {
            Ok(samples) => Ok(samples.weight),
            Err(EvolveError::Sample { .. }) => Ok(vec![f64::NAN; self.rows.len()]),
            Err(e) => Err(e),
        }
    }

    /// Residuals of a law, and its rates (AP)(a) / P(a).
    fn judge(&self, p: &[f64]) -> (SteadyReport, Vec<f64>) {
        let mut change = vec![0.0; p.len()];
        self.generator.apply(p, &mut change);
        let rates = change
            .iter()
            .zip(p)
            .map(|(c, p)| c / p.max(f64::MIN_POSITIVE));
        let rates: Vec<f64> = rates.collect();
        let report = SteadyReport {
            residual: change.iter().map(|c| c.abs()).sum(),
            variance: change.iter().zip(&rates).map(|(c, r)| c * r).sum(),
            moved: true,
        };
        (report, rates)
    }
}

impl<W: Differentiable<Log = f64> + ?Sized> std::fmt::Debug for Steady<'_, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Steady")
            .field("damping", &self.damping)
            .finish_non_exhaustive()
    }
}
