//! The simulator against dense matrices, central differences and unitarity.

use crate::*;
use ketwork_hamiltonians::{
    Action, Boundary, Free, Hamiltonian, Heisenberg, Lattice, LocalMask, LocalSum, Model, Pauli,
    Space, Term, Tfim,
};
use ketwork_models::Stream;
use num_complex::Complex64;
use std::sync::Arc;

pub(crate) fn angles(n: usize, stream: Stream) -> Vec<f64> {
    (0..n)
        .map(|i| 4.0 * stream.uniform(i as u64, 0) - 2.0)
        .collect()
}

pub(crate) fn random_states(n: u32, count: usize, stream: Stream) -> States {
    haar_states(n, count, stream)
}

pub(crate) type Matrix = Vec<Vec<Complex64>>;

pub(crate) fn times(a: &Matrix, b: &Matrix) -> Matrix {
    let n = b.len();
    (a.iter())
        .map(|row| {
            (0..n)
                .map(|j| (0..n).map(|k| row[k] * b[k][j]).sum())
                .collect()
        })
        .collect()
}

pub(crate) fn kron(a: &Matrix, b: &Matrix) -> Matrix {
    a.iter()
        .flat_map(|x| {
            b.iter().map(move |y| {
                x.iter()
                    .flat_map(|p| y.iter().map(move |q| p * q))
                    .collect()
            })
        })
        .collect()
}

pub(crate) fn identity(n: usize) -> Matrix {
    let one = |i, j| Complex64::from(f64::from(u8::from(i == j)));
    (0..n)
        .map(|i| (0..n).map(|j| one(i, j)).collect())
        .collect()
}

/// The matrix of a Pauli string by Kronecker products, qubit 0 first.
pub(crate) fn string_matrix(n: u32, string: &[(u32, Pauli)]) -> Matrix {
    (0..n).fold(identity(1), |m, q| {
        let p = string.iter().find(|s| s.0 == q).map_or(Pauli::I, |s| s.1);
        let mut site = vec![vec![Complex64::default(); 2]; 2];
        for (r, row) in site.iter_mut().enumerate() {
            let (c, v) = p.row(r);
            row[c] = v;
        }
        kron(&m, &site)
    })
}

/// $e^{-i a M}$ by scaling, a Taylor series to rounding, and squaring.
pub(crate) fn exponential(m: &Matrix, a: f64) -> Matrix {
    let n = m.len();
    let small: Matrix = (m.iter())
        .map(|r| {
            r.iter()
                .map(|z| z * Complex64::new(0.0, -a / 64.0))
                .collect()
        })
        .collect();
    let (mut sum, mut power) = (identity(n), identity(n));
    for k in 1..24 {
        power = times(&power, &small);
        power.iter_mut().flatten().for_each(|z| *z /= f64::from(k));
        sum.iter_mut()
            .flatten()
            .zip(power.iter().flatten())
            .for_each(|(s, p)| *s += p);
    }
    (0..6).fold(sum, |s, _| times(&s, &s))
}

/// Columns of a circuit without projections.
fn matrix_of(circuit: &Circuit, theta: &[f64]) -> Matrix {
    let dim = 1usize << circuit.n_qubits();
    let y = circuit
        .apply(theta, &States::new(&identity(dim)).unwrap())
        .unwrap();
    (0..dim)
        .map(|i| (0..dim).map(|j| y.states.row(j)[i]).collect())
        .collect()
}

pub(crate) fn distance(a: &Matrix, b: &Matrix) -> f64 {
    a.iter()
        .flatten()
        .zip(b.iter().flatten())
        .map(|(a, b)| (a - b).norm())
        .fold(0.0, f64::max)
}

fn strings() -> Vec<Vec<(u32, Pauli)>> {
    use Pauli::{X, Y, Z};
    vec![
        vec![(0, X)],
        vec![(1, Y)],
        vec![(2, Z)],
        vec![(0, Z), (2, Z)],
        vec![(0, Y), (1, Y)],
        vec![(0, X), (1, Y), (2, Z)],
        vec![(2, Y), (1, Y), (0, Y)],
        vec![(0, Y), (2, X)],
        vec![(0, Z), (1, X), (2, Y)],
    ]
}

#[test]
fn a_rotation_is_the_exponential_of_its_string() {
    for string in strings() {
        let mut c = Circuit::new(3);
        c.rotation(&string);
        let exact = exponential(&string_matrix(3, &string), 0.5 * 0.83);
        assert!(
            distance(&matrix_of(&c, &[0.83]), &exact) < 1e-14,
            "{string:?}"
        );
    }
}

#[test]
fn the_general_rotation_is_a_product_of_three() {
    let mut c = Circuit::new(3);
    c.general(1);
    let turn = |p, a: f64| exponential(&string_matrix(3, &[(1, p)]), 0.5 * a);
    let exact = times(
        &times(&turn(Pauli::Z, 0.4), &turn(Pauli::Y, -1.1)),
        &turn(Pauli::Z, 2.3),
    );
    assert!(
        distance(&matrix_of(&c, &[0.4, -1.1, 2.3]), &exact) < 1e-14,
        "not a product"
    );
}

#[test]
fn a_cnot_chain_flips_qubit_by_qubit() {
    let mut c = Circuit::new(3);
    c.cnot_chain(false);
    let mut d = Circuit::new(3);
    d.cnots(&[(0, 1), (1, 2)]);
    assert!(
        distance(&matrix_of(&c, &[]), &matrix_of(&d, &[])) < 1e-15,
        "another chain"
    );
    // 100 -> 110 -> 111.
    assert!(
        (matrix_of(&c, &[])[7][4].re - 1.0).abs() < 1e-15,
        "wrong order"
    );
    c.cnot_chain(true);
    assert!(
        distance(&matrix_of(&c, &[]), &identity(8)) < 1e-15,
        "not its inverse"
    );
}

#[test]
fn blocks_are_unitary_and_start_at_the_identity() {
    let mut c = Circuit::new(5);
    c.identity_layers(6);
    let u = matrix_of(&c, &angles(c.n_params(), Stream::new(3)));
    let dagger: Matrix = (0..32)
        .map(|i| (0..32).map(|j| u[j][i].conj()).collect())
        .collect();
    assert!(
        distance(&times(&dagger, &u), &identity(32)) < 1e-12,
        "not unitary"
    );
    let start = matrix_of(&c, &vec![0.0; c.n_params()]);
    assert!(distance(&start, &identity(32)) < 1e-15, "not the identity");
}

/// The matrix of a Hamiltonian, columns from its action on basis states.
fn dense(h: &impl Hamiltonian) -> Matrix {
    let sparse = SparseHamiltonian::new(h).unwrap();
    let columns: Matrix = (identity(8).iter())
        .map(|e| {
            let mut column = vec![Complex64::default(); 8];
            sparse.apply(e, &mut column);
            column
        })
        .collect();
    (0..8)
        .map(|i| (0..8).map(|j| columns[j][i]).collect())
        .collect()
}

#[test]
fn one_term_becomes_its_exponential() {
    let (i, z) = (Complex64::new(0.0, 1.0), Complex64::from);
    let rows: Vec<(u32, u32, Complex64)> = vec![
        (0, 0, z(0.3)),
        (1, 2, z(0.7) + i * 0.2),
        (2, 1, z(0.7) - i * 0.2),
        (3, 3, z(-0.4)),
    ];
    let x = || Action::Pauli(vec![Pauli::X], z(-0.8));
    let cases = [
        (vec![0, 2], vec![], Action::Rows(rows.clone().into())),
        (vec![2, 1], vec![], Action::Rows(rows.clone().into())),
        (
            vec![2, 0],
            vec![(1, LocalMask::only(1))],
            Action::Rows(rows.into()),
        ),
        (
            vec![1],
            vec![(0, LocalMask::only(0)), (2, LocalMask::only(0))],
            x(),
        ),
        (vec![1], vec![], x()),
        (
            vec![0, 1],
            vec![],
            Action::Pauli(vec![Pauli::Y, Pauli::Z], z(0.6)),
        ),
    ];
    for (sites, guard, action) in cases {
        let term = Term {
            sites,
            guard,
            action,
            coupling: 0,
        };
        let name = format!("{term:?}");
        let sum = LocalSum::new(Space::qubits(3), vec![term], vec![("a".into(), 1.0)]).unwrap();
        let model = Model::new(sum, Arc::new(Free::new(Space::qubits(3)))).unwrap();
        let mut c = Circuit::new(3);
        c.hamiltonian_layers(&model, 1).unwrap();
        let exact = exponential(&dense(&model), 0.9);
        assert!(distance(&matrix_of(&c, &[0.9]), &exact) < 1e-13, "{name}");
    }
}

#[test]
fn a_layer_is_the_product_over_couplings() {
    let chain = Lattice::chain(3, Boundary::Periodic).unwrap();
    let with = |j, h| Tfim { j, h, hz: 0.0 }.on(&chain).unwrap();
    let mut c = Circuit::new(3);
    c.hamiltonian_layers(&with(1.0, 1.0), 1).unwrap();
    // Angles of j, h and hz.
    let exact = times(
        &exponential(&dense(&with(0.0, 1.0)), 0.7),
        &exponential(&dense(&with(1.0, 0.0)), 0.3),
    );
    assert!(
        distance(&matrix_of(&c, &[0.3, 0.7, 0.0]), &exact) < 1e-13,
        "another order"
    );
}

/// Every kind of operation in one circuit.
fn everything() -> Circuit {
    let chain = Lattice::chain(3, Boundary::Open).unwrap();
    let heisenberg = Heisenberg {
        twice_sz: 1,
        ..Heisenberg::default()
    }
    .on(&chain)
    .unwrap();
    let mut c = Circuit::new(3);
    c.identity_layers(2).append_ancillas(2).identity_layers(2);
    for string in strings() {
        c.rotation(&string);
    }
    c.project_ancillas(1).identity_layers(2).project_ancillas(1);
    c.leaky_relu(0.3);
    c.hamiltonian_layers(&heisenberg, 2).unwrap();
    c.hamiltonian_layers(&Tfim::new(1.0).on(&chain).unwrap(), 1)
        .unwrap();
    c.rotation(&[(0, Pauli::X), (2, Pauli::Y)]).general(1);
    c
}

#[test]
fn gradients_equal_central_differences() {
    let c = everything();
    let x = random_states(3, 11, Stream::new(5));
    let target = random_states(3, 11, Stream::new(6));
    let theta = angles(c.n_params(), Stream::new(7));
    let loss =
        |theta: &[f64]| c.pullback(theta, &x, |i, psi, out| infidelity(target.row(i), psi, out));
    let exact = loss(&theta).gradient;
    for p in 0..theta.len() {
        let at = |by: f64| {
            let mut t = theta.clone();
            t[p] += by;
            loss(&t).loss.iter().sum::<f64>()
        };
        // Fourth order: the truncation error h^4 stays below 1e-10 at h = 2e-3.
        let h = 2e-3;
        let numeric = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
        assert!(
            (numeric - exact[p]).abs() < 1e-8,
            "angle {p}: {numeric} and {}",
            exact[p]
        );
    }
}

#[test]
fn energy_gradients_equal_central_differences() {
    let chain = Lattice::chain(4, Boundary::Periodic).unwrap();
    let h = Tfim::new(0.8).on(&chain).unwrap();
    let sparse = SparseHamiltonian::new(&h).unwrap();
    let mut c = Circuit::new(4);
    c.hamiltonian_layers(&h, 3).unwrap();
    let x = random_states(4, 3, Stream::new(1));
    let theta = angles(c.n_params(), Stream::new(2));
    let run = |t: &[f64]| c.pullback(t, &x, |_, psi, out| sparse.energy(psi, out));
    let exact = run(&theta).gradient;
    for p in 0..theta.len() {
        let at = |by: f64| {
            let mut t = theta.clone();
            t[p] += by;
            run(&t).loss.iter().sum::<f64>()
        };
        let h = 1e-3;
        let numeric = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
        assert!(
            (numeric - exact[p]).abs() < 1e-8,
            "angle {p}: {numeric} and {}",
            exact[p]
        );
    }
}

#[test]
fn an_idle_ancilla_is_projected_with_probability_one() {
    let shape = Bottleneck {
        n_qubits: 3,
        ancillas: 2,
        label_qubits: 0,
        rounds: 2,
        layers: [2, 4, 2],
        activation: None,
        measured: false,
    };
    let (c, _) = shape.circuit();
    let x = random_states(3, 9, Stream::new(8));
    let y = c.apply(&vec![0.0; c.n_params()], &x).unwrap();
    for i in 0..9 {
        assert!(
            (y.probability[i] - 1.0).abs() < 1e-14,
            "{}",
            y.probability[i]
        );
        assert!(
            (fidelity(x.row(i), y.states.row(i)) - 1.0).abs() < 1e-13,
            "state {i}"
        );
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let c = everything();
    let x = random_states(3, 100, Stream::new(5));
    let theta = angles(c.n_params(), Stream::new(7));
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            c.pullback(&theta, &x, |_, p, out| infidelity(x.row(0), p, out))
                .gradient
        })
    };
    let one: Vec<u64> = run(1).iter().map(|g| g.to_bits()).collect();
    for threads in [2, 3, 5] {
        let many: Vec<u64> = run(threads).iter().map(|g| g.to_bits()).collect();
        assert_eq!(one, many, "{threads} threads");
    }
}

#[test]
fn twenty_qubits_keep_their_norm_and_know_their_memory() {
    let n = 20;
    let x = random_states(n, 1, Stream::new(20));
    // One gate, amplitude by amplitude: exp(-i theta X_7/2) mixes i with its bit 19 - 7 flipped.
    let (theta, bit) = (0.7f64, 1usize << (n - 1 - 7));
    let mut one = Circuit::new(n);
    one.rotation(&[(7, Pauli::X)]);
    let y = one.apply(&[theta], &x).unwrap();
    let (c, s) = ((0.5 * theta).cos(), (0.5 * theta).sin());
    let (x0, y0) = (x.row(0), y.states.row(0));
    let error = |i: usize| (y0[i] - (x0[i] * c - Complex64::i() * s * x0[i ^ bit])).norm();
    let worst = (0..x0.len()).map(error).fold(0.0, f64::max);
    // The norm, a sum of 2^20 squares, is rounded by at most 2^20 times 1.1e-16; amplitudes are below 5e-3.
    assert!(worst < 6e-13, "{worst}");
    let mut circuit = Circuit::new(n);
    circuit.general(0).general(10).general(19).cnot_chain(false);
    circuit.rotation(&[(0, Pauli::Y), (13, Pauli::Z), (19, Pauli::X)]);
    circuit.append_ancillas(1).cnot_chain(true);
    circuit.project_ancillas(1);
    let y = circuit
        .apply(&angles(circuit.n_params(), Stream::new(21)), &x)
        .unwrap();
    // The ancilla stays 0: the circuit is unitary.
    assert!(
        (y.probability[0] - 1.0).abs() < 1e-12,
        "{:?}",
        y.probability
    );
    // Four blocks of eight states, and one kept for the projection, on 21 qubits.
    let threads = rayon::current_num_threads() as f64;
    let block = 8.0 * 16.0 * 2f64.powi(21);
    let needed = circuit.memory() / (5.0 * block * threads);
    assert!((needed - 1.0).abs() < 1e-12, "{needed}");
    let enough = circuit.memory() as u64;
    assert_eq!(circuit.check_memory(enough), Ok(()));
    let error = circuit.check_memory(enough - 1).unwrap_err();
    assert!(
        matches!(error, DiffusionError::Memory { n_qubits: 21, .. }),
        "{error}"
    );
    // Beyond what states may have, whatever the memory.
    let mut large = Circuit::new(States::MAX_QUBITS);
    large.append_ancillas(1).project_ancillas(1);
    assert!(large.check_memory(u64::MAX).is_err(), "25 qubits");
}
