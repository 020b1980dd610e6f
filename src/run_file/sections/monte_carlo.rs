//! `[monte_carlo]` and `[diffusion]`.

use super::{counts, positive};
use crate::run_file::RunFileError;
use serde::{Deserialize, Serialize};

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

/// Which classes of the data are learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Classes {
    /// The first so many.
    Count(usize),
    /// These.
    Named(Vec<usize>),
}

/// A leaky ReLU after the projections.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Activation {
    /// With the default slope, or none.
    Switch(bool),
    /// With this slope for negative parts, in (0, 1].
    Slope(f64),
}

/// `[diffusion]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiffusionSection {
    /// The data.
    pub data: Option<DiffusionData>,
    /// Classes to learn: how many, or which digits.
    pub classes: Option<Classes>,
    /// Data qubits.
    pub qubits: Option<usize>,
    /// The coupling along which ground states are taken; of a sum of strings their letters, as in "ZZ".
    pub coupling: Option<String>,
    /// Number T of diffusion steps.
    pub steps: Option<usize>,
    /// The noise schedule.
    pub schedule: Option<NoiseSchedule>,
    /// Ancilla qubits.
    pub ancillas: Option<usize>,
    /// Layers of the circuit.
    pub layers: Option<usize>,
    /// Leaky ReLU: true, false, or its slope.
    pub activation: Option<Activation>,
    /// Whether states are diffused in a latent space.
    pub latent: Option<bool>,
    /// Whether the circuit knows the class.
    pub conditioned: Option<bool>,
    /// Passes over the data.
    pub epochs: Option<usize>,
}

impl MonteCarloSection {
    pub(in crate::run_file) fn validate(&self) -> Result<(), RunFileError> {
        let whole = [
            ("sweeps", self.sweeps),
            ("thermalization", self.thermalization),
        ];
        counts("monte_carlo", &whole)?;
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
    pub(in crate::run_file) fn validate(&self) -> Result<(), RunFileError> {
        let classes = match &self.classes {
            Some(Classes::Count(n)) => Some(*n),
            Some(Classes::Named(list)) => Some(list.len()),
            None => None,
        };
        counts(
            "diffusion",
            &[
                ("classes", classes),
                ("qubits", self.qubits),
                ("steps", self.steps),
                ("layers", self.layers),
                ("epochs", self.epochs),
            ],
        )
    }
}
