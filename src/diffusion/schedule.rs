//! Noise schedules and the forward process.

use crate::{DiffusionError, States};
use ketwork_models::Stream;
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

/// How the noise rates $\beta_t$ grow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// Equal increments from 0.02 (or less) to the rate at which $\bar\alpha_T = 0.01$.
    Linear,
    /// $\bar\alpha_t = 0.002 + 0.998\,f(t)/f(0)$, $f(t) = \cos^2[(t/T + s)\pi/(2 + 2s)]$, s = 0.008.
    ///
    /// A. Nichol, P. Dhariwal, Proc. ICML 139, 8162 (2021), eq. 17, without the offset: there the
    /// last of few steps destroys everything, and its inverse makes one mean state of all noise.
    Cosine,
    /// Equal increments from the first to the last rate.
    Between {
        /// $\beta_1$.
        first: f64,
        /// $\beta_T$.
        last: f64,
    },
    /// The rates themselves.
    Rates(Vec<f64>),
}

/// Largest $\bar\alpha_T$ at which sampling may start from pure noise without a warning.
const SMALL: f64 = 0.05;

/// Scale of the complex Gaussian noise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoiseScale {
    /// Variance $2^{-n}$ of each complex amplitude: the noise has mean squared norm 1 like the data,
    /// so that $\bar\alpha_t$ is the share of the signal.
    #[default]
    Normalised,
    /// Variance 2 of each complex amplitude, as in the code of arXiv:2311.15444 and its successor:
    /// the noise outweighs a normalised state $2^{n+1}$ times more.
    Componentwise,
}

/// The forward process $x_t = \sqrt{\bar\alpha_t}\,x_0 + \sqrt{1-\bar\alpha_t}\,z$, normalised, with
/// complex Gaussian z.
///
/// Normalised vectors are rays, for which the posterior below is an approximation.
#[derive(Clone, Debug, PartialEq)]
pub struct ForwardProcess {
    beta: Vec<f64>,
    alpha_bar: Vec<f64>,
    scale: NoiseScale,
}

impl ForwardProcess {
    /// The rates of T steps.
    ///
    /// # Errors
    /// [`DiffusionError::NoSteps`] for T = 0, [`DiffusionError::Beta`] for a rate outside (0, 1),
    /// [`DiffusionError::Mismatch`] where given rates are not T.
    pub fn new(
        schedule: &Schedule,
        steps: usize,
        scale: NoiseScale,
    ) -> Result<Self, DiffusionError> {
        if steps == 0 {
            return Err(DiffusionError::NoSteps);
        }
        let between = |first: f64, last: f64| -> Vec<f64> {
            let share = |t: usize| t as f64 / (steps.max(2) - 1) as f64;
            (0..steps)
                .map(|t| first + (last - first) * share(t))
                .collect()
        };
        let beta = match schedule {
            Schedule::Linear => linear(steps),
            Schedule::Cosine => cosine(steps),
            Schedule::Between { first, last } => between(*first, *last),
            Schedule::Rates(beta) => beta.clone(),
        };
        if beta.len() != steps {
            return Err(DiffusionError::Mismatch {
                what: "rates",
                found: beta.len(),
                expected: steps,
            });
        }
        let mut alpha_bar = vec![1.0];
        for (t, &b) in beta.iter().enumerate() {
            if !(b > 0.0 && b < 1.0) {
                return Err(DiffusionError::Beta {
                    step: t + 1,
                    beta: b,
                });
            }
            alpha_bar.push(alpha_bar[t] * (1.0 - b));
        }
        Ok(Self {
            beta,
            alpha_bar,
            scale,
        })
    }

    /// T.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.beta.len()
    }

    /// $\beta_t$, t = 1 .. T.
    #[must_use]
    pub fn beta(&self, t: usize) -> f64 {
        self.beta[t - 1]
    }

    /// $\bar\alpha_t$, t = 0 .. T, with $\bar\alpha_0 = 1$.
    #[must_use]
    pub fn alpha_bar(&self, t: usize) -> f64 {
        self.alpha_bar[t]
    }

    /// What is doubtful: $\bar\alpha_T$ so large that sampling starts where training never was.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let last = self.alpha_bar[self.steps()];
        (self.scale == NoiseScale::Normalised && last > SMALL).then(|| {
            format!(
                "alpha_bar_T = {last:.3} leaves a share of the data in x_T, but sampling starts from \
                 pure noise; raise the rates until it is at most {SMALL}"
            )
        })
    }

    /// Standard deviation of real and imaginary part of a component of z.
    #[must_use]
    pub fn deviation(&self, dim: usize) -> f64 {
        match self.scale {
            NoiseScale::Normalised => (0.5 / dim as f64).sqrt(),
            NoiseScale::Componentwise => 1.0,
        }
    }

    /// One draw of x_t before its normalisation; row i is shot `first + i` of the stream.
    #[must_use]
    pub fn diffuse(&self, x0: &States, t: usize, first: u64, stream: Stream) -> Vec<Complex64> {
        let (a, sigma) = (self.alpha_bar[t].sqrt(), (1.0 - self.alpha_bar[t]).sqrt());
        let sigma = sigma * self.deviation(x0.dim());
        let mut out = Vec::with_capacity(x0.flat().len());
        for (i, row) in x0.rows().enumerate() {
            let shot = first + i as u64;
            let noisy =
                |(k, x): (usize, &Complex64)| x * a + gaussian(stream, shot, k as u32) * sigma;
            out.extend(row.iter().enumerate().map(noisy));
        }
        out
    }

    /// One draw of x_t, normalised, t = 1 .. T.
    ///
    /// # Errors
    /// [`DiffusionError::ZeroVector`] if signal and noise cancel exactly.
    pub fn noisy(
        &self,
        x0: &States,
        t: usize,
        first: u64,
        stream: Stream,
    ) -> Result<States, DiffusionError> {
        States::from_flat(self.diffuse(x0, t, first, stream), x0.dim())
    }

    /// Weights of x_0 and x_t in the posterior mean
    /// $\mu_t = \frac{\sqrt{\bar\alpha_{t-1}}\beta_t}{1-\bar\alpha_t}x_0
    /// + \frac{\sqrt{1-\beta_t}(1-\bar\alpha_{t-1})}{1-\bar\alpha_t}x_t$.
    ///
    /// # References
    /// J. Ho, A. Jain, P. Abbeel, arXiv:2006.11239, eq. 7.
    #[must_use]
    pub fn posterior(&self, t: usize) -> (f64, f64) {
        let (before, now, beta) = (self.alpha_bar[t - 1], self.alpha_bar[t], self.beta(t));
        (
            before.sqrt() * beta / (1.0 - now),
            (1.0 - beta).sqrt() * (1.0 - before) / (1.0 - now),
        )
    }
}

impl ForwardProcess {
    /// Variance of $x_{t-1}$ given x_0 and x_t, $\beta_t(1-\bar\alpha_{t-1})/(1-\bar\alpha_t)$, in
    /// units of that of z; 0 for t = 1.
    ///
    /// # References
    /// J. Ho, A. Jain, P. Abbeel, arXiv:2006.11239, eq. 7.
    #[must_use]
    pub fn posterior_variance(&self, t: usize) -> f64 {
        self.beta(t) * (1.0 - self.alpha_bar[t - 1]) / (1.0 - self.alpha_bar[t])
    }
}

/// Equal increments, the last rate by bisection so that the product of (1 - beta) is 0.01.
fn linear(steps: usize) -> Vec<f64> {
    const END: f64 = 0.01;
    // Equal rates already reach the end at this value; the first must not exceed it.
    let equal = 1.0 - END.powf(1.0 / steps as f64);
    let first = 0.02f64.min(equal);
    let rates = |last: f64| -> Vec<f64> {
        let share = |t: usize| t as f64 / (steps.max(2) - 1) as f64;
        (0..steps)
            .map(|t| first + (last - first) * share(t))
            .collect()
    };
    if steps == 1 {
        return vec![1.0 - END];
    }
    let (mut low, mut high) = (first, 1.0 - 1e-9);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        let end: f64 = rates(middle).iter().map(|b| 1.0 - b).product();
        if end > END {
            low = middle;
        } else {
            high = middle;
        }
    }
    rates(high)
}

fn cosine(steps: usize) -> Vec<f64> {
    const S: f64 = 0.008;
    const END: f64 = 0.002;
    let alpha_bar = |t: usize| {
        let x = (t as f64 / steps as f64 + S) / (1.0 + S);
        let f = |x: f64| (x * std::f64::consts::FRAC_PI_2).cos().powi(2);
        END + (1.0 - END) * f(x) / f(S / (1.0 + S))
    };
    (1..=steps)
        .map(|t| 1.0 - alpha_bar(t) / alpha_bar(t - 1))
        .collect()
}

/// A complex number with independent standard normal parts (Box and Muller).
pub(crate) fn gaussian(stream: Stream, shot: u64, position: u32) -> Complex64 {
    let u = 1.0 - stream.uniform(shot, 2 * position);
    let phase = std::f64::consts::TAU * stream.uniform(shot, 2 * position + 1);
    Complex64::from_polar((-2.0 * u.ln()).sqrt(), phase)
}

/// Haar-random pure states: normalised complex Gaussian vectors.
///
/// # Panics
/// If n is 0 or above [`States::MAX_QUBITS`].
#[must_use]
#[track_caller]
pub fn haar_states(n_qubits: u32, count: usize, stream: Stream) -> States {
    assert!(
        (1..=States::MAX_QUBITS).contains(&n_qubits),
        "{n_qubits} qubits"
    );
    let dim = 1usize << n_qubits;
    let row = |i: usize| (0..dim as u32).map(move |k| gaussian(stream, i as u64, k));
    States::from_flat((0..count).flat_map(row).collect(), dim)
        .expect("Gaussian vectors are finite and not zero")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fidelity;
    use crate::states::inner;

    #[test]
    fn the_share_of_the_signal_is_the_square_root_of_alpha_bar() {
        let process = ForwardProcess::new(&Schedule::Linear, 10, NoiseScale::Normalised).unwrap();
        let n = 4000;
        let x0 = haar_states(3, 1, Stream::new(1));
        let many = x0.select(&vec![0; n]);
        for t in [1, 4, 10] {
            let z = process.diffuse(&many, t, 0, Stream::new(2).numbered(t as u64));
            let mean: f64 = z
                .chunks_exact(8)
                .map(|r| inner(x0.row(0), r).re)
                .sum::<f64>()
                / n as f64;
            let sigma = ((1.0 - process.alpha_bar(t)) / 16.0 / n as f64).sqrt();
            let exact = process.alpha_bar(t).sqrt();
            assert!(
                (mean - exact).abs() < 4.0 * sigma,
                "t = {t}: {mean} and {exact}"
            );
        }
    }

    #[test]
    fn pure_noise_overlaps_like_haar() {
        // |<a|z>|^2 of a Haar state has mean 1/d and variance (d - 1)/(d^2 (d + 1)).
        let (n, d) = (4000, 8.0f64);
        let z = haar_states(3, n, Stream::new(4));
        let a = haar_states(3, 1, Stream::new(5));
        let mean: f64 = z.rows().map(|r| fidelity(a.row(0), r)).sum::<f64>() / n as f64;
        let sigma = ((d - 1.0) / (d * d * (d + 1.0)) / n as f64).sqrt();
        assert!((mean - 1.0 / d).abs() < 4.0 * sigma, "{mean}");
    }

    #[test]
    fn the_posterior_mean_is_the_conditional_expectation() {
        // For scalars: x_{t-1} and x_t given x_0 are jointly normal; regression of one on the other.
        let process = ForwardProcess::new(&Schedule::Cosine, 7, NoiseScale::Normalised).unwrap();
        for t in 1..=7 {
            let (a0, at) = process.posterior(t);
            let (before, beta) = (process.alpha_bar(t - 1), process.beta(t));
            let slope = (1.0 - beta).sqrt() * (1.0 - before) / (1.0 - process.alpha_bar(t));
            let offset = before.sqrt() - slope * process.alpha_bar(t).sqrt();
            assert!(
                (slope - at).abs() < 1e-14 && (offset - a0).abs() < 1e-12,
                "t = {t}"
            );
        }
        assert_eq!(process.posterior(1), (1.0, 0.0));
    }

    #[test]
    fn default_schedules_end_in_noise_for_any_number_of_steps() {
        for steps in [1, 2, 3, 5, 10, 30, 200, 1000] {
            for schedule in [Schedule::Linear, Schedule::Cosine] {
                let p = ForwardProcess::new(&schedule, steps, NoiseScale::Normalised).unwrap();
                assert_eq!(p.warning(), None, "{schedule:?}, T = {steps}");
            }
        }
    }

    #[test]
    fn impossible_schedules_are_refused_and_short_ones_warned_of() {
        let with = |s: &Schedule, t| ForwardProcess::new(s, t, NoiseScale::Normalised);
        assert_eq!(
            with(&Schedule::Linear, 0).unwrap_err(),
            DiffusionError::NoSteps
        );
        for bad in [0.0, 1.0, -0.1, f64::NAN] {
            let e = with(&Schedule::Rates(vec![0.5, bad]), 2).unwrap_err();
            assert!(matches!(e, DiffusionError::Beta { step: 2, .. }), "{e}");
        }
        // The constants of the published code: 0.99^10 = 0.904.
        let shipped = Schedule::Between {
            first: 0.01,
            last: 0.01,
        };
        let p = with(&shipped, 10).unwrap();
        assert!(
            (p.alpha_bar(10) - 0.99f64.powi(10)).abs() < 1e-14,
            "{}",
            p.alpha_bar(10)
        );
        assert!(p.warning().is_some(), "0.904 is far from noise");
    }
}
