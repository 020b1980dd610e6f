use super::*;
use crate::exact::{LanczosParams, Memory, ground_state};
use crate::{FullSum, Independent, Metropolis, MetropolisParams, Spring};
use ketwork_hamiltonians::{
    Action, Boundary, Configs, ConfigsRef, LocalSum, Model, Number, OnSpace, Pauli, Space, Term,
    Tfim,
};
use ketwork_models::{Ancestral, Autoregressive, Layout, Norm, PrefixTable, Stream, Wavefunction};
use num_complex::Complex64;
use std::sync::Arc;

fn ring(n: usize) -> Model<f64> {
    Tfim::new(1.0)
        .on(&crate::Lattice::chain(n, Boundary::Periodic).unwrap())
        .unwrap()
}

fn heisenberg(n: usize) -> Model<f64> {
    let space = Space::qubits(n);
    let exchange: Arc<[(u32, u32, f64)]> = Arc::new([
        (0, 0, 0.25),
        (1, 1, -0.25),
        (2, 2, -0.25),
        (3, 3, 0.25),
        (1, 2, 0.5),
        (2, 1, 0.5),
    ]);
    let terms = (0..n as u32).map(|i| Term {
        sites: vec![i, (i + 1) % n as u32],
        guard: Vec::new(),
        action: Action::Rows(exchange.clone()),
        coupling: 0,
    });
    let sum = LocalSum::new(space, terms.collect(), vec![("j".into(), 1.0)]).unwrap();
    Model::new(sum, Arc::new(Number::new(space, n / 2).unwrap())).unwrap()
}

fn exact(model: &Model<f64>) -> f64 {
    ground_state(model, &LanczosParams::default())
        .unwrap()
        .energies[0]
}

/// Trains the complete ansatz with exact sums and a shift that goes to zero.
fn complete<L: Scalar + From<f64>>(model: &Model<f64>, rate: f64, spread: f64) -> (f64, f64) {
    complete_along::<L>(model, rate, spread, (f64::INFINITY, 0.0))
}

/// The same with a limit on the change of ln psi at a configuration, and a tilt of the path.
fn complete_along<L: Scalar + From<f64>>(
    model: &Model<f64>,
    rate: f64,
    spread: f64,
    (max_change, tilt): (f64, f64),
) -> (f64, f64) {
    let psi = Autoregressive::new(
        PrefixTable::<L>::new(*model.space()),
        model.sector().clone(),
    );
    let theta = psi
        .layout()
        .initial(Stream::new(1))
        .iter()
        .map(|t| spread * t)
        .collect();
    let sampler = FullSum::new(&**model.sector(), Memory::default()).unwrap();
    let mut vmc = GroundState {
        learning_rate: Schedule::Constant(rate),
        max_change,
        tilt: Schedule::Constant(tilt),
        shift: Some(Schedule::Geometric {
            from: 1e-3,
            to: 1e-9,
            steps: 60,
        }),
        ..GroundState::new(model, &psi, sampler, theta)
    };
    for report in vmc.by_ref().take(500) {
        report.unwrap();
    }
    let (energy, variance) = vmc.measure().unwrap();
    (energy.mean, variance)
}

#[test]
fn the_complete_positive_ansatz_with_exact_sums_reaches_the_exact_energy() {
    // An Euler step of imaginary time is stable up to 2 / (E_max - E_0), 0.13 here, 0.46 below.
    // The energy converges with the square of the state's error; 1e-10 is the promise.
    let model = ring(6);
    let (energy, variance) = complete::<f64>(&model, 0.1, 1.0);
    assert!(
        (energy - exact(&model)).abs() < 1e-10,
        "{energy} {}",
        exact(&model)
    );
    assert!(variance < 1e-9, "{variance}");
}

#[test]
fn the_complete_ansatz_with_phases_reaches_the_exact_energy_from_scattered_phases() {
    // Phases start with deviation 0.5 about the signs of the rotated basis.
    let model = heisenberg(6);
    let rotated = model.rotated_by_z(&model.terms().sign_gauge());
    let (energy, _) = complete::<Complex64>(&rotated, 0.2, 5.0);
    let exact = exact(&model);
    assert!((energy - exact).abs() < 1e-10, "{energy} {exact}");
}

#[test]
fn amplitudes_pass_through_zero_where_their_change_is_limited() {
    // In the basis as written half of the configurations of a ring must change sign. E_loc grows as
    // 1 / |psi| on the way: a whole Euler step throws the configuration out, and the run ends in the
    // ground state of those that are left.
    let model = heisenberg(6);
    let exact = exact(&model);
    let (lost, _) = complete_along::<Complex64>(&model, 0.2, 5.0, (f64::INFINITY, 0.0));
    assert!(lost > exact + 0.01, "{lost}: no node on the way");
    let (energy, _) = complete_along::<Complex64>(&model, 0.2, 5.0, (0.5, 0.0));
    assert!((energy - exact).abs() < 1e-10, "{energy} {exact}");
}

#[test]
fn a_tilted_path_turns_about_zero_from_a_positive_state() {
    // Without phases at the start imaginary time has none for ever. The uniform state is an
    // eigenstate of the ring; the parameters' small deviations leave it.
    let model = heisenberg(6);
    let exact = exact(&model);
    let psi = PrefixTable::<Complex64>::new(*model.space());
    let positive = |tilt: f64| {
        let psi = Autoregressive::new(psi.clone(), model.sector().clone());
        let mut theta = psi.layout().initial(Stream::new(1));
        // Amplitudes and phases alternate.
        theta
            .iter_mut()
            .skip(1)
            .step_by(2)
            .for_each(|phase| *phase = 0.0);
        let sampler = FullSum::new(&**model.sector(), Memory::default()).unwrap();
        let mut vmc = GroundState {
            learning_rate: Schedule::Constant(0.2),
            shift: Some(Schedule::Constant(1e-4)),
            max_change: 0.5,
            tilt: Schedule::Power {
                from: tilt,
                floor: 0.0,
                knee: 100.0,
                power: 1.0,
                warmup: 0,
            },
            ..GroundState::new(&model, &psi, sampler, theta)
        };
        for report in vmc.by_ref().take(300) {
            report.unwrap();
        }
        vmc.measure().unwrap().0.mean
    };
    let (straight, tilted) = (positive(0.0), positive(0.3));
    assert!(straight > exact + 0.1, "{straight} {exact}");
    assert!((tilted - exact).abs() < 1e-6, "{tilted} {exact}");
}

#[test]
fn the_force_is_half_the_negative_energy_gradient() {
    let model = ring(5);
    let psi = Autoregressive::new(
        PrefixTable::<Complex64>::new(*model.space()),
        model.sector().clone(),
    );
    let theta = psi.layout().initial(Stream::new(3));
    let energy = |theta: &[f64]| {
        let sampler = FullSum::new(&**model.sector(), Memory::default()).unwrap();
        GroundState::new(&model, &psi, sampler, theta.to_vec())
            .measure()
            .unwrap()
            .0
            .mean
    };
    let sampler = FullSum::new(&**model.sector(), Memory::default()).unwrap();
    let report = GroundState::new(&model, &psi, sampler, theta.clone())
        .next()
        .unwrap()
        .unwrap();
    let h = 1e-5;
    let gradient: f64 = (0..theta.len())
        .map(|j| {
            let (mut up, mut down) = (theta.clone(), theta.clone());
            up[j] += h;
            down[j] -= h;
            ((energy(&up) - energy(&down)) / (2.0 * h)).powi(2)
        })
        .sum::<f64>()
        .sqrt();
    // Central differences at h = 1e-5: relative error of order 1e-9.
    assert!(
        (2.0 * report.gradient_norm / gradient - 1.0).abs() < 1e-7,
        "{report:?} {gradient}"
    );
}

#[test]
fn sampled_energies_agree_with_exact_sums_of_the_same_state() {
    let model = ring(6);
    let psi = Autoregressive::new(
        PrefixTable::<f64>::new(*model.space()),
        model.sector().clone(),
    );
    let theta = psi.layout().initial(Stream::new(4));
    let all = FullSum::new(&**model.sector(), Memory::default()).unwrap();
    let (truth, spread) = GroundState::new(&model, &psi, all, theta.clone())
        .measure()
        .unwrap();
    let shots = Independent::new(20_000, Stream::new(5));
    let (energy, variance) = GroundState::new(&model, &psi, shots, theta)
        .measure()
        .unwrap();
    assert!(energy.z(truth.mean).abs() < 4.0, "{energy} {}", truth.mean);
    assert!((variance / spread - 1.0).abs() < 0.1, "{variance} {spread}");
}

#[test]
fn steps_are_the_same_bits_with_one_and_two_threads_stored_or_recomputed() {
    let model = ring(8);
    let psi = Autoregressive::new(
        PrefixTable::<Complex64>::new(*model.space()),
        model.sector().clone(),
    );
    let run = |threads: usize, memory: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let shots = Independent::new(600, Stream::new(6));
            let theta = psi.layout().initial(Stream::new(7));
            let mut vmc = GroundState {
                memory,
                ..GroundState::new(&model, &psi, shots, theta)
            };
            let reports: Vec<Report> = vmc.by_ref().take(4).map(Result::unwrap).collect();
            (
                vmc.theta,
                reports
                    .iter()
                    .map(|r| r.energy.mean.to_bits())
                    .collect::<Vec<_>>(),
            )
        })
    };
    let (one, energies) = run(1, DEFAULT_MEMORY);
    assert_eq!((one.clone(), energies), run(2, DEFAULT_MEMORY));
    assert_eq!(run(1, 1000), run(2, 1000));
    let (lazy, _) = run(1, 1000);
    let off = one
        .iter()
        .zip(&lazy)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    assert!(
        off < 1e-9,
        "stored and recomputed tangent maps differ by {off}"
    );
}

#[test]
fn a_run_that_lost_its_way_names_quantity_step_and_configuration() {
    let model = ring(4);
    let psi = Autoregressive::new(
        PrefixTable::<f64>::new(*model.space()),
        model.sector().clone(),
    );
    let mut theta = psi.layout().initial(Stream::new(8));
    theta[0] = f64::NAN;
    let sampler = FullSum::new(&**model.sector(), Memory::default()).unwrap();
    let mut vmc = GroundState::new(&model, &psi, sampler, theta);
    let error = vmc.next().unwrap().unwrap_err();
    for part in ["step 0", "ln psi", "configuration ["] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert!(vmc.next().is_none(), "an iterator that failed has ended");
}

/// A state whose derivatives overflow at one configuration.
struct Spoiled<W>(W, Vec<u8>);

impl<W: Wavefunction> OnSpace for Spoiled<W> {
    fn space(&self) -> &Space {
        self.0.space()
    }
}

impl<W: Wavefunction> Wavefunction for Spoiled<W> {
    type Log = W::Log;
    fn norm(&self) -> Norm {
        self.0.norm()
    }
    fn layout(&self) -> &Layout {
        self.0.layout()
    }
    fn log_psi(&self, theta: &[f64], x: ConfigsRef<'_>, out: &mut [W::Log]) {
        self.0.log_psi(theta, x, out);
    }
}

impl<W: Differentiable> Differentiable for Spoiled<W> {
    fn pullback(&self, theta: &[f64], x: ConfigsRef<'_>, seed: &[f64], rows: &mut [f64]) {
        self.0.pullback(theta, x, seed, rows);
        for (b, row) in rows.chunks_exact_mut(theta.len()).enumerate() {
            if x.row(b) == self.1 {
                row[0] = f64::INFINITY;
            }
        }
    }
}

#[test]
fn a_solve_without_finite_derivatives_names_the_configuration() {
    let model = ring(4);
    let table = PrefixTable::<f64>::new(*model.space());
    let psi = Spoiled(
        Autoregressive::new(table, model.sector().clone()),
        vec![1, 0, 1, 1],
    );
    let theta = psi.layout().initial(Stream::new(8));
    let sampler = FullSum::new(&**model.sector(), Memory::default()).unwrap();
    let mut vmc = GroundState::new(&model, &psi, sampler, theta);
    let error = vmc.next().unwrap().unwrap_err().to_string();
    for part in ["step 0", "configuration [1, 0, 1, 1]", "not finite"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn spring_lowers_the_energy() {
    let model = ring(6);
    let psi = Autoregressive::new(
        PrefixTable::<f64>::new(*model.space()),
        model.sector().clone(),
    );
    let theta = psi.layout().initial(Stream::new(9));
    let sampler = FullSum::new(&**model.sector(), Memory::default()).unwrap();
    let mut vmc =
        GroundState::new(&model, &psi, sampler, theta).with_solver(Spring::new(1e-3, 0.8));
    let energies: Vec<f64> = vmc
        .by_ref()
        .take(40)
        .map(|r| r.unwrap().energy.mean)
        .collect();
    assert!(energies[39] < energies[0] - 0.1, "{energies:?}");
}

#[test]
fn observables_are_local_estimates_too() {
    // The transverse magnetisation of the exact ground state by sums: <X> per site of 6 sites.
    let model = ring(6);
    let space = *model.space();
    let x = Term {
        sites: vec![2],
        guard: Vec::new(),
        action: Action::Pauli(vec![Pauli::X], 1.0),
        coupling: 0,
    };
    let operator = LocalSum::new(space, vec![x], vec![("1".into(), 1.0)]).unwrap();
    let psi = Autoregressive::new(PrefixTable::<f64>::new(space), model.sector().clone());
    let theta = psi.layout().initial(Stream::new(10));
    let samples = psi.sample(&theta, 0..5000, Stream::new(11));
    let found = Sampled::new(&psi, &theta, &samples).expectation(&operator);
    let sampled = found.unwrap().mean;
    let mut all = Configs::new(6);
    (0..64u8).for_each(|i| all.push(&[0, 1, 2, 3, 4, 5].map(|p| i >> p & 1)));
    let mut log = vec![0.0; 64];
    psi.log_psi(&theta, all.view(), &mut log);
    let amplitude: Vec<f64> = log.iter().map(|l| l.exp()).collect();
    let truth: f64 = (0..64).map(|i| amplitude[i] * amplitude[i ^ 4]).sum();
    assert!(sampled.z(truth).abs() < 4.0, "{sampled} {truth}");
    assert_eq!(operator.space(), &space);
}

#[test]
fn joined_draws_of_slow_chains_agree_with_exact_sums_within_their_error() {
    // A rugged state, and draws of one sample a chain, one sweep apart: chains remember.
    let model = ring(5);
    let sector = model.sector().clone();
    let psi = Autoregressive::new(PrefixTable::<f64>::new(*model.space()), sector.clone());
    let rugged = |t: &f64| 10.0 * t;
    let theta: Vec<f64> = psi
        .layout()
        .initial(Stream::new(8))
        .iter()
        .map(rugged)
        .collect();
    let all = FullSum::new(&*sector, Memory::default()).unwrap();
    let mut sum = GroundState::new(&model, &psi, all, theta.clone());
    let exact = sum.measure().unwrap().0.mean;
    let params = MetropolisParams {
        samples: 32,
        n_chains: 32,
        relaxation: 0,
        ..MetropolisParams::default()
    };
    let (runs, draws) = (60, 16);
    let (mut joined_z, mut apart_z) = (0.0, 0.0);
    for run in 0..runs {
        let stream = Stream::new(9).numbered(run);
        let chains = || Metropolis::new(sector.clone(), params.clone(), stream).unwrap();
        let mut vmc = GroundState::new(&model, &psi, chains(), theta.clone());
        let mut joined = Joined::default();
        for _ in 0..draws {
            vmc.measure_into(&mut joined).unwrap();
        }
        joined_z += joined.estimate().z(exact).powi(2) / runs as f64;
        // The same draws, taken as independent.
        let mut again = GroundState::new(&model, &psi, chains(), theta.clone());
        let (mut mean, mut square) = (0.0, 0.0);
        for _ in 0..draws {
            let e = again.measure().unwrap().0;
            mean += e.mean / f64::from(draws);
            square += (e.error / f64::from(draws)).powi(2);
        }
        apart_z += (mean - exact).powi(2) / square / runs as f64;
    }
    // Student's t with 31 degrees of freedom: the mean of z^2 is 31/29, its deviation over 60 runs
    // 0.21; 4 of these.
    assert!((joined_z - 1.07).abs() < 0.84, "mean z^2 {joined_z}");
    assert!(apart_z > 1.91, "these chains are not slow: {apart_z}");
}

#[test]
fn broad_shots_see_the_configurations_near_a_node() {
    let model = ring(6);
    let psi = Autoregressive::new(
        PrefixTable::<Complex64>::new(*model.space()),
        model.sector().clone(),
    );
    // All spins up nearly vanishes: probability 1e-14 or so, local energy 1e6 and more.
    let mut theta = vec![0.0; psi.layout().n_params()];
    theta[0] = -16.0;
    let measure = |sampler: Box<dyn Sampler<_>>| {
        let mut vmc = GroundState::new(&model, &psi, sampler, theta.clone());
        vmc.measure().unwrap()
    };
    let all = FullSum::new(&**model.sector(), Memory::default()).unwrap();
    let (truth, spread) = measure(Box::new(all));
    let shots = Independent::new(20_000, Stream::new(5));
    let broad = shots.clone().broadened(0.3);
    let (energy, variance) = measure(Box::new(broad));
    assert!(energy.z(truth.mean).abs() < 4.0, "{energy} {}", truth.mean);
    assert!((variance / spread - 1.0).abs() < 0.1, "{variance} {spread}");
    let (_, missed) = measure(Box::new(shots));
    assert!(
        missed < 0.9 * spread,
        "the node is no node: {missed} {spread}"
    );
}
