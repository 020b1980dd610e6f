use super::*;
use crate::CodeSector;
use ketwork_hamiltonians::{Boundary, Lattice, Links, is_legal};

fn torus(l: usize) -> Links {
    Links::new(&Lattice::square([l, l], Boundary::Periodic).unwrap()).unwrap()
}

fn cube(l: usize) -> Links {
    Links::new(&Lattice::cubic([l; 3], Boundary::Periodic).unwrap()).unwrap()
}

fn sectors() -> Vec<(&'static str, StabilizerState)> {
    let (flat, deep) = (torus(2), cube(2));
    let ground = CodeSector::default();
    let excited = CodeSector {
        z: vec![0, 3],
        x: vec![1, 2],
        pinned_z: vec![(flat.line(0, 0), true)],
        pinned_x: vec![(flat.cut(1, 0), true)],
    };
    let open = Links::new(&Lattice::square([3, 2], Boundary::Open).unwrap()).unwrap();
    let single = CodeSector {
        z: vec![1],
        ..CodeSector::default()
    };
    let toric = StabilizerState::toric_code;
    vec![
        ("toric", toric(&flat, &ground).unwrap()),
        ("toric, excited and pinned", toric(&flat, &excited).unwrap()),
        ("open plane, one plaquette", toric(&open, &single).unwrap()),
        ("toric in 3D", toric(&deep, &ground).unwrap()),
        ("x-cube", StabilizerState::x_cube(&deep, &ground).unwrap()),
    ]
}

#[test]
fn code_states_are_normalised_over_their_sector_and_vanish_elsewhere() {
    for (name, psi) in sectors()
        .into_iter()
        .filter(|(_, psi)| psi.space.n_sites < 10)
    {
        let n = psi.space.n_sites;
        let rows = (0..1_usize << n).flat_map(|i| (0..n).map(move |s| (i >> s & 1) as u8));
        let x = Configs::from_data(n, rows.collect());
        let mut log = vec![Complex64::default(); x.len()];
        psi.log_psi(&[], x.view(), &mut log);
        let norm: f64 = log.iter().map(|l| l.exp().norm_sqr()).sum();
        assert!((norm - 1.0).abs() < 1e-13, "{name}: {norm}");
        for (row, l) in x.view().rows().zip(&log) {
            let legal = is_legal(&*psi.sector(), row);
            assert_eq!(l.re == f64::NEG_INFINITY, !legal, "{name}: {row:?}");
        }
    }
}

#[test]
fn neighbours_of_code_states_have_the_amplitudes_of_full_evaluation() {
    for (name, psi) in sectors() {
        let n = psi.space.n_sites;
        let mut x = psi.draw(&[], 0..10, Stream::new(3)).x;
        // An illegal parent too.
        let mut broken = x.row(0).to_vec();
        broken[1] ^= 1;
        x.push(&broken);
        let mut near = Neighbours::default();
        for (b, row) in x.view().rows().enumerate() {
            near.push(b, []);
            near.push(b, [(1, row[1] ^ 1)]);
            for other in x.view().rows() {
                let changed = (0..n).filter(|&s| row[s] != other[s]);
                near.push(b, changed.map(|s| (s, other[s])));
            }
        }
        let mut full = Configs::zeros(near.len(), n);
        (0..near.len()).for_each(|k| near.write(k, x.view(), full.row_mut(k)));
        let mut fast = vec![Complex64::default(); near.len()];
        let mut slow = fast.clone();
        psi.log_psi_neighbours(&[], x.view(), &near, &mut fast);
        psi.log_psi(&[], full.view(), &mut slow);
        assert_eq!(fast, slow, "{name}");
        assert!(slow.iter().any(|l| l.re.is_finite()), "{name}");
    }
}

#[test]
fn shots_of_code_states_do_not_depend_on_how_they_are_split() {
    for (name, psi) in sectors() {
        let stream = Stream::new(8);
        let whole = psi.draw(&[], 0..60, stream);
        let mut of_shot = vec![Vec::new(); 60];
        for part in [psi.draw(&[], 0..25, stream), psi.draw(&[], 25..60, stream)] {
            for r in 0..part.x.len() {
                for &shot in part.of_row(r) {
                    of_shot[shot as usize] = part.x.row(r).to_vec();
                }
            }
        }
        for r in 0..whole.x.len() {
            for &shot in whole.of_row(r) {
                assert_eq!(
                    whole.x.row(r),
                    of_shot[shot as usize],
                    "{name}: shot {shot}"
                );
            }
        }
    }
}

#[test]
fn impossible_excitations_are_refused_with_their_reason() {
    let toric = |sector: CodeSector| StabilizerState::toric_code(&torus(3), &sector);
    let one = |z: Vec<usize>, x: Vec<usize>| CodeSector {
        z,
        x,
        ..CodeSector::default()
    };
    let error = toric(one(vec![4], vec![])).unwrap_err();
    assert!(
        matches!(
            error,
            CodeError::Impossible {
                kind: CheckKind::Z,
                flipped: 1,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("even number"), "{error}");
    let error = toric(one(vec![], vec![0, 1, 2])).unwrap_err();
    assert!(
        matches!(
            error,
            CodeError::Impossible {
                kind: CheckKind::X,
                flipped: 3,
                ..
            }
        ),
        "{error}"
    );
    let error = toric(one(vec![9], vec![])).unwrap_err();
    let known = CodeError::NoCheck {
        kind: CheckKind::Z,
        index: 9,
        count: 9,
    };
    assert_eq!(error, known);
    // Twice is not flipped.
    toric(one(vec![4, 4], vec![])).unwrap();
    // A loop of Z that ends, and a loop pinned to both values.
    let line = torus(3).line(0, 0);
    let pins = |pinned_z| CodeSector {
        pinned_z,
        ..CodeSector::default()
    };
    let error = toric(pins(vec![(line[..2].to_vec(), false)])).unwrap_err();
    assert!(
        matches!(error, CodeError::Anticommute { z: 9, .. }),
        "{error}"
    );
    let error = toric(pins(vec![(line.clone(), false), (line, true)])).unwrap_err();
    assert!(
        matches!(error, CodeError::Impossible { flipped: 1, .. }),
        "{error}"
    );
    // Two plaquettes of one plane in three dimensions: the cubes above and below see one each.
    let error = StabilizerState::toric_code(&cube(3), &one(vec![0, 9], vec![])).unwrap_err();
    assert!(
        matches!(error, CodeError::Impossible { flipped: 2, .. }),
        "{error}"
    );
    // A single pair of cubes, or one star of a vertex.
    for sector in [one(vec![0, 1], vec![]), one(vec![], vec![0])] {
        assert!(
            StabilizerState::x_cube(&cube(3), &sector).is_err(),
            "{sector:?}"
        );
    }
    let flat = StabilizerState::x_cube(&torus(3), &CodeSector::default()).unwrap_err();
    let known = CodeError::Dimension {
        code: "the X-cube model",
        needed: 3,
        found: 2,
    };
    assert_eq!(flat, known);
}

#[test]
fn supports_count_the_logical_sectors() {
    let ground = CodeSector::default();
    for l in [2, 3, 6] {
        let flat = StabilizerState::toric_code(&torus(l), &ground).unwrap();
        assert_eq!(flat.log2_support(), l * l + 1);
        let deep = StabilizerState::toric_code(&cube(l), &ground).unwrap();
        assert_eq!(deep.log2_support(), l * l * l + 2);
        let fractons = StabilizerState::x_cube(&cube(l), &ground).unwrap();
        // Cubes: the product over each layer is the identity, two of these relations are not new.
        assert_eq!(
            fractons.log2_support(),
            3 * l * l * l - (l * l * l - 3 * l + 2)
        );
    }
    let pinned = CodeSector {
        pinned_z: vec![(torus(3).line(0, 0), false), (torus(3).line(0, 1), true)],
        ..ground
    };
    let one = StabilizerState::toric_code(&torus(3), &pinned).unwrap();
    assert_eq!(one.log2_support(), 8);
}
