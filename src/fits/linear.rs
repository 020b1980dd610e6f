//! Weighted linear least squares.

use crate::Estimate;
use ketwork_linalg::cholesky_solve;

/// Coefficients of a linear model with their statistical errors.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearFit {
    /// The coefficients, each with the error that the errors of the data make.
    pub coefficients: Vec<Estimate>,
    /// $\chi^2 = \sum_i ((y_i - f_i)/\sigma_i)^2$; 0 for data without errors.
    pub chi2: f64,
    /// Data less coefficients.
    pub degrees_of_freedom: usize,
    /// Root of the mean square deviation $y_i - f_i$: what the model misses where data are exact.
    pub deviation: f64,
}

/// Why nothing can be fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// Fewer data than coefficients.
    #[error("{data} values determine no {coefficients} coefficients; give more")]
    TooFew {
        /// Values there are.
        data: usize,
        /// Coefficients asked for.
        coefficients: usize,
    },
    /// Some data have errors and some none: their weights cannot be compared.
    #[error("value {index} has an error of {error}; give all values an error above 0, or none")]
    Weight {
        /// Index of the value.
        index: usize,
        /// Its error.
        error: f64,
    },
    /// A value or an entry of the model is NaN or infinite.
    #[error("value {index} or its place in the fit is not finite")]
    NotFinite {
        /// Index of the value.
        index: usize,
    },
    /// The data do not tell the coefficients apart.
    #[error("the values do not tell the coefficients apart; give values at more different sizes")]
    Degenerate,
    /// A parameter of the fit is outside its range.
    #[error("{key} is {value}; {remedy}")]
    Parameter {
        /// Its name.
        key: &'static str,
        /// Its value.
        value: f64,
        /// What to do.
        remedy: &'static str,
    },
}

/// Fits $y_i \approx \sum_k a_k m_{ik}$ by least squares with weights $1/\sigma_i^2$, data taken as
/// independent; data without errors (exact numbers) count alike and give coefficients without errors.
///
/// # Shapes
/// `model` has one row of coefficients' factors for each value.
///
/// # Errors
/// [`FitError`].
///
/// # Panics
/// If rows and values differ in number, or rows in length.
#[track_caller]
pub fn fit_linear(model: &[Vec<f64>], values: &[Estimate]) -> Result<LinearFit, FitError> {
    assert_eq!(model.len(), values.len(), "one row for each value");
    let p = model.first().map_or(0, Vec::len);
    assert!(model.iter().all(|m| m.len() == p), "rows of one length");
    if values.len() < p || p == 0 {
        return Err(FitError::TooFew {
            data: values.len(),
            coefficients: p.max(1),
        });
    }
    for (index, (m, v)) in model.iter().zip(values).enumerate() {
        if !m.iter().chain([&v.mean]).all(|x| x.is_finite()) {
            return Err(FitError::NotFinite { index });
        }
    }
    let is_exact = values[0].error <= 0.0;
    let wrong = |v: &Estimate| (v.error <= 0.0) != is_exact || !v.error.is_finite();
    if let Some(index) = values.iter().position(wrong) {
        let error = values[index].error;
        return Err(FitError::Weight { index, error });
    }
    // Rows divided by their errors; columns scaled to norm 1, powers of sizes differ by decades.
    let weight = |v: &Estimate| if is_exact { 1.0 } else { 1.0 / v.error };
    let rows: Vec<Vec<f64>> = model
        .iter()
        .zip(values)
        .map(|(m, v)| m.iter().map(|x| x * weight(v)).collect())
        .collect();
    let scale: Vec<f64> = (0..p)
        .map(|k| rows.iter().map(|r| r[k] * r[k]).sum::<f64>().sqrt())
        .collect();
    if scale.iter().any(|s| *s <= 0.0) {
        return Err(FitError::Degenerate);
    }
    let entry = |row: &[f64], k: usize| row[k] / scale[k];
    let mut normal = vec![0.0; p * p];
    let mut force = vec![0.0; p];
    for (row, v) in rows.iter().zip(values) {
        for k in 0..p {
            force[k] += entry(row, k) * v.mean * weight(v);
            for l in 0..p {
                normal[k * p + l] += entry(row, k) * entry(row, l);
            }
        }
    }
    let solve = |b: &mut [f64]| {
        cholesky_solve(&normal, b).map_err(|_| FitError::Degenerate)?;
        b.iter()
            .all(|x| x.is_finite())
            .then_some(())
            .ok_or(FitError::Degenerate)
    };
    solve(&mut force)?;
    let mut coefficients = Vec::with_capacity(p);
    for k in 0..p {
        let mut unit = vec![0.0; p];
        unit[k] = 1.0;
        solve(&mut unit)?;
        // The diagonal of the inverse is at least 1: more than 1e12 is rounding.
        if unit[k] > LARGEST_INVERSE {
            return Err(FitError::Degenerate);
        }
        coefficients.push(Estimate {
            mean: force[k] / scale[k],
            error: if is_exact {
                0.0
            } else {
                unit[k].max(0.0).sqrt() / scale[k]
            },
            tau: 0.5,
            n: values.len() as u64,
        });
    }
    let miss = |(m, v): (&Vec<f64>, &Estimate)| {
        let fitted: f64 = m.iter().zip(&coefficients).map(|(m, c)| m * c.mean).sum();
        v.mean - fitted
    };
    let misses: Vec<f64> = model.iter().zip(values).map(miss).collect();
    let chi2 = misses
        .iter()
        .zip(values)
        .map(|(d, v)| if is_exact { 0.0 } else { (d / v.error).powi(2) })
        .sum();
    let square: f64 = misses.iter().map(|d| d * d).sum();
    Ok(LinearFit {
        chi2,
        degrees_of_freedom: values.len() - p,
        deviation: (square / values.len() as f64).sqrt(),
        coefficients,
    })
}

/// Largest inverse of the scaled normal matrix that double precision resolves.
const LARGEST_INVERSE: f64 = 1e12;

#[cfg(test)]
mod tests {
    use super::*;

    fn value(mean: f64, error: f64) -> Estimate {
        Estimate {
            mean,
            error,
            tau: 0.5,
            n: 100,
        }
    }

    #[test]
    fn a_line_with_errors_has_the_coefficients_and_errors_of_the_textbook() {
        let model: Vec<_> = (0..5).map(|x| vec![1.0, f64::from(x)]).collect();
        let values: Vec<_> = [1.1, 2.9, 5.2, 6.8, 9.0].map(|y| value(y, 0.2)).into();
        let fit = fit_linear(&model, &values).unwrap();
        // Slope = Sxy / Sxx = 19.7 / 10, its error sigma / sqrt(Sxx), the constant's sigma
        // sqrt(1/n + xbar^2/Sxx).
        assert!((fit.coefficients[1].mean - 1.97).abs() < 1e-12, "{fit:?}");
        assert!((fit.coefficients[0].mean - 1.06).abs() < 1e-12, "{fit:?}");
        assert!((fit.coefficients[1].error - 0.2 / 10f64.sqrt()).abs() < 1e-12);
        assert!((fit.coefficients[0].error - 0.2 * 0.6f64.sqrt()).abs() < 1e-12);
        assert!((fit.chi2 - 0.091 / 0.04).abs() < 1e-9, "{}", fit.chi2);
        assert_eq!(fit.degrees_of_freedom, 3);
    }

    #[test]
    fn errors_of_coefficients_cover_the_truth_as_often_as_they_say() {
        let stream = crate::Stream::new(3);
        let model: Vec<_> = (1..8).map(|x| vec![1.0, 1.0 / f64::from(x)]).collect();
        let mut inside = 0;
        for trial in 0..1000 {
            // Twelve uniform numbers make a normal one.
            let normal = |i: u32| {
                (0..12)
                    .map(|k| stream.uniform(trial, 12 * i + k))
                    .sum::<f64>()
                    - 6.0
            };
            let values: Vec<_> = (1..8u32)
                .map(|x| {
                    let sigma = 0.1 / f64::from(x);
                    value(2.0 - 0.7 / f64::from(x) + sigma * normal(x), sigma)
                })
                .collect();
            let slope = fit_linear(&model, &values).unwrap().coefficients[1];
            inside += usize::from(slope.z(-0.7).abs() < 1.0);
        }
        // 683 +- 15.
        assert!((630..735).contains(&inside), "{inside}");
    }

    #[test]
    fn what_cannot_be_fitted_is_refused_by_name() {
        let line = |x: f64| vec![1.0, x];
        let one = [value(1.0, 0.1)];
        assert_eq!(
            fit_linear(&[line(1.0)], &one),
            Err(FitError::TooFew {
                data: 1,
                coefficients: 2
            })
        );
        let mixed = [value(1.0, 0.1), value(1.0, 0.0)];
        let both = [line(1.0), line(2.0)];
        assert_eq!(
            fit_linear(&both, &mixed),
            Err(FitError::Weight {
                index: 1,
                error: 0.0
            })
        );
        let same = [value(1.0, 0.1), value(1.1, 0.1)];
        assert_eq!(
            fit_linear(&[line(2.0), line(2.0)], &same),
            Err(FitError::Degenerate)
        );
        let nan = [value(f64::NAN, 0.1), value(1.1, 0.1)];
        assert_eq!(
            fit_linear(&both, &nan),
            Err(FitError::NotFinite { index: 0 })
        );
    }
}
