use crate::{Estimate, sum_over};
use ketwork_models::{Draw, Samples};

/// Blocks of steps left out in turn where there are few chains.
const BLOCKS: usize = 32;

/// A function of means, for example a ratio $\langle a \rangle / \langle b \rangle$, with its error.
///
/// Independent shots: one shot is left out in turn, at the cost of one evaluation per row whatever
/// the multiplicities. Chains: one chain of at least 32, else one of 32 blocks of steps, which must
/// be longer than the autocorrelation time. The mean is corrected for the bias of order 1/n.
///
/// # Shapes
/// Each of the `columns` has one value per sample; `f` gets their means in the same order.
///
/// # Panics
/// If a column has another length than the samples.
///
/// # References
/// B. Efron, The Jackknife, the Bootstrap and Other Resampling Plans (SIAM, 1982).
#[track_caller]
#[must_use]
pub fn jackknife<L>(
    samples: &Samples<L>,
    columns: &[&[f64]],
    f: impl Fn(&[f64]) -> f64,
) -> Estimate {
    let (rows, w) = (samples.len(), &samples.weight);
    assert!(
        columns.iter().all(|c| c.len() == rows),
        "one value for each sample in each column"
    );
    let full: Vec<f64> = columns
        .iter()
        .map(|c| sum_over(rows, |i| w[i] * c[i]))
        .collect();
    let value = f(&full);
    // Groups that are left out: how often each stands for itself, its weight, its weighted sums.
    let mut means = vec![0.0; full.len()];
    let mut without = |share: f64, sums: &dyn Fn(&[f64]) -> f64| {
        for ((m, column), all) in means.iter_mut().zip(columns).zip(&full) {
            *m = (all - sums(column)) / (1.0 - share);
        }
        f(&means)
    };
    let (n, left_out, count): (f64, Vec<f64>, Vec<f64>) = match samples.draw {
        Draw::Exact => {
            return Estimate {
                mean: value,
                error: 0.0,
                tau: 0.5,
                n: rows as u64,
            };
        }
        Draw::Independent { shots } => {
            let share = 1.0 / shots as f64;
            let values = (0..rows)
                .map(|i| without(share, &|c: &[f64]| share * c[i]))
                .collect();
            (
                shots as f64,
                values,
                w.iter().map(|w| w * shots as f64).collect(),
            )
        }
        Draw::Chains { n_chains } => {
            let chains = n_chains as usize;
            let steps = rows / chains;
            let many = chains >= BLOCKS || steps < BLOCKS;
            let groups = if many { chains } else { BLOCKS };
            let member = |i: usize| {
                if many {
                    i % chains
                } else {
                    (i / chains) * BLOCKS / steps
                }
            };
            let values = (0..groups)
                .map(|g| {
                    let inside = |i: usize, v: f64| if member(i) == g { w[i] * v } else { 0.0 };
                    let share = sum_over(rows, |i| inside(i, 1.0));
                    without(share, &|c: &[f64]| sum_over(rows, |i| inside(i, c[i])))
                })
                .collect();
            (groups as f64, values, vec![1.0; groups])
        }
    };
    let mean = sum_over(left_out.len(), |i| count[i] * left_out[i]) / n;
    let spread = sum_over(left_out.len(), |i| count[i] * (left_out[i] - mean).powi(2));
    let error = if n > 1.0 {
        (spread * (n - 1.0) / n).sqrt()
    } else {
        f64::INFINITY
    };
    let shots = match samples.draw {
        Draw::Independent { shots } => shots,
        _ => rows as u64,
    };
    let mean = if n > 1.0 {
        n * value - (n - 1.0) * mean
    } else {
        value
    };
    Estimate {
        mean,
        error,
        tau: 0.5,
        n: shots,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ketwork_hamiltonians::Configs;
    use ketwork_models::Stream;

    fn samples(weight: Vec<f64>, draw: Draw) -> Samples<f64> {
        let rows = weight.len();
        Samples {
            x: Configs::zeros(rows, 1),
            log_psi: vec![0.0; rows],
            weight,
            draw,
        }
    }

    #[test]
    fn the_jackknife_of_a_mean_is_the_standard_error() {
        let values = [3.0, 1.0, 2.0];
        let s = samples(vec![0.5, 0.25, 0.25], Draw::Independent { shots: 8 });
        let plain = Estimate::of(&s, &values);
        let knife = jackknife(&s, &[&values], |m| m[0]);
        assert!(
            (plain.mean - knife.mean).abs() < 1e-14,
            "{plain:?} {knife:?}"
        );
        assert!(
            (plain.error - knife.error).abs() < 1e-14,
            "{plain:?} {knife:?}"
        );
        assert_eq!(plain.n, knife.n);
    }

    #[test]
    fn ratios_are_covered_by_their_jackknife_error_for_shots_and_chains() {
        // a = u + v, b = 1 + u with uniform u, v: ratio 1 / 1.5.
        let n: usize = 256;
        let draws = [
            Draw::Independent { shots: n as u64 },
            Draw::Chains { n_chains: 64 },
            Draw::Chains { n_chains: 2 },
        ];
        for draw in draws {
            let (mut one, mut two) = (0.0, 0.0);
            for run in 0..1000 {
                let stream = Stream::new(8).numbered(run);
                let u: Vec<f64> = (0..n as u64).map(|i| stream.uniform(i, 0)).collect();
                let a: Vec<f64> = (0..n).map(|i| u[i] + stream.uniform(i as u64, 1)).collect();
                let b: Vec<f64> = u.iter().map(|u| 1.0 + u).collect();
                let s = samples(vec![1.0 / n as f64; n], draw);
                let z = jackknife(&s, &[&a, &b], |m| m[0] / m[1]).z(2.0 / 3.0).abs();
                one += f64::from(z < 1.0) / 1000.0;
                two += f64::from(z < 1.959_964) / 1000.0;
            }
            // 4 binomial standard deviations around the normal law, and 0.9 % less at 1.96 for
            // the 31 degrees of freedom of 32 blocks.
            assert!((one - 0.68f64).abs() < 0.06, "{draw:?}: {one}");
            assert!((two - 0.945f64).abs() < 0.029, "{draw:?}: {two}");
        }
    }
}
