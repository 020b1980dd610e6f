//! Entropy by integration of the energy over inverse temperature.

use ketwork_hamiltonians::Constraint;
use ketwork_stats::Estimate;
use std::collections::BTreeMap;

/// Size of a sector, and the mean of n on each site over its configurations.
#[derive(Clone, Debug, PartialEq)]
pub struct LegalCount {
    /// Logarithm of the number of configurations: the entropy at infinite temperature.
    pub ln_count: f64,
    /// Mean of n on each site at infinite temperature.
    pub density: Vec<f64>,
}

/// Counts the configurations of a sector of qubits by its automaton, a transfer matrix; `None`
/// where a position has more than `limit` states.
///
/// Kagome links 2x2: 2649 configurations (tested).
#[must_use]
pub fn legal_count(sector: &dyn Constraint, limit: usize) -> Option<LegalCount> {
    let n = sector.order().len();
    let mut layers: Vec<BTreeMap<Vec<u64>, f64>> = Vec::with_capacity(n + 1);
    let mut start = vec![0; sector.words()];
    sector.start(&mut start);
    layers.push(BTreeMap::from([(start, 1.0)]));
    for position in 0..n {
        let mut next: BTreeMap<Vec<u64>, f64> = BTreeMap::new();
        for (state, ways) in &layers[position] {
            for value in sector.mask(state, position).values() {
                let mut to = state.clone();
                sector.advance(&mut to, position, value);
                *next.entry(to).or_default() += ways;
            }
        }
        if next.len() > limit {
            return None;
        }
        layers.push(next);
    }
    let total: f64 = layers[n].values().sum();
    let mut density = vec![0.0; n];
    let mut ahead: BTreeMap<Vec<u64>, f64> = layers[n].keys().map(|s| (s.clone(), 1.0)).collect();
    for position in (0..n).rev() {
        let site = sector.order()[position] as usize;
        let mut before = BTreeMap::new();
        for (state, ways) in &layers[position] {
            let mut sum = 0.0;
            for value in sector.mask(state, position).values() {
                let mut to = state.clone();
                sector.advance(&mut to, position, value);
                let rest = ahead[&to];
                sum += rest;
                density[site] += f64::from(value) * ways * rest / total;
            }
            before.insert(state.clone(), sum);
        }
        ahead = before;
    }
    Some(LegalCount {
        ln_count: total.ln(),
        density,
    })
}

/// Entropies $S(\beta_k) = \ln D + \beta_k E_k - \int_0^{\beta_k} E\, d\beta$, in the same order.
///
/// `energies` are total energies at ascending `betas`, the first of them at $\beta = 0$. The
/// integrand is interpolated by cubics through four neighbouring points, so that the entropy is
/// linear in the energies and its error is the sum of theirs in squares; the spacing must be small
/// against the scale on which E changes, which no error bar shows.
///
/// # Panics
/// If there are fewer than 4 points, another number of energies, or the betas do not ascend from 0.
#[track_caller]
#[must_use]
pub fn entropy(ln_count: f64, betas: &[f64], energies: &[Estimate]) -> Vec<Estimate> {
    assert_eq!(betas.len(), energies.len(), "one energy for each beta");
    let of_row = |(row, last): (Vec<f64>, &Estimate)| {
        let terms = || row.iter().zip(energies);
        let squares: f64 = terms().map(|(c, e)| (c * e.error).powi(2)).sum();
        Estimate {
            mean: ln_count + terms().map(|(c, e)| c * e.mean).sum::<f64>(),
            error: squares.sqrt(),
            ..*last
        }
    };
    let rows = coefficients(betas).into_iter();
    rows.zip(energies).map(of_row).collect()
}

/// The entropies of [`entropy`] from the energies of bins, `energies[k][b]` at $\beta_k$ in bin b.
///
/// Rungs of a ladder that exchange their strings are not independent, but their bins are, if these
/// are long against the time of a round trip. The entropy is linear in the energies, so its jackknife error over
/// bins is the scatter of the entropies of single bins. `tau` and `n` count bins.
///
/// # Panics
/// If there are fewer than 4 points or 2 bins, rows of different lengths, or the betas do not ascend from 0.
#[track_caller]
#[must_use]
pub fn entropy_of_bins(ln_count: f64, betas: &[f64], energies: &[Vec<f64>]) -> Vec<Estimate> {
    assert_eq!(betas.len(), energies.len(), "energies for each beta");
    let n = energies[0].len();
    assert!(n >= 2, "{n} bins have no scatter");
    assert!(energies.iter().all(|e| e.len() == n), "equal rows");
    let of_row = |row: Vec<f64>| {
        let bin = |b: usize| -> f64 { row.iter().zip(energies).map(|(c, e)| c * e[b]).sum() };
        let bins: Vec<f64> = (0..n).map(|b| ln_count + bin(b)).collect();
        Estimate::from_chains(&bins, n)
    };
    coefficients(betas).into_iter().map(of_row).collect()
}

/// For each beta the factors of the energies in $\beta_k E_k - \int_0^{\beta_k} E\, d\beta$.
#[track_caller]
fn coefficients(betas: &[f64]) -> Vec<Vec<f64>> {
    assert!(betas.len() >= 4, "{} points", betas.len());
    assert!(
        betas[0] == 0.0 && betas.windows(2).all(|b| b[0] < b[1]),
        "betas ascend from 0"
    );
    let k = betas.len();
    // Of the integral up to the present point.
    let mut integral = vec![0.0; k];
    let mut rows = vec![vec![0.0; k]];
    for right in 1..k {
        let first = right.saturating_sub(2).min(k - 4);
        let nodes = &betas[first..first + 4];
        let (a, b) = (betas[right - 1], betas[right]);
        for (j, &at) in nodes.iter().enumerate() {
            // Two Gauss points integrate a cubic exactly.
            let half = (b - a) / 2.0;
            let gauss = [-1.0, 1.0].map(|s| (a + b) / 2.0 + s * half / 3.0f64.sqrt());
            let basis = |x: f64| -> f64 {
                let others = nodes.iter().enumerate().filter(|(i, _)| *i != j);
                others.map(|(_, &node)| (x - node) / (at - node)).product()
            };
            integral[first + j] += half * (basis(gauss[0]) + basis(gauss[1]));
        }
        let mut row: Vec<f64> = integral.iter().map(|w| -w).collect();
        row[right] += betas[right];
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::Exact;
    use crate::target_tests::{kagome_link, ring};
    use crate::{Sse, SseParams, SseReport, Tempering, TemperingParameter};
    use ketwork_hamiltonians::{Hamiltonian, Rydberg};
    use ketwork_models::Stream;

    #[test]
    fn legal_configurations_are_counted_with_their_density() {
        let kagome = Rydberg::new(1.0).on(&kagome_link(2)).unwrap();
        let count = legal_count(&**kagome.sector(), 100_000).unwrap();
        assert!((count.ln_count - 2649f64.ln()).abs() < 1e-12);
        // 1, 24, 204, 744, 1116, 528, 32 matchings with 0 to 6 dimers, on 24 equal links.
        let dimers = [1, 24, 204, 744, 1116, 528, 32];
        let sum: usize = (0..7).map(|k| k * dimers[k]).sum();
        for d in &count.density {
            assert!((d - sum as f64 / 2649.0 / 24.0).abs() < 1e-12, "{d}");
        }
        assert_eq!(legal_count(&**kagome.sector(), 3), None);
    }

    #[test]
    fn the_integral_of_exact_energies_is_the_exact_entropy() {
        let model = Rydberg::new(1.0).on(&ring(6)).unwrap();
        let exact = Exact::of(&model);
        let betas: Vec<f64> = (0..=40).map(|k| 0.05 * f64::from(k)).collect();
        let energies: Vec<Estimate> = betas
            .iter()
            .map(|&b| Estimate::exact(exact.energy(b, |e| e)))
            .collect();
        let count = legal_count(&**model.sector(), 1000).unwrap();
        for (s, &beta) in entropy(count.ln_count, &betas, &energies)
            .iter()
            .zip(&betas)
        {
            let ln_z = exact
                .values
                .iter()
                .map(|e| (-beta * e).exp())
                .sum::<f64>()
                .ln();
            let exact = ln_z + beta * exact.energy(beta, |e| e);
            // The cubics leave h^4 = 6e-6 times fourth derivatives of order 1.
            assert!(
                (s.mean - exact).abs() < 2e-5,
                "beta {beta}: {} {exact}",
                s.mean
            );
        }
    }

    #[test]
    fn a_ladder_in_beta_gives_the_residual_entropy_of_dimer_covers() {
        let lattice = kagome_link(2);
        let model = Rydberg::new(3.0).on(&lattice).unwrap();
        let count = legal_count(&**model.sector(), 100_000).unwrap();
        let values: Vec<f64> = (1..=40).map(|k| 0.1 * f64::from(k)).collect();
        let params = SseParams {
            sweeps: 16_000,
            bins: 32,
            replicas: 2,
            tempering: Some(Tempering {
                parameter: TemperingParameter::Beta,
                values: values.clone(),
                every: 5,
            }),
            ..SseParams::default()
        };
        let reports = Sse::new(&model, params)
            .unwrap()
            .run_ladder(Stream::new(2))
            .unwrap();
        let mut betas = vec![0.0];
        betas.extend(values);
        let at_zero = -3.0 * count.density.iter().sum::<f64>();
        let mut energies = vec![Estimate::exact(at_zero)];
        energies.extend(reports.iter().map(|r| Estimate {
            mean: 24.0 * r.energy_per_site.mean,
            error: 24.0 * r.energy_per_site.error,
            ..r.energy_per_site
        }));
        let s = entropy(count.ln_count, &betas, &energies);
        let mut rows = vec![vec![at_zero; 32]];
        let total = |r: &SseReport| r.energy_bins.iter().map(|e| 24.0 * e).collect();
        rows.extend(reports.iter().map(total));
        let of_bins = entropy_of_bins(count.ln_count, &betas, &rows);
        for (a, b) in s.iter().zip(&of_bins) {
            // The same mean; with neighbours exchanged, another error, known to 13 %.
            assert!((a.mean - b.mean).abs() < 1e-10, "{a} {b}");
        }
        // Exact diagonalisation of all 2649 states: 0.154425 and 0.144449 per link.
        for (k, exact) in [(20, 0.154425), (40, 0.144449)] {
            for s in [&s, &of_bins] {
                let (mean, error) = (s[k].mean / 24.0, s[k].error / 24.0);
                assert!(error < 2e-3, "error {error}");
                assert!(
                    (mean - exact).abs() < 4.0 * error,
                    "{mean}({error}) for {exact}"
                );
            }
        }
    }
}
