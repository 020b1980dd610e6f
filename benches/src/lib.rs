//! What the benches share: the cases of the peers' comparison, flop counts, thread pools.

use faer::{Accum, Mat, Par, linalg::matmul::matmul};
use ketwork::hamiltonians::{Boundary, Hamiltonian, Lattice, Model, OnSpace, Tfim};
use ketwork::run::OpenRun;
use ketwork::{
    Ancestral, Autoregressive, Cell, Conditional, Layout, Rnn, RnnParams, RunFile, Samples, Stream,
    Transformer, TransformerParams, Wavefunction,
};
use std::error::Error;

/// Samples of a batch in all comparisons.
pub const SAMPLES: u64 = 1024;

/// Sizes of the transformer in all comparisons: 2 layers, width 32, 4 heads, MLP ratio 4.
pub const TRANSFORMER: TransformerParams = TransformerParams {
    layers: 2,
    width: 32,
    heads: 4,
};

/// A state on the critical Ising ring, with its initial parameters.
#[derive(Debug)]
pub struct Case<M: Conditional> {
    /// The critical Ising ring.
    pub model: Model<f64>,
    /// The state.
    pub psi: Autoregressive<M>,
    /// Initial parameters at seed 1.
    pub theta: Vec<f64>,
}

impl<M: Conditional<Log = f64>> Case<M> {
    /// A positive state over the configurations of a ring of N sites.
    pub fn on_ring(n_sites: usize, net: impl FnOnce(&Model<f64>) -> M) -> Self {
        let model = ring(n_sites);
        let psi = Autoregressive::new(net(&model), model.sector().clone());
        let theta = initial(psi.layout());
        Self { model, psi, theta }
    }

    /// A batch of independent shots.
    pub fn samples(&self, shots: u64) -> Samples<f64> {
        self.psi
            .sample(&self.theta, 0..shots, Stream::new(1).named("samples"))
    }
}

impl Case<Transformer<f64>> {
    /// The transformer of the comparisons on a ring of N sites.
    pub fn transformer(n_sites: usize) -> Self {
        Self::on_ring(n_sites, |model| {
            Transformer::new(*model.space(), TRANSFORMER).expect("4 heads share width 32 evenly")
        })
    }
}

impl Case<Rnn<f64>> {
    /// The LSTM of the comparisons, 2 layers of width 16, on a ring of N sites.
    pub fn lstm(n_sites: usize) -> Self {
        let params = RnnParams {
            cell: Cell::Lstm,
            layers: 2,
            width: 16,
        };
        Self::on_ring(n_sites, |model| {
            Rnn::new(*model.space(), params).expect("the sizes are not 0")
        })
    }
}

/// The dissipative Ising ring (V = 2, gamma = 1) as a run file with these keys beside it.
///
/// # Errors
/// Of a run file.
pub fn ising_decay(
    n_sites: usize,
    g: f64,
    seed: u64,
    keys: &str,
) -> Result<OpenRun, Box<dyn Error + Send + Sync>> {
    let text = format!(
        "seed = {seed}\n[hamiltonian]\nmodel = \"dissipative_tfim\"\nv = 2.0\ng = {g:?}\n\
         lattice = {{ kind = \"chain\", extent = [{n_sites}], boundary = \"periodic\" }}\n{keys}"
    );
    Ok(OpenRun::new(text.parse::<RunFile>()?)?)
}

/// The critical Ising ring.
pub fn ring(n_sites: usize) -> Model<f64> {
    let lattice = Lattice::chain(n_sites, Boundary::Periodic).expect("rings of this length exist");
    Tfim::new(1.0).on(&lattice).expect("finite couplings")
}

fn initial(layout: &Layout) -> Vec<f64> {
    layout.initial(Stream::new(1).named("parameters"))
}

/// Floating-point operations of one teacher-forced forward pass of the transformer, matrix products
/// only; attention counts the causal half. A multiplication and an addition are two.
pub fn forward_flops(n_sites: usize, sizes: TransformerParams) -> u64 {
    let (n, w, layers) = (n_sites as u64, sizes.width as u64, sizes.layers as u64);
    let linear = n * w * (3 * w + w + 4 * w + 4 * w);
    let attention = n * (n + 1) / 2 * w * 2;
    2 * (layers * (linear + attention) + n * w * 2)
}

/// The same for the per-sample derivatives: each product of the forward pass has two in the
/// backward pass, and the forward pass itself is repeated.
pub fn tangent_flops(n_sites: usize, sizes: TransformerParams) -> u64 {
    3 * forward_flops(n_sites, sizes)
}

/// A plain product of square matrices, whose rate the kernels' rates are read against.
#[derive(Debug)]
pub struct Product {
    a: Mat<f64>,
    b: Mat<f64>,
    out: Mat<f64>,
}

impl Product {
    /// Side of the matrices.
    pub const SIDE: usize = 768;
    /// Floating-point operations of one product.
    pub const FLOPS: u64 = 2 * (Self::SIDE * Self::SIDE * Self::SIDE) as u64;

    /// The matrices.
    #[must_use]
    pub fn new() -> Self {
        Self {
            a: Mat::from_fn(Self::SIDE, Self::SIDE, |i, j| ((i * 7 + j) as f64).sin()),
            b: Mat::from_fn(Self::SIDE, Self::SIDE, |i, j| ((i + 5 * j) as f64).cos()),
            out: Mat::zeros(Self::SIDE, Self::SIDE),
        }
    }

    /// Multiplies them on this thread.
    pub fn run(&mut self) {
        let (a, b) = (self.a.as_ref(), self.b.as_ref());
        matmul(self.out.as_mut(), Accum::Replace, a, b, 1.0, Par::Seq);
        std::hint::black_box(&self.out);
    }
}

impl Default for Product {
    fn default() -> Self {
        Self::new()
    }
}

/// A pool with so many threads.
pub fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("threads can be started")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flops_are_those_of_the_weights_and_of_causal_attention() {
        let case = Case::transformer(32);
        // Each number of a weight matrix multiplies each of the 32 tokens once; scores and mixtures are
        // sums over pairs of tokens in 2 layers of width 32.
        let matrices = case.psi.layout().parameters().iter();
        let weights = matrices.filter(|p| p.shape.len() == 2 && !p.name.contains("embed"));
        let linear: u64 = weights
            .map(|p| 32 * p.shape.iter().product::<usize>() as u64)
            .sum();
        let pairs = 2 * 2 * 32 * (32 * 33 / 2);
        assert_eq!(forward_flops(32, TRANSFORMER), 2 * (linear + pairs));
    }
}
