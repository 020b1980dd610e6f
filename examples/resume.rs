//! Does a run that was stopped and continued equal one that was not? Three runs in a temporary
//! directory: 30 steps at once, 15 steps, and 15 more from the checkpoint; bit for bit the same.

mod cli;

use cli::{Failure, Line, Session, Story};
use ketwork::run::{GroundStateRun, Outcome, RunOptions};
use ketwork::without_timing;
use std::path::Path;
use std::process::ExitCode;

const STORY: &str = r#"
seed = 4
[hamiltonian]
model = "tfim"
h = 1.0
lattice = { kind = "chain", extent = [10], boundary = "periodic" }
[wavefunction]
network = "transformer"
width = 16
[sampling]
samples = 256
"#;

const STEPS: usize = 30;

fn main() -> ExitCode {
    cli::main(
        Story {
            name: "resume",
            toml: STORY,
            takes: &[],
        },
        tell,
    )
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let own = std::env::temp_dir().join(format!("ketwork-resume-{}", std::process::id()));
    let place = session.out().unwrap_or(&own);
    let (whole, parts) = (place.join("whole"), place.join("parts"));
    let at_once = train(session, STEPS, &whole, false)?;
    train(session, STEPS / 2, &parts, false)?;
    let continued = train(session, STEPS, &parts, true)?;
    let log =
        |dir: &Path| std::fs::read_to_string(dir.join("log.jsonl")).map_err(Failure::computation);
    // The manifests differ in the number of steps asked for; every step must be the same.
    let steps = |text: String| without_timing(&text).split_off(1);
    let same = at_once.energy.to_bits() == continued.energy.to_bits()
        && steps(log(&whole)?) == steps(log(&parts)?);
    session.say(format!(
        "{STEPS} steps at once:        E = {:?}",
        at_once.energy
    ));
    session.say(format!(
        "{} + {0} steps, resumed: E = {:?}",
        STEPS / 2,
        continued.energy
    ));
    if session.out().is_none() {
        std::fs::remove_dir_all(&own).map_err(Failure::computation)?;
    }
    if !same {
        return Err(Failure::computation(
            "the resumed run differs from the uninterrupted one",
        ));
    }
    session.say("every logged step and the final energy agree bit for bit");
    Ok(Line::new()
        .set("energy", at_once.energy)
        .set("energy_resumed", continued.energy))
}

fn train(session: &Session, steps: usize, out: &Path, resume: bool) -> Result<Outcome, Failure> {
    let mut run = session.run.clone();
    run.optimizer.steps = Some(steps);
    let options = RunOptions {
        out: Some(out.to_owned()),
        resume,
        ..RunOptions::default()
    };
    Ok(GroundStateRun::new(run)?.run(&options)?)
}
