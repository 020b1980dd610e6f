//! Does a diffusion model that saw the ground states of five couplings know those between? Critical
//! Ising rings around h = 1: states generated from noise at unseen fields, against the exact ground
//! states, and against the best guess without a model, the training state of the nearest field. Steps
//! are made of general rotations and CNOTs, or of the Hamiltonian's own terms.

mod cli;

use cli::{Failure, Line, Session, Story, asked, complete, passes};
use ketwork::diffusion::{Condition, Data, Diffusion, DiffusionParams, SparseHamiltonian};
use ketwork::diffusion::{Split, States, Training, fidelity};
use ketwork::hamiltonians::{Boundary, Lattice, Model, Tfim};
use ketwork::{Figure, Panel, Scale, Stream};
use num_complex::Complex64;
use std::process::ExitCode;

const SEEN: [f64; 5] = [0.5, 0.75, 1.0, 1.25, 1.5];
const UNSEEN: [f64; 8] = [0.6, 0.65, 0.85, 0.9, 1.1, 1.15, 1.35, 1.4];

fn main() -> ExitCode {
    let (name, toml, takes) = ("ground_state_diffusion", "seed = 1", &[]);
    cli::main(Story { name, toml, takes }, tell)
}

/// Infidelity and excess energy of states, each at its own field.
struct Quality {
    infidelity: Vec<f64>,
    excess: Vec<f64>,
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let rotations = asked(session, DiffusionParams::ground_states());
    let (sites, seeds) = if session.quick { (4, 1) } else { (6, 3) };
    let ring = Lattice::chain(sites, Boundary::Periodic).map_err(Failure::input)?;
    let tfim = |h: f64| Tfim::new(h).on(&ring).expect("a finite field on a ring");
    let ground = |fields: &[f64]| Data::ground_states(fields, tfim).map_err(Failure::computation);
    let split = Split {
        train: ground(&SEEN)?,
        held_out: ground(&UNSEEN)?,
    };
    // Not only the eight fields of the score: a curve between and beyond the seen ones.
    let fine: Vec<f64> = (0..=52).map(|k| 0.45 + f64::from(k) / 47.0).collect();
    let scan = ground(&fine)?;
    let guess = nearest_state(&UNSEEN, &split.train);
    let baseline = quality(&UNSEEN, &guess, &split.held_out.states, tfim)?;
    let near = nearest_state(&fine, &split.train);
    let idle = quality(&fine, &near, &scan.states, tfim)?;
    session.say(format!(
        "nearest training state at unseen fields: infidelity {:.2e}, energy {:.2e} too high",
        mean(&baseline.infidelity),
        mean(&baseline.excess)
    ));
    // One angle turns all terms of a coupling: fewer angles, larger steps.
    let terms = DiffusionParams {
        rounds: 6,
        epochs: 60,
        learning_rate: 0.05,
        ..rotations.clone()
    };
    let (mut lines, mut curves) = (Vec::new(), Vec::new());
    for (name, params) in [("terms", terms), ("rotations", rotations)] {
        let own = if session.quick { 20 } else { params.epochs };
        let epochs = passes(session, own);
        let params = DiffusionParams { epochs, ..params };
        let (mut runs, mut scans) = (Vec::new(), Vec::new());
        for seed in session.run.seed..session.run.seed + seeds {
            let stream = Stream::new(seed);
            let training = match name {
                "terms" => Training::variational(&split, &params, &tfim(1.0), stream),
                _ => Training::new(&split, &params, stream),
            };
            let training = training.map_err(Failure::input)?;
            let found = complete(session, name, params.epochs, training)?;
            let make = |fields: &[f64], name: &str| -> Result<States, Failure> {
                let wanted = Condition::Values(fields.to_vec());
                let made = found
                    .model
                    .sample(&wanted, fields.len(), stream.named(name));
                made.map(|m| m.states).map_err(Failure::computation)
            };
            let reached = score(&found, &split.held_out.states, tfim)?;
            scans.push(quality(&fine, &make(&fine, "scan")?, &scan.states, tfim)?);
            let (wrong, excess) = (mean(&reached.infidelity), mean(&reached.excess));
            let success = found.report.success_probability;
            session.say(format!(
                "{name}, seed {seed}: infidelity {wrong:.2e}, energy {excess:.2e} too high, {} angles, \
                 success probability {success:.1e}",
                found.report.n_params
            ));
            let line = Line::new().set("seed", seed).set("infidelity", wrong);
            let line = line.set("energy_error", excess);
            let line = line.set("n_params", found.report.n_params);
            runs.push(line.set("success_probability", success));
        }
        lines.push(runs);
        curves.push((name, scans));
    }
    let panel = |y: &str, of: fn(&Quality) -> &Vec<f64>| {
        let mut panel = Panel::new("field h", y).scales(Scale::Linear, Scale::Log);
        for (name, scans) in &curves {
            let at = |k: usize| scans.iter().map(|q| of(q)[k]).sum::<f64>() / scans.len() as f64;
            let curve = (0..fine.len()).map(|k| (fine[k], at(k).max(1e-8)));
            panel = panel.line(&format!("generated by {name}"), curve.collect::<Vec<_>>());
        }
        // The guess is exact at the fields it was taken from; a log axis shows the others.
        let others = fine.iter().zip(of(&idle)).filter(|p| *p.1 > 1e-8);
        panel.points("nearest training state", others.map(|(h, e)| (*h, *e, 0.0)))
    };
    let figure = Figure::new("Ground states at fields that were never seen")
        .panel(panel("infidelity with the ground state", |q| &q.infidelity))
        .panel(panel("energy above the ground state (J)", |q| &q.excess));
    session.draw(&figure, "fields.png");
    let rotations = lines.pop().unwrap_or_default();
    Ok(Line::new()
        .set("sites", sites)
        .set("seen", SEEN.to_vec())
        .set("unseen", UNSEEN.to_vec())
        .set("runs", rotations)
        .set("variational_runs", lines.pop().unwrap_or_default())
        .set("nearest_infidelity", mean(&baseline.infidelity))
        .set("nearest_energy_error", mean(&baseline.excess)))
}

fn quality(
    fields: &[f64],
    states: &States,
    exact: &States,
    tfim: impl Fn(f64) -> Model<f64>,
) -> Result<Quality, Failure> {
    let (mut infidelity, mut excess) = (Vec::new(), Vec::new());
    let mut scratch = vec![Complex64::default(); states.dim()];
    for (i, &h) in fields.iter().enumerate() {
        let h = SparseHamiltonian::new(&tfim(h)).map_err(Failure::computation)?;
        let lowest = h.energy(exact.row(i), &mut scratch);
        infidelity.push(1.0 - fidelity(exact.row(i), states.row(i)));
        excess.push(h.energy(states.row(i), &mut scratch) - lowest);
    }
    Ok(Quality { infidelity, excess })
}

/// All generated states, each at the unseen field that it was asked for.
fn score(
    found: &Diffusion,
    exact: &States,
    tfim: impl Fn(f64) -> Model<f64>,
) -> Result<Quality, Failure> {
    let fields: &[f64] = match &found.condition {
        Condition::Values(fields) => fields,
        Condition::Labels { .. } => &[],
    };
    let place = |h: &f64| UNSEEN.iter().position(|u| u.total_cmp(h).is_eq());
    let rows: Vec<usize> = fields.iter().filter_map(place).collect();
    quality(fields, &found.generated, &exact.select(&rows), tfim)
}

/// The training state of the nearest field, for each of the fields.
fn nearest_state(fields: &[f64], train: &Data) -> States {
    let nearest = |h: &f64| {
        let distance = |k: &usize| (SEEN[*k] - h).abs();
        (0..SEEN.len()).min_by(|a, b| distance(a).total_cmp(&distance(b)))
    };
    let rows: Vec<usize> = fields.iter().filter_map(nearest).collect();
    train.states.select(&rows)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
