use crate::{
    Action, Configs, Connected, LocalMask, LocalSum, Operator, OperatorError, Pauli, Scalar, Space,
    Term,
};
use num_complex::Complex64;
use proptest::prelude::*;
use std::collections::HashSet;

fn configurations(space: Space) -> Configs {
    let (n, d) = (space.n_sites, space.local_dim);
    let mut all = Configs::new(n);
    for i in 0..d.pow(n as u32) {
        all.push(&digits(i, n, d));
    }
    all
}

/// Site 0 is the most significant digit.
fn digits(index: usize, n: usize, d: usize) -> Vec<u8> {
    (0..n)
        .map(|s| (index / d.pow((n - 1 - s) as u32) % d) as u8)
        .collect()
}

fn index(x: &[u8], d: usize) -> usize {
    x.iter().fold(0, |i, &v| i * d + v as usize)
}

/// The dense matrix, and the laws of `Operator` on the way.
pub(crate) fn dense_from_connected<T: Scalar>(o: &dyn Operator<Elem = T>) -> Vec<Complex64> {
    let space = *o.space();
    let x = configurations(space);
    let mut out = Connected::default();
    o.connected(x.view(), &mut out);
    let once = out.clone();
    o.connected(x.view(), &mut out);
    assert_eq!(out, once, "connected clears what was there");
    assert_eq!(out.diagonal.len(), x.len());
    assert_eq!(out.element.len(), out.neighbours.len());
    assert!(out.neighbours.parent.is_sorted());
    let mut matrix = vec![Complex64::default(); x.len() * x.len()];
    for (r, v) in out.diagonal.iter().enumerate() {
        matrix[r * x.len() + r] = v.to_complex();
    }
    let mut seen = HashSet::new();
    let mut to = vec![0; space.n_sites];
    for k in 0..out.neighbours.len() {
        let r = out.neighbours.parent[k] as usize;
        out.neighbours.write(k, x.view(), &mut to);
        let c = index(&to, space.local_dim);
        assert_ne!(r, c, "a neighbour differs from its parent");
        assert!(seen.insert((r, c)), "row {r} lists column {c} twice");
        assert_ne!(out.element[k], T::ZERO, "row {r} lists a zero");
        for (site, value) in out.neighbours.changes(k) {
            assert_ne!(x.row(r)[site], value, "a change changes");
        }
        matrix[r * x.len() + c] = out.element[k].to_complex();
    }
    matrix
}

/// The dense matrix straight from the definition of a term.
fn dense_from_terms(space: Space, terms: &[Term<Complex64>], couplings: &[f64]) -> Vec<Complex64> {
    let (n, d) = (space.n_sites, space.local_dim);
    let size = d.pow(n as u32);
    let mut matrix = vec![Complex64::default(); size * size];
    for term in terms {
        let c = couplings[term.coupling as usize];
        for row in 0..size {
            let x = digits(row, n, d);
            if !term.guard.iter().all(|&(s, m)| m.allows(x[s as usize])) {
                continue;
            }
            for column in 0..size {
                let y = digits(column, n, d);
                let elsewhere = |s: usize| !term.sites.contains(&(s as u32));
                if (0..n).any(|s| elsewhere(s) && x[s] != y[s]) {
                    continue;
                }
                let pick = |z: &[u8]| {
                    term.sites
                        .iter()
                        .map(|&s| z[s as usize])
                        .collect::<Vec<_>>()
                };
                let (a, b) = (pick(&x), pick(&y));
                let element: Complex64 = match &term.action {
                    Action::Rows(rows) => rows
                        .iter()
                        .filter(|r| r.0 as usize == index(&a, d) && r.1 as usize == index(&b, d))
                        .map(|r| r.2)
                        .sum(),
                    Action::Pauli(string, factor) => {
                        let of = |(i, p): (usize, &Pauli)| sigma(*p)[a[i] as usize][b[i] as usize];
                        factor * string.iter().enumerate().map(of).product::<Complex64>()
                    }
                };
                matrix[row * size + column] += c * element;
            }
        }
    }
    matrix
}

fn sigma(p: Pauli) -> [[Complex64; 2]; 2] {
    crate::cases::letter(format!("{p:?}").chars().next().unwrap())
}

fn close(a: &[Complex64], b: &[Complex64]) -> bool {
    // At most 12 terms with elements of size 4 are added up, in different orders.
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).norm() < 1e-13)
}

fn complex() -> impl Strategy<Value = Complex64> {
    (-2.0..2.0, -2.0..2.0).prop_map(|(re, im)| Complex64::new(re, im))
}

fn term(space: Space) -> impl Strategy<Value = Term<Complex64>> {
    let n = space.n_sites as u32;
    let sites = Just((0..n).collect::<Vec<_>>()).prop_shuffle();
    (sites, 0..=3_usize, 0..=1_usize, 0..2_u32).prop_flat_map(move |(sites, k, g, coupling)| {
        let d = space.local_dim as u32;
        let size = d.pow(k as u32);
        let rows = prop::collection::vec((0..size, 0..size, complex()), 0..6)
            .prop_map(|rows| Action::Rows(rows.into()));
        let letters = prop::sample::select(vec![Pauli::I, Pauli::X, Pauli::Y, Pauli::Z]);
        let string = (prop::collection::vec(letters, k), complex())
            .prop_map(|(string, factor)| Action::Pauli(string, factor));
        let action = if d == 2 {
            prop_oneof![rows, string].boxed()
        } else {
            rows.boxed()
        };
        (action, 1..1_u64 << d).prop_map(move |(action, mask)| Term {
            sites: sites[..k].to_vec(),
            guard: sites[k..k + g]
                .iter()
                .map(|&s| (s, LocalMask(mask)))
                .collect(),
            action,
            coupling,
        })
    })
}

fn sum() -> impl Strategy<Value = (Space, Vec<Term<Complex64>>)> {
    prop_oneof![Just(Space::qubits(5)), Just(Space::new(4, 3))]
        .prop_flat_map(|space| (Just(space), prop::collection::vec(term(space), 0..12)))
}

fn named(values: &[f64]) -> Vec<(String, f64)> {
    ["a", "b"]
        .into_iter()
        .map(String::from)
        .zip(values.iter().copied())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn random_sums_have_the_elements_of_their_terms((space, terms) in sum()) {
        let values = [0.5, -1.0];
        let sum = LocalSum::new(space, terms.clone(), named(&values)).unwrap();
        let expected = dense_from_terms(space, &terms, &values);
        prop_assert!(close(&dense_from_connected(&sum), &expected));
    }

    #[test]
    fn the_mean_diagonal_is_the_trace((space, terms) in sum()) {
        let sum = LocalSum::new(space, terms, named(&[1.0, 0.5])).unwrap();
        let matrix = dense_from_connected(&sum);
        let size = space.dimension() as usize;
        let trace: f64 = (0..size).map(|i| matrix[i * size + i].re).sum();
        prop_assert!((sum.mean_diagonal() - trace / size as f64).abs() < 1e-13);
    }

    #[test]
    fn rotation_by_z_is_conjugation((space, terms) in sum(), marks in 0..32_u32) {
        prop_assume!(space.local_dim == 2);
        let marked: Vec<bool> = (0..5).map(|s| marks >> s & 1 == 1).collect();
        let sum = LocalSum::new(space, terms, named(&[1.0, 0.5])).unwrap();
        let mut expected = dense_from_connected(&sum);
        let sign = |i: usize| {
            let x = digits(i, 5, 2);
            let ones = x.iter().zip(&marked).filter(|&(&v, &m)| m && v == 1).count();
            if ones % 2 == 1 { -1.0 } else { 1.0 }
        };
        for r in 0..32 {
            for c in 0..32 {
                expected[32 * r + c] *= sign(r) * sign(c);
            }
        }
        prop_assert!(close(&dense_from_connected(&sum.rotated_by_z(&marked)), &expected));
    }

    #[test]
    fn the_norm_bound_holds_for_any_vector((space, terms) in sum(), v in prop::collection::vec(complex(), 81)) {
        let sum = LocalSum::new(space, terms, named(&[1.0, 0.5])).unwrap();
        let matrix = dense_from_connected(&sum);
        let size = space.dimension() as usize;
        let norm = |v: &[Complex64]| v.iter().map(|z| z.norm_sqr()).sum::<f64>().sqrt();
        let dot = |row: &[Complex64]| row.iter().zip(&v).map(|(a, b)| a * b).sum::<Complex64>();
        let image: Vec<_> = matrix.chunks(size).map(dot).collect();
        prop_assert!(norm(&image) <= sum.norm_bound() * norm(&v[..size]) * (1.0 + 1e-12));
    }
}

#[test]
fn long_strings_agree_with_the_definition_for_real_and_complex_elements() {
    // Nine sites, so that nothing fits a table, with guards and repeated flips.
    let space = Space::qubits(10);
    let read = |s: &str| {
        s.chars()
            .map(|c| Pauli::from_letter(c).unwrap())
            .collect::<Vec<_>>()
    };
    let sites: Vec<u32> = [3, 1, 4, 0, 5, 2, 6, 8, 7].to_vec();
    let term = |s: &str, factor: f64, guard: Vec<(u32, LocalMask)>| Term {
        sites: sites.clone(),
        guard,
        action: Action::Pauli(read(s), factor),
        coupling: 0,
    };
    let terms = vec![
        term("XYZXXYZXZ", 0.5, vec![]),
        term("XYZXXYZXZ", 0.25, vec![(9, LocalMask::only(1))]),
        term("XXXXXXXXX", -0.75, vec![]),
        term("YYYYXXXXX", 0.125, vec![(9, LocalMask::only(0))]),
        term("ZZZZZZZZZ", 2.0, vec![]),
    ];
    let real = LocalSum::new(space, terms, named(&[1.5])).unwrap();
    real.check_hermitian().unwrap();
    let complex = real.to_complex();
    let expected = dense_from_terms(space, complex.terms(), &[1.5]);
    assert!(close(&dense_from_connected(&real), &expected));
    assert!(close(&dense_from_connected(&complex), &expected));
    assert!(close(
        &dense_from_connected(&complex.to_real().unwrap()),
        &expected
    ));
}

#[test]
fn an_odd_number_of_y_needs_complex_elements() {
    let term = Term {
        sites: vec![0],
        guard: vec![],
        action: Action::Pauli(vec![Pauli::Y], 1.0),
        coupling: 0,
    };
    let error = LocalSum::new(Space::qubits(2), vec![term], named(&[1.0])).unwrap_err();
    assert_eq!(error, OperatorError::NeedsComplex { term: 0 });
}

#[test]
fn bad_terms_are_errors_that_name_the_term() {
    let rows = |sites: Vec<u32>, rows: Vec<(u32, u32, f64)>| Term {
        sites,
        guard: vec![],
        action: Action::Rows(rows.into()),
        coupling: 0,
    };
    let new = |term, c| LocalSum::new(Space::qubits(3), vec![term], named(&[c]));
    let good = rows(vec![0, 2], vec![(0, 3, 1.0), (3, 0, 1.0)]);
    assert!(new(good.clone(), 1.0).unwrap().check_hermitian().is_ok());
    assert!(matches!(
        new(good, f64::NAN),
        Err(OperatorError::NotFinite { .. })
    ));
    let error = |term| new(term, 1.0).unwrap_err();
    assert_eq!(
        error(rows(vec![3], vec![])),
        OperatorError::SiteOutOfRange {
            term: 0,
            site: 3,
            n_sites: 3
        }
    );
    assert_eq!(
        error(rows(vec![1, 1], vec![])),
        OperatorError::RepeatedSite { term: 0, site: 1 }
    );
    assert!(matches!(
        error(rows(vec![1], vec![(0, 2, 1.0)])),
        OperatorError::WrongShape { .. }
    ));
    let infinite = rows(vec![1], vec![(0, 1, f64::INFINITY)]);
    assert!(matches!(error(infinite), OperatorError::NotFinite { .. }));
    let one_way = new(rows(vec![1], vec![(0, 1, 1.0)]), 1.0).unwrap();
    assert!(matches!(
        one_way.check_hermitian(),
        Err(OperatorError::NotHermitian { .. })
    ));
}

#[test]
fn lattices_of_more_than_64_sites_flip_the_right_site() {
    let n = 1000;
    let term = Term {
        sites: vec![999],
        guard: vec![(500, LocalMask::only(1))],
        action: Action::Pauli(vec![Pauli::X], 2.0),
        coupling: 0,
    };
    let sum = LocalSum::new(Space::qubits(n), vec![term], named(&[1.0])).unwrap();
    let mut x = Configs::zeros(2, n);
    x.row_mut(1)[500] = 1;
    let mut out = Connected::default();
    sum.connected(x.view(), &mut out);
    assert_eq!((out.neighbours.len(), out.neighbours.parent[0]), (1, 1));
    assert_eq!(out.neighbours.changes(0).collect::<Vec<_>>(), [(999, 1)]);
}
