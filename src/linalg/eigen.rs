use crate::by;
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
    let (values, vectors) = by::eigen(n, element)?;
    Ok((values, rows(n, &vectors)))
}

/// The same for a Hermitian matrix.
///
/// # Errors
/// [`NoConvergence`].
pub fn eigen_complex(
    n: usize,
    element: impl Fn(usize, usize) -> Complex64,
) -> Result<(Vec<f64>, Vec<Vec<Complex64>>), NoConvergence> {
    let (values, vectors) = by::eigen(n, element)?;
    Ok((values, rows(n, &vectors)))
}

fn rows<T: Copy>(n: usize, vectors: &[T]) -> Vec<Vec<T>> {
    let rows = vectors.chunks_exact(n.max(1));
    rows.map(<[T]>::to_vec).collect()
}

/// Solves A x = b in place in the eigenspaces with eigenvalues above `cutoff` times the largest, for
/// a symmetric A (m, m) given by its lower triangle; returns the number of these eigenvalues.
///
/// # Errors
/// [`NoConvergence`]; b is then unchanged.
pub fn eigen_solve(a: &[f64], b: &mut [f64], cutoff: f64) -> Result<usize, NoConvergence> {
    let m = b.len();
    let (values, vectors) = by::eigen(m, |i, j| a[i * m + j])?;
    let largest = values.iter().map(|v: &f64| v.abs()).fold(0.0, f64::max);
    let rhs = b.to_vec();
    b.fill(0.0);
    let mut rank = 0;
    for (u, value) in vectors.chunks_exact(m.max(1)).zip(&values) {
        if *value > cutoff * largest {
            rank += 1;
            let c = u.iter().zip(&rhs).map(|(u, r)| u * r).sum::<f64>() / value;
            b.iter_mut().zip(u).for_each(|(b, u)| *b += c * u);
        }
    }
    Ok(rank)
}
