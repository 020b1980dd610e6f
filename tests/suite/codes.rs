//! Exact states of stabiliser codes against the Hamiltonians: energies without variance at any size.

use ketwork::exact::{LanczosParams, lowest};
use ketwork::hamiltonians::{
    Boundary, Configs, Connected, Lattice, Links, Model, OnSpace, Operator, Tfim, ToricCode, XCube,
    Z2Gauge,
};
use ketwork::{Ancestral, CodeSector, Sampled, StabilizerState, Stream, Swap, Wavefunction, local};
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

/// Stars and plaquettes of 2 by 2 by 2 vertices, numbered without the library: a link for each vertex and
/// direction in turn, those that would leave an open cube left out.
fn by_hand(is_torus: bool) -> (usize, Vec<Vec<usize>>, Vec<Vec<usize>>) {
    let steps = [1, 2, 4];
    let mut links = Vec::new();
    for (v, step) in (0..8_usize).flat_map(|v| steps.map(|s| (v, s))) {
        if is_torus || v & step == 0 {
            links.push((v, step));
        }
    }
    let of = |v: usize, step: usize| links.iter().position(|l| *l == (v, step));
    let (mut stars, mut plaquettes) = (Vec::new(), Vec::new());
    for v in 0..8 {
        let at = steps.iter().flat_map(|&s| [of(v, s), of(v ^ s, s)]);
        stars.push(at.flatten().collect());
        for (a, b) in [(1, 2), (1, 4), (2, 4)] {
            let around = [of(v, a), of(v ^ a, b), of(v ^ b, a), of(v, b)];
            if let [Some(w), Some(x), Some(y), Some(z)] = around {
                plaquettes.push(vec![w, x, y, z]);
            }
        }
    }
    (links.len(), stars, plaquettes)
}

#[test]
fn the_cubic_toric_code_in_fields_has_the_elements_of_its_formula() {
    let (hx, hz) = (0.3, -0.7);
    for (boundary, rows) in [(Boundary::Open, 4096_u32), (Boundary::Periodic, 500)] {
        let (n, stars, plaquettes) = by_hand(boundary == Boundary::Periodic);
        let model = ToricCode { hx, hz };
        let model = model
            .on(&Lattice::cubic([2; 3], boundary).unwrap())
            .unwrap();
        assert_eq!(model.space().n_sites, n);
        let mut x = Configs::new(n);
        for row in 0..rows {
            // All of the open cube; of the torus bits that an odd multiplier scatters.
            let bits = if n == 12 {
                row
            } else {
                row.wrapping_mul(0x9E37_79B1) >> 8
            };
            x.push(&(0..n).map(|l| (bits >> l & 1) as u8).collect::<Vec<_>>());
        }
        let mut out = Connected::default();
        model.connected(x.view(), &mut out);
        let mut found = vec![Vec::new(); rows as usize];
        let mut y = vec![0; n];
        for (k, (&parent, &element)) in out.neighbours.parent.iter().zip(&out.element).enumerate() {
            out.neighbours.write(k, x.view(), &mut y);
            let row = x.row(parent as usize);
            let flips: Vec<usize> = (0..n).filter(|&l| y[l] != row[l]).collect();
            found[parent as usize].push((flips, element));
        }
        let mut known: Vec<(Vec<usize>, f64)> = Vec::new();
        for star in &stars {
            let mut flips = star.clone();
            flips.sort_unstable();
            known.push((flips, -1.0));
        }
        known.extend((0..n).map(|l| (vec![l], -hx)));
        known.sort_by(|a, b| a.0.cmp(&b.0));
        for (r, mut found) in found.into_iter().enumerate() {
            found.sort_by(|a, b| a.0.cmp(&b.0));
            assert_eq!(found, known, "{boundary:?}, row {r}");
            let z = |l: &usize| 1.0 - 2.0 * f64::from(x.row(r)[*l]);
            let loops: f64 = plaquettes
                .iter()
                .map(|p| p.iter().map(z).product::<f64>())
                .sum();
            let field: f64 = (0..n).map(|l| z(&l)).sum();
            let off = (out.diagonal[r] + loops + hz * field).abs();
            assert!(off < 1e-13, "{boundary:?}, row {r}: off by {off}");
        }
    }
}

#[test]
fn the_cubic_toric_code_in_fields_has_the_energies_of_its_duals_and_of_perturbation_theory() {
    let energy = |model: Model<f64>| {
        let found = lowest(&model, 1, &LanczosParams::default());
        found.unwrap().energies[0]
    };
    let cube = Lattice::cubic([2; 3], Boundary::Open).unwrap();
    let torus = Lattice::cubic([2; 3], Boundary::Periodic).unwrap();
    let code = |hx, hz| energy(ToricCode { hx, hz }.on(&cube).unwrap());
    // Each of 12 links lies in two stars and two plaquettes, and each star is three links at a corner. A
    // flip costs 4 either way: h^2 / 4 for each link. Two of the flips X of a star cost 4 again, the third
    // ends in the ground state: hx^3 / 16 in 3! orders for each of 8 stars. The rest is of fourth order:
    // half of the field leaves a sixteenth of it, with a correction of order h to the ratio.
    for (name, x, z) in [("hx", 1.0, 0.0), ("hz", 0.0, 1.0), ("hx = hz", 1.0, 1.0)] {
        let rest = |h: f64| {
            let known = -14.0 - 3.0 * h * h * (x * x + z * z) - 3.0 * (h * x).powi(3);
            code(h * x, h * z) - known
        };
        let ratio = rest(0.02) / rest(0.01);
        assert!((15.0..17.0).contains(&ratio), "{name}: ratio {ratio}");
    }
    // hx alone: stars are conserved, and the rest is the Z2 gauge theory.
    for h in [0.2, 0.9] {
        let dual = energy(Z2Gauge::new(h).on(&cube).unwrap()) - 8.0;
        let found = code(h, 0.0);
        assert!((found - dual).abs() < 1e-9, "hx = {h}: {found} and {dual}");
    }
    // hz alone: plaquettes are conserved, and their spins on the vertices are an Ising model. On the torus
    // two links join each pair of vertices, of which the Ising model has one bond.
    for (lattice, bonds, plaquettes) in [(&cube, 1.0, 6.0), (&torus, 2.0, 24.0)] {
        for hz in [0.1, 0.3, 1.0] {
            let model = ToricCode { hx: 0.0, hz }.on(lattice).unwrap();
            let (block, _) = model.lowest_parity_block().unwrap();
            let ising = Tfim {
                j: bonds * hz,
                h: 1.0,
                hz: 0.0,
            };
            let dual = energy(ising.on(lattice).unwrap()) - plaquettes;
            let found = energy(block);
            assert!((found - dual).abs() < 1e-9, "hz = {hz}: {found} and {dual}");
        }
    }
}

/// log2 of the inverse purity of a uniform sum over the solutions of Z checks: solutions that are 0
/// outside a region A are told apart by nobody, so that $\mathrm{Tr}\,\rho_A^2 = |C_A| |C_B| / |C|$, from
/// ranks over GF(2) of the checks and of their parts in A and in B.
fn entropy(checks: &[Vec<u32>], region: &[usize]) -> usize {
    let inside = region.iter().fold(0_u128, |m, &l| m | 1 << l);
    let rank = |mask: u128| {
        let mut rows: Vec<u128> = Vec::new();
        for check in checks {
            let mut row = check.iter().fold(0, |m, &l| m | 1 << l) & mask;
            for r in &rows {
                row = row.min(row ^ r);
            }
            if row != 0 {
                rows.push(row);
            }
        }
        rows.len()
    };
    rank(inside) + rank(!inside) - rank(u128::MAX)
}

#[test]
fn blocks_of_codes_have_the_entropy_of_the_stars_they_cut_less_one() {
    let (flat, deep) = (links(&square(4)), links(&cubic(3)));
    let all = |links: &Links, sets: &[usize]| -> Vec<usize> {
        let plaquettes = links.plaquettes();
        let mut block: Vec<usize> = (sets.iter())
            .flat_map(|&p| plaquettes[p].iter().map(|&l| l as usize))
            .collect();
        block.sort_unstable();
        block.dedup();
        block
    };
    let star = |stars: Vec<Vec<u32>>, v: usize| -> Vec<usize> {
        stars[v].iter().map(|&l| l as usize).collect()
    };
    let cube: Vec<usize> = deep.cubes()[0].iter().map(|&l| l as usize).collect();
    let mut corner = star(deep.stars(), 0);
    corner.extend(star(deep.stars(), 1));
    corner.sort_unstable();
    corner.dedup();
    let ground = CodeSector::default();
    // Signs do not entangle.
    let excited = CodeSector {
        z: vec![1, 6],
        x: vec![0, 10],
        ..CodeSector::default()
    };
    let toric = |links: &Links, sector| StabilizerState::toric_code(links, sector).unwrap();
    let fracton = StabilizerState::x_cube(&deep, &ground).unwrap();
    let (z2, z3, cubes) = (flat.plaquettes(), deep.plaquettes(), deep.cubes());
    let cases = [
        // One star is cut by its four neighbours; blocks of plaquettes by the stars on their rim.
        (
            "toric, a star",
            toric(&flat, &ground),
            &z2,
            star(flat.stars(), 5),
            Some(4),
        ),
        (
            "toric, 1 by 1",
            toric(&flat, &ground),
            &z2,
            all(&flat, &[0]),
            Some(4),
        ),
        (
            "toric, 2 by 1",
            toric(&flat, &ground),
            &z2,
            all(&flat, &[0, 1]),
            Some(6),
        ),
        (
            "toric, 2 by 2",
            toric(&flat, &ground),
            &z2,
            all(&flat, &[0, 1, 4, 5]),
            Some(8),
        ),
        (
            "toric, excited",
            toric(&flat, &excited),
            &z2,
            all(&flat, &[0, 1]),
            Some(6),
        ),
        (
            "toric in 3D, a star",
            toric(&deep, &ground),
            &z3,
            star(deep.stars(), 13),
            Some(6),
        ),
        (
            "toric in 3D, a cube",
            toric(&deep, &ground),
            &z3,
            cube,
            Some(8),
        ),
        // No area law of stars here: the rank alone.
        (
            "x-cube, a star",
            fracton.clone(),
            &cubes,
            star(deep.stars(), 13),
            None,
        ),
        ("x-cube, two stars", fracton, &cubes, corner, None),
    ];
    for (name, psi, checks, region, cut) in cases {
        let known = entropy(checks, &region);
        if let Some(cut) = cut {
            assert_eq!(known, cut - 1, "{name}");
        }
        let samples = psi.sample(&[], 0..20_000, Stream::new(8));
        let sampled = Sampled::new(&psi, &[], &samples);
        let purity = sampled.renyi2(&region, &Swap::default()).unwrap().purity;
        let exact = 0.5_f64.powi(known as i32);
        println!("{name}: purity {purity}, exact 2^-{known} = {exact:.5}");
        assert!(purity.error < 0.1 * exact, "{name}: {purity} says nothing");
        let off = (purity.mean - exact).abs();
        assert!(off < 4.0 * purity.error, "{name}: {purity}, exact {exact}");
    }
}
