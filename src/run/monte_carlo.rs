//! Quantum Monte Carlo from a run file: parameters by name, checkpoint, exact twin, picture.

use super::{Kept, RunError, RunOptions, arrays};
use crate::exact::{Memory, dimension, spectrum};
use crate::run_file::{MonteCarloSection, Observable, RunFile, TemperedParameter};
use crate::{Checkpoint, Figure, Panel, Progress};
use ketwork_hamiltonians::{AnyModel, Hamiltonian, Lattice, Model};
use ketwork_models::Stream;
use ketwork_sse::{
    ModeReport, Sse, SseError, SseParams, SseReport, SseRun, Tempering, TemperingParameter,
};
use std::fmt::Display;
use std::time::{Duration, Instant};

/// Largest dimension whose full spectrum is computed unasked: seconds.
const SPECTRUM_UP_TO: f64 = 3000.0;
/// Largest dimension that `--exact` computes: minutes, a gigabyte.
const SPECTRUM_AT_MOST: f64 = 8192.0;
/// Sweeps of a replica between two looks at the clock and the flag that stops the run.
const PIECE: u64 = 500;
/// Wall-clock time between checkpoints.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(20);

/// Name of the state of all replicas in a checkpoint.
const STATE: &str = "sse";

/// Canonical averages by full diagonalisation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExactThermal {
    /// Energy per site.
    pub energy_per_site: f64,
    /// Mean of n over sites.
    pub density: f64,
    /// $\beta^2 (\langle H^2 \rangle - \langle H \rangle^2)$ of the whole system.
    pub specific_heat: f64,
}

/// What a run found at one temperature and one set of couplings.
#[derive(Clone, Debug)]
pub struct Rung {
    /// The value of the tempered parameter; $\beta$ without tempering.
    pub value: f64,
    /// The results.
    pub report: SseReport,
    /// The staggered order parameter, $m = \frac1N \sum_i (-1)^{x+y+z} n_i$, on lattices of one site
    /// for each cell.
    pub staggered: Option<ModeReport>,
    /// The exact twin, where it is affordable.
    pub exact: Option<ExactThermal>,
}

/// What a Monte Carlo run found.
#[derive(Clone, Debug)]
pub struct MonteCarloOutcome {
    /// All rungs of the ladder in the order of the run file; one without tempering.
    pub rungs: Vec<Rung>,
    /// The rung of the run file's own value: the one that equals its beta or delta, else the last.
    pub own: usize,
    /// Name of the parameter along the ladder.
    pub parameter: &'static str,
}

impl MonteCarloOutcome {
    /// The rung at the run file's own couplings and temperature.
    #[must_use]
    pub fn own(&self) -> &Rung {
        &self.rungs[self.own]
    }
}

/// A Monte Carlo run, checked and ready.
#[derive(Debug)]
pub struct MonteCarloRun {
    run: RunFile,
    lattice: Lattice,
    model: Model<f64>,
    params: SseParams,
}

impl MonteCarloRun {
    /// Builds the model and checks it: a sign problem is refused by term.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn new(run: RunFile) -> Result<Self, RunError> {
        let (lattice, model) = run.system()?;
        let AnyModel::Real(model) = model else {
            return Err(RunError::Value {
                key: "hamiltonian",
                reason: "this Hamiltonian has complex elements; a stochastic series needs weights that are not negative"
                    .into(),
            });
        };
        let params = params(&run.monte_carlo, &lattice);
        let this = Self {
            run,
            lattice,
            model,
            params,
        };
        this.sse()?;
        Ok(this)
    }

    fn sse(&self) -> Result<Sse, SseError> {
        Sse::new(&self.model, self.params.clone())
    }

    /// Runs, measures, and compares with the exact twin where that is affordable.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn run(&self, options: &RunOptions) -> Result<MonteCarloOutcome, RunError> {
        let states = dimension(&**self.model.sector())?;
        let limit = match options.exact {
            true => SPECTRUM_AT_MOST,
            false => SPECTRUM_UP_TO,
        };
        let has_twin = states <= limit;
        if options.exact && !has_twin {
            let reason = format!(
                "thermal averages need all levels, and {states} configurations are more than {limit}; \
                 drop --exact, or make the lattice smaller"
            );
            return Err(RunError::Value {
                key: "hamiltonian.lattice",
                reason,
            });
        }
        let reports = self.sampled(options)?;
        let values = self.values();
        let twins: Vec<_> = match has_twin {
            true => values.iter().map(|&v| self.exact(v).map(Some)).collect(),
            false => values.iter().map(|_| Ok(None)).collect(),
        };
        let mut rungs = Vec::new();
        for ((report, exact), &value) in reports.into_iter().zip(twins).zip(&values) {
            rungs.push(Rung {
                value,
                staggered: report.modes.first().copied(),
                report,
                exact: exact?,
            });
        }
        let tempering = self.run.monte_carlo.tempering.as_ref();
        let is_delta = tempering.is_some_and(|t| t.parameter == TemperedParameter::Delta);
        let own = match is_delta {
            true => self.coupling("delta"),
            false => Some(self.params.beta),
        };
        let outcome = MonteCarloOutcome {
            own: values
                .iter()
                .position(|&v| Some(v) == own)
                .unwrap_or(values.len() - 1),
            parameter: if is_delta { "delta" } else { "beta" },
            rungs,
        };
        if let Some(dir) = &options.out {
            arrays::write(dir, &outcome.arrays());
            // A picture that fails loses no result.
            if let Err(e) = picture(&outcome).write(&dir.join("monte_carlo.png")) {
                eprintln!("{e}");
            }
        }
        Ok(outcome)
    }

    /// Advances to the end, with a checkpoint from time to time.
    fn sampled(&self, options: &RunOptions) -> Result<Vec<SseReport>, RunError> {
        let kept = Kept::open(options, &self.run, format!("{:?}", self.params))?;
        let mut run = match kept.as_ref().and_then(|kept| kept.resumed.as_ref()) {
            Some(saved) => self.resumed(saved)?,
            None => self.sse()?.start(Stream::new(self.run.seed)),
        };
        let mut bar = match options.progress {
            true => Progress::new("sweeps", run.total()),
            false => Progress::hidden(),
        };
        let mut saved_at = Instant::now();
        while !run.is_done() {
            if options.is_stopped() {
                save(&run, kept.as_ref())?;
                return Err(RunError::Interrupted {
                    steps: run.done(),
                    energy: None,
                    checkpoint: kept.map(|kept| kept.path),
                });
            }
            run.advance(PIECE);
            // What is false already need not be finished.
            run.check_cut_off().map_err(|e| failed(e, kept.as_ref()))?;
            let a = run.acceptance();
            let mut words = vec![
                format!("diagonal {:.2}", a.diagonal.rate()),
                format!("segments {:.2}", a.segments.rate()),
            ];
            for (name, count) in [
                ("hops", a.hops),
                ("loops", a.loops),
                ("tempering", a.tempering),
            ] {
                if count.tried > 0 {
                    words.push(format!("{name} {:.3}", count.rate()));
                }
            }
            bar.show(run.done(), &format!("accepted: {}", words.join(", ")));
            if saved_at.elapsed() > CHECKPOINT_EVERY {
                save(&run, kept.as_ref())?;
                saved_at = Instant::now();
            }
        }
        bar.finish();
        save(&run, kept.as_ref())?;
        run.reports().map_err(|e| failed(e, kept.as_ref()))
    }

    fn resumed(&self, saved: &Checkpoint) -> Result<SseRun, RunError> {
        let state = serde_json::from_str(saved.word(STATE)?).map_err(|e| RunError::Value {
            key: "--resume",
            reason: format!("the checkpoint's operator string is not readable ({e}); start anew in another directory"),
        })?;
        Ok(self.sse()?.resume(state)?)
    }

    /// The parameter's values along the ladder; beta without one.
    fn values(&self) -> Vec<f64> {
        match &self.params.tempering {
            Some(t) => t.values.clone(),
            None => vec![self.params.beta],
        }
    }

    fn coupling(&self, name: &str) -> Option<f64> {
        let couplings = self.model.terms().couplings();
        couplings.iter().find(|(n, _)| n == name).map(|(_, v)| *v)
    }

    /// Canonical averages at one rung, by full diagonalisation.
    fn exact(&self, value: f64) -> Result<ExactThermal, RunError> {
        let unfit = |e: &dyn Display| RunError::Value {
            key: "monte_carlo.tempering",
            reason: e.to_string(),
        };
        let (mut terms, mut beta) = (self.model.terms().clone(), self.params.beta);
        match self.params.tempering.as_ref().map(|t| t.parameter) {
            Some(TemperingParameter::Delta) => {
                terms = terms.with_coupling("delta", value).map_err(|e| unfit(&e))?;
            }
            _ => beta = value,
        }
        let sector = self.model.sector().clone();
        let model = Model::new(terms, sector).map_err(|e| unfit(&e))?;
        let all = spectrum(&model, Memory::default())?;
        let t = all.thermal(beta)?;
        let density = Observable::Density
            .on(&self.lattice, false)
            .map_err(|e| unfit(&e))?;
        let density = density.map(|o| all.thermal_expectation(beta, &o));
        Ok(ExactThermal {
            energy_per_site: t.energy / self.lattice.n_sites() as f64,
            density: density.transpose()?.map_or(0.0, |d| d.re),
            specific_heat: t.specific_heat,
        })
    }
}

fn failed(source: SseError, kept: Option<&Kept>) -> RunError {
    let path = kept.map(|kept| kept.path.clone());
    RunError::Sampled {
        source,
        checkpoint: path.filter(|path| path.exists()),
    }
}

/// Keeps the state of all replicas, where there is a directory.
fn save(run: &SseRun, kept: Option<&Kept>) -> Result<(), RunError> {
    let Some(kept) = kept else {
        return Ok(());
    };
    let state = serde_json::to_string(run.state()).map_err(|e| RunError::Out {
        path: kept.path.clone(),
        source: e.into(),
    })?;
    let mut checkpoint = kept.checkpoint();
    checkpoint.set_word(STATE, &state);
    Ok(checkpoint.save(&kept.path)?)
}

impl MonteCarloSection {
    /// The section as parameters of a simulation; what it leaves open has the defaults.
    #[must_use]
    pub fn params(&self) -> SseParams {
        let defaults = SseParams::default();
        let tempering = self.tempering.as_ref().map(|t| Tempering {
            parameter: match t.parameter {
                TemperedParameter::Beta => TemperingParameter::Beta,
                TemperedParameter::Delta => TemperingParameter::Delta,
            },
            values: t.values.clone(),
            every: 5,
        });
        let or = |given: Option<usize>, default: u64| given.map_or(default, |v| v as u64);
        SseParams {
            beta: self.beta.unwrap_or(defaults.beta),
            thermalization: or(self.thermalization, defaults.thermalization),
            sweeps: or(self.sweeps, defaults.sweeps),
            bins: self.bins.unwrap_or(defaults.bins),
            tempering,
            ..defaults
        }
    }
}

fn params(section: &MonteCarloSection, lattice: &Lattice) -> SseParams {
    let staggered = (lattice.sites_per_cell() == 1).then(|| SseParams::staggered(lattice));
    SseParams {
        modes: staggered.into_iter().collect(),
        ..section.params()
    }
}

/// Density and order along the ladder, or site by site where there is one rung.
fn picture(found: &MonteCarloOutcome) -> Figure {
    let rungs = &found.rungs;
    if rungs.len() == 1 {
        let report = &rungs[0].report;
        let sites = report.site_density.iter().enumerate();
        let points: Vec<_> = sites.map(|(i, e)| (i as f64, e.mean, e.error)).collect();
        let mut panel = Panel::new("site", "density").points("Monte Carlo", points);
        if let Some(exact) = rungs[0].exact {
            panel = panel.level("mean, exact", exact.density);
        }
        return Figure::new(&format!("beta = {}", report.beta)).panel(panel);
    }
    let of = |f: &dyn Fn(&Rung) -> (f64, f64)| -> Vec<_> {
        let point = |r: &Rung| {
            let (mean, error) = f(r);
            (r.value, mean, error)
        };
        rungs.iter().map(point).collect()
    };
    let twin = |f: &dyn Fn(&ExactThermal) -> f64| -> Vec<_> {
        let point = |r: &Rung| r.exact.as_ref().map(|e| (r.value, f(e)));
        rungs.iter().filter_map(point).collect()
    };
    let with_twin = |panel: Panel, exact: Vec<(f64, f64)>| match exact.is_empty() {
        true => panel,
        false => panel.line("exact", exact),
    };
    let points = of(&|r| (r.report.density.mean, r.report.density.error));
    let panel = Panel::new(found.parameter, "density").points("density", points);
    let title = format!("Thermal averages along {}", found.parameter);
    let mut figure = Figure::new(&title).panel(with_twin(panel, twin(&|e| e.density)));
    if rungs.iter().all(|r| r.staggered.is_some()) {
        let points = of(&|r| {
            let m = r.staggered.map(|m| (m.squared.mean, m.squared.error));
            m.unwrap_or_default()
        });
        figure = figure
            .panel(Panel::new(found.parameter, "order").points("staggered order, squared", points));
    }
    let points = of(&|r| (r.report.specific_heat.mean, r.report.specific_heat.error));
    let panel = Panel::new(found.parameter, "specific heat").points("specific heat", points);
    figure.panel(with_twin(panel, twin(&|e| e.specific_heat)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_section_reaches_the_simulation() {
        let text = "beta = 3.5\nthermalization = 70\nsweeps = 900\nbins = 18\n\
                    tempering = { parameter = \"delta\", values = [1.0, 2.0] }";
        let section: MonteCarloSection = toml::from_str(text).unwrap();
        let expected = SseParams {
            beta: 3.5,
            thermalization: 70,
            sweeps: 900,
            bins: 18,
            tempering: Some(Tempering {
                parameter: TemperingParameter::Delta,
                values: vec![1.0, 2.0],
                every: 5,
            }),
            ..SseParams::default()
        };
        assert_eq!(section.params(), expected);
        assert_eq!(MonteCarloSection::default().params(), SseParams::default());
    }
}
