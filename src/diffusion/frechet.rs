//! Frechet distance of point clouds in the space of their leading principal components.

use crate::DiffusionError;
use ketwork_linalg::{eigen_real, product};

/// Largest dimension whose covariance is always written out.
const DENSE: usize = 1024;

/// Variances below this share of the largest are rounding, about the number of points times 1e-16: their
/// directions are arbitrary.
const NO_VARIANCE: f64 = 1e-12;

/// Leading principal components of a reference cloud.
#[derive(Clone, Debug)]
pub struct Pca {
    mean: Vec<f64>,
    /// Directions, one a row, of falling variance.
    directions: Vec<Vec<f64>>,
}

/// Mean and covariance (k, k) of projected points.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    mean: Vec<f64>,
    covariance: Vec<f64>,
}

impl Pca {
    /// The first `k` principal components of the points, at most as many as the points vary in.
    ///
    /// # Errors
    /// [`DiffusionError::TooFew`] for fewer than two points, or equal ones; [`DiffusionError::NoConvergence`].
    pub fn new(points: &[Vec<f64>], k: usize) -> Result<Self, DiffusionError> {
        let n = points.len();
        if n > 1 && points[0].len() > n.max(DENSE) {
            return Self::of_few(points, k);
        }
        let Moments { mean, covariance } = moments(points)?;
        let d = mean.len();
        let (values, vectors) = eigen_real(d, |i, j| covariance[i * d + j]).map_err(|_| FAILED)?;
        let largest = positive(&values, mean.iter().map(|m| m * m).sum())?;
        let pairs = values.iter().zip(vectors).rev().take(k);
        let directions = pairs.filter(|(value, _)| **value > NO_VARIANCE * largest);
        Ok(Self {
            mean,
            directions: directions.map(|(_, vector)| vector).collect(),
        })
    }

    /// Number of components.
    #[must_use]
    pub fn len(&self) -> usize {
        self.directions.len()
    }

    /// Whether there is none: asked for with `k` = 0.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.directions.is_empty()
    }

    /// The same from the scalar products of the points, which are fewer than the dimension: the directions in
    /// which n points vary are n - 1 combinations of them.
    fn of_few(points: &[Vec<f64>], k: usize) -> Result<Self, DiffusionError> {
        let (n, mean) = (points.len(), centre(points));
        let centred: Vec<Vec<f64>> = points
            .iter()
            .map(|p| p.iter().zip(&mean).map(|(x, m)| x - m).collect())
            .collect();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        let (values, vectors) =
            eigen_real(n, |i, j| dot(&centred[i], &centred[j])).map_err(|_| FAILED)?;
        let largest = positive(&values, dot(&mean, &mean) * n as f64)?;
        let directions = values
            .iter()
            .zip(&vectors)
            .rev()
            .take(k)
            .filter(|(value, _)| **value > NO_VARIANCE * largest)
            .map(|(value, vector)| {
                let mut along = vec![0.0; mean.len()];
                for (p, v) in centred.iter().zip(vector) {
                    let add = along.iter_mut().zip(p);
                    add.for_each(|(a, x)| *a += v * x / value.sqrt());
                }
                along
            })
            .collect();
        Ok(Self { mean, directions })
    }

    /// Moments of points in the space of the components.
    ///
    /// # Errors
    /// [`DiffusionError::TooFew`] for fewer than two points.
    pub fn moments(&self, points: &[Vec<f64>]) -> Result<Moments, DiffusionError> {
        let project = |x: &Vec<f64>| {
            let along = |v: &Vec<f64>| {
                v.iter()
                    .zip(x)
                    .zip(&self.mean)
                    .map(|((v, x), m)| v * (x - m))
                    .sum()
            };
            self.directions.iter().map(along).collect()
        };
        moments(&points.iter().map(project).collect::<Vec<_>>())
    }
}

/// The largest of ascending variances; points whose variance is rounding of their squares are equal.
fn positive(values: &[f64], squares: f64) -> Result<f64, DiffusionError> {
    let largest = values.last().copied().unwrap_or(0.0);
    if largest > NO_VARIANCE * NO_VARIANCE * squares {
        return Ok(largest);
    }
    Err(DiffusionError::TooFew {
        what: "different points of a covariance",
        found: 1,
        needed: 2,
    })
}

const FAILED: DiffusionError = DiffusionError::NoConvergence {
    what: "a covariance",
};

/// The mean of at least one point.
fn centre(points: &[Vec<f64>]) -> Vec<f64> {
    let n = points.len() as f64;
    (0..points[0].len())
        .map(|i| points.iter().map(|p| p[i]).sum::<f64>() / n)
        .collect()
}

/// Mean and covariance with the denominator n - 1.
fn moments(points: &[Vec<f64>]) -> Result<Moments, DiffusionError> {
    let n = points.len();
    if n < 2 {
        return Err(DiffusionError::TooFew {
            what: "points of a covariance",
            found: n,
            needed: 2,
        });
    }
    let (d, mean) = (points[0].len(), centre(points));
    let mut covariance = vec![0.0; d * d];
    for p in points {
        for i in 0..d {
            for j in 0..d {
                covariance[i * d + j] += (p[i] - mean[i]) * (p[j] - mean[j]) / (n - 1) as f64;
            }
        }
    }
    Ok(Moments { mean, covariance })
}

/// Square root of a positive semidefinite matrix (d, d).
fn root(d: usize, a: &[f64]) -> Result<Vec<f64>, DiffusionError> {
    let (values, vectors) = eigen_real(d, |i, j| a[i * d + j]).map_err(|_| FAILED)?;
    let mut out = vec![0.0; d * d];
    for (e, v) in values.iter().zip(&vectors) {
        let e = e.max(0.0).sqrt();
        for i in 0..d {
            for j in 0..d {
                out[i * d + j] += e * v[i] * v[j];
            }
        }
    }
    Ok(out)
}

/// $|m_1-m_2|^2 + \mathrm{Tr}[C_1 + C_2 - 2(C_1^{1/2} C_2 C_1^{1/2})^{1/2}]$, the squared
/// Wasserstein-2 distance of two normal distributions.
///
/// # Errors
/// [`DiffusionError::NoConvergence`].
///
/// # Panics
/// If the dimensions differ.
///
/// # References
/// D. C. Dowson, B. V. Landau, J. Multivariate Anal. 12, 450 (1982), eq. 16.
pub fn frechet(a: &Moments, b: &Moments) -> Result<f64, DiffusionError> {
    let d = a.mean.len();
    assert_eq!(b.mean.len(), d, "moments of equal dimension");
    let r = root(d, &a.covariance)?;
    let mut rb = vec![0.0; d * d];
    let mut rbr = vec![0.0; d * d];
    product(&r, &b.covariance, d, &mut rb);
    product(&rb, &r, d, &mut rbr);
    let (values, _) = eigen_real(d, |i, j| rbr[i * d + j]).map_err(|_| FAILED)?;
    let cross: f64 = values.iter().map(|e| e.max(0.0).sqrt()).sum();
    let trace = |c: &[f64]| (0..d).map(|i| c[i * d + i]).sum::<f64>();
    let shift: f64 = a
        .mean
        .iter()
        .zip(&b.mean)
        .map(|(x, y)| (x - y).powi(2))
        .sum();
    Ok((shift + trace(&a.covariance) + trace(&b.covariance) - 2.0 * cross).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagonal(mean: [f64; 2], variance: [f64; 2]) -> Moments {
        Moments {
            mean: mean.to_vec(),
            covariance: vec![variance[0], 0.0, 0.0, variance[1]],
        }
    }

    #[test]
    fn commuting_covariances_have_a_closed_form() {
        let d = frechet(
            &diagonal([1.0, 2.0], [4.0, 9.0]),
            &diagonal([0.0, 4.0], [1.0, 16.0]),
        );
        // 1 + 4 + (2 - 1)^2 + (3 - 4)^2.
        assert!((d.unwrap() - 7.0).abs() < 1e-12, "another distance");
    }

    #[test]
    fn few_points_have_the_components_of_their_covariance() {
        let number = |i: usize, j: usize| ((7 * i + 3 * j * j + 5 * i * j) as f64).sin();
        let cloud = |n: usize, shift: f64| -> Vec<Vec<f64>> {
            (0..n)
                .map(|i| (0..12).map(|j| number(i, j) + shift * j as f64).collect())
                .collect()
        };
        let (reference, other) = (cloud(6, 0.0), cloud(9, 0.3));
        let distance = |pca: &Pca| {
            let of = |points: &[Vec<f64>]| pca.moments(points).unwrap();
            frechet(&of(&reference), &of(&other)).unwrap()
        };
        let dense = Pca::new(&reference, 4).unwrap();
        let few = Pca::of_few(&reference, 4).unwrap();
        let (a, b) = (distance(&dense), distance(&few));
        assert!(a > 0.1 && (a - b).abs() < 1e-9 * a, "{a} against {b}");
        // Six points vary in five directions.
        assert_eq!(Pca::of_few(&reference, 9).unwrap().len(), 5);
        assert_eq!(Pca::new(&reference, 9).unwrap().len(), 5);
        // Equal points vary in none, whichever way is taken.
        let equal = vec![reference[0].clone(); 7];
        for pca in [Pca::new(&equal, 3), Pca::of_few(&equal, 3)] {
            let error = pca.unwrap_err();
            assert!(matches!(error, DiffusionError::TooFew { .. }), "{error}");
        }
    }

    #[test]
    fn a_rotation_of_both_clouds_changes_nothing() {
        let turn = |m: &Moments, a: f64| {
            let (c, s) = (a.cos(), a.sin());
            let [x, y] = [m.mean[0], m.mean[1]];
            let (u, w, v) = (m.covariance[0], m.covariance[1], m.covariance[3]);
            let off = c * s * (u - v) + (c * c - s * s) * w;
            Moments {
                mean: vec![c * x - s * y, s * x + c * y],
                covariance: vec![
                    c * c * u - 2.0 * c * s * w + s * s * v,
                    off,
                    off,
                    s * s * u + 2.0 * c * s * w + c * c * v,
                ],
            }
        };
        let a = turn(&diagonal([1.0, 0.0], [3.0, 1.0]), 0.3);
        let b = diagonal([0.0, 2.0], [2.0, 5.0]);
        let before = frechet(&a, &b).unwrap();
        let after = frechet(&turn(&a, 1.1), &turn(&b, 1.1)).unwrap();
        assert!((before - after).abs() < 1e-11, "{before} and {after}");
        assert!(
            (before - frechet(&b, &a).unwrap()).abs() < 1e-11,
            "not symmetric"
        );
        assert!(
            frechet(&a, &a).unwrap() < 1e-12,
            "a cloud differs from itself"
        );
    }
}
