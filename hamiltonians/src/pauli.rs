//! Pauli matrices.

use num_complex::Complex64;

/// A Pauli matrix in the basis 0 = up (Z = +1), 1 = down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pauli {
    /// Identity.
    I,
    /// $\begin{pmatrix}0&1\\\\1&0\end{pmatrix}$.
    X,
    /// $\begin{pmatrix}0&-i\\\\i&0\end{pmatrix}$.
    Y,
    /// $\begin{pmatrix}1&0\\\\0&-1\end{pmatrix}$.
    Z,
}

impl Pauli {
    /// The only non-zero element of row `row`: (column, element).
    #[must_use]
    pub fn row(self, row: usize) -> (usize, Complex64) {
        let sign = if row == 0 { 1.0 } else { -1.0 };
        match self {
            Self::I => (row, Complex64::new(1.0, 0.0)),
            Self::X => (1 - row, Complex64::new(1.0, 0.0)),
            Self::Y => (1 - row, Complex64::new(0.0, -sign)),
            Self::Z => (row, Complex64::new(sign, 0.0)),
        }
    }

    /// Reads one of the letters I, X, Y, Z.
    #[must_use]
    pub fn from_letter(letter: char) -> Option<Self> {
        match letter {
            'I' => Some(Self::I),
            'X' => Some(Self::X),
            'Y' => Some(Self::Y),
            'Z' => Some(Self::Z),
            _ => None,
        }
    }
}
