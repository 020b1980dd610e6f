//! Which network can hold long entanglement? Bell pairs between far sites, all of them across the
//! middle of the chain. A matrix product state of bond 4 keeps 4 of 2^(N/2) equal Schmidt values; fitted
//! are its tensors with every conditional normalised (once they are not canonical, that is no matrix
//! product state any more), a transformer, and both together (ANTN), with all configurations summed.

mod cli;

use cli::{Failure, Line, Session, Story};
use ketwork::evolve::fit_state;
use ketwork::exact::{Basis, Memory};
use ketwork::hamiltonians::{Free, Sector, Space};
use ketwork::{Figure, FullSum, Mixing, Named, NamedNetwork, Panel, Sampler, Scale};
use ketwork::{Stopwatch, Stream, Tensors, TransformerParams, Wavefunction};
use num_complex::Complex64;
use std::process::ExitCode;
use std::sync::Arc;

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
        tensors: near(4),
        params,
        mixing,
    };
    let networks = [
        ("tensors, bond 4", NamedNetwork::Mps(near(4))),
        ("transformer", NamedNetwork::Transformer(params)),
        ("ANTN, blockwise", antn(Mixing::Blockwise)),
        ("ANTN, elementwise", antn(Mixing::Elementwise)),
    ];
    // The share of the norm that a bond of 4 can hold of 2^pairs equal Schmidt values.
    let bound = 4.0 / f64::from(1u32 << pairs);
    session.say(format!(
        "{pairs} Bell pairs (i, i + {pairs}); no matrix product state of bond 4 has a fidelity above {bound}"
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
    let all = FullSum::new(&*sector, Memory::default()).map_err(Failure::input)?;
    let mut panel = Panel::new("number of parameters", "infidelity").scales(Scale::Log, Scale::Log);
    let mut lines = Vec::new();
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
    }
    panel = panel.level("matrix product states of bond 4", 1.0 - bound);
    session.draw(
        &Figure::new("Bell pairs across the middle").panel(panel),
        "fidelity.png",
    );
    Ok(Line::new()
        .set("sites", n)
        .set("bound", bound)
        .set("networks", lines))
}
