//! Exact diagonalisation: bases of sectors, sparse matrices, lowest levels, full spectra, thermal
//! averages and time evolution.
//!
//! States are vectors over a [`Basis`]; energies are in units of the coupling, $\hbar = k_B = 1$.
//! Every sum runs in a fixed order, so results are bit-identical for any number of threads.

mod automaton;
mod basis;
mod dense;
mod driven;
mod elements;
mod error;
mod evolve;
mod expectation;
mod krylov;
mod levels;
mod matrix;
mod memory;
mod renyi;
mod spectrum;
mod vector;

pub use basis::{Basis, dimension};
pub use driven::evolve_driven;
pub use error::ExactError;
pub use evolve::{EvolveInfo, EvolveParams, cool, evolve};
pub use expectation::expectation;
pub use levels::{LanczosParams, Levels, check_lowest, ground_state, lowest};
pub use matrix::SparseMatrix;
pub use memory::Memory;
pub(crate) use memory::gib;
pub use renyi::renyi2;
pub(crate) use renyi::sites_of;
pub use spectrum::{Spectrum, Thermal, spectrum};

#[cfg(test)]
mod tests;
