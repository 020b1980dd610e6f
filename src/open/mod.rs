//! Open systems as probabilities of outcome strings: exact evolution, density matrices, and networks
//! that follow the forward-backward trapezoid.
//!
//! Frames and generators are in [`hamiltonians::open`](crate::hamiltonians::open).

mod density;
mod exact;
#[cfg(test)]
mod tests;
mod trapezoid;

pub use density::{density_matrix, purity, smallest_eigenvalue};
pub use exact::{evolve_probabilities, product_probabilities, steady_probabilities};
pub use trapezoid::{Trapezoid, TrapezoidReport, fit_probabilities};
