//! What needs more than one crate: one binary, one link step, shared fixtures.

mod architecture;
mod ground_state;
mod prelude;
