//! Error bars of energies: 1000 short runs, and how often they hold the exact energy of the state.

use crate::prelude::critical_ring;
use ketwork::exact::Memory;
use ketwork::hamiltonians::{Boundary, Hamiltonian, Heisenberg, Lattice, Model};
use ketwork::{
    Autoregressive, Differentiable, FullSum, GroundState, Independent, Metropolis,
    MetropolisParams, OnSpace, PrefixTable, Rbm, Sampler, Stream,
};
use rayon::prelude::*;

const RUNS: u64 = 1000;

/// Probabilities of |t| < 1 and |t| < 2 for Student's t with as many degrees of freedom.
const NORMAL: [f64; 2] = [0.6827, 0.9545];
const T31: [f64; 2] = [0.6749, 0.9457];
const T63: [f64; 2] = [0.6789, 0.9502];

/// A Heisenberg ring in the sector of total Sz = 0, with negative off-diagonal elements.
fn heisenberg(n_sites: usize) -> Model<f64> {
    let ring = Lattice::chain(n_sites, Boundary::Periodic).unwrap();
    let model = Heisenberg::default().on(&ring).unwrap();
    model.rotated_by_z(&model.terms().sign_gauge())
}

/// Runs short estimates of the energy and compares the coverage with `promised`, to four binomial
/// standard deviations: each of the two bounds fails by chance once in 16000 seeds.
#[track_caller]
fn covers<W, S>(
    what: &str,
    model: &Model<f64>,
    psi: &W,
    sampler: impl Fn(Stream) -> S + Sync,
    promised: [f64; 2],
) where
    W: Differentiable<Log = f64>,
    S: Sampler<W>,
{
    let initial = psi.layout().initial(Stream::new(61));
    let theta: Vec<f64> = initial.iter().map(|t| 2.0 * t).collect();
    let all = FullSum::new(&**model.sector(), Memory::default()).unwrap();
    let truth = GroundState::new(model, psi, all, theta.clone())
        .measure()
        .unwrap()
        .0
        .mean;
    let distance = |run: u64| {
        let stream = Stream::new(62).named(what).numbered(run);
        let mut vmc = GroundState::new(model, psi, sampler(stream), theta.clone());
        vmc.measure().unwrap().0.z(truth)
    };
    let z: Vec<f64> = (0..RUNS).into_par_iter().map(distance).collect();
    for (within, promised) in [1.0, 2.0].into_iter().zip(promised) {
        let found = z.iter().filter(|z| z.abs() < within).count() as f64 / RUNS as f64;
        let limit = 4.0 * (promised * (1.0 - promised) / RUNS as f64).sqrt();
        println!("{what}: {found} within {within} sigma, promised {promised} +- {limit:.4}");
        assert!(
            (found - promised).abs() < limit,
            "{what}: {found} within {within} sigma, promised {promised} +- {limit:.4}"
        );
    }
    let bias = z.iter().sum::<f64>() / (RUNS as f64).sqrt();
    assert!(bias.abs() < 4.5, "{what}: the mean is off by {bias} sigma");
}

#[test]
fn error_bars_of_independent_shots_hold_the_energy_as_often_as_promised() {
    for model in [critical_ring(6), heisenberg(6)] {
        let net = PrefixTable::<f64>::new(*model.space());
        let psi = Autoregressive::new(net, model.sector().clone());
        let shots = |stream| Independent::new(400, stream);
        covers("ancestral", &model, &psi, shots, NORMAL);
    }
}

#[test]
#[ignore = "statistical: 50 CPU seconds; tests/long.sh runs it"]
fn error_bars_of_markov_chains_hold_the_energy_as_often_as_promised() {
    let exchange = [(critical_ring(6), 0.0), (heisenberg(6), 1.0)];
    // Few chains: windowed autocorrelation time; many: the scatter of their means.
    let chains = [(4, 1600, NORMAL), (32, 256, T31), (64, 512, T63)];
    for (model, exchange) in &exchange {
        let psi = Rbm::<f64>::new(model.sector().clone(), 6);
        for (n_chains, samples, promised) in chains {
            let new = |stream| {
                let params = MetropolisParams {
                    samples,
                    n_chains,
                    thermalization: 20,
                    exchange: *exchange,
                    pairs: (0..6).map(|i| (i, (i + 1) % 6)).collect(),
                    ..MetropolisParams::default()
                };
                Metropolis::new(model.sector().clone(), params, stream).unwrap()
            };
            covers(&format!("{n_chains} chains"), model, &psi, new, promised);
        }
    }
}
