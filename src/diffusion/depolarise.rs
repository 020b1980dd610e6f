//! Steps on density matrices: depolarising noise in training, mixtures in generation.

use crate::block::{LANES, Lane};
use crate::doubled::Doubled;
use crate::model::{SEES_AMPLITUDES, StepGradient};
use crate::{Condition, Density, DiffusionError, DiffusionModel, States, superinfidelity};
use ketwork_stats::reduce;

/// Density matrices $\rho_t$ and $\rho_{t-1}$ of depolarised states.
pub(crate) fn depolarised_pairs(
    model: &DiffusionModel,
    x0: &States,
    t: usize,
) -> Result<(Vec<Density>, Vec<Density>), DiffusionError> {
    let process = model.process();
    let pure = x0
        .rows()
        .map(Density::pure)
        .collect::<Result<Vec<_>, _>>()?;
    let after = |t: usize| {
        pure.iter()
            .map(|r| r.depolarised(process.alpha_bar(t)))
            .collect()
    };
    Ok((after(t), after(t - 1)))
}

impl DiffusionModel {
    /// The doubled circuit, for models whose steps are linear maps of one outcome.
    fn doubled(&self) -> Result<Doubled, DiffusionError> {
        if self.mlp.is_some() {
            return Err(SEES_AMPLITUDES);
        }
        self.circuit.doubled()
    }

    /// Features and angles of the states of one block.
    fn block_of(
        &self,
        t: usize,
        condition: &Condition,
        rows: std::ops::Range<usize>,
    ) -> (Vec<Vec<f64>>, Vec<Lane>) {
        let features: Vec<_> = rows.map(|i| self.features.of(condition, i)).collect();
        let angles = self.lane_angles(t, &features);
        (features, angles)
    }

    /// Superinfidelities of step t for a batch of pairs (rho_t, target), and their derivatives.
    pub(crate) fn density_gradient(
        &self,
        t: usize,
        rho: &[Density],
        target: &[Density],
        condition: &Condition,
    ) -> Result<StepGradient, DiffusionError> {
        let doubled = self.doubled()?;
        let block = |b: usize| {
            let first = b * LANES;
            let rows = first..rho.len().min(first + LANES);
            let (features, angles) = self.block_of(t, condition, rows.clone());
            let some: Vec<&Density> = rho[rows].iter().collect();
            let (loss, grad) = doubled.pullback(&angles, &some, |l, matrix, cotangent| {
                superinfidelity(&target[first + l], matrix, cotangent)
            });
            StepGradient {
                loss,
                theta: self.by_parameters(&features, &grad),
                weights: Vec::new(),
            }
        };
        let sum = reduce(rho.len().div_ceil(LANES), block, StepGradient::join);
        Ok(sum.expect("a batch is not empty"))
    }

    /// One backward step t for a batch of density matrices: normalised results and the probabilities
    /// that the projections succeed.
    ///
    /// # Errors
    /// [`DiffusionError::NoGate`] for models with an activation, a network, label qubits or measured
    /// ancillas; [`DiffusionError::Memory`] above eight qubits with ancillas;
    /// [`DiffusionError::ZeroVector`] where a projection leaves nothing.
    ///
    /// # Panics
    /// If t or the numbers of qubits do not fit.
    pub fn denoise_density(
        &self,
        t: usize,
        rho: &[Density],
        condition: &Condition,
    ) -> Result<Vec<(Density, f64)>, DiffusionError> {
        let doubled = self.doubled()?;
        let mut out = Vec::with_capacity(rho.len());
        for first in (0..rho.len()).step_by(LANES) {
            let rows = first..rho.len().min(first + LANES);
            let (_, angles) = self.block_of(t, condition, rows.clone());
            let some: Vec<&Density> = rho[rows].iter().collect();
            out.extend(doubled.apply(&angles, &some, first)?);
        }
        Ok(out)
    }

    /// The generated mixture for each of the first `count` entries of a condition, from the maximally
    /// mixed state down to $\rho_0$, and the probability of success: the mean of what
    /// [`Self::sample`] draws, each sample weighted by its probability, without drawing.
    ///
    /// # Errors
    /// Those of [`Self::denoise_density`].
    pub fn sample_density(
        &self,
        condition: &Condition,
        count: usize,
    ) -> Result<Vec<(Density, f64)>, DiffusionError> {
        let mixed = Density::mixed(self.circuit.n_qubits())?;
        let mut rho = vec![mixed; count];
        let mut probability = vec![1.0; count];
        for t in (1..=self.process.steps()).rev() {
            let next = self.denoise_density(t, &rho, condition)?;
            rho.clear();
            for ((r, q), p) in next.into_iter().zip(&mut probability) {
                rho.push(r);
                *p *= q;
            }
        }
        Ok(rho.into_iter().zip(probability).collect())
    }
}
