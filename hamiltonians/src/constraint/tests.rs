use super::*;
use crate::{Boundary, Lattice, LatticeKind, Links, Space, cases};
use std::collections::HashSet;

/// All configurations in site order.
fn all(space: &Space) -> impl Iterator<Item = Vec<u8>> {
    let (n, d) = (space.n_sites, space.local_dim);
    (0..d.pow(n as u32)).map(move |i| (0..n).map(|s| (i / d.pow(s as u32) % d) as u8).collect())
}

/// Configurations in site order that the automaton reaches.
fn walk(sector: &dyn Constraint) -> HashSet<Vec<u8>> {
    fn go(
        sector: &dyn Constraint,
        state: &[u64],
        x: &mut Vec<u8>,
        p: usize,
        out: &mut HashSet<Vec<u8>>,
    ) {
        if p == x.len() {
            out.insert(x.clone());
            return;
        }
        for v in sector.mask(state, p).values() {
            let mut next = state.to_vec();
            sector.advance(&mut next, p, v);
            x[sector.order()[p] as usize] = v;
            go(sector, &next, x, p + 1, out);
        }
    }
    let mut state = vec![u64::MAX; sector.words()];
    sector.start(&mut state);
    let mut out = HashSet::new();
    go(
        sector,
        &state,
        &mut vec![0; sector.space().n_sites],
        0,
        &mut out,
    );
    out
}

#[test]
fn masks_allow_exactly_the_values_that_can_be_completed() {
    for case in cases::constraints().unwrap() {
        let sector = &*case.sector;
        let order = sector.order();
        let legal: Vec<Vec<u8>> = all(sector.space()).filter(|x| (case.legal)(x)).collect();
        assert!(!legal.is_empty(), "{case:?} tests nothing");
        let mut prefixes = HashSet::new();
        for x in &legal {
            let read: Vec<u8> = order.iter().map(|&s| x[s as usize]).collect();
            prefixes.extend((0..=read.len()).map(|p| read[..p].to_vec()));
        }
        for prefix in prefixes.iter().filter(|p| p.len() < order.len()) {
            let mut state = vec![0; sector.words()];
            sector.start(&mut state);
            for (p, &v) in prefix.iter().enumerate() {
                assert!(
                    sector.mask(&state, p).allows(v),
                    "{case:?} refuses {prefix:?} at {p}"
                );
                sector.advance(&mut state, p, v);
            }
            for v in 0..sector.space().local_dim as u8 {
                let longer = [prefix.as_slice(), &[v]].concat();
                assert_eq!(
                    sector.mask(&state, prefix.len()).allows(v),
                    prefixes.contains(&longer),
                    "{case:?} after {prefix:?}: value {v}"
                );
            }
            assert!(
                sector
                    .mask(&state, prefix.len())
                    .values()
                    .all(|v| v < sector.space().local_dim as u8),
                "{case:?} allows values the sites do not have"
            );
        }
    }
}

#[test]
fn the_automaton_reaches_exactly_the_legal_configurations() {
    for case in cases::constraints().unwrap() {
        let reached = walk(&*case.sector);
        for x in all(case.sector.space()) {
            assert_eq!(reached.contains(&x), (case.legal)(&x), "{case:?} {x:?}");
            assert_eq!(
                is_legal(&*case.sector, &x),
                (case.legal)(&x),
                "{case:?} {x:?}"
            );
        }
    }
}

#[test]
fn dimensions_are_the_known_ones() {
    let ring: Vec<_> = (0..8).map(|i| (i, (i + 1) % 8)).collect();
    let blockade = Blockade::new(Space::qubits(8), (0..8).collect(), &ring);
    assert_eq!(walk(&blockade).len(), 47, "Lucas number");
    let number = Number::total_sz(8, 0, (0..8).collect()).unwrap();
    assert_eq!(walk(&number).len(), 70, "8 choose 4");
    let parity = Parity::new((0..8).collect(), &vec![((0..8).collect(), true); 3]).unwrap();
    assert_eq!((parity.rank(), walk(&parity).len()), (1, 128));
    // A Gauss law on a chain leaves one flux around the ring and nothing between open ends; matter on
    // the vertices of a ring leaves its values, one fixed by the total charge, and the flux.
    for (n, boundary, known) in [
        (7_usize, Boundary::Periodic, 3),
        (7, Boundary::Open, 1),
        (40, Boundary::Periodic, 3),
    ] {
        let links = Links::new(&Lattice::chain(n, boundary).unwrap()).unwrap();
        let z3 = Modular::gauss_law(&links, 3, &[(1, 1), (5, 2)]).unwrap();
        assert_eq!(walk(&z3).len(), known, "Z3, {n} vertices, {boundary:?}");
        let z2 = Parity::gauss_law(&links, &[0, 4]).unwrap();
        let known = known.min(2);
        assert_eq!(walk(&z2).len(), known, "Z2, {n} vertices, {boundary:?}");
        let alone = Parity::gauss_law(&links, &[4]);
        assert!(matches!(alone, Err(ConstraintError::Empty { .. })));
    }
    for (d, n) in [(2_u8, 10_u32), (3, 6), (4, 5)] {
        // Matter 2v and link 2v + 1 of vertex v.
        let law = |v: u32| {
            (
                vec![
                    (2 * v + 1, 1),
                    ((2 * v + 2 * n - 1) % (2 * n), -1),
                    (2 * v, -1),
                ],
                0,
            )
        };
        let checks: Vec<_> = (0..n).map(law).collect();
        let ring = Modular::new((0..2 * n).collect(), d.into(), &checks).unwrap();
        let known = usize::from(d).pow(n);
        assert_eq!(walk(&ring).len(), known, "Z{d} with matter on {n} vertices");
    }
}

#[test]
fn gauss_laws_on_chains_without_matter_leave_what_all_configurations_say() {
    let chain = |n, boundary| Links::new(&Lattice::chain(n, boundary).unwrap()).unwrap();
    for (boundary, links) in [(Boundary::Periodic, 6), (Boundary::Open, 5)] {
        let is_ring = boundary == Boundary::Periodic;
        for n in [2_i64, 3, 4] {
            // Charges 1 and N - 1 on vertices 0 and 3.
            let charges = [1, 0, 0, n - 1, 0, 0];
            let vertices = chain(6, boundary);
            let sector: Sector = if n == 2 {
                Arc::new(Parity::gauss_law(&vertices, &[0, 3]).unwrap())
            } else {
                let pair = [(0, 1), (3, n - 1)];
                Arc::new(Modular::gauss_law(&vertices, n as usize, &pair).unwrap())
            };
            assert_eq!(sector.space().n_sites, links);
            let legal = |x: &Vec<u8>| {
                let at = |l: usize| x.get(l).map_or(0, |&v| i64::from(v));
                (0..6).all(|v| {
                    let before = match v {
                        0 if is_ring => at(5),
                        0 => 0,
                        v => at(v - 1),
                    };
                    (at(v) - before - charges[v]) % n == 0
                })
            };
            let known: HashSet<Vec<u8>> = all(sector.space()).filter(legal).collect();
            assert_eq!(known.len() as i64, if is_ring { n } else { 1 });
            assert_eq!(walk(&*sector), known, "Z{n}, {boundary:?}");
        }
    }
}

#[test]
fn more_than_64_sites_and_checks_work() {
    let n = 200_u32;
    let order: Vec<u32> = (0..n).rev().collect();
    let bonds: Vec<_> = (1..n).map(|i| (i - 1, i)).collect();
    let pairs: Vec<_> = bonds.iter().map(|&(a, b)| (vec![a, b], true)).collect();
    let parity = Parity::new(order.clone(), &pairs).unwrap();
    assert_eq!((parity.rank(), parity.words()), (199, 4));
    let neel: Vec<u8> = (0..n).map(|i| (i % 2) as u8).collect();
    let mut flipped = neel.clone();
    flipped[130] ^= 1;
    assert!(is_legal(&parity, &neel) && !is_legal(&parity, &flipped));
    let blockade = Blockade::new(Space::qubits(200), order.clone(), &bonds);
    assert!(is_legal(&blockade, &neel) && !is_legal(&blockade, &flipped));
    let number = Number::with_order(Space::qubits(200), 100, order).unwrap();
    let both = product(vec![Arc::new(blockade), Arc::new(number)]).unwrap();
    assert!(is_legal(&*both, &neel) && !is_legal(&*both, &flipped));
    let mut fewer = neel;
    fewer[1] = 0;
    assert!(!is_legal(&*both, &fewer), "99 are not 100");
}

#[test]
fn empty_sectors_are_errors_at_construction() {
    let empty = |r: Result<Sector, ConstraintError>| {
        assert!(matches!(r, Err(ConstraintError::Empty { .. })), "{r:?}");
    };
    let order: Vec<u32> = (0..6).collect();
    let number = |n| Number::new(Space::qubits(6), n);
    let share = |n: Number| -> Sector { Arc::new(n) };
    empty(number(7).map(share));
    empty(Number::total_sz(5, 0, (0..5).collect()).map(share));
    empty(Number::total_sz(5, i64::MIN, (0..5).collect()).map(share));
    let odd = |sets: &[(Vec<u32>, bool)]| {
        Parity::new(order.clone(), sets).map(|p| -> Sector { Arc::new(p) })
    };
    let sets = [(vec![0, 1], true), (vec![1, 2], true), (vec![0, 2], true)];
    empty(odd(&sets));
    empty(product(vec![
        odd(&sets[..2]).unwrap(),
        odd(&sets[2..]).unwrap(),
    ]));
    let ring: Vec<_> = (0..6).map(|i| (i, (i + 1) % 6)).collect();
    let blockade: Sector = Arc::new(Blockade::new(Space::qubits(6), order.clone(), &ring));
    empty(product(vec![blockade, share(number(4).unwrap())]));
}

#[test]
fn parts_that_do_not_fit_and_automata_that_are_too_large_are_errors() {
    let number = |n: usize, order: Vec<u32>| -> Sector {
        Arc::new(Number::with_order(Space::qubits(order.len()), n, order).unwrap())
    };
    let reversed: Vec<u32> = (0..6).rev().collect();
    for other in [number(2, reversed), number(2, (0..5).collect())] {
        let error = product(vec![number(2, (0..6).collect()), other]).unwrap_err();
        assert!(matches!(error, ConstraintError::Mismatch { .. }), "{error}");
    }
    let parts = [number(3, (0..6).collect()), number(3, (0..6).collect())];
    let error = Product::with_limit(&parts, 3).unwrap_err();
    assert_eq!(
        error,
        ConstraintError::TooLarge {
            limit: 3,
            position: 3
        }
    );
    assert_eq!(
        Product::with_limit(&parts, 4).unwrap().nodes(),
        [1, 2, 3, 4, 3, 2]
    );
}

#[test]
fn a_product_of_many_parities_needs_no_more_states_than_one() {
    // 60 independent checks that are all under way at the middle: 2^60 states if listed.
    let order: Vec<u32> = (0..120).collect();
    let part = |i: u32| -> Sector {
        Arc::new(Parity::new(order.clone(), &[(vec![i, i + 60], i % 2 == 1)]).unwrap())
    };
    let sector = product((0..60).map(part).collect()).unwrap();
    assert_eq!(
        (sector.words(), sector.as_parity().map(Parity::rank)),
        (1, Some(60))
    );
    let x: Vec<u8> = (0..120).map(|s| u8::from(s >= 60 && s % 2 == 1)).collect();
    assert!(is_legal(&*sector, &x));
}

#[test]
fn every_legal_configuration_and_no_other_can_be_drawn() {
    for case in cases::constraints().unwrap() {
        let sector = &*case.sector;
        let (n, mut drawn) = (sector.space().n_sites, vec![0; sector.space().n_sites]);
        for x in walk(sector) {
            let mut state = vec![0; sector.words()];
            sector.start(&mut state);
            // The middle of the share that each value has of [0, 1).
            let mut uniforms = Vec::with_capacity(n);
            for (p, &site) in sector.order().iter().enumerate() {
                let (mask, v) = (sector.mask(&state, p), x[site as usize]);
                let rank = mask.values().take_while(|&w| w < v).count();
                uniforms.push((rank as f64 + 0.5) / f64::from(mask.count()));
                sector.advance(&mut state, p, v);
            }
            draw_legal(sector, |p| uniforms[p], &mut drawn);
            assert_eq!(drawn, x, "{case:?}");
        }
        for i in 0..200 {
            draw_legal(
                sector,
                |p| (f64::from(i) * 0.618 + 0.414 * p as f64).fract(),
                &mut drawn,
            );
            assert!((case.legal)(&drawn), "{case:?}: {drawn:?}");
        }
    }
}

#[test]
fn charges_that_no_field_can_have_are_refused_by_their_vertex_or_sum() {
    let torus = |l| Links::new(&Lattice::square([l, l], Boundary::Periodic).unwrap()).unwrap();
    let links = torus(4);
    let outside = Modular::gauss_law(&links, 3, &[(2, 3)]).unwrap_err();
    assert!(
        matches!(&outside, ConstraintError::Charge { vertex: 2, charge, .. } if charge == "3"),
        "{outside}"
    );
    let outside = Modular::gauss_law(&links, 3, &[(1, -1)]).unwrap_err();
    assert!(outside.to_string().contains("0 to 2 of Z_3"), "{outside}");
    let alone = Modular::gauss_law(&links, 5, &[(0, 2), (7, 4)]).unwrap_err();
    let known = ConstraintError::TotalCharge {
        total: 6,
        modulo: " mod 5".into(),
    };
    assert_eq!(alone, known);
    // Opposite charges at two vertices make different fluxes through the cuts between them.
    let fluxes = [(links.cut(0, 1), 0), (links.cut(0, 2), 0)];
    let excluded = Modular::with_flux(&links, 3, &[(0, 1), (2, 2)], &fluxes).unwrap_err();
    assert!(
        matches!(excluded, ConstraintError::Empty { .. }),
        "{excluded}"
    );

    let none = Modular::gauss_law(&links, 0, &[(0, 1)]).unwrap_err();
    assert_eq!(none, ConstraintError::Modulus { modulus: 0 });
    for huge in [i64::MIN, i64::MAX, 1 << 62] {
        let error = SquareFlux::new(&links, &[(0, huge), (1, -1)], &[]).unwrap_err();
        assert!(
            matches!(&error, ConstraintError::Charge { vertex: 0, .. }),
            "{error}"
        );
    }
    let large = SquareFlux::new(&links, &[(5, 3), (6, -3)], &[]).unwrap_err();
    assert!(
        matches!(&large, ConstraintError::Charge { vertex: 5, charge, .. } if charge == "3"),
        "{large}"
    );
    let alone = SquareFlux::new(&links, &[(5, 1)], &[]).unwrap_err();
    assert!(
        matches!(alone, ConstraintError::TotalCharge { total: 1, .. }),
        "{alone}"
    );
    let wide = SquareFlux::new(&torus(8), &[], &[]).unwrap_err();
    assert_eq!(wide, ConstraintError::TooWide { width: 8, limit: 7 });
    assert!(wide.to_string().contains("at most 7"), "{wide}");
    let odd = SquareFlux::new(&links, &[], &[(links.cut(0, 0), 3)]).unwrap_err();
    let most = SquareFlux::new(&links, &[], &[(links.cut(0, 0), 6)]).unwrap_err();
    for error in [odd, most] {
        assert!(matches!(error, ConstraintError::Empty { .. }), "{error}");
    }
    // A corner of an open square has two links, but an edge three.
    let open = Links::new(&Lattice::square([3, 2], Boundary::Open).unwrap()).unwrap();
    let half = SquareFlux::new(&open, &[], &[]).unwrap_err();
    assert!(
        matches!(&half, ConstraintError::Charge { vertex: 1, charge, .. } if charge == "0"),
        "{half}"
    );
    let cubic = Links::new(&Lattice::cubic([2; 3], Boundary::Periodic).unwrap()).unwrap();
    let error = SquareFlux::new(&cubic, &[], &[]).unwrap_err();
    assert!(matches!(error, ConstraintError::Mismatch { .. }), "{error}");
    assert!(error.to_string().contains("at most 10 links (7"), "{error}");
}

#[test]
fn spin_half_fields_leave_open_ends_by_half_integer_charges() {
    let (closed, ended) = (Boundary::Periodic, Boundary::Open);
    for (extent, boundary) in [([4, 2], [closed, ended]), ([2, 3], [ended, closed])] {
        let lattice = Lattice::new(LatticeKind::Square, &extent, &boundary).unwrap();
        let links = Links::new(&lattice).unwrap();
        let n = links.n_links();
        let divergence = |x: u32, vertex: usize| -> i64 {
            let field = |link: u32| 1 - 2 * i64::from(x >> link & 1);
            links.divergence()[vertex]
                .iter()
                .map(|&(l, sign)| sign * field(l))
                .sum()
        };
        // Charges that some configuration has are its divergences.
        for x in [0, 0b1011, 0b11_0110] {
            let charges: Vec<(u32, i64)> = (0..lattice.n_sites())
                .map(|v| (v as u32, divergence(x, v)))
                .collect();
            assert!(charges.iter().any(|c| c.1 % 2 != 0), "{charges:?}");
            let sector = SquareFlux::with_twice_charges(&links, 1, &charges, &[]).unwrap();
            let mut legal = 0;
            for y in 0..1 << n {
                let fits = charges.iter().all(|&(v, q)| divergence(y, v as usize) == q);
                let values: Vec<u8> = (0..n).map(|l| (y >> l & 1) as u8).collect();
                assert_eq!(is_legal(&sector, &values), fits, "{values:?}");
                legal += u32::from(fits);
            }
            assert!(legal > 0);
        }
        let even = SquareFlux::with_twice_charges(&links, 1, &[(0, 2), (1, -2)], &[]).unwrap_err();
        assert!(even.to_string().contains("odd halves"), "{even}");
    }
}
