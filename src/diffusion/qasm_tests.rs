//! Exported programs, run by an interpreter that shares no code with the simulator.

use crate::gate::Local;
use crate::model_tests::data;
use crate::states::inner;
use crate::tests::{angles, random_states};
use crate::*;
use ketwork_hamiltonians::{Boundary, Lattice, Pauli, Tfim, Xxz};
use ketwork_models::Stream;
use num_complex::Complex64;
use std::f64::consts::FRAC_1_SQRT_2;

type Amplitudes = Vec<Complex64>;

/// One branch of measured outcomes: amplitudes whose squared norm is its probability; bit k of a
/// basis state is `q[k]`.
fn one_qubit(psi: &mut Amplitudes, q: usize, m: [[Complex64; 2]; 2]) {
    for i in (0..psi.len()).filter(|i| i >> q & 1 == 0) {
        let j = i | 1 << q;
        let (a, b) = (psi[i], psi[j]);
        psi[i] = m[0][0] * a + m[0][1] * b;
        psi[j] = m[1][0] * a + m[1][1] * b;
    }
}

/// Keeps the basis states in which qubit q is `value`.
fn restricted(psi: &Amplitudes, q: usize, value: usize) -> Amplitudes {
    let keep = |(i, z): (usize, &Complex64)| {
        if i >> q & 1 == value {
            *z
        } else {
            Complex64::default()
        }
    };
    psi.iter().enumerate().map(keep).collect()
}

/// The matrix of a gate of stdgates.inc by its definition in the OpenQASM 3 specification.
fn gate(name: &str, a: f64) -> [[Complex64; 2]; 2] {
    let (c, s) = ((a / 2.0).cos(), (a / 2.0).sin());
    let z = |re: f64, im: f64| Complex64::new(re, im);
    match name {
        "rx" => [[z(c, 0.0), z(0.0, -s)], [z(0.0, -s), z(c, 0.0)]],
        "ry" => [[z(c, 0.0), z(-s, 0.0)], [z(s, 0.0), z(c, 0.0)]],
        "rz" => [[z(c, -s), z(0.0, 0.0)], [z(0.0, 0.0), z(c, s)]],
        "x" => [[z(0.0, 0.0), z(1.0, 0.0)], [z(1.0, 0.0), z(0.0, 0.0)]],
        "h" => {
            let r = FRAC_1_SQRT_2;
            [[z(r, 0.0), z(r, 0.0)], [z(r, 0.0), z(-r, 0.0)]]
        }
        other => panic!("{other} is no gate of one qubit"),
    }
}

/// Runs a program on a state of `q[0]` (most significant) to `q[n - 1]`: the branches that are kept,
/// not normalised, on the data qubits.
fn run(program: &str, x: &[Complex64]) -> Vec<Amplitudes> {
    let n = x.len().ilog2() as usize;
    let mut branches: Vec<Amplitudes> = Vec::new();
    let mut results = 0;
    for (number, text) in program.lines().enumerate() {
        let (code, comment) = text.split_once("//").unwrap_or((text, ""));
        if code.trim().is_empty() {
            continue;
        }
        let code = code.trim().strip_suffix(';').expect("a semicolon");
        let index = |s: &str| -> usize {
            let inside = s.split_once('[').unwrap().1.split_once(']').unwrap().0;
            inside.parse().unwrap()
        };
        // A global phase, which no state shows.
        if code.starts_with("gphase(") {
            continue;
        }
        let (word, rest) = code.split_once(' ').unwrap();
        match (number, word) {
            (0, "OPENQASM") => assert_eq!(rest, "3.0"),
            (1, "include") => assert_eq!(rest, "\"stdgates.inc\""),
            (2, _) => {
                let total = index(word);
                let place = |i: usize| (0..n).map(|q| (i >> (n - 1 - q) & 1) << q).sum::<usize>();
                let mut psi = vec![Complex64::default(); 1 << total];
                x.iter().enumerate().for_each(|(i, z)| psi[place(i)] = *z);
                branches.push(psi);
            }
            (_, bits) if bits.starts_with("bit[") => results = index(bits),
            (_, "reset") => {
                // Of a qubit that is in use no more: each of its outcomes is turned to 0.
                let q = index(rest);
                let turn = |psi: &Amplitudes| {
                    let mut one = restricted(psi, q, 1);
                    one_qubit(&mut one, q, gate("x", 0.0));
                    [restricted(psi, q, 0), one]
                };
                branches = branches.iter().flat_map(turn).collect();
            }
            (_, "cx") => {
                let (c, t) = rest.split_once(", ").unwrap();
                let (c, t) = (index(c), index(t));
                for psi in &mut branches {
                    for i in (0..psi.len()).filter(|i| i >> c & 1 == 1 && i >> t & 1 == 0) {
                        psi.swap(i, i | 1 << t);
                    }
                }
            }
            (_, c) if c.starts_with("c[") => {
                assert!(index(c) < results, "result {c} of {results}");
                let q = index(rest.strip_prefix("= measure ").unwrap());
                let keep: &[usize] = match comment.trim() {
                    "keep 0" => &[0],
                    "keep 1" => &[1],
                    "keep either" => &[0, 1],
                    other => panic!("{other}: which results are kept?"),
                };
                let cut = |psi: &Amplitudes| -> Vec<Amplitudes> {
                    keep.iter().map(|v| restricted(psi, q, *v)).collect()
                };
                branches = branches.iter().flat_map(cut).collect();
            }
            (_, word) => {
                let (name, angle) = match word.split_once('(') {
                    Some((name, a)) => (name, a.strip_suffix(')').unwrap().parse().unwrap()),
                    None => (word, 0.0),
                };
                for psi in &mut branches {
                    one_qubit(psi, index(rest), gate(name, angle));
                }
            }
        }
        branches.retain(|psi| psi.iter().any(|z| z.norm_sqr() > 1e-30));
    }
    let data = |psi: &Amplitudes| -> Vec<Amplitudes> {
        // Whatever dropped qubits hold after their measurement is another branch.
        let place = |i: usize| (0..n).map(|q| (i >> (n - 1 - q) & 1) << q).sum::<usize>();
        let of = |k: usize| (0..1 << n).map(|i| psi[k << n | place(i)]).collect();
        (0..psi.len() >> n).map(of).collect()
    };
    let kept = |psi: &Amplitudes| psi.iter().any(|z| z.norm_sqr() > 1e-30);
    branches.iter().flat_map(data).filter(kept).collect()
}

/// The only branch, normalised, and its probability.
fn single(program: &str, x: &[Complex64]) -> (Amplitudes, f64) {
    let mut branches = run(program, x);
    assert_eq!(branches.len(), 1, "one branch is kept");
    let psi = branches.remove(0);
    let p: f64 = psi.iter().map(Complex64::norm_sqr).sum();
    (psi.iter().map(|z| z / p.sqrt()).collect(), p)
}

fn check(name: &str, program: &str, x: &States, states: &States, probability: &[f64]) {
    for (i, expected) in probability.iter().enumerate() {
        let (psi, p) = single(program, x.row(i));
        let f = fidelity(states.row(i), &psi);
        assert!((f - 1.0).abs() < 1e-12, "{name}, state {i}: fidelity {f}");
        let relative = p / expected - 1.0;
        assert!(relative.abs() < 1e-11, "{name}: {p}, {expected}");
    }
}

#[test]
fn the_program_does_what_the_circuit_does() {
    let mut c = Circuit::new(3);
    c.identity_layers(2).append_ancillas(1).identity_layers(2);
    c.rotation(&[(0, Pauli::X), (1, Pauli::Y), (2, Pauli::Z)]);
    c.rotation(&[(3, Pauli::Y), (1, Pauli::Y)]);
    c.rotation(&[(2, Pauli::X)]);
    c.project_ancillas(1).identity_layers(2);
    let theta = angles(c.n_params(), Stream::new(1));
    let x = random_states(3, 4, Stream::new(2));
    let y = c.apply(&theta, &x).unwrap();
    let program = c.to_qasm(&theta, 0).unwrap();
    check("circuit", &program, &x, &y.states, &y.probability);
}

/// What the steps of a model make of states, with the probabilities.
fn denoised(model: &DiffusionModel, x: &States, condition: &Condition) -> (States, Vec<f64>) {
    let (mut states, mut probability) = (x.clone(), vec![1.0; x.len()]);
    for t in (1..=model.process().steps()).rev() {
        let next = model
            .denoise(t, &states, condition, Stream::new(9))
            .unwrap();
        states = next.states;
        let each = probability.iter_mut().zip(next.probability);
        each.for_each(|(p, q)| *p *= q);
    }
    (states, probability)
}

/// A model away from the identity in all its parameters, offsets by conditions included.
fn stirred(data: &Data, params: &DiffusionParams) -> DiffusionModel {
    let mut model = DiffusionModel::new(data, params, Stream::new(3)).unwrap();
    for (t, theta) in model.theta.iter_mut().enumerate() {
        *theta = angles(theta.len(), Stream::new(4).numbered(t as u64));
    }
    model
}

fn linear() -> DiffusionParams {
    DiffusionParams {
        steps: 2,
        rounds: 2,
        layers: [2, 2, 2],
        activation: None,
        ..DiffusionParams::default()
    }
}

#[test]
fn the_program_of_a_model_samples_what_the_model_samples() {
    let labelled = data(3, 6);
    let ring = Lattice::chain(3, Boundary::Periodic).unwrap();
    let tfim = |h: f64| Tfim::new(h).on(&ring).unwrap();
    let family = Data::ground_states(&[0.5, 1.0, 1.5], tfim).unwrap();
    let two = DiffusionParams {
        ancillas: 2,
        conditioning: Conditioning::LabelQubits,
        ..linear()
    };
    let x = random_states(3, 4, Stream::new(5));
    let cases = [
        ("labels by offsets", &labelled, linear()),
        ("label qubits, two ancillas", &labelled, two),
        ("couplings", &family, linear()),
    ];
    for (name, data, params) in cases {
        let model = stirred(data, &params);
        for i in [0, 1, 2] {
            let condition = data.select(&[i; 4]).condition;
            let (states, probability) = denoised(&model, &x, &condition);
            let program = model.to_qasm(&condition, 0).unwrap();
            check(name, &program, &x, &states, &probability);
        }
    }
    let mut model =
        DiffusionModel::variational(&family, &linear(), &tfim(1.0), Stream::new(6)).unwrap();
    for theta in &mut model.theta {
        *theta = angles(theta.len(), Stream::new(7));
    }
    let condition = family.select(&[2; 4]).condition;
    let (states, probability) = denoised(&model, &x, &condition);
    let program = model.to_qasm(&condition, 0).unwrap();
    check("terms", &program, &x, &states, &probability);
}

/// A gate of a real symmetric matrix on bits.
fn local(bits: &[u32], guard: (usize, usize), a: &[&[f64]]) -> Local {
    let (energies, vectors) =
        ketwork_linalg::eigen_complex(a.len(), |i, j| Complex64::from(a[i][j])).unwrap();
    Local {
        param: 0,
        bits: bits.to_vec(),
        guard,
        energies,
        vectors,
    }
}

#[test]
fn matrices_become_the_strings_that_they_are_made_of() {
    // Flip-flops and swaps of XXZ bonds, and an X between two neighbours that must be 0 and 1.
    let ring = Lattice::chain(4, Boundary::Periodic).unwrap();
    let mut bonds = Circuit::new(4);
    bonds
        .hamiltonian_layers(&Xxz::new(0.5).on(&ring).unwrap(), 2)
        .unwrap();
    let mut guarded = Circuit::new(4);
    guarded.new_params(1);
    guarded.matrix(local(&[1], (0b1001, 0b1000), &[&[0.0, 1.0], &[1.0, 0.0]]));
    let x = random_states(4, 3, Stream::new(10));
    for (name, c) in [("bonds", bonds), ("guarded", guarded)] {
        let theta = angles(c.n_params(), Stream::new(11));
        let y = c.apply(&theta, &x).unwrap();
        let program = c.to_qasm(&theta, 0).unwrap();
        check(name, &program, &x, &y.states, &y.probability);
    }
}

#[test]
fn measured_ancillas_leave_the_mixture_that_is_trained() {
    let params = DiffusionParams {
        measured: true,
        rounds: 1,
        steps: 1,
        conditioning: Conditioning::None,
        ..linear()
    };
    let data = data(2, 3);
    let model = stirred(&data, &params);
    let x = random_states(2, 3, Stream::new(8));
    let target = random_states(2, 3, Stream::new(9));
    let trained = model.gradient(1, &x, &target, &data.condition).loss;
    let program = model.to_qasm(&data.condition, 0).unwrap();
    for (i, loss) in trained.iter().enumerate() {
        let branches = run(&program, x.row(i));
        assert_eq!(branches.len(), 2, "both outcomes");
        let overlap = |psi: &Amplitudes| inner(target.row(i), psi).norm_sqr();
        let f: f64 = branches.iter().map(overlap).sum();
        assert!((1.0 - f - loss).abs() < 1e-12, "{f} and {loss}");
    }
}

#[test]
fn what_no_device_can_do_is_refused_by_name() {
    let data = data(3, 6);
    let refused = |params: DiffusionParams| {
        let model = DiffusionModel::new(&data, &params, Stream::new(1)).unwrap();
        match model.to_qasm(&data.condition, 0) {
            Err(DiffusionError::NoGate { operation, .. }) => operation,
            other => panic!("{other:?}"),
        }
    };
    let cases = [
        (
            "a leaky ReLU",
            DiffusionParams {
                activation: Some(0.5),
                ..linear()
            },
        ),
        (
            "a network that adds to the angles",
            DiffusionParams {
                hidden: vec![4],
                ..linear()
            },
        ),
        (
            "fresh noise between the steps",
            DiffusionParams {
                fresh_noise: 0.5,
                ..linear()
            },
        ),
    ];
    for (expected, params) in cases {
        assert_eq!(refused(params), expected);
    }
    // Angles without what a network adds are not those of the circuit that samples.
    let hybrid = DiffusionParams {
        hidden: vec![4],
        ..linear()
    };
    let model = DiffusionModel::new(&data, &hybrid, Stream::new(1)).unwrap();
    assert!(model.angles(1, &data.condition, 0).is_err(), "half angles");
    // X + Z is one gate of the simulator, but no product of exponentials of strings.
    let mut c = Circuit::new(1);
    c.new_params(1);
    c.matrix(local(&[0], (0, 0), &[&[1.0, 1.0], &[1.0, -1.0]]));
    let error = c.to_qasm(&[0.3], 0).unwrap_err();
    assert!(error.to_string().contains("do not commute"), "{error}");
    let mut c = Circuit::new(1);
    c.general(0);
    let error = c.to_qasm(&[0.0, f64::NAN, 0.0], 0).unwrap_err();
    assert!(error.to_string().starts_with("angle = NaN"), "{error}");
    // Three classes have two label qubits.
    let params = DiffusionParams {
        conditioning: Conditioning::LabelQubits,
        ..linear()
    };
    let model = DiffusionModel::new(&data, &params, Stream::new(1)).unwrap();
    let angles = model.angles(1, &data.condition, 0).unwrap();
    let error = model.circuit().to_qasm(&angles, 7).unwrap_err();
    assert!(error.to_string().starts_with("label = 7"), "{error}");
}
