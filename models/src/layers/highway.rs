//! The element-wise half of a gated step with a linear bypass, and its derivative.
//!
//! Gates of a row stand side by side: a, g, each of width w; with the bypass s,
//! $h = \sigma(g) \tanh a + (1 - \sigma(g)) s$.

use super::elementwise::{sigmoid, tanh};
use pulp::Arch;

/// Applies the activations to the gates (B, 2w), with the bypass (B, w), and writes h (B, w).
pub(crate) fn forward(w: usize, gates: &mut [f64], bypass: &[f64], h: &mut [f64]) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let rows = gates.chunks_exact_mut(2 * w).zip(bypass.chunks_exact(w));
            for ((gates, s), h) in rows.zip(h.chunks_exact_mut(w)) {
                let (a, g) = gates.split_at_mut(w);
                for j in 0..w {
                    a[j] = tanh(a[j]);
                    g[j] = sigmoid(g[j]);
                    h[j] = g[j].mul_add(a[j] - s[j], s[j]);
                }
            }
        },
    );
}

/// From the cotangent dh of h: writes the cotangents of the gates before activation and of the
/// bypass.
pub(crate) fn backward(
    w: usize,
    gates: &[f64],
    bypass: &[f64],
    dh: &[f64],
    dgates: &mut [f64],
    dbypass: &mut [f64],
) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let rows = gates.chunks_exact(2 * w).zip(bypass.chunks_exact(w));
            let out = dgates
                .chunks_exact_mut(2 * w)
                .zip(dbypass.chunks_exact_mut(w));
            for (((gates, s), dh), (dgates, ds)) in rows.zip(dh.chunks_exact(w)).zip(out) {
                let (a, g) = gates.split_at(w);
                let (da, dg) = dgates.split_at_mut(w);
                for j in 0..w {
                    da[j] = dh[j] * g[j] * (1.0 - a[j] * a[j]);
                    dg[j] = dh[j] * (a[j] - s[j]) * g[j] * (1.0 - g[j]);
                    ds[j] = dh[j] * (1.0 - g[j]);
                }
            }
        },
    );
}
