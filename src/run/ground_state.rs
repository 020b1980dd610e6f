//! A ground state from a run file: network, sampler and solver by name, log, checkpoint, picture.

use super::{EXACT_UP_TO, RunError, RunOptions, State, build_state};
use crate::exact::{LanczosParams, Memory, dimension, ground_state};
use crate::run_file::{Network, OptimizerMethod, RunFile, SamplerMethod, WavefunctionSection};
use crate::{
    Adam, Checkpoint, Diagnostics, Estimate, FullSum, GroundState, Independent, Manifest,
    Metropolis, MetropolisParams, MinSr, Progress, Recorder, Sampler, Schedule, Spring, Sr,
    Stopwatch, TangentSolver, VmcError, v_score,
};
use ketwork_hamiltonians::{AnyModel, Hamiltonian, Lattice, Model, OnSpace, Scalar};
use ketwork_models::{Differentiable, Stream};
use num_complex::Complex64;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Draws of the final measurement, each as large as a training batch: its error is a quarter.
const FINAL_DRAWS: u64 = 16;
/// Steps over which the learning rate rises.
const WARMUP: u64 = 20;
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
}

/// What a run found, in the fields of the JSON line.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Energy of fresh samples.
    pub energy: f64,
    /// Its standard error.
    pub energy_error: f64,
    /// $\langle |E_\mathrm{loc} - \bar E|^2\rangle$.
    pub variance: f64,
    /// See [`v_score`].
    pub v_score: f64,
    /// Energy over N.
    pub energy_per_site: f64,
    /// Exact ground-state energy, where it was computed.
    pub exact: Option<f64>,
    /// (energy - exact) / |exact|.
    pub relative_error: Option<f64>,
    /// Steps taken, those before a resumption included.
    pub steps: u64,
    /// Number of real parameters.
    pub n_params: usize,
    /// Median wall-clock seconds of a step, the first left out.
    pub seconds_per_step: f64,
    /// Median CPU seconds of a step, the first left out.
    pub cpu_seconds_per_step: f64,
    /// Markov chains: how well they mixed.
    pub diagnostics: Option<Diagnostics>,
    /// Whether the run was stopped from outside.
    #[serde(skip)]
    pub interrupted: bool,
    /// Energy with its error bar.
    #[serde(skip)]
    pub estimate: Estimate,
}

impl GroundStateRun {
    /// Builds the model and checks what can be checked before computing.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn new(run: RunFile) -> Result<Self, RunError> {
        let (lattice, model) = run.system()?;
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
        };
        this.check_memory()?;
        Ok(this)
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &AnyModel {
        &self.model
    }

    /// Trains, measures, and compares with the exact twin where that is affordable.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn run(&self, options: &RunOptions) -> Result<Outcome, RunError> {
        let section = self.section();
        match (
            &self.model,
            section.phase.unwrap_or(!self.model.is_stoquastic()),
        ) {
            (AnyModel::Real(m), false) => self.with::<f64, f64>(m, &section, options),
            (AnyModel::Real(m), true) => self.with::<f64, Complex64>(&signed(m), &section, options),
            (AnyModel::Complex(m), true) => {
                self.with::<Complex64, Complex64>(&signed(m), &section, options)
            }
            (AnyModel::Complex(_), false) => Err(RunError::Value {
                key: "wavefunction.phase",
                reason: "this Hamiltonian has complex elements; set phase = true".into(),
            }),
        }
    }

    fn section(&self) -> WavefunctionSection {
        self.run.wavefunction.clone()
    }

    fn with<T: Scalar, L: Scalar + From<T>>(
        &self,
        model: &Model<T>,
        section: &WavefunctionSection,
        options: &RunOptions,
    ) -> Result<Outcome, RunError> {
        let stream = Stream::new(self.run.seed);
        let sampler = self.run.sampling.sampler;
        match build_state::<L>(section, &self.lattice, model.sector())? {
            State::Ancestral(psi) => match sampler.unwrap_or(SamplerMethod::Ancestral) {
                SamplerMethod::Ancestral => {
                    let sampler = Independent::new(self.samples, stream.named("samples"));
                    self.train(model, &*psi, sampler, options)
                }
                SamplerMethod::Metropolis => {
                    let sampler = self.metropolis(model, stream)?;
                    self.train(model, &*psi, sampler, options)
                }
                SamplerMethod::FullSum => {
                    let sampler = FullSum::new(&**model.sector(), Memory::default())?;
                    self.train(model, &*psi, sampler, options)
                }
            },
            State::Reference(psi) => match sampler.unwrap_or(SamplerMethod::Metropolis) {
                SamplerMethod::Ancestral => Err(RunError::Value {
                    key: "sampling.sampler",
                    reason:
                        "this network has no exact sampling; use \"metropolis\" or \"full_sum\""
                            .into(),
                }),
                SamplerMethod::Metropolis => {
                    let sampler = self.metropolis(model, stream)?;
                    self.train(model, &*psi, sampler, options)
                }
                SamplerMethod::FullSum => {
                    let sampler = FullSum::new(&**model.sector(), Memory::default())?;
                    self.train(model, &*psi, sampler, options)
                }
            },
        }
    }
}

impl GroundStateRun {
    fn train<T, W, S>(
        &self,
        model: &Model<T>,
        psi: &W,
        sampler: S,
        options: &RunOptions,
    ) -> Result<Outcome, RunError>
    where
        T: Scalar,
        W: Differentiable + ?Sized,
        W::Log: From<T>,
        S: Sampler<W>,
    {
        let n_params = psi.layout().n_params();
        let theta = psi
            .layout()
            .initial(Stream::new(self.run.seed).named("parameters"));
        let rows = self.samples * W::Log::COMPONENTS as u64;
        let solver = self.solver(rows, n_params);
        let mut vmc = GroundState::new(model, psi, sampler, theta).with_solver(solver);
        vmc.learning_rate = self.learning_rate();
        vmc.shift = Some(self.shift());
        let mut files = self.open(options)?;
        if let Some(saved) = files.as_ref().and_then(|f| f.resumed.as_ref()) {
            vmc.theta = saved.parameters(psi.layout())?;
            vmc.step = saved.counter("step")?;
            vmc.solver.load(saved.array("solver")?);
            let sampler: Vec<u64> = saved
                .array("sampler")?
                .iter()
                .map(|v| v.to_bits())
                .collect();
            vmc.sampler.load(&sampler)?;
        }
        let mut bar = if options.progress {
            Progress::new("ground state", self.steps)
        } else {
            Progress::hidden()
        };
        let mut costs = Vec::new();
        let mut saved_at = Instant::now();
        let mut interrupted = false;
        while vmc.step < self.steps {
            interrupted = options
                .stop
                .is_some_and(|stop| stop.load(Ordering::Relaxed));
            if interrupted {
                break;
            }
            let clock = Stopwatch::start();
            let report = self.checked(vmc.next(), files.as_ref())?;
            costs.push(clock.elapsed());
            bar.update(
                vmc.step,
                report.energy.mean,
                report.energy.error,
                report.variance,
            );
            if let Some(files) = &mut files {
                files.log.write(vmc.step, &report, &report.timings)?;
                if saved_at.elapsed() > CHECKPOINT_EVERY {
                    files.save(&vmc)?;
                    saved_at = Instant::now();
                }
            }
        }
        bar.finish();
        if let Some(files) = &mut files {
            files.save(&vmc)?;
        }
        let (estimate, variance) = self.checked(Some(measure(&mut vmc)), files.as_ref())?;
        let exact = if interrupted {
            None
        } else {
            self.exact(model, options)?
        };
        if let Some(files) = &files {
            // A picture that fails loses no result.
            if let Err(e) = files.draw(estimate, exact) {
                bar.say(&e.to_string());
            }
        }
        costs.drain(..costs.len().min(1));
        let n = model.space().n_sites;
        let energy = estimate.mean;
        Ok(Outcome {
            energy,
            energy_error: estimate.error,
            variance,
            v_score: v_score(n, energy, variance, model.terms().mean_diagonal()),
            energy_per_site: energy / n as f64,
            exact,
            relative_error: exact.map(|e| (energy - e) / e.abs()),
            steps: vmc.step,
            n_params,
            seconds_per_step: median(costs.iter().map(|c| c.seconds)),
            cpu_seconds_per_step: median(costs.iter().map(|c| c.cpu_seconds)),
            diagnostics: vmc.sampler.diagnostics(),
            interrupted,
            estimate,
        })
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
            checkpoint: files.map(|f| f.checkpoint.clone()).filter(|p| p.exists()),
        })
    }

    fn learning_rate(&self) -> Schedule {
        let peak = self
            .run
            .optimizer
            .learning_rate
            .unwrap_or(match self.method() {
                OptimizerMethod::Adam => 5e-3,
                _ => 0.1,
            });
        // Functions of the step alone: a run prolonged by --resume equals one that was never stopped.
        Schedule::Power {
            from: peak,
            floor: 0.02 * peak,
            knee: 100.0,
            power: 1.0,
            warmup: WARMUP,
        }
    }

    fn shift(&self) -> Schedule {
        match self.run.optimizer.shift {
            Some(shift) => Schedule::Constant(shift),
            None => Schedule::Power {
                from: 1e-2,
                floor: 1e-5,
                knee: 50.0,
                power: 2.0,
                warmup: 0,
            },
        }
    }

    fn method(&self) -> OptimizerMethod {
        self.run.optimizer.method.unwrap_or(OptimizerMethod::Spring)
    }

    fn solver(&self, rows: u64, n_params: usize) -> Box<dyn TangentSolver> {
        // The schedule sets the shift before each solve.
        match self.method() {
            // The same step from the smaller of the two systems.
            OptimizerMethod::Minsr | OptimizerMethod::Sr if (n_params as u64) < rows => {
                Box::new(Sr::default())
            }
            OptimizerMethod::Minsr | OptimizerMethod::Sr => Box::new(MinSr::default()),
            OptimizerMethod::Spring => Box::new(Spring::new(1e-3, 0.9)),
            OptimizerMethod::Adam => Box::new(Adam::default()),
        }
    }

    fn metropolis<T: Scalar>(
        &self,
        model: &Model<T>,
        stream: Stream,
    ) -> Result<Metropolis, RunError> {
        let pairs = self.lattice.edges().to_vec();
        // In a sector where no single change is legal only exchanges move.
        let single = super::network::has_single_changes(&**model.sector());
        let params = MetropolisParams {
            samples: self.samples as usize,
            exchange: if single { 0.0 } else { 1.0 },
            pairs,
            ..MetropolisParams::default()
        };
        Ok(Metropolis::new(model.sector().clone(), params, stream)?)
    }

    fn exact<T: Scalar>(
        &self,
        model: &Model<T>,
        options: &RunOptions,
    ) -> Result<Option<f64>, RunError> {
        if !options.exact && model.space().dimension() > EXACT_UP_TO {
            // A sector whose automaton is too large to count is too large to diagonalise.
            let small = dimension(&**model.sector()).is_ok_and(|d| d <= EXACT_UP_TO);
            if !small {
                return Ok(None);
            }
        }
        Ok(ground_state(model, &LanczosParams::default())?
            .energies
            .first()
            .copied())
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
        let gib = |bytes: f64| bytes / f64::from(1 << 30);
        Err(RunError::Value {
            key: "sampling.samples",
            reason: format!(
                "{} samples need {:.1} GiB, {:.1} GiB are available; ask for fewer",
                self.samples,
                gib(needed),
                gib(available)
            ),
        })
    }

    fn open(&self, options: &RunOptions) -> Result<Option<Files>, RunError> {
        let Some(out) = &options.out else {
            return Ok(None);
        };
        let at = |source| RunError::Out {
            path: out.clone(),
            source,
        };
        std::fs::create_dir_all(out).map_err(at)?;
        let checkpoint = out.join("checkpoint.safetensors");
        let fingerprint = self.run.fingerprint();
        let resumed = match (checkpoint.exists(), options.resume) {
            (true, true) => Some(Checkpoint::load(&checkpoint, &fingerprint)?),
            (false, true) => {
                return Err(RunError::Value {
                    key: "--resume",
                    reason: format!(
                        "there is no checkpoint in {}; start without it",
                        out.display()
                    ),
                });
            }
            (true, false) => {
                return Err(RunError::Value {
                    key: "--out",
                    reason: format!(
                        "{} holds a checkpoint; continue it with --resume, or name another directory",
                        out.display()
                    ),
                });
            }
            (false, false) => None,
        };
        let manifest = Manifest {
            program: "ground_state".to_owned(),
            seed: self.run.seed,
            threads: rayon::current_num_threads(),
            run: self.run.resolved(),
        };
        let path = out.join("log.jsonl");
        let log = match &resumed {
            Some(saved) => Recorder::resume(&path, &manifest, saved.counter("step")?)?,
            None => Recorder::create(&path, &manifest)?,
        };
        let picture = out.join("energy.png");
        let title = self.title();
        Ok(Some(Files {
            checkpoint,
            fingerprint,
            log,
            picture,
            title,
            resumed,
        }))
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

/// The model in the basis where most off-diagonal elements are negative: a network whose phases
/// start near 0 then starts near the right signs. A positive state is an excited state of an
/// antiferromagnet, from which training collapses onto configurations that cannot move.
fn signed<T: Scalar>(model: &Model<T>) -> Model<T> {
    let marks = model.terms().sign_gauge();
    if marks.contains(&true) {
        model.rotated_by_z(&marks)
    } else {
        model.clone()
    }
}

/// What a run writes.
struct Files {
    checkpoint: PathBuf,
    fingerprint: String,
    log: Recorder,
    picture: PathBuf,
    title: String,
    resumed: Option<Checkpoint>,
}

impl Files {
    fn save<H, W, S>(
        &self,
        vmc: &GroundState<'_, H, W, S, Box<dyn TangentSolver>>,
    ) -> Result<(), RunError>
    where
        H: Hamiltonian,
        W: Differentiable + ?Sized,
        S: Sampler<W>,
    {
        let sampler: Vec<f64> = vmc.sampler.save().into_iter().map(f64::from_bits).collect();
        let mut checkpoint = Checkpoint::new(self.fingerprint.clone());
        checkpoint
            .set_parameters(vmc.psi.layout(), &vmc.theta)
            .set_array("solver", &vmc.solver.save())
            .set_array("sampler", &sampler)
            .set_counter("step", vmc.step);
        Ok(checkpoint.save(&self.checkpoint)?)
    }

    /// The energy curve of the whole log, earlier sessions included.
    fn draw(&self, last: Estimate, exact: Option<f64>) -> Result<(), RunError> {
        let points = energies(self.log.path())?;
        if points.is_empty() {
            return Ok(());
        }
        let title = format!("{}: E = {last}", self.title);
        Ok(crate::Figure::of_energy(&title, &points, exact).write(&self.picture)?)
    }
}

/// (step, energy, error) of a log.
fn energies(log: &Path) -> Result<Vec<(f64, f64, f64)>, RunError> {
    let at = |source| RunError::Out {
        path: log.to_owned(),
        source,
    };
    let text = std::fs::read_to_string(log).map_err(at)?;
    let line = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        let energy = &line["energy"];
        Some((
            line["step"].as_f64()?,
            energy["mean"].as_f64()?,
            energy["error"].as_f64()?,
        ))
    };
    Ok(text.lines().filter_map(line).collect())
}

/// Joins fresh draws, so that memory stays that of one training batch.
fn measure<H, W, S, V>(vmc: &mut GroundState<'_, H, W, S, V>) -> Result<(Estimate, f64), VmcError>
where
    H: Hamiltonian,
    W: Differentiable + ?Sized,
    W::Log: From<H::Elem>,
    S: Sampler<W>,
    V: TangentSolver,
{
    let (first, variance) = vmc.measure()?;
    if first.error == 0.0 {
        return Ok((first, variance));
    }
    let mut all = vec![(first, variance)];
    for _ in 1..FINAL_DRAWS {
        all.push(vmc.measure()?);
    }
    let count = all.len() as f64;
    let mean = all.iter().map(|(e, _)| e.mean).sum::<f64>() / count;
    let error = all.iter().map(|(e, _)| e.error.powi(2)).sum::<f64>().sqrt() / count;
    let within = all.iter().map(|(_, v)| v).sum::<f64>() / count;
    let between = all
        .iter()
        .map(|(e, _)| (e.mean - mean).powi(2))
        .sum::<f64>()
        / count;
    let tau = all.iter().map(|(e, _)| e.tau).sum::<f64>() / count;
    let n = all.iter().map(|(e, _)| e.n).sum();
    Ok((
        Estimate {
            mean,
            error,
            tau,
            n,
        },
        within + between,
    ))
}

fn default_samples(n_sites: usize) -> u64 {
    if n_sites <= 8 { 512 } else { 1024 }
}

fn default_steps(n_sites: usize) -> u64 {
    if n_sites <= 16 { 300 } else { 400 }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    if sorted.is_empty() {
        return 0.0;
    }
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[half]
    } else {
        0.5 * (sorted[half - 1] + sorted[half])
    }
}
