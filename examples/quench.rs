//! What happens after a sudden change? Observables of any model of a run file after a start from a
//! product state: exact, by TDVP or by TENG, with the infidelity where the exact state is affordable.
//!
//! Without a run file: the critical Ising ring of six sites from all up, followed by a transformer.

mod cli;

use cli::{Failure, Field, Line, Session, Story, Takes};
use ketwork::run::{QuenchRun, RunOptions};
use std::process::ExitCode;

const STORY: Story = Story {
    name: "quench",
    takes: &[Takes::RunFile, Takes::Resume],
    toml: r#"
        seed = 1
        [hamiltonian]
        model = "tfim"
        h = 1.0
        lattice = { kind = "chain", extent = [6], boundary = "periodic" }
        [wavefunction]
        network = "transformer"
        [evolution]
        method = "tdvp"
        initial = "up_z"
        times = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
        observables = ["mean_sz", "mean_sx", "mean_sy"]
    "#,
};

fn main() -> ExitCode {
    cli::main(STORY, tell)
}

fn tell(session: &Session) -> Result<Line, Failure> {
    // Bad input is refused with --quick as without it.
    QuenchRun::new(session.written.clone())?.check()?;
    let options = RunOptions {
        out: session.out().map(Into::into),
        resume: session.resume,
        progress: true,
        stop: Some(session.interrupted()),
        ..RunOptions::default()
    };
    let found = QuenchRun::new(session.run.clone())?.run(&options)?;
    for (i, t) in found.times.iter().enumerate() {
        let values = found.observables.iter().zip(&found.values);
        let shown = values.map(|(o, v)| format!("{} = {:.6}", o.name(), v[i].mean));
        let mut words: Vec<_> = shown.collect();
        if let Some(infidelity) = &found.infidelity {
            words.push(format!("infidelity {:.1e}", infidelity[i]));
        }
        session.say(format!("t = {t}: {}", words.join(", ")));
    }
    if let Some(doubt) = found.doubt() {
        session.say(doubt);
    }
    let mut line = Line::new().set("times", found.times);
    for (o, values) in found.observables.iter().zip(&found.values) {
        let means: Vec<f64> = values.iter().map(|v| v.mean).collect();
        line = line.set(o.name(), means);
        if found.is_sampled {
            let errors: Vec<f64> = values.iter().map(|v| v.error).collect();
            line = line.set(&format!("{}_error", o.name()), errors);
        }
    }
    Ok(line
        .set("infidelity", found.infidelity.map(Field::from))
        .set("energy_drift", found.energy_drift)
        .set("residual", found.residual))
}
