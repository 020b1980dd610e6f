//! Run files: a TOML description of a system and of what is done with it.
//!
//! Every section denies unknown keys, every key is checked as written, and every error names the
//! key and the remedy in one line. What is left out stays `None` and is chosen by the engine.

mod error;
mod hamiltonian;
mod lattice;
mod models;
mod node;
mod observable;
mod sections;
#[cfg(test)]
mod tests;

pub use error::RunFileError;
pub use hamiltonian::HamiltonianSection;
pub use lattice::{Boundaries, BoundaryName, KindName, LatticeSection};
pub use models::{
    BlockadeName, DissipativeTfimKeys, FusionSector, GoldenChainKeys, HeisenbergKeys, J1J2Keys,
    PauliKeys, PauliTerm, QuantumLinkKeys, RydbergKeys, SpinSector, TfimKeys, ToricCodeKeys,
    XCubeKeys, XxzKeys, XyzKeys, Z2GaugeKeys,
};
pub use sections::{
    Activation, Backbone, Classes, DiffusionData, DiffusionSection, EvolutionMethod,
    EvolutionSection, FrameName, InitialState, Integrator, LindbladMethod, LindbladSection, Mixing,
    MonteCarloSection, Network, NoiseSchedule, Observable, OptimizerMethod, OptimizerSection,
    SamplerMethod, SamplingSection, Start, Symmetry, TemperedParameter, TemperingSection,
    WavefunctionSection,
};

use ketwork_hamiltonians::{AnyModel, Lattice};
use serde::Serialize;
use std::fs;
use std::path::Path;

/// A run file, read and checked.
///
/// ```
/// use ketwork::run_file::RunFile;
/// let run: RunFile = r#"
///     seed = 7
///     [hamiltonian]
///     model = "tfim"
///     h = 1.0
///     lattice = { kind = "chain", extent = [10], boundary = "periodic" }
/// "#.parse()?;
/// let (lattice, _model) = run.system()?;
/// assert_eq!(lattice.n_sites(), 10);
/// # Ok::<(), ketwork::run_file::RunFileError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RunFile {
    /// Seed of all random numbers.
    pub seed: u64,
    /// The system; only circuit diffusion does without.
    pub hamiltonian: Option<HamiltonianSection>,
    /// The network.
    pub wavefunction: WavefunctionSection,
    /// The optimiser.
    pub optimizer: OptimizerSection,
    /// The sampler.
    pub sampling: SamplingSection,
    /// Closed dynamics.
    pub evolution: EvolutionSection,
    /// Open dynamics.
    pub lindblad: LindbladSection,
    /// Stochastic series expansion.
    pub monte_carlo: MonteCarloSection,
    /// Circuit diffusion.
    pub diffusion: DiffusionSection,
}

impl RunFile {
    /// The keys of the top level.
    pub const KEYS: [&str; 9] = [
        "seed",
        "hamiltonian",
        "wavefunction",
        "optimizer",
        "sampling",
        "evolution",
        "lindblad",
        "monte_carlo",
        "diffusion",
    ];

    /// Reads a file.
    ///
    /// # Errors
    /// [`RunFileError`].
    pub fn load(path: &Path) -> Result<Self, RunFileError> {
        fs::read_to_string(path)
            .map_err(|source| RunFileError::Read {
                path: path.to_owned(),
                source,
            })?
            .parse()
    }

    /// The lattice and the model on it.
    ///
    /// # Errors
    /// [`RunFileError`] where there is no `[hamiltonian]`, or lattice, couplings and sector do not
    /// fit each other.
    pub fn system(&self) -> Result<(Lattice, AnyModel), RunFileError> {
        self.hamiltonian
            .as_ref()
            .ok_or_else(|| RunFileError::MissingKey {
                key: "hamiltonian".into(),
            })?
            .build()
    }

    /// Checks all values again: for callers that have changed some.
    ///
    /// # Errors
    /// [`RunFileError::Value`].
    pub fn validate(&self) -> Result<(), RunFileError> {
        self.wavefunction.validate()?;
        self.optimizer.validate()?;
        self.sampling.validate()?;
        self.evolution.validate()?;
        self.lindblad.validate()?;
        self.monte_carlo.validate()?;
        self.diffusion.validate()
    }

    /// Lowers what costs time, and nothing else, to a size that ends within seconds: steps, samples,
    /// sweeps, epochs, and all but the first three times of an evolution.
    pub fn lower(&mut self) {
        let least = |value: &mut Option<usize>, most: usize| {
            *value = Some(value.map_or(most, |v| v.min(most)));
        };
        // In open dynamics the number of steps is that of time.
        let is_open = self
            .lindblad
            .method
            .is_some_and(|m| m != LindbladMethod::SteadyState);
        if !is_open {
            least(&mut self.optimizer.steps, 20);
        }
        if self.sampling.sampler != Some(SamplerMethod::FullSum) {
            least(&mut self.sampling.samples, 256);
        }
        least(&mut self.monte_carlo.thermalization, 500);
        least(&mut self.monte_carlo.sweeps, 2000);
        least(&mut self.diffusion.epochs, 60);
        // The last time sets the price of an evolution.
        self.evolution.times.truncate(3);
        if let (Some(bins), Some(sweeps)) = (&mut self.monte_carlo.bins, self.monte_carlo.sweeps) {
            *bins = (*bins).min(sweeps);
        }
    }

    /// The file with flags applied, as logs keep it.
    ///
    /// # Panics
    /// Never: all keys are texts.
    #[must_use]
    pub fn resolved(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("run files are trees with text keys")
    }

    /// A name for the run, equal for runs that a checkpoint may be moved between: all but the
    /// number of optimisation steps counts, so that a run can be prolonged.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut same = self.clone();
        same.optimizer.steps = None;
        crate::fingerprint(&same.resolved().to_string())
    }
}

impl std::str::FromStr for RunFile {
    type Err = RunFileError;

    fn from_str(text: &str) -> Result<Self, RunFileError> {
        let table: toml::Table = text.parse().map_err(|e| syntax(text, &e))?;
        let mut run = Self::default();
        for (key, value) in table {
            match key.as_str() {
                "seed" => run.seed = node::read(&key, value)?,
                "hamiltonian" => run.hamiltonian = Some(HamiltonianSection::read(value)?),
                "wavefunction" => run.wavefunction = node::read(&key, value)?,
                "optimizer" => run.optimizer = node::read(&key, value)?,
                "sampling" => run.sampling = node::read(&key, value)?,
                "evolution" => run.evolution = node::read(&key, value)?,
                "lindblad" => run.lindblad = node::read(&key, value)?,
                "monte_carlo" => run.monte_carlo = node::read(&key, value)?,
                "diffusion" => run.diffusion = node::read(&key, value)?,
                _ => {
                    return Err(RunFileError::UnknownKey {
                        key,
                        known: Self::KEYS.to_vec(),
                    });
                }
            }
        }
        run.validate()?;
        Ok(run)
    }
}

fn syntax(text: &str, error: &toml::de::Error) -> RunFileError {
    let start = error.span().map_or(0, |s| s.start).min(text.len());
    let before = &text.as_bytes()[..start];
    let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
    let column = start
        - before
            .iter()
            .rposition(|&b| b == b'\n')
            .map_or(0, |p| p + 1)
        + 1;
    RunFileError::Syntax {
        line,
        column,
        reason: error.message().replace('\n', ", "),
    }
}
