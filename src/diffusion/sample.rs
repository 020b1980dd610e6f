//! Generation: backward steps from noise to states.

use crate::block::{Block, LANES, Lane};
use crate::model::Item;
use crate::schedule::gaussian;
use crate::{Condition, DiffusionError, DiffusionModel, States};
use ketwork_models::Stream;
use ketwork_stats::reduce;
use num_complex::Complex64;

/// States that [`DiffusionModel::sample`] generated.
#[derive(Clone, Debug)]
pub struct Generated {
    /// The states.
    pub states: States,
    /// Probability that the projections of all steps succeed, for each state.
    pub probability: Vec<f64>,
}

impl DiffusionModel {
    /// One backward step t for a batch: normalised states and the probability of success.
    ///
    /// Measured ancillas draw their outcomes from `stream`; the probability is then 1.
    ///
    /// # Errors
    /// [`DiffusionError::ZeroVector`] where a projection leaves nothing.
    pub fn denoise(
        &self,
        t: usize,
        x: &States,
        condition: &Condition,
        stream: Stream,
    ) -> Result<Generated, DiffusionError> {
        let dim = x.dim();
        let aligned = self.aligned(x);
        let x = aligned.as_ref().unwrap_or(x);
        let block = |b: usize| {
            let rows = crate::sweep::block_rows(x, b);
            let (first, count) = (b * LANES, rows.len() / dim);
            let item = Item {
                rows,
                condition,
                first,
            };
            let features: Vec<_> = (0..count)
                .map(|l| self.features.of(condition, first + l))
                .collect();
            let mut psi = Block::gather(rows, dim);
            let (angles, _) = self.block_angles(t, &features, &psi);
            let mut digits = self.digits(t, &item, count);
            if self.measured > 0 {
                // Born probabilities of all outcomes, then one uniform number for each state.
                let mut left: Vec<f64> = (0..LANES)
                    .map(|l| stream.uniform((first + l) as u64, 0))
                    .collect();
                let mut chosen = [u32::MAX; LANES];
                for outcome in 0..1u32 << self.measured {
                    digits.outcome = [outcome; LANES];
                    let kept = self
                        .circuit
                        .forward(&angles, &mut psi.clone(), &digits, None);
                    for l in 0..LANES {
                        left[l] -= kept.0[l];
                        // An outcome of probability 0 is never taken, whatever rounding leaves.
                        if chosen[l] == u32::MAX && left[l] < 0.0 && kept.0[l] > 0.0 {
                            chosen[l] = outcome;
                        }
                    }
                }
                digits.outcome = chosen.map(|o| o.min((1 << self.measured) - 1));
            }
            let kept = self.circuit.forward(&angles, &mut psi, &digits, None);
            let mut out = vec![Complex64::default(); rows.len()];
            psi.scatter(&mut out);
            let kept = if self.measured > 0 {
                Lane::splat(1.0)
            } else {
                kept
            };
            (out, kept.0[..count].to_vec())
        };
        let join = |mut a: (Vec<_>, Vec<_>), b: (Vec<_>, Vec<_>)| {
            a.0.extend(b.0);
            a.1.extend(b.1);
            a
        };
        let (flat, probability) = reduce(x.len().div_ceil(LANES), block, join).unwrap_or_default();
        Ok(Generated {
            states: States::from_flat(flat, dim)?,
            probability,
        })
    }

    /// Generates one state for each entry of a condition, from Haar-random $x_T$ down to $x_0$.
    ///
    /// # Errors
    /// Those of [`Self::denoise`].
    pub fn sample(
        &self,
        condition: &Condition,
        count: usize,
        stream: Stream,
    ) -> Result<Generated, DiffusionError> {
        let n_qubits = self.circuit.n_qubits();
        let mut states = crate::haar_states(n_qubits, count, stream.named("start"));
        let mut probability = vec![1.0; count];
        for t in (1..=self.process.steps()).rev() {
            let outcomes = stream.named("outcomes").numbered(t as u64);
            let next = self.denoise(t, &states, condition, outcomes)?;
            states = next.states;
            let share = self.fresh_noise * self.process.posterior_variance(t).sqrt();
            if share > 0.0 {
                let noise = stream.named("fresh").numbered(t as u64);
                states = self.stirred(&states, share, noise)?;
            }
            probability
                .iter_mut()
                .zip(next.probability)
                .for_each(|(p, q)| *p *= q);
        }
        Ok(Generated {
            states,
            probability,
        })
    }

    /// The linear map K of all steps for entry i of a condition, its columns: what
    /// [`Self::sample`] makes of noise z is $K z/|K z|$, with the probability $|K z|^2$.
    ///
    /// Samples, weighted by their probability, have the second moment $K K^\dagger/\mathrm{Tr}\,K
    /// K^\dagger$, whatever was trained.
    ///
    /// # Errors
    /// [`DiffusionError::NoGate`] for models whose steps are no linear map, or several: an activation, a
    /// network, fresh noise, measured outcomes.
    ///
    /// # Panics
    /// If the condition has no entry i.
    #[track_caller]
    pub fn linear_map(
        &self,
        condition: &Condition,
        i: usize,
    ) -> Result<Vec<Vec<Complex64>>, DiffusionError> {
        let refuse = |operation| {
            let reason = "the steps are no single linear map";
            Err(DiffusionError::NoGate { operation, reason })
        };
        if self.mlp.is_some() {
            return Err(crate::model::SEES_AMPLITUDES);
        }
        if self.circuit.has_activation() {
            return refuse("a leaky ReLU");
        }
        if self.measured > 0 {
            return refuse("a measurement with both outcomes kept");
        }
        if self.fresh_noise > 0.0 {
            return refuse("fresh noise between the steps");
        }
        let dim = 1usize << self.circuit.n_qubits();
        let one = match condition {
            Condition::Labels { label, n_classes } => Condition::Labels {
                label: vec![label[i]; dim],
                n_classes: *n_classes,
            },
            Condition::Values(v) => Condition::Values(vec![v[i]; dim]),
        };
        let mut unit = vec![Complex64::default(); dim * dim];
        (0..dim).for_each(|k| unit[k * dim + k] = Complex64::from(1.0));
        let mut states = States::from_flat(unit, dim)?;
        let mut norm = vec![1.0; dim];
        for t in (1..=self.process.steps()).rev() {
            // Nothing is drawn.
            let next = self.denoise(t, &states, &one, Stream::new(0))?;
            states = next.states;
            let both = norm.iter_mut().zip(next.probability);
            both.for_each(|(n, p)| *n *= p.sqrt());
        }
        let column = |(row, n): (&[Complex64], &f64)| row.iter().map(|z| z * n).collect();
        Ok(states.rows().zip(&norm).map(column).collect())
    }

    /// $\sqrt{1-s^2}\,x + s z$: the mean of a normalised $x_{t-1}$ has squared norm 1 - s^2.
    fn stirred(&self, x: &States, s: f64, stream: Stream) -> Result<States, DiffusionError> {
        let dim = x.dim();
        let sigma = s * self.process.deviation(dim);
        let keep = (1.0 - s * s).max(0.0).sqrt();
        let noisy = |(i, x): (usize, &Complex64)| {
            x * keep + gaussian(stream, (i / dim) as u64, (i % dim) as u32) * sigma
        };
        States::from_flat(x.flat().iter().enumerate().map(noisy).collect(), dim)
    }
}
