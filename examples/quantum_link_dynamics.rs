//! Does the vacuum of a U(1) gauge theory decay? The quantum link ring of 10 vertices from its bare
//! vacuum: pairs are created and recombine, the flux follows, for a light, a critical and a heavy mass.
//! Exact evolution in the space that Gauss's law leaves, and a transformer in it carried by TDVP.

mod cli;

use cli::{Failure, Line, Session, Story};
use ketwork::run::{QuenchOutcome, QuenchRun, RunOptions};
use ketwork::{Figure, Panel, RunFile};
use std::process::ExitCode;

const MASSES: [f64; 3] = [0.1, 0.655, 2.0];

fn main() -> ExitCode {
    let (name, toml, takes) = ("quantum_link_dynamics", "seed = 2", &[]);
    cli::main(Story { name, toml, takes }, tell)
}

fn evolve(session: &Session, mass: f64, method: &str) -> Result<QuenchOutcome, Failure> {
    let (sites, count) = if session.quick { (4, 6) } else { (10, 30) };
    let times: Vec<f64> = (1..=count).map(|k| 0.1 * f64::from(k)).collect();
    let text = format!(
        "seed = {}\n[hamiltonian]\nmodel = \"quantum_link\"\nm = {mass:?}\n\
         lattice = {{ kind = \"chain\", extent = [{sites}], boundary = \"periodic\" }}\n\
         [wavefunction]\nnetwork = \"transformer\"\n\
         [evolution]\nmethod = \"{method}\"\ninitial = \"vacuum\"\ntimes = {times:?}\n\
         observables = [\"particle_density\", \"flux\"]\n",
        session.run.seed
    );
    let run: RunFile = text.parse().map_err(Failure::input)?;
    let options = RunOptions {
        progress: true,
        stop: Some(session.interrupted()),
        ..RunOptions::default()
    };
    Ok(QuenchRun::new(run)?.run(&options)?)
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let mut density = Panel::new("time (1/w)", "particle density");
    let mut flux = Panel::new("time (1/w)", "mean electric flux");
    let mut lines = Vec::new();
    for mass in MASSES {
        let exact = evolve(session, mass, "exact")?;
        let found = evolve(session, mass, "tdvp")?;
        let mean = |from: &QuenchOutcome, o: usize| -> Vec<f64> {
            from.values[o].iter().map(|v| v.mean).collect()
        };
        let off = |o: usize| {
            let (a, b) = (mean(&found, o), mean(&exact, o));
            a.iter()
                .zip(&b)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f64::max)
        };
        let worst = found
            .infidelity
            .iter()
            .flatten()
            .copied()
            .fold(0.0, f64::max);
        session.say(format!(
            "m = {mass} w: density off by {:.1e} at most, flux by {:.1e}; infidelity up to {worst:.1e}, \
             energy drift {:.1e} of its spread",
            off(0),
            off(1),
            found.energy_drift
        ));
        let at = |values: Vec<f64>| found.times.iter().copied().zip(values).collect::<Vec<_>>();
        let some = |values: Vec<f64>| {
            let every = at(values).into_iter().step_by(2);
            every.map(|(t, v)| (t, v, 0.0)).collect::<Vec<_>>()
        };
        let (line, points) = (
            format!("exact, m = {mass}"),
            format!("transformer, m = {mass}"),
        );
        density = density
            .line(&line, at(mean(&exact, 0)))
            .points(&points, some(mean(&found, 0)));
        flux = flux
            .line(&line, at(mean(&exact, 1)))
            .points(&points, some(mean(&found, 1)));
        let line = Line::new()
            .set("mass", mass)
            .set("times", found.times.clone());
        let line = line
            .set("particle_density", mean(&found, 0))
            .set("exact", mean(&exact, 0));
        let line = line
            .set("flux", mean(&found, 1))
            .set("worst_density", off(0));
        lines.push(line.set("infidelity", found.infidelity.clone().unwrap_or_default()));
    }
    let figure = Figure::new("Decay of the vacuum of the quantum link model").size(1000, 1000);
    session.draw(&figure.panel(density).panel(flux), "vacuum.png");
    Ok(Line::new().set("quenches", lines))
}
