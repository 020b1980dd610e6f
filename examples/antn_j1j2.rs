//! Do a matrix product state and a network reach together what neither reaches alone? The frustrated
//! J1-J2 square of 4 x 4 spins: an ANTN that starts at the matrix product state DMRG finds with bond 8,
//! next to the matrix product state and the transformer of as many parameters, and to exact
//! diagonalisation. Both networks are mixtures over spin flip and point group, and their steps sum over
//! the orbits of all configurations: what is left is what the states can express.

mod cli;

use cli::{Failure, Line, Session, Story};
use ketwork::dmrg::{DmrgParams, Mps, ground_state};
use ketwork::hamiltonians::AnyModel;
use ketwork::run::{GroundStateRun, Outcome, RunOptions};
use ketwork::{Figure, Panel, RunFile, Scale};
use std::process::ExitCode;

const COUPLINGS: [f64; 3] = [0.2, 0.5, 0.8];
/// Steps of each training.
const STEPS: usize = 200;
/// Bond of the ANTN.
const BOND: usize = 8;

fn main() -> ExitCode {
    let (name, toml, takes) = ("antn_j1j2", "seed = 11", &[]);
    cli::main(Story { name, toml, takes }, tell)
}

/// The run of a network, given by the keys of its section.
fn prepared(session: &Session, j2: f64, wavefunction: &str) -> Result<GroundStateRun, Failure> {
    let side = if session.quick { 2 } else { 4 };
    let steps = session.run.optimizer.steps.unwrap_or(STEPS);
    let text = format!(
        "seed = {}\n[hamiltonian]\nmodel = \"j1j2\"\nj2 = {j2:?}\nsector = {{ total_sz = 0 }}\n\
         lattice = {{ kind = \"square\", extent = [{side}, {side}], boundary = \"open\" }}\n\
         [wavefunction]\n{wavefunction}\nsymmetry = [\"spin_flip\", \"point_group\"]\n\
         [optimizer]\nsteps = {steps}\n[sampling]\nsampler = \"full_sum\"\n",
        session.run.seed
    );
    let mut run: RunFile = text.parse().map_err(Failure::input)?;
    if session.quick {
        run.lower();
    }
    Ok(GroundStateRun::new(run)?)
}

fn train(session: &Session, j2: f64, wavefunction: &str) -> Result<Outcome, Failure> {
    let options = RunOptions {
        progress: true,
        stop: Some(session.interrupted()),
        ..RunOptions::default()
    };
    Ok(prepared(session, j2, wavefunction)?.run(&options)?)
}

/// A matrix product state beside the networks.
struct Product {
    bond: usize,
    energy: f64,
    n_params: usize,
}

/// The state of DMRG with the narrowest bond that has at least so many parameters.
fn as_large(run: &GroundStateRun, n_params: usize) -> Result<Product, Failure> {
    let AnyModel::Real(model) = run.model() else {
        return Err(Failure::computation("exchange is real"));
    };
    let count = |state: &Mps<f64>| state.slices().map(|(_, _, t)| t.len()).sum::<usize>();
    let mut bond = BOND;
    loop {
        let params = DmrgParams {
            bonds: vec![bond],
            ..DmrgParams::default()
        };
        let (state, info) = ground_state(model, params).map_err(Failure::computation)?;
        let found = Product {
            bond: state.bond_dims().into_iter().max().unwrap_or(1),
            energy: info.last.energy,
            n_params: count(&state),
        };
        // Narrower than asked for: the state is exact.
        if found.n_params >= n_params || found.bond < bond {
            return Ok(found);
        }
        bond += 1;
    }
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let (mut lines, mut above) = (Vec::new(), [vec![], vec![], vec![], vec![]]);
    let antn = format!(
        "network = \"antn\"\nbond = {BOND}\nmixing = \"elementwise\"\ninit = \"dmrg\"\nlayers = 1\nwidth = 8\nheads = 2"
    );
    // Of widths that two heads divide, the one with about as many parameters.
    let transformer = "network = \"transformer\"\nlayers = 2\nwidth = 16\nheads = 2";
    for j2 in COUPLINGS {
        let both = train(session, j2, &antn)?;
        let net = train(session, j2, transformer)?;
        let product = as_large(&prepared(session, j2, &antn)?, both.n_params)?;
        let missing = || Failure::computation("no exact energy beside the run");
        let exact = both.exact.ok_or_else(missing)?;
        let start = both.dmrg_energy.ok_or_else(missing)?;
        let off = |e: f64| (e - exact) / exact.abs();
        session.say(format!(
            "j2 = {j2}: exact {exact:.6}; relative errors: DMRG at bond {BOND} {:.1e}, at bond {} {:.1e} ({} \
             parameters), transformer {:.1e} ({}), ANTN {:.1e} ({}); variances of the networks {:.1e} and {:.1e}",
            off(start),
            product.bond,
            off(product.energy),
            product.n_params,
            off(net.energy),
            net.n_params,
            off(both.energy),
            both.n_params,
            net.variance,
            both.variance
        ));
        let energies = [start, product.energy, net.energy, both.energy];
        for (points, energy) in above.iter_mut().zip(energies) {
            points.push((j2, off(energy).max(1e-9), 0.0));
        }
        let line = Line::new().set("j2", j2).set("exact", exact);
        let line = line.set("dmrg", start).set("mps", product.energy);
        let line = line
            .set("mps_bond", product.bond)
            .set("mps_params", product.n_params);
        let line = line
            .set("transformer", net.energy)
            .set("transformer_params", net.n_params)
            .set("transformer_variance", net.variance);
        lines.push(
            line.set("antn", both.energy)
                .set("antn_params", both.n_params)
                .set("antn_variance", both.variance),
        );
    }
    let [start, product, net, both] = above;
    let panel = Panel::new("J2 / J1", "relative error of the energy")
        .scales(Scale::Linear, Scale::Log)
        .points("DMRG, bond 8", start)
        .points("DMRG, as many parameters as ANTN", product)
        .points("transformer, the same", net)
        .points("ANTN from bond 8", both);
    session.draw(
        &Figure::new("J1-J2 square, 4 x 4, open").panel(panel),
        "energies.png",
    );
    Ok(Line::new().set("couplings", lines))
}
