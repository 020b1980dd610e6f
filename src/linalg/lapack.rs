//! Factorisations by the system's LAPACK (feature `lapack`); see `native` for the same by faer.

use crate::NoConvergence;
use lax::error::Error;
use ndarray::{Array2, ArrayView2, ArrayViewMut1, ShapeBuilder};
use ndarray_linalg::error::LinalgError;
use ndarray_linalg::{CholeskyFactorized, CholeskyInto, EighInto, Lapack, Scalar, SolveC, UPLO};

/// Eigenvalues, ascending, and eigenvectors, one after another, of the Hermitian matrix (n, n) with the
/// given lower triangle.
pub(crate) fn eigen<T: Lapack + Scalar>(
    n: usize,
    element: impl Fn(usize, usize) -> T,
) -> Result<(Vec<T::Real>, Vec<T>), NoConvergence> {
    if n == 0 {
        return Ok((Vec::new(), Vec::new()));
    }
    let lower = |(i, j)| if i >= j { element(i, j) } else { T::zero() };
    let a = Array2::from_shape_fn((n, n).f(), lower);
    let (values, vectors) = a.eigh_into(UPLO::Lower).map_err(|_| NoConvergence)?;
    Ok((values.to_vec(), vectors.t().iter().copied().collect()))
}

/// The Cholesky factor of a matrix (m, m).
#[derive(Clone, Debug)]
pub(crate) struct Factor<T>(Array2<T>);

impl<T: Lapack + Scalar> Factor<T> {
    /// Factorises the symmetric matrix with the lower triangle `a` (m, m), or tells the number of the
    /// first pivot that is not positive.
    pub(crate) fn new(a: &[T], m: usize) -> Result<Self, usize> {
        let a = ArrayView2::from_shape((m, m), a)
            .expect("the shape of A")
            .to_owned();
        if m == 0 {
            return Ok(Self(a));
        }
        match a.cholesky_into(UPLO::Lower) {
            Ok(factor) => Ok(Self(factor)),
            // LAPACK counts from 1.
            Err(LinalgError::Lapack(Error::LapackComputationalFailure { return_code })) => {
                Err(return_code as usize - 1)
            }
            Err(error) => panic!("LAPACK refuses a square matrix: {error}"),
        }
    }

    /// Solves A x = b in place.
    pub(crate) fn solve(&self, b: &mut [T]) {
        if self.0.is_empty() {
            return;
        }
        let factor = CholeskyFactorized {
            factor: self.0.view(),
            uplo: UPLO::Lower,
        };
        factor
            .solvec_inplace(&mut ArrayViewMut1::from(b))
            .expect("a factor has a positive diagonal");
    }
}
