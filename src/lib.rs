//! Quantum many-body physics with neural wavefunctions.
//!
//! A Hamiltonian is declared once and read by every engine.

#[cfg(doctest)]
mod book;
mod checkpoint;
pub mod exact;
mod fits;
mod ground_state;
mod local;
mod observables;
mod plot;
mod progress;
mod record;
pub mod run;
pub mod run_file;
mod sample;
mod schedule;
mod stats;
mod tangent;
mod usage;

/// The crate `ketwork-hamiltonians`, whose names also stand in the root.
pub use ketwork_hamiltonians as hamiltonians;

pub use checkpoint::{Checkpoint, CheckpointError, fingerprint};
pub use fits::{CentralCharge, EnergyScaling, EntropyScaling, FitError, LinearFit, fit_linear};
pub use ground_state::{GroundState, Report, Timings, VmcError, v_score};
pub use ketwork_hamiltonians::*;
pub use ketwork_models::*;
pub use local::local;
pub use observables::{
    Correlation, Correlations, Expectation, LoopError, MeasureError, PairEstimate, ProductOperator,
    Renyi2, Sampled, SiteOperator, StructureFactor, Swap, dual_line, rectangle_loop, winding_line,
};
pub use plot::{Figure, Panel, PlotError, Scale};
pub use progress::{Progress, with_error};
pub use record::{Manifest, RNG, RecordError, Recorder, without_timing};
pub use run_file::{RunFile, RunFileError};
pub use sample::{
    Diagnostics, FullSum, Independent, Metropolis, MetropolisParams, SampleError, Sampler,
};
pub use schedule::Schedule;
pub use stats::{
    BinLevel, Estimate, Joined, binning, jackknife, moments, r_hat, reduce, sum, sum_over,
};
pub use tangent::{Adam, MinSr, SolveError, SolveInfo, Spring, Sr, TangentSolver};
pub use usage::{Elapsed, Stopwatch, cpu_seconds, peak_memory_mb};

/// Version of this library.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
