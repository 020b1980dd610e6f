//! A network of your own: a causal convolutional network of 40 lines, written with Burn, finds the
//! ground state of the critical Ising ring of 16 sites. Sampling, derivatives and optimisation are
//! those of the native networks. Closed form by free fermions: $E_0 = -2 / \sin(\pi / 2N)$ (P. Pfeuty,
//! Ann. Phys. 57, 79 (1970)).

mod cli;

use cli::{Failure, Line, Session, Story, Takes};
use ketwork::burn;
use ketwork::burn::module::{Module, Param};
use ketwork::burn::nn::Initializer;
#[cfg(feature = "wgpu")]
use ketwork::burn::tensor::DeviceKind;
use ketwork::burn::tensor::{Device, Int, Tensor, activation::gelu_approximate};
use ketwork::hamiltonians::{Boundary, Hamiltonian, Lattice, OnSpace, Space, Tfim};
use ketwork::{
    Autoregressive, BurnConditional, BurnCopies, BurnNetwork, Figure, GroundState, Independent,
    Panel, Scale, Schedule, Spring, Stream, Wavefunction,
};
use std::process::ExitCode;

/// Dilated causal convolutions on tokens and positions: layer l sees 2^l tokens back, so that four
/// layers see 16.
// ANCHOR: network
#[derive(Module, Debug)]
struct Convolutional {
    token: Param<Tensor<2>>,
    position: Param<Tensor<2>>,
    layers: Vec<[Param<Tensor<2>>; 2]>,
    head: Param<Tensor<2>>,
}

impl Convolutional {
    fn new(space: Space, width: usize, device: &Device) -> Self {
        let matrix = |inputs: usize, outputs: usize, std: f64| {
            Initializer::Normal { mean: 0.0, std }.init([inputs, outputs], device)
        };
        let std = 1.0 / (2.0 * width as f64).sqrt();
        let layer = |_| [(2 * width, std), (width, std)].map(|(i, std)| matrix(i, width, std));
        let n_layers = space.n_sites.next_power_of_two().ilog2();
        Self {
            token: matrix(space.local_dim + 1, width, 1.0),
            position: matrix(space.n_sites, width, 0.3),
            layers: (0..n_layers).map(layer).collect(),
            head: matrix(width, space.local_dim, std),
        }
    }
}

impl BurnNetwork for Convolutional {
    fn forward_each(&self, tokens: Tensor<2, Int>, copies: &BurnCopies) -> Option<Tensor<3>> {
        let length = tokens.dims()[1];
        let position: Tensor<3> = copies.of(&self.position);
        let mut x = copies.lookup(&self.token, tokens) + position.narrow(1, 0, length);
        for (l, [conv, mix]) in self.layers.iter().enumerate() {
            // Zeros stand before the first token: nothing looks ahead.
            let shifted = x.clone().pad([(0, 0), (1 << l, 0), (0, 0)], 0.0);
            let both = Tensor::cat(vec![x.clone(), shifted.narrow(1, 0, length)], 2);
            x = x + copies.product(gelu_approximate(copies.product(both, conv)), mix);
        }
        Some(copies.product(x, &self.head))
    }

    fn takes_prefixes(&self) -> bool {
        true
    }
}
// ANCHOR_END: network

fn main() -> ExitCode {
    cli::main(
        Story {
            name: "custom_network",
            toml: "seed = 1",
            takes: &[Takes::Device],
        },
        tell,
    )
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let (n_sites, width) = if session.quick { (6, 4) } else { (16, 16) };
    // Six sites take eighty steps in a moment, and need them.
    let most = if session.quick { 80 } else { usize::MAX };
    let steps = session.written.optimizer.steps.unwrap_or(500).min(most);
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
    let net = BurnConditional::<_, f64>::on(device(session)?, space, seed, |device| {
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

/// The processor, or the graphics processor that `--device` names.
fn device(session: &Session) -> Result<Device, Failure> {
    match session.device.as_deref() {
        None | Some("flex") => Ok(Device::flex()),
        #[cfg(feature = "wgpu")]
        Some("wgpu") => Ok(Device::wgpu(DeviceKind::DefaultDevice)),
        #[cfg(feature = "vulkan")]
        Some("vulkan") => Ok(Device::vulkan(DeviceKind::DefaultDevice)),
        #[cfg(feature = "cuda")]
        Some("cuda") => Ok(Device::cuda(0)),
        Some(other) => Err(Failure::input(format!(
            "--device {other}: flex, wgpu, vulkan or cuda; the last three need the feature of that name (cargo run \
             --features wgpu)"
        ))),
    }
}
