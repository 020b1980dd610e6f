//! What all examples share: flags, run file, threads, output directory, Ctrl-C, the JSON line and
//! exit codes. An example is a [`Story`] and a function from a [`Session`] to its [`Line`].

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "each example uses a part of this module"
)]

mod diffuse;
mod failure;
mod line;
mod taught;
mod train;

pub use diffuse::{asked, complete, diffuse, passes};
pub use failure::Failure;
pub use line::{Field, Line};
pub use taught::Pupil;
pub use train::{Plan, State, Trained, carried, train, train_network};

use clap::Parser;
use ketwork::hamiltonians::{Lattice, LocalSum};
use ketwork::run_file::Observable;
use ketwork::{Figure, Manifest, Progress, Recorder, RunFile, Stopwatch, peak_memory_mb};
use num_complex::Complex64;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

/// Name of the checkpoint inside the output directory.
pub const CHECKPOINT: &str = "checkpoint.safetensors";

/// An example: its name, the run file of its own story, and what it understands.
#[derive(Clone, Copy, Debug)]
pub struct Story {
    /// Name of the example.
    pub name: &'static str,
    /// The run file that is used where none is named.
    pub toml: &'static str,
    /// What it understands beside the common flags.
    pub takes: &'static [Takes],
}

/// What only some examples understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A run file of the user.
    RunFile,
    /// `--levels`.
    Levels,
    /// `--beta`.
    Beta,
    /// `--resume`.
    Resume,
    /// `--exact`.
    Exact,
    /// `--data`.
    Data,
    /// `--device`.
    Device,
    /// A ladder in `[monte_carlo]`; a story of Monte Carlo that does not take one refuses it.
    Tempering,
}

#[derive(Debug, Parser)]
#[command(version = ketwork::VERSION, about = "An example of ketwork; the book tells its story")]
struct Flags {
    /// A run file (TOML); without one the example tells its own story
    path: Option<PathBuf>,
    /// Print one JSON object as the last line of standard output
    #[arg(long)]
    json: bool,
    /// Lower steps, samples and sweeps to end within seconds
    #[arg(long)]
    quick: bool,
    /// Write log, checkpoint and plot into this directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Continue from the checkpoint in --out
    #[arg(long, requires = "out")]
    resume: bool,
    /// Seed of all random numbers
    #[arg(long)]
    seed: Option<u64>,
    /// Number of threads [default: all processors]
    #[arg(long)]
    threads: Option<usize>,
    /// Number of optimisation steps
    #[arg(long)]
    steps: Option<usize>,
    /// Number of samples for each step
    #[arg(long)]
    samples: Option<usize>,
    /// Number of lowest levels
    #[arg(long)]
    levels: Option<usize>,
    /// Inverse temperatures, separated by commas
    #[arg(long, value_delimiter = ',')]
    beta: Vec<f64>,
    /// Compute the exact twin at any size that fits into memory
    #[arg(long)]
    exact: bool,
    /// Read configurations from this file (.npz, or text with one a line)
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Compute the network there: flex (the processor), or wgpu, vulkan, cuda where built with that feature
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
}

/// One call of an example: the run as resolved and the flags.
#[derive(Debug)]
pub struct Session {
    /// The run file with flags applied, lowered by `--quick`.
    pub run: RunFile,
    /// The same before `--quick`: what must be in order as written.
    pub written: RunFile,
    /// Whether the user named a run file.
    pub is_users: bool,
    /// `--quick`.
    pub quick: bool,
    /// `--resume`.
    pub resume: bool,
    /// `--levels`.
    pub levels: Option<usize>,
    /// `--beta`.
    pub beta: Vec<f64>,
    /// `--exact`.
    pub exact: bool,
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--device`.
    pub device: Option<String>,
    /// Number of threads in use.
    pub threads: usize,
    name: &'static str,
    json: bool,
    out: Option<PathBuf>,
}

/// Runs an example from flags to exit code.
pub fn main(story: Story, tell: fn(&Session) -> Result<Line, Failure>) -> ExitCode {
    let watch = Stopwatch::start();
    let flags = match Flags::try_parse() {
        Ok(flags) => flags,
        Err(e) if !e.use_stderr() => {
            // Help and version; a closed pipe is no failure.
            let _ = e.print();
            return ExitCode::SUCCESS;
        }
        Err(e) => return Failure::input(flag_reason(&e)).report(story.name),
    };
    let file = flags.path.clone();
    let told = Session::new(story, flags).and_then(|session| {
        let line =
            tell(&session).map_err(|failure| match story.takes.contains(&Takes::Resume) {
                true => failure.of(file.as_deref()),
                false => failure.unkept().of(file.as_deref()),
            })?;
        session.print(line, &watch)
    });
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(story.name),
    }
}

impl Session {
    fn new(story: Story, flags: Flags) -> Result<Self, Failure> {
        refuse_foreign(story, &flags)?;
        let own: RunFile = story.toml.parse()?;
        let needs_system = own.hamiltonian.is_some();
        let mut run = match &flags.path {
            Some(path) => RunFile::load(path).map_err(|e| at(path, e))?,
            None => own.clone(),
        };
        // As written, before flags and --quick change anything.
        if needs_system || run.hamiltonian.is_some() {
            let named = |e| match &flags.path {
                Some(path) => at(path, e),
                None => Failure::from(e),
            };
            run.system().map_err(named)?;
        }
        run.seed = flags.seed.unwrap_or(run.seed);
        run.optimizer.steps = flags.steps.or(run.optimizer.steps);
        run.sampling.samples = flags.samples.or(run.sampling.samples);
        run.validate()?;
        refuse_ladder(story, &own, &run)?;
        let written = run.clone();
        if flags.quick {
            run.lower();
        }
        let threads = start_threads(flags.threads)?;
        if let Some(dir) = &flags.out {
            prepare(dir, flags.resume)?;
        }
        watch_for_interrupts(flags.out.is_some() && story.takes.contains(&Takes::Resume));
        Ok(Self {
            run,
            written,
            is_users: flags.path.is_some(),
            quick: flags.quick,
            resume: flags.resume,
            levels: flags.levels,
            beta: flags.beta,
            exact: flags.exact,
            data: flags.data,
            device: flags.device,
            threads,
            name: story.name,
            json: flags.json,
            out: flags.out,
        })
    }

    /// The output directory, where there is one.
    pub fn out(&self) -> Option<&Path> {
        self.out.as_deref()
    }

    /// A file in the output directory, where there is one.
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        self.out.as_ref().map(|dir| dir.join(name))
    }

    /// The log in the output directory: new, or cut back to the `step` of the checkpoint.
    pub fn recorder(&self, step: u64) -> Result<Option<Recorder>, Failure> {
        let manifest = Manifest {
            program: self.name.to_owned(),
            seed: self.run.seed,
            threads: self.threads,
            run: self.run.resolved(),
            chosen: serde_json::Value::Null,
        };
        let open = |path: PathBuf| match self.resume {
            true => Recorder::resume(&path, &manifest, step),
            false => Recorder::create(&path, &manifest),
        };
        self.file("log.jsonl")
            .map(open)
            .transpose()
            .map_err(Failure::input)
    }

    /// A line for the reader: standard output, or standard error where that belongs to `--json`.
    pub fn say(&self, text: impl AsRef<str>) {
        if self.json {
            eprintln!("{}", text.as_ref());
        } else {
            println!("{}", text.as_ref());
        }
    }

    /// A progress bar.
    pub fn progress(&self, steps: usize) -> Progress {
        Progress::new(self.name, steps as u64)
    }

    /// Draws into the output directory; a picture that fails loses no result.
    pub fn draw(&self, figure: &Figure, name: &str) {
        if let Some(Err(e)) = self.file(name).map(|path| figure.write(&path)) {
            eprintln!("{}: {e}", self.name);
        }
    }

    /// From now on Ctrl-C only raises this flag: the example promises to look at it between steps,
    /// to write a checkpoint if it takes `--resume`, and to return [`Failure::Interrupted`].
    pub fn interrupted(&self) -> &'static AtomicBool {
        COOPERATIVE.store(true, Ordering::Relaxed);
        &INTERRUPTED
    }

    fn print(&self, line: Line, watch: &Stopwatch) -> Result<(), Failure> {
        let spent = watch.elapsed();
        let all = line
            .set("example", self.name)
            .set("version", ketwork::VERSION)
            .set("seed", self.run.seed)
            .set("threads", self.threads)
            .set("seconds", spent.seconds)
            .set("cpu_seconds", spent.cpu_seconds)
            .set("peak_memory_mb", peak_memory_mb());
        let object = all.to_json().map_err(|which| {
            Failure::Computation(format!(
                "{which}, no finite number; lower the learning rate or step"
            ))
        })?;
        if self.json {
            let text = serde_json::Value::Object(object);
            return writeln!(std::io::stdout(), "{text}").map_err(Failure::computation);
        }
        let mut cost = format!("{:.1} s, {:.1} CPU s", spent.seconds, spent.cpu_seconds);
        if let Some(peak) = peak_memory_mb() {
            cost += &format!(", peak memory {peak:.0} MB");
        }
        self.say(cost);
        Ok(())
    }
}

/// The named observables as `mean` gives them; null for what the model does not have.
pub fn means(
    session: &Session,
    lattice: &Lattice,
    observables: &[Observable],
    mean: impl Fn(&LocalSum<Complex64>) -> Result<f64, Failure>,
) -> Result<Line, Failure> {
    let mut line = Line::new();
    for what in observables {
        let operator = match &session.run.hamiltonian {
            Some(section) => section.observable(*what, lattice)?,
            None => None,
        };
        line = line.set(what.name(), operator.as_ref().map(&mean).transpose()?);
    }
    Ok(line)
}

/// Eight decimals, with a power of ten where they would say nothing.
pub fn number(v: f64) -> String {
    match v.abs() {
        1e-4..1e9 => format!("{v:.8}"),
        0.0 => "0".to_owned(),
        _ => format!("{v:.8e}"),
    }
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static COOPERATIVE: AtomicBool = AtomicBool::new(false);

fn watch_for_interrupts(keeps: bool) {
    // Where no handler can be set, Ctrl-C ends the process as it does by default.
    let how = if keeps { " with a checkpoint" } else { "" };
    let _ = ctrlc::set_handler(move || {
        let again = INTERRUPTED.swap(true, Ordering::Relaxed);
        if again || !COOPERATIVE.load(Ordering::Relaxed) {
            eprintln!("interrupted");
            std::process::exit(130);
        }
        eprintln!("interrupted: ends after this step{how} (once more: at once)");
    });
}

fn start_threads(asked: Option<usize>) -> Result<usize, Failure> {
    let threads =
        asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    if !(1..=1024).contains(&threads) {
        return Err(Failure::Input(format!(
            "--threads {threads}: choose 1 to 1024"
        )));
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global();
    pool.map_err(|e| Failure::Input(format!("--threads {threads}: {e}; choose fewer")))?;
    Ok(threads)
}

fn prepare(dir: &Path, resume: bool) -> Result<(), Failure> {
    let refused = |reason: String| Failure::Input(format!("--out {}: {reason}", dir.display()));
    if resume && !dir.join(CHECKPOINT).exists() {
        return Err(refused(
            "holds no checkpoint to resume; leave out --resume to start there".into(),
        ));
    }
    let probe = dir.join(format!(".probe-{}", std::process::id()));
    fs::create_dir_all(dir)
        .and_then(|()| fs::write(&probe, []))
        .and_then(|()| fs::remove_file(&probe))
        .map_err(|e| refused(format!("{e}; name a directory that can be written")))?;
    if dir.join(CHECKPOINT).exists() && !resume {
        return Err(refused(
            "holds a checkpoint; add --resume to continue it, or name another directory".into(),
        ));
    }
    Ok(())
}

fn refuse_foreign(story: Story, flags: &Flags) -> Result<(), Failure> {
    let given = [
        (Takes::RunFile, flags.path.is_some(), "a run file"),
        (Takes::Levels, flags.levels.is_some(), "--levels"),
        (Takes::Beta, !flags.beta.is_empty(), "--beta"),
        (Takes::Resume, flags.resume, "--resume"),
        (Takes::Exact, flags.exact, "--exact"),
        (Takes::Data, flags.data.is_some(), "--data"),
        (Takes::Device, flags.device.is_some(), "--device"),
    ];
    for (what, is_given, word) in given {
        if is_given && !story.takes.contains(&what) {
            return Err(Failure::Input(format!(
                "{} does not take {word}; leave it out",
                story.name
            )));
        }
    }
    if flags.levels == Some(0) {
        return Err(Failure::Input("--levels 0: ask for at least 1".into()));
    }
    match flags.beta.iter().find(|b| !b.is_finite() || **b < 0.0) {
        Some(b) => Err(Failure::Input(format!(
            "--beta {b}: write finite numbers from 0 on"
        ))),
        None => Ok(()),
    }
}

/// A ladder of the user's would be passed over by a story that samples without one or builds its own.
fn refuse_ladder(story: Story, own: &RunFile, run: &RunFile) -> Result<(), Failure> {
    let samples = own.monte_carlo != Default::default();
    if samples && run.monte_carlo.tempering.is_some() && !story.takes.contains(&Takes::Tempering) {
        return Err(Failure::Input(format!(
            "monte_carlo.tempering: {} does not take a ladder; leave it out",
            story.name
        )));
    }
    Ok(())
}

fn at(path: &Path, e: ketwork::RunFileError) -> Failure {
    match e {
        ketwork::RunFileError::Read { .. } => e.into(),
        e => Failure::Input(format!("{}: {e}", path.display())),
    }
}

/// The first paragraph of clap's message, without its prefix.
fn flag_reason(e: &clap::Error) -> String {
    let text = e.to_string();
    let first: Vec<_> = text
        .lines()
        .take_while(|l| !l.trim().is_empty())
        .map(str::trim)
        .collect();
    format!(
        "{}; --help lists the flags",
        first.join(" ").trim_start_matches("error: ")
    )
}
