//! Unit cells: primitive vectors, bases and bonds of the infinite lattices.

use super::LatticeKind;

pub(super) type Vector = [f64; 3];
pub(super) type Offset = [i64; 3];

/// A bond from basis site `from` of a cell to basis site `to` of the cell at `offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bond {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) offset: Offset,
}

/// One cell of an infinite lattice.
///
/// Directions beyond the lattice's dimension are filled with unit vectors, so that every matrix
/// can be inverted; cells never extend along them.
#[derive(Clone, Debug)]
pub(super) struct UnitCell {
    pub(super) vectors: [Vector; 3],
    /// Rows of the inverse: coordinate i of a point is `inverse[i]` times the point.
    inverse: [Vector; 3],
    pub(super) basis: Vec<Vector>,
    pub(super) bonds: Vec<Bond>,
    /// A point about which the infinite lattice has its full point group.
    pub(super) centre: Vector,
}

const ROOT3: f64 = 1.732_050_807_568_877_2;

pub(super) const UNIT: [Vector; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

const HEXAGONAL: [Vector; 3] = [[1.0, 0.0, 0.0], [0.5, ROOT3 / 2.0, 0.0], [0.0, 0.0, 1.0]];

/// Bonds of the kagome lattice with basis a, b, c. Their order is the numbering of link sites.
const KAGOME: [(usize, usize, Offset); 6] = [
    (0, 1, [0, 0, 0]),
    (0, 2, [0, 0, 0]),
    (1, 2, [0, 0, 0]),
    (1, 0, [1, 0, 0]),
    (2, 0, [0, 1, 0]),
    (1, 2, [1, -1, 0]),
];

impl UnitCell {
    pub(super) fn new(kind: LatticeKind) -> Self {
        let x = (0, 0, [1, 0, 0]);
        let y = (0, 0, [0, 1, 0]);
        let z = (0, 0, [0, 0, 1]);
        let origin = [0.0; 3];
        match kind {
            LatticeKind::Chain => Self::build(UNIT, vec![origin], &[x], origin),
            LatticeKind::Ladder | LatticeKind::Square => {
                Self::build(UNIT, vec![origin], &[x, y], origin)
            }
            LatticeKind::Cubic => Self::build(UNIT, vec![origin], &[x, y, z], origin),
            LatticeKind::Triangular => {
                Self::build(HEXAGONAL, vec![origin], &[x, y, (0, 0, [-1, 1, 0])], origin)
            }
            LatticeKind::Honeycomb => {
                let v = HEXAGONAL.map(|v| scaled(v, ROOT3));
                let third = scaled(sum(v[0], v[1]), 1.0 / 3.0);
                let bonds = [(0, 1, [0, 0, 0]), (0, 1, [-1, 0, 0]), (0, 1, [0, -1, 0])];
                Self::build(v, vec![origin, third], &bonds, scaled(third, 2.0))
            }
            LatticeKind::Kagome => {
                let (vectors, basis) = kagome();
                let centre = sum(basis[1], basis[2]);
                Self::build(vectors, basis, &KAGOME, centre)
            }
            LatticeKind::KagomeLink => {
                let (vectors, vertices) = kagome();
                let middle = |&(from, to, offset): &(usize, usize, Offset)| {
                    scaled(
                        sum(vertices[from], sum(vertices[to], combine(&vectors, offset))),
                        0.5,
                    )
                };
                let basis = KAGOME.iter().map(middle).collect();
                let centre = sum(vertices[1], vertices[2]);
                Self::build(vectors, basis, &links_sharing_a_vertex(), centre)
            }
        }
    }

    fn build(
        vectors: [Vector; 3],
        basis: Vec<Vector>,
        bonds: &[(usize, usize, Offset)],
        centre: Vector,
    ) -> Self {
        let bonds = bonds
            .iter()
            .map(|&(from, to, offset)| Bond { from, to, offset })
            .collect();
        Self {
            vectors,
            inverse: inverse(&vectors),
            basis,
            bonds,
            centre,
        }
    }

    /// The point of a basis site of a cell.
    pub(super) fn point(&self, cell: Offset, basis: usize) -> Vector {
        sum(self.basis[basis], combine(&self.vectors, cell))
    }

    /// Coordinates of a point in units of the primitive vectors.
    pub(super) fn coordinates(&self, point: Vector) -> Vector {
        self.inverse.map(|row| dot(row, point))
    }

    /// Orthogonal maps of the infinite lattice about its centre, the identity first.
    pub(super) fn rotations(kind: LatticeKind) -> Vec<[Vector; 3]> {
        match kind {
            LatticeKind::Chain | LatticeKind::Ladder | LatticeKind::Square | LatticeKind::Cubic => {
                signed_permutations(kind.dimension())
            }
            LatticeKind::Triangular
            | LatticeKind::Honeycomb
            | LatticeKind::Kagome
            | LatticeKind::KagomeLink => hexagonal_rotations(),
        }
    }
}

fn kagome() -> ([Vector; 3], Vec<Vector>) {
    let vectors = [
        scaled(HEXAGONAL[0], 2.0),
        scaled(HEXAGONAL[1], 2.0),
        HEXAGONAL[2],
    ];
    (vectors, vec![[0.0; 3], HEXAGONAL[0], HEXAGONAL[1]])
}

/// Pairs of kagome links with a vertex in common, each once.
fn links_sharing_a_vertex() -> Vec<(usize, usize, Offset)> {
    let ends = |k: usize| {
        let (from, to, offset) = KAGOME[k];
        [(from, [0; 3]), (to, offset)]
    };
    let mut bonds = Vec::new();
    for a in 0..KAGOME.len() {
        for b in a..KAGOME.len() {
            for (s, at) in ends(a) {
                for (t, from) in ends(b) {
                    let offset = [at[0] - from[0], at[1] - from[1], 0];
                    // A link meets its own translates at both ends: one direction suffices.
                    if s == t && (a != b || offset > [0; 3]) {
                        bonds.push((a, b, offset));
                    }
                }
            }
        }
    }
    bonds
}

fn signed_permutations(dimension: usize) -> Vec<[Vector; 3]> {
    let orders: &[[usize; 3]] = match dimension {
        1 => &[[0, 1, 2]],
        2 => &[[0, 1, 2], [1, 0, 2]],
        _ => &[
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ],
    };
    let mut all = Vec::new();
    for order in orders {
        for signs in 0..1_usize << dimension {
            let mut matrix = [[0.0; 3]; 3];
            for (i, &column) in order.iter().enumerate() {
                matrix[i][column] = if signs >> i & 1 == 1 { -1.0 } else { 1.0 };
            }
            all.push(matrix);
        }
    }
    all
}

fn hexagonal_rotations() -> Vec<[Vector; 3]> {
    let turn = |k: u32, mirror: f64| {
        let (sin, cos) = (f64::from(k) * std::f64::consts::FRAC_PI_3).sin_cos();
        [
            [cos, -sin * mirror, 0.0],
            [sin, cos * mirror, 0.0],
            [0.0, 0.0, 1.0],
        ]
    };
    [1.0, -1.0]
        .into_iter()
        .flat_map(|m| (0..6).map(move |k| turn(k, m)))
        .collect()
}

fn inverse(m: &[Vector; 3]) -> [Vector; 3] {
    let volume = dot(m[0], cross(m[1], m[2]));
    [cross(m[1], m[2]), cross(m[2], m[0]), cross(m[0], m[1])].map(|row| scaled(row, 1.0 / volume))
}

pub(super) fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn sum(a: Vector, b: Vector) -> Vector {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

pub(super) fn difference(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(super) fn scaled(a: Vector, by: f64) -> Vector {
    a.map(|x| x * by)
}

pub(super) fn transform(m: &[Vector; 3], a: Vector) -> Vector {
    m.map(|row| dot(row, a))
}

pub(super) fn combine(vectors: &[Vector; 3], n: Offset) -> Vector {
    let part = |i: usize| scaled(vectors[i], n[i] as f64);
    sum(part(0), sum(part(1), part(2)))
}

fn cross(a: Vector, b: Vector) -> Vector {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}
