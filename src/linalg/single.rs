//! A Gram matrix in single precision: half the time of double, as a preconditioner.

use crate::by::Factor;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

/// Rows of an output band.
const BAND: usize = 128;
/// Columns that are rounded and multiplied together.
const COLUMNS: usize = 2048;

/// The lower triangle of $A A^T$ in single precision.
#[derive(Clone, Debug, Default)]
pub struct SingleGram {
    m: usize,
    matrix: Vec<f32>,
    rounded: Vec<f32>,
}

impl SingleGram {
    /// Computes the lower triangle of $A A^T$ for row-major A (m, p), and writes the squared norms of
    /// the rows of A (m), which are summed in double precision.
    ///
    /// # Panics
    /// If the lengths do not fit.
    #[track_caller]
    pub fn compute(&mut self, a: &[f64], p: usize, squares: &mut [f64]) {
        let m = squares.len();
        assert_eq!(m * p, a.len(), "shapes of A A^T");
        self.m = m;
        self.matrix.clear();
        self.matrix.resize(m * m, 0.0);
        squares.fill(0.0);
        for from in (0..p).step_by(COLUMNS) {
            let width = COLUMNS.min(p - from);
            self.rounded.resize(m * width, 0.0);
            self.rounded
                .par_chunks_exact_mut(width)
                .zip(a.par_chunks_exact(p))
                .zip(&mut *squares)
                .for_each(|((out, row), square)| {
                    *square += round(&row[from..from + width], out);
                });
            let rows = &self.rounded;
            let mut bands: Vec<_> = self.matrix.chunks_mut(BAND * m).enumerate().collect();
            // The longest bands first.
            bands.reverse();
            bands.into_par_iter().with_max_len(1).for_each(|(i, out)| {
                let (first, len) = (i * BAND, out.len() / m);
                let left = &rows[first * width..(first + len) * width];
                let left = MatRef::from_row_major_slice(left, len, width);
                let right = MatRef::from_row_major_slice(
                    &rows[..(first + len) * width],
                    first + len,
                    width,
                );
                let out = MatMut::from_row_major_slice_mut(out, len, m).get_mut(.., ..first + len);
                matmul(out, Accum::Add, left, right.transpose(), 1.0, Par::Seq);
            });
        }
    }

    /// $x^T A A^T x$ to single precision.
    #[must_use]
    pub fn square_of(&self, x: &[f64]) -> f64 {
        let row = |(r, row): (usize, &[f32])| {
            let below: f64 = row[..r].iter().zip(x).map(|(a, x)| f64::from(*a) * x).sum();
            x[r] * (2.0 * below + f64::from(row[r]) * x[r])
        };
        self.matrix.chunks_exact(self.m).enumerate().map(row).sum()
    }

    /// The Cholesky factor of $A A^T + \lambda$; `None` where it is not positive in single precision.
    #[must_use]
    pub fn factor(&mut self, lambda: f64) -> Option<SingleFactor> {
        let m = self.m;
        let diagonal: Vec<f32> = (0..m).map(|i| self.matrix[i * m + i]).collect();
        for (i, d) in diagonal.iter().enumerate() {
            self.matrix[i * m + i] = (f64::from(*d) + lambda) as f32;
        }
        let factor = Factor::new(&self.matrix, m);
        for (i, d) in diagonal.into_iter().enumerate() {
            self.matrix[i * m + i] = d;
        }
        factor.ok().map(SingleFactor)
    }
}

/// A Cholesky factor in single precision.
#[derive(Clone, Debug)]
pub struct SingleFactor(Factor<f32>);

impl SingleFactor {
    /// Solves to single precision.
    #[must_use]
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        // Scaled: tiny right-hand sides would underflow.
        let scale = b.iter().fold(0.0, |s: f64, b| s.max(b.abs()));
        if scale == 0.0 {
            return vec![0.0; b.len()];
        }
        let mut x: Vec<f32> = b.iter().map(|b| (b / scale) as f32).collect();
        self.0.solve(&mut x);
        x.into_iter().map(|x| f64::from(x) * scale).collect()
    }
}

/// Rounds a row; its squared norm in eight interleaved sums, which vectorise.
fn round(row: &[f64], out: &mut [f32]) -> f64 {
    let mut sums = [0.0; 8];
    for (out, row) in out.chunks_mut(8).zip(row.chunks(8)) {
        for ((o, x), s) in out.iter_mut().zip(row).zip(&mut sums) {
            *o = *x as f32;
            *s += x * x;
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_and_parts_of_columns_give_the_product_of_double_precision() {
        for m in [1, 127, 129, 300] {
            for p in [3, 2047, 2049] {
                let a: Vec<f64> = (0..m * p).map(|i| (0.37 * i as f64).sin()).collect();
                let mut exact = vec![0.0; m * m];
                crate::lower_product(&a, p, &mut exact);
                let (mut gram, mut squares) = (SingleGram::default(), vec![0.0; m]);
                gram.compute(&a, p, &mut squares);
                for r in 0..m {
                    let square = exact[r * m + r];
                    assert!(
                        (squares[r] - square).abs() < 1e-12 * square,
                        "{m} {p}: row {r}"
                    );
                    for c in 0..=r {
                        let off = f64::from(gram.matrix[r * m + c]) - exact[r * m + c];
                        // Each factor is rounded once, and each of at most p partial sums.
                        let roundings = f64::from(f32::EPSILON) * (1.0 + 0.5 * p as f64);
                        let bound = roundings * (square * exact[c * m + c]).sqrt();
                        assert!(off.abs() <= bound, "{m} {p}: ({r}, {c}) off by {off}");
                    }
                }
            }
        }
    }
}
