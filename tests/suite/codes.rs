//! Exact states of stabiliser codes against the Hamiltonians: energies without variance at any size.

use ketwork::exact::{LanczosParams, lowest};
use ketwork::hamiltonians::{Boundary, Lattice, Links, Model, ToricCode, XCube};
use ketwork::{Ancestral, CodeSector, StabilizerState, Stream, Wavefunction, local};
use num_complex::Complex64;

/// Mean and variance of the local energy over a few samples.
fn energy(model: &Model<f64>, psi: &StabilizerState, shots: u64) -> (f64, f64) {
    let samples = psi.sample(&[], 0..shots, Stream::new(4));
    let mut e = vec![Complex64::default(); samples.len()];
    local(model, psi, &[], &samples, &mut e);
    let mean: Complex64 = e.iter().zip(&samples.weight).map(|(e, w)| e * w).sum();
    let off = e.iter().zip(&samples.weight);
    let variance = off.map(|(e, w)| (e - mean).norm_sqr() * w).sum();
    (mean.re, variance)
}

#[track_caller]
fn has_energy(what: &str, model: &Model<f64>, psi: &StabilizerState, known: f64) {
    let (mean, variance) = energy(model, psi, 8);
    assert!((mean - known).abs() < 1e-9, "{what}: {mean}, known {known}");
    assert!(variance < 1e-20, "{what}: variance {variance:e}");
}

fn square(l: usize) -> Lattice {
    Lattice::square([l, l], Boundary::Periodic).unwrap()
}

fn cubic(l: usize) -> Lattice {
    Lattice::cubic([l; 3], Boundary::Periodic).unwrap()
}

fn links(lattice: &Lattice) -> Links {
    Links::new(lattice).unwrap()
}

#[test]
fn ground_states_of_codes_have_their_energy_at_every_sample() {
    let ground = CodeSector::default();
    for l in [3, 16, 32] {
        let model = ToricCode::default().on(&square(l)).unwrap();
        let psi = StabilizerState::toric_code(&links(&square(l)), &ground).unwrap();
        has_energy(&format!("toric {l}"), &model, &psi, -2.0 * (l * l) as f64);
    }
    for l in [2, 6] {
        let model = ToricCode::default().on(&cubic(l)).unwrap();
        let psi = StabilizerState::toric_code(&links(&cubic(l)), &ground).unwrap();
        has_energy(
            &format!("cubic {l}"),
            &model,
            &psi,
            -4.0 * (l * l * l) as f64,
        );
    }
    for l in [2, 4] {
        let model = XCube.on(&cubic(l)).unwrap();
        let psi = StabilizerState::x_cube(&links(&cubic(l)), &ground).unwrap();
        has_energy(
            &format!("x-cube {l}"),
            &model,
            &psi,
            -4.0 * (l * l * l) as f64,
        );
    }
}

#[test]
fn every_flipped_check_costs_two() {
    let of = |z: Vec<usize>, x: Vec<usize>| CodeSector {
        z,
        x,
        ..CodeSector::default()
    };
    for l in [3, 16] {
        let model = ToricCode::default().on(&square(l)).unwrap();
        let ground = -2.0 * (l * l) as f64;
        let far = l * l - 2;
        for (sector, cost) in [
            (of(vec![0, far], vec![]), 4.0),
            (of(vec![], vec![1, far]), 4.0),
            (of(vec![0, 1], vec![3, far]), 8.0),
            (of(vec![0, 1, 2, far], vec![]), 8.0),
        ] {
            let psi = StabilizerState::toric_code(&links(&square(l)), &sector).unwrap();
            has_energy(&format!("{l}: {sector:?}"), &model, &psi, ground + cost);
        }
    }
    // A link of Z type flipped on flips its four plaquettes; stars again come in pairs.
    let deep = links(&cubic(3));
    let at_link = |sets: Vec<Vec<u32>>, link: u32| -> Vec<usize> {
        let holds = |(_, s): &(usize, Vec<u32>)| s.contains(&link);
        sets.into_iter()
            .enumerate()
            .filter(holds)
            .map(|(i, _)| i)
            .collect()
    };
    let plaquettes = at_link(deep.plaquettes(), 40);
    assert_eq!(plaquettes.len(), 4);
    let model = ToricCode::default().on(&cubic(3)).unwrap();
    for (sector, cost) in [
        (of(plaquettes, vec![]), 8.0),
        (of(vec![], vec![2, 20]), 4.0),
    ] {
        let psi = StabilizerState::toric_code(&deep, &sector).unwrap();
        has_energy(&format!("cubic: {sector:?}"), &model, &psi, -108.0 + cost);
    }
    // Four fractons at the corners of a membrane, and a lineon pair.
    let cubes = at_link(deep.cubes(), 40);
    assert_eq!(cubes.len(), 4);
    let stars = at_link(deep.plane_stars(), 40);
    assert_eq!(stars.len(), 4);
    let model = XCube.on(&cubic(3)).unwrap();
    for sector in [
        of(cubes.clone(), vec![]),
        of(vec![], stars.clone()),
        of(cubes, stars),
    ] {
        let cost = 2.0 * (sector.z.len() + sector.x.len()) as f64;
        let psi = StabilizerState::x_cube(&deep, &sector).unwrap();
        has_energy(&format!("x-cube: {sector:?}"), &model, &psi, -108.0 + cost);
    }
}

#[test]
fn pinned_loops_and_surfaces_choose_among_the_ground_states() {
    let (flat, deep) = (links(&square(3)), links(&cubic(2)));
    let pin = |set: Vec<u32>, odd| vec![(set, odd)];
    for odd in [false, true] {
        let loops = CodeSector {
            pinned_z: vec![(flat.line(0, 0), odd), (flat.line(0, 1), !odd)],
            ..CodeSector::default()
        };
        let cuts = CodeSector {
            pinned_x: pin(flat.cut(0, 1), odd),
            ..CodeSector::default()
        };
        let mixed = CodeSector {
            pinned_z: pin(flat.line(0, 0), odd),
            pinned_x: pin(flat.cut(1, 0), !odd),
            ..CodeSector::default()
        };
        let model = ToricCode::default().on(&square(3)).unwrap();
        for sector in [loops, cuts, mixed] {
            let psi = StabilizerState::toric_code(&flat, &sector).unwrap();
            has_energy(&format!("{sector:?}"), &model, &psi, -18.0);
        }
        let surface = CodeSector {
            pinned_z: pin(deep.line(0, 2), odd),
            pinned_x: pin(deep.cut(0, 1), odd),
            ..CodeSector::default()
        };
        let model = ToricCode::default().on(&cubic(2)).unwrap();
        let psi = StabilizerState::toric_code(&deep, &surface).unwrap();
        has_energy(&format!("{surface:?}"), &model, &psi, -32.0);
    }
}

#[test]
fn code_states_span_the_ground_space_of_exact_diagonalisation() {
    // Two by two vertices: the four pinned states lie in the span of the four lowest vectors.
    let model = ToricCode::default().on(&square(2)).unwrap();
    let found = lowest(&model, 4, &LanczosParams::default()).unwrap();
    let flat = links(&square(2));
    for (a, b) in [(false, false), (false, true), (true, false), (true, true)] {
        let sector = CodeSector {
            pinned_z: vec![(flat.line(0, 0), a), (flat.line(0, 1), b)],
            ..CodeSector::default()
        };
        let psi = StabilizerState::toric_code(&flat, &sector).unwrap();
        let x = found.basis.configs(0..found.basis.len());
        let mut log = vec![Complex64::default(); x.len()];
        psi.log_psi(&[], x.view(), &mut log);
        let overlap =
            |v: &Vec<f64>| -> Complex64 { log.iter().zip(v).map(|(l, v)| l.exp() * v).sum() };
        let inside: f64 = found.vectors.iter().map(|v| overlap(v).norm_sqr()).sum();
        assert!((inside - 1.0).abs() < 1e-10, "{a} {b}: {inside}");
    }
}
