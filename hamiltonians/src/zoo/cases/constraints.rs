//! Constraints with their predicates.

use super::ConstraintCase;
use crate::{
    Blockade, Boundary, Constraint, Free, FusionPath, Lattice, LinkChain, Links, ModelError,
    Modular, Number, Parity, Sector, Space, SquareFlux, product,
};
use std::sync::Arc;

/// Every constraint at least once, at most 12 sites.
///
/// # Errors
/// None: the cases are valid. The error type is that of the constructors.
pub fn constraints() -> Result<Vec<ConstraintCase>, ModelError> {
    let mut cases = basic()?;
    cases.extend(gauge()?);
    cases.extend(super::chains::chains()?);
    cases.extend(oriented()?);
    cases.extend(anyons()?);
    cases.extend(joined()?);
    Ok(cases)
}

fn basic() -> Result<Vec<ConstraintCase>, ModelError> {
    let order = |n: u32| (0..n).collect::<Vec<_>>();
    // A permutation that is neither the identity nor an involution.
    let mixed = |n: u32| (0..n).map(|i| (5 * i + 2) % n).collect::<Vec<_>>();
    let case = |name, sector, legal| ConstraintCase {
        name,
        sector,
        legal,
    };
    let sum = |x: &[u8]| x.iter().map(|&v| usize::from(v)).sum::<usize>();
    let grid = Lattice::square([4, 3], Boundary::Open)?;
    let edges = grid.edges().to_vec();
    let independent = |x: &[u8], edges: &[(u32, u32)]| {
        edges
            .iter()
            .all(|&(a, b)| x[a as usize] * x[b as usize] == 0)
    };
    let checks = vec![
        (vec![0, 3, 5, 7], true),
        (vec![1, 3, 4, 11], false),
        (vec![0, 1, 2, 3, 9], true),
        (vec![2, 4, 5, 7, 9, 11], false),
        (vec![6, 8, 10], true),
        (vec![8, 10, 0], false),
    ];
    let even = |x: &[u8], checks: &[(Vec<u32>, bool)]| {
        checks
            .iter()
            .all(|(set, odd)| set.iter().map(|&s| x[s as usize]).sum::<u8>() % 2 == u8::from(*odd))
    };
    let blockade = |order| Blockade::new(Space::qubits(12), order, grid.edges());
    let parity = |order| Parity::new(order, &checks);
    let number = |n, order| Number::with_order(Space::qubits(12), n, order);
    let joint = |parts: Vec<Sector>| product(parts);
    let (e1, e2, e3) = (edges.clone(), edges.clone(), edges.clone());
    let (c1, c2, c3) = (checks.clone(), checks.clone(), checks.clone());
    let trits = Space::new(6, 3);
    let ring: Vec<_> = (0..6).map(|i| (i, (i + 1) % 6)).collect();
    let ring_too = ring.clone();
    Ok(vec![
        case(
            "free",
            Arc::new(Free::new(Space::new(5, 3))),
            Box::new(|_| true),
        ),
        case(
            "number",
            Arc::new(number(5, mixed(12))?),
            Box::new(move |x| sum(x) == 5),
        ),
        case(
            "number of three values",
            Arc::new(Number::new(trits, 7)?),
            Box::new(move |x| sum(x) == 7),
        ),
        case(
            "total Sz = 3/2",
            Arc::new(Number::total_sz(9, 3, order(9))?),
            Box::new(move |x| sum(x) == 3),
        ),
        case(
            "parity",
            Arc::new(parity(order(12))?),
            Box::new(move |x| even(x, &c1)),
        ),
        case(
            "parity in another order",
            Arc::new(parity(mixed(12))?),
            Box::new(move |x| even(x, &c2)),
        ),
        case(
            "blockade",
            Arc::new(blockade(grid.snake_order())),
            Box::new(move |x| independent(x, &e1)),
        ),
        case(
            "blockade of three values on a ring",
            Arc::new(Blockade::new(trits, mixed(6), &ring)),
            Box::new(move |x| independent(x, &ring)),
        ),
        case(
            "number and blockade",
            joint(vec![
                Arc::new(number(4, mixed(12))?),
                Arc::new(blockade(mixed(12))),
            ])?,
            Box::new(move |x| sum(x) == 4 && independent(x, &e2)),
        ),
        case(
            "number, blockade and parity",
            joint(vec![
                Arc::new(parity(order(12))?),
                Arc::new(number(4, order(12))?),
                Arc::new(blockade(order(12))),
            ])?,
            Box::new(move |x| sum(x) == 4 && independent(x, &e3) && even(x, &c3)),
        ),
        case(
            "two parities",
            joint(vec![
                Arc::new(Parity::new(order(8), &[(vec![0, 2, 4, 6], true)])?),
                Arc::new(Parity::new(
                    order(8),
                    &[(order(8), false), (vec![4, 5], true)],
                )?),
            ])?,
            Box::new(move |x| (x[0] ^ x[2] ^ x[4] ^ x[6]) == 1 && sum(x) % 2 == 0 && x[4] != x[5]),
        ),
        case(
            "number and blockade of three values",
            joint(vec![
                Arc::new(Number::with_order(trits, 5, mixed(6))?),
                Arc::new(Blockade::new(trits, mixed(6), &ring_too)),
            ])?,
            Box::new(move |x| sum(x) == 5 && independent(x, &ring_too)),
        ),
    ])
}

/// The links of a gauge theory, with the Gauss law written out vertex by vertex.
fn gauge() -> Result<Vec<ConstraintCase>, ModelError> {
    let case = |name, sector, legal| ConstraintCase {
        name,
        sector,
        legal,
    };
    let torus = Links::new(&Lattice::square([2, 2], Boundary::Periodic)?)?;
    let open = Links::new(&Lattice::square([3, 2], Boundary::Open)?)?;
    let cylinder = [Boundary::Periodic, Boundary::Open];
    let cylinder = Links::new(&Lattice::new(
        crate::LatticeKind::Square,
        &[3, 2],
        &cylinder,
    )?)?;
    // Charge at each vertex, from the ends of all links.
    let charges = |links: &Links, x: &[u8]| {
        let mut sums = vec![0; links.lattice().n_sites()];
        for (link, &v) in x.iter().enumerate() {
            let (a, b) = links.edge(link);
            sums[a as usize] ^= v;
            sums[b as usize] ^= v;
        }
        sums
    };
    let static_pair = Parity::gauss_law(&open, &[1, 5])?;
    let winding = product(vec![
        Arc::new(Parity::gauss_law(&cylinder, &[])?),
        // The links along x that cross one line through the cylinder: flux 1 around it.
        Arc::new(Parity::new(
            cylinder.snake_order(),
            &[(vec![0, cylinder.link(3, 0).expect("x closes")], true)],
        )?),
    ])?;
    // 2E of spin S, and the matter that the Gauss law leaves; all vertices in one pass.
    let matter = |fields: Vec<i64>, charges: &'static [i64]| {
        (fields.windows(2).zip(charges).enumerate()).all(|(n, (e, q))| {
            let twice = e[1] - e[0] - 2 * q + 2 * (n as i64 % 2);
            twice == 0 || twice == 2
        })
    };
    let closed = move |x: &[u8], spin: i64| -> Vec<i64> {
        let last = x.last().copied().into_iter();
        last.chain(x.iter().copied())
            .map(|v| spin - 2 * i64::from(v))
            .collect()
    };
    let ended = move |x: &[u8], spin: i64, ends: [i64; 2]| -> Vec<i64> {
        let inner = x.iter().map(|&v| spin - 2 * i64::from(v));
        [ends[0]]
            .into_iter()
            .chain(inner)
            .chain([ends[1]])
            .collect()
    };
    Ok(vec![
        case(
            "Z2 Gauss law on a torus",
            Arc::new(Parity::gauss_law(&torus, &[])?),
            Box::new(move |x| charges(&torus, x) == [0; 4]),
        ),
        case(
            "Z2 Gauss law with two static charges",
            Arc::new(static_pair),
            Box::new(move |x| charges(&open, x) == [0, 1, 0, 0, 0, 1]),
        ),
        case(
            "Z2 Gauss law with flux around a cylinder",
            winding,
            Box::new(move |x| charges(&cylinder, x) == [0; 6] && x[0] ^ x[CROSSING] == 1),
        ),
        case(
            "U(1) Gauss law on a ring",
            Arc::new(LinkChain::ring(1, &[0; 8])?),
            Box::new(move |x| matter(closed(x, 1), &[0; 8])),
        ),
        case(
            "U(1) Gauss law on an open chain",
            Arc::new(LinkChain::open(1, &[0; 8], [1, 1])?),
            Box::new(move |x| matter(ended(x, 1, [1, 1]), &[0; 8])),
        ),
        case(
            "U(1) Gauss law of spin 1 with static charges",
            Arc::new(LinkChain::ring(2, &[0, 1, 0, 0, -1, 0])?),
            Box::new(move |x| matter(closed(x, 2), &[0, 1, 0, 0, -1, 0])),
        ),
        case(
            "U(1) Gauss law of spin 1 between two fields",
            Arc::new(LinkChain::open(2, &[0, 0, 0, 1, 0, 0], [0, 2])?),
            Box::new(move |x| matter(ended(x, 2, [0, 2]), &[0, 0, 0, 1, 0, 0])),
        ),
    ])
}

/// Link along x from vertex 3 of the cylinder of 3 by 2, where rows have 3 links along x and the
/// first row 3 along y.
const CROSSING: usize = 6;

/// Gauge theories whose links have a direction, with the divergence written out.
fn oriented() -> Result<Vec<ConstraintCase>, ModelError> {
    let case = |name, sector, legal| ConstraintCase {
        name,
        sector,
        legal,
    };
    let torus = Links::new(&Lattice::square([2, 2], Boundary::Periodic)?)?;
    let open = Links::new(&Lattice::square([2, 2], Boundary::Open)?)?;
    // What leaves each vertex minus what enters it, from fields by value.
    let divergence = |links: &Links, x: &[u8], field: fn(u8) -> i64| {
        let mut sums = vec![0; links.lattice().n_sites()];
        for (link, &v) in x.iter().enumerate() {
            let (from, to) = links.edge(link);
            sums[from as usize] += field(v);
            sums[to as usize] -= field(v);
        }
        sums
    };
    let modulo = move |links: &Links, x: &[u8], n: i64, charges: &[i64]| {
        let sums = divergence(links, x, i64::from);
        sums.iter().zip(charges).all(|(s, q)| (s - q) % n == 0)
    };
    let halves = move |links: &Links, x: &[u8]| divergence(links, x, |v| 1 - 2 * i64::from(v));
    let z3 = Modular::gauss_law(&torus, 3, &[])?;
    let z5 = Modular::gauss_law(&open, 5, &[(1, 2), (3, 3)])?;
    let z3_flux = Modular::with_flux(&torus, 3, &[(0, 1), (3, 2)], &[(torus.cut(0, 0), 2)])?;
    let checks = [
        (vec![(0, 2), (3, 1), (4, 4)], 3),
        (vec![(1, 1), (3, -1), (4, 2)], 0),
    ];
    let mixed = Modular::new(vec![2, 0, 3, 1, 4], 5, &checks)?;
    let z4 = Modular::gauss_law(&open, 4, &[(0, 3), (2, 1)])?;
    let open_too = open.clone();
    // Last coefficients 2 and 3 have no inverse modulo 6, and 3 times the first check is empty.
    let composite = [
        (vec![(0, 2), (1, 4), (3, 2)], 4),
        (vec![(1, 1), (2, 2), (3, 3)], 5),
        (vec![(0, 3), (2, 3)], 3),
    ];
    let sixes = Modular::new(vec![1, 0, 3, 2], 6, &composite)?;
    let ice = SquareFlux::new(&torus, &[], &[])?;
    let charged = SquareFlux::new(&torus, &[(0, 1), (3, -1)], &[])?;
    let wound = SquareFlux::new(&torus, &[], &[(torus.cut(1, 0), -2)])?;
    let roll = [Boundary::Periodic, Boundary::Open];
    let roll = Links::new(&Lattice::new(crate::LatticeKind::Square, &[2, 2], &roll)?)?;
    let spin1 = SquareFlux::with_spin(&roll, 2, &[(0, 2), (2, -1), (3, -1)], &[])?;
    let ones = move |links: &Links, x: &[u8]| divergence(links, x, |v| 1 - i64::from(v));
    let (t1, t2, t3, t4) = (torus.clone(), torus.clone(), torus.clone(), torus.clone());
    Ok(vec![
        case(
            "Z3 Gauss law on a torus",
            Arc::new(z3) as Sector,
            Box::new(move |x| modulo(&t1, x, 3, &[0; 4])),
        ),
        case(
            "Z5 Gauss law with two static charges",
            Arc::new(z5),
            Box::new(move |x| modulo(&open, x, 5, &[0, 2, 0, 3])),
        ),
        case(
            "Z3 Gauss law with charges and flux",
            Arc::new(z3_flux),
            // Links along x from vertices 0 and 2.
            Box::new(move |x| modulo(&t2, x, 3, &[1, 0, 0, 2]) && (x[0] + x[4]) % 3 == 2),
        ),
        case(
            "checks modulo 5 in another order",
            Arc::new(mixed),
            Box::new(move |x| {
                let v: Vec<i64> = x.iter().map(|&v| i64::from(v)).collect();
                (2 * v[0] + v[3] + 4 * v[4]) % 5 == 3 && (v[1] - v[3] + 2 * v[4]) % 5 == 0
            }),
        ),
        case(
            "Z4 Gauss law with two static charges",
            Arc::new(z4),
            Box::new(move |x| modulo(&open_too, x, 4, &[3, 0, 1, 0])),
        ),
        case(
            "checks modulo 6 without inverses",
            Arc::new(sixes),
            Box::new(move |x| {
                let v: Vec<i64> = x.iter().map(|&v| i64::from(v)).collect();
                (2 * v[0] + 4 * v[1] + 2 * v[3]) % 6 == 4
                    && (v[1] + 2 * v[2] + 3 * v[3]) % 6 == 5
                    && (3 * v[0] + 3 * v[2]) % 6 == 3
            }),
        ),
        case(
            "square ice on a torus",
            Arc::new(ice),
            Box::new(move |x| halves(&t3, x) == [0; 4]),
        ),
        case(
            "square ice with two static charges",
            Arc::new(charged),
            Box::new(move |x| halves(&t4, x) == [2, 0, 0, -2]),
        ),
        case(
            "fields of spin 1 on a cylinder with static charges",
            Arc::new(spin1),
            Box::new(move |x| ones(&roll, x) == [2, 0, -1, -1]),
        ),
        case(
            "square ice with a winding",
            Arc::new(wound),
            // Links along y from vertices 0 and 1.
            Box::new(move |x| halves(&torus, x) == [0; 4] && x[1] + x[3] == 2),
        ),
    ])
}

/// Paths of labels, with the fusion rules written out as sums of spins.
fn anyons() -> Result<Vec<ConstraintCase>, ModelError> {
    let case = |name, path: FusionPath, legal| ConstraintCase {
        name,
        sector: Arc::new(path) as Sector,
        legal,
    };
    // No two 1 side by side.
    let golden = |x: &[u8]| x.windows(2).all(|w| w[0] + w[1] > 0);
    // 2j of even k.
    let spins = |x: &[u8]| -> Vec<i64> {
        let twice = |(p, &v): (usize, &u8)| 2 * i64::from(v) + (p % 2) as i64;
        x.iter().enumerate().map(twice).collect()
    };
    let climbs = |j: &[i64], k: i64| {
        j.iter().all(|&j| j <= k) && j.windows(2).all(|w| (w[0] - w[1]).abs() == 1)
    };
    Ok(vec![
        case(
            "golden ring of odd length",
            FusionPath::ring(3, 9)?,
            Box::new(move |x| golden(x) && x[0] + x[8] > 0),
        ),
        case(
            "open golden chain of charge tau",
            FusionPath::open(3, 8, 2)?,
            Box::new(move |x| golden(x) && x[0] == 0 && x[8] == 1),
        ),
        case(
            "ring at level 4",
            FusionPath::ring(4, 6)?,
            Box::new(move |x| climbs(&spins(x), 4) && (spins(x)[5] - spins(x)[0]).abs() == 1),
        ),
        case(
            "odd ring at level 5",
            FusionPath::ring(5, 5)?,
            // The partner of a label at distance 1/2: j + j' = (k +- 1)/2.
            Box::new(|x| (0..5).all(|p| matches!(x[p] + x[(p + 1) % 5], 2 | 3))),
        ),
        case(
            "total spin 1 of six spins",
            FusionPath::open(1000, 6, 2)?,
            Box::new(move |x| climbs(&spins(x), 1000) && x[0] == 0 && spins(x)[6] == 2),
        ),
        case(
            "open chain at level 2",
            FusionPath::open(2, 8, 0)?,
            Box::new(move |x| climbs(&spins(x), 2) && x[0] == 0 && x[8] == 0),
        ),
    ])
}

/// Gauge laws and fusion rules together with other constraints.
fn joined() -> Result<Vec<ConstraintCase>, ModelError> {
    let case = |name, parts: Vec<Sector>, legal| -> Result<ConstraintCase, ModelError> {
        Ok(ConstraintCase {
            name,
            sector: product(parts)?,
            legal,
        })
    };
    let sum = |x: &[u8]| x.iter().map(|&v| usize::from(v)).sum::<usize>();
    let order = |n: u32| (0..n).collect::<Vec<_>>();
    let golden = |x: &[u8]| (0..x.len()).all(|p| x[p] + x[(p + 1) % x.len()] > 0);
    // Matter 0 or 1 at each vertex of a ring of spin-1/2 links.
    let matter = |x: &[u8]| {
        (0..x.len()).all(|n| {
            let [before, after] = [x[(n + x.len() - 1) % x.len()], x[n]].map(i64::from);
            (0..2).contains(&(before - after + (n % 2) as i64))
        })
    };
    let torus = Links::new(&Lattice::square([2, 2], Boundary::Periodic)?)?;
    let twice_divergence = |links: &Links, x: &[u8]| {
        let mut sums = vec![0; links.lattice().n_sites()];
        for (link, &v) in x.iter().enumerate() {
            let (from, to) = links.edge(link);
            sums[from as usize] += 1 - 2 * i64::from(v);
            sums[to as usize] -= 1 - 2 * i64::from(v);
        }
        sums
    };
    let ice = SquareFlux::new(&torus, &[], &[])?;
    let read = ice.order().to_vec();
    let (z3, t3) = (
        Modular::gauss_law(&torus, 3, &[(0, 1), (1, 2)])?,
        torus.clone(),
    );
    let z3_order = z3.order().to_vec();
    Ok(vec![
        case(
            "golden ring with three trivial labels",
            vec![
                Arc::new(FusionPath::ring(3, 9)?),
                Arc::new(Number::with_order(Space::qubits(9), 6, order(9))?),
            ],
            Box::new(move |x| golden(x) && sum(x) == 6),
        )?,
        case(
            "golden ring and a parity",
            vec![
                Arc::new(Parity::new(order(8), &[(vec![0, 3, 5], true)])?),
                Arc::new(FusionPath::ring(3, 8)?),
            ],
            Box::new(move |x| golden(x) && x[0] ^ x[3] ^ x[5] == 1),
        )?,
        case(
            "quantum link ring of fixed flux",
            vec![
                Arc::new(LinkChain::ring(1, &[0; 8])?),
                Arc::new(Number::with_order(Space::qubits(8), 3, order(8))?),
            ],
            Box::new(move |x| matter(x) && sum(x) == 3),
        )?,
        case(
            "square ice and a parity",
            vec![
                Arc::new(ice),
                Arc::new(Parity::new(read, &[(vec![0, 1, 6], true)])?),
            ],
            Box::new(move |x| twice_divergence(&torus, x) == [0; 4] && x[0] ^ x[1] ^ x[6] == 1),
        )?,
        case(
            "Z3 Gauss law with charges and a sum of fields",
            vec![
                Arc::new(z3),
                Arc::new(Number::with_order(Space::new(8, 3), 7, z3_order)?),
            ],
            Box::new(move |x| {
                let mut sums = [0_i64; 4];
                for (link, &v) in x.iter().enumerate() {
                    let (from, to) = t3.edge(link);
                    sums[from as usize] += i64::from(v);
                    sums[to as usize] -= i64::from(v);
                }
                let charges = [1, 2, 0, 0];
                sum(x) == 7 && sums.iter().zip(charges).all(|(s, q)| (s - q) % 3 == 0)
            }),
        )?,
    ])
}
