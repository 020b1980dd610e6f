//! TENG for partial differential equations in two dimensions, $\partial_t u = \mathcal{L}u$ on the torus
//! $[0, 2\pi)^2$: a network that is carried by least squares, and its spectral twin.

mod network;
mod spectral;
#[cfg(test)]
mod tests;

pub use network::{Jet, PeriodicMlp};
pub use spectral::Spectral;

use super::Tableau;
use ketwork_linalg::least_squares;
use ketwork_models::Stream;

/// What drives a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pde {
    /// $\partial_t u = \nu\,\Delta u$.
    Heat {
        /// Diffusion.
        nu: f64,
    },
    /// $\partial_t u = \nu\,\Delta u + u - u^3$.
    AllenCahn {
        /// Diffusion.
        nu: f64,
    },
    /// $\partial_t u = \nu\,\Delta u - u\,(\partial_x u + \partial_y u)$.
    Burgers {
        /// Viscosity.
        nu: f64,
    },
}

impl Pde {
    /// $\mathcal{L}u$ at a point.
    #[must_use]
    pub fn rate(&self, u: &Jet) -> f64 {
        match *self {
            Self::Heat { nu } => nu * u.laplacian,
            Self::AllenCahn { nu } => nu * u.laplacian + u.value - u.value.powi(3),
            Self::Burgers { nu } => nu * u.laplacian - u.value * (u.dx + u.dy),
        }
    }
}

/// The points $(2\pi/n)(i + s, j + s)$, row by row; s shifts the grid by a part of its spacing.
#[must_use]
pub fn torus_grid(n: usize, shift: f64) -> Vec<[f64; 2]> {
    let at = |i: usize| std::f64::consts::TAU * (i as f64 + shift) / n as f64;
    (0..n * n).map(|k| [at(k / n), at(k % n)]).collect()
}

/// $\frac1{25}\cosh(3\sin x)\sinh(\sin y)$, where the published benchmarks start.
#[must_use]
pub fn published_start(x: [f64; 2]) -> f64 {
    (3.0 * x[0].sin()).cosh() * x[1].sin().sinh() / 25.0
}

/// How a field is projected on the network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PdeParams {
    /// Least squares of one projection, at most.
    pub sweeps: usize,
    /// Random parameters that one of them moves; all where there are fewer.
    pub columns: usize,
    /// Mean square at which a projection is good enough.
    pub tolerance: f64,
    /// Damping of the first least squares in units of $\|J\|_F$; from there on it follows Levenberg and
    /// Marquardt.
    pub damping: f64,
    /// The least damping.
    pub least_damping: f64,
}

impl Default for PdeParams {
    /// 7 sweeps of 1024 parameters, damping from 3e-4 down to 1e-9.
    fn default() -> Self {
        Self {
            sweeps: 7,
            columns: 1024,
            tolerance: 1e-16,
            damping: 3e-4,
            least_damping: 1e-9,
        }
    }
}

/// Why a field could not be carried on.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PdeError {
    /// A value is NaN or infinite.
    #[error("the field is not finite at t = {t}; take a shorter step or a larger damping")]
    NotFinite {
        /// Time of the step.
        t: f64,
    },
    /// A step that leads nowhere.
    #[error("dt = {dt}: take a positive number")]
    Step {
        /// The step.
        dt: f64,
    },
    /// A grid or network without points or units.
    #[error("{what} is empty; take at least one")]
    Empty {
        /// What is empty.
        what: &'static str,
    },
}

/// A network that follows a partial differential equation: every stage of a tableau is a target on
/// fixed grid points, $u_n + \Delta t \sum_j a_{kj} \mathcal{L}u_j$, to which the network is fitted by
/// repeated linear least squares. One sweep of an Euler step is TDVP.
///
/// # References
/// Z. Chen, J. McCarran, E. Vizcaino, M. Soljačić, D. Luo, Proc. ICML 235, 7143 (2024),
/// arXiv:2404.10771, algorithms 1 and 2.
#[derive(Clone, Debug)]
pub struct PdeTeng {
    /// The network.
    pub network: PeriodicMlp,
    /// The equation.
    pub pde: Pde,
    /// Euler or Heun, or any other explicit tableau.
    pub tableau: Tableau,
    /// The projections.
    pub params: PdeParams,
    points: Vec<[f64; 2]>,
    stream: Stream,
    solves: u64,
    /// Where the damping stands; a projection goes on from the one before.
    damping: Option<f64>,
}

/// What a projection reached.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Projection {
    /// Mean squares before the first and after each sweep, those included that were rejected and
    /// left it where it was.
    pub losses: Vec<f64>,
}

impl Projection {
    /// The mean square at the end.
    #[must_use]
    pub fn loss(&self) -> f64 {
        self.losses.last().copied().unwrap_or(f64::NAN)
    }
}

impl PdeTeng {
    /// A network on grid points.
    ///
    /// # Errors
    /// [`PdeError::Empty`].
    pub fn new(
        network: PeriodicMlp,
        pde: Pde,
        tableau: Tableau,
        points: Vec<[f64; 2]>,
        stream: Stream,
    ) -> Result<Self, PdeError> {
        let empty = [
            ("the grid", points.is_empty()),
            ("the network", network.copies == 0),
        ];
        if let Some((what, _)) = empty.into_iter().find(|e| e.1) {
            return Err(PdeError::Empty { what });
        }
        Ok(Self {
            network,
            pde,
            tableau,
            params: PdeParams::default(),
            points,
            stream,
            solves: 0,
            damping: None,
        })
    }

    /// One step; returns the projection on the target of the whole step.
    ///
    /// # Errors
    /// [`PdeError`]; theta is then unchanged.
    ///
    /// # Panics
    /// If theta has another length than the network's parameters.
    #[track_caller]
    pub fn step(&mut self, t: f64, theta: &mut [f64], dt: f64) -> Result<Projection, PdeError> {
        if !(dt > 0.0 && dt.is_finite()) {
            return Err(PdeError::Step { dt });
        }
        let start = self.network.jets(theta, &self.points);
        let mut rates = vec![self.rates(&start)];
        let mut next = theta.to_vec();
        let target = |weights: &[f64], rates: &[Vec<f64>]| -> Vec<f64> {
            let at = |p: usize| {
                let moved = weights.iter().zip(rates).map(|(a, r)| a * r[p]);
                start[p].value + dt * moved.sum::<f64>()
            };
            (0..start.len()).map(at).collect()
        };
        let tableau = self.tableau.clone();
        for stage in 1..tableau.stages() {
            let goal = target(tableau.a(stage), &rates);
            self.project(t, &mut next, &goal)?;
            let there = self.network.jets(&next, &self.points);
            rates.push(self.rates(&there));
        }
        let found = self.project(t, &mut next, &target(tableau.b(), &rates))?;
        theta.copy_from_slice(&next);
        Ok(found)
    }

    fn rates(&self, jets: &[Jet]) -> Vec<f64> {
        jets.iter().map(|u| self.pde.rate(u)).collect()
    }

    /// Moves theta until the field has the given values at the grid points.
    ///
    /// # Errors
    /// [`PdeError::NotFinite`].
    ///
    /// # Panics
    /// If there is not one value for each point.
    #[track_caller]
    pub fn project(
        &mut self,
        t: f64,
        theta: &mut [f64],
        target: &[f64],
    ) -> Result<Projection, PdeError> {
        assert_eq!(target.len(), self.points.len(), "one value for each point");
        let rest = |values: &[f64]| -> Vec<f64> {
            target.iter().zip(values).map(|(t, u)| t - u).collect()
        };
        let mut left = rest(&self.network.values(theta, &self.points));
        let mut found = Projection {
            losses: vec![mean_square(&left)],
        };
        if !found.loss().is_finite() {
            return Err(PdeError::NotFinite { t });
        }
        let mut damping = self.damping.unwrap_or(self.params.damping);
        for _ in 0..self.params.sweeps {
            let loss = found.loss();
            if loss <= self.params.tolerance {
                break;
            }
            let columns = self.columns();
            let j = self.network.jacobian(theta, &self.points, &columns);
            let norm = j.iter().map(|x| x * x).sum::<f64>().sqrt();
            let step = least_squares(&j, &left, damping * norm);
            let mut trial = theta.to_vec();
            columns.iter().zip(&step).for_each(|(&k, s)| trial[k] += s);
            let then = rest(&self.network.values(&trial, &self.points));
            let new = mean_square(&then);
            // Not-a-numbers are rejected too.
            if new < loss {
                theta.copy_from_slice(&trial);
                left = then;
                damping = (0.3 * damping).max(self.params.least_damping);
                found.losses.push(new);
            } else {
                damping = (10.0 * damping).min(self.params.damping.max(1.0));
                found.losses.push(loss);
            }
        }
        self.damping = Some(damping);
        Ok(found)
    }

    /// Parameters of one least-squares problem, ascending: a fresh random choice each time.
    fn columns(&mut self) -> Vec<usize> {
        let n = self.network.n_params();
        let stream = self.stream.named("columns").numbered(self.solves);
        self.solves += 1;
        let mut all: Vec<usize> = (0..n).collect();
        if self.params.columns < n {
            for i in 0..self.params.columns {
                let left = (n - i) as f64;
                let pick = (left * stream.uniform(i as u64, 0)) as usize;
                all.swap(i, i + pick.min(n - i - 1));
            }
            all.truncate(self.params.columns);
            all.sort_unstable();
        }
        all
    }
}

fn mean_square(values: &[f64]) -> f64 {
    values.iter().map(|x| x * x).sum::<f64>() / values.len() as f64
}

/// $\|u - v\| / \|v\|$ over points.
///
/// # Panics
/// If the lengths differ.
#[must_use]
#[track_caller]
pub fn relative_l2(u: &[f64], v: &[f64]) -> f64 {
    assert_eq!(u.len(), v.len(), "fields on the same points");
    let off: f64 = u.iter().zip(v).map(|(a, b)| (a - b).powi(2)).sum();
    (off / v.iter().map(|b| b * b).sum::<f64>()).sqrt()
}
