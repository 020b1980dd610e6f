//! Steps of a Hamiltonian's terms, and training on depolarised states.

use crate::depolarise::depolarised_pairs;
use crate::model_tests::{self, check_derivatives, data};
use crate::tests::{Matrix, distance, identity, random_states};
use crate::*;
use ketwork_hamiltonians::{
    Action, Boundary, Free, Hamiltonian, Heisenberg, Lattice, LocalMask, LocalSum, Model, Pauli,
    Space, Term, Tfim, Xxz,
};
use ketwork_models::Stream;
use num_complex::Complex64;
use std::sync::Arc;

fn ring(n: usize, h: f64) -> Model<f64> {
    let chain = Lattice::chain(n, Boundary::Periodic).unwrap();
    Tfim::new(h).on(&chain).unwrap()
}

/// The linear map of a circuit with projections, not normalised.
fn map_of(circuit: &Circuit, theta: &[f64]) -> Matrix {
    let dim = 1usize << circuit.n_qubits();
    let y = circuit
        .apply(theta, &States::new(&identity(dim)).unwrap())
        .unwrap();
    let at = |i: usize, j: usize| y.states.row(j)[i] * y.probability[j].sqrt();
    (0..dim)
        .map(|i| (0..dim).map(|j| at(i, j)).collect())
        .collect()
}

/// A term that acts on a qubit only where its neighbours are 0, and a matrix with complex elements.
fn guarded() -> Model<Complex64> {
    let z = Complex64::new;
    let guard = vec![(0, LocalMask::only(0)), (2, LocalMask::only(0))];
    let pxp = (vec![1], guard, Action::Pauli(vec![Pauli::X], z(0.8, 0.0)));
    let rows = vec![
        (1, 2, z(0.7, 0.2)),
        (2, 1, z(0.7, -0.2)),
        (3, 3, z(-0.4, 0.0)),
    ];
    let hop = (vec![0, 2], vec![], Action::Rows(rows.into()));
    let terms = [pxp, hop].map(|(sites, guard, action)| Term {
        sites,
        guard,
        action,
        coupling: 0,
    });
    let sum = LocalSum::new(Space::qubits(3), terms.into(), vec![("a".into(), 1.0)]).unwrap();
    Model::new(sum, Arc::new(Free::new(Space::qubits(3)))).unwrap()
}

fn check_mean_of_two<H: Hamiltonian>(name: &str, model: &H) {
    let mut coupled = Circuit::new(3);
    coupled.append_ancillas(1);
    coupled.coupled_layers(model, 1).unwrap();
    coupled.project_ancillas(1);
    let (phi, theta, both) = (0.9, 0.4, 0.7);
    let k = map_of(&coupled, &[phi, theta, both]);
    // U+- without ancilla: the terms by theta, then by +-both, and a phase.
    let mut two = Circuit::new(3);
    two.hamiltonian_layers(model, 2).unwrap();
    let mean: Matrix = {
        let u = [1.0, -1.0].map(|s| (map_of(&two, &[theta, s * both]), s));
        let at = |i: usize, j: usize| -> Complex64 {
            let part =
                |(u, s): &(Matrix, f64)| u[i][j] * Complex64::from_polar(0.5, -0.5 * s * phi);
            u.iter().map(part).sum()
        };
        (0..8).map(|i| (0..8).map(|j| at(i, j)).collect()).collect()
    };
    assert!(
        distance(&k, &mean) < 1e-13,
        "{name}: {}",
        distance(&k, &mean)
    );
    let alone = map_of(&two, &[theta, 0.0]);
    assert!(
        distance(&k, &alone) > 0.1,
        "{name}: the ancilla does nothing"
    );
}

#[test]
fn a_projected_ancilla_leaves_the_mean_of_two_circuits() {
    let chain = Lattice::chain(3, Boundary::Open).unwrap();
    let heisenberg = Heisenberg {
        twice_sz: 1,
        ..Heisenberg::default()
    };
    check_mean_of_two("Heisenberg", &heisenberg.on(&chain).unwrap());
    check_mean_of_two("guarded and complex", &guarded());
}

/// Random states of a family on three sites, and a run on them.
fn family() -> (Data, DiffusionParams) {
    let data = Data {
        states: random_states(3, 11, Stream::new(1)),
        condition: Condition::Values((0..11).map(|i| 0.1 * f64::from(i)).collect()),
        shape: (2, 4),
    };
    let params = DiffusionParams {
        steps: 3,
        layers: [2, 2, 2],
        rounds: 1,
        activation: None,
        initial: 0.4,
        ..DiffusionParams::default()
    };
    (data, params)
}

#[test]
fn derivatives_of_variational_steps_equal_central_differences() {
    let (data, base) = family();
    let target = random_states(3, 11, Stream::new(4));
    let with = |f: &dyn Fn(&mut DiffusionParams)| {
        let mut p = base.clone();
        f(&mut p);
        p
    };
    let cases = [
        ("variational", base.clone()),
        ("two ancillas", with(&|p| p.ancillas = 2)),
        ("three rounds", with(&|p| p.rounds = 3)),
        ("no ancilla", with(&|p| p.ancillas = 0)),
        ("measured", with(&|p| p.measured = true)),
        ("leaky ReLU", with(&|p| p.activation = Some(0.2))),
        ("network", with(&|p| p.hidden = vec![7])),
    ];
    for (name, params) in cases {
        let model =
            DiffusionModel::variational(&data, &params, &ring(3, 0.8), Stream::new(2)).unwrap();
        check_derivatives(name, model, |m| {
            m.gradient(2, &data.states, &target, &data.condition)
        });
    }
    let model = DiffusionModel::variational(&data, &base, &guarded(), Stream::new(2)).unwrap();
    check_derivatives("guarded and complex", model, |m| {
        m.gradient(2, &data.states, &target, &data.condition)
    });
}

#[test]
fn a_variational_step_keeps_the_symmetries_of_its_terms() {
    // Ising terms commute with the shift of a ring by one site; general rotations do not.
    let (data, params) = family();
    let shift =
        |x: &[Complex64]| -> Vec<Complex64> { (0..8).map(|i| x[(i << 1 | i >> 2) & 7]).collect() };
    let change = |model: &DiffusionModel| {
        let one = |x: States| {
            let made = model
                .denoise(2, &x, &data.condition, Stream::new(5))
                .unwrap();
            made.states.row(0).to_vec()
        };
        let x = data.states.select(&[0]);
        let (then, first) = (
            shift(&one(x.clone())),
            one(States::new(&[shift(x.row(0))]).unwrap()),
        );
        1.0 - fidelity(&then, &first)
    };
    let model = DiffusionModel::variational(&data, &params, &ring(3, 0.8), Stream::new(2)).unwrap();
    assert!(change(&model).abs() < 1e-12, "{}", change(&model));
    let general = DiffusionModel::new(&data, &params, Stream::new(2)).unwrap();
    assert!(change(&general) > 1e-2, "{}", change(&general));
    assert!(
        model.n_params() < general.n_params() / 2,
        "{} and {} parameters",
        model.n_params(),
        general.n_params()
    );
}

/// Ground states of Ising rings of four sites: five seen fields, four between them.
fn ising() -> Split {
    let of = |fields: &[f64]| Data::ground_states(fields, |h| ring(4, h)).unwrap();
    Split {
        train: of(&[0.5, 0.75, 1.0, 1.25, 1.5]),
        held_out: of(&[0.6, 0.9, 1.1, 1.4]),
    }
}

fn finished(mut training: Training<'_>) -> Diffusion {
    training.by_ref().for_each(|epoch| {
        epoch.unwrap();
    });
    training.finish().unwrap()
}

/// Every step beats doing nothing, and the states at unseen fields the training state of the nearest.
fn beats_both_baselines(name: &str, report: &Report, made: f64) {
    let steps = report.infidelity.iter().zip(&report.identity_baseline);
    for (t, (trained, idle)) in steps.enumerate() {
        assert!(
            trained < idle,
            "{name}, step {}: {trained} and {idle}",
            t + 1
        );
    }
    let near = 1.0 - report.nearest_baseline.unwrap();
    assert!(
        made < 0.5 * near,
        "{name}: infidelity {made} at unseen fields, {near} of the nearest training state"
    );
}

#[test]
fn terms_of_the_ising_model_learn_its_ground_states() {
    let split = ising();
    let params = DiffusionParams {
        epochs: 60,
        rounds: 4,
        samples: 64,
        ..DiffusionParams::ground_states()
    };
    let training = Training::variational(&split, &params, &ring(4, 1.0), Stream::new(1)).unwrap();
    let report = finished(training).report;
    let made = 1.0 - report.conditional_fidelity.unwrap();
    beats_both_baselines("variational", &report, made);
}

fn depolarising(params: DiffusionParams) -> DiffusionParams {
    DiffusionParams {
        forward: Forward::Depolarising,
        ..params
    }
}

#[test]
fn derivatives_on_depolarised_states_equal_central_differences() {
    let (states, params) = family();
    let params = depolarising(params);
    let labelled = data(3, 11);
    for (name, data) in [("values", &states), ("labels", &labelled)] {
        let model = DiffusionModel::new(data, &params, Stream::new(2)).unwrap();
        let (x, y) = depolarised_pairs(&model, &data.states, 2).unwrap();
        check_derivatives(name, model, |m| {
            m.density_gradient(2, &x, &y, &data.condition).unwrap()
        });
    }
    let model =
        DiffusionModel::variational(&states, &params, &ring(3, 0.8), Stream::new(2)).unwrap();
    let (x, y) = depolarised_pairs(&model, &states.states, 2).unwrap();
    check_derivatives("variational", model, |m| {
        m.density_gradient(2, &x, &y, &states.condition).unwrap()
    });
}

/// Largest deviation of a mean of matrices |x><x| weighted by w from `exact`, in standard errors.
fn worst_z(rows: &[(Vec<Complex64>, f64)], exact: &Density) -> f64 {
    let (n, dim) = (rows.len() as f64, 1usize << exact.n_qubits());
    let mut worst: f64 = 0.0;
    for i in 0..dim {
        for j in 0..=i {
            let value = |(x, w): &(Vec<Complex64>, f64)| x[i] * x[j].conj() * *w;
            let mean: Complex64 = rows.iter().map(value).sum::<Complex64>() / n;
            let variance = rows
                .iter()
                .map(|r| (value(r) - mean).norm_sqr())
                .sum::<f64>()
                / n;
            let z = (mean - exact.elements()[i * dim + j]).norm() / (variance / n).sqrt();
            worst = worst.max(z);
        }
    }
    worst
}

#[test]
fn depolarising_is_the_mean_of_gaussian_noise() {
    // E[x_t x_t^+] = abar x_0 x_0^+ + (1 - abar)/2^n before normalisation.
    let process = ForwardProcess::new(&Schedule::Cosine, 5, NoiseScale::Normalised).unwrap();
    let x0 = random_states(2, 1, Stream::new(6));
    let pure = Density::pure(x0.row(0)).unwrap();
    for t in [1, 3, 5] {
        let many = x0.select(&vec![0; 20_000]);
        let flat = process.diffuse(&many, t, 0, Stream::new(7).numbered(t as u64));
        let rows: Vec<_> = flat.chunks_exact(4).map(|r| (r.to_vec(), 1.0)).collect();
        let z = worst_z(&rows, &pure.depolarised(process.alpha_bar(t)));
        // Ten elements: one beyond 4.5 standard errors has a probability below 1e-3.
        assert!(z < 4.5, "t = {t}: {z}");
    }
}

#[test]
fn the_generated_mixture_is_the_weighted_mean_of_generated_states() {
    let (data, mut params) = family();
    params.initial = 0.8;
    let model = DiffusionModel::new(&data, &params, Stream::new(8)).unwrap();
    let one = Condition::Values(vec![0.4; 20_000]);
    let (mixture, probability) = model.sample_density(&one, 1).unwrap().remove(0);
    let made = model.sample(&one, 20_000, Stream::new(9)).unwrap();
    let weighted = made.states.rows().zip(&made.probability);
    let rows: Vec<_> = weighted
        .map(|(x, p)| (x.to_vec(), p / probability))
        .collect();
    // 36 elements, as in the test of the ceiling.
    let z = worst_z(&rows, &mixture);
    assert!(z < 4.5, "{z}");
    assert!(
        probability < 0.9,
        "{probability}: projections that cost nothing test nothing"
    );
}

#[test]
fn training_on_depolarised_states_learns_ground_states() {
    let split = ising();
    let params = depolarising(DiffusionParams {
        steps: 2,
        schedule: Schedule::Between {
            first: 0.6,
            last: 0.9,
        },
        epochs: 200,
        rounds: 4,
        learning_rate: 0.05,
        samples: 64,
        ..DiffusionParams::ground_states()
    });
    let h = ring(4, 1.0);
    let training = Training::variational(&split, &params, &h, Stream::new(1)).unwrap();
    let found = finished(training);
    let unseen = &split.held_out;
    let mixtures = found.model.sample_density(&unseen.condition, unseen.len());
    let of = |(i, (rho, _)): (usize, (Density, f64))| 1.0 - rho.fidelity(unseen.states.row(i));
    let each = mixtures.unwrap().into_iter().enumerate().map(of);
    let made = each.sum::<f64>() / unseen.len() as f64;
    beats_both_baselines("depolarising", &found.report, made);
}

#[test]
fn what_mixed_states_or_terms_cannot_do_is_refused_by_name() {
    let (data, params) = family();
    let params = depolarising(params);
    let key = |f: &dyn Fn(&mut DiffusionParams)| {
        let mut p = params.clone();
        f(&mut p);
        match DiffusionModel::new(&data, &p, Stream::new(1)).unwrap_err() {
            DiffusionError::Parameter { key, .. } => key,
            DiffusionError::Memory { .. } => "memory",
            other => panic!("{other}"),
        }
    };
    assert_eq!(key(&|p| p.activation = Some(0.2)), "activation");
    assert_eq!(key(&|p| p.hidden = vec![3]), "hidden");
    assert_eq!(key(&|p| p.measured = true), "measured");
    assert_eq!(
        key(&|p| p.conditioning = Conditioning::LabelQubits),
        "conditioning"
    );
    assert_eq!(key(&|p| p.fresh_noise = 0.5), "fresh_noise");
    let natural = Optimizer::NaturalGradient {
        shift: 0.1,
        states: 4,
    };
    assert_eq!(key(&|p| p.optimizer = natural), "optimizer");
    assert_eq!(key(&|p| p.ancillas = 6), "memory");
    // Enough for state vectors, not for density matrices, of one thread.
    let alone = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    let little = |p: &mut DiffusionParams| p.memory = 100_000;
    assert_eq!(alone.install(|| key(&little)), "memory");
    let mut vectors = family().1;
    little(&mut vectors);
    let model = alone.install(|| DiffusionModel::new(&data, &vectors, Stream::new(1)));
    assert!(model.is_ok(), "state vectors fit");

    let labelled = model_tests::data(3, 6);
    let labels = DiffusionParams {
        conditioning: Conditioning::LabelQubits,
        ..family().1
    };
    let e = DiffusionModel::variational(&labelled, &labels, &ring(3, 1.0), Stream::new(1));
    let e = e.unwrap_err();
    assert!(
        matches!(
            e,
            DiffusionError::Parameter {
                key: "conditioning",
                ..
            }
        ),
        "{e}"
    );
    let e = DiffusionModel::variational(&data, &family().1, &ring(4, 1.0), Stream::new(1));
    assert!(
        matches!(e.unwrap_err(), DiffusionError::Mismatch { .. }),
        "another number of sites"
    );
}

#[test]
fn ground_states_are_those_of_the_sector_and_single() {
    // Two spins, delta = -2: aligned pairs have -1/2; in Sz = 0 the singlet has -delta/4 - 1/2 = 0.
    let pair = Lattice::chain(2, Boundary::Open).unwrap();
    let model = Xxz::new(-2.0).on(&pair).unwrap();
    let matrix = SparseHamiltonian::new(&model).unwrap();
    let (energy, state) = matrix.ground_state().unwrap();
    assert!(energy.abs() < 1e-14, "{energy}");
    let r = std::f64::consts::FRAC_1_SQRT_2;
    for (i, expected) in [0.0, r, r, 0.0].into_iter().enumerate() {
        assert!((state.row(0)[i].norm() - expected).abs() < 1e-14);
    }
    assert!((state.row(0)[1] + state.row(0)[2]).norm() < 1e-14);
    // The triangle with Sz = 1/2 has two momenta at -3/4.
    let triangle = Lattice::chain(3, Boundary::Periodic).unwrap();
    let model = Heisenberg {
        twice_sz: 1,
        ..Heisenberg::default()
    }
    .on(&triangle)
    .unwrap();
    let refused = SparseHamiltonian::new(&model).unwrap().ground_state();
    assert!(
        matches!(refused, Err(DiffusionError::Degenerate { energy, .. }) if (energy + 0.75).abs() < 1e-12),
        "{refused:?}"
    );
}

#[test]
fn choices_that_contradict_each_other_are_refused_by_name() {
    let labelled = data(3, 6);
    let key =
        |params: DiffusionParams| match DiffusionModel::new(&labelled, &params, Stream::new(1)) {
            Err(DiffusionError::Parameter { key, .. }) => key,
            other => panic!("{other:?}"),
        };
    let base = DiffusionParams {
        activation: None,
        rounds: 1,
        ..DiffusionParams::default()
    };
    assert_eq!(
        key(DiffusionParams {
            measured: true,
            conditioning: Conditioning::LabelQubits,
            ..base.clone()
        }),
        "measured"
    );
    assert_eq!(
        key(DiffusionParams {
            fresh_noise: 0.5,
            noise: NoiseScale::Componentwise,
            ..base
        }),
        "fresh_noise"
    );
}
