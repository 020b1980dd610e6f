//! Operators with their formulas.

use super::{OperatorCase, SiteProduct, letter};
use crate::{
    AnyModel, Boundary, Heisenberg, J1J2, Lattice, LatticeKind, ModelError, PauliSum, PauliTerm,
    Rydberg, RydbergBlockade, Tfim, Xxz, Xyz,
};
use Boundary::{Open, Periodic};

pub(super) fn on(coefficient: f64, letters: &str, sites: &[usize]) -> SiteProduct {
    let factors = sites
        .iter()
        .copied()
        .zip(letters.chars().map(letter))
        .collect();
    SiteProduct {
        coefficient,
        factors,
    }
}

fn on_pairs(coefficient: f64, letters: &str, pairs: &[[usize; 2]]) -> Vec<SiteProduct> {
    pairs
        .iter()
        .map(|pair| on(coefficient, letters, pair))
        .collect()
}

pub(super) fn on_sites(coefficient: f64, letters: &str, n: usize) -> Vec<SiteProduct> {
    (0..n).map(|s| on(coefficient, letters, &[s])).collect()
}

fn exchange(xy: f64, z: f64, pairs: &[[usize; 2]]) -> Vec<SiteProduct> {
    let parts = [("XX", xy / 4.0), ("YY", xy / 4.0), ("ZZ", z / 4.0)];
    parts
        .into_iter()
        .flat_map(|(p, c)| on_pairs(c, p, pairs))
        .collect()
}

const RING_4: [[usize; 2]; 4] = [[0, 1], [1, 2], [2, 3], [3, 0]];
const RING_6: [[usize; 2]; 6] = [[0, 1], [1, 2], [2, 3], [3, 4], [4, 5], [5, 0]];
const SECOND_RING_6: [[usize; 2]; 6] = [[0, 2], [1, 3], [2, 4], [3, 5], [4, 0], [5, 1]];
const CHAIN_5: [[usize; 2]; 4] = [[0, 1], [1, 2], [2, 3], [3, 4]];
const SQUARE_3_BY_2: [[usize; 2]; 7] = [[0, 1], [1, 2], [3, 4], [4, 5], [0, 3], [1, 4], [2, 5]];
const ALL_OF_4: [[usize; 2]; 6] = [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]];

/// The models on qubits, spin-1/2 links and fusion paths, each at least once. Those of larger sites,
/// `ZnGauge` and `SquareLink`, have tests of their own.
///
/// # Errors
/// None: the cases are valid. The error type is that of the constructors.
pub fn operators() -> Result<Vec<OperatorCase>, ModelError> {
    let mut cases = spins()?;
    cases.extend(rydbergs()?);
    cases.extend(pauli_sums()?);
    cases.extend(super::gauge::operators()?);
    Ok(cases)
}

fn spins() -> Result<Vec<OperatorCase>, ModelError> {
    let ring = |n| Lattice::chain(n, Periodic);
    let chain = |n| Lattice::chain(n, Open);
    let two = chain(2)?;
    let heisenberg = Heisenberg::default();
    let case = |name, model, products: Vec<Vec<SiteProduct>>, ground| OperatorCase {
        name,
        model,
        products: products.concat(),
        ground,
    };
    let real = AnyModel::Real;
    let root5 = 5_f64.sqrt();
    Ok(vec![
        case(
            "tfim on two sites",
            real(Tfim::new(1.0).on(&two)?),
            vec![on_pairs(-1.0, "ZZ", &[[0, 1]]), on_sites(-1.0, "X", 2)],
            Some(-root5),
        ),
        case(
            "tfim on a ring in a tilted field",
            real(
                Tfim {
                    j: 1.1,
                    h: 0.7,
                    hz: -0.3,
                }
                .on(&ring(6)?)?,
            ),
            vec![
                on_pairs(-1.1, "ZZ", &RING_6),
                on_sites(-0.7, "X", 6),
                on_sites(0.3, "Z", 6),
            ],
            None,
        ),
        case(
            "tfim on a ring",
            real(Tfim::new(1.0).on(&ring(6)?)?),
            vec![on_pairs(-1.0, "ZZ", &RING_6), on_sites(-1.0, "X", 6)],
            Some(-7.727_406_61),
        ),
        case(
            "heisenberg on a ring of four",
            real(heisenberg.on(&ring(4)?)?),
            vec![exchange(1.0, 1.0, &RING_4)],
            Some(-2.0),
        ),
        case(
            "heisenberg on an open square",
            real(heisenberg.on(&Lattice::square([3, 2], Open)?)?),
            vec![exchange(1.0, 1.0, &SQUARE_3_BY_2)],
            None,
        ),
        case(
            "heisenberg with the Marshall rotation",
            real(
                Heisenberg {
                    marshall: true,
                    ..heisenberg
                }
                .on(&ring(4)?)?,
            ),
            vec![exchange(-1.0, 1.0, &RING_4)],
            Some(-2.0),
        ),
        case(
            "heisenberg on an odd chain",
            real(
                Heisenberg {
                    j: 0.5,
                    twice_sz: 1,
                    marshall: false,
                }
                .on(&chain(5)?)?,
            ),
            vec![exchange(0.5, 0.5, &CHAIN_5)],
            None,
        ),
        case(
            "j1j2 at the Majumdar-Ghosh point",
            real(J1J2::new(0.5).on(&ring(6)?)?),
            vec![
                exchange(1.0, 1.0, &RING_6),
                exchange(0.5, 0.5, &SECOND_RING_6),
            ],
            Some(-3.0 * 6.0 / 8.0),
        ),
        case(
            "xx chain of four, free fermions",
            real(Xxz::new(0.0).on(&chain(4)?)?),
            vec![exchange(1.0, 0.0, &CHAIN_5[..3])],
            // -cos(pi/5) - cos(2 pi/5)
            Some(-root5 / 2.0),
        ),
        case(
            "xxz with total Sz = -3/2, rotated",
            real(
                Xxz {
                    delta: 0.3,
                    twice_sz: -3,
                    marshall: true,
                }
                .on(&chain(5)?)?,
            ),
            vec![exchange(-1.0, 0.3, &CHAIN_5)],
            None,
        ),
        case(
            "xyz on two sites",
            Xyz {
                jx: 0.2,
                jy: 0.7,
                jz: 0.4,
                ..Xyz::default()
            }
            .on(&two)?,
            vec![
                on(0.2, "XX", &[0, 1]),
                on(0.7, "YY", &[0, 1]),
                on(0.4, "ZZ", &[0, 1]),
            ]
            .into_iter()
            .map(|p| vec![p])
            .collect(),
            Some(-0.2 - 0.7 - 0.4),
        ),
        case(
            "xyz on a tetrahedron in a field",
            Xyz {
                jx: 0.2,
                jy: -0.7,
                jz: 0.4,
                hx: 0.3,
                hy: 0.6,
                hz: -0.1,
            }
            .on(&Lattice::new(
                LatticeKind::Triangular,
                &[2, 2],
                &[Periodic],
            )?)?,
            vec![
                on_pairs(0.2, "XX", &ALL_OF_4),
                on_pairs(-0.7, "YY", &ALL_OF_4),
                on_pairs(0.4, "ZZ", &ALL_OF_4),
                on_sites(0.3, "X", 4),
                on_sites(0.6, "Y", 4),
                on_sites(-0.1, "Z", 4),
            ],
            None,
        ),
    ])
}

fn rydbergs() -> Result<Vec<OperatorCase>, ModelError> {
    let ring = Lattice::chain(6, Periodic)?;
    let chain = Lattice::chain(5, Open)?;
    let pxp = |omega: f64, n: usize, blocked: &dyn Fn(usize, usize) -> bool| {
        let term = |s: usize| {
            let near: Vec<usize> = (0..n).filter(|&t| t != s && blocked(s, t)).collect();
            let letters = format!("X{}", "0".repeat(near.len()));
            on(omega / 2.0, &letters, &[vec![s], near].concat())
        };
        (0..n).map(term).collect::<Vec<_>>()
    };
    let tail = |c6: f64, n: usize, r: &dyn Fn(usize, usize) -> Option<f64>| {
        let mut all = Vec::new();
        for a in 0..n {
            for b in a + 1..n {
                all.extend(r(a, b).map(|r| on(c6 / r.powi(6), "nn", &[a, b])));
            }
        }
        all
    };
    let round = |a: usize, b: usize| a.abs_diff(b).min(6 - a.abs_diff(b));
    Ok(vec![
        OperatorCase {
            name: "a single atom",
            model: AnyModel::Real(
                Rydberg {
                    omega: 0.6,
                    delta: 0.8,
                    ..Rydberg::new(0.8)
                }
                .on(&Lattice::chain(1, Open)?)?,
            ),
            products: vec![on(0.3, "X", &[0]), on(-0.8, "n", &[0])],
            ground: Some(-0.4 - 0.5),
        },
        OperatorCase {
            name: "rydberg ring with nearest blockade and tails",
            model: AnyModel::Real(
                Rydberg {
                    c6: 2.0,
                    ..Rydberg::new(1.3)
                }
                .on(&ring)?,
            ),
            products: [
                pxp(1.0, 6, &|a, b| round(a, b) == 1),
                on_sites(-1.3, "n", 6),
                tail(2.0, 6, &|a, b| {
                    (round(a, b) > 1).then(|| round(a, b) as f64)
                }),
            ]
            .concat(),
            ground: None,
        },
        OperatorCase {
            name: "rydberg chain with blockade radius 2",
            model: AnyModel::Real(
                Rydberg {
                    blockade: RydbergBlockade::Radius(2.0),
                    ..Rydberg::new(-0.4)
                }
                .on(&chain)?,
            ),
            products: [
                pxp(1.0, 5, &|a, b| a.abs_diff(b) <= 2),
                on_sites(0.4, "n", 5),
            ]
            .concat(),
            ground: None,
        },
        OperatorCase {
            name: "rydberg chain without blockade",
            model: AnyModel::Real(
                Rydberg {
                    omega: 1.4,
                    c6: 1.5,
                    blockade: RydbergBlockade::None,
                    ..Rydberg::new(0.9)
                }
                .on(&chain)?,
            ),
            products: [
                on_sites(0.7, "X", 5),
                on_sites(-0.9, "n", 5),
                tail(1.5, 5, &|a, b| Some(a.abs_diff(b) as f64)),
            ]
            .concat(),
            ground: None,
        },
    ])
}

fn pauli_sums() -> Result<Vec<OperatorCase>, ModelError> {
    let build = |name, n: usize, twice_sz, ground, strings: &[(f64, &str, &[usize])]| {
        let term = |&(c, letters, sites): &(f64, &str, &[usize])| {
            let sites: Vec<u32> = sites.iter().map(|&s| s as u32).collect();
            PauliTerm::new(c, letters, &sites)
        };
        let terms = strings.iter().map(term).collect::<Result<_, _>>()?;
        let model = PauliSum { terms, twice_sz }.on(&Lattice::chain(n, Open)?)?;
        let products = strings
            .iter()
            .map(|&(c, letters, sites)| on(c, letters, sites))
            .collect();
        Ok::<_, ModelError>(OperatorCase {
            name,
            model,
            products,
            ground,
        })
    };
    let long: Vec<usize> = (0..9).rev().collect();
    Ok(vec![
        build(
            "two commuting strings",
            2,
            None,
            Some(-2.0),
            &[(1.0, "XX", &[0, 1]), (1.0, "ZZ", &[0, 1])],
        )?,
        build(
            "strings that lead to the same configurations",
            4,
            None,
            None,
            &[
                (0.5, "X", &[0]),
                (-0.5, "XZ", &[0, 1]),
                (0.25, "ZIX", &[3, 1, 0]),
                (0.7, "YY", &[2, 0]),
                (0.3, "YXZ", &[0, 2, 1]),
                (-1.0, "", &[]),
            ],
        )?,
        build(
            "strings longer than a table",
            9,
            None,
            None,
            &[
                (0.5, "XYZXYZXYZ", &long),
                (0.25, "XXIXXIXXX", &long),
                (-0.75, "YXZXYIXYZ", &long),
                (0.3, "ZZZZZZZZZ", &long),
                (0.2, "ZXXXXXXXX", &long),
                (0.6, "XXXXXXXX", &long[..8]),
            ],
        )?,
        build(
            "strings that conserve total Sz",
            5,
            Some(1),
            None,
            &[
                (0.4, "XZX", &[0, 1, 2]),
                (0.4, "YZY", &[0, 1, 2]),
                (0.7, "XY", &[3, 4]),
                (-0.7, "YX", &[3, 4]),
                (0.1, "ZZ", &[0, 4]),
            ],
        )?,
    ])
}
