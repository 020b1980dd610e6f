use crate::{chains, sum_over};
use ketwork_hamiltonians::Scalar;
use ketwork_models::{Draw, Samples};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A Monte Carlo number with its error bar, printed as `-1.2732(4)`.
///
/// The error is one standard deviation of the mean,
/// $\sqrt{2 \tau \sigma^2 / n}$ with $\tau = \frac12 + \sum_{t \ge 1} \rho(t)$.
///
/// The printed error has one significant digit, two where the first is 1; the mean is rounded to
/// the same place. An exact number (error 0) prints all digits.
///
/// # Examples
/// ```
/// use ketwork_stats::Estimate;
/// let energy = Estimate { mean: -1.273239, error: 0.00041, tau: 0.5, n: 4096 };
/// assert_eq!(energy.to_string(), "-1.2732(4)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Estimated mean.
    pub mean: f64,
    /// Standard error; infinite where one sample is all there is, 0 for exact sums.
    pub error: f64,
    /// Integrated autocorrelation time in steps of the chain; 1/2 for independent samples.
    pub tau: f64,
    /// Number of samples (shots, not rows).
    pub n: u64,
}

impl Estimate {
    /// A number without error.
    #[must_use]
    pub fn exact(mean: f64) -> Self {
        Self {
            mean,
            error: 0.0,
            tau: 0.5,
            n: 1,
        }
    }

    /// The mean of `values` over samples, with the error bar that fits the way they were drawn.
    ///
    /// Independent shots: $\sqrt{\sum_i w_i (f_i - \bar f)^2 / (n - 1)}$. Markov chains: see
    /// [`Self::from_chains`]. Exact sums: no error.
    ///
    /// # Panics
    /// If `values` has another length than the samples.
    #[track_caller]
    #[must_use]
    pub fn of<L>(samples: &Samples<L>, values: &[f64]) -> Self {
        assert_eq!(values.len(), samples.len(), "one value for each sample");
        match samples.draw {
            Draw::Independent { shots } => Self::from_shots(&samples.weight, values, shots),
            Draw::Exact => {
                let (mean, _) = moments(&samples.weight, values);
                Self {
                    mean,
                    error: 0.0,
                    tau: 0.5,
                    n: samples.len() as u64,
                }
            }
            Draw::Chains { n_chains } => Self::from_chains(values, n_chains as usize),
        }
    }

    /// The mean over independent shots; equal configurations share a row with their joint weight.
    ///
    /// # Shapes
    /// `weight` (B), which add up to 1, and `values` (B).
    #[must_use]
    pub fn from_shots(weight: &[f64], values: &[f64], shots: u64) -> Self {
        let (mean, spread) = moments(weight, values);
        let error = if shots > 1 {
            (spread / (shots - 1) as f64).sqrt()
        } else {
            f64::INFINITY
        };
        Self {
            mean,
            error,
            tau: 0.5,
            n: shots,
        }
    }

    /// The mean over Markov chains of equal length, stored step by step:
    /// row = step * `n_chains` + chain.
    ///
    /// With at least 32 chains the error is the scatter of the chain means, which needs no estimate
    /// of $\tau$ and no long chains. With fewer, $\tau$ is the windowed sum of the autocorrelation
    /// function pooled over the chains, the window chosen where the statistical and the truncation
    /// error balance, the result corrected for the bias of the subtracted mean. Where no window
    /// closes within half the chain, the scatter of the chain means is used, or, for a single chain,
    /// the longest window, which underestimates. Anticorrelated chains count as independent.
    ///
    /// # Panics
    /// If the number of values is no positive multiple of `n_chains`.
    ///
    /// # References
    /// U. Wolff, Comput. Phys. Commun. 156, 143 (2004).
    #[track_caller]
    #[must_use]
    pub fn from_chains(values: &[f64], n_chains: usize) -> Self {
        assert!(
            n_chains > 0 && !values.is_empty() && values.len().is_multiple_of(n_chains),
            "{} values are no {n_chains} chains",
            values.len()
        );
        chains::estimate(values, n_chains)
    }

    /// The mean of one chain, the error from the scatter of `n_bins` bins of consecutive values.
    ///
    /// Valid where a bin is much longer than $\tau$; [`crate::binning`] shows whether the error has
    /// reached its plateau. Values left over by the last full bin are dropped from the end.
    ///
    /// # Panics
    /// If there are fewer than 2 bins or fewer values than bins.
    #[track_caller]
    #[must_use]
    pub fn from_bins(values: &[f64], n_bins: usize) -> Self {
        assert!(
            n_bins >= 2 && values.len() >= n_bins,
            "{} values in {n_bins} bins",
            values.len()
        );
        let size = values.len() / n_bins;
        let values = &values[..size * n_bins];
        chains::estimate_by_means(values.len(), n_bins, |bin, i| values[bin * size + i])
    }

    /// Distance from `exact` in units of the error.
    #[must_use]
    pub fn z(&self, exact: f64) -> f64 {
        (self.mean - exact) / self.error
    }
}

/// Mean and variance of weighted values: $\bar f = \sum_i w_i f_i$ and
/// $\sum_i w_i |f_i - \bar f|^2$.
///
/// # Shapes
/// `weight` (B), which add up to 1, and `values` (B).
#[must_use]
pub fn moments<T: Scalar>(weight: &[f64], values: &[T]) -> (T, f64) {
    // A row of weight 0 has no say, even where its value is infinite (0 * inf would be NaN).
    let term = |i: usize| {
        if weight[i] == 0.0 {
            T::ZERO
        } else {
            values[i].scale(weight[i])
        }
    };
    let mean = sum_over(values.len(), term);
    let square = |i: usize| {
        if weight[i] == 0.0 {
            0.0
        } else {
            weight[i] * (values[i] - mean).abs2()
        }
    };
    (mean, sum_over(values.len(), square))
}

/// The exponent of a positive number in scientific notation: the shortest decimal form gives it without a
/// rounded logarithm.
fn decimal_exponent(v: f64) -> i32 {
    format!("{v:e}")
        .split_once('e')
        .and_then(|(_, e)| e.parse().ok())
        .expect("a finite number has a decimal exponent")
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mean, error, .. } = *self;
        if error == 0.0 || !mean.is_finite() {
            return match mean.abs() {
                1e-4..1e9 | 0.0 => write!(f, "{mean}"),
                _ => write!(f, "{mean:e}"),
            };
        }
        if !error.is_finite() {
            return write!(f, "{mean}({error})");
        }
        let size = decimal_exponent(mean.abs().max(error));
        if !(-4..9).contains(&size) {
            // In two steps: a power of ten beyond the doubles is no factor.
            let half = 10f64.powi(-size / 2);
            let scale = |v: f64| v * half * 10f64.powi(-size - -size / 2);
            let scaled = Self {
                mean: scale(mean),
                error: scale(error),
                ..*self
            };
            return write!(f, "{scaled}e{size}");
        }
        let exponent = decimal_exponent(error);
        let places = i32::from(format!("{error:e}").starts_with('1')) - exponent;
        if places > 0 {
            let (places, scale) = (places as usize, 10f64.powi(places));
            if error < 1.0 {
                write!(f, "{mean:.places$}({:.0})", error * scale)
            } else {
                write!(f, "{mean:.places$}({error:.places$})")
            }
        } else {
            let scale = 10f64.powi(-places);
            let round = |v: f64| (v / scale).round() * scale;
            write!(f, "{:.0}({:.0})", round(mean), round(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normal;
    use ketwork_hamiltonians::Configs;
    use ketwork_models::Stream;

    #[test]
    fn an_estimate_prints_its_error_in_the_last_digits() {
        for (mean, error, text) in [
            (-1.273_239, 0.000_41, "-1.2732(4)"),
            (-1.273_239, 0.000_12, "-1.27324(12)"),
            (-1.273_239, 0.000_96, "-1.2732(10)"),
            (-1.273_239, 0.000_196, "-1.27324(20)"),
            (0.5, 0.1, "0.50(10)"),
            (10.34, 1.24, "10.3(1.2)"),
            (10.34, 3.4, "10(3)"),
            (1234.6, 12.3, "1235(12)"),
            (1234.6, 42.0, "1230(40)"),
            (-98_765.0, 1900.0, "-98800(1900)"),
            (2.5, 0.0, "2.5"),
            (-2.5e-24, 0.0, "-2.5e-24"),
            (0.0, 0.0, "0"),
            (2.5, f64::INFINITY, "2.5(inf)"),
            (1e-9, 3e-11, "1.00(3)e-9"),
            (-8.06e-24, 3e-26, "-8.06(3)e-24"),
            (-7.998e138, 1.2e136, "-7.998(12)e138"),
            (3e-7, 0.2, "0.0(2)"),
            (4e-310, 1e-312, "4.000(10)e-310"),
        ] {
            assert_eq!(
                Estimate {
                    mean,
                    error,
                    tau: 0.5,
                    n: 2
                }
                .to_string(),
                text
            );
        }
    }

    #[test]
    fn rows_with_multiplicities_give_the_error_of_their_shots() {
        let shots = [3.0, 1.0, 3.0, 2.0, 3.0, 1.0];
        let x = Configs::zeros(3, 1);
        let samples = Samples {
            x,
            log_psi: vec![0.0; 3],
            weight: vec![0.5, 1.0 / 3.0, 1.0 / 6.0],
            draw: Draw::Independent { shots: 6 },
        };
        let rows = Estimate::of(&samples, &[3.0, 1.0, 2.0]);
        let flat = Estimate::from_shots(&[1.0 / 6.0; 6], &shots, 6);
        assert!((rows.mean - flat.mean).abs() < 1e-15);
        // Mean 13/6, squared deviations 29/6: error sqrt(29/6/5/6).
        assert!(
            (flat.error - (29.0f64 / 180.0).sqrt()).abs() < 1e-15,
            "{flat:?}"
        );
        assert!((rows.error - flat.error).abs() < 1e-15);
        assert_eq!(rows.n, 6);
        assert!(Estimate::from_shots(&[1.0], &[2.0], 1).error.is_infinite());
        let exact = Samples {
            draw: Draw::Exact,
            ..samples
        };
        assert_eq!(Estimate::of(&exact, &[3.0, 1.0, 2.0]).error.to_bits(), 0);
    }

    #[test]
    fn error_bars_of_independent_shots_cover_as_promised() {
        // 1000 runs of 100 normal numbers: Student's t with 99 degrees of freedom covers 0.6802
        // within one and 0.9518 within 1.96 errors. Limits: 4 binomial standard deviations.
        let (runs, n) = (1000, 100);
        let (mut one, mut two) = (0.0, 0.0);
        for run in 0..runs {
            let s = Stream::new(11).numbered(run);
            let values: Vec<f64> = (0..n).map(|i| normal(s, i)).collect();
            let z = Estimate::from_shots(&vec![1.0 / n as f64; n as usize], &values, n)
                .z(0.0)
                .abs();
            one += f64::from(z < 1.0);
            two += f64::from(z < 1.959_964);
        }
        assert!(
            (one - 680.2f64).abs() < 4.0 * 14.8,
            "{one} of 1000 within one error"
        );
        assert!(
            (two - 949.0f64).abs() < 4.0 * 6.9,
            "{two} of 1000 within 1.96 errors"
        );
    }

    #[test]
    fn a_row_of_weight_zero_has_no_say() {
        let (mean, variance) = moments(&[0.5, 0.5, 0.0], &[1.0, 3.0, f64::INFINITY]);
        assert_eq!((mean, variance), (2.0, 1.0));
    }
}
