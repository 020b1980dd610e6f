//! Quantum many-body physics with neural wavefunctions.

pub use ketwork_hamiltonians as hamiltonians;

mod checkpoint;
pub mod exact;
mod plot;
mod progress;
mod record;
pub mod run_file;
mod usage;

pub use checkpoint::{Checkpoint, CheckpointError, fingerprint};
pub use plot::{Figure, Panel, PlotError, Scale};
pub use progress::{Progress, with_error};
pub use record::{Manifest, RNG, RecordError, Recorder, without_timing};
pub use run_file::{RunFile, RunFileError};
pub use usage::{Elapsed, Stopwatch, cpu_seconds, peak_memory_mb};

/// Version of this library.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
