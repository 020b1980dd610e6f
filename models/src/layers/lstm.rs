//! Long short-term memory: the element-wise half of a step, and its derivative.
//!
//! Gates of a row stand side by side: i, f, g, o, each of width w;
//! $c = \sigma(f) c' + \sigma(i) \tanh g$ and $h = \sigma(o) \tanh c$.
//!
//! S. Hochreiter and J. Schmidhuber, Neural Comput. 9, 1735 (1997).

use super::elementwise::{
    double_exp_less_one, inverse_sigmoid, load, sigmoid, store, tanh, with_sign_of,
};

/// Number of gates.
pub(crate) const GATES: usize = 4;

dispatched! {
    /// Applies the activations to the gates (B, 4w) and writes memory and output (B, w).
    fn forward<S>(
        simd;
        w: usize,
        gates: &'a mut [f64],
        before: &'a [f64],
        c: &'a mut [f64],
        h: &'a mut [f64],
    ) {
        let rows = gates.chunks_exact_mut(GATES * w).zip(before.chunks_exact(w));
        let states = c.chunks_exact_mut(w).zip(h.chunks_exact_mut(w));
        for ((gates, before), (c, h)) in rows.zip(states) {
            for j in (0..w).step_by(S::F64_LANES) {
                let end = (j + S::F64_LANES).min(w);
                let i = sigmoid(simd, load(simd, &gates[j..end]));
                let f = sigmoid(simd, load(simd, &gates[w + j..w + end]));
                let g = tanh(simd, load(simd, &gates[2 * w + j..2 * w + end]));
                let o = sigmoid(simd, load(simd, &gates[3 * w + j..3 * w + end]));
                let old = load(simd, &before[j..end]);
                let new = simd.mul_add_e_f64s(f, old, simd.mul_f64s(i, g));
                store(simd, &mut gates[j..end], i);
                store(simd, &mut gates[w + j..w + end], f);
                store(simd, &mut gates[2 * w + j..2 * w + end], g);
                store(simd, &mut gates[3 * w + j..3 * w + end], o);
                store(simd, &mut c[j..end], new);
                store(simd, &mut h[j..end], simd.mul_f64s(o, tanh(simd, new)));
            }
        }
    }
}

dispatched! {
    /// The same without a derivative to come: nothing but memory and output is kept, and two
    /// divisions do the work of five,
    /// $c = (c'\,\bar\imath\,\bar g + \mathrm{sgn}(g)\,e_g \bar f) / (\bar f\,\bar\imath\,\bar g)$ with
    /// $\bar\imath = 1/\sigma(i)$, $e_g = e^{2|g|} - 1$, $\bar g = e_g + 2$. Differs from [`forward`] by
    /// rounding.
    fn advance<S>(
        simd;
        w: usize,
        gates: &'a [f64],
        before: &'a [f64],
        c: &'a mut [f64],
        h: &'a mut [f64],
    ) {
        let two = simd.splat_f64s(2.0);
        let rows = gates.chunks_exact(GATES * w).zip(before.chunks_exact(w));
        let states = c.chunks_exact_mut(w).zip(h.chunks_exact_mut(w));
        for ((gates, before), (c, h)) in rows.zip(states) {
            for j in (0..w).step_by(S::F64_LANES) {
                let end = (j + S::F64_LANES).min(w);
                let i = inverse_sigmoid(simd, load(simd, &gates[j..end]));
                let f = inverse_sigmoid(simd, load(simd, &gates[w + j..w + end]));
                let g = load(simd, &gates[2 * w + j..2 * w + end]);
                let o = inverse_sigmoid(simd, load(simd, &gates[3 * w + j..3 * w + end]));
                let e = double_exp_less_one(simd, g);
                let ig = simd.mul_f64s(i, simd.add_f64s(e, two));
                let old = simd.mul_f64s(load(simd, &before[j..end]), ig);
                let sum = simd.mul_add_e_f64s(with_sign_of(simd, g, e), f, old);
                let new = simd.div_f64s(sum, simd.mul_f64s(f, ig));
                let e = double_exp_less_one(simd, new);
                let down = simd.mul_f64s(o, simd.add_f64s(e, two));
                store(simd, &mut c[j..end], new);
                store(simd, &mut h[j..end], with_sign_of(simd, new, simd.div_f64s(e, down)));
            }
        }
    }
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

dispatched! {
    /// From the cotangent dh of the output and dc of the memory after the step: writes the cotangent
    /// of the gates before activation and turns dc into the cotangent of the memory before the step.
    fn backward<S>(
        simd;
        w: usize,
        kept: Kept<'a>,
        dh: &'a [f64],
        dc: &'a mut [f64],
        dgates: &'a mut [f64],
    ) {
        let one = simd.splat_f64s(1.0);
        let slope = |s| simd.mul_f64s(s, simd.sub_f64s(one, s));
        let rows = kept.gates.chunks_exact(GATES * w).zip(dgates.chunks_exact_mut(GATES * w));
        let memory = kept.before.chunks_exact(w).zip(kept.after.chunks_exact(w));
        let cotangents = dh.chunks_exact(w).zip(dc.chunks_exact_mut(w));
        for (((gates, dgates), (before, after)), (dh, dc)) in rows.zip(memory).zip(cotangents) {
            for j in (0..w).step_by(S::F64_LANES) {
                let end = (j + S::F64_LANES).min(w);
                let i = load(simd, &gates[j..end]);
                let f = load(simd, &gates[w + j..w + end]);
                let g = load(simd, &gates[2 * w + j..2 * w + end]);
                let o = load(simd, &gates[3 * w + j..3 * w + end]);
                let t = tanh(simd, load(simd, &after[j..end]));
                let dh = load(simd, &dh[j..end]);
                let flat = simd.sub_f64s(one, simd.mul_f64s(t, t));
                let from_h = simd.mul_f64s(simd.mul_f64s(dh, o), flat);
                let d = simd.add_f64s(load(simd, &dc[j..end]), from_h);
                let di = simd.mul_f64s(simd.mul_f64s(d, g), slope(i));
                let df = simd.mul_f64s(simd.mul_f64s(d, load(simd, &before[j..end])), slope(f));
                let flat = simd.sub_f64s(one, simd.mul_f64s(g, g));
                let dg = simd.mul_f64s(simd.mul_f64s(d, i), flat);
                store(simd, &mut dgates[j..end], di);
                store(simd, &mut dgates[w + j..w + end], df);
                store(simd, &mut dgates[2 * w + j..2 * w + end], dg);
                let d_o = simd.mul_f64s(simd.mul_f64s(dh, t), slope(o));
                store(simd, &mut dgates[3 * w + j..3 * w + end], d_o);
                store(simd, &mut dc[j..end], simd.mul_f64s(d, f));
            }
        }
    }
}
