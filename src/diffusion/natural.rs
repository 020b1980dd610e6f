//! Quantum natural gradient.

use crate::model::DiffusionModel;
use crate::{Condition, DiffusionError, States};
use ketwork_linalg::cholesky_solve;

/// Solves (G + shift * mean diagonal) d = g with the Fubini-Study metric of normalised outputs,
/// averaged over some states of the batch,
/// $G_{ij} = \mathrm{Re}[\langle\partial_i\psi|\partial_j\psi\rangle -
/// \langle\partial_i\psi|\psi\rangle\langle\psi|\partial_j\psi\rangle]$.
///
/// # References
/// J. Stokes, J. Izaac, N. Killoran, G. Carleo, Quantum 4, 269 (2020), eq. 8.
pub(crate) fn natural_gradient(
    model: &DiffusionModel,
    t: usize,
    x: &States,
    condition: &Condition,
    gradient: &[f64],
    shift: f64,
    states: usize,
) -> Result<Vec<f64>, DiffusionError> {
    let p = gradient.len();
    // Spread over the batch, which is sorted by label.
    let count = states.min(x.len());
    let rows: Vec<usize> = (0..count).map(|k| k * x.len() / count).collect();
    let mut metric = vec![0.0; p * p];
    for &i in &rows {
        let jacobian = model.jacobian(t, x.row(i), condition, i);
        for row in jacobian.chunks_exact(p) {
            for (a, &ja) in row.iter().enumerate() {
                if ja != 0.0 {
                    let out = &mut metric[a * p..a * p + a + 1];
                    out.iter_mut()
                        .zip(row)
                        .for_each(|(m, jb)| *m += ja * jb / count as f64);
                }
            }
        }
    }
    let mean = (0..p).map(|i| metric[i * p + i]).sum::<f64>() / p as f64;
    let mut shift = shift * mean.max(f64::MIN_POSITIVE);
    // A shift that rounding defeats grows tenfold until the matrix is positive.
    for _ in 0..12 {
        let mut a = metric.clone();
        (0..p).for_each(|i| a[i * p + i] += shift);
        let mut d = gradient.to_vec();
        if cholesky_solve(&a, &mut d).is_ok() {
            return Ok(d);
        }
        shift *= 10.0;
    }
    Err(DiffusionError::NoConvergence {
        what: "the Fubini-Study metric",
    })
}
