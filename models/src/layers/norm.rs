//! Layer normalisation, $y = g\,\hat x + b$ with
//! $\hat x = (x - \bar x)/\sqrt{\overline{(x - \bar x)^2} + \epsilon}$.
//!
//! # References
//! J. L. Ba, J. R. Kiros, G. E. Hinton, arXiv:1607.06450, eq. (4).

use super::elementwise::add;
use pulp::Arch;

/// $\epsilon$: far below any useful variance, yet the derivative stays finite where all entries of a
/// token agree.
const EPSILON: f64 = 1e-5;

/// Sum of f(x, y) over two rows, in eight lanes and a fixed order.
#[inline(always)]
fn sum(x: &[f64], y: &[f64], f: impl Fn(f64, f64) -> f64) -> f64 {
    let (x8, x1) = x.as_chunks::<8>();
    let (y8, y1) = y.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for (x, y) in x8.iter().zip(y8) {
        for i in 0..8 {
            lanes[i] += f(x[i], y[i]);
        }
    }
    let mut total = add(lanes);
    for (x, y) in x1.iter().zip(y1) {
        total += f(*x, *y);
    }
    total
}

/// Writes xhat (T, w), 1 / standard deviation (T) and y (T, w).
pub(crate) fn forward(
    x: &[f64],
    gain: &[f64],
    bias: &[f64],
    xhat: &mut [f64],
    scale: &mut [f64],
    y: &mut [f64],
) {
    let w = gain.len();
    let inverse = 1.0 / w as f64;
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let rows = x
                .chunks_exact(w)
                .zip(xhat.chunks_exact_mut(w))
                .zip(y.chunks_exact_mut(w));
            for (((x, xhat), y), scale) in rows.zip(scale) {
                let mean = sum(
                    x,
                    x,
                    #[inline(always)]
                    |x, _| x,
                ) * inverse;
                let variance = sum(
                    x,
                    x,
                    #[inline(always)]
                    |x, _| (x - mean) * (x - mean),
                ) * inverse;
                let s = 1.0 / (variance + EPSILON).sqrt();
                *scale = s;
                for ((x, xhat), (y, (g, b))) in x
                    .iter()
                    .zip(&mut *xhat)
                    .zip(y.iter_mut().zip(gain.iter().zip(bias)))
                {
                    *xhat = (x - mean) * s;
                    *y = xhat.mul_add(*g, *b);
                }
            }
        },
    );
}

/// Writes y = g xhat + b.
pub(crate) fn affine(xhat: &[f64], gain: &[f64], bias: &[f64], y: &mut [f64]) {
    let w = gain.len();
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for (x, y) in xhat.chunks_exact(w).zip(y.chunks_exact_mut(w)) {
                for ((x, y), (g, b)) in x.iter().zip(y).zip(gain.iter().zip(bias)) {
                    *y = x.mul_add(*g, *b);
                }
            }
        },
    );
}

/// Adds the cotangent of x to dx (T, w), or writes it, from the cotangent dy of y.
pub(crate) fn backward(
    xhat: &[f64],
    scale: &[f64],
    gain: &[f64],
    dy: &[f64],
    dx: &mut [f64],
    overwrite: bool,
) {
    let w = gain.len();
    let inverse = 1.0 / w as f64;
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let rows = xhat
                .chunks_exact(w)
                .zip(dy.chunks_exact(w))
                .zip(dx.chunks_exact_mut(w));
            for (((xhat, dy), dx), s) in rows.zip(scale) {
                let mean = sum(
                    dy,
                    gain,
                    #[inline(always)]
                    |d, g| d * g,
                ) * inverse;
                let mut lanes = [0.0; 8];
                let mut slope = 0.0;
                let (x8, x1) = xhat.as_chunks::<8>();
                let (d8, d1) = dy.as_chunks::<8>();
                let (g8, g1) = gain.as_chunks::<8>();
                for ((x, d), g) in x8.iter().zip(d8).zip(g8) {
                    for i in 0..8 {
                        lanes[i] = (d[i] * g[i]).mul_add(x[i], lanes[i]);
                    }
                }
                for ((x, d), g) in x1.iter().zip(d1).zip(g1) {
                    slope += d * g * x;
                }
                let slope = (slope + add(lanes)) * inverse;
                let keep = if overwrite { 0.0 } else { 1.0 };
                for ((x, d), (dx, g)) in xhat.iter().zip(dy).zip(dx.iter_mut().zip(gain)) {
                    let new = s * (d * g - mean - x * slope);
                    *dx = if keep == 0.0 { new } else { *dx + new };
                }
            }
        },
    );
}

/// Writes the derivatives of one sample: gain = column sums of dy xhat, bias = column sums of dy.
pub(crate) fn gradient(xhat: &[f64], dy: &[f64], gain: &mut [f64], bias: &mut [f64]) {
    let w = gain.len();
    gain.fill(0.0);
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for (x, d) in xhat.chunks_exact(w).zip(dy.chunks_exact(w)) {
                for ((x, d), g) in x.iter().zip(d).zip(gain.iter_mut()) {
                    *g = x.mul_add(*d, *g);
                }
            }
        },
    );
    column_sums(dy, bias);
}

/// Writes the sums over the rows of dy (T, w).
pub(crate) fn column_sums(dy: &[f64], sums: &mut [f64]) {
    let w = sums.len();
    sums.fill(0.0);
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for row in dy.chunks_exact(w) {
                for (s, d) in sums.iter_mut().zip(row) {
                    *s += d;
                }
            }
        },
    );
}
