//! Maximum likelihood: gradient, complete networks, and the way from snapshots to an energy.

use crate::prelude::{exact_energy, with_threads};
use ketwork::exact::{LanczosParams, Memory, ground_state};
use ketwork::hamiltonians::{
    Boundary, Configs, Hamiltonian, Lattice, LocalSum, Model, OnSpace, Rydberg,
};
use ketwork::sse::{Sse, SseParams};
use ketwork::{
    Autoregressive, FullSum, GroundState, Independent, Likelihood, LikelihoodError, MinSr,
    PrefixTable, Schedule, SolveError, SolveInfo, Stream, TangentMap, TangentSolver, Wavefunction,
};

type Table = Autoregressive<PrefixTable<f64>>;

/// A ring of Rydberg atoms in the gauge in which its ground state is positive.
fn rydberg(n_sites: usize) -> Model<f64> {
    let ring = Lattice::chain(n_sites, Boundary::Periodic).expect("a ring");
    let model = Rydberg::new(0.5).on(&ring).expect("finite couplings");
    let marks = LocalSum::sign_gauge(model.terms());
    model.rotated_by_z(&marks)
}

fn table(model: &Model<f64>) -> Table {
    let net = PrefixTable::new(*model.space());
    Autoregressive::new(net, model.sector().clone())
}

fn snapshots(model: &Model<f64>, beta: f64, count: usize) -> Configs {
    let params = SseParams {
        beta,
        sweeps: 4 * count as u64,
        snapshots: count,
        ..SseParams::default()
    };
    let sse = Sse::new(model, params).expect("no sign problem");
    let report = sse.run(Stream::new(3));
    report.expect("the string has room").snapshots
}

/// Takes steps, of which none fails.
fn steps<T, E: std::fmt::Debug>(
    run: &mut impl Iterator<Item = Result<T, E>>,
    count: usize,
) -> Vec<T> {
    let step = |r: Result<T, E>| r.expect("no step fails");
    run.by_ref().take(count).map(step).collect()
}

/// The gradient itself, J^T r.
struct Steepest;

impl TangentSolver for Steepest {
    fn solve(
        &mut self,
        j: &dyn TangentMap,
        r: &[f64],
        step: &mut [f64],
    ) -> Result<SolveInfo, SolveError> {
        j.apply_transpose(r, step);
        Ok(SolveInfo::default())
    }
}

#[test]
fn likelihood_steps_follow_the_gradient_of_the_divergence() {
    let model = rydberg(6);
    let data = snapshots(&model, 2.0, 100);
    let weight: Vec<f64> = (0..data.len()).map(|i| 1.0 + (i % 7) as f64).collect();
    let net = || PrefixTable::new(*model.space());
    let wave = Autoregressive::new(net(), model.sector().clone());
    let law = Autoregressive::probability(net(), model.sector().clone());
    for (psi, exponent) in [(wave, 2.0), (law, 1.0)] {
        let theta = psi.layout().initial(Stream::new(4));
        let of = |theta: &[f64]| {
            let (x, stream) = (data.view(), Stream::new(5));
            Likelihood::weighted(&psi, x, &weight, theta.to_vec(), stream).expect("legal data")
        };
        let mut once = of(&theta).with_solver(Steepest);
        once.learning_rate = Schedule::Constant(1.0);
        once.next().expect("endless").expect("a step");
        let h = 1e-5;
        for j in 0..theta.len() {
            let at = |by: f64| {
                let mut theta = theta.clone();
                theta[j] += by;
                of(&theta).divergence().expect("finite")
            };
            let gradient = (at(-h) - at(h)) / (2.0 * h);
            let found = exponent * exponent * (once.theta[j] - theta[j]);
            // Central differences: h^2 times third derivatives of order 1, rounding 1e-16 / h.
            assert!(
                (found - gradient).abs() < 1e-9,
                "{j}: {found}, not {gradient}"
            );
        }
    }
}

#[test]
fn likelihood_of_all_weights_gives_the_state_behind_them() {
    let model = rydberg(6);
    let psi = table(&model);
    let levels = ground_state(&model, &LanczosParams::default()).expect("18 configurations");
    let all = levels.basis.configs(0..levels.basis.len());
    let weight: Vec<f64> = levels.vectors[0].iter().map(|a| a * a).collect();
    let theta = psi.layout().initial(Stream::new(1));
    let mut fit = Likelihood::weighted(&psi, all.view(), &weight, theta, Stream::new(2))
        .expect("legal data")
        .with_solver(MinSr::new(1e-6));
    fit.learning_rate = Schedule::Constant(0.5);
    fit.max_distance = 1.0;
    let first = fit.divergence().expect("finite");
    let mut last = first;
    for _ in 0..10 {
        steps(&mut fit, 10);
        let next = fit.divergence().expect("finite");
        assert!(next < last || next < 1e-14, "from {last} to {next}");
        last = next;
    }
    assert!(first > 0.1 && last < 1e-12, "from {first} to {last}");
    let sums = FullSum::new(&**model.sector(), Memory::default()).expect("18 configurations");
    let mut vmc = GroundState::new(&model, &psi, sums, fit.theta);
    let (energy, variance) = vmc.measure().expect("finite");
    // The energy is off by the square of the state's distance, below the divergence.
    assert!(
        (energy.mean - exact_energy(&model)).abs() < 1e-10,
        "{energy:?}"
    );
    assert!(variance < 1e-10, "{variance}");
}

#[test]
fn likelihood_of_a_complete_network_is_the_law_of_the_snapshots() {
    let model = rydberg(6);
    let psi = table(&model);
    let data = snapshots(&model, 1.0, 4000);
    let theta = psi.layout().initial(Stream::new(1));
    let mut fit = Likelihood::new(&psi, data.view(), theta, Stream::new(2))
        .expect("legal data")
        .with_solver(MinSr::new(1e-6));
    assert_eq!(
        fit.unique(),
        18,
        "each configuration was met: the law is inside"
    );
    fit.learning_rate = Schedule::Constant(0.5);
    fit.max_distance = 1.0;
    steps(&mut fit, 100);
    assert!(fit.divergence().expect("finite") < 1e-12);
    let mut log_psi = vec![0.0; data.len()];
    psi.log_psi(&fit.theta, data.view(), &mut log_psi);
    for (x, log) in data.view().rows().zip(log_psi) {
        let seen = data.view().rows().filter(|y| *y == x).count() as f64 / data.len() as f64;
        // Pinsker: probabilities differ by less than sqrt(divergence / 2) = 7e-7.
        assert!(
            ((2.0 * log).exp() - seen).abs() < 7e-7,
            "{x:?}: {seen}, not {}",
            (2.0 * log).exp()
        );
    }
}

#[test]
fn likelihood_batches_have_the_mean_of_the_data() {
    let model = rydberg(10);
    let psi = table(&model);
    let data = snapshots(&model, 4.0, 1000);
    let theta: Vec<f64> = psi.layout().initial(Stream::new(1));
    let theta: Vec<f64> = theta.iter().map(|t| 10.0 * t).collect();
    let mut fit = Likelihood::new(&psi, data.view(), theta, Stream::new(2)).expect("legal data");
    fit.learning_rate = Schedule::Constant(0.0);
    fit.batch = data.len();
    let full = fit.next().expect("endless").expect("a step").log_likelihood;
    assert!(full.error == 0.0, "all data are no sample: {full}");
    fit.batch = 16;
    let means: Vec<f64> = steps(&mut fit, 400)
        .iter()
        .map(|r| r.log_likelihood.mean)
        .collect();
    let n = means.len() as f64;
    let mean = means.iter().sum::<f64>() / n;
    let variance = means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let z = (mean - full.mean) / (variance / n).sqrt();
    assert!(z.abs() < 4.0, "{mean} against {}: {z} sigma", full.mean);
}

#[test]
fn likelihood_steps_are_the_same_bits_with_one_and_two_threads() {
    let run = || {
        let model = rydberg(8);
        let psi = table(&model);
        let data = snapshots(&model, 4.0, 500);
        let theta = psi.layout().initial(Stream::new(7));
        let mut fit =
            Likelihood::new(&psi, data.view(), theta, Stream::new(7)).expect("legal data");
        fit.batch = 30;
        steps(&mut fit, 10);
        fit.theta.iter().map(|t| t.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(with_threads(1, run), with_threads(2, run));
}

#[test]
fn likelihood_refuses_what_no_state_can_learn() {
    let model = rydberg(4);
    let psi = table(&model);
    let theta = psi.layout().initial(Stream::new(1));
    let with = |rows: &[u8], weight: &[f64]| {
        let data = Configs::from_data(4, rows.to_vec());
        let stream = Stream::new(1);
        Likelihood::weighted(&psi, data.view(), weight, theta.clone(), stream).map(|mut fit| {
            fit.batch = 0;
            fit.next().expect("endless").map(drop)
        })
    };
    assert_eq!(with(&[], &[]).err(), Some(LikelihoodError::NoData));
    let illegal = with(&[0, 0, 0, 0, 0, 1, 1, 0], &[1.0, 1.0]).err();
    let text = illegal.map_or_else(String::new, |e| e.to_string());
    assert!(
        text.contains("[0, 1, 1, 0]") && text.contains("sector"),
        "{text}"
    );
    for (weight, row) in [([1.0, -1.0], 1), ([f64::NAN, 1.0], 0), ([0.0, 0.0], 0)] {
        let found = with(&[0; 8], &weight).err();
        assert!(
            matches!(found, Some(LikelihoodError::Weight { row: r, .. }) if r == row),
            "{weight:?}: {found:?}"
        );
    }
    let empty = with(&[0; 4], &[1.0]);
    assert_eq!(empty, Ok(Err(LikelihoodError::EmptyBatch { step: 0 })));
}

#[test]
fn likelihood_makes_a_start_from_which_few_steps_reach_the_energy() {
    let model = rydberg(8);
    let psi = table(&model);
    let data = snapshots(&model, 20.0, 8000);
    let random = psi.layout().initial(Stream::new(1));
    let mut fit =
        Likelihood::new(&psi, data.view(), random.clone(), Stream::new(2)).expect("legal data");
    fit.learning_rate = Schedule::Constant(0.3);
    steps(&mut fit, 60);
    let exact = exact_energy(&model);
    let tuned = |theta: Vec<f64>| {
        let shots = Independent::new(2000, Stream::new(5));
        let mut vmc = GroundState::new(&model, &psi, shots, theta);
        steps(&mut vmc, 30);
        let sums = FullSum::new(&**model.sector(), Memory::default()).expect("47 configurations");
        let mut vmc = GroundState::new(&model, &psi, sums, vmc.theta);
        (vmc.measure().expect("finite").0.mean / exact - 1.0).abs()
    };
    let (from_data, from_random) = (tuned(fit.theta), tuned(random));
    assert!(
        from_data < 1e-4 && from_data < 0.1 * from_random,
        "{from_data} and {from_random}"
    );
}
