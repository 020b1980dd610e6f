//! Fitting a network to a given state by Gauss-Newton sweeps.

use super::Points;
use crate::tangent::Damped;
use crate::{SampleError, SolveError};
use ketwork_hamiltonians::Scalar;
use ketwork_models::{Dense, Differentiable, Samples};
use num_complex::Complex64;
use std::f64::consts::{PI, TAU};

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
    /// What is made small.
    pub distance: Distance,
}

impl Default for FitParams {
    fn default() -> Self {
        Self {
            tolerance: 1e-11,
            sweeps: 200,
            shift: 1e-2,
            least_shift: 1e-12,
            distance: Distance::Amplitude,
        }
    }
}

/// What a sweep makes small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distance {
    /// $\phi/\psi - 1$: differences of amplitudes, which ends in the infidelity.
    Amplitude,
    /// $\ln\phi - \ln\psi$, phases to within whole turns: also strings of tiny amplitude pull, which
    /// leads from any start towards a target that nowhere vanishes.
    Logarithm,
}

/// How a fit went.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct FitReport {
    /// $1 - |\langle\phi|\psi\rangle|^2 / (\langle\phi|\phi\rangle\langle\psi|\psi\rangle)$ at the
    /// end, estimated at the points; for logarithms the mean square.
    pub loss: f64,
    /// The same before the first sweep.
    pub first: f64,
    /// Sweeps.
    pub sweeps: u32,
    /// The damping that a next sweep would have taken.
    pub shift: f64,
}

/// Why a fit failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum FitError {
    #[error(transparent)]
    Sample(#[from] SampleError),
    #[error(transparent)]
    Solve(#[from] SolveError),
}

/// What is left at each point, with a weighted mean of 0, and the loss: the infidelity, or the mean
/// square.
pub(crate) struct Rest<L> {
    pub(crate) values: Vec<L>,
    pub(crate) loss: f64,
}

/// What is left at samples.
pub(crate) type RestOf<'a, L> = dyn Fn(&Samples<L>) -> Rest<L> + 'a;

fn rest(distance: Distance, samples: &Samples<Complex64>, target: &[Complex64]) -> Rest<Complex64> {
    match distance {
        Distance::Amplitude => ratio(samples, target),
        Distance::Logarithm => logarithm(samples, target),
    }
}

fn logarithm(samples: &Samples<Complex64>, target: &[Complex64]) -> Rest<Complex64> {
    let mut values: Vec<Complex64> = target
        .iter()
        .zip(&samples.log_psi)
        .map(|(t, l)| t - l)
        .collect();
    // Phases are counted from the one of the whole state.
    let turn: Complex64 = values
        .iter()
        .zip(&samples.weight)
        .map(|(v, w)| w * Complex64::from_polar(1.0, v.im))
        .sum();
    let phase = turn.arg();
    for v in &mut values {
        v.im = (v.im - phase + PI).rem_euclid(TAU) - PI;
    }
    let mean: Complex64 = values.iter().zip(&samples.weight).map(|(v, w)| w * v).sum();
    values.iter_mut().for_each(|v| *v -= mean);
    let square = values.iter().zip(&samples.weight);
    Rest {
        loss: square.map(|(v, w)| w * v.norm_sqr()).sum(),
        values,
    }
}

fn ratio(samples: &Samples<Complex64>, target: &[Complex64]) -> Rest<Complex64> {
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
    let mean: Complex64 = values.iter().zip(&samples.weight).map(|(v, w)| w * v).sum();
    let overlaps = mean.norm_sqr() > 0.0;
    if overlaps {
        values.iter_mut().for_each(|v| *v = *v / mean - 1.0);
    }
    // The variance, not the difference of two numbers near 1.
    let spread: f64 = values
        .iter()
        .zip(&samples.weight)
        .map(|(v, w)| w * v.norm_sqr())
        .sum();
    let seen = seen(samples, target);
    Rest {
        values,
        loss: if overlaps {
            (spread + (1.0 - seen)) / (1.0 + spread)
        } else {
            1.0
        },
    }
}

/// The share of the target's norm where the state's weight is a number: 1 but for states that vanish, to
/// rounding, where the target does not. The fidelity is $s / (1 + \text{spread})$ with this share s.
fn seen(samples: &Samples<Complex64>, target: &[Complex64]) -> f64 {
    let top = target
        .iter()
        .map(|t| t.re)
        .fold(f64::NEG_INFINITY, f64::max);
    let (mut all, mut kept) = (0.0, 0.0);
    for (t, w) in target.iter().zip(&samples.weight) {
        let share = (2.0 * (t.re - top)).exp();
        all += share;
        kept += if *w >= f64::MIN_POSITIVE { share } else { 0.0 };
    }
    kept / all
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
    points: &Points<Complex64>,
    target: &[Complex64],
    params: &FitParams,
) -> Result<FitReport, super::EvolveError>
where
    W: Differentiable<Log = Complex64> + ?Sized,
{
    sweep(psi, theta, points, target, params).map_err(|e| at(0.0, e))
}

pub(crate) fn at(t: f64, e: FitError) -> super::EvolveError {
    match e {
        FitError::Sample(source) => super::EvolveError::Sample { t, source },
        FitError::Solve(source) => super::EvolveError::Solve { t, source },
    }
}

#[track_caller]
pub(super) fn sweep<W>(
    psi: &W,
    theta: &mut [f64],
    points: &Points<Complex64>,
    target: &[Complex64],
    params: &FitParams,
) -> Result<FitReport, FitError>
where
    W: Differentiable<Log = Complex64> + ?Sized,
{
    let rest_of = |samples: &Samples<Complex64>| {
        assert_eq!(target.len(), samples.len(), "one amplitude for each point");
        rest(params.distance, samples, target)
    };
    descend(psi, theta, points, &rest_of, params)
}

/// Gauss-Newton sweeps with the damping of Levenberg and Marquardt, for any rest.
pub(crate) fn descend<W>(
    psi: &W,
    theta: &mut [f64],
    points: &Points<W::Log>,
    rest: &RestOf<'_, W::Log>,
    params: &FitParams,
) -> Result<FitReport, FitError>
where
    W: Differentiable + ?Sized,
{
    let mut samples = points.of(psi, theta)?;
    let mut now = rest(&samples);
    let first = now.loss;
    let (mut shift, mut sweeps) = (params.shift, 0);
    let mut memory = Vec::new();
    'sweeps: while now.loss > params.tolerance && sweeps < params.sweeps {
        let residual = weighted(&samples, |b| now.values[b]);
        let map = Dense::reusing(std::mem::take(&mut memory), psi, theta, &samples);
        let mut problem = Damped::new(&map, &residual)?;
        let mut step = vec![0.0; theta.len()];
        loop {
            sweeps += 1;
            problem.solve(shift, &mut step)?;
            let trial: Vec<f64> = theta.iter().zip(&step).map(|(t, s)| t + s).collect();
            // A trial whose amplitudes overflow is only too long.
            let reached = points
                .of(psi, &trial)
                .ok()
                .filter(|s| s.len() == samples.len());
            if let Some(there) = reached {
                let then = rest(&there);
                if then.loss < now.loss {
                    let gain = now.loss / then.loss.max(1e-300);
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
        loss: now.loss,
        first,
        sweeps,
        shift,
    })
}

/// Rows $\sqrt{w_b}\,f(b)$ in the order of the tangent map: real parts, then imaginary parts.
pub(crate) fn weighted<L: Scalar>(samples: &Samples<L>, f: impl Fn(usize) -> L) -> Vec<f64> {
    let n = samples.len();
    let mut rows = vec![0.0; L::COMPONENTS * n];
    for (b, w) in samples.weight.iter().enumerate().filter(|(_, w)| **w > 0.0) {
        let v = f(b).scale(w.sqrt());
        rows[b] = v.re();
        if L::COMPONENTS == 2 {
            rows[n + b] = v.im();
        }
    }
    rows
}
