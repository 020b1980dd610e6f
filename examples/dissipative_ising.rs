//! Where does the steady state of a driven, decaying Ising ring cross over? Exact density matrices of
//! small rings, quantum trajectories of a larger one, and a transformer over measurement outcomes,
//! against the field g.

mod cli;

use cli::{Failure, Line, Session, Story};
use ketwork::exact::Memory;
use ketwork::hamiltonians::open::{Jump, Lindblad};
use ketwork::hamiltonians::{
    Action, Boundary, Hamiltonian, Lattice, LocalSum, Pauli, Space, Term, Tfim,
};
use ketwork::open::{Lindbladian, product_density};
use ketwork::run::{OpenRun, RunOptions};
use ketwork::{Estimate, Figure, Panel, RunFile, Stream};
use num_complex::Complex64;
use std::process::ExitCode;

/// Coupling of neighbours, (V/4) ZZ, in units of the rate of decay.
const V: f64 = 2.0;
/// Fields of networks and trajectories.
const FIELDS: [f64; 4] = [0.5, 1.0, 2.0, 4.0];
const AXES: [(&str, Pauli); 3] = [("x", Pauli::X), ("y", Pauli::Y), ("z", Pauli::Z)];

fn main() -> ExitCode {
    let (name, toml, takes) = ("dissipative_ising", "seed = 1", &[]);
    cli::main(Story { name, toml, takes }, tell)
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let (summed, wide, walks): (_, _, usize) = if session.quick {
        (3, 5, 8)
    } else {
        (6, 10, 96)
    };
    let fine: Vec<f64> = (1..=17).map(|k| 0.25 * f64::from(k)).collect();
    let curve = |n| {
        fine.iter()
            .map(|&g| exact(n, g))
            .collect::<Result<Vec<_>, _>>()
    };
    let (small, large) = (curve(summed - 2)?, curve(summed)?);
    let (mut networks, mut trajectories) = (Vec::new(), Vec::new());
    for g in FIELDS {
        let known = exact(summed, g)?;
        let found = network(session, summed, g)?;
        let walked = walked(session, wide, g, walks)?;
        for (k, (axis, _)) in AXES.iter().enumerate() {
            session.say(format!(
                "g = {g}: <{axis}> exact {:.4}, transformer {:.4} (N = {summed}); trajectories {:.4} +- {:.4} (N = {wide})",
                known[k], found[k].mean, walked[k].mean, walked[k].error
            ));
        }
        networks.push(found);
        trajectories.push(walked);
    }
    let mut figure =
        Figure::new("Steady states of the dissipative Ising ring, V = 2").size(1000, 1200);
    let lines = |all: &[[f64; 3]], k: usize| -> Vec<(f64, f64)> {
        fine.iter().zip(all).map(|(&g, m)| (g, m[k])).collect()
    };
    let points = |all: &[[Estimate; 3]], k: usize| -> Vec<(f64, f64, f64)> {
        let at = FIELDS.iter().zip(all);
        at.map(|(&g, m)| (g, m[k].mean, m[k].error)).collect()
    };
    for (k, (axis, _)) in AXES.iter().enumerate() {
        let panel = Panel::new("field g / gamma", &format!("<{axis}>, mean over sites"));
        figure = figure.panel(
            panel
                .line(&format!("exact, N = {}", summed - 2), lines(&small, k))
                .line(&format!("exact, N = {summed}"), lines(&large, k))
                .points(&format!("transformer, N = {summed}"), points(&networks, k))
                .points(
                    &format!("trajectories, N = {wide}"),
                    points(&trajectories, k),
                ),
        );
    }
    session.draw(&figure, "steady.png");
    let means = |all: &[[Estimate; 3]]| {
        all.iter()
            .map(|m| m.map(|e| e.mean).to_vec())
            .collect::<Vec<_>>()
    };
    let errors = |all: &[[Estimate; 3]]| {
        all.iter()
            .map(|m| m.map(|e| e.error).to_vec())
            .collect::<Vec<_>>()
    };
    let at_fields = FIELDS.iter().map(|&g| exact(summed, g).map(|m| m.to_vec()));
    Ok(Line::new()
        .set("fields", FIELDS.to_vec())
        .set("exact", at_fields.collect::<Result<Vec<_>, _>>()?)
        .set("transformer", means(&networks))
        .set("transformer_error", errors(&networks))
        .set("trajectories", means(&trajectories))
        .set("trajectories_error", errors(&trajectories)))
}

/// Ring, decay of rate 1 on every site, and the mean of X, Y and Z over sites.
fn system(n: usize, g: f64) -> Result<(Lindbladian, Vec<LocalSum<Complex64>>), Failure> {
    let ring = Lattice::chain(n, Boundary::Periodic).map_err(Failure::input)?;
    let tfim = Tfim {
        j: -0.25 * V,
        h: -0.5 * g,
        hz: 0.0,
    };
    let h = tfim.on(&ring).map_err(Failure::input)?.terms().to_complex();
    let jumps = (0..n as u32).map(|i| Jump::lowering(i, 1.0)).collect();
    let lindblad = Lindblad::new(h, jumps).map_err(Failure::input)?;
    let mean = |pauli: Pauli| {
        let term = |site| Term {
            sites: vec![site],
            guard: Vec::new(),
            action: Action::Pauli(vec![pauli], Complex64::from(1.0 / n as f64)),
            coupling: 0,
        };
        let terms = (0..n as u32).map(term).collect();
        LocalSum::new(Space::qubits(n), terms, vec![("mean".to_owned(), 1.0)])
    };
    let means = AXES
        .map(|(_, pauli)| mean(pauli))
        .into_iter()
        .collect::<Result<_, _>>();
    let generator = Lindbladian::new(&lindblad, Memory::default()).map_err(Failure::input)?;
    Ok((generator, means.map_err(Failure::computation)?))
}

fn exact(n: usize, g: f64) -> Result<[f64; 3], Failure> {
    let (system, means) = system(n, g)?;
    let up = [1.0, 0.0, 0.0, 0.0].map(Complex64::from);
    let mut rho = product_density(&vec![up; n]);
    system
        .steady(&mut rho, 1e-8)
        .map_err(Failure::computation)?;
    let found = system.means(&means.iter().collect::<Vec<_>>(), &rho);
    let found = found.map_err(Failure::computation)?;
    Ok([found[0], found[1], found[2]])
}

/// Means over trajectories, and over times from 15 to 40 of each.
fn walked(session: &Session, n: usize, g: f64, count: usize) -> Result<[Estimate; 3], Failure> {
    let (system, means) = system(n, g)?;
    let mut up = vec![Complex64::default(); system.dimension()];
    up[0] = Complex64::from(1.0);
    let times: Vec<f64> = (15..=40).map(f64::from).collect();
    let stream = Stream::new(session.run.seed).named("trajectories");
    let observables: Vec<_> = means.iter().collect();
    let walks = system.trajectories(&up, &times, &observables, count, stream);
    let walks = walks.map_err(Failure::computation)?;
    Ok([0, 1, 2].map(|k| walks.time_mean(0..times.len(), k)))
}

fn network(session: &Session, n: usize, g: f64) -> Result<[Estimate; 3], Failure> {
    let text = format!(
        "seed = {}\n[hamiltonian]\nmodel = \"dissipative_tfim\"\nv = {V:?}\ng = {g:?}\n\
         lattice = {{ kind = \"chain\", extent = [{n}], boundary = \"periodic\" }}\n\
         [wavefunction]\nnetwork = \"transformer\"\n[lindblad]\nmethod = \"steady_state\"\n",
        session.run.seed
    );
    let run: RunFile = text.parse().map_err(Failure::input)?;
    let options = RunOptions {
        progress: true,
        stop: Some(session.interrupted()),
        ..RunOptions::default()
    };
    let found = OpenRun::new(run)?.run(&options)?;
    Ok([0, 1, 2].map(|k| found.values[k][0]))
}
