//! One network for all times: the implicit midpoint rule on all slices at once.

mod map;
mod next;
mod polygon;
mod residual;

#[cfg(test)]
mod tests;

pub use polygon::Polygon;

use super::{EvolveError, FitParams, Flow, fit_state};
use crate::exact::SparseMatrix;
use crate::{FullSum, MinSr, Sampler, TangentSolver};
use ketwork_hamiltonians::Scalar;
use ketwork_models::Differentiable;
use map::{Map, Slice};
use num_complex::Complex64;
use residual::{Residual, Rows, residual};

/// Sweeps of the last window, which sees all slices, in units of those of the others.
const LAST: u32 = 4;
/// Infidelity to which a new slice is fitted before the sweeps over its window.
const NEW: f64 = 1e-8;
/// The same of the first slice, which all others follow.
const START: f64 = 1e-10;

/// A network whose parameters depend on time, linearly between slices, so that every conditional does.
///
/// Between slices $t_k$ and $t_{k+1} = t_k + dt$ the residual of the implicit midpoint rule is
/// $R_k = (\psi_{k+1} - \psi_k)/dt + f\,(H - E)(\psi_{k+1} + \psi_k)/2$ with f = i in real and 1 in
/// imaginary time; $\psi_0$ is the given vector, exactly. A new slice starts where the network comes
/// closest to the rule's step from the slice before. Gauss-Newton sweeps with the damping of
/// Levenberg and Marquardt then make $L = K^{-1} \sum_k \sum_x |R_k(x)|^2$ small over windows that grow
/// until they hold all slices. The rule is unitary, so that a normalised network can fulfil it; its
/// error in the state is $O(dt^2)$.
///
/// # References
/// J. Wang, Z. Chen, D. Luo, Z. Zhao, V. M. Hur, B. K. Clark, arXiv:2108.02200 (2021), equations 1
/// and 2; the dependence on time through the parameters is ours.
#[derive(Debug)]
pub struct Spacetime {
    /// Real or imaginary time.
    pub flow: Flow,
    /// Times of the K slices after the initial one at t = 0, ascending.
    pub times: Vec<f64>,
    /// Slices that a window grows by.
    pub growth: usize,
    /// When a window is done, its tolerance being that of L, and its damping.
    pub fit: FitParams,
}

/// What the sweeps over all slices left.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct SpacetimeReport {
    /// Slices of the window, the initial one left out.
    pub slices: usize,
    /// L of the window.
    pub loss: f64,
    /// Linear systems solved so far.
    pub sweeps: u32,
    /// Infidelity of the fit that starts the first window.
    pub start: f64,
}

/// Where a search stands after a window.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Parameters of all functions of time.
    pub theta: Vec<f64>,
    /// What the sweeps left.
    pub report: SpacetimeReport,
}

/// The parameters at all times.
#[derive(Clone, Debug)]
pub struct Trajectory {
    polygon: Polygon,
    theta: Vec<f64>,
    n_params: usize,
}

impl Trajectory {
    /// $\theta(t)$, for t from the first slice to the last.
    #[must_use]
    pub fn at(&self, t: f64) -> Vec<f64> {
        let (first, f) = self.polygon.at(t);
        let mut sum = vec![0.0; self.n_params];
        for (b, f) in (first..).zip(f) {
            let part = &self.theta[b * self.n_params..(b + 1) * self.n_params];
            sum.iter_mut().zip(part).for_each(|(s, p)| *s += f * p);
        }
        sum
    }

    /// Function b is that of the one before.
    fn repeat(&mut self, b: usize) {
        let p = self.n_params;
        self.theta.copy_within((b - 1) * p..b * p, b * p);
    }
}

impl Spacetime {
    /// Real time on slices at these times.
    #[must_use]
    pub fn new(times: Vec<f64>) -> Self {
        Self {
            flow: Flow::RealTime,
            times,
            growth: 1,
            fit: FitParams {
                tolerance: 1e-6,
                sweeps: 30,
                shift: 1e-3,
                least_shift: 1e-9,
                ..FitParams::default()
            },
        }
    }

    fn lengths(&self) -> Vec<f64> {
        let from = std::iter::once(0.0).chain(self.times.iter().copied());
        from.zip(&self.times).map(|(a, b)| b - a).collect()
    }

    /// Memory of the Gram matrix and the Jacobians in bytes, for so many configurations and parameters
    /// of the network.
    #[must_use]
    pub fn bytes(&self, dimension: usize, n_params: usize) -> f64 {
        let rows = 2.0 * (self.times.len() * dimension) as f64;
        8.0 * rows * (rows + n_params as f64)
    }

    /// Finds the parameters at all times from normalised amplitudes at t = 0, or goes on after a window
    /// that an earlier search has finished. `say` hears of every window and ends the search by returning
    /// false.
    ///
    /// # Errors
    /// [`EvolveError`].
    ///
    /// # Panics
    /// If the vector differs in length from the configurations, there is no slice, times do not ascend from
    /// 0, or the window belongs to another network or other slices.
    #[track_caller]
    #[expect(
        clippy::too_many_arguments,
        reason = "system, network and start, and how to go on with a search"
    )]
    pub fn solve<T, W>(
        &self,
        h: &SparseMatrix<T>,
        psi: &W,
        theta: &[f64],
        start: &[Complex64],
        all: &FullSum,
        from: Option<Window>,
        mut say: impl FnMut(&Window) -> bool,
    ) -> Result<(Trajectory, SpacetimeReport), EvolveError>
    where
        T: Scalar,
        Complex64: From<T>,
        W: Differentiable<Log = Complex64> + ?Sized,
    {
        let lengths = self.lengths();
        assert!(
            !lengths.is_empty() && lengths.iter().all(|dt| *dt > 0.0),
            "slices at ascending times"
        );
        let rows = Rows::new(h);
        assert_eq!(
            start.len(),
            rows.len(),
            "one amplitude for each configuration"
        );
        let image = rows.apply(start);
        let pairs = start.iter().zip(&image);
        let shift: f64 = pairs.map(|(a, b)| (a.conj() * b).re).sum();
        let first = next::next(&rows, self.flow, lengths[0], shift, start);
        let mut theta = theta.to_vec();
        let fitted = fit_state(psi, &mut theta, all, &first, START)?;
        // The global phase is free: the initial vector takes that of the fitted state.
        let near = all
            .clone()
            .draw(psi, &theta)
            .map_err(|source| EvolveError::Sample {
                t: self.times[0],
                source,
            })?;
        let turn: Complex64 = first
            .iter()
            .zip(&near.log_psi)
            .map(|(f, l)| f.conj() * l.exp())
            .sum();
        let turn = Complex64::from_polar(1.0, turn.arg());
        let start: Vec<Complex64> = start.iter().map(|a| turn * a).collect();
        // Two functions at least; that of a second slice that is not asked for stays unused.
        let mut times = self.times.clone();
        if times.len() == 1 {
            times.push(2.0 * times[0]);
        }
        let polygon = Polygon::new(times);
        let mut path = Trajectory {
            theta: theta.repeat(polygon.len()),
            n_params: theta.len(),
            polygon,
        };
        let problem = Problem {
            rows,
            psi,
            start: &start,
            all,
            lengths,
            spacetime: self,
        };
        let mut report = SpacetimeReport {
            slices: 0,
            loss: f64::INFINITY,
            sweeps: 0,
            start: fitted.loss,
        };
        if let Some(window) = from {
            assert_eq!(
                window.theta.len(),
                path.theta.len(),
                "a window of this network and these slices"
            );
            (path.theta, report) = (window.theta, window.report);
        }
        while report.slices < self.times.len() {
            let known = report.slices;
            report.slices = (known + self.growth.max(1)).min(self.times.len());
            // The first slice is fitted already.
            for k in known.max(1)..report.slices {
                problem.begin(&mut path, shift, k)?;
            }
            problem.descend(&mut path, shift, &mut report)?;
            let window = Window {
                theta: path.theta.clone(),
                report,
            };
            if !say(&window) {
                break;
            }
        }
        Ok((path, report))
    }
}

/// What stays the same in all windows.
struct Problem<'a, W: ?Sized> {
    rows: Rows,
    psi: &'a W,
    start: &'a [Complex64],
    all: &'a FullSum,
    /// Lengths of all intervals.
    lengths: Vec<f64>,
    spacetime: &'a Spacetime,
}

impl<W: Differentiable<Log = Complex64> + ?Sized> Problem<'_, W> {
    /// Amplitudes of all slices of a window, the initial one first.
    fn slices(&self, path: &Trajectory, n: usize) -> Result<Vec<Vec<Complex64>>, EvolveError> {
        let mut slices = vec![self.start.to_vec()];
        for &t in &self.spacetime.times[..n] {
            slices.push(self.slice(path, t)?);
        }
        Ok(slices)
    }

    fn slice(&self, path: &Trajectory, t: f64) -> Result<Vec<Complex64>, EvolveError> {
        let samples = self
            .all
            .clone()
            .draw(self.psi, &path.at(t))
            .map_err(|source| EvolveError::Sample { t, source })?;
        Ok(samples.log_psi.iter().map(|l| l.exp()).collect())
    }

    fn rest(&self, shift: f64, slices: &[Vec<Complex64>]) -> Residual {
        residual(
            &self.rows,
            self.spacetime.flow,
            &self.lengths,
            shift,
            slices,
        )
    }

    fn map(
        &self,
        path: &Trajectory,
        slices: &[Vec<Complex64>],
        energies: &[f64],
    ) -> Result<Map<'_>, EvolveError> {
        let n_params = path.n_params;
        let mut found = Vec::new();
        for (&t, psi) in self.spacetime.times.iter().zip(&slices[1..]) {
            let theta = path.at(t);
            let x = self
                .all
                .clone()
                .draw(self.psi, &theta)
                .map_err(|source| EvolveError::Sample { t, source })?
                .x;
            let mut jacobian = vec![0.0; 2 * psi.len() * n_params];
            self.psi.jacobian(&theta, x.view(), &mut jacobian);
            found.push(Slice {
                t,
                psi: psi.clone(),
                jacobian,
            });
        }
        Ok(Map {
            h: &self.rows,
            polygon: path.polygon.clone(),
            slices: found,
            energies: energies.to_vec(),
            flow: self.spacetime.flow,
            lengths: self.lengths.clone(),
            functions: path.polygon.len(),
            n_params,
        })
    }

    /// Parameters of slice k + 1 where the network comes closest to the step of the midpoint rule from
    /// slice k: amplitudes that pass through zero between slices turn their phase by a half, which no
    /// sweep from extrapolated parameters finds.
    fn begin(&self, path: &mut Trajectory, shift: f64, k: usize) -> Result<(), EvolveError> {
        let (flow, dt) = (self.spacetime.flow, self.lengths[k]);
        let p = path.n_params;
        let now = self.slice(path, self.spacetime.times[k - 1])?;
        let target = next::next(&self.rows, flow, dt, shift, &now);
        path.repeat(k);
        let theta = &mut path.theta[k * p..(k + 1) * p];
        fit_state(self.psi, theta, self.all, &target, NEW)?;
        Ok(())
    }

    /// Gauss-Newton sweeps on one window.
    fn descend(
        &self,
        path: &mut Trajectory,
        shift: f64,
        report: &mut SpacetimeReport,
    ) -> Result<(), EvolveError> {
        let params = &self.spacetime.fit;
        let n = report.slices;
        let most = match n == self.spacetime.times.len() {
            true => LAST * params.sweeps,
            false => params.sweeps,
        };
        let t = self.spacetime.times[n - 1];
        let mut slices = self.slices(path, n)?;
        let mut now = self.rest(shift, &slices);
        let (mut damping, mut sweeps) = (params.shift, 0);
        'sweeps: while now.loss > params.tolerance && sweeps < most {
            let map = self.map(path, &slices, &now.energies)?;
            let wanted: Vec<f64> = now
                .values
                .iter()
                .map(|r| r.re)
                .chain(now.values.iter().map(|r| r.im))
                .collect();
            let mut solver = MinSr::new(damping);
            let mut step = vec![0.0; map.functions * map.n_params];
            loop {
                sweeps += 1;
                report.sweeps += 1;
                solver.shift = damping;
                solver
                    .solve(&map, &wanted, &mut step)
                    .map_err(|source| EvolveError::Solve { t, source })?;
                let mut trial = path.clone();
                trial.theta.iter_mut().zip(&step).for_each(|(t, s)| *t += s);
                // A trial whose amplitudes overflow is only too long.
                if let Ok(there) = self.slices(&trial, n) {
                    let then = self.rest(shift, &there);
                    if then.loss < now.loss {
                        let gain = now.loss / then.loss.max(1e-300);
                        (*path, slices, now) = (trial, there, then);
                        damping = (damping * 0.2).max(params.least_shift);
                        // Rounding, or what the network cannot express.
                        if gain < 1.02 && damping <= params.least_shift {
                            break 'sweeps;
                        }
                        continue 'sweeps;
                    }
                }
                damping *= 8.0;
                if sweeps >= most || damping > 1e4 {
                    break 'sweeps;
                }
            }
        }
        report.loss = now.loss;
        Ok(())
    }
}
