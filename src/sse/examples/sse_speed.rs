//! How fast is a sweep, and how long does it remember?
//!
//! Prints sweeps per second and core, operator slots per second and core, and autocorrelation
//! times, for the restricted space of kagome links and for Ising models.

use ketwork_hamiltonians::{Boundary, Lattice, LatticeKind, Model, Rydberg, Tfim};
use ketwork_models::Stream;
use ketwork_sse::{Sse, SseError, SseParams};

fn measure(name: &str, model: &Model<f64>, params: SseParams) -> Result<(), SseError> {
    // A second argument selects the lines that contain it.
    if std::env::args()
        .nth(2)
        .is_some_and(|part| !name.contains(&part))
    {
        return Ok(());
    }
    let r = Sse::new(model, params)?.run(Stream::new(1))?;
    println!(
        "{name}: {:.0} sweeps/s, {:.1} M slots/s, {:.0} slots, e {} (tau {:.1}), n {} (tau {:.1}), \
         accepted {:.2} {:.2} {:.3}",
        r.sweeps_per_cpu_second,
        r.slots_per_cpu_second / 1e6,
        r.slots,
        r.energy_per_site,
        r.energy_per_site.tau,
        r.density,
        r.density.tau,
        r.acceptance.diagonal.rate(),
        r.acceptance.segments.rate(),
        r.acceptance.hops.rate(),
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sweeps = std::env::args().nth(1).map_or(Ok(4000), |s| s.parse())?;
    let params = |beta| SseParams {
        beta,
        sweeps,
        thermalization: sweeps / 4,
        replicas: 1,
        ..SseParams::default()
    };
    let links = |l| Lattice::new(LatticeKind::KagomeLink, &[l, l], &[Boundary::Periodic]);
    for delta in [1.0, 2.0, 3.0, 4.0] {
        let model = Rydberg::new(delta).on(&links(6)?)?;
        measure(
            &format!("kagome links 6x6, delta {delta}, beta 10"),
            &model,
            params(10.0),
        )?;
        for epsilon in [0.1, 0.3] {
            let p = SseParams {
                epsilon,
                ..params(10.0)
            };
            measure(&format!("  epsilon {epsilon}"), &model, p)?;
        }
        for (name, rod_hops) in [
            ("  no line loops", true),
            ("  no hops, no line loops", false),
        ] {
            let p = SseParams {
                rod_hops,
                line_loops: false,
                ..params(10.0)
            };
            measure(name, &model, p)?;
        }
    }
    // Hot strings have many flips, and at delta = 0 loops that close at once.
    let cases = [
        (6, 3.0, 10.0),
        (6, 3.0, 50.0),
        (6, 0.0, 10.0),
        (6, 0.0, 50.0),
        (16, 0.0, 1.0),
        (16, 0.0, 10.0),
        (16, 1.0, 10.0),
    ];
    for (l, delta, beta) in cases {
        for line_loops in [true, false] {
            let p = SseParams {
                line_loops,
                ..params(beta)
            };
            let model = Rydberg::new(delta).on(&links(l)?)?;
            let name = format!("line loops {line_loops}, {l}x{l}, delta {delta}, beta {beta}");
            measure(&name, &model, p)?;
        }
    }
    let model = Rydberg::new(3.0).on(&links(2)?)?;
    for beta in [4.0, 8.0, 16.0, 32.0, 64.0] {
        measure(
            &format!("kagome links 2x2, delta 3, beta {beta}"),
            &model,
            params(beta),
        )?;
    }
    let chain = Lattice::chain(64, Boundary::Periodic)?;
    measure(
        "Ising chain 64, beta 32, h 1",
        &Tfim::new(1.0).on(&chain)?,
        params(32.0),
    )?;
    let square = Lattice::square([16, 16], Boundary::Periodic)?;
    measure(
        "Ising square 16x16, beta 8, h 3.044",
        &Tfim::new(3.044).on(&square)?,
        params(8.0),
    )?;
    let tails = Rydberg {
        c6: 2.0,
        ..Rydberg::new(3.0)
    }
    .on(&links(6)?)?;
    measure(
        "kagome links 6x6 with tails c6 2, delta 3, beta 4",
        &tails,
        params(4.0),
    )?;
    Ok(())
}
