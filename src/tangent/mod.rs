//! Solvers of the tangent-space least-squares problem.
//!
//! Every update of the library, imaginary or real time, is
//! $\min_\delta \|J\delta - r\|^2 + \lambda\|\delta\|^2$ with the centred tangent map J and a residual r.

mod adam;
mod damped;
mod dual;
mod gram;
mod spring;
mod sr;
#[cfg(test)]
mod tests;

pub use adam::Adam;
pub(crate) use damped::Damped;
pub use spring::Spring;
pub use sr::{MinSr, NaturalGradient, Sr};

use ketwork_models::TangentMap;

/// Solves $\min_\delta \|J\delta - r\|^2$ with a regularisation of its own; sees neither physics nor
/// network.
pub trait TangentSolver: Send {
    /// Writes the step: j has shape (n, k, P), r (k, n), step (P).
    ///
    /// # Errors
    /// [`SolveError`] where no regularisation makes the problem solvable.
    fn solve(
        &mut self,
        j: &dyn TangentMap,
        r: &[f64],
        step: &mut [f64],
    ) -> Result<SolveInfo, SolveError>;

    /// Sets the regularisation for the next solves, for schedules.
    fn set_shift(&mut self, shift: f64) {
        let _ = shift;
    }

    /// Memory of earlier steps as numbers, for a checkpoint.
    fn save(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Continues from what [`TangentSolver::save`] gave.
    fn load(&mut self, saved: &[f64]) {
        let _ = saved;
    }
}

impl<V: TangentSolver + ?Sized> TangentSolver for Box<V> {
    fn solve(
        &mut self,
        j: &dyn TangentMap,
        r: &[f64],
        step: &mut [f64],
    ) -> Result<SolveInfo, SolveError> {
        (**self).solve(j, r, step)
    }

    fn set_shift(&mut self, shift: f64) {
        (**self).set_shift(shift);
    }

    fn save(&self) -> Vec<f64> {
        (**self).save()
    }

    fn load(&mut self, saved: &[f64]) {
        (**self).load(saved);
    }
}

/// How a solve went.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct SolveInfo {
    /// Absolute shift $\lambda$ that was used.
    pub shift: f64,
    /// Cholesky attempts; each after the first multiplies the shift by 10.
    pub attempts: u32,
    /// Rank of the pseudo-inverse, where no shift sufficed.
    pub rank: Option<usize>,
    /// Relative residual of the linear system, 0 for solvers without one.
    pub residual: f64,
    /// Steps of iterative refinement after a factorisation in single precision; 0 where it was in
    /// double.
    pub refinements: u32,
    /// Norm of the force $J^T r$.
    #[serde(skip)]
    pub force: f64,
    /// $\|J\delta\|$, the Fubini-Study length of the step.
    #[serde(skip)]
    pub length: f64,
}

/// Why a step cannot be computed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SolveError {
    /// The data hold NaN or infinity.
    #[error("the {what} is not finite; lower the learning rate or raise the shift")]
    NotFinite {
        /// Which quantity.
        what: &'static str,
    },
    /// Neither Cholesky at any shift nor the eigenvalue iteration succeeded.
    #[error(
        "pivot {pivot} of {n} is not positive at shift {shift:.1e}, and the eigenvalues do not converge; raise the shift or draw more samples"
    )]
    NotPositive {
        /// Pivot of the last attempt.
        pivot: usize,
        /// Size of the system.
        n: usize,
        /// Shift of the last attempt.
        shift: f64,
    },
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub(crate) fn norm(v: &[f64]) -> f64 {
    dot(v, v).sqrt()
}
