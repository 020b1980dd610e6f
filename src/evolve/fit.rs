//! Fitting a network to a given state by Gauss-Newton sweeps.

use super::Points;
use crate::{MinSr, SampleError, SolveError, Sr, TangentSolver};
use ketwork_models::{Dense, Differentiable, Samples, TangentMap};
use num_complex::Complex64;

/// When a fit ends, and how it is damped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitParams {
    /// Infidelity at which the fit is good enough.
    pub tolerance: f64,
    /// Most sweeps, the rejected ones included.
    pub sweeps: u32,
    /// First damping, relative to the mean eigenvalue of the Gram matrix; it falls after each sweep
    /// that improves and rises after each that does not (Levenberg-Marquardt).
    pub shift: f64,
    /// Smallest damping.
    pub least_shift: f64,
}

/// How a fit went.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct FitReport {
    /// $1 - |\langle\phi|\psi\rangle|^2 / (\langle\phi|\phi\rangle\langle\psi|\psi\rangle)$ at the
    /// end, estimated at the points.
    pub infidelity: f64,
    /// The same before the first sweep.
    pub first: f64,
    /// Sweeps.
    pub sweeps: u32,
}

/// Why a fit failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum FitError {
    #[error(transparent)]
    Sample(#[from] SampleError),
    #[error(transparent)]
    Solve(#[from] SolveError),
}

/// Ratio of target and state at each point, scaled so that its weighted mean is 1, and the
/// infidelity.
struct Ratio {
    values: Vec<Complex64>,
    infidelity: f64,
}

fn ratio(samples: &Samples<Complex64>, target: &[Complex64]) -> Ratio {
    // Counted from the largest, so that no exponential overflows; vanishing targets are exact zeros.
    let top = target
        .iter()
        .zip(&samples.log_psi)
        .map(|(t, l)| t.re - l.re)
        .fold(f64::NEG_INFINITY, f64::max);
    let mut values: Vec<Complex64> = target
        .iter()
        .zip(&samples.log_psi)
        .map(|(t, l)| match t.re == f64::NEG_INFINITY {
            true => Complex64::ZERO,
            false => (t - l - top).exp(),
        })
        .collect();
    let (mut mean, mut square) = (Complex64::ZERO, 0.0);
    for (v, w) in values.iter().zip(&samples.weight) {
        mean += w * v;
        square += w * v.norm_sqr();
    }
    if mean.norm_sqr() > 0.0 {
        values.iter_mut().for_each(|v| *v /= mean);
    }
    // The variance, not the difference of two numbers near 1.
    let spread: f64 = values
        .iter()
        .zip(&samples.weight)
        .map(|(v, w)| w * (v - 1.0).norm_sqr())
        .sum();
    Ratio {
        values,
        infidelity: match mean.norm_sqr() > 0.0 && square > 0.0 {
            true => spread / (1.0 + spread),
            false => 1.0,
        },
    }
}

/// Moves theta until the state is the target, given by $\ln\phi$ at the points (minus infinity where it
/// vanishes), up to norm and phase.
///
/// A sweep solves $\min_\delta \|J\delta - r\|^2 + \lambda\|\delta\|^2$, where $r = \sqrt{w}(\phi/\psi - 1)$
/// with the ratio's mean set to 1. With all configurations as points and $w = |\psi|^2$ this is the
/// Gauss-Newton step of $\|\psi - \phi\|^2$, finite also where $\psi$ is tiny.
///
/// # Errors
/// [`SampleError`] and [`SolveError`] in one.
///
/// # Panics
/// If `target` differs in length from the points.
#[track_caller]
pub fn fit<W>(
    psi: &W,
    theta: &mut [f64],
    points: &Points,
    target: &[Complex64],
    params: &FitParams,
) -> Result<FitReport, super::EvolveError>
where
    W: Differentiable<Log = Complex64> + ?Sized,
{
    sweep(psi, theta, points, target, params).map_err(|e| at(0.0, e))
}

pub(super) fn at(t: f64, e: FitError) -> super::EvolveError {
    match e {
        FitError::Sample(source) => super::EvolveError::Sample { t, source },
        FitError::Solve(source) => super::EvolveError::Solve { t, source },
    }
}

#[track_caller]
pub(super) fn sweep<W>(
    psi: &W,
    theta: &mut [f64],
    points: &Points,
    target: &[Complex64],
    params: &FitParams,
) -> Result<FitReport, FitError>
where
    W: Differentiable<Log = Complex64> + ?Sized,
{
    let mut samples = points.of(psi, theta)?;
    assert_eq!(target.len(), samples.len(), "one amplitude for each point");
    let mut now = ratio(&samples, target);
    let first = now.infidelity;
    let (mut shift, mut sweeps) = (params.shift, 0);
    let mut memory = Vec::new();
    'sweeps: while now.infidelity > params.tolerance && sweeps < params.sweeps {
        let residual = weighted(&samples, |b| now.values[b] - 1.0);
        let map = Dense::reusing(std::mem::take(&mut memory), psi, theta, &samples);
        let mut solver = solver(&map);
        let mut step = vec![0.0; theta.len()];
        loop {
            sweeps += 1;
            solver.set_shift(shift);
            solver.solve(&map, &residual, &mut step)?;
            let trial: Vec<f64> = theta.iter().zip(&step).map(|(t, s)| t + s).collect();
            // A trial whose amplitudes overflow is only too long.
            let reached = points
                .of(psi, &trial)
                .ok()
                .filter(|s| s.len() == target.len());
            if let Some(there) = reached {
                let then = ratio(&there, target);
                if then.infidelity < now.infidelity {
                    let gain = now.infidelity / then.infidelity.max(1e-300);
                    theta.copy_from_slice(&trial);
                    (samples, now) = (there, then);
                    shift = (shift * 0.2).max(params.least_shift);
                    memory = map.into_memory();
                    // Rounding, or what the network cannot express.
                    if gain < 1.02 && shift <= params.least_shift {
                        break 'sweeps;
                    }
                    continue 'sweeps;
                }
            }
            shift = (shift * 8.0).max(1e-12);
            if sweeps >= params.sweeps || shift > 1e4 {
                break 'sweeps;
            }
        }
    }
    Ok(FitReport {
        infidelity: now.infidelity,
        first,
        sweeps,
    })
}

/// The smaller of the two systems.
pub(super) fn solver(map: &dyn TangentMap) -> Box<dyn TangentSolver> {
    let (n, k, p) = map.shape();
    match p < n * k {
        true => Box::new(Sr::default()),
        false => Box::new(MinSr::default()),
    }
}

/// Rows $\sqrt{w_b}\,f(b)$ in the order of the tangent map: real parts, then imaginary parts.
pub(super) fn weighted(samples: &Samples<Complex64>, f: impl Fn(usize) -> Complex64) -> Vec<f64> {
    let n = samples.len();
    let mut rows = vec![0.0; 2 * n];
    for (b, w) in samples.weight.iter().enumerate().filter(|(_, w)| **w > 0.0) {
        let v = f(b) * w.sqrt();
        (rows[b], rows[n + b]) = (v.re, v.im);
    }
    rows
}
