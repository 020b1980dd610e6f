use super::*;
use ketwork_models::TangentMap;
use std::ops::Range;

struct Matrix {
    n: usize,
    k: usize,
    p: usize,
    rows: Vec<f64>,
    stored: bool,
}

impl TangentMap for Matrix {
    fn shape(&self) -> (usize, usize, usize) {
        (self.n, self.k, self.p)
    }
    fn rows(&self, samples: Range<usize>, out: &mut [f64]) {
        for (c, out) in out.chunks_exact_mut(samples.len() * self.p).enumerate() {
            let at = (c * self.n + samples.start) * self.p;
            out.copy_from_slice(&self.rows[at..at + out.len()]);
        }
    }
    fn stored(&self) -> Option<&[f64]> {
        self.stored.then_some(&self.rows)
    }
    fn apply(&self, v: &[f64], out: &mut [f64]) {
        for (o, row) in out.iter_mut().zip(self.rows.chunks_exact(self.p)) {
            *o = row.iter().zip(v).map(|(a, b)| a * b).sum();
        }
    }
    fn apply_transpose(&self, u: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for (row, u) in self.rows.chunks_exact(self.p).zip(u) {
            out.iter_mut().zip(row).for_each(|(o, r)| *o += u * r);
        }
    }
}

fn random(seed: u64, n: usize) -> Vec<f64> {
    let stream = ketwork_models::Stream::new(seed);
    (0..n as u64).map(|i| stream.uniform(i, 0) - 0.5).collect()
}

fn problem(n: usize, k: usize, p: usize, stored: bool) -> (Matrix, Vec<f64>) {
    (
        Matrix {
            n,
            k,
            p,
            rows: random(1, n * k * p),
            stored,
        },
        random(2, n * k),
    )
}

fn difference(a: &[f64], b: &[f64]) -> f64 {
    let scale = b.iter().map(|b| b.abs()).fold(0.0, f64::max);
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max)
        / scale
}

#[test]
fn the_natural_gradient_is_that_of_the_smaller_system_bit_for_bit_also_when_sizes_change() {
    let mut chosen = NaturalGradient::new(0.5);
    for (n, p, shift) in [
        (150, 40, 1e-3),
        (30, 200, 1e-2),
        (20, 200, 1e-3),
        (90, 80, 1e-2),
    ] {
        let (j, r) = problem(n, 1, p, true);
        let (mut found, mut known) = (vec![0.0; p], vec![0.0; p]);
        chosen.set_shift(shift);
        chosen.solve(&j, &r, &mut found).unwrap();
        if p < n {
            Sr::new(shift).solve(&j, &r, &mut known).unwrap();
        } else {
            MinSr::new(shift).solve(&j, &r, &mut known).unwrap();
        }
        assert_eq!(found, known, "{n} {p}");
    }
}

#[test]
fn sr_equals_min_sr_whether_the_map_is_stored_or_not() {
    // Condition numbers stay below 1e4 at this shift: 1e-10 leaves two digits of margin.
    for (n, k, p) in [(150, 1, 40), (30, 2, 200), (700, 2, 33)] {
        for stored in [true, false] {
            let (j, r) = problem(n, k, p, stored);
            let (mut a, mut b) = (vec![0.0; p], vec![0.0; p]);
            Sr::new(1e-3).solve(&j, &r, &mut a).unwrap();
            let info = MinSr::new(1e-3).solve(&j, &r, &mut b).unwrap();
            assert!(
                difference(&a, &b) < 1e-10,
                "{n} {k} {p} {stored}: {}",
                difference(&a, &b)
            );
            assert!(info.residual < 1e-10 && info.attempts == 1, "{info:?}");
        }
    }
}

#[test]
fn spring_without_momentum_is_min_sr_and_with_it_is_not() {
    let (j, r) = problem(40, 2, 120, true);
    let (mut a, mut b, mut c) = (vec![0.0; 120], vec![0.0; 120], vec![0.0; 120]);
    let (mut still, mut moving) = (Spring::new(1e-3, 0.0), Spring::new(1e-3, 0.9));
    for _ in 0..2 {
        MinSr::new(1e-3).solve(&j, &r, &mut a).unwrap();
        still.solve(&j, &r, &mut b).unwrap();
        moving.solve(&j, &r, &mut c).unwrap();
    }
    assert!(difference(&b, &a) < 1e-14);
    assert!(difference(&c, &a) > 1e-4);
}

#[test]
fn a_singular_map_without_shift_ends_in_the_fallback_chain() {
    let (mut j, mut r) = problem(20, 1, 30, true);
    // Equal rows with equal residuals: solvable, but the Gram matrix is singular.
    let first = j.rows[..30].to_vec();
    j.rows[30..60].copy_from_slice(&first);
    r[1] = r[0];
    let mut step = vec![0.0; 30];
    MinSr::new(0.0).solve(&j, &r, &mut step).unwrap();
    let mut reached = vec![0.0; 20];
    j.apply(&step, &mut reached);
    assert!(
        difference(&reached, &r) < 1e-6,
        "{}",
        difference(&reached, &r)
    );
}

#[test]
fn a_map_with_nan_is_refused_by_name() {
    let (mut j, r) = problem(5, 1, 8, true);
    j.rows[3] = f64::NAN;
    let mut step = vec![0.0; 8];
    for solver in [
        &mut MinSr::new(1e-3) as &mut dyn TangentSolver,
        &mut Sr::new(1e-3),
    ] {
        assert_eq!(
            solver.solve(&j, &r, &mut step),
            Err(SolveError::NotFinite {
                what: "tangent map"
            })
        );
    }
}

#[test]
fn adam_continues_from_its_saved_moments() {
    let (j, r) = problem(10, 1, 6, true);
    let (mut a, mut b) = (vec![0.0; 6], vec![0.0; 6]);
    let mut adam = Adam::default();
    adam.solve(&j, &r, &mut a).unwrap();
    let mut copy = Adam::default();
    copy.load(&TangentSolver::save(&adam));
    let half: Vec<f64> = r.iter().map(|r| 0.5 * r).collect();
    adam.solve(&j, &half, &mut a).unwrap();
    copy.solve(&j, &half, &mut b).unwrap();
    assert_eq!(a, b);
}

/// What the solvers say about force and length, without reading the map again.
fn said_and_read(solver: &mut dyn TangentSolver, j: &Matrix, r: &[f64]) -> [(f64, f64); 2] {
    let (mut step, mut force) = (vec![0.0; j.p], vec![0.0; j.p]);
    let info = solver.solve(j, r, &mut step).unwrap();
    let mut moved = vec![0.0; r.len()];
    j.apply(&step, &mut moved);
    j.apply_transpose(r, &mut force);
    [(info.force, norm(&force)), (info.length, norm(&moved))]
}

#[test]
fn solvers_know_the_force_and_the_length_of_their_step() {
    let (j, r) = problem(60, 2, 90, true);
    let mut spring = Spring::new(1e-3, 0.9);
    spring.solve(&j, &r, &mut [0.0; 90]).unwrap();
    for solver in [
        &mut MinSr::new(1e-2) as &mut dyn TangentSolver,
        &mut Sr::new(1e-2),
        &mut spring,
        &mut Adam::default(),
    ] {
        for (said, read) in said_and_read(solver, &j, &r) {
            assert!((said / read - 1.0).abs() < 1e-9, "{said} {read}");
        }
    }
}

/// Rows of very different length, as those of a trained state: eigenvalues over six decades.
fn graded(n: usize, p: usize, stored: bool) -> (Matrix, Vec<f64>) {
    let (mut j, r) = problem(n, 1, p, stored);
    for (i, row) in j.rows.chunks_exact_mut(p).enumerate() {
        let scale = 10.0_f64.powf(-3.0 * i as f64 / n as f64);
        row.iter_mut().for_each(|v| *v *= scale);
    }
    (j, r)
}

#[test]
fn single_precision_is_refined_to_the_step_of_double_precision() {
    // Just above three parameters a row, where it begins. A map that is not stored is solved in double precision.
    let (single, r) = graded(520, 1570, true);
    let (double, _) = graded(520, 1570, false);
    let (mut a, mut b) = (vec![0.0; 1570], vec![0.0; 1570]);
    for shift in [1e-2, 1e-3] {
        let refined = MinSr::new(shift).solve(&single, &r, &mut a).unwrap();
        let direct = MinSr::new(shift).solve(&double, &r, &mut b).unwrap();
        assert!(refined.refinements > 0 && direct.refinements == 0);
        assert!(refined.residual <= 1e-10, "{refined:?}");
        assert!(difference(&a, &b) < 1e-8, "{}", difference(&a, &b));
        assert!((refined.shift / direct.shift - 1.0).abs() < 1e-12);
    }
    for (said, read) in said_and_read(&mut MinSr::new(1e-2), &single, &r) {
        assert!((said / read - 1.0).abs() < 1e-6, "{said} {read}");
    }
    // Below the rounding of single precision it is not tried.
    let small = MinSr::new(1e-6).solve(&single, &r, &mut a).unwrap();
    assert_eq!(small.refinements, 0);
}

#[test]
fn what_single_precision_cannot_hold_is_solved_in_double() {
    // Squares of 1e-25 are below the smallest normal number of single precision.
    let (mut j, r) = problem(520, 1, 2100, true);
    j.rows.iter_mut().for_each(|v| *v *= 1e-25);
    let mut step = vec![0.0; 2100];
    let info = MinSr::new(1e-2).solve(&j, &r, &mut step).unwrap();
    assert_eq!(info.refinements, 0);
    assert!(info.residual < 1e-10, "{info:?}");
}

#[test]
fn a_refinement_that_stalls_ends_in_double_precision() {
    // Rows that nearly agree: what tells them apart is below the rounding of single precision, and
    // the shift is small beside the one large eigenvalue.
    const SHIFT: f64 = 3e-4;
    let (mut j, r) = graded(1040, 4200, true);
    j.rows.iter_mut().for_each(|v| *v = 1.0 + 1e-2 * *v);
    let (mut single, mut step) = (ketwork_linalg::SingleGram::default(), vec![0.0; 4200]);
    assert!(dual::is_worth(&j, SHIFT));
    let found = dual::solve(&mut single, &j, &r, &r, SHIFT, &mut step);
    assert!(found.is_none(), "{:?}", found.map(|f| f.info));
    // Not for want of a factor.
    let lambda = SHIFT * j.rows.iter().map(|v| v * v).sum::<f64>() / r.len() as f64;
    assert!(single.factor(lambda).is_some());
    let info = MinSr::new(SHIFT).solve(&j, &r, &mut step).unwrap();
    assert_eq!(info.refinements, 0, "{info:?}");
    assert!(info.residual < 1e-10, "{info:?}");
}

#[test]
fn a_problem_of_several_dampings_has_the_steps_of_the_natural_gradient_in_every_form() {
    for (n, k, p) in [(12, 2, 9), (5, 2, 31), (6, 2, 12)] {
        let (map, r) = problem(n, k, p, true);
        // By reflections, from the kept square, and anew.
        let forms = [(64, 64), (0, 64), (0, 0)];
        for (reflected, kept) in forms {
            let mut problem = Damped::up_to(reflected, kept, &map, &r).unwrap();
            let (mut found, mut wanted) = (vec![0.0; p], vec![0.0; p]);
            for shift in [1e-2, 1e-6, 1e-1] {
                problem.solve(shift, &mut found).unwrap();
                NaturalGradient::new(shift)
                    .solve(&map, &r, &mut wanted)
                    .unwrap();
                let off = difference(&found, &wanted);
                assert!(
                    off < 1e-8,
                    "({n}, {k}, {p}), {reflected}, {kept}: {off:.1e}"
                );
            }
        }
    }
    let (mut map, r) = problem(3, 2, 4, true);
    map.rows[5] = f64::NAN;
    assert!(matches!(
        Damped::new(&map, &r).map(drop),
        Err(SolveError::NotFinite {
            what: "tangent map"
        })
    ));
}
