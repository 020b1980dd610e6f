//! The tangent map of a state at its samples: one real matrix, stored or recomputed by blocks.

use crate::{Differentiable, Samples};
use ketwork_hamiltonians::{ConfigsRef, Scalar};
use rayon::prelude::*;
use std::fmt;
use std::ops::Range;

/// Samples handled together; a fixed number, so that sums do not depend on the threads.
const BLOCK: usize = 64;
/// Parameters handled together where a long row is reduced.
const COLUMNS: usize = 4096;

/// The centred and weighted tangent map
/// $$J_{cs,j} = \sqrt{w_s}\,\Big(\frac{\partial (\ln\psi)_c(x_s)}{\partial\theta_j} - \sum_t w_t \frac{\partial (\ln\psi)_c(x_t)}{\partial\theta_j}\Big),$$
/// c over real and imaginary part, so that $J^T J$ is the real part of the quantum geometric tensor.
///
/// # Shapes
/// n samples, k components, P parameters; vectors over rows are (k, n).
pub trait TangentMap: Sync {
    /// (n, k, P).
    fn shape(&self) -> (usize, usize, usize);
    /// Writes the rows of some samples: out (k, len, P).
    fn rows(&self, samples: Range<usize>, out: &mut [f64]);
    /// The matrix (k n, P), where it is stored.
    fn stored(&self) -> Option<&[f64]> {
        None
    }
    /// Writes $J J^T$ (k n, k n) and returns true, where factors give it for less than the rows do.
    fn gram(&self, _out: &mut [f64]) -> bool {
        false
    }
    /// out = J v, v (P), out (k, n).
    fn apply(&self, v: &[f64], out: &mut [f64]);
    /// out = J^T u, u (k, n), out (P).
    fn apply_transpose(&self, u: &[f64], out: &mut [f64]);
}

/// A tangent map held in memory: 8 k n P bytes.
#[derive(Debug)]
pub struct Dense {
    shape: (usize, usize, usize),
    matrix: Vec<f64>,
}

impl Dense {
    /// Computes the map of `psi` at `samples`.
    pub fn new<W: Differentiable + ?Sized>(
        psi: &W,
        theta: &[f64],
        samples: &Samples<W::Log>,
    ) -> Self {
        Self::reusing(Vec::new(), psi, theta, samples)
    }

    /// The same in the memory of an earlier map.
    pub fn reusing<W: Differentiable + ?Sized>(
        memory: Vec<f64>,
        psi: &W,
        theta: &[f64],
        samples: &Samples<W::Log>,
    ) -> Self {
        Self::fill(memory, psi, theta, samples, true)
    }

    /// The map without its centre, $J_{cs,j} = \sqrt{w_s}\, \partial (\ln\psi)_c(x_s)/\partial\theta_j$,
    /// in the memory of an earlier one.
    ///
    /// The real part of these derivatives has mean zero under the law of a normalised state. At samples
    /// of another law, as of data, their mean is the gradient of the likelihood, which centring removes.
    pub fn uncentred<W: Differentiable + ?Sized>(
        memory: Vec<f64>,
        psi: &W,
        theta: &[f64],
        samples: &Samples<W::Log>,
    ) -> Self {
        Self::fill(memory, psi, theta, samples, false)
    }

    fn fill<W: Differentiable + ?Sized>(
        mut memory: Vec<f64>,
        psi: &W,
        theta: &[f64],
        samples: &Samples<W::Log>,
        centred: bool,
    ) -> Self {
        let (n, k, p) = (samples.len(), W::Log::COMPONENTS, theta.len());
        memory.resize(n * k * p, 0.0);
        psi.jacobian(theta, samples.x.view(), &mut memory);
        for rows in memory.chunks_exact_mut((n * p).max(1)) {
            let mean = match centred {
                true => weighted_mean(rows, p, &samples.weight),
                false => vec![0.0; p],
            };
            rows.par_chunks_exact_mut(p.max(1))
                .zip(&samples.weight)
                .for_each(|(row, w)| {
                    centre(row, &mean, w.sqrt());
                });
        }
        Self {
            shape: (n, k, p),
            matrix: memory,
        }
    }

    /// Gives the memory back for the next map.
    #[must_use]
    pub fn into_memory(self) -> Vec<f64> {
        self.matrix
    }
}

impl TangentMap for Dense {
    fn shape(&self) -> (usize, usize, usize) {
        self.shape
    }
    fn rows(&self, samples: Range<usize>, out: &mut [f64]) {
        let (n, _, p) = self.shape;
        let len = samples.len() * p;
        for (c, out) in out.chunks_exact_mut(len.max(1)).enumerate() {
            out.copy_from_slice(&self.matrix[(c * n + samples.start) * p..][..len]);
        }
    }
    fn stored(&self) -> Option<&[f64]> {
        Some(&self.matrix)
    }
    fn apply(&self, v: &[f64], out: &mut [f64]) {
        let p = self.shape.2;
        out.par_iter_mut()
            .zip(self.matrix.par_chunks_exact(p.max(1)))
            .for_each(|(o, row)| {
                *o = dot(row, v);
            });
    }
    fn apply_transpose(&self, u: &[f64], out: &mut [f64]) {
        let p = self.shape.2;
        // By columns: every entry is one sum in a fixed order.
        out.par_chunks_mut(COLUMNS)
            .enumerate()
            .for_each(|(i, out)| {
                out.fill(0.0);
                for (row, &u) in self.matrix.chunks_exact(p).zip(u) {
                    add_scaled(out, u, &row[i * COLUMNS..i * COLUMNS + out.len()]);
                }
            });
    }
}

/// A tangent map that recomputes its rows: memory of a few blocks, at the price of time.
pub struct Lazy<'a, W: Differentiable + ?Sized> {
    psi: &'a W,
    theta: &'a [f64],
    samples: &'a Samples<W::Log>,
    mean: Vec<f64>,
}

impl<'a, W: Differentiable + ?Sized> Lazy<'a, W> {
    /// The map of `psi` at `samples`; one pass computes the mean row.
    pub fn new(psi: &'a W, theta: &'a [f64], samples: &'a Samples<W::Log>) -> Self {
        let (k, p) = (W::Log::COMPONENTS, theta.len());
        let mut lazy = Self {
            psi,
            theta,
            samples,
            mean: vec![0.0; k * p],
        };
        let means = lazy.by_blocks(false, |rows, samples| {
            let mut sum = vec![0.0; k * p];
            for c in 0..k {
                for (s, row) in samples
                    .clone()
                    .zip(rows[c * samples.len() * p..].chunks_exact(p))
                {
                    add_scaled(&mut sum[c * p..(c + 1) * p], lazy.samples.weight[s], row);
                }
            }
            sum
        });
        for block in means {
            add_scaled(&mut lazy.mean, 1.0, &block);
        }
        lazy
    }

    fn raw(&self, samples: Range<usize>, out: &mut [f64]) {
        let x: ConfigsRef<'_> = self.samples.x.view().slice(samples);
        self.psi.jacobian(self.theta, x, out);
    }

    fn by_blocks<R: Send>(
        &self,
        centred: bool,
        f: impl Fn(&[f64], Range<usize>) -> R + Sync,
    ) -> Vec<R> {
        let (n, k, p) = self.shape();
        let block = |b: usize, buffer: &mut Vec<f64>| {
            let samples = b * BLOCK..((b + 1) * BLOCK).min(n);
            buffer.resize(k * samples.len() * p, 0.0);
            if centred {
                self.rows(samples.clone(), buffer);
            } else {
                self.raw(samples.clone(), buffer);
            }
            f(buffer, samples)
        };
        (0..n.div_ceil(BLOCK))
            .into_par_iter()
            .map_init(Vec::new, |buffer, b| block(b, buffer))
            .collect()
    }
}

impl<W: Differentiable + ?Sized> fmt::Debug for Lazy<'_, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lazy")
            .field("shape", &self.shape())
            .finish_non_exhaustive()
    }
}

impl<W: Differentiable + ?Sized> TangentMap for Lazy<'_, W> {
    fn shape(&self) -> (usize, usize, usize) {
        (self.samples.len(), W::Log::COMPONENTS, self.theta.len())
    }
    fn rows(&self, samples: Range<usize>, out: &mut [f64]) {
        let p = self.theta.len();
        self.raw(samples.clone(), out);
        for (c, rows) in out.chunks_exact_mut((samples.len() * p).max(1)).enumerate() {
            for (s, row) in samples.clone().zip(rows.chunks_exact_mut(p)) {
                centre(
                    row,
                    &self.mean[c * p..(c + 1) * p],
                    self.samples.weight[s].sqrt(),
                );
            }
        }
    }
    fn apply(&self, v: &[f64], out: &mut [f64]) {
        let (n, k, p) = self.shape();
        let blocks = self.by_blocks(true, |rows, samples| {
            (
                samples,
                rows.chunks_exact(p)
                    .map(|row| dot(row, v))
                    .collect::<Vec<_>>(),
            )
        });
        for (samples, block) in blocks {
            for c in 0..k {
                let part = &block[c * samples.len()..(c + 1) * samples.len()];
                out[c * n + samples.start..c * n + samples.end].copy_from_slice(part);
            }
        }
    }
    fn apply_transpose(&self, u: &[f64], out: &mut [f64]) {
        let (n, _, p) = self.shape();
        let blocks = self.by_blocks(true, |rows, samples| {
            let mut sum = vec![0.0; p];
            for (r, row) in rows.chunks_exact(p).enumerate() {
                let (c, s) = (r / samples.len(), r % samples.len());
                add_scaled(&mut sum, u[c * n + samples.start + s], row);
            }
            sum
        });
        out.fill(0.0);
        for block in blocks {
            add_scaled(out, 1.0, &block);
        }
    }
}

fn weighted_mean(rows: &[f64], p: usize, weight: &[f64]) -> Vec<f64> {
    let mut mean = vec![0.0; p];
    mean.par_chunks_mut(COLUMNS)
        .enumerate()
        .for_each(|(i, mean)| {
            for (row, &w) in rows.chunks_exact(p).zip(weight) {
                add_scaled(mean, w, &row[i * COLUMNS..i * COLUMNS + mean.len()]);
            }
        });
    mean
}

fn centre(row: &mut [f64], mean: &[f64], scale: f64) {
    for (r, m) in row.iter_mut().zip(mean) {
        *r = (*r - m) * scale;
    }
}

fn add_scaled(sum: &mut [f64], by: f64, row: &[f64]) {
    for (s, r) in sum.iter_mut().zip(row) {
        *s += by * r;
    }
}

/// Dot product in eight interleaved sums, which vectorise.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail: f64 = a8
        .remainder()
        .iter()
        .zip(b8.remainder())
        .map(|(x, y)| x * y)
        .sum();
    for (x, y) in a8.zip(b8) {
        for (s, (x, y)) in sums.iter_mut().zip(x.iter().zip(y)) {
            *s += x * y;
        }
    }
    sums.iter().sum::<f64>() + tail
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ancestral, Autoregressive, PrefixTable, Stream, Wavefunction};
    use ketwork_hamiltonians::{Free, Space};
    use num_complex::Complex64;
    use std::sync::Arc;

    #[test]
    fn stored_and_recomputed_maps_agree_and_are_centred() {
        let space = Space::qubits(7);
        let psi = Autoregressive::new(
            PrefixTable::<Complex64>::new(space),
            Arc::new(Free::new(space)),
        );
        let theta = psi.layout().initial(Stream::new(1));
        let samples = psi.sample(&theta, 0..400, Stream::new(2));
        let (dense, lazy) = (
            Dense::new(&psi, &theta, &samples),
            Lazy::new(&psi, &theta, &samples),
        );
        let (n, k, p) = dense.shape();
        assert!(n > BLOCK, "more than one block");
        let mut rows = vec![0.0; n * k * p];
        lazy.rows(0..n, &mut rows);
        let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-13);
        assert!(close(&rows, &dense.matrix));
        let v: Vec<f64> = (0..p).map(|j| (j as f64).sin()).collect();
        let u: Vec<f64> = (0..n * k).map(|j| (j as f64).cos()).collect();
        let (mut a, mut b) = (vec![0.0; n * k], vec![0.0; n * k]);
        dense.apply(&v, &mut a);
        lazy.apply(&v, &mut b);
        assert!(close(&a, &b));
        let (mut c, mut d) = (vec![0.0; p], vec![0.0; p]);
        dense.apply_transpose(&u, &mut c);
        lazy.apply_transpose(&u, &mut d);
        assert!(close(&c, &d));
        let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        assert!(
            (inner(&a, &u) - inner(&v, &c)).abs() < 1e-11,
            "apply_transpose is the adjoint"
        );
        let root: Vec<f64> = samples
            .weight
            .iter()
            .map(|w| w.sqrt())
            .chain(vec![0.0; n])
            .collect();
        dense.apply_transpose(&root, &mut c);
        assert!(
            c.iter().all(|c| c.abs() < 1e-13),
            "weighted rows sum to zero"
        );
    }
}
