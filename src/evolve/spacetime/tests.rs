use super::residual::residual;
use super::*;
use crate::exact::{Basis, EvolveParams, Memory, evolve};
use crate::hamiltonians::{Boundary, Hamiltonian, Lattice, Model, OnSpace, Tfim};
use crate::{PrefixTable, Stream};
use ketwork_models::{Autoregressive, TangentMap, Wavefunction};

type Table = Autoregressive<PrefixTable<Complex64>>;

struct Ring {
    h: SparseMatrix<f64>,
    psi: Table,
    all: FullSum,
    theta: Vec<f64>,
    start: Vec<Complex64>,
}

fn ring() -> Ring {
    let lattice = Lattice::chain(3, Boundary::Periodic).unwrap();
    let model: Model<f64> = Tfim::new(1.0).on(&lattice).unwrap();
    let basis = Basis::new(&**model.sector(), Memory::default()).unwrap();
    let h = SparseMatrix::new(&model, &basis, Memory::default()).unwrap();
    let psi = Table::new(PrefixTable::new(*model.space()), model.sector().clone());
    let mut start = vec![Complex64::ZERO; basis.len()];
    start[0] = Complex64::ONE;
    Ring {
        theta: psi.layout().initial(Stream::new(2)),
        all: FullSum::new(&**model.sector(), Memory::default()).unwrap(),
        h,
        psi,
        start,
    }
}

/// Slices of the midpoint rule itself, by its fixed-point iteration.
fn reference(ring: &Ring, flow: Flow, dt: f64, n: usize) -> Vec<Vec<Complex64>> {
    let rows = Rows::new(&ring.h);
    let mut slices = vec![ring.start.clone()];
    for k in 0..n {
        slices.push(slices[k].clone());
        // A contraction with factor dt |H| / 2, about 0.15 here.
        for _ in 0..40 {
            let left = residual(&rows, flow, &[dt], -3.0, &slices[k..]);
            slices[k + 1]
                .iter_mut()
                .zip(&left.values)
                .for_each(|(s, r)| *s -= dt * r);
        }
    }
    slices
}

fn infidelity(a: &[Complex64], b: &[Complex64]) -> f64 {
    let sum: Complex64 = a.iter().zip(b).map(|(a, b)| a.conj() * b).sum();
    let norm = |x: &[Complex64]| x.iter().map(|x| x.norm_sqr()).sum::<f64>();
    1.0 - sum.norm_sqr() / (norm(a) * norm(b))
}

fn solved(ring: &Ring, flow: Flow, dt: f64, n: usize) -> (Trajectory, SpacetimeReport) {
    let mut spacetime = Spacetime::new((1..=n).map(|k| dt * k as f64).collect());
    spacetime.flow = flow;
    spacetime.fit.tolerance = 1e-16;
    spacetime
        .solve(
            &ring.h,
            &ring.psi,
            &ring.theta,
            &ring.start,
            &ring.all,
            None,
            |_| true,
        )
        .unwrap()
}

#[test]
fn a_complete_ansatz_takes_the_slices_of_the_midpoint_rule() {
    let (ring, dt, n) = (ring(), 0.05, 6);
    for flow in [Flow::RealTime, Flow::ImaginaryTime] {
        let (path, report) = solved(&ring, flow, dt, n);
        assert!(report.loss < 1e-12, "{flow:?}: {report:?}");
        for (k, slice) in reference(&ring, flow, dt, n).iter().enumerate().skip(1) {
            let theta = path.at(dt * k as f64);
            let found = ring.all.clone().draw(&ring.psi, &theta).unwrap();
            let found: Vec<Complex64> = found.log_psi.iter().map(|l| l.exp()).collect();
            // |R| <= dt sqrt(K L) adds up over k <= 6 slices to 1e-6 at most, infidelity its square.
            let off = infidelity(slice, &found);
            assert!(off < 1e-11, "{flow:?}, slice {k}: {off:.1e}");
        }
    }
}

#[test]
fn the_map_is_the_derivative_of_the_residuals_and_its_gram_matrix_that_of_its_rows() {
    let ring = ring();
    // Intervals of two lengths.
    let spacetime = Spacetime::new(vec![0.07, 0.12, 0.2, 0.27, 0.35]);
    let problem = Problem {
        rows: Rows::new(&ring.h),
        psi: &ring.psi,
        start: &ring.start,
        all: &ring.all,
        lengths: spacetime.lengths(),
        spacetime: &spacetime,
    };
    // Fewer functions than slices: the factors of neighbours overlap.
    let polygon = Polygon::new(vec![0.07, 0.2, 0.35]);
    let p = ring.theta.len();
    let noise = |from: u64, n: usize| -> Vec<f64> {
        let stream = Stream::new(from);
        (0..n).map(|i| stream.uniform(i as u64, 0) - 0.5).collect()
    };
    let mut path = Trajectory {
        theta: noise(5, polygon.len() * p),
        n_params: p,
        polygon,
    };
    let rest = |path: &Trajectory| {
        let slices = problem.slices(path, 5).unwrap();
        let found = problem.rest(-2.0, &slices);
        (slices, found)
    };
    let (slices, now) = rest(&path);
    let map = problem.map(&path, &slices, &now.energies).unwrap();
    let (n, k, q) = map.shape();
    assert_eq!((n, k, q), (5 * 8, 2, path.theta.len()));
    let mut rows = vec![0.0; 2 * n * q];
    map.rows(0..n, &mut rows);

    let direction = noise(7, q);
    let mut image = vec![0.0; 2 * n];
    map.apply(&direction, &mut image);
    let dense = |r: usize| -> f64 {
        let row = &rows[r * q..(r + 1) * q];
        row.iter().zip(&direction).map(|(a, b)| a * b).sum()
    };
    // Central differences with step 1e-5: error 1e-10 of the third derivative, rounding 1e-11.
    let step = 1e-5;
    let shifted = |sign: f64, path: &mut Trajectory| {
        let old = path.theta.clone();
        let moved = path.theta.iter_mut().zip(&direction);
        moved.for_each(|(t, d)| *t += sign * step * d);
        let found = rest(path).1.values;
        path.theta = old;
        found
    };
    let (up, down) = (shifted(1.0, &mut path), shifted(-1.0, &mut path));
    for i in 0..n {
        let slope = -(up[i] - down[i]) / (2.0 * step);
        for (r, wanted) in [(i, slope.re), (n + i, slope.im)] {
            assert!(
                (image[r] - wanted).abs() < 1e-8,
                "row {r}: {} and {wanted}",
                image[r]
            );
            assert!((image[r] - dense(r)).abs() < 1e-12, "row {r} by its own");
        }
    }
    let mut gram = vec![0.0; 4 * n * n];
    assert!(map.gram(&mut gram));
    for r in 0..2 * n {
        for s in 0..2 * n {
            let (a, b) = (&rows[r * q..(r + 1) * q], &rows[s * q..(s + 1) * q]);
            let wanted: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
            let found = gram[r * 2 * n + s];
            assert!(
                (found - wanted).abs() < 1e-12,
                "({r}, {s}): {found} and {wanted}"
            );
        }
    }
}

#[test]
fn halving_the_distance_of_slices_divides_the_error_by_four() {
    let ring = ring();
    let mut exact = ring.start.clone();
    evolve(&ring.h, 0.4, &mut exact, &EvolveParams::default()).unwrap();
    let error = |n: usize| {
        let dt = 0.4 / n as f64;
        let (path, _) = solved(&ring, Flow::RealTime, dt, n);
        let found = ring.all.clone().draw(&ring.psi, &path.at(0.4)).unwrap();
        let found: Vec<Complex64> = found.log_psi.iter().map(|l| l.exp()).collect();
        infidelity(&exact, &found)
    };
    let order = 0.5 * (error(4) / error(8)).log2();
    assert!((order - 2.0).abs() < 0.2, "order {order:.2}");
}

#[test]
fn a_new_slice_starts_at_the_step_of_the_rule() {
    let (ring, dt) = (ring(), 0.05);
    let rows = Rows::new(&ring.h);
    let slices = reference(&ring, Flow::RealTime, dt, 2);
    let found = next::next(&rows, Flow::RealTime, dt, -3.0, &slices[1]);
    let off = infidelity(&slices[2], &found);
    assert!(off < 1e-14, "{off:.1e}");
    // In imaginary time the energy is that of the earlier end: the ratio of both sides of the rule.
    let flow = Flow::ImaginaryTime;
    let image = rows.apply(&slices[1]);
    let energy: f64 = slices[1]
        .iter()
        .zip(&image)
        .map(|(a, b)| (a.conj() * b).re)
        .sum();
    let found = next::next(&rows, flow, dt, f64::NAN, &slices[1]);
    let c = Complex64::new(0.5 * dt, 0.0);
    let sides = [
        rows.shifted(c, energy, &found),
        rows.shifted(-c, energy, &slices[1]),
    ];
    let off = infidelity(&sides[0], &sides[1]);
    assert!(off < 1e-14, "{off:.1e}");
}
