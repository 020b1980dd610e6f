use super::*;
use crate::exact::tests::{heisenberg_ring, tfim_ring};
use crate::hamiltonians::{LocalSum, Pauli, Space, Term};

/// Levels of two sites with one bond: $\pm\sqrt{J^2 + 4h^2}$ and $\pm J$.
fn two_sites(h: f64) -> [f64; 4] {
    let e = (1.0 + 4.0 * h * h).sqrt();
    [-e, -1.0, 1.0, e]
}

#[test]
fn thermal_averages_follow_the_two_site_formula() {
    let spectrum = spectrum(&tfim_ring(2, 0.8), Memory::default()).unwrap();
    let levels = two_sites(0.8);
    for beta in [-0.5, 0.0, 0.1, 1.0, 5.0f64] {
        let w = levels.map(|e| (-beta * e).exp());
        let z: f64 = w.iter().sum();
        let e: f64 = w.iter().zip(levels).map(|(w, e)| w * e / z).sum();
        let e2: f64 = w.iter().zip(levels).map(|(w, e)| w * e * e / z).sum();
        let t = spectrum.thermal(beta).unwrap();
        assert!((t.energy - e).abs() < 1e-13, "{beta}: {} {e}", t.energy);
        let c = beta * beta * (e2 - e * e);
        assert!(
            (t.specific_heat - c).abs() < 1e-12,
            "{beta}: {} {c}",
            t.specific_heat
        );
        assert!((t.log_partition - z.ln()).abs() < 1e-13, "{beta}");
        let s = z.ln() + beta * e;
        assert!((t.entropy - s).abs() < 1e-13, "{beta}");
    }
}

#[test]
fn any_temperature_stays_finite() {
    let spectrum = spectrum(&tfim_ring(6, 1.0), Memory::default()).unwrap();
    for beta in [1e6, f64::MAX, f64::INFINITY] {
        let t = spectrum.thermal(beta).unwrap();
        assert!((t.energy - spectrum.energies[0]).abs() < 1e-12, "{t:?}");
        assert!(
            t.specific_heat.abs() < 1e-12 && t.entropy.abs() < 1e-12,
            "{t:?}"
        );
    }
    let t = spectrum.thermal(f64::NEG_INFINITY).unwrap();
    assert!((t.energy - spectrum.energies[63]).abs() < 1e-12, "{t:?}");
    assert!(spectrum.thermal(f64::NAN).is_err());
    let hot = spectrum.thermal(0.0).unwrap();
    assert!((hot.entropy - 64f64.ln()).abs() < 1e-12, "{hot:?}");
}

#[test]
fn the_thermal_expectation_of_h_is_the_energy() {
    let h = heisenberg_ring(6, 0.3);
    let spectrum = spectrum(&h, Memory::default()).unwrap();
    let energy = spectrum.thermal_expectation(0.7, &h).unwrap();
    assert!(
        (energy - spectrum.thermal(0.7).unwrap().energy).norm() < 1e-12,
        "{energy}"
    );
}

#[test]
fn complex_matrices_are_diagonalised() {
    // H = Y: levels -1 and 1.
    let action = crate::hamiltonians::Action::Pauli(vec![Pauli::Y], Complex64::ONE);
    let term = Term {
        sites: vec![0],
        guard: Vec::new(),
        action,
        coupling: 0,
    };
    let space = Space::qubits(1);
    let sum = LocalSum::new(space, vec![term], vec![("y".into(), 1.0)]).unwrap();
    let sector = std::sync::Arc::new(crate::hamiltonians::Free::new(space));
    let h = crate::hamiltonians::Model::new(sum, sector).unwrap();
    let spectrum = spectrum(&h, Memory::default()).unwrap();
    assert!(
        (spectrum.energies[0] + 1.0).abs() < 1e-15,
        "{:?}",
        spectrum.energies
    );
    assert!(
        (spectrum.energies[1] - 1.0).abs() < 1e-15,
        "{:?}",
        spectrum.energies
    );
    // The lowest state is (1, -i) / sqrt 2.
    let v = &spectrum.vectors[0];
    assert!((v[1] / v[0] + Complex64::I).norm() < 1e-14, "{v:?}");
}
