//! Can one network hold all times at once? The critical Ising ring of six sites from all up: a
//! transformer whose parameters depend on time against the implicit midpoint rule that it solves, which
//! the complete ansatz follows, and against the exact state.

mod cli;

use cli::{Failure, Line, Session, Story};
use ketwork::run::{QuenchOutcome, QuenchRun, RunOptions};
use ketwork::{Figure, Panel, RunFile, Scale};
use std::process::ExitCode;

const DT: f64 = 0.05;

fn main() -> ExitCode {
    let (name, toml, takes) = ("spacetime", "seed = 4", &[]);
    cli::main(Story { name, toml, takes }, tell)
}

fn evolve(session: &Session, network: &str, method: &str) -> Result<QuenchOutcome, Failure> {
    let (sites, slices) = if session.quick { (4, 4) } else { (6, 20) };
    let times: Vec<f64> = (1..=slices).map(|k| DT * f64::from(k)).collect();
    let text = format!(
        "seed = {}\n[hamiltonian]\nmodel = \"tfim\"\nh = 1.0\n\
         lattice = {{ kind = \"chain\", extent = [{sites}], boundary = \"periodic\" }}\n\
         [wavefunction]\nnetwork = \"{network}\"\n\
         [evolution]\nmethod = \"{method}\"\ninitial = \"up_z\"\ndt = {DT}\ntimes = {times:?}\n\
         observables = [\"mean_sz\", \"mean_sy\"]\n",
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
    let found = evolve(session, "transformer", "spacetime")?;
    let rule = evolve(session, "table", "spacetime")?;
    let exact = evolve(session, "table", "exact")?;
    let mean = |from: &QuenchOutcome, o: usize| -> Vec<f64> {
        from.values[o].iter().map(|v| v.mean).collect()
    };
    let (sz, sy) = (mean(&found, 0), mean(&found, 1));
    let off: Vec<f64> = sz
        .iter()
        .zip(mean(&rule, 0))
        .map(|(a, b)| (a - b).abs())
        .collect();
    let worst = off.iter().copied().fold(0.0, f64::max);
    let infidelity = found.infidelity.clone().unwrap_or_default();
    let floor = rule.infidelity.clone().unwrap_or_default();
    for (i, t) in found.times.iter().enumerate() {
        session.say(format!(
            "t = {t:.2}: <Z> = {:.6}, off the midpoint rule by {:.1e}; infidelity {:.1e}, of the rule {:.1e}",
            sz[i], off[i], infidelity[i], floor[i]
        ));
    }
    session.say(format!(
        "largest distance from the midpoint rule: {worst:.1e}"
    ));
    let at = |values: &[f64]| -> Vec<(f64, f64)> {
        found
            .times
            .iter()
            .copied()
            .zip(values.iter().copied())
            .collect()
    };
    let points = |values: &[f64]| -> Vec<(f64, f64, f64)> {
        at(values).into_iter().map(|(t, v)| (t, v, 0.0)).collect()
    };
    let motion = Panel::new("time", "mean over sites")
        .line("Z, exact", at(&mean(&exact, 0)))
        .line("Y, exact", at(&mean(&exact, 1)))
        .points("Z, one transformer", points(&sz))
        .points("Y, one transformer", points(&sy));
    let errors = Panel::new("time", "deviation")
        .scales(Scale::Linear, Scale::Log)
        .line("Z from the midpoint rule", at(&off))
        .line("infidelity with the exact state", at(&infidelity))
        .line("infidelity of the rule itself", at(&floor));
    let figure = Figure::new("One network for all times");
    session.draw(&figure.panel(motion).panel(errors), "spacetime.png");
    Ok(Line::new()
        .set("times", found.times.clone())
        .set("mean_sz", sz)
        .set("mean_sy", sy)
        .set("off_midpoint", off)
        .set("infidelity", infidelity)
        .set("residual", found.residual))
}
