//! Fixtures that the modules of the suite share.

use ketwork::exact::{LanczosParams, ground_state};
use ketwork::hamiltonians::{Boundary, Hamiltonian, Lattice, Model, Tfim};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

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

/// The compiled example in the profile of this suite.
///
/// `cargo test` builds the examples before any test runs; where only the suite was built and the
/// example is missing or older than its sources, it is built here.
pub(crate) fn example(name: &str) -> PathBuf {
    static BUILD: Mutex<()> = Mutex::new(());
    let suite = std::env::current_exe().expect("a running program has a path");
    let profile = suite
        .ancestors()
        .nth(2)
        .expect("deps lies in the directory of the profile");
    let path = profile.join("examples").join(name);
    let _one_at_a_time = BUILD.lock().unwrap_or_else(PoisonError::into_inner);
    if is_stale(&path) {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--locked", "--example", name]);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).status();
        assert!(
            built.is_ok_and(|s| s.success()),
            "the example {name} does not compile"
        );
    }
    path
}

/// Whether a program is missing or older than a source that its dependency file names.
fn is_stale(program: &Path) -> bool {
    let changed = |path: &Path| path.metadata().and_then(|m| m.modified());
    let (Ok(built), Ok(sources)) = (
        changed(program),
        std::fs::read_to_string(program.with_extension("d")),
    ) else {
        return true;
    };
    let sources = sources.split_once(": ").map_or("", |(_, sources)| sources);
    sources
        .split_whitespace()
        .any(|source| changed(Path::new(source)).is_ok_and(|at| at > built))
}
