//! The zoo: one file per physical model, with its formula, sign convention, source and a known energy.

mod tfim;

pub use tfim::Tfim;
