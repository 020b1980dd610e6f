//! Gated recurrent unit: the element-wise half of a step, and its derivative.
//!
//! Gates of a row stand side by side: r, z, n, each of width w; with the recurrent part u of n,
//! $n = \tanh(a_n + \sigma(r) u)$ and $h = (1 - \sigma(z)) n + \sigma(z) h'$.
//!
//! K. Cho et al., arXiv:1406.1078; the reset gate acts after the product, as in cuDNN.

use super::elementwise::{load, sigmoid, store, tanh};

/// Number of gates.
pub(crate) const GATES: usize = 3;

dispatched! {
    /// Applies the activations to the gates (B, 3w), with u (B, w), and writes the output (B, w).
    fn forward<S>(
        simd;
        w: usize,
        gates: &'a mut [f64],
        u: &'a [f64],
        before: &'a [f64],
        h: &'a mut [f64],
    ) {
        let rows = gates.chunks_exact_mut(GATES * w).zip(u.chunks_exact(w));
        let states = before.chunks_exact(w).zip(h.chunks_exact_mut(w));
        for ((gates, u), (before, h)) in rows.zip(states) {
            for j in (0..w).step_by(S::F64_LANES) {
                let end = (j + S::F64_LANES).min(w);
                let r = sigmoid(simd, load(simd, &gates[j..end]));
                let z = sigmoid(simd, load(simd, &gates[w + j..w + end]));
                let n = load(simd, &gates[2 * w + j..2 * w + end]);
                let n = tanh(simd, simd.mul_add_e_f64s(r, load(simd, &u[j..end]), n));
                let step = simd.sub_f64s(load(simd, &before[j..end]), n);
                store(simd, &mut gates[j..end], r);
                store(simd, &mut gates[w + j..w + end], z);
                store(simd, &mut gates[2 * w + j..2 * w + end], n);
                store(simd, &mut h[j..end], simd.mul_add_e_f64s(z, step, n));
            }
        }
    }
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

dispatched! {
    /// From the cotangent dh of the output: writes the cotangents of the input part and of the
    /// recurrent part of the gates, and the direct part of the cotangent of the output before.
    fn backward<S>(
        simd;
        w: usize,
        kept: Kept<'a>,
        dh: &'a [f64],
        dinput: &'a mut [f64],
        drecurrent: &'a mut [f64],
        dbefore: &'a mut [f64],
    ) {
        let one = simd.splat_f64s(1.0);
        let slope = |s| simd.mul_f64s(s, simd.sub_f64s(one, s));
        let rows = kept.gates.chunks_exact(GATES * w).zip(kept.u.chunks_exact(w));
        let states = kept.before.chunks_exact(w).zip(dh.chunks_exact(w));
        let parts = dinput
            .chunks_exact_mut(GATES * w)
            .zip(drecurrent.chunks_exact_mut(GATES * w))
            .zip(dbefore.chunks_exact_mut(w));
        for (((gates, u), (before, dh)), ((dinput, drecurrent), dbefore)) in
            rows.zip(states).zip(parts)
        {
            for j in (0..w).step_by(S::F64_LANES) {
                let end = (j + S::F64_LANES).min(w);
                let r = load(simd, &gates[j..end]);
                let z = load(simd, &gates[w + j..w + end]);
                let n = load(simd, &gates[2 * w + j..2 * w + end]);
                let dh = load(simd, &dh[j..end]);
                let step = simd.sub_f64s(load(simd, &before[j..end]), n);
                let dz = simd.mul_f64s(simd.mul_f64s(dh, step), slope(z));
                let flat = simd.sub_f64s(one, simd.mul_f64s(n, n));
                let dn = simd.mul_f64s(simd.mul_f64s(dh, simd.sub_f64s(one, z)), flat);
                let dr = simd.mul_f64s(simd.mul_f64s(dn, load(simd, &u[j..end])), slope(r));
                for parts in [&mut *dinput, &mut *drecurrent] {
                    store(simd, &mut parts[j..end], dr);
                    store(simd, &mut parts[w + j..w + end], dz);
                }
                store(simd, &mut dinput[2 * w + j..2 * w + end], dn);
                store(simd, &mut drecurrent[2 * w + j..2 * w + end], simd.mul_f64s(dn, r));
                store(simd, &mut dbefore[j..end], simd.mul_f64s(dh, z));
            }
        }
    }
}
