//! How far do spins know of each other, and how entangled is a block? Correlations and Renyi-2 entropy
//! of the Ising ring of 12 qubits at h = 1.2, near its critical point: shots of a trained transformer
//! with error bars, next to the exact ground state.

mod cli;

use cli::{Failure, Line, Session, Story};
use ketwork::exact::{LanczosParams, Memory, expectation, ground_state, renyi2};
use ketwork::hamiltonians::{Action, LocalSum, OnSpace, Pauli, Space, Term};
use ketwork::hamiltonians::{Boundary, Hamiltonian, Lattice, OperatorError, Tfim};
use ketwork::{Ancestral, Autoregressive, Figure, GroundState, Independent, Panel, Sampled};
use ketwork::{SiteOperator, Stream, Swap, Transformer, TransformerParams, Wavefunction};
use std::process::ExitCode;

const N: usize = 12;

fn main() -> ExitCode {
    let (name, toml, takes) = ("observables", "seed = 5", &[]);
    cli::main(Story { name, toml, takes }, tell)
}

/// $Z_0 Z_r$ for the exact twin; $\langle Z \rangle = 0$ on a finite ring.
fn zz(r: usize) -> Result<LocalSum<f64>, OperatorError> {
    let string = vec![Pauli::Z; 2];
    let term = Term {
        sites: vec![0, r as u32],
        guard: Vec::new(),
        action: Action::Pauli(string, 1.0),
        coupling: 0,
    };
    LocalSum::new(Space::qubits(N), vec![term], vec![("1".into(), 1.0)])
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let quick = |full: usize, short: usize| if session.quick { short } else { full };
    let steps = quick(session.run.optimizer.steps.unwrap_or(200), 20);
    let shots = quick(session.run.sampling.samples.unwrap_or(16_384), 2048) as u64;
    let ring = Lattice::chain(N, Boundary::Periodic).map_err(Failure::input)?;
    let model = Tfim::new(1.2).on(&ring).map_err(Failure::input)?;
    let params = TransformerParams {
        layers: 2,
        width: 16,
        heads: 2,
    };
    let net = Transformer::<f64>::new(*model.space(), params).map_err(Failure::input)?;
    let psi = Autoregressive::new(net, model.sector().clone());
    let stream = Stream::new(session.run.seed);
    let sampler = Independent::new(1024, stream.named("training"));
    let theta = psi.layout().initial(stream.named("parameters"));
    let mut vmc = GroundState::new(&model, &psi, sampler, theta);
    for report in vmc.by_ref().take(steps) {
        report.map_err(Failure::computation)?;
    }

    let samples = psi.sample(&vmc.theta, 0..shots, stream.named("measurement"));
    let state = Sampled::new(&psi, &vmc.theta, &samples);
    let z = SiteOperator::pauli(Pauli::Z);
    let shells = state
        .correlations_by_displacement(&z, &ring)
        .map_err(Failure::computation)?;
    let levels = ground_state(&model, &LanczosParams::default())?;
    let (basis, ground) = (&levels.basis, &levels.vectors[0]);
    let (mut correlations, mut entropies) = (Table::default(), Table::default());
    for (r, shell) in shells.iter().enumerate().skip(1) {
        let exact = expectation(&zz(r).map_err(Failure::input)?, basis, ground).re;
        session.say(format!(
            "<Z0 Z{r}> connected = {}, exact {exact:.4}",
            shell.mean.connected
        ));
        correlations.push(shell.distance, shell.mean.connected, exact);
    }
    for length in 1..=N / 2 {
        let block: Vec<usize> = (0..length).collect();
        let s2 = state
            .renyi2(&block, &Swap::default())
            .map_err(Failure::computation)?
            .entropy;
        let exact = renyi2(basis, ground, &block, Memory::default())?;
        session.say(format!("S2 of {length} sites = {s2}, exact {exact:.4}"));
        entropies.push(length as f64, s2, exact);
    }
    let figure = Figure::new(&format!("Ising ring, {N} qubits, h = 1.2, {shots} shots"))
        .panel(correlations.panel("distance r", "⟨ZZ⟩ connected"))
        .panel(entropies.panel("sites of the block", "S2 (nats)"));
    session.draw(&figure, "observables.png");
    Ok(Line::new()
        .set("zz_connected", correlations.line())
        .set("renyi2", entropies.line()))
}

/// (x, mean, error) and (x, exact).
#[derive(Default)]
struct Table(Vec<(f64, f64, f64)>, Vec<(f64, f64)>);

impl Table {
    fn push(&mut self, x: f64, found: ketwork::Estimate, exact: f64) {
        self.0.push((x, found.mean, found.error));
        self.1.push((x, exact));
    }
    fn panel(&self, x: &str, y: &str) -> Panel {
        // The legend stands right of the last point.
        Panel::new(x, y)
            .x_reaches(1.0, 7.0)
            .line("exact", self.1.clone())
            .points("transformer", self.0.clone())
    }
    fn line(&self) -> Line {
        let of = |f: fn(&(f64, f64, f64)) -> f64| self.0.iter().map(f).collect::<Vec<_>>();
        let exact: Vec<f64> = self.1.iter().map(|p| p.1).collect();
        Line::new()
            .set("mean", of(|p| p.1))
            .set("error", of(|p| p.2))
            .set("exact", exact)
    }
}
