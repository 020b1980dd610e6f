//! Is there a spin liquid on the links of a kagome lattice? Density and entropy of blockaded Rydberg
//! atoms against detuning and temperature by tempered Monte Carlo: at large detuning the entropy stays
//! at that of the dimer covers, ln 2 / 6 for each link of a large lattice, down to low temperatures.
//!
//! One replica starts from the vacuum, the other from a dimer cover: equilibrium is where they agree.
//!
//! A run file names lattice, lowest temperature (`beta`) and sweeps; its detuning, where it is not 0, is
//! told alone.

mod cli;

use cli::{Failure, Field, Line, Session, Story, Takes};
use ketwork::exact::{Memory, spectrum};
use ketwork::hamiltonians::{
    AnyModel, Boundary, Hamiltonian, Lattice, LatticeKind, LocalSum, Model, Rydberg,
};
use ketwork::sse::{LegalCount, Sse, SseParams, SseReport, Tempering, TemperingParameter};
use ketwork::sse::{entropy_of_bins, legal_count};
use ketwork::{Estimate, Figure, Panel, Scale, Stream};
use std::f64::consts::LN_2;
use std::ops::Range;
use std::process::ExitCode;

const STORY: Story = Story {
    name: "kagome_rydberg",
    takes: &[Takes::RunFile],
    toml: r#"
        seed = 1
        [hamiltonian]
        model = "rydberg"
        delta = 0.0
        lattice = { kind = "kagome_link", extent = [4, 4], boundary = "periodic" }
        [monte_carlo]
        beta = 20.0
        thermalization = 1000
        sweeps = 8000
    "#,
};
const DETUNINGS: [f64; 5] = [0.0, 1.0, 2.0, 3.0, 4.0];
/// States of a transfer matrix that pass within seconds.
const COUNT_UP_TO: usize = 1 << 17;
/// Dimension up to which exact entropies are computed: seconds for each detuning.
const SPECTRUM_UP_TO: f64 = 3000.0;

fn main() -> ExitCode {
    cli::main(STORY, tell)
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let run = &session.run;
    let (lattice, model) = run.system()?;
    let n = lattice.n_sites() as f64;
    let (LatticeKind::KagomeLink, AnyModel::Real(model)) = (lattice.kind(), model) else {
        return Err(Failure::input("this story is told on links of kagome"));
    };
    // Dimers and the energy at infinite temperature belong to this model.
    let plain = Rydberg::new(0.0).on(&lattice).map_err(Failure::input)?;
    let (asked, told) = (model.terms(), plain.terms());
    if asked.terms() != told.terms() || asked.couplings()[0] != told.couplings()[0] {
        let reason = "Rydberg atoms with omega = 1, nearest blockade and no tails only";
        return Err(Failure::input(reason));
    }
    let count = count(&model)?;
    let top = run.monte_carlo.beta.unwrap_or(20.0);
    let covers = (n / 6.0 + 1.0) * LN_2 / n;
    session.say(format!(
        "{n} links: entropy of a link at T = infinity {:.6}, of dimer covers {covers:.6}",
        count.ln_count / n
    ));
    let params = SseParams {
        replicas: 2,
        starts: starts(&lattice),
        ..run.monte_carlo.params()
    };
    let own = asked.couplings()[1].1;
    let detunings = match (session.quick, own == 0.0) {
        (_, false) => vec![own],
        (true, true) => vec![DETUNINGS[3]],
        (false, true) => DETUNINGS.to_vec(),
    };
    let mut density = Panel::new("T / Ω", "density").scales(Scale::Log, Scale::Linear);
    let mut panel = Panel::new("T / Ω", "entropy of a link").scales(Scale::Log, Scale::Linear);
    let mut lines = Vec::new();
    for delta in detunings {
        let terms = LocalSum::with_coupling(model.terms(), "delta", delta);
        let model = Model::new(terms.map_err(Failure::input)?, model.sector().clone());
        let model = model.map_err(Failure::input)?;
        let betas = ladder(top, delta, n);
        let tempering = Some(Tempering {
            parameter: TemperingParameter::Beta,
            values: betas.clone(),
            every: 2,
        });
        let params = SseParams {
            tempering,
            ..params.clone()
        };
        let sse = Sse::new(&model, params).map_err(Failure::input)?;
        let reports = sse
            .run_ladder(Stream::new(run.seed))
            .map_err(Failure::computation)?;
        let s = entropies(&reports, &count, delta, n, 0..2);
        let (vacuum, cover) = (0..1, 1..2);
        let [from_vacuum, from_cover] =
            [vacuum, cover].map(|r| entropies(&reports, &count, delta, n, r));
        let of_entropy = from_vacuum.iter().zip(&from_cover);
        let of_entropy: Vec<f64> = of_entropy.map(|(a, b)| apart(a, b)).collect();
        let of_density = reports.iter().map(|r| {
            let (a, b) = r.density_bins.split_at(r.density_bins.len() / 2);
            apart(&mean(a), &mean(b))
        });
        let of_density: Vec<f64> = of_density.collect();
        let (last, cold) = (&reports[reports.len() - 1], s[s.len() - 1]);
        let rates = reports.iter().map(|r| r.acceptance.tempering);
        let least = rates.filter(|c| c.tried > 0).map(|c| c.rate());
        let least = least.fold(f64::INFINITY, f64::min);
        session.say(format!(
            "delta = {delta}, {} rungs to T = {:.3}: density {}, entropy of a link {cold}, {:+.1} % of the covers'; \
             exchanges accepted at least {least:.2}; between the two starts at most {:.1} sigma in the \
             density and {:.1} in the entropy",
            betas.len(),
            1.0 / last.beta,
            last.density,
            100.0 * (cold.mean / covers - 1.0),
            largest(of_density.iter().copied()),
            largest(of_entropy.iter().copied())
        ));
        let name = format!("δ = {delta}");
        let at = |e: &Estimate, r: &SseReport| (1.0 / r.beta, e.mean, e.error);
        density = density.points(&name, reports.iter().map(|r| at(&r.density, r)));
        panel = panel.points(&name, s.iter().zip(&reports).map(|(s, r)| at(s, r)));
        let of_all = |f: fn(&SseReport) -> f64| reports.iter().map(f).collect::<Vec<_>>();
        let of_s = |f: fn(&Estimate) -> f64| s.iter().map(f).collect::<Vec<_>>();
        let mut line = Line::new()
            .set("delta", delta)
            .set("temperatures", of_all(|r| 1.0 / r.beta))
            .set("density", of_all(|r| r.density.mean))
            .set("density_error", of_all(|r| r.density.error))
            .set("entropy", of_s(|s| s.mean))
            .set("entropy_error", of_s(|s| s.error))
            .set("starts_apart_in_density", of_density)
            .set("starts_apart_in_entropy", of_entropy);
        if count.ln_count.exp() <= SPECTRUM_UP_TO {
            let all = spectrum(&model, Memory::default())?;
            let exact = betas.iter().map(|&b| Ok(all.thermal(b)?.entropy / n));
            let exact = exact.collect::<Result<Vec<f64>, Failure>>()?;
            panel = panel.line("", betas.iter().map(|b| 1.0 / b).zip(exact.clone()));
            let z = largest(s.iter().zip(&exact).map(|(s, &e)| s.z(e).abs()));
            session.say(format!("  from exact entropies: {z:.1} sigma at most"));
            line = line.set("entropy_exact", exact);
        }
        lines.push(Field::from(line));
    }
    let figure = Figure::new("Rydberg atoms on kagome links: cooled into dimer covers")
        .size(1200, 1100)
        .panel(density.level("dimer covers", 0.25))
        .panel(panel.level("dimer covers", covers));
    session.draw(&figure, "kagome_rydberg.png");
    Ok(Line::new()
        .set("links", n)
        .set("entropy_at_infinity", count.ln_count / n)
        .set("entropy_of_covers", covers)
        .set("detunings", Field::List(lines)))
}

/// Legal configurations; of a large torus those of 4 x 4 cells, link by link: 5 x 5 differ from them by
/// 1e-8 in the entropy of a link.
fn count(model: &Model<f64>) -> Result<LegalCount, Failure> {
    if let Some(found) = legal_count(&**model.sector(), COUNT_UP_TO) {
        return Ok(found);
    }
    let torus = Lattice::new(LatticeKind::KagomeLink, &[4, 4], &[Boundary::Periodic]);
    let small = Rydberg::new(0.0).on(&torus.map_err(Failure::input)?);
    let small = small.map_err(Failure::input)?;
    let of_small = legal_count(&**small.sector(), usize::MAX);
    let of_small = of_small.ok_or_else(|| Failure::computation("no count"))?;
    let n = model.sector().order().len();
    Ok(LegalCount {
        ln_count: of_small.ln_count * n as f64 / of_small.density.len() as f64,
        density: vec![of_small.density[0]; n],
    })
}

/// Inverse temperatures from 0.05 on, so close that neighbours exchange: a string of m operators
/// fluctuates by the root of m.
fn ladder(top: f64, delta: f64, n: f64) -> Vec<f64> {
    let mut betas = vec![0.05];
    while let Some(&beta) = betas.last().filter(|&&b| b < top) {
        let operators = beta * n * (0.5 + 0.25 * delta);
        let ratio = 1.0 + (1.5 / operators.sqrt()).min(0.2);
        betas.push(if ratio * beta > 0.99 * top {
            top
        } else {
            ratio * beta
        });
    }
    betas
}

/// The vacuum and, where two cells stand side by side everywhere, a perfect cover: inside the first of
/// them a and c, from its b to a of the second, there b and c.
fn starts(lattice: &Lattice) -> Vec<Vec<u8>> {
    let n = lattice.n_sites();
    let is_dimer = |s: usize| matches!((s % 6, lattice.cell_of(s)[0] % 2), (1 | 3, 0) | (2, 1));
    let cover = (0..n).map(|s| u8::from(is_dimer(s))).collect();
    match lattice.extent()[0] % 2 {
        0 => vec![vec![0; n], cover],
        _ => vec![vec![0; n]],
    }
}

/// Entropy of a link at each rung, from the bins of these replicas.
fn entropies(
    reports: &[SseReport],
    count: &LegalCount,
    delta: f64,
    n: f64,
    replicas: Range<usize>,
) -> Vec<Estimate> {
    let each = reports[0].energy_bins.len() / 2;
    let bins = each * replicas.start..each * replicas.end;
    let mut betas = vec![0.0];
    betas.extend(reports.iter().map(|r| r.beta));
    let at_infinity = -delta * count.density.iter().sum::<f64>() / n;
    let mut energies = vec![vec![at_infinity; bins.len()]];
    energies.extend(reports.iter().map(|r| r.energy_bins[bins.clone()].to_vec()));
    let all = entropy_of_bins(count.ln_count / n, &betas, &energies);
    all.into_iter().skip(1).collect()
}

fn mean(bins: &[f64]) -> Estimate {
    Estimate::from_chains(bins, bins.len())
}

/// Difference over its standard error.
fn apart(a: &Estimate, b: &Estimate) -> f64 {
    (a.mean - b.mean).abs() / a.error.hypot(b.error)
}

fn largest(z: impl Iterator<Item = f64>) -> f64 {
    z.fold(0.0, f64::max)
}
