//! Closed dynamics from a run file: Krylov evolution, and neural states beside it.

use super::{RunError, RunOptions, State, build_state, initial};
use crate::evolve::{Evolve, EvolveError, StepReport, Tableau, Tdvp, Teng, fit_state};
use crate::exact::{Basis, EvolveParams, Memory, SparseMatrix, dimension, evolve, expectation};
use crate::run_file::{
    EvolutionMethod, HamiltonianSection, InitialState, Integrator, Observable, RunFile,
    SamplerMethod,
};
use crate::{
    Estimate, Figure, FullSum, Independent, MeasureError, Panel, Progress, Sampled, Sampler, Scale,
};
use ketwork_hamiltonians::{AnyModel, Hamiltonian, Lattice, LocalSum, Model, OnSpace, Scalar};
use ketwork_models::{Ansatz, Stream};
use num_complex::Complex64;

/// Largest dimension that is evolved exactly beside a network.
const TWIN_UP_TO: f64 = 65536.0;
/// Largest dimension over which a network is summed unasked.
const SUM_UP_TO: f64 = 1100.0;
/// Time of the fitted first state, in units of the inverse energy spread for each site.
const FIRST: f64 = 0.03;
/// Infidelity of the fit from which on the run says that it is poor.
const POOR_FIT: f64 = 1e-8;
/// Relative shift of linear systems of shots.
const SAMPLED_SHIFT: f64 = 1e-4;
/// How often a failing step is halved.
const HALVINGS: u32 = 6;

/// What a quench found.
#[derive(Clone, Debug)]
pub struct QuenchOutcome {
    /// The times, as asked for.
    pub times: Vec<f64>,
    /// The observables, as asked for.
    pub observables: Vec<Observable>,
    /// For each observable its estimate at each time.
    pub values: Vec<Vec<Estimate>>,
    /// Whether the numbers have error bars.
    pub is_sampled: bool,
    /// Infidelity with the exact state at each time, where that is affordable.
    pub infidelity: Option<Vec<f64>>,
    /// Largest change of the mean energy, relative to the energy spread of the state.
    pub energy_drift: f64,
    /// Largest residual of a step; none for exact evolution.
    pub residual: Option<f64>,
}

/// A quench, checked and ready.
#[derive(Debug)]
pub struct QuenchRun {
    run: RunFile,
    lattice: Lattice,
    model: AnyModel,
    observables: Vec<Observable>,
}

impl QuenchRun {
    /// Builds the model and checks times, observables and initial state.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn new(run: RunFile) -> Result<Self, RunError> {
        let (lattice, model) = run.system()?;
        let refuse = |key, reason: String| Err(RunError::Value { key, reason });
        if run.evolution.times.is_empty() {
            return refuse(
                "evolution.times",
                "no time is asked for; write times = [0.5, 1.0]".into(),
            );
        }
        if run.evolution.method == Some(EvolutionMethod::Spacetime) {
            return refuse(
                "evolution.method",
                "spacetime networks are not in this version; use \"tdvp\" or \"teng_heun\"".into(),
            );
        }
        let section = of(&run)?;
        let observables = match run.evolution.observables.is_empty() {
            true => default_observables(section),
            false => run.evolution.observables.clone(),
        };
        for &what in &observables {
            if what != Observable::Energy && section.observable(what, &lattice)?.is_none() {
                let known: Vec<_> = default_observables(section)
                    .iter()
                    .map(|o| o.name())
                    .collect();
                return refuse(
                    "evolution.observables",
                    format!(
                        "{} has no {}; it has {}, energy",
                        section.model(),
                        what.name(),
                        known.join(", ")
                    ),
                );
            }
        }
        let states = dimension(match &model {
            AnyModel::Real(m) => &**m.sector(),
            AnyModel::Complex(m) => &**m.sector(),
        })?;
        if states > 1e8 {
            return refuse(
                "hamiltonian.lattice",
                format!(
                    "{states:.1e} configurations: the initial state is a vector over all of them; make the lattice smaller"
                ),
            );
        }
        Ok(Self {
            run,
            lattice,
            model,
            observables,
        })
    }

    /// Evolves, and compares with the exact twin where that is affordable.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn run(&self, options: &RunOptions) -> Result<QuenchOutcome, RunError> {
        let found = match &self.model {
            AnyModel::Real(m) => self.with(m, Some(options)),
            AnyModel::Complex(m) => self.with(m, Some(options)),
        }?;
        let found = found.expect("a run that was not only checked has an outcome");
        if let Some(dir) = &options.out {
            // A picture that fails loses no result.
            if let Err(e) = picture(&found).write(&dir.join("quench.png")) {
                eprintln!("{e}");
            }
        }
        Ok(found)
    }

    /// Builds the initial state and the network, and evolves nothing.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn check(&self) -> Result<(), RunError> {
        match &self.model {
            AnyModel::Real(m) => self.with(m, None),
            AnyModel::Complex(m) => self.with(m, None),
        }
        .map(drop)
    }

    fn with<T: Scalar>(
        &self,
        model: &Model<T>,
        options: Option<&RunOptions>,
    ) -> Result<Option<QuenchOutcome>, RunError>
    where
        Complex64: From<T>,
    {
        let section = of(&self.run)?;
        let evolution = &self.run.evolution;
        let basis = Basis::new(&**model.sector(), Memory::default())?;
        let state = evolution.initial.unwrap_or(InitialState::UpZ);
        let n = model.space().n_sites;
        let psi = initial::amplitudes(state, section, &self.lattice, n, &basis)?;
        let operators = self
            .observables
            .iter()
            .map(|&o| match o {
                Observable::Energy => Ok(model.terms().to_complex()),
                o => Ok(section
                    .observable(o, &self.lattice)?
                    .expect("checked in new")),
            })
            .collect::<Result<Vec<_>, RunError>>()?;
        let exact = Exact {
            h: SparseMatrix::new(model, &basis, Memory::default())?,
            basis,
            operators: &operators,
        };
        let method = evolution.method.unwrap_or(EvolutionMethod::Exact);
        if method == EvolutionMethod::Exact {
            return match options {
                None => Ok(None),
                Some(options) => self.exactly(&exact, psi, options).map(Some),
            };
        }
        let wavefunction = &self.run.wavefunction;
        if wavefunction.phase == Some(false) {
            return Err(RunError::Value {
                key: "wavefunction.phase",
                reason: "a state in motion has phases; drop the key".into(),
            });
        }
        let State::Ancestral(network) =
            build_state::<Complex64>(wavefunction, &self.lattice, model.sector())?
        else {
            return Err(RunError::Value {
                key: "wavefunction.network",
                reason: "time evolution needs a network with exact sampling; use \"transformer\""
                    .into(),
            });
        };
        match options {
            None => Ok(None),
            Some(options) => self
                .neurally(model, &exact, &psi, &*network, options)
                .map(Some),
        }
    }

    fn exactly<T: Scalar>(
        &self,
        exact: &Exact<'_, T>,
        mut psi: Vec<Complex64>,
        options: &RunOptions,
    ) -> Result<QuenchOutcome, RunError>
    where
        Complex64: From<T>,
    {
        let times = &self.run.evolution.times;
        let mut found = self.empty(false);
        let start = exact.energy(&psi);
        let mut at = 0.0;
        let mut bar = bar(options, times.len());
        for (i, &t) in times.iter().enumerate() {
            exact.advance(t - at, &mut psi)?;
            at = t;
            for (values, o) in found.values.iter_mut().zip(exact.operators) {
                values.push(Estimate::exact(exact.mean(o, &psi)));
            }
            let drift = (exact.energy(&psi).0 - start.0).abs() / start.1.max(1e-300);
            found.energy_drift = found
                .energy_drift
                .max(if start.1 > 0.0 { drift } else { 0.0 });
            bar.show(i as u64 + 1, &format!("t = {t}"));
            if options.is_stopped() {
                return Err(stopped(i));
            }
        }
        bar.finish();
        Ok(found)
    }

    fn neurally<T: Scalar>(
        &self,
        model: &Model<T>,
        exact: &Exact<'_, T>,
        start: &[Complex64],
        psi: &dyn Ansatz<Log = Complex64>,
        options: &RunOptions,
    ) -> Result<QuenchOutcome, RunError>
    where
        Complex64: From<T>,
    {
        let section = &self.run.evolution;
        let states = exact.basis.len() as f64;
        let sums = match self.run.sampling.sampler {
            Some(SamplerMethod::FullSum) => true,
            Some(SamplerMethod::Ancestral) => false,
            None => states <= SUM_UP_TO,
            Some(SamplerMethod::Metropolis) => {
                return Err(RunError::Value {
                    key: "sampling.sampler",
                    reason: "this network draws exact samples; use \"ancestral\" or \"full_sum\""
                        .into(),
                });
            }
        };
        let stream = Stream::new(self.run.seed);
        let all = FullSum::new(&**model.sector(), Memory::default())?;
        let shots = self.run.sampling.samples.unwrap_or(4096) as u64;
        let sampler = |name| -> Box<dyn Sampler<dyn Ansatz<Log = Complex64>>> {
            match sums {
                true => Box::new(all.clone()),
                false => Box::new(Independent::new(shots, stream.named(name))),
            }
        };
        let (energy, spread) = exact.energy(start);
        let rate = (spread / (model.space().n_sites as f64).sqrt()).max(1e-3);
        // The state that the network can represent: shortly after a product state nothing vanishes.
        let first = FIRST / rate;
        let mut reference = start.to_vec();
        let mut at = 0.0;
        let mut found = self.empty(!sums);
        let mut infidelity = Vec::new();
        let mut times = section.times.iter().peekable();
        while let Some(&&t) = times.peek().filter(|t| ***t <= first) {
            exact.advance(t - at, &mut reference)?;
            at = t;
            for (values, o) in found.values.iter_mut().zip(exact.operators) {
                values.push(Estimate::exact(exact.mean(o, &reference)));
            }
            infidelity.push(0.0);
            times.next();
        }
        exact.advance(first - at, &mut reference)?;
        at = first;
        let mut theta = psi.layout().initial(stream.named("parameters"));
        let fitted =
            fit_state(psi, &mut theta, &all, &reference, 1e-11).map_err(RunError::Evolve)?;
        let mut bar = bar(options, section.times.len());
        bar.say(&format!(
            "the state at t = {first:.3} is fitted to an infidelity of {:.1e} in {} sweeps{}",
            fitted.loss,
            fitted.sweeps,
            if fitted.loss > POOR_FIT {
                "; a wider network would start closer"
            } else {
                ""
            }
        ));
        let mut engine: Box<dyn Evolve + '_> = match section.method {
            Some(EvolutionMethod::TengEuler | EvolutionMethod::TengHeun) => {
                let mut teng = Teng::new(model, psi, sampler("evolution"));
                if sums {
                    teng = teng.with_all(all.clone());
                } else {
                    (teng.fit.shift, teng.fit.least_shift) = (SAMPLED_SHIFT, SAMPLED_SHIFT);
                }
                if section.method == Some(EvolutionMethod::TengEuler) {
                    teng.tableau = Tableau::euler();
                }
                Box::new(teng)
            }
            _ => {
                let mut tdvp = Tdvp::new(model, psi, sampler("evolution"));
                if !sums {
                    tdvp.shift = SAMPLED_SHIFT;
                }
                tdvp.tableau = match section.integrator {
                    Some(Integrator::Euler) => Tableau::euler(),
                    Some(Integrator::Heun) => Tableau::heun(),
                    Some(Integrator::Rk4) => Tableau::rk4(),
                    // Noise of shots is no error of the integrator.
                    None if !sums => Tableau::heun(),
                    Some(Integrator::Rk45) | None => Tableau::rk45(),
                };
                Box::new(tdvp)
            }
        };
        let mut measured = sampler("observables");
        let longest = if states <= 300.0 { 0.01 } else { 0.02 };
        let dt = section.dt.unwrap_or(longest / rate.max(1.0));
        let mut residual: f64 = 0.0;
        let mut reached = first;
        for (i, &t) in times.enumerate() {
            while at < t * (1.0 - 1e-14) {
                // What vanished at t = 0 grows as a power of t: steps in proportion to it at first.
                let step = dt.min(0.25 * at);
                let n = ((t - at) / step - 1e-9).ceil().max(1.0);
                let step = (t - at) / n;
                let report = advance(&mut *engine, at, &mut theta, step)?;
                residual = residual.max(report.residual);
                at += step;
                if options.is_stopped() {
                    return Err(stopped(i));
                }
                bar.show(
                    i as u64,
                    &format!(
                        "t = {at:.3}  E {:.6}  residual {:.1e}",
                        report.energy, report.residual
                    ),
                );
            }
            at = t;
            let samples = measured.draw(psi, &theta)?;
            let now = Sampled::new(psi, &theta, &samples);
            for (values, o) in found.values.iter_mut().zip(exact.operators) {
                values.push(now.expectation::<Complex64>(o).map_err(measure)?.mean);
            }
            let now = now.expectation::<T>(model).map_err(measure)?.mean.mean;
            found.energy_drift = found
                .energy_drift
                .max((now - energy).abs() / spread.max(1e-300));
            if states <= TWIN_UP_TO {
                exact.advance(t - reached, &mut reference)?;
                reached = t;
                infidelity.push(overlap(psi, &theta, &all, &reference)?);
            }
        }
        bar.finish();
        found.residual = Some(residual);
        found.infidelity = (infidelity.len() == section.times.len()).then_some(infidelity);
        Ok(found)
    }

    fn empty(&self, is_sampled: bool) -> QuenchOutcome {
        QuenchOutcome {
            times: self.run.evolution.times.clone(),
            observables: self.observables.clone(),
            values: vec![Vec::new(); self.observables.len()],
            is_sampled,
            infidelity: None,
            energy_drift: 0.0,
            residual: None,
        }
    }
}

/// The exact side: matrix, basis and observables.
struct Exact<'a, T: Scalar> {
    h: SparseMatrix<T>,
    basis: Basis,
    operators: &'a [LocalSum<Complex64>],
}

impl<T: Scalar> Exact<'_, T>
where
    Complex64: From<T>,
{
    fn advance(&self, time: f64, psi: &mut [Complex64]) -> Result<(), RunError> {
        if time > 0.0 {
            evolve(&self.h, time, psi, &EvolveParams::default())?;
        }
        Ok(())
    }

    fn mean(&self, o: &LocalSum<Complex64>, psi: &[Complex64]) -> f64 {
        expectation(o, &self.basis, psi).re
    }

    /// Mean and standard deviation of the energy.
    fn energy(&self, psi: &[Complex64]) -> (f64, f64) {
        let mut image = vec![Complex64::ZERO; psi.len()];
        self.h.apply(psi, &mut image);
        let mean: f64 = psi.iter().zip(&image).map(|(a, b)| (a.conj() * b).re).sum();
        let square: f64 = image
            .iter()
            .zip(psi)
            .map(|(b, a)| (b - mean * a).norm_sqr())
            .sum();
        (mean, square.sqrt())
    }
}

/// One step; one that fails is halved, at most so many times.
fn advance(
    engine: &mut (dyn Evolve + '_),
    t: f64,
    theta: &mut [f64],
    dt: f64,
) -> Result<StepReport, RunError> {
    let (mut at, end, mut step) = (t, t + dt, dt);
    let mut worst = StepReport::default();
    while at < end - 1e-12 * dt {
        step = step.min(end - at);
        match engine.advance(at, theta, step) {
            Ok(report) => {
                worst.residual = worst.residual.max(report.residual);
                worst.energy = report.energy;
                worst.solves += report.solves;
                at += step;
            }
            Err(e) if step <= dt / f64::from(1 << HALVINGS) => return Err(RunError::Evolve(e)),
            Err(e) => {
                eprintln!("{e}; the step is halved");
                step *= 0.5;
            }
        }
    }
    Ok(worst)
}

/// $1 - |\langle\phi|\psi\rangle|^2$ over all configurations.
fn overlap(
    psi: &dyn Ansatz<Log = Complex64>,
    theta: &[f64],
    all: &FullSum,
    exact: &[Complex64],
) -> Result<f64, RunError> {
    let samples = all.clone().draw(psi, theta)?;
    let sum: Complex64 = samples
        .log_psi
        .iter()
        .zip(&samples.weight)
        .zip(exact)
        .map(|((l, w), e)| e.conj() * w.sqrt() * Complex64::from_polar(1.0, l.im))
        .sum();
    Ok((1.0 - sum.norm_sqr()).max(0.0))
}

fn of(run: &RunFile) -> Result<&HamiltonianSection, RunError> {
    run.hamiltonian.as_ref().ok_or_else(|| RunError::Value {
        key: "hamiltonian",
        reason: "the section is missing".into(),
    })
}

fn default_observables(section: &HamiltonianSection) -> Vec<Observable> {
    match section {
        HamiltonianSection::Rydberg(_) => vec![Observable::Density, Observable::MeanSx],
        HamiltonianSection::QuantumLink(_) => {
            vec![Observable::ParticleDensity, Observable::Flux]
        }
        HamiltonianSection::GoldenChain(_) => vec![Observable::Energy],
        _ => vec![Observable::MeanSz, Observable::MeanSx, Observable::MeanSy],
    }
}

fn bar(options: &RunOptions, steps: usize) -> Progress {
    match options.progress {
        true => Progress::new("evolution", steps as u64),
        false => Progress::hidden(),
    }
}

fn measure(source: MeasureError) -> RunError {
    RunError::Evolve(EvolveError::Measure { t: 0.0, source })
}

fn stopped(i: usize) -> RunError {
    RunError::Interrupted {
        steps: i as u64,
        energy: None,
        checkpoint: None,
    }
}

/// The observables against time, with error bars where they were sampled.
fn picture(found: &QuenchOutcome) -> Figure {
    let mut panel = Panel::new("time", "observable");
    for (o, values) in found.observables.iter().zip(&found.values) {
        let at = found.times.iter().zip(values);
        panel = match found.is_sampled {
            true => panel.points(o.name(), at.map(|(&t, e)| (t, e.mean, e.error))),
            false => panel.line(o.name(), at.map(|(&t, e)| (t, e.mean))),
        };
    }
    let figure = Figure::new("Evolution after a quench").panel(panel);
    let shown = found.infidelity.iter().flatten().filter(|&&x| x > 0.0);
    match (&found.infidelity, shown.count()) {
        (Some(infidelity), 1..) => {
            let points = found.times.iter().copied().zip(infidelity.iter().copied());
            figure.panel(
                Panel::new("time", "infidelity")
                    .scales(Scale::Linear, Scale::Log)
                    .line("with the exact state", points),
            )
        }
        _ => figure,
    }
}
