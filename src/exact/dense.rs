//! Dense Hermitian eigenproblems by faer, one thread, so that results do not depend on threads.

use super::ExactError;
use crate::hamiltonians::Scalar;
use faer::{Mat, Side, c64};

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
    let failed = ExactError::Dense { dimension: n };
    // faer knows the two number types, the sealed `Scalar` does not say so: one branch each.
    if T::COMPONENTS == 1 {
        let a = Mat::from_fn(n, n, |i, j| if i >= j { element(i, j).re() } else { 0.0 });
        let evd = a.self_adjoint_eigen(Side::Lower).map_err(|_| failed)?;
        let vector = |k: usize| {
            evd.U()
                .col(k)
                .iter()
                .map(|&v| T::from_parts(v, 0.0))
                .collect()
        };
        Ok(Eigen {
            values: evd.S().column_vector().iter().copied().collect(),
            vectors: (0..n).map(vector).collect(),
        })
    } else {
        let a = Mat::from_fn(n, n, |i, j| {
            if i >= j {
                element(i, j).to_complex()
            } else {
                c64::new(0.0, 0.0)
            }
        });
        let evd = a.self_adjoint_eigen(Side::Lower).map_err(|_| failed)?;
        let vector = |k: usize| {
            evd.U()
                .col(k)
                .iter()
                .map(|v| T::from_parts(v.re, v.im))
                .collect()
        };
        Ok(Eigen {
            values: evd.S().column_vector().iter().map(|v| v.re).collect(),
            vectors: (0..n).map(vector).collect(),
        })
    }
}
