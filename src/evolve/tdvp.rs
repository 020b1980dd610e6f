//! The time-dependent variational principle.

use super::fit::weighted;
use super::{Evolve, EvolveError, StepReport, Tableau, Velocity, forward};
use crate::{NaturalGradient, SampleError, Sampler, TangentSolver, moments};
use ketwork_hamiltonians::Scalar as _;
use ketwork_models::{Dense, Differentiable, Samples, TangentMap};

/// Error of a step of fixed length beyond which it is refused, for one site.
const LARGEST: f64 = 0.01;

/// McLachlan's principle: $\dot\theta$ minimises $\|J\dot\theta - \sqrt{w}(v - \bar v)\|^2$ with the
/// velocity $v = d\ln\psi/dt$ that a [`Velocity`] asks for and the centred tangent map J: of
/// Schrödinger's equation, or of a master equation for a probability.
///
/// With all configurations as points and a complete ansatz it is that equation; the error is then
/// that of the tableau.
///
/// # References
/// A. D. McLachlan, Mol. Phys. 8, 39 (1964); G. Carleo et al., Sci. Rep. 2, 243 (2012).
pub struct Tdvp<'a, W: Differentiable + ?Sized> {
    velocity: Box<dyn Velocity<W> + 'a>,
    psi: &'a W,
    sampler: Box<dyn Sampler<W> + 'a>,
    /// The integrator.
    pub tableau: Tableau,
    /// Relative diagonal shift of the linear systems: about 1e-10 for full sums, 1e-4 for a thousand
    /// shots.
    pub shift: f64,
    /// Error of a step of a tableau with an embedded method, $\|J\,\delta\theta\|$, above which it is
    /// repeated with a shorter step.
    pub tolerance: f64,
    /// Error of a step of fixed length in units of the norm of the state, as its stages tell it, beyond which the
    /// step is refused: 0.01 for each root of a site, infinity to take them all.
    pub refused: f64,
    /// Length of the next step where steps are adapted.
    next: Option<f64>,
}

impl<'a, W: Differentiable + ?Sized> Tdvp<'a, W> {
    /// Fourth order, and the shift of full sums.
    pub fn new(
        velocity: impl Velocity<W> + 'a,
        psi: &'a W,
        sampler: Box<dyn Sampler<W> + 'a>,
    ) -> Self {
        Self {
            velocity: Box::new(velocity),
            psi,
            sampler,
            tableau: Tableau::rk4(),
            shift: 1e-10,
            tolerance: 1e-5,
            refused: LARGEST * (psi.space().n_sites as f64).sqrt(),
            next: None,
        }
    }

    fn draw(&mut self, t: f64, theta: &[f64]) -> Result<Samples<W::Log>, EvolveError> {
        self.sampler
            .draw(self.psi, theta)
            .map_err(|source| EvolveError::Sample { t, source })
    }

    fn rate(&self, t: f64, theta: &[f64], samples: &Samples<W::Log>) -> Result<Rate, EvolveError> {
        let (values, energy) = self.velocity.at(t, self.psi, theta, samples)?;
        let (mean, _) = moments(&samples.weight, &values);
        let wanted = weighted(samples, |b| values[b] - mean);
        let map = Dense::new(self.psi, theta, samples);
        let mut solver = NaturalGradient::default();
        solver.set_shift(self.shift);
        let mut rate = vec![0.0; theta.len()];
        solver
            .solve(&map, &wanted, &mut rate)
            .map_err(|source| EvolveError::Solve { t, source })?;
        let mut found = vec![0.0; wanted.len()];
        map.apply(&rate, &mut found);
        let left: f64 = found
            .iter()
            .zip(&wanted)
            .map(|(a, b)| (a - b).powi(2))
            .sum();
        Ok(Rate {
            rate,
            left: left.sqrt(),
            energy,
            map,
        })
    }
}

/// The same configurations, weighted as the state at theta asks for: all stages of a step see the same
/// shots, so that their differences are those of the rates and not of the noise.
fn moved_to<W: Differentiable + ?Sized>(
    drawn: &Samples<W::Log>,
    psi: &W,
    theta: &[f64],
    t: f64,
) -> Result<Samples<W::Log>, EvolveError> {
    let mut samples = drawn.clone();
    psi.log_psi(theta, samples.x.view(), &mut samples.log_psi);
    if let Some(b) = samples.log_psi.iter().position(|l| !l.is_finite()) {
        let configuration = samples.x.row(b).to_vec();
        let source = SampleError::NotFinite { configuration };
        return Err(EvolveError::Sample { t, source });
    }
    let growth = |b: usize| {
        psi.norm()
            .log_probability(samples.log_psi[b] - drawn.log_psi[b])
    };
    let top = (0..samples.len())
        .map(growth)
        .fold(f64::NEG_INFINITY, f64::max);
    let weight: Vec<f64> = (0..samples.len())
        .map(|b| drawn.weight[b] * (growth(b) - top).exp())
        .collect();
    let total: f64 = weight.iter().sum();
    samples.weight = weight.into_iter().map(|w| w / total).collect();
    Ok(samples)
}

/// What later stages of order p may change of an Euler step, $x^2/2$ of an oscillation of x radians a step, where
/// the error $x^{p+1}/(p+1)!$ of the whole step is `largest`.
fn longest(order: u32, largest: f64) -> f64 {
    let p = order + 1;
    let factorial: f64 = (1..=p).map(f64::from).product();
    0.5 * (largest * factorial).powf(2.0 / f64::from(p))
}

/// $\dot\theta$ at a point.
struct Rate {
    rate: Vec<f64>,
    /// $\|J\dot\theta - v\|$.
    left: f64,
    energy: f64,
    map: Dense,
}

impl<W: Differentiable + ?Sized> Tdvp<'_, W> {
    /// One step of the tableau; with an embedded method also the error of the step.
    fn step(
        &self,
        t: f64,
        theta: &[f64],
        dt: f64,
        drawn: &Samples<W::Log>,
    ) -> Result<(Vec<f64>, StepReport, f64), EvolveError> {
        let tableau = self.tableau.clone();
        let mut report = StepReport::default();
        let mut rates: Vec<Vec<f64>> = Vec::new();
        let mut first = None;
        let moved = |theta: &[f64], by: &[f64], rates: &[Vec<f64>]| {
            let mut next = theta.to_vec();
            for (a, rate) in by.iter().zip(rates) {
                next.iter_mut()
                    .zip(rate)
                    .for_each(|(x, r)| *x += dt * a * r);
            }
            next
        };
        for stage in 0..tableau.stages() {
            let there = moved(theta, tableau.a(stage), &rates);
            let at = t + tableau.c(stage) * dt;
            let found = match stage {
                0 => self.rate(at, &there, drawn)?,
                _ => self.rate(at, &there, &moved_to(drawn, self.psi, &there, at)?)?,
            };
            report.residual = report.residual.max(dt * found.left);
            report.solves += 1;
            rates.push(found.rate);
            if stage == 0 {
                report.energy = found.energy;
                first = Some(found.map);
            }
        }
        let mut error = 0.0;
        if let (Some(map), true) = (first, tableau.stages() > 1) {
            let mut by = tableau.error().to_vec();
            if by.is_empty() {
                // What the later stages change of an Euler step.
                by = tableau.b().to_vec();
                by[0] -= 1.0;
            }
            let off = moved(&vec![0.0; theta.len()], &by, &rates);
            let (n, k, _) = map.shape();
            let mut image = vec![0.0; n * k];
            map.apply(&off, &mut image);
            error = image.iter().map(|x| x * x).sum::<f64>().sqrt();
            let is_close = error < longest(tableau.order(), self.refused);
            if tableau.error().is_empty() && !is_close {
                return Err(EvolveError::Diverged { t });
            }
        }
        let next = moved(theta, tableau.b(), &rates);
        match next.iter().all(|x| x.is_finite()) {
            true => Ok((next, report, error)),
            false => Err(EvolveError::Diverged { t }),
        }
    }
}

impl<W: Differentiable + ?Sized> Evolve for Tdvp<'_, W> {
    /// From t to t + dt: one step, or as many as the tolerance of an embedded method asks for. A single step
    /// that is far too long for the motion fails as [`EvolveError::Diverged`].
    fn advance(&mut self, t: f64, theta: &mut [f64], dt: f64) -> Result<StepReport, EvolveError> {
        forward(t, dt)?;
        if self.tableau.error().is_empty() {
            let drawn = self.draw(t, theta)?;
            let (next, report, _) = self.step(t, theta, dt, &drawn)?;
            theta.copy_from_slice(&next);
            return Ok(report);
        }
        let mut all = StepReport::default();
        let mut now = theta.to_vec();
        let (mut at, end) = (t, t + dt);
        let order = f64::from(self.tableau.order());
        let mut step = self.next.unwrap_or(dt).min(dt);
        let mut drawn = self.draw(t, theta)?;
        while end - at > 1e-12 * dt {
            let last = step >= end - at;
            let taken = if last { end - at } else { step };
            let (next, report, error) = self.step(at, &now, taken, &drawn)?;
            all.solves += report.solves;
            // The usual controller: a factor of safety, and no change beyond 5 times.
            let factor =
                (0.9 * (self.tolerance / error.max(1e-300)).powf(1.0 / order)).clamp(0.2, 5.0);
            if error > self.tolerance {
                step = taken * factor;
                if step < 1e-9 * dt {
                    return Err(EvolveError::Diverged { t: at });
                }
                continue;
            }
            if at <= t {
                all.energy = report.energy;
            }
            all.residual = all.residual.max(report.residual);
            now = next;
            at += taken;
            if end - at > 1e-12 * dt {
                drawn = self.draw(at, &now)?;
            }
            if !last || factor < 1.0 {
                step = taken * factor;
            }
        }
        self.next = Some(step);
        theta.copy_from_slice(&now);
        Ok(all)
    }

    fn save(&self) -> Vec<u64> {
        let next = self.next.unwrap_or(f64::NAN).to_bits();
        [vec![next], self.sampler.save()].concat()
    }

    fn load(&mut self, saved: &[u64]) -> Result<(), EvolveError> {
        let (next, sampler) = saved.split_at(saved.len().min(1));
        self.next = next
            .first()
            .map(|b| f64::from_bits(*b))
            .filter(|x| x.is_finite());
        let loaded = self.sampler.load(sampler);
        loaded.map_err(|source| EvolveError::Sample { t: 0.0, source })
    }
}

impl<W: Differentiable + ?Sized> std::fmt::Debug for Tdvp<'_, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tdvp")
            .field("tableau", &self.tableau)
            .field("shift", &self.shift)
            .finish_non_exhaustive()
    }
}
