//! Which conformal theory lives on a chain of Fibonacci anyons? Energies of rings of 8 to 16 anyons
//! against exact ones, the central charge from energies and from entropies, the exactly solvable
//! Majumdar-Ghosh point, and the gap between the charge sectors of an open chain.

mod cli;

use cli::{Failure, Line, Plan, Session, Story, train};
use ketwork::exact::{LanczosParams, Memory, ground_state, renyi2};
use ketwork::hamiltonians::{Boundary, GoldenChain, Lattice, Model};
use ketwork::run::{GroundStateRun, RunOptions};
use ketwork::{Ancestral, EnergyScaling, EntropyScaling, Estimate, Figure, Panel, Sampled};
use ketwork::{Stream, Swap, TransformerParams};
use std::f64::consts::PI;
use std::process::ExitCode;

const RINGS: [usize; 5] = [8, 10, 12, 14, 16];

fn main() -> ExitCode {
    let (name, toml, takes) = ("golden_chain", "seed = 3", &[]);
    cli::main(Story { name, toml, takes }, tell)
}

fn chain(n: usize, boundary: Boundary, twice_charge: Option<usize>) -> Result<Model<f64>, Failure> {
    let lattice = Lattice::chain(n, boundary).map_err(Failure::input)?;
    let model = GoldenChain {
        twice_charge,
        ..GoldenChain::default()
    };
    model.on(&lattice).map_err(Failure::input)
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let plan = Plan {
        params: TransformerParams {
            layers: 2,
            width: 16,
            heads: 2,
        },
        steps: session.run.optimizer.steps.unwrap_or(500),
        samples: session.run.sampling.samples.unwrap_or(1024),
        stream: Stream::new(session.run.seed),
    };
    let lanczos = LanczosParams::default();
    let (mut rings, mut twins, mut off, mut last) = (vec![], vec![], vec![], None);
    for n in RINGS {
        let model = chain(n, Boundary::Periodic, None)?;
        let ground = ground_state(&model, &lanczos)?;
        let (exact, found) = (ground.energies[0], train(&model, &plan, None)?);
        off.push((found.energy.mean - exact) / exact.abs());
        session.say(format!(
            "ring of {n}: E = {}, exact {exact:.8}, relative error {:.1e}",
            found.energy,
            off[off.len() - 1]
        ));
        rings.push((n, found.energy));
        let exact = |mean| Estimate {
            mean,
            error: 0.0,
            tau: 0.5,
            n: 1,
        };
        twins.push((n, exact(ground.energies[0])));
        last = Some((found, ground));
    }
    let scaling = EnergyScaling {
        velocity: 5.0 * (PI / 5.0).sin() / golden(),
        bulk: Some(5f64.sqrt() - 3.0),
        correction: true,
    };
    let fit = |points: &[_]| scaling.fit(points).map_err(Failure::computation);
    let (c, c_exact) = (fit(&rings)?.c, fit(&twins)?.c.mean);
    session.say(format!(
        "c from these energies: {c}, from exact ones {c_exact:.4}, theory 7/10"
    ));

    // Entropies of blocks of labels, each from shots of its own.
    let (found, ground) = last.ok_or_else(|| Failure::computation("no ring was trained"))?;
    let (mut blocks, mut curve) = (Vec::new(), Vec::new());
    for l in 1..=8_usize {
        let stream = plan.stream.named("blocks").numbered(l as u64);
        let samples = found.psi.sample(&found.theta, 0..16_384, stream);
        let region: Vec<usize> = (0..l).collect();
        let state = Sampled::new(&found.psi, &found.theta, &samples);
        let s2 = state.renyi2(&region, &Swap::default());
        let s2 = s2.map_err(Failure::computation)?.entropy;
        let exact = renyi2(
            &ground.basis,
            &ground.vectors[0],
            &region,
            Memory::default(),
        )?;
        session.say(format!(
            "Renyi-2 entropy of {l} labels: {s2}, exact {exact:.5}"
        ));
        blocks.push((l, s2));
        curve.push((l as f64, exact));
    }
    let entropies = EntropyScaling {
        n_sites: 16,
        index: 2.0,
        is_ring: true,
    };
    let c_entropy = entropies.fit(&blocks[1..]).map_err(Failure::computation)?;
    session.say(format!("c from these entropies: {}", c_entropy.c));

    let (point, solved) = (
        majumdar_ghosh(session)?,
        -10.0 * (golden() / 2.0).atan().sin(),
    );
    session.say(format!(
        "Majumdar-Ghosh point, ring of 10: E = {point}, exact {solved:.8}"
    ));
    let mut charges = Vec::new();
    for twice in [0, 2] {
        let model = chain(12, Boundary::Open, Some(twice))?;
        let exact = ground_state(&model, &lanczos)?.energies[0];
        charges.push((train(&model, &plan, None)?.energy, exact));
    }
    let gap = charges[1].0.mean - charges[0].0.mean;
    let gap_exact = charges[1].1 - charges[0].1;
    session.say(format!(
        "open chain of 12: gap from charge 0 to charge 1 is {gap:.5}, exact {gap_exact:.5}"
    ));
    let of_n = |&(n, e): &(usize, Estimate)| {
        let n = n as f64;
        (1.0 / (n * n), e.mean / n, e.error / n)
    };
    let line =
        [0.0, 1.0 / 64.0].map(|x| (x, 5f64.sqrt() - 3.0 - PI * 0.7 * scaling.velocity * x / 6.0));
    let figure = Figure::new("Golden chain: a tricritical Ising theory, c = 7/10")
        .panel(
            Panel::new("1 / N²", "E / N")
                .line("c = 7/10", line)
                .points("transformer", rings.iter().map(of_n)),
        )
        .panel(
            Panel::new("labels of the block, ring of 16", "S2 (nats)")
                .x_reaches(1.0, 9.5)
                .line("exact", curve)
                .points(
                    "transformer",
                    blocks.iter().map(|&(l, s)| (l as f64, s.mean, s.error)),
                ),
        );
    session.draw(&figure, "golden_chain.png");
    Ok(Line::new()
        .set("sizes", RINGS.to_vec())
        .set("relative_error", off)
        .set("c_energy", c.mean)
        .set("c_energy_error", c.error)
        .set("c_energy_exact", c_exact)
        .set("c_entropy", c_entropy.c.mean)
        .set("c_entropy_error", c_entropy.c.error)
        .set("majumdar_ghosh", point.mean)
        .set("majumdar_ghosh_exact", solved)
        .set("charge_gap", gap)
        .set("charge_gap_exact", gap_exact))
}

/// $(1 + \sqrt5)/2$.
fn golden() -> f64 {
    (1.0 + 5f64.sqrt()) / 2.0
}

/// Its Hamiltonian has elements of both signs: a run file chooses a network with phases.
fn majumdar_ghosh(session: &Session) -> Result<Estimate, Failure> {
    let mut run = session.run.clone();
    let section = format!(
        "[hamiltonian]\nmodel = \"golden_chain\"\ntheta = {}\nlattice = \
         {{ kind = \"chain\", extent = [10], boundary = \"periodic\" }}",
        (golden() / 2.0).atan()
    );
    let parsed: ketwork::RunFile = section.parse()?;
    run.hamiltonian = parsed.hamiltonian;
    Ok(GroundStateRun::new(run)?
        .run(&RunOptions::default())?
        .estimate)
}
