//! How a state is written: networks, tensor networks, samplers of constrained spaces.
//!
//! This crate knows spaces and constraints, but no Hamiltonian.

mod antn;
mod arrays;
mod autoregressive;
#[cfg(feature = "burn")]
mod burn_network;
mod code;
mod conditional;
mod flip;
mod jastrow;
mod layers;
mod named;
mod network_error;
mod offset;
mod parameters;
mod rbm;
mod real_map;
mod reference;
#[cfg(test)]
mod reference_tests;
mod rng;
mod rnn;
mod symmetrize;
mod table;
mod tangent;
mod tensors;
mod transfer;
mod transformer;
mod wavefunction;

pub use antn::{Antn, AntnWork, Mixing, Mps, Silent, SiteTensor, widest_bond, widest_sector};
pub use arrays::jacobian;
pub use autoregressive::Autoregressive;
#[cfg(feature = "burn")]
pub use burn_network::{
    BurnAmplitude, BurnConditional, BurnCopies, BurnError, BurnGru, BurnMap, BurnNetwork,
    BurnRealMap, BurnState, BurnTransformer, BurnWork, burn,
};
pub use code::{CheckKind, CodeError, CodeSector, StabilizerState};
pub use conditional::Conditional;
pub use flip::{FlipInvariant, FlipWork};
pub use jastrow::Jastrow;
pub use named::{Backbone, GivenTensors, Named, NamedNetwork, Tensors};
pub use network_error::NetworkError;
pub use offset::Offset;
pub use parameters::{Init, Layout, Parameter};
pub use rbm::Rbm;
pub use real_map::RealMap;
pub use rng::Stream;
pub use rnn::{Cell, Rnn, Rnn2d, Rnn2dParams, Rnn2dWork, RnnParams, RnnWork};
pub use symmetrize::{Relabelling, Symmetrized, SymmetryError, check_invariance};
pub use table::PrefixTable;
pub use tangent::{Dense, Lazy, TangentMap};
pub use tensors::{TensorError, replace_file};
pub use transfer::{Positions, TransferError};
pub use transformer::{Transformer, TransformerParams, TransformerWork};
pub use wavefunction::{
    Ancestral, Ansatz, Differentiable, Draw, Norm, Samples, Shots, Wavefunction,
};
