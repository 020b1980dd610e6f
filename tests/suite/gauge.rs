//! Gauge theories, codes and anyon chains against the numbers of other methods: dimensions of their
//! legal spaces, lowest levels, and the models they turn into.

use approx::abs_diff_eq;
use ketwork::exact::{LanczosParams, dimension, expectation, ground_state, lowest};
use ketwork::hamiltonians::{
    Boundary, Constraint, ConstraintError, FusionPath, GoldenChain, Hamiltonian, Lattice,
    LatticeKind, LinkChain, Links, Model, Modular, OnSpace, Parity, Pauli, QuantumLink, Sector,
    SquareFlux, SquareLink, Tfim, ToricCode, Z2Gauge, ZnGauge, product,
};
use ketwork::{ProductOperator, rectangle_loop};
use std::sync::Arc;

/// Lowest energies.
fn levels(model: &Model<f64>, count: usize) -> Vec<f64> {
    let found = lowest(model, count, &LanczosParams::default());
    found.expect("the sector fits into memory").energies
}

/// Number of legal configurations, exact below 2^53.
fn count(sector: &dyn Constraint) -> u64 {
    dimension(sector).expect("the automaton is narrow") as u64
}

fn ring(n: usize) -> Lattice {
    Lattice::chain(n, Boundary::Periodic).unwrap()
}

/// References have eight decimals, and gaps five.
#[track_caller]
fn agree(what: &str, found: &[f64], energy: f64, gaps: &[f64]) {
    assert!(
        abs_diff_eq!(found[0], energy, epsilon = 1e-8),
        "{what}: {}, known {energy}",
        found[0]
    );
    for (e, gap) in found[1..].iter().zip(gaps) {
        let off = (e - found[0] - gap).abs();
        assert!(off < 6e-6, "{what}: gap {}, known {gap}", e - found[0]);
    }
}

#[test]
fn legal_spaces_have_the_known_dimensions() {
    // Lucas numbers.
    let golden = [18, 29, 47, 76, 123, 199, 322, 521, 843];
    for (n, known) in (6..).zip(golden) {
        let found = count(&FusionPath::ring(3, n).unwrap());
        assert_eq!(found, known, "golden ring of {n}");
    }
    for (n, known) in [(6, 18), (8, 47), (10, 123), (12, 322)] {
        let found = count(&LinkChain::ring(1, &vec![0; n]).unwrap());
        assert_eq!(found, known, "quantum link ring of {n}");
    }
    for l in [2, 3, 4] {
        let links = Links::new(&Lattice::square([l, l], Boundary::Periodic).unwrap()).unwrap();
        let found = count(&Parity::gauss_law(&links, &[]).unwrap());
        assert_eq!(found, 1 << (l * l + 1), "Z2 torus of {l}");
    }
    // Catalan number: singlets of 16 spins 1/2.
    let singlets = count(&FusionPath::open(1000, 16, 0).unwrap());
    assert_eq!(singlets, 1430);
    // Ising anyons, two states a pair; the odd labels of a ring at even level are half-integer.
    let ising = count(&FusionPath::ring(2, 12).unwrap());
    assert_eq!(ising, 64);
}

#[test]
fn golden_rings_have_the_known_levels() {
    let known = [
        (8, -6.196_346_08, [0.110_39, 0.287_88]),
        (10, -7.706_749_01, [0.087_52, 0.229_53]),
        (12, -9.223_157_33, [0.072_55, 0.190_94]),
        (14, -10.742_912_96, [0.061_98, 0.163_49]),
    ];
    for (n, energy, gaps) in known {
        let model = GoldenChain::default().on(&ring(n)).unwrap();
        // Other levels lie between: each gap is one of the lowest.
        let found = levels(&model, 6);
        agree(&format!("ring of {n}"), &found[..1], energy, &[]);
        for gap in gaps {
            let near = found.iter().map(|e| (e - found[0] - gap).abs());
            assert!(
                near.fold(1.0, f64::min) < 6e-6,
                "ring of {n}: no gap {gap} in {found:?}"
            );
        }
    }
    let ferro = GoldenChain {
        theta: std::f64::consts::PI,
        ..GoldenChain::default()
    };
    agree(
        "ferro",
        &levels(&ferro.on(&ring(12)).unwrap(), 1),
        0.735_169_66,
        &[],
    );
}

#[test]
fn the_golden_ring_is_exactly_solvable_at_the_majumdar_ghosh_point() {
    let theta = ((1.0 + 5_f64.sqrt()) / 4.0).atan();
    let model = GoldenChain {
        theta,
        ..GoldenChain::default()
    };
    for n in [8, 10, 12] {
        let found = levels(&model.on(&ring(n)).unwrap(), 2);
        agree(
            &format!("ring of {n}"),
            &found,
            -(n as f64) * theta.sin(),
            &[0.0],
        );
    }
}

#[test]
fn fusion_paths_of_high_level_are_the_heisenberg_chain() {
    // Open chain of 16 in the singlet sector; the level costs 1e-9.
    let chain = Lattice::chain(16, Boundary::Open).unwrap();
    let model = GoldenChain {
        level: 100_000,
        ..GoldenChain::default()
    };
    agree(
        "singlets",
        &levels(&model.on(&chain).unwrap(), 1),
        -10.661_737_15,
        &[],
    );
}

#[test]
fn z2_gauge_theory_has_the_known_levels() {
    let known = [
        (2, 0.1, -4.040_593_70, [0.020_64, 0.020_64]),
        (2, 0.3285, -4.490_730_52, [0.280_43, 0.280_43]),
        (2, 0.5, -5.226_251_86, [0.754_12, 0.754_12]),
        (3, 0.1, -9.047_814_20, [0.002_39, 0.002_39]),
        (3, 0.2, -9.210_495_64, [0.023_92, 0.023_92]),
        (3, 0.3285, -9.707_715_18, [0.177_28, 0.177_28]),
        (3, 0.5, -11.341_890_59, [1.020_66, 1.020_66]),
        (3, 1.0, -19.131_366_81, [4.775_51, 4.775_51]),
    ];
    for (l, g, energy, gaps) in known {
        let torus = Lattice::square([l, l], Boundary::Periodic).unwrap();
        let model = Z2Gauge::new(g).on(&torus).unwrap();
        agree(
            &format!("L = {l}, g = {g}"),
            &levels(&model, 3),
            energy,
            &gaps,
        );
    }
}

#[test]
fn the_magnetic_basis_has_the_levels_of_the_electric_one() {
    let (closed, open) = (Boundary::Periodic, Boundary::Open);
    for (extent, boundary) in [
        ([2, 2], [closed, closed]),
        ([3, 3], [closed, closed]),
        ([4, 3], [closed, open]),
        ([2, 3], [open, closed]),
        ([4, 3], [open, open]),
    ] {
        let lattice = Lattice::new(LatticeKind::Square, &extent, &boundary).unwrap();
        for g in [0.1, 0.3285, 1.0] {
            let electric = Z2Gauge::new(g).on(&lattice).unwrap();
            let magnetic = Z2Gauge::new(g).magnetic(&lattice).unwrap();
            let same = count(&**electric.sector());
            assert_eq!(count(&**magnetic.sector()), same, "{extent:?} {boundary:?}");
            let (a, b) = (levels(&electric, 6), levels(&magnetic, 6));
            for (a, b) in a.iter().zip(&b) {
                assert!(
                    (a - b).abs() < 1e-9,
                    "{extent:?} {boundary:?}, g = {g}: {a} and {b}"
                );
            }
        }
    }
    // Winding by winding.
    let torus = torus(3);
    let links = Links::new(&torus).unwrap();
    let theory = Z2Gauge::new(0.4);
    let all = theory.on(&torus).unwrap();
    for winding in [[false, false], [true, false], [false, true], [true, true]] {
        let checks = [0, 1].map(|k| (links.cut(k, 0), winding[k]));
        let pinned = Parity::new(all.sector().order().to_vec(), &checks).unwrap();
        let parts: Vec<Sector> = vec![all.sector().clone(), Arc::new(pinned)];
        let electric = all.in_sector(product(parts).unwrap()).unwrap();
        let magnetic = theory.magnetic_sector(&torus, &winding).unwrap();
        assert_eq!(magnetic.space().n_sites, 9);
        let (a, b) = (levels(&electric, 4), levels(&magnetic, 4));
        for (a, b) in a.iter().zip(&b) {
            assert!((a - b).abs() < 1e-9, "{winding:?}: {a} and {b}");
        }
    }
}

#[test]
fn wilson_loops_and_signs_of_the_magnetic_basis_are_those_of_the_electric_one() {
    let torus = torus(3);
    let links = Links::new(&torus).unwrap();
    let theory = Z2Gauge::new(0.35);
    let (electric, magnetic) = (theory.on(&torus).unwrap(), theory.magnetic(&torus).unwrap());
    let ground = |model: &Model<f64>| ground_state(model, &LanczosParams::default()).unwrap();
    let (e, m) = (ground(&electric), ground(&magnetic));
    for side in [1_u32, 2] {
        let path = rectangle_loop(&links, 0, [side as usize; 2]).unwrap();
        let around = ProductOperator::<f64>::pauli(*electric.space(), &path, Pauli::X).unwrap();
        let fluxes: Vec<u32> = (0..side * side)
            .map(|i| i % side + 3 * (i / side))
            .collect();
        let inside = ProductOperator::<f64>::pauli(*magnetic.space(), &fluxes, Pauli::Z).unwrap();
        let a = expectation(&around, &e.basis, &e.vectors[0]).re;
        let b = expectation(&inside, &m.basis, &m.vectors[0]).re;
        assert!((a - b).abs() < 1e-7 && a < 0.99, "{side}: {a} and {b}");
    }
    let sign = m.vectors[0].iter().sum::<f64>().signum();
    assert!(m.vectors[0].iter().all(|v| v * sign > 0.0));
    // A cylinder has one winding; other lattices and single rows have no such basis.
    let cylinder = [Boundary::Periodic, Boundary::Open];
    let cylinder = Lattice::new(LatticeKind::Square, &[3, 2], &cylinder).unwrap();
    let both = [false, true].map(|odd| theory.magnetic_sector(&cylinder, &[odd]).unwrap());
    let mut sectors: Vec<f64> = both.iter().flat_map(|model| levels(model, 2)).collect();
    sectors.sort_by(f64::total_cmp);
    let all = levels(&theory.magnetic(&cylinder).unwrap(), 2);
    assert!((sectors[0] - all[0]).abs() < 1e-9 && (sectors[1] - all[1]).abs() < 1e-9);
    let cubic = Lattice::cubic([2; 3], Boundary::Open).unwrap();
    let row = Lattice::square([4, 1], Boundary::Open).unwrap();
    for lattice in [cubic, row] {
        assert!(theory.magnetic(&lattice).is_err());
    }
}

#[test]
fn quantum_link_rings_have_the_known_levels() {
    let known = [
        (8, -1.0, -0.836_092, 2.612_536),
        (8, 0.0, -0.603_870, 0.972_656),
        (8, 0.655, -0.622_756, 0.181_674),
        (8, 1.0, -0.714_503, 0.045_674),
        (12, -1.0, -0.836_092, f64::NAN),
        (12, 0.0, -0.603_578, 0.968_570),
        (12, 0.655, -0.618_486, 0.120_485),
        (12, 1.0, -0.712_316, 0.013_202),
    ];
    for (n, m, density, gap) in known {
        let found = levels(&QuantumLink::new(m).on(&ring(n)).unwrap(), 2);
        let (e, g) = (found[0] / n as f64, found[1] - found[0]);
        assert!((e - density).abs() < 6e-7, "N = {n}, m = {m}: {e}");
        assert!(
            gap.is_nan() || (g - gap).abs() < 6e-7,
            "N = {n}, m = {m}: gap {g}"
        );
    }
    // The electric energy of spin-1/2 links is a constant.
    let charged = QuantumLink {
        g: 2.0,
        ..QuantumLink::new(1.0)
    };
    let plain = levels(&QuantumLink::new(1.0).on(&ring(8)).unwrap(), 1)[0];
    let shifted = levels(&charged.on(&ring(8)).unwrap(), 1)[0];
    assert!(
        (shifted - plain - 4.0).abs() < 1e-10,
        "{shifted} and {plain}"
    );
}

#[test]
fn the_toric_code_has_four_ground_states_and_pairs_of_cost_four() {
    let torus = Lattice::square([2, 2], Boundary::Periodic).unwrap();
    let code = ToricCode::default().on(&torus).unwrap();
    let found = levels(&code, 5);
    for (e, known) in found.iter().zip([-8.0, -8.0, -8.0, -8.0, -4.0]) {
        assert!((e - known).abs() < 1e-9, "{found:?}");
    }
    assert_eq!(count(&**code.sector()), 256);
}

#[test]
fn a_network_carried_to_a_longer_ring_starts_lower_than_a_random_one() {
    use ketwork::exact::Memory;
    use ketwork::{
        Autoregressive, Conditional, FullSum, GroundState, Positions, Schedule, Stream,
        Transformer, TransformerParams, Wavefunction,
    };
    let params = TransformerParams {
        layers: 1,
        width: 8,
        heads: 2,
    };
    let state = |n: usize| {
        let model = QuantumLink::new(0.0).on(&ring(n)).unwrap();
        let net = Transformer::<f64>::new(*model.sector().space(), params).unwrap();
        let psi = Autoregressive::new(net, model.sector().clone());
        (model, psi)
    };
    let run = |n: usize, theta: Vec<f64>, steps: usize| {
        let (model, psi) = state(n);
        let all = FullSum::new(&**model.sector(), Memory::default()).unwrap();
        let mut vmc = GroundState::new(&model, &psi, all, theta);
        vmc.learning_rate = Schedule::Constant(0.1);
        for report in vmc.by_ref().take(steps) {
            report.unwrap();
        }
        let energy = vmc.measure().unwrap().0.mean;
        (vmc.theta, energy / n as f64)
    };
    let random = |n: usize| state(n).1.layout().initial(Stream::new(1));
    let (theta, trained) = run(8, random(8), 80);
    let map = Positions::chain(8, 12, 2).unwrap();
    let (small, large) = (state(8).1, state(12).1);
    let start = map
        .transfer(small.network().layout(), &theta, large.network().layout())
        .unwrap();
    let (_, carried) = run(12, start.clone(), 0);
    let (_, fresh) = run(12, random(12), 0);
    let exact = -0.603_578;
    // Nine tenths of the way from the random state to the ground state come with the parameters.
    assert!(
        carried - exact < 0.1 * (fresh - exact),
        "carried {carried}, random {fresh}, trained on eight {trained}"
    );
    // And the head start lasts.
    let (carried, fresh) = (run(12, start, 20).1, run(12, random(12), 20).1);
    assert!(carried < fresh, "after 20 steps: {carried} and {fresh}");
}

fn torus(l: usize) -> Lattice {
    Lattice::square([l, l], Boundary::Periodic).unwrap()
}

#[test]
fn square_ice_and_zn_gauge_spaces_have_the_known_dimensions() {
    // Six-vertex configurations of tori, OEIS A054759.
    for (l, known) in [(2, 18), (3, 148), (4, 2970), (5, 143_224), (6, 16_448_400)] {
        let links = Links::new(&torus(l)).unwrap();
        let found = count(&SquareFlux::new(&links, &[], &[]).unwrap());
        assert_eq!(found, known, "torus of {l}");
    }
    // Windings of the torus of 4: the sectors add up to all.
    let links = Links::new(&torus(4)).unwrap();
    let through = |k: usize, twice| (links.cut(k, 0), twice);
    let fluxes = || (-4..=4).step_by(2);
    let by_winding: u64 = (fluxes().flat_map(|x| fluxes().map(move |y| (x, y))))
        .filter_map(|(x, y)| SquareFlux::new(&links, &[], &[through(0, x), through(1, y)]).ok())
        .map(|sector| count(&sector))
        .sum();
    assert_eq!(by_winding, 2970);
    for (n, l, charges) in [
        (3_u64, 2, vec![]),
        (3, 3, vec![(1, 2), (5, 1)]),
        (5, 2, vec![]),
        (4, 2, vec![(0, 3), (1, 1)]),
        (6, 2, vec![]),
    ] {
        let links = Links::new(&torus(l)).unwrap();
        let sector = Modular::gauss_law(&links, n as usize, &charges).unwrap();
        let known = n.pow((l * l + 1) as u32);
        assert_eq!(count(&sector), known, "Z_{n} on the torus of {l}");
    }
}

#[test]
fn dimers_and_fields_of_spin_one_have_the_known_numbers() {
    // Dimer coverings of tori, P. W. Kasteleyn, Physica 27, 1209 (1961): charges +1 and -1 on the
    // sublattices.
    for (l, known) in [(2, 8), (4, 272), (6, 90_176)] {
        let links = Links::new(&torus(l)).unwrap();
        let staggered = |v: usize| {
            (
                v as u32,
                if (v % l + v / l).is_multiple_of(2) {
                    1
                } else {
                    -1
                },
            )
        };
        let charges: Vec<_> = (0..l * l).map(staggered).collect();
        let found = count(&SquareFlux::new(&links, &charges, &[]).unwrap());
        assert_eq!(found, known, "torus of {l}");
    }
    // Summed over all assignments of -1, 0, 1 to the links.
    for (l, known) in [(2, 115), (3, 5571)] {
        let links = Links::new(&torus(l)).unwrap();
        let found = count(&SquareFlux::with_spin(&links, 2, &[], &[]).unwrap());
        assert_eq!(found, known, "torus of {l}");
    }
    let links = Links::new(&torus(5)).unwrap();
    let wide = SquareFlux::with_spin(&links, 2, &[], &[]).unwrap_err();
    assert_eq!(wide, ConstraintError::TooWide { width: 5, limit: 4 });
}

#[test]
fn links_of_spin_one_have_their_rokhsar_kivelson_point_and_electric_energy() {
    let links = Links::new(&torus(2)).unwrap();
    let law = || Arc::new(SquareFlux::with_spin(&links, 2, &[], &[]).unwrap());
    let balanced = SquareLink::new(1.0).in_sector(&torus(2), law()).unwrap();
    let found = levels(&balanced, 1)[0];
    assert!(found.abs() < 1e-9, "{found}");
    // Without flips the vacuum has no field; two charges side by side cost one unit of flux, g^2 / 2.
    let still = SquareLink {
        j: 0.0,
        lambda: 0.0,
        g: 2.0,
    };
    let pair = SquareFlux::with_spin(&links, 2, &[(0, 1), (1, -1)], &[]).unwrap();
    let vacuum = levels(&still.in_sector(&torus(2), law()).unwrap(), 1)[0];
    let string = levels(&still.in_sector(&torus(2), Arc::new(pair)).unwrap(), 1)[0];
    assert!(
        vacuum.abs() < 1e-12 && (string - 2.0).abs() < 1e-12,
        "{vacuum} and {string}"
    );
    // Of spin 1/2 it is a constant, g^2 / 8 a link.
    let charged = SquareLink {
        g: 2.0,
        ..SquareLink::new(0.5)
    };
    let shift = levels(&charged.on(&torus(2)).unwrap(), 1)[0]
        - levels(&SquareLink::new(0.5).on(&torus(2)).unwrap(), 1)[0];
    assert!((shift - 4.0).abs() < 1e-9, "{shift}");
}

#[test]
fn the_square_quantum_link_model_has_energy_zero_at_the_rokhsar_kivelson_point() {
    let model = SquareLink::new(1.0);
    let links = Links::new(&torus(4)).unwrap();
    // Charges next to each other, and a winding.
    let charged = SquareFlux::new(&links, &[(0, 1), (1, -1)], &[]).unwrap();
    let wound = SquareFlux::new(&links, &[], &[(links.cut(0, 0), 4)]).unwrap();
    let long = Lattice::square([6, 2], Boundary::Periodic).unwrap();
    for (what, model) in [
        ("2 by 2", model.on(&torus(2))),
        ("4 by 4", model.on(&torus(4))),
        ("6 by 2", model.on(&long)),
        ("charged", model.in_sector(&torus(4), Arc::new(charged))),
        ("wound", model.in_sector(&torus(4), Arc::new(wound))),
    ] {
        let found = levels(&model.unwrap(), 1)[0];
        assert!(found.abs() < 1e-9, "{what}: {found}");
    }
    // Away from it, flips gain energy or cost it; frozen configurations stay at 0.
    let gains = levels(&SquareLink::new(0.5).on(&torus(4)).unwrap(), 1)[0];
    let costs = levels(&SquareLink::new(1.5).on(&torus(4)).unwrap(), 1)[0];
    assert!(gains < -1.0 && costs.abs() < 1e-9, "{gains} and {costs}");
}

#[test]
fn zn_gauge_theory_at_order_two_has_the_levels_of_z2() {
    for g in [0.1, 0.3285, 1.0] {
        let general = levels(&ZnGauge { n: 2, g }.on(&torus(3)).unwrap(), 3);
        let special = levels(&Z2Gauge::new(g).on(&torus(3)).unwrap(), 3);
        for (a, b) in general.iter().zip(&special) {
            assert!((a - b).abs() < 1e-9, "g = {g}: {a} and {b}");
        }
    }
    // Without electric energy each plaquette has -1, once for each flux through the torus.
    let free = levels(&ZnGauge { n: 3, g: 0.0 }.on(&torus(2)).unwrap(), 10);
    assert!(free[..9].iter().all(|e| (e + 4.0).abs() < 1e-9), "{free:?}");
    assert!(free[9] > -3.0, "{free:?}");
}

#[test]
fn the_block_of_even_parities_holds_the_ground_state() {
    for g in [0.1, 0.5] {
        let all = Z2Gauge::new(g).on(&torus(3)).unwrap();
        let (block, fixed) = all.lowest_parity_block().unwrap();
        assert_eq!((fixed, count(&**block.sector())), (2, 256));
        let (of_all, of_block) = (levels(&all, 1)[0], levels(&block, 1)[0]);
        assert!((of_all - of_block).abs() < 1e-9, "g = {g}");
    }
    // Without fields: stars flip pairs of links, plaquettes and windings stay.
    let code = ToricCode::default().on(&torus(2)).unwrap();
    let (block, fixed) = code.lowest_parity_block().unwrap();
    assert_eq!(fixed, 5);
    assert!((levels(&block, 1)[0] + 8.0).abs() < 1e-9);
}

#[test]
fn no_parity_is_fixed_where_the_ground_state_may_be_elsewhere() {
    let none = |model: Model<f64>| assert!(model.lowest_parity_block().is_none());
    let open = Lattice::square([3, 3], Boundary::Open).unwrap();
    none(Z2Gauge::new(0.3).on(&open).unwrap());
    // A negative coupling prefers links that are occupied.
    none(Z2Gauge::new(-0.3).on(&torus(2)).unwrap());
    // No parity is conserved once every qubit can be flipped alone.
    none(Tfim::new(1.0).on(&ring(6)).unwrap());
    none(ToricCode { hx: 0.2, hz: 0.1 }.on(&torus(2)).unwrap());
    // Larger sites have no parities.
    none(ZnGauge { n: 3, g: 0.3 }.on(&torus(2)).unwrap());
}
