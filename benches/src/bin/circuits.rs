//! CPU time of the adjoint gradient of a circuit against its layers and its qubits:
//! `cargo run --release -p ketwork-benches --bin circuits -- circuits.png`.

use ketwork::diffusion::{Circuit, SparseHamiltonian, haar_states};
use ketwork::hamiltonians::{Boundary, Lattice, Pauli, Tfim};
use ketwork::{Figure, Panel, Scale, Stopwatch, Stream};
use std::error::Error;
use std::path::Path;

/// States of one gradient.
const BATCH: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let layers: [usize; 6] = [1, 2, 4, 8, 16, 32];
    let qubits: [usize; 8] = [4, 6, 8, 10, 12, 13, 14, 16];
    let by_layers = layers.map(|l| seconds(10, l).map(|s| (l as f64, s)));
    let by_layers = by_layers.into_iter().collect::<Result<Vec<_>, _>>()?;
    let by_qubits = qubits.map(|n| seconds(n, 8).map(|s| (n as f64, s)));
    let by_qubits = by_qubits.into_iter().collect::<Result<Vec<_>, _>>()?;
    for (l, s) in &by_layers {
        println!(
            "10 qubits, {l:2} layers: {:.4} ms of CPU time a circuit",
            1e3 * s
        );
    }
    for (n, s) in &by_qubits {
        println!(
            "{n:2} qubits, 8 layers: {:.4} ms of CPU time a circuit",
            1e3 * s
        );
    }
    let exponent = |a: (f64, f64), b: (f64, f64)| (b.1 / a.1).ln() / (b.0 / a.0).ln();
    println!(
        "from 4 to 32 layers: cost ~ layers^{:.2}",
        exponent(by_layers[2], by_layers[5])
    );
    let cost = |n: f64| n * n.exp2();
    let (ten, last) = (by_qubits[3], by_qubits[7]);
    println!(
        "from 10 to 16 qubits: cost ~ (n 2^n)^{:.2}",
        (last.1 / ten.1).ln() / (cost(last.0) / cost(ten.0)).ln()
    );
    if let Some(path) = std::env::args().nth(1) {
        let points = |all: &[(f64, f64)]| {
            all.iter()
                .map(|p| (p.0, 1e3 * p.1, 0.0))
                .collect::<Vec<_>>()
        };
        let depth = Panel::new("layers (10 qubits)", "ms of CPU time a circuit")
            .scales(Scale::Log, Scale::Log)
            .points("gradient", points(&by_layers))
            .line(
                "linear",
                layers.map(|l| (l as f64, 1e3 * by_layers[5].1 * l as f64 / 32.0)),
            );
        let width = Panel::new("qubits (8 layers)", "ms of CPU time a circuit")
            .scales(Scale::Linear, Scale::Log)
            .points("gradient", points(&by_qubits))
            .line(
                "n 2^n",
                qubits.map(|n| (n as f64, 1e3 * by_qubits[3].1 * cost(n as f64) / cost(10.0))),
            );
        Figure::new("Adjoint gradients of circuits")
            .panel(depth)
            .panel(width)
            .write(Path::new(&path))?;
    }
    Ok(())
}

/// CPU seconds of one of 64 gradients, the median of five.
fn seconds(n: usize, layers: usize) -> Result<f64, Box<dyn Error>> {
    let h = Tfim::new(1.0).on(&Lattice::chain(n, Boundary::Periodic)?)?;
    let energy = SparseHamiltonian::new(&h)?;
    let mut circuit = Circuit::new(u32::try_from(n)?);
    for _ in 0..layers {
        for q in 0..n as u32 {
            circuit
                .rotation(&[(q, Pauli::X)])
                .rotation(&[(q, Pauli::Z)]);
        }
        for q in 0..n as u32 {
            circuit.rotation(&[(q, Pauli::Z), ((q + 1) % n as u32, Pauli::Z)]);
        }
    }
    let theta: Vec<f64> = (0..circuit.n_params())
        .map(|k| (1.0 + k as f64).cos())
        .collect();
    let states = haar_states(u32::try_from(n)?, BATCH, Stream::new(1));
    let mut times = Vec::new();
    for _ in 0..5 {
        let watch = Stopwatch::start();
        let found = circuit.pullback(&theta, &states, |_, psi, out| energy.energy(psi, out));
        if found.gradient.iter().any(|g| !g.is_finite()) {
            return Err("a gradient diverged".into());
        }
        times.push(watch.elapsed().cpu_seconds / BATCH as f64);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[2])
}
