//! Do circuits need a qubit for every factor 2 of the pixels? A classical autoencoder writes pictures
//! of 64 pixels into the amplitudes of 3 to 5 qubits, where the diffusion happens, and decodes what was
//! generated, against diffusion of all 6 qubits. All are judged as pictures.

mod cli;

use cli::{Failure, Line, Session, Story, asked, diffuse, passes};
use ketwork::diffusion::{Autoencoder, AutoencoderParams, Classifier, Condition, Data};
use ketwork::diffusion::{DiffusionParams, Grid, Moments, Pca, Split, States, frechet};
use ketwork::{Figure, Panel, Stopwatch, Stream};
use std::process::ExitCode;

/// Tiles of one row of the picture.
const COLUMNS: usize = 16;
/// Share of the digits that is held out.
const HELD_OUT: f64 = 0.2;
/// Principal components of the Frechet distance.
const COMPONENTS: usize = 10;

fn main() -> ExitCode {
    let (name, toml, takes) = ("latent_diffusion", "seed = 1", &[]);
    cli::main(Story { name, toml, takes }, tell)
}

/// What pictures are compared with.
struct Judge {
    components: Pca,
    data: Moments,
    classifier: Classifier,
}

impl Judge {
    fn new(train: &Data) -> Result<Self, Failure> {
        let pictures = train.states.moduli();
        let components = Pca::new(&pictures, COMPONENTS).map_err(Failure::computation)?;
        let data = components
            .moments(&pictures)
            .map_err(Failure::computation)?;
        let (label, n_classes) = labels(&train.condition);
        let classifier = Classifier::fit(&pictures, label, n_classes);
        Ok(Self {
            components,
            data,
            classifier,
        })
    }

    /// Frechet distance to the training pictures (none for no more pictures than components), and
    /// share of the labels that are recognised.
    fn marks(
        &self,
        pictures: &[Vec<f64>],
        condition: &Condition,
    ) -> Result<(Option<f64>, f64), Failure> {
        let of = || {
            let moments = self.components.moments(pictures)?;
            frechet(&moments, &self.data)
        };
        let enough = pictures.len() > self.components.len();
        let distance = enough.then(of).transpose().map_err(Failure::computation)?;
        Ok((
            distance,
            self.classifier.accuracy(pictures, labels(condition).0),
        ))
    }
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let asked = asked(session, DiffusionParams::default());
    let (epochs, latent): (_, &[u32]) = match session.quick {
        true => (3, &[3]),
        false => (200, &[3, 4, 5]),
    };
    let stream = Stream::new(session.run.seed);
    let data = Data::digits(&[0, 1], 6).map_err(Failure::computation)?;
    let split = data
        .split(HELD_OUT, stream.named("split"))
        .map_err(Failure::computation)?;
    let judge = Judge::new(&split.train)?;
    let (near, known) = judge.marks(&split.held_out.states.moduli(), &split.held_out.condition)?;
    session.say(format!(
        "held-out digits: Frechet distance {}, {known:.3} recognised",
        four(near)
    ));
    let mut figure =
        Figure::new("Digits 0 and 1 from noise, by the number of qubits").size(1100, 1100);
    figure = figure.panel(tiles(
        "data",
        split.train.states.moduli(),
        split.train.shape,
    )?);
    let mut found = Vec::new();
    for qubits in latent.iter().copied().chain([6]) {
        let code = match qubits {
            6 => None,
            n_qubits => {
                let params = AutoencoderParams {
                    n_qubits,
                    epochs,
                    ..AutoencoderParams::default()
                };
                let pictures = split.train.states.moduli();
                let code = Autoencoder::train(&pictures, &params, stream.named("autoencoder"));
                Some(code.map_err(Failure::computation)?)
            }
        };
        let pictures = |states: &States| match &code {
            None => Ok(states.moduli()),
            Some(code) => code.decode(states).map_err(Failure::computation),
        };
        let encoded = match &code {
            None => split.clone(),
            Some(code) => Split {
                train: latents(code, &split.train)?,
                held_out: latents(code, &split.held_out)?,
            },
        };
        let watch = Stopwatch::start();
        let params = DiffusionParams {
            epochs: passes(session, epochs),
            ..asked.clone()
        };
        let run = diffuse(
            session,
            &format!("{qubits} qubits"),
            &encoded,
            &params,
            stream,
        )?;
        let seconds = watch.elapsed().cpu_seconds;
        // What the code alone costs: held-out pictures, encoded and decoded.
        let (floor, _) = judge.marks(
            &pictures(&encoded.held_out.states)?,
            &split.held_out.condition,
        )?;
        let made = pictures(&run.generated)?;
        let (distance, right) = judge.marks(&made, &run.condition)?;
        session.say(format!(
            "{qubits} qubits: Frechet distance {} (held-out digits through the code {}), {right:.3} recognised; \
             of the circuits' states {} (random ones {}); success probability {:.1e}, {} angles, \
             {seconds:.0} CPU s",
            four(distance),
            four(floor),
            four(run.report.frechet),
            four(run.report.frechet_random),
            run.report.success_probability,
            run.report.n_params
        ));
        figure = figure.panel(tiles(&format!("{qubits} qubits"), made, split.train.shape)?);
        let line = Line::new()
            .set("qubits", qubits as usize)
            .set("frechet", distance);
        let line = line
            .set("frechet_states", run.report.frechet)
            .set("frechet_states_random", run.report.frechet_random);
        let line = line.set("frechet_code", floor).set("label_accuracy", right);
        let line = line.set("success_probability", run.report.success_probability);
        found.push(
            line.set("n_params", run.report.n_params)
                .set("training_cpu_seconds", seconds),
        );
    }
    session.draw(&figure, "digits.png");
    Ok(Line::new()
        .set("classifier_accuracy", known)
        .set("frechet_data", near)
        .set("models", found))
}

fn four(x: Option<f64>) -> String {
    x.map_or("unknown".to_owned(), |x| format!("{x:.4}"))
}

fn latents(code: &Autoencoder, data: &Data) -> Result<Data, Failure> {
    let states = code
        .encode(&data.states.moduli())
        .map_err(Failure::computation)?;
    let (label, n_classes) = labels(&data.condition);
    Data::labelled(states, label.to_vec(), n_classes).map_err(Failure::computation)
}

fn labels(condition: &Condition) -> (&[usize], usize) {
    match condition {
        Condition::Labels { label, n_classes } => (label, *n_classes),
        Condition::Values(_) => (&[], 0),
    }
}

/// Pictures from all over the list, in two rows.
fn tiles(name: &str, pictures: Vec<Vec<f64>>, shape: (usize, usize)) -> Result<Panel, Failure> {
    let n = pictures.len();
    let some: Vec<_> = (0..2 * COLUMNS)
        .map(|k| pictures[k * n / (2 * COLUMNS)].clone())
        .collect();
    let states = States::from_real(&some).map_err(Failure::computation)?;
    let grid = Grid::new(&states, shape, 2, COLUMNS);
    Ok(Panel::image(name, grid.width, grid.pixels))
}
