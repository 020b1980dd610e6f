use crate::by::Factor;

/// Solves A x = b in place for a symmetric positive definite A (m, m) given by its lower triangle.
///
/// # Errors
/// The number of the first pivot that is not positive; b is then unchanged.
///
/// # Panics
/// If the lengths do not fit.
#[track_caller]
pub fn cholesky_solve(a: &[f64], b: &mut [f64]) -> Result<(), usize> {
    assert_eq!(a.len(), b.len() * b.len(), "the shape of A");
    Factor::new(a, b.len())?.solve(b);
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
