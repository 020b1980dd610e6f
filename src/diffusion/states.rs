//! Batches of pure states.

use crate::DiffusionError;
use num_complex::Complex64;

/// Normalised pure states, one a row.
///
/// Qubit q of n is bit n - 1 - q of a basis state's number: qubit 0 is the most significant digit,
/// as in the Kronecker product.
///
/// # Shapes
/// (B, 2^n), row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct States {
    n_qubits: u32,
    amplitudes: Vec<Complex64>,
}

impl States {
    /// Largest number of qubits of a state, ancillas included.
    pub const MAX_QUBITS: u32 = 24;

    /// Normalises the rows.
    ///
    /// # Errors
    /// [`DiffusionError`] for no rows, lengths that differ or are no power of two, rows that are zero
    /// or not finite, more than [`Self::MAX_QUBITS`] qubits.
    pub fn new(rows: &[Vec<Complex64>]) -> Result<Self, DiffusionError> {
        let dim = rows.first().map_or(0, Vec::len);
        for (row, r) in rows.iter().enumerate() {
            if r.len() != dim {
                return Err(DiffusionError::Ragged {
                    row,
                    length: r.len(),
                    expected: dim,
                });
            }
        }
        Self::from_flat(rows.concat(), dim)
    }

    /// Amplitude encoding of real vectors, such as pixels: x / |x|.
    ///
    /// # Errors
    /// Those of [`Self::new`].
    pub fn from_real(rows: &[Vec<f64>]) -> Result<Self, DiffusionError> {
        let complex = |r: &Vec<f64>| r.iter().map(|&x| Complex64::new(x, 0.0)).collect();
        Self::new(&rows.iter().map(complex).collect::<Vec<_>>())
    }

    /// Rows of `dim` amplitudes one after another, normalised.
    pub(crate) fn from_flat(
        mut amplitudes: Vec<Complex64>,
        dim: usize,
    ) -> Result<Self, DiffusionError> {
        if amplitudes.is_empty() && dim == 0 {
            return Err(DiffusionError::TooFew {
                what: "states",
                found: 0,
                needed: 1,
            });
        }
        if dim < 2 || !dim.is_power_of_two() {
            return Err(DiffusionError::NotPowerOfTwo {
                row: 0,
                length: dim,
            });
        }
        let n_qubits = dim.ilog2();
        if n_qubits > Self::MAX_QUBITS {
            return Err(DiffusionError::Memory {
                n_qubits: n_qubits as usize,
                needed: 16.0 * dim as f64,
                allowed: 16 << Self::MAX_QUBITS,
            });
        }
        for (row, r) in amplitudes.chunks_exact_mut(dim).enumerate() {
            normalise(row, r)?;
        }
        Ok(Self {
            n_qubits,
            amplitudes,
        })
    }

    /// Number of qubits n.
    #[must_use]
    pub fn n_qubits(&self) -> u32 {
        self.n_qubits
    }

    /// 2^n.
    #[must_use]
    pub fn dim(&self) -> usize {
        1 << self.n_qubits
    }

    /// Number of states B.
    #[must_use]
    pub fn len(&self) -> usize {
        self.amplitudes.len() / self.dim()
    }

    /// Whether there is no state.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.amplitudes.is_empty()
    }

    /// Amplitudes of state i.
    #[must_use]
    pub fn row(&self, i: usize) -> &[Complex64] {
        &self.amplitudes[i * self.dim()..(i + 1) * self.dim()]
    }

    /// All rows.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[Complex64]> {
        self.amplitudes.chunks_exact(self.dim())
    }

    /// The rows with the given numbers.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            n_qubits: self.n_qubits,
            amplitudes: rows.iter().flat_map(|&i| self.row(i).to_vec()).collect(),
        }
    }

    /// Moduli $|\langle i|\psi\rangle|$ of each state: what a picture shows.
    #[must_use]
    pub fn moduli(&self) -> Vec<Vec<f64>> {
        self.rows()
            .map(|r| r.iter().map(|z| z.norm()).collect())
            .collect()
    }

    pub(crate) fn flat(&self) -> &[Complex64] {
        &self.amplitudes
    }
}

fn normalise(row: usize, r: &mut [Complex64]) -> Result<(), DiffusionError> {
    if r.iter().any(|z| !z.re.is_finite() || !z.im.is_finite()) {
        return Err(DiffusionError::NotFinite { row });
    }
    // Divided by the largest number first, so that squares neither overflow nor vanish.
    let largest = r
        .iter()
        .map(|z| z.re.abs().max(z.im.abs()))
        .fold(0.0, f64::max);
    if largest <= 0.0 {
        return Err(DiffusionError::ZeroVector { row });
    }
    r.iter_mut().for_each(|z| *z /= largest);
    let norm = r.iter().map(Complex64::norm_sqr).sum::<f64>().sqrt();
    r.iter_mut().for_each(|z| *z /= norm);
    Ok(())
}

/// $\langle a|b\rangle$.
pub(crate) fn inner(a: &[Complex64], b: &[Complex64]) -> Complex64 {
    a.iter().zip(b).map(|(a, b)| a.conj() * b).sum()
}

/// $|\langle a|b\rangle|^2 / \langle b|b\rangle$ for normalised a.
///
/// # Panics
/// If the lengths differ.
#[must_use]
#[track_caller]
pub fn fidelity(a: &[Complex64], b: &[Complex64]) -> f64 {
    assert_eq!(a.len(), b.len(), "states of equal length");
    let norm: f64 = b.iter().map(Complex64::norm_sqr).sum();
    inner(a, b).norm_sqr() / norm
}
