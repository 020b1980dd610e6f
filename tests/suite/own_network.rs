//! A user's Burn module through the whole stack.

use crate::prelude::{critical_ring, critical_ring_energy, with_threads};
use ketwork::burn;
use ketwork::burn::module::{Module, Param};
use ketwork::burn::nn::{Embedding, EmbeddingConfig, Initializer, Linear, LinearConfig};
use ketwork::burn::tensor::{Device, Int, Tensor};
use ketwork::exact::Memory;
use ketwork::hamiltonians::{Hamiltonian, OnSpace, Space};
use ketwork::{
    Autoregressive, BurnConditional, BurnNetwork, FullSum, GroundState, Independent, MinSr,
    Schedule, Stream, Wavefunction,
};

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

/// Two layers on the token and the one before it.
#[derive(Module, Debug)]
struct Small {
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

fn small(space: Space) -> BurnConditional<Small, f64> {
    BurnConditional::new(space, 2, |device| Small {
        token: EmbeddingConfig::new(3, 6).init(device),
        head: LinearConfig::new(6, 2).init(device),
    })
    .expect("a causal network")
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
