//! `[wavefunction]`, `[optimizer]` and `[sampling]`.

use super::{counts, not_negative, positive};
use crate::run_file::RunFileError;
use serde::{Deserialize, Serialize};

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
    /// The network above the tensors of ANTN.
    Backbone {
        /// Causal transformer.
        Transformer,
        /// Gated recurrent unit.
        Gru,
        /// Long short-term memory.
        Lstm,
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
    /// The network of ANTN.
    pub backbone: Option<Backbone>,
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
    /// Bound on the memory of a step in GiB: above it derivatives are recomputed; a solver whose matrix alone
    /// exceeds it is refused.
    pub memory_gib: Option<f64>,
}

impl WavefunctionSection {
    pub(in crate::run_file) fn validate(&self) -> Result<(), RunFileError> {
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
    pub(in crate::run_file) fn validate(&self) -> Result<(), RunFileError> {
        counts("optimizer", &[("steps", self.steps)])?;
        positive("optimizer.learning_rate", self.learning_rate)?;
        not_negative("optimizer.shift", self.shift)
    }
}

impl SamplingSection {
    pub(in crate::run_file) fn validate(&self) -> Result<(), RunFileError> {
        positive("sampling.memory_gib", self.memory_gib)?;
        match self.samples {
            Some(n) if n < 2 => Err(RunFileError::value(
                "sampling.samples",
                format!("{n} samples carry no error bar; draw at least 2"),
            )),
            _ => Ok(()),
        }
    }
}
