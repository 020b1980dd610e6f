//! How long do dimers on links of kagome stay where they are?
//!
//! Prints the autocorrelation time of the dimer labels with and without rod hops and line loops, the
//! share of perfect covers among the snapshots, and how many different ones were seen. The argument
//! is the number of measured sweeps of each of 4 replicas.

use ketwork_hamiltonians::{Boundary, Lattice, LatticeKind, Rydberg};
use ketwork_models::Stream;
use ketwork_sse::{CoverHistogram, Sse, SseParams, label_time};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sweeps: u64 = std::env::args().nth(1).map_or(Ok(20_000), |s| s.parse())?;
    let replicas = 4;
    for l in [2, 6] {
        let lattice = Lattice::new(LatticeKind::KagomeLink, &[l, l], &[Boundary::Periodic])?;
        for delta in [1.0, 2.0, 3.0, 4.0] {
            for (rod_hops, line_loops) in
                [(false, false), (true, false), (false, true), (true, true)]
            {
                let params = SseParams {
                    beta: 10.0,
                    thermalization: sweeps / 4,
                    sweeps: sweeps * replicas as u64,
                    snapshots: sweeps as usize * replicas,
                    replicas,
                    rod_hops,
                    line_loops,
                    ..SseParams::default()
                };
                let model = Rydberg::new(delta).on(&lattice)?;
                let r = Sse::new(&model, params)?.run(Stream::new(1))?;
                let label = label_time(&r.snapshots, replicas);
                let covers = CoverHistogram::of(&r.snapshots, lattice.n_sites() / 4);
                println!(
                    "{l} x {l}, delta {delta}, hops {rod_hops}, loops {line_loops}: label tau {}{}, C(1) {:.5}, C(end) {:.3}, \
                     covers {:.3} of {} snapshots, {} different; n {} (tau {:.1}), accepted {:.5} {:.5}, \
                     {:.0} sweeps/s",
                    if label.is_closed { "" } else { "> " },
                    label.tau,
                    label.overlap[1],
                    label.overlap[label.overlap.len() - 1],
                    covers.share(),
                    covers.configurations,
                    covers.counts.len(),
                    r.density,
                    r.density.tau,
                    r.acceptance.hops.rate(),
                    r.acceptance.loops.rate(),
                    r.sweeps_per_cpu_second,
                );
            }
        }
    }
    Ok(())
}
