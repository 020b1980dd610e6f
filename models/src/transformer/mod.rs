//! The causal transformer, native and in double precision.
//!
//! Notation: B rows, N positions, d values, w width, T tokens. The token at position p is the value
//! at p - 1 (a start token at p = 0), so the output at p depends on positions before p only.

mod backward;
mod first_layer;
mod forward;
mod resume;
#[cfg(test)]
mod tests;

use crate::layers::attention::Shape;
use crate::{Conditional, Init, Layout, NetworkError};
use ketwork_hamiltonians::{ConfigsRef, OnSpace, Scalar, Space};
use std::fmt::Debug;
use std::marker::PhantomData;

/// Sizes of a [`Transformer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransformerParams {
    /// Number of layers; 2 reach most chains of a hundred sites.
    pub layers: usize,
    /// Width w of a token; multiples of 8 per head fill the vectors of the processor.
    pub width: usize,
    /// Number of attention heads, which divides the width.
    pub heads: usize,
}

impl Default for TransformerParams {
    fn default() -> Self {
        Self {
            layers: 2,
            width: 32,
            heads: 4,
        }
    }
}

/// Causal transformer: raw log-amplitudes (`L = f64`), or with a phase (`L = Complex64`).
///
/// Token and position embeddings, then for each layer $x \leftarrow x + A(\mathrm{LN}\,x)$ and
/// $x \leftarrow x + W_2\,\mathrm{gelu}(W_1\,\mathrm{LN}\,x)$ with multi-head causal attention A and
/// hidden width 4w, a last layer norm, and one linear head of d outputs for each component of L: the
/// log-amplitude and, if complex, the phase in radians.
///
/// `step` gives the same bits as `forward`, `resume` the same numbers to 1e-13, and a configuration
/// gives the same bits in any block.
///
/// # References
/// A. Vaswani et al., arXiv:1706.03762; pre-norm: R. Xiong et al., arXiv:2002.04745, fig. 1(b).
#[derive(Clone, Debug)]
pub struct Transformer<L> {
    space: Space,
    /// Numbers that the heads give at each position.
    outputs: usize,
    shape: Shape,
    layout: Layout,
    places: Places,
    log: PhantomData<L>,
}

/// Two neighbouring parameters: weight and bias, gain and bias, tokens and positions.
#[derive(Clone, Copy, Debug)]
struct Pair {
    start: usize,
    middle: usize,
    end: usize,
}

impl Pair {
    fn push(
        layout: &mut Layout,
        first: (&str, &[usize], Init),
        second: (&str, &[usize], Init),
    ) -> Self {
        let a = layout.push(first.0, first.1, first.2);
        let b = layout.push(second.0, second.1, second.2);
        Self {
            start: a.start,
            middle: b.start,
            end: b.end,
        }
    }

    fn of(self, theta: &[f64]) -> (&[f64], &[f64]) {
        theta[self.start..self.end].split_at(self.middle - self.start)
    }

    fn of_mut(self, theta: &mut [f64]) -> (&mut [f64], &mut [f64]) {
        theta[self.start..self.end].split_at_mut(self.middle - self.start)
    }
}

/// Places of one layer's parameters inside theta.
#[derive(Clone, Copy, Debug)]
struct LayerPlaces {
    norm1: Pair,
    qkv: Pair,
    out: Pair,
    norm2: Pair,
    up: Pair,
    down: Pair,
}

/// Places of all parameters inside theta.
#[derive(Clone, Debug)]
struct Places {
    embed: Pair,
    layers: Vec<LayerPlaces>,
    norm: Pair,
    /// One head for each component of L.
    heads: Vec<Pair>,
}

impl Places {
    fn new(
        layout: &mut Layout,
        space: Space,
        params: TransformerParams,
        outputs: usize,
        components: usize,
    ) -> Self {
        let (n, d, w) = (space.n_sites, space.local_dim, params.width);
        let spread = |inputs: usize| Init::Normal(1.0 / (inputs as f64).sqrt());
        let linear = |layout: &mut Layout, name: &str, shape: [usize; 2], init: Init| {
            let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
            Pair::push(
                layout,
                (&weight, &shape, init),
                (&bias, &shape[1..], Init::Constant(0.0)),
            )
        };
        let norm = |layout: &mut Layout, name: &str| {
            let (gain, bias) = (format!("{name}.gain"), format!("{name}.bias"));
            let (one, zero) = (Init::Constant(1.0), Init::Constant(0.0));
            Pair::push(layout, (&gain, &[w], one), (&bias, &[w], zero))
        };
        let embed = Pair::push(
            layout,
            ("embed.token", &[d + 1, w], spread(w)),
            ("embed.position", &[n, w], spread(w)),
        );
        let layers = (0..params.layers)
            .map(|l| LayerPlaces {
                norm1: norm(layout, &format!("layers.{l}.norm1")),
                qkv: linear(layout, &format!("layers.{l}.qkv"), [w, 3 * w], spread(w)),
                out: linear(layout, &format!("layers.{l}.out"), [w, w], spread(w)),
                norm2: norm(layout, &format!("layers.{l}.norm2")),
                up: linear(layout, &format!("layers.{l}.up"), [w, 4 * w], spread(w)),
                down: linear(
                    layout,
                    &format!("layers.{l}.down"),
                    [4 * w, w],
                    spread(4 * w),
                ),
            })
            .collect();
        let last = norm(layout, "norm");
        // Small heads: the first state is nearly uniform, yet no gradient vanishes.
        let small = Init::Normal(0.1 / (w as f64).sqrt());
        let heads = ["head", "phase"][..components]
            .iter()
            .map(|name| linear(layout, name, [w, outputs], small.clone()))
            .collect();
        Self {
            embed,
            layers,
            norm: last,
            heads,
        }
    }
}

impl<L: Scalar> Transformer<L> {
    /// A transformer on a space.
    ///
    /// # Errors
    /// [`NetworkError`] if a size is zero or the heads do not divide the width.
    pub fn new(space: Space, params: TransformerParams) -> Result<Self, NetworkError> {
        Self::with_outputs(space, params, space.local_dim)
    }

    /// A transformer whose heads give another count of numbers at each position than the d of a state,
    /// for elementwise mixing in an [`Antn`](crate::Antn).
    ///
    /// # Errors
    /// [`NetworkError`] if a size is zero or the heads do not divide the width.
    pub fn with_outputs(
        space: Space,
        params: TransformerParams,
        outputs: usize,
    ) -> Result<Self, NetworkError> {
        let TransformerParams {
            layers,
            width,
            heads,
        } = params;
        let sizes = [
            ("layers", layers),
            ("width", width),
            ("heads", heads),
            ("outputs", outputs),
        ];
        for (name, size) in sizes {
            if size == 0 {
                return Err(NetworkError::Zero { name });
            }
        }
        if width % heads != 0 {
            return Err(NetworkError::Heads { width, heads });
        }
        let mut layout = Layout::new();
        let places = Places::new(&mut layout, space, params, outputs, L::COMPONENTS);
        let shape = Shape {
            n: space.n_sites,
            w: width,
            heads,
        };
        Ok(Self {
            space,
            outputs,
            shape,
            layout,
            places,
            log: PhantomData,
        })
    }

    /// Tokens that pass through all layers together: their activations stay in the cache.
    const TOKENS: usize = 128;

    /// Rows that pass through all layers together.
    fn rows_together(&self) -> usize {
        (Self::TOKENS / self.shape.n).max(1)
    }
}

/// What one layer keeps from the forward pass, token by token.
#[derive(Debug, Default)]
struct Tape {
    xhat1: Vec<f64>,
    scale1: Vec<f64>,
    qkv: Vec<f64>,
    /// Transposed keys (B, w, n').
    kt: Vec<f64>,
    /// Probabilities (B, heads, N, line).
    p: Vec<f64>,
    o: Vec<f64>,
    xhat2: Vec<f64>,
    scale2: Vec<f64>,
    /// Before the activation (B, N, 4w).
    hidden: Vec<f64>,
}

/// Memory of a [`Transformer`] for one block: tape, key-value cache and scratch.
///
/// The cache of the steps is the tape's queries, keys and values: a block that was sampled step by
/// step can be the parents of a `resume` as well.
#[derive(Debug, Default)]
pub struct TransformerWork {
    layers: Vec<Tape>,
    xhat: Vec<f64>,
    scale: Vec<f64>,
    /// The rows of the last forward pass (B, N), empty where the keys come from steps.
    rows: Vec<u8>,
    scratch: Scratch,
}

/// Activations of the tokens that pass through the layers together.
#[derive(Debug, Default)]
struct Scratch {
    x: Vec<f64>,
    y: Vec<f64>,
    /// (T, 4w).
    hidden: Vec<f64>,
    /// (T, 4w).
    d_hidden: Vec<f64>,
    /// (T, 3w).
    qkv: Vec<f64>,
    o: Vec<f64>,
    /// Transposed keys of one row, or values.
    kt: Vec<f64>,
    /// Eight lines of probabilities, or the cotangent of all scores of a head.
    p: Vec<f64>,
    /// One component of the outputs (T, d).
    raw: Vec<f64>,
    scale: Vec<f64>,
    /// Two numbers for each head of one row.
    per_head: Vec<f64>,
    /// Tokens of the first layer that differ from the parent's.
    changed: Vec<first_layer::Changed>,
    /// Transposed weights: of each layer, then of the heads.
    transposed: Vec<Vec<f64>>,
}

/// Makes room for n numbers; what is there stays.
fn grow(v: &mut Vec<f64>, n: usize) {
    if v.len() < n {
        v.resize(n, 0.0);
    }
}

impl TransformerWork {
    /// Room for the keys and values of a block.
    fn grow_cache(&mut self, shape: Shape, layers: usize, rows: usize) {
        self.layers.resize_with(layers, Tape::default);
        for tape in &mut self.layers {
            grow(&mut tape.qkv, rows * shape.n * 3 * shape.w);
            grow(&mut tape.kt, rows * shape.w * shape.padded());
        }
    }

    /// Room for the whole tape of a block.
    fn grow_tape(&mut self, shape: Shape, layers: usize, rows: usize) {
        self.grow_cache(shape, layers, rows);
        let (tokens, w) = (rows * shape.n, shape.w);
        for tape in &mut self.layers {
            grow(&mut tape.xhat1, tokens * w);
            grow(&mut tape.scale1, tokens);
            grow(&mut tape.p, tokens * shape.heads * shape.line());
            grow(&mut tape.o, tokens * w);
            grow(&mut tape.xhat2, tokens * w);
            grow(&mut tape.scale2, tokens);
            grow(&mut tape.hidden, tokens * 4 * w);
        }
        grow(&mut self.xhat, tokens * w);
        grow(&mut self.scale, tokens);
    }
}

impl Scratch {
    /// Room for T tokens that pass through the layers together.
    fn grow(&mut self, shape: Shape, outputs: usize, tokens: usize) {
        let w = shape.w;
        for v in [&mut self.x, &mut self.y, &mut self.o] {
            grow(v, tokens * w);
        }
        for v in [&mut self.hidden, &mut self.d_hidden] {
            grow(v, tokens * 4 * w);
        }
        grow(&mut self.qkv, tokens * 3 * w);
        grow(&mut self.kt, w * shape.padded());
        grow(&mut self.p, shape.line() * shape.n.max(8));
        grow(&mut self.raw, tokens * outputs);
        grow(&mut self.scale, tokens);
        grow(&mut self.per_head, 2 * shape.n * shape.heads);
    }
}

impl<L> OnSpace for Transformer<L> {
    fn space(&self) -> &Space {
        &self.space
    }
}

impl<L: Scalar> Conditional for Transformer<L> {
    type Log = L;
    type Work = TransformerWork;

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn outputs(&self) -> usize {
        self.outputs
    }

    fn work(&self, _batch: usize) -> TransformerWork {
        // Each call makes the room it needs: a block that is only sampled needs no tape.
        TransformerWork::default()
    }

    fn block(&self) -> usize {
        // Keys and values of so few tokens stay in the second-level cache between steps; fewer rows
        // than 16 would read the weights too often in a step.
        (2 * Self::TOKENS / self.shape.n).max(16)
    }

    fn forward(&self, theta: &[f64], work: &mut TransformerWork, x: ConfigsRef<'_>, out: &mut [L]) {
        self.forward_block(theta, work, x, out);
    }

    fn pullback(
        &self,
        theta: &[f64],
        work: &mut TransformerWork,
        x: ConfigsRef<'_>,
        cotangent: &[f64],
        rows: &mut [f64],
    ) {
        self.backward_block(theta, work, x, cotangent, rows);
    }

    fn step(
        &self,
        theta: &[f64],
        work: &mut TransformerWork,
        position: usize,
        x: ConfigsRef<'_>,
        out: &mut [L],
    ) {
        self.step_block(theta, work, position, x, out);
    }

    fn select(
        &self,
        from: &TransformerWork,
        into: &mut TransformerWork,
        position: usize,
        rows: &[u32],
    ) {
        self.select_rows(from, into, position, rows);
    }

    fn resume(
        &self,
        theta: &[f64],
        parents: &TransformerWork,
        work: &mut TransformerWork,
        x: ConfigsRef<'_>,
        parent: &[u32],
        first: &[u32],
        out: &mut [L],
    ) {
        self.resume_block(theta, parents, work, x, parent, first, out);
    }
}
