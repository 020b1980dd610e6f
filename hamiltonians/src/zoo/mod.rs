//! The zoo: one file per physical model, with its formula, sign convention, source and a known
//! energy.
//!
//! A coupling that a model lists always has its terms, also at value 0, so that it can be driven.

#[doc(hidden)]
pub mod cases;
mod golden_chain;
mod heisenberg;
mod pauli_sum;
mod quantum_link;
mod rydberg;
mod six_j;
mod spins;
mod square_link;
#[cfg(test)]
mod tests;
mod tfim;
mod toric_code;
mod x_cube;
mod xxz;
mod xyz;
mod z2_gauge;
mod zn_gauge;

pub use golden_chain::GoldenChain;
pub use heisenberg::{Heisenberg, J1J2};
pub use pauli_sum::{PauliSum, PauliTerm};
pub use quantum_link::QuantumLink;
pub use rydberg::{Rydberg, RydbergBlockade};
pub use square_link::SquareLink;
pub use tfim::Tfim;
pub use toric_code::ToricCode;
pub use x_cube::XCube;
pub use xxz::Xxz;
pub use xyz::Xyz;
pub use z2_gauge::Z2Gauge;
pub use zn_gauge::ZnGauge;

use crate::{Action, Free, Lattice, Pauli, Scalar, Sector, Space, Term};
use std::sync::Arc;

fn pauli_term<T: Scalar>(
    sites: Vec<u32>,
    string: Vec<Pauli>,
    factor: f64,
    coupling: u32,
) -> Term<T> {
    let action = Action::Pauli(string, T::from(factor));
    Term {
        sites,
        guard: Vec::new(),
        action,
        coupling,
    }
}

fn named<const K: usize>(couplings: [(&str, f64); K]) -> Vec<(String, f64)> {
    couplings
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
}

/// All configurations of the qubits of a lattice, read in snake order.
fn free(lattice: &Lattice) -> Sector {
    Arc::new(Free::with_order(
        Space::qubits(lattice.n_sites()),
        lattice.snake_order(),
    ))
}
