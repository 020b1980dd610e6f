//! The probability vector over all outcome strings.

use crate::evolve::Tableau;
use crate::exact::{Basis, ExactError, SparseMatrix};

/// Most products of the generator and a vector.
const MOST_PRODUCTS: usize = 10_000_000;

/// $\prod_i p_i(a_i)$ over a basis of outcome strings.
///
/// # Panics
/// If `single` has another length than there are sites.
#[must_use]
#[track_caller]
pub fn product_probabilities(basis: &Basis, single: &[[f64; 4]]) -> Vec<f64> {
    let configs = basis.configs(0..basis.len());
    assert_eq!(configs.n_sites(), single.len(), "one law for each site");
    let of = |x: &[u8]| {
        let each = x.iter().zip(single);
        each.map(|(&a, p)| p[usize::from(a)]).product()
    };
    configs.view().rows().map(of).collect()
}

/// $P \leftarrow e^{At} P$ by the method of Dormand and Prince, with an error below `tolerance` in the
/// norm $\sum_a |P(a)|$ over the whole time. Columns of A add up to 0, so that the sum of P stays.
///
/// # Errors
/// [`ExactError::Stalled`] after ten million products, [`ExactError::NotFinite`],
/// [`ExactError::Parameter`] for a time or tolerance that is not positive.
///
/// # Panics
/// If `p` has another length than the matrix.
#[track_caller]
pub fn evolve_probabilities(
    a: &SparseMatrix<f64>,
    time: f64,
    p: &mut [f64],
    tolerance: f64,
) -> Result<(), ExactError> {
    for (key, value) in [("time", time), ("tolerance", tolerance)] {
        if !(value.is_finite() && value >= 0.0) || (key == "tolerance" && value <= 0.0) {
            let reason = "take a positive number";
            return Err(ExactError::Parameter { key, value, reason });
        }
    }
    let tableau = Tableau::rk45();
    let (mut at, mut step, mut products) = (0.0, 1e-3f64.min(time), 0);
    while time - at > 1e-14 * time {
        let last = step >= time - at;
        let dt = if last { time - at } else { step };
        let mut rates: Vec<Vec<f64>> = Vec::with_capacity(tableau.stages());
        for stage in 0..tableau.stages() {
            let there = moved(p, dt, tableau.a(stage), &rates);
            let mut rate = vec![0.0; p.len()];
            a.apply(&there, &mut rate);
            rates.push(rate);
        }
        products += tableau.stages();
        let zero = vec![0.0; p.len()];
        let error: f64 = moved(&zero, dt, tableau.error(), &rates)
            .iter()
            .map(|x| x.abs())
            .sum();
        if !error.is_finite() {
            return Err(ExactError::NotFinite {
                what: "the generator applied to the probabilities",
            });
        }
        let allowed = (tolerance * dt / time).max(1e-15);
        let factor = (0.9 * (allowed / error.max(1e-300)).powf(0.2)).clamp(0.2, 4.0);
        if error <= allowed {
            let next = moved(p, dt, tableau.b(), &rates);
            p.copy_from_slice(&next);
            at += dt;
        }
        if products > MOST_PRODUCTS {
            return Err(ExactError::Stalled {
                reached: at,
                target: time,
                products,
            });
        }
        if !last || error > allowed {
            step = dt * factor;
        }
    }
    Ok(())
}

/// Evolves until $\sum_a |(AP)(a)|$ is below `tolerance`, the distance from stationarity; returns it.
///
/// # Errors
/// Those of [`evolve_probabilities`]; [`ExactError::Stalled`] where the slowest decay takes longer than
/// a time of 10^4.
///
/// # Panics
/// If `p` has another length than the matrix.
#[track_caller]
pub fn steady_probabilities(
    a: &SparseMatrix<f64>,
    p: &mut [f64],
    tolerance: f64,
) -> Result<f64, ExactError> {
    const LONGEST: f64 = 1e4;
    let (mut at, mut piece) = (0.0, 1.0);
    loop {
        evolve_probabilities(a, piece, p, 0.1 * tolerance.max(1e-13))?;
        at += piece;
        let mut rate = vec![0.0; p.len()];
        a.apply(p, &mut rate);
        let left: f64 = rate.iter().map(|x| x.abs()).sum();
        if left < tolerance {
            return Ok(left);
        }
        if at > LONGEST {
            return Err(ExactError::Stalled {
                reached: at,
                target: LONGEST,
                products: 0,
            });
        }
        piece = (1.5 * piece).min(20.0);
    }
}

fn moved(y: &[f64], dt: f64, by: &[f64], rates: &[Vec<f64>]) -> Vec<f64> {
    let mut next = y.to_vec();
    for (a, rate) in by.iter().zip(rates).filter(|(a, _)| **a != 0.0) {
        next.iter_mut()
            .zip(rate)
            .for_each(|(x, r)| *x += dt * a * r);
    }
    next
}
