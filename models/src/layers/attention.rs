//! Causal attention of one configuration, all heads.
//!
//! Queries, keys and values of a token lie side by side, (T, 3w), as the linear layer before
//! writes them. Keys are kept a second time, transposed and divided by $\sqrt c$, so that scores
//! of many keys are one vector operation: kt (heads, c, n') = (w, n') with c = w / heads and n' the
//! padded number of sites. Scores above the diagonal are not computed beyond the next multiple of
//! eight.

use super::elementwise::softmax;
use super::product::{Left, Product, Start};
use pulp::{Arch, Simd, WithSimd};

/// Sizes of an attention layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Number of sites N.
    pub(crate) n: usize,
    /// Width w of a token.
    pub(crate) w: usize,
    /// Number of heads, which divides w.
    pub(crate) heads: usize,
}

impl Shape {
    /// N padded to whole vectors.
    pub(crate) fn padded(self) -> usize {
        self.n.next_multiple_of(8)
    }

    /// Row stride of probabilities: two padded pieces of keys may meet in one row.
    pub(crate) fn line(self) -> usize {
        self.padded() + 8
    }

    fn head_width(self) -> usize {
        self.w / self.heads
    }

    fn scale(self) -> f64 {
        1.0 / (self.head_width() as f64).sqrt()
    }

    /// Writes the transposed keys of the tokens in qkv (T, 3w) to the columns from `column` on.
    pub(crate) fn transpose_keys(self, qkv: &[f64], kt: &mut [f64], column: usize) {
        let (w, scale) = (self.w, self.scale());
        for (e, row) in kt.chunks_exact_mut(self.padded()).take(w).enumerate() {
            let keys = qkv.iter().skip(w + e).step_by(3 * w);
            for (k, x) in row[column..].iter_mut().zip(keys) {
                *k = scale * x;
            }
        }
    }
}

/// Keys and values of one configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory<'a> {
    /// Transposed keys (w, n').
    pub(crate) kt: &'a [f64],
    /// Tokens (T, 3w) that hold the values.
    pub(crate) qkv: &'a [f64],
    /// Number of keys T.
    pub(crate) len: usize,
}

/// Attention of T queries: query i sees all keys of `past`, then `offset + i + 1` keys of `own`.
#[derive(Debug)]
pub(crate) struct Attend<'a> {
    pub(crate) shape: Shape,
    /// Tokens (T, 3w) that hold the queries.
    pub(crate) qkv: &'a [f64],
    pub(crate) past: Option<Memory<'a>>,
    pub(crate) own: Memory<'a>,
    pub(crate) offset: usize,
    /// Probabilities: (heads, N, line) kept for the backward pass, or eight lines of scratch.
    pub(crate) p: &'a mut [f64],
    pub(crate) keep: bool,
    /// Result (T, w).
    pub(crate) o: &'a mut [f64],
}

impl Attend<'_> {
    /// Computes it.
    pub(crate) fn run(self) {
        Arch::new().dispatch(self);
    }

    /// One query over `own`, eight heads stage by stage: one head alone is a chain of dependent
    /// operations.
    #[inline(always)]
    fn one_query<S: Simd>(self, simd: S) {
        let Shape { w, heads, .. } = self.shape;
        let (c, np, line) = (
            self.shape.head_width(),
            self.shape.padded(),
            self.shape.line(),
        );
        let own = (self.offset + 1).min(self.own.len);
        let width = own.next_multiple_of(8);
        for first in (0..heads).step_by(8) {
            let count = 8.min(heads - first);
            for r in 0..count {
                let e = (first + r) * c;
                simd.vectorize(Product {
                    m: 1,
                    k: c,
                    n: width,
                    a: Left::Rows(&self.qkv[e..], 3 * w),
                    b: (&self.own.kt[e * np..], np),
                    c: (&mut self.p[r * line..], line),
                    start: Start::Zero,
                });
            }
            softmax(simd, self.p, line, width, count, own, 0);
            for r in 0..count {
                let e = (first + r) * c;
                simd.vectorize(Product {
                    m: 1,
                    k: own,
                    n: c,
                    a: Left::Rows(&self.p[r * line..], line),
                    b: (&self.own.qkv[2 * w + e..], 3 * w),
                    c: (&mut self.o[e..], w),
                    start: Start::Zero,
                });
            }
        }
    }
}

impl WithSimd for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Shape { n, w, heads } = self.shape;
        let (c, np, line) = (
            self.shape.head_width(),
            self.shape.padded(),
            self.shape.line(),
        );
        let queries = self.o.len() / w;
        if queries == 1 && self.past.is_none() && !self.keep {
            return self.one_query(simd);
        }
        let before = self.past.map_or(0, |past| past.len);
        for h in 0..heads {
            let (e, v) = (h * c, 2 * w + h * c);
            for i in (0..queries).step_by(8) {
                let m = 8.min(queries - i);
                let own = (self.offset + i + m).min(self.own.len);
                let p = &mut self.p[if self.keep { (h * n + i) * line } else { 0 }..];
                let q = Left::Rows(&self.qkv[i * 3 * w + e..], 3 * w);
                if let Some(past) = self.past {
                    simd.vectorize(Product {
                        m,
                        k: c,
                        n: before.next_multiple_of(8),
                        a: q,
                        b: (&past.kt[e * np..], np),
                        c: (p, line),
                        start: Start::Zero,
                    });
                }
                simd.vectorize(Product {
                    m,
                    k: c,
                    n: own.next_multiple_of(8),
                    a: q,
                    b: (&self.own.kt[e * np..], np),
                    c: (&mut p[before..], line),
                    start: Start::Zero,
                });
                let width = (before + own).next_multiple_of(8);
                softmax(simd, p, line, width, m, before + self.offset + i + 1, 1);
                let mut start = Start::Zero;
                if let Some(past) = self.past {
                    simd.vectorize(Product {
                        m,
                        k: before,
                        n: c,
                        a: Left::Rows(p, line),
                        b: (&past.qkv[v..], 3 * w),
                        c: (&mut self.o[i * w + e..], w),
                        start,
                    });
                    start = Start::Sum;
                }
                simd.vectorize(Product {
                    m,
                    k: own,
                    n: c,
                    a: Left::Rows(&p[before..], line),
                    b: (&self.own.qkv[v..], 3 * w),
                    c: (&mut self.o[i * w + e..], w),
                    start,
                });
            }
        }
    }
}

/// Backward pass of a whole configuration.
#[derive(Debug)]
pub(crate) struct Backward<'a> {
    pub(crate) shape: Shape,
    /// Tokens (N, 3w).
    pub(crate) qkv: &'a [f64],
    /// Probabilities (heads, N, line).
    pub(crate) p: &'a [f64],
    /// Result of the forward pass (N, w).
    pub(crate) o: &'a [f64],
    /// Its cotangent (N, w).
    pub(crate) d_o: &'a [f64],
    /// Scratch (c, n').
    pub(crate) vt: &'a mut [f64],
    /// Scratch (N, n').
    pub(crate) ds: &'a mut [f64],
    /// Cotangent of the tokens (N, 3w), overwritten.
    pub(crate) d_qkv: &'a mut [f64],
}

impl Backward<'_> {
    /// Computes it.
    pub(crate) fn run(self) {
        Arch::new().dispatch(self);
    }
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            shape,
            qkv,
            p,
            o,
            d_o,
            vt,
            ds,
            d_qkv,
        } = self;
        let Shape { n, w, heads } = shape;
        let (c, np, line) = (shape.head_width(), shape.padded(), shape.line());
        let (w3, scale) = (3 * w, shape.scale());
        for h in 0..heads {
            let e = h * c;
            let p = &p[h * n * line..][..n * line];
            for (i, row) in vt.chunks_exact_mut(np).take(c).enumerate() {
                let values = qkv.iter().skip(2 * w + e + i).step_by(w3);
                for (t, x) in row.iter_mut().zip(values) {
                    *t = *x;
                }
            }
            for i in (0..n).step_by(8) {
                let (m, width) = (8.min(n - i), i + 8);
                simd.vectorize(Product {
                    m,
                    k: c,
                    n: width,
                    a: Left::Rows(&d_o[i * w + e..], w),
                    b: (vt, np),
                    c: (&mut ds[i * np..], np),
                    start: Start::Zero,
                });
                for r in i..i + m {
                    let (o, d_o) = (&o[r * w + e..][..c], &d_o[r * w + e..][..c]);
                    let delta: f64 = o.iter().zip(d_o).map(|(o, d)| o * d).sum();
                    let (p, _) = p[r * line..][..width].as_chunks::<8>();
                    let (ds, _) = ds[r * np..][..width].as_chunks_mut::<8>();
                    for (p, ds) in p.iter().zip(ds) {
                        for l in 0..8 {
                            ds[l] = scale * p[l] * (ds[l] - delta);
                        }
                    }
                }
                simd.vectorize(Product {
                    m,
                    k: width.min(n),
                    n: c,
                    a: Left::Rows(&ds[i * np..], np),
                    b: (&qkv[w + e..], w3),
                    c: (&mut d_qkv[i * w3 + e..], w3),
                    start: Start::Zero,
                });
            }
            for j in (0..n).step_by(8) {
                let (m, k) = (8.min(n - j), n - j);
                simd.vectorize(Product {
                    m,
                    k,
                    n: c,
                    a: Left::Columns(&ds[j * np + j..], np),
                    b: (&qkv[j * w3 + e..], w3),
                    c: (&mut d_qkv[j * w3 + w + e..], w3),
                    start: Start::Zero,
                });
                simd.vectorize(Product {
                    m,
                    k,
                    n: c,
                    a: Left::Columns(&p[j * line + j..], line),
                    b: (&d_o[j * w + e..], w),
                    c: (&mut d_qkv[j * w3 + 2 * w + e..], w3),
                    start: Start::Zero,
                });
            }
        }
    }
}
