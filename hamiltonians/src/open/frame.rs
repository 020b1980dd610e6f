//! Informationally complete measurements of a qubit.

use super::OpenError;
use crate::Pauli;
use num_complex::Complex64;

/// A 2 x 2 matrix, row by row.
pub(super) type Matrix = [Complex64; 4];

const ROUNDING: f64 = 1e-10;

/// Four effects $M_a$ of one qubit, $\sum_a M_a = 1$, and their duals $N_a = \sum_b (T^{-1})_{ab} M_b$,
/// $T_{ab} = \mathrm{Tr}(M_a M_b)$: $P(a) = \mathrm{Tr}(\rho M_a)$ and $\rho = \sum_a P(a) N_a$.
///
/// # References
/// J. Carrasquilla et al., Nat. Mach. Intell. 1, 155 (2019).
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    effects: [Matrix; 4],
    duals: [Matrix; 4],
    gram: [[f64; 4]; 4],
}

impl Frame {
    /// Any four effects, each a matrix row by row: Hermitian, with no negative eigenvalue.
    ///
    /// # Errors
    /// [`OpenError::Effects`], [`OpenError::Negative`], [`OpenError::Incomplete`].
    pub fn new(effects: [[Complex64; 4]; 4]) -> Result<Self, OpenError> {
        let wrong = |what| Err(OpenError::Effects { what });
        for m in &effects {
            if !m.iter().all(|x| x.is_finite()) {
                return wrong("an element is not finite");
            }
            let skew = (m[1] - m[2].conj()).norm() + m[0].im.abs() + m[3].im.abs();
            if skew > ROUNDING {
                return wrong("one is not Hermitian");
            }
        }
        for (effect, m) in effects.iter().enumerate() {
            let lowest = smallest(m);
            if lowest < -ROUNDING {
                return Err(OpenError::Negative { effect, lowest });
            }
        }
        for (k, &one) in [1.0, 0.0, 0.0, 1.0].iter().enumerate() {
            let sum: Complex64 = effects.iter().map(|m| m[k]).sum();
            if (sum - one).norm() > ROUNDING {
                return wrong("their sum is another matrix");
            }
        }
        let mut overlap = [[0.0; 4]; 4];
        for (a, row) in overlap.iter_mut().enumerate() {
            for (b, t) in row.iter_mut().enumerate() {
                *t = trace(&effects[a], &effects[b]).re;
            }
        }
        let gram = inverse(overlap).ok_or(OpenError::Incomplete)?;
        let mut duals = [[Complex64::ZERO; 4]; 4];
        for (a, dual) in duals.iter_mut().enumerate() {
            for (b, m) in effects.iter().enumerate() {
                dual.iter_mut()
                    .zip(m)
                    .for_each(|(d, m)| *d += gram[a][b] * m);
            }
        }
        Ok(Self {
            effects,
            duals,
            gram,
        })
    }

    fn of_directions(v: [[f64; 3]; 4]) -> Self {
        let effect = |v: [f64; 3]| -> Matrix {
            let [x, y, z] = v;
            [
                Complex64::new(0.25 * (1.0 + z), 0.0),
                Complex64::new(0.25 * x, -0.25 * y),
                Complex64::new(0.25 * x, 0.25 * y),
                Complex64::new(0.25 * (1.0 - z), 0.0),
            ]
        };
        Self::new(v.map(effect)).expect("the corners of a tetrahedron are complete")
    }

    /// The tetrahedron with corners (+++), (+--), (-+-), (--+) over $\sqrt3$,
    /// $M_a = (1 + v_a\cdot\sigma)/4$: no product state along x, y or z has an outcome of
    /// probability 0.
    #[must_use]
    pub fn rotated() -> Self {
        let s = 1.0 / 3f64.sqrt();
        Self::of_directions([[s, s, s], [s, -s, -s], [-s, s, -s], [-s, -s, s]])
    }

    /// The tetrahedron with a corner along z.
    #[must_use]
    pub fn tetrahedral() -> Self {
        let (a, b, c) = (8f64.sqrt() / 3.0, 2f64.sqrt() / 3.0, (2.0 / 3.0f64).sqrt());
        let down = -1.0 / 3.0;
        Self::of_directions([
            [0.0, 0.0, 1.0],
            [a, 0.0, down],
            [-b, c, down],
            [-b, -c, down],
        ])
    }

    /// A third of the projectors on +z, +x and +y, and what is missing to 1.
    #[must_use]
    pub fn pauli4() -> Self {
        let sixth = 1.0 / 6.0;
        let re = |x: f64| Complex64::new(x, 0.0);
        let z = [re(2.0 * sixth), re(0.0), re(0.0), re(0.0)];
        let x = [re(sixth); 4];
        let i = Complex64::new(0.0, sixth);
        let y = [re(sixth), -i, i, re(sixth)];
        let mut rest = [re(1.0), re(0.0), re(0.0), re(1.0)];
        for m in [z, x, y] {
            rest.iter_mut().zip(m).for_each(|(r, m)| *r -= m);
        }
        Self::new([z, x, y, rest]).expect("these four are complete")
    }

    /// Outcome probabilities of a pure or mixed state with this Bloch vector.
    ///
    /// # Panics
    /// If the vector is longer than 1, or no vector: there is no such state.
    #[must_use]
    #[track_caller]
    pub fn probabilities(&self, bloch: [f64; 3]) -> [f64; 4] {
        let [x, y, z] = bloch;
        let length = (x * x + y * y + z * z).sqrt();
        assert!(
            length <= 1.0 + ROUNDING,
            "a Bloch vector of length {length} belongs to no state"
        );
        let half = |a: f64, b: f64| Complex64::new(0.5 * a, 0.5 * b);
        let rho = [
            half(1.0 + z, 0.0),
            half(x, -y),
            half(x, y),
            half(1.0 - z, 0.0),
        ];
        let p = |a: usize| trace(&rho, &self.effects[a]).re;
        // Rounding of a probability 0 is no probability.
        std::array::from_fn(p).map(|p| if p < 1e-15 { 0.0 } else { p })
    }

    /// $\mathrm{Tr}(\sigma N_a)$ for a Pauli matrix.
    #[must_use]
    pub fn coefficients(&self, pauli: Pauli) -> [f64; 4] {
        let mut matrix = [Complex64::ZERO; 4];
        for row in 0..2 {
            let (column, element) = pauli.row(row);
            matrix[2 * row + column] = element;
        }
        std::array::from_fn(|a| trace(&matrix, &self.duals[a]).re)
    }

    /// $\mathrm{Tr}(N_a N_b) = (T^{-1})_{ab}$.
    #[must_use]
    pub fn dual_overlaps(&self) -> &[[f64; 4]; 4] {
        &self.gram
    }

    /// The effects, matrices row by row.
    #[must_use]
    pub fn effects(&self) -> &[[Complex64; 4]; 4] {
        &self.effects
    }

    /// The duals, matrices row by row.
    #[must_use]
    pub fn duals(&self) -> &[[Complex64; 4]; 4] {
        &self.duals
    }
}

/// Tr(a b).
pub(super) fn trace(a: &Matrix, b: &Matrix) -> Complex64 {
    a[0] * b[0] + a[1] * b[2] + a[2] * b[1] + a[3] * b[3]
}

/// The smaller eigenvalue of a Hermitian matrix.
fn smallest(m: &Matrix) -> f64 {
    let (mean, half) = (0.5 * (m[0] + m[3]).re, 0.5 * (m[0] - m[3]).re);
    mean - half.hypot(m[1].norm())
}

/// Gauss-Jordan elimination with pivots; `None` for a singular matrix.
fn inverse(mut a: [[f64; 4]; 4]) -> Option<[[f64; 4]; 4]> {
    let mut out = [[0.0; 4]; 4];
    (0..4).for_each(|i| out[i][i] = 1.0);
    for i in 0..4 {
        let pivot = (i..4).max_by(|&x, &y| a[x][i].abs().total_cmp(&a[y][i].abs()))?;
        if a[pivot][i].abs() < 1e-9 {
            return None;
        }
        a.swap(i, pivot);
        out.swap(i, pivot);
        let scale = 1.0 / a[i][i];
        (0..4).for_each(|c| {
            a[i][c] *= scale;
            out[i][c] *= scale;
        });
        for r in (0..4).filter(|&r| r != i) {
            let factor = a[r][i];
            for c in 0..4 {
                a[r][c] -= factor * a[i][c];
                out[r][c] -= factor * out[i][c];
            }
        }
    }
    Some(out)
}
