//! Backward steps: derivatives of every variant, the ceiling of linear maps, threads.

use crate::model::{DiffusionModel, StepGradient};
use crate::natural::natural_gradient;
use crate::states::inner;
use crate::tests::random_states;
use crate::*;
use ketwork_models::Stream;
use num_complex::Complex64;

pub(crate) fn data(n: u32, count: usize) -> Data {
    let label = (0..count).map(|i| i * 3 / count).collect();
    Data::labelled(random_states(n, count, Stream::new(1)), label, 3).unwrap()
}

fn variants() -> Vec<(&'static str, DiffusionParams)> {
    let base = DiffusionParams {
        steps: 3,
        layers: [2, 2, 2],
        rounds: 1,
        activation: None,
        initial: 0.4,
        ..DiffusionParams::default()
    };
    let with = |f: &dyn Fn(&mut DiffusionParams)| {
        let mut p = base.clone();
        f(&mut p);
        p
    };
    vec![
        ("offsets", base.clone()),
        (
            "unconditioned",
            with(&|p| p.conditioning = Conditioning::None),
        ),
        (
            "label qubits",
            with(&|p| p.conditioning = Conditioning::LabelQubits),
        ),
        ("leaky ReLU", with(&|p| p.activation = Some(0.2))),
        ("network", with(&|p| p.hidden = vec![7, 5])),
        ("two ancillas", with(&|p| p.ancillas = 2)),
        ("three rounds", with(&|p| p.rounds = 3)),
        ("no ancilla", with(&|p| p.ancillas = 0)),
        (
            "measured",
            with(&|p| {
                p.measured = true;
                p.ancillas = 2;
            }),
        ),
    ]
}

/// Compares all derivatives of step 2 with central differences of the summed loss.
pub(crate) fn check_derivatives(
    name: &str,
    mut model: DiffusionModel,
    gradient: impl Fn(&DiffusionModel) -> StepGradient,
) {
    // Away from the start, where offsets and the network's last layer are (nearly) 0.
    for (k, x) in model
        .theta
        .iter_mut()
        .flatten()
        .chain(&mut model.weights)
        .enumerate()
    {
        *x += 0.3 * (Stream::new(3).uniform(k as u64, 0) - 0.5);
    }
    let loss = |m: &DiffusionModel| -> f64 { gradient(m).loss.iter().sum() };
    let exact = gradient(&model);
    assert!(
        exact.theta.iter().any(|g| g.abs() > 1e-3),
        "{name}: no derivative to compare"
    );
    // Small, so that no amplitude crosses the kink of the ReLU between the points: the formula
    // knows nothing of kinks. Rounding, 1e-15 / h, stays far below the tolerance.
    let h = 1e-5;
    let numeric =
        |f: &dyn Fn(f64) -> f64| (8.0 * (f(h) - f(-h)) - (f(2.0 * h) - f(-2.0 * h))) / (12.0 * h);
    // Five is coprime to the three angles of a rotation: each kind is met.
    for p in (0..exact.theta.len()).step_by(5) {
        let at = |by: f64| {
            let mut m = model.clone();
            m.theta[1][p] += by;
            loss(&m)
        };
        let (a, b) = (numeric(&at), exact.theta[p]);
        assert!((a - b).abs() < 1e-8, "{name}, angle {p}: {a} and {b}");
    }
    for p in (0..exact.weights.len()).step_by(11) {
        let at = |by: f64| {
            let mut m = model.clone();
            m.weights[p] += by;
            loss(&m)
        };
        let (a, b) = (numeric(&at), exact.weights[p]);
        assert!((a - b).abs() < 1e-8, "{name}, weight {p}: {a} and {b}");
    }
}

#[test]
fn derivatives_of_every_variant_equal_central_differences() {
    let data = data(3, 11);
    let target = random_states(3, 11, Stream::new(4));
    for (name, params) in variants() {
        let model = DiffusionModel::new(&data, &params, Stream::new(2)).unwrap();
        check_derivatives(name, model, |m| {
            m.gradient(2, &data.states, &target, &data.condition)
        });
    }
}

#[test]
fn jacobians_equal_differences_of_outputs() {
    let data = data(2, 3);
    for (name, params) in variants().into_iter().take(4) {
        let model = DiffusionModel::new(&data, &params, Stream::new(5)).unwrap();
        let x = data.states.select(&[1]);
        let condition = data.select(&[1]).condition;
        let output = |m: &DiffusionModel| m.denoise(2, &x, &condition, Stream::new(0)).unwrap();
        let jacobian = model.jacobian(2, x.row(0), &condition, 0);
        let p = jacobian.len() / 8;
        let psi = output(&model).states;
        let h = 1e-3;
        for k in (0..p).step_by(5) {
            let at = |by: f64| {
                let mut m = model.clone();
                m.theta[1][k] += by;
                output(&m).states.row(0).to_vec()
            };
            let [a, b, c, e] = [at(h), at(-h), at(2.0 * h), at(-2.0 * h)];
            let d: Vec<Complex64> = (0..4)
                .map(|i| (8.0 * (a[i] - b[i]) - (c[i] - e[i])) / (12.0 * h))
                .collect();
            let along = inner(psi.row(0), &d);
            for i in 0..4 {
                // The part along the state itself is projected out; error of order h^4.
                let z = d[i] - psi.row(0)[i] * along;
                let exact = Complex64::new(jacobian[2 * i * p + k], jacobian[(2 * i + 1) * p + k]);
                assert!(
                    (z - exact).norm() < 1e-8,
                    "{name}, angle {k}: {z} and {exact}"
                );
            }
        }
    }
}

#[test]
fn the_natural_gradient_solves_with_the_metric_of_fidelities() {
    // 1 - |<psi(theta)|psi(theta + d)>|^2 = d G d to second order: Stokes et al., section 2.
    let data = data(2, 3);
    let (name, params) = variants().swap_remove(0);
    let model = DiffusionModel::new(&data, &params, Stream::new(5)).unwrap();
    let x = data.states.select(&[1]);
    let condition = data.select(&[1]).condition;
    let at = |moves: &[(usize, f64)]| {
        let mut m = model.clone();
        moves.iter().for_each(|&(k, by)| m.theta[1][k] += by);
        m.denoise(2, &x, &condition, Stream::new(0)).unwrap().states
    };
    let (p, h) = (model.theta[1].len(), 3e-4);
    let start = at(&[]);
    let lost = |moves: &[(usize, f64)]| 1.0 - fidelity(start.row(0), at(moves).row(0));
    let element = |i: usize, j: usize| {
        // Both signs: what is of third order cancels.
        let along = |a: f64, b: f64| lost(&[(i, a), (j, b)]);
        (along(h, h) + along(-h, -h) - along(h, -h) - along(-h, h)) / (8.0 * h * h)
    };
    let row = |i: usize| (0..p).map(|j| element(i, j)).collect();
    let metric: Vec<Vec<f64>> = (0..p).map(row).collect();
    let gradient: Vec<f64> = (0..p).map(|i| (1.0 + i as f64).sin()).collect();
    let shift = 0.1;
    let d = natural_gradient(&model, 2, &x, &condition, &gradient, shift, 1).unwrap();
    let mean = (0..p).map(|i| metric[i][i]).sum::<f64>() / p as f64;
    assert!(mean > 0.01, "{name}: a metric of {mean}");
    for (i, row) in metric.iter().enumerate() {
        let found: f64 = row.iter().zip(&d).map(|(m, d)| m * d).sum::<f64>() + shift * mean * d[i];
        let size = d.iter().map(|d| d.abs()).fold(0.0, f64::max);
        assert!(
            (found - gradient[i]).abs() < 1e-5 * size,
            "{name}, angle {i}: {found} and {}",
            gradient[i]
        );
    }
}

#[test]
fn without_activation_samples_have_the_second_moment_of_one_linear_map() {
    // The ceiling: all steps compose to K, and samples are K z / |K z|. Weighted by the success
    // probability |K z|^2 their second moment is K K^+ / Tr K K^+, whatever was trained.
    let data = data(3, 6);
    let params = DiffusionParams {
        steps: 3,
        conditioning: Conditioning::None,
        activation: None,
        initial: 0.8,
        ..DiffusionParams::default()
    };
    let model = DiffusionModel::new(&data, &params, Stream::new(6)).unwrap();
    let k = model.linear_map(&data.condition, 0).unwrap();
    let count = 20_000;
    let made = model
        .sample(&data.condition, count, Stream::new(7))
        .unwrap();
    let trace: f64 = k.iter().flatten().map(Complex64::norm_sqr).sum();
    for i in 0..8 {
        for j in 0..=i {
            let exact: Complex64 = k.iter().map(|c| c[i] * c[j].conj()).sum::<Complex64>() / trace;
            let values: Vec<Complex64> = (made.states.rows().zip(&made.probability))
                .map(|(s, p)| s[i] * s[j].conj() * *p * (8.0 / trace))
                .collect();
            let mean: Complex64 = values.iter().sum::<Complex64>() / count as f64;
            let variance: f64 =
                values.iter().map(|v| (v - mean).norm_sqr()).sum::<f64>() / count as f64;
            let sigma = (variance / count as f64).sqrt();
            // 36 elements: one beyond 4.5 sigma has a probability below 1e-3.
            assert!(
                (mean - exact).norm() < 4.5 * sigma,
                "({i}, {j}): {mean}, {exact}, {sigma}"
            );
        }
    }
}

#[test]
fn without_ancilla_noise_stays_noise() {
    let data = data(3, 6);
    let params = DiffusionParams {
        ancillas: 0,
        activation: None,
        initial: 1.0,
        ..DiffusionParams::default()
    };
    let model = DiffusionModel::new(&data, &params, Stream::new(8)).unwrap();
    let condition = data.select(&[0; 1]).condition;
    let many = match condition {
        Condition::Labels { n_classes, .. } => Condition::Labels {
            label: vec![0; 4000],
            n_classes,
        },
        other => other,
    };
    let k = model.linear_map(&data.condition, 0).unwrap();
    for (i, a) in k.iter().enumerate() {
        for (j, b) in k.iter().enumerate() {
            let unit = f64::from(u8::from(i == j));
            assert!(
                (inner(a, b) - unit).norm() < 1e-12,
                "not unitary at ({i}, {j})"
            );
        }
    }
    let made = model.sample(&many, 4000, Stream::new(9)).unwrap();
    // |<a|z>|^2 of a Haar state: mean 1/d, variance (d - 1)/(d^2 (d + 1)).
    let mean: f64 = made
        .states
        .rows()
        .map(|s| fidelity(data.states.row(0), s))
        .sum::<f64>()
        / 4e3;
    let sigma = (7.0 / (64.0 * 9.0) / 4e3f64).sqrt();
    assert!((mean - 0.125).abs() < 4.0 * sigma, "{mean}");
}

#[test]
fn measured_outcomes_follow_the_born_rule() {
    let data = data(2, 3);
    let params = DiffusionParams {
        measured: true,
        activation: None,
        rounds: 1,
        steps: 1,
        layers: [2, 2, 2],
        initial: 0.8,
        conditioning: Conditioning::None,
        ..DiffusionParams::default()
    };
    let model = DiffusionModel::new(&data, &params, Stream::new(10)).unwrap();
    let n = 4000;
    let x = data.states.select(&vec![0; n]);
    let made = model
        .denoise(1, &x, &data.condition, Stream::new(11))
        .unwrap();
    // The mean fidelity with any state is 1 minus the infidelity of the mixture.
    let target = random_states(2, 1, Stream::new(12));
    let g = model.gradient(1, &data.states.select(&[0]), &target, &data.condition);
    let f: Vec<f64> = made
        .states
        .rows()
        .map(|s| fidelity(target.row(0), s))
        .collect();
    let mean = f.iter().sum::<f64>() / n as f64;
    let variance = f.iter().map(|f| (f - mean).powi(2)).sum::<f64>() / n as f64;
    let sigma = (variance / n as f64).sqrt();
    assert!(sigma > 1e-4, "one outcome only");
    assert!(
        (mean - (1.0 - g.loss[0])).abs() < 4.0 * sigma,
        "{mean} and {}",
        1.0 - g.loss[0]
    );
}

fn small() -> (Split, DiffusionParams) {
    let split = Data::bars(4).unwrap().split(0.25, Stream::new(1)).unwrap();
    let params = DiffusionParams {
        steps: 4,
        layers: [2, 2, 2],
        epochs: 60,
        samples: 64,
        evaluations: 128,
        ..DiffusionParams::default()
    };
    (split, params)
}

#[test]
fn a_run_has_the_same_bits_for_any_number_of_threads() {
    let (split, mut params) = small();
    params.epochs = 3;
    params.hidden = vec![8];
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            Diffusion::train(&split, &params, Stream::new(2))
                .unwrap()
                .report
        })
    };
    let one = run(1);
    for threads in [2, 5] {
        assert_eq!(one, run(threads), "{threads} threads");
    }
}

#[test]
fn a_training_loaded_from_its_numbers_equals_one_that_was_never_stopped() {
    let (split, mut params) = small();
    params.epochs = 4;
    params.hidden = vec![8];
    let start = || Training::new(&split, &params, Stream::new(2)).unwrap();
    let mut whole = start();
    let fresh = whole.save();
    let losses: Vec<Epoch> = whole.by_ref().map(Result::unwrap).collect();
    for stop in [0, 1, 3] {
        let mut first = start();
        first
            .by_ref()
            .take(stop)
            .for_each(|epoch| drop(epoch.unwrap()));
        let mut second = start();
        second.load(&first.save()).unwrap();
        assert_eq!(second.epoch(), stop);
        let rest: Vec<Epoch> = second.by_ref().map(Result::unwrap).collect();
        assert_eq!(rest, losses[stop..]);
        assert_eq!(second.save(), whole.save());
    }
    let mut other = start();
    let error = other.load(&fresh[1..]).unwrap_err();
    assert!(matches!(error, DiffusionError::Mismatch { .. }), "{error}");
    let shorter = DiffusionParams {
        epochs: 2,
        ..params
    };
    let mut other = Training::new(&split, &shorter, Stream::new(2)).unwrap();
    assert!(other.load(&whole.save()).is_err(), "four epochs of two");
    assert_eq!(other.save(), fresh, "nothing is changed");
}

#[test]
fn training_beats_doing_nothing_on_held_out_states() {
    let (split, params) = small();
    let natural = DiffusionParams {
        optimizer: Optimizer::NaturalGradient {
            shift: 0.1,
            states: 16,
        },
        steps: 2,
        rounds: 1,
        epochs: 12,
        learning_rate: 0.2,
        ..params.clone()
    };
    let previous = DiffusionParams {
        target: Target::Previous,
        ..params.clone()
    };
    let hybrid = DiffusionParams {
        hidden: vec![8],
        ..params.clone()
    };
    for params in [params, natural, previous, hybrid] {
        let report = Diffusion::train(&split, &params, Stream::new(3))
            .unwrap()
            .report;
        for (t, (i, b)) in report
            .infidelity
            .iter()
            .zip(&report.identity_baseline)
            .enumerate()
        {
            assert!(i < b, "{params:?}, step {}: {i} and {b}", t + 1);
        }
        assert!(report.fidelity_to_data > report.haar_baseline, "{report:?}");
    }
}

#[test]
fn impossible_runs_are_refused() {
    let (split, params) = small();
    let train = |p: &DiffusionParams| Training::new(&split, p, Stream::new(1)).unwrap_err();
    let with = |f: &dyn Fn(&mut DiffusionParams)| {
        let mut p = params.clone();
        f(&mut p);
        train(&p)
    };
    assert_eq!(with(&|p| p.steps = 0), DiffusionError::NoSteps);
    let e = with(&|p| {
        p.schedule = Schedule::Between {
            first: 0.1,
            last: 1.5,
        }
    });
    assert!(matches!(e, DiffusionError::Beta { .. }), "{e}");
    let e = with(&|p| p.memory = 1000);
    assert!(matches!(e, DiffusionError::Memory { .. }), "{e}");
    let e = with(&|p| p.layers = [1, 2, 2]);
    assert!(
        matches!(e, DiffusionError::Parameter { key: "layers", .. }),
        "{e}"
    );
    let e = States::from_real(&[vec![1.0; 4], vec![0.0; 4]]).unwrap_err();
    assert_eq!(e, DiffusionError::ZeroVector { row: 1 });
    let e = States::from_real(&[vec![1.0; 6]]).unwrap_err();
    assert_eq!(e, DiffusionError::NotPowerOfTwo { row: 0, length: 6 });
    let e = States::from_real(&[vec![1.0; 4], vec![1.0; 8]]).unwrap_err();
    assert!(matches!(e, DiffusionError::Ragged { row: 1, .. }), "{e}");
    let e = States::from_real(&[vec![f64::NAN; 4]]).unwrap_err();
    assert_eq!(e, DiffusionError::NotFinite { row: 0 });
    assert!(States::new(&[]).is_err(), "no states");
}
