//! Renyi-2 entropies by the swap of two copies.

use super::{MeasureError, Sampled};
use crate::exact::sites_of;
use crate::{Estimate, sum_over};
use ketwork_hamiltonians::{Configs, Scalar};
use ketwork_models::{Draw, Norm, Stream, Wavefunction};
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Pairs of configurations evaluated in one call.
const BATCH: usize = 1 << 12;

/// Independent groups of steps that few chains are cut into.
const GROUPS: usize = 32;

/// How pairs of independent samples are formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swap {
    /// Pairs for each sample. More of them cost more amplitudes and use up what the samples know;
    /// where all pairs cost no more, all are taken. \[8\]
    pub partners: usize,
    /// Random numbers that say which shots make a pair. \[seed 0\]
    pub stream: Stream,
}

impl Default for Swap {
    fn default() -> Self {
        Self {
            partners: 8,
            stream: Stream::new(0).named("swap"),
        }
    }
}

/// The Renyi-2 entropy of a region and the purity it is the logarithm of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Renyi2 {
    /// $S_2 = -\ln \mathrm{Tr}\,\rho_A^2$ in nats, error by propagation. Its bias
    /// $(\mathrm{error})^2 / 2$ is below the error as long as that is below 1.
    pub entropy: Estimate,
    /// $\mathrm{Tr}\,\rho_A^2$, unbiased.
    pub purity: Estimate,
}

/// Sums over pairs, from which mean and error follow.
struct PairTable {
    /// Pairs that each unit takes part in.
    each: f64,
    /// All pairs.
    n_pairs: f64,
    /// Sum of the values.
    values: f64,
    /// Sum of their squares.
    squares: f64,
    /// (units that are alike, sum of the values of the pairs of one of them).
    units: Vec<(f64, f64)>,
}

impl<W: Wavefunction + ?Sized> Sampled<'_, W> {
    /// The Renyi-2 entropy of a region, $S_2(A) = -\ln \mathrm{Tr}\,\rho_A^2$ with
    /// $$\mathrm{Tr}\,\rho_A^2 = \Big\langle \frac{\psi(n_A m_B)\,\psi(m_A n_B)}{\psi(n)\,\psi(m)} \Big\rangle_{n, m},$$
    /// n and m independent samples, B the rest of the sites. Where the swapped configurations are
    /// illegal the value is 0.
    ///
    /// Independent shots: the mean over `partners` pairs for each shot, or over all pairs where that
    /// costs no more; equal pairs are evaluated once. Chains are paired with each other, at the same
    /// step; fewer than 32 chains are first cut into 32 groups of steps, which must be longer than the
    /// autocorrelation time. The error counts that pairs share samples: it is the sum over all pairs
    /// of pairs with a common sample. The relative error grows as $e^{S_2/2}$, so that regions of much
    /// entropy need many samples.
    ///
    /// # Errors
    /// [`MeasureError::Unresolved`] where the purity is not above 0, [`MeasureError::TooFew`] for fewer
    /// than 4 independent samples, [`MeasureError::NotFinite`].
    ///
    /// # Panics
    /// If the region names a site twice or outside, the state is a probability, or `partners` is 0.
    ///
    /// # References
    /// M. B. Hastings, I. Gonzalez, A. B. Kallin, R. G. Melko, Phys. Rev. Lett. 104, 157201 (2010).
    #[track_caller]
    pub fn renyi2(&self, region: &[usize], swap: &Swap) -> Result<Renyi2, MeasureError> {
        assert_eq!(
            self.psi.norm(),
            Norm::L2,
            "the swap needs amplitudes, not probabilities"
        );
        assert!(swap.partners > 0, "each sample needs a partner");
        self.check(&self.samples.log_psi, "log-amplitude")?;
        let inside = sites_of(region, self.psi.space().n_sites);
        let swapped = Swapped::new(self, inside);
        let purity = match self.samples.draw {
            Draw::Exact => self.exact_purity(&swapped)?,
            Draw::Independent { shots } => {
                enough(shots as usize)?;
                let (rows, n) = (self.samples.len(), shots as usize);
                let few = n <= 2 * swap.partners + 1;
                if few || rows * (rows + 1) / 2 <= n.saturating_mul(swap.partners) {
                    self.all_pairs(&swapped, n)?.estimate(shots)
                } else {
                    let units = self.shuffled_shots(n, swap.stream);
                    cyclic_pairs(&swapped, &units, 1, swap.partners)?.estimate(shots)
                }
            }
            Draw::Chains { n_chains } => {
                let (units, length) = self.groups(n_chains as usize);
                let n = units.len() / length;
                enough(n)?;
                let partners = swap.partners.min((n - 1) / 2);
                let table = cyclic_pairs(&swapped, &units, length, partners)?;
                table.estimate(self.samples.len() as u64)
            }
        };
        if purity.mean > 0.0 {
            let entropy = Estimate {
                mean: -purity.mean.ln(),
                error: purity.error / purity.mean,
                ..purity
            };
            Ok(Renyi2 { entropy, purity })
        } else {
            Err(MeasureError::Unresolved { purity })
        }
    }

    fn exact_purity(&self, swapped: &Swapped<'_, '_, W>) -> Result<Estimate, MeasureError> {
        let w = &self.samples.weight;
        let rows: Vec<u32> = (0..w.len() as u32)
            .filter(|&a| w[a as usize] > 0.0)
            .collect();
        let mut mean = 0.0;
        for (i, &a) in rows.iter().enumerate() {
            let pairs: Vec<_> = rows[i + 1..].iter().map(|&b| (a, b)).collect();
            let values = swapped.values(&pairs)?;
            let term = |k: usize| w[pairs[k].1 as usize] * values[k];
            let a = w[a as usize];
            mean += a * (a + 2.0 * sum_over(pairs.len(), term));
        }
        Ok(Estimate {
            mean,
            error: 0.0,
            tau: 0.5,
            n: w.len() as u64,
        })
    }

    /// Every pair of different shots; those of equal configurations are counted, not listed.
    fn all_pairs(&self, swapped: &Swapped<'_, '_, W>, n: usize) -> Result<PairTable, MeasureError> {
        let shots = n as f64;
        let count: Vec<f64> = self
            .samples
            .weight
            .iter()
            .map(|w| (w * shots).round())
            .collect();
        let rows = count.len();
        // Two shots with the same configuration swap into themselves: value 1.
        let mut units: Vec<_> = count.iter().map(|&c| (c, c - 1.0)).collect();
        let alike: f64 = count.iter().map(|c| c * (c - 1.0) / 2.0).sum();
        let (mut values, mut squares) = (alike, alike);
        for a in 0..rows as u32 {
            let pairs: Vec<_> = (a + 1..rows as u32).map(|b| (a, b)).collect();
            let a = a as usize;
            for (&(_, b), v) in pairs.iter().zip(swapped.values(&pairs)?) {
                let b = b as usize;
                units[a].1 += count[b] * v;
                units[b].1 += count[a] * v;
                values += count[a] * count[b] * v;
                squares += count[a] * count[b] * v * v;
            }
        }
        Ok(PairTable {
            each: shots - 1.0,
            n_pairs: shots * (shots - 1.0) / 2.0,
            values,
            squares,
            units,
        })
    }

    /// The row of each shot, in random order: rows are sorted, so that neighbours are alike.
    fn shuffled_shots(&self, n: usize, stream: Stream) -> Vec<u32> {
        let count = |w: &f64| (w * n as f64).round() as usize;
        let weights = self.samples.weight.iter().enumerate();
        let mut rows: Vec<u32> = weights
            .flat_map(|(r, w)| std::iter::repeat_n(r as u32, count(w)))
            .collect();
        let mut rng = stream.sequential();
        for last in (1..rows.len()).rev() {
            // A bias of (n / 2^64) in the choice of an index is far below any error bar.
            let at = ((u128::from(rng.next_u64()) * (last as u128 + 1)) >> 64) as usize;
            rows.swap(last, at);
        }
        rows
    }

    /// Chains, or pieces of chains, as rows of equal length.
    fn groups(&self, n_chains: usize) -> (Vec<u32>, usize) {
        let steps = self.samples.len() / n_chains;
        let pieces = GROUPS.div_ceil(n_chains).min(steps).max(1);
        let length = steps / pieces;
        let mut rows = Vec::with_capacity(pieces * length * n_chains);
        for piece in 0..pieces {
            for chain in 0..n_chains {
                let row = |l: usize| ((piece * length + l) * n_chains + chain) as u32;
                rows.extend((0..length).map(row));
            }
        }
        (rows, length)
    }
}

fn enough(found: usize) -> Result<(), MeasureError> {
    let needed = 4;
    if found < needed {
        return Err(MeasureError::TooFew { found, needed });
    }
    Ok(())
}

/// Each unit with the next few, in a circle; a unit is `length` rows, paired one by one.
fn cyclic_pairs<W: Wavefunction + ?Sized>(
    swapped: &Swapped<'_, '_, W>,
    rows: &[u32],
    length: usize,
    partners: usize,
) -> Result<PairTable, MeasureError> {
    let n = rows.len() / length;
    let pair = |u: usize, shift: usize, l: usize| {
        let (a, b) = (rows[u * length + l], rows[(u + shift) % n * length + l]);
        (a.min(b), a.max(b))
    };
    let mut distinct = Vec::with_capacity(n * partners * length);
    for u in 0..n {
        for shift in 1..=partners {
            distinct.extend((0..length).map(|l| pair(u, shift, l)));
        }
    }
    distinct.sort_unstable();
    distinct.dedup();
    let known = swapped.values(&distinct)?;
    let mut units = vec![(1.0, 0.0); n];
    let (mut values, mut squares) = (0.0, 0.0);
    for u in 0..n {
        for shift in 1..=partners {
            let value = |l: usize| {
                let at = distinct.binary_search(&pair(u, shift, l));
                known[at.expect("every pair was listed")]
            };
            let v = sum_over(length, value) / length as f64;
            units[u].1 += v;
            units[(u + shift) % n].1 += v;
            values += v;
            squares += v * v;
        }
    }
    Ok(PairTable {
        each: (2 * partners) as f64,
        n_pairs: (n * partners) as f64,
        values,
        squares,
        units,
    })
}

impl PairTable {
    /// Mean, and error from the covariance of pairs with a common unit:
    /// $\sum_{p \cap q \ne \emptyset} d_p d_q = \sum_u (\sum_{p \ni u} d_p)^2 - \sum_p d_p^2$ with
    /// deviations d from the mean, corrected for the deviations that the mean takes away.
    fn estimate(&self, n: u64) -> Estimate {
        let mean = self.values / self.n_pairs;
        let unit = |u: usize| {
            let (count, sum) = self.units[u];
            count * (sum - self.each * mean).powi(2)
        };
        let own = (self.squares - self.n_pairs * mean * mean).max(0.0);
        // Noise may make the covariance negative; the pairs alone are then the better guess.
        let shared = (sum_over(self.units.len(), unit) - own).max(own);
        let overlap = (2.0 * self.each - 1.0) / self.n_pairs;
        let error = if overlap < 1.0 {
            (shared / (1.0 - overlap)).sqrt() / self.n_pairs
        } else {
            f64::INFINITY
        };
        Estimate {
            mean,
            error,
            tau: 0.5,
            n,
        }
    }
}

/// Evaluates swapped pairs of sampled rows.
struct Swapped<'s, 'a, W: Wavefunction + ?Sized> {
    state: &'s Sampled<'a, W>,
    inside: Vec<bool>,
    /// Rows by configuration: a swapped configuration that was sampled is not evaluated again.
    rows: HashMap<&'s [u8], usize>,
}

impl<'s, 'a, W: Wavefunction + ?Sized> Swapped<'s, 'a, W> {
    fn new(state: &'s Sampled<'a, W>, inside: Vec<bool>) -> Self {
        let x = state.samples.x.view();
        Self {
            state,
            inside,
            rows: x.rows().enumerate().map(|(r, x)| (x, r)).collect(),
        }
    }

    /// $\mathrm{Re}\, \psi(n_A m_B)\psi(m_A n_B) / \psi(n)\psi(m)$ of pairs of rows.
    fn values(&self, pairs: &[(u32, u32)]) -> Result<Vec<f64>, MeasureError> {
        let mut values = Vec::with_capacity(pairs.len());
        for pairs in pairs.chunks(BATCH) {
            self.append(pairs, &mut values)?;
        }
        Ok(values)
    }

    fn append(&self, pairs: &[(u32, u32)], values: &mut Vec<f64>) -> Result<(), MeasureError> {
        let s = self.state.samples;
        let x = s.x.view();
        let (mut n, mut m) = (vec![0; x.n_sites()], vec![0; x.n_sites()]);
        let mut unknown = Configs::new(x.n_sites());
        // For each pair its two swapped configurations: a sampled row, or one to be evaluated.
        let mut places = Vec::with_capacity(pairs.len());
        for &(a, b) in pairs {
            let (from, to) = (x.row(a as usize), x.row(b as usize));
            n.copy_from_slice(from);
            m.copy_from_slice(to);
            for site in (0..n.len()).filter(|&site| self.inside[site]) {
                std::mem::swap(&mut n[site], &mut m[site]);
            }
            // The parts in A or those in B are equal: the swap changes nothing but names.
            let trivial = n == from || n == to;
            places.push((!trivial).then(|| [&n, &m].map(|c| self.place(c, &mut unknown))));
        }
        let mut log = vec![W::Log::ZERO; unknown.len()];
        self.state
            .psi
            .log_psi(self.state.theta, unknown.view(), &mut log);
        for (place, &(a, b)) in places.iter().zip(pairs) {
            let Some(places) = place else {
                values.push(1.0);
                continue;
            };
            let parents = s.log_psi[a as usize] + s.log_psi[b as usize];
            let logs = places.map(|p| match p {
                Place::Sampled(row) => s.log_psi[row],
                Place::New(at) => log[at],
            });
            let illegal = logs.iter().any(|l| l.re() == f64::NEG_INFINITY);
            let value = if illegal {
                0.0
            } else {
                (logs[0] + logs[1] - parents).exp().re()
            };
            if !value.is_finite() {
                return Err(MeasureError::NotFinite {
                    what: "ratio of swapped amplitudes",
                    value: value.to_string(),
                    configuration: x.row(a as usize).to_vec(),
                });
            }
            values.push(value);
        }
        Ok(())
    }

    fn place(&self, x: &[u8], unknown: &mut Configs) -> Place {
        match self.rows.get(x) {
            Some(&row) => Place::Sampled(row),
            None => {
                unknown.push(x);
                Place::New(unknown.len() - 1)
            }
        }
    }
}

/// Where the amplitude of a swapped configuration is found.
#[derive(Clone, Copy)]
enum Place {
    Sampled(usize),
    New(usize),
}
