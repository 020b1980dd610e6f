//! Numbers of the continuum from finite systems: linear fits with propagated errors, central charges.

mod central_charge;
mod linear;

pub use central_charge::{CentralCharge, EnergyScaling, EntropyScaling};
pub use linear::{FitError, LinearFit, fit_linear};
