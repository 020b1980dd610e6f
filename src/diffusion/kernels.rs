//! Gates on blocks of eight states, forwards and in the backward sweep.
//!
//! Every loop runs over rows of eight states, so each kernel is vector code for any qubit. The
//! backward kernels do three things in one pass over the memory: they read off the derivative
//! $\mathrm{Re}\langle\lambda|{-iP}|\psi\rangle$ after the gate and undo the gate on both states.

use crate::block::{Block, LANES, Lane};
use pulp::Simd;

/// a b + c, fused where the processor has the instruction.
#[inline(always)]
pub(crate) fn fma<S: Simd>(a: f64, b: f64, c: f64) -> f64 {
    if S::F64_LANES > 1 {
        a.mul_add(b, c)
    } else {
        a * b + c
    }
}

macro_rules! dispatched {
    ($(#[$doc:meta])* fn $name:ident<$S:ident>($($arg:ident: $kind:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        pub(crate) fn $name<'a>($($arg: $kind),*) {
            struct Kernel<'a> {
                $($arg: $kind),*
            }
            impl<'a> pulp::WithSimd for Kernel<'a> {
                type Output = ();
                #[inline(always)]
                fn with_simd<$S: pulp::Simd>(self, _simd: $S) {
                    let Self { $($arg),* } = self;
                    $body
                }
            }
            pulp::Arch::new().dispatch(Kernel { $($arg),* });
        }
    };
}

pub(crate) use dispatched;

/// A 2x2 unitary for each state: real and imaginary parts of (00, 01, 10, 11).
pub(crate) type Unitary = [Lane; 8];

/// (a, b) -> U (a, b) for complex a, b given by parts; conjugate transposed where DAGGER.
#[inline(always)]
fn rotate<S: Simd, const DAGGER: bool>(
    u: &Unitary,
    l: usize,
    (ar, ai, br, bi): (f64, f64, f64, f64),
) -> (f64, f64, f64, f64) {
    let (p, s) = if DAGGER {
        (-1.0, [0, 1, 4, 5, 2, 3, 6, 7])
    } else {
        (1.0, [0, 1, 2, 3, 4, 5, 6, 7])
    };
    let e: [f64; 8] = std::array::from_fn(|k| {
        let x = u[s[k]].0[l];
        if k % 2 == 1 { p * x } else { x }
    });
    (
        fma::<S>(
            e[0],
            ar,
            fma::<S>(-e[1], ai, fma::<S>(e[2], br, -e[3] * bi)),
        ),
        fma::<S>(e[0], ai, fma::<S>(e[1], ar, fma::<S>(e[2], bi, e[3] * br))),
        fma::<S>(
            e[4],
            ar,
            fma::<S>(-e[5], ai, fma::<S>(e[6], br, -e[7] * bi)),
        ),
        fma::<S>(e[4], ai, fma::<S>(e[5], ar, fma::<S>(e[6], bi, e[7] * br))),
    )
}

dispatched! {
    /// U on the qubit of `stride`.
    fn one_qubit<S>(psi: &'a mut Block, stride: usize, u: &'a Unitary) {
        let dim = psi.dim();
        let (re, im) = (&mut psi.re[..dim], &mut psi.im[..dim]);
        for base in (0..dim).step_by(2 * stride) {
            for i in base..base + stride {
                let j = i + stride;
                let (mut ri, mut ii, mut rj, mut ij) = (re[i], im[i], re[j], im[j]);
                for l in 0..LANES {
                    (ri.0[l], ii.0[l], rj.0[l], ij.0[l]) =
                        rotate::<S, false>(u, l, (ri.0[l], ii.0[l], rj.0[l], ij.0[l]));
                }
                (re[i], im[i], re[j], im[j]) = (ri, ii, rj, ij);
            }
        }
    }
}

dispatched! {
    /// Adds $\mathrm{Re}\langle\lambda|{-iP}|\psi\rangle$ for P = X, Y, Z, then undoes U on both.
    fn one_qubit_back<S>(
        psi: &'a mut Block,
        lambda: &'a mut Block,
        stride: usize,
        u: &'a Unitary,
        xyz: &'a mut [Lane; 3],
    ) {
        let [mut x, mut y, mut z] = *xyz;
        let dim = psi.dim();
        let (re, im) = (&mut psi.re[..dim], &mut psi.im[..dim]);
        let (lr, li) = (&mut lambda.re[..dim], &mut lambda.im[..dim]);
        for base in (0..dim).step_by(2 * stride) {
            for i in base..base + stride {
                let j = i + stride;
                let (mut ri, mut ii, mut rj, mut ij) = (re[i], im[i], re[j], im[j]);
                let (mut xi, mut yi, mut xj, mut yj) = (lr[i], li[i], lr[j], li[j]);
                for l in 0..LANES {
                    let (ar, ai, br, bi) = (ri.0[l], ii.0[l], rj.0[l], ij.0[l]);
                    let (cr, ci, dr, di) = (xi.0[l], yi.0[l], xj.0[l], yj.0[l]);
                    x.0[l] = fma::<S>(cr, bi, fma::<S>(-ci, br, fma::<S>(dr, ai, fma::<S>(-di, ar, x.0[l]))));
                    y.0[l] = fma::<S>(-cr, br, fma::<S>(-ci, bi, fma::<S>(dr, ar, fma::<S>(di, ai, y.0[l]))));
                    z.0[l] = fma::<S>(cr, ai, fma::<S>(-ci, ar, fma::<S>(-dr, bi, fma::<S>(di, br, z.0[l]))));
                    (ri.0[l], ii.0[l], rj.0[l], ij.0[l]) = rotate::<S, true>(u, l, (ar, ai, br, bi));
                    (xi.0[l], yi.0[l], xj.0[l], yj.0[l]) = rotate::<S, true>(u, l, (cr, ci, dr, di));
                }
                (re[i], im[i], re[j], im[j]) = (ri, ii, rj, ij);
                (lr[i], li[i], lr[j], li[j]) = (xi, yi, xj, yj);
            }
        }
        *xyz = [x, y, z];
    }
}

/// A Pauli string as bit masks: X or Y on the bits of `x`, Y or Z on the bits of `z`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bits {
    pub(crate) x: usize,
    pub(crate) z: usize,
    /// Number of Y.
    pub(crate) n_y: u32,
}

impl Bits {
    /// $-iP$ between a row i with the highest bit of x clear and its partner: factor (i, j), where
    /// the element is `factor` times i for an even number of Y, and (j, i) is minus it for odd.
    #[inline(always)]
    fn sign(self, row: usize) -> bool {
        // (-i)^(n_y + 1): -i, -1, i, 1.
        let base = matches!(self.n_y % 4, 0 | 1);
        base ^ ((row & self.z).count_ones() % 2 == 1)
    }
}

/// What a Pauli rotation does to each pair of rows, by kind of string.
macro_rules! strings {
    ($bits:expr, $dim:expr, |$k:ident, $negative:ident| $diagonal:block, |$i:ident, $j:ident, $minus:ident| $even:block, $odd:block) => {
        if $bits.x == 0 {
            for $k in 0..$dim {
                let $negative = ($k & $bits.z).count_ones() % 2 == 1;
                $diagonal
            }
        } else {
            let top = 1usize << $bits.x.ilog2();
            let even = $bits.n_y % 2 == 0;
            for base in (0..$dim).step_by(2 * top) {
                for $i in base..base + top {
                    let $j = $i ^ $bits.x;
                    let $minus = $bits.sign($i);
                    if even $even else $odd
                }
            }
        }
    };
}

#[inline(always)]
fn signed(s: f64, negative: bool) -> f64 {
    if negative { -s } else { s }
}

dispatched! {
    /// $e^{-i\alpha P}$ with the cosine and sine of alpha.
    fn pauli<S>(psi: &'a mut Block, bits: Bits, c: &'a Lane, s: &'a Lane) {
        let dim = psi.dim();
        let (re, im) = (&mut psi.re[..dim], &mut psi.im[..dim]);
        strings!(bits, dim, |k, negative| {
            for l in 0..LANES {
                let s = signed(s.0[l], negative);
                let (r, i) = (re[k].0[l], im[k].0[l]);
                re[k].0[l] = fma::<S>(s, i, c.0[l] * r);
                im[k].0[l] = fma::<S>(-s, r, c.0[l] * i);
            }
        }, |i, j, minus| {
            let (mut ri, mut ii, mut rj, mut ij) = (re[i], im[i], re[j], im[j]);
            for l in 0..LANES {
                let s = signed(s.0[l], minus);
                let (a, b, p, q) = (ri.0[l], ii.0[l], rj.0[l], ij.0[l]);
                ri.0[l] = fma::<S>(-s, q, c.0[l] * a);
                ii.0[l] = fma::<S>(s, p, c.0[l] * b);
                rj.0[l] = fma::<S>(-s, b, c.0[l] * p);
                ij.0[l] = fma::<S>(s, a, c.0[l] * q);
            }
            (re[i], im[i], re[j], im[j]) = (ri, ii, rj, ij);
        }, {
            let (mut ri, mut ii, mut rj, mut ij) = (re[i], im[i], re[j], im[j]);
            for l in 0..LANES {
                let s = signed(s.0[l], minus);
                let (a, b, p, q) = (ri.0[l], ii.0[l], rj.0[l], ij.0[l]);
                ri.0[l] = fma::<S>(s, p, c.0[l] * a);
                ii.0[l] = fma::<S>(s, q, c.0[l] * b);
                rj.0[l] = fma::<S>(-s, a, c.0[l] * p);
                ij.0[l] = fma::<S>(-s, b, c.0[l] * q);
            }
            (re[i], im[i], re[j], im[j]) = (ri, ii, rj, ij);
        });
    }
}

dispatched! {
    /// Adds $\mathrm{Re}\langle\lambda|{-iP}|\psi\rangle$, then undoes the rotation on both.
    fn pauli_back<S>(
        psi: &'a mut Block,
        lambda: &'a mut Block,
        bits: Bits,
        c: &'a Lane,
        s: &'a Lane,
        sum: &'a mut Lane,
    ) {
        let dim = psi.dim();
        let mut total = *sum;
        let (re, im) = (&mut psi.re[..dim], &mut psi.im[..dim]);
        let (lr, li) = (&mut lambda.re[..dim], &mut lambda.im[..dim]);
        strings!(bits, dim, |k, negative| {
            for l in 0..LANES {
                let s = signed(s.0[l], negative);
                let (r, i, x, y) = (re[k].0[l], im[k].0[l], lr[k].0[l], li[k].0[l]);
                total.0[l] += signed(fma::<S>(x, i, -(y * r)), negative);
                re[k].0[l] = fma::<S>(-s, i, c.0[l] * r);
                im[k].0[l] = fma::<S>(s, r, c.0[l] * i);
                lr[k].0[l] = fma::<S>(-s, y, c.0[l] * x);
                li[k].0[l] = fma::<S>(s, x, c.0[l] * y);
            }
        }, |i, j, minus| {
            let (mut ri, mut ii, mut rj, mut ij) = (re[i], im[i], re[j], im[j]);
            let (mut xi, mut yi, mut xj, mut yj) = (lr[i], li[i], lr[j], li[j]);
            for l in 0..LANES {
                let (c, s) = (c.0[l], signed(s.0[l], minus));
                let (a, b, p, q) = (ri.0[l], ii.0[l], rj.0[l], ij.0[l]);
                let (e, f, g, h) = (xi.0[l], yi.0[l], xj.0[l], yj.0[l]);
                let d = fma::<S>(-e, q, fma::<S>(f, p, fma::<S>(-g, b, h * a)));
                total.0[l] += signed(d, minus);
                ri.0[l] = fma::<S>(s, q, c * a);
                ii.0[l] = fma::<S>(-s, p, c * b);
                rj.0[l] = fma::<S>(s, b, c * p);
                ij.0[l] = fma::<S>(-s, a, c * q);
                xi.0[l] = fma::<S>(s, h, c * e);
                yi.0[l] = fma::<S>(-s, g, c * f);
                xj.0[l] = fma::<S>(s, f, c * g);
                yj.0[l] = fma::<S>(-s, e, c * h);
            }
            (re[i], im[i], re[j], im[j]) = (ri, ii, rj, ij);
            (lr[i], li[i], lr[j], li[j]) = (xi, yi, xj, yj);
        }, {
            let (mut ri, mut ii, mut rj, mut ij) = (re[i], im[i], re[j], im[j]);
            let (mut xi, mut yi, mut xj, mut yj) = (lr[i], li[i], lr[j], li[j]);
            for l in 0..LANES {
                let (c, s) = (c.0[l], signed(s.0[l], minus));
                let (a, b, p, q) = (ri.0[l], ii.0[l], rj.0[l], ij.0[l]);
                let (e, f, g, h) = (xi.0[l], yi.0[l], xj.0[l], yj.0[l]);
                let d = fma::<S>(e, p, fma::<S>(f, q, -fma::<S>(g, a, h * b)));
                total.0[l] += signed(d, minus);
                ri.0[l] = fma::<S>(-s, p, c * a);
                ii.0[l] = fma::<S>(-s, q, c * b);
                rj.0[l] = fma::<S>(s, a, c * p);
                ij.0[l] = fma::<S>(s, b, c * q);
                xi.0[l] = fma::<S>(-s, g, c * e);
                yi.0[l] = fma::<S>(-s, h, c * f);
                xj.0[l] = fma::<S>(s, e, c * g);
                yj.0[l] = fma::<S>(s, f, c * h);
            }
            (re[i], im[i], re[j], im[j]) = (ri, ii, rj, ij);
            (lr[i], li[i], lr[j], li[j]) = (xi, yi, xj, yj);
        });
        *sum = total;
    }
}

/// Row i of the result is row `from[i]`.
pub(crate) fn permute(psi: &mut Block, from: &[u32]) {
    psi.re = from.iter().map(|&i| psi.re[i as usize]).collect();
    psi.im = from.iter().map(|&i| psi.im[i as usize]).collect();
}
