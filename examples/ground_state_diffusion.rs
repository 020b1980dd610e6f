//! Does a diffusion model that saw the ground states of five couplings know those between? Critical
//! Ising rings around h = 1: states generated from noise at unseen fields, against the exact ground
//! states, and against the best guess without a model, the training state of the nearest field.

mod cli;

use cli::{Failure, Line, Session, Story, diffuse};
use ketwork::diffusion::{Condition, Data, DiffusionParams, SparseHamiltonian};
use ketwork::diffusion::{Split, States, fidelity};
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
    let (sites, epochs, seeds) = if session.quick {
        (4, 20, 1)
    } else {
        (6, 300, 3)
    };
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
    let params = DiffusionParams {
        epochs,
        ..DiffusionParams::ground_states()
    };
    let guess = nearest_state(&UNSEEN, &split.train);
    let baseline = quality(&UNSEEN, &guess, &split.held_out.states, tfim)?;
    let idle = quality(
        &fine,
        &nearest_state(&fine, &split.train),
        &scan.states,
        tfim,
    )?;
    let (mut runs, mut curves) = (Vec::new(), Vec::new());
    for seed in session.run.seed..session.run.seed + seeds {
        let stream = Stream::new(seed);
        let found = diffuse(session, "Ising ring", &split, &params, stream)?;
        let make = |fields: &[f64], name: &str| -> Result<States, Failure> {
            let wanted = Condition::Values(fields.to_vec());
            let made = found
                .model
                .sample(&wanted, fields.len(), stream.named(name));
            made.map(|m| m.states).map_err(Failure::computation)
        };
        let unseen = make(&UNSEEN, "unseen")?;
        let reached = quality(&UNSEEN, &unseen, &split.held_out.states, tfim)?;
        let curve = quality(&fine, &make(&fine, "scan")?, &scan.states, tfim)?;
        session.say(format!(
            "seed {seed}: infidelity at unseen fields {:.2e} (nearest training state {:.2e}), \
             energy {:.2e} too high ({:.2e})",
            mean(&reached.infidelity),
            mean(&baseline.infidelity),
            mean(&reached.excess),
            mean(&baseline.excess)
        ));
        let line = Line::new().set("seed", seed);
        let line = line.set("infidelity", mean(&reached.infidelity));
        let line = line.set("energy_error", mean(&reached.excess));
        runs.push(line.set("success_probability", found.report.success_probability));
        curves.push((seed, curve));
    }
    let panel = |y: &str, of: fn(&Quality) -> &Vec<f64>| {
        let at = |q: &Quality| -> Vec<(f64, f64)> {
            let points = fine.iter().copied().zip(of(q).iter().copied());
            points.map(|(h, e)| (h, e.max(1e-8))).collect()
        };
        let mut panel = Panel::new("field h", y).scales(Scale::Linear, Scale::Log);
        for (seed, curve) in &curves {
            panel = panel.line(&format!("generated, seed {seed}"), at(curve));
        }
        // The guess is exact at the fields it was taken from; a log axis shows the others.
        let between = at(&idle).into_iter().filter(|p| p.1 > 1e-8);
        panel.points("nearest training state", between.map(|(h, e)| (h, e, 0.0)))
    };
    let figure = Figure::new("Ground states at fields that were never seen")
        .panel(panel("infidelity with the ground state", |q| &q.infidelity))
        .panel(panel("energy above the ground state (J)", |q| &q.excess));
    session.draw(&figure, "fields.png");
    Ok(Line::new()
        .set("sites", sites)
        .set("seen", SEEN.to_vec())
        .set("unseen", UNSEEN.to_vec())
        .set("runs", runs)
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
