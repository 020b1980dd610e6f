//! Trains with overrides given as JSON, and prints the report: `try_diffusion SEED JSON DATA [terms]`.
//!
//! DATA is `digits`, `small`, `all`, `bars4`, `bars6`, or `tfim4` or `tfim6`, Ising rings, whose steps
//! may be made of the Hamiltonian's terms.

use ketwork_diffusion::{
    Condition, Data, Density, Diffusion, DiffusionParams, SparseHamiltonian, Split, Training,
};
use ketwork_hamiltonians::{Boundary, Lattice, Tfim};
use ketwork_models::Stream;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let seed: u64 = args.next().map_or(Ok(1), |s| s.parse())?;
    let text = args.next().unwrap_or("{}".into());
    let name = args.next().unwrap_or("digits".into());
    let has_terms = args.next().is_some_and(|a| a == "terms");
    let sites = name.strip_prefix("tfim").map(str::parse::<usize>);
    let sites = sites.transpose()?;
    let defaults = match sites {
        Some(_) => DiffusionParams::ground_states(),
        None => DiffusionParams::default(),
    };
    let mut all = serde_json::to_value(defaults)?;
    let over: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text)?;
    for (key, value) in over {
        all[key] = value;
    }
    let params: DiffusionParams = serde_json::from_value(all)?;
    let family = |h: f64| {
        let ring = Lattice::chain(sites.unwrap_or(6), Boundary::Periodic).expect("a ring");
        Tfim::new(h).on(&ring).expect("finite")
    };
    let stream = Stream::new(seed);
    let data = match name.as_str() {
        "bars4" => Data::bars(4)?,
        "bars6" => Data::bars(6)?,
        "all" => Data::digits(&(0..10).collect::<Vec<_>>(), 6)?,
        "small" => Data::digits(&[0, 1], 4)?,
        _ => Data::digits(&[0, 1], 6)?,
    };
    let split = if sites.is_some() {
        Split {
            train: Data::ground_states(&[0.5, 0.75, 1.0, 1.25, 1.5], family)?,
            held_out: Data::ground_states(&[0.6, 0.65, 0.85, 0.9, 1.1, 1.15, 1.35, 1.4], family)?,
        }
    } else {
        data.split(0.2, stream.named("split"))?
    };
    let start = std::time::Instant::now();
    let mut training = match has_terms {
        true => Training::variational(&split, &params, &family(1.0), stream)?,
        false => Training::new(&split, &params, stream)?,
    };
    for epoch in &mut training {
        let epoch = epoch?;
        if epoch.epoch.is_power_of_two() || epoch.epoch % 20 == 0 {
            let x: Vec<_> = epoch.infidelity.iter().map(|x| format!("{x:.4}")).collect();
            eprintln!("{} {}", epoch.epoch, x.join(" "));
        }
    }
    eprintln!("trained {:.2} s", start.elapsed().as_secs_f64());
    let Diffusion {
        model,
        report,
        generated,
        condition,
        ..
    } = training.finish()?;
    if let Condition::Values(v) = &condition {
        // Energies of generated states and of the nearest training state, by the same Hamiltonian.
        let Condition::Values(seen) = &split.train.condition else {
            return Ok(());
        };
        let (mut made, mut near, mut n) = (0.0, 0.0, 0.0);
        for (i, &h) in v.iter().enumerate() {
            let sparse = SparseHamiltonian::new(&family(h))?;
            let (exact, _) = sparse.ground_state()?;
            let k = (0..seen.len())
                .min_by(|&a, &b| (seen[a] - h).abs().total_cmp(&(seen[b] - h).abs()))
                .unwrap_or(0);
            let mut out = vec![Default::default(); generated.dim()];
            made += sparse.energy(generated.row(i), &mut out) - exact;
            near += sparse.energy(split.train.states.row(k), &mut out) - exact;
            n += 1.0;
        }
        eprintln!(
            "trained: energy error {:.2e}, of the nearest training state {:.2e}",
            made / n,
            near / n
        );
        let inf = |f: Option<f64>| 1.0 - f.unwrap_or(f64::NAN);
        eprintln!(
            "trained: infidelity {:.2e}, of the nearest training state {:.2e}",
            inf(report.conditional_fidelity),
            inf(report.nearest_baseline)
        );
        let unseen = &split.held_out;
        if let Ok(mixtures) = model.sample_density(&unseen.condition, unseen.len()) {
            let of = |(i, (rho, _)): (usize, &(Density, f64))| rho.fidelity(unseen.states.row(i));
            let sum: f64 = mixtures.iter().enumerate().map(of).sum();
            let mean = sum / unseen.len() as f64;
            eprintln!(
                "trained: infidelity of the generated mixtures {:.2e}",
                1.0 - mean
            );
        }
    }
    eprintln!("done {:.2} s", start.elapsed().as_secs_f64());
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(())
}
