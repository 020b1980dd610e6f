//! The chi-square test of samples against exact probabilities.

use ketwork::{Configs, Samples};
use std::collections::HashMap;

/// Expected counts below which cells are pooled.
const FEWEST: f64 = 5.0;

/// Probability that a chi-square variable with k degrees of freedom exceeds x: Q(k/2, x/2).
///
/// # References
/// NIST Digital Library of Mathematical Functions, 8.7.1 (series) and 8.9.2 (continued fraction).
pub(super) fn tail(k: usize, x: f64) -> f64 {
    let (a, x) = (0.5 * k as f64, 0.5 * x);
    if x <= 0.0 {
        return 1.0;
    }
    // Gamma of a half-integer by recurrence from Gamma(1) or Gamma(1/2).
    let mut log_gamma = if k.is_multiple_of(2) {
        0.0
    } else {
        0.5 * std::f64::consts::PI.ln()
    };
    let first = if k.is_multiple_of(2) { 1.0 } else { 0.5 };
    (0..(a - first) as usize).for_each(|j| log_gamma += (first + j as f64).ln());
    let front = (a * x.ln() - x - log_gamma).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, 0.0);
        while term > 1e-17 * sum {
            n += 1.0;
            term *= x / (a + n);
            sum += term;
        }
        return 1.0 - front * sum;
    }
    // Lentz's evaluation; no denominator vanishes for x > a + 1.
    let (mut b, mut d) = (x + 1.0 - a, 1.0 / (x + 1.0 - a));
    let (mut c, mut fraction) = (f64::INFINITY, d);
    for n in 1..100_000 {
        let a_n = f64::from(n) * (a - f64::from(n));
        b += 2.0;
        d = 1.0 / (b + a_n * d);
        c = b + a_n / c;
        fraction *= c * d;
        if (c * d - 1.0).abs() < 1e-16 {
            break;
        }
    }
    front * fraction
}

/// How often each configuration was drawn.
pub(super) fn counts<L>(samples: &Samples<L>, shots: u64) -> HashMap<Vec<u8>, f64> {
    let rows = samples.x.view();
    let weights = samples.weight.iter().map(|w| (w * shots as f64).round());
    rows.rows().map(<[u8]>::to_vec).zip(weights).collect()
}

/// The p-value of counts against the probabilities of all configurations `x`, cells pooled from the
/// rarest on until at least 5 counts are expected; 0 where something impossible was drawn, none where
/// a single cell is left.
pub(super) fn p_value(
    counts: &HashMap<Vec<u8>, f64>,
    x: &Configs,
    probability: &[f64],
) -> Option<f64> {
    let shots: f64 = counts.values().sum();
    let mut order: Vec<usize> = (0..x.len()).filter(|&i| probability[i] > 0.0).collect();
    order.sort_by(|&i, &j| probability[i].total_cmp(&probability[j]));
    let mut cells = vec![(0.0, 0.0)];
    let mut possible = 0.0;
    for i in order {
        let seen = counts.get(x.row(i)).copied().unwrap_or(0.0);
        possible += seen;
        if cells.last().is_some_and(|c: &(f64, f64)| c.0 >= FEWEST) {
            cells.push((0.0, 0.0));
        }
        let cell = cells.last_mut().expect("there is a first cell");
        *cell = (cell.0 + shots * probability[i], cell.1 + seen);
    }
    if possible < shots {
        return Some(0.0);
    }
    let terms = cells
        .iter()
        .map(|(expected, seen)| (seen - expected).powi(2) / expected);
    let statistic: f64 = terms.sum();
    (cells.len() > 1).then(|| tail(cells.len() - 1, statistic))
}

#[test]
fn the_tail_of_the_chi_square_distribution_has_known_values() {
    // gammainc(k / 2, x / 2, inf, regularized = True) of mpmath 1.3, fifteen digits.
    let known = [
        (1, 3.841458820694124, 0.05),
        (1, 10.8276, 0.000999981729181642),
        (3, 0.5, 0.918891411654676),
        (7, 60.0, 1.50955530229891e-10),
        (10, 18.307, 0.0500005890913981),
        (100, 124.342, 0.0500007157699718),
        (1001, 1100.0, 0.0154492025397368),
        (4000, 3900.0, 0.868647363043285),
    ];
    for (k, x, expected) in known {
        let found = tail(k, x);
        assert!(
            (found / expected - 1.0).abs() < 1e-10,
            "k = {k}, x = {x}: {found}"
        );
    }
}
