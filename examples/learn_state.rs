//! Which network can hold long entanglement? Bell pairs between far sites, all of them across the
//! middle of the chain. The best matrix product state of bond 4 keeps 4 of 2^(N/2) equal Schmidt values.
//! Fitted are its tensors with every conditional normalised (once they are not canonical, that is no
//! matrix product state any more), a transformer, and both together (ANTN), with all configurations
//! summed; at last a recurrent network learns the ANTN from shots of both.

mod cli;

use cli::{Failure, Line, Session, Story};
use ketwork::dmrg::Mps;
use ketwork::evolve::{FitToParams, fit_state, fit_to};
use ketwork::exact::{Basis, Memory};
use ketwork::hamiltonians::{Free, Sector, Space};
use ketwork::{
    Ansatz, Backbone, Cell, Figure, FullSum, Mixing, Named, NamedNetwork, Panel, RnnParams,
};
use ketwork::{Sampler, Scale, Stopwatch, Stream, Tensors, TransformerParams, Wavefunction};
use num_complex::Complex64;
use std::process::ExitCode;
use std::sync::Arc;

/// Bond of the matrix product states.
const BOND: usize = 4;

fn main() -> ExitCode {
    let (name, toml, takes) = ("learn_state", "seed = 1", &[]);
    cli::main(Story { name, toml, takes }, tell)
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let pairs = if session.quick { 3 } else { 5 };
    let n = 2 * pairs;
    let sector: Sector = Arc::new(Free::new(Space::qubits(n)));
    let basis = Basis::new(&*sector, Memory::default())?;
    let params = TransformerParams {
        layers: 1,
        width: 16,
        heads: 2,
    };
    let near = |bond| Tensors::NearUniform(bond);
    let antn = |mixing| NamedNetwork::Antn {
        tensors: near(BOND),
        backbone: Backbone::Transformer(params),
        mixing,
    };
    let networks = [
        ("tensors, bond 4", NamedNetwork::Mps(near(BOND))),
        ("transformer", NamedNetwork::Transformer(params)),
        ("ANTN, blockwise", antn(Mixing::Blockwise)),
        ("ANTN, elementwise", antn(Mixing::Elementwise)),
    ];
    // The share of the norm that such a bond can hold of 2^pairs equal Schmidt values.
    let bound = BOND as f64 / f64::from(1u32 << pairs);
    session.say(format!(
        "{pairs} Bell pairs (i, i + {pairs}); no matrix product state of bond {BOND} has a fidelity above {bound}"
    ));
    let mut target = vec![Complex64::default(); basis.len()];
    for (a, x) in target
        .iter_mut()
        .zip(basis.configs(0..basis.len()).view().rows())
    {
        let is_paired = (0..pairs).all(|i| x[i] == x[i + pairs]);
        *a = Complex64::from(if is_paired {
            f64::from(1u32 << pairs).powf(-0.5)
        } else {
            0.0
        });
    }
    let order: Vec<u32> = (0..n as u32).collect();
    let best = Mps::from_vector(2, &order, &target, BOND).map_err(Failure::computation)?;
    let rows = basis.configs(0..basis.len());
    let pairs_of = rows.view().rows().zip(&target);
    let overlap: Complex64 = pairs_of.map(|(x, a)| best.amplitude(x).conj() * a).sum();
    let truncated = overlap.norm_sqr();
    session.say(format!(
        "best matrix product state, bond {BOND}: fidelity {truncated:.6}"
    ));
    let all = FullSum::new(&*sector, Memory::default()).map_err(Failure::input)?;
    let mut panel = Panel::new("number of parameters", "infidelity").scales(Scale::Log, Scale::Log);
    let (mut lines, mut teacher) = (Vec::new(), None);
    for (k, (name, network)) in networks.iter().enumerate() {
        let psi = Complex64::network(network, &sector, false).map_err(Failure::computation)?;
        let stream = Stream::new(session.run.seed).numbered(k as u64);
        let mut theta = psi.layout().initial(stream);
        let watch = Stopwatch::start();
        let found =
            fit_state(&*psi, &mut theta, &all, &target, 1e-5).map_err(Failure::computation)?;
        let seconds = watch.elapsed().cpu_seconds;
        let samples = all
            .clone()
            .draw(&*psi, &theta)
            .map_err(Failure::computation)?;
        let pairs = samples.log_psi.iter().zip(&target);
        let overlap: Complex64 = pairs.map(|(l, a)| l.exp().conj() * a).sum();
        let fidelity = overlap.norm_sqr();
        session.say(format!(
            "{name}: fidelity {fidelity:.6}, {} parameters, {} sweeps, {seconds:.1} CPU s",
            theta.len(),
            found.sweeps
        ));
        panel = panel.points(
            name,
            [(theta.len() as f64, (1.0 - fidelity).max(1e-12), 0.0)],
        );
        let line = Line::new().set("network", *name).set("fidelity", fidelity);
        lines.push(
            line.set("n_params", theta.len())
                .set("sweeps", found.sweeps as usize),
        );
        teacher = Some((psi, theta));
    }
    let (phi, at) = teacher.ok_or_else(|| Failure::computation("no network was fitted"))?;
    let student = learn(session, &sector, (&*phi, &at))?;
    panel = panel.level("best matrix product state of bond 4", 1.0 - bound);
    session.draw(
        &Figure::new("Bell pairs across the middle").panel(panel),
        "fidelity.png",
    );
    Ok(Line::new()
        .set("sites", n)
        .set("bound", bound)
        .set("truncated", truncated)
        .set("student", student)
        .set("networks", lines))
}

/// A recurrent network that sees shots of another wavefunction and its own.
fn learn(
    session: &Session,
    sector: &Sector,
    target: (&dyn Ansatz<Log = Complex64>, &[f64]),
) -> Result<Line, Failure> {
    let sizes = RnnParams {
        cell: Cell::Gru,
        layers: 1,
        width: 24,
    };
    let psi = Complex64::network(&NamedNetwork::Rnn(sizes), sector, false);
    let psi = psi.map_err(Failure::computation)?;
    let stream = Stream::new(session.run.seed).named("student");
    let mut theta = psi.layout().initial(stream);
    let params = FitToParams::default();
    let watch = Stopwatch::start();
    let found = fit_to(&*psi, &mut theta, target, stream.named("shots"), &params)
        .map_err(Failure::computation)?;
    let seconds = watch.elapsed().cpu_seconds;
    let infidelity = found.infidelity;
    session.say(format!(
        "recurrent network, from shots of the ANTN: infidelity {:.1e} +- {:.0e} on fresh shots, {} parameters, {} \
         batches, {seconds:.1} CPU s",
        infidelity.mean,
        infidelity.error,
        theta.len(),
        found.batches
    ));
    let line = Line::new().set("infidelity", infidelity.mean);
    let line = line.set("infidelity_error", infidelity.error);
    Ok(line.set("batches", found.batches as usize))
}
