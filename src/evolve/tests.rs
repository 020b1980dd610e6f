use super::*;
use crate::exact::{Basis, EvolveParams, Memory, SparseMatrix, cool, evolve};
use crate::hamiltonians::{Boundary, Hamiltonian, Lattice, Model, Tfim};
use crate::{
    FullSum, Independent, PrefixTable, SampleError, Sampler, Transformer, TransformerParams,
};
use ketwork_models::{Ancestral, Autoregressive, Samples, Stream, Wavefunction};
use num_complex::Complex64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

type Table = Autoregressive<PrefixTable<Complex64>>;

/// A ring of four qubits whose complete ansatz starts from random amplitudes.
struct Ring {
    model: Model<f64>,
    psi: Table,
    theta: Vec<f64>,
}

fn ring() -> Ring {
    let lattice = Lattice::chain(4, Boundary::Periodic).unwrap();
    let mut tfim = Tfim::new(0.7);
    tfim.hz = 0.3;
    let model = tfim.on(&lattice).unwrap();
    let table = PrefixTable::new(*crate::hamiltonians::OnSpace::space(&model));
    let psi = Autoregressive::new(table, model.sector().clone());
    let stream = Stream::new(3).named("table");
    let theta = (0..psi.layout().n_params())
        .map(|i| 0.8 * (stream.uniform(i as u64, 0) - 0.5))
        .collect();
    Ring { model, psi, theta }
}

fn all(model: &Model<f64>) -> FullSum {
    FullSum::new(&**model.sector(), Memory::default()).unwrap()
}

/// Normalised amplitudes in the order of the basis.
fn amplitudes(ring: &Ring, theta: &[f64]) -> Vec<Complex64> {
    let samples = all(&ring.model).draw(&ring.psi, theta).unwrap();
    samples.log_psi.iter().map(|l| l.exp()).collect()
}

fn infidelity(a: &[Complex64], b: &[Complex64]) -> f64 {
    let (mut ab, mut aa, mut bb) = (Complex64::ZERO, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        ab += a.conj() * b;
        aa += a.norm_sqr();
        bb += b.norm_sqr();
    }
    // |a - P a|^2 without cancellation.
    let scale = ab.conj() / bb;
    let left: f64 = a
        .iter()
        .zip(b)
        .map(|(a, b)| (a - scale * b).norm_sqr())
        .sum();
    left / aa
}

/// Infidelity with the exact state after t = 0.5.
fn error_of(ring: &Ring, flow: Flow, dt: f64, mut engine: impl Evolve) -> f64 {
    let basis = Basis::new(&**ring.model.sector(), Memory::default()).unwrap();
    let h = SparseMatrix::new(&ring.model, &basis, Memory::default()).unwrap();
    let mut exact = amplitudes(ring, &ring.theta);
    let params = EvolveParams {
        tolerance: 1e-13,
        ..EvolveParams::default()
    };
    match flow {
        Flow::RealTime => evolve(&h, 0.5, &mut exact, &params).unwrap(),
        Flow::ImaginaryTime => cool(&h, 0.5, &mut exact, &params).unwrap(),
    };
    let mut theta = ring.theta.clone();
    let steps = (0.5 / dt).round() as usize;
    for i in 0..steps {
        engine.advance(i as f64 * dt, &mut theta, dt).unwrap();
    }
    infidelity(&exact, &amplitudes(ring, &theta))
}

fn tdvp(ring: &Ring, tableau: Tableau, flow: Flow) -> Tdvp<'_, Table> {
    let velocity = Schroedinger::new(&ring.model, flow);
    let mut tdvp = Tdvp::new(velocity, &ring.psi, Box::new(all(&ring.model)));
    tdvp.tableau = tableau;
    // The tangent map of a complete ansatz has full rank up to norm and phase.
    tdvp.shift = 1e-14;
    tdvp
}

fn teng(ring: &Ring, tableau: Tableau, flow: Flow) -> Teng<'_, f64, Table> {
    let mut teng =
        Teng::new(&ring.model, &ring.psi, Box::new(all(&ring.model))).with_all(all(&ring.model));
    (teng.tableau, teng.flow) = (tableau, flow);
    teng.fit.tolerance = 1e-26;
    teng.fit.sweeps = 20;
    teng
}

/// The order measured from errors of the state: infidelity is its square.
fn order(error: impl Fn(f64) -> f64, dt: f64) -> f64 {
    0.5 * (error(dt) / error(0.5 * dt)).log2()
}

#[test]
fn with_full_sums_and_a_complete_ansatz_every_method_converges_with_its_order() {
    let ring = ring();
    for flow in [Flow::RealTime, Flow::ImaginaryTime] {
        for (tableau, dt) in [
            (Tableau::euler(), 0.005),
            (Tableau::heun(), 0.01),
            (Tableau::rk4(), 0.02),
        ] {
            let wanted = f64::from(tableau.order());
            let by_tdvp = |dt| error_of(&ring, flow, dt, tdvp(&ring, tableau.clone(), flow));
            let by_teng = |dt| error_of(&ring, flow, dt, teng(&ring, tableau.clone(), flow));
            for (name, found) in [("TDVP", order(by_tdvp, dt)), ("TENG", order(by_teng, dt))] {
                assert!(
                    (found - wanted).abs() < 0.2,
                    "{name}, {flow:?}: order {found:.2} instead of {wanted}"
                );
            }
        }
    }
}

#[test]
fn fourth_order_steps_reach_an_infidelity_of_1e_12() {
    let (ring, flow) = (ring(), Flow::RealTime);
    for error in [
        error_of(&ring, flow, 0.01, tdvp(&ring, Tableau::rk4(), flow)),
        error_of(&ring, flow, 0.01, teng(&ring, Tableau::rk4(), flow)),
    ] {
        assert!(error < 1e-12, "{error:.1e}");
    }
}

#[test]
fn a_fit_finds_a_state_that_vanishes_somewhere() {
    let ring = ring();
    let points = Points::All(all(&ring.model));
    let mut target = vec![Complex64::new(f64::NEG_INFINITY, 0.0); 16];
    (target[0], target[6]) = (Complex64::ZERO, Complex64::new(-3.0, 1.0));
    let mut theta = ring.theta.clone();
    let params = FitParams {
        tolerance: 1e-10,
        sweeps: 200,
        shift: 1e-2,
        least_shift: 1e-12,
        distance: Distance::Amplitude,
    };
    let report = fit(&ring.psi, &mut theta, &points, &target, &params).unwrap();
    assert!(report.loss < 1e-9, "{report:?}");
    let found = amplitudes(&ring, &theta);
    let wanted: Vec<_> = target.iter().map(|t| t.exp()).collect();
    assert!(infidelity(&wanted, &found) < 1e-9);
}

#[test]
fn the_largest_amplitudes_hold_a_state_near_a_product_state() {
    let ring = ring();
    let basis = Basis::new(&**ring.model.sector(), Memory::default()).unwrap();
    let h = SparseMatrix::new(&ring.model, &basis, Memory::default()).unwrap();
    let mut target = vec![Complex64::ZERO; basis.len()];
    target[0] = Complex64::ONE;
    evolve(&h, 0.02, &mut target, &EvolveParams::default()).unwrap();
    // None, one and two of four spins turned. A table knows nothing of the others, whose share of the
    // norm the fit leaves open and the loss counts.
    let mut theta = ring.theta.clone();
    let report = fit_largest(&ring.psi, &mut theta, &basis, &target, 11, 1e-12).unwrap();
    let found = amplitudes(&ring, &theta);
    let off = infidelity(&target, &found);
    // What is left out has the norm 2 (0.7 t)^3 = 5e-6 there and 3e-3 here: 2 * 5e-6 * 3e-3 at most.
    assert!(
        (report.loss - off).abs() < 5e-8 && off > 1e-6,
        "{report:?}, found {off:.1e}"
    );
    let ratios: Vec<Complex64> = (0..basis.len())
        .filter(|&i| basis.configs(i..i + 1).row(0).iter().sum::<u8>() <= 2)
        .map(|i| found[i] / target[i])
        .collect();
    assert_eq!(ratios.len(), 11);
    for r in &ratios {
        // The tolerance on the infidelity, 1e-12, bounds a ratio by 1e-6 over its amplitude, 2e-4.
        assert!((r / ratios[0] - 1.0).norm() < 5e-3, "{ratios:?}");
    }
    // The all-up amplitude alone misses the turned spins, and the loss says so.
    let report = fit_largest(&ring.psi, &mut theta, &basis, &target, 1, 1e-12).unwrap();
    assert!(report.loss > 1e-5, "{report:?}");
}

#[test]
fn a_complete_ansatz_follows_without_residual() {
    let ring = ring();
    let mut theta = ring.theta.clone();
    let report = tdvp(&ring, Tableau::rk4(), Flow::RealTime)
        .advance(0.0, &mut theta, 0.01)
        .unwrap();
    assert!(report.residual < 1e-10, "{report:?}");
    assert_eq!(report.solves, 4);
}

#[test]
fn a_step_that_leads_nowhere_is_refused() {
    let ring = ring();
    for dt in [0.0, -0.1, f64::NAN, f64::INFINITY] {
        for tableau in [Tableau::heun(), Tableau::rk45()] {
            let mut theta = ring.theta.clone();
            let found = tdvp(&ring, tableau, Flow::RealTime).advance(0.5, &mut theta, dt);
            assert!(
                matches!(found, Err(EvolveError::Step { .. })),
                "{dt}: {found:?}"
            );
            assert_eq!(theta, ring.theta);
        }
        let mut theta = ring.theta.clone();
        let found = teng(&ring, Tableau::heun(), Flow::RealTime).advance(0.5, &mut theta, dt);
        assert!(
            matches!(found, Err(EvolveError::Step { .. })),
            "{dt}: {found:?}"
        );
    }
}

/// Shots that differ from draw to draw, counted.
struct Counted(Independent, Arc<AtomicU64>);

impl<W: Ancestral + ?Sized> Sampler<W> for Counted {
    fn draw(&mut self, psi: &W, theta: &[f64]) -> Result<Samples<W::Log>, SampleError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.draw(psi, theta)
    }
    fn save(&self) -> Vec<u64> {
        <Independent as Sampler<W>>::save(&self.0)
    }
    fn load(&mut self, saved: &[u64]) -> Result<(), SampleError> {
        <Independent as Sampler<W>>::load(&mut self.0, saved)
    }
}

#[test]
fn all_stages_of_a_step_see_the_same_shots() {
    // A complete ansatz follows exactly at any points that determine it: with the same shots in all
    // stages the error of a step is that of the tableau, as with full sums.
    let ring = ring();
    let error = |shots: Option<u64>| {
        let velocity = Schroedinger::new(&ring.model, Flow::RealTime);
        let draws = Arc::new(AtomicU64::new(0));
        let sampler: Box<dyn Sampler<Table>> = match shots {
            Some(n) => Box::new(Counted(Independent::new(n, Stream::new(4)), draws.clone())),
            None => Box::new(all(&ring.model)),
        };
        let mut tdvp = Tdvp::new(velocity, &ring.psi, sampler);
        (tdvp.tableau, tdvp.shift) = (Tableau::rk4(), 1e-14);
        let found = error_of(&ring, Flow::RealTime, 0.02, tdvp);
        (found, draws.load(Ordering::Relaxed))
    };
    let ((summed, _), (drawn, draws)) = (error(None), error(Some(4096)));
    assert_eq!(draws, 25, "one draw for each step");
    // Fourth order: infidelities of 1e-13 to 1e-11 in steps of 0.02.
    assert!(
        drawn < 10.0 * summed.max(1e-14),
        "{drawn:.1e} with shots, {summed:.1e} with sums"
    );
}

#[test]
fn a_method_continues_from_what_it_saved() {
    let ring = ring();
    let engine = || {
        let velocity = Schroedinger::new(&ring.model, Flow::RealTime);
        let shots = Independent::new(200, Stream::new(5));
        let mut tdvp = Tdvp::new(velocity, &ring.psi, Box::new(shots));
        (tdvp.tableau, tdvp.shift) = (Tableau::rk45(), 1e-6);
        tdvp
    };
    let (mut whole, mut theta) = (engine(), ring.theta.clone());
    whole.advance(0.0, &mut theta, 0.1).unwrap();
    let (saved, mut other) = (whole.save(), theta.clone());
    whole.advance(0.1, &mut theta, 0.1).unwrap();
    let mut resumed = engine();
    resumed.load(&saved).unwrap();
    resumed.advance(0.1, &mut other, 0.1).unwrap();
    assert_eq!(theta, other);
    assert!(
        engine().load(&[1, 2, 3]).is_err(),
        "numbers of another method"
    );
}

#[test]
fn five_sweeps_divide_the_residual_of_a_step_by_more_than_a_hundred() {
    let lattice = Lattice::chain(6, Boundary::Periodic).unwrap();
    let model = Tfim::new(1.0).on(&lattice).unwrap();
    let sizes = TransformerParams {
        layers: 2,
        width: 16,
        heads: 2,
    };
    let net = Transformer::<Complex64>::new(*crate::hamiltonians::OnSpace::space(&model), sizes);
    let psi = Autoregressive::new(net.unwrap(), model.sector().clone());
    // On the way from all up: the exact state, fitted.
    let basis = Basis::new(&**model.sector(), Memory::default()).unwrap();
    let h = SparseMatrix::new(&model, &basis, Memory::default()).unwrap();
    let mut exact = vec![Complex64::ZERO; basis.len()];
    exact[0] = Complex64::ONE;
    evolve(&h, 0.3, &mut exact, &EvolveParams::default()).unwrap();
    let mut start = psi.layout().initial(Stream::new(4));
    fit_state(&psi, &mut start, &all(&model), &exact, 1e-12).unwrap();
    let dt = 0.02;
    let samples = all(&model).draw(&psi, &start).unwrap();
    let motion = Schroedinger::new(&model, Flow::RealTime);
    let (velocity, _) = motion.at(0.0, &psi, &start, &samples).unwrap();
    let target: Vec<Complex64> = (samples.log_psi.iter().zip(&velocity))
        .map(|(l, v)| l + (1.0 + dt * v).ln())
        .collect();
    let after = |sweeps| {
        let params = FitParams {
            tolerance: 0.0,
            sweeps,
            shift: 1e-4,
            ..FitParams::default()
        };
        let points = Points::All(all(&model));
        let mut theta = start.clone();
        let report = fit(&psi, &mut theta, &points, &target, &params).unwrap();
        assert_eq!(report.sweeps, sweeps, "{report:?}");
        // The residual is the root of the infidelity.
        (report.first.sqrt(), report.loss.sqrt())
    };
    // The first sweep solves the linear problem of TDVP, with Euler's step.
    let ((before, linear), (_, found)) = (after(1), after(5));
    let all = format!("{before:.1e} before, {linear:.1e} after one, {found:.1e} after five");
    assert!(found < 1e-2 * before, "{all}");
    assert!(found < 0.1 * linear, "{all}");
}
