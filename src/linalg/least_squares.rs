use faer::Mat;
use faer::MatMut;
use faer::linalg::solvers::{Qr, SolveLstsq};

/// The x of least $\|A x - b\|^2 + \mu^2 \|x\|^2$ for row-major A (m, n), by Householder reflections: no
/// condition number is squared. Columns that depend on each other need a damping: without one x is not
/// finite.
///
/// # Panics
/// If the lengths do not fit, or fewer than n rows come together (m, and n more where `damping` > 0).
#[must_use]
#[track_caller]
pub fn least_squares(a: &[f64], b: &[f64], damping: f64) -> Vec<f64> {
    let m = b.len();
    let n = a.len() / m.max(1);
    assert_eq!(a.len(), m * n, "the shape of A");
    let more = if damping > 0.0 { n } else { 0 };
    assert!(m + more >= n, "{m} rows for {n} unknowns; give a damping");
    let all = Mat::from_fn(m + more, n, |r, c| match r.checked_sub(m) {
        None => a[r * n + c],
        Some(k) if k == c => damping,
        Some(_) => 0.0,
    });
    let mut x = b.to_vec();
    x.resize(m + more, 0.0);
    let rhs = MatMut::from_column_major_slice_mut(&mut x, m + more, 1);
    Qr::new(all.as_ref()).solve_lstsq_in_place(rhs);
    x.truncate(n);
    x
}

/// A least-squares problem $\min_x \|A x - b\|^2 + \mu^2 \|x\|^2$, factored once for several dampings
/// $\mu$ by Householder reflections of the longer side.
#[derive(Clone, Debug)]
pub struct Factored {
    /// The triangle, square and row-major.
    small: Vec<f64>,
    /// The right-hand side in its rows.
    rhs: Vec<f64>,
    /// The orthonormal columns that take the solution back, of a matrix with more columns than rows.
    back: Option<Mat<f64>>,
}

impl Factored {
    /// Factors the row-major A (m, n): cost 2 m n min(m, n), twice that where n > m.
    ///
    /// # Panics
    /// If the lengths do not fit.
    #[must_use]
    #[track_caller]
    pub fn new(a: &[f64], b: &[f64]) -> Self {
        let m = b.len();
        let n = a.len() / m.max(1);
        assert_eq!(a.len(), m * n, "the shape of A");
        if m >= n {
            // The right-hand side is one more column: it comes out turned.
            let all = Mat::from_fn(m, n + 1, |r, c| if c < n { a[r * n + c] } else { b[r] });
            let qr = Qr::new(all.as_ref());
            let r = qr.thin_R();
            let entry = |i: usize| {
                if i / n <= i % n {
                    r[(i / n, i % n)]
                } else {
                    0.0
                }
            };
            return Self {
                small: (0..n * n).map(entry).collect(),
                rhs: (0..n).map(|i| r[(i, n)]).collect(),
                back: None,
            };
        }
        // A^T = Q R: x = Q y with the y of least |R^T y - b|.
        let qr = Qr::new(Mat::from_fn(n, m, |r, c| a[c * n + r]).as_ref());
        let r = qr.thin_R();
        let entry = |i: usize| {
            if i % m <= i / m {
                r[(i % m, i / m)]
            } else {
                0.0
            }
        };
        Self {
            small: (0..m * m).map(entry).collect(),
            rhs: b.to_vec(),
            back: Some(qr.compute_thin_Q()),
        }
    }

    /// The solution for a damping $\mu$: cost 4 min(m, n)^3. At 0 it is not finite where columns (or rows,
    /// of which there are fewer) depend on each other.
    #[must_use]
    pub fn solve(&self, damping: f64) -> Vec<f64> {
        let y = least_squares(&self.small, &self.rhs, damping);
        match &self.back {
            None => y,
            Some(q) => {
                let mut x = vec![0.0; q.nrows()];
                for (c, y) in y.iter().enumerate() {
                    let column = q.col(c);
                    x.iter_mut()
                        .zip(column.iter())
                        .for_each(|(x, q)| *x += q * y);
                }
                x
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Orthonormal columns (n, k) of a fixed matrix.
    fn orthonormal(n: usize, k: usize, seed: f64) -> Mat<f64> {
        let wave = |r: usize, c: usize| ((r * k + c) as f64 * 1.7 + seed).sin();
        Qr::new(Mat::from_fn(n, k, wave).as_ref()).compute_thin_Q()
    }

    #[test]
    fn factored_problems_see_singular_values_down_to_rounding() {
        // s = 1 .. 1e-11, of which the square root of rounding hides the last ones.
        let k = 12;
        let (u, v) = (orthonormal(40, k, 0.3), orthonormal(k + 9, k, 1.1));
        let s: Vec<f64> = (0..k).map(|i| 10f64.powi(-(i as i32))).collect();
        for turned in [false, true] {
            let (left, right) = if turned { (&v, &u) } else { (&u, &v) };
            let (m, n) = (left.nrows(), right.nrows());
            let a: Vec<f64> = (0..m * n)
                .map(|i| {
                    (0..k)
                        .map(|j| s[j] * left[(i / n, j)] * right[(i % n, j)])
                        .sum()
                })
                .collect();
            let b: Vec<f64> = (0..m)
                .map(|r| (0..k).map(|j| s[j] * left[(r, j)]).sum())
                .collect();
            let factored = Factored::new(&a, &b);
            for damping in [1e-2, 1e-6, 1e-9] {
                let x = factored.solve(damping);
                for j in 0..k {
                    let found: f64 = (0..n).map(|r| right[(r, j)] * x[r]).sum();
                    let wanted = s[j] * s[j] / (s[j] * s[j] + damping * damping);
                    // Rounding of A is 1e-16 of its norm: that over s + damping.
                    let room = 1e-14 + 3e-15 / (s[j] + damping);
                    assert!(
                        (found - wanted).abs() < room,
                        "{turned} {damping} {j}: {found} {wanted}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_rest_is_orthogonal_to_the_columns() {
        let (m, n, mu) = (17, 6, 0.3);
        // Squares: sines of an arithmetic sequence would fill a matrix of rank 2.
        let number = |k: usize| (1.7 * (k * k) as f64 + 0.3).sin();
        let a: Vec<f64> = (0..m * n).map(number).collect();
        let b: Vec<f64> = (0..m).map(|k| number(k + 1000)).collect();
        for damping in [0.0, mu] {
            let x = least_squares(&a, &b, damping);
            let rest: Vec<f64> = (0..m)
                .map(|r| (0..n).map(|c| a[r * n + c] * x[c]).sum::<f64>() - b[r])
                .collect();
            for c in 0..n {
                let slope: f64 = (0..m).map(|r| a[r * n + c] * rest[r]).sum();
                // The gradient of the sum of squares vanishes.
                assert!(
                    (slope + damping * damping * x[c]).abs() < 1e-13,
                    "column {c}: {slope}"
                );
            }
        }
        // Fewer rows than unknowns: the shortest solution as the damping falls.
        let short = least_squares(&a[..2 * n], &b[..2], 1e-7);
        let miss = (0..2).map(|r| (0..n).map(|c| a[r * n + c] * short[c]).sum::<f64>() - b[r]);
        assert!(
            miss.map(f64::abs).sum::<f64>() < 1e-12,
            "two equations are solved"
        );
    }
}
