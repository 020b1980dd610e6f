//! From probabilities back to density matrices.

use crate::exact::{Basis, ExactError};
use ketwork_hamiltonians::open::Frame;
use ketwork_linalg::eigen_complex;
use num_complex::Complex64;

/// $\rho = \sum_a P(a) N_{a_1} \otimes \dots \otimes N_{a_N}$, row by row, the first site the most significant
/// digit.
///
/// # Panics
/// If `p` has another length than the basis.
#[must_use]
#[track_caller]
pub fn density_matrix(frame: &Frame, basis: &Basis, p: &[f64]) -> Vec<Complex64> {
    assert_eq!(p.len(), basis.len(), "one probability for each string");
    let configs = basis.configs(0..basis.len());
    let n = configs.n_sites();
    // Strings as base-4 numbers; one site after the other becomes a row and a column bit.
    let mut values = vec![Complex64::ZERO; 1 << (2 * n)];
    for (x, &p) in configs.view().rows().zip(p) {
        let index = x.iter().fold(0, |i, &a| 4 * i + usize::from(a));
        values[index] = Complex64::from(p);
    }
    for site in 0..n {
        let stride = 1usize << (2 * (n - 1 - site));
        for base in (0..values.len()).filter(|i| (i / stride).is_multiple_of(4)) {
            let old: [Complex64; 4] = std::array::from_fn(|a| values[base + a * stride]);
            for e in 0..4 {
                let sum = old.iter().zip(frame.duals()).map(|(o, m)| o * m[e]).sum();
                values[base + e * stride] = sum;
            }
        }
    }
    // Digit e = 2 row + column of each site.
    let d = 1usize << n;
    let mut rho = vec![Complex64::ZERO; d * d];
    for (index, v) in values.into_iter().enumerate() {
        let (mut row, mut column) = (0, 0);
        for site in 0..n {
            let e = index >> (2 * (n - 1 - site)) & 3;
            (row, column) = (2 * row + (e >> 1), 2 * column + (e & 1));
        }
        rho[row * d + column] = v;
    }
    rho
}

/// The smallest eigenvalue of a density matrix (d, d): below 0 where probabilities belong to no state.
///
/// # Errors
/// [`ExactError::Dense`] where the iteration does not converge.
///
/// # Panics
/// If the matrix is not square.
#[track_caller]
pub fn smallest_eigenvalue(rho: &[Complex64]) -> Result<f64, ExactError> {
    let d = (rho.len() as f64).sqrt().round() as usize;
    assert_eq!(d * d, rho.len(), "a square matrix");
    let (values, _) =
        eigen_complex(d, |i, j| rho[i * d + j]).map_err(|_| ExactError::Dense { dimension: d })?;
    Ok(values[0])
}

/// $\mathrm{Tr}\rho^2 = \sum_{ab} P(a) P(b) \prod_i (T^{-1})_{a_i b_i}$.
///
/// # Panics
/// If `p` has another length than the basis.
#[must_use]
#[track_caller]
pub fn purity(frame: &Frame, basis: &Basis, p: &[f64]) -> f64 {
    let rho = density_matrix(frame, basis, p);
    rho.iter().map(|x| x.norm_sqr()).sum()
}
