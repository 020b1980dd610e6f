//! seam

mod checkpoint;

pub use checkpoint::{Checkpoint, CheckpointError, fingerprint};
