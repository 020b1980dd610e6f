//! Positivity and purity from samples of outcomes.

use super::{density_matrix, smallest_eigenvalue};
use crate::exact::{Basis, ExactError, Memory};
use crate::{Estimate, jackknife};
use ketwork_hamiltonians::open::Frame;
use ketwork_hamiltonians::{Configs, Free, Space};
use ketwork_models::{Draw, Samples};
use num_complex::Complex64;

/// Most sites of a reduced density matrix: 256 outcomes.
const MOST_SITES: usize = 4;

/// The density matrix of a few sites from samples of outcomes,
/// $\hat\rho = \sum_a \hat P(a)\, N_{a_1} \otimes \dots \otimes N_{a_k}$.
///
/// Its elements have no bias. Its smallest eigenvalue has one: noise spreads eigenvalues, so that
/// the smallest is too small, and below 0 for states of incomplete rank. A state has left the quantum
/// states where [`Self::smallest`] lies below [`Self::floor`] by several of its errors.
#[derive(Clone, Debug)]
pub struct ReducedDensity {
    /// The matrix $(2^k, 2^k)$, row by row, the first of the sites the most significant digit.
    pub rho: Vec<Complex64>,
    /// The smallest eigenvalue of [`Self::rho`] as it is, with a jackknife error. The jackknife's own
    /// mean takes away half of a bias of order $n^{-1/2}$, which eigenvalues that meet have.
    pub smallest: Estimate,
    /// What noise alone makes of an eigenvalue 0: minus the edge of Wigner's semicircle,
    /// $-2\,(\mathrm{E}\|\hat\rho - \rho\|_F^2 / 2^k)^{1/2}$; 0 for exact sums. Many eigenvalues at 0 come
    /// down to it, few stay above.
    pub floor: f64,
}

/// The reduced density matrix of up to four sites.
///
/// # Errors
/// [`ExactError::Dense`] where eigenvalues do not converge.
///
/// # Panics
/// If the sites are none, more than four, repeated or not there, if outcomes are not four for each
/// site, or if samples are those of Markov chains.
#[track_caller]
pub fn reduced_density<L>(
    frame: &Frame,
    samples: &Samples<L>,
    sites: &[u32],
) -> Result<ReducedDensity, ExactError> {
    let (n, k) = (samples.x.n_sites(), sites.len());
    let distinct = (0..k).all(|i| !sites[..i].contains(&sites[i]) && (sites[i] as usize) < n);
    assert!(
        (1..=MOST_SITES).contains(&k) && distinct,
        "one to four distinct sites below {n}, not {sites:?}"
    );
    let shots = shots(samples);
    let strings = Free::new(Space::new(k, 4));
    let basis = Basis::new(&strings, Memory::default())?;
    let mut p = vec![0.0; basis.len()];
    let mut part = vec![0; k];
    for (x, w) in samples.x.view().rows().zip(&samples.weight) {
        let values = sites.iter().map(|&s| x[s as usize]);
        part.iter_mut().zip(values).for_each(|(p, v)| *p = v);
        p[basis.index(&part).expect("outcomes have four values")] += w;
    }
    let rho = density_matrix(frame, &basis, &p);
    let lowest = smallest_eigenvalue(&rho)?;
    // Shots of the same outcome are left out together, one at a time.
    let seen: Vec<usize> = (0..p.len()).filter(|&a| p[a] > 0.0).collect();
    let outcomes = Samples {
        x: Configs::zeros(seen.len(), k),
        log_psi: vec![0.0; seen.len()],
        weight: seen.iter().map(|&a| p[a]).collect(),
        draw: samples.draw,
    };
    let is = |a: usize| -> Vec<f64> { seen.iter().map(|&b| f64::from(u8::from(a == b))).collect() };
    let columns: Vec<Vec<f64>> = seen.iter().map(|&a| is(a)).collect();
    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let smallest = jackknife(&outcomes, &columns, |means| {
        let mut p = vec![0.0; basis.len()];
        seen.iter().zip(means).for_each(|(&a, m)| p[a] = *m);
        smallest_eigenvalue(&density_matrix(frame, &basis, &p)).unwrap_or(f64::NAN)
    });
    if smallest.mean.is_nan() {
        return Err(ExactError::Dense { dimension: 1 << k });
    }
    let smallest = Estimate {
        mean: lowest,
        ..smallest
    };
    let configs = basis.configs(0..basis.len());
    let norms = configs.view();
    let norms = norms.rows().map(|a| own_overlap(frame, a));
    let square: f64 = norms.zip(&p).map(|(t, p)| t * p).sum();
    let purity: f64 = rho.iter().map(|x| x.norm_sqr()).sum();
    let noise = match shots {
        None => 0.0,
        Some(n) => (square - purity).max(0.0) / (n - 1.0).max(1.0),
    };
    Ok(ReducedDensity {
        rho,
        smallest,
        floor: -2.0 * (noise / f64::from(1u32 << k)).sqrt(),
    })
}

/// $\mathrm{Tr}\rho^2$ of all sites from samples: the mean of $\prod_i (T^{-1})_{a_i b_i}$ over all pairs
/// of different shots, which has no bias, with its jackknife error: up to $\sqrt2$ too large where the
/// noise of pairs dominates, whose variance the jackknife counts twice. The spread of the terms grows as
/// $7^N$ (tetrahedral frames), that of the mean as $7^{N/2}/n$ at least: eight sites need some $10^5$
/// shots.
///
/// Memory and time: $4^N$ numbers, twice.
///
/// # Errors
/// [`ExactError::Memory`].
///
/// # Panics
/// If outcomes are not four for each site, or samples are those of Markov chains.
#[track_caller]
pub fn sampled_purity<L>(frame: &Frame, samples: &Samples<L>) -> Result<Estimate, ExactError> {
    let n_sites = samples.x.n_sites();
    let size = 4f64.powi(i32::try_from(n_sites).unwrap_or(i32::MAX));
    Memory::default().check("outcomes of all sites", size, 16.0 * size)?;
    let index = |x: &[u8]| x.iter().fold(0, |i, &a| 4 * i + usize::from(a));
    let mut p = vec![0.0; 1 << (2 * n_sites)];
    for (x, w) in samples.x.view().rows().zip(&samples.weight) {
        p[index(x)] += w;
    }
    // (T^-1 x ... x T^-1) P, one site after the other.
    let mut image = p.clone();
    for site in 0..n_sites {
        let stride = 1usize << (2 * site);
        for base in (0..image.len()).filter(|i| (i / stride).is_multiple_of(4)) {
            let old: [f64; 4] = std::array::from_fn(|a| image[base + a * stride]);
            for (a, row) in frame.dual_overlaps().iter().enumerate() {
                image[base + a * stride] = row.iter().zip(old).map(|(t, x)| t * x).sum();
            }
        }
    }
    let all: f64 = image.iter().zip(&p).map(|(k, p)| k * p).sum();
    let Some(n) = shots(samples) else {
        return Ok(Estimate {
            n: samples.len() as u64,
            ..Estimate::exact(all)
        });
    };
    let rows: Vec<(f64, f64, f64)> = (samples.x.view().rows().zip(&samples.weight))
        .map(|(x, &w)| (w, image[index(x)], own_overlap(frame, x)))
        .collect();
    let own: f64 = rows.iter().map(|(w, _, own)| w * own).sum();
    let mean = (n * all - own) / (n - 1.0);
    // All pairs but those of one shot.
    let without = |to_all: f64, own_one: f64| {
        (n * (n * all - own) - 2.0 * (n * to_all - own_one)) / ((n - 1.0) * (n - 2.0))
    };
    let spread = (rows.iter()).map(|&(w, to_all, one)| w * (without(to_all, one) - mean).powi(2));
    let spread: f64 = spread.sum();
    Ok(Estimate {
        mean,
        error: if n > 2.0 {
            ((n - 1.0) * spread).sqrt()
        } else {
            f64::INFINITY
        },
        tau: 0.5,
        n: n as u64,
    })
}

/// $\prod_i (T^{-1})_{a_i a_i}$.
fn own_overlap(frame: &Frame, x: &[u8]) -> f64 {
    let t = frame.dual_overlaps();
    let each = x.iter().map(|&a| t[usize::from(a)][usize::from(a)]);
    each.product()
}

/// Number of independent shots; none for exact sums.
#[track_caller]
fn shots<L>(samples: &Samples<L>) -> Option<f64> {
    match samples.draw {
        Draw::Exact => None,
        Draw::Independent { shots } => Some(shots as f64),
        Draw::Chains { .. } => panic!("outcomes of Markov chains are no independent shots"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open::{product_probabilities, purity};
    use ketwork_models::Stream;

    /// A correlated state of four sites: half all up, half a product of tilted mixtures.
    fn law(frame: &Frame, basis: &Basis) -> Vec<f64> {
        let up = vec![frame.probabilities([0.0, 0.0, 1.0]); 4];
        let tilted = vec![frame.probabilities([0.3, -0.5, -0.4]); 4];
        let [a, b] = [up, tilted].map(|s| product_probabilities(basis, &s));
        a.iter().zip(b).map(|(a, b)| 0.5 * (a + b)).collect()
    }

    fn basis() -> Basis {
        Basis::new(&Free::new(Space::new(4, 4)), Memory::default()).unwrap()
    }

    fn all(basis: &Basis, p: &[f64]) -> Samples<f64> {
        Samples {
            x: basis.configs(0..basis.len()),
            log_psi: p.iter().map(|p| p.ln()).collect(),
            weight: p.to_vec(),
            draw: Draw::Exact,
        }
    }

    fn drawn(basis: &Basis, p: &[f64], shots: u64, stream: Stream) -> Samples<f64> {
        let mut weight = vec![0.0; p.len()];
        for shot in 0..shots {
            let mut left = stream.uniform(shot, 0);
            let found = p.iter().position(|p| {
                left -= p;
                left < 0.0
            });
            weight[found.unwrap_or(p.len() - 1)] += 1.0 / shots as f64;
        }
        let draw = Draw::Independent { shots };
        Samples {
            weight,
            draw,
            ..all(basis, p)
        }
    }

    #[test]
    fn sums_give_the_exact_reduced_matrices_and_purity() {
        for frame in [Frame::rotated(), Frame::pauli4()] {
            let basis = basis();
            let p = law(&frame, &basis);
            let samples = all(&basis, &p);
            let whole = density_matrix(&frame, &basis, &p);
            let found = sampled_purity(&frame, &samples).unwrap();
            assert!((found.mean - purity(&frame, &basis, &p)).abs() < 1e-12);
            assert!(found.error <= 0.0, "{found:?}");
            // The trace over sites 0 and 2, with the sites that stay exchanged.
            let found = reduced_density(&frame, &samples, &[3, 1]).unwrap();
            for r in 0..4 {
                for c in 0..4 {
                    let at = |ij: usize, rest: usize| {
                        let (third, first) = (ij >> 1, ij & 1);
                        (rest >> 1) << 3 | first << 2 | (rest & 1) << 1 | third
                    };
                    let traced: Complex64 = (0..4).map(|e| whole[at(r, e) * 16 + at(c, e)]).sum();
                    let off = (found.rho[4 * r + c] - traced).norm();
                    assert!(off < 1e-12, "({r}, {c}): {off:.1e}");
                }
            }
            let all_four = reduced_density(&frame, &samples, &[0, 1, 2, 3]).unwrap();
            let wanted = smallest_eigenvalue(&whole).unwrap();
            assert!((all_four.smallest.mean - wanted).abs() < 1e-12, "{wanted}");
            assert!(all_four.floor.abs() < 1e-15 && all_four.smallest.error <= 0.0);
        }
    }

    #[test]
    fn purity_from_shots_has_no_bias_and_an_error_that_covers_it() {
        let (frame, basis, runs) = (Frame::rotated(), basis(), 300);
        let p = law(&frame, &basis);
        let wanted = purity(&frame, &basis, &p);
        let found: Vec<Estimate> = (0..runs)
            .map(|run| {
                let samples = drawn(&basis, &p, 400, Stream::new(3).numbered(run));
                sampled_purity(&frame, &samples).unwrap()
            })
            .collect();
        let n = runs as f64;
        let mean = found.iter().map(|e| e.mean).sum::<f64>() / n;
        let spread = found.iter().map(|e| (e.mean - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let z = (mean - wanted) / (spread / n).sqrt();
        assert!(z.abs() < 4.0, "{mean} instead of {wanted}, z = {z:.1}");
        // With each shot paired with itself it would be off by (5^4 - 0.5) / 400 = 1.6.
        let claimed = found.iter().map(|e| e.error.powi(2)).sum::<f64>() / n;
        // Between 1 and 2 (Efron and Stein, Ann. Stat. 9, 586 (1981)), and the variance of 300 runs scatters by
        // sqrt(2 / 299) = 8 %: four of these to both sides.
        let ratio = claimed / spread;
        assert!(
            (0.67..2.67).contains(&ratio),
            "claimed over true: {ratio:.2}"
        );
    }

    #[test]
    fn noise_pushes_the_smallest_eigenvalue_of_a_pure_state_below_0_as_far_as_the_floor() {
        let (frame, basis) = (Frame::rotated(), basis());
        let up = vec![frame.probabilities([0.0, 0.0, 1.0]); 4];
        let p = product_probabilities(&basis, &up);
        let samples = drawn(&basis, &p, 20_000, Stream::new(5));
        let found = reduced_density(&frame, &samples, &[0, 1, 2, 3]).unwrap();
        assert!(
            found.smallest.mean < -3.0 * found.smallest.error,
            "{found:?}"
        );
        // 15 of 16 eigenvalues are 0: the edge of the semicircle, to a tenth for each of two digits.
        let ratio = found.smallest.mean / found.floor;
        assert!(
            (0.7..1.3).contains(&ratio),
            "{:?} {}",
            found.smallest,
            found.floor
        );
        // A law that belongs to no state lies far below: longer than any Bloch vector.
        let long = frame
            .probabilities([0.0, 0.0, 1.0])
            .map(|p| 0.25 + 1.4 * (p - 0.25));
        let p = product_probabilities(&basis, &[long; 4]);
        let samples = drawn(&basis, &p, 20_000, Stream::new(6));
        let found = reduced_density(&frame, &samples, &[0, 1]).unwrap();
        let below = found.floor - found.smallest.mean;
        assert!(below > 4.0 * found.smallest.error, "{found:?}");
    }

    #[test]
    fn eigenvalues_apart_from_each_other_lie_within_their_errors() {
        let (frame, basis) = (Frame::rotated(), basis());
        let p = law(&frame, &basis);
        for (sites, seed) in [(vec![2], 1), (vec![0], 2), (vec![1], 3)] {
            let exact = reduced_density(&frame, &all(&basis, &p), &sites).unwrap();
            let samples = drawn(&basis, &p, 5000, Stream::new(seed));
            let found = reduced_density(&frame, &samples, &sites).unwrap();
            let z = found.smallest.z(exact.smallest.mean);
            assert!(z.abs() < 4.0, "{:?} {:?}", found.smallest, exact.smallest);
            assert!(found.smallest.error < 0.02, "{:?}", found.smallest);
        }
    }
}
