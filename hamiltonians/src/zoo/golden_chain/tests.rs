use super::*;
use crate::{Configs, Connected, Constraint, Hamiltonian, Operator, draw_legal, is_legal};
use std::collections::BTreeMap;

/// A matrix by (row, column) of labels.
type Matrix = BTreeMap<(Vec<u8>, Vec<u8>), f64>;

/// The terms of a model with one coupling, each as a matrix over all legal paths.
fn projectors(model: &Model<f64>, coupling: u32) -> Vec<Matrix> {
    let space = *model.space();
    let (n, d) = (space.n_sites, space.local_dim);
    let mut x = Configs::new(n);
    for i in 0..d.pow(n as u32) {
        let row: Vec<u8> = (0..n).map(|s| (i / d.pow(s as u32) % d) as u8).collect();
        if is_legal(&**model.sector(), &row) {
            x.push(&row);
        }
    }
    let of = |term: &Term<f64>| {
        let term = Term {
            coupling: 0,
            ..term.clone()
        };
        let sum = LocalSum::new(space, vec![term], named([("1", -1.0)])).unwrap();
        let mut out = Connected::default();
        sum.connected(x.view(), &mut out);
        let mut matrix = Matrix::new();
        let mut to = vec![0; n];
        for (row, &v) in x.view().rows().zip(&out.diagonal) {
            matrix.insert((row.to_vec(), row.to_vec()), v);
        }
        for (k, &v) in out.element.iter().enumerate() {
            out.neighbours.write(k, x.view(), &mut to);
            let row = x.row(out.neighbours.parent[k] as usize).to_vec();
            matrix.insert((row, to.clone()), v);
        }
        matrix
    };
    let terms = model.terms().terms().iter();
    terms.filter(|t| t.coupling == coupling).map(of).collect()
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    let mut sum = Matrix::new();
    for ((r, m), x) in a {
        let from = (m.clone(), Vec::new());
        for ((_, c), y) in b.range(from..).take_while(|((row, _), _)| row == m) {
            *sum.entry((r.clone(), c.clone())).or_default() += x * y;
        }
    }
    sum
}

/// Largest element of $\sum_i c_i A_i$.
fn largest(parts: &[(f64, &Matrix)]) -> f64 {
    let mut sum = Matrix::new();
    for (c, matrix) in parts {
        for (at, v) in *matrix {
            *sum.entry(at.clone()).or_default() += c * v;
        }
    }
    sum.values().fold(0.0, |m, v| f64::max(m, v.abs()))
}

fn chain(level: usize, n: usize, boundary: Boundary) -> Model<f64> {
    let model = GoldenChain {
        theta: 1.0,
        level,
        twice_charge: None,
    };
    model.on(&Lattice::chain(n, boundary).unwrap()).unwrap()
}

#[test]
fn pairs_form_the_temperley_lieb_algebra_and_triples_are_its_jones_wenzl_projectors() {
    // e_i = d P_i: e_i^2 = d e_i, e_i e_{i+1} e_i = e_i; P3 = 1 - d (e_1 + e_2)/[3] + (e_1 e_2 +
    // e_2 e_1)/[3] with [3] = d^2 - 1.
    for level in 2..=7 {
        for boundary in [Boundary::Open, Boundary::Periodic] {
            let model = chain(level, 6, boundary);
            let (p, triples) = (projectors(&model, 0), projectors(&model, 1));
            let d = 2.0 * (std::f64::consts::PI / (level + 2) as f64).cos();
            let (d2, three) = (d * d, d * d - 1.0);
            for (i, third) in triples.iter().enumerate() {
                let (a, b) = (&p[i], &p[(i + 1) % p.len()]);
                let (ab, ba) = (product(a, b), product(b, a));
                let checks = [
                    ("idempotent", largest(&[(1.0, &product(a, a)), (-1.0, a)])),
                    ("aba", largest(&[(d2, &product(&ab, a)), (-1.0, a)])),
                    ("bab", largest(&[(d2, &product(&ba, b)), (-1.0, b)])),
                    ("triple", {
                        let one = a.keys().filter(|(r, c)| r == c);
                        let one: Matrix = one.map(|at| (at.clone(), 1.0)).collect();
                        largest(&[
                            (-1.0, third),
                            (1.0, &one),
                            (-d2 / three, a),
                            (-d2 / three, b),
                            (d2 / three, &ab),
                            (d2 / three, &ba),
                        ])
                    }),
                ];
                for (what, off) in checks {
                    let place = format!("level {level}, {boundary:?}, window {i}");
                    assert!(off < 1e-12, "{place}: {what} is off by {off}");
                }
            }
        }
    }
}

#[test]
fn pair_elements_are_the_roots_of_the_modular_matrix() {
    // <b'|P|b> = sqrt(S_b S_b') / (d S_a), S_j = sin(pi (2j + 1)/(k + 2)), all positive.
    for level in 2..=9 {
        let model = chain(level, 6, Boundary::Periodic);
        let path = FusionPath::ring(level, 6).unwrap();
        let s = |p: usize, v: u8| {
            let j = path.twice_label(p, v).unwrap() as f64;
            (std::f64::consts::PI * (j + 1.0) / (level + 2) as f64).sin()
        };
        let d = s(0, 0).recip() * (2.0 * std::f64::consts::PI / (level + 2) as f64).sin();
        for (i, matrix) in projectors(&model, 0).iter().enumerate() {
            let [l, m, r] = [i, (i + 1) % 6, (i + 2) % 6];
            for ((x, y), v) in matrix {
                let known = if x[l] == x[r] {
                    (s(m, x[m]) * s(m, y[m])).sqrt() / (d * s(l, x[l]))
                } else {
                    0.0
                };
                assert!((v - known).abs() < 1e-13, "level {level}: {x:?} {y:?} {v}");
            }
        }
    }
}

#[test]
fn three_anyons_on_a_ring_have_one_site_at_both_ends_of_a_triple() {
    for level in [3, 5] {
        let model = chain(level, 3, Boundary::Periodic);
        for p in projectors(&model, 1) {
            assert!(largest(&[(1.0, &product(&p, &p)), (-1.0, &p)]) < 1e-12);
        }
    }
}

#[test]
fn long_chains_of_high_level_are_built_and_legal() {
    let chain = Lattice::chain(40, Boundary::Open).unwrap();
    let heisenberg = GoldenChain {
        level: 100_000,
        ..GoldenChain::default()
    };
    let model = heisenberg.on(&chain).unwrap();
    assert_eq!((model.space().n_sites, model.space().local_dim), (41, 11));
    let sector: &dyn Constraint = &**model.sector();
    let mut x = vec![0; 41];
    draw_legal(sector, |p| if p <= 20 { 0.99 } else { 0.0 }, &mut x);
    assert_eq!((x[20], x[40]), (10, 0), "j rises to 10 and returns");
}

#[test]
fn what_does_not_fit_names_its_key() {
    let key =
        |model: GoldenChain, n, boundary| match model.on(&Lattice::chain(n, boundary).unwrap()) {
            Err(ModelError::Parameter { key, .. }) => key,
            other => panic!("{model:?} {n} {boundary:?}: {other:?}"),
        };
    let (ring, open) = (Boundary::Periodic, Boundary::Open);
    let level = |level| GoldenChain {
        level,
        ..GoldenChain::default()
    };
    let charge = |level, twice| GoldenChain {
        level,
        twice_charge: Some(twice),
        ..GoldenChain::default()
    };
    assert_eq!(key(level(1), 6, ring), "k");
    assert_eq!(key(level(0), 6, open), "k");
    assert_eq!(key(level(129), 6, ring), "k");
    assert_eq!(key(level(usize::MAX), 6, ring), "k");
    assert_eq!(key(level(4), 7, ring), "lattice.extent");
    assert_eq!(key(level(4), 7, open), "lattice.extent");
    assert_eq!(key(level(3), 2, ring), "lattice.extent");
    assert_eq!(key(level(3), 1, open), "lattice.extent");
    assert_eq!(key(charge(3, 0), 6, ring), "sector.charge");
    assert_eq!(key(charge(3, 4), 6, open), "sector.charge");
    assert_eq!(key(charge(4, 1), 6, open), "sector.charge");
    assert_eq!(key(charge(10, 8), 6, open), "sector.charge");
    assert_eq!(key(charge(5, 4), 2, open), "sector.charge");
    let steep = GoldenChain {
        theta: f64::NAN,
        ..level(3)
    };
    assert_eq!(key(steep, 6, ring), "theta");
    let wide = GoldenChain {
        theta: 0.1,
        ..level(63)
    };
    assert_eq!(key(wide, 6, ring), "k");
    let square = Lattice::square([3, 3], ring).unwrap();
    let error = level(3).on(&square).unwrap_err();
    assert!(error.to_string().starts_with("lattice.kind"), "{error}");
}
