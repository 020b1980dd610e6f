//! Gauge theories, codes and anyon chains with their formulas; links and labels are numbered by hand.

use super::operators::{on, on_sites};
use super::{OperatorCase, SiteProduct};
use crate::{
    AnyModel, Boundary, GoldenChain, Lattice, LatticeKind, ModelError, QuantumLink, ToricCode,
    XCube, Z2Gauge,
};
use Boundary::{Open, Periodic};

/// Vertices 0 1 / 2 3 with both directions closed; link 2v along x, 2v + 1 along y.
const TORUS_STARS: [[usize; 4]; 4] = [[0, 1, 2, 5], [2, 3, 0, 7], [4, 5, 6, 1], [6, 7, 4, 3]];
const TORUS_PLAQUETTES: [[usize; 4]; 4] = [[0, 3, 4, 1], [2, 1, 6, 3], [4, 7, 0, 5], [6, 5, 2, 7]];
/// Vertices 0 1 2 / 3 4 5 with open ends: links 01 03 12 14 25 34 45.
const OPEN_STARS: [&[usize]; 6] = [&[0, 1], &[0, 2, 3], &[2, 4], &[1, 5], &[3, 5, 6], &[4, 6]];
const OPEN_PLAQUETTES: [[usize; 4]; 2] = [[0, 3, 5, 1], [2, 4, 6, 3]];
/// The rhombus of two triangles, vertices 0 1 / 2 3: links 01 02 13 12 23.
const RHOMBUS_STARS: [&[usize]; 4] = [&[0, 1], &[0, 2, 3], &[1, 3, 4], &[2, 4]];
const RHOMBUS_TRIANGLES: [&[usize]; 2] = [&[0, 1, 3], &[2, 3, 4]];
/// Around the hexagon of four open honeycomb cells; links 0 and 5 dangle.
const HEXAGON: [usize; 6] = [1, 2, 3, 4, 6, 7];

/// One case at least for each model.
pub(super) fn operators() -> Result<Vec<OperatorCase>, ModelError> {
    let mut cases = codes()?;
    cases.extend(quantum_links()?);
    cases.extend(golden_chains()?);
    Ok(cases)
}

fn strings<'a>(letter: &str, sets: impl IntoIterator<Item = &'a [usize]>) -> Vec<SiteProduct> {
    let each = |set: &[usize]| on(-1.0, &letter.repeat(set.len()), set);
    sets.into_iter().map(each).collect()
}

fn codes() -> Result<Vec<OperatorCase>, ModelError> {
    let torus = Lattice::square([2, 2], Periodic)?;
    let layer = Lattice::new(LatticeKind::Cubic, &[2, 2, 1], &[Periodic])?;
    let open = |kind| Lattice::new(kind, &[2, 2], &[Open]);
    Ok(vec![
        OperatorCase {
            name: "toric code with open ends in a field",
            model: AnyModel::Real(
                ToricCode { hx: 0.3, hz: -0.4 }.on(&Lattice::square([3, 2], Open)?)?,
            ),
            products: [
                strings("X", OPEN_STARS),
                strings("Z", OPEN_PLAQUETTES.iter().map(|p| &p[..])),
                on_sites(-0.3, "X", 7),
                on_sites(0.4, "Z", 7),
            ]
            .concat(),
            ground: None,
        },
        OperatorCase {
            name: "toric code on two triangles in a field",
            model: AnyModel::Real(
                ToricCode { hx: -0.2, hz: 0.5 }.on(&open(LatticeKind::Triangular)?)?,
            ),
            products: [
                strings("X", RHOMBUS_STARS),
                strings("Z", RHOMBUS_TRIANGLES),
                on_sites(0.2, "X", 5),
                on_sites(-0.5, "Z", 5),
            ]
            .concat(),
            ground: None,
        },
        OperatorCase {
            name: "Z2 gauge theory on a hexagon",
            model: AnyModel::Real(Z2Gauge::new(0.3).on(&open(LatticeKind::Honeycomb)?)?),
            products: [strings("X", [&HEXAGON[..]]), on_sites(-0.3, "Z", 8)].concat(),
            // Energies -8 g and 4 g of the two legal configurations, and 1 between them.
            ground: Some(-0.6 - 4.24_f64.sqrt()),
        },
        OperatorCase {
            name: "toric code on a torus",
            model: AnyModel::Real(ToricCode::default().on(&torus)?),
            products: [
                strings("X", TORUS_STARS.iter().map(|s| &s[..])),
                strings("Z", TORUS_PLAQUETTES.iter().map(|p| &p[..])),
            ]
            .concat(),
            ground: None,
        },
        OperatorCase {
            name: "Z2 gauge theory on a torus",
            model: AnyModel::Real(Z2Gauge::new(0.3285).on(&torus)?),
            products: [
                strings("X", TORUS_PLAQUETTES.iter().map(|p| &p[..])),
                on_sites(-0.3285, "Z", 8),
            ]
            .concat(),
            ground: Some(-4.490_730_52),
        },
        OperatorCase {
            name: "x-cube on one layer",
            model: AnyModel::Real(XCube.on(&layer)?),
            // No cubes; in the planes xz and yz two links of each vertex are left.
            products: [
                strings("X", TORUS_STARS.iter().map(|s| &s[..])),
                strings("X", [[0, 2], [0, 2], [4, 6], [4, 6]].iter().map(|s| &s[..])),
                strings("X", [[1, 5], [3, 7], [1, 5], [3, 7]].iter().map(|s| &s[..])),
            ]
            .concat(),
            ground: Some(-12.0),
        },
    ])
}

/// Matter at a vertex between two links of spin 1/2, E = Z/2.
fn matter(factor: f64, vertex: usize, before: usize, after: usize) -> Vec<SiteProduct> {
    vec![
        on(0.5 * factor, "Z", &[after]),
        on(-0.5 * factor, "Z", &[before]),
        on(factor * (vertex % 2) as f64, "", &[]),
    ]
}

fn quantum_links() -> Result<Vec<OperatorCase>, ModelError> {
    let (w, m, g) = (0.8, 0.6, 1.5);
    // Around link n the matter at both ends must be able to hop: the far link of an even vertex is
    // down before it and up after it, of an odd vertex up before and down after.
    let ring = |n: usize| {
        let (before, after) = ((n + 5) % 6, (n + 1) % 6);
        let far = if n.is_multiple_of(2) { "Xnn" } else { "X00" };
        on(-w, far, &[n, before, after])
    };
    let mut products: Vec<_> = (0..6).map(ring).collect();
    for n in 0..6 {
        let sign = if n % 2 == 0 { m } else { -m };
        products.extend(matter(sign, n, (n + 5) % 6, n));
    }
    products.push(on(6.0 * g * g / 8.0, "", &[]));
    // Vertices 0 to 5 with links 0 to 4 between fixed fields +1/2: links 0 and 4 cannot move.
    let mut open = vec![
        on(-w, "X00", &[1, 0, 2]),
        on(-w, "Xnn", &[2, 1, 3]),
        on(-w, "X00", &[3, 2, 4]),
    ];
    for n in 1..5 {
        let sign = if n % 2 == 0 { m } else { -m };
        open.extend(matter(sign, n, n - 1, n));
    }
    open.extend([on(0.5 * m, "Z", &[0]), on(-0.5 * m, "", &[])]);
    open.extend([
        on(0.5 * m, "Z", &[4]),
        on(-0.5 * m, "", &[]),
        on(-m, "", &[]),
    ]);
    open.push(on(5.0 * g * g / 8.0, "", &[]));
    let case = |name, boundary, products| {
        let lattice = Lattice::chain(6, boundary)?;
        let model = AnyModel::Real(QuantumLink { w, m, g }.on(&lattice)?);
        Ok::<_, ModelError>(OperatorCase {
            name,
            model,
            products,
            ground: None,
        })
    };
    Ok(vec![
        case("quantum link ring", Periodic, products)?,
        case("open quantum link chain", Open, open)?,
    ])
}

/// $-P$ of the golden chain around label `m`, with its neighbours l and r.
fn pair(c: f64, [l, m, r]: [usize; 3]) -> Vec<SiteProduct> {
    let phi = (1.0 + 5_f64.sqrt()) / 2.0;
    vec![
        on(-c, "0n0", &[l, m, r]),
        on(-c / phi.powi(2), "n0n", &[l, m, r]),
        on(-c / phi, "nnn", &[l, m, r]),
        on(-c * phi.powf(-1.5), "nXn", &[l, m, r]),
    ]
}

/// $-P^{(3)} = -v v^T$ on the labels b, c between a and d: v = 1 for (1, tau, tau, 1), and between
/// two tau $(1, \tau), (\tau, 1), (\tau, \tau) \mapsto \phi^{-1}, \phi^{-1}, -\phi^{-3/2}$.
fn triple(s: f64, [a, b, c, d]: [usize; 4]) -> Vec<SiteProduct> {
    let phi = (1.0 + 5_f64.sqrt()) / 2.0;
    let sites = &[a, b, c, d];
    let slanted = phi.powf(-2.5);
    vec![
        on(-s, "0nn0", sites),
        on(-s / phi.powi(2), "n0nn", sites),
        on(-s / phi.powi(2), "nn0n", sites),
        on(-s / phi.powi(3), "nnnn", sites),
        on(-s / phi.powi(2) / 2.0, "nXXn", sites),
        on(-s / phi.powi(2) / 2.0, "nYYn", sites),
        on(s * slanted, "nXnn", sites),
        on(s * slanted, "nnXn", sites),
    ]
}

fn golden_chains() -> Result<Vec<OperatorCase>, ModelError> {
    let window = |start: usize, n: usize| [0, 1, 2, 3].map(|i| (start + i) % n);
    let three = |w: [usize; 4]| [w[0], w[1], w[2]];
    let tilted = GoldenChain {
        theta: 2.3,
        ..GoldenChain::default()
    };
    let (c, s) = (2.3_f64.cos(), 2.3_f64.sin());
    let around = |n: usize| (0..n).map(move |i| window(i, n));
    let majumdar_ghosh = ((1.0 + 5_f64.sqrt()) / 4.0).atan();
    let (cm, sm) = (majumdar_ghosh.cos(), majumdar_ghosh.sin());
    let ring = |n| Lattice::chain(n, Periodic);
    Ok(vec![
        OperatorCase {
            name: "golden ring",
            model: AnyModel::Real(GoldenChain::default().on(&ring(6)?)?),
            products: around(6).flat_map(|w| pair(1.0, three(w))).collect(),
            ground: Some(-4.698_543_18),
        },
        OperatorCase {
            name: "golden ring of odd length with three-anyon terms",
            model: AnyModel::Real(tilted.on(&ring(7)?)?),
            products: around(7)
                .flat_map(|w| [pair(c, three(w)), triple(s, w)].concat())
                .collect(),
            ground: None,
        },
        OperatorCase {
            name: "golden ring at the Majumdar-Ghosh point",
            model: AnyModel::Real(
                GoldenChain {
                    theta: majumdar_ghosh,
                    ..GoldenChain::default()
                }
                .on(&ring(8)?)?,
            ),
            products: around(8)
                .flat_map(|w| [pair(cm, three(w)), triple(sm, w)].concat())
                .collect(),
            ground: Some(-8.0 * sm),
        },
        OperatorCase {
            name: "open golden chain of charge tau",
            model: AnyModel::Real(
                GoldenChain {
                    twice_charge: Some(2),
                    ..tilted
                }
                .on(&Lattice::chain(6, Open)?)?,
            ),
            products: (0..5)
                .flat_map(|i| pair(c, [i, i + 1, i + 2]))
                .chain((0..4).flat_map(|i| triple(s, [i, i + 1, i + 2, i + 3])))
                .collect(),
            ground: None,
        },
    ])
}
