//! Named operators and constraints on which every law is tested, here and in the suite of the
//! workspace. Not part of the public interface.

use crate::{
    AnyModel, Blockade, Boundary, Free, Heisenberg, J1J2, Lattice, LatticeKind, ModelError, Number,
    Parity, PauliSum, PauliTerm, Rydberg, RydbergBlockade, Sector, Space, Tfim, Xxz, Xyz, product,
};
use Boundary::{Open, Periodic};
use num_complex::Complex64;
use std::fmt;
use std::sync::Arc;

/// A 2 x 2 matrix.
pub type SiteMatrix = [[Complex64; 2]; 2];

/// A coefficient times a matrix on each of some sites; the identity elsewhere.
#[derive(Clone, Debug)]
pub struct SiteProduct {
    /// Coefficient.
    pub coefficient: f64,
    /// (site, matrix)
    pub factors: Vec<(usize, SiteMatrix)>,
}

/// A model with its formula written down a second time, in Kronecker products.
#[derive(Clone, Debug)]
pub struct OperatorCase {
    /// What it is.
    pub name: &'static str,
    /// The model of the zoo.
    pub model: AnyModel,
    /// The formula.
    pub products: Vec<SiteProduct>,
    /// Lowest energy in the sector where it is known in closed form or from elsewhere.
    pub ground: Option<f64>,
}

impl OperatorCase {
    /// The sum of the Kronecker products, row-major, site 0 most significant.
    #[must_use]
    pub fn dense(&self, n_sites: usize) -> Vec<Complex64> {
        let size = 1 << n_sites;
        let mut sum = vec![Complex64::default(); size * size];
        for product in &self.products {
            let mut matrix = vec![Complex64::new(product.coefficient, 0.0)];
            let mut width = 1;
            for site in 0..n_sites {
                let of = product.factors.iter().find(|(s, _)| *s == site);
                let factor = of.map_or(letter('I'), |(_, m)| *m);
                let mut next = vec![Complex64::default(); 4 * width * width];
                for r in 0..2 * width {
                    for c in 0..2 * width {
                        next[r * 2 * width + c] =
                            matrix[r / 2 * width + c / 2] * factor[r % 2][c % 2];
                    }
                }
                matrix = next;
                width *= 2;
            }
            for (s, m) in sum.iter_mut().zip(&matrix) {
                *s += m;
            }
        }
        sum
    }
}

/// A constraint with its predicate on whole configurations.
pub struct ConstraintCase {
    /// What it is.
    pub name: &'static str,
    /// The automaton.
    pub sector: Sector,
    /// The predicate, on values in site order.
    pub legal: Box<dyn Fn(&[u8]) -> bool>,
}

impl fmt::Debug for ConstraintCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The matrix of I, X, Y, Z, n = (1 - Z)/2 ("n") or 1 - n ("0").
///
/// # Panics
/// For another letter.
#[must_use]
pub fn letter(name: char) -> SiteMatrix {
    let re = |m: [[f64; 2]; 2]| m.map(|row| row.map(|v| Complex64::new(v, 0.0)));
    match name {
        'I' => re([[1.0, 0.0], [0.0, 1.0]]),
        'X' => re([[0.0, 1.0], [1.0, 0.0]]),
        'Y' => re([[0.0, -1.0], [1.0, 0.0]]).map(|row| row.map(|v| v * Complex64::I)),
        'Z' => re([[1.0, 0.0], [0.0, -1.0]]),
        'n' => re([[0.0, 0.0], [0.0, 1.0]]),
        '0' => re([[1.0, 0.0], [0.0, 0.0]]),
        other => panic!("no matrix {other:?}"),
    }
}

fn on(coefficient: f64, letters: &str, sites: &[usize]) -> SiteProduct {
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

fn on_sites(coefficient: f64, letters: &str, n: usize) -> Vec<SiteProduct> {
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

/// Every model of the zoo at least once.
///
/// # Errors
/// None: the cases are valid. The error type is that of the constructors.
pub fn operators() -> Result<Vec<OperatorCase>, ModelError> {
    let mut cases = spins()?;
    cases.extend(rydbergs()?);
    cases.extend(pauli_sums()?);
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

/// Every constraint at least once, at most 12 sites.
///
/// # Errors
/// None: the cases are valid. The error type is that of the constructors.
pub fn constraints() -> Result<Vec<ConstraintCase>, ModelError> {
    let order = |n: u32| (0..n).collect::<Vec<_>>();
    // A permutation that is neither the identity nor an involution.
    let mixed = |n: u32| (0..n).map(|i| (5 * i + 2) % n).collect::<Vec<_>>();
    let case = |name, sector, legal| ConstraintCase {
        name,
        sector,
        legal,
    };
    let sum = |x: &[u8]| x.iter().map(|&v| usize::from(v)).sum::<usize>();
    let grid = Lattice::square([4, 3], Open)?;
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
