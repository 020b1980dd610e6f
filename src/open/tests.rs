use super::*;
use crate::evolve::{Evolve, Tableau, Tdvp};
use crate::exact::{Basis, Memory, SparseMatrix};
use crate::hamiltonians::open::{Frame, Jump, Lindblad};
use crate::hamiltonians::{Action, Free, LocalSum, Pauli, Space, Term};
use crate::{FullSum, PrefixTable, Sampler};
use ketwork_models::{Autoregressive, Stream, Wavefunction};
use num_complex::Complex64;
use std::sync::Arc;

/// H = (v/4) sum ZZ + (g/2) sum X on a ring, with decay of rate 1 and a correlated random jump.
fn ring(n: usize, v: f64, g: f64, extra: bool) -> Lindblad {
    let string = |p: Vec<Pauli>, sites: Vec<u32>, c: f64| Term {
        sites,
        guard: Vec::new(),
        action: Action::Pauli(p, Complex64::from(c)),
        coupling: 0,
    };
    let mut terms = Vec::new();
    for i in 0..n as u32 {
        terms.push(string(vec![Pauli::X], vec![i], 0.5 * g));
        let next = (i + 1) % n as u32;
        if n > 2 || i == 0 {
            terms.push(string(vec![Pauli::Z; 2], vec![i, next], 0.25 * v));
        }
    }
    let h = LocalSum::new(Space::qubits(n), terms, vec![("h".to_owned(), 1.0)]).unwrap();
    let mut jumps: Vec<_> = (0..n as u32).map(|i| Jump::lowering(i, 1.0)).collect();
    if extra {
        let stream = Stream::new(5).named("jump");
        let number = |k| Complex64::new(stream.uniform(k, 0) - 0.5, stream.uniform(k, 1) - 0.5);
        jumps.push(Jump {
            sites: vec![0, 1],
            matrix: (0..16).map(number).collect(),
            rate: 0.7,
        });
    }
    Lindblad::new(h, jumps).unwrap()
}

struct Space4 {
    basis: Basis,
    a: SparseMatrix<f64>,
}

fn strings(lindblad: &Lindblad, frame: &Frame, n: usize) -> Space4 {
    let basis = Basis::new(&Free::new(Space::new(n, 4)), Memory::default()).unwrap();
    let generator = lindblad.generator(frame).unwrap();
    let a = SparseMatrix::new(&generator, &basis, Memory::default()).unwrap();
    Space4 { basis, a }
}

fn up(frame: &Frame, n: usize) -> Vec<[f64; 4]> {
    vec![frame.probabilities([0.0, 0.0, 1.0]); n]
}

/// $d\rho/dt$ by plain matrices of the whole space.
fn direct(lindblad: &Lindblad, n: usize, rho: &[Complex64]) -> Vec<Complex64> {
    let d = 1usize << n;
    let times = |a: &[Complex64], b: &[Complex64]| {
        let mut out = vec![Complex64::ZERO; d * d];
        for r in 0..d {
            for k in 0..d {
                for c in 0..d {
                    out[r * d + c] += a[r * d + k] * b[k * d + c];
                }
            }
        }
        out
    };
    let qubits = Basis::new(&Free::new(Space::qubits(n)), Memory::default()).unwrap();
    let sparse = SparseMatrix::new(lindblad.hamiltonian(), &qubits, Memory::default()).unwrap();
    let mut h = vec![Complex64::ZERO; d * d];
    sparse.entries().for_each(|(r, c, v)| h[r * d + c] += v);
    let (left, right) = (times(&h, rho), times(rho, &h));
    let i = Complex64::new(0.0, 1.0);
    let mut rate: Vec<_> = left.iter().zip(right).map(|(l, r)| -i * (l - r)).collect();
    for jump in lindblad.jumps() {
        let k = jump.sites.len();
        let bits = |x: usize| {
            jump.sites
                .iter()
                .fold(0, |b, &s| 2 * b + (x >> (n - 1 - s as usize) & 1))
        };
        let rest = |x: usize| {
            jump.sites
                .iter()
                .fold(x, |x, &s| x & !(1 << (n - 1 - s as usize)))
        };
        let mut l = vec![Complex64::ZERO; d * d];
        for r in 0..d {
            for c in (0..d).filter(|&c| rest(c) == rest(r)) {
                l[r * d + c] = jump.matrix[bits(r) * (1 << k) + bits(c)];
            }
        }
        let mut dagger = vec![Complex64::ZERO; d * d];
        for r in 0..d {
            (0..d).for_each(|c| dagger[c * d + r] = l[r * d + c].conj());
        }
        let count = times(&dagger, &l);
        let gain = times(&times(&l, rho), &dagger);
        let (a, b) = (times(&count, rho), times(rho, &count));
        for (e, rate) in rate.iter_mut().enumerate() {
            *rate += jump.rate * (gain[e] - 0.5 * (a[e] + b[e]));
        }
    }
    rate
}

#[test]
fn evolution_of_outcomes_is_that_of_the_density_matrix() {
    for (n, frame) in [
        (2, Frame::rotated()),
        (3, Frame::tetrahedral()),
        (3, Frame::pauli4()),
    ] {
        let lindblad = ring(n, 2.0, 1.3, true);
        let Space4 { basis, a } = strings(&lindblad, &frame, n);
        let mut p = product_probabilities(&basis, &up(&frame, n));
        let mut rho = density_matrix(&frame, &basis, &p);
        evolve_probabilities(&a, 0.4, &mut p, 1e-12).unwrap();
        // The same time by many fourth-order steps of the matrix.
        let (steps, dt) = (800, 0.4 / 800.0);
        let add = |a: &[Complex64], b: &[Complex64], f: f64| -> Vec<Complex64> {
            a.iter().zip(b).map(|(a, b)| a + f * b).collect()
        };
        for _ in 0..steps {
            let k1 = direct(&lindblad, n, &rho);
            let k2 = direct(&lindblad, n, &add(&rho, &k1, 0.5 * dt));
            let k3 = direct(&lindblad, n, &add(&rho, &k2, 0.5 * dt));
            let k4 = direct(&lindblad, n, &add(&rho, &k3, dt));
            for (k, f) in [(k1, 1.0), (k2, 2.0), (k3, 2.0), (k4, 1.0)] {
                rho = add(&rho, &k, f * dt / 6.0);
            }
        }
        let found = density_matrix(&frame, &basis, &p);
        let off = found.iter().zip(&rho).map(|(a, b)| (a - b).norm());
        let off = off.fold(0.0, f64::max);
        assert!(off < 1e-10, "N = {n}: {off:.1e}");
        assert!(smallest_eigenvalue(&found).unwrap() > -1e-11);
        let square: f64 = rho.iter().map(|x| x.norm_sqr()).sum();
        assert!((purity(&frame, &basis, &p) - square).abs() < 1e-10);
    }
}

#[test]
fn the_steady_state_obeys_its_sum_rule_and_the_known_numbers() {
    let frame = Frame::rotated();
    let lindblad = ring(4, 2.0, 1.0, false);
    let Space4 { basis, a } = strings(&lindblad, &frame, 4);
    let mut p = product_probabilities(&basis, &up(&frame, 4));
    let left = steady_probabilities(&a, &mut p, 1e-10).unwrap();
    assert!(left < 1e-10);
    let mean = |pauli| {
        let c = frame.coefficients(pauli);
        let configs = basis.configs(0..basis.len());
        let rows = configs.view();
        let sum: f64 = rows
            .rows()
            .zip(&p)
            .map(|(x, p)| p * c[usize::from(x[0])])
            .sum();
        sum
    };
    let (x, y, z) = (mean(Pauli::X), mean(Pauli::Y), mean(Pauli::Z));
    assert!(
        (x - 0.439781).abs() < 2e-6 && (y - 0.187186).abs() < 2e-6,
        "{x} {y}"
    );
    assert!((z + 0.812814).abs() < 2e-6, "{z}");
    assert!((y - 1.0 - z).abs() < 1e-9, "g <Y> = 1 + <Z>: {y} {z}");
    assert!((purity(&frame, &basis, &p) - 0.870485).abs() < 2e-6);
}

/// The complete ansatz of two sites with a correlated jump, at a product state.
struct Pair {
    a: SparseMatrix<f64>,
    generator: LocalSum<f64>,
    psi: Autoregressive<PrefixTable<f64>>,
    all: FullSum,
    start: Vec<f64>,
    theta: Vec<f64>,
}

fn pair() -> Pair {
    let (n, frame) = (2, Frame::rotated());
    let lindblad = ring(n, 2.0, 1.0, true);
    let Space4 { basis, a } = strings(&lindblad, &frame, n);
    let start = product_probabilities(&basis, &up(&frame, n));
    let sector: crate::hamiltonians::Sector = Arc::new(Free::new(Space::new(n, 4)));
    let table = PrefixTable::<f64>::new(Space::new(n, 4));
    let psi = Autoregressive::probability(table, sector.clone());
    let all = FullSum::new(&*sector, Memory::default()).unwrap();
    let mut theta = psi.layout().initial(Stream::new(1));
    let params = crate::evolve::FitParams {
        tolerance: 1e-26,
        ..Default::default()
    };
    fit_probabilities(&psi, &mut theta, &all, &start, &params).unwrap();
    Pair {
        a,
        generator: lindblad.generator(&frame).unwrap(),
        psi,
        all,
        start,
        theta,
    }
}

impl Pair {
    /// The order of an engine, from its error after t = 0.4 with these numbers of steps and twice them.
    fn order(&self, steps: usize, mut engine: Box<dyn Evolve + '_>) -> f64 {
        let mut exact = self.start.clone();
        evolve_probabilities(&self.a, 0.4, &mut exact, 1e-13).unwrap();
        let mut error = |steps: usize| {
            let mut theta = self.theta.clone();
            let tau = 0.4 / steps as f64;
            for i in 0..steps {
                engine.advance(i as f64 * tau, &mut theta, tau).unwrap();
            }
            let p = self.all.clone().draw(&self.psi, &theta).unwrap().weight;
            let off = p.iter().zip(&exact).map(|(a, b)| (a - b).abs());
            off.sum::<f64>()
        };
        (error(steps) / error(2 * steps)).log2()
    }

    fn corrected(&self, corrections: u32) -> Box<dyn Evolve + '_> {
        let all = self.all.clone();
        let engine = Corrected::new(&self.generator, &self.psi, Box::new(all.clone()));
        let mut engine = engine.with_all(all, &self.a);
        (engine.fit.tolerance, engine.fit.sweeps) = (1e-26, 30);
        engine.corrections = corrections;
        Box::new(engine)
    }

    fn tdvp(&self, tableau: Tableau) -> Box<dyn Evolve + '_> {
        let velocity = Master::new(&self.generator);
        let mut tdvp = Tdvp::new(velocity, &self.psi, Box::new(self.all.clone()));
        (tdvp.tableau, tdvp.shift) = (tableau, 1e-14);
        Box::new(tdvp)
    }
}

#[test]
fn steps_of_a_complete_ansatz_converge_with_their_order() {
    let pair = pair();
    let mut trapezoid = Trapezoid::new(&pair.a, &pair.psi, pair.all.clone());
    (trapezoid.fit.tolerance, trapezoid.fit.sweeps) = (1e-26, 30);
    for (name, order, steps, engine) in [
        ("trapezoid", 2.0, 8, Box::new(trapezoid) as Box<dyn Evolve>),
        ("TENG, Euler", 1.0, 64, pair.corrected(0)),
        ("TENG, Heun", 2.0, 32, pair.corrected(1)),
        ("corrected trapezoid", 2.0, 16, pair.corrected(12)),
        ("TDVP, Euler", 1.0, 64, pair.tdvp(Tableau::euler())),
        ("TDVP, Heun", 2.0, 32, pair.tdvp(Tableau::heun())),
        ("TDVP, RK4", 4.0, 48, pair.tdvp(Tableau::rk4())),
    ] {
        let found = pair.order(steps, engine);
        assert!((found - order).abs() < 0.2, "{name}: order {found:.2}");
    }
}

#[test]
fn trajectories_need_no_memory_for_density_matrices() {
    // Vectors and sparse matrices of 2^8 rows take 1 MB, six density matrices 6 MB.
    let lindblad = ring(8, 2.0, 1.3, false);
    let system = Lindbladian::new(&lindblad, Memory::at_most(2_000_000)).unwrap();
    let mut psi = vec![Complex64::ZERO; 1 << 8];
    psi[0] = Complex64::from(1.0);
    let h = lindblad.hamiltonian();
    let walks = system.trajectories(&psi, &[0.1], &[h], 3, Stream::new(3));
    assert_eq!(walks.unwrap().len(), 3);
    let mut rho = vec![Complex64::ZERO; 1 << 16];
    let refused = |e| matches!(e, Err(crate::exact::ExactError::Memory { .. }));
    assert!(refused(system.evolve(0.1, &mut rho, 1e-10)));
    assert!(refused(system.steady(&mut rho, 1e-10).map(drop)));
}

#[test]
fn the_density_matrix_obeys_the_lindblad_equation() {
    let n = 3;
    let lindblad = ring(n, 2.0, 1.3, true);
    let system = Lindbladian::new(&lindblad, Memory::default()).unwrap();
    let d = system.dimension();
    // Any Hermitian matrix.
    let stream = Stream::new(7).named("matrix");
    let mut rho = vec![Complex64::ZERO; d * d];
    for r in 0..d {
        for c in r..d {
            let u = |k| stream.uniform((r * d + c) as u64, k) - 0.5;
            let x = Complex64::new(u(0), if r == c { 0.0 } else { u(1) });
            (rho[r * d + c], rho[c * d + r]) = (x, x.conj());
        }
    }
    let mut rate = rho.clone();
    system.apply(&rho, &mut rate);
    for (a, b) in rate.iter().zip(direct(&lindblad, n, &rho)) {
        assert!((a - b).norm() < 1e-12, "{a} against {b}");
    }
}

#[test]
fn outcomes_and_density_matrix_evolve_alike() {
    let n = 4;
    let (lindblad, frame) = (ring(n, 2.0, 1.3, true), Frame::rotated());
    let Space4 { basis, a } = strings(&lindblad, &frame, n);
    let mut p = product_probabilities(&basis, &up(&frame, n));
    let mut rho = density_matrix(&frame, &basis, &p);
    let system = Lindbladian::new(&lindblad, Memory::default()).unwrap();
    for time in [0.3, 2.0] {
        evolve_probabilities(&a, time, &mut p, 1e-11).unwrap();
        system.evolve(time, &mut rho, 1e-12).unwrap();
        // An error of 1e-11 in P grows by at most |N_a| < 2 for each site.
        for (x, y) in rho.iter().zip(density_matrix(&frame, &basis, &p)) {
            assert!((x - y).norm() < 2e-10, "{x} against {y} at {time}");
        }
    }
    let left = system.steady(&mut rho, 1e-10).unwrap();
    assert!(left < 1e-10, "{left}");
    steady_probabilities(&a, &mut p, 1e-11).unwrap();
    for (x, y) in rho.iter().zip(density_matrix(&frame, &basis, &p)) {
        assert!((x - y).norm() < 1e-8, "{x} against {y} in the steady state");
    }
}

#[test]
fn trajectories_average_to_the_density_matrix() {
    let n = 4;
    let lindblad = ring(n, 2.0, 1.3, true);
    let system = Lindbladian::new(&lindblad, Memory::default()).unwrap();
    let observables: Vec<_> = [Pauli::X, Pauli::Y, Pauli::Z]
        .map(|p| {
            let term = Term {
                sites: vec![1],
                guard: Vec::new(),
                action: Action::Pauli(vec![p], Complex64::from(1.0)),
                coupling: 0,
            };
            LocalSum::new(Space::qubits(n), vec![term], vec![("o".to_owned(), 1.0)]).unwrap()
        })
        .into();
    let observables: Vec<_> = observables.iter().collect();
    let mut psi = vec![Complex64::ZERO; 1 << n];
    psi[0] = Complex64::from(1.0);
    let mut rho = vec![Complex64::ZERO; 1 << (2 * n)];
    rho[0] = Complex64::from(1.0);
    let times = [0.2, 0.9, 2.5];
    let walks = system
        .trajectories(&psi, &times, &observables, 2000, Stream::new(3))
        .unwrap();
    assert_eq!(walks.len(), 2000);
    let mut at = 0.0;
    for (i, t) in times.into_iter().enumerate() {
        system.evolve(t - at, &mut rho, 1e-12).unwrap();
        at = t;
        for (k, exact) in system
            .means(&observables, &rho)
            .unwrap()
            .into_iter()
            .enumerate()
        {
            let found = walks.mean(i, k);
            let z = (found.mean - exact) / found.error;
            assert!(
                z.abs() < 4.0,
                "t = {t}, observable {k}: {found:?} against {exact}"
            );
            assert!(found.error < 0.025, "{found:?}");
        }
    }
}

#[test]
fn a_spin_that_only_decays_jumps_at_exponential_times() {
    // <Z>(t) = 2 exp(-t) - 1 from up; a trajectory is up or down, so the shares are exact.
    let z = Term {
        sites: vec![0],
        guard: Vec::new(),
        action: Action::Pauli(vec![Pauli::Z], Complex64::from(1.0)),
        coupling: 0,
    };
    let z = LocalSum::new(Space::qubits(1), vec![z], vec![("z".to_owned(), 1.0)]).unwrap();
    let lindblad = Lindblad::new(z.clone(), vec![Jump::lowering(0, 1.0)]).unwrap();
    let system = Lindbladian::new(&lindblad, Memory::default()).unwrap();
    let psi = [Complex64::from(2.0), Complex64::ZERO];
    let walks = system
        .trajectories(&psi, &[0.0, 1.0, 40.0], &[&z], 4000, Stream::new(1))
        .unwrap();
    assert!(
        (walks.mean(0, 0).mean - 1.0).abs() < 1e-15,
        "up at the start"
    );
    let there = walks.mean(1, 0);
    let exact = 2.0 * (-1.0f64).exp() - 1.0;
    assert!(
        (there.mean - exact).abs() < 4.0 * there.error,
        "{there:?} against {exact}"
    );
    assert!(
        (walks.mean(2, 0).mean + 1.0).abs() < 1e-12,
        "down at the end"
    );
    assert!(
        system
            .trajectories(&psi, &[1.0, 0.5], &[&z], 2, Stream::new(1))
            .is_err()
    );
    assert!(
        system
            .trajectories(&[Complex64::ZERO; 2], &[1.0], &[&z], 2, Stream::new(1))
            .is_err()
    );
}

#[test]
fn the_least_residual_of_a_complete_ansatz_is_the_steady_state() {
    let (n, frame) = (3, Frame::rotated());
    let lindblad = ring(n, 2.0, 1.0, false);
    let Space4 { basis, a } = strings(&lindblad, &frame, n);
    let strings = Free::new(Space::new(n, 4));
    let net = PrefixTable::<f64>::new(Space::new(n, 4));
    let psi = Autoregressive::probability(net, Arc::new(strings.clone()));
    let mut all = FullSum::new(&strings, Memory::default()).unwrap();
    let mut theta = vec![0.0; psi.layout().n_params()];
    let mut steady = Steady::new(&a, &psi, all.clone());
    let mut last = f64::INFINITY;
    for _ in 0..60 {
        let report = steady.step(&mut theta).unwrap();
        assert!(report.variance <= last, "{report:?} after {last}");
        // Cauchy and Schwarz.
        assert!(
            report.residual.powi(2) <= report.variance * (1.0 + 1e-12),
            "{report:?}"
        );
        last = report.variance;
        if report.residual < 1e-10 {
            break;
        }
    }
    let mut exact = product_probabilities(&basis, &up(&frame, n));
    steady_probabilities(&a, &mut exact, 1e-12).unwrap();
    let found = all.draw(&psi, &theta).unwrap().weight;
    let off: f64 = found.iter().zip(&exact).map(|(p, q)| (p - q).abs()).sum();
    assert!(off < 1e-8, "{off}, variance {last}");
}
