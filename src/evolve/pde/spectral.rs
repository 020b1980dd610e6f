//! The reference: Fourier modes with an exact linear part.

use super::{Pde, PdeError};
use num_complex::Complex64;
use rayon::prelude::*;
use std::f64::consts::TAU;

/// A field as Fourier modes $u = \sum_k c_k e^{i k\cdot x}$, $-n/2 \le k_d < n/2$, moved by the classical
/// Runge-Kutta method of fourth order in the picture where diffusion stands still; products lose
/// their modes beyond n/3.
///
/// # References
/// L. N. Trefethen, Spectral Methods in MATLAB, SIAM (2000), program 27.
#[derive(Clone, Debug)]
pub struct Spectral {
    pde: Pde,
    n: usize,
    /// $e^{-2\pi i jk/n}$.
    roots: Vec<Complex64>,
    modes: Vec<Complex64>,
}

impl Spectral {
    /// The modes of a function from its values on n x n points.
    ///
    /// # Errors
    /// [`PdeError::Empty`] for no points, [`PdeError::NotFinite`].
    pub fn new(pde: Pde, n: usize, f: impl Fn([f64; 2]) -> f64) -> Result<Self, PdeError> {
        if n == 0 {
            return Err(PdeError::Empty { what: "the grid" });
        }
        let roots = (0..n)
            .map(|k| Complex64::cis(-TAU * k as f64 / n as f64))
            .collect();
        let values: Vec<Complex64> = super::torus_grid(n, 0.0)
            .into_iter()
            .map(|x| f(x).into())
            .collect();
        let mut this = Self {
            pde,
            n,
            roots,
            modes: Vec::new(),
        };
        this.modes = this.transform(&values, false);
        match this.modes.iter().all(|c| c.is_finite()) {
            true => Ok(this),
            false => Err(PdeError::NotFinite { t: 0.0 }),
        }
    }

    /// Moves by `time` in equal steps of at most `dt`. Heat is exact whatever the step.
    ///
    /// # Errors
    /// [`PdeError::Step`], [`PdeError::NotFinite`].
    pub fn advance(&mut self, time: f64, dt: f64) -> Result<(), PdeError> {
        let bad = [time, dt]
            .into_iter()
            .find(|x| !(*x > 0.0 && x.is_finite()));
        if let Some(dt) = bad {
            return Err(PdeError::Step { dt });
        }
        let steps = (time / dt - 1e-9).ceil().max(1.0);
        let h = time / steps;
        let decay = |s: f64| -> Vec<f64> {
            let nu = match self.pde {
                Pde::Heat { nu } | Pde::AllenCahn { nu } | Pde::Burgers { nu } => nu,
            };
            let grow = if matches!(self.pde, Pde::AllenCahn { .. }) {
                1.0
            } else {
                0.0
            };
            let rate = |k: usize| {
                let (x, y) = (self.wave(k / self.n), self.wave(k % self.n));
                ((grow - nu * (x * x + y * y)) * s).exp()
            };
            (0..self.n * self.n).map(rate).collect()
        };
        let (half, full) = (decay(0.5 * h), decay(h));
        for _ in 0..steps as usize {
            let c = self.modes.clone();
            let a = self.product(&c);
            let shifted = |by: &[Complex64], s: f64, e: &[f64]| -> Vec<Complex64> {
                (0..c.len()).map(|k| e[k] * (c[k] + s * by[k])).collect()
            };
            let b = self.product(&shifted(&a, 0.5 * h, &half));
            let mid: Vec<Complex64> = (0..c.len())
                .map(|k| half[k] * c[k] + 0.5 * h * b[k])
                .collect();
            let d = self.product(&mid);
            let end = (0..c.len()).map(|k| full[k] * c[k] + h * half[k] * d[k]);
            let e = self.product(&end.collect::<Vec<_>>());
            for k in 0..c.len() {
                let middle = 2.0 * half[k] * (b[k] + d[k]);
                self.modes[k] = full[k] * c[k] + h / 6.0 * (full[k] * a[k] + middle + e[k]);
            }
        }
        match self.modes.iter().all(|c| c.is_finite()) {
            true => Ok(()),
            false => Err(PdeError::NotFinite { t: time }),
        }
    }

    /// Values at points, by the sum of all modes.
    #[must_use]
    pub fn values(&self, points: &[[f64; 2]]) -> Vec<f64> {
        let n = self.n;
        let one = |x: &[f64; 2]| {
            let along = |d: usize| -> Vec<Complex64> {
                (0..n)
                    .map(|k| Complex64::cis(self.wave(k) * x[d]))
                    .collect()
            };
            let (a, b) = (along(0), along(1));
            let rows = self.modes.chunks_exact(n).zip(&a);
            rows.map(|(row, a)| {
                let sum: Complex64 = row.iter().zip(&b).map(|(c, b)| c * b).sum();
                (a * sum).re
            })
            .sum()
        };
        points.par_iter().map(one).collect()
    }

    /// Modes of what is not linear.
    fn product(&self, modes: &[Complex64]) -> Vec<Complex64> {
        let value = match self.pde {
            Pde::Heat { .. } => return vec![Complex64::ZERO; modes.len()],
            Pde::AllenCahn { .. } => {
                let u = self.transform(modes, true);
                u.iter().map(|u| Complex64::from(-u.re.powi(3))).collect()
            }
            Pde::Burgers { .. } => {
                let slope = |k: usize| {
                    let waves = self.wave(k / self.n) + self.wave(k % self.n);
                    Complex64::new(0.0, waves) * modes[k]
                };
                let slopes: Vec<Complex64> = (0..modes.len()).map(slope).collect();
                let (u, d) = (self.transform(modes, true), self.transform(&slopes, true));
                u.iter()
                    .zip(d)
                    .map(|(u, d)| Complex64::from(-u.re * d.re))
                    .collect::<Vec<_>>()
            }
        };
        let mut out = self.transform(&value, false);
        let limit = self.n as f64 / 3.0;
        for (k, c) in out.iter_mut().enumerate() {
            if self.wave(k / self.n).abs() > limit || self.wave(k % self.n).abs() > limit {
                *c = Complex64::ZERO;
            }
        }
        out
    }

    fn wave(&self, k: usize) -> f64 {
        let (k, n) = (k as f64, self.n as f64);
        if k < 0.5 * n { k } else { k - n }
    }

    /// Values to modes, or back: one coordinate after the other, transposing in between.
    fn transform(&self, x: &[Complex64], back: bool) -> Vec<Complex64> {
        let n = self.n;
        let scale = if back { 1.0 } else { 1.0 / n as f64 };
        let pass = |x: &[Complex64]| -> Vec<Complex64> {
            let mut out = vec![Complex64::ZERO; n * n];
            // Row k of the result holds mode k of every row of x.
            out.par_chunks_mut(n).enumerate().for_each(|(k, out)| {
                for (out, row) in out.iter_mut().zip(x.chunks_exact(n)) {
                    let mut at = 0;
                    let mut sum = Complex64::ZERO;
                    for x in row {
                        let root = self.roots[at];
                        sum += x * if back { root.conj() } else { root };
                        at += k;
                        at -= if at >= n { n } else { 0 };
                    }
                    *out = sum * scale;
                }
            });
            out
        };
        pass(&pass(x))
    }
}
