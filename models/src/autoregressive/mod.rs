//! Autoregressive states: mask, normalisation, exact sampling and tangent, written once for all
//! networks and all constraints.

mod neighbours;
mod repeated;
mod sample;
mod shot;
#[cfg(test)]
mod tests;

use crate::{Conditional, Differentiable, Layout, Norm, Wavefunction};
use ketwork_hamiltonians::{ConfigsRef, LocalMask, Neighbours, OnSpace, Scalar, Sector, Space};
use rayon::prelude::*;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// A normalised state $\psi(x) = \prod_p \psi(x_p | x_{<p})$ in a constrained space.
///
/// From the raw log-amplitudes $r_p(v)$ of the network and the mask $m_p(v)$ of the constraint,
/// $$\ln\psi(v | x_{<p}) = r_p(v) - \tfrac1s \ln \sum_{v' \in m_p} e^{s\, \mathrm{Re}\, r_p(v')},$$
/// with s = 2 for a wavefunction (L2) and s = 1 for a probability (L1). Masked values have
/// amplitude 0, so the state is normalised over the legal configurations and every shot is legal.
///
/// # References
/// O. Sharir et al., Phys. Rev. Lett. 124, 020503 (2020); M. Hibat-Allah et al., Phys. Rev. Research
/// 2, 023358 (2020); masking: D. Luo et al., Phys. Rev. Research 5, 013216 (2023).
pub struct Autoregressive<M: Conditional> {
    net: M,
    sector: Sector,
    norm: Norm,
    pool: Mutex<Vec<Scratch<M>>>,
}

/// Memory of one thread at work on one block.
struct Scratch<M: Conditional> {
    work: M::Work,
    x: Vec<u8>,
    raw: Vec<M::Log>,
    cotangent: Vec<f64>,
    state: Vec<u64>,
    normaliser: Vec<f64>,
}

impl<M: Conditional> Autoregressive<M> {
    /// A wavefunction in a sector.
    ///
    /// # Panics
    /// If network and sector live on different spaces, or the network gives other numbers than one for
    /// each value.
    #[track_caller]
    #[must_use]
    pub fn new(net: M, sector: Sector) -> Self {
        assert_eq!(
            net.space(),
            sector.space(),
            "network and sector must share a space"
        );
        assert_eq!(
            net.outputs(),
            net.space().local_dim,
            "a state needs one number for each value"
        );
        Self {
            net,
            sector,
            norm: Norm::L2,
            pool: Mutex::new(Vec::new()),
        }
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &M {
        &self.net
    }

    /// The legal configurations.
    #[must_use]
    pub fn sector(&self) -> &Sector {
        &self.sector
    }

    fn take(&self) -> Scratch<M> {
        let pooled = self
            .pool
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        pooled.unwrap_or_else(|| Scratch {
            work: self.net.work(self.net.block()),
            x: Vec::new(),
            raw: Vec::new(),
            cotangent: Vec::new(),
            state: vec![0; self.sector.words()],
            normaliser: Vec::new(),
        })
    }

    fn put(&self, scratch: Scratch<M>) {
        self.pool
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(scratch);
    }

    /// Copies rows from site order to position order.
    fn to_positions(&self, x: ConfigsRef<'_>, out: &mut Vec<u8>) {
        out.clear();
        for row in x.rows() {
            out.extend(self.sector.order().iter().map(|&s| row[s as usize]));
        }
    }

    /// Writes a row from position order to site order.
    fn to_sites(&self, positions: &[u8], out: &mut [u8]) {
        for (&v, &s) in positions.iter().zip(self.sector.order()) {
            out[s as usize] = v;
        }
    }

    /// $\tfrac1s \ln \sum_{v \in m} e^{s \mathrm{Re}\, r(v)}$.
    fn normaliser(&self, raw: &[M::Log], mask: LocalMask) -> f64 {
        let s = self.exponent();
        if mask.count() == 1 {
            return raw[mask.0.trailing_zeros() as usize].re();
        }
        if let (2, [a, b]) = (mask.count(), raw) {
            let (a, b) = (a.re(), b.re());
            return a.max(b) + (-s * (a - b).abs()).exp().ln_1p() / s;
        }
        let top = mask
            .values()
            .map(|v| raw[v as usize].re())
            .fold(f64::NEG_INFINITY, f64::max);
        top + mask
            .values()
            .map(|v| (s * (raw[v as usize].re() - top)).exp())
            .sum::<f64>()
            .ln()
            / s
    }

    fn exponent(&self) -> f64 {
        match self.norm {
            Norm::L2 => 2.0,
            Norm::L1 => 1.0,
        }
    }

    /// Sums the log-conditionals of one row from position `from` on, with the constraint's state
    /// there; an illegal value ends the sum at $-\infty$.
    fn accumulate(&self, raw: &[M::Log], x: &[u8], from: usize, state: &mut [u64]) -> M::Log {
        let d = self.space().local_dim;
        let mut sum = M::Log::ZERO;
        for p in from..x.len() {
            let mask = self.sector.mask(state, p);
            if !mask.allows(x[p]) {
                return M::Log::from(f64::NEG_INFINITY);
            }
            let raw = &raw[p * d..(p + 1) * d];
            sum += raw[x[p] as usize] - M::Log::from(self.normaliser(raw, mask));
            self.sector.advance(state, p, x[p]);
        }
        sum
    }

    /// Runs the network on one block and calls `finish` with its scratch, x in position order.
    fn forward_block<R>(
        &self,
        theta: &[f64],
        x: ConfigsRef<'_>,
        finish: impl FnOnce(&mut Scratch<M>) -> R,
    ) -> R {
        let (n, d) = (self.space().n_sites, self.space().local_dim);
        let mut s = self.take();
        self.to_positions(x, &mut s.x);
        s.raw.resize(x.len() * n * d, M::Log::ZERO);
        self.net
            .forward(theta, &mut s.work, ConfigsRef::new(n, &s.x), &mut s.raw);
        let out = finish(&mut s);
        self.put(s);
        out
    }

    /// Cotangent of the raw outputs for the seeds of one block, then the network's pullback.
    fn pullback_block(
        &self,
        theta: &[f64],
        s: &mut Scratch<M>,
        seed: impl Fn(usize, usize) -> f64,
        rows: &mut [f64],
    ) {
        let (n, d, k) = (
            self.space().n_sites,
            self.space().local_dim,
            M::Log::COMPONENTS,
        );
        let batch = s.x.len() / n;
        let exponent = self.exponent();
        s.cotangent.clear();
        s.cotangent.resize(batch * n * d * k, 0.0);
        for b in 0..batch {
            let x = &s.x[b * n..(b + 1) * n];
            let (re, im) = (seed(0, b), if k == 2 { seed(1, b) } else { 0.0 });
            self.sector.start(&mut s.state);
            for p in 0..n {
                let mask = self.sector.mask(&s.state, p);
                let at = (b * n + p) * d;
                let (raw, cotangent) = (&s.raw[at..at + d], &mut s.cotangent[at * k..(at + d) * k]);
                let norm = self.normaliser(raw, mask);
                let probability = |v: u8| (exponent * (raw[v as usize].re() - norm)).exp();
                assert!(
                    mask.allows(x[p]),
                    "the derivative of an illegal configuration is undefined"
                );
                for v in mask.values() {
                    let hit = if v == x[p] { 1.0 } else { 0.0 };
                    cotangent[v as usize * k] = re * (hit - probability(v));
                }
                if k == 2 {
                    cotangent[x[p] as usize * k + 1] = im;
                }
                self.sector.advance(&mut s.state, p, x[p]);
            }
        }
        self.net.pullback(
            theta,
            &mut s.work,
            ConfigsRef::new(n, &s.x),
            &s.cotangent,
            rows,
        );
    }
}

impl<M: Conditional<Log = f64>> Autoregressive<M> {
    /// A probability distribution over the legal configurations (L1 norm).
    ///
    /// # Panics
    /// If network and sector live on different spaces, or the network gives other numbers than one for
    /// each value.
    #[track_caller]
    #[must_use]
    pub fn probability(net: M, sector: Sector) -> Self {
        Self {
            norm: Norm::L1,
            ..Self::new(net, sector)
        }
    }
}

impl<M: Conditional> fmt::Debug for Autoregressive<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Autoregressive")
            .field("sector", &self.sector)
            .field("norm", &self.norm)
            .field("n_params", &self.net.layout().n_params())
            .finish_non_exhaustive()
    }
}

impl<M: Conditional> OnSpace for Autoregressive<M> {
    fn space(&self) -> &Space {
        self.net.space()
    }
}

impl<M: Conditional> Wavefunction for Autoregressive<M> {
    type Log = M::Log;

    fn norm(&self) -> Norm {
        self.norm
    }

    fn layout(&self) -> &Layout {
        self.net.layout()
    }

    fn log_psi(&self, theta: &[f64], x: ConfigsRef<'_>, out: &mut [M::Log]) {
        assert_eq!(
            out.len(),
            x.len(),
            "one log-amplitude for each configuration"
        );
        let (n, d, block) = (
            self.space().n_sites,
            self.space().local_dim,
            self.net.block(),
        );
        out.par_chunks_mut(block).enumerate().for_each(|(i, out)| {
            let rows = x.slice(i * block..i * block + out.len());
            self.forward_block(theta, rows, |s| {
                for (b, out) in out.iter_mut().enumerate() {
                    self.sector.start(&mut s.state);
                    let (raw, x) = (&s.raw[b * n * d..(b + 1) * n * d], &s.x[b * n..(b + 1) * n]);
                    *out = self.accumulate(raw, x, 0, &mut s.state);
                }
            });
        });
    }

    fn log_psi_neighbours(
        &self,
        theta: &[f64],
        x: ConfigsRef<'_>,
        near: &Neighbours,
        out: &mut [M::Log],
    ) {
        self.neighbours(theta, x, near, out);
    }
}

impl<M: Conditional> Differentiable for Autoregressive<M> {
    fn pullback(&self, theta: &[f64], x: ConfigsRef<'_>, seed: &[f64], rows: &mut [f64]) {
        let (p, b, block) = (self.layout().n_params(), x.len(), self.net.block());
        assert_eq!(
            seed.len(),
            b * M::Log::COMPONENTS,
            "one seed for each component and sample"
        );
        assert_eq!(rows.len(), b * p, "one row for each sample");
        rows.par_chunks_mut(block * p)
            .enumerate()
            .for_each(|(i, rows)| {
                let at = i * block;
                self.forward_block(theta, x.slice(at..at + rows.len() / p), |s| {
                    self.pullback_block(theta, s, |c, j| seed[c * b + at + j], rows);
                });
            });
    }

    fn jacobian(&self, theta: &[f64], x: ConfigsRef<'_>, rows: &mut [f64]) {
        let (p, b, block) = (self.layout().n_params(), x.len(), self.net.block());
        assert_eq!(
            rows.len(),
            b * p * M::Log::COMPONENTS,
            "k rows for each sample"
        );
        let (first, second) = rows.split_at_mut(b * p);
        let mut second: Vec<_> = second.chunks_mut(block * p).collect();
        second.resize_with(b.div_ceil(block), Default::default);
        first
            .par_chunks_mut(block * p)
            .zip(second)
            .enumerate()
            .for_each(|(i, (first, second))| {
                let at = i * block;
                self.forward_block(theta, x.slice(at..at + first.len() / p), |s| {
                    let unit = |component| move |c, _| if c == component { 1.0 } else { 0.0 };
                    self.pullback_block(theta, s, unit(0), first);
                    if M::Log::COMPONENTS == 2 {
                        self.pullback_block(theta, s, unit(1), second);
                    }
                });
            });
    }
}
