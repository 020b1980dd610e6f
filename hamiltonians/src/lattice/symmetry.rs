//! Permutations of the sites that leave a lattice as it is.

use super::Lattice;
use super::cell::{UNIT, UnitCell, Vector, combine, difference, scaled, sum, transform};

/// Coordinates are sums of a few products of order the extent: far more exact than this.
const NEAR: f64 = 1e-6;

impl Lattice {
    /// All translations along the periodic directions, the identity first: site i goes to
    /// `permutation[i]`.
    ///
    /// # Shapes
    /// One permutation of length N for each combination of steps, x fastest.
    #[must_use]
    pub fn translations(&self) -> Vec<Vec<u32>> {
        let steps = [0, 1, 2].map(|i| {
            if self.closes(i) {
                self.extent[i] as i64
            } else {
                1
            }
        });
        let mut all = Vec::new();
        for z in 0..steps[2] {
            for y in 0..steps[1] {
                for x in 0..steps[0] {
                    all.push(self.translated([x, y, z]));
                }
            }
        }
        all
    }

    fn translated(&self, by: [i64; 3]) -> Vec<u32> {
        (0..self.n_sites())
            .map(|site| {
                let c = self.cell_of(site);
                let to = [0, 1, 2].map(|i| c[i] as i64 + by[i]);
                self.site_at(to, site % self.sites_per_cell())
                    .expect("a closed direction has a cell at every coordinate")
            })
            .collect()
    }

    /// Rotations and reflections about one point, the identity first: site i goes to
    /// `permutation[i]`. They form a group and map edges onto edges.
    ///
    /// The point is the one that keeps most of the symmetries of the infinite lattice under the
    /// given extents and boundaries: a torus of $L \times L$ squares has 8, an open 3 x 4 rectangle
    /// 4, an open chain 2. Symmetries that permute no site are left out.
    #[must_use]
    pub fn point_group(&self) -> Vec<Vec<u32>> {
        let rotations: Vec<_> = UnitCell::rotations(self.kind())
            .into_iter()
            .filter(|r| self.preserves_periods(r))
            .collect();
        let mut best: Vec<Vec<u32>> = Vec::new();
        for centre in self.centres() {
            let found: Vec<_> = rotations
                .iter()
                .filter_map(|r| self.rotated_about(centre, r))
                .collect();
            if found.len() > best.len() {
                best = found;
            }
            if best.len() == rotations.len() {
                break;
            }
        }
        let mut distinct: Vec<Vec<u32>> = Vec::new();
        for permutation in best {
            if !distinct.contains(&permutation) {
                distinct.push(permutation);
            }
        }
        distinct
    }

    /// Points about which the finite lattice may be symmetric: that of the infinite one, the
    /// centroid (fixed by every symmetry of an open cluster), and the points half-way between
    /// site 0 and each other.
    fn centres(&self) -> impl Iterator<Item = Vector> + '_ {
        let n = self.n_sites();
        let total = (0..n).fold([0.0; 3], |c, i| sum(c, self.position(i)));
        let half_way = move |i: usize| scaled(sum(self.position(0), self.position(i)), 0.5);
        [self.cell.centre, scaled(total, 1.0 / n as f64)]
            .into_iter()
            .chain((0..n).map(half_way))
    }

    fn preserves_periods(&self, rotation: &[Vector; 3]) -> bool {
        (0..3).filter(|&i| self.closes(i)).all(|i| {
            let period = scaled(self.cell.vectors[i], self.extent[i] as f64);
            let image = self.cell.coordinates(transform(rotation, period));
            (0..3).all(|j| {
                let turns = if self.closes(j) {
                    image[j] / self.extent[j] as f64
                } else {
                    image[j]
                };
                (turns - turns.round()).abs() < NEAR && (self.closes(j) || turns.abs() < NEAR)
            })
        })
    }

    fn rotated_about(&self, centre: Vector, rotation: &[Vector; 3]) -> Option<Vec<u32>> {
        let image = |site: usize| {
            let arm = difference(self.position(site), centre);
            self.site_near(sum(centre, transform(rotation, arm)))
        };
        let permutation: Vec<u32> = (0..self.n_sites()).map(image).collect::<Option<_>>()?;
        let mut hit = vec![false; self.n_sites()];
        for &to in &permutation {
            if std::mem::replace(&mut hit[to as usize], true) {
                return None;
            }
        }
        let kept = self.edges().iter().all(|&(a, b)| {
            let (a, b) = (permutation[a as usize], permutation[b as usize]);
            self.edges().binary_search(&(a.min(b), a.max(b))).is_ok()
        });
        kept.then_some(permutation)
    }

    /// The site at a point, if there is one.
    fn site_near(&self, point: Vector) -> Option<u32> {
        (0..self.sites_per_cell()).find_map(|s| {
            let at = self.cell.coordinates(difference(point, self.cell.basis[s]));
            let cell = at.map(|c| c.round() as i64);
            let off = difference(combine(&UNIT, cell), at);
            off.iter()
                .all(|d| d.abs() < NEAR)
                .then(|| self.site_at(cell, s))
                .flatten()
        })
    }
}
