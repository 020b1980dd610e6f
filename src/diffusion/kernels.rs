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
    ($(#[$doc:meta])* fn $name:ident<$S:ident>($simd:ident; $($arg:ident: $kind:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        pub(crate) fn $name<'a>($($arg: $kind),*) {
            struct Kernel<'a> {
                $($arg: $kind),*
            }
            impl<'a> pulp::WithSimd for Kernel<'a> {
                type Output = ();
                #[inline(always)]
                fn with_simd<$S: pulp::Simd>(self, $simd: $S) {
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

/// Vector v of a row: one of the widest registers holds the whole row, narrower ones a part.
#[inline(always)]
fn load<S: Simd>(row: &Lane, v: usize) -> S::f64s {
    S::as_simd_f64s(&row.0).0[v]
}

#[inline(always)]
fn store<S: Simd>(row: &mut Lane, v: usize, x: S::f64s) {
    S::as_mut_simd_f64s(&mut row.0).0[v] = x;
}

/// Vectors in a row.
#[inline(always)]
fn parts<S: Simd>() -> usize {
    LANES / S::F64_LANES
}

/// A pair of amplitudes by parts: (re, im) of the first, (re, im) of the second.
type Pair<S> = [<S as Simd>::f64s; 4];

#[inline(always)]
fn load_pair<S: Simd>(rows: [&Lane; 4], v: usize) -> Pair<S> {
    rows.map(|r| load::<S>(r, v))
}

/// Sum of products: a b + c d.
#[inline(always)]
fn two<S: Simd>(simd: S, a: S::f64s, b: S::f64s, c: S::f64s, d: S::f64s) -> S::f64s {
    simd.mul_add_e_f64s(a, b, simd.mul_f64s(c, d))
}

/// Sum of four products.
#[inline(always)]
fn four<S: Simd>(simd: S, a: [S::f64s; 4], b: [S::f64s; 4]) -> S::f64s {
    let first = two(simd, a[2], b[2], a[3], b[3]);
    simd.mul_add_e_f64s(a[0], b[0], simd.mul_add_e_f64s(a[1], b[1], first))
}

/// U (a, b), or its conjugate transpose.
#[inline(always)]
fn rotate<S: Simd, const DAGGER: bool>(simd: S, u: &Unitary, v: usize, x: Pair<S>) -> Pair<S> {
    let order = if DAGGER {
        [0, 1, 4, 5, 2, 3, 6, 7]
    } else {
        [0, 1, 2, 3, 4, 5, 6, 7]
    };
    let e = order.map(|k| load::<S>(&u[k], v));
    // The imaginary parts of e enter with the sign of i^2, turned by the conjugation.
    let minus = |x: S::f64s| simd.neg_f64s(x);
    let row = |k: usize| {
        let (re, im) = ([e[k], e[k + 2]], [e[k + 1], e[k + 3]]);
        let (to_re, to_im) = if DAGGER {
            (im, [minus(im[0]), minus(im[1])])
        } else {
            ([minus(im[0]), minus(im[1])], im)
        };
        (
            four(simd, [re[0], to_re[0], re[1], to_re[1]], x),
            four(
                simd,
                [re[0], to_im[0], re[1], to_im[1]],
                [x[1], x[0], x[3], x[2]],
            ),
        )
    };
    let ((a, b), (c, d)) = (row(0), row(4));
    [a, b, c, d]
}

dispatched! {
    /// U on the qubit of `stride`.
    fn one_qubit<S>(simd; psi: &'a mut Block, stride: usize, u: &'a Unitary) {
        let halves = psi.re.chunks_exact_mut(2 * stride).zip(psi.im.chunks_exact_mut(2 * stride));
        for (re, im) in halves {
            let ((r0, r1), (i0, i1)) = (re.split_at_mut(stride), im.split_at_mut(stride));
            for (((a, b), c), d) in r0.iter_mut().zip(i0).zip(r1).zip(i1) {
                for v in 0..parts::<S>() {
                    let x = load_pair::<S>([a, b, c, d], v);
                    let y = rotate::<S, false>(simd, u, v, x);
                    store::<S>(a, v, y[0]);
                    store::<S>(b, v, y[1]);
                    store::<S>(c, v, y[2]);
                    store::<S>(d, v, y[3]);
                }
            }
        }
    }
}

dispatched! {
    /// Adds $\mathrm{Re}\langle\lambda|{-iP}|\psi\rangle$ for P = X, Y, Z, then undoes U on both.
    fn one_qubit_back<S>(
        simd;
        psi: &'a mut Block,
        lambda: &'a mut Block,
        stride: usize,
        u: &'a Unitary,
        xyz: &'a mut [Lane; 3],
    ) {
        let minus = |x: S::f64s| simd.neg_f64s(x);
        for v in 0..parts::<S>() {
            let mut sums = [simd.splat_f64s(0.0); 3];
            let halves = psi.re.chunks_exact_mut(2 * stride).zip(psi.im.chunks_exact_mut(2 * stride));
            let duals = lambda.re.chunks_exact_mut(2 * stride).zip(lambda.im.chunks_exact_mut(2 * stride));
            for ((re, im), (lr, li)) in halves.zip(duals) {
                let ((r0, r1), (i0, i1)) = (re.split_at_mut(stride), im.split_at_mut(stride));
                let ((s0, s1), (j0, j1)) = (lr.split_at_mut(stride), li.split_at_mut(stride));
                let first = r0.iter_mut().zip(i0).zip(r1.iter_mut().zip(i1));
                let second = s0.iter_mut().zip(j0).zip(s1.iter_mut().zip(j1));
                for (((a, b), (c, d)), ((e, f), (g, h))) in first.zip(second) {
                    let x = load_pair::<S>([a, b, c, d], v);
                    let y = load_pair::<S>([e, f, g, h], v);
                    let [ar, ai, br, bi] = x;
                    let z = [minus(ar), minus(br), minus(bi)];
                    let add = |sum, p| simd.add_f64s(sum, p);
                    sums[0] = add(sums[0], four(simd, y, [bi, z[1], ai, z[0]]));
                    sums[1] = add(sums[1], four(simd, y, [z[1], z[2], ar, ai]));
                    sums[2] = add(sums[2], four(simd, y, [ai, z[0], z[2], br]));
                    let x = rotate::<S, true>(simd, u, v, x);
                    let y = rotate::<S, true>(simd, u, v, y);
                    store::<S>(a, v, x[0]);
                    store::<S>(b, v, x[1]);
                    store::<S>(c, v, x[2]);
                    store::<S>(d, v, x[3]);
                    store::<S>(e, v, y[0]);
                    store::<S>(f, v, y[1]);
                    store::<S>(g, v, y[2]);
                    store::<S>(h, v, y[3]);
                }
            }
            for (total, sum) in xyz.iter_mut().zip(sums) {
                let old = load::<S>(total, v);
                store::<S>(total, v, simd.add_f64s(old, sum));
            }
        }
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
    /// Whether $-iP$ between row i, with the highest bit of x clear, and its partner is -i (even
    /// number of Y) or -1 (odd, and +1 backwards), instead of +i or +1.
    #[inline(always)]
    fn negative(self, row: usize) -> bool {
        // (-i)^(n_y + 1): -i, -1, i, 1.
        matches!(self.n_y % 4, 0 | 1) ^ odd(row & self.z)
    }
}

#[inline(always)]
fn odd(bits: usize) -> bool {
    bits.count_ones() % 2 == 1
}

/// cos(alpha) x + sin(alpha) (-iP) x for a pair, where -iP is i or -i (EVEN), or 1 and -1.
#[inline(always)]
fn mix<S: Simd, const EVEN: bool>(simd: S, c: S::f64s, s: S::f64s, x: Pair<S>) -> Pair<S> {
    let t = simd.neg_f64s(s);
    if EVEN {
        [
            two(simd, t, x[3], c, x[0]),
            two(simd, s, x[2], c, x[1]),
            two(simd, t, x[1], c, x[2]),
            two(simd, s, x[0], c, x[3]),
        ]
    } else {
        [
            two(simd, s, x[2], c, x[0]),
            two(simd, s, x[3], c, x[1]),
            two(simd, t, x[0], c, x[2]),
            two(simd, t, x[1], c, x[3]),
        ]
    }
}

/// Signed sines: for a positive and for a negative sign.
fn signs(s: &Lane) -> [Lane; 2] {
    [*s, s.map(|x| -x)]
}

#[inline(always)]
fn pauli_pairs<S: Simd, const EVEN: bool>(
    simd: S,
    psi: &mut Block,
    bits: Bits,
    c: &Lane,
    s: &Lane,
) {
    let (top, s) = (1usize << bits.x.ilog2(), signs(s));
    let low = bits.x & (top - 1);
    let chunks = psi
        .re
        .chunks_exact_mut(2 * top)
        .zip(psi.im.chunks_exact_mut(2 * top));
    for (n, (re, im)) in chunks.enumerate() {
        let ((r0, r1), (i0, i1)) = (re.split_at_mut(top), im.split_at_mut(top));
        for k in 0..top {
            let (j, s) = (k ^ low, &s[usize::from(bits.negative(2 * top * n + k))]);
            for v in 0..parts::<S>() {
                let x = load_pair::<S>([&r0[k], &i0[k], &r1[j], &i1[j]], v);
                let y = mix::<S, EVEN>(simd, load::<S>(c, v), load::<S>(s, v), x);
                store::<S>(&mut r0[k], v, y[0]);
                store::<S>(&mut i0[k], v, y[1]);
                store::<S>(&mut r1[j], v, y[2]);
                store::<S>(&mut i1[j], v, y[3]);
            }
        }
    }
}

dispatched! {
    /// $e^{-i\alpha P}$ with the cosine and sine of alpha.
    fn pauli<S>(simd; psi: &'a mut Block, bits: Bits, c: &'a Lane, s: &'a Lane) {
        if bits.x == 0 {
            let s = signs(s);
            for (k, (r, i)) in psi.re.iter_mut().zip(&mut psi.im).enumerate() {
                let (s, t) = (&s[usize::from(odd(k & bits.z))], &s[usize::from(!odd(k & bits.z))]);
                for v in 0..parts::<S>() {
                    let (c, s, t) = (load::<S>(c, v), load::<S>(s, v), load::<S>(t, v));
                    let (x, y) = (load::<S>(r, v), load::<S>(i, v));
                    store::<S>(r, v, two(simd, s, y, c, x));
                    store::<S>(i, v, two(simd, t, x, c, y));
                }
            }
        } else if bits.n_y % 2 == 0 {
            pauli_pairs::<S, true>(simd, psi, bits, c, s);
        } else {
            pauli_pairs::<S, false>(simd, psi, bits, c, s);
        }
    }
}

#[inline(always)]
fn pauli_pairs_back<S: Simd, const EVEN: bool>(
    simd: S,
    (psi, lambda): (&mut Block, &mut Block),
    bits: Bits,
    c: &Lane,
    s: &Lane,
    sum: &mut Lane,
) {
    // Undoing is the rotation by minus the angle.
    let (top, [s, t]) = (1usize << bits.x.ilog2(), signs(s));
    let back = [t, s];
    let low = bits.x & (top - 1);
    for v in 0..parts::<S>() {
        let mut sums = [simd.splat_f64s(0.0); 2];
        let c = load::<S>(c, v);
        let chunks = psi
            .re
            .chunks_exact_mut(2 * top)
            .zip(psi.im.chunks_exact_mut(2 * top));
        let duals = lambda
            .re
            .chunks_exact_mut(2 * top)
            .zip(lambda.im.chunks_exact_mut(2 * top));
        for (n, ((re, im), (lr, li))) in chunks.zip(duals).enumerate() {
            let ((r0, r1), (i0, i1)) = (re.split_at_mut(top), im.split_at_mut(top));
            let ((s0, s1), (j0, j1)) = (lr.split_at_mut(top), li.split_at_mut(top));
            for k in 0..top {
                let j = k ^ low;
                let negative = usize::from(bits.negative(2 * top * n + k));
                let s = load::<S>(&back[negative], v);
                let x = load_pair::<S>([&r0[k], &i0[k], &r1[j], &i1[j]], v);
                let y = load_pair::<S>([&s0[k], &j0[k], &s1[j], &j1[j]], v);
                let minus = |x: S::f64s| simd.neg_f64s(x);
                let image = if EVEN {
                    [minus(x[3]), x[2], minus(x[1]), x[0]]
                } else {
                    [x[2], x[3], minus(x[0]), minus(x[1])]
                };
                sums[negative] = simd.add_f64s(sums[negative], four(simd, y, image));
                let x = mix::<S, EVEN>(simd, c, s, x);
                let y = mix::<S, EVEN>(simd, c, s, y);
                store::<S>(&mut r0[k], v, x[0]);
                store::<S>(&mut i0[k], v, x[1]);
                store::<S>(&mut r1[j], v, x[2]);
                store::<S>(&mut i1[j], v, x[3]);
                store::<S>(&mut s0[k], v, y[0]);
                store::<S>(&mut j0[k], v, y[1]);
                store::<S>(&mut s1[j], v, y[2]);
                store::<S>(&mut j1[j], v, y[3]);
            }
        }
        let total = simd.add_f64s(load::<S>(sum, v), simd.sub_f64s(sums[0], sums[1]));
        store::<S>(sum, v, total);
    }
}

dispatched! {
    /// Adds $\mathrm{Re}\langle\lambda|{-iP}|\psi\rangle$, then undoes the rotation on both.
    fn pauli_back<S>(
        simd;
        psi: &'a mut Block,
        lambda: &'a mut Block,
        bits: Bits,
        c: &'a Lane,
        s: &'a Lane,
        sum: &'a mut Lane,
    ) {
        if bits.x == 0 {
            let s = signs(s);
            for v in 0..parts::<S>() {
                let mut sums = [simd.splat_f64s(0.0); 2];
                let (c, s) = (load::<S>(c, v), [load::<S>(&s[0], v), load::<S>(&s[1], v)]);
                let state = psi.re.iter_mut().zip(&mut psi.im);
                let dual = lambda.re.iter_mut().zip(&mut lambda.im);
                for (k, ((r, i), (p, q))) in state.zip(dual).enumerate() {
                    let down = usize::from(odd(k & bits.z));
                    let (x, y) = (load::<S>(r, v), load::<S>(i, v));
                    let (e, f) = (load::<S>(p, v), load::<S>(q, v));
                    let d = two(simd, e, y, simd.neg_f64s(f), x);
                    sums[down] = simd.add_f64s(sums[down], d);
                    let (s, t) = (s[down], s[1 - down]);
                    store::<S>(r, v, two(simd, t, y, c, x));
                    store::<S>(i, v, two(simd, s, x, c, y));
                    store::<S>(p, v, two(simd, t, f, c, e));
                    store::<S>(q, v, two(simd, s, e, c, f));
                }
                let total = simd.add_f64s(load::<S>(sum, v), simd.sub_f64s(sums[0], sums[1]));
                store::<S>(sum, v, total);
            }
        } else if bits.n_y % 2 == 0 {
            pauli_pairs_back::<S, true>(simd, (psi, lambda), bits, c, s, sum);
        } else {
            pauli_pairs_back::<S, false>(simd, (psi, lambda), bits, c, s, sum);
        }
    }
}

/// Row i of the result is row `from[i]`.
pub(crate) fn permute(psi: &mut Block, from: &[u32]) {
    psi.re = from.iter().map(|&i| psi.re[i as usize]).collect();
    psi.im = from.iter().map(|&i| psi.im[i as usize]).collect();
}
