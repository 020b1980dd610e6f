use super::evolve::{Direction, check, exponential};
use super::vector::{axpy, norm};
use super::{Basis, EvolveInfo, EvolveParams, ExactError, Memory, SparseMatrix};
use crate::hamiltonians::{Driven, Scalar};
use num_complex::Complex64;
use std::ops::Range;

/// Evolves a state under a time-dependent Hamiltonian from `times.start` to `times.end`.
///
/// Fourth-order commutator-free Magnus steps: two exponentials, each by Krylov steps, of
/// combinations of H at the two Gauss points. One step is compared with two of half its length, the
/// difference controls the length, and the halves are kept. Exactly unitary whatever the length.
///
/// # Errors
/// [`ExactError::Stalled`], [`ExactError::Parameter`], and those of [`SparseMatrix::new`].
///
/// # Panics
/// If `psi` has another length than the basis, or the spaces differ.
///
/// # References
/// S. Blanes and P. C. Moan, Appl. Numer. Math. 56, 1519 (2006).
#[track_caller]
pub fn evolve_driven<T, D>(
    h: &D,
    basis: &Basis,
    times: Range<f64>,
    psi: &mut [Complex64],
    params: &EvolveParams,
) -> Result<EvolveInfo, ExactError>
where
    T: Scalar,
    D: Driven<T> + ?Sized,
    Complex64: From<T>,
{
    assert_eq!(psi.len(), basis.len(), "length of the state");
    let total = times.end - times.start;
    check(total, psi, params)?;
    let size = norm(psi);
    let (mut t, mut step) = (times.start, total / 8.0);
    let mut info = EvolveInfo::default();
    let (mut whole, mut halves) = (psi.to_vec(), psi.to_vec());
    let steps = Magnus {
        h,
        basis,
        params,
        rate: 0.1 * params.tolerance / total.abs(),
    };
    while (times.end - t) * total > 0.0 {
        let last = (times.end - t).abs() <= step.abs() * (1.0 + 1e-12);
        if last {
            step = times.end - t;
        }
        whole.copy_from_slice(psi);
        halves.copy_from_slice(psi);
        info.products += steps.step(t, step, &mut whole)?;
        info.products += steps.step(t, 0.5 * step, &mut halves)?;
        info.products += steps.step(t + 0.5 * step, 0.5 * step, &mut halves)?;
        axpy(Complex64::new(-1.0, 0.0), &halves, &mut whole);
        // Halving the step divides the error of order 4 by 16: the halves keep 1/15 of the difference.
        let error = norm(&whole) / size / 15.0;
        let allowed = 0.9 * params.tolerance * (step / total).abs();
        if error <= allowed {
            psi.copy_from_slice(&halves);
            t = if last { times.end } else { t + step };
            info.error += error + 0.1 * params.tolerance * (step / total).abs();
            info.steps += 1;
        }
        let factor = (0.5 * allowed / error.max(f64::MIN_POSITIVE)).powf(0.25);
        step *= factor.clamp(0.2, 3.0);
        if info.products > params.max_products || (t + step).to_bits() == t.to_bits() {
            let (reached, target) = (t, times.end);
            return Err(ExactError::Stalled {
                reached,
                target,
                products: info.products,
            });
        }
    }
    Ok(info)
}

struct Magnus<'a, D: ?Sized> {
    h: &'a D,
    basis: &'a Basis,
    params: &'a EvolveParams,
    /// Error of the exponentials per unit of time.
    rate: f64,
}

impl<D: ?Sized> Magnus<'_, D> {
    /// One step; returns the number of products.
    fn step<T: Scalar>(&self, t: f64, step: f64, psi: &mut [Complex64]) -> Result<usize, ExactError>
    where
        D: Driven<T>,
        Complex64: From<T>,
    {
        let node = 3f64.sqrt() / 6.0;
        let at = |c: f64| {
            let operator = self.h.at(t + c * step);
            SparseMatrix::new(&*operator, self.basis, Memory::default())
        };
        let (early, late) = (at(0.5 - node)?, at(0.5 + node)?);
        let weights = [0.25 + node, 0.25 - node];
        let params = EvolveParams {
            tolerance: (self.rate * step.abs()).max(1e-14),
            ..*self.params
        };
        let mut products = 0;
        for (a, b) in [(weights[0], weights[1]), (weights[1], weights[0])] {
            let apply = |x: &[Complex64], y: &mut [Complex64]| {
                let mut other = vec![Complex64::ZERO; y.len()];
                early.apply(x, y);
                late.apply(x, &mut other);
                y.iter_mut()
                    .zip(other)
                    .for_each(|(y, o)| *y = a * *y + b * o);
            };
            let direction = Direction::Real(step.signum());
            products += 2 * exponential(&apply, direction, step.abs(), psi, &params)?.products;
        }
        Ok(products)
    }
}
