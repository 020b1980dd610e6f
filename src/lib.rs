//! Quantum many-body physics with neural wavefunctions.

mod stats;

pub use stats::{BinLevel, Estimate, binning, jackknife, moments, r_hat, reduce, sum, sum_over};
