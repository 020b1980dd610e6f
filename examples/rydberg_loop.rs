//! Do Monte Carlo data help a network? A ring of 24 Rydberg atoms: snapshots of a stochastic series
//! expansion teach an autoregressive network in the same blockade space by maximum likelihood, then
//! the energy is minimised, from these parameters and from random ones. One process, no files between.

mod cli;

use cli::{Failure, Line, Session, Story, Takes};
use ketwork::exact::{LanczosParams, dimension, ground_state};
use ketwork::hamiltonians::{AnyModel, Configs, Hamiltonian, Model};
use ketwork::run::{State, build_state};
use ketwork::sse::{Sse, SseParams};
use ketwork::{
    Adam, Ansatz, Estimate, Figure, GroundState, Independent, Joined, Likelihood, Panel,
};
use ketwork::{Scale, Schedule, Spring, Stopwatch, Stream};
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
/// Dimension up to which the exact energy is computed unasked: seconds.
const EXACT_UP_TO: f64 = 3e5;

fn main() -> ExitCode {
    cli::main(STORY, tell)
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let run = &session.run;
    let (lattice, model) = run.system()?;
    let AnyModel::Real(model) = model else {
        return Err(Failure::input("a positive state needs a real Hamiltonian"));
    };
    // The gauge in which the ground state is positive.
    let model = model.rotated_by_z(&model.terms().sign_gauge());
    let State::Ancestral(psi) = build_state::<f64>(&run.wavefunction, &lattice, model.sector())?
    else {
        return Err(Failure::input("data teach networks with exact sampling"));
    };
    if model.sector().order().len() != lattice.n_sites() {
        return Err(Failure::input(
            "values must sit on the sites of the lattice",
        ));
    }
    let (n, stream) = (lattice.n_sites() as f64, Stream::new(run.seed));

    let watch = Stopwatch::start();
    let asked = run.monte_carlo.params();
    let params = SseParams {
        snapshots: asked.sweeps as usize / SWEEPS_BETWEEN,
        ..asked
    };
    let data = Sse::new(&model, params)
        .map_err(Failure::input)?
        .run(stream)
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

    let random = psi.layout().initial(stream.named("parameters"));
    // The state looks the same from each cell: every snapshot counts at all places of the lattice.
    let mut x = Configs::new(lattice.n_sites());
    let mut moved = vec![0; lattice.n_sites()];
    for places in lattice.translations() {
        for row in data.snapshots.view().rows() {
            for (&value, &to) in row.iter().zip(&places) {
                moved[to as usize] = value;
            }
            x.push(&moved);
        }
    }
    let mut fit = Likelihood::new(&psi, x.view(), random.clone(), stream)
        .map_err(Failure::input)?
        .with_solver(Adam::default());
    // Many cheap steps: small batches need no linear system.
    let steps = run.optimizer.steps.unwrap_or(200);
    fit.batch = 256;
    fit.learning_rate = Schedule::Power {
        from: 1e-2,
        floor: 1e-3,
        knee: 200.0,
        power: 1.0,
        warmup: 5,
    };
    for report in fit.by_ref().take(2 * steps) {
        report.map_err(Failure::computation)?;
    }
    let taught = watch.elapsed().cpu_seconds;
    session.say(format!(
        "likelihood of {} configurations: {} steps, {:.1} CPU s",
        fit.unique(),
        2 * steps,
        taught - sampled
    ));

    // A sector whose automaton is too large to count is no small one.
    let is_small = dimension(&**model.sector()).is_ok_and(|d| d <= EXACT_UP_TO);
    let (reference, name) = match session.exact || is_small {
        true => (
            ground_state(&model, &LanczosParams::default())?.energies[0],
            "exact",
        ),
        false => (mean, "Monte Carlo"),
    };
    let axis = "relative error, means of 10 steps";
    let mut panel = Panel::new("CPU seconds", axis)
        .scales(Scale::Linear, Scale::Log)
        .x_reaches(0.0, 1.0)
        .level("standard error of Monte Carlo", error / reference.abs());
    let mut line = Line::new();
    for (word, key, theta, before) in [
        ("random weights", "random", random, 0.0),
        ("Monte Carlo data", "pretrained", fit.theta, taught),
    ] {
        let (energy, curve) = tune(session, &model, &psi, theta, steps)?;
        let off = (energy.mean - reference) / reference.abs();
        let smooth: Vec<(f64, f64)> = curve
            .windows(10)
            .map(|w| (w[9].0, w.iter().map(|p| p.1).sum::<f64>() / 10.0))
            .map(|(s, e)| (before + s, (e / reference - 1.0).abs()))
            .collect();
        let reached = |limit: f64| smooth.iter().find(|p| p.1 < limit).map(|p| p.0);
        let after =
            |s: Option<f64>| s.map_or("not reached".into(), |s| format!("after {s:.1} CPU s"));
        session.say(format!(
            "from {word}: E = {energy}, {name} {reference:.6}, relative error {off:.1e}; 1e-3 {}, 1e-4 {}",
            after(reached(1e-3)),
            after(reached(1e-4)),
        ));
        let values = Line::new()
            .set("energy", energy.mean)
            .set("energy_error", energy.error)
            .set("relative_error", off)
            .set("cpu_seconds_to_1e-3", reached(1e-3))
            .set("cpu_seconds_to_1e-4", reached(1e-4));
        line = line.set(key, values);
        panel = panel.line(&format!("energy from {word}"), smooth);
    }
    let figure = Figure::new("Rydberg atoms: a network taught by Monte Carlo, then by energy");
    session.draw(&figure.panel(panel), "rydberg_loop.png");
    Ok(line
        .set("reference", reference)
        .set("reference_is", name)
        .set("monte_carlo_energy", mean)
        .set("monte_carlo_error", error)
        .set("cpu_seconds_monte_carlo", sampled)
        .set("cpu_seconds_likelihood", taught - sampled))
}

/// Minimises the energy: a fresh estimate of it, and (CPU seconds, energy) after each step.
fn tune(
    session: &Session,
    model: &Model<f64>,
    psi: &dyn Ansatz<Log = f64>,
    theta: Vec<f64>,
    steps: usize,
) -> Result<(Estimate, Vec<(f64, f64)>), Failure> {
    let stream = Stream::new(session.run.seed).named("samples");
    let shots = Independent::new(session.run.sampling.samples.unwrap_or(1024) as u64, stream);
    let mut vmc = GroundState::new(model, psi, shots, theta).with_solver(Spring::new(1e-3, 0.8));
    vmc.learning_rate = Schedule::training_rate(model.sector().order().len(), 0.1);
    vmc.shift = Some(Schedule::training_shift());
    let (watch, mut curve) = (Stopwatch::start(), Vec::new());
    for report in vmc.by_ref().take(steps) {
        let energy = report.map_err(Failure::computation)?.energy.mean;
        curve.push((watch.elapsed().cpu_seconds, energy));
    }
    let mut fresh = Joined::default();
    for _ in 0..16 {
        vmc.measure_into(&mut fresh).map_err(Failure::computation)?;
    }
    Ok((fresh.estimate(), curve))
}
