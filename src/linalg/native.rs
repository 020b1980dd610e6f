//! Factorisations by faer: the default, without a system library.

use crate::NoConvergence;
use faer::linalg::cholesky::llt::factor::LltError;
use faer::linalg::solvers::Llt;
use faer::prelude::Solve;
use faer::traits::ComplexField;
use faer::{Mat, MatMut, MatRef, Side};

/// Eigenvalues, ascending, and eigenvectors, one after another, of the Hermitian matrix (n, n) with the
/// given lower triangle.
pub(crate) fn eigen<T: ComplexField>(
    n: usize,
    element: impl Fn(usize, usize) -> T,
) -> Result<(Vec<T::Real>, Vec<T>), NoConvergence> {
    let lower = |i, j| {
        if i >= j {
            element(i, j)
        } else {
            T::zero_impl()
        }
    };
    let a = Mat::from_fn(n, n, lower);
    let eigen = a
        .self_adjoint_eigen(Side::Lower)
        .map_err(|_| NoConvergence)?;
    let values = eigen.S().column_vector().iter().map(T::real_part_impl);
    let vectors = (0..n).flat_map(|k| eigen.U().col(k).iter().cloned());
    Ok((values.collect(), vectors.collect()))
}

/// The Cholesky factor of a matrix (m, m).
#[derive(Clone, Debug)]
pub(crate) struct Factor<T>(Llt<T>);

impl<T: ComplexField> Factor<T> {
    /// Factorises the symmetric matrix with the lower triangle `a` (m, m), or tells the number of the
    /// first pivot that is not positive.
    pub(crate) fn new(a: &[T], m: usize) -> Result<Self, usize> {
        let factor = MatRef::from_row_major_slice(a, m, m).llt(Side::Lower);
        let factor = factor.map_err(|LltError::NonPositivePivot { index }| index)?;
        Ok(Self(factor))
    }

    /// Solves A x = b in place.
    pub(crate) fn solve(&self, b: &mut [T]) {
        let m = b.len();
        self.0
            .solve_in_place(MatMut::from_column_major_slice_mut(b, m, 1));
    }
}
