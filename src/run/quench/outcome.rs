//! What a quench found, and its picture.

use crate::run_file::Observable;
use crate::{Estimate, Figure, Panel, Scale};

/// What a quench found.
#[derive(Clone, Debug)]
pub struct QuenchOutcome {
    /// The times, as asked for.
    pub times: Vec<f64>,
    /// The observables, as asked for.
    pub observables: Vec<Observable>,
    /// For each observable its estimate at each time.
    pub values: Vec<Vec<Estimate>>,
    /// Whether the numbers have error bars.
    pub is_sampled: bool,
    /// Infidelity with the exact state at each time, where that is affordable.
    pub infidelity: Option<Vec<f64>>,
    /// Largest change of the mean energy, relative to the energy spread of the state.
    pub energy_drift: f64,
    /// Largest residual of a step; none for exact evolution.
    pub residual: Option<f64>,
}

impl QuenchOutcome {
    pub(super) fn empty(times: &[f64], observables: &[Observable], is_sampled: bool) -> Self {
        Self {
            times: times.to_vec(),
            observables: observables.to_vec(),
            values: vec![Vec::new(); observables.len()],
            is_sampled,
            infidelity: None,
            energy_drift: 0.0,
            residual: None,
        }
    }
}

/// Infidelity, and change of the energy in units of its spread, above which numbers are doubted.
const DOUBTED: f64 = 0.01;
const DRIFTED: f64 = 0.05;

impl QuenchOutcome {
    /// What speaks against the numbers of a neural state: an infidelity above 0.01 with the exact state,
    /// or, where that is not known, an energy that has moved by more than 0.05 of its spread.
    #[must_use]
    pub fn doubt(&self) -> Option<String> {
        const CURE: &str =
            "take more samples, a wider network, a smaller optimizer.shift, or full sums";
        if let Some(infidelity) = &self.infidelity {
            let first = infidelity.iter().position(|x| *x > DOUBTED)?;
            return Some(format!(
                "from t = {} on the network is not the exact state (infidelity {:.1e}, in the end {:.1e}): {CURE}",
                self.times[first],
                infidelity[first],
                infidelity[infidelity.len() - 1]
            ));
        }
        let is_neural = self.residual.is_some();
        (is_neural && self.energy_drift > DRIFTED).then(|| {
            format!(
                "the energy, which exact motion keeps, has moved by {:.2} of its spread: {CURE}",
                self.energy_drift
            )
        })
    }
}

/// The observables against time, with error bars where they were sampled.
pub(super) fn picture(found: &QuenchOutcome) -> Figure {
    let mut panel = Panel::new("time", "observable");
    for (o, values) in found.observables.iter().zip(&found.values) {
        let at = found.times.iter().zip(values);
        panel = match found.is_sampled {
            true => panel.points(o.name(), at.map(|(&t, e)| (t, e.mean, e.error))),
            false => panel.line(o.name(), at.map(|(&t, e)| (t, e.mean))),
        };
    }
    let figure = Figure::new("Evolution after a quench").panel(panel);
    let shown = found.infidelity.iter().flatten().filter(|&&x| x > 0.0);
    match (&found.infidelity, shown.count()) {
        (Some(infidelity), 1..) => {
            let points = found.times.iter().copied().zip(infidelity.iter().copied());
            figure.panel(
                Panel::new("time", "infidelity")
                    .scales(Scale::Linear, Scale::Log)
                    .line("with the exact state", points),
            )
        }
        _ => figure,
    }
}
