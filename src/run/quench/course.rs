//! Where an evolution stands, and its checkpoint.

use super::QuenchOutcome;
use crate::run::kept::{estimates, numbers};
use crate::run::{Kept, RunError};
use crate::{Checkpoint, Estimate};
use std::path::PathBuf;

/// What was found so far, and where.
pub(super) struct Course {
    pub(super) found: QuenchOutcome,
    /// Time that the state has reached.
    pub(super) at: f64,
    /// How many of the times asked for are measured.
    pub(super) done: usize,
    /// Infidelities at the first of them.
    pub(super) infidelity: Vec<f64>,
    /// Largest residual.
    pub(super) residual: f64,
}

impl Course {
    pub(super) fn new(found: QuenchOutcome) -> Self {
        Self {
            found,
            at: 0.0,
            done: 0,
            infidelity: Vec::new(),
            residual: 0.0,
        }
    }

    /// The times that are left, with their places.
    pub(super) fn left(&self) -> Vec<(usize, f64)> {
        let times = self.found.times.iter().copied().enumerate();
        times.skip(self.done).collect()
    }

    /// Adds the means at the next time.
    pub(super) fn measured(&mut self, means: impl IntoIterator<Item = Estimate>) {
        let lists = self.found.values.iter_mut();
        lists.zip(means).for_each(|(list, mean)| list.push(mean));
        self.done += 1;
    }

    /// The outcome, once all times are measured.
    pub(super) fn finish(mut self, has_residual: bool) -> QuenchOutcome {
        self.found.residual = has_residual.then_some(self.residual);
        let is_whole = has_residual && self.infidelity.len() == self.found.times.len();
        self.found.infidelity = is_whole.then_some(self.infidelity);
        self.found
    }

    /// Keeps this and what `fill` adds, where a directory was given, and says where.
    pub(super) fn save(
        &self,
        kept: Option<&Kept>,
        fill: impl FnOnce(&mut Checkpoint),
    ) -> Result<Option<PathBuf>, RunError> {
        let Some(kept) = kept else {
            return Ok(None);
        };
        let values = numbers(self.found.values.iter().flatten());
        let numbers = [self.at, self.residual, self.found.energy_drift];
        let mut checkpoint = kept.checkpoint();
        checkpoint
            .set_array("values", &values)
            .set_array("infidelity", &self.infidelity)
            .set_array("numbers", &numbers)
            .set_counter("times", self.done as u64);
        fill(&mut checkpoint);
        checkpoint.save(&kept.path)?;
        Ok(Some(kept.path.clone()))
    }

    /// Continues from a checkpoint.
    pub(super) fn restore(&mut self, saved: &Checkpoint) -> Result<(), RunError> {
        self.done = saved.counter("times")? as usize;
        self.infidelity = saved.array("infidelity")?.to_vec();
        if let [at, residual, drift] = saved.array("numbers")? {
            (self.at, self.residual, self.found.energy_drift) = (*at, *residual, *drift);
        }
        let mut values = estimates(saved.array("values")?);
        for list in &mut self.found.values {
            *list = values.by_ref().take(self.done).collect();
        }
        Ok(())
    }
}
