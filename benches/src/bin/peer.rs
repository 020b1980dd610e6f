//! ketwork's side of the comparison with other packages: does one job for each line of standard
//! input and answers with the CPU seconds it took, as a JSON line.
//!
//! `peer transformer 32` (or lstm, or lstm_full) takes the jobs parameters, sampling, local_energy,
//! jacobian, solve, step;
//! `peer heisenberg 20` takes build and all (basis, matrix and Lanczos), `peer circuit 10` gradient,
//! `peer lindblad 7` evolve, `peer dmrg 32` and `peer dmrg_j1j2 8` sweeps; `peer sse_chain 64` and `peer sse_square 16` sweeps, energy,
//! error and tau. Threads follow RAYON_NUM_THREADS.

use ketwork::diffusion::{Circuit, SparseHamiltonian, States};
use ketwork::dmrg::{DmrgParams, Mixer};
use ketwork::exact::{Basis, LanczosParams, Memory, SparseMatrix, ground_state};
use ketwork::hamiltonians::open::{Jump, Lindblad};
use ketwork::hamiltonians::{Action, Boundary, Hamiltonian, Heisenberg, J1J2, Lattice, LocalSum};
use ketwork::hamiltonians::{Model, Pauli, Space, Term, Tfim};
use ketwork::open::Lindbladian;
use ketwork::sse::{Sse, SseParams};
use ketwork::{
    Conditional, Dense, GroundState, Independent, MinSr, Schedule, Stopwatch, Stream,
    TangentSolver, local,
};
use ketwork_benches::{Case, SAMPLES};
use num_complex::Complex64;
use std::cell::LazyCell;
use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, Write, stdin, stdout};

/// Regularisation and learning rate of all comparisons.
const SHIFT: f64 = 1e-3;
const RATE: f64 = 0.02;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let case = words.next().unwrap_or_default();
    let n = words.next().map_or(Ok(32), |n| n.parse())?;
    match case.as_str() {
        "transformer" => variational(&Case::transformer(n)),
        "lstm" | "lstm_full" => variational(&Case::lstm(n)),
        "heisenberg" => exact(n),
        "circuit" => circuit(n),
        "lindblad" => lindblad(n),
        "dmrg" => dmrg(
            &Tfim::new(1.0).on(&Lattice::chain(n, Boundary::Open)?)?,
            16,
            8,
            None,
        ),
        "dmrg_j1j2" => {
            let model = J1J2::new(0.2).on(&Lattice::square([n, n], Boundary::Open)?)?;
            let mixer = Mixer {
                sweeps: 3,
                ..Mixer::default()
            };
            dmrg(&model, 32, 6, Some(mixer))
        }
        "sse_chain" => monte_carlo(
            &Tfim::new(1.0).on(&Lattice::chain(n, Boundary::Periodic)?)?,
            32.0,
            200,
        ),
        "sse_square" => monte_carlo(
            &Tfim::new(3.044).on(&Lattice::square([n, n], Boundary::Periodic)?)?,
            8.0,
            100,
        ),
        other => Err(format!("{other:?} is no case; benches/peers/README.md lists them").into()),
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
    // What a job needs is made when it first comes: a cold start pays for its own only.
    let samples = LazyCell::new(|| case.samples(SAMPLES));
    let mut energies = Vec::new();
    let map = LazyCell::new(|| Dense::new(&case.psi, &case.theta, &samples));
    let mut solver = MinSr::new(SHIFT);
    let mut step = vec![0.0; case.theta.len()];
    let mut memory = Vec::new();
    let sampler = Independent::new(SAMPLES, Stream::new(2).named("samples"));
    let mut vmc = GroundState::new(&case.model, &case.psi, sampler, case.theta.clone())
        .with_solver(MinSr::new(SHIFT));
    vmc.learning_rate = Schedule::Constant(RATE);
    serve(|job| match job {
        "parameters" => Some(case.theta.len() as f64),
        "sampling" => Some(black_box(case.samples(SAMPLES)).len() as f64),
        "local_energy" => {
            energies.resize(samples.len(), 0.0);
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
        "solve" => {
            if energies.is_empty() {
                energies.resize(samples.len(), 0.0);
                local(&case.model, &case.psi, &case.theta, &samples, &mut energies);
            }
            let solved = solver.solve(&*map, &energies, &mut step);
            solved.ok().map(|info| info.residual)
        }
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

/// Adjoint gradients of the energy of the Ising ring for 64 states, all up.
fn circuit(n: usize) -> Result<(), Box<dyn Error>> {
    const BATCH: usize = 64;
    let model = Tfim::new(1.0).on(&Lattice::chain(n, Boundary::Periodic)?)?;
    let energy = SparseHamiltonian::new(&model)?;
    let mut circuit = Circuit::new(u32::try_from(n)?);
    let qubits = || 0..n as u32;
    for _ in 0..8 {
        for pauli in [Pauli::X, Pauli::Z] {
            for q in qubits() {
                circuit.rotation(&[(q, pauli)]);
            }
        }
        for q in qubits() {
            circuit.rotation(&[(q, Pauli::Z), ((q + 1) % n as u32, Pauli::Z)]);
        }
    }
    let theta: Vec<f64> = (0..circuit.n_params())
        .map(|k| (1.0 + k as f64).cos())
        .collect();
    let mut up = vec![0.0; 1 << n];
    up[0] = 1.0;
    let states = States::from_real(&vec![up; BATCH])?;
    serve(|job| match job {
        "gradient" => {
            let found = circuit.pullback(&theta, &states, |_, psi, out| energy.energy(psi, out));
            let square: f64 = found
                .gradient
                .iter()
                .map(|g| (g / BATCH as f64).powi(2))
                .sum();
            Some(square.sqrt())
        }
        _ => None,
    })
}

/// The dissipative Ising ring of QuTiP's side, to the same relative accuracy.
fn lindblad(n: usize) -> Result<(), Box<dyn Error>> {
    let ring = Lattice::chain(n, Boundary::Periodic)?;
    let hamiltonian = Tfim {
        j: -0.5,
        h: -0.5,
        hz: 0.0,
    }
    .on(&ring)?
    .terms()
    .to_complex();
    let term = |site| Term {
        sites: vec![site],
        guard: Vec::new(),
        action: Action::Pauli(vec![Pauli::Z], Complex64::from(1.0 / n as f64)),
        coupling: 0,
    };
    let name = vec![("z".to_owned(), 1.0)];
    let z = LocalSum::new(Space::qubits(n), (0..n as u32).map(term).collect(), name)?;
    let mut rho = vec![Complex64::default(); 1 << (2 * n)];
    let evolve = |rho: &mut Vec<Complex64>| -> Result<f64, Box<dyn Error>> {
        rho.fill(Complex64::default());
        rho[0] = Complex64::from(1.0);
        let jumps = (0..n as u32).map(|i| Jump::lowering(i, 1.0)).collect();
        let system = Lindbladian::new(
            &Lindblad::new(hamiltonian.clone(), jumps)?,
            Memory::default(),
        )?;
        let (mut at, mut last) = (0.0, 0.0);
        for t in [0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0] {
            system.evolve(t - at, rho, 1e-6)?;
            last = system.means(&[&z], rho)?[0];
            at = t;
        }
        Ok(last)
    };
    serve(|job| match job {
        "evolve" => evolve(&mut rho).ok(),
        _ => None,
    })
}

fn dmrg<H: Hamiltonian<Elem = f64>>(
    model: &H,
    bond: usize,
    sweeps: usize,
    mixer: Option<Mixer>,
) -> Result<(), Box<dyn Error>> {
    let params = DmrgParams {
        bonds: vec![bond],
        max_sweeps: sweeps,
        tolerance: 0.0,
        polish: 0,
        mixer,
        ..DmrgParams::default()
    };
    serve(|job| match job {
        "sweeps" => {
            let (_, info) = ketwork::dmrg::ground_state(model, params.clone()).ok()?;
            (info.sweeps == sweeps).then_some(info.last.energy)
        }
        _ => None,
    })
}

/// Sweeps of one chain of the stochastic series expansion; energy of a site with its error and the
/// autocorrelation time of the number of operators are those of a run of 128 times as many.
fn monte_carlo(model: &Model<f64>, beta: f64, sweeps: u64) -> Result<(), Box<dyn Error>> {
    let params = |sweeps| SseParams {
        beta,
        sweeps,
        thermalization: 500,
        replicas: 1,
        bins: 128,
        ..SseParams::default()
    };
    let mut run = Sse::new(model, params(u64::MAX >> 8))?.start(Stream::new(1));
    run.advance(500);
    let other = Sse::new(model, params(128 * sweeps))?;
    let report = LazyCell::new(|| other.run(Stream::new(2)));
    serve(|job| match job {
        "sweeps" => {
            run.advance(sweeps);
            Some(sweeps as f64)
        }
        _ => {
            let report = report.as_ref().ok()?;
            match job {
                "energy" => Some(report.energy_per_site.mean),
                "error" => Some(report.energy_per_site.error),
                "tau" => Some(report.operators.tau),
                _ => None,
            }
        }
    })
}
