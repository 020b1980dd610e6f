//! The transformer and the GRU a second time, as Burn modules with the native names.

use super::BurnNetwork;
use crate::{RnnParams, TransformerParams};
use burn::module::{Initializer, Module, Param};
use burn::tensor::activation::{gelu_approximate, sigmoid, softmax};
use burn::tensor::{Bool, Device, Int, Tensor};
use ketwork_hamiltonians::Space;

fn array<const D: usize>(shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
    let spread = Initializer::Normal {
        mean: 0.0,
        std: 0.5,
    };
    spread.init(shape, device)
}

/// Rows of a table for tokens (B, N): (B, N, width).
fn rows(table: &Param<Tensor<2>>, tokens: &Tensor<2, Int>) -> Tensor<3> {
    let ([b, n], w) = (tokens.dims(), table.dims()[1]);
    let flat = tokens.clone().reshape([b * n]);
    table.val().select(0, flat).reshape([b, n, w])
}

#[derive(Module, Debug)]
struct Affine {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Affine {
    fn new(inputs: usize, outputs: usize, device: &Device) -> Self {
        Self {
            weight: array([inputs, outputs], device),
            bias: array([outputs], device),
        }
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        x.matmul(self.weight.val().unsqueeze()) + self.bias.val().unsqueeze()
    }
}

#[derive(Module, Debug)]
struct Norm {
    gain: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
}

impl Norm {
    fn new(width: usize, device: &Device) -> Self {
        Self {
            gain: array([width], device),
            bias: array([width], device),
        }
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let x = x.clone() - x.mean_dim(2);
        let variance = x.clone().square().mean_dim(2);
        x / (variance + 1e-5).sqrt() * self.gain.val().unsqueeze() + self.bias.val().unsqueeze()
    }
}

#[derive(Module, Debug)]
struct Embed {
    token: Param<Tensor<2>>,
    position: Param<Tensor<2>>,
}

#[derive(Module, Debug)]
struct Layer {
    norm1: Norm,
    qkv: Affine,
    out: Affine,
    norm2: Norm,
    up: Affine,
    down: Affine,
}

/// Twin of [`crate::Transformer`].
#[derive(Module, Debug)]
pub(super) struct TransformerTwin {
    embed: Embed,
    layers: Vec<Layer>,
    norm: Norm,
    head: Affine,
    phase: Option<Affine>,
    attention_heads: usize,
}

impl TransformerTwin {
    pub(super) fn new(
        space: Space,
        params: TransformerParams,
        has_phase: bool,
        device: &Device,
    ) -> Self {
        let (n, d, w) = (space.n_sites, space.local_dim, params.width);
        let layer = |_| Layer {
            norm1: Norm::new(w, device),
            qkv: Affine::new(w, 3 * w, device),
            out: Affine::new(w, w, device),
            norm2: Norm::new(w, device),
            up: Affine::new(w, 4 * w, device),
            down: Affine::new(4 * w, w, device),
        };
        Self {
            embed: Embed {
                token: array([d + 1, w], device),
                position: array([n, w], device),
            },
            layers: (0..params.layers).map(layer).collect(),
            norm: Norm::new(w, device),
            head: Affine::new(w, d, device),
            phase: has_phase.then(|| Affine::new(w, d, device)),
            attention_heads: params.heads,
        }
    }

    fn attend(&self, qkv: Tensor<3>) -> Tensor<3> {
        let ([b, n, w3], h) = (qkv.dims(), self.attention_heads);
        let (w, c) = (w3 / 3, w3 / 3 / h);
        let [q, k, v] = [0, 1, 2].map(|i| {
            let part = qkv.clone().narrow(2, i * w, w);
            part.reshape([b, n, h, c]).swap_dims(1, 2)
        });
        let scores = q.matmul(k.swap_dims(2, 3)) / (c as f64).sqrt();
        // True where the key is later than the query.
        let later = Tensor::<2, Bool>::tril_mask([n, n], 0, &scores.device());
        let scores = scores.mask_fill(later.unsqueeze::<4>().expand([b, h, n, n]), -1e300);
        let o = softmax(scores, 3).matmul(v);
        o.swap_dims(1, 2).reshape([b, n, w])
    }
}

impl BurnNetwork for TransformerTwin {
    fn forward(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        let positions = self.embed.position.val().narrow(0, 0, tokens.dims()[1]);
        let mut x = rows(&self.embed.token, &tokens) + positions.unsqueeze();
        for layer in &self.layers {
            let qkv = layer.qkv.forward(layer.norm1.forward(x.clone()));
            x = x + layer.out.forward(self.attend(qkv));
            let hidden = gelu_approximate(layer.up.forward(layer.norm2.forward(x.clone())));
            x = x + layer.down.forward(hidden);
        }
        let x = self.norm.forward(x);
        heads(x, &self.head, self.phase.as_ref())
    }

    fn takes_prefixes(&self) -> bool {
        true
    }
}

fn heads(x: Tensor<3>, head: &Affine, phase: Option<&Affine>) -> Tensor<3> {
    let mut out = vec![head.forward(x.clone())];
    out.extend(phase.map(|phase| phase.forward(x)));
    Tensor::cat(out, 2)
}

#[derive(Module, Debug)]
struct GruLayer {
    token: Option<Param<Tensor<2>>>,
    input: Option<Affine>,
    recurrent: Affine,
}

/// Twin of [`crate::Rnn`] with [`crate::Cell::Gru`].
#[derive(Module, Debug)]
pub(super) struct GruTwin {
    layers: Vec<GruLayer>,
    head: Affine,
    phase: Option<Affine>,
}

impl GruTwin {
    pub(super) fn new(space: Space, params: RnnParams, has_phase: bool, device: &Device) -> Self {
        let (d, w) = (space.local_dim, params.width);
        let layer = |l| GruLayer {
            token: (l == 0).then(|| array([d + 1, 3 * w], device)),
            input: (l > 0).then(|| Affine::new(w, 3 * w, device)),
            recurrent: Affine {
                weight: array([w, 3 * w], device),
                bias: array([w], device),
            },
        };
        Self {
            layers: (0..params.layers).map(layer).collect(),
            head: Affine::new(w, d, device),
            phase: has_phase.then(|| Affine::new(w, d, device)),
        }
    }
}

impl BurnNetwork for GruTwin {
    fn forward(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        let [b, n] = tokens.dims();
        let mut below: Option<Tensor<3>> = None;
        for layer in &self.layers {
            let w = layer.recurrent.bias.dims()[0];
            let gates = match (&layer.token, &layer.input, below) {
                (Some(table), _, _) => rows(table, &tokens),
                (None, Some(input), Some(below)) => input.forward(below),
                _ => unreachable!("the first layer has a table, the others an input"),
            };
            let mut h = Tensor::<2>::zeros([b, w], &gates.device());
            let mut all = Vec::with_capacity(n);
            for p in 0..n {
                let a = gates.clone().narrow(1, p, 1).reshape([b, 3 * w]);
                let u = h.clone().matmul(layer.recurrent.weight.val());
                let part = |t: &Tensor<2>, i: usize| t.clone().narrow(1, i * w, w);
                let r = sigmoid(part(&a, 0) + part(&u, 0));
                let z = sigmoid(part(&a, 1) + part(&u, 1));
                let inner = part(&u, 2) + layer.recurrent.bias.val().unsqueeze();
                let new = (part(&a, 2) + r * inner).tanh();
                h = new.clone() + z * (h - new);
                all.push(h.clone());
            }
            below = Some(Tensor::stack(all, 1));
        }
        let x = below.expect("at least one layer");
        heads(x, &self.head, self.phase.as_ref())
    }
}
