//! How does a driven array of spins decay? Observables, purity and positivity of any model of qubits
//! of a run file with decay on every site, exactly or by a network of outcome probabilities.
//!
//! Without a run file: a ring of five driven Ising spins from all up, exactly.

mod cli;

use cli::{Failure, Field, Line, Session, Story, Takes};
use ketwork::run::{OpenRun, RunOptions};
use ketwork::{Correlation, Estimate};
use std::process::ExitCode;

const STORY: Story = Story {
    name: "open_quench",
    takes: &[Takes::RunFile, Takes::Resume],
    toml: r#"
        seed = 1
        [hamiltonian]
        model = "dissipative_tfim"
        v = 2.0
        g = 1.0
        lattice = { kind = "chain", extent = [5], boundary = "periodic" }
        [lindblad]
        gamma = 1.0
        method = "exact"
        [evolution]
        initial = "up_z"
        times = [0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0]
        observables = ["mean_sx", "mean_sy", "mean_sz"]
    "#,
};

fn main() -> ExitCode {
    cli::main(STORY, tell)
}

fn tell(session: &Session) -> Result<Line, Failure> {
    // Bad input is refused with --quick as without it.
    OpenRun::new(session.written.clone())?;
    let options = RunOptions {
        out: session.out().map(Into::into),
        resume: session.resume,
        progress: true,
        stop: Some(session.interrupted()),
        ..RunOptions::default()
    };
    let found = OpenRun::new(session.run.clone())?.run(&options)?;
    let is_steady = found.times.is_empty();
    for i in 0..found.values.first().map_or(0, Vec::len) {
        let values = found.observables.iter().zip(&found.values);
        let shown = values.map(|(o, v)| format!("{} = {}", o.name(), v[i]));
        let words = shown.collect::<Vec<_>>().join(", ");
        match found.times.get(i) {
            Some(t) => session.say(format!("t = {t}: {words}")),
            None => session.say(format!("steady state: {words}")),
        }
    }
    if let Some(lowest) = found.min_eigenvalue {
        session.say(match found.noise_floor {
            None => format!("smallest eigenvalue of rho: {:.1e}", lowest.mean),
            Some(floor) => format!(
                "smallest eigenvalue of sites {:?}: {lowest}; noise alone makes {floor:.3} of 0",
                found.block
            ),
        });
    }
    if found.is_sampled {
        for c in &found.correlations {
            let (far, zz) = (c.distance, c.mean.connected);
            session.say(format!("<ZZ> - <Z><Z> at distance {far:.2}: {zz}"));
        }
    }
    let part = |of: fn(&Estimate) -> f64| {
        let all = found.purity.as_ref()?;
        Some(all.iter().map(of).collect::<Vec<_>>())
    };
    let (purity, purity_error) = (part(|e| e.mean), part(|e| e.error));
    let last = |p: &Option<Vec<f64>>| p.as_ref().and_then(|p| p.last().copied());
    let correlation = |of: fn(&Correlation) -> f64| found.correlations.iter().map(of).collect();
    let correlation: [Vec<f64>; 3] = [
        correlation(|c| c.distance),
        correlation(|c| c.mean.connected.mean),
        correlation(|c| c.mean.connected.error),
    ];
    let lowest = found.min_eigenvalue;
    let mut line = Line::new();
    let mut steady = Line::new();
    for (o, values) in found.observables.iter().zip(&found.values) {
        let error = format!("{}_error", o.name());
        let means: Vec<f64> = values.iter().map(|e| e.mean).collect();
        let errors: Vec<f64> = values.iter().map(|e| e.error).collect();
        if is_steady {
            steady = steady.set(o.name(), means[0]).set(&error, errors[0]);
            continue;
        }
        line = line.set(o.name(), means);
        if found.is_sampled {
            line = line.set(&error, errors);
        }
    }
    line = match is_steady {
        true => line.set("steady", steady).set("purity", last(&purity)),
        false => line
            .set("times", found.times)
            .set("purity", purity.clone().map(Field::from)),
    };
    if found.is_sampled {
        line = match is_steady {
            true => line.set("purity_error", last(&purity_error)),
            false => line.set("purity_error", purity_error.map(Field::from)),
        };
        let block = found.block.iter().map(|&s| f64::from(s));
        line = line
            .set("min_eigenvalue_error", lowest.map(|e| e.error))
            .set("min_eigenvalue_floor", found.noise_floor)
            .set("min_eigenvalue_sites", block.collect::<Vec<_>>());
    }
    let [distance, zz, error] = correlation;
    if !zz.is_empty() {
        line = line
            .set("correlation_distance", distance)
            .set("correlation_zz", zz);
        if found.is_sampled {
            line = line.set("correlation_zz_error", error);
        }
    }
    Ok(line
        .set("residual", found.residual)
        .set("min_eigenvalue", lowest.map(|e| e.mean)))
}
