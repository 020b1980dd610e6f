//! Wavefunctions as functions of (theta, x).

use crate::{Layout, Stream};
use ketwork_hamiltonians::{Configs, ConfigsRef, Neighbours, OnSpace, Scalar};
use std::f64::consts::LN_2;
use std::ops::Range;

/// Which norm the amplitudes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    /// A wavefunction: $\sum_x |\psi(x)|^2 = 1$.
    L2,
    /// A probability: $\sum_x P(x) = 1$, with `log_psi` = ln P.
    L1,
}

impl Norm {
    /// Logarithm of the sampling probability: 2 Re ln psi, or ln P.
    #[must_use]
    pub fn log_probability<L: Scalar>(self, log_psi: L) -> f64 {
        match self {
            Self::L2 => 2.0 * log_psi.re(),
            Self::L1 => log_psi.re(),
        }
    }
}

/// How samples were drawn, which decides how their error bars are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// Independent shots; equal configurations are stored once, with their share as weight.
    Independent {
        /// Number of shots.
        shots: u64,
    },
    /// All configurations with their exact probabilities: no statistical error.
    Exact,
    /// Markov chains, stored step by step: row = step * `n_chains` + chain.
    Chains {
        /// Number of chains.
        n_chains: u64,
    },
}

/// Weighted configurations.
#[derive(Clone, Debug)]
pub struct Samples<L> {
    /// Configurations (B, N), in site order.
    pub x: Configs,
    /// Log-amplitudes (B).
    pub log_psi: Vec<L>,
    /// Weights (B), which add up to 1.
    pub weight: Vec<f64>,
    /// How they were drawn.
    pub draw: Draw,
}

impl<L> Samples<L> {
    /// Number of rows B; with multiplicities fewer than shots.
    #[must_use]
    pub fn len(&self) -> usize {
        self.weight.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.weight.is_empty()
    }
}

/// A wavefunction or a probability with real parameters.
///
/// Laws: `log_psi` of an illegal configuration is $-\infty$, never NaN; the result does not depend
/// on the number of threads, bit for bit.
pub trait Wavefunction: OnSpace + Send + Sync {
    /// `f64` for a positive state or a probability, `Complex64` with a phase.
    type Log: Scalar;

    /// Norm of the amplitudes.
    fn norm(&self) -> Norm;

    /// Parameter names, shapes and initialisers.
    fn layout(&self) -> &Layout;

    /// Writes ln psi(x) of B configurations in site order.
    ///
    /// # Shapes
    /// `theta` (P), `x` (B, N), `out` (B).
    fn log_psi(&self, theta: &[f64], x: ConfigsRef<'_>, out: &mut [Self::Log]);

    /// Writes ln psi of the neighbours of a batch: networks that keep prefixes do less work here.
    ///
    /// # Shapes
    /// `theta` (P), `x` (B, N), `near` and `out` (K).
    fn log_psi_neighbours(
        &self,
        theta: &[f64],
        x: ConfigsRef<'_>,
        near: &Neighbours,
        out: &mut [Self::Log],
    ) {
        let mut full = Configs::zeros(near.len(), x.n_sites());
        for k in 0..near.len() {
            near.write(k, x, full.row_mut(k));
        }
        self.log_psi(theta, full.view(), out);
    }
}

/// Configurations with the numbers of the shots that drew them.
#[derive(Clone, Debug)]
pub struct Shots<L> {
    /// Different configurations (B, N), in site order.
    pub x: Configs,
    /// Log-amplitudes (B).
    pub log_psi: Vec<L>,
    /// ln |psi|^2 (or ln P) minus the logarithm of the probability of the draw (B): 0 for shots of the
    /// state's own law.
    pub log_weight: Vec<f64>,
    /// Shot numbers; those of row r stand at `start[r]..start[r + 1]`.
    pub shots: Vec<u64>,
    /// Places of the rows' shots (B + 1).
    pub start: Vec<usize>,
}

impl<L> Shots<L> {
    /// The numbers of the shots of row `r`.
    #[must_use]
    pub fn of_row(&self, r: usize) -> &[u64] {
        &self.shots[self.start[r]..self.start[r + 1]]
    }

    /// The shots as weighted samples. Reweighted shots count as their effective number
    /// $(\sum_i w_i)^2 / \sum_i w_i^2$; rows of weight 0 are left out.
    ///
    /// # References
    /// L. Kish, Survey Sampling (Wiley, 1965).
    #[must_use]
    pub fn weighted(self) -> Samples<L>
    where
        L: Copy,
    {
        let counts = self.start.windows(2).map(|s| (s[1] - s[0]) as f64);
        if self.log_weight.iter().all(|l| *l == 0.0) {
            let total = self.shots.len() as u64;
            return Samples {
                weight: counts.map(|c| c / total as f64).collect(),
                x: self.x,
                log_psi: self.log_psi,
                draw: Draw::Independent { shots: total },
            };
        }
        let each = self.log_weight.iter().map(|l| l.exp());
        let weight = counts.zip(each).map(|(c, w)| c * w).collect();
        let shots = self.effective();
        self.of_weights(weight, shots)
    }

    /// The different configurations as samples, each with the weight $p / \pi$ of its probability p and
    /// of the probability $\pi = 1 - (1 - p)^n$ that n shots hold it; where half of the shots are of a
    /// broader law q ([`Ancestral::draw_broadly`]), $\pi = 1 - (1 - p)^{n/2} (1 - q)^{n/2}$.
    ///
    /// How often a configuration was drawn is noise that its probability does not have. Configurations
    /// with $n p \gg 1$ get their probabilities, rare ones the weights of [`Self::weighted`]: where
    /// shots see most of a small space, means are almost those of full sums. [`Samples::draw`] counts
    /// shots as [`Self::weighted`] does, so that error bars are those of counts, and too long.
    ///
    /// # References
    /// D. G. Horvitz, D. J. Thompson, J. Am. Stat. Assoc. 47, 663 (1952).
    #[must_use]
    pub fn by_inclusion(self, norm: Norm) -> Samples<L>
    where
        L: Scalar,
    {
        let broad = self.log_weight.iter().any(|l| *l != 0.0);
        let n = self.shots.len() as f64;
        // Even numbers are of the law itself, odd ones of the broad one.
        let odd = match broad {
            true => self.shots.iter().filter(|s| **s % 2 == 1).count() as f64,
            false => 0.0,
        };
        let missed = |shots: f64, p: f64| match shots > 0.0 {
            true => shots * (-p.clamp(0.0, 1.0)).ln_1p(),
            false => 0.0,
        };
        let weight = (self.log_psi.iter().zip(&self.log_weight))
            .map(|(l, ratio)| {
                let log_p = norm.log_probability(*l);
                let p = log_p.exp();
                if p <= 0.0 {
                    return 0.0;
                }
                let q = (LN_2 + log_p - ratio).exp() - p;
                -p / (missed(n - odd, p) + missed(odd, q)).exp_m1()
            })
            .collect();
        let shots = self.effective();
        self.of_weights(weight, shots)
    }

    /// $(\sum_i w_i)^2 / \sum_i w_i^2$ over shots.
    fn effective(&self) -> u64 {
        let counts = self.start.windows(2).map(|s| (s[1] - s[0]) as f64);
        let (total, squares) = (counts.zip(&self.log_weight))
            .map(|(c, l)| (c * l.exp(), c * (2.0 * l).exp()))
            .fold((0.0, 0.0), |(a, b), (w, s)| (a + w, b + s));
        (total * total / squares).round() as u64
    }

    /// Samples of unnormalised weights; rows without weight are left out.
    fn of_weights(mut self, mut weight: Vec<f64>, shots: u64) -> Samples<L> {
        let total: f64 = weight.iter().sum();
        weight.iter_mut().for_each(|w| *w /= total);
        if !weight.iter().all(|w| *w > 0.0) {
            let mut x = Configs::zeros(0, self.x.view().n_sites());
            let kept = self.x.view().rows().zip(&weight);
            kept.filter(|(_, w)| **w > 0.0)
                .for_each(|(row, _)| x.push(row));
            let mut each = weight.iter();
            self.log_psi
                .retain(|_| each.next().is_some_and(|w| *w > 0.0));
            weight.retain(|w| *w > 0.0);
            self.x = x;
        }
        Samples {
            x: self.x,
            log_psi: self.log_psi,
            weight,
            draw: Draw::Independent { shots },
        }
    }
}

/// A wavefunction that draws independent samples.
pub trait Ancestral: Wavefunction {
    /// Draws the shots with the given numbers; equal configurations share a row.
    ///
    /// Laws: the configuration of a shot depends on theta, stream and its number only, so 0..500 and
    /// 500..1000 together are 0..1000; the rows are in a fixed order, whatever the threads.
    fn draw(&self, theta: &[f64], shots: Range<u64>, stream: Stream) -> Shots<Self::Log>;

    /// Draws shots with even numbers from the state's own law p, those with odd numbers from a broad law
    /// q in which each value is taken with probability `uniform` uniformly among the legal ones, else by
    /// its conditional probability. [`Shots::log_weight`] is $\ln [p / (p + q)/2] \le \ln 2$.
    ///
    /// Near a node of a state $|\psi|^2$ is small and the local energy large: shots of $|\psi|^2$ miss
    /// what such configurations contribute to the energy's gradient, these do not.
    ///
    /// `None` for a state that offers no such law.
    ///
    /// # References
    /// Defensive mixtures: T. Hesterberg, Technometrics 37, 185 (1995).
    fn draw_broadly(
        &self,
        theta: &[f64],
        shots: Range<u64>,
        stream: Stream,
        uniform: f64,
    ) -> Option<Shots<Self::Log>> {
        let _ = (theta, shots, stream, uniform);
        None
    }

    /// Draws shots as weighted samples: those of [`Ancestral::draw`], [`Shots::weighted`].
    fn sample(&self, theta: &[f64], shots: Range<u64>, stream: Stream) -> Samples<Self::Log> {
        self.draw(theta, shots, stream).weighted()
    }
}

/// A wavefunction with per-sample derivatives.
pub trait Differentiable: Wavefunction {
    /// Writes $\sum_c s_c\, \partial\, (\ln\psi)_c / \partial\theta_j$ of each configuration, c over real and
    /// imaginary part.
    ///
    /// # Shapes
    /// `x` (B, N), `seed` (k, B), `rows` (B, P).
    fn pullback(&self, theta: &[f64], x: ConfigsRef<'_>, seed: &[f64], rows: &mut [f64]);

    /// Writes the derivatives of real and imaginary part of ln psi.
    ///
    /// # Shapes
    /// `x` (B, N), `rows` (k, B, P).
    fn jacobian(&self, theta: &[f64], x: ConfigsRef<'_>, rows: &mut [f64]) {
        let (k, b, p) = (Self::Log::COMPONENTS, x.len(), self.layout().n_params());
        for (c, rows) in rows.chunks_mut((b * p).max(1)).enumerate() {
            let mut seed = vec![0.0; k * b];
            seed[c * b..(c + 1) * b].fill(1.0);
            self.pullback(theta, x, &seed, rows);
        }
    }
}

/// A wavefunction with exact samples and derivatives; `Box<dyn Ansatz<Log = L>>` at run time.
pub trait Ansatz: Ancestral + Differentiable {}

impl<W: Ancestral + Differentiable + ?Sized> Ansatz for W {}

macro_rules! forward_wavefunction {
    ($($pointer:ty),*) => {$(
        impl<W: Wavefunction + ?Sized> Wavefunction for $pointer {
            type Log = W::Log;
            fn norm(&self) -> Norm {
                (**self).norm()
            }
            fn layout(&self) -> &Layout {
                (**self).layout()
            }
            fn log_psi(&self, theta: &[f64], x: ConfigsRef<'_>, out: &mut [W::Log]) {
                (**self).log_psi(theta, x, out);
            }
            fn log_psi_neighbours(&self, theta: &[f64], x: ConfigsRef<'_>, near: &Neighbours, out: &mut [W::Log]) {
                (**self).log_psi_neighbours(theta, x, near, out);
            }
        }
        impl<W: Ancestral + ?Sized> Ancestral for $pointer {
            fn draw(&self, theta: &[f64], shots: Range<u64>, stream: Stream) -> Shots<W::Log> {
                (**self).draw(theta, shots, stream)
            }
            fn sample(&self, theta: &[f64], shots: Range<u64>, stream: Stream) -> Samples<W::Log> {
                (**self).sample(theta, shots, stream)
            }
            fn draw_broadly(&self, theta: &[f64], shots: Range<u64>, stream: Stream, uniform: f64) -> Option<Shots<W::Log>> {
                (**self).draw_broadly(theta, shots, stream, uniform)
            }
        }
        impl<W: Differentiable + ?Sized> Differentiable for $pointer {
            fn pullback(&self, theta: &[f64], x: ConfigsRef<'_>, seed: &[f64], rows: &mut [f64]) {
                (**self).pullback(theta, x, seed, rows);
            }
            fn jacobian(&self, theta: &[f64], x: ConfigsRef<'_>, rows: &mut [f64]) {
                (**self).jacobian(theta, x, rows);
            }
        }
    )*};
}

forward_wavefunction!(&W, Box<W>);
