use faer::{Mat, MatRef, Side, c64};
use num_complex::Complex64;

/// An eigenvalue iteration that did not converge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoConvergence;

/// Eigenvalues, ascending, and eigenvectors, one a row, of the symmetric matrix (n, n) with the
/// given lower triangle; the upper is not asked for.
///
/// # Errors
/// [`NoConvergence`].
pub fn eigen_real(
    n: usize,
    element: impl Fn(usize, usize) -> f64,
) -> Result<(Vec<f64>, Vec<Vec<f64>>), NoConvergence> {
    let a = Mat::from_fn(n, n, |i, j| if i >= j { element(i, j) } else { 0.0 });
    let (values, vectors) = of_real(a.as_ref())?;
    let rows = (0..n).map(|k| vectors.col(k).iter().copied().collect());
    Ok((values, rows.collect()))
}

/// The same for a Hermitian matrix.
///
/// # Errors
/// [`NoConvergence`].
pub fn eigen_complex(
    n: usize,
    element: impl Fn(usize, usize) -> Complex64,
) -> Result<(Vec<f64>, Vec<Vec<Complex64>>), NoConvergence> {
    let zero = c64::new(0.0, 0.0);
    let a = Mat::from_fn(n, n, |i, j| if i >= j { element(i, j) } else { zero });
    let eigen = a
        .self_adjoint_eigen(Side::Lower)
        .map_err(|_| NoConvergence)?;
    let values = eigen.S().column_vector().iter().map(|v| v.re).collect();
    let rows = (0..n).map(|k| eigen.U().col(k).iter().copied().collect());
    Ok((values, rows.collect()))
}

/// Solves A x = b in place in the eigenspaces with eigenvalues above `cutoff` times the largest, for
/// a symmetric A (m, m) given by its lower triangle; returns the number of these eigenvalues.
///
/// # Errors
/// [`NoConvergence`]; b is then unchanged.
pub fn eigen_solve(a: &[f64], b: &mut [f64], cutoff: f64) -> Result<usize, NoConvergence> {
    let m = b.len();
    let (values, u) = of_real(MatRef::from_row_major_slice(a, m, m))?;
    let largest = values.iter().map(|v| v.abs()).fold(0.0, f64::max);
    let rhs = b.to_vec();
    b.fill(0.0);
    let mut rank = 0;
    for i in (0..m).filter(|&i| values[i] > cutoff * largest) {
        rank += 1;
        let c = (0..m).map(|r| u[(r, i)] * rhs[r]).sum::<f64>() / values[i];
        for (r, b) in b.iter_mut().enumerate() {
            *b += c * u[(r, i)];
        }
    }
    Ok(rank)
}

fn of_real(a: MatRef<'_, f64>) -> Result<(Vec<f64>, Mat<f64>), NoConvergence> {
    let eigen = a
        .self_adjoint_eigen(Side::Lower)
        .map_err(|_| NoConvergence)?;
    let values = eigen.S().column_vector().iter().copied().collect();
    Ok((values, eigen.U().to_owned()))
}
