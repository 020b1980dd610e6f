//! ketwork's side of the comparison with other packages: does one job for each line of standard
//! input and answers with the CPU seconds it took, as a JSON line.
//!
//! `peer transformer 32` (or lstm) takes the jobs sampling, local_energy, jacobian, solve, step;
//! `peer heisenberg 20` takes build and all (basis, matrix and Lanczos). Threads follow RAYON_NUM_THREADS.

use ketwork::exact::{Basis, LanczosParams, Memory, SparseMatrix, ground_state};
use ketwork::hamiltonians::{Boundary, Hamiltonian, Heisenberg, Lattice};
use ketwork::{
    Conditional, Dense, GroundState, Independent, MinSr, Stopwatch, Stream, TangentSolver, local,
};
use ketwork_benches::{Case, SAMPLES};
use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, Write, stdin, stdout};

/// The regularisation of all comparisons.
const SHIFT: f64 = 1e-3;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let case = words.next().unwrap_or_default();
    let n = words.next().map_or(Ok(32), |n| n.parse())?;
    match case.as_str() {
        "transformer" => variational(&Case::transformer(n)),
        "lstm" => variational(&Case::lstm(n)),
        "heisenberg" => exact(n),
        other => Err(format!("{other:?} is no case; use transformer, lstm or heisenberg").into()),
    }
}

/// Reads jobs, runs them, answers; the job's own value goes into the answer.
fn serve(mut job: impl FnMut(&str) -> Option<f64>) -> Result<(), Box<dyn Error>> {
    for line in stdin().lock().lines() {
        let line = line?;
        let watch = Stopwatch::start();
        let value = job(&line).ok_or_else(|| format!("{line:?} is no job of this case"))?;
        let spent = watch.elapsed();
        let answer = serde_json::json!({
            "job": line, "cpu": spent.cpu_seconds, "wall": spent.seconds, "value": value,
        });
        println!("{answer}");
        stdout().flush()?;
    }
    Ok(())
}

fn variational<M: Conditional<Log = f64>>(case: &Case<M>) -> Result<(), Box<dyn Error>> {
    let samples = case.samples(SAMPLES);
    let mut energies = vec![0.0; samples.len()];
    let map = Dense::new(&case.psi, &case.theta, &samples);
    local(&case.model, &case.psi, &case.theta, &samples, &mut energies);
    let mut solver = MinSr::new(SHIFT);
    let mut step = vec![0.0; case.theta.len()];
    let mut memory = Vec::new();
    let sampler = Independent::new(SAMPLES, Stream::new(2).named("samples"));
    let mut vmc = GroundState::new(&case.model, &case.psi, sampler, case.theta.clone())
        .with_solver(MinSr::new(SHIFT));
    serve(|job| match job {
        "sampling" => Some(black_box(case.samples(SAMPLES)).len() as f64),
        "local_energy" => {
            local(&case.model, &case.psi, &case.theta, &samples, &mut energies);
            Some(energies.iter().sum::<f64>() / energies.len() as f64)
        }
        "jacobian" => {
            let map = Dense::reusing(
                std::mem::take(&mut memory),
                &case.psi,
                &case.theta,
                &samples,
            );
            memory = map.into_memory();
            Some(memory[0])
        }
        "solve" => solver
            .solve(&map, &energies, &mut step)
            .ok()
            .map(|info| info.residual),
        "step" => vmc.next()?.ok().map(|report| report.energy.mean),
        _ => None,
    })
}

fn exact(n: usize) -> Result<(), Box<dyn Error>> {
    let ring = Lattice::chain(n, Boundary::Periodic)?;
    let model = Heisenberg::default().on(&ring)?;
    let build = || {
        let basis = Basis::new(&**model.sector(), Memory::default()).ok()?;
        SparseMatrix::new(&model, &basis, Memory::default()).ok()
    };
    let params = LanczosParams::default();
    serve(|job| match job {
        "build" => Some(black_box(build()?).dimension() as f64),
        // Basis, matrix and Lanczos together.
        "all" => Some(ground_state(&model, &params).ok()?.energies[0]),
        _ => None,
    })
}
