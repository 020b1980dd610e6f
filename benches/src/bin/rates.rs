//! Flop rates of the transformer's kernels beside that of a plain matrix product, on one thread, in one run:
//! counts, seconds, GF/s and the share of the product's rate. Medians of alternated repetitions.
//!
//! `rates [SITES] [--quick]`; a multiplication and an addition are two operations, products only.

use ketwork::{Differentiable, Stopwatch, Wavefunction};
use ketwork_benches::{Case, Product, SAMPLES, TRANSFORMER, forward_flops, pool, tangent_flops};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let quick = words.iter().any(|w| w == "--quick");
    let sites = words.iter().find(|w| !w.starts_with("--"));
    let n: usize = sites.map_or(Ok(32), |w| w.parse())?;
    let case = Case::transformer(n);
    let samples = case.samples(SAMPLES);
    let (rows, params) = (samples.len(), case.theta.len());
    let mut log_psi = vec![0.0; rows];
    let mut jacobian = vec![0.0; rows * params];
    let mut product = Product::new();
    let flops = [
        Product::FLOPS,
        forward_flops(n, TRANSFORMER) * rows as u64,
        tangent_flops(n, TRANSFORMER) * rows as u64,
    ];
    let mut seconds = [const { Vec::new() }; 3];
    pool(1).install(|| {
        // The first repetition fills buffers and is left out.
        for repetition in 0..if quick { 2 } else { 8 } {
            let mut time = |which: usize, job: &mut dyn FnMut()| {
                let watch = Stopwatch::start();
                job();
                let spent = watch.elapsed().cpu_seconds;
                if repetition > 0 {
                    seconds[which].push(spent);
                }
            };
            time(0, &mut || product.run());
            time(1, &mut || {
                case.psi
                    .log_psi(&case.theta, samples.x.view(), &mut log_psi);
            });
            time(2, &mut || {
                case.psi
                    .jacobian(&case.theta, samples.x.view(), &mut jacobian);
            });
        }
    });
    println!("transformer, N = {n}, {rows} different samples, {params} parameters");
    println!("| kernel | Gflop | CPU s | GF/s | of the product |\n| --- | --- | --- | --- | --- |");
    let medians = seconds.map(|mut s| {
        s.sort_by(f64::total_cmp);
        s[s.len() / 2]
    });
    let rate = |k: usize| flops[k] as f64 / medians[k] / 1e9;
    for (k, name) in ["product of matrices", "forward", "per-sample Jacobian"]
        .iter()
        .enumerate()
    {
        println!(
            "| {name} | {:.3} | {:.4} | {:.1} | {:.0} % |",
            flops[k] as f64 / 1e9,
            medians[k],
            rate(k),
            100.0 * rate(k) / rate(0)
        );
    }
    Ok(())
}
