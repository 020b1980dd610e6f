//! Long short-term memory: the element-wise half of a step, and its derivative.
//!
//! Gates of a row stand side by side: i, f, g, o, each of width w;
//! $c = \sigma(f) c' + \sigma(i) \tanh g$ and $h = \sigma(o) \tanh c$.
//!
//! S. Hochreiter and J. Schmidhuber, Neural Comput. 9, 1735 (1997).

use super::elementwise::{sigmoid, tanh};
use pulp::Arch;

/// Number of gates.
pub(crate) const GATES: usize = 4;

/// Applies the activations to the gates (B, 4w) and writes memory and output (B, w).
pub(crate) fn forward(w: usize, gates: &mut [f64], before: &[f64], c: &mut [f64], h: &mut [f64]) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let rows = gates
                .chunks_exact_mut(GATES * w)
                .zip(before.chunks_exact(w));
            let states = c.chunks_exact_mut(w).zip(h.chunks_exact_mut(w));
            for ((gates, before), (c, h)) in rows.zip(states) {
                let (i, rest) = gates.split_at_mut(w);
                let (f, rest) = rest.split_at_mut(w);
                let (g, o) = rest.split_at_mut(w);
                for j in 0..w {
                    i[j] = sigmoid(i[j]);
                    f[j] = sigmoid(f[j]);
                    g[j] = tanh(g[j]);
                    o[j] = sigmoid(o[j]);
                    c[j] = f[j].mul_add(before[j], i[j] * g[j]);
                    h[j] = o[j] * tanh(c[j]);
                }
            }
        },
    );
}

/// What one step keeps for its derivative.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept<'a> {
    /// Activated gates (B, 4w).
    pub(crate) gates: &'a [f64],
    /// Memory before the step (B, w).
    pub(crate) before: &'a [f64],
    /// Memory after it (B, w).
    pub(crate) after: &'a [f64],
}

/// From the cotangent dh of the output and dc of the memory after the step: writes the cotangent of
/// the gates before activation and turns dc into the cotangent of the memory before the step.
pub(crate) fn backward(w: usize, kept: Kept<'_>, dh: &[f64], dc: &mut [f64], dgates: &mut [f64]) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let rows = kept
                .gates
                .chunks_exact(GATES * w)
                .zip(dgates.chunks_exact_mut(GATES * w));
            let memory = kept.before.chunks_exact(w).zip(kept.after.chunks_exact(w));
            let cotangents = dh.chunks_exact(w).zip(dc.chunks_exact_mut(w));
            for (((gates, dgates), (before, after)), (dh, dc)) in rows.zip(memory).zip(cotangents) {
                let (i, rest) = gates.split_at(w);
                let (f, rest) = rest.split_at(w);
                let (g, o) = rest.split_at(w);
                let (di, rest) = dgates.split_at_mut(w);
                let (df, rest) = rest.split_at_mut(w);
                let (dg, d_o) = rest.split_at_mut(w);
                for j in 0..w {
                    let t = tanh(after[j]);
                    let d = (dh[j] * o[j]).mul_add(1.0 - t * t, dc[j]);
                    di[j] = d * g[j] * i[j] * (1.0 - i[j]);
                    df[j] = d * before[j] * f[j] * (1.0 - f[j]);
                    dg[j] = d * i[j] * (1.0 - g[j] * g[j]);
                    d_o[j] = dh[j] * t * o[j] * (1.0 - o[j]);
                    dc[j] = d * f[j];
                }
            }
        },
    );
}
