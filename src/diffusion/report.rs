//! What a trained model reaches, in the numbers of a run's JSON line.

use crate::train::held_out;
use crate::{
    Classifier, Condition, DiffusionError, DiffusionModel, DiffusionParams, Pca, Split, States,
    fidelity, frechet, haar_states,
};
use ketwork_models::Stream;
use serde::Serialize;

/// Principal components of the Frechet distance.
const COMPONENTS: usize = 10;

/// Numbers of a diffusion run; the names are those of the JSON line.
///
/// Fidelities, Frechet distances and the classifier refer to the training states; distances and
/// labels are read from moduli, fidelities from complex amplitudes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Mean infidelity of each backward step t = 1 .. T on held-out states; of depolarised ones 1 minus the
    /// superfidelity, which is an infidelity where one of the two is pure.
    pub infidelity: Vec<f64>,
    /// Mean infidelity of doing nothing, on the same noisy states.
    pub identity_baseline: Vec<f64>,
    /// Mean over generated states of the largest fidelity with a training state.
    pub fidelity_to_data: f64,
    /// The same for Haar-random states.
    pub haar_baseline: f64,
    /// The same for held-out states.
    pub data_baseline: f64,
    /// Mean probability that the projections of all steps succeed.
    pub success_probability: f64,
    /// Frechet distance of generated and training states in 10 principal components, or as many as the
    /// training states vary in; none, with a warning, for no more states than components (their
    /// covariance is singular), or equal training states.
    pub frechet: Option<f64>,
    /// The same for Haar-random states.
    pub frechet_random: Option<f64>,
    /// The same for held-out states.
    pub frechet_data: Option<f64>,
    /// Share of generated states that a classifier gives the label they were conditioned on; none
    /// for a model that knows no label.
    pub label_accuracy: Option<f64>,
    /// Share of held-out states that the classifier gives their label.
    pub classifier_accuracy: Option<f64>,
    /// Mean fidelity with the state of the data at the same parameter, for models conditioned on a
    /// real parameter, at the held-out parameters.
    pub conditional_fidelity: Option<f64>,
    /// The same for the training state with the nearest parameter, without a model.
    pub nearest_baseline: Option<f64>,
    /// Mean energy of generated states above the ground state at the same parameter; for callers that know
    /// the Hamiltonians.
    pub energy_error: Option<f64>,
    /// The same for the training state with the nearest parameter.
    pub nearest_energy_error: Option<f64>,
    /// Number of trained parameters.
    pub n_params: usize,
    /// What is doubtful.
    pub warnings: Vec<String>,
}

impl Report {
    /// Generates states and measures; returns them with their conditions.
    pub(crate) fn new(
        model: &DiffusionModel,
        split: &Split,
        params: &DiffusionParams,
        stream: Stream,
    ) -> Result<(Self, States, Condition), DiffusionError> {
        let (train, test) = (&split.train, &split.held_out);
        let (mut infidelity, mut identity_baseline) = (Vec::new(), Vec::new());
        for t in 1..=params.steps {
            let noise = stream.named("held out").numbered(t as u64);
            let (trained, idle) = held_out(model, test, t, params, noise)?;
            infidelity.push(trained);
            identity_baseline.push(idle);
        }
        let n = params.samples;
        // Conditions in turn, as often as the data has them; parameters are the unseen ones.
        let wanted: Vec<usize> = match &train.condition {
            Condition::Labels { .. } => (0..n).map(|i| i * train.len() / n).collect(),
            Condition::Values(_) => (0..n).map(|i| i * test.len() / n).collect(),
        };
        let condition = match &train.condition {
            Condition::Labels { .. } => train.select(&wanted).condition,
            Condition::Values(_) => test.select(&wanted).condition,
        };
        let made = model.sample(&condition, n, stream.named("samples"))?;
        let haar = haar_states(train.states.n_qubits(), n, stream.named("haar"));
        let mut warnings: Vec<String> = model.process().warning().into_iter().collect();
        let pca = Pca::new(&train.states.moduli(), COMPONENTS);
        let mut distance = |which: &str, s: &States| {
            let found = pca
                .as_ref()
                .map_err(Clone::clone)
                .and_then(|pca| distance(pca, s, &train.states));
            let why = |e| warnings.push(format!("no Frechet distance of {which} states: {e}"));
            found.map_err(why).ok()
        };
        let mut report = Self {
            infidelity,
            identity_baseline,
            fidelity_to_data: nearest(&made.states, &train.states),
            haar_baseline: nearest(&haar, &train.states),
            data_baseline: nearest(&test.states, &train.states),
            success_probability: made.probability.iter().sum::<f64>() / n as f64,
            frechet: distance("generated", &made.states),
            frechet_random: distance("random", &haar),
            frechet_data: distance("held-out", &test.states),
            label_accuracy: None,
            classifier_accuracy: None,
            conditional_fidelity: None,
            nearest_baseline: None,
            energy_error: None,
            nearest_energy_error: None,
            n_params: model.n_params(),
            warnings: Vec::new(),
        };
        report.warnings = warnings;
        report.labels(model, split, &made.states, &condition);
        if let (Condition::Values(seen), Condition::Values(unseen)) =
            (&train.condition, &test.condition)
        {
            let pairs = made.states.rows().zip(&wanted);
            let sum: f64 = pairs.map(|(s, &i)| fidelity(test.states.row(i), s)).sum();
            report.conditional_fidelity = Some(sum / n as f64);
            let nearest_seen = |v: f64| {
                let d = |&k: &usize| (seen[k] - v).abs();
                (0..seen.len())
                    .min_by(|a, b| d(a).total_cmp(&d(b)))
                    .unwrap_or(0)
            };
            let of = |i: usize| {
                fidelity(
                    test.states.row(i),
                    train.states.row(nearest_seen(unseen[i])),
                )
            };
            let sum: f64 = (0..test.len()).map(of).sum();
            report.nearest_baseline = Some(sum / test.len() as f64);
        }
        Ok((report, made.states, condition))
    }

    fn labels(
        &mut self,
        model: &DiffusionModel,
        split: &Split,
        made: &States,
        condition: &Condition,
    ) {
        let (Condition::Labels { label, n_classes }, Condition::Labels { label: held, .. }) =
            (&split.train.condition, &split.held_out.condition)
        else {
            return;
        };
        if *n_classes < 2 {
            return;
        }
        let fit = Classifier::fit(&split.train.states.moduli(), label, *n_classes);
        self.classifier_accuracy = Some(fit.accuracy(&split.held_out.states.moduli(), held));
        if let Condition::Labels { label, .. } = condition
            && model.is_conditioned()
        {
            self.label_accuracy = Some(fit.accuracy(&made.moduli(), label));
        }
    }
}

/// Frechet distance of moduli in the components of the training states.
fn distance(pca: &Pca, states: &States, train: &States) -> Result<f64, DiffusionError> {
    if states.len() <= pca.len() {
        return Err(DiffusionError::TooFew {
            what: "states of a covariance that is not singular",
            found: states.len(),
            needed: pca.len() + 1,
        });
    }
    let moments = |s: &States| pca.moments(&s.moduli());
    frechet(&moments(states)?, &moments(train)?)
}

/// Mean over states of the largest fidelity with a state of the data.
#[must_use]
pub fn nearest(states: &States, data: &States) -> f64 {
    let best = |s| data.rows().map(|d| fidelity(d, s)).fold(0.0, f64::max);
    states.rows().map(best).sum::<f64>() / states.len() as f64
}

/// Moduli of states as one picture, in rows of tiles that are each scaled to a maximum of 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
    /// Brightness from 0 to 1, row by row.
    pub pixels: Vec<f64>,
}

impl Grid {
    /// The first `rows * columns` states as tiles of the given height and width, one pixel apart.
    ///
    /// # Panics
    /// If the shape is not that of the states.
    #[must_use]
    #[track_caller]
    pub fn new(states: &States, shape: (usize, usize), rows: usize, columns: usize) -> Self {
        let (h, w) = shape;
        assert_eq!(h * w, states.dim(), "pixels of a tile");
        let (height, width) = (rows * (h + 1) - 1, columns * (w + 1) - 1);
        let mut pixels = vec![0.0; height * width];
        for (k, x) in states.moduli().iter().take(rows * columns).enumerate() {
            let top = x.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
            let corner = (k / columns * (h + 1)) * width + k % columns * (w + 1);
            for (i, x) in x.iter().enumerate() {
                pixels[corner + i / w * width + i % w] = x / top;
            }
        }
        Self {
            height,
            width,
            pixels,
        }
    }
}
