use super::{Diagnostics, SampleError, Sampler, check_finite};
use crate::{Estimate, r_hat};
use ketwork_hamiltonians::{Configs, Scalar, Sector, draw_legal, is_legal};
use ketwork_models::{Draw, Samples, Stream, Wavefunction};
use serde::{Deserialize, Serialize};

/// How Markov chains run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetropolisParams {
    /// Samples of a draw over all chains, rounded up to whole steps. \[4096\]
    pub samples: usize,
    /// Chains that run side by side; their proposals are evaluated together. \[64: with 32 or more
    /// the scatter of chain means gives the error, however long the autocorrelation\]
    pub n_chains: usize,
    /// Sweeps of N proposals between two samples of a chain. \[1\]
    pub sweeps: usize,
    /// Sweeps before the first draw, which start from random legal configurations. \[100\]
    pub thermalization: usize,
    /// Sweeps before every later draw, whose parameters differ a little. \[5\]
    pub relaxation: usize,
    /// Share of proposals that exchange the values of a pair of sites; the others change one site.
    /// \[0\]. A fixed particle number needs 1: no single change is legal there.
    pub exchange: f64,
    /// Pairs of sites to exchange, usually the bonds of the model. \[none\]
    pub pairs: Vec<(u32, u32)>,
}

impl Default for MetropolisParams {
    fn default() -> Self {
        Self {
            samples: 4096,
            n_chains: 64,
            sweeps: 1,
            thermalization: 100,
            relaxation: 5,
            exchange: 0.0,
            pairs: Vec::new(),
        }
    }
}

/// Markov chains in a constrained space, for states without exact sampling.
///
/// A proposal changes one site to another value or exchanges: it swaps the values of a pair or, beyond
/// qubits, half of the time moves one unit between them. Illegal proposals are rejected, legal ones are accepted with probability $\min(1, |\psi(x')/\psi(x)|^2)$ (or P(x')/P(x)).
/// Both proposals are symmetric, so the chain is in detailed balance; it is ergodic only where the
/// moves connect the sector, which r-hat cannot prove.
///
/// Every random number is addressed by (chain, move), so that the chains and one counter are the
/// whole state: a resumed sampler continues bit for bit.
///
/// # References
/// N. Metropolis et al., J. Chem. Phys. 21, 1087 (1953).
#[derive(Clone, Debug)]
pub struct Metropolis {
    params: MetropolisParams,
    sector: Sector,
    chains: Vec<Chain>,
    /// Proposals made by each chain so far.
    moves: u64,
    x: Configs,
    diagnostics: Option<Diagnostics>,
}

/// The random numbers of a chain.
#[derive(Clone, Copy, Debug)]
struct Chain {
    stream: Stream,
}

impl Chain {
    fn uniforms(self, moved: u64) -> [f64; 4] {
        [0, 1, 2, 3].map(|purpose| self.stream.uniform(moved, purpose))
    }
}

impl Metropolis {
    /// Chains at random legal configurations, drawn by walking the constraint.
    ///
    /// # Errors
    /// [`SampleError::NoSamples`] for zero samples or chains, [`SampleError::NoPairs`] where
    /// exchanges have no pair.
    ///
    /// # Panics
    /// If a pair names a site twice or outside the lattice.
    #[track_caller]
    pub fn new(
        sector: Sector,
        params: MetropolisParams,
        stream: Stream,
    ) -> Result<Self, SampleError> {
        let n = sector.space().n_sites;
        let inside = |&(a, b): &(u32, u32)| a != b && (a.max(b) as usize) < n;
        assert!(
            params.pairs.iter().all(inside),
            "pairs are two different sites below {n}"
        );
        if params.samples == 0 || params.n_chains == 0 {
            return Err(SampleError::NoSamples);
        }
        if params.exchange > 0.0 && params.pairs.is_empty() {
            return Err(SampleError::NoPairs);
        }
        let stream = stream.named("metropolis");
        let chains: Vec<_> = (0..params.n_chains as u64)
            .map(|c| Chain {
                stream: stream.numbered(c),
            })
            .collect();
        let mut x = Configs::zeros(chains.len(), n);
        for (c, chain) in chains.iter().enumerate() {
            let start = chain.stream.named("start");
            draw_legal(&*sector, |p| start.uniform(0, p as u32), x.row_mut(c));
        }
        Ok(Self {
            params,
            sector,
            chains,
            moves: 0,
            x,
            diagnostics: None,
        })
    }

    /// How the chains run.
    #[must_use]
    pub fn params(&self) -> &MetropolisParams {
        &self.params
    }

    /// Where the chains stand.
    #[must_use]
    pub fn configurations(&self) -> &Configs {
        &self.x
    }

    /// Writes the proposal made by three uniform numbers; false where it is illegal or nothing new.
    fn propose(&self, [kind, place, other, _]: [f64; 4], x: &mut [u8]) -> bool {
        let top = self.sector.space().local_dim as u8 - 1;
        let pick = |u: f64, n: usize| ((u * n as f64) as usize).min(n - 1);
        if kind < self.params.exchange {
            let (a, b) = self.params.pairs[pick(place, self.params.pairs.len())];
            let (a, b) = (a as usize, b as usize);
            let (from, to) = if other < 0.75 { (a, b) } else { (b, a) };
            if self.sector.space().local_dim == 2 || other < 0.5 {
                x.swap(a, b);
                if x[a] == x[b] {
                    return false;
                }
            } else if x[from] > 0 && x[to] < top {
                x[from] -= 1;
                x[to] += 1;
            } else {
                return false;
            }
        } else {
            let site = pick(place, x.len());
            let value = pick(other, usize::from(top)) as u8;
            x[site] = value + u8::from(value >= x[site]);
        }
        is_legal(&*self.sector, x)
    }

    /// Makes `n` proposals on every chain and returns how many were accepted.
    fn advance<W: Wavefunction + ?Sized>(
        &mut self,
        psi: &W,
        theta: &[f64],
        n: usize,
        log: &mut [W::Log],
    ) -> Result<u64, SampleError> {
        let norm = psi.norm();
        let mut accepted = 0;
        let (mut proposals, mut owner) = (Configs::new(self.x.n_sites()), Vec::new());
        let (mut row, mut new) = (vec![0; self.x.n_sites()], Vec::new());
        for _ in 0..n {
            proposals.clear();
            owner.clear();
            for (c, chain) in self.chains.iter().enumerate() {
                let u = chain.uniforms(self.moves);
                row.copy_from_slice(self.x.row(c));
                if self.propose(u, &mut row) {
                    proposals.push(&row);
                    owner.push((c, u[3]));
                }
            }
            new.clear();
            new.resize(owner.len(), W::Log::ZERO);
            psi.log_psi(theta, proposals.view(), &mut new);
            check_finite(proposals.view(), &new)?;
            for (i, &(c, u)) in owner.iter().enumerate() {
                let (from, to) = (norm.log_probability(log[c]), norm.log_probability(new[i]));
                if accept(u, from, to) {
                    self.x.row_mut(c).copy_from_slice(proposals.row(i));
                    log[c] = new[i];
                    accepted += 1;
                }
            }
            self.moves += 1;
        }
        Ok(accepted)
    }
}

/// Metropolis' rule on log-probabilities; a chain outside the support walks freely until it is in.
fn accept(u: f64, from: f64, to: f64) -> bool {
    from == f64::NEG_INFINITY || u < (to - from).exp()
}

impl<W: Wavefunction + ?Sized> Sampler<W> for Metropolis {
    fn draw(&mut self, psi: &W, theta: &[f64]) -> Result<Samples<W::Log>, SampleError> {
        assert_eq!(
            psi.space(),
            self.sector.space(),
            "state and sampler must share a space"
        );
        let (n_sites, n_chains) = (self.x.n_sites(), self.chains.len());
        let mut log = vec![W::Log::ZERO; n_chains];
        psi.log_psi(theta, self.x.view(), &mut log);
        check_finite(self.x.view(), &log)?;
        let first = self.moves == 0;
        let before = if first {
            self.params.thermalization
        } else {
            self.params.relaxation
        };
        self.advance(psi, theta, before * n_sites, &mut log)?;
        let steps = self.params.samples.div_ceil(n_chains);
        let rows = steps * n_chains;
        let mut samples = Samples {
            x: Configs::new(n_sites),
            log_psi: Vec::with_capacity(rows),
            weight: vec![1.0 / rows as f64; rows],
            draw: Draw::Chains {
                n_chains: n_chains as u64,
            },
        };
        let sweep = self.params.sweeps.max(1) * n_sites;
        let mut accepted = 0;
        for _ in 0..steps {
            accepted += self.advance(psi, theta, sweep, &mut log)?;
            samples.x.extend(self.x.view());
            samples.log_psi.extend_from_slice(&log);
        }
        if samples.log_psi.iter().any(|l| l.re() == f64::NEG_INFINITY) {
            return Err(SampleError::NoAmplitude);
        }
        let proposed = (sweep * rows) as u64;
        if accepted == 0 {
            return Err(SampleError::Stuck { proposed });
        }
        let log_p: Vec<f64> = samples
            .log_psi
            .iter()
            .map(|l| psi.norm().log_probability(*l))
            .collect();
        self.diagnostics = Some(Diagnostics {
            acceptance: accepted as f64 / proposed as f64,
            r_hat: r_hat(&log_p, n_chains),
            tau: Estimate::from_chains(&log_p, n_chains).tau,
        });
        Ok(samples)
    }

    /// The number of moves, then the chains, one value a number.
    fn save(&self) -> Vec<u64> {
        let values = self.x.data().iter().map(|&v| u64::from(v));
        std::iter::once(self.moves).chain(values).collect()
    }

    fn load(&mut self, saved: &[u64]) -> Result<(), SampleError> {
        let expected = 1 + self.x.data().len();
        let foreign = SampleError::Foreign {
            found: saved.len(),
            expected,
        };
        let (Some((&moves, values)), true) = (saved.split_first(), saved.len() == expected) else {
            return Err(foreign);
        };
        let n = self.x.n_sites();
        let d = self.sector.space().local_dim as u64;
        if values.iter().any(|&v| v >= d) {
            return Err(SampleError::Illegal);
        }
        let x = Configs::from_data(n, values.iter().map(|&v| v as u8).collect());
        if !x.view().rows().all(|row| is_legal(&*self.sector, row)) {
            return Err(SampleError::Illegal);
        }
        (self.moves, self.x, self.diagnostics) = (moves, x, None);
        Ok(())
    }

    fn diagnostics(&self) -> Option<Diagnostics> {
        self.diagnostics
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ketwork_hamiltonians::{Free, Number, Space};
    use std::collections::BTreeMap;
    use std::sync::Arc;

    /// The exact transition matrix of one move, from the code that runs: the proposal is a
    /// piecewise constant function of its uniform numbers, whose pieces are visited by midpoints.
    fn transitions(
        chains: &Metropolis,
        x: &[u8],
        log_p: &dyn Fn(&[u8]) -> f64,
    ) -> BTreeMap<Vec<u8>, f64> {
        let mut row = BTreeMap::new();
        let exchange = chains.params.exchange;
        for (kind, share) in [
            (0.5 * exchange, exchange),
            (0.5 + 0.5 * exchange, 1.0 - exchange),
        ] {
            // Quarters tell a swap from the two moves of one unit.
            let (places, others) = match kind < exchange {
                true => (chains.params.pairs.len(), 4),
                false => (x.len(), chains.sector.space().local_dim - 1),
            };
            for place in 0..places {
                for other in 0..others {
                    let u = [place as f64 + 0.5, other as f64 + 0.5];
                    let u = [kind, u[0] / places as f64, u[1] / others as f64, 0.0];
                    let probability = share / (places * others) as f64;
                    let mut y = x.to_vec();
                    let mut p = 0.0;
                    if chains.propose(u, &mut y) {
                        // The rule accepts exactly below this number.
                        p = (log_p(&y) - log_p(x)).exp().min(1.0);
                        assert!(accept(p * (1.0 - 1e-12), log_p(x), log_p(&y)));
                        assert!(p >= 1.0 || !accept(p * (1.0 + 1e-12), log_p(x), log_p(&y)));
                        *row.entry(y).or_insert(0.0) += probability * p;
                    }
                    *row.entry(x.to_vec()).or_insert(0.0) += probability * (1.0 - p);
                }
            }
        }
        row
    }

    #[test]
    fn moves_are_in_detailed_balance_and_stay_legal() {
        let log_p = |x: &[u8]| {
            x.iter()
                .enumerate()
                .map(|(i, &v)| f64::from(v) * (0.3 * i as f64 - 0.5))
                .sum::<f64>()
                + 0.4 * f64::from(x[0] == x[2])
        };
        let pairs = vec![(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)];
        for d in [2, 3] {
            let space = Space::new(4, d);
            let sectors: [(Sector, f64); 3] = [
                (Arc::new(Free::new(space)), 0.0),
                (Arc::new(Free::new(space)), 0.3),
                (Arc::new(Number::new(space, 3).unwrap()), 0.6),
            ];
            for (sector, exchange) in sectors {
                let params = MetropolisParams {
                    exchange,
                    pairs: pairs.clone(),
                    ..Default::default()
                };
                let chains = Metropolis::new(sector.clone(), params, Stream::new(1)).unwrap();
                let all = crate::sample::tests::all(&sector);
                let rows: BTreeMap<Vec<u8>, _> = all
                    .view()
                    .rows()
                    .map(|x| (x.to_vec(), transitions(&chains, x, &log_p)))
                    .collect();
                for (x, row) in &rows {
                    let total: f64 = row.values().sum();
                    assert!((total - 1.0).abs() < 1e-14, "{x:?} leaves with {total}");
                    for (y, there) in row {
                        let back = rows[y].get(x).copied().unwrap_or(0.0);
                        let flow = there * log_p(x).exp() - back * log_p(y).exp();
                        assert!(flow.abs() < 1e-14, "{x:?} to {y:?}: {flow}");
                    }
                }
                // All is reached from the first configuration.
                let mut reached = vec![all.row(0).to_vec()];
                for i in 0.. {
                    let Some(x) = reached.get(i).cloned() else {
                        break;
                    };
                    for y in rows[&x].keys() {
                        if !reached.contains(y) {
                            reached.push(y.clone());
                        }
                    }
                }
                assert_eq!(reached.len(), all.len(), "{sector:?}");
            }
        }
    }
}
