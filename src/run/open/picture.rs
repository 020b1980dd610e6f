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
            let (panel, at) = (Panel::new("time", "purity"), found.times.iter().zip(purity));
            figure.panel(match found.is_sampled {
                true => panel.points("Tr ρ²", at.map(|(&t, e)| (t, e.mean, e.error))),
                false => panel.line("Tr ρ²", at.map(|(&t, e)| (t, e.mean))),
            })
        }
        None => figure,
    }
}
