//! What needs more than one crate: one binary, one link step, shared fixtures.
//!
//! `cfg(test)` holds here anyway; written out it tells clippy that helpers of tests may unwrap.

mod architecture;
#[cfg(test)]
mod codes;
#[cfg(test)]
mod cost;
#[cfg(test)]
mod dynamics;
#[cfg(test)]
mod gauge;
#[cfg(test)]
mod gauge_states;
#[cfg(all(test, feature = "wgpu"))]
mod graphics;
mod ground_state;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod likelihood;
#[cfg(test)]
mod monte_carlo;
#[cfg(all(test, feature = "burn"))]
mod own_network;
mod prelude;
#[cfg(test)]
mod runs;
