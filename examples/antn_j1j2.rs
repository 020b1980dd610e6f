//! Do a matrix product state and a network reach together what neither reaches alone? The frustrated
//! J1-J2 square of 4 x 4 spins: DMRG at bond 8, a transformer of as many parameters, and an ANTN that
//! starts exactly at the matrix product state, next to exact diagonalisation.

mod cli;

use cli::{Failure, Line, Session, Story};
use ketwork::run::{GroundStateRun, Outcome, RunOptions};
use ketwork::{Figure, Panel, RunFile, Scale};
use std::process::ExitCode;

const COUPLINGS: [f64; 3] = [0.2, 0.5, 0.8];
/// Steps of each training.
const STEPS: usize = 250;

fn main() -> ExitCode {
    let (name, toml, takes) = ("antn_j1j2", "seed = 11", &[]);
    cli::main(Story { name, toml, takes }, tell)
}

fn train(session: &Session, j2: f64, wavefunction: &str) -> Result<Outcome, Failure> {
    let side = if session.quick { 2 } else { 4 };
    let steps = session.run.optimizer.steps.unwrap_or(STEPS);
    let text = format!(
        "seed = {}\n[hamiltonian]\nmodel = \"j1j2\"\nj2 = {j2:?}\nsector = {{ total_sz = 0 }}\n\
         lattice = {{ kind = \"square\", extent = [{side}, {side}], boundary = \"open\" }}\n\
         [wavefunction]\n{wavefunction}\n[optimizer]\nsteps = {steps}\n",
        session.run.seed
    );
    let mut run: RunFile = text.parse().map_err(Failure::input)?;
    if session.quick {
        run.lower();
    }
    let options = RunOptions {
        progress: true,
        stop: Some(session.interrupted()),
        ..RunOptions::default()
    };
    Ok(GroundStateRun::new(run)?.run(&options)?)
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let (mut lines, mut above) = (Vec::new(), [vec![], vec![], vec![]]);
    for j2 in COUPLINGS {
        let antn = "network = \"antn\"\nbond = 8\nmixing = \"blockwise\"\ninit = \"dmrg\"";
        let antn = train(session, j2, antn)?;
        // Of widths that two heads divide, the one with about as many parameters.
        let net = train(
            session,
            j2,
            "network = \"transformer\"\nlayers = 2\nwidth = 20\nheads = 2",
        )?;
        let missing = || Failure::computation("no exact energy beside the run");
        let exact = antn.exact.ok_or_else(missing)?;
        let dmrg = antn.dmrg_energy.ok_or_else(missing)?;
        let off = |e: f64| (e - exact) / exact.abs();
        session.say(format!(
            "j2 = {j2}: exact {exact:.6}; relative errors: DMRG at bond 8 {:.1e}, transformer {:.1e} +- {:.0e} \
             ({} parameters), ANTN {:.1e} +- {:.0e} ({} parameters); variances {:.2e} and {:.2e}",
            off(dmrg),
            off(net.energy),
            net.energy_error / exact.abs(),
            net.n_params,
            off(antn.energy),
            antn.energy_error / exact.abs(),
            antn.n_params,
            net.variance,
            antn.variance
        ));
        let errors = [
            (dmrg, 0.0),
            (net.energy, net.energy_error),
            (antn.energy, antn.energy_error),
        ];
        for (points, (energy, error)) in above.iter_mut().zip(errors) {
            points.push((j2, off(energy).max(1e-7), error / exact.abs()));
        }
        let line = Line::new()
            .set("j2", j2)
            .set("exact", exact)
            .set("dmrg", dmrg);
        let line = line
            .set("transformer", net.energy)
            .set("transformer_error", net.energy_error);
        let line = line
            .set("antn", antn.energy)
            .set("antn_error", antn.energy_error);
        let line = line
            .set("transformer_params", net.n_params)
            .set("antn_params", antn.n_params);
        lines.push(
            line.set("transformer_variance", net.variance)
                .set("antn_variance", antn.variance),
        );
    }
    let [dmrg, net, antn] = above;
    let panel = Panel::new("J2 / J1", "relative error of the energy")
        .scales(Scale::Linear, Scale::Log)
        .points("DMRG, bond 8", dmrg)
        .points("transformer", net)
        .points("ANTN from that DMRG", antn);
    session.draw(
        &Figure::new("J1-J2 square, 4 x 4, open").panel(panel),
        "energies.png",
    );
    Ok(Line::new().set("couplings", lines))
}
