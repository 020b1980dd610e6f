//! When does a gauge field confine? Z2 gauge theory on a torus: energies of the winding sectors of
//! 3 by 3 vertices next to the exact ones, and Wilson loops across the transition at g = 0.3285 on
//! 6 by 6 vertices, where no exact vector fits.

mod cli;

use cli::{Failure, Line, Plan, Session, Story, train};
use ketwork::exact::{LanczosParams, expectation, ground_state};
use ketwork::hamiltonians::{Boundary, Hamiltonian, Lattice, Links, Model, OnSpace, Parity, Pauli};
use ketwork::hamiltonians::{Z2Gauge, product};
use ketwork::{Ancestral, Estimate, Figure, Panel, ProductOperator, Sampled, Scale, Stream};
use ketwork::{TransformerParams, dual_line, rectangle_loop};
use std::process::ExitCode;
use std::sync::Arc;

/// Couplings of the table of exact energies.
const TABLE: [f64; 5] = [0.1, 0.2, 0.3285, 0.5, 1.0];
/// Couplings across the transition.
const ACROSS: [f64; 6] = [0.2, 0.26, 0.31, 0.35, 0.4, 0.5];
/// Loops of r by r plaquettes.
const SIDES: [usize; 3] = [1, 2, 3];

fn main() -> ExitCode {
    let (name, toml, takes) = ("z2_gauge", "seed = 7", &[]);
    cli::main(Story { name, toml, takes }, tell)
}

/// The theory on L by L vertices in one winding sector.
fn theory(l: usize, g: f64, winding: [bool; 2]) -> Result<(Links, Model<f64>), Failure> {
    let torus = Lattice::square([l, l], Boundary::Periodic).map_err(Failure::input)?;
    let links = Links::new(&torus).map_err(Failure::input)?;
    let all = Z2Gauge::new(g).on(&torus).map_err(Failure::input)?;
    let cut = |direction| dual_line(&links, 0, direction, l).map_err(Failure::input);
    let checks = [(cut(0)?, winding[0]), (cut(1)?, winding[1])];
    let order = all.sector().order().to_vec();
    let pinned = Arc::new(Parity::new(order, &checks).map_err(Failure::input)?);
    let sector = product(vec![all.sector().clone(), pinned]).map_err(Failure::input)?;
    let model = all.in_sector(sector).map_err(Failure::input)?;
    Ok((links, model))
}

fn wilson(links: &Links, model: &Model<f64>, r: usize) -> Result<ProductOperator<f64>, Failure> {
    let around = rectangle_loop(links, 0, [r, r]).map_err(Failure::input)?;
    ProductOperator::pauli(*model.space(), &around, Pauli::X).map_err(Failure::input)
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let plan = Plan {
        params: TransformerParams {
            layers: 2,
            width: 16,
            heads: 2,
        },
        steps: session.run.optimizer.steps.unwrap_or(240),
        samples: session.run.sampling.samples.unwrap_or(1024),
        stream: Stream::new(session.run.seed),
    };
    let table = if session.quick { &TABLE[2..3] } else { &TABLE };
    let across = if session.quick {
        &ACROSS[2..4]
    } else {
        &ACROSS
    };
    let (mut off, mut gaps, mut exact_gaps) = (Vec::new(), Vec::new(), Vec::new());
    for &g in table {
        let mut found = Vec::new();
        for winding in [[false, false], [true, false], [true, true]] {
            let (_, model) = theory(3, g, winding)?;
            let exact = ground_state(&model, &LanczosParams::default())?.energies[0];
            found.push((train(&model, &plan, None)?.energy, exact));
        }
        let (energy, exact) = found[0];
        off.push((energy.mean - exact) / exact.abs());
        session.say(format!(
            "L = 3, g = {g}: E = {energy}, exact {exact:.8}, relative error {:.1e}",
            off[off.len() - 1]
        ));
        for ((e, twin), word) in found[1..].iter().zip(["x", "x and y"]) {
            gaps.push(e.mean - energy.mean);
            exact_gaps.push(twin - exact);
            session.say(format!(
                "    gap to the sector that winds around {word}: {:.5}, exact {:.5}",
                e.mean - energy.mean,
                twin - exact
            ));
        }
    }
    let (mut loops, mut exact, mut density) =
        (vec![Vec::new(); 3], vec![Vec::new(); 2], Vec::new());
    // A step costs forty times one of the small torus.
    let short = Plan {
        steps: plan.steps / 8,
        samples: plan.samples / 2,
        ..plan.clone()
    };
    let mut last = None;
    for &g in across {
        let small = theory(3, g, [false; 2])?;
        let ground = ground_state(&small.1, &LanczosParams::default())?;
        for (r, exact) in SIDES.into_iter().zip(&mut exact) {
            let w = expectation(
                &wilson(&small.0, &small.1, r)?,
                &ground.basis,
                &ground.vectors[0],
            );
            exact.push((g, w.re));
        }
        let (links, model) = theory(6, g, [false; 2])?;
        // The state at one coupling is a good start at the next; the first starts from the uniform
        // state, which is exact at g = 0.
        let found = train(&model, &short, last.take())?;
        let samples = found
            .psi
            .sample(&found.theta, 0..4096, plan.stream.named("loops"));
        let state = Sampled::new(&found.psi, &found.theta, &samples);
        density.push(found.energy.mean / 36.0);
        session.say(format!(
            "L = 6, g = {g}: E = {}, E / 36 = {:.5}",
            found.energy,
            density[density.len() - 1]
        ));
        for (r, points) in SIDES.into_iter().zip(&mut loops) {
            let w = wilson(&links, &model, r)?;
            let w: Estimate = state.expectation(&w).map_err(Failure::computation)?.mean;
            session.say(format!("    Wilson loop of {r} x {r}: {w}"));
            points.push((g, w.mean, w.error));
        }
        last = Some(found.theta);
    }
    draw(session, &loops, &exact);
    let of = |f: fn(&(f64, f64, f64)) -> f64| {
        let row = |p: &Vec<(f64, f64, f64)>| p.iter().map(f).collect::<Vec<f64>>();
        loops.iter().map(row).collect::<Vec<_>>()
    };
    Ok(Line::new()
        .set("g", table.to_vec())
        .set("relative_error", off)
        .set("gaps", gaps)
        .set("exact_gaps", exact_gaps)
        .set("g_across", across.to_vec())
        .set("energy_per_plaquette", density)
        .set("wilson", of(|p| p.1))
        .set("wilson_error", of(|p| p.2)))
}

fn draw(session: &Session, loops: &[Vec<(f64, f64, f64)>], exact: &[Vec<(f64, f64)>]) {
    let mut panel = Panel::new("electric coupling g (transition at 0.3285)", "⟨W(r, r)⟩")
        .scales(Scale::Linear, Scale::Log)
        .x_reaches(0.2, 0.62);
    for (r, points) in SIDES.iter().zip(loops) {
        panel = panel.points(&format!("{r} x {r}, L = 6"), points.clone());
    }
    for (r, points) in SIDES.iter().zip(exact) {
        panel = panel.line(&format!("{r} x {r}, L = 3 exact"), points.clone());
    }
    let figure = Figure::new("Z2 gauge theory: Wilson loops across confinement").panel(panel);
    session.draw(&figure, "z2_gauge.png");
}
