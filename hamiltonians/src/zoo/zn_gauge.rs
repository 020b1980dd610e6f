use super::named;
use super::toric_code::links_of;
use crate::{Action, Lattice, LatticeKind, LocalSum, Model, ModelError, Modular, OnSpace, Term};
use std::f64::consts::TAU;
use std::sync::Arc;

/// Z_N gauge theory, $H = -\frac12 \sum_p (U_p + U_p^\dagger) - \frac g2 \sum_l (V_l + V_l^\dagger)$ on
/// the links of a square or cubic lattice, N from 2 to 16.
///
/// **Basis.** Value e of a link is the electric field, $V = e^{2\pi i e/N}$, and $U_l$ raises it by one
/// mod N; around a plaquette {a(v), b(v + a), a(v + b), b(v)} the first two are raised and the last two
/// lowered. The Gauss law is the sector: the fields that leave a vertex minus those that enter it are
/// its static charge, none here; [`Model::in_sector`] takes [`Modular::with_flux`] for others.
///
/// Couplings are named "plaquette" and "g". At N = 2 it is [`Z2Gauge`](super::Z2Gauge) (tested). All
/// winding sectors are legal, $N^{L^2 + 1}$ configurations on the square torus. At $g = 0$ each
/// plaquette has energy -1.
///
/// # References
/// D. Horn, M. Weinstein, S. Yankielowicz, Phys. Rev. D 19, 3715 (1979).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ZnGauge {
    /// Order N of the gauge group.
    pub n: usize,
    /// Electric coupling g.
    pub g: f64,
}

/// Largest N whose plaquettes, $N^4$ rows, fit a term.
const LARGEST: usize = 16;

impl ZnGauge {
    /// The theory without static charges on the links of a lattice.
    ///
    /// # Errors
    /// [`ModelError`] for N outside 2 to 16, another kind of lattice, one without plaquettes,
    /// or a coupling that is not finite.
    pub fn on(&self, lattice: &Lattice) -> Result<Model<f64>, ModelError> {
        let links = links_of(lattice, &[LatticeKind::Square, LatticeKind::Cubic])?;
        let sector = Modular::gauss_law(&links, self.n, &[])?;
        if self.n > LARGEST {
            return Err(ModelError::Parameter {
                key: "n",
                reason: format!(
                    "plaquettes of Z_{} have {} rows; choose 2 to {LARGEST}",
                    self.n,
                    self.n.pow(4)
                ),
            });
        }
        let plaquettes = links.plaquettes();
        if plaquettes.is_empty() {
            return Err(ModelError::Parameter {
                key: "lattice.extent",
                reason: "a single row has no plaquettes; take at least 2 in two directions".into(),
            });
        }
        let n = self.n as u32;
        let loops: Arc<[_]> = plaquette_rows(n).into();
        let field = |e: u32| -(TAU * f64::from(e) / self.n as f64).cos();
        let field: Arc<[_]> = (0..n).map(|e| (e, e, field(e))).collect();
        let term = |sites: Vec<u32>, rows: &Arc<[_]>, coupling| Term {
            sites,
            guard: Vec::new(),
            action: Action::Rows(rows.clone()),
            coupling,
        };
        let mut terms: Vec<_> = (plaquettes.iter())
            .map(|p| term(p.clone(), &loops, 0))
            .collect();
        terms.extend((0..links.n_links() as u32).map(|l| term(vec![l], &field, 1)));
        let couplings = named([("plaquette", 1.0), ("g", self.g)]);
        let space = *sector.space();
        Model::new(LocalSum::new(space, terms, couplings)?, Arc::new(sector))
    }
}

/// Rows of $-\frac12 (U_p + U_p^\dagger)$; the first link is the most significant digit.
fn plaquette_rows(n: u32) -> Vec<(u32, u32, f64)> {
    let shifted = |row: u32, up: u32| {
        let down = n - up;
        [(n * n * n, up), (n * n, up), (n, down), (1, down)]
            .iter()
            .map(|(place, by)| (row / place % n + by) % n * place)
            .sum::<u32>()
    };
    let mut rows = Vec::new();
    for row in 0..n.pow(4) {
        // Raised and lowered by one are the same at N = 2: one element of both halves.
        let (plus, minus) = (shifted(row, 1), shifted(row, n - 1));
        if plus == minus {
            rows.push((row, plus, -1.0));
        } else {
            rows.extend([(row, plus, -0.5), (row, minus, -0.5)]);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoo::tests::lowest;
    use crate::{
        Boundary, Configs, Connected, ConstraintError, Hamiltonian, Operator, Z2Gauge, is_legal,
    };

    fn torus() -> Lattice {
        Lattice::square([2, 2], Boundary::Periodic).unwrap()
    }

    /// The legal configurations and the dense matrix on them, row-major.
    fn dense(model: &Model<f64>) -> (Vec<Vec<u8>>, Vec<f64>) {
        let space = *model.space();
        let (n, d) = (space.n_sites, space.local_dim);
        let mut x = Configs::new(n);
        for i in 0..d.pow(n as u32) {
            let row: Vec<u8> = (0..n).map(|s| (i / d.pow(s as u32) % d) as u8).collect();
            if is_legal(&**model.sector(), &row) {
                x.push(&row);
            }
        }
        let legal: Vec<Vec<u8>> = x.view().rows().map(<[u8]>::to_vec).collect();
        let mut out = Connected::default();
        model.connected(x.view(), &mut out);
        let m = legal.len();
        let mut matrix = vec![0.0; m * m];
        for (i, v) in out.diagonal.iter().enumerate() {
            matrix[i * m + i] = *v;
        }
        let mut to = vec![0; n];
        for (k, v) in out.element.iter().enumerate() {
            out.neighbours.write(k, x.view(), &mut to);
            let j = legal
                .iter()
                .position(|l| *l == to)
                .expect("flips are legal");
            matrix[out.neighbours.parent[k] as usize * m + j] = *v;
        }
        (legal, matrix)
    }

    #[test]
    fn z2_is_the_z2_gauge_theory() {
        let general = dense(&ZnGauge { n: 2, g: 0.37 }.on(&torus()).unwrap());
        let special = dense(&Z2Gauge::new(0.37).on(&torus()).unwrap());
        assert_eq!(general.0, special.0);
        for (a, b) in general.1.iter().zip(&special.1) {
            assert!((a - b).abs() < 1e-14, "{a} and {b}");
        }
    }

    #[test]
    fn z3_on_two_by_two_vertices_has_the_energy_of_its_dual_clock_model() {
        // Without winding the field of a link is the difference of heights of the plaquettes at its
        // sides: (left, right) from the boundaries {0 3 4 1} {2 1 6 3} {4 7 0 5} {6 5 2 7}.
        let sides = [
            (0, 2),
            (1, 0),
            (1, 3),
            (0, 1),
            (2, 0),
            (3, 2),
            (3, 1),
            (2, 3),
        ];
        for g in [0.0, 0.2, 0.7, 1.5] {
            let mut dual = vec![0.0; 81 * 81];
            for row in 0..81 {
                let h = [0, 1, 2, 3].map(|p| row / 3_usize.pow(p) % 3);
                let fields = sides.map(|(a, b)| (3 + h[a] - h[b]) % 3);
                // cos(2 pi / 3) = -1/2.
                let cosines = fields.map(|e| if e == 0 { 1.0 } else { -0.5 });
                dual[row * 81 + row] = -g * cosines.iter().sum::<f64>();
                for (p, h) in h.iter().enumerate() {
                    for to in [(h + 1) % 3, (h + 2) % 3] {
                        let column = row + to * 3_usize.pow(p as u32) - h * 3_usize.pow(p as u32);
                        dual[row * 81 + column] -= 0.5;
                    }
                }
            }
            let (legal, matrix) = dense(&ZnGauge { n: 3, g }.on(&torus()).unwrap());
            assert_eq!(legal.len(), 243);
            let (direct, dual) = (lowest(matrix, 243), lowest(dual, 81));
            assert!(
                (direct - dual).abs() < 1e-10,
                "g = {g}: {direct} and {dual}"
            );
            if g == 0.0 {
                assert!((direct + 4.0).abs() < 1e-10, "{direct}");
            }
        }
    }

    #[test]
    fn z4_has_the_energy_of_z2() {
        // The square of four angles is two signs: cos is their mean, and a turn by 90 degrees flips one
        // of them. So Z4 is two Z2 theories with half the couplings each.
        let open = Lattice::square([3, 2], Boundary::Open).unwrap();
        for g in [0.3, 0.9] {
            let z4 = dense(&ZnGauge { n: 4, g }.on(&open).unwrap());
            let z2 = dense(&Z2Gauge::new(g).on(&open).unwrap());
            assert_eq!((z4.0.len(), z2.0.len()), (16, 4));
            let (four, two) = (lowest(z4.1, 16), lowest(z2.1, 4));
            assert!((four - two).abs() < 1e-10, "g = {g}: {four} and {two}");
        }
    }

    #[test]
    fn groups_and_lattices_that_cannot_be_had_are_refused() {
        let error = |n, g| ZnGauge { n, g }.on(&torus()).unwrap_err();
        for modulus in [0, 1, 65] {
            let known = ModelError::Constraint(ConstraintError::Modulus { modulus });
            assert_eq!(error(modulus, 1.0), known);
        }
        ZnGauge { n: 16, g: 1.0 }.on(&torus()).unwrap();
        assert!(matches!(
            error(17, 1.0),
            ModelError::Parameter { key: "n", .. }
        ));
        assert!(matches!(error(3, f64::NAN), ModelError::Operator(_)));
        let row = Lattice::square([4, 1], Boundary::Open).unwrap();
        let error = ZnGauge { n: 3, g: 1.0 }.on(&row).unwrap_err();
        assert!(
            matches!(
                error,
                ModelError::Parameter {
                    key: "lattice.extent",
                    ..
                }
            ),
            "{error}"
        );
    }
}
