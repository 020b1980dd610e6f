//! Means and purity against time.

use super::OpenOutcome;
use crate::{Figure, Panel};

pub(super) fn picture(found: &OpenOutcome) -> Figure {
    let mut panel = Panel::new("time", "mean");
    for (o, values) in found.observables.iter().zip(&found.values) {
        let at = found.times.iter().zip(values);
        panel = match found.is_sampled {
            true => panel.points(o.name(), at.map(|(&t, e)| (t, e.mean, e.error))),
            false => panel.line(o.name(), at.map(|(&t, e)| (t, e.mean))),
        };
    }
    let figure = Figure::new("Driven spins that decay").panel(panel);
    match &found.purity {
        Some(purity) => {
            let points = found.times.iter().copied().zip(purity.iter().copied());
            figure.panel(Panel::new("time", "purity").line("Tr ρ²", points))
        }
        None => figure,
    }
}
