//! Forward pass of a block, and one step with cached keys and values.

use super::{Scratch, Transformer, TransformerWork};
use crate::layers::attention::{Attend, Memory};
use crate::layers::{elementwise, embed, linear, norm};
use ketwork_hamiltonians::{ConfigsRef, Scalar};

impl<L: Scalar> Transformer<L> {
    /// Writes the outputs of all positions and keeps the tape.
    pub(super) fn forward_block(
        &self,
        theta: &[f64],
        work: &mut TransformerWork,
        x: ConfigsRef<'_>,
        out: &mut [L],
    ) {
        let (n, d) = (self.shape.n, self.outputs);
        assert_eq!(out.len(), x.len() * n * d, "outputs of {} rows", x.len());
        work.grow_tape(self.shape, self.places.layers.len(), x.len());
        work.rows.clear();
        work.rows.extend_from_slice(x.data());
        let together = self.rows_together();
        work.scratch.grow(self.shape, d, together.min(x.len()) * n);
        for (i, out) in out.chunks_mut(together * n * d).enumerate() {
            let rows = i * together..(i * together + together).min(x.len());
            self.forward_rows(theta, work, rows.start, x.slice(rows), out);
        }
    }

    /// The rows of a block that pass through the layers together, from number `start` on.
    fn forward_rows(
        &self,
        theta: &[f64],
        work: &mut TransformerWork,
        start: usize,
        configs: ConfigsRef<'_>,
        out: &mut [L],
    ) {
        let shape = self.shape;
        let (n, w, line, np) = (shape.n, shape.w, shape.line(), shape.padded());
        let (t0, t) = (start * n, configs.len() * n);
        let Scratch {
            x, y, hidden, raw, ..
        } = &mut work.scratch;
        let (x, y, hidden) = (&mut x[..t * w], &mut y[..t * w], &mut hidden[..t * 4 * w]);
        let (tokens, positions) = self.places.embed.of(theta);
        for (row, x) in configs.rows().zip(x.chunks_exact_mut(n * w)) {
            embed::forward(row, 0, tokens, positions, x);
        }
        for (place, tape) in self.places.layers.iter().zip(&mut work.layers) {
            let (gain, bias) = place.norm1.of(theta);
            let xhat = &mut tape.xhat1[t0 * w..][..t * w];
            norm::forward(x, gain, bias, xhat, &mut tape.scale1[t0..][..t], y);
            let (weight, bias) = place.qkv.of(theta);
            linear::forward(
                y,
                weight,
                bias,
                &mut tape.qkv[t0 * 3 * w..][..t * 3 * w],
                3 * w,
                false,
            );
            for row in start..start + configs.len() {
                let qkv = &tape.qkv[row * n * 3 * w..][..n * 3 * w];
                let kt = &mut tape.kt[row * w * np..][..w * np];
                shape.transpose_keys(qkv, kt, 0);
                Attend {
                    shape,
                    qkv,
                    past: None,
                    own: Memory { kt, qkv, len: n },
                    offset: 0,
                    p: &mut tape.p[row * shape.heads * n * line..][..shape.heads * n * line],
                    keep: true,
                    o: &mut tape.o[row * n * w..][..n * w],
                }
                .run();
            }
            let (weight, bias) = place.out.of(theta);
            linear::forward(&tape.o[t0 * w..][..t * w], weight, bias, x, w, true);
            let (gain, bias) = place.norm2.of(theta);
            let xhat = &mut tape.xhat2[t0 * w..][..t * w];
            norm::forward(x, gain, bias, xhat, &mut tape.scale2[t0..][..t], y);
            let (weight, bias) = place.up.of(theta);
            let before = &mut tape.hidden[t0 * 4 * w..][..t * 4 * w];
            linear::forward(y, weight, bias, before, 4 * w, false);
            elementwise::gelu_into(before, hidden);
            let (weight, bias) = place.down.of(theta);
            linear::forward(hidden, weight, bias, x, w, true);
        }
        let (gain, bias) = self.places.norm.of(theta);
        let xhat = &mut work.xhat[t0 * w..][..t * w];
        norm::forward(x, gain, bias, xhat, &mut work.scale[t0..][..t], y);
        self.heads(theta, y, raw, out);
    }

    /// Applies the heads to normalised tokens y (T, w): out (T, d).
    pub(super) fn heads(&self, theta: &[f64], y: &[f64], raw: &mut [f64], out: &mut [L]) {
        let raw = &mut raw[..out.len()];
        for (component, head) in self.places.heads.iter().enumerate() {
            let (weight, bias) = head.of(theta);
            linear::forward(y, weight, bias, raw, bias.len(), false);
            for (out, raw) in out.iter_mut().zip(&*raw) {
                *out = if component == 0 {
                    L::from(*raw)
                } else {
                    L::from_parts(out.re(), *raw)
                };
            }
        }
    }

    /// Writes the outputs at one position from cached keys and values of the earlier ones.
    pub(super) fn step_block(
        &self,
        theta: &[f64],
        work: &mut TransformerWork,
        position: usize,
        configs: ConfigsRef<'_>,
        out: &mut [L],
    ) {
        let shape = self.shape;
        let (n, w, d, np) = (shape.n, shape.w, self.outputs, shape.padded());
        let b = configs.len();
        assert_eq!(out.len(), b * d, "outputs of {b} rows at one position");
        work.grow_cache(shape, self.places.layers.len(), b);
        work.rows.clear();
        work.scratch.grow(shape, d, b);
        let Scratch {
            x,
            y,
            hidden,
            d_hidden,
            qkv: xhat,
            o,
            p,
            raw,
            scale,
            ..
        } = &mut work.scratch;
        let (x, y, o, xhat) = (
            &mut x[..b * w],
            &mut y[..b * w],
            &mut o[..b * w],
            &mut xhat[..b * w],
        );
        let (before, hidden) = (&mut d_hidden[..b * 4 * w], &mut hidden[..b * 4 * w]);
        let scale = &mut scale[..b];
        let (tokens, positions) = self.places.embed.of(theta);
        for (row, x) in configs.rows().zip(x.chunks_exact_mut(w)) {
            embed::forward(row, position, tokens, positions, x);
        }
        for (place, tape) in self.places.layers.iter().zip(&mut work.layers) {
            let (gain, bias) = place.norm1.of(theta);
            norm::forward(x, gain, bias, xhat, scale, y);
            let (weight, bias) = place.qkv.of(theta);
            let here = &mut tape.qkv[position * 3 * w..];
            linear::forward(y, weight, bias, here, n * 3 * w, false);
            for (row, o) in o.chunks_exact_mut(w).enumerate() {
                let qkv = &tape.qkv[row * n * 3 * w..][..n * 3 * w];
                let kt = &mut tape.kt[row * w * np..][..w * np];
                let here = &qkv[position * 3 * w..][..3 * w];
                shape.transpose_keys(here, kt, position);
                Attend {
                    shape,
                    qkv: here,
                    past: None,
                    own: Memory {
                        kt,
                        qkv,
                        len: position + 1,
                    },
                    offset: position,
                    p,
                    keep: false,
                    o,
                }
                .run();
            }
            let (weight, bias) = place.out.of(theta);
            linear::forward(o, weight, bias, x, w, true);
            let (gain, bias) = place.norm2.of(theta);
            norm::forward(x, gain, bias, xhat, scale, y);
            let (weight, bias) = place.up.of(theta);
            linear::forward(y, weight, bias, before, 4 * w, false);
            elementwise::gelu_into(before, hidden);
            let (weight, bias) = place.down.of(theta);
            linear::forward(hidden, weight, bias, x, w, true);
        }
        let (gain, bias) = self.places.norm.of(theta);
        norm::forward(x, gain, bias, xhat, scale, y);
        self.heads(theta, y, raw, out);
    }

    /// Copies keys and values before `position`: row i of `into` becomes row `rows[i]` of `from`.
    pub(super) fn select_rows(
        &self,
        from: &TransformerWork,
        into: &mut TransformerWork,
        position: usize,
        rows: &[u32],
    ) {
        let shape = self.shape;
        let (w, np, size) = (shape.w, shape.padded(), shape.n * 3 * shape.w);
        into.grow_cache(shape, self.places.layers.len(), rows.len());
        into.rows.clear();
        for (from, into) in from.layers.iter().zip(&mut into.layers) {
            for (i, &row) in rows.iter().enumerate() {
                let row = row as usize;
                let (old, new) = (&from.qkv[row * size..], &mut into.qkv[i * size..]);
                for j in 0..position {
                    // Queries are not looked at again; keys are, transposed; values follow.
                    let values = j * 3 * w + 2 * w..(j + 1) * 3 * w;
                    new[values.clone()].copy_from_slice(&old[values]);
                }
                let old = from.kt[row * w * np..].chunks_exact(np);
                let new = into.kt[i * w * np..].chunks_exact_mut(np);
                for (old, new) in old.zip(new).take(w) {
                    new[..position].copy_from_slice(&old[..position]);
                }
            }
        }
    }
}
