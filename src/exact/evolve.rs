use super::dense::eigen;
use super::vector::{add_combination, axpy, dot, norm, project_out, scale};
use super::{ExactError, SparseMatrix};
use crate::hamiltonians::Scalar;
use num_complex::Complex64;

/// How a state is evolved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EvolveParams {
    /// Largest norm of the error of a normalised state over the whole time. Default 1e-10.
    pub tolerance: f64,
    /// Vectors of the Krylov space of one step. Default 24: longer steps need more, but each more
    /// costs inner products with all before.
    pub krylov_dim: usize,
    /// Largest number of products of H and a vector. Default 10^6.
    pub max_products: usize,
}

impl Default for EvolveParams {
    fn default() -> Self {
        Self {
            tolerance: 1e-10,
            krylov_dim: 24,
            max_products: 1_000_000,
        }
    }
}

/// What an evolution did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EvolveInfo {
    /// Accepted steps.
    pub steps: usize,
    /// Products of H and a vector.
    pub products: usize,
    /// Estimated norm of the error.
    pub error: f64,
    /// $\ln \|e^{-\tau H}\psi\| / \|\psi\|$ after [`cool`]; 0 for real time.
    pub log_norm: f64,
}

/// $\psi \leftarrow e^{-i H t} \psi$ by Krylov steps, whose lengths follow from the error bound
/// $\beta_m \int_0^\tau |(e^{-i T s})_{m1}|\, ds$ of each space. `time` may be negative.
///
/// The norm is kept to rounding; it need not be 1.
///
/// # Errors
/// [`ExactError::Stalled`], [`ExactError::NotFinite`], [`ExactError::Parameter`].
///
/// # Panics
/// If `psi` has another length than the matrix.
///
/// # References
/// C. Lubich, From Quantum to Classical Molecular Dynamics, EMS (2008), section III.2.2.
#[track_caller]
pub fn evolve<T: Scalar>(
    h: &SparseMatrix<T>,
    time: f64,
    psi: &mut [Complex64],
    params: &EvolveParams,
) -> Result<EvolveInfo, ExactError>
where
    Complex64: From<T>,
{
    check(time, psi, params)?;
    let apply = |x: &[Complex64], y: &mut [Complex64]| h.apply(x, y);
    exponential(
        &apply,
        Direction::Real(time.signum()),
        time.abs(),
        psi,
        params,
    )
}

/// $\psi \leftarrow e^{-\tau H} \psi / \|e^{-\tau H} \psi\|$, imaginary-time evolution.
///
/// The logarithm of the norm is in [`EvolveInfo::log_norm`].
///
/// # Errors
/// [`ExactError::Stalled`], [`ExactError::NotFinite`], [`ExactError::Parameter`].
///
/// # Panics
/// If `psi` has another length than the matrix.
#[track_caller]
pub fn cool<T: Scalar>(
    h: &SparseMatrix<T>,
    tau: f64,
    psi: &mut [Complex64],
    params: &EvolveParams,
) -> Result<EvolveInfo, ExactError>
where
    Complex64: From<T>,
{
    check(tau, psi, params)?;
    if tau < 0.0 {
        let reason = "imaginary time runs forward only";
        return Err(ExactError::Parameter {
            key: "tau",
            value: tau,
            reason,
        });
    }
    let apply = |x: &[Complex64], y: &mut [Complex64]| h.apply(x, y);
    exponential(&apply, Direction::Imaginary, tau, psi, params)
}

pub(super) fn check(time: f64, psi: &[Complex64], params: &EvolveParams) -> Result<(), ExactError> {
    let wrong = |key, value, reason| Err(ExactError::Parameter { key, value, reason });
    if !time.is_finite() {
        return wrong("time", time, "the time must be finite");
    }
    if !(params.tolerance >= 1e-14 && params.tolerance < 1.0) {
        return wrong(
            "tolerance",
            params.tolerance,
            "take a value from 1e-14 to 1",
        );
    }
    if params.krylov_dim < 2 {
        return wrong(
            "krylov_dim",
            params.krylov_dim as f64,
            "at least 2 vectors are needed",
        );
    }
    let length = norm(psi);
    if !(length.is_finite() && length > 0.0) {
        return Err(ExactError::NotFinite {
            what: "the state, or the inverse of its norm,",
        });
    }
    Ok(())
}

/// The exponent: $-i s H$ with a sign, or $-s H$.
#[derive(Clone, Copy, Debug)]
pub(super) enum Direction {
    Real(f64),
    Imaginary,
}

/// Applies the exponential of a Hermitian operator in steps of controlled error.
pub(super) fn exponential(
    apply: &dyn Fn(&[Complex64], &mut [Complex64]),
    direction: Direction,
    time: f64,
    psi: &mut [Complex64],
    params: &EvolveParams,
) -> Result<EvolveInfo, ExactError> {
    let mut info = EvolveInfo::default();
    let start = norm(psi);
    let mut done = 0.0;
    while done < time {
        let space = Space::new(apply, psi, params.krylov_dim)?;
        info.products += space.vectors.len();
        let (step, error) = space.longest_step(direction, time - done, params.tolerance / time);
        // A step that rounds away would repeat forever.
        if done + step <= done || info.products > params.max_products {
            let (reached, target) = (done, time);
            return Err(ExactError::Stalled {
                reached,
                target,
                products: info.products,
            });
        }
        let mut c = space.coefficients(direction, step);
        if let Direction::Imaginary = direction {
            let length = c.iter().map(|c| c.norm_sqr()).sum::<f64>().sqrt();
            info.log_norm += length.ln() - space.energies[0] * step;
        }
        // What rounding and truncation took from the norm is given back.
        let length = c.iter().map(|c| c.norm_sqr()).sum::<f64>().sqrt();
        c.iter_mut().for_each(|c| *c *= start / length);
        psi.fill(Complex64::ZERO);
        add_combination(&space.vectors, &c, psi);
        info.error += error;
        info.steps += 1;
        done += step;
    }
    Ok(info)
}

/// An orthonormal Krylov space with the eigenpairs of its projected operator.
struct Space {
    vectors: Vec<Vec<Complex64>>,
    energies: Vec<f64>,
    /// Row k: eigenvector k.
    states: Vec<Vec<f64>>,
    /// Coupling to the next vector; 0 where the space is invariant.
    beta: f64,
}

impl Space {
    fn new(
        apply: &dyn Fn(&[Complex64], &mut [Complex64]),
        psi: &[Complex64],
        dim: usize,
    ) -> Result<Self, ExactError> {
        let m = dim.min(psi.len());
        let mut first = psi.to_vec();
        let length = norm(&first);
        scale(&mut first, 1.0 / length);
        let mut vectors = vec![first];
        let (mut alphas, mut betas): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
        loop {
            let j = vectors.len() - 1;
            let mut w = vec![Complex64::ZERO; psi.len()];
            apply(&vectors[j], &mut w);
            let alpha = dot(&vectors[j], &w).re;
            let size = norm(&w);
            if !size.is_finite() {
                return Err(ExactError::NotFinite {
                    what: "H applied to the state",
                });
            }
            axpy(Complex64::from(-alpha), &vectors[j], &mut w);
            for _ in 0..2 {
                project_out(&vectors, &mut w);
            }
            alphas.push(alpha);
            let beta = norm(&w);
            let invariant = beta <= 1e-14 * size || j + 1 == psi.len();
            betas.push(if invariant { 0.0 } else { beta });
            if invariant || vectors.len() == m {
                break;
            }
            scale(&mut w, 1.0 / beta);
            vectors.push(w);
        }
        let n = alphas.len();
        let pairs = eigen(n, |i, j| match i - j {
            0 => alphas[i],
            1 => betas[j],
            _ => 0.0,
        })?;
        Ok(Self {
            vectors,
            energies: pairs.values,
            states: pairs.vectors,
            beta: betas[n - 1],
        })
    }

    /// $e^{f T} e_1$, in imaginary time with energies counted from the lowest.
    fn coefficients(&self, direction: Direction, step: f64) -> Vec<Complex64> {
        let mut c = vec![Complex64::ZERO; self.vectors.len()];
        for (e, state) in self.energies.iter().zip(&self.states) {
            let factor = match direction {
                Direction::Real(sign) => Complex64::from_polar(state[0], -sign * e * step),
                Direction::Imaginary => {
                    Complex64::from(state[0] * (-(e - self.energies[0]) * step).exp())
                }
            };
            c.iter_mut().zip(state).for_each(|(c, s)| *c += factor * s);
        }
        c
    }

    /// Norm of the error after a step, relative to the norm of the state reached.
    fn error(&self, direction: Direction, step: f64) -> f64 {
        // The last component grows monotonically while it is small; the largest of a few values
        // bounds the integral also beyond.
        let last = |s: f64| {
            self.coefficients(direction, s)
                .last()
                .map_or(0.0, |c| c.norm())
        };
        let largest = (1..=4)
            .map(|q| last(step * f64::from(q) / 4.0))
            .fold(0.0, f64::max);
        let reached: f64 = self
            .coefficients(direction, step)
            .iter()
            .map(|c| c.norm_sqr())
            .sum();
        self.beta * step * largest / reached.sqrt()
    }

    /// The longest step whose error stays below `rate` times its length, and that error.
    fn longest_step(&self, direction: Direction, remaining: f64, rate: f64) -> (f64, f64) {
        // Rounding in the components must not be taken for error.
        let fits = |s: f64| {
            let error = self.error(direction, s);
            (error <= rate * s || error <= 4.0 * f64::EPSILON).then_some((s, error))
        };
        if let Some(all) = fits(remaining) {
            return all;
        }
        let (mut low, mut high) = ((0.0, 0.0), remaining);
        while high > 1.05 * low.0 && high > 1e-15 * remaining {
            let middle = if low.0 > 0.0 {
                0.5 * (low.0 + high)
            } else {
                0.25 * high
            };
            match fits(middle) {
                Some(step) => low = step,
                None => high = middle,
            }
        }
        low
    }
}

#[cfg(test)]
mod tests;
