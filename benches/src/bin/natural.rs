//! Quantum natural gradient beside Adam at equal CPU time, on digits 0 and 1:
//! `cargo run --release -p ketwork-benches --bin natural -- EPOCHS SEED`; EPOCHS are those of Adam (100).
//! Run it with RAYON_NUM_THREADS=1.

use ketwork::diffusion::{Data, Diffusion, DiffusionParams, Optimizer, Split, Training};
use ketwork::{Stopwatch, Stream};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let epochs: usize = args.next().map_or(Ok(100), |a| a.parse())?;
    let seed: u64 = args.next().map_or(Ok(1), |a| a.parse())?;
    let stream = Stream::new(seed);
    let split = Data::digits(&[0, 1], 6)?.split(0.2, stream.named("split"))?;
    let adam = DiffusionParams {
        epochs,
        ..DiffusionParams::default()
    };
    let (found, allowed) = train(&split, &adam, stream)?;
    print(&format!("Adam, {epochs} epochs"), &found, allowed);
    for (states, rate) in [(1, 0.2), (4, 0.2), (4, 0.5), (16, 0.2)] {
        let natural = |epochs| DiffusionParams {
            epochs,
            optimizer: Optimizer::NaturalGradient { shift: 0.1, states },
            learning_rate: rate,
            ..adam.clone()
        };
        // What an epoch costs tells how many there is time for.
        let watch = Stopwatch::start();
        if let Some(epoch) = Training::new(&split, &natural(1), stream)?.next() {
            epoch?;
        }
        let one = watch.elapsed().cpu_seconds;
        let epochs = ((allowed / one) as usize).max(1);
        let (found, spent) = train(&split, &natural(epochs), stream)?;
        let text = format!("natural gradient of {states} states, rate {rate}, {epochs} epochs");
        print(&text, &found, spent);
    }
    Ok(())
}

/// A finished run, and the CPU time of its training.
fn train(
    split: &Split,
    params: &DiffusionParams,
    stream: Stream,
) -> Result<(Diffusion, f64), Box<dyn Error>> {
    let watch = Stopwatch::start();
    let mut training = Training::new(split, params, stream)?;
    for epoch in &mut training {
        epoch?;
    }
    let spent = watch.elapsed().cpu_seconds;
    Ok((training.finish()?, spent))
}

fn print(what: &str, found: &Diffusion, seconds: f64) {
    let r = &found.report;
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let better = r.infidelity.iter().zip(&r.identity_baseline);
    let better = better.filter(|(i, b)| i < b).count();
    println!(
        "{what}: {seconds:.0} CPU s; mean infidelity {:.4} (doing nothing {:.4}, better at {better} of {} steps), \
         fidelity to the data {:.3}, Frechet distance {:.3} (random states {:.3})",
        mean(&r.infidelity),
        mean(&r.identity_baseline),
        r.infidelity.len(),
        r.fidelity_to_data,
        r.frechet.unwrap_or(f64::NAN),
        r.frechet_random.unwrap_or(f64::NAN),
    );
}
