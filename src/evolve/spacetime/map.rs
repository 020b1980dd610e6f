//! The derivative of all residuals by all parameters, kept in factors.

use super::Polygon;
use super::residual::{Rows, factor};
use crate::evolve::Flow;
use ketwork_linalg::product;
use ketwork_models::TangentMap;
use num_complex::Complex64;
use rayon::prelude::*;
use std::ops::Range;

/// One slice: its time, amplitudes (D) and the Jacobian of ln psi, (2 D, P): real parts, then imaginary.
#[derive(Debug)]
pub(super) struct Slice {
    pub(super) t: f64,
    pub(super) psi: Vec<Complex64>,
    pub(super) jacobian: Vec<f64>,
}

/// $J = \partial(-R)/\partial\theta$, of which slice k, its operators and the functions of time are
/// factors: $-\partial R_k = -f(t_{k+1}) A_k \psi_{k+1} O_{k+1} + f(t_k) B_k \psi_k O_k$ with
/// $A_k = (1 + c_k(H - E_k))/dt_k$ and $B_k = (1 - c_k(H - E_k))/dt_k$.
///
/// Rows are (re and im, interval, x), parameters (function of time, P). The Gram matrix needs one
/// product of Jacobians for each pair of slices, whatever the number of functions.
#[derive(Debug)]
pub(super) struct Map<'a> {
    pub(super) h: &'a Rows,
    pub(super) polygon: Polygon,
    /// All slices but the initial one, in order.
    pub(super) slices: Vec<Slice>,
    pub(super) energies: Vec<f64>,
    pub(super) flow: Flow,
    /// Lengths of the intervals.
    pub(super) lengths: Vec<f64>,
    /// Functions of time in use.
    pub(super) functions: usize,
    pub(super) n_params: usize,
}

/// How a slice enters an interval: the interval, and -A or B.
fn roles(slice: usize, intervals: usize) -> impl Iterator<Item = (usize, f64)> {
    // Slice i ends interval i and starts interval i + 1.
    [(slice, 1.0), (slice + 1, -1.0)]
        .into_iter()
        .filter(move |(k, _)| *k < intervals)
}

impl Map<'_> {
    /// -A (role 1) or B (role -1) of an interval, applied to (D, columns); `adjoint` for its adjoint.
    fn act(&self, (k, role): (usize, f64), x: &[Complex64], adjoint: bool) -> Vec<Complex64> {
        let c = factor(self.flow, self.lengths[k]);
        let c = if adjoint { c.conj() } else { c };
        let mut out = self.h.shifted(c * role, self.energies[k], x);
        let by = -role / self.lengths[k];
        out.iter_mut().for_each(|o| *o *= by);
        out
    }

    /// $\sum_b f_b(t) v_b$.
    fn at(&self, t: f64, v: &[f64]) -> Vec<f64> {
        let (first, f) = self.polygon.at(t);
        let mut sum = vec![0.0; self.n_params];
        for (b, f) in (first..).zip(f).filter(|(_, f)| *f != 0.0) {
            let part = &v[b * self.n_params..(b + 1) * self.n_params];
            sum.iter_mut().zip(part).for_each(|(s, p)| *s += f * p);
        }
        sum
    }

    /// psi times rows (2 D, columns) as complex rows (D, columns).
    fn times(psi: &[Complex64], rows: &[f64]) -> Vec<Complex64> {
        let columns = rows.len() / (2 * psi.len());
        let (re, im) = rows.split_at(rows.len() / 2);
        let each = re.iter().zip(im).enumerate();
        each.map(|(i, (re, im))| psi[i / columns] * Complex64::new(*re, *im))
            .collect()
    }

    /// The blocks of the Gram matrix that two slices make: (interval, interval, (2 D, 2 D)).
    fn blocks(&self, a: usize, b: usize) -> Vec<(usize, usize, Vec<f64>)> {
        let (left, right) = (&self.slices[a], &self.slices[b]);
        let overlap = self.polygon.product(left.t, right.t);
        if overlap == 0.0 {
            return Vec::new();
        }
        let (d, intervals) = (self.h.len(), self.slices.len());
        let side = 2 * d;
        let mut bare = vec![0.0; side * side];
        product(&left.jacobian, &right.jacobian, self.n_params, &mut bare);
        let mut found = Vec::new();
        for role in roles(a, intervals) {
            let turned = self.act(role, &Self::times(&left.psi, &bare), false);
            // Transposed for the factor on the right: (2 D of b, 2 D of a).
            let mut back = vec![0.0; side * side];
            for (i, row) in turned.chunks_exact(side).enumerate() {
                for (j, z) in row.iter().enumerate() {
                    back[j * side + i] = overlap * z.re;
                    back[j * side + d + i] = overlap * z.im;
                }
            }
            let back = Self::times(&right.psi, &back);
            for other in roles(b, intervals) {
                let both = self.act(other, &back, false);
                let mut block = vec![0.0; side * side];
                for (i, row) in both.chunks_exact(side).enumerate() {
                    for (j, z) in row.iter().enumerate() {
                        block[j * side + i] = z.re;
                        block[j * side + d + i] = z.im;
                    }
                }
                found.push((role.0, other.0, block));
            }
        }
        found
    }
}

impl TangentMap for Map<'_> {
    fn shape(&self) -> (usize, usize, usize) {
        let n = self.slices.len() * self.h.len();
        (n, 2, self.functions * self.n_params)
    }

    fn rows(&self, samples: Range<usize>, out: &mut [f64]) {
        let (n, _, p) = self.shape();
        let len = samples.len();
        for (i, out) in out.chunks_exact_mut(p.max(1)).enumerate() {
            let mut unit = vec![0.0; 2 * n];
            unit[(i / len) * n + samples.start + i % len] = 1.0;
            self.apply_transpose(&unit, out);
        }
    }

    fn gram(&self, out: &mut [f64]) -> bool {
        let (n, d) = (self.slices.len() * self.h.len(), self.h.len());
        let m = 2 * n;
        out.fill(0.0);
        // Slice by slice, so that few blocks wait; added in one order for any number of threads.
        for a in 0..self.slices.len() {
            let all: Vec<_> = (0..self.slices.len())
                .into_par_iter()
                .map(|b| self.blocks(a, b))
                .collect();
            for (k, l, block) in all.into_iter().flatten() {
                for (i, row) in block.chunks_exact(2 * d).enumerate() {
                    let r = (i / d) * n + k * d + i % d;
                    for (half, part) in row.chunks_exact(d).enumerate() {
                        let at = r * m + half * n + l * d;
                        let to = &mut out[at..at + d];
                        to.iter_mut().zip(part).for_each(|(o, v)| *o += v);
                    }
                }
            }
        }
        true
    }

    fn apply(&self, v: &[f64], out: &mut [f64]) {
        let (d, n) = (self.h.len(), out.len() / 2);
        out.fill(0.0);
        for (i, slice) in self.slices.iter().enumerate() {
            let rate = self.at(slice.t, v);
            let rows: Vec<f64> = slice
                .jacobian
                .par_chunks_exact(self.n_params)
                .map(|row| row.iter().zip(&rate).map(|(a, b)| a * b).sum())
                .collect();
            let moved = Self::times(&slice.psi, &rows);
            for role in roles(i, self.slices.len()) {
                for (x, z) in self.act(role, &moved, false).into_iter().enumerate() {
                    out[role.0 * d + x] += z.re;
                    out[n + role.0 * d + x] += z.im;
                }
            }
        }
    }

    fn apply_transpose(&self, u: &[f64], out: &mut [f64]) {
        let (d, n, p) = (self.h.len(), u.len() / 2, self.n_params);
        out.fill(0.0);
        for (i, slice) in self.slices.iter().enumerate() {
            let mut sum = vec![Complex64::ZERO; d];
            for role in roles(i, self.slices.len()) {
                let at = role.0 * d;
                let part: Vec<Complex64> = (at..at + d)
                    .map(|x| Complex64::new(u[x], u[n + x]))
                    .collect();
                let moved = self.act(role, &part, true);
                sum.iter_mut().zip(moved).for_each(|(s, m)| *s += m);
            }
            let mut seed = vec![0.0; 2 * d];
            for (x, (s, psi)) in sum.iter().zip(&slice.psi).enumerate() {
                let z = psi.conj() * s;
                (seed[x], seed[d + x]) = (z.re, z.im);
            }
            let mut force = vec![0.0; p];
            for (s, row) in seed.iter().zip(slice.jacobian.chunks_exact(p)) {
                force.iter_mut().zip(row).for_each(|(f, j)| *f += s * j);
            }
            let (first, f) = self.polygon.at(slice.t);
            for (b, f) in (first..).zip(f).filter(|(_, f)| *f != 0.0) {
                let part = &mut out[b * p..(b + 1) * p];
                part.iter_mut().zip(&force).for_each(|(o, g)| *o += f * g);
            }
        }
    }
}
