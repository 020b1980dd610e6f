//! When does a gauge field confine? Z2 gauge theory on a torus: energies of the winding sectors of
//! 3 by 3 vertices next to the exact ones, and Wilson loops across the transition at g = 0.3285 on
//! 6 by 6 vertices, where no exact vector fits. The small torus is read as electric fields under the
//! Gauss law, the large one by its dual spins, whose Monte Carlo says where energy and smallest loop must
//! end.

mod cli;

use cli::{Failure, Line, Plan, Session, Story, train, train_network};
use ketwork::exact::{LanczosParams, expectation, ground_state};
use ketwork::hamiltonians::{Boundary, Hamiltonian, Lattice, Links, Model, OnSpace, Parity, Pauli};
use ketwork::hamiltonians::{Tfim, Z2Gauge, product};
use ketwork::sse::{Sse, SseParams};
use ketwork::{Ancestral, Estimate, Figure, Panel, ProductOperator};
use ketwork::{Rnn2d, Rnn2dParams, rectangle_loop};
use ketwork::{Sampled, Scale, Stream};
use std::process::ExitCode;
use std::sync::Arc;

/// Couplings of the table of exact energies.
const TABLE: [f64; 5] = [0.1, 0.2, 0.3285, 0.5, 1.0];
/// Couplings across the transition.
const ACROSS: [f64; 7] = [0.2, 0.25, 0.3, 1.0 / 3.0, 0.37, 0.42, 0.5];
/// Loops of r by r plaquettes.
const SIDES: [u32; 3] = [1, 2, 3];

fn main() -> ExitCode {
    let (name, toml, takes) = ("z2_gauge", "seed = 7", &[]);
    cli::main(Story { name, toml, takes }, tell)
}

/// The theory on L by L vertices in one winding sector.
fn theory(l: usize, g: f64, winding: [bool; 2]) -> Result<(Links, Model<f64>), Failure> {
    let torus = Lattice::square([l, l], Boundary::Periodic).map_err(Failure::input)?;
    let links = Links::new(&torus).map_err(Failure::input)?;
    let all = Z2Gauge::new(g).on(&torus).map_err(Failure::input)?;
    let checks = [(links.cut(0, 0), winding[0]), (links.cut(1, 0), winding[1])];
    let order = all.sector().order().to_vec();
    let pinned = Arc::new(Parity::new(order, &checks).map_err(Failure::input)?);
    let sector = product(vec![all.sector().clone(), pinned]).map_err(Failure::input)?;
    let model = all.in_sector(sector).map_err(Failure::input)?;
    Ok((links, model))
}

fn wilson(links: &Links, model: &Model<f64>, r: u32) -> Result<ProductOperator<f64>, Failure> {
    let around = rectangle_loop(links, 0, [r as usize; 2]).map_err(Failure::input)?;
    ProductOperator::pauli(*model.space(), &around, Pauli::X).map_err(Failure::input)
}

/// The torus without winding by duality: a spin for each plaquette, its X the flux, its bonds the
/// electric fields, which then obey the Gauss law by themselves. Both parities of the spins are there;
/// the theory is the even one, which holds the ground state.
fn ising(g: f64) -> Tfim {
    Tfim {
        j: g,
        h: 1.0,
        hz: 0.0,
    }
}

/// The loop around r by r plaquettes of 6 by 6: the fluxes inside.
fn inside(model: &Model<f64>, r: u32) -> Result<ProductOperator<f64>, Failure> {
    let sites: Vec<u32> = (0..r * r).map(|i| i % r + 6 * (i / r)).collect();
    ProductOperator::pauli(*model.space(), &sites, Pauli::X).map_err(Failure::input)
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let plan = Plan::new(session, 300, 1024);
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
    let mut large = Large::default();
    let short = Plan {
        steps: plan.steps * 2 / 3,
        ..plan.clone()
    };
    for &g in across {
        large.push(session, &short, g)?;
    }
    draw(session, &large);
    let loops = &large.loops;
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
        .set("energy_per_plaquette", large.energy)
        .set("energy_per_plaquette_dual", large.dual_energy)
        .set("energy_per_plaquette_dual_error", large.dual_error)
        .set("relative_error_large", large.off)
        .set("wilson", of(|p| p.1))
        .set("wilson_error", of(|p| p.2)))
}

/// The torus of 6 by 6 vertices across the couplings, in the sector without winding.
#[derive(Default)]
struct Large {
    /// Energies for each plaquette, and those of the dual Ising model.
    energy: Vec<f64>,
    dual_energy: Vec<f64>,
    dual_error: Vec<f64>,
    off: Vec<f64>,
    /// Loops of each size: (g, mean, error).
    loops: [Vec<(f64, f64, f64)>; 3],
    /// The smallest, from the dual.
    dual_loops: Vec<(f64, f64, f64)>,
    /// Loops of the exact ground state of 3 by 3 vertices.
    small_loops: [Vec<(f64, f64)>; 2],
    /// Parameters of the coupling before.
    last: Option<Vec<f64>>,
}

impl Large {
    fn push(&mut self, session: &Session, plan: &Plan, g: f64) -> Result<(), Failure> {
        let (small_links, small) = theory(3, g, [false; 2])?;
        let ground = ground_state(&small, &LanczosParams::default())?;
        for (r, exact) in SIDES.into_iter().zip(&mut self.small_loops) {
            let w = wilson(&small_links, &small, r)?;
            exact.push((g, expectation(&w, &ground.basis, &ground.vectors[0]).re));
        }
        let torus = Lattice::square([6, 6], Boundary::Periodic).map_err(Failure::input)?;
        let model = ising(g).on(&torus).map_err(Failure::input)?;
        let (order, params) = (model.sector().order(), Rnn2dParams::default());
        let net = Rnn2d::new(*model.space(), (6, 6), order, params).map_err(Failure::input)?;
        // The state at one coupling is a good start at the next.
        let found = train_network(&model, net, plan, self.last.take())?;
        let (dual, dual_loop) = dual(session, g)?;
        let energy = found.energy.mean / 36.0;
        self.energy.push(energy);
        self.dual_energy.push(dual.mean);
        self.dual_error.push(dual.error);
        self.off.push((energy - dual.mean) / dual.mean.abs());
        self.dual_loops.push((g, dual_loop.mean, dual_loop.error));
        session.say(format!(
            "L = 6, g = {g:.4}: E / 36 = {energy:.6}({:.0e}), dual Ising model {dual}, relative \
             error {:.1e}",
            found.energy.error / 36.0,
            self.off[self.off.len() - 1]
        ));
        let shots = plan.stream.named("loops");
        let samples = found.psi.sample(&found.theta, 0..4096, shots);
        let state = Sampled::new(&found.psi, &found.theta, &samples);
        for (r, points) in SIDES.into_iter().zip(&mut self.loops) {
            let w = inside(&model, r)?;
            let w: Estimate = state.expectation(&w).map_err(Failure::computation)?.mean;
            let known = if r == 1 {
                format!(", dual {dual_loop}")
            } else {
                String::new()
            };
            session.say(format!("    Wilson loop of {r} x {r}: {w}{known}"));
            points.push((g, w.mean, w.error));
        }
        self.last = Some(found.theta);
        Ok(())
    }
}

/// Energy for each plaquette and the smallest Wilson loop from Monte Carlo of the dual.
fn dual(session: &Session, g: f64) -> Result<(Estimate, Estimate), Failure> {
    let torus = Lattice::square([6, 6], Boundary::Periodic).map_err(Failure::input)?;
    let model = ising(g).on(&torus).map_err(Failure::input)?;
    let params = SseParams {
        // The odd states mix in by 0.28 / beta at most, 5e-5 of the energy.
        beta: 128.0,
        sweeps: if session.quick { 500 } else { 40_000 },
        ..SseParams::default()
    };
    let report = Sse::new(&model, params)
        .map_err(Failure::input)?
        .run(Stream::new(session.run.seed).named("dual"))
        .map_err(Failure::computation)?;
    let mut plaquette = report.flip_energy_per_site;
    plaquette.mean = -plaquette.mean;
    Ok((report.energy_per_site, plaquette))
}

fn draw(session: &Session, large: &Large) {
    let mut panel = Panel::new("electric coupling g (transition at 0.3285)", "⟨W(r, r)⟩")
        .scales(Scale::Linear, Scale::Log)
        .x_reaches(0.2, 0.62);
    for (r, points) in SIDES.iter().zip(&large.loops) {
        panel = panel.points(&format!("{r} x {r}, L = 6"), points.clone());
        if *r == 1 {
            let dual = large.dual_loops.iter().map(|&(g, w, _)| (g, w));
            panel = panel.same_colour().line("1 x 1, L = 6, Monte Carlo", dual);
        }
    }
    for (r, points) in SIDES.iter().zip(&large.small_loops) {
        panel = panel.line(&format!("{r} x {r}, L = 3 exact"), points.clone());
    }
    let figure = Figure::new("Z2 gauge theory: Wilson loops across confinement").panel(panel);
    session.draw(&figure, "z2_gauge.png");
}
