use crate::{Diagnostics, Elapsed, Estimate};
use serde::Serialize;

/// What a run found, in the fields of the JSON line.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Energy of fresh samples.
    pub energy: f64,
    /// Its standard error.
    pub energy_error: f64,
    /// $\langle |E_\mathrm{loc} - \bar E|^2\rangle$.
    pub variance: f64,
    /// See [`crate::v_score`].
    pub v_score: Option<f64>,
    /// Energy over N.
    pub energy_per_site: f64,
    /// Exact ground-state energy, where it was computed.
    pub exact: Option<f64>,
    /// (energy - exact) / |exact|.
    pub relative_error: Option<f64>,
    /// Energy of the matrix product state that training started from, where it was one of DMRG.
    pub dmrg_energy: Option<f64>,
    /// Steps taken, those before a resumption included.
    pub steps: u64,
    /// Number of real parameters.
    pub n_params: usize,
    /// Median wall-clock seconds of a step, the first left out; `None` below two steps.
    pub seconds_per_step: Option<f64>,
    /// Median CPU seconds of a step, the first left out; `None` below two steps.
    pub cpu_seconds_per_step: Option<f64>,
    /// Markov chains: how well they mixed in the final measurement. R-hat and autocorrelation time
    /// are those of the local energy over all its draws, the acceptance is that of the last.
    pub diagnostics: Option<Diagnostics>,
    /// Energy with its error bar.
    #[serde(skip)]
    pub estimate: Estimate,
}

/// Medians of wall-clock and CPU seconds, the first step left out: it fills caches and buffers.
pub(super) fn cost_of_a_step(costs: &[Elapsed]) -> (Option<f64>, Option<f64>) {
    let rest = &costs[costs.len().min(1)..];
    (
        median(rest.iter().map(|c| c.seconds)),
        median(rest.iter().map(|c| c.cpu_seconds)),
    )
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.collect();
    if sorted.is_empty() {
        return None;
    }
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    Some(if sorted.len() % 2 == 1 {
        sorted[half]
    } else {
        0.5 * (sorted[half - 1] + sorted[half])
    })
}
