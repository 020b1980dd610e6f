//! A Hamiltonian of your own in ten lines: the cluster chain
//! $H = -\sum_i Z_{i-1} X_i Z_{i+1} - h \sum_i X_i$, critical at h = 1, whose ground state at h = 0 is
//! the cluster state of measurement-based quantum computing (E = -N).
//!
//! Exact twin and neural state read the same value. Closed form by free fermions on the ring
//! (N a multiple of 4): $E_0 = -\sum_k \sqrt{1 + h^2 + 2 h \cos 2k}$, k = (2n + 1) pi / N.

mod cli;

use cli::{Failure, Line, Session, Story};
use ketwork::exact::{LanczosParams, ground_state};
use ketwork::hamiltonians::{
    AnyModel, Boundary, Hamiltonian, Lattice, Model, ModelError, PauliSum, PauliTerm,
};
use ketwork::{
    Autoregressive, GroundState, Independent, OnSpace, Stream, Transformer, TransformerParams,
    Wavefunction,
};
use std::process::ExitCode;

const N: usize = 12;

fn main() -> ExitCode {
    cli::main(
        Story {
            name: "custom_hamiltonian",
            toml: "seed = 3",
            takes: &[],
        },
        tell,
    )
}

/// The model: any real or complex combination of Pauli strings.
fn cluster(h: f64) -> Result<Model<f64>, ModelError> {
    let site = |i: usize| (i % N) as u32;
    let mut terms = Vec::new();
    for i in 0..N {
        terms.push(PauliTerm::new(
            -1.0,
            "ZXZ",
            &[site(i), site(i + 1), site(i + 2)],
        )?);
        terms.push(PauliTerm::new(-h, "X", &[site(i)])?);
    }
    match PauliSum::new(terms).on(&Lattice::chain(N, Boundary::Periodic)?)? {
        AnyModel::Real(model) => Ok(model),
        AnyModel::Complex(_) => unreachable!("strings without Y are real"),
    }
}

fn free_fermions(h: f64) -> f64 {
    let k = |n: usize| (2 * n + 1) as f64 * std::f64::consts::PI / N as f64;
    -(0..N)
        .map(|n| (1.0 + h * h + 2.0 * h * (2.0 * k(n)).cos()).sqrt())
        .sum::<f64>()
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let steps = if session.quick {
        20
    } else {
        session.run.optimizer.steps.unwrap_or(200)
    };
    let samples = session.run.sampling.samples.unwrap_or(1024) as u64;
    let (mut fields, mut energies, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for h in [0.5, 1.0, 1.5] {
        let model = cluster(h).map_err(Failure::input)?;
        let exact = ground_state(&model, &LanczosParams::default())?.energies[0];

        let params = TransformerParams {
            layers: 2,
            width: 16,
            heads: 2,
        };
        let net = Transformer::<num_complex::Complex64>::new(*model.space(), params)
            .map_err(Failure::input)?;
        let psi = Autoregressive::new(net, model.sector().clone());
        let stream = Stream::new(session.run.seed);
        let theta = psi.layout().initial(stream);
        let mut vmc = GroundState::new(&model, &psi, Independent::new(samples, stream), theta);
        for report in vmc.by_ref().take(steps) {
            report.map_err(Failure::computation)?;
        }
        vmc.sampler.shots = 16 * samples;
        let (energy, variance) = vmc.measure().map_err(Failure::computation)?;
        session.say(format!(
            "h = {h}: E = {energy}, variance {variance:.1e}; exact {exact:.6}, free fermions {:.6}",
            free_fermions(h)
        ));
        fields.push(h);
        energies.push(energy.mean);
        errors.push(energy.error);
    }
    Ok(Line::new()
        .set("h", fields)
        .set("energy", energies)
        .set("energy_error", errors))
}
