//! Exact values of small systems.

use crate::exact::Exact;
use crate::{Sse, SseParams, SseReport};
use ketwork_hamiltonians::{
    Boundary, Lattice, LatticeKind, Model, OnSpace, Rydberg, RydbergBlockade, Tfim,
};
use ketwork_models::Stream;

pub(crate) fn ring(n: usize) -> Lattice {
    Lattice::chain(n, Boundary::Periodic).unwrap()
}

pub(crate) fn kagome_link(l: usize) -> Lattice {
    Lattice::new(LatticeKind::KagomeLink, &[l, l], &[Boundary::Periodic]).unwrap()
}

fn run(model: &Model<f64>, beta: f64, sweeps: u64, seed: u64) -> SseReport {
    let params = SseParams {
        beta,
        sweeps,
        thermalization: 2000,
        ..SseParams::default()
    };
    Sse::new(model, params)
        .unwrap()
        .run(Stream::new(seed))
        .unwrap()
}

/// Collects deviations, then refuses the set where one is beyond 4 standard errors.
#[derive(Default)]
pub(crate) struct Scores {
    text: String,
    worst: f64,
}

impl Scores {
    pub(crate) fn add(&mut self, name: &str, e: ketwork_stats::Estimate, exact: f64) {
        // Known values have limited digits: half of the last one.
        let z = ((e.mean - exact).abs() - 0.6e-6).max(0.0) / e.error;
        self.worst = self.worst.max(z);
        self.text += &format!(
            "{name}: {e} +- {:.1e}, exact {exact:.6}, z {z:.2}, tau {:.1}\n",
            e.error, e.tau
        );
    }

    /// 4 standard errors at 60 degrees of freedom are missed once in 5600.
    #[track_caller]
    pub(crate) fn pass(&self) {
        println!("{}", self.text);
        assert!(self.worst < 4.0, "\n{}", self.text);
    }
}

#[test]
fn a_small_ring_agrees_with_exact_diagonalisation_in_every_estimator() {
    let mut scores = Scores::default();
    for (delta, beta) in [(1.0, 1.0), (0.0, 4.0), (-0.7, 2.0), (2.0, 4.0)] {
        let model = Rydberg::new(delta).on(&ring(6)).unwrap();
        let exact = Exact::of(&model);
        let params = SseParams {
            beta,
            sweeps: 200_000,
            correlations: true,
            modes: vec![
                (0..6)
                    .map(|i| (if i % 2 == 0 { 1.0 } else { -1.0 }, 0.0))
                    .collect(),
            ],
            ..SseParams::default()
        };
        let r = Sse::new(&model, params)
            .unwrap()
            .run(Stream::new(11))
            .unwrap();
        let name = |what: &str| format!("delta {delta} beta {beta} {what}");
        scores.add(
            &name("energy"),
            r.energy_per_site,
            exact.energy(beta, |e| e) / 6.0,
        );
        let n = |x: &[u8]| x.iter().map(|&n| f64::from(n)).sum::<f64>();
        scores.add(&name("density"), r.density, exact.diagonal(beta, n) / 6.0);
        scores.add(
            &name("site 2"),
            r.site_density[2],
            exact.diagonal(beta, |x| f64::from(x[2])),
        );
        scores.add(&name("heat"), r.specific_heat, exact.specific_heat(beta));
        let pairs = r.correlations.unwrap();
        scores.add(
            &name("n0 n2"),
            pairs[2],
            exact.diagonal(beta, |x| f64::from(x[0] * x[2])),
        );
        let m = |x: &[u8]| {
            let sign = |i: usize| if i.is_multiple_of(2) { 1.0 } else { -1.0 };
            (0..6).map(|i| sign(i) * f64::from(x[i])).sum::<f64>() / 6.0
        };
        scores.add(
            &name("m^2"),
            r.modes[0].squared,
            exact.diagonal(beta, |x| m(x).powi(2)),
        );
        let binder =
            exact.diagonal(beta, |x| m(x).powi(4)) / exact.diagonal(beta, |x| m(x).powi(2)).powi(2);
        scores.add(&name("binder"), r.modes[0].binder, binder);
        // The response of the density to delta, by central differences of exact values.
        let density =
            |d: f64| Exact::of(&Rydberg::new(d).on(&ring(6)).unwrap()).diagonal(beta, n) / 6.0;
        let response = (density(delta + 1e-3) - density(delta - 1e-3)) / 2e-3;
        scores.add(&name("response"), r.compressibility, response);
    }
    scores.pass();
}

#[test]
fn other_families_agree_with_exact_diagonalisation() {
    let open = Lattice::chain(5, Boundary::Open).unwrap();
    let cases: Vec<(&str, Model<f64>)> = vec![
        (
            "tails",
            Rydberg {
                c6: 4.0,
                ..Rydberg::new(1.2)
            }
            .on(&ring(6))
            .unwrap(),
        ),
        (
            "square with tails",
            Rydberg {
                c6: 6.0,
                ..Rydberg::new(2.0)
            }
            .on(&Lattice::square([4, 3], Boundary::Periodic).unwrap())
            .unwrap(),
        ),
        (
            "no blockade",
            Rydberg {
                c6: 5.0,
                blockade: RydbergBlockade::None,
                ..Rydberg::new(1.2)
            }
            .on(&open)
            .unwrap(),
        ),
        (
            "attraction",
            Rydberg {
                c6: -3.0,
                ..Rydberg::new(0.4)
            }
            .on(&ring(6))
            .unwrap(),
        ),
        ("open ends", Rydberg::new(1.2).on(&open).unwrap()),
        ("ising", Tfim::new(0.9).on(&ring(6)).unwrap()),
        (
            "fields",
            Tfim {
                hz: 0.3,
                ..Tfim::new(0.9)
            }
            .on(&open)
            .unwrap(),
        ),
        (
            "antiferromagnet",
            Tfim {
                j: -1.0,
                h: 0.9,
                hz: 0.2,
            }
            .on(&ring(5))
            .unwrap(),
        ),
        (
            "classical",
            Tfim {
                j: 0.4,
                h: 0.0,
                hz: 0.2,
            }
            .on(&ring(5))
            .unwrap(),
        ),
    ];
    let mut scores = Scores::default();
    for (name, model) in &cases {
        let exact = Exact::of(model);
        let n = |x: &[u8]| x.iter().map(|&n| f64::from(n)).sum::<f64>() / x.len() as f64;
        for beta in [0.5, 3.0] {
            let r = run(model, beta, 100_000, 12);
            let sites = model.space().n_sites as f64;
            let name = |what: &str| format!("{name} beta {beta} {what}");
            scores.add(
                &name("energy"),
                r.energy_per_site,
                exact.energy(beta, |e| e) / sites,
            );
            scores.add(&name("density"), r.density, exact.diagonal(beta, n));
            scores.add(&name("heat"), r.specific_heat, exact.specific_heat(beta));
            let site = exact.diagonal(beta, |x| f64::from(x[1]));
            scores.add(&name("site 1"), r.site_density[1], site);
            assert!(r.filling < 1.0, "{name:?}", name = name("filling"));
        }
    }
    scores.pass();
}

/// Rows of exact energies and densities per site: (delta, beta, e, n).
const RING_8: [(f64, f64, f64, f64); 6] = [
    (0.0, 1.0, -0.128739, 0.265837),
    (0.0, 4.0, -0.282199, 0.213895),
    (1.0, 1.0, -0.453300, 0.345736),
    (1.0, 4.0, -0.598189, 0.413842),
    (2.0, 1.0, -0.905810, 0.409197),
    (2.0, 4.0, -1.058750, 0.473056),
];
const RING_12: [(f64, f64, f64, f64); 6] = [
    (0.0, 1.0, -0.128615, 0.265504),
    (0.0, 4.0, -0.281960, 0.212578),
    (1.0, 1.0, -0.450048, 0.343135),
    (1.0, 4.0, -0.593742, 0.408987),
    (2.0, 1.0, -0.890196, 0.402026),
    (2.0, 4.0, -1.058477, 0.472916),
];
const KAGOME_2X2: [(f64, f64, f64, f64); 15] = [
    (0.0, 1.0, -0.075621, 0.146827),
    (0.0, 2.0, -0.136261, 0.124940),
    (0.0, 4.0, -0.190471, 0.095639),
    (1.0, 1.0, -0.238379, 0.179931),
    (1.0, 2.0, -0.276783, 0.188763),
    (1.0, 4.0, -0.303056, 0.193365),
    (2.0, 1.0, -0.455554, 0.205226),
    (2.0, 2.0, -0.512775, 0.228357),
    (2.0, 4.0, -0.529396, 0.236003),
    (3.0, 1.0, -0.708286, 0.224202),
    (3.0, 2.0, -0.766033, 0.242137),
    (3.0, 4.0, -0.770316, 0.243517),
    (4.0, 1.0, -0.976194, 0.236801),
    (4.0, 2.0, -1.014581, 0.246055),
    (4.0, 4.0, -1.015399, 0.246255),
];

fn targets(sigma: Option<f64>) {
    let mut scores = Scores::default();
    let mut largest = 0.0f64;
    let lattices = [
        (ring(8), &RING_8[..]),
        (ring(12), &RING_12[..]),
        (kagome_link(2), &KAGOME_2X2[..]),
    ];
    for (lattice, rows) in &lattices {
        for &(delta, beta, e, n) in *rows {
            let model = Rydberg::new(delta).on(lattice).unwrap();
            let mut r = run(&model, beta, 10_000, 13);
            if let Some(sigma) = sigma {
                // As many sweeps as the short run asks for, at errors a third smaller: both are known to 9 %.
                let worst = r.energy_per_site.error.max(r.density.error);
                let sweeps = 1e4 * (1.5 * worst / sigma).powi(2);
                r = run(&model, beta, sweeps as u64 + 10_000, 14);
                let worst = r.energy_per_site.error.max(r.density.error);
                assert!(worst < sigma, "delta {delta} beta {beta}: error {worst}");
            }
            largest = largest.max(r.energy_per_site.error).max(r.density.error);
            let name = |what| format!("{} {delta} {beta} {what}", lattice.kind().name());
            scores.add(&name("energy"), r.energy_per_site, e);
            scores.add(&name("density"), r.density, n);
        }
    }
    println!(
        "largest deviation {:.2} sigma, largest error {largest:.1e}",
        scores.worst
    );
    scores.pass();
}

#[test]
fn rings_and_kagome_links_have_their_exact_energies_and_densities() {
    targets(None);
}

#[test]
#[ignore = "all rows with errors below 3e-4: 2 min"]
fn rings_and_kagome_links_have_their_exact_energies_and_densities_to_three_digits_and_a_half() {
    targets(Some(3e-4));
}
