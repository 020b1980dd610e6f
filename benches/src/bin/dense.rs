//! Dense solves of SR and minSR by faer or, with the feature `lapack`, by the system's OpenBLAS: seconds and CPU
//! seconds of a Cholesky factorisation with its solution, and of a solution in all eigenspaces. Best of three; of one where it takes longer than ten seconds.
//!
//! `dense [ROWS..] [--quick]`; OPENBLAS_NUM_THREADS sets the threads of OpenBLAS, faer has one.

use ketwork::{Stopwatch, Stream};
use ketwork_linalg::{cholesky_solve, eigen_solve, lower_product};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut sizes = words
        .iter()
        .filter(|w| !w.starts_with("--"))
        .map(|w| w.parse())
        .collect::<Result<Vec<usize>, _>>()?;
    if sizes.is_empty() {
        sizes = match words.iter().any(|w| w == "--quick") {
            true => vec![100],
            false => vec![1024, 2048, 4096],
        };
    }
    let library = match cfg!(feature = "lapack") {
        true => "OpenBLAS",
        false => "faer",
    };
    println!("| rows | {library} | seconds | CPU seconds | residual |");
    println!("| --- | --- | --- | --- | --- |");
    for m in sizes {
        let (a, b) = problem(m);
        measure(m, "Cholesky", &a, &b, |x| {
            cholesky_solve(&a, x).map_err(|pivot| format!("pivot {pivot} is not positive"))
        })?;
        measure(m, "eigenspaces", &a, &b, |x| {
            let rank = eigen_solve(&a, x, 1e-12).map_err(|e| format!("{e:?}"))?;
            (rank == m).then_some(()).ok_or("rank".to_owned())
        })?;
    }
    Ok(())
}

/// A Gram matrix of random rows with a shift, by its lower triangle, and a right-hand side.
fn problem(m: usize) -> (Vec<f64>, Vec<f64>) {
    let stream = Stream::new(m as u64);
    let number = |i: usize| stream.uniform(i as u64, 0) - 0.5;
    let rows: Vec<f64> = (0..m * m).map(number).collect();
    let mut a = vec![0.0; m * m];
    lower_product(&rows, m, &mut a);
    for r in 0..m {
        a[r * m + r] += 1e-3 * m as f64;
    }
    (a, (0..m).map(number).collect())
}

fn measure(
    m: usize,
    what: &str,
    a: &[f64],
    b: &[f64],
    solve: impl Fn(&mut [f64]) -> Result<(), String>,
) -> Result<(), String> {
    let (mut best, mut x) = ([f64::INFINITY; 2], Vec::new());
    for _ in 0..3 {
        x = b.to_vec();
        let watch = Stopwatch::start();
        solve(&mut x)?;
        let spent = watch.elapsed();
        best[0] = best[0].min(spent.seconds);
        best[1] = best[1].min(spent.cpu_seconds);
        if spent.cpu_seconds > 10.0 {
            break;
        }
    }
    let norm = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
    let back = ketwork_linalg::symmetric_times(a, &x);
    let off: Vec<f64> = back.iter().zip(b).map(|(a, b)| a - b).collect();
    let residual = norm(&off) / norm(b);
    println!(
        "| {m} | {what} | {:.3} | {:.3} | {residual:.0e} |",
        best[0], best[1]
    );
    Ok(())
}
