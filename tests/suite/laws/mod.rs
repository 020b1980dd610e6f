//! Laws over registries: every network under every constraint of `cases::constraints()`.
//!
//! A network added to [`networks`] obeys all of them, or the suite fails.

mod chi_square;
mod conditional;
mod coverage;
mod networks;
mod sampling;
mod state;
mod tangent;
