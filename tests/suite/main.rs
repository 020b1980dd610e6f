//! What needs more than one crate: one binary, one link step, shared fixtures.

mod architecture;
mod cost;
mod ground_state;
mod laws;
mod prelude;
mod runs;
