//! Open systems as probabilities of outcome strings: exact evolution, density matrices, and networks
//! that follow the forward-backward trapezoid, TENG or TDVP.
//!
//! Frames and generators are in [`hamiltonians::open`](crate::hamiltonians::open).

mod adapted;
mod corrected;
mod density;
mod driven;
mod exact;
mod l1_trapezoid;
mod lindbladian;
mod master;
mod orbits;
mod reduced;
mod steady;
#[cfg(test)]
mod tests;
mod trajectories;
mod trapezoid;

pub use corrected::Corrected;
pub use density::{density_matrix, purity, smallest_eigenvalue};
pub use driven::DrivenLindbladian;
pub use exact::{evolve_probabilities, product_probabilities, steady_probabilities};
pub use l1_trapezoid::L1Trapezoid;
pub use lindbladian::{Lindbladian, product_density};
pub use master::Master;
pub use orbits::Orbits;
pub use reduced::{ReducedDensity, reduced_density, sampled_purity};
pub use steady::{Steady, SteadyReport};
pub use trajectories::Trajectories;
pub use trapezoid::{Trapezoid, fit_probabilities};
