//! Time evolution of neural states: TDVP and TENG with explicit Runge-Kutta tableaux, one network for
//! all times, and the fit of a given state that all start from.
//!
//! Units: $\hbar = 1$. Real time is $\dot\psi = -iH\psi$, imaginary time $\dot\psi = -H\psi$; norm
//! and global phase are free and carry no information.

mod fit;
mod fit_state;
mod fit_to;
mod flow;
pub mod pde;
mod points;
mod spacetime;
mod tableau;
mod tdvp;
mod teng;
#[cfg(test)]
mod tests;
mod velocity;

pub use fit::{Distance, FitParams, FitReport, fit};
pub(crate) use fit::{Rest, at as failed, descend};
pub use fit_state::{fit_largest, fit_state};
pub use fit_to::{FitToParams, FitToReport, fit_to};
pub use flow::Flow;
pub use points::Points;
pub use spacetime::{Polygon, Spacetime, SpacetimeReport, Trajectory, Window};
pub use tableau::Tableau;
pub use tdvp::Tdvp;
pub use teng::Teng;
pub use velocity::{Schroedinger, Velocity};

use crate::{MeasureError, SampleError, SolveError};

/// Refuses a step that does not lead forward.
pub(crate) fn forward(t: f64, dt: f64) -> Result<(), EvolveError> {
    match dt > 0.0 && dt.is_finite() {
        true => Ok(()),
        false => Err(EvolveError::Step { t, dt }),
    }
}

/// Something that carries parameters forward in time.
pub trait Evolve {
    /// From t to t + dt, with dt > 0.
    ///
    /// # Errors
    /// [`EvolveError`]; theta is then unchanged.
    fn advance(&mut self, t: f64, theta: &mut [f64], dt: f64) -> Result<StepReport, EvolveError>;

    /// What it remembers between steps, for a checkpoint: the count of its draws, the length of its next
    /// step.
    fn save(&self) -> Vec<u64> {
        Vec::new()
    }

    /// Continues from what [`Self::save`] gave.
    ///
    /// # Errors
    /// [`EvolveError::Sample`] for numbers that another method saved.
    fn load(&mut self, saved: &[u64]) -> Result<(), EvolveError> {
        let _ = saved;
        Ok(())
    }
}

/// How one step went.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct StepReport {
    /// What the manifold of the network could not follow, in units of the norm of the state.
    ///
    /// TDVP: $dt\,\|J\dot\theta - v\|$, the largest of the stages. TENG: the root of the infidelity
    /// between state and target, the largest of the stages.
    pub residual: f64,
    /// Mean energy at the start of the step, real part.
    pub energy: f64,
    /// Linear systems solved.
    pub solves: u32,
}

/// Why a step failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EvolveError {
    /// Nothing can be drawn.
    #[error("t = {t}: {source}")]
    Sample {
        /// Time at the start of the stage.
        t: f64,
        /// Why.
        source: SampleError,
    },
    /// A local energy is not finite.
    #[error("t = {t}: {source}")]
    Measure {
        /// Time at the start of the stage.
        t: f64,
        /// Why.
        source: MeasureError,
    },
    /// A linear system cannot be solved.
    #[error("t = {t}: {source}")]
    Solve {
        /// Time at the start of the stage.
        t: f64,
        /// Why.
        source: SolveError,
    },
    /// Slices of a spacetime network whose residual is too large for what they are asked for.
    #[error(
        "the network left a loss of {loss:.1e} on {slices} slices, an error of the state of up to {error:.2}; use network = \"table\" or a wider one, or the method \"tdvp\""
    )]
    Unconverged {
        /// Slices.
        slices: usize,
        /// Mean of |R|^2 / dt^2.
        loss: f64,
        /// The last time times the root of the loss.
        error: f64,
    },
    /// A step that leads nowhere, or back.
    #[error("t = {t}: a step of length {dt} does not lead forward; take a positive one")]
    Step {
        /// Time at the start of the step.
        t: f64,
        /// Its length.
        dt: f64,
    },
    /// Parameters left the finite numbers, or a step what its stages agree on.
    #[error(
        "t = {t}: the step leads out of range or is too long for the motion; take a smaller evolution.dt"
    )]
    Diverged {
        /// Time at the start of the step.
        t: f64,
    },
}
