//! Fixtures, and tests that need several parts.

use super::*;
use crate::hamiltonians::*;
use std::sync::Arc;

pub(super) fn ring(n: usize) -> Lattice {
    Lattice::chain(n, Boundary::Periodic).expect("a ring")
}

pub(super) fn tfim_ring(n: usize, h: f64) -> Model<f64> {
    Tfim::new(h).on(&ring(n)).expect("finite couplings")
}

/// $\sum_{ij} J_{ij} S_i \cdot S_j$ at total Sz = 0.
pub(super) fn heisenberg(n: usize, bonds: &[(u32, u32, f64)]) -> Model<f64> {
    let terms = bonds
        .iter()
        .flat_map(|&(a, b, j)| {
            [Pauli::X, Pauli::Y, Pauli::Z].map(|p| Term {
                sites: vec![a, b],
                guard: Vec::new(),
                action: Action::Pauli(vec![p, p], j / 4.0),
                coupling: 0,
            })
        })
        .collect();
    let sum = LocalSum::new(Space::qubits(n), terms, vec![("j".into(), 1.0)]).expect("valid");
    let order = (0..n as u32).collect();
    Model::new(sum, Arc::new(Number::total_sz(n, 0, order).expect("even"))).expect("Hermitian")
}

pub(super) fn heisenberg_ring(n: usize, j2: f64) -> Model<f64> {
    let m = n as u32;
    let mut bonds: Vec<_> = (0..m).map(|i| (i, (i + 1) % m, 1.0)).collect();
    if j2 != 0.0 {
        bonds.extend((0..m).map(|i| (i, (i + 2) % m, j2)));
    }
    heisenberg(n, &bonds)
}

/// Runs with a fixed number of threads.
fn with_threads<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap()
        .install(f)
}

/// Lanczos also in the smallest sectors.
fn sparse() -> LanczosParams {
    LanczosParams {
        dense_below: 0,
        ..LanczosParams::default()
    }
}

#[test]
fn rings_have_the_free_fermion_energy() {
    for n in [6, 10, 12] {
        for h in [0.5, 1.0, 2.0f64] {
            let exact: f64 = -(0..n)
                .map(|m| {
                    let k = (2 * m + 1) as f64 * std::f64::consts::PI / n as f64;
                    (1.0 + h * h - 2.0 * h * k.cos()).sqrt()
                })
                .sum::<f64>();
            for params in [LanczosParams::default(), sparse()] {
                let ground = ground_state(&tfim_ring(n, h), &params).unwrap();
                let e = ground.energies[0];
                // The energy error is the squared residual over the gap: rounding.
                assert!(
                    (e - exact).abs() < 1e-11 * exact.abs(),
                    "n {n} h {h}: {e}, {exact}"
                );
            }
        }
    }
}

#[test]
fn open_chains_and_heisenberg_rings_have_the_tabulated_energies() {
    let open = |n, h| {
        Tfim::new(h)
            .on(&Lattice::chain(n, Boundary::Open).unwrap())
            .unwrap()
    };
    let path = |n: u32| (1..n).map(|i| (i - 1, i, 1.0)).collect::<Vec<_>>();
    for (h, exact) in [
        (open(8, 2.0), -16.88514149),
        (open(12, 1.0), -14.92597111),
        (heisenberg_ring(8, 0.0), -3.65109341),
        (heisenberg_ring(12, 0.0), -5.38739092),
        (heisenberg_ring(16, 0.0), -7.14229636),
        (heisenberg(12, &path(12)), -5.14209063),
    ] {
        let ground = ground_state(&h, &LanczosParams::default()).unwrap();
        // The table has eight decimals.
        assert!(
            (ground.energies[0] - exact).abs() < 6e-9,
            "{} {exact}",
            ground.energies[0]
        );
        assert!(
            ground.residuals[0] < 1e-8,
            "residual {}",
            ground.residuals[0]
        );
    }
}

#[test]
fn the_majumdar_ghosh_pair_is_found_as_a_pair() {
    // J2 = J1 / 2: dimer coverings, E = -3 N / 8, twice.
    for n in [8, 12] {
        for params in [LanczosParams::default(), sparse()] {
            let levels = lowest(&heisenberg_ring(n, 0.5), 3, &params).unwrap();
            let exact = -3.0 * n as f64 / 8.0;
            assert!(
                (levels.energies[0] - exact).abs() < 1e-11,
                "{:?}",
                levels.energies
            );
            assert!(
                (levels.energies[1] - exact).abs() < 1e-11,
                "{:?}",
                levels.energies
            );
            assert!(levels.energies[2] > exact + 0.1, "{:?}", levels.energies);
            assert_eq!(levels.multiplets(1e-8)[0].1, 2);
        }
    }
}

/// Stars XXXX and plaquettes ZZZZ of the 2x2 torus, 8 links.
fn toric_code() -> Model<f64> {
    // Link 2 (x + 2 y) goes right from vertex (x, y), the next one up.
    let link = |x: u32, y: u32, up: u32| 2 * (x % 2 + 2 * (y % 2)) + up;
    let mut terms = Vec::new();
    for (x, y) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
        let star = [
            link(x, y, 0),
            link(x + 1, y, 0),
            link(x, y, 1),
            link(x, y + 1, 1),
        ];
        let plaquette = [
            link(x, y, 0),
            link(x, y + 1, 0),
            link(x, y, 1),
            link(x + 1, y, 1),
        ];
        for (sites, p) in [(star, Pauli::X), (plaquette, Pauli::Z)] {
            let action = Action::Pauli(vec![p; 4], -1.0);
            terms.push(Term {
                sites: sites.to_vec(),
                guard: Vec::new(),
                action,
                coupling: 0,
            });
        }
    }
    let space = Space::qubits(8);
    let sum = LocalSum::new(space, terms, vec![("j".into(), 1.0)]).unwrap();
    Model::new(sum, Arc::new(Free::new(space))).unwrap()
}

#[test]
fn the_toric_code_shows_its_four_ground_states() {
    for params in [LanczosParams::default(), sparse()] {
        let levels = lowest(&toric_code(), 5, &params).unwrap();
        for (e, exact) in levels.energies.iter().zip([-8.0, -8.0, -8.0, -8.0, -4.0]) {
            assert!((e - exact).abs() < 1e-11, "{:?}", levels.energies);
        }
        for (i, a) in levels.vectors.iter().enumerate() {
            for (j, b) in levels.vectors.iter().enumerate() {
                let overlap = vector::dot(a, b) - f64::from(u8::from(i == j));
                assert!(overlap.abs() < 1e-10, "({i}, {j}): {overlap:e}");
            }
        }
    }
}

#[test]
fn lanczos_finds_the_lowest_levels_of_the_full_spectrum() {
    // Restarts and many degenerate levels: momenta k and -k, spin multiplets.
    for h in [heisenberg_ring(10, 0.3), heisenberg_ring(12, 0.0)] {
        let all = spectrum(&h, Memory::default()).unwrap();
        for krylov_dim in [None, Some(20)] {
            let levels = lowest(
                &h,
                12,
                &LanczosParams {
                    krylov_dim,
                    ..sparse()
                },
            )
            .unwrap();
            for (a, b) in levels.energies.iter().zip(&all.energies) {
                assert!(
                    (a - b).abs() < 1e-10,
                    "{:?} {:?}",
                    levels.energies,
                    &all.energies[..12]
                );
            }
            // Asked of 1e-10 times the norm, below 10.
            assert!(
                levels.residuals.iter().all(|r| *r < 2e-9),
                "{:?}",
                levels.residuals
            );
        }
    }
}

#[test]
fn high_degeneracies_of_a_diagonal_matrix_are_counted() {
    // No field: two states without domain wall, 90 with two of them.
    let levels = lowest(&tfim_ring(10, 0.0), 9, &sparse()).unwrap();
    for (e, exact) in levels
        .energies
        .iter()
        .zip([-10.0, -10.0].into_iter().chain([-6.0; 7]))
    {
        assert!((e - exact).abs() < 1e-11, "{:?}", levels.energies);
    }
}

#[test]
fn complex_elements_give_the_energies_of_real_ones() {
    let h = heisenberg_ring(12, 0.2);
    let real = lowest(&h, 4, &sparse()).unwrap();
    let complex = lowest(&h.to_complex(), 4, &sparse()).unwrap();
    for (a, b) in real.energies.iter().zip(&complex.energies) {
        assert!((a - b).abs() < 1e-11, "{a} {b}");
    }
}

#[test]
fn one_and_two_threads_give_the_same_bits() {
    let h = heisenberg_ring(16, 0.1);
    let run = || {
        let levels = lowest(&h, 2, &LanczosParams::default()).unwrap();
        let matrix = SparseMatrix::new(&h, &levels.basis, Memory::default()).unwrap();
        let mut psi: Vec<_> = vector::random_unit(levels.dimension(), 3);
        evolve(&matrix, 0.5, &mut psi, &EvolveParams::default()).unwrap();
        let energy = expectation(&h, &levels.basis, &psi);
        (
            levels.energies,
            levels.vectors,
            levels.residuals,
            psi,
            energy,
        )
    };
    let (one, two) = (with_threads(1, run), with_threads(2, run));
    assert!(one == two, "the bits differ");
}

#[test]
fn what_does_not_fit_is_refused_with_the_needed_memory() {
    let memory = Memory::at_most(1 << 20);
    // 2^16 real numbers are half of the limit; the matrix has 16 words more for each.
    let h = tfim_ring(16, 1.0);
    let basis = Basis::new(&**h.sector(), memory).unwrap();
    let error = SparseMatrix::new(&h, &basis, memory).unwrap_err();
    assert!(matches!(error, ExactError::Memory { .. }), "{error}");
    let params = LanczosParams {
        memory,
        ..LanczosParams::default()
    };
    let text = ground_state(&h, &params).unwrap_err().to_string();
    assert!(text.contains("GiB, 0.001 GiB are available"), "{text}");
    let text = spectrum(&h, memory).unwrap_err().to_string();
    assert!(
        text.contains("full diagonalisation needs 160.000 GiB"),
        "{text}"
    );
}

#[test]
fn sectors_too_large_to_walk_are_counted_and_refused_at_once() {
    let free = Free::new(Space::qubits(64));
    let error = Basis::new(&free, Memory::default()).unwrap_err();
    assert!(
        matches!(
            error,
            ExactError::Memory { .. } | ExactError::TooManyStates { .. }
        ),
        "{error}"
    );
    assert!(
        error.to_string().starts_with("1.8447e19 configurations"),
        "{error}"
    );
    let half = Number::new(Space::qubits(100), 50).unwrap();
    assert!(Basis::new(&half, Memory::default()).is_err());
}

#[test]
fn level_counts_and_options_out_of_range_are_refused() {
    let h = heisenberg_ring(4, 0.0);
    for k in [0, 7] {
        let error = lowest(&h, k, &LanczosParams::default()).unwrap_err();
        assert_eq!(
            error,
            ExactError::LevelCount {
                asked: k,
                dimension: 6
            }
        );
    }
    assert_eq!(lowest(&h, 6, &sparse()).unwrap().energies.len(), 6);
    let params = LanczosParams {
        tolerance: f64::NAN,
        ..sparse()
    };
    assert!(matches!(
        ground_state(&h, &params),
        Err(ExactError::Parameter { .. })
    ));
    let params = LanczosParams {
        max_products: 5,
        ..sparse()
    };
    let error = ground_state(&heisenberg_ring(12, 0.0), &params).unwrap_err();
    assert!(matches!(error, ExactError::NoConvergence { .. }), "{error}");
}
