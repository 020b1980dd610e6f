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

#[test]
#[ignore = "a measurement"]
fn speed() {
    let time = |what: &str, f: &mut dyn FnMut()| {
        let cpu = || rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        let (wall, before) = (std::time::Instant::now(), cpu());
        f();
        let after = cpu();
        let s =
            (after.tv_sec - before.tv_sec) as f64 + (after.tv_nsec - before.tv_nsec) as f64 * 1e-9;
        println!(
            "{what}: wall {:.3} s, cpu {s:.3} s",
            wall.elapsed().as_secs_f64()
        );
    };
    for (name, h) in [
        ("heisenberg 20", heisenberg_ring(20, 0.0)),
        ("tfim 20", tfim_ring(20, 1.0)),
    ] {
        let mut basis = None;
        time("basis", &mut || {
            basis = Basis::new(&**h.sector(), Memory::default()).ok()
        });
        let basis = basis.unwrap();
        let mut matrix = None;
        time("matrix", &mut || {
            matrix = SparseMatrix::new(&h, &basis, Memory::default()).ok()
        });
        let matrix = matrix.unwrap();
        let x = vec![1.0; basis.len()];
        let mut y = x.clone();
        time("10 products", &mut || {
            (0..10).for_each(|_| matrix.apply(&x, &mut y))
        });
        time(name, &mut || {
            let l = ground_state(&h, &LanczosParams::default()).unwrap();
            println!(
                "{:.9} residual {:.1e} products {}",
                l.energies[0], l.residuals[0], l.products
            );
        });
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
            let ground = ground_state(&tfim_ring(n, h), &LanczosParams::default()).unwrap();
            let e = ground.energies[0];
            // Residual 1e-10, gap above 0.01 N: the energy error is rounding.
            assert!(
                (e - exact).abs() < 1e-11 * exact.abs(),
                "n {n} h {h}: {e} against {exact}"
            );
        }
    }
}
