use faer::linalg::cholesky::llt::factor::LltError;
use faer::prelude::Solve;
use faer::{MatMut, MatRef, Side};

/// Solves A x = b in place for a symmetric positive definite A (m, m) given by its lower triangle.
///
/// # Errors
/// The number of the first pivot that is not positive; b is then unchanged.
pub fn cholesky_solve(a: &[f64], b: &mut [f64]) -> Result<(), usize> {
    let m = b.len();
    let llt = MatRef::from_row_major_slice(a, m, m)
        .llt(Side::Lower)
        .map_err(|LltError::NonPositivePivot { index }| index)?;
    llt.solve_in_place(MatMut::from_column_major_slice_mut(b, m, 1));
    Ok(())
}

/// A x for a symmetric A (m, m) given by its lower triangle.
#[must_use]
pub fn symmetric_times(a: &[f64], x: &[f64]) -> Vec<f64> {
    let m = x.len();
    let mut y = vec![0.0; m];
    for (r, row) in a.chunks_exact(m).enumerate() {
        let mut sum = row[r] * x[r];
        for c in 0..r {
            sum += row[c] * x[c];
            y[c] += row[c] * x[r];
        }
        y[r] += sum;
    }
    y
}
