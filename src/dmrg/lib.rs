//! Ground states as matrix product states: operators as automata, two-site DMRG, sectors of a fixed
//! sum as block-sparse tensors.
//!
//! Notation: position p runs along the chain, site `order[p]` of the lattice stands there. Bond p
//! lies left of position p, so that there are N + 1 bonds, the outer two of dimension 1. A bond is a
//! list of *sectors*, each with a charge (the sum of the site values to its left) and a dimension;
//! without a conserved sum there is one sector of charge 0. All inner matrices are column-major.

mod automaton;
mod bond;
mod cut;
mod dense;
mod environment;
mod lanczos;
mod lift;
mod mpo;
mod mps;
mod params;
mod sector;
mod side;
mod start;
mod strings;
mod sweep;
#[cfg(test)]
mod tests;
mod vector;

pub use dense::Element;
pub use mpo::{Mpo, MpoError};
pub use mps::{Mps, SiteTensor};
pub use params::{DmrgError, DmrgInfo, DmrgParams, Mixer, Sweep};
pub use sweep::{Dmrg, ground_state};
pub use vector::VectorError;
