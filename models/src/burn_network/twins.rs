//! The native transformer and GRU a second time, as Burn modules with the same names.

use super::{BurnCopies, BurnNetwork};
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

// ANCHOR: transformer
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

    fn forward(&self, x: Tensor<3>, copies: &BurnCopies) -> Tensor<3> {
        copies.product(x, &self.weight) + copies.of(&self.bias)
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

    fn forward(&self, x: Tensor<3>, copies: &BurnCopies) -> Tensor<3> {
        let x = x.clone() - x.mean_dim(2);
        let variance = x.clone().square().mean_dim(2);
        x / (variance + 1e-5).sqrt() * copies.of(&self.gain) + copies.of(&self.bias)
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

/// The native [`Transformer`](crate::Transformer) as a Burn module with the same names and numbers: for a
/// graphics processor, and as an example. A checkpoint of one is a checkpoint of the other.
#[derive(Module, Debug)]
pub struct BurnTransformer {
    embed: Embed,
    layers: Vec<Layer>,
    norm: Norm,
    head: Affine,
    phase: Option<Affine>,
    attention_heads: usize,
}

impl BurnTransformer {
    /// A transformer on a device, with random parameters; `has_phase` for states with a phase.
    ///
    /// # Panics
    /// If the heads do not share the width evenly.
    #[track_caller]
    #[must_use]
    pub fn new(space: Space, params: TransformerParams, has_phase: bool, device: &Device) -> Self {
        assert_eq!(
            params.width % params.heads,
            0,
            "heads share the width evenly"
        );
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
        let scores = scores.mask_fill(later.unsqueeze::<4>().expand([b, h, n, n]), -1e30);
        let o = softmax(scores, 3).matmul(v);
        o.swap_dims(1, 2).reshape([b, n, w])
    }
}

impl BurnNetwork for BurnTransformer {
    fn forward_each(&self, tokens: Tensor<2, Int>, copies: &BurnCopies) -> Option<Tensor<3>> {
        let positions: Tensor<3> = copies.of(&self.embed.position);
        let positions = positions.narrow(1, 0, tokens.dims()[1]);
        let mut x = copies.lookup(&self.embed.token, tokens) + positions;
        for layer in &self.layers {
            let qkv = layer.norm1.forward(x.clone(), copies);
            let mixed = self.attend(layer.qkv.forward(qkv, copies));
            x = x + layer.out.forward(mixed, copies);
            let hidden = layer.norm2.forward(x.clone(), copies);
            let hidden = gelu_approximate(layer.up.forward(hidden, copies));
            x = x + layer.down.forward(hidden, copies);
        }
        let x = self.norm.forward(x, copies);
        Some(heads(x, &self.head, self.phase.as_ref(), copies))
    }

    fn takes_prefixes(&self) -> bool {
        true
    }
}

fn heads(x: Tensor<3>, head: &Affine, phase: Option<&Affine>, copies: &BurnCopies) -> Tensor<3> {
    let mut out = vec![head.forward(x.clone(), copies)];
    out.extend(phase.map(|phase| phase.forward(x, copies)));
    Tensor::cat(out, 2)
}
// ANCHOR_END: transformer

#[derive(Module, Debug)]
struct GruLayer {
    token: Option<Param<Tensor<2>>>,
    input: Option<Affine>,
    recurrent: Affine,
}

/// The native [`Rnn`](crate::Rnn) with [`Cell::Gru`](crate::Cell::Gru) as a Burn module with the same names and
/// numbers. A checkpoint of one is a checkpoint of the other.
#[derive(Module, Debug)]
pub struct BurnGru {
    layers: Vec<GruLayer>,
    head: Affine,
    phase: Option<Affine>,
}

impl BurnGru {
    /// A GRU on a device, with random parameters; `has_phase` for states with a phase. `params.cell` is not read.
    #[must_use]
    pub fn new(space: Space, params: RnnParams, has_phase: bool, device: &Device) -> Self {
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

impl BurnNetwork for BurnGru {
    fn forward_each(&self, tokens: Tensor<2, Int>, copies: &BurnCopies) -> Option<Tensor<3>> {
        let [b, n] = tokens.dims();
        let mut below: Option<Tensor<3>> = None;
        for layer in &self.layers {
            let w = layer.recurrent.bias.dims()[0];
            let gates = match (&layer.token, &layer.input, below) {
                (Some(table), _, _) => copies.lookup(table, tokens.clone()),
                (None, Some(input), Some(below)) => input.forward(below, copies),
                _ => unreachable!("the first layer has a table, the others an input"),
            };
            let bias: Tensor<3> = copies.of(&layer.recurrent.bias);
            let mut h = Tensor::<3>::zeros([b, 1, w], &gates.device());
            let mut all = Vec::with_capacity(n);
            for p in 0..n {
                let a = gates.clone().narrow(1, p, 1);
                let u = copies.product(h.clone(), &layer.recurrent.weight);
                let part = |t: &Tensor<3>, i: usize| t.clone().narrow(2, i * w, w);
                let r = sigmoid(part(&a, 0) + part(&u, 0));
                let z = sigmoid(part(&a, 1) + part(&u, 1));
                let inner = part(&u, 2) + bias.clone();
                let new = (part(&a, 2) + r * inner).tanh();
                h = new.clone() + z * (h - new);
                all.push(h.clone());
            }
            below = Some(Tensor::cat(all, 1));
        }
        let x = below.expect("at least one layer");
        Some(heads(x, &self.head, self.phase.as_ref(), copies))
    }

    fn takes_prefixes(&self) -> bool {
        true
    }
}
