//! How do Rydberg atoms order as the detuning grows? Energy, density and specific heat of any model
//! without a sign problem by stochastic series expansion, beside exact averages where affordable.
//!
//! Without a run file: a cut through the phase diagram of a ring of 14 atoms, replicas exchanged
//! along the detuning.

mod cli;

use cli::{Failure, Field, Line, Session, Story, Takes};
use ketwork::Estimate;
use ketwork::run::{MonteCarloRun, RunOptions, Rung};
use ketwork::sse::UpdateCount;
use std::process::ExitCode;

const STORY: Story = Story {
    name: "rydberg_chain",
    takes: &[
        Takes::RunFile,
        Takes::Resume,
        Takes::Exact,
        Takes::Tempering,
    ],
    toml: r#"
        seed = 1
        [hamiltonian]
        model = "rydberg"
        delta = 1.0
        lattice = { kind = "chain", extent = [14], boundary = "periodic" }
        [monte_carlo]
        beta = 8.0
        thermalization = 2000
        sweeps = 40000
        tempering = { parameter = "delta", values = [-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0] }
    "#,
};

fn main() -> ExitCode {
    cli::main(STORY, tell)
}

fn tell(session: &Session) -> Result<Line, Failure> {
    // Bad input is refused with --quick as without it.
    MonteCarloRun::new(session.written.clone())?;
    let options = RunOptions {
        out: session.out().map(Into::into),
        resume: session.resume,
        exact: session.exact,
        progress: true,
        stop: Some(session.interrupted()),
    };
    let found = MonteCarloRun::new(session.run.clone())?.run(&options)?;
    for rung in &found.rungs {
        let (r, name) = (&rung.report, found.parameter);
        let (e, d) = (r.energy_per_site, r.density);
        session.say(format!("{name} = {}: E / N = {e}, density {d}", rung.value));
        if let Some(exact) = rung.exact {
            let off = |e: Estimate, exact| match e.error > 0.0 {
                true => format!("{exact:.6} ({:+.1} sigma)", e.z(exact)),
                false => format!("{exact:.6}"),
            };
            session.say(format!(
                "  exact E / N = {}, density {}",
                off(e, exact.energy_per_site),
                off(d, exact.density)
            ));
        }
        if let Some(split) = r.r_hat.filter(|r| *r > 1.05) {
            session.say(format!(
                "  r-hat = {split:.2}: replicas disagree; thermalise for longer, or exchange them (tempering)"
            ));
        }
    }
    let ladder = found.rungs.iter().map(|rung| {
        let values = Line::new().set(found.parameter, rung.value);
        Field::from(averages(values, rung))
    });
    let own = &found.own().report;
    let a = own.acceptance;
    let rate = |u: UpdateCount| (u.tried > 0).then(|| u.rate());
    let acceptance = Line::new()
        .set("diagonal", rate(a.diagonal))
        .set("segments", rate(a.segments))
        .set("hops", rate(a.hops))
        .set("loops", rate(a.loops))
        .set("tempering", rate(a.tempering));
    let line = averages(Line::new(), found.own())
        .set("acceptance", acceptance)
        .set("r_hat", own.r_hat)
        .set("sweeps_per_cpu_second", own.sweeps_per_cpu_second);
    Ok(match found.rungs.len() {
        1 => line,
        _ => line.set("ladder", Field::List(ladder.collect())),
    })
}

fn averages(line: Line, rung: &Rung) -> Line {
    let r = &rung.report;
    let of = |e: Estimate| {
        let line = Line::new().set("mean", e.mean).set("error", e.error);
        line.set("tau", e.tau)
    };
    line.set("energy_per_site", of(r.energy_per_site))
        .set("density", of(r.density))
        .set("specific_heat", of(r.specific_heat))
}
