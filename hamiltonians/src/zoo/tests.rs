use super::*;
use crate::kernel::tests::dense_from_connected;
use crate::{
    AnyModel, Boundary, Configs, Connected, Hamiltonian, LatticeError, Model, ModelError, OnSpace,
    Operator, OperatorError, is_legal,
};
use num_complex::Complex64;

fn dense(model: &AnyModel) -> Vec<Complex64> {
    match model {
        AnyModel::Real(m) => dense_from_connected(m),
        AnyModel::Complex(m) => dense_from_connected(m),
    }
}

/// Lowest eigenvalue of a real symmetric matrix by cyclic Jacobi rotations.
pub(super) fn lowest(mut a: Vec<f64>, n: usize) -> f64 {
    for _sweep in 0..60 {
        let off: f64 = (0..n)
            .flat_map(|i| (0..i).map(move |j| i * n + j))
            .map(|k| a[k] * a[k])
            .sum();
        if off < 1e-24 {
            return (0..n).map(|i| a[i * n + i]).fold(f64::INFINITY, f64::min);
        }
        for p in 0..n {
            for q in p + 1..n {
                if a[p * n + q].abs() < 1e-300 {
                    continue;
                }
                let tau = (a[q * n + q] - a[p * n + p]) / (2.0 * a[p * n + q]);
                let t = tau.signum() / (tau.abs() + tau.hypot(1.0));
                let (c, s) = (1.0 / t.hypot(1.0), t / t.hypot(1.0));
                for k in 0..n {
                    let (x, y) = (a[k * n + p], a[k * n + q]);
                    (a[k * n + p], a[k * n + q]) = (c * x - s * y, s * x + c * y);
                }
                for k in 0..n {
                    let (x, y) = (a[p * n + k], a[q * n + k]);
                    (a[p * n + k], a[q * n + k]) = (c * x - s * y, s * x + c * y);
                }
            }
        }
    }
    panic!("60 Jacobi sweeps did not converge");
}

/// Lowest energy in the sector, by full diagonalisation of [[Re, -Im], [Im, Re]].
fn ground_energy(model: &AnyModel) -> f64 {
    let (n, matrix) = (model.space().n_sites, dense(model));
    let size = 1_usize << n;
    let legal: Vec<usize> = (0..size)
        .filter(|&i| is_legal(&**model.sector(), &digits(i, n)))
        .collect();
    let m = legal.len();
    let mut real = vec![0.0; 4 * m * m];
    for (r, &i) in legal.iter().enumerate() {
        for (c, &j) in legal.iter().enumerate() {
            let z = matrix[i * size + j];
            real[r * 2 * m + c] = z.re;
            real[(r + m) * 2 * m + c + m] = z.re;
            real[r * 2 * m + c + m] = -z.im;
            real[(r + m) * 2 * m + c] = z.im;
        }
    }
    lowest(real, 2 * m)
}

fn digits(index: usize, n: usize) -> Vec<u8> {
    (0..n).map(|s| (index >> (n - 1 - s) & 1) as u8).collect()
}

#[test]
fn every_model_is_the_sum_of_its_kronecker_products_and_hermitian() {
    for case in cases::operators().unwrap() {
        let (n, matrix) = (case.model.space().n_sites, dense(&case.model));
        let (size, formula) = (1 << n, case.dense(n));
        for r in (0..size).filter(|&i| is_legal(&**case.model.sector(), &digits(i, n))) {
            for c in 0..size {
                // A dozen numbers of size 1 are added in different orders.
                let off = (matrix[r * size + c] - formula[r * size + c]).norm();
                assert!(
                    off < 1e-14,
                    "{}: element ({r}, {c}) is off by {off}",
                    case.name
                );
                let skew = (matrix[r * size + c] - matrix[c * size + r].conj()).norm();
                assert!(
                    skew < 1e-15,
                    "{}: element ({r}, {c}) is skew by {skew}",
                    case.name
                );
            }
        }
    }
}

#[test]
fn connected_elements_stay_in_the_sector() {
    fn check<T: Scalar>(name: &str, model: &Model<T>) {
        let n = model.space().n_sites;
        let mut x = Configs::new(n);
        for i in 0..1 << n {
            if is_legal(&**model.sector(), &digits(i, n)) {
                x.push(&digits(i, n));
            }
        }
        let mut out = Connected::default();
        model.connected(x.view(), &mut out);
        let mut to = vec![0; n];
        for k in 0..out.neighbours.len() {
            out.neighbours.write(k, x.view(), &mut to);
            assert!(is_legal(&**model.sector(), &to), "{name} leads to {to:?}");
        }
    }
    for case in cases::operators().unwrap() {
        match &case.model {
            AnyModel::Real(m) => check(case.name, m),
            AnyModel::Complex(m) => check(case.name, m),
        }
    }
}

#[test]
fn ground_energies_are_the_known_ones() {
    for case in cases::operators().unwrap() {
        if let Some(known) = case.ground {
            let found = ground_energy(&case.model);
            // References have eight decimals.
            assert!(
                (found - known).abs() < 5e-9,
                "{}: {found}, known {known}",
                case.name
            );
        }
    }
    let ring = Lattice::chain(8, Boundary::Periodic).unwrap();
    let heisenberg = ground_energy(&AnyModel::Real(Heisenberg::default().on(&ring).unwrap()));
    assert!((heisenberg + 3.651_093_41).abs() < 5e-9, "{heisenberg}");
    let rydberg = ground_energy(&AnyModel::Real(Rydberg::new(1.0).on(&ring).unwrap()));
    assert!((rydberg / 8.0 + 0.607_251_41).abs() < 5e-9, "{rydberg}");
}

#[test]
fn every_listed_coupling_scales_terms_that_are_there() {
    fn check<T: Scalar>(name: &str, model: &Model<T>) {
        let terms = model.terms();
        let couplings = terms.couplings();
        for (k, (coupling, _)) in couplings.iter().enumerate() {
            let used = terms.terms().iter().any(|t| t.coupling as usize == k);
            assert!(used, "{name} lists {coupling} without terms");
        }
        assert!(
            terms
                .terms()
                .iter()
                .all(|t| (t.coupling as usize) < couplings.len())
        );
    }
    for case in cases::operators().unwrap() {
        match &case.model {
            AnyModel::Real(m) => check(case.name, m),
            AnyModel::Complex(m) => check(case.name, m),
        }
    }
}

#[test]
fn elements_are_complex_only_where_needed_and_rotated_exchange_is_stoquastic() {
    let square = Lattice::square([4, 4], Boundary::Periodic).unwrap();
    assert!(matches!(
        Xyz {
            jy: 1.0,
            ..Xyz::default()
        }
        .on(&square),
        Ok(AnyModel::Real(_))
    ));
    assert!(matches!(
        Xyz {
            hy: 1.0,
            ..Xyz::default()
        }
        .on(&square),
        Ok(AnyModel::Complex(_))
    ));
    let plain = Heisenberg::default();
    assert!(!plain.on(&square).unwrap().terms().is_stoquastic());
    let rotated = Heisenberg {
        marshall: true,
        ..plain
    }
    .on(&square)
    .unwrap();
    assert!(rotated.terms().is_stoquastic());
    assert!(Tfim::new(1.0).on(&square).unwrap().terms().is_stoquastic());
}

#[test]
fn impossible_sectors_and_rotations_name_their_key() {
    let parameter = |r: Result<Model<f64>, ModelError>| match r {
        Err(ModelError::Parameter { key, .. }) => key,
        other => panic!("{other:?}"),
    };
    let ring = |n| Lattice::chain(n, Boundary::Periodic).unwrap();
    let heisenberg = Heisenberg::default();
    assert_eq!(parameter(heisenberg.on(&ring(5))), "total_sz");
    assert_eq!(
        parameter(
            Xxz {
                twice_sz: 10,
                ..Xxz::new(1.0)
            }
            .on(&ring(4))
        ),
        "total_sz"
    );
    let rotated = Heisenberg {
        twice_sz: 1,
        marshall: true,
        ..heisenberg
    };
    assert_eq!(parameter(rotated.on(&ring(5))), "marshall");
    let radius = RydbergBlockade::Radius(f64::NAN);
    let rydberg = Rydberg {
        blockade: radius,
        ..Rydberg::new(1.0)
    };
    assert_eq!(parameter(rydberg.on(&ring(4))), "blockade");
    let torus = J1J2 {
        twice_sz: 1,
        ..J1J2::new(0.5)
    }
    .on(&ring(3))
    .unwrap_err();
    assert!(
        matches!(torus, ModelError::Lattice(LatticeError::NextNearest { .. })),
        "{torus}"
    );
    let nan = Tfim::new(f64::NAN).on(&ring(4)).unwrap_err();
    assert!(
        matches!(nan, ModelError::Operator(OperatorError::NotFinite { .. })),
        "{nan}"
    );
}

#[test]
fn pauli_sums_are_refused_with_their_reason() {
    let lattice = Lattice::chain(3, Boundary::Open).unwrap();
    let sum = |strings: &[(Complex64, &str, &[u32])], twice_sz| {
        let of = |&(c, s, at): &(Complex64, &str, &[u32])| PauliTerm::new(c, s, at);
        let terms = strings.iter().map(of).collect::<Result<_, _>>()?;
        PauliSum { terms, twice_sz }.on(&lattice)
    };
    let one = Complex64::new(1.0, 0.0);
    let i = Complex64::I;
    let parameter = |r: Result<AnyModel, ModelError>| match r {
        Err(ModelError::Parameter { key, .. }) => key,
        other => panic!("{other:?}"),
    };
    assert_eq!(parameter(sum(&[(one, "XQ", &[0, 1])], None)), "terms");
    assert_eq!(parameter(sum(&[(one, "XX", &[0])], None)), "terms");
    assert_eq!(parameter(sum(&[(one, "XX", &[0, 1])], Some(1))), "total_sz");
    assert_eq!(parameter(sum(&[(one, "ZZ", &[0, 1])], Some(0))), "total_sz");
    let operator = |r: Result<AnyModel, ModelError>| match r {
        Err(ModelError::Operator(e)) => e,
        other => panic!("{other:?}"),
    };
    let far = operator(sum(&[(one, "Z", &[0]), (one, "X", &[3])], None));
    assert_eq!(
        far,
        OperatorError::SiteOutOfRange {
            term: 1,
            site: 3,
            n_sites: 3
        }
    );
    let twice = operator(sum(&[(one, "XX", &[1, 1])], None));
    assert_eq!(twice, OperatorError::RepeatedSite { term: 0, site: 1 });
    let skew = operator(sum(&[(i, "X", &[1])], None));
    assert!(matches!(skew, OperatorError::NotHermitian { .. }), "{skew}");
    // Imaginary parts that cancel are no error, and (XY - YX)/2 conserves total Sz.
    sum(&[(one + i, "X", &[1]), (-i, "X", &[1])], None).unwrap();
    let current = sum(&[(one, "XY", &[0, 2]), (-one, "YX", &[0, 2])], Some(-1)).unwrap();
    assert!(matches!(current, AnyModel::Complex(_)));
    let AnyModel::Real(named) = sum(&[(one, "ZX", &[2, 0])], None).unwrap() else {
        panic!("real")
    };
    assert_eq!(named.terms().couplings(), [("X0 Z2".to_owned(), 1.0)]);
}
