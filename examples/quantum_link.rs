//! Does the vacuum of a U(1) gauge theory break charge conjugation? The quantum link ring of 12
//! vertices against exact energies as the mass changes, through the transition at m = 0.655 w, and a
//! ring of 48 from the network trained on 12.

mod cli;

use cli::{Failure, Line, Plan, Session, Story, carried, train};
use ketwork::exact::{LanczosParams, expectation, lowest};
use ketwork::hamiltonians::{Boundary, Lattice, Model, QuantumLink};
use ketwork::{Ancestral, Estimate, Figure, Panel, Positions, Sampled, fit_linear};
use std::process::ExitCode;

const MASSES: [f64; 7] = [-1.0, -0.5, 0.0, 0.4, 0.655, 0.8, 1.0];
const CRITICAL: f64 = 0.655;
const LARGE: usize = 48;

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
    let mut critical = None;
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
    let panel = Panel::new(
        "staggered mass m / w (transition at 0.655)",
        "pairs for each vertex",
    )
    .line("exact, N = 12", line)
    .points("transformer", points);
    let figure = Figure::new("Quantum link ring: pairs in the vacuum");
    session.draw(&figure.panel(panel), "quantum_link.png");
    Ok(Line::new()
        .set("m", MASSES.to_vec())
        .set("relative_error", off)
        .set("gaps", gaps)
        .set("energy_density_48", density)
        .set("energy_density_48_error", found.energy.error / LARGE as f64)
        .set("energy_density_48_extrapolated", expected))
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
