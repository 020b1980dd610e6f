//! What a VMC step costs against the size, and with two threads: CPU seconds of the step, wall-clock
//! seconds of its parts on one thread, for the transformer of the comparisons on rings of 16 to 128
//! sites, 1024 samples.
//!
//! `scaling [PICTURE.png] [--quick]` prints tables and draws the step against N with the expected
//! exponents beside it.

use ketwork::{
    Figure, GroundState, Independent, MinSr, Panel, Report, Scale, Stopwatch, Stream,
    peak_memory_mb,
};
use ketwork_benches::{Case, SAMPLES, pool};
use std::error::Error;
use std::path::Path;

/// One step: CPU seconds, wall-clock seconds, and what it says of its parts.
struct Cost {
    cpu: f64,
    wall: f64,
    report: Report,
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let quick = words.iter().any(|w| w == "--quick");
    let picture = words.iter().find(|w| !w.starts_with("--"));
    let sizes: &[usize] = if quick { &[16, 32] } else { &[16, 32, 64, 128] };

    println!("| N | parameters | sampling | local energies | tangent map | solve | step, CPU s |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let mut curve = Vec::new();
    for &n in sizes {
        let case = Case::transformer(n);
        let costs = steps(&case, 1, if quick { 1 } else { 5 })?;
        let part = |of: fn(&Report) -> f64| median(costs.iter().map(|c| of(&c.report)));
        let step = median(costs.iter().map(|c| c.cpu));
        println!(
            "| {n} | {} | {:.3} | {:.3} | {:.3} | {:.3} | {step:.3} |",
            case.theta.len(),
            part(|r| r.timings.sample),
            part(|r| r.timings.local),
            part(|r| r.timings.tangent),
            part(|r| r.timings.solve),
        );
        curve.push((n as f64, step));
    }
    if let Some(peak) = peak_memory_mb() {
        println!("peak memory of all sizes: {peak:.0} MB");
    }
    // N neighbours of each sample, each with half of its N tokens to compute, and attention among these.
    println!("expected: N^2 from the tokens of connected configurations, N^3 from their attention");
    for pair in curve.windows(2) {
        let exponent = (pair[1].1 / pair[0].1).ln() / (pair[1].0 / pair[0].0).ln();
        println!("N = {} to {}: step ~ N^{exponent:.2}", pair[0].0, pair[1].0);
    }

    let case = Case::transformer(32);
    let mut gains = Vec::new();
    for _ in 0..if quick { 1 } else { 5 } {
        let one = median(steps(&case, 1, 3)?.iter().map(|c| c.wall));
        let two = median(steps(&case, 2, 3)?.iter().map(|c| c.wall));
        gains.push(one / two);
    }
    println!(
        "two threads: {:.2} times the steps of one (median of {} alternated pairs, {gains:.2?})",
        median(gains.iter().copied()),
        gains.len()
    );
    if let Some(path) = picture {
        draw(&curve).write(Path::new(path))?;
    }
    Ok(())
}

/// Steps of a fresh run, without the first, which fills buffers.
fn steps(
    case: &Case<ketwork::Transformer<f64>>,
    threads: usize,
    count: usize,
) -> Result<Vec<Cost>, Box<dyn Error>> {
    let sampler = Independent::new(SAMPLES, Stream::new(2).named("samples"));
    let mut vmc = GroundState::new(&case.model, &case.psi, sampler, case.theta.clone())
        .with_solver(MinSr::new(1e-3));
    let mut costs = Vec::new();
    pool(threads).install(|| {
        for _ in 0..=count {
            let watch = Stopwatch::start();
            let report = vmc.next().expect("endless")?;
            let spent = watch.elapsed();
            costs.push(Cost {
                cpu: spent.cpu_seconds,
                wall: spent.seconds,
                report,
            });
        }
        Ok::<(), ketwork::VmcError>(())
    })?;
    Ok(costs.split_off(1))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The measured step beside N^2 and N^3 through its last point.
fn draw(curve: &[(f64, f64)]) -> Figure {
    let last = curve.last().copied().unwrap_or((1.0, 1.0));
    let power = |k: i32| {
        let through = move |&(n, _): &(f64, f64)| (n, last.1 * (n / last.0).powi(k));
        curve.iter().map(through).collect::<Vec<_>>()
    };
    let panel = Panel::new("sites N", "CPU seconds of a step")
        .scales(Scale::Log, Scale::Log)
        .line("N²", power(2))
        .line("N³", power(3))
        .points("measured", curve.iter().map(|&(n, t)| (n, t, 0.0)));
    Figure::new("VMC step, transformer 2 x 32, 1024 samples, one thread").panel(panel)
}
