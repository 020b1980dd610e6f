//! Does a cold chain on links of kagome forget where it started?
//!
//! Prints density and energy of chains that start from the vacuum and from a dimer cover, their
//! difference in standard errors, and the autocorrelation time, without tempering. The arguments are the
//! number of measured sweeps of each chain and the number of bins of each.

use ketwork_hamiltonians::{Boundary, Lattice, LatticeKind, Rydberg};
use ketwork_models::Stream;
use ketwork_sse::{Sse, SseParams};
use ketwork_stats::Estimate;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let argument = |k| {
        std::env::args()
            .nth(k)
            .map(|s| s.parse::<u64>())
            .transpose()
    };
    let sweeps = argument(1)?.unwrap_or(64_000);
    let bins = argument(2)?.unwrap_or(32) as usize;
    let lattice = Lattice::new(LatticeKind::KagomeLink, &[6, 6], &[Boundary::Periodic])?;
    let n = lattice.n_sites();
    // In each pair of cells a and c of the first, its b and a of the second, there b and c.
    let is_dimer = |s: usize| matches!((s % 6, lattice.cell_of(s)[0] % 2), (1 | 3, 0) | (2, 1));
    let cover: Vec<u8> = (0..n).map(|s| u8::from(is_dimer(s))).collect();
    for delta in [2.0, 3.0, 4.0] {
        for temperature in [0.1, 0.05, 0.02] {
            let params = SseParams {
                beta: 1.0 / temperature,
                thermalization: sweeps / 8,
                sweeps: 2 * sweeps,
                bins: 2 * bins,
                replicas: 2,
                starts: vec![vec![0; n], cover.clone()],
                ..SseParams::default()
            };
            let model = Rydberg::new(delta).on(&lattice)?;
            let r = Sse::new(&model, params)?.run(Stream::new(1))?;
            let halves = |all: &[f64]| {
                let (vacuum, cover) = all.split_at(all.len() / 2);
                [vacuum, cover].map(|half| Estimate::from_chains(half, half.len()))
            };
            let apart = |[a, b]: [Estimate; 2]| (a.mean - b.mean) / a.error.hypot(b.error);
            let (density, energy) = (halves(&r.density_bins), halves(&r.energy_bins));
            println!(
                "delta {delta}, T {temperature}: density {} from the vacuum, {} from a cover, apart {:.1} sigma, tau {:.1}; \
                 energy {} and {}, apart {:.1}, tau {:.1}; {:.0} sweeps/s",
                density[0],
                density[1],
                apart(density),
                r.density.tau,
                energy[0],
                energy[1],
                apart(energy),
                r.energy_per_site.tau,
                r.sweeps_per_cpu_second,
            );
        }
    }
    Ok(())
}
