//! Weights of order parameters $m = \frac1N \sum_i a_i n_i$ on lattices.

use crate::SseParams;
use ketwork_hamiltonians::Lattice;
use std::f64::consts::TAU;

/// Weights (re, im) of the sites.
type Mode = Vec<(f64, f64)>;

fn phase(angle: f64) -> (f64, f64) {
    (angle.cos(), angle.sin())
}

impl SseParams {
    /// Weights $a_i = e^{i k \cdot r_i}$, one mode for each wave vector.
    ///
    /// $N \langle |m|^2 \rangle$ is the structure factor
    /// $S(k) = \frac1N \sum_{ij} e^{i k \cdot (r_i - r_j)} \langle n_i n_j \rangle$ at equal times, with
    /// the positions $r_i$ of all sites of a cell. It is not connected: $S(0) = N \langle n^2 \rangle$,
    /// n the density of a configuration. [`Lattice::momenta`] lists what fits the torus.
    #[must_use]
    pub fn structure_factor(lattice: &Lattice, k: &[[f64; 3]]) -> Vec<Mode> {
        let at = |k: &[f64; 3], i: usize| {
            let r = lattice.position(i);
            phase(k.iter().zip(r).map(|(k, r)| k * r).sum())
        };
        let sites = 0..lattice.n_sites();
        k.iter()
            .map(|k| sites.clone().map(|i| at(k, i)).collect())
            .collect()
    }

    /// Weights $a_i = (-1)^{x + y + z}$ of the cell coordinates.
    #[must_use]
    pub fn staggered(lattice: &Lattice) -> Mode {
        let sign = |i| (1.0 - 2.0 * lattice.parity_of_cell(i) as f64, 0.0);
        (0..lattice.n_sites()).map(sign).collect()
    }

    /// Weights $a_j = e^{2 \pi i j / p}$ of a chain of n sites: order that repeats after p of them, as
    /// $Z_2$ (p = 2) and $Z_3$ (p = 3) crystals of Rydberg atoms do.
    ///
    /// A perfect crystal, one excitation in p sites, has $|m| = 1/p$, all its translations have other
    /// phases.
    ///
    /// # Panics
    /// If p is 0.
    #[track_caller]
    #[must_use]
    pub fn crystal(n: usize, p: usize) -> Mode {
        assert!(p > 0, "a crystal has a period");
        let at = |j: usize| phase(TAU * (j % p) as f64 / p as f64);
        (0..n).map(at).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::Exact;
    use crate::target_tests::{Scores, ring};
    use crate::{Sse, rydberg_graph};
    use ketwork_hamiltonians::{Boundary, LatticeKind, Model, OnSpace, Rydberg};
    use ketwork_models::Stream;

    fn amplitude(mode: &Mode, x: &[u8]) -> f64 {
        let part = |f: fn(&(f64, f64)) -> f64| {
            let sum: f64 = mode.iter().zip(x).map(|(a, &n)| f(a) * f64::from(n)).sum();
            sum / x.len() as f64
        };
        part(|a| a.0).hypot(part(|a| a.1))
    }

    /// Energy, density, all modes and their Binder ratios against exact diagonalisation.
    fn compare(scores: &mut Scores, what: &str, model: &Model<f64>, beta: f64, modes: Vec<Mode>) {
        let exact = Exact::of(model);
        let n = model.space().n_sites as f64;
        let params = SseParams {
            beta,
            sweeps: 60_000,
            modes: modes.clone(),
            ..SseParams::default()
        };
        let r = Sse::new(model, params)
            .unwrap()
            .run(Stream::new(31))
            .unwrap();
        let name = |k: &str| format!("{what} {k}");
        let energy = exact.energy(beta, |e| e) / n;
        scores.add(&name("energy"), r.energy_per_site, energy);
        let density = |x: &[u8]| x.iter().map(|&n| f64::from(n)).sum::<f64>() / n;
        scores.add(&name("density"), r.density, exact.diagonal(beta, density));
        scores.add(&name("heat"), r.specific_heat, exact.specific_heat(beta));
        for (k, (mode, found)) in modes.iter().zip(&r.modes).enumerate() {
            let moment = |p| exact.diagonal(beta, |x| amplitude(mode, x).powi(p));
            scores.add(&name(&format!("mode {k}")), found.squared, moment(2));
            let binder = moment(4) / moment(2).powi(2);
            scores.add(&name(&format!("binder {k}")), found.binder, binder);
        }
    }

    #[test]
    fn lattices_of_two_dimensions_and_a_graph_agree_with_exact_diagonalisation() {
        let mut scores = Scores::default();
        let torus = |kind, l| Lattice::new(kind, &[l, l], &[Boundary::Periodic]).unwrap();
        for (kind, l) in [(LatticeKind::Triangular, 3), (LatticeKind::Kagome, 2)] {
            let lattice = torus(kind, l);
            let momenta = lattice.momenta();
            let modes = SseParams::structure_factor(&lattice, &momenta[..3]);
            for (delta, beta) in [(0.5, 1.0), (2.0, 3.0)] {
                let model = Rydberg::new(delta).on(&lattice).unwrap();
                let what = format!("{} delta {delta} beta {beta}", kind.name());
                compare(&mut scores, &what, &model, beta, modes.clone());
            }
        }
        // A wheel with a tail: sites of degree 1 to 6, a triangle in each sector.
        let spokes = (1..7).map(|k| (0, k));
        let rim = (1..7).map(|k| (k, k % 6 + 1));
        let edges: Vec<_> = spokes.chain(rim).chain([(6, 7), (7, 8)]).collect();
        let model = rydberg_graph(9, &edges, 1.0, 1.3).unwrap();
        let own = (0..9).map(|i| (f64::from(i % 3) - 1.0, 0.0)).collect();
        compare(&mut scores, "graph", &model, 2.0, vec![own]);
        scores.pass();
    }

    #[test]
    fn crystals_of_chains_agree_with_exact_diagonalisation() {
        let mut scores = Scores::default();
        let modes = |n| vec![SseParams::crystal(n, 2), SseParams::crystal(n, 3)];
        let model = Rydberg::new(1.5).on(&ring(6)).unwrap();
        compare(&mut scores, "ring", &model, 3.0, modes(6));
        // A blockade of two neighbours on each side and a large detuning: one atom in three.
        let edges: Vec<_> = (0..9)
            .flat_map(|i| [(i, (i + 1) % 9), (i, (i + 2) % 9)])
            .collect();
        let model = rydberg_graph(9, &edges, 1.0, 2.0).unwrap();
        compare(&mut scores, "third", &model, 3.0, modes(9));
        scores.pass();
    }

    #[test]
    fn a_perfect_crystal_has_the_largest_amplitude_and_staggered_order_is_its_own_wave_vector() {
        let x: Vec<u8> = (0..12).map(|j| u8::from(j % 3 == 1)).collect();
        assert!((amplitude(&SseParams::crystal(12, 3), &x) - 1.0 / 3.0).abs() < 1e-14);
        assert!(amplitude(&SseParams::crystal(12, 2), &x).abs() < 1e-14);
        let square = Lattice::square([4, 4], Boundary::Periodic).unwrap();
        let pi = [TAU / 2.0, TAU / 2.0, 0.0];
        let waves = SseParams::structure_factor(&square, &[pi]);
        for (a, b) in waves[0].iter().zip(SseParams::staggered(&square)) {
            assert!(
                (a.0 - b.0).abs() < 1e-13 && a.1.abs() < 1e-13,
                "{a:?} {b:?}"
            );
        }
    }
}
