//! The probability vector over all outcome strings.

use super::adapted::Adapted;
use crate::exact::{Basis, ExactError, SparseMatrix};

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
    let rate = |_: f64, p: &[f64], out: &mut [f64]| {
        a.apply(p, out);
        Ok(())
    };
    let adapted = Adapted {
        tolerance,
        longest: f64::INFINITY,
        norm: |off: &[f64]| off.iter().map(|x| x.abs()).sum(),
        what: "the generator applied to the probabilities",
        rate: &rate,
    };
    adapted.evolve(0.0..time, p)
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
