//! How a state is written: networks, tensor networks, samplers of constrained spaces.
//!
//! This crate knows spaces and constraints, but no Hamiltonian.

mod conditional;
mod layers;
mod network_error;
mod parameters;
mod rng;
mod transformer;
mod wavefunction;

pub use conditional::Conditional;
pub use network_error::NetworkError;
pub use parameters::{Init, Layout, Parameter};
pub use rng::Stream;
pub use transformer::{Transformer, TransformerParams, TransformerWork};
pub use wavefunction::{Ancestral, Ansatz, Differentiable, Draw, Norm, Samples, Wavefunction};
