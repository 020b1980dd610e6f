//! Minimal-image distances and the shells they define.

use super::cell::{Bond, Vector, difference, dot, scaled, sum};
use super::{Lattice, LatticeError, LatticeKind};

/// Distances closer than this are one shell; distinct shells differ by more than 0.01.
const SAME: f64 = 1e-9;

/// The translations that close a lattice on itself, reduced so that images next to the nearest
/// one suffice.
#[derive(Clone, Debug)]
pub(super) struct Torus {
    periods: Vec<Vector>,
}

impl Torus {
    /// # Notes
    /// Two periods are reduced by Lagrange's algorithm: then a vector is shortest among its images
    /// when no sum of the periods with coefficients -1, 0, 1 shortens it (these hold all Voronoi
    /// vectors). Three periods occur on the cubic lattice only, where they are orthogonal.
    pub(super) fn new(mut periods: Vec<Vector>) -> Self {
        if let [a, b] = periods.as_mut_slice() {
            loop {
                if dot(*a, *a) > dot(*b, *b) {
                    std::mem::swap(a, b);
                }
                let n = (dot(*a, *b) / dot(*a, *a)).round();
                // At |a.b| = a.a/2 exactly, rounding could flip the sign forever.
                if n == 0.0 || (dot(*a, *b) / dot(*a, *a)).abs() <= 0.5 + SAME {
                    break;
                }
                *b = difference(*b, scaled(*a, n));
            }
        }
        Self { periods }
    }

    /// The shortest image of a vector.
    fn shortest(&self, mut v: Vector) -> Vector {
        for &p in self.periods.iter().rev() {
            v = difference(v, scaled(p, (dot(v, p) / dot(p, p)).round()));
        }
        let combinations = 3_usize.pow(self.periods.len() as u32);
        loop {
            let before = dot(v, v);
            for code in 0..combinations {
                let mut shifted = v;
                let mut rest = code;
                for &p in &self.periods {
                    shifted = sum(shifted, scaled(p, (rest % 3) as f64 - 1.0));
                    rest /= 3;
                }
                if dot(shifted, shifted) < dot(v, v) - SAME {
                    v = shifted;
                }
            }
            if dot(v, v) >= before - SAME {
                return v;
            }
        }
    }
}

impl Lattice {
    /// The shortest vector from site i to an image of site j.
    ///
    /// # Panics
    /// If there is no such site.
    #[track_caller]
    #[must_use]
    pub fn displacement(&self, i: usize, j: usize) -> [f64; 3] {
        self.torus
            .shortest(difference(self.position(j), self.position(i)))
    }

    /// Euclidean distance of two sites in lattice constants, minimal image.
    ///
    /// # Panics
    /// If there is no such site.
    #[track_caller]
    #[must_use]
    pub fn distance(&self, i: usize, j: usize) -> f64 {
        let v = self.displacement(i, j);
        dot(v, v).sqrt()
    }

    /// Pairs (a, b), a < b, at most `radius` apart, sorted.
    #[must_use]
    pub fn pairs_within(&self, radius: f64) -> Vec<(u32, u32)> {
        let mut pairs = Vec::new();
        for a in 0..self.n_sites() {
            for b in a + 1..self.n_sites() {
                if self.distance(a, b) <= radius + SAME {
                    pairs.push((a as u32, b as u32));
                }
            }
        }
        pairs
    }

    /// Pairs (a, b), a < b, at the second-smallest distance of the infinite lattice, each once,
    /// sorted.
    ///
    /// # Errors
    /// [`LatticeError::NextNearest`] where a pair is also a nearest-neighbour pair: on small tori,
    /// and always on the kagome links, whose neighbours lie at three distances.
    pub fn next_nearest(&self) -> Result<Vec<(u32, u32)>, LatticeError> {
        let pairs = self.pairs_at(&self.second_shell());
        match pairs.iter().find(|p| self.edges().binary_search(p).is_ok()) {
            Some(&(a, b)) => Err(LatticeError::NextNearest { a, b }),
            None => Ok(pairs),
        }
    }

    fn second_shell(&self) -> Vec<Bond> {
        // An infinite ladder has a finite number of legs; the other lattices extend everywhere.
        let reach: Vec<i64> = (0..3)
            .map(|i| match self.kind() {
                LatticeKind::Ladder if i == 1 => (self.extent[1] as i64 - 1).min(2),
                kind if i < kind.dimension() => 2,
                _ => 0,
            })
            .collect();
        let mut bonds = Vec::new();
        for from in 0..self.sites_per_cell() {
            for to in 0..self.sites_per_cell() {
                for x in -reach[0]..=reach[0] {
                    for y in -reach[1]..=reach[1] {
                        for z in -reach[2]..=reach[2] {
                            let offset = [x, y, z];
                            let v = difference(self.cell.point(offset, to), self.cell.basis[from]);
                            bonds.push((dot(v, v).sqrt(), Bond { from, to, offset }));
                        }
                    }
                }
            }
        }
        let next = |after: f64| {
            bonds
                .iter()
                .map(|b| b.0)
                .filter(|&r| r > after + SAME)
                .fold(f64::INFINITY, f64::min)
        };
        let second = next(next(0.0));
        bonds
            .iter()
            .filter(|b| (b.0 - second).abs() < SAME)
            .map(|b| b.1)
            .collect()
    }
}
