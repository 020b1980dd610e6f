//! A ground state from a run file: network, sampler and solver by name, log, checkpoint, picture.

mod choices;
mod files;
mod outcome;
mod plan;
pub(super) use plan::broad_for;
#[cfg(test)]
mod tests;

pub use outcome::Outcome;

use super::network::{BOND, build_started};
use super::{EXACT_UP_TO, RunError, RunOptions, State, start, symmetry, symmetry::Checked};
use crate::exact::{LanczosParams, Memory, check_lowest, dimension, gib, ground_state};
use crate::run_file::{Network, OptimizerMethod, RunFile, SamplerMethod, Start};
use crate::{
    Diagnostics, Estimate, FullSum, GroundState, Independent, Joined, Progress, Sampler, Stopwatch,
    VmcError,
};
use choices::{MAX_CHANGE, SIGNED_TILT, default_samples, default_steps, signed};
use files::Files;
use ketwork_dmrg::Element;
use ketwork_hamiltonians::{AnyModel, Hamiltonian, Lattice, Model, OnSpace, Scalar};
use ketwork_models::{Differentiable, Named, Relabelling, Stream};
use num_complex::Complex64;
use outcome::cost_of_a_step;
use plan::Plan;
use serde_json::json;
use std::time::{Duration, Instant};

/// Draws of the final measurement, each as large as a training batch: its error is a quarter.
const FINAL_DRAWS: u64 = 16;
/// Standard deviations of the local energy above which a state is no approximation of another.
const FAR: f64 = 1.0;
/// R-hat above which chains disagree (A. Vehtari et al., Bayesian Analysis 16, 667 (2021) ask for
/// 1.01; a step of training bears more).
const DISAGREE: f64 = 1.05;
/// Wall-clock time between checkpoints.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(20);

/// A ground-state run, checked and ready.
#[derive(Debug)]
pub struct GroundStateRun {
    run: RunFile,
    lattice: Lattice,
    model: AnyModel,
    samples: u64,
    steps: u64,
    /// Conserved parities that were fixed at their values in the ground state.
    fixed: usize,
}

impl GroundStateRun {
    /// Builds the model and checks what can be checked before computing.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn new(run: RunFile) -> Result<Self, RunError> {
        let (lattice, mut model) = run.system()?;
        let mut fixed = 0;
        // A symmetry may lead from one block to another.
        if let (AnyModel::Real(all), []) = (&model, &*run.wavefunction.symmetry)
            && let Some((block, count)) = all.lowest_parity_block()
        {
            (model, fixed) = (AnyModel::Real(block), count);
        }
        let n = model.space().n_sites;
        let samples = run
            .sampling
            .samples
            .map_or(default_samples(n), |s| s as u64);
        let steps = run.optimizer.steps.map_or(default_steps(n), |s| s as u64);
        let this = Self {
            run,
            lattice,
            model,
            samples,
            steps,
            fixed,
        };
        this.check_memory()?;
        let optimizer = &this.run.optimizer;
        if optimizer.method == Some(OptimizerMethod::Adam) && optimizer.shift.is_some() {
            return Err(RunError::Value {
                key: "optimizer.shift",
                reason: "Adam solves no linear system; drop the key".into(),
            });
        }
        Ok(this)
    }

    /// The model, in the block of its conserved parities that is known to hold the ground state.
    #[must_use]
    pub fn model(&self) -> &AnyModel {
        &self.model
    }

    /// Trains, measures, and compares with the exact twin where that is affordable.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn run(&self, options: &RunOptions) -> Result<Outcome, RunError> {
        let found = self.dispatch(Some(options))?;
        Ok(found.expect("a run that was not only checked has an outcome"))
    }

    /// Builds network, sampler and solver, and trains nothing: all that is refused before the first
    /// step is refused here.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn check(&self) -> Result<(), RunError> {
        self.dispatch(None).map(drop)
    }

    fn dispatch(&self, options: Option<&RunOptions>) -> Result<Option<Outcome>, RunError> {
        let wavefunction = &self.run.wavefunction;
        let (phase, symmetries) = (wavefunction.phase, &wavefunction.symmetry);
        match (&self.model, phase.unwrap_or(!self.model.is_stoquastic())) {
            (AnyModel::Real(m), false) => self.with::<f64, f64>(m, options),
            (AnyModel::Real(m), true) => {
                self.with::<f64, Complex64>(&signed(m, symmetries, &self.lattice), options)
            }
            (AnyModel::Complex(m), true) => {
                self.with::<Complex64, Complex64>(&signed(m, symmetries, &self.lattice), options)
            }
            (AnyModel::Complex(_), false) => Err(RunError::Value {
                key: "wavefunction.phase",
                reason: "this Hamiltonian has complex elements; set phase = true".into(),
            }),
        }
    }

    fn with<T: Element, L: Named + From<T>>(
        &self,
        model: &Model<T>,
        options: Option<&RunOptions>,
    ) -> Result<Option<Outcome>, RunError> {
        let stream = Stream::new(self.run.seed);
        let wavefunction = &self.run.wavefunction;
        // Only a network with tensors has the key; others are refused below.
        let has_tensors = matches!(wavefunction.network, Some(Network::Mps | Network::Antn));
        let bond = wavefunction.bond.unwrap_or(BOND);
        let dmrg = match has_tensors && bond > 0 {
            true => start::prepare(wavefunction, model, bond, self.run.seed)?,
            false => None,
        };
        let start = match (dmrg, options) {
            (Some(dmrg), Some(options)) => Some(start::find(dmrg, options)?),
            _ => None,
        };
        let energy = start.as_ref().map(|s| s.energy);
        let sector = model.sector();
        let state = build_started::<L>(wavefunction, &self.lattice, sector, start.as_ref())?;
        if options.is_none()
            && wavefunction.init == Some(Start::Dmrg)
            && bond >= start::CHARGED_FROM
        {
            // How many parameters there are, and which solver they allow, is known after DMRG.
            return Ok(None);
        }
        let found = self.trained(model, state, stream, options)?;
        Ok(found.map(|outcome| Outcome {
            dmrg_energy: energy,
            ..outcome
        }))
    }

    /// Chooses the sampler and trains.
    fn trained<T: Scalar, L: Named + From<T>>(
        &self,
        model: &Model<T>,
        state: State<L>,
        stream: Stream,
        options: Option<&RunOptions>,
    ) -> Result<Option<Outcome>, RunError> {
        let wavefunction = &self.run.wavefunction;
        let symmetries = &wavefunction.symmetry;
        let check = |checked| symmetry::check(model, symmetries, &self.lattice, checked);
        check(Checked::Some)?;
        let n_sites = model.space().n_sites;
        let generators: Vec<Relabelling> = symmetries
            .iter()
            .flat_map(|&s| symmetry::generators(s, &self.lattice, n_sites))
            .collect();
        let group = Relabelling::group(n_sites, &generators)?;
        match (state, self.run.sampling.sampler) {
            (State::Ancestral(psi), chosen @ (None | Some(SamplerMethod::Ancestral))) => {
                let shots = Independent::new(self.samples, stream.named("samples"));
                let small = match chosen {
                    None => FullSum::of_few_orbits(&**model.sector(), &group, self.samples)?,
                    Some(_) => None,
                };
                if small.is_some() {
                    check(Checked::All)?;
                }
                let broad = self.broad(&*psi, stream.named("broad samples"));
                let plan = match (small, broad) {
                    (Some(all), _) => Plan::sums(all).measured_by(shots),
                    (None, Some(broad)) => {
                        Plan::draws("broad shots", broad, self.samples).measured_by(shots)
                    }
                    (None, None) => Plan::draws("shots", shots, self.samples),
                };
                self.train(model, &*psi, plan, options)
            }
            (State::Reference(_), Some(SamplerMethod::Ancestral)) => Err(RunError::Value {
                key: "sampling.sampler",
                reason: "this network has no exact sampling; use \"metropolis\" or \"full_sum\""
                    .into(),
            }),
            (state, Some(SamplerMethod::FullSum)) => {
                let all = FullSum::of_orbits(&**model.sector(), &group, Memory::default())?;
                check(Checked::All)?;
                self.train(model, state.differentiable(), Plan::sums(all), options)
            }
            (state, None | Some(SamplerMethod::Metropolis)) => {
                let chains = self.metropolis(model, stream)?;
                let plan = Plan::draws("chains", chains, self.samples);
                self.train(model, state.differentiable(), plan, options)
            }
        }
    }
}

impl GroundStateRun {
    /// Trains with one sampler and measures with another, where one is given.
    fn train<T, W>(
        &self,
        model: &Model<T>,
        psi: &W,
        plan: Plan<W>,
        options: Option<&RunOptions>,
    ) -> Result<Option<Outcome>, RunError>
    where
        T: Scalar,
        W: Differentiable + ?Sized,
        W::Log: From<T>,
    {
        let n_params = psi.layout().n_params();
        check_parameters(n_params)?;
        let is_signed_sum = plan.is_sum && W::Log::COMPONENTS == 2;
        let rows = plan.rows * W::Log::COMPONENTS as u64;
        let (method, solver) = self.solver(rows, n_params, is_signed_sum)?;
        let Some(options) = options else {
            return Ok(None);
        };
        let has_twin = self.has_twin(model, options)?;
        let theta = psi
            .layout()
            .initial(Stream::new(self.run.seed).named("parameters"));
        let mut vmc = GroundState::new(model, psi, plan.sampler, theta).with_solver(solver);
        vmc.memory = self.memory();
        vmc.learning_rate = self.learning_rate();
        vmc.shift = Some(self.shift(is_signed_sum));
        if self.is_tilted(W::Log::COMPONENTS == 2) {
            vmc.max_change = MAX_CHANGE;
            vmc.tilt = SIGNED_TILT;
        }
        let chosen = json!({
            "sampler": plan.name,
            "rows": plan.rows,
            "solver": method,
            "learning_rate": vmc.learning_rate,
            "shift": vmc.shift,
            "max_distance": vmc.max_distance,
            "tilt": vmc.tilt,
            "max_change": vmc.max_change,
            "memory": vmc.memory,
        });
        let mut files = Files::open(self, options, chosen)?;
        if let Some(files) = &files {
            files.restore(&mut vmc)?;
        }
        let mut bar = if options.progress {
            Progress::new("ground state", self.steps)
        } else {
            Progress::hidden()
        };
        if plan.measure.is_some() && plan.is_sum {
            bar.say(&format!(
                "sampling.sampler: steps sum over all configurations ({} up to symmetry), the final energy is one \
                 of shots",
                plan.rows
            ));
        }
        if self.fixed > 0 {
            bar.say(&format!(
                "{} conserved parities (windings, plaquettes) are fixed at their values in the ground state",
                self.fixed
            ));
        }
        let stoquastic = model.terms().is_stoquastic();
        for doubt in self.doubts(stoquastic, W::Log::COMPONENTS == 2) {
            bar.say(doubt);
        }
        let (mut costs, mut last) = (Vec::new(), None);
        let mut saved_at = Instant::now();
        while vmc.step < self.steps && !options.is_stopped() {
            let clock = Stopwatch::start();
            let report = self.checked(vmc.next(), files.as_ref())?;
            costs.push(clock.elapsed());
            let energy = report.energy;
            bar.update(vmc.step, energy.mean, energy.error, report.variance);
            last = Some(energy);
            if let Some(files) = &mut files {
                files.log.write(vmc.step, &report, &report.timings)?;
                if saved_at.elapsed() > CHECKPOINT_EVERY {
                    files.save(&vmc)?;
                    saved_at = Instant::now();
                }
            }
        }
        bar.finish();
        if let Some(files) = &files {
            files.save(&vmc)?;
        }
        if let Some(shots) = plan.measure {
            vmc.sampler = shots;
        }
        // Each draw is as large as a training batch, and so is the memory.
        let mut fresh = Joined::default();
        for _ in 0..FINAL_DRAWS {
            if options.is_stopped() {
                return Err(self.interrupted(vmc.step, last, files.as_ref()));
            }
            self.checked(Some(vmc.measure_into(&mut fresh)), files.as_ref())?;
            if fresh.is_exact() {
                break;
            }
        }
        let (estimate, variance) = (fresh.estimate(), fresh.variance());
        // What was found is kept where its twin fails at last.
        let exact = if has_twin {
            match ground_state(model, &LanczosParams::default()) {
                Ok(levels) => levels.energies.first().copied(),
                Err(e) => {
                    bar.say(&format!("exact: {e}"));
                    None
                }
            }
        } else {
            None
        };
        if let Some(files) = &files {
            // Neither a picture nor a copy that fails loses a result.
            if let Err(e) = files.draw(estimate, exact) {
                bar.say(&e.to_string());
            }
            if let Err(e) = files.exchange() {
                bar.say(&e.to_string());
            }
        }
        let is_symmetric = !self.run.wavefunction.symmetry.is_empty();
        let of_symmetry = exact
            .filter(|_| is_symmetric && !stoquastic)
            .and_then(|exact| doubt_of_symmetry(estimate, variance, exact));
        let of_chains = doubt_of_chains(fresh.r_hat());
        for doubt in of_symmetry.into_iter().chain(of_chains) {
            bar.say(&doubt);
        }
        let (seconds_per_step, cpu_seconds_per_step) = cost_of_a_step(&costs);
        let n = model.space().n_sites;
        let energy = estimate.mean;
        Ok(Some(Outcome {
            energy,
            energy_error: estimate.error,
            variance,
            v_score: vmc.v_score(energy, variance),
            energy_per_site: energy / n as f64,
            exact,
            // An exact energy of 0 has no relative error.
            relative_error: exact
                .map(|e| (energy - e) / e.abs())
                .filter(|r| r.is_finite()),
            dmrg_energy: None,
            steps: vmc.step,
            n_params,
            seconds_per_step,
            cpu_seconds_per_step,
            diagnostics: vmc.sampler.diagnostics().map(|d| Diagnostics {
                r_hat: fresh.r_hat(),
                tau: estimate.tau,
                ..d
            }),
            estimate,
        }))
    }

    /// What may be wrong with a run that can be done all the same.
    fn doubts(&self, stoquastic: bool, has_phase: bool) -> Vec<&'static str> {
        let run = &self.run;
        let mut doubts = Vec::new();
        if !stoquastic && !run.wavefunction.symmetry.is_empty() {
            doubts.push(
                "wavefunction.symmetry: the state takes the same value on a whole orbit, but this Hamiltonian has \
                 off-diagonal elements of both signs and its ground state may change sign there; compare with a run \
                 without symmetry",
            );
        }
        if run.wavefunction.init == Some(Start::Dmrg) && !run.wavefunction.symmetry.is_empty() {
            doubts.push(
                "wavefunction.init: training starts at DMRG's state made symmetric, whose energy is another than \
                 dmrg_energy",
            );
        }
        if !stoquastic && !has_phase {
            doubts.push(
                "wavefunction.phase: a positive state cannot take the signs that this Hamiltonian's positive \
                 off-diagonal elements ask for; its energy stays above the exact one unless phase = true",
            );
        }
        let full_sum = run.sampling.sampler == Some(SamplerMethod::FullSum);
        if full_sum && run.sampling.samples.is_some() {
            doubts.push(
                "sampling.samples: a full sum takes every configuration; the number is not used",
            );
        }
        doubts
    }

    /// The end of a stopped run, whose checkpoint is written: nothing more is computed.
    fn interrupted(&self, steps: u64, last: Option<Estimate>, files: Option<&Files>) -> RunError {
        if let (Some(files), Some(energy)) = (files, last) {
            // The checkpoint is what counts; the picture is drawn again after --resume.
            let _ = files.draw(energy, None);
        }
        RunError::Interrupted {
            steps,
            energy: last,
            checkpoint: files.map(|f| f.checkpoint().to_owned()),
        }
    }

    /// Names the last checkpoint in the error of a step.
    fn checked<R>(
        &self,
        step: Option<Result<R, VmcError>>,
        files: Option<&Files>,
    ) -> Result<R, RunError> {
        let step = step.expect("the iterator ends only after an error, which ends the run");
        step.map_err(|source| RunError::Step {
            source,
            checkpoint: files
                .map(|f| f.checkpoint().to_owned())
                .filter(|p| p.exists()),
        })
    }

    /// Whether the exact twin follows; asked before the first step, so that a twin which was asked
    /// for and does not fit is refused while there is nothing to lose.
    fn has_twin<T: Scalar>(
        &self,
        model: &Model<T>,
        options: &RunOptions,
    ) -> Result<bool, RunError> {
        let fits = || check_lowest(model, 1, &LanczosParams::default());
        if options.exact {
            return Ok(fits().map(|_| true)?);
        }
        // A sector whose automaton is too large to count is too large to diagonalise.
        let small = model.space().dimension() <= EXACT_UP_TO
            || dimension(&**model.sector()).is_ok_and(|d| d <= EXACT_UP_TO);
        Ok(small && fits().is_ok())
    }

    /// Refuses batches that cannot fit, before anything is computed.
    fn check_memory(&self) -> Result<(), RunError> {
        let n = self.model.space().n_sites as f64;
        // A row of configurations, amplitudes, weights and shot numbers; a few copies while sampling.
        let needed = self.samples as f64 * (4.0 * n + 128.0);
        let available = Memory::default().available();
        if needed <= available {
            return Ok(());
        }
        Err(RunError::Value {
            key: "sampling.samples",
            reason: format!(
                "{} samples need {}, {} are available; ask for fewer",
                self.samples,
                gib(needed),
                gib(available)
            ),
        })
    }

    fn title(&self) -> String {
        let model = self.run.hamiltonian.as_ref().map_or("", |h| h.model());
        let network = format!(
            "{:?}",
            self.run
                .wavefunction
                .network
                .unwrap_or(Network::Transformer)
        );
        format!(
            "{model}, {} sites, {}",
            self.lattice.n_sites(),
            network.to_lowercase()
        )
    }
}

/// What is said of a symmetric state that ends in the wrong representation.
fn doubt_of_symmetry(energy: Estimate, variance: f64, exact: f64) -> Option<String> {
    let resolved = FAR * (variance + energy.error.powi(2)).sqrt();
    (energy.mean - exact > resolved).then(|| {
        format!(
            "wavefunction.symmetry: the ground state lies at {exact:.8}, far below for a variance of {variance:.1e}; \
             it may not be in the trivial representation: run without symmetry"
        )
    })
}

/// What is said of chains that disagree.
fn doubt_of_chains(r_hat: Option<f64>) -> Option<String> {
    let r_hat = r_hat.filter(|&r| r > DISAGREE)?;
    Some(format!(
        "sampling: the chains disagree (R-hat {r_hat:.2}, above {DISAGREE}), so the error bar is too small; draw more \
         samples, or use a network with \"ancestral\" sampling"
    ))
}

/// Refuses a network whose parameters alone would fill the memory.
fn check_parameters(n_params: usize) -> Result<(), RunError> {
    // Parameters, step, force, and what the solver keeps of them.
    let (needed, available) = (32.0 * n_params as f64, Memory::default().available());
    if needed <= available {
        return Ok(());
    }
    Err(RunError::Value {
        key: "wavefunction.width",
        reason: format!(
            "{n_params} parameters do not fit into the memory; choose a smaller network"
        ),
    })
}
