//! Steps of a network's evolution.

use super::course::Course;
use crate::evolve::{Evolve, EvolveError};
use crate::run::RunError;

/// Residual of a step above which it is repeated at half its length: the network could not follow.
/// Dissipative Ising ring of 6 from all up, V = g = 2: steps of 0.05 left 0.06 and an error of 0.03 in
/// the mean of X.
pub(super) const POOR: f64 = 4e-3;

/// How long steps may be.
pub(super) struct Steps {
    pub(super) longest: f64,
    pub(super) shortest: f64,
    /// Whether a step with a large residual is repeated at half its length.
    pub(super) is_judged: bool,
}

impl Steps {
    /// One step towards t, with its residual; `None` for one that is to be repeated, shorter.
    pub(super) fn take(
        &self,
        engine: &mut (dyn Evolve + '_),
        course: &mut Course,
        theta: &mut Vec<f64>,
        t: f64,
    ) -> Result<Option<f64>, RunError> {
        let left = t - course.at;
        // Equal steps to the end, none of them longer than the fits of late could follow.
        let taken = left / (left / course.step - 1e-9).ceil().max(1.0);
        let mut next = theta.clone();
        let report = match engine.advance(course.at, &mut next, taken) {
            Ok(report) => report,
            Err(e) if taken <= self.shortest => return Err(RunError::Evolve(e)),
            // An implicit equation that no iteration solves, or a law out of range.
            Err(
                e @ (EvolveError::Diverged { .. }
                | EvolveError::Solve { .. }
                | EvolveError::Sample { .. }),
            ) => {
                eprintln!("{e}; the step is halved");
                course.step = 0.5 * taken;
                return Ok(None);
            }
            Err(e) => return Err(RunError::Evolve(e)),
        };
        if self.is_judged && report.residual > POOR && taken > self.shortest {
            course.step = 0.5 * taken;
            return Ok(None);
        }
        *theta = next;
        course.at += taken;
        course.worst = course.worst.max(report.residual);
        if !self.is_judged || report.residual < 0.25 * POOR {
            course.step = (1.5 * course.step).min(self.longest);
        }
        Ok(Some(report.residual))
    }
}
