//! What does an experiment's data save? Snapshots of a Rydberg array, from a file or made here by Monte Carlo
//! (and said so), teach an autoregressive network in the same blockade space by maximum likelihood; then the
//! energy is minimised, from these parameters and from random ones, and compared with the exact one.
//!
//! `--data FILE` reads `configurations` of an `.npz` archive, or text with one configuration a line.

mod cli;

use cli::{Failure, Line, Pupil, Session, Story, Takes};
use ketwork::Figure;
use ketwork::exchange::{Snapshots, read_snapshots};
use ketwork::hamiltonians::Hamiltonian;
use ketwork::sse::{Sse, SseParams};
use ketwork::{Stopwatch, Stream};
use std::process::ExitCode;

const STORY: Story = Story {
    name: "pretrain_from_data",
    takes: &[Takes::RunFile, Takes::Exact, Takes::Data],
    toml: r#"
        seed = 1
        [hamiltonian]
        model = "rydberg"
        delta = 1.2
        lattice = { kind = "square", extent = [5, 5], boundary = "open" }
        [monte_carlo]
        beta = 20.0
        sweeps = 20000
    "#,
};
/// Sweeps between two snapshots.
const SWEEPS_BETWEEN: usize = 10;

fn main() -> ExitCode {
    cli::main(STORY, tell)
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let pupil = Pupil::new(session)?;
    let Some(exact) = pupil.exact(session)? else {
        return Err(Failure::input(
            "hamiltonian.lattice: too large for the exact energy beside which this example stands; take fewer \
             sites, or add --exact",
        ));
    };
    let (data, source) = match &session.data {
        Some(path) => {
            let data = read_snapshots(path, &**pupil.model.sector()).map_err(Failure::input)?;
            session.say(format!(
                "{} configurations from {}",
                data.x.len(),
                path.display()
            ));
            (data, "file")
        }
        None => (made(session, &pupil)?, "Monte Carlo"),
    };
    if let Some(path) = session.file("snapshots.npz") {
        data.write(&path).map_err(Failure::computation)?;
    }

    let watch = Stopwatch::start();
    let steps = session.run.optimizer.steps.unwrap_or(200);
    let theta = pupil.teach(session, data.x.view(), &data.weight, 2 * steps)?;
    let spent = watch.elapsed().cpu_seconds;

    let taught = (theta, spent, "data");
    let (line, panel) = pupil.compare(session, taught, steps, (exact, "exact"))?;
    let figure = Figure::new("Rydberg atoms: a network taught by data, then by energy");
    session.draw(&figure.panel(panel), "pretrain_from_data.png");
    Ok(line
        .set("exact", exact)
        .set("data", source)
        .set("configurations", data.x.len())
        .set("cpu_seconds_likelihood", spent))
}

/// Snapshots of a stochastic series expansion, in the place of a file.
fn made(session: &Session, pupil: &Pupil) -> Result<Snapshots, Failure> {
    let asked = session.run.monte_carlo.params();
    let params = SseParams {
        snapshots: asked.sweeps as usize / SWEEPS_BETWEEN,
        ..asked
    };
    let report = Sse::new(&pupil.model, params)
        .map_err(Failure::input)?
        .run(Stream::new(session.run.seed))
        .map_err(Failure::computation)?;
    let x = report.snapshots;
    session.say(format!(
        "no --data: {} snapshots made here by Monte Carlo at beta = {}",
        x.len(),
        report.beta
    ));
    let weight = vec![1.0; x.len()];
    Ok(Snapshots { x, weight })
}
