//! Quantum-circuit diffusion models: a state-vector simulator with adjoint gradients, noise on
//! amplitudes, circuits that undo it step by step, and metrics of what they generate.
//!
//! # References
//! A. Cacioppo, L. Colantonio, S. Bordoni, S. Giagu, arXiv:2311.15444.

mod adam;
mod ansatz;
mod autoencoder;
mod block;
mod circuit;
mod conditioning;
mod data;
mod density;
mod depolarise;
mod doubled;
mod error;
mod frechet;
mod gate;
mod kernels;
mod logistic;
mod model;
#[cfg(test)]
mod model_tests;
mod natural;
mod params;
mod perceptron;
mod qasm;
#[cfg(test)]
mod qasm_tests;
mod report;
mod sample;
mod schedule;
mod states;
mod sweep;
mod terms;
#[cfg(test)]
mod tests;
mod train;
#[cfg(test)]
mod variant_tests;

pub use ansatz::Bottleneck;
pub use autoencoder::{Autoencoder, AutoencoderParams};
pub use circuit::Circuit;
pub use conditioning::Conditioning;
pub use data::{Condition, Data, Split};
pub use density::{Density, superinfidelity};
pub use error::DiffusionError;
pub use frechet::{Moments, Pca, frechet};
pub use logistic::Classifier;
pub use model::DiffusionModel;
pub use params::{DiffusionParams, Forward, Optimizer, Target};
pub use perceptron::Perceptron;
pub use report::{Grid, Report, nearest};
pub use sample::Generated;
pub use schedule::{ForwardProcess, NoiseScale, Schedule, haar_states};
pub use states::{States, fidelity};
pub use sweep::{Applied, Pullback, infidelity};
pub use terms::SparseHamiltonian;
pub use train::{Diffusion, Epoch, Training};
