use super::*;
use Boundary::{Open, Periodic};
use std::collections::BTreeSet;

fn lattice(kind: LatticeKind, extent: &[usize], boundary: &[Boundary]) -> Lattice {
    Lattice::new(kind, extent, boundary).unwrap()
}

fn torus(kind: LatticeKind, l: usize) -> Lattice {
    lattice(kind, &vec![l; kind.dimension()], &[Periodic])
}

#[test]
fn every_site_of_a_torus_has_the_coordination_number_of_its_kind() {
    let cases = [
        (LatticeKind::Chain, 2),
        (LatticeKind::Ladder, 4),
        (LatticeKind::Square, 4),
        (LatticeKind::Triangular, 6),
        (LatticeKind::Honeycomb, 3),
        (LatticeKind::Kagome, 4),
        (LatticeKind::Cubic, 6),
        (LatticeKind::KagomeLink, 6),
    ];
    for (kind, z) in cases {
        let lattice = torus(kind, 4);
        assert!(
            lattice.adjacency().iter().all(|n| n.len() == z),
            "{}",
            kind.name()
        );
        assert_eq!(
            2 * lattice.edges().len(),
            z * lattice.n_sites(),
            "{}",
            kind.name()
        );
    }
}

#[test]
fn edges_are_the_pairs_at_distance_one() {
    for kind in LatticeKind::ALL
        .into_iter()
        .filter(|&k| k != LatticeKind::KagomeLink)
    {
        for boundary in [Open, Periodic] {
            for l in [1, 2, 3, 4] {
                let lattice = lattice(kind, &vec![l; kind.dimension()], &[boundary]);
                assert_eq!(
                    lattice.edges(),
                    lattice.pairs_within(1.0),
                    "{} {l}",
                    kind.name()
                );
                assert!(lattice.pairs_within(0.99).is_empty(), "{} {l}", kind.name());
            }
        }
    }
}

#[test]
fn kagome_links_on_the_smallest_good_torus_have_six_neighbours_at_three_distances() {
    let lattice = torus(LatticeKind::KagomeLink, 2);
    assert_eq!(lattice.n_sites(), 24);
    assert!(lattice.adjacency().iter().all(|n| n.len() == 6));
    let shells: BTreeSet<i64> = lattice
        .edges()
        .iter()
        .map(|&(a, b)| (1e6 * lattice.distance(a as usize, b as usize)).round() as i64)
        .collect();
    assert_eq!(
        shells.into_iter().collect::<Vec<_>>(),
        [500_000, 866_025, 1_000_000]
    );
}

#[test]
fn kagome_links_of_a_24_link_torus_have_the_known_matchings() {
    // Matchings by number of dimers, counted independently; 32 = 2^(4 + 1) perfect covers.
    let near = torus(LatticeKind::KagomeLink, 2).adjacency();
    let mut counts = [0_u64; 25];
    fn place(site: usize, taken: u32, near: &[Vec<u32>], counts: &mut [u64]) {
        if site == near.len() {
            counts[taken.count_ones() as usize] += 1;
            return;
        }
        place(site + 1, taken, near, counts);
        if near[site].iter().all(|&n| taken >> n & 1 == 0) {
            place(site + 1, taken | 1 << site, near, counts);
        }
    }
    place(0, 0, &near, &mut counts);
    assert_eq!(counts[..8], [1, 24, 204, 744, 1116, 528, 32, 0]);
}

#[test]
fn a_periodic_direction_of_length_two_joins_vertices_once_and_one_of_length_one_never() {
    assert_eq!(Lattice::chain(2, Periodic).unwrap().edges(), [(0, 1)]);
    assert!(Lattice::chain(1, Periodic).unwrap().edges().is_empty());
    assert_eq!(Lattice::square([2, 2], Periodic).unwrap().edges().len(), 4);
    assert_eq!(
        Lattice::square([2, 4], Periodic).unwrap().edges().len(),
        4 + 8
    );
    assert_eq!(Lattice::square([4, 1], Periodic).unwrap().edges().len(), 4);
    assert_eq!(torus(LatticeKind::Triangular, 2).edges().len(), 6);
    assert_eq!(
        Lattice::cubic([2, 2, 2], Periodic).unwrap().edges().len(),
        12
    );
}

#[test]
fn boundaries_mix() {
    let cylinder = lattice(LatticeKind::Square, &[4, 3], &[Periodic, Open]);
    assert_eq!(cylinder.edges().len(), 4 * 3 + 4 * 2);
    assert!(cylinder.edges().contains(&(0, 3)), "the ring closes");
    assert!(
        !cylinder.edges().contains(&(0, 8)),
        "the open direction does not"
    );
    let ladder = lattice(LatticeKind::Ladder, &[5, 2], &[Periodic]);
    assert_eq!(ladder.edges().len(), 15);
}

#[test]
fn numbering_runs_over_basis_then_x_then_y() {
    let lattice = lattice(LatticeKind::Kagome, &[3, 2], &[Open]);
    let site = 2 + 3 * (1 + 3);
    assert_eq!(lattice.cell_of(site), [1, 1, 0]);
    let [x, y, _] = lattice.position(site);
    // a1 + a2 + a2/2
    assert!(
        (x - 3.5).abs() < 1e-12 && (y - 1.5 * 3_f64.sqrt()).abs() < 1e-12,
        "{x} {y}"
    );
    assert_eq!(lattice.parity_of_cell(site), 0);
}

#[test]
fn next_nearest_pairs_are_the_second_shell_each_once() {
    let count = |l: &Lattice| l.next_nearest().unwrap().len();
    assert_eq!(count(&Lattice::chain(6, Periodic).unwrap()), 6);
    assert_eq!(count(&Lattice::chain(4, Periodic).unwrap()), 2);
    assert_eq!(count(&Lattice::chain(6, Open).unwrap()), 4);
    assert_eq!(count(&Lattice::square([4, 4], Periodic).unwrap()), 32);
    assert_eq!(count(&Lattice::square([4, 4], Open).unwrap()), 18);
    assert_eq!(count(&Lattice::square([2, 2], Periodic).unwrap()), 2);
    assert_eq!(count(&torus(LatticeKind::Triangular, 4)), 3 * 16);
    assert_eq!(count(&torus(LatticeKind::Honeycomb, 4)), 6 * 16);
    assert_eq!(count(&torus(LatticeKind::Kagome, 3)), 2 * 27);
    assert_eq!(count(&torus(LatticeKind::Cubic, 3)), 6 * 27);
    assert_eq!(count(&lattice(LatticeKind::Ladder, &[5, 1], &[Open])), 3);
    assert_eq!(count(&lattice(LatticeKind::Ladder, &[5, 2], &[Open])), 8);
}

#[test]
fn a_torus_where_a_pair_is_nearest_and_next_nearest_is_refused() {
    let refused = |l: Lattice| matches!(l.next_nearest(), Err(LatticeError::NextNearest { .. }));
    assert!(refused(Lattice::chain(3, Periodic).unwrap()));
    assert!(refused(torus(LatticeKind::Triangular, 2)));
    assert!(refused(torus(LatticeKind::KagomeLink, 3)));
    assert!(!refused(Lattice::square([3, 3], Periodic).unwrap()));
}

#[test]
fn distances_are_those_of_the_closest_of_many_images() {
    for (kind, extent) in [
        (LatticeKind::Chain, vec![7]),
        (LatticeKind::Square, vec![3, 5]),
        (LatticeKind::Triangular, vec![9, 2]),
        (LatticeKind::Triangular, vec![2, 9]),
        (LatticeKind::Honeycomb, vec![4, 3]),
        (LatticeKind::KagomeLink, vec![2, 3]),
        (LatticeKind::Cubic, vec![3, 2, 4]),
    ] {
        let lattice = lattice(kind, &extent, &[Periodic]);
        let periods: Vec<_> = (0..3)
            .map(|i| cell::scaled(lattice.cell.vectors[i], lattice.extent[i] as f64))
            .collect();
        for j in 0..lattice.n_sites() {
            let v = cell::difference(lattice.position(j), lattice.position(0));
            let mut best = f64::INFINITY;
            for code in 0..11_i32.pow(3) {
                let n = [code % 11 - 5, code / 11 % 11 - 5, code / 121 - 5];
                let mut w = v;
                for i in 0..kind.dimension() {
                    w = cell::sum(w, cell::scaled(periods[i], f64::from(n[i])));
                }
                best = best.min(cell::dot(w, w).sqrt());
            }
            assert!(
                (lattice.distance(0, j) - best).abs() < 1e-9,
                "{} {extent:?} {j}",
                kind.name()
            );
        }
    }
}

#[test]
fn orders_are_permutations_and_snakes_step_to_neighbours() {
    for kind in LatticeKind::ALL {
        let lattice = lattice(kind, &vec![3; kind.dimension()], &[Open]);
        let mut order = lattice.snake_order();
        if lattice.sites_per_cell() == 1 && kind != LatticeKind::Triangular {
            for w in order.windows(2) {
                assert!(lattice.edges().contains(&(w[0].min(w[1]), w[0].max(w[1]))));
            }
        }
        order.sort_unstable();
        assert!(
            order.into_iter().eq(0..lattice.n_sites() as u32),
            "{}",
            kind.name()
        );
    }
    let square = Lattice::square([3, 2], Open).unwrap();
    assert_eq!(square.snake_order(), [0, 1, 2, 5, 4, 3]);
}

#[test]
fn bipartite_lattices_are_recognised() {
    let bipartite = |l: &Lattice| match l.sublattice() {
        None => false,
        Some(c) => {
            assert!(
                l.edges()
                    .iter()
                    .all(|&(a, b)| c[a as usize] != c[b as usize])
            );
            true
        }
    };
    assert!(bipartite(&Lattice::square([4, 4], Periodic).unwrap()));
    assert!(!bipartite(&Lattice::square([3, 4], Periodic).unwrap()));
    assert!(bipartite(&Lattice::square([3, 3], Open).unwrap()));
    assert!(bipartite(&torus(LatticeKind::Honeycomb, 3)));
    assert!(!bipartite(&torus(LatticeKind::Triangular, 4)));
    assert!(!bipartite(&Lattice::chain(5, Periodic).unwrap()));
}

fn is_group_of_automorphisms(lattice: &Lattice, group: &[Vec<u32>]) {
    let edges: BTreeSet<_> = lattice.edges().iter().copied().collect();
    let set: BTreeSet<_> = group.iter().cloned().collect();
    assert_eq!(set.len(), group.len(), "no element twice");
    assert!(
        group[0].iter().copied().eq(0..lattice.n_sites() as u32),
        "identity first"
    );
    for p in group {
        let image: BTreeSet<_> = edges
            .iter()
            .map(|&(a, b)| (p[a as usize], p[b as usize]))
            .map(|(a, b)| (a.min(b), a.max(b)))
            .collect();
        assert_eq!(image, edges);
        for q in group {
            let product: Vec<u32> = q.iter().map(|&s| p[s as usize]).collect();
            assert!(set.contains(&product), "{:?} is not closed", lattice.kind());
        }
    }
}

#[test]
fn translations_and_point_groups_are_groups_that_keep_the_edges() {
    type Case = (
        LatticeKind,
        &'static [usize],
        &'static [Boundary],
        usize,
        usize,
    );
    let cases: &[Case] = &[
        (LatticeKind::Chain, &[6], &[Open], 1, 2),
        (LatticeKind::Chain, &[6], &[Periodic], 6, 2),
        (LatticeKind::Square, &[4, 4], &[Periodic], 16, 8),
        (LatticeKind::Square, &[3, 3], &[Open], 1, 8),
        (LatticeKind::Square, &[3, 4], &[Open], 1, 4),
        (LatticeKind::Square, &[4, 4], &[Periodic, Open], 4, 4),
        (LatticeKind::Ladder, &[5, 2], &[Periodic, Open], 5, 4),
        (LatticeKind::Triangular, &[4, 4], &[Periodic], 16, 12),
        (LatticeKind::Triangular, &[3, 3], &[Open], 1, 4),
        (LatticeKind::Triangular, &[4, 3], &[Periodic, Open], 4, 4),
        (LatticeKind::Triangular, &[4, 2], &[Periodic, Open], 4, 2),
        (LatticeKind::Honeycomb, &[3, 3], &[Periodic], 9, 12),
        (LatticeKind::Kagome, &[3, 3], &[Periodic], 9, 12),
        (LatticeKind::Kagome, &[2, 2], &[Open], 1, 2),
        (LatticeKind::KagomeLink, &[2, 2], &[Periodic], 4, 12),
        (LatticeKind::Cubic, &[3, 3, 3], &[Periodic], 27, 48),
        (LatticeKind::Cubic, &[2, 3, 2], &[Open], 1, 16),
    ];
    for &(kind, extent, boundary, n_translations, n_rotations) in cases {
        let lattice = lattice(kind, extent, boundary);
        let (shifts, turns) = (lattice.translations(), lattice.point_group());
        is_group_of_automorphisms(&lattice, &shifts);
        is_group_of_automorphisms(&lattice, &turns);
        assert_eq!(
            (shifts.len(), turns.len()),
            (n_translations, n_rotations),
            "{} {extent:?} {boundary:?}",
            kind.name()
        );
    }
}

#[test]
fn links_have_the_known_stars_plaquettes_and_cubes() {
    use LatticeKind::{Honeycomb, Kagome, Triangular};
    for (lattice, links, plaquettes, cubes) in [
        (Lattice::square([3, 3], Periodic).unwrap(), 18, 9, 0),
        (Lattice::square([2, 2], Periodic).unwrap(), 8, 4, 0),
        (Lattice::square([3, 4], Open).unwrap(), 2 * 4 + 3 * 3, 6, 0),
        (Lattice::cubic([3, 3, 3], Periodic).unwrap(), 81, 81, 27),
        (Lattice::cubic([2, 2, 2], Periodic).unwrap(), 24, 24, 8),
        (Lattice::cubic([2, 2, 2], Open).unwrap(), 12, 6, 1),
        (
            lattice(LatticeKind::Square, &[3, 3], &[Periodic, Open]),
            15,
            6,
            0,
        ),
        // Euler: faces = links - vertices on a torus, + 1 on the open rhombus of 2 x 3 triangular vertices.
        (torus(Triangular, 3), 27, 18, 0),
        (torus(Honeycomb, 3), 27, 9, 0),
        (torus(Kagome, 2), 24, 12, 0),
        (torus(Honeycomb, 2), 12, 4, 0),
        (lattice(Triangular, &[2, 3], &[Open]), 9, 4, 0),
        (lattice(Honeycomb, &[2, 2], &[Open]), 8, 1, 0),
        (lattice(Kagome, &[2, 2], &[Open]), 17, 6, 0),
        (Lattice::chain(2, Periodic).unwrap(), 2, 0, 0),
        (Lattice::chain(1, Periodic).unwrap(), 0, 0, 0),
    ] {
        let l = Links::new(&lattice).unwrap();
        assert_eq!(l.n_links(), links);
        assert_eq!((l.plaquettes().len(), l.cubes().len()), (plaquettes, cubes));
        assert_eq!(l.stars().iter().map(Vec::len).sum::<usize>(), 2 * links);
        let mut order = l.snake_order();
        order.sort_unstable();
        assert!(order.into_iter().eq(0..links as u32));
        let distinct = |set: &[u32]| set.iter().collect::<BTreeSet<_>>().len() == set.len();
        assert!(l.stars().iter().all(|s| distinct(s)));
        assert!(l.cubes().iter().all(|c| distinct(c)));
        let stars: Vec<BTreeSet<u32>> = l
            .stars()
            .into_iter()
            .map(|s| s.into_iter().collect())
            .collect();
        for p in l.plaquettes() {
            assert!(distinct(&p));
            // Link after link share a vertex, and so do the last and the first.
            let meet = |a: u32, b: u32| stars.iter().any(|s| s.contains(&a) && s.contains(&b));
            assert!((0..p.len()).all(|i| meet(p[i], p[(i + 1) % p.len()])));
            // A closed loop meets every star in an even number of links.
            assert!(
                stars
                    .iter()
                    .all(|s| p.iter().filter(|&k| s.contains(k)).count() % 2 == 0)
            );
        }
    }
}

#[test]
fn links_are_numbered_by_vertex_and_direction() {
    let links = Links::new(&Lattice::square([3, 2], Periodic).unwrap()).unwrap();
    assert_eq!((links.edge(2 * 4 + 1), links.bond(9)), ((4, 1), 1));
    assert_eq!(links.plaquettes()[0], [0, 3, 6, 1]);
    assert_eq!(links.stars()[0], [0, 1, 4, 7]);
    assert_eq!(links.position(9).map(|x| (2.0 * x) as i32), [2, 3, 0]);
}

#[test]
fn cuts_of_tori_meet_every_plaquette_evenly_and_the_closed_lines_once() {
    use LatticeKind::{Honeycomb, Kagome, Square, Triangular};
    for kind in [Square, Triangular, Honeycomb, Kagome] {
        for l in [2, 3] {
            let links = Links::new(&torus(kind, l)).unwrap();
            for (direction, coordinate) in [(0, 0), (0, l - 1), (1, 0), (1, l - 1)] {
                let cut = links.cut(direction, coordinate);
                let crossings = |path: &[u32]| path.iter().filter(|k| cut.contains(k)).count();
                for p in links.plaquettes() {
                    assert_eq!(crossings(&p) % 2, 0, "{kind:?} {l}: {p:?} and {cut:?}");
                }
                assert!(!cut.is_empty(), "{kind:?} {l}");
                if links.lattice().sites_per_cell() == 1 {
                    for line in 0..2 {
                        let met = crossings(&links.line(0, line));
                        assert_eq!(met, usize::from(line == direction), "{kind:?} {l}");
                    }
                }
            }
        }
    }
}

#[test]
fn lines_cuts_and_plane_stars_hold_the_links_they_cross() {
    let links = Links::new(&Lattice::square([4, 3], Periodic).unwrap()).unwrap();
    assert_eq!(links.line(5, 0), [10, 12, 14, 8]);
    assert_eq!(links.line(5, 1), [11, 19, 3]);
    assert_eq!(links.cut(0, 2), [4, 12, 20]);
    assert_eq!(links.cut(1, 0), [1, 3, 5, 7]);
    assert_eq!(links.plane_stars(), links.stars());
    let open = Links::new(&Lattice::square([2, 3], Open).unwrap()).unwrap();
    // The last column has no links that leave it.
    assert_eq!((open.cut(0, 1), open.cut(1, 0)), (vec![], vec![1, 2]));
    assert_eq!((open.line(2, 1), open.line(1, 0)), (vec![4], vec![]));
    let cube = Links::new(&Lattice::cubic([2; 3], Open).unwrap()).unwrap();
    let corner = [vec![0, 1], vec![0, 2], vec![1, 2]];
    assert_eq!(cube.plane_stars()[..3], corner);
    assert_eq!(cube.plane_stars().len(), 24);
}

#[test]
fn impossible_extents_are_errors_and_not_overflows() {
    use LatticeKind::{Chain, Cubic, Square};
    let error = |kind, extent: &[usize], boundary: &[Boundary]| {
        Lattice::new(kind, extent, boundary).unwrap_err()
    };
    assert!(matches!(
        error(Chain, &[0], &[Open]),
        LatticeError::Empty { .. }
    ));
    assert!(matches!(
        error(Square, &[4], &[Open]),
        LatticeError::Directions { .. }
    ));
    assert!(matches!(
        error(Square, &[4, 4], &[Open; 3]),
        LatticeError::Directions { .. }
    ));
    let huge = usize::MAX;
    assert!(matches!(
        error(Chain, &[huge], &[Open]),
        LatticeError::TooLarge { .. }
    ));
    assert!(matches!(
        error(Cubic, &[1 << 22; 3], &[Open]),
        LatticeError::TooLarge { .. }
    ));
    assert!(matches!(
        Links::new(&torus(LatticeKind::KagomeLink, 2)),
        Err(LatticeError::NoLinks {
            kind: "kagome_link"
        })
    ));
    assert_eq!(
        Lattice::square([100, 100], Periodic).unwrap().edges().len(),
        20_000
    );
}
