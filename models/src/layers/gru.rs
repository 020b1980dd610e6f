//! Gated recurrent unit: the element-wise half of a step, and its derivative.
//!
//! Gates of a row stand side by side: r, z, n, each of width w; with the recurrent part u of n,
//! $n = \tanh(a_n + \sigma(r) u)$ and $h = (1 - \sigma(z)) n + \sigma(z) h'$.
//!
//! K. Cho et al., arXiv:1406.1078; the reset gate acts after the product, as in cuDNN.

use super::elementwise::{sigmoid, tanh};
use pulp::Arch;

/// Number of gates.
pub(crate) const GATES: usize = 3;

/// Applies the activations to the gates (B, 3w), with u (B, w), and writes the output (B, w).
pub(crate) fn forward(w: usize, gates: &mut [f64], u: &[f64], before: &[f64], h: &mut [f64]) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let rows = gates.chunks_exact_mut(GATES * w).zip(u.chunks_exact(w));
            let states = before.chunks_exact(w).zip(h.chunks_exact_mut(w));
            for ((gates, u), (before, h)) in rows.zip(states) {
                let (r, rest) = gates.split_at_mut(w);
                let (z, n) = rest.split_at_mut(w);
                for j in 0..w {
                    r[j] = sigmoid(r[j]);
                    z[j] = sigmoid(z[j]);
                    n[j] = tanh(r[j].mul_add(u[j], n[j]));
                    h[j] = z[j].mul_add(before[j] - n[j], n[j]);
                }
            }
        },
    );
}

/// What one step keeps for its derivative.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept<'a> {
    /// Activated gates (B, 3w).
    pub(crate) gates: &'a [f64],
    /// Recurrent part of n (B, w).
    pub(crate) u: &'a [f64],
    /// Output of the step before (B, w).
    pub(crate) before: &'a [f64],
}

/// From the cotangent dh of the output: writes the cotangents of the input part and of the
/// recurrent part of the gates, and the direct part of the cotangent of the output before.
pub(crate) fn backward(
    w: usize,
    kept: Kept<'_>,
    dh: &[f64],
    dinput: &mut [f64],
    drecurrent: &mut [f64],
    dbefore: &mut [f64],
) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let rows = kept
                .gates
                .chunks_exact(GATES * w)
                .zip(kept.u.chunks_exact(w));
            let states = kept.before.chunks_exact(w).zip(dh.chunks_exact(w));
            let parts = dinput
                .chunks_exact_mut(GATES * w)
                .zip(drecurrent.chunks_exact_mut(GATES * w))
                .zip(dbefore.chunks_exact_mut(w));
            for (((gates, u), (before, dh)), ((dinput, drecurrent), dbefore)) in
                rows.zip(states).zip(parts)
            {
                let (r, rest) = gates.split_at(w);
                let (z, n) = rest.split_at(w);
                let (dr, rest) = dinput.split_at_mut(w);
                let (dz, dn) = rest.split_at_mut(w);
                for j in 0..w {
                    dz[j] = dh[j] * (before[j] - n[j]) * z[j] * (1.0 - z[j]);
                    dn[j] = dh[j] * (1.0 - z[j]) * (1.0 - n[j] * n[j]);
                    dr[j] = dn[j] * u[j] * r[j] * (1.0 - r[j]);
                    dbefore[j] = dh[j] * z[j];
                }
                drecurrent.copy_from_slice(dinput);
                for (d, r) in drecurrent[2 * w..].iter_mut().zip(r) {
                    *d *= r;
                }
            }
        },
    );
}
