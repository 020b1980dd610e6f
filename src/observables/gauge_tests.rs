//! Observables of constrained spaces against exact sums: loops, strings, swaps that lead out.

use super::*;
use crate::exact::{Basis, Memory, expectation, renyi2};
use crate::hamiltonians::{
    Boundary, Free, FusionPath, Hamiltonian, Lattice, LinkChain, Links, Model, OnSpace, Parity,
    Pauli, Sector, Space, SquareFlux, SquareLink, ZnGauge, is_legal,
};
use crate::{Ancestral, Autoregressive, FullSum, PrefixTable, Sampler, Stream};
use std::collections::BTreeSet;
use std::sync::Arc;

type Table = Autoregressive<PrefixTable<f64>>;

fn state(sector: Sector) -> (Table, Vec<f64>, Basis, Vec<f64>) {
    let psi = Autoregressive::new(PrefixTable::new(*sector.space()), sector);
    let mut theta = psi.layout().initial(Stream::new(4));
    theta.iter_mut().for_each(|t| *t *= 5.0);
    let basis = Basis::new(&**psi.sector(), Memory::default()).unwrap();
    let mut log = vec![0.0; basis.len()];
    psi.log_psi(&theta, basis.configs(0..basis.len()).view(), &mut log);
    let vector = log.iter().map(|l| l.exp()).collect();
    (psi, theta, basis, vector)
}

fn links(extent: [usize; 2], boundary: Boundary) -> Links {
    Links::new(&Lattice::square(extent, boundary).unwrap()).unwrap()
}

fn gauss(links: &Links) -> Sector {
    Arc::new(Parity::gauss_law(links, &[]).unwrap())
}

/// Exact sums agree to rounding, shots within their errors.
fn agrees(sector: Sector, operators: &[ProductOperator<f64>]) {
    let (psi, theta, basis, vector) = state(sector);
    let all = FullSum::new(&**psi.sector(), Memory::default())
        .unwrap()
        .draw(&psi, &theta)
        .unwrap();
    let shots = psi.sample(&theta, 0..4000, Stream::new(9));
    for (k, o) in operators.iter().enumerate() {
        let exact = expectation(o, &basis, &vector).re;
        let measure = |samples| {
            let state = Sampled::new(&psi, &theta, samples);
            state.expectation(o).unwrap().mean
        };
        let (summed, drawn) = (measure(&all), measure(&shots));
        assert!((summed.mean - exact).abs() < 1e-12, "{k}: {summed} {exact}");
        let off = (drawn.mean - exact).abs();
        assert!(off <= 4.0 * drawn.error + 1e-12, "{k}: {drawn} {exact}");
    }
}

#[test]
fn wilson_loops_and_electric_lines_agree_with_exact_sums() {
    for (extent, boundary) in [([2, 2], Boundary::Periodic), ([3, 3], Boundary::Open)] {
        let links = links(extent, boundary);
        let sector = gauss(&links);
        let space = *sector.space();
        let side = if boundary == Boundary::Open { 2 } else { 1 };
        let of = |sites: &[u32], p| ProductOperator::pauli(space, sites, p).unwrap();
        let operators = [
            of(&rectangle_loop(&links, 0, [1, 1]).unwrap(), Pauli::X),
            of(&rectangle_loop(&links, 0, [side, 1]).unwrap(), Pauli::X),
            of(&rectangle_loop(&links, 0, [side, side]).unwrap(), Pauli::X),
            of(&dual_line(&links, 0, 0, 2).unwrap(), Pauli::Z),
            // A single link breaks the Gauss law: its expectation value is 0.
            of(&[0], Pauli::X),
        ];
        agrees(sector, &operators);
    }
}

#[test]
fn oriented_loops_around_all_plaquettes_add_up_to_the_plaquette_energy() {
    let (torus, open) = (
        Lattice::square([2, 2], Boundary::Periodic).unwrap(),
        Lattice::square([4, 2], Boundary::Open).unwrap(),
    );
    let cube = Lattice::cubic([2; 3], Boundary::Open).unwrap();
    let zn = |n, lattice: &Lattice| ZnGauge { n, g: 0.0 }.on(lattice).unwrap();
    let pulled = |links: &Links, model: &Model<f64>, vertex, plane: [usize; 2]| {
        let path = oriented_loop(links, vertex, plane, [1, 1]).ok()?;
        Some(ProductOperator::<f64>::shift(*model.space(), &path).unwrap())
    };
    let cases = [
        (zn(3, &open), open.clone()),
        (zn(4, &open), open),
        (zn(2, &cube), cube.clone()),
        (zn(3, &cube), cube),
    ];
    for (model, lattice) in cases {
        let links = Links::new(&lattice).unwrap();
        let (_, _, basis, vector) = state(model.sector().clone());
        let planes = if lattice.extent().len() == 2 { 1 } else { 3 };
        let mut loops = Vec::new();
        for plane in &[[0, 1], [1, 2], [2, 0]][..planes] {
            let at = 0..lattice.n_sites();
            loops.extend(at.filter_map(|v| pulled(&links, &model, v, *plane)));
        }
        assert_eq!(loops.len(), links.plaquettes().len());
        // U and its adjoint have the same real expectation value.
        let sum: f64 = loops
            .iter()
            .map(|u| expectation(u, &basis, &vector).re)
            .sum();
        let energy = expectation(&model, &basis, &vector).re;
        assert!((sum + energy).abs() < 1e-12, "{sum} and {energy}");
    }
    // Quantum links of spin 1: a value falls as its field rises.
    let links = Links::new(&torus).unwrap();
    let law = SquareFlux::with_spin(&links, 2, &[], &[]).unwrap();
    let flips = SquareLink::new(0.0)
        .in_sector(&torus, Arc::new(law))
        .unwrap();
    let (_, _, basis, vector) = state(flips.sector().clone());
    let mut sum = 0.0;
    // Sides as long as the torus less one: all four plaquettes.
    for vertex in 0..4 {
        let path = oriented_loop(&links, vertex, [0, 1], [1, 1]).unwrap();
        let path: Vec<_> = path.iter().map(|&(l, s)| (l, -s)).collect();
        let u = ProductOperator::<f64>::ladder(*flips.space(), &path).unwrap();
        sum += 2.0 * expectation(&u, &basis, &vector).re;
    }
    let energy = expectation(&flips, &basis, &vector).re;
    assert!((sum + energy).abs() < 1e-12, "{sum} and {energy}");
    // Four fields that rise together break the Gauss law.
    let path = oriented_loop(&links, 0, [0, 1], [1, 1]).unwrap();
    let same: Vec<_> = path.iter().map(|&(l, _)| (l, 1)).collect();
    let wrong = ProductOperator::<f64>::ladder(*flips.space(), &same).unwrap();
    assert!(expectation(&wrong, &basis, &vector).re.abs() < 1e-15);
    // The loop raises the fields that it passes along their direction: it leads to an empty lattice from
    // one unit of field around its plaquette the other way.
    let path: Vec<_> = path.iter().map(|&(l, s)| (l, -s)).collect();
    let u = ProductOperator::<f64>::ladder(*flips.space(), &path).unwrap();
    let mut empty = crate::Configs::zeros(1, 8);
    empty.row_mut(0).fill(1);
    let mut out = crate::Connected::default();
    Operator::connected(&u, empty.view(), &mut out);
    let from: Vec<_> = out.neighbours.changes(0).collect();
    assert_eq!(from.len(), 4);
    let spin1 = SquareFlux::with_spin(&links, 2, &[], &[]).unwrap();
    for (link, value) in from {
        let along = path.iter().find(|p| p.0 as usize == link).unwrap().1;
        assert_eq!(spin1.twice_field(value), 2 * along, "link {link}");
    }
}

#[test]
fn strings_of_diagonal_factors_and_shifts_agree_with_exact_sums() {
    let space = Space::new(4, 3);
    let spin = [1.0, 0.0, -1.0];
    let operators = [
        ProductOperator::string_order(space, (0, 3), &spin, &[-1.0, 1.0, -1.0]).unwrap(),
        ProductOperator::string_order(space, (1, 2), &spin, &spin).unwrap(),
        ProductOperator::shift(space, &[(0, 1), (2, -1)]).unwrap(),
        ProductOperator::diagonal(space, &[(3, &spin), (0, &[0.5, 2.0, 0.0])]).unwrap(),
        ProductOperator::new(
            space,
            vec![(1, vec![Some((2, 0.5)), None, Some((0, -2.0))])],
        )
        .unwrap(),
    ];
    agrees(Arc::new(Free::new(space)), &operators);
    let chain = Arc::new(LinkChain::ring(1, &[0; 8]).unwrap());
    let hidden = ProductOperator::string_order(*chain.space(), (1, 6), &[0.5, -0.5], &[1.0, -1.0]);
    agrees(chain, &[hidden.unwrap()]);
}

#[test]
fn a_shift_carries_a_value_up_and_around() {
    let space = Space::new(2, 3);
    let up = ProductOperator::<f64>::shift(space, &[(1, 1)]).unwrap();
    let (psi, _, basis, _) = state(Arc::new(Free::new(space)));
    drop(psi);
    for value in 0..3_u8 {
        let unit = |v: u8| {
            let mut e = vec![0.0; basis.len()];
            e[basis.index(&[2, v]).unwrap()] = 1.0;
            e
        };
        // <v + 1|O|v> from the polarisation of two expectation values.
        let (a, b) = (unit((value + 1) % 3), unit(value));
        let sum: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
        let element = 2.0 * expectation(&up, &basis, &sum).re;
        assert!((element - 1.0).abs() < 1e-14, "{value}: {element}");
        let mut x = crate::Configs::zeros(1, 2);
        x.row_mut(0).copy_from_slice(&[2, (value + 1) % 3]);
        let mut out = crate::Connected::default();
        Operator::connected(&up, x.view(), &mut out);
        let came: Vec<_> = out.neighbours.changes(0).collect();
        assert_eq!(came, [(1, value)]);
    }
}

#[test]
fn a_rectangle_is_the_boundary_of_its_plaquettes() {
    for (extent, boundary) in [([5, 4], Boundary::Periodic), ([4, 4], Boundary::Open)] {
        let links = links(extent, boundary);
        let plaquettes = links.plaquettes();
        // Plaquettes are numbered by their corners where every vertex has one.
        let at = |x: usize, y: usize| {
            let corner = links
                .link(x % extent[0] + extent[0] * (y % extent[1]), 0)
                .unwrap();
            let mut all = plaquettes.iter();
            all.find(|p| p[0] == corner).unwrap()
        };
        for (w, h) in [(1, 1), (2, 1), (1, 3), (3, 2)] {
            let mut boundary = BTreeSet::new();
            for (x, y) in (0..w).flat_map(|x| (0..h).map(move |y| (x, y))) {
                for link in at(x, y) {
                    if !boundary.remove(link) {
                        boundary.insert(*link);
                    }
                }
            }
            let around = rectangle_loop(&links, 0, [w, h]).unwrap();
            assert_eq!(around.len(), 2 * (w + h));
            assert_eq!(around.into_iter().collect::<BTreeSet<_>>(), boundary);
        }
    }
}

#[test]
fn lines_around_a_torus_measure_the_winding_and_paths_that_do_not_exist_are_refused() {
    let torus = links([3, 4], Boundary::Periodic);
    let sector = gauss(&torus);
    let basis = Basis::new(&*sector, Memory::default()).unwrap();
    let parity = |x: &[u8], cut: &[u32]| cut.iter().filter(|&&l| x[l as usize] == 1).count() % 2;
    let x = basis.configs(0..basis.len());
    let cuts: Vec<_> = (0..3)
        .map(|x| {
            let cut = torus.cut(0, x);
            assert_eq!(dual_line(&torus, x, 0, 4).unwrap(), cut);
            cut
        })
        .collect();
    let mut seen = BTreeSet::new();
    for row in x.view().rows() {
        let windings: BTreeSet<_> = cuts.iter().map(|cut| parity(row, cut)).collect();
        assert_eq!(windings.len(), 1, "parallel cuts differ on {row:?}");
        seen.extend(windings);
    }
    assert_eq!(seen.len(), 2);
    // Flipping a line that winds stays legal and changes the sector.
    let line = torus.line(0, 0);
    let mut row = x.row(5).to_vec();
    let before = parity(&row, &cuts[0]);
    line.iter().for_each(|&l| row[l as usize] ^= 1);
    assert!(is_legal(&*sector, &row));
    assert_eq!(parity(&row, &cuts[0]), 1 - before);

    let open = links([3, 3], Boundary::Open);
    assert!(matches!(
        rectangle_loop(&open, 4, [2, 1]),
        Err(LoopError::TooLong { .. })
    ));
    assert!(matches!(
        rectangle_loop(&torus, 0, [0, 1]),
        Err(LoopError::Empty { .. })
    ));
    assert!(matches!(
        rectangle_loop(&torus, 12, [1, 1]),
        Err(LoopError::Vertex { .. })
    ));
    assert!(matches!(
        dual_line(&torus, 0, 1, 4),
        Err(LoopError::TooLong { .. })
    ));
}

#[test]
fn swaps_that_break_a_constraint_count_as_zero() {
    let cases: [(Sector, &[usize]); 3] = [
        (gauss(&links([2, 2], Boundary::Periodic)), &[0, 1, 2]),
        (
            Arc::new(LinkChain::ring(1, &[0; 8]).unwrap()),
            &[0, 1, 2, 3],
        ),
        (Arc::new(FusionPath::ring(3, 8).unwrap()), &[2, 3, 4]),
    ];
    for (sector, region) in cases {
        let (psi, theta, basis, vector) = state(sector.clone());
        let exact = renyi2(&basis, &vector, region, Memory::default()).unwrap();
        let all = FullSum::new(&*sector, Memory::default())
            .unwrap()
            .draw(&psi, &theta)
            .unwrap();
        let rows: Vec<&[u8]> = all.x.view().rows().collect();
        let broken = rows.iter().any(|n| {
            rows.iter().any(|m| {
                let mut swapped = n.to_vec();
                region.iter().for_each(|&s| swapped[s] = m[s]);
                !is_legal(&*sector, &swapped)
            })
        });
        assert!(broken, "{sector:?} has no illegal swap: nothing is tested");
        let of = |samples| {
            let state = Sampled::new(&psi, &theta, samples);
            state.renyi2(region, &Swap::default()).unwrap()
        };
        let summed = of(&all).entropy;
        assert!((summed.mean - exact).abs() < 1e-12, "{summed} {exact}");
        let drawn = of(&psi.sample(&theta, 0..8000, Stream::new(3))).purity;
        let off = (drawn.mean - (-exact).exp()).abs();
        assert!(off < 4.0 * drawn.error, "{drawn} {}", (-exact).exp());
    }
}
