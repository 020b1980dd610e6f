//! Where an open evolution stands, and its checkpoint.

use super::OpenOutcome;
use crate::Checkpoint;
use crate::run::kept::{estimates, numbers};
use crate::run::{Kept, RunError};
use std::path::PathBuf;

/// How far an evolution has come; what it found is in its outcome.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Course {
    /// Time that the state has reached.
    pub(super) at: f64,
    /// How many of the times asked for are measured.
    pub(super) done: usize,
    /// Longest step that the network could follow of late.
    pub(super) step: f64,
    /// Largest residual of a step.
    pub(super) worst: f64,
}

impl Course {
    /// Keeps this, what was found and what `fill` adds, where a directory was given, and says where.
    pub(super) fn save(
        &self,
        kept: Option<&Kept>,
        found: &OpenOutcome,
        fill: impl FnOnce(&mut Checkpoint),
    ) -> Result<Option<PathBuf>, RunError> {
        let Some(kept) = kept else {
            return Ok(None);
        };
        let mut checkpoint = kept.checkpoint();
        checkpoint
            .set_array("values", &numbers(found.values.iter().flatten()))
            .set_array("purity", &numbers(found.purity.iter().flatten()))
            .set_array("lowest", &numbers(&found.min_eigenvalue))
            .set_array("floor", found.noise_floor.as_slice())
            .set_array("numbers", &[self.at, self.step, self.worst, found.residual])
            .set_counter("times", self.done as u64);
        fill(&mut checkpoint);
        checkpoint.save(&kept.path)?;
        Ok(Some(kept.path.clone()))
    }

    /// Continues from a checkpoint.
    pub(super) fn restore(
        &mut self,
        saved: &Checkpoint,
        found: &mut OpenOutcome,
    ) -> Result<(), RunError> {
        self.done = saved.counter("times")? as usize;
        if let [at, step, worst, residual] = saved.array("numbers")? {
            (self.at, self.step, self.worst) = (*at, *step, *worst);
            found.residual = *residual;
        }
        let mut values = estimates(saved.array("values")?);
        for list in &mut found.values {
            *list = values.by_ref().take(self.done).collect();
        }
        let purity: Vec<_> = estimates(saved.array("purity")?).collect();
        found.purity = (!purity.is_empty()).then_some(purity);
        found.min_eigenvalue = estimates(saved.array("lowest")?).next();
        found.noise_floor = saved.array("floor")?.first().copied();
        Ok(())
    }
}
