use super::*;
use crate::{Action, LocalSum, OperatorError, Pauli, Space, Term};
use num_complex::Complex64;

fn strings(n: usize, terms: &[(f64, &[Pauli], &[u32])]) -> LocalSum<Complex64> {
    let terms = terms.iter().map(|(c, p, s)| Term {
        sites: s.to_vec(),
        guard: Vec::new(),
        action: Action::Pauli(p.to_vec(), Complex64::from(*c)),
        coupling: 0,
    });
    let couplings = vec![("all".to_owned(), 1.0)];
    LocalSum::new(Space::qubits(n), terms.collect(), couplings).unwrap()
}

/// Rows of the first term of a generator as a dense matrix.
fn block(lindblad: &Lindblad, frame: &Frame) -> Vec<Vec<f64>> {
    let generator = lindblad.generator(frame).unwrap();
    let term = generator.terms().iter().find(|t| match &t.action {
        Action::Rows(rows) => !rows.is_empty(),
        Action::Pauli(..) => false,
    });
    let term = term.unwrap();
    let size = 1usize << (2 * term.sites.len());
    let mut out = vec![vec![0.0; size]; size];
    let Action::Rows(rows) = &term.action else {
        panic!("a generator has rows");
    };
    for &(r, c, v) in rows.iter() {
        out[r as usize][c as usize] += v;
    }
    out
}

fn close(found: &[Vec<f64>], wanted: [[f64; 4]; 4], within: f64) {
    for (found, wanted) in found.iter().zip(wanted) {
        for (f, w) in found.iter().zip(wanted) {
            assert!((f - w).abs() < within, "{found:?} instead of {wanted:?}");
        }
    }
}

#[test]
fn the_blocks_of_one_site_are_the_known_ones() {
    let frame = Frame::tetrahedral();
    let third = 1.0 / 3.0;
    let nothing = strings(1, &[]);
    let damping = Lindblad::new(nothing, vec![Jump::lowering(0, 1.0)]).unwrap();
    let wanted = [
        [-1.0, 0.0, 0.0, 0.0],
        [third, -third, 0.5 * third, 0.5 * third],
        [third, 0.5 * third, -third, 0.5 * third],
        [third, 0.5 * third, 0.5 * third, -third],
    ];
    close(&block(&damping, &frame), wanted, 1e-12);
    let field = Lindblad::new(strings(1, &[(1.0, &[Pauli::X], &[0])]), Vec::new()).unwrap();
    let (a, b, c) = (1.5f64.sqrt(), 6f64.sqrt() / 6.0, (2.0f64 / 3.0).sqrt());
    let wanted = [
        [0.0, 0.0, a, -a],
        [0.0, 0.0, -b, b],
        [-a, b, 0.0, c],
        [a, -b, -c, 0.0],
    ];
    close(&block(&field, &frame), wanted, 1e-12);
}

#[test]
fn the_block_of_a_bond_has_102_elements_half_of_them_negative() {
    let bond = strings(2, &[(1.0, &[Pauli::Z, Pauli::Z], &[0, 1])]);
    let bond = Lindblad::new(bond, Vec::new()).unwrap();
    let rows = block(&bond, &Frame::tetrahedral());
    let all: Vec<f64> = rows.concat();
    assert_eq!(all.iter().filter(|x| **x != 0.0).count(), 102);
    assert_eq!(all.iter().filter(|x| **x < 0.0).count(), 51);
    for c in 0..16 {
        let sum: f64 = rows.iter().map(|r| r[c]).sum();
        assert!(sum.abs() < 1e-13, "column {c} adds up to {sum:.1e}");
    }
}

#[test]
fn frames_and_their_duals_are_biorthogonal() {
    for frame in [Frame::rotated(), Frame::tetrahedral(), Frame::pauli4()] {
        for a in 0..4 {
            for b in 0..4 {
                let overlap = frame::trace(&frame.duals()[a], &frame.effects()[b]);
                let wanted = f64::from(u8::from(a == b));
                assert!((overlap - wanted).norm() < 1e-13, "{a}, {b}: {overlap}");
            }
        }
    }
    let z = Frame::tetrahedral().coefficients(Pauli::Z);
    assert!(
        (z[0] - 3.0).abs() < 1e-12 && (z[1] + 1.0).abs() < 1e-12,
        "{z:?}"
    );
    let down = Frame::rotated().probabilities([0.0, 0.0, -1.0]);
    assert!(down.iter().all(|p| *p > 0.1), "{down:?}");
    let pole = Frame::tetrahedral().probabilities([0.0, 0.0, -1.0]);
    assert!(pole[0] <= 0.0, "{pole:?}");
}

#[test]
fn impossible_systems_are_refused() {
    let h = || strings(2, &[(1.0, &[Pauli::X], &[0])]);
    let of = |jump| Lindblad::new(h(), vec![jump]).map(drop);
    assert!(matches!(
        of(Jump::lowering(0, -1.0)),
        Err(OpenError::Rate { jump: 0, .. })
    ));
    assert!(matches!(
        of(Jump::lowering(2, 1.0)),
        Err(OpenError::Sites { n_sites: 2, .. })
    ));
    let mut short = Jump::lowering(1, 1.0);
    short.matrix.pop();
    assert!(matches!(
        of(short),
        Err(OpenError::Shape {
            found: 3,
            expected: 4,
            ..
        })
    ));
    let mut undefined = Jump::lowering(1, 1.0);
    undefined.matrix[3] = Complex64::new(0.0, f64::NAN);
    let wanted = OpenError::NotFinite {
        jump: 0,
        element: 3,
    };
    assert_eq!(of(undefined).unwrap_err(), wanted);
    let skew = Term {
        sites: vec![0],
        guard: Vec::new(),
        action: Action::Pauli(vec![Pauli::X], Complex64::new(0.0, 1.0)),
        coupling: 0,
    };
    let couplings = vec![("all".to_owned(), 1.0)];
    let skew = LocalSum::new(Space::qubits(2), vec![skew], couplings).unwrap();
    assert!(matches!(
        Lindblad::new(skew, Vec::new()),
        Err(OpenError::Operator(OperatorError::NotHermitian { .. }))
    ));
    let half = Frame::rotated().effects()[0];
    assert!(matches!(
        Frame::new([half; 4]),
        Err(OpenError::Effects { .. })
    ));
    let quarter = [0.25, 0.0, 0.0, 0.25].map(Complex64::from);
    assert_eq!(Frame::new([quarter; 4]), Err(OpenError::Incomplete));
    // A tetrahedron of arrows of length 1.2: complete, with sum 1, and a negative eigenvalue.
    let long = Frame::rotated().effects().map(|m| {
        let longer = |i: usize| m[i] + 0.2 * (m[i] - quarter[i]);
        std::array::from_fn(longer)
    });
    match Frame::new(long) {
        Err(OpenError::Negative { effect: 0, lowest }) => {
            assert!((lowest + 0.05).abs() < 1e-12, "(1 - 1.2) / 4, not {lowest}");
        }
        other => panic!("{other:?}"),
    }
}
