//! What a training run can be told.

use crate::{Conditioning, DiffusionError, NoiseScale, Schedule};
use serde::{Deserialize, Serialize};

/// Steps and layers beyond which a number is a slip: circuits would be built for minutes.
const MOST_STEPS: usize = 10_000;
const MOST_LAYERS: usize = 1000;

/// What the forward process does to the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forward {
    /// Complex Gaussian noise on amplitudes, drawn anew in every pass: pure states, whose mean is what
    /// depolarising makes.
    #[default]
    Gaussian,
    /// Depolarising noise, $\rho_t = \bar\alpha_t\rho_0 + (1-\bar\alpha_t)1/2^n$: no draws, but density
    /// matrices, up to eight qubits with ancillas. Steps are linear maps, trained to reach $\rho_{t-1}$
    /// (whatever [`Target`] says) by their superfidelity.
    Depolarising,
}

/// What a backward step is trained to reach from $x_t$.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The posterior mean $\mu_t(x_0, x_t)$, normalised.
    PosteriorMean,
    /// $x_{t-1}$ of the same noisy path.
    Previous,
}

/// How parameters move.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimizer {
    /// Adam.
    Adam,
    /// Quantum natural gradient: the gradient times the inverse of the Fubini-Study metric of the
    /// outputs, averaged over `states` states of the batch, shifted by `shift` times its mean
    /// diagonal. Without a network.
    NaturalGradient {
        /// Relative diagonal shift.
        shift: f64,
        /// States that the metric is averaged over.
        states: usize,
    },
}

/// A training run. The defaults suit 8x8 digits of two classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiffusionParams {
    /// Number of steps T.
    pub steps: usize,
    /// Noise rates.
    pub schedule: Schedule,
    /// What noise is.
    pub forward: Forward,
    /// Scale of Gaussian noise.
    pub noise: NoiseScale,
    /// Ancillas of each step.
    pub ancillas: u32,
    /// How often each step adds ancillas, entangles and projects them.
    pub rounds: usize,
    /// Layers of U1, U2 (each round) and U3; even.
    pub layers: [usize; 3],
    /// Slope s of a leaky ReLU on real and imaginary parts, $1-(1-s)\bar\alpha_t$ at step t, since noise
    /// has no signs to keep; none on hardware.
    pub activation: Option<f64>,
    /// Whether ancillas are measured and both outcomes kept.
    pub measured: bool,
    /// How the model knows labels or parameters.
    pub conditioning: Conditioning,
    /// Hidden layers of the network that adds to the angles of U3; none is a pure circuit.
    pub hidden: Vec<usize>,
    /// What steps are trained to reach.
    pub target: Target,
    /// Fresh noise between the steps of sampling, in units of the posterior deviation
    /// $[\beta_t(1-\bar\alpha_{t-1})/(1-\bar\alpha_t)]^{1/2}$: 1 is the ancestral sampler of DDPM
    /// (simulation only), 0 what a device does, whose samples differ by $x_T$ alone.
    pub fresh_noise: f64,
    /// Passes over the training states; sets of fewer than 256 are repeated within a pass where the
    /// noise is drawn.
    pub epochs: usize,
    /// States of one gradient, for every step.
    pub batch: usize,
    /// Largest rate; it falls to 0 as a cosine.
    pub learning_rate: f64,
    /// How parameters move.
    pub optimizer: Optimizer,
    /// Standard deviation of the first angles; at exactly 0 the ancillas have no gradient.
    pub initial: f64,
    /// Noisy copies of the held-out states in the final infidelities, at least.
    pub evaluations: usize,
    /// States generated at the end.
    pub samples: usize,
    /// Bytes that the simulator may take.
    pub memory: u64,
}

impl Default for DiffusionParams {
    fn default() -> Self {
        Self {
            steps: 10,
            schedule: Schedule::Linear,
            forward: Forward::Gaussian,
            noise: NoiseScale::Normalised,
            ancillas: 1,
            rounds: 6,
            layers: [4, 4, 4],
            activation: Some(0.2),
            measured: false,
            conditioning: Conditioning::Offsets,
            hidden: Vec::new(),
            target: Target::PosteriorMean,
            fresh_noise: 0.0,
            epochs: 200,
            batch: 64,
            learning_rate: 0.02,
            optimizer: Optimizer::Adam,
            initial: 0.01,
            evaluations: 512,
            samples: 512,
            memory: 2 << 30,
        }
    }
}

impl DiffusionParams {
    /// Defaults for families of ground states, conditioned on the parameter: few, large steps, since
    /// one state belongs to each parameter and the circuits need no variety.
    #[must_use]
    pub fn ground_states() -> Self {
        Self {
            steps: 4,
            schedule: Schedule::Between {
                first: 0.1,
                last: 0.9,
            },
            rounds: 8,
            activation: None,
            epochs: 300,
            ..Self::default()
        }
    }

    /// Refuses what no run could use.
    ///
    /// # Errors
    /// [`DiffusionError::NoSteps`], [`DiffusionError::Parameter`] with the key.
    pub fn check(&self) -> Result<(), DiffusionError> {
        if self.steps == 0 {
            return Err(DiffusionError::NoSteps);
        }
        let refuse = |key, value, reason| Err(DiffusionError::Parameter { key, value, reason });
        if self.steps > MOST_STEPS {
            return refuse("steps", self.steps as f64, "at most 10000");
        }
        if let Some(l) = self.layers.iter().find(|l| **l > MOST_LAYERS) {
            return refuse("layers", *l as f64, "at most 1000");
        }
        if let Some(l) = self.layers.iter().find(|l| *l % 2 == 1) {
            return refuse(
                "layers",
                *l as f64,
                "even numbers, so that CNOT chains cancel",
            );
        }
        if self.ancillas == 0 && self.measured {
            return refuse("ancillas", 0.0, "measured outcomes need an ancilla");
        }
        if self.rounds == 0 || self.rounds > 64 || (self.measured && self.rounds > 1) {
            let reason = "from 1 to 64, and 1 where ancillas are measured";
            return refuse("rounds", self.rounds as f64, reason);
        }
        if self.ancillas > 8 {
            return refuse("ancillas", f64::from(self.ancillas), "at most 8");
        }
        if let Some(slope) = self.activation {
            if !(slope > 0.0 && slope <= 1.0) {
                return refuse("activation", slope, "a slope in (0, 1]");
            }
            if self.measured {
                return refuse(
                    "activation",
                    slope,
                    "measured outcomes have probabilities only without it",
                );
            }
        }
        if let Some(w) = self.hidden.iter().find(|w| **w == 0 || **w > 1 << 14) {
            return refuse("hidden", *w as f64, "widths from 1 to 16384");
        }
        for (key, value) in [("batch", self.batch), ("samples", self.samples)] {
            if value < 2 {
                return refuse(key, value as f64, "at least 2");
            }
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return refuse("learning_rate", self.learning_rate, "a positive number");
        }
        if !(0.0..=1.0).contains(&self.fresh_noise) {
            return refuse("fresh_noise", self.fresh_noise, "a number from 0 to 1");
        }
        if self.fresh_noise > 0.0 && self.noise == NoiseScale::Componentwise {
            let reason = "states between the steps are normalised; 0 with componentwise noise";
            return refuse("fresh_noise", self.fresh_noise, reason);
        }
        if self.measured && self.conditioning == Conditioning::LabelQubits {
            let reason =
                "label qubits are projected, so outcomes have no whole probability; use offsets";
            return refuse("measured", 1.0, reason);
        }
        if !(self.initial >= 0.0 && self.initial.is_finite()) {
            return refuse("initial", self.initial, "a number of at least 0");
        }
        if self.forward == Forward::Depolarising {
            let reason = "depolarised states are mixed, and only linear maps act on them";
            if let Some(slope) = self.activation {
                return refuse("activation", slope, reason);
            }
            if !self.hidden.is_empty() {
                return refuse("hidden", self.hidden.len() as f64, reason);
            }
            if self.measured {
                return refuse(
                    "measured",
                    1.0,
                    "depolarised states need projected ancillas",
                );
            }
            if self.conditioning == Conditioning::LabelQubits {
                let reason = "depolarised states have no label qubits; use offsets";
                return refuse("conditioning", 1.0, reason);
            }
            if self.fresh_noise > 0.0 {
                let reason = "depolarising noise is not drawn; 0";
                return refuse("fresh_noise", self.fresh_noise, reason);
            }
            if self.optimizer != Optimizer::Adam {
                let reason = "the Fubini-Study metric is that of pure states; use Adam";
                return refuse("optimizer", 1.0, reason);
            }
        }
        if let Optimizer::NaturalGradient { shift, states } = self.optimizer {
            if !(shift > 0.0 && shift.is_finite()) {
                return refuse("shift", shift, "a positive number");
            }
            if states == 0 {
                return refuse("states", 0.0, "at least 1");
            }
            if !self.hidden.is_empty() {
                return refuse(
                    "hidden",
                    self.hidden.len() as f64,
                    "the natural gradient moves circuits without network",
                );
            }
            if self.measured {
                return refuse("measured", 1.0, "the natural gradient needs pure outputs");
            }
        }
        Ok(())
    }
}
