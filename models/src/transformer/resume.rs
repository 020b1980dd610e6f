//! Configurations that share a prefix with a parent: only the positions after it are computed.

use super::first_layer::{self, Buffers, Children};
use super::{Scratch, Transformer, TransformerWork};
use crate::layers::attention::{Attend, Memory};
use crate::layers::{elementwise, embed, linear, norm};
use ketwork_hamiltonians::{ConfigsRef, Scalar};

/// Numbers of a hidden layer that are computed together, 64 KiB before and 64 KiB after the activation:
/// they stay in the second-level cache.
const HIDDEN: usize = 8192;

impl<L: Scalar> Transformer<L> {
    /// Writes the outputs after the first changed position of each row.
    #[expect(
        clippy::too_many_arguments,
        reason = "parents, children and their link are one call"
    )]
    pub(super) fn resume_block(
        &self,
        theta: &[f64],
        parents: &TransformerWork,
        work: &mut TransformerWork,
        x: ConfigsRef<'_>,
        parent: &[u32],
        first: &[u32],
        out: &mut [L],
    ) {
        let (n, d) = (self.shape.n, self.outputs);
        assert_eq!(out.len(), x.len() * n * d, "outputs of {} rows", x.len());
        assert!(
            parent.len() == x.len() && first.len() == x.len(),
            "a parent for each row"
        );
        let together = self.rows_together() * n;
        work.scratch.grow(self.shape, d, together);
        let mut start = 0;
        while start < x.len() {
            let mut end = start;
            let mut tokens = 0;
            while end < x.len() && tokens + n - 1 - first[end] as usize <= together {
                tokens += n - 1 - first[end] as usize;
                end += 1;
            }
            let rows = start..end;
            self.resume_rows(
                theta,
                parents,
                &mut work.scratch,
                x.slice(rows.clone()),
                &parent[rows.clone()],
                &first[rows],
                &mut out[start * n * d..end * n * d],
            );
            start = end;
        }
    }

    /// Rows whose tokens, packed without gaps, pass through the layers together.
    #[expect(
        clippy::too_many_arguments,
        reason = "parents, children and their link are one call"
    )]
    fn resume_rows(
        &self,
        theta: &[f64],
        parents: &TransformerWork,
        scratch: &mut Scratch,
        configs: ConfigsRef<'_>,
        parent: &[u32],
        first: &[u32],
        out: &mut [L],
    ) {
        let shape = self.shape;
        let (n, w, d, np) = (shape.n, shape.w, self.outputs, shape.padded());
        let lengths = || first.iter().map(|&f| n - 1 - f as usize);
        let t: usize = lengths().sum();
        if t == 0 {
            return;
        }
        let Scratch {
            x,
            y,
            hidden,
            d_hidden,
            qkv,
            o,
            kt,
            p,
            raw,
            scale,
            per_head,
            changed,
            ..
        } = scratch;
        let (x, y, o) = (&mut x[..t * w], &mut y[..t * w], &mut o[..t * w]);
        let (qkv, scale) = (&mut qkv[..t * 3 * w], &mut scale[..t]);
        let (tokens, positions) = self.places.embed.of(theta);
        let mut at = 0;
        for (row, len) in configs.rows().zip(lengths()) {
            embed::forward(
                row,
                n - len,
                tokens,
                positions,
                &mut x[at * w..(at + len) * w],
            );
            at += len;
        }
        let known = (!parents.rows.is_empty()).then(|| ConfigsRef::new(n, &parents.rows));
        for (l, (place, tape)) in self.places.layers.iter().zip(&parents.layers).enumerate() {
            if let (0, Some(rows)) = (l, known) {
                let children = Children {
                    configs,
                    parent,
                    first,
                    parents: rows,
                };
                let (ratio, z) = per_head.split_at_mut(n * shape.heads);
                let buffers = Buffers {
                    changed: &mut *changed,
                    rows: &mut *d_hidden,
                    y: &mut *y,
                    scale: &mut *scale,
                    qkv: &mut *qkv,
                    all: &mut *hidden,
                    ratio,
                    z,
                    kt: &mut *kt,
                    p: &mut *p,
                };
                first_layer::attend(theta, (shape, place, tape), children, x, buffers, o);
            } else {
                let (gain, bias) = place.norm1.of(theta);
                // The normalised tokens are not needed again: any scratch of their size will do.
                norm::forward(x, gain, bias, o, scale, y);
                let (weight, bias) = place.qkv.of(theta);
                linear::forward(y, weight, bias, qkv, 3 * w, false);
                let mut at = 0;
                for (&parent, len) in parent.iter().zip(lengths()) {
                    let own = &qkv[at * 3 * w..(at + len) * 3 * w];
                    shape.transpose_keys(own, kt, 0);
                    let parent = parent as usize;
                    Attend {
                        shape,
                        qkv: own,
                        past: Some(Memory {
                            kt: &tape.kt[parent * w * np..][..w * np],
                            qkv: &tape.qkv[parent * n * 3 * w..][..n * 3 * w],
                            len: n - len,
                        }),
                        own: Memory { kt, qkv: own, len },
                        offset: 0,
                        p,
                        keep: false,
                        o: &mut o[at * w..(at + len) * w],
                    }
                    .run();
                    at += len;
                }
            }
            let (weight, bias) = place.out.of(theta);
            linear::forward(o, weight, bias, x, w, true);
            let (gain, bias) = place.norm2.of(theta);
            norm::forward(x, gain, bias, o, scale, y);
            // Two tiles of a product at least.
            let few = (HIDDEN / (4 * w)).max(12) * w;
            for (x, y) in x.chunks_mut(few).zip(y.chunks(few)) {
                let (before, active) = (&mut d_hidden[..4 * y.len()], &mut hidden[..4 * y.len()]);
                let (weight, bias) = place.up.of(theta);
                linear::forward(y, weight, bias, before, 4 * w, false);
                elementwise::gelu_into(before, active);
                let (weight, bias) = place.down.of(theta);
                linear::forward(active, weight, bias, x, w, true);
            }
        }
        let (gain, bias) = self.places.norm.of(theta);
        norm::forward(x, gain, bias, o, scale, y);
        let mut at = 0;
        for (out, len) in out.chunks_exact_mut(n * d).zip(lengths()) {
            self.heads(
                theta,
                &y[at * w..(at + len) * w],
                raw,
                &mut out[(n - len) * d..],
            );
            at += len;
        }
    }
}
