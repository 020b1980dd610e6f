//! Maximum likelihood: a state from measured configurations.

use super::{Broken, culprit, moved};
use crate::{Estimate, NaturalGradient, Schedule, SolveError, SolveInfo, TangentSolver};
use ketwork_hamiltonians::{Configs, ConfigsRef};
use ketwork_models::{Ancestral, Dense, Differentiable, Draw, Norm, Samples, Stream};
use serde::Serialize;

/// Maximises the likelihood $\mathcal L(\theta) = \sum_x q(x) \ln p_\theta(x)$ of configurations
/// with the law q under a normalised positive state, $p = |\psi|^2$ (or P in the L1 norm).
///
/// One step draws a batch from the data and solves $\min_\delta \|J\delta - r\|^2 +
/// \lambda\|\delta\|^2$ with $J_{sj} = \sqrt{w_s}\, \partial_j \ln\psi(x_s)$, not centred, and
/// $r_s = \sqrt{w_s} / e$, where $p = |\psi|^e$; then $\theta \leftarrow \theta + \eta\,\delta$.
/// $J^T r = \nabla \mathcal L / e^2$ and, near the maximum, $J^T J$ is the Fisher matrix over
/// $e^2$: a rate of 1 is the full natural step. Far from it J^T J also holds the square of the
/// gradient, which shortens the step and keeps its direction. Solvers of first order
/// ([`Adam`](crate::Adam)) follow the gradient alone.
///
/// Configurations say nothing about phases: the state must be real and positive, as is the ground
/// state of a model without a sign problem in its gauge
/// ([`LocalSum::sign_gauge`](crate::LocalSum::sign_gauge)).
///
/// The iterator is endless, like [`GroundState`](crate::GroundState); after an error it ends.
///
/// # Shapes
/// A step holds 8 B P bytes, B rows of a batch and P parameters.
///
/// # References
/// S. Amari, Neural Comput. 10, 251 (1998) (natural gradient);
/// S. Czischek et al., Phys. Rev. B 105, 205108 (2022) (networks of Rydberg arrays, trained on data
/// before the energy).
pub struct Likelihood<'a, W: Differentiable + ?Sized, V> {
    /// The state.
    pub psi: &'a W,
    /// How the tangent-space problem is solved.
    pub solver: V,
    /// Draws from the data for each step (default 1024); all data where they have no more rows.
    pub batch: usize,
    /// Learning rate eta (default 0.1).
    pub learning_rate: Schedule,
    /// Shift of the solver; `None` leaves the solver's own.
    pub shift: Option<Schedule>,
    /// Longest step $\eta \|J\delta\|$, near the maximum its Fubini-Study length (default 0.1).
    pub max_distance: f64,
    /// Parameters.
    pub theta: Vec<f64>,
    /// Steps taken.
    pub step: u64,
    data: Configs,
    /// Sums of the weights up to and with each row; the last is 1.
    upto: Vec<f64>,
    stream: Stream,
    failed: bool,
    buffer: Vec<f64>,
}

/// What one step saw and did; values belong to the parameters before the step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LikelihoodReport {
    /// Number of the step, from 0.
    pub step: u64,
    /// Mean of ln p over the batch, in nats.
    pub log_likelihood: Estimate,
    /// Norm of the force $J^T r$.
    pub gradient_norm: f64,
    /// Length of the step, $\eta \|J\delta\|$.
    pub distance: f64,
    /// Learning rate, after shortening.
    pub learning_rate: f64,
    /// Different configurations in the batch.
    pub unique: usize,
    /// The linear solve.
    pub solve: SolveInfo,
}

/// Why data cannot be learnt; the parameters are those before the step.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LikelihoodError {
    /// No configuration is there.
    #[error("there is no configuration to learn from; keep more snapshots")]
    NoData,
    /// A weight is no probability.
    #[error("the weight of row {row} is {weight}; weights are finite, not negative, and not all 0")]
    Weight {
        /// The row.
        row: usize,
        /// Its weight.
        weight: f64,
    },
    /// The state cannot give a configuration of the data.
    #[error(
        "configuration {configuration:?} of the data has ln p = {log_p} in this state; data and state must \
         share a sector, and a state whose probabilities underflow needs smaller parameters"
    )]
    Impossible {
        /// The configuration.
        configuration: Vec<u8>,
        /// Logarithm of its probability.
        log_p: f64,
    },
    /// No batch was asked for.
    #[error("step {step}: a batch of 0 configurations; ask for at least one")]
    EmptyBatch {
        /// Number of the step.
        step: u64,
    },
    /// No step.
    #[error("step {step}{}: {source}", super::report::at(configuration))]
    Solve {
        /// Number of the step.
        step: u64,
        /// The first configuration whose derivatives are not finite, where that is the reason.
        configuration: Option<Vec<u8>>,
        /// The solver's reason.
        source: SolveError,
    },
    /// A parameter would become NaN or infinite.
    #[error("step {step}: a parameter of {name} becomes {value}; lower the learning rate")]
    NotFinite {
        /// Name of the array that holds it.
        name: String,
        /// Its value.
        value: f64,
        /// Number of the step.
        step: u64,
    },
}

impl<'a, W: Ancestral + Differentiable<Log = f64> + ?Sized> Likelihood<'a, W, NaturalGradient> {
    /// Learns from equally probable rows, which may repeat, from the given parameters.
    ///
    /// # Shapes
    /// `data` (n, N), in site order.
    ///
    /// # Errors
    /// [`LikelihoodError::NoData`], and [`LikelihoodError::Impossible`] for a configuration outside
    /// the state's sector.
    ///
    /// # Panics
    /// If parameters or sites do not fit the state.
    #[track_caller]
    pub fn new(
        psi: &'a W,
        data: ConfigsRef<'_>,
        theta: Vec<f64>,
        stream: Stream,
    ) -> Result<Self, LikelihoodError> {
        Self::weighted(psi, data, &vec![1.0; data.len()], theta, stream)
    }

    /// Learns from rows with weights, which need not add up to 1.
    ///
    /// # Shapes
    /// `data` (n, N), in site order, `weight` (n).
    ///
    /// # Errors
    /// Those of [`Self::new`], and [`LikelihoodError::Weight`].
    ///
    /// # Panics
    /// If parameters, sites or weights do not fit.
    #[track_caller]
    pub fn weighted(
        psi: &'a W,
        data: ConfigsRef<'_>,
        weight: &[f64],
        theta: Vec<f64>,
        stream: Stream,
    ) -> Result<Self, LikelihoodError> {
        let (n, n_params) = (psi.space().n_sites, psi.layout().n_params());
        assert_eq!(theta.len(), n_params, "one number for each parameter");
        assert_eq!(data.n_sites(), n, "data and state must share a space");
        assert_eq!(weight.len(), data.len(), "one weight for each row");
        if let Some(row) = weight.iter().position(|w| !(w.is_finite() && *w >= 0.0)) {
            let weight = weight[row];
            return Err(LikelihoodError::Weight { row, weight });
        }
        if data.is_empty() {
            return Err(LikelihoodError::NoData);
        }
        let total = crate::sum(weight);
        if total == 0.0 {
            let (row, weight) = (0, 0.0);
            return Err(LikelihoodError::Weight { row, weight });
        }
        // Sorted: equal rows become one, and neighbours in a batch come from all of the data.
        let mut order: Vec<usize> = (0..data.len()).filter(|&i| weight[i] > 0.0).collect();
        order.sort_by(|&i, &j| data.row(i).cmp(data.row(j)));
        let (mut rows, mut upto, mut sum) = (Configs::new(n), Vec::new(), 0.0);
        for equal in order.chunk_by(|&i, &j| data.row(i) == data.row(j)) {
            rows.push(data.row(equal[0]));
            sum += equal.iter().map(|&i| weight[i] / total).sum::<f64>();
            upto.push(sum);
        }
        let this = Self {
            psi,
            solver: NaturalGradient::default(),
            batch: 1024,
            learning_rate: Schedule::Constant(0.1),
            shift: None,
            max_distance: 0.1,
            theta,
            step: 0,
            data: rows,
            upto: upto.iter().map(|u| u / sum).collect(),
            stream: stream.named("likelihood"),
            failed: false,
            buffer: Vec::new(),
        };
        this.log_p(this.data.view())?;
        Ok(this)
    }
}

impl<'a, W, V> Likelihood<'a, W, V>
where
    W: Ancestral + Differentiable<Log = f64> + ?Sized,
    V: TangentSolver,
{
    /// The same run with another solver.
    pub fn with_solver<U: TangentSolver>(self, solver: U) -> Likelihood<'a, W, U> {
        Likelihood {
            psi: self.psi,
            solver,
            batch: self.batch,
            learning_rate: self.learning_rate,
            shift: self.shift,
            max_distance: self.max_distance,
            theta: self.theta,
            step: self.step,
            data: self.data,
            upto: self.upto,
            stream: self.stream,
            failed: self.failed,
            buffer: self.buffer,
        }
    }

    /// Different configurations in the data.
    #[must_use]
    pub fn unique(&self) -> usize {
        self.data.len()
    }

    /// Kullback-Leibler divergence $\sum_x q(x) \ln [q(x) / p_\theta(x)]$ of the state from all data,
    /// in nats: 0 where the state is the law of the data, which is the law behind them only where the
    /// data are complete.
    ///
    /// # Errors
    /// [`LikelihoodError::Impossible`].
    pub fn divergence(&self) -> Result<f64, LikelihoodError> {
        let log_p = self.log_p(self.data.view())?;
        let weight = self.weights();
        Ok(crate::sum_over(weight.len(), |i| {
            weight[i] * (weight[i].ln() - log_p[i])
        }))
    }

    fn weights(&self) -> Vec<f64> {
        let before = std::iter::once(&0.0).chain(&self.upto);
        self.upto.iter().zip(before).map(|(u, b)| u - b).collect()
    }

    fn exponent(&self) -> f64 {
        match self.psi.norm() {
            Norm::L2 => 2.0,
            Norm::L1 => 1.0,
        }
    }

    fn log_p(&self, x: ConfigsRef<'_>) -> Result<Vec<f64>, LikelihoodError> {
        let mut log_p = vec![0.0; x.len()];
        self.psi.log_psi(&self.theta, x, &mut log_p);
        log_p.iter_mut().for_each(|l| *l *= self.exponent());
        match log_p.iter().position(|l| !l.is_finite()) {
            None => Ok(log_p),
            Some(row) => Err(LikelihoodError::Impossible {
                configuration: x.row(row).to_vec(),
                log_p: log_p[row],
            }),
        }
    }

    /// The batch of a step: one draw from each of `batch` equal parts of the data, or all of them.
    fn draw(&self) -> Result<Samples<f64>, LikelihoodError> {
        let (step, batch) = (self.step, self.batch);
        if batch == 0 {
            return Err(LikelihoodError::EmptyBatch { step });
        }
        let mut samples = Samples {
            x: self.data.clone(),
            log_psi: Vec::new(),
            weight: self.weights(),
            draw: Draw::Exact,
        };
        if batch < self.data.len() {
            let (stream, share) = (self.stream.numbered(step), 1.0 / batch as f64);
            samples.x.clear();
            samples.weight.clear();
            samples.draw = Draw::Independent {
                shots: batch as u64,
            };
            let mut last = None;
            for i in 0..batch {
                let at = (i as f64 + stream.uniform(i as u64, 0)) * share;
                let row = self.upto.partition_point(|u| *u <= at);
                let row = row.min(self.data.len() - 1);
                if last == Some(row) {
                    *samples.weight.last_mut().expect("the row came before") += share;
                } else {
                    samples.x.push(self.data.row(row));
                    samples.weight.push(share);
                    last = Some(row);
                }
            }
        }
        samples.log_psi = self.log_p(samples.x.view())?;
        let exponent = self.exponent();
        samples.log_psi.iter_mut().for_each(|l| *l /= exponent);
        Ok(samples)
    }

    fn advance(&mut self) -> Result<LikelihoodReport, LikelihoodError> {
        let step = self.step;
        let samples = self.draw()?;
        let exponent = self.exponent();
        let root = |w: &f64| w.sqrt() / exponent;
        let residual: Vec<f64> = samples.weight.iter().map(root).collect();
        if let Some(shift) = self.shift {
            self.solver.set_shift(shift.at(step));
        }
        let memory = std::mem::take(&mut self.buffer);
        let map = Dense::uncentred(memory, self.psi, &self.theta, &samples);
        let mut change = vec![0.0; self.theta.len()];
        let info = self
            .solver
            .solve(&map, &residual, &mut change)
            .map_err(|source| LikelihoodError::Solve {
                step,
                configuration: culprit(self.psi, &self.theta, &samples),
                source,
            })?;
        self.buffer = map.into_memory();
        let mut rate = self.learning_rate.at(step);
        if rate * info.length > self.max_distance {
            rate = self.max_distance / info.length;
        }
        let moved = moved(self.psi.layout(), &self.theta, &change, rate);
        self.theta = moved.map_err(|Broken { name, value }| LikelihoodError::NotFinite {
            name,
            value,
            step,
        })?;
        self.step += 1;
        let log_p: Vec<f64> = samples.log_psi.iter().map(|l| exponent * l).collect();
        Ok(LikelihoodReport {
            step,
            log_likelihood: Estimate::of(&samples, &log_p),
            gradient_norm: info.force,
            distance: rate * info.length,
            learning_rate: rate,
            unique: samples.len(),
            solve: info,
        })
    }
}

impl<W, V> Iterator for Likelihood<'_, W, V>
where
    W: Ancestral + Differentiable<Log = f64> + ?Sized,
    V: TangentSolver,
{
    type Item = Result<LikelihoodReport, LikelihoodError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let report = self.advance();
        self.failed = report.is_err();
        Some(report)
    }
}

impl<W: Differentiable + ?Sized, V> std::fmt::Debug for Likelihood<'_, W, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Likelihood")
            .field("unique", &self.data.len())
            .field("n_params", &self.theta.len())
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}
