//! The first layer of configurations that differ from a parent in a few sites.
//!
//! Before the first attention a token knows only its own value, so queries, keys and values change
//! where the token does and nowhere else. A query that stays sees other keys at those places C only:
//! from the parent's probabilities p and result o,
//! $$Z = 1 + \sum_{c \in C} p_c (r_c - 1), \qquad o' = \frac1Z \Big(o + \sum_{c \in C} p_c (r_c v'_c - v_c)\Big), \qquad r_c = e^{q \cdot (k'_c - k_c)},$$
//! which costs |C| operations of width w instead of a layer of projections and all scores.

use super::{LayerPlaces, Tape};
use crate::layers::attention::{Attend, Memory, Shape};
use crate::layers::elementwise;
use crate::layers::{dispatched, linear, norm};
use ketwork_hamiltonians::ConfigsRef;

/// Smallest Z that is used: below it most of the weight has moved, and rounding with it.
const SMALLEST: f64 = 0.05;
/// Largest ratio that is used: beyond it the parent's probability may have lost its digits.
const LARGEST: f64 = 1e30;

/// Children whose tokens are packed without gaps, and their parents.
#[derive(Clone, Copy, Debug)]
pub(super) struct Children<'a> {
    pub(super) configs: ConfigsRef<'a>,
    pub(super) parent: &'a [u32],
    /// Sites before it have the parent's values, in positions; it may have, too.
    pub(super) first: &'a [u32],
    pub(super) parents: ConfigsRef<'a>,
}

/// Memory for the tokens that change and for one child.
#[derive(Debug)]
pub(super) struct Buffers<'a> {
    pub(super) changed: &'a mut Vec<Changed>,
    /// (T, 2w).
    pub(super) rows: &'a mut [f64],
    /// (T, w).
    pub(super) y: &'a mut [f64],
    pub(super) scale: &'a mut [f64],
    /// (T, 3w).
    pub(super) qkv: &'a mut [f64],
    /// Queries, keys and values of one configuration (N, 3w).
    pub(super) all: &'a mut [f64],
    /// Ratios r and normalisers Z of one child, (N, heads) each.
    pub(super) ratio: &'a mut [f64],
    pub(super) z: &'a mut [f64],
    pub(super) kt: &'a mut [f64],
    pub(super) p: &'a mut [f64],
}

/// A token that differs from the parent's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Changed {
    child: usize,
    position: usize,
    /// Place among the packed tokens.
    token: usize,
}

/// Writes the result o (T, w) of the attention of all tokens from their embeddings x (T, w).
pub(super) fn attend(
    theta: &[f64],
    (shape, place, tape): (Shape, &LayerPlaces, &Tape),
    children: Children<'_>,
    x: &[f64],
    buffers: Buffers<'_>,
    o: &mut [f64],
) {
    let (n, w, np) = (shape.n, shape.w, shape.padded());
    let Buffers {
        changed,
        rows,
        y,
        scale,
        qkv,
        all,
        ratio,
        z,
        kt,
        p,
    } = buffers;
    list_changed(children, changed);
    // Projections of the changed tokens alone.
    let m = changed.len();
    let (rows, normalised) = rows[..2 * m * w].split_at_mut(m * w);
    for (to, c) in rows.chunks_exact_mut(w).zip(&*changed) {
        to.copy_from_slice(&x[c.token * w..][..w]);
    }
    let (gain, bias) = place.norm1.of(theta);
    norm::forward(
        rows,
        gain,
        bias,
        normalised,
        &mut scale[..m],
        &mut y[..m * w],
    );
    let (weight, bias) = place.qkv.of(theta);
    linear::forward(
        &y[..m * w],
        weight,
        bias,
        &mut qkv[..m * 3 * w],
        3 * w,
        false,
    );
    let (mut at, mut rest, mut rows) = (0, &changed[..], &*qkv);
    for (child, &first) in children.first.iter().enumerate() {
        let (equal, others) = rest.split_at(rest.partition_point(|c| c.child == child));
        let (own, other_rows) = rows.split_at(equal.len() * 3 * w);
        (rest, rows) = (others, other_rows);
        let row = children.parent[child] as usize;
        let from = first as usize + 1;
        let parent = Memory {
            kt: &tape.kt[row * w * np..][..w * np],
            qkv: &tape.qkv[row * n * 3 * w..][..n * 3 * w],
            len: n,
        };
        let o = &mut o[at * w..][..(n - from) * w];
        at += n - from;
        o.copy_from_slice(&tape.o[(row * n + from) * w..][..(n - from) * w]);
        let z = &mut z[..(n - from) * shape.heads];
        z.fill(1.0);
        for (c, new) in equal.iter().zip(own.chunks_exact(3 * w)) {
            let first = c.position + 1;
            if first == n {
                continue;
            }
            replace_key(
                shape,
                c.position,
                &parent.qkv[c.position * 3 * w..],
                new,
                &tape.p[row * shape.heads * n * shape.line()..],
                &mut ratio[..(n - first) * shape.heads],
                &mut z[(first - from) * shape.heads..],
                &mut o[(first - from) * w..],
            );
        }
        normalise(shape, z, o);
        let first = equal.first().map(|c| c.position);
        if let Some(first) = first {
            // It sees the parent's keys and itself.
            let own = &own[..3 * w];
            shape.transpose_keys(own, kt, 0);
            Attend {
                shape,
                qkv: own,
                past: Some(Memory {
                    len: first,
                    ..parent
                }),
                own: Memory {
                    kt,
                    qkv: own,
                    len: 1,
                },
                offset: 0,
                p,
                keep: false,
                o: &mut o[(first - from) * w..][..w],
            }
            .run();
        }
        // Others that changed, and those whose weight moved, see the keys of their own row.
        let whole = |t: usize| {
            let moved = z[(t - from) * shape.heads..][..shape.heads]
                .iter()
                .any(|z| z.is_nan() || *z < SMALLEST);
            Some(t) != first && (moved || equal.iter().any(|c| c.position == t))
        };
        let mut is_copied = false;
        for t in (from..n).filter(|&t| whole(t)) {
            if !is_copied {
                all[..n * 3 * w].copy_from_slice(parent.qkv);
                kt[..w * np].copy_from_slice(parent.kt);
                for (c, new) in equal.iter().zip(own.chunks_exact(3 * w)) {
                    all[c.position * 3 * w..][..3 * w].copy_from_slice(new);
                    shape.transpose_keys(new, kt, c.position);
                }
                is_copied = true;
            }
            Attend {
                shape,
                qkv: &all[t * 3 * w..][..3 * w],
                past: None,
                own: Memory {
                    kt,
                    qkv: all,
                    len: t + 1,
                },
                offset: t,
                p,
                keep: false,
                o: &mut o[(t - from) * w..][..w],
            }
            .run();
        }
    }
}

fn list_changed(children: Children<'_>, changed: &mut Vec<Changed>) {
    changed.clear();
    let mut at = 0;
    for (child, row) in children.configs.rows().enumerate() {
        let parent = children.parents.row(children.parent[child] as usize);
        let from = children.first[child] as usize + 1;
        // The token at a position is the value before it.
        for position in (from..row.len()).filter(|&t| row[t - 1] != parent[t - 1]) {
            changed.push(Changed {
                child,
                position,
                token: at + position - from,
            });
        }
        at += row.len() - from;
    }
}

dispatched! {
    #[expect(clippy::too_many_arguments, reason = "one kernel, called once")]
    /// Adds the change of one key to normalisers z and results o of the tokens after it; `old` and
    /// `new` hold its query, key and value, p the parent's probabilities.
    fn replace_key<S>(
        simd;
        shape: Shape,
        position: usize,
        old: &'a [f64],
        new: &'a [f64],
        p: &'a [f64],
        ratio: &'a mut [f64],
        z: &'a mut [f64],
        o: &'a mut [f64],
    ) {
        let Shape { n, w, heads } = shape;
        let (c, line) = (w / heads, shape.line());
        let scale = 1.0 / (c as f64).sqrt();
        // The parent's queries follow its changed token.
        let queries = old[3 * w..].chunks(3 * w);
        for (q, ratio) in queries.zip(ratio.chunks_exact_mut(heads)) {
            for (h, r) in ratio.iter_mut().enumerate() {
                let (q, old, new) = (&q[h * c..][..c], &old[w + h * c..][..c], &new[w + h * c..][..c]);
                let mut dot = 0.0;
                for i in 0..c {
                    dot += q[i] * (new[i] - old[i]);
                }
                *r = scale * dot;
            }
        }
        let logits = &mut *ratio;
        let (whole, rest) = S::as_mut_simd_f64s(logits);
        for x in whole {
            *x = elementwise::exp(simd, *x);
        }
        if !rest.is_empty() {
            let x = elementwise::exp(simd, simd.partial_load_f64s(rest));
            simd.partial_store_f64s(rest, x);
        }
        for (i, ratio) in ratio.chunks_exact(heads).enumerate() {
            let t = position + 1 + i;
            for (h, &r) in ratio.iter().enumerate() {
                let p = p[(h * n + t) * line + position];
                z[i * heads + h] += if r < LARGEST { p * (r - 1.0) } else { f64::NAN };
                let (new, old) = (&new[2 * w + h * c..][..c], &old[2 * w + h * c..][..c]);
                let o = &mut o[i * w + h * c..][..c];
                for e in 0..c {
                    o[e] += p * (r * new[e] - old[e]);
                }
            }
        }
    }
}

dispatched! {
    /// o / Z, head by head.
    fn normalise<S>(_simd; shape: Shape, z: &'a [f64], o: &'a mut [f64]) {
        let c = shape.w / shape.heads;
        for (o, z) in o.chunks_exact_mut(c).zip(z) {
            let inverse = 1.0 / z;
            for o in o {
                *o *= inverse;
            }
        }
    }
}
