//! What is a symmetry worth? The same network for the Heisenberg ring of 12 sites, bare and as the
//! mixture over its spin flip, translations and reflections: same parameters, exact sampling in all
//! cases, smaller error.

mod cli;

use cli::{Failure, Line, Session, Story};
use ketwork::Figure;
use ketwork::Panel;
use ketwork::run::{GroundStateRun, RunOptions};
use std::process::ExitCode;

const STORY: &str = r#"
seed = 2
[hamiltonian]
model = "heisenberg"
marshall = true
lattice = { kind = "chain", extent = [12], boundary = "periodic" }
[wavefunction]
network = "transformer"
layers = 1
width = 8
heads = 2
[optimizer]
steps = 150
[sampling]
samples = 512
"#;

const CASES: [(&str, &str); 3] = [
    ("bare", "[]"),
    ("spin flip", "[\"spin_flip\"]"),
    (
        "flip, translation, reflection",
        "[\"spin_flip\", \"translation\", \"point_group\"]",
    ),
];

fn main() -> ExitCode {
    cli::main(
        Story {
            name: "symmetries",
            toml: STORY,
            takes: &[],
        },
        tell,
    )
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let (mut off, mut errors, mut points) = (Vec::new(), Vec::new(), Vec::new());
    for (i, (name, symmetry)) in CASES.iter().enumerate() {
        let mut run = session.run.clone();
        let section = format!("[wavefunction]\nsymmetry = {symmetry}");
        let parsed: ketwork::RunFile = section.parse()?;
        run.wavefunction.symmetry = parsed.wavefunction.symmetry;
        let found = GroundStateRun::new(run)?.run(&RunOptions::default())?;
        let exact = found
            .exact
            .ok_or_else(|| Failure::computation("no exact twin"))?;
        session.say(format!(
            "{name:>30}: E = {}, exact {exact:.6}, relative error {:.1e}, V-score {:.1e}",
            found.estimate,
            (found.energy - exact) / exact.abs(),
            found.v_score.unwrap_or(f64::INFINITY)
        ));
        off.push(found.energy - exact);
        errors.push(found.energy_error);
        points.push((i as f64, found.energy - exact, found.energy_error));
    }
    let panel = Panel::new("0: bare, 1: spin flip, 2: all", "E - exact (units of J)")
        .points("Heisenberg ring, 12 sites", points)
        .level("exact", 0.0);
    session.draw(
        &Figure::new("The same network under more symmetry").panel(panel),
        "symmetries.png",
    );
    Ok(Line::new()
        .set("energy_above_exact", off)
        .set("energy_error", errors))
}
