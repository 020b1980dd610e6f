//! Circuit diffusion from a run file: data and parameters by name, and the pictures.

use super::{Kept, RunError, RunOptions};
use crate::run_file::{
    Activation, Classes, DiffusionData, DiffusionSection, HamiltonianSection, NoiseSchedule,
    RunFile,
};
use crate::{Figure, Panel, Progress};
use ketwork_diffusion::{
    Autoencoder, AutoencoderParams, Conditioning, Data, Diffusion, DiffusionError, DiffusionParams,
    Grid, Report, Schedule, Split, States, Training,
};
use ketwork_hamiltonians::{AnyModel, Boundary, Hamiltonian, Lattice, Model, OnSpace, Tfim};
use ketwork_models::Stream;
use std::path::Path;
use std::time::{Duration, Instant};

/// Share of the data that is held out.
const HELD_OUT: f64 = 0.2;
/// Factors of the coupling whose ground states are trained on.
const SEEN: [f64; 5] = [0.5, 0.75, 1.0, 1.25, 1.5];
/// Factors between them, where the model is asked.
const UNSEEN: [f64; 8] = [0.6, 0.65, 0.85, 0.9, 1.1, 1.15, 1.35, 1.4];
/// Latent qubits where the run file names none.
const LATENT_QUBITS: usize = 4;
/// Name of the training's numbers in a checkpoint.
const TRAINING: &str = "training";
/// Time between checkpoints.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(30);
/// Tiles of the picture: rows and columns.
const TILES: (usize, usize) = (4, 16);

/// A diffusion run, checked and ready.
#[derive(Debug)]
pub struct DiffusionRun {
    run: RunFile,
    split: Split,
    params: DiffusionParams,
    /// Pictures behind latent states.
    decoder: Option<(Autoencoder, (usize, usize))>,
}

impl DiffusionRun {
    /// Prepares the data; the latent version trains its autoencoder here.
    ///
    /// # Errors
    /// [`RunError`] for impossible values, or keys that the data does not have.
    pub fn new(run: &RunFile) -> Result<Self, RunError> {
        let section = &run.diffusion;
        let stream = Stream::new(run.seed).named("diffusion");
        let is_latent = section.latent == Some(true);
        let data = section.data.unwrap_or(DiffusionData::Digits);
        if let (Some(h), false) = (&run.hamiltonian, data == DiffusionData::GroundStates) {
            return Err(RunError::Value {
                key: "hamiltonian",
                reason: format!(
                    "{} needs none with this data; drop the section, or set diffusion.data = \"ground_states\"",
                    h.model()
                ),
            });
        }
        if data != DiffusionData::Digits && (section.classes.is_some() || is_latent) {
            let key = if is_latent {
                "diffusion.latent"
            } else {
                "diffusion.classes"
            };
            let reason = "only digits have it; drop the key, or set data = \"digits\"".into();
            return Err(RunError::Value { key, reason });
        }
        let params = params(section, data)?;
        params.check()?;
        let mut decoder = None;
        let split = match data {
            DiffusionData::Digits => {
                let digits = Data::digits(
                    &classes(section),
                    if is_latent { 6 } else { qubits(section, 6) },
                )?;
                let split = digits.split(HELD_OUT, stream.named("split"))?;
                match is_latent {
                    true => {
                        let code = encoder(&split.train, section, stream)?;
                        decoder = Some((code.clone(), split.train.shape));
                        Split {
                            train: encoded(&code, split.train)?,
                            held_out: encoded(&code, split.held_out)?,
                        }
                    }
                    false => split,
                }
            }
            DiffusionData::Bars => {
                Data::bars(qubits(section, 4))?.split(HELD_OUT, stream.named("split"))?
            }
            DiffusionData::GroundStates => family(run)?,
        };
        Ok(Self {
            run: run.clone(),
            split,
            params,
            decoder,
        })
    }

    /// Trains, generates and measures; with a directory a checkpoint is kept there from time to time, when
    /// the run is stopped and at the end of training.
    ///
    /// # Errors
    /// [`RunError`]; [`RunError::Interrupted`] for a run that is stopped.
    pub fn run(&self, options: &RunOptions) -> Result<Report, RunError> {
        let stream = Stream::new(self.run.seed);
        let mut training = Training::new(&self.split, &self.params, stream)?;
        let kept = Kept::open(options, &self.run, format!("{:?}", self.params))?;
        if let Some(saved) = kept.as_ref().and_then(|kept| kept.resumed.as_ref()) {
            training.load(saved.array(TRAINING)?)?;
        }
        let save = |training: &Training<'_>| -> Result<(), RunError> {
            let Some(kept) = &kept else {
                return Ok(());
            };
            let mut checkpoint = kept.checkpoint();
            checkpoint.set_array(TRAINING, &training.save());
            Ok(checkpoint.save(&kept.path)?)
        };
        let failed = |source| RunError::Trained {
            source,
            checkpoint: kept
                .as_ref()
                .map(|kept| kept.path.clone())
                .filter(|path| path.exists()),
        };
        let mut saved_at = Instant::now();
        let mut bar = match options.progress {
            true => Progress::new("epochs", self.params.epochs as u64),
            false => Progress::hidden(),
        };
        while let Some(epoch) = training.next() {
            let epoch = epoch.map_err(failed)?;
            let mean = epoch.infidelity.iter().sum::<f64>() / epoch.infidelity.len() as f64;
            bar.show(epoch.epoch as u64, &format!("mean infidelity {mean:.4}"));
            if options.is_stopped() {
                save(&training)?;
                return Err(RunError::Interrupted {
                    steps: epoch.epoch as u64,
                    energy: None,
                    checkpoint: kept.as_ref().map(|kept| kept.path.clone()),
                });
            }
            if saved_at.elapsed() > CHECKPOINT_EVERY {
                save(&training)?;
                saved_at = Instant::now();
            }
        }
        bar.finish();
        // Like a picture, a last checkpoint that fails loses no result.
        if let Err(e) = save(&training) {
            eprintln!("{e}");
        }
        let found = training.finish().map_err(failed)?;
        for warning in &found.report.warnings {
            eprintln!("{warning}");
        }
        if let Some(dir) = &options.out {
            // A picture that fails loses no result.
            if let Err(e) = self.draw(&found, dir) {
                eprintln!("{e}");
            }
        }
        Ok(found.report)
    }

    /// Data above generated states, and the infidelity of each step beside doing nothing.
    fn draw(&self, found: &Diffusion, dir: &Path) -> Result<(), RunError> {
        let data = self.tiles(&self.split.train.states)?;
        let made = self.tiles(&found.generated)?;
        let image = |caption: &str, grid: Grid| Panel::image(caption, grid.width, grid.pixels);
        Figure::new("Moduli of the amplitudes")
            .panel(image("data", data))
            .panel(image("generated from noise", made))
            .write(&dir.join("states.png"))?;
        let r = &found.report;
        let by_step = |v: &[f64]| -> Vec<(f64, f64)> {
            let steps = v.iter().enumerate();
            steps.map(|(t, &x)| (t as f64 + 1.0, x)).collect()
        };
        let panel = Panel::new("step t", "infidelity")
            .line("circuit", by_step(&r.infidelity))
            .line("doing nothing", by_step(&r.identity_baseline));
        Ok(Figure::new("One backward step, on held-out states")
            .panel(panel)
            .write(&dir.join("infidelity.png"))?)
    }

    /// Every so many of the states, so that all classes are seen.
    fn tiles(&self, states: &States) -> Result<Grid, RunError> {
        let count = (TILES.0 * TILES.1).min(states.len());
        let some: Vec<_> = (0..count).map(|k| k * states.len() / count).collect();
        let states = states.select(&some);
        let Some((code, shape)) = &self.decoder else {
            let shape = self.split.train.shape;
            return Ok(Grid::new(&states, shape, TILES.0, TILES.1));
        };
        let positive = |row: Vec<f64>| row.into_iter().map(|x| x.max(0.0)).collect();
        let pictures: Vec<Vec<f64>> = code.decode(&states)?.into_iter().map(positive).collect();
        let pictures = States::from_real(&pictures)?;
        Ok(Grid::new(&pictures, *shape, TILES.0, TILES.1))
    }
}

fn qubits(section: &DiffusionSection, default: usize) -> u32 {
    u32::try_from(section.qubits.unwrap_or(default)).unwrap_or(u32::MAX)
}

fn classes(section: &DiffusionSection) -> Vec<usize> {
    match &section.classes {
        None => vec![0, 1],
        Some(Classes::Count(n)) => (0..*n).collect(),
        Some(Classes::Named(digits)) => digits.clone(),
    }
}

fn params(section: &DiffusionSection, data: DiffusionData) -> Result<DiffusionParams, RunError> {
    let defaults = match data {
        DiffusionData::GroundStates => DiffusionParams::ground_states(),
        _ => DiffusionParams::default(),
    };
    Ok(DiffusionParams {
        steps: section.steps.unwrap_or(defaults.steps),
        schedule: match section.schedule {
            None => defaults.schedule,
            Some(NoiseSchedule::Linear) => Schedule::Linear,
            Some(NoiseSchedule::Cosine) => Schedule::Cosine,
        },
        ancillas: section
            .ancillas
            .map_or(defaults.ancillas, |a| u32::try_from(a).unwrap_or(u32::MAX)),
        layers: section.layers.map_or(defaults.layers, |l| [l; 3]),
        activation: match section.activation {
            None => defaults.activation,
            Some(Activation::Switch(true)) => DiffusionParams::default().activation,
            Some(Activation::Switch(false)) => None,
            Some(Activation::Slope(slope)) => Some(slope),
        },
        conditioning: match section.conditioned {
            Some(false) => Conditioning::None,
            _ => defaults.conditioning,
        },
        epochs: section.epochs.unwrap_or(defaults.epochs),
        ..defaults
    })
}

fn encoder(
    train: &Data,
    section: &DiffusionSection,
    stream: Stream,
) -> Result<Autoencoder, DiffusionError> {
    let params = AutoencoderParams {
        n_qubits: qubits(section, LATENT_QUBITS),
        ..AutoencoderParams::default()
    };
    let trained = Autoencoder::train(&train.states.moduli(), &params, stream.named("autoencoder"));
    trained.map_err(|error| match error {
        // In a run file that is the number of qubits of the circuit.
        DiffusionError::Parameter {
            key: "latent",
            value,
            reason,
        } => DiffusionError::Parameter {
            key: "qubits",
            value,
            reason,
        },
        error => error,
    })
}

fn encoded(code: &Autoencoder, data: Data) -> Result<Data, DiffusionError> {
    let states = code.encode(&data.states.moduli())?;
    let side = 1 << (states.n_qubits() / 2);
    Ok(Data {
        shape: (side, states.dim() / side),
        condition: data.condition,
        states,
    })
}

/// Ground states along the field of an Ising model or the anisotropy of an XXZ model.
fn family(run: &RunFile) -> Result<Split, RunError> {
    let section = &run.diffusion;
    let (model, coupling) = match &run.hamiltonian {
        None => {
            let wrong = |e: &dyn std::fmt::Display| RunError::Value {
                key: "diffusion.qubits",
                reason: e.to_string(),
            };
            let n = qubits(section, 6) as usize;
            let ring = Lattice::chain(n, Boundary::Periodic).map_err(|e| wrong(&e))?;
            let model = Tfim::new(1.0).on(&ring).map_err(|e| wrong(&e))?;
            (model, "h")
        }
        Some(section) => {
            let coupling = match section {
                HamiltonianSection::Tfim(_) => "h",
                HamiltonianSection::Xxz(_) => "delta",
                other => {
                    return Err(RunError::Value {
                        key: "hamiltonian.model",
                        reason: format!(
                            "{:?} is no family of ground states here; take \"tfim\" (along h) or \"xxz\" (along delta)",
                            other.model()
                        ),
                    });
                }
            };
            match section.build()?.1 {
                AnyModel::Real(model) => (model, coupling),
                AnyModel::Complex(_) => {
                    return Err(RunError::Value {
                        key: "hamiltonian.model",
                        reason: "a real Hamiltonian is needed".into(),
                    });
                }
            }
        }
    };
    let n = model.space().n_sites;
    if section.qubits.is_some_and(|q| q != n) {
        return Err(RunError::Value {
            key: "diffusion.qubits",
            reason: format!("the lattice has {n} sites; drop the key"),
        });
    }
    let centre = model.terms().couplings().iter().find(|c| c.0 == coupling);
    let centre = centre.map_or(1.0, |c| c.1);
    let wrong = |e: &dyn std::fmt::Display| RunError::Value {
        key: "hamiltonian",
        reason: e.to_string(),
    };
    let at = |value: f64| -> Result<Model<f64>, RunError> {
        let terms = model.terms().with_coupling(coupling, value);
        let terms = terms.map_err(|e| wrong(&e))?;
        Model::new(terms, model.sector().clone()).map_err(|e| wrong(&e))
    };
    if centre == 0.0 {
        return Err(wrong(&format!(
            "{coupling} = 0 has no family of multiples; write another value"
        )));
    }
    let part = |factors: &[f64]| -> Result<Data, RunError> {
        let values: Vec<_> = factors.iter().map(|f| f * centre).collect();
        let models = values
            .iter()
            .map(|&v| at(v))
            .collect::<Result<Vec<_>, _>>()?;
        let of = |v: f64| {
            let k = values
                .iter()
                .position(|u| u.total_cmp(&v).is_eq())
                .unwrap_or(0);
            &models[k]
        };
        Ok(Data::ground_states(&values, of)?)
    };
    Ok(Split {
        train: part(&SEEN)?,
        held_out: part(&UNSEEN)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_stopped_in_its_epochs_continues_to_the_same_report() {
        use std::sync::atomic::AtomicBool;
        static STOP: AtomicBool = AtomicBool::new(true);
        let text = "[diffusion]\ndata = \"bars\"\nsteps = 2\nepochs = 3\n";
        let run = DiffusionRun::new(&text.parse().unwrap()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let options = RunOptions {
            out: Some(dir.path().to_owned()),
            ..RunOptions::default()
        };
        let stopped = RunOptions {
            stop: Some(&STOP),
            ..options.clone()
        };
        let error = run.run(&stopped).unwrap_err();
        assert!(
            matches!(
                &error,
                RunError::Interrupted {
                    steps: 1,
                    checkpoint: Some(_),
                    ..
                }
            ),
            "{error}"
        );
        let resumed = RunOptions {
            resume: true,
            ..options
        };
        let whole = run.run(&RunOptions::default()).unwrap();
        assert_eq!(run.run(&resumed).unwrap(), whole);
        // Another run's checkpoint is refused.
        let other = DiffusionRun::new(&format!("seed = 1\n{text}").parse().unwrap()).unwrap();
        assert!(other.run(&resumed).unwrap_err().is_input());
    }

    #[test]
    fn what_a_diffusion_cannot_be_is_refused_by_its_key() {
        let cases = [
            ("layers = 3", "diffusion.layers = 3: even"),
            (
                "layers = 1000000000",
                "diffusion.layers = 1000000000: at most",
            ),
            (
                "steps = 1000000000",
                "diffusion.steps = 1000000000: at most",
            ),
            ("ancillas = 30", "diffusion.ancillas = 30: at most"),
            ("activation = -1.0", "diffusion.activation = -1: a slope"),
            ("classes = [0, 11]", "diffusion.classes = 11: distinct"),
            ("classes = [1, 1]", "diffusion.classes = 1: distinct"),
            ("qubits = 5", "diffusion.qubits = 5: digits have 6"),
            ("data = \"bars\"\nqubits = 5", "diffusion.qubits = 5: bars"),
            (
                "data = \"bars\"\nlatent = true",
                "diffusion.latent: only digits",
            ),
            (
                "latent = true\nqubits = 20",
                "diffusion.qubits = 20: 1 to 10",
            ),
            (
                "data = \"ground_states\"\nqubits = 40",
                "diffusion.qubits: 40 qubits need",
            ),
        ];
        for (text, expected) in cases {
            let run: RunFile = format!("[diffusion]\n{text}").parse().unwrap();
            let error = DiffusionRun::new(&run).unwrap_err();
            let line = error.to_string();
            assert!(line.starts_with(expected), "{text}: {line}");
            assert!(error.is_input() && !line.contains('\n'), "{text}: {line}");
        }
    }
}
