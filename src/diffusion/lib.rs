//! Quantum-circuit diffusion models: a state-vector simulator with adjoint gradients, noise on
//! amplitudes, circuits that undo it step by step, and metrics of what they generate.
//!
//! # References
//! A. Cacioppo, L. Colantonio, S. Bordoni, S. Giagu, arXiv:2311.15444.

mod ansatz;
mod block;
mod circuit;
mod error;
mod gate;
mod kernels;
mod schedule;
mod states;
mod terms;
#[cfg(test)]
mod tests;

pub use ansatz::Bottleneck;
pub use circuit::{Applied, Circuit, Pullback, infidelity};
pub use error::DiffusionError;
pub use schedule::{ForwardProcess, NoiseScale, Schedule, haar_states};
pub use states::{States, fidelity};
pub use terms::SparseHamiltonian;
