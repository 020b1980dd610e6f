//! Training: all steps at once, each on its own noise.

use crate::adam::Adam;
use crate::data::shuffle;
use crate::depolarise::depolarised_pairs;
use crate::model::StepGradient;
use crate::natural::natural_gradient;
use crate::schedule::gaussian;
use crate::{
    Condition, Data, DiffusionError, DiffusionModel, DiffusionParams, Forward, Optimizer, Report,
    Split, States, Target, fidelity,
};
use ketwork_hamiltonians::Hamiltonian;
use ketwork_models::Stream;
use num_complex::Complex64;
use rayon::prelude::*;

/// Fewest states of an epoch: small sets are repeated, with fresh noise each time.
const EPOCH: usize = 256;

/// Infidelity from which on a step takes the whole rate.
const FAR: f64 = 0.05;

/// A training run, as an iterator of epochs.
///
/// Every pass draws fresh noise for every state and step. Results do not depend on threads.
#[derive(Debug)]
pub struct Training<'a> {
    split: &'a Split,
    params: DiffusionParams,
    stream: Stream,
    model: DiffusionModel,
    angles: Vec<Adam>,
    weights: Adam,
    /// Factor of each step's rate; empty before the first batch.
    pace: Vec<f64>,
    epoch: usize,
    failed: bool,
}

/// What one epoch did.
#[derive(Clone, Debug, PartialEq)]
pub struct Epoch {
    /// Number of the epoch, from 1.
    pub epoch: usize,
    /// Mean infidelity of each step on the training batches, t = 1 .. T.
    pub infidelity: Vec<f64>,
}

/// A whole diffusion run.
#[derive(Clone, Debug)]
pub struct Diffusion {
    /// The trained model.
    pub model: DiffusionModel,
    /// What it reaches.
    pub report: Report,
    /// Generated states, with what each was conditioned on.
    pub generated: States,
    /// Labels or parameters of the generated states.
    pub condition: Condition,
}

impl Diffusion {
    /// Trains, generates and measures.
    ///
    /// # Errors
    /// [`DiffusionError`] for impossible parameters or data, or a run that diverged.
    pub fn train(
        split: &Split,
        params: &DiffusionParams,
        stream: Stream,
    ) -> Result<Self, DiffusionError> {
        let mut training = Training::new(split, params, stream)?;
        for epoch in &mut training {
            epoch?;
        }
        training.finish()
    }
}

impl<'a> Training<'a> {
    /// A run before its first epoch.
    ///
    /// # Errors
    /// [`DiffusionError`] for impossible parameters or data.
    pub fn new(
        split: &'a Split,
        params: &DiffusionParams,
        stream: Stream,
    ) -> Result<Self, DiffusionError> {
        check(split)?;
        let model = DiffusionModel::new(&split.train, params, stream.named("initial"))?;
        check_samples(split, params)?;
        Ok(Self::of(split, params, model, stream))
    }

    /// The same with the Hamiltonian-variational ansatz ([`DiffusionModel::variational`]).
    ///
    /// # Errors
    /// Those of [`Self::new`] and of [`DiffusionModel::variational`].
    pub fn variational<H: Hamiltonian + ?Sized>(
        split: &'a Split,
        params: &DiffusionParams,
        hamiltonian: &H,
        stream: Stream,
    ) -> Result<Self, DiffusionError> {
        check(split)?;
        let initial = stream.named("initial");
        let model = DiffusionModel::variational(&split.train, params, hamiltonian, initial)?;
        check_samples(split, params)?;
        Ok(Self::of(split, params, model, stream))
    }

    fn of(
        split: &'a Split,
        params: &DiffusionParams,
        model: DiffusionModel,
        stream: Stream,
    ) -> Self {
        Self {
            split,
            params: params.clone(),
            stream,
            angles: model.theta.iter().map(|t| Adam::new(t.len())).collect(),
            weights: Adam::new(model.weights.len()),
            pace: Vec::new(),
            model,
            epoch: 0,
            failed: false,
        }
    }

    /// The model as it is.
    #[must_use]
    pub fn model(&self) -> &DiffusionModel {
        &self.model
    }

    /// Epochs that are done.
    #[must_use]
    pub fn epoch(&self) -> usize {
        self.epoch
    }

    /// All numbers that later epochs depend on, for a checkpoint: a run that is loaded from them equals one
    /// that was never stopped, bit for bit.
    #[must_use]
    pub fn save(&self) -> Vec<f64> {
        let mut out = vec![self.epoch as f64];
        self.model.theta.iter().for_each(|theta| out.extend(theta));
        out.extend(&self.model.weights);
        self.angles.iter().for_each(|adam| adam.save(&mut out));
        self.weights.save(&mut out);
        out.extend(&self.pace);
        out
    }

    /// Continues from what [`Self::save`] gave.
    ///
    /// # Errors
    /// [`DiffusionError::Mismatch`] for numbers of another run, or of more epochs than this one has; nothing is
    /// then changed.
    pub fn load(&mut self, saved: &[f64]) -> Result<(), DiffusionError> {
        let without_pace = self.save().len() - self.pace.len();
        let with_pace = without_pace + self.params.steps;
        if saved.len() != without_pace && saved.len() != with_pace {
            return Err(DiffusionError::Mismatch {
                what: "numbers of a saved training",
                found: saved.len(),
                expected: with_pace,
            });
        }
        let mut saved = saved.iter().copied();
        let epoch = saved.next().map_or(0, |epoch| epoch as usize);
        if epoch > self.params.epochs {
            return Err(DiffusionError::Mismatch {
                what: "epochs of a saved training, at most",
                found: epoch,
                expected: self.params.epochs,
            });
        }
        self.epoch = epoch;
        let parameters = self.model.theta.iter_mut().flatten();
        parameters
            .chain(&mut self.model.weights)
            .zip(saved.by_ref())
            .for_each(|(x, v)| *x = v);
        self.angles
            .iter_mut()
            .for_each(|adam| adam.load(&mut saved));
        self.weights.load(&mut saved);
        self.pace = saved.collect();
        Ok(())
    }

    /// Generates and measures.
    ///
    /// # Errors
    /// [`DiffusionError::ZeroVector`] where projections leave nothing.
    pub fn finish(self) -> Result<Diffusion, DiffusionError> {
        let (report, generated, condition) = Report::new(
            &self.model,
            self.split,
            &self.params,
            self.stream.named("report"),
        )?;
        Ok(Diffusion {
            model: self.model,
            report,
            generated,
            condition,
        })
    }

    fn run_epoch(&mut self) -> Result<Epoch, DiffusionError> {
        let train = &self.split.train;
        let stream = self.stream.named("epochs").numbered(self.epoch as u64);
        let mut order = Vec::new();
        let passes = match self.params.forward {
            Forward::Gaussian => EPOCH.div_ceil(train.len()),
            Forward::Depolarising => 1,
        };
        for pass in 0..passes {
            let mut rows: Vec<usize> = (0..train.len()).collect();
            shuffle(&mut rows, stream.named("order").numbered(pass as u64));
            order.extend(rows);
        }
        let batches: Vec<&[usize]> = order.chunks(self.params.batch).collect();
        let n_batches = batches.len();
        let total = (self.params.epochs * n_batches) as f64;
        let mut sums = vec![0.0; self.params.steps];
        for (k, rows) in batches.into_iter().enumerate() {
            let mut rows = rows.to_vec();
            // Equal conditions side by side: blocks then share their angles.
            if let Condition::Labels { label, .. } = &train.condition {
                rows.sort_by_key(|&i| (label[i], i));
            }
            let batch = train.select(&rows);
            let noise = stream.named("noise").numbered(k as u64);
            let done = (self.epoch * n_batches + k) as f64 / total;
            let rate =
                self.params.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * done).cos());
            let losses = self.step(&batch, noise, rate)?;
            for (s, l) in sums.iter_mut().zip(losses) {
                *s += l / order.len() as f64;
            }
        }
        self.epoch += 1;
        Ok(Epoch {
            epoch: self.epoch,
            infidelity: sums,
        })
    }

    /// One update of all steps; returns the summed infidelity of each.
    fn step(&mut self, batch: &Data, noise: Stream, rate: f64) -> Result<Vec<f64>, DiffusionError> {
        let (model, params) = (&self.model, &self.params);
        let run = |t: usize| -> Result<(StepGradient, Vec<f64>), DiffusionError> {
            let stream = noise.numbered(t as u64);
            let (mut g, x) = match params.forward {
                Forward::Gaussian => {
                    let (x, y) = pairs(model, &batch.states, t, params.target, 0, stream)?;
                    (model.gradient(t, &x, &y, &batch.condition), Some(x))
                }
                Forward::Depolarising => {
                    let (x, y) = depolarised_pairs(model, &batch.states, t)?;
                    (model.density_gradient(t, &x, &y, &batch.condition)?, None)
                }
            };
            let scale = 1.0 / batch.len() as f64;
            g.theta
                .iter_mut()
                .chain(&mut g.weights)
                .for_each(|g| *g *= scale);
            let direction = match (params.optimizer, &x) {
                (Optimizer::NaturalGradient { shift, states }, Some(x)) => {
                    natural_gradient(model, t, x, &batch.condition, &g.theta, shift, states)?
                }
                _ => Vec::new(),
            };
            Ok((g, direction))
        };
        let results: Vec<_> = (1..=params.steps)
            .into_par_iter()
            .map(run)
            .collect::<Result<_, _>>()?;
        if self.pace.is_empty() {
            let pace = |g: &StepGradient| pace(g.loss.iter().sum::<f64>() / batch.len() as f64);
            self.pace = results.iter().map(|(g, _)| pace(g)).collect();
        }
        let mut weights = vec![0.0; self.model.weights.len()];
        let mut losses = Vec::with_capacity(results.len());
        for (t, (g, direction)) in results.into_iter().enumerate() {
            let loss: f64 = g.loss.iter().sum();
            if !loss.is_finite() || g.theta.iter().any(|g| !g.is_finite()) {
                let epoch = self.epoch + 1;
                return Err(DiffusionError::Diverged { epoch });
            }
            losses.push(loss);
            weights
                .iter_mut()
                .zip(&g.weights)
                .for_each(|(a, b)| *a += b);
            match self.params.optimizer {
                Optimizer::Adam => {
                    let rate = rate * self.pace[t];
                    self.angles[t].step(&mut self.model.theta[t], &g.theta, rate);
                }
                Optimizer::NaturalGradient { .. } => {
                    let theta = self.model.theta[t].iter_mut();
                    theta.zip(&direction).for_each(|(x, d)| *x -= rate * d);
                }
            }
        }
        if !weights.is_empty() {
            // Weights of a network move less than angles: one of them turns all angles.
            self.weights
                .step(&mut self.model.weights, &weights, 0.2 * rate);
        }
        Ok(losses)
    }
}

/// A step whose states are close to their targets has little way to go, and the first moves of Adam
/// are as long for it as for any other: the angles that lead to an infidelity are of the order of its
/// root.
fn pace(infidelity: f64) -> f64 {
    (infidelity / FAR).clamp(0.1, 1.0)
}

impl Iterator for Training<'_> {
    type Item = Result<Epoch, DiffusionError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.epoch >= self.params.epochs {
            return None;
        }
        let result = self.run_epoch();
        self.failed = result.is_err();
        Some(result)
    }
}

/// Refuses what no run can learn from.
fn check(split: &Split) -> Result<(), DiffusionError> {
    for (what, data) in [
        ("training states", &split.train),
        ("held-out states", &split.held_out),
    ] {
        if data.is_empty() {
            return Err(DiffusionError::TooFew {
                what,
                found: 0,
                needed: 1,
            });
        }
    }
    if split.train.states.dim() != split.held_out.states.dim() {
        return Err(DiffusionError::Mismatch {
            what: "amplitudes of held-out states",
            found: split.held_out.states.dim(),
            expected: split.train.states.dim(),
        });
    }
    Ok(())
}

/// Refuses more states to generate, and random ones beside them, with the moduli of both, than memory holds.
fn check_samples(split: &Split, params: &DiffusionParams) -> Result<(), DiffusionError> {
    let needed = 48.0 * params.samples as f64 * split.train.states.dim() as f64;
    match needed <= params.memory as f64 {
        true => Ok(()),
        false => Err(DiffusionError::Parameter {
            key: "samples",
            value: params.samples as f64,
            reason: "that many states need more memory than is allowed",
        }),
    }
}

/// Noisy states $x_t$ and what the backward step should make of them.
pub(crate) fn pairs(
    model: &DiffusionModel,
    x0: &States,
    t: usize,
    target: Target,
    first: u64,
    stream: Stream,
) -> Result<(States, States), DiffusionError> {
    let (process, dim) = (model.process(), x0.dim());
    // The path through x_{t-1}: the same law of x_t, and both targets from one draw.
    let before = process.diffuse(x0, t - 1, first, stream.named("before"));
    let (keep, add) = ((1.0 - process.beta(t)).sqrt(), process.beta(t).sqrt());
    let (last, sigma) = (stream.named("last"), process.deviation(dim));
    let noisy = |(i, x): (usize, &Complex64)| {
        let shot = first + (i / dim) as u64;
        x * keep + gaussian(last, shot, (i % dim) as u32) * (add * sigma)
    };
    let now: Vec<Complex64> = before.iter().enumerate().map(noisy).collect();
    let goal = match target {
        Target::Previous => before,
        Target::PosteriorMean => {
            let (a, b) = process.posterior(t);
            x0.flat()
                .iter()
                .zip(&now)
                .map(|(x, y)| x * a + y * b)
                .collect()
        }
    };
    Ok((States::from_flat(now, dim)?, States::from_flat(goal, dim)?))
}

/// Mean infidelity of a step and of doing nothing, on the same noisy states.
pub(crate) fn held_out(
    model: &DiffusionModel,
    data: &Data,
    t: usize,
    params: &DiffusionParams,
    stream: Stream,
) -> Result<(f64, f64), DiffusionError> {
    if params.forward == Forward::Depolarising {
        let (x, y) = depolarised_pairs(model, &data.states, t)?;
        let n = data.len() as f64;
        let loss = model.density_gradient(t, &x, &y, &data.condition)?.loss;
        let idle: f64 = x
            .iter()
            .zip(&y)
            .map(|(x, y)| 1.0 - y.superfidelity(x))
            .sum();
        return Ok((loss.iter().sum::<f64>() / n, idle / n));
    }
    let copies = params.evaluations.div_ceil(data.len()).max(1);
    let rows: Vec<usize> = (0..data.len())
        .flat_map(|i| std::iter::repeat_n(i, copies))
        .collect();
    let many = data.select(&rows);
    let (x, target) = pairs(model, &many.states, t, params.target, 0, stream)?;
    let n = many.len() as f64;
    let loss = model.gradient(t, &x, &target, &many.condition).loss;
    let idle = x
        .rows()
        .zip(target.rows())
        .map(|(x, y)| 1.0 - fidelity(y, x))
        .sum::<f64>();
    Ok((loss.iter().sum::<f64>() / n, idle / n))
}
