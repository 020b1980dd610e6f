//! Methods for the dynamics of outcome probabilities beside each other, in one run on one thread: the published
//! trapezoid (L1 norm, Adam), the trapezoid by Gauss-Newton sweeps, TENG and TDVP, on all outcomes. Largest
//! deviation of the means of X, Y and Z from the density matrix at four times, and CPU seconds.
//!
//! `open_methods [SITES] [--symmetric] [--quick]`: dissipative Ising ring, V = g = 2, gamma = 1, from all up to t = 1; a
//! transformer of width 8, with `--symmetric` mixed over all translations and reflections.

use ketwork::evolve::Evolve;
use ketwork::exact::Memory;
use ketwork::hamiltonians::open::{Frame, Jump, Lindblad};
use ketwork::hamiltonians::{Boundary, Free, Hamiltonian, Lattice, OnSpace, Pauli, Space, Tfim};
use ketwork::open::L1Trapezoid;
use ketwork::run::RunOptions;
use ketwork::{
    Autoregressive, FullSum, Offset, Sampler, Stopwatch, Stream, Transformer, TransformerParams,
    Wavefunction,
};
use ketwork_benches::{ising_decay, pool};
use std::error::Error;
use std::sync::Arc;

const TIMES: [f64; 4] = [0.25, 0.5, 0.75, 1.0];
const AXES: [Pauli; 3] = [Pauli::X, Pauli::Y, Pauli::Z];
/// Run-file words of the methods: the name, `[lindblad] method`, and keys of `[evolution]`.
const METHODS: [(&str, &str, &str); 6] = [
    ("trapezoid, tau = 0.05", "trapezoid", "dt = 0.05"),
    ("trapezoid, tau = 0.025", "trapezoid", "dt = 0.025"),
    ("TENG (Heun), tau = 0.05", "teng", "dt = 0.05"),
    (
        "TDVP, Heun, tau = 0.025",
        "tdvp",
        "dt = 0.025\nintegrator = \"heun\"",
    ),
    (
        "TDVP, RK4, tau = 0.1",
        "tdvp",
        "dt = 0.1\nintegrator = \"rk4\"",
    ),
    ("TDVP, RK45", "tdvp", ""),
];

type Means = Vec<[f64; 3]>;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| words.iter().any(|w| w == word);
    let sites = words.iter().find(|w| !w.starts_with("--"));
    let n: usize = sites.map_or(Ok(4), |w| w.parse())?;
    let symmetric = if has("--symmetric") {
        "symmetry = [\"translation\", \"point_group\"]"
    } else {
        ""
    };
    let times = if has("--quick") { &TIMES[..1] } else { &TIMES };
    let wanted = by_run(n, "exact", "", "", times)?.0;
    println!("| method | deviation | CPU s |\n| --- | --- | --- |");
    let tell = |name: &str, (found, seconds): (Means, f64)| {
        let pairs = found.iter().flatten().zip(wanted.iter().flatten());
        let off = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        println!("| {name} | {off:.1e} | {seconds:.1} |");
    };
    // Its neighbours' derivatives make the published one unaffordable on larger rings.
    if n <= 4 && symmetric.is_empty() {
        tell(
            "L1 norm by Adam, tau = 0.05",
            pool(1).install(|| published(n, times))?,
        );
    }
    for (name, method, keys) in METHODS {
        let found = pool(1).install(|| by_run(n, method, keys, symmetric, times))?;
        tell(name, found);
    }
    Ok(())
}

fn by_run(
    n: usize,
    method: &str,
    keys: &str,
    symmetric: &str,
    times: &[f64],
) -> Result<(Means, f64), Box<dyn Error + Send + Sync>> {
    let keys = format!(
        "[wavefunction]\nnetwork = \"transformer\"\nwidth = 8\n{symmetric}\n[lindblad]\nmethod = \"{method}\"\n\
         [evolution]\ntimes = {times:?}\nobservables = [\"mean_sx\", \"mean_sy\", \"mean_sz\"]\n{keys}\n"
    );
    let run = ising_decay(n, 2.0, 1, &keys)?;
    let watch = Stopwatch::start();
    let found = run.run(&RunOptions::default())?;
    let seconds = watch.elapsed().cpu_seconds;
    let at = |i: usize| [0, 1, 2].map(|k| found.values[k][i].mean);
    Ok(((0..times.len()).map(at).collect(), seconds))
}

/// The published trapezoid on all outcomes.
fn published(n: usize, times: &[f64]) -> Result<(Means, f64), Box<dyn Error + Send + Sync>> {
    let ring = Lattice::chain(n, Boundary::Periodic)?;
    let tfim = Tfim {
        j: -0.5,
        h: -1.0,
        hz: 0.0,
    };
    let jumps = (0..n as u32).map(|i| Jump::lowering(i, 1.0)).collect();
    let frame = Frame::rotated();
    let lindblad = Lindblad::new(tfim.on(&ring)?.terms().to_complex(), jumps)?;
    let generator = lindblad.generator(&frame)?;
    let (layers, width, heads) = (1, 8, 2);
    let size = TransformerParams {
        layers,
        width,
        heads,
    };
    let law = frame.probabilities([0.0, 0.0, 1.0]).map(f64::ln);
    let net = Offset::new(
        Transformer::<f64>::new(Space::new(n, 4), size)?,
        law.repeat(n),
    )?;
    let strings = Free::new(*generator.space());
    let psi = Autoregressive::probability(net, Arc::new(strings.clone()));
    let mut all = FullSum::new(&strings, Memory::default())?;
    let mut theta = psi.layout().initial(Stream::new(1).named("parameters"));
    let mut engine = L1Trapezoid::new(&generator, &psi, Box::new(all.clone()));
    let watch = Stopwatch::start();
    let (mut at, tau, mut found) = (0.0, 0.05, Means::new());
    for &t in times {
        while t - at > 1e-9 {
            engine.advance(at, &mut theta, tau)?;
            at += tau;
        }
        let samples = all.draw(&psi, &theta)?;
        let means = AXES.map(|axis| {
            let of = frame.coefficients(axis);
            let rows = samples.x.view().rows().zip(&samples.weight);
            let each = rows.map(|(x, w)| w * x.iter().map(|&a| of[usize::from(a)]).sum::<f64>());
            each.sum::<f64>() / n as f64
        });
        found.push(means);
    }
    Ok((found, watch.elapsed().cpu_seconds))
}
