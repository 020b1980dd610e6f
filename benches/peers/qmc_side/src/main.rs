//! The side of the crate qmc: `qmc-side sse_chain 64` (beta = 32, h = 1) or `qmc-side sse_square 16` (beta = 8,
//! h = 3.044), Ising models with J = 1. Job `sweeps` does a number of sweeps; `energy`, `error` and `tau` tell of a run
//! of more sweeps, with bins as in ketwork.

use qmc::qmc::GenericQMC;
use qmc::terms::tfim::TFIMTerm;
use qmc::traits::cluster_update::ClusterUpdater;
use qmc::traits::diagonal_update::DiagonalUpdate;
use qmc::traits::thermal_update::ThermalUpdate;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use std::error::Error;
use std::io::stdin;
use std::time::Instant;

const BINS: usize = 128;

/// CPU seconds of this process, which has one thread.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    let running = text.split(' ').next().ok_or("no time in schedstat")?;
    Ok(1e-9 * running.parse::<f64>()?)
}

/// Energy of a site, its error and autocorrelation time; it is linear in the number of operators.
fn statistics(energies: &[f64]) -> [f64; 3] {
    let n = energies.len() as f64;
    let mean = energies.iter().sum::<f64>() / n;
    let variance = energies.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / n;
    let bins = energies.chunks_exact(energies.len() / BINS);
    let of_bins = bins.map(|b| (b.iter().sum::<f64>() / b.len() as f64 - mean).powi(2));
    let error = of_bins.sum::<f64>() / (BINS * (BINS - 1)) as f64;
    [mean, error.sqrt(), error * n / (2.0 * variance)]
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().collect();
    let l: usize = words[2].parse()?;
    let (n, beta, h, sweeps) = match words[1].as_str() {
        "sse_chain" => (l, 32.0, 1.0, 200),
        "sse_square" => (l * l, 8.0, 3.044, 100),
        other => return Err(format!("{other:?} is no case").into()),
    };
    let mut model = GenericQMC::<bool, _>::new(n);
    for i in 0..n {
        model.add_term(TFIMTerm::X(h), [i]);
        // Its own sign of the coupling; both lattices have two sublattices.
        if n == l {
            model.add_term(TFIMTerm::ZZ(-1.0), [i, (i + 1) % n]);
        } else {
            let (x, y) = (i % l, i / l);
            model.add_term(TFIMTerm::ZZ(-1.0), [i, (x + 1) % l + l * y]);
            model.add_term(TFIMTerm::ZZ(-1.0), [i, x + l * ((y + 1) % l)]);
        }
    }
    let mut dice = SmallRng::seed_from_u64(1);
    for _ in 0..500 {
        model.thermal_update(&mut dice);
        model.diagonal_update(beta, &mut dice);
        model.cluster_update(&mut dice).map_err(|_| "no clusters")?;
        model.maintain_maximum_filling_fraction(0.66, 16);
    }
    let mut sweep = || -> Result<f64, Box<dyn Error>> {
        model.diagonal_update(beta, &mut dice);
        model.cluster_update(&mut dice).map_err(|_| "no clusters")?;
        Ok(model.get_energy(beta) / n as f64)
    };
    let mut found: Option<[f64; 3]> = None;
    for line in stdin().lines() {
        let line = line?;
        let (wall, cpu) = (Instant::now(), cpu_seconds()?);
        let value = if line == "sweeps" {
            for _ in 0..sweeps {
                sweep()?;
            }
            sweeps as f64
        } else {
            if found.is_none() {
                let energies: Result<Vec<f64>, _> = (0..BINS * sweeps).map(|_| sweep()).collect();
                found = Some(statistics(&energies?));
            }
            let place = ["energy", "error", "tau"].iter().position(|w| *w == line);
            found.ok_or("no run")?[place.ok_or_else(|| format!("{line:?} is no job"))?]
        };
        let (cpu, wall) = (cpu_seconds()? - cpu, wall.elapsed().as_secs_f64());
        println!(r#"{{"job": "{line}", "cpu": {cpu}, "wall": {wall}, "value": {value}}}"#);
    }
    Ok(())
}
