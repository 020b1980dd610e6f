//! Which conformal theory lives on a chain of Fibonacci anyons? Energies of rings of 8 to 16 anyons
//! against exact ones, rings of 24 and 32 carried over from them, the central charge from energies
//! and from entropies, the exactly solvable Majumdar-Ghosh point, and the gaps between the charge
//! sectors of open chains: of Fibonacci anyons, and of spins 1/2 in the basis of their total spins, whose
//! labels know the string order of the spins.

mod cli;

use cli::{Failure, Line, Plan, Session, Story, Trained, carried, train};
use ketwork::exact::{LanczosParams, Levels, Memory, expectation, ground_state, renyi2};
use ketwork::hamiltonians::{Boundary, GoldenChain, Heisenberg, Lattice, Model, OnSpace};
use ketwork::run::{GroundStateRun, RunOptions};
use ketwork::{Ancestral, EnergyScaling, EntropyScaling, Estimate, Figure, Panel, Sampled};
use ketwork::{Positions, ProductOperator, Swap};
use std::f64::consts::PI;
use std::process::ExitCode;

/// Rings with an exact twin.
const RINGS: [usize; 5] = [8, 10, 12, 14, 16];
/// Rings that are started from the one before.
const LONGER: [usize; 2] = [24, 32];
/// Relative error of the energy of a long ring from which its central charge can be read.
const GOOD: f64 = 2e-5;

fn main() -> ExitCode {
    let (name, toml, takes) = ("golden_chain", "seed = 3", &[]);
    cli::main(Story { name, toml, takes }, tell)
}

fn chain(model: GoldenChain, n: usize, boundary: Boundary) -> Result<Model<f64>, Failure> {
    let lattice = Lattice::chain(n, boundary).map_err(Failure::input)?;
    model.on(&lattice).map_err(Failure::input)
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let plan = Plan::new(session, 500, 2304);
    let mut rings = Rings::default();
    let sixteen = rings.train(session, &plan)?;
    let scaling = EnergyScaling {
        velocity: velocity(),
        bulk: Some(bulk()),
        correction: true,
    };
    let fit = |points: &[_]| scaling.fit(points).map_err(Failure::computation);
    let (c, c_exact) = (fit(&rings.found)?.c, fit(&rings.exact)?.c.mean);
    session.say(format!(
        "c from the energies of 8 to 16: {c}, from exact ones {c_exact:.4}, theory 7/10"
    ));
    let longest = rings.carry(session, &plan, &sixteen)?;
    // 16 shows its own blocks, the longest ring what they say of c.
    let small = blocks(session, &plan, &sixteen.0, RINGS[4], Some(&sixteen.1))?;
    let large = blocks(session, &plan, &longest, LONGER[1], None)?;
    let point = majumdar_ghosh(session)?;
    let solved = -10.0 * (golden() / 2.0).atan().sin();
    session.say(format!(
        "Majumdar-Ghosh point, ring of 10: E = {point}, exact {solved:.8}"
    ));
    let anyons = charges(session, &plan, GoldenChain::default(), 12)?;
    // SU(2)_k of a large k: the Heisenberg chain in the basis of total spins, E = - sum P.
    let spins = GoldenChain {
        level: 100_000,
        ..GoldenChain::default()
    };
    let spins = charges(session, &plan, spins, 16)?;
    let strings = string_order(session, &plan, &spins.lowest, 16)?;
    draw(session, &rings, &small, &large);
    Ok(Line::new()
        .set(
            "sizes",
            RINGS.iter().chain(&LONGER).copied().collect::<Vec<_>>(),
        )
        .set("relative_error", rings.off)
        .set("c_energy", c.mean)
        .set("c_energy_error", c.error)
        .set("c_energy_exact", c_exact)
        .set(
            "c_of_long_rings",
            rings
                .c
                .iter()
                .map(|c| c.map(|c| c.mean))
                .collect::<Vec<_>>(),
        )
        .set(
            "c_of_long_rings_error",
            rings
                .c
                .iter()
                .map(|c| c.map(|c| c.error))
                .collect::<Vec<_>>(),
        )
        .set("c_entropy", large.c.mean)
        .set("c_entropy_error", large.c.error)
        .set("majumdar_ghosh", point.mean)
        .set("majumdar_ghosh_exact", solved)
        .set("charge_gap", anyons.gap)
        .set("charge_gap_exact", anyons.exact)
        .set("spin_gap", spins.gap)
        .set("spin_gap_exact", spins.exact)
        .set("string_order", strings))
}

/// Energies of rings, their exact twins or what the conformal theory says, and relative errors.
#[derive(Default)]
struct Rings {
    found: Vec<(usize, Estimate)>,
    exact: Vec<(usize, Estimate)>,
    off: Vec<f64>,
    /// The central charge from the energy of one long ring each, where that is good enough.
    c: Vec<Option<Estimate>>,
}

impl Rings {
    /// Rings with an exact twin; returns the longest.
    fn train(&mut self, session: &Session, plan: &Plan) -> Result<(Trained, Levels<f64>), Failure> {
        let mut last = None;
        for n in RINGS {
            let model = chain(GoldenChain::default(), n, Boundary::Periodic)?;
            let ground = ground_state(&model, &LanczosParams::default())?;
            let (exact, found) = (ground.energies[0], train(&model, plan, None)?);
            let off = (found.energy.mean - exact) / exact.abs();
            session.say(format!(
                "ring of {n}: E = {}, exact {exact:.8}, relative error {off:.1e}",
                found.energy
            ));
            self.found.push((n, found.energy));
            self.exact.push((n, Estimate::exact(exact)));
            self.off.push(off);
            last = Some((found, ground));
        }
        last.ok_or_else(|| Failure::computation("no ring was trained"))
    }

    /// Longer rings, each started from the one before; returns the longest.
    fn carry(
        &mut self,
        session: &Session,
        plan: &Plan,
        (sixteen, _): &(Trained, Levels<f64>),
    ) -> Result<Trained, Failure> {
        let mut last: Option<Trained> = None;
        let mut from = RINGS[RINGS.len() - 1];
        for n in LONGER {
            let model = chain(GoldenChain::default(), n, Boundary::Periodic)?;
            let positions = Positions::chain(from, n, 2).map_err(Failure::computation)?;
            let start = carried(last.as_ref().unwrap_or(sixteen), &positions, &model, plan)?;
            let found = train(&model, plan, Some(start))?;
            let length = n as f64;
            let known = length * bulk() - PI * 0.7 * velocity() / (6.0 * length);
            let off = (found.energy.mean - known) / known.abs();
            let one = EnergyScaling {
                velocity: velocity(),
                bulk: Some(bulk()),
                correction: false,
            };
            let c = one
                .fit(&[(n, found.energy)])
                .map_err(Failure::computation)?
                .c;
            session.say(format!(
                "ring of {n}: E = {}, e N - pi c v / 6 N = {known:.5}, relative error {off:.1e}, \
                 variance {:.1e}; {}",
                found.energy,
                found.variance,
                match off.abs() <= GOOD {
                    true => format!("c from this energy: {c}"),
                    false => format!("too far off for c, which asks for {GOOD:.0e}"),
                }
            ));
            self.found.push((n, found.energy));
            self.off.push(off);
            self.c.push((off.abs() <= GOOD).then_some(c));
            (last, from) = (Some(found), n);
        }
        last.ok_or_else(|| Failure::computation("no long ring was trained"))
    }
}

/// Entropies of blocks and the central charge of the even ones.
struct Blocks {
    found: Vec<(usize, Estimate)>,
    exact: Vec<(f64, f64)>,
    c: Estimate,
}

/// Renyi-2 entropies of blocks of labels, each from shots of its own.
fn blocks(
    session: &Session,
    plan: &Plan,
    state: &Trained,
    n: usize,
    exact: Option<&Levels<f64>>,
) -> Result<Blocks, Failure> {
    let (mut found, mut twins) = (Vec::new(), Vec::new());
    // Odd and even blocks lie on two curves; half of the long ring is enough for the logarithm.
    let lengths: Vec<usize> = match exact {
        Some(_) => (1..=n / 2).collect(),
        None => (2..=n / 2).step_by(2).collect(),
    };
    let shots = if session.quick { 1024 } else { 65_536 };
    for l in lengths {
        let stream = plan.stream.named("blocks").numbered((n * n + l) as u64);
        let samples = state.psi.sample(&state.theta, 0..shots, stream);
        let region: Vec<usize> = (0..l).collect();
        let sampled = Sampled::new(&state.psi, &state.theta, &samples);
        let s2 = sampled.renyi2(&region, &Swap::default());
        let s2 = s2.map_err(Failure::computation)?.entropy;
        let mut twin = String::new();
        if let Some(ground) = exact {
            let known = renyi2(
                &ground.basis,
                &ground.vectors[0],
                &region,
                Memory::default(),
            )?;
            twin = format!(", exact {known:.5}");
            twins.push((l as f64, known));
        }
        session.say(format!(
            "ring of {n}: Renyi-2 entropy of {l} labels: {s2}{twin}"
        ));
        found.push((l, s2));
    }
    let scaling = EntropyScaling {
        n_sites: n,
        index: 2.0,
        is_ring: true,
    };
    let even: Vec<_> = found.iter().filter(|b| b.0 % 2 == 0).copied().collect();
    let c = scaling.fit(&even).map_err(Failure::computation)?.c;
    session.say(format!(
        "ring of {n}: c from the entropies of even blocks: {c}"
    ));
    Ok(Blocks {
        found,
        exact: twins,
        c,
    })
}

/// The gap between charge 0 and charge 1 of an open chain, trained and exact.
struct Charges {
    gap: f64,
    exact: f64,
    /// The state of charge 0.
    lowest: Trained,
}

fn charges(
    session: &Session,
    plan: &Plan,
    model: GoldenChain,
    n: usize,
) -> Result<Charges, Failure> {
    let (mut found, mut exact) = (Vec::new(), Vec::new());
    let mut lowest = None;
    for twice in [0, 2] {
        let twice_charge = Some(twice);
        let sector = chain(
            GoldenChain {
                twice_charge,
                ..model
            },
            n,
            Boundary::Open,
        )?;
        let twin = ground_state(&sector, &LanczosParams::default())?.energies[0];
        let trained = train(&sector, plan, None)?;
        let energy = trained.energy;
        lowest.get_or_insert(trained);
        session.say(format!(
            "open chain of {n} at level {}, charge {}: E = {energy}, exact {twin:.8}, relative \
             error {:.1e}",
            model.level,
            twice / 2,
            (energy.mean - twin) / twin.abs()
        ));
        found.push(energy.mean);
        exact.push(twin);
    }
    let (gap, exact) = (found[1] - found[0], exact[1] - exact[0]);
    session.say(format!(
        "    gap from charge 0 to 1: {gap:.5}, exact {exact:.5}"
    ));
    let lowest = lowest.ok_or_else(|| Failure::computation("no charge was trained"))?;
    Ok(Charges { gap, exact, lowest })
}

/// String order of the first l spins, $\langle e^{i \pi (S^z_1 + \dots + S^z_l)} \rangle$, 1 where
/// they pair into singlets (K. Hida, Phys. Rev. B 45, 2207 (1992)). A rotation by pi of total spin j has
/// the trace $(-1)^j$, so that its mean over all axes, which a singlet does not notice, is $(-1)^j / (2j + 1)$:
/// one label of the path tells what is a product over l sites in the basis of S^z, where the exact number
/// comes from.
fn string_order(
    session: &Session,
    plan: &Plan,
    singlet: &Trained,
    n: usize,
) -> Result<Line, Failure> {
    let open = Lattice::chain(n, Boundary::Open).map_err(Failure::input)?;
    let spins = Heisenberg::default().on(&open).map_err(Failure::input)?;
    let ground = ground_state(&spins, &LanczosParams::default())?;
    let shots = if session.quick { 1024 } else { 65_536 };
    let stream = plan.stream.named("strings");
    let samples = singlet.psi.sample(&singlet.theta, 0..shots, stream);
    let sampled = Sampled::new(&singlet.psi, &singlet.theta, &samples);
    let space = *singlet.psi.space();
    // At even positions the value of a label is j.
    let by_label: Vec<f64> = (0..space.local_dim)
        .map(|j| [1.0, -1.0][j % 2] / (2 * j + 1) as f64)
        .collect();
    let (mut lengths, mut found, mut errors, mut exact) = (vec![], vec![], vec![], vec![]);
    for l in (2..n).step_by(2) {
        let label = ProductOperator::diagonal(space, &[(l as u32, &by_label)]);
        let label = label.map_err(Failure::computation)?;
        let mean = sampled.expectation(&label).map_err(Failure::computation)?;
        let mean: Estimate = mean.mean;
        let z = [1.0, -1.0];
        let string = ProductOperator::string_order(*spins.space(), (0, l as u32 - 1), &z, &z);
        let string = string.map_err(Failure::computation)?;
        // A product of Z is that of all 2 S^z: i for each spin is left.
        let sign = if l % 4 == 0 { 1.0 } else { -1.0 };
        let twin = sign * expectation(&string, &ground.basis, &ground.vectors[0]).re;
        session.say(format!(
            "string order of the first {l} of {n} spins: {mean}, exact {twin:.5}"
        ));
        lengths.push(l);
        found.push(mean.mean);
        errors.push(mean.error);
        exact.push(twin);
    }
    Ok(Line::new()
        .set("length", lengths)
        .set("mean", found)
        .set("error", errors)
        .set("exact", exact))
}

/// Energy of each anyon of the infinite chain.
fn bulk() -> f64 {
    5f64.sqrt() - 3.0
}

fn velocity() -> f64 {
    5.0 * (PI / 5.0).sin() / golden()
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

fn draw(session: &Session, rings: &Rings, small: &Blocks, large: &Blocks) {
    let of_n = |&(n, e): &(usize, Estimate)| {
        let n = n as f64;
        (1.0 / (n * n), e.mean / n, e.error / n)
    };
    let of_l = |&(l, s): &(usize, Estimate)| (l as f64, s.mean, s.error);
    let line = [0.0, 1.0 / 64.0].map(|x| (x, bulk() - PI * 0.7 * velocity() * x / 6.0));
    let figure = Figure::new("Golden chain: a tricritical Ising theory, c = 7/10")
        .panel(
            Panel::new("1 / N²", "E / N")
                .line("c = 7/10", line)
                .points("transformer", rings.found.iter().map(of_n)),
        )
        .panel(
            Panel::new("labels of the block", "S2 (nats)")
                .x_reaches(1.0, 17.5)
                .line("ring of 16, exact", small.exact.clone())
                .same_colour()
                .points("ring of 16", small.found.iter().map(of_l))
                .points("ring of 32", large.found.iter().map(of_l)),
        );
    session.draw(&figure, "golden_chain.png");
}
