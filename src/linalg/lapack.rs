//! Factorisations by the system's LAPACK (feature `lapack`); see `native` for the same by faer.
//!
//! LAPACK reads columns, so a row-major lower triangle is its upper one and nothing is transposed.

use crate::NoConvergence;
use lax::error::Error;
use lax::layout::MatrixLayout;
use lax::{Lapack, UPLO};

fn columns(n: usize) -> MatrixLayout {
    let n = i32::try_from(n).expect("a matrix that fits into memory has fewer rows than 2^31");
    MatrixLayout::F { col: n, lda: n }
}

/// Eigenvalues, ascending, and eigenvectors, one after another, of the Hermitian matrix (n, n) with the
/// given lower triangle.
pub(crate) fn eigen<T: Lapack>(
    n: usize,
    element: impl Fn(usize, usize) -> T,
) -> Result<(Vec<T::Real>, Vec<T>), NoConvergence> {
    if n == 0 {
        return Ok((Vec::new(), Vec::new()));
    }
    let mut a = Vec::with_capacity(n * n);
    for j in 0..n {
        a.extend((0..n).map(|i| if i >= j { element(i, j) } else { T::zero() }));
    }
    let values = T::eigh(true, columns(n), UPLO::Lower, &mut a).map_err(|_| NoConvergence)?;
    Ok((values, a))
}

/// The Cholesky factor of a matrix (m, m).
#[derive(Clone, Debug)]
pub(crate) struct Factor<T> {
    m: usize,
    upper: Vec<T>,
}

impl<T: Lapack> Factor<T> {
    /// Factorises the symmetric matrix with the lower triangle `a` (m, m), or tells the number of the
    /// first pivot that is not positive.
    pub(crate) fn new(a: &[T], m: usize) -> Result<Self, usize> {
        let mut upper = a.to_vec();
        if m == 0 {
            return Ok(Self { m, upper });
        }
        match T::cholesky(columns(m), UPLO::Upper, &mut upper) {
            Ok(()) => Ok(Self { m, upper }),
            // LAPACK counts from 1.
            Err(Error::LapackComputationalFailure { return_code }) => Err(return_code as usize - 1),
            Err(error) => panic!("LAPACK refuses a square matrix: {error}"),
        }
    }

    /// Solves A x = b in place.
    pub(crate) fn solve(&self, b: &mut [T]) {
        if self.m > 0 {
            T::solve_cholesky(columns(self.m), UPLO::Upper, &self.upper, b)
                .expect("a factor has a positive diagonal");
        }
    }
}
