//! Quantum many-body physics with neural wavefunctions.
//!
//! A Hamiltonian is declared once and read by every engine.

pub mod exact;
mod linalg;
mod local;
mod sample;
mod stats;
mod tangent;

pub use ketwork_hamiltonians::*;
pub use ketwork_models::*;
pub use local::local;
pub use sample::{Independent, SampleError, Sampler};
pub use stats::{BinLevel, Estimate, binning, jackknife, moments, r_hat, reduce, sum, sum_over};
pub use tangent::{Adam, MinSr, SolveError, SolveInfo, Spring, Sr, TangentSolver};
