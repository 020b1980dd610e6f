//! Quantum many-body physics with neural wavefunctions.
//!
//! A Hamiltonian is declared once and read by every engine.

#[cfg(doctest)]
mod book;
mod checkpoint;
pub mod evolve;
pub mod exact;
pub mod exchange;
mod fits;
mod ground_state;
mod local;
mod observables;
pub mod open;
mod plot;
mod progress;
mod record;
pub mod run;
pub mod run_file;
mod sample;
mod schedule;
mod tangent;
mod tensors;
mod usage;

/// The crate `ketwork-hamiltonians`, whose names also stand in the root.
pub use ketwork_hamiltonians as hamiltonians;

/// The crate `ketwork-dmrg`: matrix product operators and states, DMRG.
pub use ketwork_dmrg as dmrg;

/// The crate `ketwork-sse`: quantum Monte Carlo by stochastic series expansion.
pub use ketwork_sse as sse;

/// The crate `ketwork-diffusion`: quantum circuits and diffusion models made of them.
pub use ketwork_diffusion as diffusion;

pub use checkpoint::{Checkpoint, CheckpointError, fingerprint};
pub use fits::{CentralCharge, EnergyScaling, EntropyScaling, FitError, LinearFit, fit_linear};
pub use ground_state::{
    GroundState, Likelihood, LikelihoodError, LikelihoodReport, Report, Timings, VmcError, v_score,
};
pub use ketwork_hamiltonians::*;
pub use ketwork_models::*;
pub use ketwork_stats::*;
pub use local::local;
pub use observables::{
    Correlation, Correlations, Expectation, LoopError, MeasureError, PairEstimate, ProductOperator,
    Renyi2, Sampled, SiteOperator, StructureFactor, Swap, dual_line, oriented_loop, rectangle_loop,
};
pub use plot::{Figure, Panel, PlotError, Scale};
pub use progress::{Progress, with_error};
pub use record::{Manifest, RNG, RecordError, Recorder, without_timing};
pub use run_file::{RunFile, RunFileError};
pub use sample::{
    Diagnostics, FullSum, Independent, Metropolis, MetropolisParams, SampleError, Sampler,
};
pub use schedule::Schedule;
pub use tangent::{Adam, MinSr, NaturalGradient, SolveError, SolveInfo, Spring, Sr, TangentSolver};
pub use tensors::from_dmrg;
pub use usage::{Elapsed, Stopwatch, cpu_seconds, peak_memory_mb};

/// Version of this library.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
