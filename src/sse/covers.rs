//! Dimer covers in snapshots: which ones are seen, and how long a chain remembers them.
//!
//! An excitation on a link is a dimer; the blockade of links that share a vertex makes hard dimers,
//! a perfect cover has one at each vertex. Its *label* is the whole configuration.

use ketwork_hamiltonians::Configs;
use ketwork_stats::Estimate;
use std::collections::BTreeMap;

/// How often each perfect cover was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoverHistogram {
    /// Configurations looked at.
    pub configurations: u64,
    /// Covers with their counts.
    pub counts: BTreeMap<Vec<u8>, u64>,
}

impl CoverHistogram {
    /// Counts the configurations with `dimers` excitations: on N links of kagome N / 4, half the
    /// number of vertices, since legal dimers do not touch.
    #[must_use]
    pub fn of(snapshots: &Configs, dimers: usize) -> Self {
        let mut counts = BTreeMap::new();
        for x in snapshots.view().rows() {
            if x.iter().map(|&n| usize::from(n)).sum::<usize>() == dimers {
                *counts.entry(x.to_vec()).or_insert(0) += 1;
            }
        }
        Self {
            configurations: snapshots.len() as u64,
            counts,
        }
    }

    /// Share of the configurations that are perfect covers.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.counts.values().sum::<u64>() as f64 / self.configurations as f64
    }
}

/// How long chains of snapshots remember where their dimers are.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelTime {
    /// Integrated autocorrelation time in snapshots, error from the scatter over chains.
    pub tau: Estimate,
    /// Whether the sum was closed: without it the chains are too short, and `tau` is a lower bound.
    pub is_closed: bool,
    /// The overlap C(t) from t = 0 on, up to the last one summed.
    pub overlap: Vec<f64>,
}

/// Windows of this many autocorrelation times leave out $e^{-6}$ of an exponential decay.
const WINDOW: f64 = 6.0;

/// The autocorrelation time of dimer labels, $\tau = \frac12 + \sum_{t=1}^{W} C(t)$, from the overlap
/// $C(t) = \frac{\langle n(s) \cdot n(s + t) \rangle / N - \bar n^2}{\bar n - \bar n^2}$ of
/// configurations t snapshots apart.
///
/// For equivalent sites C decays from 1 to 0, also where a chain is stuck in one cover and every
/// other observable looks at rest: the reference is the common mean $\bar n$, not that of a site in
/// the data. W is the smallest number of at least six $\tau$, at most half a chain.
///
/// # Shapes
/// `snapshots` (`n_chains` T, N), chain by chain, as in [`SseReport::snapshots`](crate::SseReport)
/// with as many chains as replicas.
///
/// # Panics
/// If the snapshots are not `n_chains` chains of equal length of at least 4.
#[track_caller]
#[must_use]
pub fn label_time(snapshots: &Configs, n_chains: usize) -> LabelTime {
    let rows = snapshots.len();
    assert!(
        n_chains > 0 && rows.is_multiple_of(n_chains) && rows / n_chains >= 4,
        "{rows} snapshots are no {n_chains} chains"
    );
    let n = snapshots.view().rows().next().map_or(0, <[u8]>::len);
    let (length, words) = (rows / n_chains, n.div_ceil(64));
    let mut bits = vec![0_u64; rows * words];
    for (x, packed) in snapshots.view().rows().zip(bits.chunks_exact_mut(words)) {
        for (i, &n) in x.iter().enumerate() {
            packed[i / 64] |= u64::from(n & 1) << (i % 64);
        }
    }
    let ones: u64 = bits.iter().map(|w| u64::from(w.count_ones())).sum();
    let mean = ones as f64 / (rows * n) as f64;
    let spread = mean - mean * mean;
    // Overlap of one chain t snapshots apart.
    let at = |chain: &[u64], t: usize| -> f64 {
        let later = &chain[t * words..];
        let both = chain.iter().zip(later).map(|(a, b)| (a & b).count_ones());
        let pairs = (length - t) * n;
        (both.map(u64::from).sum::<u64>() as f64 / pairs as f64 - mean * mean) / spread
    };
    if spread <= 0.0 {
        return LabelTime {
            tau: Estimate::exact(0.5),
            is_closed: true,
            overlap: vec![1.0],
        };
    }
    let mut of_chain = vec![0.5; n_chains];
    let (mut tau, mut overlap, mut is_closed) = (0.5, vec![1.0], false);
    for t in 1..=length / 2 {
        let mut sum = 0.0;
        for (own, chain) in of_chain.iter_mut().zip(bits.chunks_exact(length * words)) {
            let c = at(chain, t);
            *own += c;
            sum += c / n_chains as f64;
        }
        overlap.push(sum);
        tau += sum;
        if t as f64 >= WINDOW * tau {
            is_closed = true;
            break;
        }
    }
    let squares: f64 = of_chain.iter().map(|own| (own - tau).powi(2)).sum();
    let error = match n_chains {
        1 => f64::INFINITY,
        k => (squares / (k * (k - 1)) as f64).sqrt(),
    };
    LabelTime {
        tau: Estimate {
            mean: tau,
            error,
            tau: 0.5,
            n: n_chains as u64,
        },
        is_closed,
        overlap,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::{Chance, Dice};
    use crate::exact::Exact;
    use crate::target_tests::{kagome_link, ring};
    use crate::{Sse, SseParams, SseReport};
    use ketwork_hamiltonians::{Lattice, Rydberg};
    use ketwork_models::Stream;

    #[test]
    fn sites_that_are_redrawn_now_and_then_have_the_known_autocorrelation_time() {
        // Each of 100 sites is redrawn with probability p in a step: C(t) = (1 - p)^t.
        let (n, chains, length, density) = (100, 8, 4000, 0.25);
        let mut dice = Dice::new(Stream::new(3));
        for p in [1.0, 0.2, 0.02] {
            let mut all = Configs::new(n);
            for _ in 0..chains {
                let mut x = vec![0_u8; n];
                x.iter_mut()
                    .for_each(|v| *v = u8::from(dice.accept(density)));
                for _ in 0..length {
                    for v in &mut x {
                        if dice.accept(p) {
                            *v = u8::from(dice.accept(density));
                        }
                    }
                    all.push(&x);
                }
            }
            let found = label_time(&all, chains);
            let exact = 1.0 / p - 0.5;
            assert!(found.is_closed, "p = {p}");
            // Six tau leave out 0.25 % of the sum; the error from 8 chains follows Student's t, 7
            // degrees of freedom, which is beyond 5.4 once in 1000.
            let off = (found.tau.mean - exact).abs() - 0.0025 * exact;
            assert!(
                off < 5.4 * found.tau.error.max(1e-3),
                "p = {p}: {:?}",
                found.tau
            );
            assert!(
                (found.overlap[1] - (1.0 - p)).abs() < 0.01,
                "{}",
                found.overlap[1]
            );
        }
    }

    #[test]
    fn a_stuck_chain_is_seen() {
        let mut all = Configs::new(4);
        for k in 0..400 {
            all.push(if k < 200 {
                &[1, 0, 1, 0]
            } else {
                &[0, 1, 0, 1]
            });
        }
        let found = label_time(&all, 2);
        assert!(!found.is_closed, "{found:?}");
        assert!(found.tau.mean > 99.0, "{found:?}");
    }

    fn snapshots(lattice: &Lattice, delta: f64, beta: f64, every: u64) -> SseReport {
        let params = SseParams {
            beta,
            sweeps: 10_000 * every,
            snapshots: 10_000,
            ..SseParams::default()
        };
        let model = Rydberg::new(delta).on(lattice).unwrap();
        Sse::new(&model, params)
            .unwrap()
            .run(Stream::new(8))
            .unwrap()
    }

    #[test]
    fn covers_are_seen_as_often_as_they_weigh() {
        // The two crystals of a ring are its perfect covers.
        let lattice = ring(6);
        let twin = Exact::of(&Rydberg::new(1.0).on(&lattice).unwrap());
        let seen = CoverHistogram::of(&snapshots(&lattice, 1.0, 1.0, 20).snapshots, 3);
        assert_eq!((seen.configurations, seen.counts.len()), (10_000, 2));
        for (x, p) in twin.states.view().rows().zip(twin.probabilities(1.0)) {
            if x.iter().filter(|n| **n == 1).count() == 3 {
                let count = seen.counts[x] as f64;
                // Snapshots 20 sweeps apart are independent: a binomial law.
                let sigma = (1e4 * p * (1.0 - p)).sqrt();
                assert!((count - 1e4 * p).abs() < 4.0 * sigma, "{x:?}: {count}, {p}");
            }
        }
    }

    #[test]
    fn all_32_covers_of_a_small_kagome_torus_are_found() {
        let lattice = kagome_link(2);
        let report = snapshots(&lattice, 3.0, 2.0, 4);
        let seen = CoverHistogram::of(&report.snapshots, 6);
        assert_eq!(seen.counts.len(), 32, "2^(4 + 1) covers");
        // Without a cover there are at most 5 dimers, so the mean number is at most 5 + share.
        let dimers = 24.0 * report.density.mean;
        assert!(
            seen.share() > dimers - 5.0 - 0.03,
            "{} {dimers}",
            seen.share()
        );
    }

    #[test]
    fn line_loops_exchange_covers_where_hops_are_blocked() {
        let model = Rydberg::new(4.0).on(&kagome_link(2)).unwrap();
        let run = |line_loops| {
            let params = SseParams {
                beta: 10.0,
                sweeps: 16_000,
                snapshots: 16_000,
                line_loops,
                ..SseParams::default()
            };
            let r = Sse::new(&model, params).unwrap().run(Stream::new(5));
            r.unwrap().snapshots
        };
        let (without, with) = (run(false), run(true));
        let stuck = label_time(&without, 4);
        // Each of 4 chains of 4000 snapshots stays in its cover.
        assert!(!stuck.is_closed && stuck.tau.mean > 1000.0, "{stuck:?}");
        assert!(CoverHistogram::of(&without, 6).counts.len() <= 4);
        let moving = label_time(&with, 4);
        assert!(
            moving.is_closed && moving.tau.mean < 100.0,
            "{:?}",
            moving.tau
        );
        assert_eq!(CoverHistogram::of(&with, 6).counts.len(), 32);
    }
}
