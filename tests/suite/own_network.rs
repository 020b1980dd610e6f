//! A user's Burn modules through the whole stack.

use crate::prelude::{critical_ring, critical_ring_energy, with_threads};
use ketwork::burn;
use ketwork::burn::module::{Module, Param};
use ketwork::burn::nn::{Embedding, EmbeddingConfig, Initializer, Linear, LinearConfig};
use ketwork::burn::tensor::{Device, Int, Tensor, TensorData};
use ketwork::diffusion::{Autoencoder, AutoencoderParams, Data, Perceptron};
use ketwork::exact::{LanczosParams, Memory, ground_state};
use ketwork::hamiltonians::{Boundary, Hamiltonian, Lattice, Model, OnSpace, Space, Tfim};
use ketwork::{
    Ansatz, Autoregressive, BurnAmplitude, BurnConditional, BurnCopies, BurnError, BurnMap,
    BurnNetwork, BurnRealMap, BurnState, BurnTransformer, FullSum, GroundState, Independent,
    Metropolis, MetropolisParams, MinSr, RealMap, Schedule, Stopwatch, Stream, Transformer,
    TransformerParams, Wavefunction,
};
use std::sync::Arc;

/// A table of all prefixes, written as a linear map of one-hot vectors: the complete ansatz, in which
/// only the integrator's error is left.
#[derive(Module, Debug)]
struct Complete {
    tables: Vec<Param<Tensor<2>>>,
}

impl Complete {
    fn new(space: Space, device: &Device) -> Self {
        let table = |p: usize| Initializer::Zeros.init([1 << p, 2], device);
        Self {
            tables: (0..space.n_sites).map(table).collect(),
        }
    }
}

impl BurnNetwork for Complete {
    fn forward(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        let [b, n] = tokens.dims();
        let mut prefix = Tensor::<1, Int>::zeros([b], &tokens.device());
        let mut out = Vec::new();
        for p in 0..n {
            if p > 0 {
                let last = tokens.clone().narrow(1, p, 1).reshape([b]);
                prefix = prefix * 2 + last;
            }
            out.push(self.tables[p].val().select(0, prefix.clone()));
        }
        Tensor::stack(out, 1)
    }
}

#[test]
fn a_burn_network_reaches_the_exact_energy_of_the_critical_ring_of_six_sites() {
    let model = critical_ring(6);
    let space = *model.space();
    let net = BurnConditional::<_, f64>::new(space, 1, |device| Complete::new(space, device));
    let psi = Autoregressive::new(net.expect("a causal network"), model.sector().clone());
    let mut theta = psi.layout().initial(Stream::new(1));
    // Away from the uniform state, whose derivatives have more symmetry than the path needs.
    for (i, t) in theta.iter_mut().enumerate() {
        *t += 0.2 * (Stream::new(3).uniform(i as u64, 0) - 0.5);
    }
    let sampler = FullSum::new(&**model.sector(), Memory::default()).expect("64 configurations");
    let mut vmc = GroundState::new(&model, &psi, sampler, theta).with_solver(MinSr::new(1e-6));
    // Explicit steps in imaginary time are stable below 2 / (largest - lowest energy) = 0.13.
    vmc.learning_rate = Schedule::Constant(0.12);
    let last = (0..300)
        .map(|_| vmc.next().expect("endless").expect("no step fails"))
        .last()
        .expect("300 steps");
    let exact = critical_ring_energy(6);
    assert!(
        (last.energy.mean - exact).abs() < 1e-8,
        "{} against {exact}",
        last.energy.mean
    );
}

/// A Boltzmann machine, ln psi = a z + sum_j ln 2 cosh(b_j + sum_i z_i W_ij).
#[derive(Module, Debug)]
pub(crate) struct Machine {
    visible: Param<Tensor<2>>,
    hidden: Param<Tensor<1>>,
    weight: Param<Tensor<2>>,
}

impl Machine {
    pub(crate) fn new(n_sites: usize, hidden: usize, device: &Device) -> Self {
        let start = Initializer::Normal {
            mean: 0.0,
            std: 0.1,
        };
        Self {
            visible: Initializer::Zeros.init([n_sites, 1], device),
            hidden: Initializer::Zeros.init([hidden], device),
            weight: start.init([n_sites, hidden], device),
        }
    }
}

impl BurnAmplitude for Machine {
    fn log_psi_each(&self, values: Tensor<2, Int>, copies: &BurnCopies) -> Option<Tensor<2>> {
        let b = values.dims()[0];
        let z: Tensor<3> = (values.float() * -2.0 + 1.0).unsqueeze_dim(1);
        let angle = copies.product(z.clone(), &self.weight) + copies.of(&self.hidden);
        let hidden = (angle.clone().exp() + (-angle).exp()).log().sum_dim(2);
        Some((copies.product(z, &self.visible) + hidden).reshape([b, 1]))
    }
}

#[test]
fn a_burn_boltzmann_machine_sampled_by_metropolis_reaches_the_exact_energy() {
    let ring = Lattice::chain(6, Boundary::Periodic).expect("a ring");
    let model = Tfim::new(2.0).on(&ring).expect("a model");
    let exact = ground_state(&model, &LanczosParams::default()).expect("64 configurations");
    let sector = model.sector().clone();
    let psi = BurnState::<_, f64>::new(sector.clone(), 1, |device| Machine::new(6, 12, device));
    let psi = psi.expect("a sound state");
    let theta = psi.layout().initial(Stream::new(1));
    let params = MetropolisParams {
        samples: 1024,
        ..MetropolisParams::default()
    };
    let sampler = Metropolis::new(sector, params, Stream::new(2)).expect("samples and chains");
    let mut vmc = GroundState::new(&model, &psi, sampler, theta);
    vmc.by_ref()
        .take(150)
        .try_for_each(|report| report.map(drop))
        .expect("no step fails");
    let (energy, variance) = vmc.measure().expect("a sample");
    let exact = exact.energies[0];
    // Within error bars, which a small variance keeps small.
    assert!(energy.z(exact).abs() < 4.0, "{energy} against {exact}");
    assert!(variance < 0.02, "variance {variance}");
    assert!((energy.mean - exact).abs() < 1e-3 * exact.abs(), "{energy}");
}

/// Two layers on the token and the one before it.
#[derive(Module, Debug)]
pub(crate) struct Small {
    token: Embedding,
    head: Linear,
}

impl BurnNetwork for Small {
    fn forward(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        // A running mean over the tokens so far is causal.
        let x = self.token.forward(tokens).cumsum(1);
        self.head.forward(x.tanh())
    }
}

pub(crate) fn small_on(device: Device, space: Space) -> BurnConditional<Small, f64> {
    BurnConditional::on(device, space, 2, |device| Small {
        token: EmbeddingConfig::new(3, 6).init(device),
        head: LinearConfig::new(6, 2).init(device),
    })
    .expect("a causal network")
}

fn small(space: Space) -> BurnConditional<Small, f64> {
    small_on(Device::flex(), space)
}

#[test]
fn sampled_steps_of_a_burn_network_are_the_same_bits_with_one_and_two_threads() {
    let run = || {
        let model = critical_ring(8);
        let psi = Autoregressive::new(small(*model.space()), model.sector().clone());
        let theta = psi.layout().initial(Stream::new(7));
        let sampler = Independent::new(300, Stream::new(7).named("samples"));
        let mut vmc = GroundState::new(&model, &psi, sampler, theta);
        for _ in 0..5 {
            vmc.next().expect("endless").expect("no step fails");
        }
        vmc.theta.iter().map(|t| t.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(with_threads(1, run), with_threads(2, run));
}

/// The native perceptron of one hidden layer, its weights (out, in) in the same order.
#[derive(Module, Debug)]
struct Twin {
    w1: Param<Tensor<2>>,
    b1: Param<Tensor<1>>,
    w2: Param<Tensor<2>>,
    b2: Param<Tensor<1>>,
}

impl BurnMap for Twin {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let layer = |x: Tensor<2>, w: &Param<Tensor<2>>, b: &Param<Tensor<1>>| {
            x.matmul(w.val().transpose()) + b.val().unsqueeze()
        };
        layer(layer(x, &self.w1, &self.b1).tanh(), &self.w2, &self.b2)
    }
}

fn twin(sizes: [usize; 3], theta: &[f64]) -> BurnRealMap<Twin> {
    let [i, h, o] = sizes;
    BurnRealMap::new([i, o], 1, |device| {
        let mut rest = theta;
        let mut next = |n: usize| {
            let (first, last) = rest.split_at(n);
            rest = last;
            first.to_vec()
        };
        let mut matrix = |rows: usize, columns: usize| {
            let values = TensorData::new(next(rows * columns), [rows, columns]);
            let bias = TensorData::new(next(rows), [rows]);
            (
                Param::from_tensor(Tensor::from_data(values, device)),
                Param::from_tensor(Tensor::from_data(bias, device)),
            )
        };
        let ((w1, b1), (w2, b2)) = (matrix(h, i), matrix(o, h));
        Twin { w1, b1, w2, b2 }
    })
    .expect("a sound map")
}

#[test]
fn a_burn_map_has_the_outputs_and_derivatives_of_its_native_twin() {
    let native = Perceptron::new(vec![5, 7, 3]);
    let theta = native.initial(Stream::new(1));
    let burnt = twin([5, 7, 3], &theta);
    assert_eq!(
        burnt.initial(Stream::new(2)),
        theta,
        "names in another order"
    );
    let numbers = |n: usize, seed| -> Vec<f64> {
        let of = |i: usize| Stream::new(seed).uniform(i as u64, 0) - 0.5;
        (0..n).map(of).collect()
    };
    // Not the parameters it was built with, and rows that fill no block.
    let shifted: Vec<f64> = theta.iter().map(|t| t + 0.1).collect();
    let (x, seed) = (numbers(19 * 5, 3), numbers(19 * 3, 4));
    let run = |map: &dyn RealMap| {
        let mut gradient = vec![1.0; theta.len()];
        let dx = map.pullback(&shifted, &x, &seed, &mut gradient);
        [map.forward(&shifted, &x), dx, gradient].concat()
    };
    let (a, b) = (run(&native), run(&burnt));
    assert_eq!(a.len(), b.len());
    for (i, (a, b)) in a.iter().zip(&b).enumerate() {
        assert!((a - b).abs() < 1e-12, "number {i}: {a} and {b}");
    }
}

#[test]
fn an_autoencoder_trained_by_burn_is_that_of_its_native_twin() {
    let pictures = Data::digits(&[0, 1], 6).expect("digits").states.moduli();
    let params = AutoencoderParams {
        epochs: 2,
        ..AutoencoderParams::default()
    };
    let stream = Stream::new(5);
    let native = Autoencoder::train(&pictures, &params, stream).expect("it trains");
    let map = |name: &str, sizes: [usize; 3]| {
        let first = Perceptron::new(sizes.to_vec()).initial(stream.named(name));
        Arc::new(twin(sizes, &first))
    };
    let (encoder, decoder) = (map("encoder", [64, 64, 8]), map("decoder", [8, 64, 64]));
    let burnt = Autoencoder::train_with(encoder, decoder, &pictures, &params, stream);
    let burnt = burnt.expect("it trains");
    let all = |code: &Autoencoder| {
        let latent = code.encode(&pictures).expect("pictures of the right size");
        [latent.moduli(), code.decode(&latent).expect("latents")].concat()
    };
    let (a, b) = (all(&native).concat(), all(&burnt).concat());
    // Twenty-two steps of Adam amplify the rounding of sums in another order.
    let worst = a
        .iter()
        .zip(&b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    assert!(worst < 1e-9, "{worst:e}");
}

/// Two layers of Burn's own, with its own initial values.
#[derive(Module, Debug)]
struct Layers {
    first: Linear,
    last: Linear,
}

impl BurnMap for Layers {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.last.forward(self.first.forward(x).tanh())
    }
}

fn layers(sizes: [usize; 3], seed: u64) -> Result<BurnRealMap<Layers>, BurnError> {
    let [i, h, o] = sizes;
    BurnRealMap::new([i, o], seed, |device| Layers {
        first: LinearConfig::new(i, h).init(device),
        last: LinearConfig::new(h, o).init(device),
    })
}

#[test]
fn eight_latents_of_a_burn_autoencoder_hold_two_kinds_of_digits() {
    let pictures = Data::digits(&[0, 1], 6).expect("digits").states.moduli();
    let params = AutoencoderParams {
        epochs: 40,
        ..AutoencoderParams::default()
    };
    let map = |sizes, seed| Arc::new(layers(sizes, seed).expect("a sound map"));
    let (encoder, decoder) = (map([64, 64, 8], 1), map([8, 64, 64], 2));
    let code = Autoencoder::train_with(encoder, decoder, &pictures, &params, Stream::new(3));
    let code = code.expect("it trains");
    let latent = code.encode(&pictures).expect("pictures");
    let back = code.decode(&latent).expect("latents");
    let overlap = |(a, b): (&Vec<f64>, &Vec<f64>)| -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>().powi(2)
    };
    let mean = pictures.iter().zip(&back).map(overlap).sum::<f64>() / back.len() as f64;
    // As of the native one; the best constant picture overlaps by 0.63.
    assert!(mean > 0.85, "{mean}");
}

#[test]
fn a_map_of_another_shape_or_with_coupled_rows_is_refused() {
    #[derive(Module, Debug)]
    struct Centred {
        layer: Linear,
    }
    impl BurnMap for Centred {
        fn forward(&self, x: Tensor<2>) -> Tensor<2> {
            let y = self.layer.forward(x);
            y.clone() - y.mean_dim(0)
        }
    }
    let refused = BurnRealMap::new([3, 2], 1, |device| Centred {
        layer: LinearConfig::new(3, 2).init(device),
    });
    let e = refused.expect_err("a mean over rows");
    assert!(matches!(e, BurnError::Coupled { .. }), "{e}");
    let refused = BurnRealMap::new([3, 5], 1, |device| Layers {
        first: LinearConfig::new(3, 4).init(device),
        last: LinearConfig::new(4, 2).init(device),
    });
    let e = refused.expect_err("two outputs, not five");
    assert!(matches!(e, BurnError::Shape { .. }), "{e}");
}

/// CPU seconds of whole steps, solve included, one thread;
/// `cargo test -p ketwork -p ketwork-models --features ketwork/burn --test suite -- --ignored --nocapture whole_steps`.
#[test]
#[ignore = "a measurement, not a test: minutes"]
fn timings_of_whole_steps_of_burn_and_native_transformers() {
    let sizes = TransformerParams::default();
    for n in [16, 32] {
        let model = critical_ring(n);
        let space = *model.space();
        let build = |device: &Device| BurnTransformer::new(space, sizes, false, device);
        let own = BurnConditional::<_, f64>::new(space, 1, build).expect("a causal network");
        let own = Autoregressive::new(own, model.sector().clone());
        let native = Transformer::<f64>::new(space, sizes).expect("heads fit");
        let native = Autoregressive::new(native, model.sector().clone());
        let theta = native.layout().initial(Stream::new(1));
        let bytes = native.layout().to_safetensors(&theta).expect("all arrays");
        let own_theta = own
            .layout()
            .from_safetensors(&bytes)
            .expect("the same names");
        let (burn, energy) = with_threads(1, || seconds_of_a_step(&model, &own, own_theta));
        let (base, other) = with_threads(1, || seconds_of_a_step(&model, &native, theta));
        let ratio = burn / base;
        println!(
            "N = {n}: Burn {burn:.2}, native {base:.2} CPU s a step; ratio {ratio:.1}; energies {energy} and {other}"
        );
        assert!(ratio < 12.0, "a step costs {ratio:.1} times the native one");
    }
}

/// The least of three steps after a first, with 1024 shots, and the last energy.
fn seconds_of_a_step(
    model: &Model<f64>,
    psi: &dyn Ansatz<Log = f64>,
    theta: Vec<f64>,
) -> (f64, f64) {
    let sampler = Independent::new(1024, Stream::new(2).named("samples"));
    let mut vmc = GroundState::new(model, psi, sampler, theta);
    let step = |_| {
        let watch = Stopwatch::start();
        let report = vmc.next().expect("endless").expect("no step fails");
        (watch.elapsed().cpu_seconds, report.energy.mean)
    };
    let steps: Vec<_> = (0..4).map(step).collect();
    let least = steps[1..].iter().map(|s| s.0).fold(f64::INFINITY, f64::min);
    (least, steps[3].1)
}
