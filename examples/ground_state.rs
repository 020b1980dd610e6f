//! How low can a neural wavefunction go? The ground state of any model of a run file by variational
//! Monte Carlo, with an error bar, beside the exact value where one is affordable.
//!
//! Without a run file: the critical Ising ring of 16 sites with a causal transformer.

mod cli;

use cli::{Failure, Line, Session, Story, Takes, number};
use ketwork::run::{GroundStateRun, RunOptions};
use std::process::ExitCode;

const STORY: &str = r#"
seed = 1
[hamiltonian]
model = "tfim"
h = 1.0
lattice = { kind = "chain", extent = [16], boundary = "periodic" }
[wavefunction]
network = "transformer"
[optimizer]
steps = 300
"#;

fn main() -> ExitCode {
    let takes = &[Takes::RunFile, Takes::Resume, Takes::Exact];
    cli::main(
        Story {
            name: "ground_state",
            toml: STORY,
            takes,
        },
        tell,
    )
}

fn tell(session: &Session) -> Result<Line, Failure> {
    // Bad input is refused with --quick as without it.
    GroundStateRun::new(session.written.clone())?.check()?;
    let run = GroundStateRun::new(session.run.clone())?;
    let options = RunOptions {
        out: session.out().map(Into::into),
        resume: session.resume,
        exact: session.exact,
        progress: true,
        stop: Some(session.interrupted()),
    };
    let found = run.run(&options)?;
    session.say(format!(
        "E        = {} after {} steps",
        found.estimate, found.steps
    ));
    session.say(format!("E / N    = {}", number(found.energy_per_site)));
    let score = found
        .v_score
        .map_or_else(|| "undefined".into(), |v| format!("{v:.1e}"));
    session.say(format!(
        "variance = {:.2e}, V-score {score}",
        found.variance
    ));
    if let Some(energy) = found.dmrg_energy {
        session.say(format!(
            "DMRG     = {}, where training started",
            number(energy)
        ));
    }
    if let (Some(exact), Some(off)) = (found.exact, found.relative_error) {
        session.say(format!(
            "exact    = {}, relative error {off:.1e}",
            number(exact)
        ));
    }
    let diagnostics = found.diagnostics.map(|d| {
        Line::new()
            .set("acceptance", d.acceptance)
            .set("r_hat", d.r_hat)
            .set("tau", d.tau)
    });
    let line = Line::new()
        .set("energy", found.energy)
        .set("energy_error", found.energy_error)
        .set("variance", found.variance)
        .set("v_score", found.v_score)
        .set("energy_per_site", found.energy_per_site)
        .set("exact", found.exact)
        .set("relative_error", found.relative_error)
        .set("steps", found.steps as usize)
        .set("n_params", found.n_params)
        .set("seconds_per_step", found.seconds_per_step)
        .set("cpu_seconds_per_step", found.cpu_seconds_per_step)
        .set("diagnostics", diagnostics);
    Ok(match found.dmrg_energy {
        Some(energy) => line.set("dmrg_energy", energy),
        None => line,
    })
}
