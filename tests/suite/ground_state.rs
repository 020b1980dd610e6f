//! Variational Monte Carlo against exact diagonalisation, and against itself.

use crate::prelude::{critical_ring, critical_ring_energy, exact_energy, with_threads};
use ketwork::exact::Memory;
use ketwork::hamiltonians::{Hamiltonian, OnSpace};
use ketwork::{
    Autoregressive, FullSum, GroundState, Independent, MinSr, PrefixTable, Schedule, Stream,
    Wavefunction,
};

#[test]
fn exact_sums_over_a_table_reach_the_exact_energy_to_ten_digits() {
    let model = critical_ring(6);
    let psi = Autoregressive::new(
        PrefixTable::<f64>::new(*model.space()),
        model.sector().clone(),
    );
    let theta = psi.layout().initial(Stream::new(1).named("parameters"));
    let sampler = FullSum::new(&**model.sector(), Memory::default()).expect("64 configurations");
    let mut vmc = GroundState::new(&model, &psi, sampler, theta).with_solver(MinSr::new(1e-6));
    // Explicit steps in imaginary time are stable below 2 / (largest - lowest energy) = 0.13.
    vmc.learning_rate = Schedule::Constant(0.12);
    let last = (0..600)
        .map(|_| vmc.next().expect("endless").expect("no step fails"))
        .last()
        .expect("600 steps");
    let exact = exact_energy(&model);
    assert!((exact - critical_ring_energy(6)).abs() < 1e-10, "{exact}");
    assert!(
        (last.energy.mean - exact).abs() < 1e-10,
        "{} against {exact}",
        last.energy.mean
    );
    assert!(
        last.variance < 1e-9,
        "an eigenstate has no variance: {}",
        last.variance
    );
}

#[test]
fn sampled_steps_are_the_same_bits_with_one_and_two_threads() {
    let run = || {
        let model = critical_ring(8);
        let net = PrefixTable::<f64>::new(*model.space());
        let psi = Autoregressive::new(net, model.sector().clone());
        let theta = psi.layout().initial(Stream::new(7).named("parameters"));
        let sampler = Independent::new(300, Stream::new(7).named("samples"));
        let mut vmc = GroundState::new(&model, &psi, sampler, theta);
        let energies: Vec<u64> = (0..10)
            .map(|_| {
                vmc.next()
                    .expect("endless")
                    .expect("no step fails")
                    .energy
                    .mean
                    .to_bits()
            })
            .collect();
        (
            energies,
            vmc.theta.iter().map(|t| t.to_bits()).collect::<Vec<_>>(),
        )
    };
    assert_eq!(with_threads(1, run), with_threads(2, run));
}
