//! The element-wise half of a gated step with a linear bypass, and its derivative.
//!
//! Gates of a row stand side by side: a, g, each of width w; with the bypass s,
//! $h = \sigma(g) \tanh a + (1 - \sigma(g)) s$.

use super::elementwise::{load, sigmoid, store, tanh};

dispatched! {
    /// Applies the activations to the gates (B, 2w), with the bypass (B, w), and writes h (B, w).
    fn forward<S>(simd; w: usize, gates: &'a mut [f64], bypass: &'a [f64], h: &'a mut [f64]) {
        let rows = gates.chunks_exact_mut(2 * w).zip(bypass.chunks_exact(w));
        for ((gates, s), h) in rows.zip(h.chunks_exact_mut(w)) {
            for j in (0..w).step_by(S::F64_LANES) {
                let end = (j + S::F64_LANES).min(w);
                let a = tanh(simd, load(simd, &gates[j..end]));
                let g = sigmoid(simd, load(simd, &gates[w + j..w + end]));
                let s = load(simd, &s[j..end]);
                store(simd, &mut gates[j..end], a);
                store(simd, &mut gates[w + j..w + end], g);
                store(simd, &mut h[j..end], simd.mul_add_e_f64s(g, simd.sub_f64s(a, s), s));
            }
        }
    }
}

dispatched! {
    /// From the cotangent dh of h: writes the cotangents of the gates before activation and of the
    /// bypass.
    fn backward<S>(
        simd;
        w: usize,
        gates: &'a [f64],
        bypass: &'a [f64],
        dh: &'a [f64],
        dgates: &'a mut [f64],
        dbypass: &'a mut [f64],
    ) {
        let one = simd.splat_f64s(1.0);
        let rows = gates.chunks_exact(2 * w).zip(bypass.chunks_exact(w));
        let out = dgates.chunks_exact_mut(2 * w).zip(dbypass.chunks_exact_mut(w));
        for (((gates, s), dh), (dgates, ds)) in rows.zip(dh.chunks_exact(w)).zip(out) {
            for j in (0..w).step_by(S::F64_LANES) {
                let end = (j + S::F64_LANES).min(w);
                let a = load(simd, &gates[j..end]);
                let g = load(simd, &gates[w + j..w + end]);
                let dh = load(simd, &dh[j..end]);
                let closed = simd.mul_f64s(dh, simd.sub_f64s(one, g));
                let flat = simd.sub_f64s(one, simd.mul_f64s(a, a));
                let da = simd.mul_f64s(simd.mul_f64s(dh, g), flat);
                let step = simd.sub_f64s(a, load(simd, &s[j..end]));
                let dg = simd.mul_f64s(simd.mul_f64s(closed, step), g);
                store(simd, &mut dgates[j..end], da);
                store(simd, &mut dgates[w + j..w + end], dg);
                store(simd, &mut ds[j..end], closed);
            }
        }
    }
}
