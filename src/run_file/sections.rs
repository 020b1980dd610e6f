//! The sections beside `[hamiltonian]`. `None` means: chosen by the engine from the size.

use super::RunFileError;
use serde::{Deserialize, Serialize};

/// Declares a closed set of words of the run file.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }
    };
}

words! {
    /// A network by name.
    Network {
        /// Causal transformer.
        Transformer,
        /// Gated recurrent unit.
        Gru,
        /// Long short-term memory.
        Lstm,
        /// Two-dimensional tensorised recurrent network.
        Rnn2d,
        /// Matrix product state.
        Mps,
        /// Autoregressive neural tensor network.
        Antn,
        /// Restricted Boltzmann machine.
        Rbm,
        /// Jastrow factor.
        Jastrow,
        /// One free number for each prefix: the complete ansatz.
        Table,
    }
}

words! {
    /// How ANTN mixes network and tensors.
    Mixing {
        /// Every element of a tensor on its own.
        Elementwise,
        /// One factor for each block.
        Blockwise,
    }
}

words! {
    /// How parameters start.
    Start {
        /// Drawn from the seed.
        Random,
        /// From a DMRG state.
        Dmrg,
    }
}

words! {
    /// A symmetry to average over.
    Symmetry {
        /// Exchange of up and down.
        SpinFlip,
        /// Translations along periodic directions.
        Translation,
        /// Rotations and reflections.
        PointGroup,
    }
}

/// `[wavefunction]`: a network and its sizes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WavefunctionSection {
    /// The network.
    pub network: Option<Network>,
    /// Number of layers.
    pub layers: Option<usize>,
    /// Features for each site.
    pub width: Option<usize>,
    /// Attention heads.
    pub heads: Option<usize>,
    /// Bond dimension of an MPS.
    pub bond: Option<usize>,
    /// How ANTN mixes.
    pub mixing: Option<Mixing>,
    /// How parameters start.
    pub init: Option<Start>,
    /// Whether amplitudes carry a phase.
    pub phase: Option<bool>,
    /// Symmetries to average over.
    pub symmetry: Vec<Symmetry>,
}

words! {
    /// An optimiser by name.
    OptimizerMethod {
        /// Natural gradient solved among samples.
        Minsr,
        /// Natural gradient solved among parameters.
        Sr,
        /// minSR with the previous update as prior.
        Spring,
        /// Adam.
        Adam,
    }
}

/// `[optimizer]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerSection {
    /// The method.
    pub method: Option<OptimizerMethod>,
    /// Step length.
    pub learning_rate: Option<f64>,
    /// Diagonal shift of the Gram matrix.
    pub shift: Option<f64>,
    /// Number of steps.
    pub steps: Option<usize>,
}

words! {
    /// A sampler by name.
    SamplerMethod {
        /// Independent samples, site by site.
        Ancestral,
        /// A Markov chain.
        Metropolis,
        /// All configurations with their weights.
        FullSum,
    }
}

/// `[sampling]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SamplingSection {
    /// Samples for each step.
    pub samples: Option<usize>,
    /// The sampler.
    pub sampler: Option<SamplerMethod>,
}

words! {
    /// A method of closed dynamics.
    EvolutionMethod {
        /// Time-dependent variational principle.
        Tdvp,
        /// Time-evolving neural state with an Euler target.
        TengEuler,
        /// The same with a Heun target.
        TengHeun,
        /// One network for all times.
        Spacetime,
        /// Krylov evolution of the full state.
        Exact,
    }
}

words! {
    /// A Runge-Kutta integrator.
    Integrator {
        /// First order.
        Euler,
        /// Second order.
        Heun,
        /// Fourth order.
        Rk4,
        /// Fifth order with step control.
        Rk45,
    }
}

words! {
    /// A product state to start from.
    InitialState {
        /// All up.
        UpZ,
        /// All down.
        DownZ,
        /// All along +x.
        PlusX,
        /// Up where x + y + z is even.
        Neel,
        /// No particle; for Rydberg atoms no excitation.
        Vacuum,
    }
}

words! {
    /// A quantity to report.
    Observable {
        /// Mean of X.
        MeanSx,
        /// Mean of Y.
        MeanSy,
        /// Mean of Z.
        MeanSz,
        /// Mean of ZZ over bonds.
        ZzNn,
        /// $(1/N) \sum (-1)^{x+y+z} S^z$.
        StaggeredSz,
        /// Rydberg excitations for each site.
        Density,
        /// Particles and holes for each vertex of a quantum link chain.
        ParticleDensity,
        /// Mean electric field.
        Flux,
        /// Total energy.
        Energy,
    }
}

/// `[evolution]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvolutionSection {
    /// The method.
    pub method: Option<EvolutionMethod>,
    /// Step in time.
    pub dt: Option<f64>,
    /// The times to return, ascending.
    pub times: Vec<f64>,
    /// The integrator.
    pub integrator: Option<Integrator>,
    /// The initial state.
    pub initial: Option<InitialState>,
    /// What to report.
    pub observables: Vec<Observable>,
}

words! {
    /// A method of open dynamics.
    LindbladMethod {
        /// Implicit trapezoid steps.
        Trapezoid,
        /// Time-dependent variational principle.
        Tdvp,
        /// Time-evolving neural state.
        Teng,
        /// The steady state, without dynamics.
        SteadyState,
        /// The full density matrix.
        Exact,
    }
}

words! {
    /// A four-outcome measurement of each spin.
    FrameName {
        /// The tetrahedron whose corners avoid the axes.
        Rotated,
        /// The tetrahedron with one corner along z.
        Tetrahedral,
        /// Pauli-4.
        Pauli4,
    }
}

/// `[lindblad]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LindbladSection {
    /// Rate of the jump |down><up| on every site.
    pub gamma: Option<f64>,
    /// The method.
    pub method: Option<LindbladMethod>,
    /// Number of string orderings.
    pub strings: Option<usize>,
    /// The measurement.
    pub frame: Option<FrameName>,
}

words! {
    /// The parameter along which replicas are exchanged.
    TemperedParameter {
        /// Inverse temperature.
        Beta,
        /// Detuning.
        Delta,
    }
}

/// `tempering` in `[monte_carlo]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemperingSection {
    /// The parameter.
    pub parameter: TemperedParameter,
    /// Its value in each replica.
    pub values: Vec<f64>,
}

/// `[monte_carlo]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MonteCarloSection {
    /// Inverse temperature.
    pub beta: Option<f64>,
    /// Sweeps before measuring.
    pub thermalization: Option<usize>,
    /// Measured sweeps.
    pub sweeps: Option<usize>,
    /// Number of bins.
    pub bins: Option<usize>,
    /// Replica exchange.
    pub tempering: Option<TemperingSection>,
}

words! {
    /// Data to diffuse.
    DiffusionData {
        /// Handwritten digits.
        Digits,
        /// Bars and stripes.
        Bars,
        /// Ground states.
        GroundStates,
    }
}

words! {
    /// A noise schedule.
    NoiseSchedule {
        /// Linear.
        Linear,
        /// Cosine.
        Cosine,
    }
}

/// `[diffusion]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiffusionSection {
    /// The data.
    pub data: Option<DiffusionData>,
    /// Classes to learn.
    pub classes: Option<usize>,
    /// Data qubits.
    pub qubits: Option<usize>,
    /// Number T of diffusion steps.
    pub steps: Option<usize>,
    /// The noise schedule.
    pub schedule: Option<NoiseSchedule>,
    /// Ancilla qubits.
    pub ancillas: Option<usize>,
    /// Layers of the circuit.
    pub layers: Option<usize>,
    /// Whether ancillas act as a non-linear activation.
    pub activation: Option<bool>,
    /// Whether states are diffused in a latent space.
    pub latent: Option<bool>,
    /// Whether the circuit knows the class.
    pub conditioned: Option<bool>,
    /// Passes over the data.
    pub epochs: Option<usize>,
}

impl WavefunctionSection {
    pub(super) fn validate(&self) -> Result<(), RunFileError> {
        counts(
            "wavefunction",
            &[
                ("layers", self.layers),
                ("width", self.width),
                ("heads", self.heads),
                ("bond", self.bond),
            ],
        )?;
        if let (Some(width), Some(heads)) = (self.width, self.heads)
            && !width.is_multiple_of(heads)
        {
            let reason = format!("{heads} heads do not divide the width {width}; choose a divisor");
            return Err(RunFileError::value("wavefunction.heads", reason));
        }
        let repeated = |(i, s)| self.symmetry[..i].contains(s);
        if self.symmetry.iter().enumerate().any(repeated) {
            return Err(RunFileError::value(
                "wavefunction.symmetry",
                "name each symmetry once",
            ));
        }
        Ok(())
    }
}

impl OptimizerSection {
    pub(super) fn validate(&self) -> Result<(), RunFileError> {
        counts("optimizer", &[("steps", self.steps)])?;
        positive("optimizer.learning_rate", self.learning_rate)?;
        not_negative("optimizer.shift", self.shift)
    }
}

impl SamplingSection {
    pub(super) fn validate(&self) -> Result<(), RunFileError> {
        match self.samples {
            Some(n) if n < 2 => Err(RunFileError::value(
                "sampling.samples",
                format!("{n} samples carry no error bar; draw at least 2"),
            )),
            _ => Ok(()),
        }
    }
}

impl EvolutionSection {
    pub(super) fn validate(&self) -> Result<(), RunFileError> {
        positive("evolution.dt", self.dt)?;
        let ascending = self.times.windows(2).all(|w| w[0] < w[1]);
        if !ascending || self.times.first().is_some_and(|&t| t < 0.0) {
            let reason = "write times from 0 on, each later than the one before";
            return Err(RunFileError::value("evolution.times", reason));
        }
        let repeated = |(i, o)| self.observables[..i].contains(o);
        if self.observables.iter().enumerate().any(repeated) {
            return Err(RunFileError::value(
                "evolution.observables",
                "name each observable once",
            ));
        }
        Ok(())
    }
}

impl LindbladSection {
    pub(super) fn validate(&self) -> Result<(), RunFileError> {
        counts("lindblad", &[("strings", self.strings)])?;
        not_negative("lindblad.gamma", self.gamma)
    }
}

impl MonteCarloSection {
    pub(super) fn validate(&self) -> Result<(), RunFileError> {
        counts("monte_carlo", &[("sweeps", self.sweeps)])?;
        positive("monte_carlo.beta", self.beta)?;
        if let Some(bins) = self.bins {
            let sweeps = self.sweeps.unwrap_or(usize::MAX);
            if bins < 2 || bins > sweeps {
                let reason =
                    format!("{bins} bins; choose at least 2 and at most one for each sweep");
                return Err(RunFileError::value("monte_carlo.bins", reason));
            }
        }
        let Some(tempering) = &self.tempering else {
            return Ok(());
        };
        let key = "monte_carlo.tempering.values";
        if tempering.values.len() < 2 {
            return Err(RunFileError::value(
                key,
                "give at least two values to exchange",
            ));
        }
        if tempering.parameter == TemperedParameter::Beta {
            for &beta in &tempering.values {
                positive(key, Some(beta))?;
            }
        }
        Ok(())
    }
}

impl DiffusionSection {
    pub(super) fn validate(&self) -> Result<(), RunFileError> {
        counts(
            "diffusion",
            &[
                ("classes", self.classes),
                ("qubits", self.qubits),
                ("steps", self.steps),
                ("layers", self.layers),
                ("epochs", self.epochs),
            ],
        )
    }
}

fn counts(section: &str, counts: &[(&str, Option<usize>)]) -> Result<(), RunFileError> {
    match counts.iter().find(|(_, n)| *n == Some(0)) {
        Some((key, _)) => Err(RunFileError::value(
            &format!("{section}.{key}"),
            "0 is too few; write at least 1",
        )),
        None => Ok(()),
    }
}

fn positive(key: &str, x: Option<f64>) -> Result<(), RunFileError> {
    match x {
        Some(x) if x <= 0.0 => Err(RunFileError::value(
            key,
            format!("{x} is not positive; write a positive number"),
        )),
        _ => Ok(()),
    }
}

fn not_negative(key: &str, x: Option<f64>) -> Result<(), RunFileError> {
    match x {
        Some(x) if x < 0.0 => Err(RunFileError::value(
            key,
            format!("{x} is negative; write 0 or more"),
        )),
        _ => Ok(()),
    }
}
