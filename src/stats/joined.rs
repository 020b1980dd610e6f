use crate::{Estimate, moments, r_hat};
use ketwork_hamiltonians::Scalar;
use ketwork_models::{Draw, Samples};

/// Several draws of one sampler, joined to one estimate whose error bar fits the way they were drawn.
///
/// Markov chains go on from draw to draw, so each chain is read through all draws: the correlation
/// between draws counts, and r-hat sees chains that disagree for longer than one draw. Independent
/// draws of equal size are averaged. Memory: one number for each row of Markov chains, none otherwise.
///
/// # Examples
/// ```
/// use ketwork_hamiltonians::Configs;
/// use ketwork_models::{Draw, Samples};
/// use ketwork_stats::Joined;
/// // Two chains that stay apart from draw to draw: 8 draws are no more than 2 numbers.
/// let mut joined = Joined::default();
/// for _ in 0..8 {
///     let samples = Samples {
///         x: Configs::zeros(4, 1),
///         log_psi: vec![0.0; 4],
///         weight: vec![0.25; 4],
///         draw: Draw::Chains { n_chains: 2 },
///     };
///     joined.push(&samples, &[1.0, -1.0, 1.0, -1.0]);
/// }
/// assert!((joined.estimate().error - 1.0).abs() < 1e-12);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Joined {
    /// Mean and variance of each draw.
    draws: Vec<(Estimate, f64)>,
    /// Real parts of the chains' values, step by step.
    values: Vec<f64>,
    n_chains: Option<u64>,
    is_exact: bool,
}

impl Joined {
    /// Adds the values of the next draw, for example its local energies.
    ///
    /// # Panics
    /// If `values` has another length than the samples, or the number of chains changed.
    #[track_caller]
    pub fn push<L, T: Scalar>(&mut self, samples: &Samples<L>, values: &[T]) {
        let real: Vec<f64> = values.iter().map(|v| v.re()).collect();
        let (_, variance) = moments(&samples.weight, values);
        let n_chains = match samples.draw {
            Draw::Chains { n_chains } => Some(n_chains),
            _ => None,
        };
        assert!(
            self.draws.is_empty() || n_chains == self.n_chains,
            "draws of one sampler are joined"
        );
        self.draws.push((Estimate::of(samples, &real), variance));
        self.is_exact = matches!(samples.draw, Draw::Exact);
        self.n_chains = n_chains;
        if n_chains.is_some() {
            self.values.extend(real);
        }
    }

    /// Whether an exact sum has come, to which further draws would add nothing.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// The mean over all draws.
    ///
    /// # Panics
    /// If there is no draw.
    #[track_caller]
    #[must_use]
    pub fn estimate(&self) -> Estimate {
        assert!(!self.draws.is_empty(), "an estimate needs a draw");
        if let ([(only, _)], _) | ([(only, _), ..], true) = (&self.draws[..], self.is_exact) {
            return *only;
        }
        if let Some(n_chains) = self.n_chains {
            return Estimate::from_chains(&self.values, n_chains as usize);
        }
        let count = self.draws.len() as f64;
        let draws = || self.draws.iter().map(|(e, _)| e);
        Estimate {
            mean: self.mean(),
            error: draws().map(|e| e.error.powi(2)).sum::<f64>().sqrt() / count,
            tau: 0.5,
            n: draws().map(|e| e.n).sum(),
        }
    }

    /// Variance of a single value: the mean variance within draws plus that of their means.
    #[must_use]
    pub fn variance(&self) -> f64 {
        let count = self.draws.len() as f64;
        let mean = self.mean();
        let within = self.draws.iter().map(|(_, v)| v).sum::<f64>() / count;
        let off = |(e, _): &(Estimate, f64)| (e.mean - mean).powi(2);
        let between = self.draws.iter().map(off).sum::<f64>() / count;
        within + between
    }

    /// Split r-hat of the chains over all draws, see [`r_hat`]; `None` where there are none.
    #[must_use]
    pub fn r_hat(&self) -> Option<f64> {
        r_hat(&self.values, self.n_chains? as usize)
    }

    fn mean(&self) -> f64 {
        self.draws.iter().map(|(e, _)| e.mean).sum::<f64>() / self.draws.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normal;
    use ketwork_hamiltonians::Configs;
    use ketwork_models::Stream;

    const DRAWS: usize = 16;

    /// One run: 16 draws of 8 steps from 64 stationary AR(1) chains, mean 0, rho(t) = a^t.
    fn joined(s: Stream, a: f64) -> Joined {
        let (n_chains, steps) = (64, 8);
        let mut x: Vec<f64> = (0..n_chains).map(|c| normal(s, c)).collect();
        let mut joined = Joined::default();
        let mut drawn = n_chains;
        for _ in 0..DRAWS {
            let mut values = Vec::new();
            for _ in 0..steps {
                for x in &mut x {
                    *x = a * *x + (1.0 - a * a).sqrt() * normal(s, drawn);
                    drawn += 1;
                }
                values.extend_from_slice(&x);
            }
            let n = values.len();
            let samples = Samples {
                x: Configs::zeros(n, 1),
                log_psi: vec![0.0; n],
                weight: vec![1.0 / n as f64; n],
                draw: Draw::Chains { n_chains },
            };
            joined.push(&samples, &values);
        }
        joined
    }

    #[test]
    fn draws_of_slow_chains_have_error_bars_that_cover_as_promised() {
        // tau = 1/2 + a/(1 - a) = 99.5 steps is far longer than a draw of 8: taking draws as
        // independent understates the error by sqrt(16), nearly, and covers a fifth.
        let runs = 400;
        let (mut one, mut two, mut apart) = (0.0, 0.0, 0.0);
        for run in 0..runs {
            let all = joined(Stream::new(31).numbered(run), 0.99);
            let z = all.estimate().z(0.0).abs();
            one += f64::from(z < 1.0) / runs as f64;
            two += f64::from(z < 1.959_964) / runs as f64;
            let square: f64 = all.draws.iter().map(|(e, _)| e.error.powi(2)).sum();
            let naive = square.sqrt() / DRAWS as f64;
            apart += f64::from(all.mean().abs() < naive) / runs as f64;
        }
        // Student's t with 63 degrees of freedom: 0.679 and 0.9456. Limits: 4 binomial deviations.
        let limit = |p: f64| 4.0 * (p * (1.0 - p) / runs as f64).sqrt();
        assert!((one - 0.679).abs() < limit(0.679), "{one} within one error");
        assert!((two - 0.9456).abs() < limit(0.9456), "{two} within 1.96");
        assert!(apart < 0.4, "the test would not see the mistake: {apart}");
    }

    #[test]
    fn chains_that_mix_within_a_draw_gain_from_every_draw() {
        let all = joined(Stream::new(32), 0.3);
        // tau = 1/2 + 3/7; 8192 values of variance 1. The error is known to 1/sqrt(126) = 9 %.
        let expected = (2.0 * (0.5 + 3.0 / 7.0) / 8192.0f64).sqrt();
        let found = all.estimate();
        assert!((found.error / expected - 1.0).abs() < 0.36, "{found:?}");
        assert!(all.r_hat().is_some_and(|r| (r - 1.0).abs() < 0.05));
        assert_eq!(found.n, 8192);
        // r-hat of slow chains is seen only over all draws.
        assert!(
            joined(Stream::new(33), 0.999)
                .r_hat()
                .is_some_and(|r| r > 1.5)
        );
    }

    #[test]
    fn independent_draws_gain_as_their_number_and_exact_sums_need_one() {
        let mut joined = Joined::default();
        let samples = |draw| Samples {
            x: Configs::zeros(2, 1),
            log_psi: vec![0.0; 2],
            weight: vec![0.5; 2],
            draw,
        };
        for shift in [0.0, 2.0, 4.0, 6.0] {
            joined.push(
                &samples(Draw::Independent { shots: 5 }),
                &[shift, shift + 2.0],
            );
        }
        let all = joined.estimate();
        // Each draw: error sqrt(1/4); four of them: half. Means 1, 3, 5, 7.
        let found = [all.mean, all.error, joined.variance()];
        let expected = [4.0, 0.25, 1.0 + 5.0];
        assert_eq!(found.map(f64::to_bits), expected.map(f64::to_bits));
        assert_eq!(all.n, 20);
        assert_eq!((joined.r_hat(), joined.is_exact()), (None, false));
        let mut sum = Joined::default();
        sum.push(&samples(Draw::Exact), &[1.0, 2.0]);
        assert!(sum.is_exact());
        assert_eq!(sum.estimate().error.to_bits(), 0);
    }
}
