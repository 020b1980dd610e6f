//! CPU time of the gradient of the energy: 10 qubits, 8 layers of R_X, R_Z and R_ZZ (240 angles),
//! batch of 64 states, against the number of layers and qubits.

use ketwork_diffusion::{Circuit, SparseHamiltonian, haar_states};
use ketwork_hamiltonians::{Boundary, Lattice, Pauli, Tfim};
use ketwork_models::Stream;

/// CPU time of this process in seconds, as the Linux scheduler counts it (all threads).
fn cpu() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    tasks
        .filter_map(|t| std::fs::read_to_string(t.path().join("schedstat")).ok())
        .filter_map(|s| s.split(' ').next().and_then(|x| x.parse::<f64>().ok()))
        .sum::<f64>()
        * 1e-9
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for (n, layers) in [
        (4, 8),
        (6, 8),
        (8, 8),
        (10, 2),
        (10, 4),
        (10, 8),
        (10, 16),
        (12, 8),
        (14, 8),
    ] {
        let h = Tfim::new(1.0).on(&Lattice::chain(n as usize, Boundary::Periodic)?)?;
        let sparse = SparseHamiltonian::new(&h)?;
        let mut c = Circuit::new(n);
        for _ in 0..layers {
            for q in 0..n {
                c.rotation(&[(q, Pauli::X)]).rotation(&[(q, Pauli::Z)]);
            }
            for q in 0..n {
                c.rotation(&[(q, Pauli::Z), ((q + 1) % n, Pauli::Z)]);
            }
        }
        let batch = 64;
        let x = haar_states(n, batch, Stream::new(1));
        let theta: Vec<f64> = (0..c.n_params())
            .map(|i| 2.0 * Stream::new(2).uniform(i as u64, 0) - 1.0)
            .collect();
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let start = cpu();
            let g = c.pullback(&theta, &x, |_, psi, out| sparse.energy(psi, out));
            assert!(
                g.gradient.iter().all(|g| g.is_finite()),
                "a gradient diverged"
            );
            best = best.min(cpu() - start);
        }
        println!(
            "{n} qubits, {layers} layers, {} angles: {:.4} ms of CPU time a circuit",
            c.n_params(),
            1e3 * best / batch as f64
        );
    }
    Ok(())
}
