//! Quantum natural gradient.

use crate::block::{Block, LANES};
use crate::model::{DiffusionModel, Item};
use crate::{Condition, DiffusionError, States};
use ketwork_linalg::{accumulate_columns, cholesky_solve, lower_product};
use num_complex::Complex64;

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
    // Spread over the batch, which is sorted by label.
    let count = states.min(x.len());
    let mut rows = Vec::new();
    for k in 0..count {
        let i = k * x.len() / count;
        rows.extend(model.jacobian(t, x.row(i), condition, i));
    }
    let scale = 1.0 / (count as f64).sqrt();
    rows.iter_mut().for_each(|j| *j *= scale);
    let p = gradient.len();
    let mean = rows.iter().map(|j| j * j).sum::<f64>() / p as f64;
    let mut shift = shift * mean.max(f64::MIN_POSITIVE);
    let solve = match rows.len() < p * p {
        true => among_rows,
        false => among_parameters,
    };
    // A shift that rounding defeats grows tenfold until the matrix is positive.
    for _ in 0..12 {
        if let Some(d) = solve(&rows, gradient, shift) {
            return Ok(d);
        }
        shift *= 10.0;
    }
    Err(DiffusionError::NoConvergence {
        what: "the Fubini-Study metric",
    })
}

/// $(J^T J + \lambda)^{-1} g$ from the metric itself, for more rows (m, p) than parameters.
fn among_parameters(rows: &[f64], gradient: &[f64], shift: f64) -> Option<Vec<f64>> {
    let p = gradient.len();
    let mut metric = vec![0.0; p * p];
    accumulate_columns(rows, p, &mut metric);
    (0..p).for_each(|i| metric[i * p + i] += shift);
    let mut d = gradient.to_vec();
    cholesky_solve(&metric, &mut d).ok().map(|()| d)
}

/// The same for fewer rows, $[g - J^T (J J^T + \lambda)^{-1} J g]/\lambda$.
fn among_rows(rows: &[f64], gradient: &[f64], shift: f64) -> Option<Vec<f64>> {
    let p = gradient.len();
    let m = rows.len() / p;
    let mut kernel = vec![0.0; m * m];
    lower_product(rows, p, &mut kernel);
    (0..m).for_each(|i| kernel[i * m + i] += shift);
    let along = |row: &[f64]| row.iter().zip(gradient).map(|(j, g)| j * g).sum();
    let mut y: Vec<f64> = rows.chunks_exact(p).map(along).collect();
    cholesky_solve(&kernel, &mut y).ok()?;
    let mut d = gradient.to_vec();
    for (row, y) in rows.chunks_exact(p).zip(&y) {
        d.iter_mut().zip(row).for_each(|(d, j)| *d -= j * y);
    }
    d.iter_mut().for_each(|d| *d /= shift);
    Some(d)
}

impl DiffusionModel {
    /// Derivatives of the normalised output of step t for one state, without their component along
    /// it: real and imaginary parts (2^n, 2, F P).
    ///
    /// One backward sweep for eight of its rows.
    pub(crate) fn jacobian(
        &self,
        t: usize,
        x: &[Complex64],
        condition: &Condition,
        i: usize,
    ) -> Vec<f64> {
        let dim = x.len();
        let one = States::from_flat(x.to_vec(), dim)
            .ok()
            .and_then(|s| self.aligned(&s));
        let x = one.as_ref().map_or(x, |s| s.row(0));
        let eight: Vec<Complex64> = (0..LANES).flat_map(|_| x.to_vec()).collect();
        let item = Item {
            rows: x,
            condition,
            first: i,
        };
        let f = self.features.of(condition, i);
        let mut digits = self.digits(t, &item, 1);
        digits.label = [digits.label[0]; LANES];
        let psi = Block::gather(&eight, dim);
        let features = vec![f.clone(); LANES];
        let (angles, _) = self.block_angles(t, &features, &psi);
        let p = angles.len();
        let mut out = vec![0.0; 2 * dim * f.len() * p];
        for first in (0..2 * dim).step_by(LANES) {
            // Row r is the derivative of Re or Im of component r / 2 of (1 - |psi><psi|) d psi / |psi|.
            let cotangent = |l: usize, psi: &[Complex64], c: &mut [Complex64]| {
                let (k, imaginary) = ((first + l) / 2, (first + l) % 2 == 1);
                let norm: f64 = psi.iter().map(Complex64::norm_sqr).sum();
                let unit = if imaginary {
                    Complex64::i()
                } else {
                    Complex64::from(1.0)
                };
                // <e|(1 - |psi><psi|) = <c|, times 1/2: the derivative is 2 Re <c|d psi>.
                let along = psi[k].conj() * unit / norm;
                c.iter_mut().zip(psi).for_each(|(c, p)| *c = -p * along);
                c[k] += unit;
                c.iter_mut().for_each(|c| *c *= 0.5 / norm.sqrt());
                0.0
            };
            let (_, grad) =
                self.circuit
                    .block_pullback(&angles, psi.clone(), LANES, &digits, cotangent);
            for l in 0..LANES {
                let row = &mut out[(first + l) * f.len() * p..(first + l + 1) * f.len() * p];
                for (f, row) in f.iter().zip(row.chunks_exact_mut(p)) {
                    row.iter_mut().zip(&grad).for_each(|(x, g)| *x = f * g.0[l]);
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ketwork_models::Stream;

    #[test]
    fn both_ways_solve_the_same_equations() {
        let (m, p) = (7, 11);
        let random = |name: &str, n: usize| -> Vec<f64> {
            let stream = Stream::new(1).named(name);
            (0..n).map(|i| stream.uniform(i as u64, 0) - 0.5).collect()
        };
        let (rows, gradient) = (random("rows", m * p), random("gradient", p));
        let shift = 0.05;
        let a = among_rows(&rows, &gradient, shift).unwrap();
        let b = among_parameters(&rows, &gradient, shift).unwrap();
        let size = b.iter().map(|x| x.abs()).fold(0.0, f64::max);
        // The condition number is below 200: two solvers differ by that times rounding.
        for (a, b) in a.iter().zip(&b) {
            assert!((a - b).abs() < 1e-12 * size, "{a} and {b}");
        }
    }
}
