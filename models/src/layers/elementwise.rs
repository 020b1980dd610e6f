//! Exponentials and activations on whole vectors of the processor.
//!
//! Branch-free polynomials; a number gives the same bits wherever it stands in a slice.

use pulp::Simd;
use pulp::bytemuck::cast;
use std::f64::consts::LOG2_E;

/// 1.5 · 2^52: adding and subtracting it rounds to an integer.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// 1.5 · 2^20 + 1023: adding it leaves an integer, biased like an exponent, in the high word.
const PLACE: f64 = 1_572_864.0 + 1023.0;
/// ln 2 with 32 bits: its multiples by exponents are exact with and without fused operations.
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
/// ln 2 - `LN2_HIGH`.
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// Coefficients, highest first, of q with $e^r = 1 + r + r^2 q(r)$ for |r| <= ln 2 / 2:
/// interpolation at Chebyshev nodes, relative error 1.6e-17 in $e^r$.
const Q: [f64; 10] = [
    2.510_038_549_551_032e-8,
    2.762_008_844_540_974_6e-7,
    2.755_726_845_999_706_4e-6,
    2.480_152_129_595_437_6e-5,
    1.984_126_986_305_361_8e-4,
    1.388_888_891_721_371_7e-3,
    8.333_333_333_330_062e-3,
    4.166_666_666_662_413e-2,
    0.166_666_666_666_666_69,
    0.500_000_000_000_000_1,
];

/// $2^k$ and $e^r - 1$ with x = k ln 2 + r.
#[inline(always)]
fn split<S: Simd>(simd: S, x: S::f64s) -> (S::f64s, S::f64s) {
    let c = |c: f64| simd.splat_f64s(c);
    let k = simd.sub_f64s(simd.mul_add_e_f64s(x, c(LOG2_E), c(ROUND)), c(ROUND));
    let r = simd.mul_add_e_f64s(k, c(-LN2_HIGH), x);
    let r = simd.mul_add_e_f64s(k, c(-LN2_LOW), r);
    // Estrin's scheme: four dependent operations where Horner's has nine.
    let pair = |i: usize| simd.mul_add_e_f64s(c(Q[i]), r, c(Q[i + 1]));
    let r2 = simd.mul_f64s(r, r);
    let r4 = simd.mul_f64s(r2, r2);
    let low = simd.mul_add_e_f64s(pair(6), r2, pair(8));
    let high = simd.mul_add_e_f64s(pair(2), r2, pair(4));
    let high = simd.mul_add_e_f64s(pair(0), r4, high);
    let q = simd.mul_add_e_f64s(high, r4, low);
    let place = simd.add_f64s(k, c(PLACE));
    // The low word is 0: words of 32 bits may be shifted one by one.
    let scale = if size_of::<S::u32s>() == size_of::<S::f64s>() {
        let word: S::u32s = cast(place);
        cast(simd.wrapping_dyn_shl_u32s(word, simd.splat_u32s(20)))
    } else {
        // A processor without vectors: one number.
        cast(cast::<S::f64s, u64>(place) << 20)
    };
    (scale, simd.mul_add_e_f64s(r2, q, r))
}

/// $e^x$ within 2 ulp. Results below the smallest normal number become 0 (x < -708.7), those above
/// $2^{1023.5}$ infinite (x > 709.4); NaN stays NaN.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::f64s) -> S::f64s {
    // Comparisons and not minimum and maximum, which would lose a NaN.
    let (low, high) = (simd.splat_f64s(LOW), simd.splat_f64s(HIGH));
    let x = simd.select_f64s(simd.less_than_f64s(x, low), low, x);
    let x = simd.select_f64s(simd.greater_than_f64s(x, high), high, x);
    exp_within(simd, x)
}

/// Bounds of [`exp_within`]: they round to the exponents -1023 and 1024, whose bit patterns are 0 and
/// infinity.
const LOW: f64 = -709.0;
const HIGH: f64 = 709.7;

/// [`exp`] between its bounds.
#[inline(always)]
fn exp_within<S: Simd>(simd: S, x: S::f64s) -> S::f64s {
    let (scale, p) = split(simd, x);
    simd.mul_f64s(scale, simd.add_f64s(p, simd.splat_f64s(1.0)))
}

/// $1 / (1 + e^{-x})$.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(simd: S, x: S::f64s) -> S::f64s {
    let one = simd.splat_f64s(1.0);
    simd.div_f64s(one, simd.add_f64s(one, exp(simd, simd.neg_f64s(x))))
}

/// $e^{2|x|} - 1$, relative; 2|x| is cut at 40, from where on tanh is 1 to rounding.
#[inline(always)]
pub(crate) fn double_exp_less_one<S: Simd>(simd: S, x: S::f64s) -> S::f64s {
    let y = simd.mul_f64s(simd.splat_f64s(2.0), simd.abs_f64s(x));
    let high = simd.splat_f64s(40.0);
    let y = simd.select_f64s(simd.greater_than_f64s(y, high), high, y);
    let (scale, p) = split(simd, y);
    simd.mul_add_e_f64s(scale, p, simd.sub_f64s(scale, simd.splat_f64s(1.0)))
}

/// y, which is not negative, with the sign of x.
#[inline(always)]
pub(crate) fn with_sign_of<S: Simd>(simd: S, x: S::f64s, y: S::f64s) -> S::f64s {
    let sign: S::u64s = simd.and_u64s(cast(x), cast(simd.splat_f64s(-0.0)));
    cast(simd.or_u64s(cast(y), sign))
}

/// tanh x to a few ulp, relative, from $e^{2|x|} - 1$.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(simd: S, x: S::f64s) -> S::f64s {
    let e = double_exp_less_one(simd, x);
    let t = simd.div_f64s(e, simd.add_f64s(e, simd.splat_f64s(2.0)));
    with_sign_of(simd, x, t)
}

/// $1 + e^{-x}$, the inverse of the sigmoid, cut at e^40: three of them can be multiplied.
#[inline(always)]
pub(crate) fn inverse_sigmoid<S: Simd>(simd: S, x: S::f64s) -> S::f64s {
    let low = simd.splat_f64s(-40.0);
    let x = simd.select_f64s(simd.less_than_f64s(x, low), low, x);
    simd.add_f64s(simd.splat_f64s(1.0), exp(simd, simd.neg_f64s(x)))
}

/// $2\sqrt{2/\pi}$.
const GELU_SLOPE: f64 = 1.595_769_121_605_730_7;
const GELU_CUBIC: f64 = 0.044_715;

/// Gate and value of $x\,\sigma(2\sqrt{2/\pi}\,(x + 0.044715 x^3))$, the tanh form of the Gaussian
/// error linear unit.
#[inline(always)]
fn gelu<S: Simd>(simd: S, x: S::f64s) -> (S::f64s, S::f64s) {
    let cubic = simd.splat_f64s(-GELU_SLOPE * GELU_CUBIC);
    let inner = simd.mul_add_e_f64s(simd.mul_f64s(cubic, x), x, simd.splat_f64s(-GELU_SLOPE));
    // A NaN may be lost here; the value, a multiple of x, keeps it.
    let (low, high) = (simd.splat_f64s(LOW), simd.splat_f64s(HIGH));
    let y = simd.min_f64s(simd.max_f64s(simd.mul_f64s(inner, x), low), high);
    let one = simd.splat_f64s(1.0);
    let gate = simd.div_f64s(one, simd.add_f64s(one, exp_within(simd, y)));
    (gate, simd.mul_f64s(x, gate))
}

/// Value and derivative of the same.
#[inline(always)]
fn gelu_both<S: Simd>(simd: S, x: S::f64s) -> (S::f64s, S::f64s) {
    let (gate, value) = gelu(simd, x);
    let cubic = simd.splat_f64s(3.0 * GELU_SLOPE * GELU_CUBIC);
    let inner = simd.mul_add_e_f64s(simd.mul_f64s(cubic, x), x, simd.splat_f64s(GELU_SLOPE));
    let rest = simd.sub_f64s(value, simd.mul_f64s(value, gate));
    (value, simd.mul_add_e_f64s(rest, inner, gate))
}

/// Reads a slice of at most one vector, padded with 0.
#[inline(always)]
pub(crate) fn load<S: Simd>(simd: S, x: &[f64]) -> S::f64s {
    match S::as_simd_f64s(x) {
        ([x], []) => *x,
        _ => simd.partial_load_f64s(x),
    }
}

/// Writes a slice of at most one vector.
#[inline(always)]
pub(crate) fn store<S: Simd>(simd: S, to: &mut [f64], x: S::f64s) {
    match S::as_mut_simd_f64s(to) {
        ([to], []) => *to = x,
        _ => simd.partial_store_f64s(to, x),
    }
}

/// Writes f(x), vector by vector; f takes the last, partial vector padded with 0.
#[inline(always)]
pub(crate) fn map<S: Simd>(simd: S, x: &[f64], y: &mut [f64], f: impl Fn(S::f64s) -> S::f64s) {
    assert_eq!(x.len(), y.len(), "lengths of argument and result");
    let (xs, x) = S::as_simd_f64s(x);
    let (ys, y) = S::as_mut_simd_f64s(y);
    for (x, y) in xs.iter().zip(ys) {
        *y = f(*x);
    }
    if !x.is_empty() {
        simd.partial_store_f64s(y, f(simd.partial_load_f64s(x)));
    }
}

dispatched! {
    /// y = gelu(x).
    fn gelu_into<S>(simd; x: &'a [f64], y: &'a mut [f64]) {
        map(simd, x, y, #[inline(always)] |x| gelu(simd, x).1);
    }
}

dispatched! {
    /// From x and the cotangent dy of gelu(x): writes y = gelu(x), turns dy into the cotangent of x.
    fn gelu_backward<S>(simd; x: &'a [f64], y: &'a mut [f64], dy: &'a mut [f64]) {
        assert!(x.len() == y.len() && x.len() == dy.len(), "lengths of argument and result");
        let (xs, x) = S::as_simd_f64s(x);
        let (ys, y) = S::as_mut_simd_f64s(y);
        let (ds, dy) = S::as_mut_simd_f64s(dy);
        for ((x, y), d) in xs.iter().zip(ys).zip(ds) {
            let (value, slope) = gelu_both(simd, *x);
            *y = value;
            *d = simd.mul_f64s(*d, slope);
        }
        if !x.is_empty() {
            let (value, slope) = gelu_both(simd, simd.partial_load_f64s(x));
            let d = simd.mul_f64s(simd.partial_load_f64s(dy), slope);
            simd.partial_store_f64s(y, value);
            simd.partial_store_f64s(dy, d);
        }
    }
}

/// Softmax of up to eight rows of a block with a row stride: of the first `open + r · more` entries
/// of row r; the others up to `width`, a multiple of 8, become 0.
///
/// Stage by stage over all rows, because one row alone is a long chain of dependent operations.
#[inline(always)]
pub(crate) fn softmax<S: Simd>(
    simd: S,
    block: &mut [f64],
    stride: usize,
    width: usize,
    rows: usize,
    open: usize,
    more: usize,
) {
    const LANE: [f64; 8] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
    let lane = S::as_simd_f64s(&LANE).0[0];
    let closed = simd.splat_f64s(f64::NEG_INFINITY);
    let mut shift = [0.0; 8];
    let mut scale = [0.0; 8];
    for (r, shift) in shift.iter_mut().enumerate().take(rows) {
        let (row, _) = S::as_mut_simd_f64s(&mut block[r * stride..][..width]);
        let (full, rest) = row.split_at_mut((open + r * more) / S::F64_LANES);
        let mut high = closed;
        for x in full {
            high = simd.max_f64s(high, *x);
        }
        if let Some((x, rest)) = rest.split_first_mut() {
            let count = simd.splat_f64s(((open + r * more) % S::F64_LANES) as f64);
            *x = simd.select_f64s(simd.less_than_f64s(lane, count), *x, closed);
            high = simd.max_f64s(high, *x);
            for x in rest {
                *x = closed;
            }
        }
        *shift = simd.reduce_max_f64s(high);
    }
    for (r, (shift, scale)) in shift.iter().zip(&mut scale).enumerate().take(rows) {
        let (row, _) = S::as_mut_simd_f64s(&mut block[r * stride..][..width]);
        let shift = simd.splat_f64s(*shift);
        let mut sum = simd.splat_f64s(0.0);
        for x in row {
            *x = exp(simd, simd.sub_f64s(*x, shift));
            sum = simd.add_f64s(sum, *x);
        }
        *scale = 1.0 / simd.reduce_sum_f64s(sum);
    }
    for (r, scale) in scale.iter().enumerate().take(rows) {
        let (row, _) = S::as_mut_simd_f64s(&mut block[r * stride..][..width]);
        let scale = simd.splat_f64s(*scale);
        for x in row {
            *x = simd.mul_f64s(*x, scale);
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::float_cmp,
    reason = "limits and equal code paths give equal bits"
)]
mod tests {
    use super::*;

    type Map = fn(&[f64], &mut [f64]);

    dispatched! {
        fn exp_into<S>(simd; x: &'a [f64], y: &'a mut [f64]) {
            map(simd, x, y, #[inline(always)] |x| super::exp(simd, x));
        }
    }

    /// Without vectors and without fused operations, as on a processor that has neither.
    fn exp_scalar(x: &[f64], y: &mut [f64]) {
        let simd = pulp::Scalar::new();
        map(simd, x, y, |x| super::exp(simd, x));
    }
    dispatched! {
        fn tanh_into<S>(simd; x: &'a [f64], y: &'a mut [f64]) {
            map(simd, x, y, #[inline(always)] |x| super::tanh(simd, x));
        }
    }
    dispatched! {
        fn sigmoid_into<S>(simd; x: &'a [f64], y: &'a mut [f64]) {
            map(simd, x, y, #[inline(always)] |x| super::sigmoid(simd, x));
        }
    }

    fn one(f: fn(&[f64], &mut [f64]), x: f64) -> f64 {
        let mut y = [0.0];
        f(&[x], &mut y);
        y[0]
    }

    fn exp(x: f64) -> f64 {
        one(exp_into, x)
    }

    fn tanh(x: f64) -> f64 {
        one(tanh_into, x)
    }

    fn sigmoid(x: f64) -> f64 {
        one(sigmoid_into, x)
    }

    fn gelu(x: f64) -> f64 {
        one(gelu_into, x)
    }

    fn gelu_slope(x: f64) -> f64 {
        let (mut value, mut slope) = ([0.0], [1.0]);
        gelu_backward(&[x], &mut value, &mut slope);
        assert_eq!(value[0], gelu(x));
        slope[0]
    }

    /// `cargo test --release -- --ignored --nocapture rate`.
    #[test]
    #[ignore = "a measurement, not a test: seconds"]
    fn rate_of_the_exponential_and_of_gelu() {
        let x: Vec<f64> = (0..4096).map(|i| f64::from(i) * 1e-3 - 2.0).collect();
        let mut y = vec![0.0; 4096];
        let kernels: [(&str, Map); 3] = [
            ("exp", |x, y| exp_into(x, y)),
            ("gelu", |x, y| gelu_into(x, y)),
            ("tanh", |x, y| tanh_into(x, y)),
        ];
        for (name, f) in kernels {
            let start = crate::layers::cpu_time();
            for _ in 0..100_000 {
                f(std::hint::black_box(&x), &mut y);
            }
            println!(
                "{name}: {:.2} G/s",
                4096.0 * 1e5 / (crate::layers::cpu_time() - start) / 1e6
            );
        }
    }

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
            .chain([-700.0, 700.0])
            .collect();
        let small: Vec<f64> = (0..200_000).map(|i| (f64::from(i) - 1e5) * 1e-5).collect();
        for (name, exp) in [("dispatched", exp_into as Map), ("scalar", exp_scalar)] {
            for x in [&x, &small] {
                let mut y = vec![0.0; x.len()];
                exp(x, &mut y);
                let far = x.iter().zip(&y).map(|(x, y)| ulps(*y, x.exp()));
                let worst = far.fold(0.0, f64::max);
                assert!(worst <= 2.0, "{name}, from {}: {worst} ulp", x[0]);
            }
        }
    }

    #[test]
    fn exp_underflows_overflows_and_keeps_nan() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-0.0), 1.0);
        for x in [-708.8, -746.0, -1e3, -1e300, f64::NEG_INFINITY] {
            assert_eq!(exp(x), 0.0, "exp({x})");
        }
        for x in [709.6, 710.0, 1e300, f64::INFINITY] {
            assert_eq!(exp(x), f64::INFINITY, "exp({x})");
        }
        for x in [-708.3, 709.4] {
            assert!(ulps(exp(x), x.exp()) <= 2.0, "exp({x})");
        }
        assert!(exp(f64::NAN).is_nan());
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
            assert!((gelu_slope(x) - slope).abs() < 1e-9, "slope at {x}");
        }
    }

    #[test]
    fn gelu_far_out_is_zero_or_the_identity_and_keeps_nan() {
        for x in [40.0, 1e3] {
            assert_eq!((gelu(x), gelu_slope(x)), (x, 1.0), "at {x}");
            assert!(gelu(-x).abs() < 1e-300, "at {}", -x);
            assert!(gelu_slope(-x).abs() < 1e-300, "at {}", -x);
        }
        assert_eq!((gelu(1e200), gelu(-1e200)), (1e200, 0.0));
        let (mut value, mut slope) = ([0.0], [1.0]);
        gelu_backward(&[f64::NAN], &mut value, &mut slope);
        assert!(value[0].is_nan() && slope[0].is_nan() && gelu(f64::NAN).is_nan());
    }
}
