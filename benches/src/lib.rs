//! What the benches share: the cases of the peers' comparison, flop counts, thread pools.

use ketwork::hamiltonians::{Boundary, Hamiltonian, Lattice, Model, OnSpace, Tfim};
use ketwork::{
    Ancestral, Autoregressive, Cell, Conditional, Layout, Rnn, RnnParams, Samples, Stream,
    Transformer, TransformerParams, Wavefunction,
};

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

/// A pool with so many threads.
pub fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("threads can be started")
}
