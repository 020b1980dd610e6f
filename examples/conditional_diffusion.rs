//! Can circuits draw the digit they are asked for? One diffusion model for several handwritten digits,
//! told the label by offsets of its angles or by label qubits, against a model that is not told: every
//! row of the picture was asked for one digit.

mod cli;

use cli::{Failure, Line, Session, Story, asked, diffuse, passes};
use ketwork::diffusion::{Classifier, Condition, Conditioning, Data, DiffusionParams, Grid};
use ketwork::diffusion::{Split, States};
use ketwork::{Figure, Panel, Stream};
use std::process::ExitCode;

/// Tiles of one row of the picture.
const COLUMNS: usize = 12;
/// Share of the digits that is held out.
const HELD_OUT: f64 = 0.2;

fn main() -> ExitCode {
    let (name, toml, takes) = ("conditional_diffusion", "seed = 1", &[]);
    cli::main(Story { name, toml, takes }, tell)
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let asked = asked(session, DiffusionParams::default());
    let (classes, qubits, epochs): (&[usize], _, _) = match session.quick {
        true => (&[0, 1], 4, 4),
        false => (&[0, 1, 4, 7], 6, 80),
    };
    let stream = Stream::new(session.run.seed);
    let data = Data::digits(classes, qubits).map_err(Failure::computation)?;
    let split = data
        .split(HELD_OUT, stream.named("split"))
        .map_err(Failure::computation)?;
    let judge = judge(&split);
    let known = judge.accuracy(
        &split.held_out.states.moduli(),
        labels(&split.held_out.condition).0,
    );
    session.say(format!(
        "a classifier names {known:.3} of the held-out digits rightly"
    ));
    let ways = [
        ("offsets of the angles", Conditioning::Offsets),
        ("label qubits", Conditioning::LabelQubits),
        ("not told", Conditioning::None),
    ];
    let mut figure = Figure::new("Digits as asked for, one row each").size(1100, 1000);
    figure = figure.panel(rows(
        "data",
        &split.train.states,
        &split.train.condition,
        &split,
    ));
    let mut found = Vec::new();
    for (name, conditioning) in ways {
        let params = DiffusionParams {
            conditioning,
            epochs: passes(session, epochs),
            ..asked.clone()
        };
        let run = diffuse(session, name, &split, &params, stream)?;
        let right = judge.accuracy(&run.generated.moduli(), labels(&run.condition).0);
        session.say(format!(
            "{name}: {right:.3} as asked for (chance {:.3}); Frechet distance {} (random states {}, \
             held-out digits {}); {} parameters",
            1.0 / classes.len() as f64,
            three(run.report.frechet),
            three(run.report.frechet_random),
            three(run.report.frechet_data),
            run.report.n_params
        ));
        figure = figure.panel(rows(name, &run.generated, &run.condition, &split));
        let line = Line::new()
            .set("conditioning", name)
            .set("label_accuracy", right);
        let line = line
            .set("frechet", run.report.frechet)
            .set("frechet_random", run.report.frechet_random)
            .set("n_params", run.report.n_params);
        found.push(line.set("fidelity_to_data", run.report.fidelity_to_data));
    }
    session.draw(&figure, "digits.png");
    Ok(Line::new()
        .set("classes", classes.to_vec())
        .set("classifier_accuracy", known)
        .set("chance", 1.0 / classes.len() as f64)
        .set("models", found))
}

/// A classifier of the training digits.
fn judge(split: &Split) -> Classifier {
    let (label, n_classes) = labels(&split.train.condition);
    Classifier::fit(&split.train.states.moduli(), label, n_classes)
}

fn labels(condition: &Condition) -> (&[usize], usize) {
    match condition {
        Condition::Labels { label, n_classes } => (label, *n_classes),
        Condition::Values(_) => (&[], 0),
    }
}

fn three(x: Option<f64>) -> String {
    x.map_or("unknown".to_owned(), |x| format!("{x:.3}"))
}

fn rows(name: &str, states: &States, condition: &Condition, split: &Split) -> Panel {
    let (label, n_classes) = labels(condition);
    let of = |c: usize| {
        (0..label.len())
            .filter(move |&i| label[i] == c)
            .take(COLUMNS)
    };
    let some: Vec<usize> = (0..n_classes).flat_map(of).collect();
    let grid = Grid::new(&states.select(&some), split.train.shape, n_classes, COLUMNS);
    Panel::image(name, grid.width, grid.pixels)
}
