//! seam

mod checkpoint;
mod plot;
mod progress;
mod record;
pub mod run_file;

pub use checkpoint::{Checkpoint, CheckpointError, fingerprint};
pub use plot::{Figure, Panel, PlotError, Scale};
pub use progress::{Progress, with_error};
pub use record::{Manifest, RNG, RecordError, Recorder, without_timing};
pub use run_file::{RunFile, RunFileError};
