//! Dense Hermitian eigenproblems, one thread, so that results do not depend on threads.

use super::ExactError;
use crate::hamiltonians::Scalar;
use ketwork_linalg::{eigen_complex, eigen_real};

/// Eigenvalues, ascending, and eigenvectors, one a row.
pub(super) struct Eigen<T> {
    pub(super) values: Vec<f64>,
    pub(super) vectors: Vec<Vec<T>>,
}

/// Eigenpairs of the Hermitian matrix with the given lower triangle; the upper is not read.
pub(super) fn eigen<T: Scalar>(
    n: usize,
    element: impl Fn(usize, usize) -> T,
) -> Result<Eigen<T>, ExactError> {
    let failed = |_| ExactError::Dense { dimension: n };
    // One branch for each number type: the sealed `Scalar` does not say which it is.
    if T::COMPONENTS == 1 {
        let (values, rows) = eigen_real(n, |i, j| element(i, j).re()).map_err(failed)?;
        let row = |row: Vec<f64>| row.into_iter().map(|v| T::from_parts(v, 0.0)).collect();
        Ok(Eigen {
            values,
            vectors: rows.into_iter().map(row).collect(),
        })
    } else {
        let (values, rows) = eigen_complex(n, |i, j| element(i, j).to_complex()).map_err(failed)?;
        let row = |row: Vec<_>| {
            let part = |v: num_complex::Complex64| T::from_parts(v.re, v.im);
            row.into_iter().map(part).collect()
        };
        Ok(Eigen {
            values,
            vectors: rows.into_iter().map(row).collect(),
        })
    }
}
