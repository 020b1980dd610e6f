//! What a Monte Carlo sweep costs against $\beta N$: links of kagome in the blockaded space at
//! detuning 3, and Ising chains at their critical field.
//!
//! `sse_scaling [PICTURE.png] [--quick]` prints tables and draws both against a straight line.

use ketwork::hamiltonians::{Boundary, Lattice, LatticeKind, Model, Rydberg, Tfim};
use ketwork::sse::{Sse, SseParams};
use ketwork::{Figure, Panel, Scale, Stream};
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let quick = words.iter().any(|w| w == "--quick");
    let picture = words.iter().find(|w| !w.starts_with("--"));
    let mut panel = Panel::new("βN / Ω or βN / J", "CPU milliseconds of a sweep")
        .scales(Scale::Log, Scale::Log);
    let betas: &[f64] = if quick {
        &[5.0]
    } else {
        &[5.0, 10.0, 20.0, 40.0]
    };

    let mut kagome = Vec::new();
    for l in [2, 4, 6, 8] {
        let torus = Lattice::new(LatticeKind::KagomeLink, &[l, l], &[Boundary::Periodic])?;
        for &beta in betas {
            kagome.push(measure(
                &Rydberg::new(3.0).on(&torus)?,
                torus.n_sites(),
                beta,
                quick,
            )?);
        }
    }
    let mut ising = Vec::new();
    for n in [32, 64, 128, 256] {
        let ring = Lattice::chain(n, Boundary::Periodic)?;
        for &beta in betas {
            ising.push(measure(&Tfim::new(1.0).on(&ring)?, n, beta, quick)?);
        }
    }
    for (name, points) in [("kagome links", kagome), ("Ising chains", ising)] {
        let exponent = slope(&points);
        println!("{name}: sweep ~ (beta N)^{exponent:.3}");
        let last = points
            .iter()
            .fold((1.0, 1.0), |a, &b| if b.0 > a.0 { b } else { a });
        let mut ends: Vec<f64> = points.iter().map(|p| p.0).collect();
        ends.sort_by(f64::total_cmp);
        let line = ends.iter().map(|&x| (x, last.1 * x / last.0));
        panel = panel
            .line(&format!("{name}, linear"), line.collect::<Vec<_>>())
            .points(name, points.iter().map(|&(x, t)| (x, t, 0.0)));
    }
    if let Some(path) = picture {
        let figure = Figure::new("A sweep of the stochastic series expansion");
        figure.panel(panel).write(Path::new(path))?;
    }
    Ok(())
}

/// $\beta N$ and CPU milliseconds of a measured sweep of one replica.
fn measure(
    model: &Model<f64>,
    n: usize,
    beta: f64,
    quick: bool,
) -> Result<(f64, f64), Box<dyn Error>> {
    let size = beta * n as f64;
    // About a second for each point.
    let sweeps = (if quick { 1e5 } else { 2e6 } / size) as u64 + 128;
    let params = SseParams {
        beta,
        thermalization: 500.max(sweeps / 8),
        sweeps,
        replicas: 1,
        ..SseParams::default()
    };
    let r = Sse::new(model, params)?.run(Stream::new(1))?;
    let milliseconds = 1e3 / r.sweeps_per_cpu_second;
    println!(
        "N {n}, beta {beta}: beta N = {size}, {milliseconds:.4} ms, {:.0} slots, {:.1} M slots/s",
        r.slots,
        r.slots_per_cpu_second / 1e6
    );
    Ok((size, milliseconds))
}

/// Least-squares exponent of a power law.
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let mean = |f: fn(&(f64, f64)) -> f64| points.iter().map(f).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0.ln()), mean(|p| p.1.ln()));
    let both: f64 = points.iter().map(|p| (p.0.ln() - x) * (p.1.ln() - y)).sum();
    let square: f64 = points.iter().map(|p| (p.0.ln() - x).powi(2)).sum();
    both / square
}
