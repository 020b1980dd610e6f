//! One step of the implicit midpoint rule as a vector: where a new slice starts.

use super::residual::{Rows, factor};
use crate::evolve::Flow;
use num_complex::Complex64;

/// Squared residual, relative to the right-hand side, at which the system counts as solved: far below
/// what a network fits.
const SOLVED: f64 = 1e-24;
/// Most iterations; a step of dt |H| / 2 = 1 takes about forty.
const ITERATIONS: usize = 400;

/// $(1 + c(H - E))^{-1}(1 - c(H - E))\psi$, normalised, by conjugate gradients on the normal
/// equations.
///
/// In imaginary time E is the energy of $\psi$ instead of that of the sum of both ends, which is not
/// known yet.
pub(super) fn next(h: &Rows, flow: Flow, dt: f64, shift: f64, psi: &[Complex64]) -> Vec<Complex64> {
    let energy = match flow {
        Flow::RealTime => shift,
        Flow::ImaginaryTime => dot(psi, &h.apply(psi)).re / dot(psi, psi).re,
    };
    let c = factor(flow, dt);
    let goal = h.shifted(-c, energy, psi);
    let enough = SOLVED * dot(&goal, &goal).re;
    let mut x = psi.to_vec();
    let image = h.shifted(c, energy, &x);
    let mut left: Vec<Complex64> = goal.iter().zip(&image).map(|(g, i)| g - i).collect();
    let mut force = h.shifted(c.conj(), energy, &left);
    let mut way = force.clone();
    let mut square = dot(&force, &force).re;
    for _ in 0..ITERATIONS {
        if dot(&left, &left).re <= enough || square == 0.0 {
            break;
        }
        let image = h.shifted(c, energy, &way);
        let length = square / dot(&image, &image).re;
        x.iter_mut().zip(&way).for_each(|(x, w)| *x += length * w);
        left.iter_mut()
            .zip(&image)
            .for_each(|(l, i)| *l -= length * i);
        force = h.shifted(c.conj(), energy, &left);
        let then = dot(&force, &force).re;
        let turn = then / square;
        way.iter_mut()
            .zip(&force)
            .for_each(|(w, f)| *w = f + turn * *w);
        square = then;
    }
    let norm = dot(&x, &x).re.sqrt();
    x.iter_mut().for_each(|x| *x /= norm);
    x
}

fn dot(a: &[Complex64], b: &[Complex64]) -> Complex64 {
    a.iter().zip(b).map(|(a, b)| a.conj() * b).sum()
}
