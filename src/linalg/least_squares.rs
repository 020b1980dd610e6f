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

#[cfg(test)]
mod tests {
    use super::*;

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
