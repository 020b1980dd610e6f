//! How slowly must a chain of Rydberg atoms be swept into its ordered phase? The detuning rises from
//! -4 to 4 in a time T, from the state without excitations: exact evolution under the driven
//! Hamiltonian, and a transformer in the blockade space carried by TDVP, for fast and slow sweeps.

mod cli;

use cli::{Failure, Line, Session, Story};
use ketwork::evolve::{Evolve, Flow, Schroedinger, Tableau, Tdvp, fit_state};
use ketwork::exact::{Basis, EvolveParams, Memory, evolve_driven};
use ketwork::hamiltonians::{Boundary, Hamiltonian, Lattice, Model, OnSpace, Protocol, Rydberg};
use ketwork::{Autoregressive, Figure, FullSum, Panel, Sampler, Stream, Transformer};
use ketwork::{TransformerParams, Wavefunction};
use num_complex::Complex64;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

/// Detuning at the start and at the end, in units of the Rabi frequency.
const SWEEP: (f64, f64) = (-4.0, 4.0);
/// Where the network takes over: nothing vanishes any more.
const FIRST: f64 = 0.2;

fn main() -> ExitCode {
    let (name, toml, takes) = ("adiabatic_ramp", "seed = 1", &[]);
    cli::main(Story { name, toml, takes }, tell)
}

/// One sweep as it was looked at.
#[derive(Default)]
struct Sweep {
    times: Vec<f64>,
    density: Vec<f64>,
    order: Vec<f64>,
    ordered: f64,
    infidelity: f64,
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let (atoms, longest, shown): (_, _, &[f64]) = match session.quick {
        true => (5, 4, &[2.0]),
        false => (9, 48, &[4.0, 8.0, 16.0]),
    };
    let fine: Vec<f64> = (1..=longest).map(|k| 0.5 * f64::from(k)).collect();
    let chain = Lattice::chain(atoms, Boundary::Open).map_err(Failure::input)?;
    let model = Rydberg::new(SWEEP.0).on(&chain).map_err(Failure::input)?;
    let curve = fine
        .iter()
        .map(|&total| exactly(&model, total).map(|s| (total, s)));
    let curve = curve.collect::<Result<Vec<_>, _>>()?;
    let (mut figure, mut lines) = (
        Figure::new(&format!("Sweeps of {atoms} atoms")).size(1000, 1100),
        vec![],
    );
    let mut density = Panel::new("t / T", "density of excitations");
    let mut ordered = Panel::new(
        "time T of the sweep (1/Omega)",
        "probability of the ordered state",
    )
    .line("exact", curve.iter().map(|(t, s)| (*t, s.ordered)));
    let mut points = Vec::new();
    for &total in shown {
        let exact = exactly(&model, total)?;
        let found = neurally(session, &model, total)?;
        let worst = exact
            .density
            .iter()
            .zip(&found.density)
            .map(|(a, b)| (a - b).abs());
        let worst = worst.fold(0.0, f64::max);
        session.say(format!(
            "T = {total}: ordered with probability {:.5} (exact {:.5}); density off by {worst:.1e} at most, \
             staggered density at the end {:.5} ({:.5}); infidelity at the end {:.1e}",
            found.ordered,
            exact.ordered,
            found.order[found.order.len() - 1],
            exact.order[exact.order.len() - 1],
            found.infidelity
        ));
        let at = |s: &Sweep| -> Vec<(f64, f64)> {
            let all = s.times.iter().zip(&s.density);
            all.map(|(t, n)| (t / total, *n)).collect()
        };
        density = density
            .line(&format!("exact, T = {total}"), at(&exact))
            .points(
                &format!("transformer, T = {total}"),
                at(&found).into_iter().map(|(t, n)| (t, n, 0.0)),
            );
        points.push((total, found.ordered, 0.0));
        let line = Line::new()
            .set("duration", total)
            .set("ordered", found.ordered);
        let line = line
            .set("ordered_exact", exact.ordered)
            .set("infidelity", found.infidelity);
        lines.push(
            line.set("density", found.density)
                .set("density_exact", exact.density),
        );
    }
    ordered = ordered.points("transformer", points);
    figure = figure.panel(density).panel(ordered);
    session.draw(&figure, "ramp.png");
    let exact: Vec<f64> = curve.iter().map(|(_, s)| s.ordered).collect();
    Ok(Line::new()
        .set("atoms", atoms)
        .set("durations", fine.clone())
        .set("ordered_exact", exact)
        .set("sweeps", lines))
}

fn drive(model: &Model<f64>, total: f64) -> Result<Protocol<f64>, Failure> {
    let ramp = move |t: f64| SWEEP.0 + (SWEEP.1 - SWEEP.0) * t / total;
    let protocol = Protocol::new(model.clone()).drive("delta", ramp);
    protocol.map_err(Failure::input)
}

/// Times at which a sweep is looked at, the first one where a network starts.
fn times(total: f64) -> Vec<f64> {
    let rest = (1..=24).map(|k| FIRST + (total - FIRST) * f64::from(k) / 24.0);
    std::iter::once(FIRST).chain(rest).collect()
}

fn exactly(model: &Model<f64>, total: f64) -> Result<Sweep, Failure> {
    let (basis, mut psi, protocol) = start(model, total)?;
    let (mut at, mut sweep) = (0.0, Sweep::default());
    for t in times(total) {
        evolve_driven(&protocol, &basis, at..t, &mut psi, &EvolveParams::default())?;
        at = t;
        let shares: Vec<f64> = psi.iter().map(|a| a.norm_sqr()).collect();
        sweep.look(&basis, t, &shares);
    }
    Ok(sweep)
}

fn neurally(session: &Session, model: &Model<f64>, total: f64) -> Result<Sweep, Failure> {
    let stop = session.interrupted();
    let (basis, mut exact, protocol) = start(model, total)?;
    let params = TransformerParams {
        layers: 1,
        width: 16,
        heads: 2,
    };
    let net = Transformer::<Complex64>::new(*model.space(), params).map_err(Failure::input)?;
    let psi = Autoregressive::new(net, model.sector().clone());
    let mut all = FullSum::new(&**model.sector(), Memory::default()).map_err(Failure::input)?;
    let mut theta = psi.layout().initial(Stream::new(session.run.seed));
    evolve_driven(
        &protocol,
        &basis,
        0.0..FIRST,
        &mut exact,
        &EvolveParams::default(),
    )?;
    let fitted = fit_state(&psi, &mut theta, &all, &exact, 1e-11).map_err(Failure::computation)?;
    session.say(format!(
        "T = {total}: starts with an infidelity of {:.1e}",
        fitted.loss
    ));
    let velocity = Schroedinger::new(&protocol, Flow::RealTime);
    let mut tdvp = Tdvp::new(velocity, &psi, Box::new(all.clone()));
    tdvp.tableau = Tableau::rk45();
    let (mut at, mut sweep) = (FIRST, Sweep::default());
    for t in times(total) {
        let from = at;
        while t - at > 1e-12 {
            // Amplitudes that have just left 0 grow as powers of the time.
            let step = (t - at).min(0.1 * at).min(0.05);
            tdvp.advance(at, &mut theta, step)
                .map_err(Failure::computation)?;
            at += step;
        }
        if t > from {
            evolve_driven(
                &protocol,
                &basis,
                from..t,
                &mut exact,
                &EvolveParams::default(),
            )?;
        }
        let samples = all.draw(&psi, &theta).map_err(Failure::computation)?;
        sweep.look(&basis, t, &samples.weight);
        let overlap: Complex64 = samples
            .log_psi
            .iter()
            .zip(&exact)
            .map(|(l, a)| l.exp().conj() * a)
            .sum();
        sweep.infidelity = (1.0 - overlap.norm_sqr()).max(0.0);
        if stop.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted(format!(
                "stopped at t = {t}; nothing was kept"
            )));
        }
    }
    Ok(sweep)
}

/// The basis, the state without excitations, and the sweep.
fn start(
    model: &Model<f64>,
    total: f64,
) -> Result<(Basis, Vec<Complex64>, Protocol<f64>), Failure> {
    let basis = Basis::new(&**model.sector(), Memory::default())?;
    let mut psi = vec![Complex64::default(); basis.len()];
    let vacuum = basis.index(&vec![0; model.space().n_sites]);
    psi[vacuum.ok_or_else(|| Failure::computation("no vacuum in the blockade space"))?] =
        Complex64::from(1.0);
    Ok((basis, psi, drive(model, total)?))
}

impl Sweep {
    /// Adds density and staggered density, and keeps the probability of excitations on all even sites.
    fn look(&mut self, basis: &Basis, t: f64, shares: &[f64]) {
        let configs = basis.configs(0..basis.len());
        let n = configs.n_sites() as f64;
        let (mut density, mut staggered) = (0.0, 0.0);
        for (x, p) in configs.view().rows().zip(shares) {
            let value = |i: usize| f64::from(x[i]);
            density += p * (0..x.len()).map(value).sum::<f64>() / n;
            let sign = |i: usize| if i.is_multiple_of(2) { 1.0 } else { -1.0 };
            staggered += p * (0..x.len()).map(|i| sign(i) * value(i)).sum::<f64>() / n;
            if (0..x.len()).all(|i| usize::from(x[i]) == (i + 1) % 2) {
                self.ordered = *p;
            }
        }
        self.times.push(t);
        self.density.push(density);
        self.order.push(staggered);
    }
}
