//! Variational Monte Carlo: ground states as an iterator of reports; and states from measured
//! configurations by maximum likelihood, a start for it.

mod likelihood;
mod report;
#[cfg(test)]
mod tests;

pub use likelihood::{Likelihood, LikelihoodError, LikelihoodReport};
pub use report::{Report, Timings, VmcError, v_score};

use crate::tangent::norm;
use crate::{
    Estimate, Joined, MeasureError, NaturalGradient, Sampled, Sampler, Schedule, TangentSolver,
    moments, r_hat,
};
use ketwork_hamiltonians::{Hamiltonian, Scalar};
use ketwork_models::{Dense, Differentiable, Draw, Layout, Lazy, Samples};
use std::time::Instant;

/// Minimises $\langle H\rangle$ by stochastic imaginary-time evolution in the tangent space.
///
/// One step draws samples, computes local energies, and solves
/// $\min_\delta \|J\delta - r\|^2 + \lambda\|\delta\|^2$ with
/// $r_{cs} = -\sqrt{w_s}\,(E_\mathrm{loc}(x_s) - \bar E)_c$; then
/// $\theta \leftarrow \theta + \eta\,\delta$. Where $\eta \|J \delta\|$, the Fubini-Study length of the
/// step, exceeds [`GroundState::max_distance`], the step is shortened to it.
///
/// The iterator is endless and owns no output: the caller takes as many steps as wanted and reads
/// the reports. After an error it ends.
pub struct GroundState<'a, H: Hamiltonian + ?Sized, W: Differentiable + ?Sized, S, V> {
    /// The Hamiltonian.
    pub hamiltonian: &'a H,
    /// The state.
    pub psi: &'a W,
    /// Where samples come from.
    pub sampler: S,
    /// How the tangent-space problem is solved.
    pub solver: V,
    /// Learning rate eta.
    pub learning_rate: Schedule,
    /// Shift of the solver; `None` leaves the solver's own.
    pub shift: Option<Schedule>,
    /// Longest step, in Fubini-Study length.
    pub max_distance: f64,
    /// Slope t of the path $e^{-(1 + it)\tau H}$ in the plane of complex time, the residual being
    /// $(1 + it)\, r$; 0 for imaginary time. Along it an amplitude that has to change its sign turns about
    /// zero where at t = 0 it would meet it: at zero the tangent vanishes and the amplitude stays.
    ///
    /// Eigenstates stay fixed points. An ansatz that does not hold the ground state comes to rest at the
    /// lowest energy only for t = 0: let the slope fall to 0. A state without phases ignores it.
    pub tilt: Schedule,
    /// Largest change of ln psi at one configuration that a step asks for, infinite for no limit:
    /// where $\eta\,|E_\mathrm{loc}(x) - \bar E|$ exceeds it, that local energy is shortened to it. Near a
    /// node of $\psi$ the local energy diverges as $1/\psi$, and a whole step would throw the amplitude
    /// far beyond the zero it has to pass. Eigenstates stay fixed points.
    pub max_change: f64,
    /// Memory for the tangent map and the solver's matrix, in bytes; above it rows are recomputed.
    pub memory: usize,
    /// Parameters.
    pub theta: Vec<f64>,
    /// Steps taken.
    pub step: u64,
    failed: bool,
    buffer: Vec<f64>,
}

/// 2 GiB.
pub(crate) const DEFAULT_MEMORY: usize = 2 << 30;

impl<'a, H, W, S> GroundState<'a, H, W, S, NaturalGradient>
where
    H: Hamiltonian,
    W: Differentiable + ?Sized,
    S: Sampler<W>,
{
    /// [`NaturalGradient`] with learning rate 0.05 and its default shift, from the given parameters.
    ///
    /// # Panics
    /// If `theta` does not fit the state, or the spaces differ.
    #[track_caller]
    pub fn new(hamiltonian: &'a H, psi: &'a W, sampler: S, theta: Vec<f64>) -> Self {
        assert_eq!(
            theta.len(),
            psi.layout().n_params(),
            "one number for each parameter"
        );
        assert_eq!(
            hamiltonian.space(),
            psi.space(),
            "Hamiltonian and state must share a space"
        );
        Self {
            hamiltonian,
            psi,
            sampler,
            solver: NaturalGradient::default(),
            learning_rate: Schedule::Constant(0.05),
            shift: None,
            max_distance: 0.1,
            tilt: Schedule::Constant(0.0),
            max_change: f64::INFINITY,
            memory: DEFAULT_MEMORY,
            theta,
            step: 0,
            failed: false,
            buffer: Vec::new(),
        }
    }
}

impl<'a, H, W, S, V> GroundState<'a, H, W, S, V>
where
    H: Hamiltonian,
    W: Differentiable + ?Sized,
    W::Log: From<H::Elem>,
    S: Sampler<W>,
    V: TangentSolver,
{
    /// The same run with another solver.
    pub fn with_solver<U: TangentSolver>(self, solver: U) -> GroundState<'a, H, W, S, U> {
        GroundState {
            hamiltonian: self.hamiltonian,
            psi: self.psi,
            sampler: self.sampler,
            solver,
            learning_rate: self.learning_rate,
            shift: self.shift,
            max_distance: self.max_distance,
            tilt: self.tilt,
            max_change: self.max_change,
            memory: self.memory,
            theta: self.theta,
            step: self.step,
            failed: self.failed,
            buffer: self.buffer,
        }
    }

    /// Draws fresh samples and estimates the energy: (energy, variance).
    ///
    /// # Errors
    /// [`VmcError`] where nothing can be drawn or a local energy is not finite.
    pub fn measure(&mut self) -> Result<(Estimate, f64), VmcError> {
        let mut once = Joined::default();
        self.measure_into(&mut once)?;
        Ok((once.estimate(), once.variance()))
    }

    /// Draws fresh samples and adds their local energies to those of earlier draws: many draws in the
    /// memory of one, with the error bar that Markov chains deserve.
    ///
    /// # Errors
    /// [`VmcError`] where nothing can be drawn or a local energy is not finite.
    pub fn measure_into(&mut self, joined: &mut Joined) -> Result<(), VmcError> {
        let samples = self.draw()?;
        let energies = self.local_energies(&samples)?;
        joined.push(&samples, &energies);
        Ok(())
    }

    fn draw(&mut self) -> Result<Samples<W::Log>, VmcError> {
        let step = self.step;
        self.sampler
            .draw(self.psi, &self.theta)
            .map_err(|source| VmcError::Sample { step, source })
    }

    fn local_energies(&self, samples: &Samples<W::Log>) -> Result<Vec<W::Log>, VmcError> {
        Sampled::new(self.psi, &self.theta, samples)
            .local_estimates(self.hamiltonian, "local energy")
            .map_err(|e| self.failure(e))
    }

    /// V-score of an energy and its variance; `None` at the energy of infinite temperature.
    #[must_use]
    pub fn v_score(&self, energy: f64, variance: f64) -> Option<f64> {
        let infinite = self.hamiltonian.terms().mean_diagonal();
        v_score(self.psi.space().n_sites, energy, variance, infinite)
    }

    fn failure(&self, source: MeasureError) -> VmcError {
        VmcError::Measure {
            step: self.step,
            source,
        }
    }

    fn advance(&mut self) -> Result<Report, VmcError> {
        let step = self.step;
        let mut clock = Clock::start();
        let samples = self.draw()?;
        let mut timings = Timings {
            sample: clock.lap(),
            ..Timings::default()
        };
        let energies = self.local_energies(&samples)?;
        timings.local = clock.lap();

        let (mean, variance) = moments(&samples.weight, &energies);
        let (n, k, p) = (samples.len(), W::Log::COMPONENTS, self.theta.len());
        let mut residual = vec![0.0; n * k];
        let path = W::Log::from_parts(1.0, self.tilt.at(step));
        let longest = self.max_change / self.learning_rate.at(step);
        for (b, (e, w)) in energies.iter().zip(&samples.weight).enumerate() {
            let r = if *w > 0.0 {
                let asked = path * (mean - *e);
                // 0 / 0 at an eigenstate is no limit: `min` passes over NaN.
                asked.scale((longest / asked.abs2().sqrt()).min(1.0) * w.sqrt())
            } else {
                W::Log::ZERO
            };
            residual[b] = r.re();
            if k == 2 {
                residual[n + b] = r.im();
            }
        }
        if let Some(shift) = self.shift {
            self.solver.set_shift(shift.at(step));
        }
        let mut change = vec![0.0; p];
        let solver = &mut self.solver;
        let small = (n * k).min(p);
        let info = if 8 * (n * k * p + small * small) <= self.memory {
            let memory = std::mem::take(&mut self.buffer);
            let map = Dense::reusing(memory, self.psi, &self.theta, &samples);
            timings.tangent = clock.lap();
            let info = solver.solve(&map, &residual, &mut change);
            self.buffer = map.into_memory();
            info
        } else {
            self.buffer = Vec::new();
            let map = Lazy::new(self.psi, &self.theta, &samples);
            solver.solve(&map, &residual, &mut change)
        }
        .map_err(|source| VmcError::Solve {
            step,
            configuration: culprit(self.psi, &self.theta, &samples),
            source,
        })?;
        let length = info.length;
        let mut rate = self.learning_rate.at(step);
        if rate * length > self.max_distance {
            rate = self.max_distance / length;
        }
        let moved = moved(self.psi.layout(), &self.theta, &change, rate);
        self.theta =
            moved.map_err(|Broken { name, value }| VmcError::NotFinite { name, value, step })?;
        self.step += 1;
        timings.solve = clock.lap();
        let real: Vec<f64> = energies.iter().map(|e| e.re()).collect();
        let r_hat = match samples.draw {
            Draw::Chains { n_chains } => r_hat(&real, n_chains as usize),
            Draw::Independent { .. } | Draw::Exact => Some(1.0),
        };
        Ok(Report {
            step,
            energy: Estimate::of(&samples, &real),
            imaginary: mean.im(),
            variance,
            v_score: self.v_score(mean.re(), variance),
            gradient_norm: info.force,
            step_norm: rate * norm(&change),
            distance: rate * length,
            learning_rate: rate,
            unique: n,
            r_hat,
            solve: info,
            timings,
        })
    }
}

impl<H, W, S, V> Iterator for GroundState<'_, H, W, S, V>
where
    H: Hamiltonian,
    W: Differentiable + ?Sized,
    W::Log: From<H::Elem>,
    S: Sampler<W>,
    V: TangentSolver,
{
    type Item = Result<Report, VmcError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let report = self.advance();
        self.failed = report.is_err();
        Some(report)
    }
}

impl<H: Hamiltonian, W: Differentiable + ?Sized, S, V> std::fmt::Debug
    for GroundState<'_, H, W, S, V>
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GroundState")
            .field("space", self.hamiltonian.space())
            .field("n_params", &self.theta.len())
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}

/// The first sample whose derivatives are not finite: what a failed solve is asked for.
fn culprit<W: Differentiable + ?Sized>(
    psi: &W,
    theta: &[f64],
    samples: &Samples<W::Log>,
) -> Option<Vec<u8>> {
    // One such row spoils the mean and with it every centred row: the bare ones are asked.
    let mut rows = vec![0.0; W::Log::COMPONENTS * theta.len()];
    (0..samples.len()).find_map(|s| {
        psi.jacobian(theta, samples.x.view().slice(s..s + 1), &mut rows);
        let bad = rows.iter().any(|d| !d.is_finite());
        bad.then(|| samples.x.row(s).to_vec())
    })
}

/// A parameter that would become NaN or infinite, by the name of its array.
struct Broken {
    name: String,
    value: f64,
}

/// The parameters after a step of a rate.
fn moved(layout: &Layout, theta: &[f64], change: &[f64], rate: f64) -> Result<Vec<f64>, Broken> {
    let next = theta.iter().zip(change).map(|(t, d)| t + rate * d);
    let next: Vec<f64> = next.collect();
    let Some(bad) = next.iter().position(|t| !t.is_finite()) else {
        return Ok(next);
    };
    let array = layout.parameters().iter().find(|p| p.range.contains(&bad));
    Err(Broken {
        name: array.map_or_else(String::new, |p| p.name.clone()),
        value: next[bad],
    })
}

struct Clock(Instant);

impl Clock {
    fn start() -> Self {
        Self(Instant::now())
    }

    fn lap(&mut self) -> f64 {
        let seconds = self.0.elapsed().as_secs_f64();
        self.0 = Instant::now();
        seconds
    }
}
