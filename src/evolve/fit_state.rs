//! Fitting a network to a vector of amplitudes from any start.

use super::fit::{FitError, at, fit};
use super::{Distance, EvolveError, FitParams, FitReport, Points};
use crate::FullSum;
use crate::exact::Basis;
use ketwork_models::{Ancestral, Differentiable, Draw, Samples};
use num_complex::Complex64;

/// Amplitude below which a target is not told from 0 while logarithms are fitted.
const TINY: f64 = 1e-12;

/// Fits a whole state, given by its normalised amplitudes over all configurations, from any start:
/// first logarithms, with weights $|\phi|$ that also hear the small amplitudes, then amplitudes.
///
/// Amplitudes below 1e-12 count as that.
///
/// # Errors
/// Those of [`fit`].
///
/// # Panics
/// If `target` differs in length from the configurations.
#[track_caller]
pub fn fit_state<W>(
    psi: &W,
    theta: &mut [f64],
    all: &FullSum,
    target: &[Complex64],
    tolerance: f64,
) -> Result<FitReport, EvolveError>
where
    W: Differentiable<Log = Complex64> + ?Sized,
{
    let points = Points::All(all.clone());
    let near = points
        .of(psi, theta)
        .map_err(|e| at(0.0, FitError::Sample(e)))?;
    from_logarithms(psi, theta, near, &points, target, tolerance)
}

/// The same at the largest amplitudes only, at most so many: what a state close to a product state
/// needs where all configurations are too many. The loss is the infidelity with the whole state: what
/// a normalised network puts beside these amplitudes is missing in their overlap.
///
/// # Errors
/// Those of [`fit`].
///
/// # Panics
/// If `target` differs in length from the basis, or no amplitude is asked for.
#[track_caller]
pub fn fit_largest<W>(
    psi: &W,
    theta: &mut [f64],
    basis: &Basis,
    target: &[Complex64],
    most: usize,
    tolerance: f64,
) -> Result<FitReport, EvolveError>
where
    W: Ancestral + Differentiable<Log = Complex64> + ?Sized,
{
    assert_eq!(target.len(), basis.len(), "one amplitude for each point");
    assert!(most > 0, "a fit needs an amplitude");
    let mut order: Vec<usize> = (0..target.len())
        .filter(|&i| target[i].norm() > TINY)
        .collect();
    // Equal amplitudes in the order of the basis: the same points on any machine.
    order.sort_by(|&i, &j| {
        target[j]
            .norm()
            .total_cmp(&target[i].norm())
            .then(i.cmp(&j))
    });
    order.truncate(most);
    let mut x = basis.configs(0..0);
    order
        .iter()
        .for_each(|&i| x.extend(basis.configs(i..i + 1).view()));
    let phi: Vec<Complex64> = order.iter().map(|&i| target[i]).collect();
    let total: f64 = phi.iter().map(|a| a.norm_sqr()).sum();
    let near = Samples {
        x,
        log_psi: vec![Complex64::ZERO; phi.len()],
        weight: phi.iter().map(|a| a.norm_sqr() / total).collect(),
        draw: Draw::Exact,
    };
    let points = Points::Shots(near.clone());
    let report = from_logarithms(psi, theta, near, &points, &phi, tolerance)?;
    let fitted = points
        .of(psi, theta)
        .map_err(|e| at(0.0, FitError::Sample(e)))?;
    let overlap: Complex64 = phi
        .iter()
        .zip(&fitted.log_psi)
        .map(|(a, l)| a.conj() * l.exp())
        .sum();
    Ok(FitReport {
        loss: (1.0 - overlap.norm_sqr()).max(0.0),
        ..report
    })
}

/// Logarithms at `near` with weights of its own, then amplitudes at `points`, the same configurations.
#[track_caller]
fn from_logarithms<W>(
    psi: &W,
    theta: &mut [f64],
    mut near: Samples<Complex64>,
    points: &Points<Complex64>,
    target: &[Complex64],
    tolerance: f64,
) -> Result<FitReport, EvolveError>
where
    W: Differentiable<Log = Complex64> + ?Sized,
{
    let logs: Vec<Complex64> = target
        .iter()
        .map(|a| Complex64::new(a.norm().max(TINY).ln(), a.arg()))
        .collect();
    assert_eq!(logs.len(), near.len(), "one amplitude for each point");
    near.weight = target.iter().map(|a| a.norm().max(TINY)).collect();
    let total: f64 = near.weight.iter().sum();
    near.weight.iter_mut().for_each(|w| *w /= total);
    let mut params = FitParams {
        tolerance: 1e-4 * tolerance.sqrt(),
        sweeps: 200,
        shift: 1e-2,
        least_shift: 1e-12,
        distance: Distance::Logarithm,
    };
    let first = fit(psi, theta, &Points::Shots(near), &logs, &params)?;
    (params.tolerance, params.distance) = (tolerance, Distance::Amplitude);
    let exact: Vec<Complex64> = target.iter().map(|a| a.ln()).collect();
    let last = fit(psi, theta, points, &exact, &params)?;
    Ok(FitReport {
        sweeps: first.sweeps + last.sweeps,
        ..last
    })
}
