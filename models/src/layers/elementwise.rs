//! Exponentials and activations as plain loops, compiled for the widest vectors of the processor.
//!
//! The scalar functions are branch-free polynomials that vectorise when inlined into a loop under
//! `pulp`'s run-time dispatch.

use pulp::Arch;
use std::f64::consts::LOG2_E;

/// 1.5 · 2^52: adding it rounds to an integer and leaves that integer in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// ln 2, rounded.
const LN2_HIGH: f64 = 0.693_147_180_559_945_3;
/// ln 2 - `LN2_HIGH`.
const LN2_LOW: f64 = 2.319_046_813_846_299_6e-17;

/// Polynomial q with $e^r = 1 + r + r^2 q(r)$ for |r| <= ln 2 / 2: interpolation at Chebyshev nodes,
/// relative error 1.6e-17 in $e^r$.
#[inline(always)]
fn tail(r: f64) -> f64 {
    let q = 2.510_038_549_551_032e-8;
    let q = r.mul_add(q, 2.762_008_844_540_974_6e-7);
    let q = r.mul_add(q, 2.755_726_845_999_706_4e-6);
    let q = r.mul_add(q, 2.480_152_129_595_437_6e-5);
    let q = r.mul_add(q, 1.984_126_986_305_361_8e-4);
    let q = r.mul_add(q, 1.388_888_891_721_371_7e-3);
    let q = r.mul_add(q, 8.333_333_333_330_062e-3);
    let q = r.mul_add(q, 4.166_666_666_662_413e-2);
    let q = r.mul_add(q, 0.166_666_666_666_666_69);
    r.mul_add(q, 0.500_000_000_000_000_1)
}

/// $e^x$ within 2 ulp; 0 below about -745.2, infinite above about 709.8, NaN for NaN.
#[inline(always)]
pub(crate) fn exp(x: f64) -> f64 {
    let x = if x > 710.0 { 710.0 } else { x };
    let x = if x < -746.0 { -746.0 } else { x };
    let t = x.mul_add(LOG2_E, ROUND);
    let k = t - ROUND;
    let r = k.mul_add(-LN2_LOW, k.mul_add(-LN2_HIGH, x));
    let p = (r * r).mul_add(tail(r), r) + 1.0;
    // 2^k in two factors, so that subnormal results and 2^1024 need no branch.
    let biased = t
        .to_bits()
        .wrapping_sub(ROUND.to_bits())
        .wrapping_add(2 * 1023);
    let half = biased >> 1;
    p * f64::from_bits(half << 52) * f64::from_bits(biased.wrapping_sub(half) << 52)
}

/// $1 / (1 + e^{-x})$.
#[inline(always)]
pub(crate) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// tanh x to a few ulp, relative, from $e^{2|x|} - 1$.
#[inline(always)]
pub(crate) fn tanh(x: f64) -> f64 {
    let y = 2.0 * x.abs();
    // tanh is 1 to rounding from y = 38 on.
    let y = if y > 40.0 { 40.0 } else { y };
    let t = y.mul_add(LOG2_E, ROUND);
    let k = t - ROUND;
    let r = k.mul_add(-LN2_LOW, k.mul_add(-LN2_HIGH, y));
    let p = (r * r).mul_add(tail(r), r);
    let scale = f64::from_bits(t.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(1023) << 52);
    let e = scale.mul_add(p, scale - 1.0);
    (e / (e + 2.0)).copysign(x)
}

/// $2\sqrt{2/\pi}$.
const GELU_SLOPE: f64 = 1.595_769_121_605_730_7;
const GELU_CUBIC: f64 = 0.044_715;

/// Argument of the sigmoid in [`gelu`].
#[inline(always)]
fn gelu_gate(x: f64) -> f64 {
    sigmoid(GELU_SLOPE * x * (GELU_CUBIC * x).mul_add(x, 1.0))
}

/// $x\,\sigma(2\sqrt{2/\pi}\,(x + 0.044715 x^3))$, the tanh form of the Gaussian error linear unit.
#[inline(always)]
fn gelu(x: f64) -> f64 {
    x * gelu_gate(x)
}

/// Value and derivative of [`gelu`].
#[inline(always)]
fn gelu_both(x: f64) -> (f64, f64) {
    let s = gelu_gate(x);
    let inner = GELU_SLOPE * (3.0 * GELU_CUBIC * x).mul_add(x, 1.0);
    (x * s, (x * s * (1.0 - s)).mul_add(inner, s))
}

/// Writes f(x) element by element, eight at a time so that each inner loop is whole vectors.
macro_rules! map {
    ($(#[$doc:meta])* $name:ident, $f:ident) => {
        $(#[$doc])*
        pub(crate) fn $name(x: &[f64], y: &mut [f64]) {
            assert_eq!(x.len(), y.len(), "lengths of argument and result");
            Arch::new().dispatch(
                #[inline(always)]
                || {
                    let (x8, x1) = x.as_chunks::<8>();
                    let (y8, y1) = y.as_chunks_mut::<8>();
                    for (x, y) in x8.iter().zip(y8) {
                        for i in 0..8 {
                            y[i] = $f(x[i]);
                        }
                    }
                    for (x, y) in x1.iter().zip(y1) {
                        *y = $f(*x);
                    }
                },
            );
        }
    };
}

map!(
    /// y = gelu(x).
    gelu_into, gelu
);

/// From x and the cotangent dy of gelu(x): writes y = gelu(x) and turns dy into the cotangent of x.
pub(crate) fn gelu_backward(x: &[f64], y: &mut [f64], dy: &mut [f64]) {
    assert!(
        x.len() == y.len() && x.len() == dy.len(),
        "lengths of argument and result"
    );
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let (x8, x1) = x.as_chunks::<8>();
            let (y8, y1) = y.as_chunks_mut::<8>();
            let (d8, d1) = dy.as_chunks_mut::<8>();
            for ((x, y), d) in x8.iter().zip(y8).zip(d8) {
                for i in 0..8 {
                    let (value, slope) = gelu_both(x[i]);
                    y[i] = value;
                    d[i] *= slope;
                }
            }
            for ((x, y), d) in x1.iter().zip(y1).zip(d1) {
                let (value, slope) = gelu_both(*x);
                *y = value;
                *d *= slope;
            }
        },
    );
}

/// Softmax of the first `open` entries; the others become 0. The length is a multiple of 8.
#[inline(always)]
pub(crate) fn softmax(row: &mut [f64], open: usize) {
    row[open..].fill(f64::NEG_INFINITY);
    let (row, _) = row.as_chunks_mut::<8>();
    let mut high = [f64::NEG_INFINITY; 8];
    for x in row.iter() {
        for i in 0..8 {
            high[i] = if x[i] > high[i] { x[i] } else { high[i] };
        }
    }
    let shift = high
        .iter()
        .fold(f64::NEG_INFINITY, |a, &b| if b > a { b } else { a });
    let mut sum = [0.0; 8];
    for x in row.iter_mut() {
        for i in 0..8 {
            x[i] = exp(x[i] - shift);
            sum[i] += x[i];
        }
    }
    let scale = 1.0 / add(sum);
    for x in row {
        for x in x {
            *x *= scale;
        }
    }
}

/// Sum of eight lanes in a fixed order.
#[inline(always)]
pub(crate) fn add(x: [f64; 8]) -> f64 {
    ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]))
}

#[cfg(test)]
mod tests {
    use super::*;

    map!(exp_into, exp);
    map!(tanh_into, tanh);

    /// Distance in units of the last place of the reference.
    fn ulps(value: f64, exact: f64) -> f64 {
        let gap = f64::from_bits(exact.abs().to_bits() + 1) - exact.abs();
        (value - exact).abs() / gap
    }

    #[test]
    fn exp_is_within_two_ulp_from_minus_700_to_700() {
        let n = 2_000_000;
        let x: Vec<f64> = (0..n)
            .map(|i| -700.0 + 1400.0 * (f64::from(i) + 0.37) / 2e6)
            .collect();
        let mut y = vec![0.0; x.len()];
        exp_into(&x, &mut y);
        let worst = x
            .iter()
            .zip(&y)
            .map(|(x, y)| ulps(*y, x.exp()))
            .fold(0.0, f64::max);
        assert!(worst <= 2.0, "{worst} ulp");
        let small: Vec<f64> = (0..200_000).map(|i| (f64::from(i) - 1e5) * 1e-5).collect();
        let mut y = vec![0.0; small.len()];
        exp_into(&small, &mut y);
        let worst = small
            .iter()
            .zip(&y)
            .map(|(x, y)| ulps(*y, x.exp()))
            .fold(0.0, f64::max);
        assert!(worst <= 2.0, "{worst} ulp near 0");
    }

    #[test]
    fn exp_underflows_overflows_and_keeps_nan() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-0.0), 1.0);
        for x in [-746.0, -1e3, -1e300, f64::NEG_INFINITY] {
            assert_eq!(exp(x), 0.0, "exp({x})");
        }
        for x in [709.8, 710.0, 1e300, f64::INFINITY] {
            assert_eq!(exp(x), f64::INFINITY, "exp({x})");
        }
        assert!(exp(f64::NAN).is_nan());
        assert!(exp(709.78).is_finite());
        // Subnormal results round once: at most one unit of 2^-1074 apart.
        for x in [-708.5, -720.0, -740.0, -744.9] {
            let gap = (exp(x) - x.exp()).abs();
            assert!(gap <= f64::from_bits(2), "exp({x}) is off by {gap}");
        }
    }

    #[test]
    fn tanh_and_sigmoid_agree_with_the_standard_library() {
        let x: Vec<f64> = (-40_000..=40_000).map(|i| f64::from(i) * 7.3e-4).collect();
        let mut y = vec![0.0; x.len()];
        tanh_into(&x, &mut y);
        for (x, y) in x.iter().zip(&y) {
            assert!(ulps(*y, x.tanh()) <= 4.0, "tanh({x}) = {y}");
            let s = 1.0 / (1.0 + (-x).exp());
            assert!(ulps(sigmoid(*x), s) <= 4.0, "sigmoid({x})");
        }
        assert_eq!(tanh(1e300), 1.0);
        assert_eq!(tanh(-50.0), -1.0);
        assert_eq!(sigmoid(-1e3), 0.0);
    }

    #[test]
    fn gelu_is_its_tanh_form_and_its_derivative_a_difference_quotient() {
        for i in -80..=80 {
            let x = f64::from(i) * 0.1;
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
            assert!((gelu(x) - 0.5 * x * (1.0 + inner.tanh())).abs() < 1e-15 * (1.0 + x.abs()));
            let slope = (gelu(x + 1e-5) - gelu(x - 1e-5)) / 2e-5;
            // Truncation h^2 |gelu'''| / 6 and cancellation eps |x| / h are both below 1e-9.
            assert!((gelu_both(x).1 - slope).abs() < 1e-9, "slope at {x}");
        }
    }
}
