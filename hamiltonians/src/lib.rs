//! What is simulated: spaces, lattices, constraints, operators and a zoo of models.
//!
//! This crate knows nothing of networks, randomness, threads or files.

mod arrays;
mod constraint;
mod driven;
mod kernel;
mod lattice;
mod local_sum;
mod model;
pub mod open;
mod operator;
mod parity_block;
mod pauli;
mod scalar;
mod sign_gauge;
mod space;
mod term;
mod zoo;

pub use constraint::{
    Blockade, Constraint, ConstraintError, Free, FusionPath, LinkChain, LocalMask, Modular, Number,
    Parity, Product, Sector, SquareFlux, Walk, draw_legal, is_legal, is_legal_with, product,
};
pub use driven::{Driven, Protocol};
pub use lattice::{Boundary, Lattice, LatticeError, LatticeKind, Links};
pub use local_sum::LocalSum;
pub use model::{AnyModel, Hamiltonian, Model, ModelError};
pub use operator::{Connected, Operator};
pub use pauli::Pauli;
pub use scalar::Scalar;
pub use space::{Configs, ConfigsRef, Neighbours, OnSpace, Space};
pub use term::{Action, OperatorError, Term};
#[doc(hidden)]
pub use zoo::cases;
pub use zoo::{
    GoldenChain, Heisenberg, J1J2, PauliSum, PauliTerm, QuantumLink, Rydberg, RydbergBlockade,
    SquareLink, Tfim, ToricCode, XCube, Xxz, Xyz, Z2Gauge, ZnGauge,
};
