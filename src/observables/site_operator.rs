use ketwork_hamiltonians::{OperatorError, Pauli};
use num_complex::Complex64;

/// A Hermitian matrix on one site, the same on every site: the O of $\langle O_i O_j \rangle$.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteOperator {
    local_dim: usize,
    matrix: Vec<Complex64>,
}

impl SiteOperator {
    /// A Hermitian $d \times d$ matrix.
    ///
    /// # Shapes
    /// `matrix` (d, d), row-major.
    ///
    /// # Errors
    /// [`OperatorError`] where it is not Hermitian or not finite.
    ///
    /// # Panics
    /// If `matrix` is no square matrix of `local_dim` rows.
    #[track_caller]
    pub fn new(local_dim: usize, matrix: &[Complex64]) -> Result<Self, OperatorError> {
        assert_eq!(
            matrix.len(),
            local_dim * local_dim,
            "a square matrix on one site"
        );
        if let Some(m) = matrix.iter().find(|m| !m.is_finite()) {
            return Err(OperatorError::NotFinite {
                what: format!("a matrix element ({m}) of the site operator"),
            });
        }
        for row in 0..local_dim {
            for column in 0..=row {
                let element = matrix[row * local_dim + column];
                let transpose = matrix[column * local_dim + row];
                if (element - transpose.conj()).norm() > 1e-14 * element.norm() {
                    return Err(OperatorError::NotHermitian {
                        sites: vec![0],
                        row,
                        column,
                        element,
                        transpose,
                    });
                }
            }
        }
        Ok(Self {
            local_dim,
            matrix: matrix.to_vec(),
        })
    }

    /// A number for each value of a site.
    ///
    /// # Panics
    /// If one is not finite.
    #[track_caller]
    #[must_use]
    pub fn diagonal(values: &[f64]) -> Self {
        let d = values.len();
        let mut matrix = vec![Complex64::ZERO; d * d];
        for (v, &value) in values.iter().enumerate() {
            matrix[v * d + v] = value.into();
        }
        Self::new(d, &matrix).expect("the values are finite")
    }

    /// A Pauli matrix on a qubit.
    #[must_use]
    pub fn pauli(letter: Pauli) -> Self {
        Self::scaled(letter, 1.0)
    }

    /// A component of the spin-1/2 operator $S = \sigma / 2$ on a qubit.
    #[must_use]
    pub fn spin(letter: Pauli) -> Self {
        Self::scaled(letter, 0.5)
    }

    /// The value of the site: the number of particles, or of Rydberg excitations, $n = (1 - Z)/2$.
    #[must_use]
    pub fn density(local_dim: usize) -> Self {
        let values: Vec<f64> = (0..local_dim).map(|v| v as f64).collect();
        Self::diagonal(&values)
    }

    fn scaled(letter: Pauli, by: f64) -> Self {
        let mut matrix = vec![Complex64::ZERO; 4];
        for row in 0..2 {
            let (column, element) = letter.row(row);
            matrix[row * 2 + column] = element * by;
        }
        Self {
            local_dim: 2,
            matrix,
        }
    }

    /// Number of values d of a site.
    #[must_use]
    pub fn local_dim(&self) -> usize {
        self.local_dim
    }

    /// Whether only the values of the sites are read: then no amplitude is evaluated.
    #[must_use]
    pub fn is_diagonal(&self) -> bool {
        let d = self.local_dim;
        (0..d * d).all(|k| k % (d + 1) == 0 || self.matrix[k] == Complex64::ZERO)
    }

    /// $\langle \mathrm{row}|O|\mathrm{column}\rangle$.
    pub(super) fn element(&self, row: u8, column: u8) -> Complex64 {
        self.matrix[usize::from(row) * self.local_dim + usize::from(column)]
    }

    /// $O^2$.
    pub(super) fn squared(&self) -> Self {
        let d = self.local_dim;
        let product = |k: usize| {
            let row = self.matrix[k / d * d..][..d].iter();
            let column = self.matrix[k % d..].iter().step_by(d);
            row.zip(column).map(|(a, b)| a * b).sum()
        };
        Self {
            local_dim: d,
            matrix: (0..d * d).map(product).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spins_square_to_a_quarter_and_what_is_not_hermitian_is_refused() {
        for letter in [Pauli::X, Pauli::Y, Pauli::Z] {
            let square = SiteOperator::spin(letter).squared();
            assert_eq!(square, SiteOperator::diagonal(&[0.25, 0.25]), "{letter:?}");
            assert_eq!(
                SiteOperator::pauli(letter).is_diagonal(),
                letter == Pauli::Z
            );
        }
        assert_eq!(
            SiteOperator::density(3).squared(),
            SiteOperator::diagonal(&[0.0, 1.0, 4.0])
        );
        let zero = Complex64::ZERO;
        let raising = [zero, Complex64::ONE, zero, zero];
        assert!(matches!(
            SiteOperator::new(2, &raising),
            Err(OperatorError::NotHermitian { row: 1, .. })
        ));
        let endless = [Complex64::new(f64::NAN, 0.0), zero, zero, zero];
        assert!(matches!(
            SiteOperator::new(2, &endless),
            Err(OperatorError::NotFinite { .. })
        ));
    }
}
