//! Linear equations of motion by adapted Runge-Kutta steps.

use crate::evolve::Tableau;
use crate::exact::ExactError;
use ketwork_hamiltonians::Scalar;
use std::ops::Range;

/// Most evaluations of the rate.
const MOST_PRODUCTS: usize = 10_000_000;

/// Writes a rate at a time and a place.
type Rate<'a, V> = dyn Fn(f64, &[V], &mut [V]) -> Result<(), ExactError> + 'a;

/// How $\dot y = f(t, y)$ is integrated by the method of Dormand and Prince.
pub(super) struct Adapted<'a, V> {
    /// The error over the whole time, in the norm.
    pub(super) tolerance: f64,
    /// Longest step.
    pub(super) longest: f64,
    pub(super) norm: fn(&[V]) -> f64,
    /// What is not finite where the rate is not.
    pub(super) what: &'static str,
    /// Writes f(t, y).
    pub(super) rate: &'a Rate<'a, V>,
}

impl<V: Scalar> Adapted<'_, V> {
    /// From `times.start` to `times.end`.
    pub(super) fn evolve(&self, times: Range<f64>, y: &mut [V]) -> Result<(), ExactError> {
        let total = times.end - times.start;
        let checks = [
            ("time", total, total.is_finite() && total >= 0.0),
            (
                "tolerance",
                self.tolerance,
                self.tolerance.is_finite() && self.tolerance > 0.0,
            ),
            ("longest", self.longest, self.longest > 0.0),
        ];
        if let Some((key, value, _)) = checks.into_iter().find(|(_, _, holds)| !holds) {
            let reason = "take a positive number";
            return Err(ExactError::Parameter { key, value, reason });
        }
        let tableau = Tableau::rk45();
        let (mut t, mut step, mut products) = (times.start, 1e-3f64.min(total), 0);
        while times.end - t > 1e-14 * total {
            step = step.min(self.longest);
            let last = step >= times.end - t;
            let dt = if last { times.end - t } else { step };
            let mut rates: Vec<Vec<V>> = Vec::with_capacity(tableau.stages());
            for stage in 0..tableau.stages() {
                let there = moved(y, dt, tableau.a(stage), &rates);
                let mut rate = vec![V::ZERO; y.len()];
                (self.rate)(t + tableau.c(stage) * dt, &there, &mut rate)?;
                rates.push(rate);
            }
            products += tableau.stages();
            let off = moved(&vec![V::ZERO; y.len()], dt, tableau.error(), &rates);
            let error = (self.norm)(&off);
            if !error.is_finite() {
                return Err(ExactError::NotFinite { what: self.what });
            }
            let allowed = (self.tolerance * dt / total).max(1e-15);
            let factor = (0.9 * (allowed / error.max(1e-300)).powf(0.2)).clamp(0.2, 4.0);
            if error <= allowed {
                let next = moved(y, dt, tableau.b(), &rates);
                y.copy_from_slice(&next);
                t += dt;
            }
            if products > MOST_PRODUCTS {
                let (reached, target) = (t, times.end);
                return Err(ExactError::Stalled {
                    reached,
                    target,
                    products,
                });
            }
            if !last || error > allowed {
                step = dt * factor;
            }
        }
        Ok(())
    }
}

fn moved<V: Scalar>(y: &[V], dt: f64, by: &[f64], rates: &[Vec<V>]) -> Vec<V> {
    let mut next = y.to_vec();
    for (a, rate) in by.iter().zip(rates).filter(|(a, _)| **a != 0.0) {
        let pairs = next.iter_mut().zip(rate);
        pairs.for_each(|(x, r)| *x += r.scale(dt * a));
    }
    next
}
