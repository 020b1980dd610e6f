//! The dual system $(J J^T + \lambda) x = r$ with its Gram matrix in single precision.

use super::{SolveInfo, dot, norm};
use ketwork_linalg::SingleGram;
use ketwork_models::TangentMap;

/// Rows below which a double-precision Gram matrix costs nothing worth saving.
const ROWS: usize = 512;
/// Parameters for each row from which on the Gram matrix costs more than factors and refinement.
const WIDE: usize = 3;
/// Relative shift below which the rounding of the Gram matrix is no small perturbation of it, and
/// refinement takes longer than the matrix in double precision.
const SHIFT: f64 = 3e-4;
/// Most steps of the refinement; each reads J twice.
const REFINEMENTS: usize = 6;
/// Relative residual at which the solution counts as that of double precision.
const RESIDUAL: f64 = 1e-10;

/// What is known after a solve without reading J again.
pub(super) struct Solved {
    pub(super) info: SolveInfo,
    /// $J\,J^T x$.
    pub(super) moved: Vec<f64>,
}

/// Whether single precision is worth trying: a function of sizes and shift only, so that a resumed
/// run decides as the uninterrupted one.
pub(super) fn is_worth(j: &dyn TangentMap, shift: f64) -> bool {
    let (n, k, p) = j.shape();
    j.stored().is_some() && n * k >= ROWS && p >= WIDE * n * k && shift >= SHIFT
}

/// Solves to a relative residual of 1e-10 by conjugate gradients in double precision, with the
/// Cholesky factor in single precision as preconditioner, and writes $J^T x$; `None` where that is
/// not reached and nothing is lost but time.
pub(super) fn solve(
    single: &mut SingleGram,
    j: &dyn TangentMap,
    r: &[f64],
    force_of: &[f64],
    shift: f64,
    step: &mut [f64],
) -> Option<Solved> {
    let p = j.shape().2;
    let scale = norm(r);
    if !scale.is_finite() || scale == 0.0 {
        return None;
    }
    let mut squares = vec![0.0; r.len()];
    single.compute(j.stored()?, p, &mut squares);
    let mean = squares.iter().sum::<f64>() / r.len().min(p) as f64;
    if !mean.is_finite() || mean <= 0.0 {
        return None;
    }
    let lambda = shift * mean;
    let factor = single.factor(lambda)?;
    let (mut x, mut moved) = (vec![0.0; r.len()], vec![0.0; r.len()]);
    let (mut applied, mut change) = (vec![0.0; r.len()], vec![0.0; p]);
    step.fill(0.0);
    let mut left = r.to_vec();
    let mut corrected = factor.solve(&left);
    let mut direction = corrected.clone();
    let mut product = dot(&left, &corrected);
    for refinement in 1..=REFINEMENTS as u32 {
        j.apply_transpose(&direction, &mut change);
        j.apply(&change, &mut applied);
        let curvature = dot(&direction, &applied) + lambda * dot(&direction, &direction);
        let length = product / curvature;
        if !length.is_finite() {
            return None;
        }
        add(step, length, &change);
        add(&mut x, length, &direction);
        add(&mut moved, length, &applied);
        for (i, left) in left.iter_mut().enumerate() {
            *left = r[i] - moved[i] - lambda * x[i];
        }
        let residual = norm(&left) / scale;
        if residual <= RESIDUAL {
            let info = SolveInfo {
                shift: lambda,
                attempts: 1,
                refinements: refinement,
                rank: None,
                residual,
                force: single.square_of(force_of).max(0.0).sqrt(),
                length: norm(&moved),
            };
            return Some(Solved { info, moved });
        }
        corrected = factor.solve(&left);
        let next = dot(&left, &corrected);
        let ratio = next / product;
        for (d, c) in direction.iter_mut().zip(&corrected) {
            *d = c + ratio * *d;
        }
        product = next;
    }
    None
}

fn add(sum: &mut [f64], by: f64, v: &[f64]) {
    sum.iter_mut().zip(v).for_each(|(s, v)| *s += by * v);
}
