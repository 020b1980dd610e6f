//! What a run is asked for.

use crate::SseError;
use serde::{Deserialize, Serialize};

/// Parameters of a simulation.
///
/// One sweep is one diagonal pass over all slots and one pass of every cluster or rod update.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SseParams {
    /// Inverse temperature $\beta$ (default 8).
    pub beta: f64,
    /// Sweeps of each replica before measuring, at least 1, in which the cut-off grows (default
    /// 1000). Where they are too few for it, see [`SseError::CutOff`].
    pub thermalization: u64,
    /// Measured sweeps of all replicas together, rounded up to full bins (default 20000).
    pub sweeps: u64,
    /// Bins of all replicas together, at least 2 (default 64). A bin must be much longer than the
    /// autocorrelation time; 64 of them know an error to 9 %.
    pub bins: usize,
    /// Independent simulations, each with its own stream, spread over threads (default 4).
    pub replicas: usize,
    /// Added to the weights of field operators (default 0). At 0 a segment flip is accepted as if the
    /// fields had been integrated out; larger values make the string longer.
    pub epsilon: f64,
    /// Measure the correlations of all pairs of sites (default false).
    pub correlations: bool,
    /// Weights $a_i$ of order parameters $m = \frac1N \sum_i a_i n_i$, each with N entries (re, im).
    pub modes: Vec<Vec<(f64, f64)>>,
    /// Configurations to keep, of all replicas together (default 0).
    pub snapshots: usize,
    /// Whether rods hop to blockade partners (default true).
    pub rod_hops: bool,
    /// Whether world lines change places along alternating loops of excited and vacant sites (default
    /// true), without which dimer covers and crystals are not exchanged at large detuning. Nothing
    /// happens in models with tails, and between sites with different terms.
    pub line_loops: bool,
    /// Configurations that the replicas start from, in turn; where there are none (default), a legal one
    /// of few excitations. Averages that do not depend on the start are those of equilibrium.
    pub starts: Vec<Vec<u8>>,
    /// A ladder of replicas at different parameters that exchange their strings.
    pub tempering: Option<Tempering>,
}

impl Default for SseParams {
    fn default() -> Self {
        Self {
            beta: 8.0,
            thermalization: 1000,
            sweeps: 20_000,
            bins: 64,
            replicas: 4,
            epsilon: 0.0,
            correlations: false,
            modes: Vec::new(),
            snapshots: 0,
            rod_hops: true,
            line_loops: true,
            starts: Vec::new(),
            tempering: None,
        }
    }
}

/// What differs between the rungs of a ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemperingParameter {
    /// The inverse temperature.
    Beta,
    /// The coupling named "delta".
    Delta,
}

/// Parallel tempering: neighbouring rungs exchange their strings by Metropolis.
///
/// # References
/// K. Hukushima, K. Nemoto, J. Phys. Soc. Jpn. 65, 1604 (1996);
/// P. Sengupta, A. W. Sandvik, D. K. Campbell, Phys. Rev. B 65, 155113 (2002).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tempering {
    /// What differs.
    pub parameter: TemperingParameter,
    /// Its values, strictly monotonic, at least 2.
    pub values: Vec<f64>,
    /// Sweeps between exchanges (default 5).
    #[serde(default = "five")]
    pub every: u64,
}

fn five() -> u64 {
    5
}

impl SseParams {
    pub(crate) fn check(&self, n_sites: usize) -> Result<(), SseError> {
        let refuse = |key, reason: String| Err(SseError::Parameter { key, reason });
        if !(self.beta.is_finite() && self.beta > 0.0) {
            return refuse("beta", format!("{} must be a positive number", self.beta));
        }
        if self.thermalization == 0 {
            let reason = "the cut-off of the string grows while it thermalises; take 1000 sweeps";
            return refuse("thermalization", reason.to_owned());
        }
        if self.sweeps == 0 {
            return refuse("sweeps", "at least one sweep must be measured".to_owned());
        }
        if self.bins < 2 {
            return refuse(
                "bins",
                format!("{} bins have no scatter; take 32", self.bins),
            );
        }
        if self.replicas == 0 {
            return refuse("replicas", "at least one replica is needed".to_owned());
        }
        if !(self.epsilon.is_finite() && self.epsilon >= 0.0) {
            return refuse("epsilon", format!("{} must be 0 or more", self.epsilon));
        }
        if let Some(k) = self.modes.iter().position(|m| m.len() != n_sites) {
            let reason = format!("mode {k} has {} weights", self.modes[k].len());
            return refuse("modes", format!("{reason}, there are {n_sites} sites"));
        }
        let Some(t) = &self.tempering else {
            return Ok(());
        };
        if t.values.len() < 2 {
            let reason = format!("a ladder of {} has nothing to exchange", t.values.len());
            return refuse("tempering", reason);
        }
        let up = t.values.windows(2).all(|v| v[0] < v[1]);
        let down = t.values.windows(2).all(|v| v[0] > v[1]);
        if !(up || down) {
            let reason = "values must increase or decrease strictly".to_owned();
            return refuse("tempering", reason);
        }
        let beta = t.parameter == TemperingParameter::Beta;
        if let Some(v) = t
            .values
            .iter()
            .find(|v| !v.is_finite() || beta && **v <= 0.0)
        {
            return refuse("tempering", format!("{v} is no possible value"));
        }
        if t.every == 0 {
            return refuse("tempering", "every must be at least 1".to_owned());
        }
        Ok(())
    }

    /// Bins of one replica.
    pub(crate) fn bins_each(&self) -> u64 {
        (self.bins as u64).div_ceil(self.replicas as u64)
    }

    /// Measured sweeps in a bin.
    pub(crate) fn bin_size(&self) -> u64 {
        self.sweeps
            .div_ceil(self.bins_each() * self.replicas as u64)
    }

    /// All sweeps of one replica.
    pub(crate) fn sweeps_each(&self) -> u64 {
        self.thermalization + self.bins_each() * self.bin_size()
    }

    /// Measured sweeps of a replica between two snapshots; 0 for none.
    pub(crate) fn snapshot_every(&self) -> u64 {
        let each = (self.snapshots as u64).div_ceil(self.replicas as u64);
        match each {
            0 => 0,
            _ => (self.bins_each() * self.bin_size() / each).max(1),
        }
    }
}
