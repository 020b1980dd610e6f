//! Honest numbers: estimates with error bars, autocorrelation, convergence of chains.
//!
//! Notation: n samples with values f, variance $\sigma^2$, integrated autocorrelation time
//! $\tau = \frac12 + \sum_{t \ge 1} \rho(t)$, error $\sqrt{2 \tau \sigma^2 / n}$. Independent samples
//! have $\tau = 1/2$.

mod chains;
mod estimate;
mod jackknife;
mod joined;
mod reduce;

pub use chains::{BinLevel, binning, r_hat};
pub use estimate::{Estimate, moments};
pub use jackknife::jackknife;
pub use joined::Joined;
pub use reduce::{reduce, sum, sum_over};

/// A standard normal number.
#[cfg(test)]
fn normal(s: ketwork_models::Stream, i: u64) -> f64 {
    let r = (-2.0 * (1.0 - s.uniform(i, 0)).ln()).sqrt();
    r * (std::f64::consts::TAU * s.uniform(i, 1)).cos()
}
