//! Does the vacuum of a U(1) gauge theory break charge conjugation? The quantum link ring of 12
//! vertices against exact energies as the mass changes, through the transition at m = 0.655 w, a ring of
//! 48 from the network trained on 12, and the gaps to the sectors that no dynamics reaches: two static
//! charges, and the fields beyond the ends of an open chain.

mod cli;

use cli::{Failure, Line, Plan, Session, Story, carried, train};
use ketwork::exact::{LanczosParams, expectation, lowest};
use ketwork::hamiltonians::{Boundary, Lattice, LinkChain, Model, QuantumLink};
use ketwork::{Ancestral, Estimate, Figure, Panel, Positions, Sampled, fit_linear};
use std::process::ExitCode;

const MASSES: [f64; 7] = [-1.0, -0.5, 0.0, 0.4, 0.655, 0.8, 1.0];
const CRITICAL: f64 = 0.655;
const LARGE: usize = 48;
/// Which of the masses have their sectors compared, one in each phase of the vacuum: 0 and 1.
const COMPARED: [usize; 2] = [2, 6];

fn main() -> ExitCode {
    let (name, toml, takes) = ("quantum_link", "seed = 3", &[]);
    cli::main(Story { name, toml, takes }, tell)
}

fn ring(n: usize, m: f64) -> Result<(Lattice, Model<f64>), Failure> {
    let ring = Lattice::chain(n, Boundary::Periodic).map_err(Failure::input)?;
    let model = QuantumLink::new(m).on(&ring).map_err(Failure::input)?;
    Ok((ring, model))
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let plan = Plan::new(session, 300, 1024);
    let (mut off, mut gaps, mut points, mut line) = (vec![], vec![], vec![], vec![]);
    let (mut critical, mut vacua) = (None, vec![]);
    for m in MASSES {
        let (lattice, model) = ring(12, m)?;
        let exact = lowest(&model, 2, &LanczosParams::default())?;
        let found = train(&model, &plan, None)?;
        let pairs = QuantumLink::particle_density(&lattice).map_err(Failure::input)?;
        let samples = found
            .psi
            .sample(&found.theta, 0..16_384, plan.stream.named("pairs"));
        let density: Estimate = Sampled::new(&found.psi, &found.theta, &samples)
            .expectation(&pairs)
            .map_err(Failure::computation)?
            .mean;
        let twin = expectation(&pairs, &exact.basis, &exact.vectors[0]).re;
        let (e, gap) = (exact.energies[0], exact.energies[1] - exact.energies[0]);
        off.push((found.energy.mean - e) / e.abs());
        gaps.push(gap);
        vacua.push((found.energy, e));
        points.push((m, density.mean, density.error));
        line.push((m, twin));
        session.say(format!(
            "N = 12, m = {m:6.3}: E = {}, exact {e:.6}, relative error {:.1e}, gap {gap:.6}; \
             pairs {density}, exact {twin:.5}",
            found.energy,
            off[off.len() - 1]
        ));
        if m == CRITICAL {
            critical = Some(found);
        }
    }
    let small = critical.ok_or_else(|| Failure::computation("no critical mass in the scan"))?;
    let expected = extrapolated()?;
    let large = ring(LARGE, CRITICAL)?.1;
    let positions = Positions::chain(12, LARGE, 2).map_err(Failure::computation)?;
    let start = carried(&small, &positions, &large, &plan)?;
    let short = Plan {
        steps: plan.steps / 3,
        ..plan.clone()
    };
    let found = train(&large, &short, Some(start))?;
    let density = found.energy.mean / LARGE as f64;
    session.say(format!(
        "N = {LARGE}, m = {CRITICAL}: E / N = {density:.6}({:.0e}), from exact rings of 12, 14, 16: \
         {expected:.6}, relative {:.1e}",
        found.energy.error / LARGE as f64,
        (density - expected) / expected.abs()
    ));
    let mut sectors = Vec::new();
    for k in COMPARED.into_iter().skip(usize::from(session.quick)) {
        sectors.push(sectors_of(session, &plan, MASSES[k], vacua[k])?);
    }
    draw(session, (points, line), &sectors);
    Ok(Line::new()
        .set("m", MASSES.to_vec())
        .set("relative_error", off)
        .set("gaps", gaps)
        .set("energy_density_48", density)
        .set("energy_density_48_error", found.energy.error / LARGE as f64)
        .set("energy_density_48_extrapolated", expected)
        .set(
            "sectors",
            sectors
                .iter()
                .flatten()
                .map(Level::line)
                .collect::<Vec<_>>(),
        ))
}

/// The lowest level of a sector, and how far it lies above the sector that it is compared with.
struct Level {
    name: String,
    m: f64,
    /// Distance of the two static charges of a ring, 0 without them.
    distance: Option<usize>,
    energy: Estimate,
    exact: f64,
    gap: f64,
    gap_error: f64,
    gap_exact: f64,
}

impl Level {
    /// The level of an energy and its exact twin; the one below all has no gap to itself.
    fn over(
        ground: Option<&Self>,
        (m, name): (f64, String),
        (energy, exact): (Estimate, f64),
    ) -> Self {
        Self {
            name,
            m,
            distance: None,
            energy,
            exact,
            gap: ground.map_or(0.0, |g| energy.mean - g.energy.mean),
            gap_error: ground.map_or(0.0, |g| g.energy.error.hypot(energy.error)),
            gap_exact: ground.map_or(0.0, |g| exact - g.exact),
        }
    }

    fn line(&self) -> Line {
        Line::new()
            .set("name", self.name.as_str())
            .set("energy", self.energy.mean)
            .set("energy_error", self.energy.error)
            .set("exact", self.exact)
            .set("gap", self.gap)
            .set("gap_error", self.gap_error)
            .set("gap_exact", self.gap_exact)
    }
}

/// Charges -1 on an odd and +1 on an even vertex of a ring of 12, which no matter screens, over the ring
/// without them, whose energy and exact twin are `vacuum`; and the fields beyond the ends of an open chain
/// of 12, over the lowest of them.
fn sectors_of(
    session: &Session,
    plan: &Plan,
    m: f64,
    vacuum: (Estimate, f64),
) -> Result<Vec<Level>, Failure> {
    const N: usize = 12;
    let mut levels = vec![Level::over(None, (m, format!("m = {m}, ring")), vacuum)];
    levels[0].distance = Some(0);
    for r in if session.quick { &[1][..] } else { &[1, 3, 5] } {
        let mut charges = [0; N];
        (charges[1], charges[1 + r]) = (-1, 1);
        let name = format!("m = {m}, ring, charges at distance {r}");
        let sector = LinkChain::ring(1, &charges).map_err(Failure::input)?;
        let mut level = lowest_of(session, plan, (m, name), sector, levels.first())?;
        level.distance = Some(*r);
        levels.push(level);
    }
    // Pairs are born on the links of one parity: with -1/2 beyond both ends there is one more of them.
    let mut open: Vec<Level> = Vec::new();
    for (ends, word) in [
        ([-1, -1], "-1/2 and -1/2"),
        ([1, 1], "+1/2 and +1/2"),
        ([-1, 1], "-1/2 and +1/2"),
    ] {
        let name = format!("m = {m}, open chain, ends {word}");
        let sector = LinkChain::open(1, &[0; N], ends).map_err(Failure::input)?;
        open.push(lowest_of(session, plan, (m, name), sector, open.first())?);
    }
    levels.extend(open);
    Ok(levels)
}

/// Trains the lowest state of a sector, and diagonalises.
fn lowest_of(
    session: &Session,
    plan: &Plan,
    (m, name): (f64, String),
    sector: LinkChain,
    ground: Option<&Level>,
) -> Result<Level, Failure> {
    let model = QuantumLink::new(m).in_sector(sector);
    let model = model.map_err(Failure::input)?;
    let exact = lowest(&model, 1, &LanczosParams::default())?.energies[0];
    let energy = train(&model, plan, None)?.energy;
    let level = Level::over(ground, (m, name), (energy, exact));
    let gap = match ground {
        Some(_) => format!(
            "; gap {:.6}({:.0e}), exact {:.6}",
            level.gap, level.gap_error, level.gap_exact
        ),
        None => String::new(),
    };
    session.say(format!(
        "{}: E = {energy}, exact {exact:.6}{gap}",
        level.name
    ));
    Ok(level)
}

type Pairs = (Vec<(f64, f64, f64)>, Vec<(f64, f64)>);

fn draw(session: &Session, (points, line): Pairs, sectors: &[Vec<Level>]) {
    let pairs = Panel::new(
        "staggered mass m / w (transition at 0.655)",
        "pairs for each vertex",
    )
    .line("exact, N = 12", line)
    .same_colour()
    .points("transformer", points);
    let mut charges =
        Panel::new("distance of two static charges", "energy over the vacuum").x_reaches(0.0, 6.5);
    for group in sectors {
        let on_ring = || group.iter().filter_map(|l| Some((l.distance? as f64, l)));
        let name = group
            .first()
            .map_or(String::new(), |l| format!("m = {}", l.m));
        charges = charges
            .line("", on_ring().map(|(r, l)| (r, l.gap_exact)))
            .same_colour()
            .points(&name, on_ring().map(|(r, l)| (r, l.gap, l.gap_error)));
    }
    let figure = Figure::new("Quantum link ring of 12: transformer and exact (lines)");
    session.draw(&figure.panel(pairs).panel(charges), "quantum_link.png");
}

/// E / N = a + b / N^2 + c / N^4 through the exact rings of 12, 14 and 16, at N = 48.
fn extrapolated() -> Result<f64, Failure> {
    let (mut model, mut values) = (Vec::new(), Vec::new());
    for n in [12, 14, 16] {
        let (_, ring) = ring(n, CRITICAL)?;
        let e = lowest(&ring, 1, &LanczosParams::default())?.energies[0] / n as f64;
        let x = 1.0 / (n * n) as f64;
        model.push(vec![1.0, x, x * x]);
        values.push(Estimate::exact(e));
    }
    let fit = fit_linear(&model, &values).map_err(Failure::computation)?;
    let x = 1.0 / (LARGE * LARGE) as f64;
    let a: Vec<f64> = fit.coefficients.iter().map(|c| c.mean).collect();
    Ok(a[0] + a[1] * x + a[2] * x * x)
}
