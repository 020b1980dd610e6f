//! Quantum many-body physics with neural wavefunctions.

pub use ketwork_hamiltonians as hamiltonians;

pub mod exact;
