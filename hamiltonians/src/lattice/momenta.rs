//! Wave vectors that a finite lattice allows.

use super::Lattice;
use super::cell::{UNIT, Vector};
use std::f64::consts::TAU;

impl Lattice {
    /// The wave vectors $k$ with $k \cdot a_i = 2\pi n_i / L_i$ along periodic directions,
    /// $0 \le n_i < L_i$, and 0 along open ones: the momenta of the translations, x fastest.
    ///
    /// # Shapes
    /// One Cartesian vector for each translation, in units of the inverse lattice constant.
    #[must_use]
    pub fn momenta(&self) -> Vec<[f64; 3]> {
        let steps = [0, 1, 2].map(|i| if self.closes(i) { self.extent[i] } else { 1 });
        // Coordinate i of a point x is (b_i . x) / 2 pi, so the columns of units give b_i / 2 pi.
        let columns = UNIT.map(|e| self.cell.coordinates(e));
        let reciprocal = [0, 1, 2].map(|i| [0, 1, 2].map(|j: usize| TAU * columns[j][i]));
        let momentum = |n: [usize; 3]| -> Vector {
            [0, 1, 2].map(|j: usize| {
                let part = |i: usize| n[i] as f64 / steps[i] as f64 * reciprocal[i][j];
                part(0) + part(1) + part(2)
            })
        };
        let mut all = Vec::with_capacity(steps.iter().product());
        for z in 0..steps[2] {
            for y in 0..steps[1] {
                for x in 0..steps[0] {
                    all.push(momentum([x, y, z]));
                }
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Boundary, LatticeKind};

    #[test]
    fn plane_waves_are_periodic_on_every_lattice_and_orthogonal() {
        use LatticeKind::{
            Chain, Cubic, Honeycomb, Kagome, KagomeLink, Ladder, Square, Triangular,
        };
        let open = [Boundary::Periodic, Boundary::Open];
        for kind in [
            Chain, Ladder, Square, Triangular, Honeycomb, Kagome, Cubic, KagomeLink,
        ] {
            for second in open {
                let extent = &[4, 3, 2][..kind.dimension()];
                let boundary = &[Boundary::Periodic, second, second][..kind.dimension()];
                let lattice = Lattice::new(kind, extent, boundary).unwrap();
                let momenta = lattice.momenta();
                let translations = lattice.translations();
                assert_eq!(momenta.len(), translations.len(), "{kind:?} {second:?}");
                for (a, k) in momenta.iter().enumerate() {
                    for (b, q) in momenta.iter().enumerate() {
                        // Characters of the translation group: position 0 moved by each of them.
                        let [mut re, mut im] = [0.0; 2];
                        for t in &translations {
                            let r = lattice.displacement(0, t[0] as usize);
                            let phase: f64 = (0..3).map(|i| (k[i] - q[i]) * r[i]).sum();
                            re += phase.cos();
                            im += phase.sin();
                        }
                        let wanted = if a == b { momenta.len() as f64 } else { 0.0 };
                        let off = (re - wanted).abs().max(im.abs());
                        // Sums of at most 24 cosines of arguments below 100.
                        assert!(off < 1e-11, "{kind:?} {second:?}: {a} {b}: {re} {im}");
                    }
                }
            }
        }
    }
}
