//! Whole runs from run files: what the examples do, for programs that want the same.

mod arrays;
mod diffusion;
mod ground_state;
mod initial;
mod kept;
mod monte_carlo;
mod network;
mod open;
mod quench;
mod start;
mod symmetry;
mod watch;

pub use diffusion::DiffusionRun;
pub use ground_state::{GroundStateRun, Outcome};
pub use monte_carlo::{ExactThermal, MonteCarloOutcome, MonteCarloRun, Rung};
pub use network::{State, build_state};
pub use open::{OpenOutcome, OpenRun};
pub use quench::{QuenchOutcome, QuenchRun};

use crate::evolve::EvolveError;
use crate::exact::ExactError;
use crate::run_file::RunFileError;
use crate::{CheckpointError, Estimate, PlotError, RecordError, SampleError, VmcError};
use kept::Kept;
use ketwork_diffusion::DiffusionError;
use ketwork_dmrg::DmrgError;
use ketwork_models::{NetworkError, SymmetryError};
use ketwork_sse::SseError;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a run takes beside its run file.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// Directory for log, checkpoint and plot; `None` writes nothing.
    pub out: Option<PathBuf>,
    /// Continue from the checkpoint in `out`.
    pub resume: bool,
    /// Compute the exact twin whatever the dimension.
    pub exact: bool,
    /// Show a progress bar on a terminal.
    pub progress: bool,
    /// Set from outside (a signal handler) to end the run with [`RunError::Interrupted`] after the
    /// step at work and a checkpoint.
    pub stop: Option<&'static AtomicBool>,
}

impl RunOptions {
    fn is_stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

/// Largest dimension for which the exact twin is computed unasked.
pub const EXACT_UP_TO: f64 = 65536.0;

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The run file.
    #[error(transparent)]
    RunFile(#[from] RunFileError),
    /// The network's sizes.
    #[error("wavefunction: {0}")]
    Network(#[from] NetworkError),
    /// The symmetries.
    #[error("wavefunction.symmetry: {0}")]
    Symmetry(#[from] SymmetryError),
    /// A value of the run file that does not fit another.
    #[error("{key}: {reason}")]
    Value {
        /// The key, with its section.
        key: &'static str,
        /// What is wrong and what to do.
        reason: String,
    },
    /// Quantum Monte Carlo.
    #[error("monte_carlo: {0}")]
    MonteCarlo(#[from] SseError),
    /// Quantum Monte Carlo, while it ran.
    #[error("monte_carlo: {source}{}", saved(checkpoint))]
    Sampled {
        /// What happened.
        source: SseError,
        /// The last checkpoint, where there is one.
        checkpoint: Option<PathBuf>,
    },
    /// Data or parameters of circuit diffusion.
    #[error("{}", with_key(.0))]
    Diffusion(#[from] DiffusionError),
    /// Training or generation of circuit diffusion.
    #[error("diffusion: {source}{}", saved(checkpoint))]
    Trained {
        /// What happened.
        source: DiffusionError,
        /// The last checkpoint, where there is one.
        checkpoint: Option<PathBuf>,
    },
    /// Sweeps towards the tensors that training starts from.
    #[error("DMRG: {0}; or start with init = \"random\"")]
    Dmrg(#[from] DmrgError),
    /// A step of an evolution.
    #[error("evolution: {0}")]
    Evolve(EvolveError),
    /// The output directory.
    #[error("{}: {source}; name a directory that can be written", path.display())]
    Out {
        /// The directory or file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The log.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The picture.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// The exact twin was asked for and cannot be had; found before the first step.
    #[error("--exact: {0}, or leave out --exact")]
    Exact(#[from] ExactError),
    /// Sampling, before the first step.
    #[error("sampling: {0}")]
    Sample(#[from] SampleError),
    /// The run was stopped from outside; what it had found is in its checkpoint.
    #[error("stopped {}; {}", progress(*.steps, *.energy), kept(checkpoint))]
    Interrupted {
        /// Steps taken, those before a resumption included.
        steps: u64,
        /// Energy of the last step of this session.
        energy: Option<Estimate>,
        /// The checkpoint, where a directory was given.
        checkpoint: Option<PathBuf>,
    },
    /// A step of the optimisation.
    #[error("{source}{}", saved(checkpoint))]
    Step {
        /// What happened.
        source: VmcError,
        /// The last checkpoint, where there is one.
        checkpoint: Option<PathBuf>,
    },
}

fn progress(steps: u64, energy: Option<Estimate>) -> String {
    match energy {
        Some(energy) => format!("after step {steps} at E = {energy}"),
        None => format!("after step {steps}"),
    }
}

fn kept(checkpoint: &Option<PathBuf>) -> String {
    match checkpoint.as_ref().and_then(|path| path.parent()) {
        Some(dir) => format!("continue with --out {} --resume", dir.display()),
        None => "nothing was kept: give --out DIR".to_owned(),
    }
}

/// What is wrong with a diffusion, behind the key of the run file that is to be changed.
fn with_key(error: &DiffusionError) -> String {
    match error {
        DiffusionError::NoSteps => format!("diffusion.steps: {error}"),
        DiffusionError::Parameter { key: "samples", .. } => format!("sampling.{error}"),
        DiffusionError::Parameter {
            key: "learning_rate" | "shift",
            ..
        } => format!("optimizer.{error}"),
        DiffusionError::Parameter { .. } => format!("diffusion.{error}"),
        DiffusionError::Degenerate { .. } => format!("hamiltonian: {error}"),
        DiffusionError::Memory { .. } => format!("diffusion.qubits: {error}"),
        _ => format!("diffusion: {error}"),
    }
}

fn saved(checkpoint: &Option<PathBuf>) -> String {
    match checkpoint {
        Some(path) => format!("; the last checkpoint is {}", path.display()),
        None => "; no checkpoint was asked for (give --out DIR to keep them)".to_owned(),
    }
}

impl RunError {
    /// Whether the input is at fault, before anything was computed (exit code 2), rather than the
    /// computation (exit code 3).
    #[must_use]
    pub fn is_input(&self) -> bool {
        !matches!(
            self,
            Self::Step { .. }
                | Self::Dmrg(_)
                | Self::Evolve(_)
                | Self::Sampled { .. }
                | Self::Trained { .. }
                | Self::Plot(_)
                | Self::Interrupted { .. }
        )
    }
}
