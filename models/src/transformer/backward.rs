//! Per-sample derivatives of a block, after its forward pass.

use super::{Pair, Scratch, Transformer, TransformerWork};
use crate::layers::{attention, elementwise, embed, linear, norm};
use ketwork_hamiltonians::{ConfigsRef, Scalar};

impl<L: Scalar> Transformer<L> {
    /// Overwrites rows (B, P) from the cotangent (B, N, d, k) of the outputs.
    pub(super) fn backward_block(
        &self,
        theta: &[f64],
        work: &mut TransformerWork,
        x: ConfigsRef<'_>,
        cotangent: &[f64],
        rows: &mut [f64],
    ) {
        let (n, d, p) = (self.shape.n, self.outputs, self.layout.n_params());
        assert_eq!(
            cotangent.len(),
            x.len() * n * d * L::COMPONENTS,
            "cotangent of the block"
        );
        assert_eq!(rows.len(), x.len() * p, "derivatives of the block");
        let together = self.rows_together();
        work.scratch.grow(self.shape, d, together.min(x.len()) * n);
        self.transpose_weights(theta, &mut work.scratch.transposed);
        let parts = cotangent.chunks(together * n * d * L::COMPONENTS);
        for (i, (cotangent, rows)) in parts.zip(rows.chunks_mut(together * p)).enumerate() {
            let part = i * together..(i * together + together).min(x.len());
            self.backward_rows(theta, work, part.start, x.slice(part), cotangent, rows);
        }
    }

    /// Linear layers in the order in which [`Self::transpose_weights`] stores them.
    fn linears(&self) -> impl Iterator<Item = Pair> + '_ {
        let layers = self
            .places
            .layers
            .iter()
            .flat_map(|l| [l.qkv, l.out, l.up, l.down]);
        layers.chain(self.places.heads.iter().copied())
    }

    fn transpose_weights(&self, theta: &[f64], transposed: &mut Vec<Vec<f64>>) {
        transposed.resize_with(self.linears().count(), Vec::new);
        for (pair, transposed) in self.linears().zip(transposed) {
            let (weight, bias) = pair.of(theta);
            transposed.resize(weight.len(), 0.0);
            linear::transpose(weight, bias.len(), transposed);
        }
    }

    /// The rows of a block that pass through the layers together, from number `start` on.
    fn backward_rows(
        &self,
        theta: &[f64],
        work: &mut TransformerWork,
        start: usize,
        configs: ConfigsRef<'_>,
        cotangent: &[f64],
        rows: &mut [f64],
    ) {
        let shape = self.shape;
        let (n, w, d, line) = (shape.n, shape.w, self.outputs, shape.line());
        let n_params = self.layout.n_params();
        let (t0, t) = (start * n, configs.len() * n);
        let Scratch {
            x: dx,
            y,
            hidden,
            d_hidden,
            qkv: d_qkv,
            o: d_y,
            kt,
            p,
            raw,
            transposed,
            ..
        } = &mut work.scratch;
        let (dx, y, d_y) = (&mut dx[..t * w], &mut y[..t * w], &mut d_y[..t * w]);
        let (hidden, d_hidden) = (&mut hidden[..t * 4 * w], &mut d_hidden[..t * 4 * w]);
        let (d_qkv, raw) = (&mut d_qkv[..t * 3 * w], &mut raw[..t * d]);
        // Weight and bias of every sample from the layer's input x and its output's cotangent dy.
        let gradient = |pair: Pair, x: &[f64], dy: &[f64], rows: &mut [f64]| {
            let (wide, narrow) = (x.len() / t * n, dy.len() / t * n);
            let tokens = x.chunks_exact(wide).zip(dy.chunks_exact(narrow));
            for ((x, dy), row) in tokens.zip(rows.chunks_exact_mut(n_params)) {
                let (weight, bias) = pair.of_mut(row);
                linear::gradient(x, dy, weight, bias);
            }
        };
        let norm_gradient = |pair: Pair, xhat: &[f64], dy: &[f64], rows: &mut [f64]| {
            let tokens = xhat.chunks_exact(n * w).zip(dy.chunks_exact(n * w));
            for ((xhat, dy), row) in tokens.zip(rows.chunks_exact_mut(n_params)) {
                let (gain, bias) = pair.of_mut(row);
                norm::gradient(xhat, dy, gain, bias);
            }
        };

        let (layers, heads) = transposed.split_at(4 * self.places.layers.len());
        let xhat = &work.xhat[t0 * w..][..t * w];
        let (gain, bias) = self.places.norm.of(theta);
        norm::affine(xhat, gain, bias, y);
        for (component, (&head, transposed)) in self.places.heads.iter().zip(heads).enumerate() {
            let part = cotangent.iter().skip(component).step_by(L::COMPONENTS);
            for (raw, c) in raw.iter_mut().zip(part) {
                *raw = *c;
            }
            gradient(head, y, raw, rows);
            linear::backward(raw, transposed, d_y, d, component > 0);
        }
        norm_gradient(self.places.norm, xhat, d_y, rows);
        norm::backward(xhat, &work.scale[t0..][..t], gain, d_y, dx, true);

        for ((place, tape), transposed) in self
            .places
            .layers
            .iter()
            .zip(&work.layers)
            .zip(layers.chunks_exact(4))
            .rev()
        {
            let before = &tape.hidden[t0 * 4 * w..][..t * 4 * w];
            linear::backward(dx, &transposed[3], d_hidden, w, false);
            elementwise::gelu_backward(before, hidden, d_hidden);
            gradient(place.down, hidden, dx, rows);
            let xhat = &tape.xhat2[t0 * w..][..t * w];
            let (gain, bias) = place.norm2.of(theta);
            norm::affine(xhat, gain, bias, y);
            gradient(place.up, y, d_hidden, rows);
            linear::backward(d_hidden, &transposed[2], d_y, 4 * w, false);
            norm_gradient(place.norm2, xhat, d_y, rows);
            norm::backward(xhat, &tape.scale2[t0..][..t], gain, d_y, dx, false);

            gradient(place.out, &tape.o[t0 * w..][..t * w], dx, rows);
            linear::backward(dx, &transposed[1], d_y, w, false);
            for (i, (d_o, d_qkv)) in d_y
                .chunks_exact(n * w)
                .zip(d_qkv.chunks_exact_mut(n * 3 * w))
                .enumerate()
            {
                let row = start + i;
                attention::Backward {
                    shape,
                    qkv: &tape.qkv[row * n * 3 * w..][..n * 3 * w],
                    p: &tape.p[row * shape.heads * n * line..][..shape.heads * n * line],
                    o: &tape.o[row * n * w..][..n * w],
                    d_o,
                    vt: kt,
                    ds: p,
                    d_qkv,
                }
                .run();
            }
            let xhat = &tape.xhat1[t0 * w..][..t * w];
            let (gain, bias) = place.norm1.of(theta);
            norm::affine(xhat, gain, bias, y);
            gradient(place.qkv, y, d_qkv, rows);
            linear::backward(d_qkv, &transposed[0], d_y, 3 * w, false);
            norm_gradient(place.norm1, xhat, d_y, rows);
            norm::backward(xhat, &tape.scale1[t0..][..t], gain, d_y, dx, false);
        }
        for ((x, dx), row) in configs
            .rows()
            .zip(dx.chunks_exact(n * w))
            .zip(rows.chunks_exact_mut(n_params))
        {
            let (tokens, positions) = self.places.embed.of_mut(row);
            embed::gradient(x, dx, tokens, positions);
        }
    }
}
