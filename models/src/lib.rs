//! How a state is written: networks, tensor networks, samplers of constrained spaces.
//!
//! This crate knows spaces and constraints, but no Hamiltonian.

mod conditional;
mod parameters;
mod rng;
mod wavefunction;

pub use conditional::Conditional;
pub use parameters::{Init, Layout, Parameter};
pub use rng::Stream;
pub use wavefunction::{Ancestral, Ansatz, Differentiable, Draw, Norm, Samples, Wavefunction};
