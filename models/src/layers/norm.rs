//! Layer normalisation, $y = g\,\hat x + b$ with
//! $\hat x = (x - \bar x)/\sqrt{\overline{(x - \bar x)^2} + \epsilon}$.
//!
//! # References
//! J. L. Ba, J. R. Kiros, G. E. Hinton, arXiv:1607.06450, eq. (4).

use pulp::Simd;

/// $\epsilon$: far below any useful variance, yet the derivative stays finite where all entries of a
/// token agree.
const EPSILON: f64 = 1e-5;

/// Sum of the products of two rows.
#[inline(always)]
fn dot<S: Simd>(simd: S, x: &[f64], y: &[f64]) -> f64 {
    let ((xs, x), (ys, y)) = (S::as_simd_f64s(x), S::as_simd_f64s(y));
    let product = simd.mul_f64s(simd.partial_load_f64s(x), simd.partial_load_f64s(y));
    let mut sum = product;
    for (x, y) in xs.iter().zip(ys) {
        sum = simd.mul_add_e_f64s(*x, *y, sum);
    }
    simd.reduce_sum_f64s(sum)
}

dispatched! {
    /// Writes xhat (T, w), 1 / standard deviation (T) and y (T, w).
    fn forward<S>(
        simd;
        x: &'a [f64],
        gain: &'a [f64],
        bias: &'a [f64],
        xhat: &'a mut [f64],
        scale: &'a mut [f64],
        y: &'a mut [f64],
    ) {
        let w = gain.len();
        let inverse = 1.0 / w as f64;
        let rows = x.chunks_exact(w).zip(xhat.chunks_exact_mut(w)).zip(y.chunks_exact_mut(w));
        for (((x, xhat), y), scale) in rows.zip(scale) {
            let ((xs, x1), (hs, h1)) = (S::as_simd_f64s(x), S::as_mut_simd_f64s(xhat));
            let mut sum = simd.partial_load_f64s(x1);
            for x in xs {
                sum = simd.add_f64s(sum, *x);
            }
            let mean = simd.splat_f64s(simd.reduce_sum_f64s(sum) * inverse);
            let mut sum = simd.splat_f64s(0.0);
            for (x, h) in xs.iter().zip(hs.iter_mut()) {
                *h = simd.sub_f64s(*x, mean);
                sum = simd.mul_add_e_f64s(*h, *h, sum);
            }
            simd.partial_store_f64s(h1, simd.sub_f64s(simd.partial_load_f64s(x1), mean));
            // Read back, so that the lanes beyond the row are 0.
            let last = simd.partial_load_f64s(h1);
            sum = simd.mul_add_e_f64s(last, last, sum);
            *scale = 1.0 / (simd.reduce_sum_f64s(sum) * inverse + EPSILON).sqrt();
            let s = simd.splat_f64s(*scale);
            for h in hs {
                *h = simd.mul_f64s(*h, s);
            }
            simd.partial_store_f64s(h1, simd.mul_f64s(last, s));
            affine_row(simd, xhat, gain, bias, y);
        }
    }
}

/// One row of [`affine`].
#[inline(always)]
fn affine_row<S: Simd>(simd: S, xhat: &[f64], gain: &[f64], bias: &[f64], y: &mut [f64]) {
    let ((xs, x), (ys, y)) = (S::as_simd_f64s(xhat), S::as_mut_simd_f64s(y));
    let ((gs, g), (bs, b)) = (S::as_simd_f64s(gain), S::as_simd_f64s(bias));
    for ((x, y), (g, b)) in xs.iter().zip(ys).zip(gs.iter().zip(bs)) {
        *y = simd.mul_add_e_f64s(*x, *g, *b);
    }
    let (x, g, b) = (
        simd.partial_load_f64s(x),
        simd.partial_load_f64s(g),
        simd.partial_load_f64s(b),
    );
    simd.partial_store_f64s(y, simd.mul_add_e_f64s(x, g, b));
}

dispatched! {
    /// Writes y = g xhat + b.
    fn affine<S>(simd; xhat: &'a [f64], gain: &'a [f64], bias: &'a [f64], y: &'a mut [f64]) {
        let w = gain.len();
        for (xhat, y) in xhat.chunks_exact(w).zip(y.chunks_exact_mut(w)) {
            affine_row(simd, xhat, gain, bias, y);
        }
    }
}

dispatched! {
    /// Adds the cotangent of x to dx (T, w), or writes it, from the cotangent dy of y, which
    /// becomes that of xhat.
    fn backward<S>(
        simd;
        xhat: &'a [f64],
        scale: &'a [f64],
        gain: &'a [f64],
        dy: &'a mut [f64],
        dx: &'a mut [f64],
        overwrite: bool,
    ) {
        let w = gain.len();
        let inverse = 1.0 / w as f64;
        let rows = xhat.chunks_exact(w).zip(dy.chunks_exact_mut(w)).zip(dx.chunks_exact_mut(w));
        for (((xhat, dy), dx), s) in rows.zip(scale) {
            let ((gs, g1), (ds, d1)) = (S::as_simd_f64s(gain), S::as_mut_simd_f64s(dy));
            let last = simd.mul_f64s(simd.partial_load_f64s(d1), simd.partial_load_f64s(g1));
            simd.partial_store_f64s(d1, last);
            let mut sum = last;
            for (d, g) in ds.iter_mut().zip(gs) {
                *d = simd.mul_f64s(*d, *g);
                sum = simd.add_f64s(sum, *d);
            }
            let mean = simd.splat_f64s(-simd.reduce_sum_f64s(sum) * inverse);
            let slope = simd.splat_f64s(-dot(simd, xhat, dy) * inverse);
            let s = simd.splat_f64s(*s);
            let ((xs, x1), (ds, d1)) = (S::as_simd_f64s(xhat), S::as_simd_f64s(dy));
            let (dxs, dx1) = S::as_mut_simd_f64s(dx);
            for ((x, d), dx) in xs.iter().zip(ds).zip(dxs) {
                let d = simd.mul_add_e_f64s(*x, slope, simd.add_f64s(*d, mean));
                let old = if overwrite { simd.splat_f64s(0.0) } else { *dx };
                *dx = simd.mul_add_e_f64s(s, d, old);
            }
            let (x, d) = (simd.partial_load_f64s(x1), simd.partial_load_f64s(d1));
            let d = simd.mul_add_e_f64s(x, slope, simd.add_f64s(d, mean));
            let old = if overwrite { simd.splat_f64s(0.0) } else { simd.partial_load_f64s(dx1) };
            simd.partial_store_f64s(dx1, simd.mul_add_e_f64s(s, d, old));
        }
    }
}

dispatched! {
    /// Writes the derivatives of one sample: gain = column sums of dy xhat, bias = those of dy.
    fn gradient<S>(
        simd;
        xhat: &'a [f64],
        dy: &'a [f64],
        gain: &'a mut [f64],
        bias: &'a mut [f64],
    ) {
        let w = gain.len();
        for i in (0..w).step_by(S::F64_LANES) {
            let here = i..(i + S::F64_LANES).min(w);
            let mut g = simd.splat_f64s(0.0);
            let mut b = g;
            for (x, d) in xhat.chunks_exact(w).zip(dy.chunks_exact(w)) {
                let x = simd.partial_load_f64s(&x[here.clone()]);
                let d = simd.partial_load_f64s(&d[here.clone()]);
                g = simd.mul_add_e_f64s(x, d, g);
                b = simd.add_f64s(b, d);
            }
            simd.partial_store_f64s(&mut gain[here.clone()], g);
            simd.partial_store_f64s(&mut bias[here], b);
        }
    }
}

dispatched! {
    /// Writes the sums over the rows of dy (T, w).
    fn column_sums<S>(simd; dy: &'a [f64], sums: &'a mut [f64]) {
        let w = sums.len();
        sums.fill(0.0);
        for row in dy.chunks_exact(w) {
            let ((ds, d), (ss, s)) = (S::as_simd_f64s(row), S::as_mut_simd_f64s(sums));
            for (s, d) in ss.iter_mut().zip(ds) {
                *s = simd.add_f64s(*s, *d);
            }
            for (s, d) in s.iter_mut().zip(d) {
                *s += d;
            }
        }
    }
}
