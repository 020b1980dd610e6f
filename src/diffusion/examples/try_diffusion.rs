//! Trains on digits with overrides given as JSON, and prints the report.

use ketwork_diffusion::{
    Condition, Data, Diffusion, DiffusionParams, SparseHamiltonian, Split, Training,
};
use ketwork_hamiltonians::{Boundary, Lattice, Tfim};
use ketwork_models::Stream;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let seed: u64 = args.next().map_or(Ok(1), |s| s.parse())?;
    let text = args.next().unwrap_or("{}".into());
    let params: DiffusionParams = match text.as_str() {
        "ground_states" => DiffusionParams::ground_states(),
        text => serde_json::from_str(text)?,
    };
    let name = args.next().unwrap_or("digits".into());
    let stream = Stream::new(seed);
    let data = match name.as_str() {
        "bars4" => Data::bars(4)?,
        "bars6" => Data::bars(6)?,
        "all" => Data::digits(&(0..10).collect::<Vec<_>>(), 6)?,
        "small" => Data::digits(&[0, 1], 4)?,
        _ => Data::digits(&[0, 1], 6)?,
    };
    let split = if name == "tfim" {
        let family = |h: f64| {
            Tfim::new(h)
                .on(&Lattice::chain(6, Boundary::Periodic).expect("a ring"))
                .expect("finite")
        };
        Split {
            train: Data::ground_states(&[0.5, 0.75, 1.0, 1.25, 1.5], family)?,
            held_out: Data::ground_states(&[0.6, 0.65, 0.85, 0.9, 1.1, 1.15, 1.35, 1.4], family)?,
        }
    } else {
        data.split(0.2, stream.named("split"))?
    };
    let start = std::time::Instant::now();
    let mut training = Training::new(&split, &params, stream)?;
    for epoch in &mut training {
        let epoch = epoch?;
        if epoch.epoch.is_power_of_two() || epoch.epoch % 20 == 0 {
            let x: Vec<_> = epoch.infidelity.iter().map(|x| format!("{x:.4}")).collect();
            eprintln!("{} {}", epoch.epoch, x.join(" "));
        }
    }
    eprintln!("trained {:.2} s", start.elapsed().as_secs_f64());
    let Diffusion {
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
            let sparse =
                SparseHamiltonian::new(&Tfim::new(h).on(&Lattice::chain(6, Boundary::Periodic)?)?)?;
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
    }
    eprintln!("done {:.2} s", start.elapsed().as_secs_f64());
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(())
}
