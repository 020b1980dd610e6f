//! Autocorrelated samples: windowed autocorrelation time, binning, agreement of chains.

use crate::{Estimate, sum_over};

/// From this many chains on their means alone give the error: to 1/sqrt(2 * 31) = 13 %.
const MANY_CHAINS: usize = 32;

/// The r-hat of chains that clearly disagree.
const DISAGREE: f64 = 1.1;

/// Factor S between the exponential and the integrated time in the window criterion (1 to 2).
const WINDOW: f64 = 1.5;

/// Mean and error of chains; row = step * `n_chains` + chain.
pub(super) fn estimate(values: &[f64], n_chains: usize) -> Estimate {
    let by_means = || {
        estimate_by_means(values.len(), n_chains, |chain, step| {
            values[step * n_chains + chain]
        })
    };
    if n_chains >= MANY_CHAINS {
        return by_means();
    }
    let (windowed, closed) = windowed(values, n_chains);
    // Chains that disagree have not forgotten where they started: no window over times within the
    // run, closed or not, sees what separates them.
    let apart = r_hat(values, n_chains).is_some_and(|r| r > DISAGREE);
    if n_chains == 1 || (closed && !apart) {
        return windowed;
    }
    let means = by_means();
    if means.error > windowed.error || !closed {
        means
    } else {
        windowed
    }
}

/// Mean of `n` values in groups whose means are taken as independent.
pub(super) fn estimate_by_means(
    n: usize,
    n_groups: usize,
    value: impl Fn(usize, usize) -> f64,
) -> Estimate {
    let size = n / n_groups;
    let means: Vec<f64> = (0..n_groups)
        .map(|g| sum_over(size, |i| value(g, i)) / size as f64)
        .collect();
    let mean = sum_over(n_groups, |g| means[g]) / n_groups as f64;
    let scatter = sum_over(n_groups, |g| (means[g] - mean).powi(2));
    let within = sum_over(n_groups, |g| {
        sum_over(size, |i| (value(g, i) - mean).powi(2))
    });
    let square = scatter / ((n_groups - 1) * n_groups) as f64;
    let tau = if size == 1 || within == 0.0 {
        0.5
    } else {
        square * n as f64 / (2.0 * within / (n - 1) as f64)
    };
    let error = if n_groups > 1 {
        square.sqrt()
    } else {
        f64::INFINITY
    };
    Estimate {
        mean,
        error,
        tau: if tau.is_finite() { tau } else { 0.5 },
        n: n as u64,
    }
}

/// The windowed sum of the autocorrelation function, and whether its window closed.
fn windowed(values: &[f64], n_chains: usize) -> (Estimate, bool) {
    let (n, steps) = (values.len(), values.len() / n_chains);
    let mean = sum_over(n, |i| values[i]) / n as f64;
    let gamma = |t: usize| {
        let pairs = (steps - t) * n_chains;
        let product = |i: usize| (values[i] - mean) * (values[i + t * n_chains] - mean);
        sum_over(pairs, product) / pairs as f64
    };
    let variance = gamma(0);
    if n == 1 || variance == 0.0 {
        let error = if n == 1 { f64::INFINITY } else { 0.0 };
        return (
            Estimate {
                mean,
                error,
                tau: 0.5,
                n: n as u64,
            },
            n > 1,
        );
    }
    let (mut total, mut window, mut closed) = (variance, 0, false);
    while !closed && 2 * (window + 1) <= steps {
        window += 1;
        total += 2.0 * gamma(window);
        let tau = total / (2.0 * variance);
        // Wolff's criterion: the first window at which the truncated tail, exp(-W / t), is below
        // the statistical error, t / sqrt(W n), of what is kept.
        closed = tau <= 0.5 || {
            let t = WINDOW / ((2.0 * tau + 1.0) / (2.0 * tau - 1.0)).ln();
            let w = window as f64;
            (-w / t).exp() < t / (w * n as f64).sqrt()
        };
    }
    // The subtracted mean lowers every gamma(t) by total / n.
    let shift = total / n as f64;
    let variance = variance + shift;
    let total = (total + (2 * window + 1) as f64 * shift).max(variance);
    let error = (total / n as f64).sqrt();
    (
        Estimate {
            mean,
            error,
            tau: total / (2.0 * variance),
            n: n as u64,
        },
        closed,
    )
}

/// One level of a binning analysis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BinLevel {
    /// Values in a bin, a power of two.
    pub size: usize,
    /// Number of full bins.
    pub n_bins: usize,
    /// Error of the mean as if bins were independent.
    pub error: f64,
}

/// Errors of the mean of one chain for bins of 1, 2, 4, ... values, down to 16 bins.
///
/// The error grows with the bin size and reaches a plateau once bins are longer than the
/// autocorrelation time; no plateau means that the chain is too short.
///
/// # References
/// H. Flyvbjerg and H. G. Petersen, J. Chem. Phys. 91, 461 (1989).
#[must_use]
pub fn binning(values: &[f64]) -> Vec<BinLevel> {
    let level = |size: usize| {
        let n_bins = values.len() / size;
        let e = estimate_by_means(n_bins * size, n_bins, |bin, i| values[bin * size + i]);
        BinLevel {
            size,
            n_bins,
            error: e.error,
        }
    };
    let sizes = std::iter::successors(Some(1usize), |s| Some(2 * s));
    sizes
        .take_while(|s| values.len() / s >= 16)
        .map(level)
        .collect()
}

/// Split $\hat R$ of Markov chains, row = step * `n_chains` + chain; `None` below 4 steps.
///
/// Every chain is cut in two; with half-chains of L values, mean of their variances W and variance
/// of their means B, $\hat R = \sqrt{((L - 1) W / L + B) / W}$. Chains that agree have
/// $\hat R < 1.01$ or so, and 1.1 is a clear disagreement. A drift within chains counts, too.
///
/// # Panics
/// If the number of values is no multiple of `n_chains`.
///
/// # References
/// A. Gelman and D. B. Rubin, Statist. Sci. 7, 457 (1992);
/// A. Vehtari et al., Bayesian Anal. 16, 667 (2021).
#[track_caller]
#[must_use]
pub fn r_hat(values: &[f64], n_chains: usize) -> Option<f64> {
    assert!(
        n_chains > 0 && values.len().is_multiple_of(n_chains),
        "{n_chains} equal chains"
    );
    let steps = values.len() / n_chains;
    let (length, n) = (steps / 2, 2 * n_chains);
    if length < 2 {
        return None;
    }
    // Half h of chain c; the middle step of an odd number of steps is left out.
    let value = |g: usize, i: usize| {
        let (chain, half) = (g / 2, g % 2);
        values[(half * (steps - length) + i) * n_chains + chain]
    };
    let means: Vec<f64> = (0..n)
        .map(|g| sum_over(length, |i| value(g, i)) / length as f64)
        .collect();
    let mean = sum_over(n, |g| means[g]) / n as f64;
    let between = sum_over(n, |g| (means[g] - mean).powi(2)) / (n - 1) as f64;
    let squares = sum_over(n, |g| {
        sum_over(length, |i| (value(g, i) - means[g]).powi(2))
    });
    let within = squares / (n * (length - 1)) as f64;
    Some(match (within == 0.0, between == 0.0) {
        (true, true) => 1.0,
        (true, false) => f64::INFINITY,
        _ => ((within * (length - 1) as f64 / length as f64 + between) / within).sqrt(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normal;
    use ketwork_models::Stream;

    /// Stationary AR(1) chains with unit variance, mean 0 and rho(t) = a^t:
    /// tau = 1/2 + a / (1 - a).
    fn ar1(s: Stream, a: f64, steps: usize, n_chains: usize) -> Vec<f64> {
        let mut x: Vec<f64> = Vec::with_capacity(steps * n_chains);
        for i in 0..steps * n_chains {
            let noise = normal(s, i as u64);
            let next = if i < n_chains {
                noise
            } else {
                a * x[i - n_chains] + (1.0 - a * a).sqrt() * noise
            };
            x.push(next);
        }
        x
    }

    #[test]
    fn error_bars_of_short_chains_cover_as_promised() {
        // Limits: 4 binomial standard deviations of 1000 runs, around the normal law for the
        // windowed error and around Student's t for chain means (31 degrees of freedom: 0.675
        // within one error, 0.941 within 1.96).
        let cases = [
            (1, 2000, 0.683, 0.95),
            (4, 500, 0.683, 0.95),
            (32, 12, 0.675, 0.941),
        ];
        for (n_chains, steps, p1, p2) in cases {
            for a in [0.0, 0.6, 0.85] {
                let (mut one, mut two) = (0.0, 0.0);
                for run in 0..1000 {
                    let x = ar1(Stream::new(5).numbered(run), a, steps, n_chains);
                    let z = Estimate::from_chains(&x, n_chains).z(0.0).abs();
                    one += f64::from(z < 1.0) / 1000.0;
                    two += f64::from(z < 1.959_964) / 1000.0;
                }
                let limit = |p: f64| 4.0 * (p * (1.0 - p) / 1000.0).sqrt();
                let text = format!("{n_chains} chains, a = {a}: {one} and {two}");
                assert!(
                    (one - p1).abs() < limit(p1) && (two - p2).abs() < limit(p2),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn the_autocorrelation_time_of_an_ar1_chain_is_found() {
        for (a, tau) in [(0.0, 0.5), (0.5, 1.5), (0.9, 9.5)] {
            let x = ar1(Stream::new(1), a, 100_000, 1);
            let e = Estimate::from_chains(&x, 1);
            // Relative statistical error sqrt(2 (2 W + 1) / n) with W below 10 tau; 4 of these.
            let limit = 4.0 * (2.0f64 * (20.0 * tau + 1.0) / 1e5).sqrt();
            assert!(
                (e.tau / tau - 1.0).abs() < limit,
                "a = {a}: {} for {tau}",
                e.tau
            );
            let bins = Estimate::from_bins(&x, 400);
            // 400 bins know the error to 1/sqrt(800) = 3.5 %.
            assert!(
                (bins.error / e.error - 1.0).abs() < 0.16,
                "{} {}",
                bins.error,
                e.error
            );
            // The same sum in another order.
            assert!((e.mean - bins.mean).abs() < 1e-14);
        }
    }

    #[test]
    fn the_binning_error_grows_to_the_plateau_of_the_windowed_error() {
        let x = ar1(Stream::new(2), 0.8, 1 << 16, 1);
        let levels = binning(&x);
        let windowed = Estimate::from_chains(&x, 1).error;
        assert_eq!((levels.len(), levels.last().unwrap().n_bins), (13, 16));
        // tau = 4.5: a single value underestimates the error by sqrt(9) = 3.
        assert!(
            (windowed / levels[0].error - 3.0).abs() < 0.3,
            "{windowed} {levels:?}"
        );
        // Bins of 128 values, 512 of them: plateau to 1/32, 4 of these.
        assert!(
            (levels[7].error / windowed - 1.0).abs() < 0.125,
            "{windowed} {levels:?}"
        );
    }

    #[test]
    fn r_hat_is_one_for_equal_chains_and_sees_shifts_and_drifts() {
        let x = ar1(Stream::new(3), 0.3, 500, 4);
        let equal = r_hat(&x, 4).unwrap();
        assert!((0.99..1.02).contains(&equal), "{equal}");
        let shifted: Vec<f64> = x
            .iter()
            .enumerate()
            .map(|(i, v)| v + f64::from(i % 4 == 0))
            .collect();
        // One of four means off by 1: B = 1/4 * 8/7 * 3/4.
        let seen = r_hat(&shifted, 4).unwrap();
        assert!((seen - (1.0f64 + 3.0 / 14.0).sqrt()).abs() < 0.03, "{seen}");
        let drifting: Vec<f64> = x
            .iter()
            .enumerate()
            .map(|(i, v)| v + 2.0 * (i as f64 / 2000.0))
            .collect();
        assert!(r_hat(&drifting, 4).unwrap() > 1.1);
        assert_eq!(r_hat(&x[..12], 4), None);
        assert_eq!(r_hat(&[2.0; 16], 4), Some(1.0));
    }

    #[test]
    fn degenerate_chains_have_numbers_that_say_so() {
        assert!(Estimate::from_chains(&[1.0], 1).error.is_infinite());
        let constant = Estimate::from_chains(&[1.0; 40], 2);
        assert_eq!((constant.error, constant.tau), (0.0, 0.5));
        let alternating: Vec<f64> = (0..400).map(|i| f64::from(i % 2)).collect();
        assert!((Estimate::from_chains(&alternating, 1).tau - 0.5).abs() < 1e-12);
    }
}
