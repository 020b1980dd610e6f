//! Fixtures that the modules of the suite share.

use ketwork::exact::{LanczosParams, ground_state};
use ketwork::hamiltonians::{Boundary, Hamiltonian, Lattice, Model, Tfim};

/// The critical Ising ring of N qubits, J = h = 1, without sector.
pub(crate) fn critical_ring(n_sites: usize) -> Model<f64> {
    let ring = Lattice::chain(n_sites, Boundary::Periodic).expect("a ring of this length exists");
    Tfim::new(1.0).on(&ring).expect("the couplings are finite")
}

/// Its ground-state energy in closed form, $E_0 = -2 / \sin(\pi / 2N)$ (P. Pfeuty, Ann. Phys. 57, 79
/// (1970)).
pub(crate) fn critical_ring_energy(n_sites: usize) -> f64 {
    -2.0 / (std::f64::consts::PI / (2.0 * n_sites as f64)).sin()
}

/// Ground-state energy by exact diagonalisation.
pub(crate) fn exact_energy<H: Hamiltonian>(h: &H) -> f64 {
    ground_state(h, &LanczosParams::default())
        .expect("the sector fits into memory")
        .energies[0]
}

/// Runs `work` in a pool of its own with so many threads.
pub(crate) fn with_threads<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.expect("threads can be started").install(work)
}
