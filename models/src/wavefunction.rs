//! Wavefunctions as functions of (theta, x).

use crate::{Layout, Stream};
use ketwork_hamiltonians::{Configs, ConfigsRef, Neighbours, OnSpace, Scalar};
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
}

/// A wavefunction that draws independent samples.
pub trait Ancestral: Wavefunction {
    /// Draws the shots with the given numbers; equal configurations share a row.
    ///
    /// Laws: the configuration of a shot depends on theta, stream and its number only, so 0..500 and
    /// 500..1000 together are 0..1000; the rows are in a fixed order, whatever the threads.
    fn draw(&self, theta: &[f64], shots: Range<u64>, stream: Stream) -> Shots<Self::Log>;

    /// Draws shots as weighted samples.
    fn sample(&self, theta: &[f64], shots: Range<u64>, stream: Stream) -> Samples<Self::Log> {
        let total = shots.end.saturating_sub(shots.start);
        let drawn = self.draw(theta, shots, stream);
        let weight = drawn
            .start
            .windows(2)
            .map(|s| (s[1] - s[0]) as f64 / total as f64)
            .collect();
        Samples {
            x: drawn.x,
            log_psi: drawn.log_psi,
            weight,
            draw: Draw::Independent { shots: total },
        }
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
