//! Closed dynamics from a run file: Krylov evolution, and neural states beside it.

mod course;
mod engine;
mod exact;
mod neural;
mod outcome;
mod spacetime;

pub use outcome::QuenchOutcome;

use self::course::Course;
use self::exact::Exact;
use super::watch::{bar, stopped, too_large};
use super::{Kept, RunError, RunOptions, State, arrays, build_state, initial};
use crate::exact::{Basis, Memory, SparseMatrix, dimension};
use crate::run_file::{
    EvolutionMethod, HamiltonianSection, InitialState, Network, Observable, RunFile,
};
use ketwork_hamiltonians::{AnyModel, Hamiltonian, Lattice, Model, OnSpace, Scalar};
use num_complex::Complex64;

/// Width of transformers that are carried by shots.
const SAMPLED_WIDTH: usize = 8;

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
        }
        .map_err(too_large)?;
        let found = found.expect("a run that was not only checked has an outcome");
        if let Some(dir) = &options.out {
            arrays::write(dir, &found.arrays());
            // A picture that fails loses no result.
            if let Err(e) = outcome::picture(&found).write(&dir.join("quench.png")) {
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
        .map_err(too_large)
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
        let is_at_once = method == EvolutionMethod::Spacetime;
        let mut sized = wavefunction.clone();
        if !is_at_once && !self.sums(exact.basis.len() as f64)? {
            // Linear systems of shots: what a narrow network cannot express is below their noise.
            let is_wide = matches!(sized.network, None | Some(Network::Transformer));
            sized.width = sized.width.or(is_wide.then_some(SAMPLED_WIDTH));
        }
        let State::Ancestral(network) =
            build_state::<Complex64>(&sized, &self.lattice, model.sector())?
        else {
            return Err(RunError::Value {
                key: "wavefunction.network",
                reason: "time evolution needs a network with exact sampling; use \"transformer\""
                    .into(),
            });
        };
        if is_at_once {
            self.slices(&exact, &psi, network.layout().n_params())?;
        }
        match options {
            None => Ok(None),
            Some(options) if is_at_once => self
                .at_once(model, &exact, &psi, &*network, options)
                .map(Some),
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
        let kept = Kept::open(options, &self.run, "exact".to_owned())?;
        let start = exact.energy(&psi);
        let mut course = Course::new(self.empty(false));
        if let Some(saved) = kept.as_ref().and_then(|kept| kept.resumed.as_ref()) {
            course.restore(saved)?;
            let parts = saved.array("re")?.iter().zip(saved.array("im")?);
            psi = parts.map(|(&re, &im)| Complex64::new(re, im)).collect();
        }
        let mut bar = bar("evolution", options, course.found.times.len());
        for (i, t) in course.left() {
            exact.advance(t - course.at, &mut psi)?;
            course.at = t;
            course.measured(exact.means(&psi));
            if start.1 > 0.0 {
                let drift = (exact.energy(&psi).0 - start.0).abs() / start.1;
                course.found.energy_drift = course.found.energy_drift.max(drift);
            }
            let checkpoint = course.save(kept.as_ref(), |checkpoint| {
                let part = |of: fn(&Complex64) -> f64| psi.iter().map(of).collect::<Vec<_>>();
                checkpoint
                    .set_array("re", &part(|z| z.re))
                    .set_array("im", &part(|z| z.im));
            })?;
            bar.show(i as u64 + 1, &format!("t = {t}"));
            if options.is_stopped() && course.done < course.found.times.len() {
                return Err(stopped(course.done, checkpoint));
            }
        }
        bar.finish();
        Ok(course.finish(false))
    }

    fn empty(&self, is_sampled: bool) -> QuenchOutcome {
        QuenchOutcome::empty(&self.run.evolution.times, &self.observables, is_sampled)
    }
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
