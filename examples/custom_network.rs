//! A network of your own: a causal convolutional network of 40 lines, written with Burn, finds the
//! ground state of the critical Ising ring of 16 sites. Sampling, derivatives and optimisation are
//! those of the native networks. Closed form by free fermions: $E_0 = -2 / \sin(\pi / 2N)$ (P. Pfeuty,
//! Ann. Phys. 57, 79 (1970)).

mod cli;

use cli::{Failure, Line, Session, Story};
use ketwork::burn;
use ketwork::burn::module::{Module, Param};
use ketwork::burn::nn::conv::{Conv1d, Conv1dConfig};
use ketwork::burn::nn::{Embedding, EmbeddingConfig, Initializer, PaddingConfig1d};
use ketwork::burn::tensor::{Device, Int, Tensor, activation::gelu_approximate};
use ketwork::hamiltonians::{Boundary, Hamiltonian, Lattice, OnSpace, Space, Tfim};
use ketwork::{
    Autoregressive, BurnConditional, BurnNetwork, Figure, GroundState, Independent, Panel, Scale,
    Schedule, Spring, Stream, Wavefunction,
};
use std::process::ExitCode;

/// Dilated causal convolutions on tokens and positions: layer l sees 2^l tokens back, so that four
/// layers see 16.
#[derive(Module, Debug)]
struct Convolutional {
    token: Embedding,
    position: Param<Tensor<2>>,
    layers: Vec<Conv1d>,
    mix: Vec<Conv1d>,
    head: Conv1d,
}

impl Convolutional {
    fn new(space: Space, width: usize, device: &Device) -> Self {
        let conv = |outputs, kernel, dilation| {
            // All padding stands before the first token: nothing looks ahead.
            let padding = PaddingConfig1d::Explicit((kernel - 1) * dilation, 0);
            let config = Conv1dConfig::new(width, outputs, kernel);
            config
                .with_dilation(dilation)
                .with_padding(padding)
                .init(device)
        };
        let n_layers = space.n_sites.next_power_of_two().ilog2();
        let spread = Initializer::Normal {
            mean: 0.0,
            std: 0.3,
        };
        Self {
            token: EmbeddingConfig::new(space.local_dim + 1, width).init(device),
            position: spread.init([width, space.n_sites], device),
            layers: (0..n_layers).map(|l| conv(width, 2, 1 << l)).collect(),
            mix: (0..n_layers).map(|_| conv(width, 1, 1)).collect(),
            head: conv(space.local_dim, 1, 1),
        }
    }
}

impl BurnNetwork for Convolutional {
    fn forward(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        let length = tokens.dims()[1];
        let position = self.position.val().narrow(1, 0, length).unsqueeze();
        let mut x = self.token.forward(tokens).swap_dims(1, 2) + position;
        for (conv, mix) in self.layers.iter().zip(&self.mix) {
            x = x.clone() + mix.forward(gelu_approximate(conv.forward(x)));
        }
        self.head.forward(x).swap_dims(1, 2)
    }

    fn takes_prefixes(&self) -> bool {
        true
    }
}

fn main() -> ExitCode {
    cli::main(
        Story {
            name: "custom_network",
            toml: "seed = 1",
            takes: &[],
        },
        tell,
    )
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let (n_sites, width) = if session.quick { (6, 4) } else { (16, 16) };
    let asked = session.run.optimizer.steps;
    let steps = asked.unwrap_or(if session.quick { 20 } else { 300 });
    let samples = session
        .run
        .sampling
        .samples
        .unwrap_or(if session.quick { 128 } else { 1024 });
    let ring = Lattice::chain(n_sites, Boundary::Periodic).map_err(Failure::input)?;
    let model = Tfim::new(1.0).on(&ring).map_err(Failure::input)?;
    let space = *model.space();
    let exact = -2.0 / (std::f64::consts::PI / (2.0 * n_sites as f64)).sin();

    let seed = session.run.seed;
    let net = BurnConditional::<_, f64>::new(space, seed, |device| {
        Convolutional::new(space, width, device)
    })
    .map_err(Failure::computation)?;
    let psi = Autoregressive::new(net, model.sector().clone());
    let stream = Stream::new(seed);
    let theta = psi.layout().initial(stream);
    let n_params = theta.len();
    let shots = Independent::new(samples as u64, stream.named("samples"));
    let mut vmc = GroundState::new(&model, &psi, shots, theta).with_solver(Spring::new(1e-3, 0.8));
    vmc.learning_rate = Schedule::training_rate(n_sites, 0.1);
    vmc.shift = Some(Schedule::training_shift());
    let mut progress = session.progress(steps);
    let mut off = Vec::new();
    for (step, report) in vmc.by_ref().take(steps).enumerate() {
        let report = report.map_err(Failure::computation)?;
        off.push((
            step as f64,
            (report.energy.mean - exact).abs() / exact.abs(),
        ));
        progress.update(
            step as u64 + 1,
            report.energy.mean,
            report.energy.error,
            report.variance,
        );
    }
    progress.finish();
    vmc.sampler.shots = 16 * samples as u64;
    let (energy, variance) = vmc.measure().map_err(Failure::computation)?;
    let relative = (energy.mean - exact).abs() / exact.abs();
    session.say(format!(
        "{n_params} parameters: E = {energy}, variance {variance:.1e}; exact {exact:.6}, relative error {relative:.1e}"
    ));
    let panel = Panel::new("step", "|E - exact| / |exact|")
        .scales(Scale::Linear, Scale::Log)
        .line("energy of a step", off);
    let title = "A convolutional network on the critical Ising ring";
    session.draw(&Figure::new(title).panel(panel), "custom_network.png");
    Ok(Line::new()
        .set("energy", energy.mean)
        .set("energy_error", energy.error)
        .set("variance", variance)
        .set("exact", exact)
        .set("relative_error", relative)
        .set("n_params", n_params)
        .set("steps", steps))
}
