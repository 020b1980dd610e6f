//! How far do spins know of each other, and how entangled is a block? Correlations, structure factor
//! and Renyi-2 entropy of the Ising ring of 12 qubits at h = 1.2, near its critical point: shots of a
//! trained transformer with error bars, next to the exact ground state.

mod cli;

use cli::{Failure, Line, Session, Story};
use ketwork::exact::{LanczosParams, Memory, expectation, ground_state, renyi2};
use ketwork::hamiltonians::{
    Action, Boundary, Lattice, LocalSum, OnSpace, Pauli, Space, Term, Tfim,
};
use ketwork::{
    Ancestral, Autoregressive, Figure, GroundState, Hamiltonian, Independent, OperatorError, Panel,
    Sampled, SiteOperator, Stream, Swap, Transformer, TransformerParams, Wavefunction,
};
use std::process::ExitCode;

const N: usize = 12;

fn main() -> ExitCode {
    cli::main(
        Story {
            name: "observables",
            toml: "seed = 5",
            takes: &[],
        },
        tell,
    )
}

/// $Z_0 Z_r$, for the exact twin.
fn zz(r: usize) -> Result<LocalSum<f64>, OperatorError> {
    let (sites, string) = match r {
        0 => (vec![0], vec![Pauli::I]),
        _ => (vec![0, r as u32], vec![Pauli::Z; 2]),
    };
    let term = Term {
        sites,
        guard: Vec::new(),
        action: Action::Pauli(string, 1.0),
        coupling: 0,
    };
    LocalSum::new(Space::qubits(N), vec![term], vec![("1".into(), 1.0)])
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let quick = |full: usize, short: usize| if session.quick { short } else { full };
    let steps = quick(session.run.optimizer.steps.unwrap_or(200), 20);
    let shots = session.run.sampling.samples.unwrap_or(quick(16_384, 2048)) as u64;
    let ring = Lattice::chain(N, Boundary::Periodic).map_err(Failure::input)?;
    let model = Tfim::new(1.2).on(&ring).map_err(Failure::input)?;
    let exact = ground_state(&model, &LanczosParams::default())?;

    let params = TransformerParams {
        layers: 2,
        width: 16,
        heads: 2,
    };
    let net = Transformer::<f64>::new(*model.space(), params).map_err(Failure::input)?;
    let psi = Autoregressive::new(net, model.sector().clone());
    let stream = Stream::new(session.run.seed);
    let theta = psi.layout().initial(stream.named("parameters"));
    let sampler = Independent::new(1024, stream.named("training"));
    let mut vmc = GroundState::new(&model, &psi, sampler, theta);
    for report in vmc.by_ref().take(steps) {
        report.map_err(Failure::computation)?;
    }

    let samples = psi.sample(&vmc.theta, 0..shots, stream.named("measurement"));
    let state = Sampled::new(&psi, &vmc.theta, &samples);
    let energy = state.expectation(&model).map_err(Failure::computation)?;
    session.say(format!(
        "E = {}, exact {:.6}",
        energy.mean, exact.energies[0]
    ));

    let z = SiteOperator::pauli(Pauli::Z);
    let found = state
        .correlations_by_displacement(&z, &ring)
        .map_err(Failure::computation)?;
    let (mut points, mut line, mut off) = (Vec::new(), Vec::new(), Vec::new());
    for (r, c) in found.iter().enumerate() {
        let truth = expectation(
            &zz(r).map_err(Failure::input)?,
            &exact.basis,
            &exact.vectors[0],
        )
        .re;
        session.say(format!(
            "<Z0 Z{r}> - <Z0><Z{r}> = {}, exact {truth:.4}",
            c.mean.connected
        ));
        points.push((c.distance, c.mean.connected.mean, c.mean.connected.error));
        line.push((c.distance, truth));
        off.push(c.mean.connected.mean - truth);
    }
    let factors = state
        .structure_factor(&z, &ring, &ring.momenta())
        .map_err(Failure::computation)?;
    session.say(format!(
        "S(0) = {}, S(pi) = {}",
        factors[0].value.total,
        factors[N / 2].value.total
    ));

    let (mut entropies, mut exact_entropies) = (Vec::new(), Vec::new());
    for length in 1..=N / 2 {
        let block: Vec<usize> = (0..length).collect();
        let s2 = state
            .renyi2(&block, &Swap::default())
            .map_err(Failure::computation)?
            .entropy;
        let truth = renyi2(&exact.basis, &exact.vectors[0], &block, Memory::default())?;
        session.say(format!("S2 of {length} sites = {s2}, exact {truth:.4}"));
        entropies.push((length as f64, s2.mean, s2.error));
        exact_entropies.push((length as f64, truth));
    }
    let correlation = Panel::new("distance r", "<Z Z> connected")
        .line("exact", line.iter().copied())
        .points("transformer", points.iter().copied());
    let entropy = Panel::new("sites of the block", "Renyi-2 entropy (nats)")
        .line("exact", exact_entropies.iter().copied())
        .points("transformer", entropies.iter().copied());
    let title = format!("Ising ring, {N} qubits, h = 1.2, {shots} shots");
    session.draw(
        &Figure::new(&title).panel(correlation).panel(entropy),
        "observables.png",
    );
    Ok(Line::new()
        .set("energy", energy.mean.mean)
        .set("energy_error", energy.mean.error)
        .set(
            "zz_connected",
            points.iter().map(|p| p.1).collect::<Vec<_>>(),
        )
        .set(
            "zz_connected_error",
            points.iter().map(|p| p.2).collect::<Vec<_>>(),
        )
        .set("zz_off_exact", off)
        .set("renyi2", entropies.iter().map(|p| p.1).collect::<Vec<_>>())
        .set(
            "renyi2_error",
            entropies.iter().map(|p| p.2).collect::<Vec<_>>(),
        )
        .set(
            "renyi2_exact",
            exact_entropies.iter().map(|p| p.1).collect::<Vec<_>>(),
        ))
}
