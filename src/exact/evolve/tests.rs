use super::*;
use crate::exact::tests::tfim_ring;
use crate::exact::vector::random_unit;
use crate::exact::{Basis, Memory, evolve_driven, expectation, spectrum};
use crate::hamiltonians::{Action, Hamiltonian, LocalSum, Pauli, Protocol, Space, Term};

fn mean(n: usize, p: Pauli) -> LocalSum<Complex64> {
    let action = Action::Pauli(vec![p], Complex64::from(1.0 / n as f64));
    let terms = (0..n as u32)
        .map(|s| Term {
            sites: vec![s],
            guard: Vec::new(),
            action: action.clone(),
            coupling: 0,
        })
        .collect();
    LocalSum::new(Space::qubits(n), terms, vec![("1".into(), 1.0)]).unwrap()
}

fn tfim(n: usize) -> (Basis, SparseMatrix<f64>) {
    let h = tfim_ring(n, 1.0);
    let basis = Basis::new(&**h.sector(), Memory::default()).unwrap();
    let matrix = SparseMatrix::new(&h, &basis, Memory::default()).unwrap();
    (basis, matrix)
}

#[test]
fn a_quench_from_all_up_has_the_known_magnetisation() {
    let (basis, h) = tfim(6);
    let mut psi = vec![Complex64::ZERO; basis.len()];
    psi[basis.index(&[0; 6]).unwrap()] = Complex64::ONE;
    let mut before = 0.0;
    for (t, z, x, y) in [
        (0.1, 0.980329, 0.038947, 0.193452),
        (0.2, 0.925086, 0.143815, 0.350333),
        (0.5, 0.6575, 0.516511, 0.451909),
        (1.0, 0.343348, 0.47067, 0.208218),
    ] {
        evolve(&h, t - before, &mut psi, &EvolveParams::default()).unwrap();
        before = t;
        for (p, exact) in [(Pauli::Z, z), (Pauli::X, x), (Pauli::Y, y)] {
            let value = expectation(&mean(6, p), &basis, &psi).re;
            // The table has six decimals.
            assert!(
                (value - exact).abs() < 1e-6,
                "{p:?} at {t}: {value}, {exact}"
            );
        }
    }
}

#[test]
fn evolution_equals_the_exponential_of_the_spectrum() {
    let all = spectrum(&tfim_ring(6, 1.0), Memory::default()).unwrap();
    let (_, h) = tfim(6);
    let start: Vec<Complex64> = random_unit(64, 5);
    let time = 7.3;
    let mut exact = vec![Complex64::ZERO; 64];
    for (e, v) in all.energies.iter().zip(&all.vectors) {
        let c: Complex64 = v.iter().zip(&start).map(|(v, s)| s * v).sum();
        let c = c * Complex64::from_polar(1.0, -e * time);
        exact.iter_mut().zip(v).for_each(|(x, v)| *x += c * v);
    }
    for (krylov_dim, tolerance) in [(6, 1e-6), (24, 1e-10), (12, 1e-12), (64, 1e-12)] {
        let params = EvolveParams {
            krylov_dim,
            tolerance,
            ..EvolveParams::default()
        };
        let mut psi = start.clone();
        evolve(&h, time, &mut psi, &params).unwrap();
        axpy(Complex64::from(-1.0), &exact, &mut psi);
        // Rounding grows with the phases e t, up to 60.
        assert!(
            norm(&psi) < tolerance + 1e-12,
            "{krylov_dim}: {:e}",
            norm(&psi)
        );
    }
}

#[test]
fn evolution_back_and_forth_returns_and_keeps_the_norm() {
    let (_, h) = tfim(8);
    let start: Vec<Complex64> = random_unit(256, 1);
    let mut psi = start.clone();
    evolve(&h, 3.0, &mut psi, &EvolveParams::default()).unwrap();
    assert!((norm(&psi) - 1.0).abs() < 1e-14, "{}", norm(&psi));
    evolve(&h, -3.0, &mut psi, &EvolveParams::default()).unwrap();
    axpy(Complex64::from(-1.0), &start, &mut psi);
    assert!(norm(&psi) < 2e-10, "{:e}", norm(&psi));
}

#[test]
fn cooling_gives_the_partition_sum_of_a_state_and_ends_in_the_ground_state() {
    let all = spectrum(&tfim_ring(6, 1.0), Memory::default()).unwrap();
    let (basis, h) = tfim(6);
    let start: Vec<Complex64> = random_unit(64, 9);
    let mut psi = start.clone();
    let info = cool(&h, 1.5, &mut psi, &EvolveParams::default()).unwrap();
    let weight = |(e, v): (&f64, &Vec<f64>)| {
        let c: Complex64 = v.iter().zip(&start).map(|(v, s)| s * v).sum();
        c.norm_sqr() * (-3.0 * e).exp()
    };
    let exact: f64 = 0.5
        * all
            .energies
            .iter()
            .zip(&all.vectors)
            .map(weight)
            .sum::<f64>()
            .ln();
    assert!(
        (info.log_norm - exact).abs() < 1e-9,
        "{} {exact}",
        info.log_norm
    );
    cool(&h, 400.0, &mut psi, &EvolveParams::default()).unwrap();
    let energy = expectation(&tfim_ring(6, 1.0), &basis, &psi).re;
    assert!((energy - all.energies[0]).abs() < 1e-10, "{energy}");
    assert!((norm(&psi) - 1.0).abs() < 1e-13, "{}", norm(&psi));
}

#[test]
fn a_driven_field_on_free_spins_turns_them_by_its_integral() {
    // J = 0: each spin turns about x by twice the integral of h = t.
    let model = crate::hamiltonians::Tfim {
        j: 0.0,
        h: 0.0,
        hz: 0.0,
    };
    let model = model.on(&crate::exact::tests::ring(3)).unwrap();
    let basis = Basis::new(&**model.sector(), Memory::default()).unwrap();
    let ramp = Protocol::new(model).drive("h", |t| t * t).unwrap();
    let mut psi = vec![Complex64::ZERO; 8];
    psi[0] = Complex64::ONE;
    evolve_driven(&ramp, &basis, 0.5..2.0, &mut psi, &EvolveParams::default()).unwrap();
    let angle: f64 = 2.0 * (8.0 - 0.125) / 3.0;
    let z = expectation(&mean(3, Pauli::Z), &basis, &psi).re;
    assert!((z - angle.cos()).abs() < 1e-9, "{z} {}", angle.cos());
}

#[test]
fn a_driven_ring_agrees_with_many_short_constant_steps() {
    let (basis, _) = tfim(4);
    let field = |t: f64| 1.0 + (3.0 * t).sin();
    let ramp = Protocol::new(tfim_ring(4, 1.0)).drive("h", field).unwrap();
    let start: Vec<Complex64> = random_unit(16, 2);
    // Midpoint steps, second order: the extrapolation of two leaves fourth order.
    let midpoint = |steps: usize| {
        let mut psi = start.clone();
        let dt = 1.0 / steps as f64;
        for s in 0..steps {
            let h = tfim_ring(4, field((s as f64 + 0.5) * dt));
            let h = SparseMatrix::new(&h, &basis, Memory::default()).unwrap();
            evolve(
                &h,
                dt,
                &mut psi,
                &EvolveParams {
                    tolerance: 1e-14,
                    ..Default::default()
                },
            )
            .unwrap();
        }
        psi
    };
    let (coarse, fine) = (midpoint(200), midpoint(400));
    let mut psi = start.clone();
    let params = EvolveParams {
        tolerance: 1e-9,
        ..EvolveParams::default()
    };
    let info = evolve_driven(&ramp, &basis, 0.0..1.0, &mut psi, &params).unwrap();
    let distance = |other: &[Complex64]| {
        let mut d = psi.clone();
        axpy(Complex64::from(-1.0), other, &mut d);
        norm(&d)
    };
    let ratio = distance(&coarse) / distance(&fine);
    assert!((3.9..4.1).contains(&ratio), "midpoint order: ratio {ratio}");
    let extrapolated: Vec<_> = fine
        .iter()
        .zip(&coarse)
        .map(|(f, c)| f + (f - c) / 3.0)
        .collect();
    assert!(
        distance(&extrapolated) < 2e-9,
        "{:e}, {info:?}",
        distance(&extrapolated)
    );
    assert!((norm(&psi) - 1.0).abs() < 1e-12, "{}", norm(&psi));
}

#[test]
fn times_and_states_that_are_no_numbers_are_refused() {
    let (_, h) = tfim(3);
    let mut psi: Vec<Complex64> = random_unit(8, 0);
    assert!(evolve(&h, f64::NAN, &mut psi, &EvolveParams::default()).is_err());
    assert!(cool(&h, -1.0, &mut psi, &EvolveParams::default()).is_err());
    psi[3] = Complex64::from(f64::NAN);
    assert!(evolve(&h, 1.0, &mut psi, &EvolveParams::default()).is_err());
    let mut zero = vec![Complex64::ZERO; 8];
    assert!(cool(&h, 1.0, &mut zero, &EvolveParams::default()).is_err());
    let params = EvolveParams {
        max_products: 3,
        ..EvolveParams::default()
    };
    let mut psi: Vec<Complex64> = random_unit(8, 0);
    assert!(matches!(
        evolve(&h, 1e3, &mut psi, &params),
        Err(ExactError::Stalled { .. })
    ));
}
