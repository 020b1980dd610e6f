//! Do Monte Carlo data help a network? A ring of 24 Rydberg atoms: snapshots of a stochastic series
//! expansion teach an autoregressive network in the same blockade space by maximum likelihood, then
//! the energy is minimised, from these parameters and from random ones. One process, no files between.

mod cli;

use cli::{Failure, Line, Pupil, Session, Story, Takes};
use ketwork::hamiltonians::Configs;
use ketwork::sse::{Sse, SseParams};
use ketwork::{Figure, Stopwatch, Stream};
use std::process::ExitCode;

const STORY: Story = Story {
    name: "rydberg_loop",
    takes: &[Takes::RunFile, Takes::Exact],
    toml: r#"
        seed = 1
        [hamiltonian]
        model = "rydberg"
        delta = 0.655
        lattice = { kind = "chain", extent = [24], boundary = "periodic" }
        [monte_carlo]
        beta = 48.0
        sweeps = 40000
    "#,
};
/// Sweeps between two snapshots.
const SWEEPS_BETWEEN: usize = 8;

fn main() -> ExitCode {
    cli::main(STORY, tell)
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let run = &session.run;
    let pupil = Pupil::new(session)?;
    let n_sites = pupil.lattice.n_sites();
    let n = n_sites as f64;

    let watch = Stopwatch::start();
    let asked = run.monte_carlo.params();
    let params = SseParams {
        snapshots: asked.sweeps as usize / SWEEPS_BETWEEN,
        ..asked
    };
    let data = Sse::new(&pupil.model, params)
        .map_err(Failure::input)?
        .run(Stream::new(run.seed))
        .map_err(Failure::computation)?;
    let sampled = watch.elapsed().cpu_seconds;
    let (mean, error) = (
        n * data.energy_per_site.mean,
        n * data.energy_per_site.error,
    );
    session.say(format!(
        "Monte Carlo at beta = {}: E = {mean:.5}, error {error:.5}, {} snapshots, {sampled:.1} CPU s",
        data.beta,
        data.snapshots.len()
    ));

    // The state looks the same from each cell: every snapshot counts at all places of the lattice.
    let mut x = Configs::new(n_sites);
    let mut moved = vec![0; n_sites];
    for places in pupil.lattice.translations() {
        for row in data.snapshots.view().rows() {
            for (&value, &to) in row.iter().zip(&places) {
                moved[to as usize] = value;
            }
            x.push(&moved);
        }
    }
    let steps = run.optimizer.steps.unwrap_or(200);
    let theta = pupil.teach(session, x.view(), &vec![1.0; x.len()], 2 * steps)?;
    let spent = watch.elapsed().cpu_seconds;

    let (reference, name) = match pupil.exact(session)? {
        Some(exact) => (exact, "exact"),
        None => (mean, "Monte Carlo"),
    };
    let taught = (theta, spent, "Monte Carlo data");
    let (line, panel) = pupil.compare(session, taught, steps, (reference, name))?;
    let panel = panel.level("standard error of Monte Carlo", error / reference.abs());
    let figure = Figure::new("Rydberg atoms: a network taught by Monte Carlo, then by energy");
    session.draw(&figure.panel(panel), "rydberg_loop.png");
    Ok(line
        .set("reference", reference)
        .set("reference_is", name)
        .set("monte_carlo_energy", mean)
        .set("monte_carlo_error", error)
        .set("cpu_seconds_monte_carlo", sampled)
        .set("cpu_seconds_likelihood", spent - sampled))
}
