//! Open dynamics and steady states from a run file.

mod course;
mod keys;
mod network;
mod neural;
mod picture;
mod product;
mod steps;
mod strings;
mod summed;
#[cfg(test)]
mod tests;

use super::symmetry::{self, Checked};
use super::watch::{bar, stopped};
use super::{Kept, RunError, RunOptions, arrays};
use crate::exact::{Basis, Memory, SparseMatrix};
#[cfg(doc)]
use crate::open::ReducedDensity;
use crate::open::{Lindbladian, density_matrix, product_density, smallest_eigenvalue};
use crate::run_file::{
    BlockadeName, FrameName, HamiltonianSection, InitialState, LindbladMethod, Observable, RunFile,
    SamplerMethod, WavefunctionSection,
};
use crate::{Correlation, Estimate};
use course::Course;
use ketwork_hamiltonians::open::{Frame, Jump, Lindblad, OpenError};
use ketwork_hamiltonians::{AnyModel, Hamiltonian, Lattice, LocalSum, Model, OnSpace, Scalar};
use ketwork_models::Relabelling;
use num_complex::Complex64;
use picture::picture;
use product::product;

/// Most sites of a density matrix whose eigenvalues are computed.
const MATRIX_UP_TO: usize = 7;
/// Most sites for which a network is narrow unless a width is asked for.
const NARROW_UP_TO: usize = 6;
/// Most outcomes, or orbits of them under the symmetries of a mixture, over which a network is summed
/// unless shots are asked for, and where sums are asked for.
const SUM_UP_TO: f64 = 4096.0;
const MOST_SUMMED: f64 = 16384.0;
/// Most sites whose purity is found from shots: its error grows as 7^(N/2).
const PURITY_UP_TO: usize = 8;
/// Error of exact density matrices, in the Frobenius norm.
const EXACT: f64 = 1e-10;
/// What a run on an open system found.
#[derive(Clone, Debug, Default)]
pub struct OpenOutcome {
    /// The times, as asked for; none for a steady state.
    pub times: Vec<f64>,
    /// The observables.
    pub observables: Vec<Observable>,
    /// For each observable its mean at each time, or in the steady state alone.
    pub values: Vec<Vec<Estimate>>,
    /// Whether means were sampled and have error bars.
    pub is_sampled: bool,
    /// Exact: the error that was asked for, or $\|\mathcal{L}(\rho)\|_F$ of the steady state. Network: the
    /// largest residual of a step, or $\sum_a |(AP)(a)|$ of the steady state.
    pub residual: f64,
    /// Smallest eigenvalue of the density matrix over all times, where that is affordable. From shots
    /// that of [`Self::block`], with an error: noise makes it too small, see [`ReducedDensity`].
    pub min_eigenvalue: Option<Estimate>,
    /// What noise alone makes of an eigenvalue 0, at the time of the smallest; none without shots.
    pub noise_floor: Option<f64>,
    /// From shots: the sites whose eigenvalues are found, the first four in snake order.
    pub block: Vec<u32>,
    /// Tr rho^2 at each time, where that is affordable.
    pub purity: Option<Vec<Estimate>>,
    /// $\langle Z_i Z_j\rangle$ and its connected part by displacement, at the last time or in the steady
    /// state, ascending in distance; of networks on the sites of a lattice.
    pub correlations: Vec<Correlation>,
}

/// A run on an open system, checked and ready.
#[derive(Debug)]
pub struct OpenRun {
    run: RunFile,
    method: LindbladMethod,
    frame: Frame,
    start: Vec<[f64; 4]>,
    generator: LocalSum<f64>,
    lindblad: Lindblad,
    observables: Vec<Observed>,
    lattice: Lattice,
    /// The symmetries of a mixture: the identity alone without `wavefunction.symmetry`.
    group: Vec<Relabelling>,
}

/// An observable as an operator on the qubits, and diagonal on outcome strings.
#[derive(Debug)]
struct Observed {
    what: Observable,
    operator: LocalSum<Complex64>,
    diagonal: LocalSum<f64>,
}

impl OpenRun {
    /// Builds generator, frame, initial state and observables.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn new(run: RunFile) -> Result<Self, RunError> {
        let (lattice, model) = run.system()?;
        let refuse = |key, reason: String| Err(RunError::Value { key, reason });
        let Some(section) = &run.hamiltonian else {
            return refuse("hamiltonian", "the section is missing".into());
        };
        if !section.has_qubits() || matches!(section, HamiltonianSection::Z2Gauge(_)) {
            let reason = format!(
                "{} is no model of free qubits, and decay leaves its space; take tfim, xyz, xxz, heisenberg, dissipative_tfim or pauli",
                section.model()
            );
            return refuse("hamiltonian.model", reason);
        }
        if let HamiltonianSection::Rydberg(keys) = section
            && keys.blockade != BlockadeName::None
        {
            let reason = "the jump |down><up| excites atoms and breaks the blockade; write blockade = \"none\"";
            return refuse("hamiltonian.blockade", reason.into());
        }
        if section.is_rotated() {
            let reason = "signs of a sublattice are not those of the jumps; drop the key".into();
            return refuse("hamiltonian.marshall", reason);
        }
        let method = run.lindblad.method.unwrap_or(LindbladMethod::Exact);
        let is_steady = method == LindbladMethod::SteadyState;
        if run.evolution.times.is_empty() && !is_steady {
            return refuse(
                "evolution.times",
                "no time is asked for; write times = [0.5, 1.0], or lindblad.method = \"steady_state\"".into(),
            );
        }
        let terms = match &model {
            AnyModel::Real(m) => m.terms().to_complex(),
            AnyModel::Complex(m) => m.terms().clone(),
        };
        let n = terms.space().n_sites;
        let frame = match run.lindblad.frame {
            None | Some(FrameName::Rotated) => Frame::rotated(),
            Some(FrameName::Tetrahedral) => Frame::tetrahedral(),
            Some(FrameName::Pauli4) => Frame::pauli4(),
        };
        let state = run.evolution.initial.unwrap_or(InitialState::UpZ);
        let start = product(&frame, state, section, &lattice, n)?;
        let gamma = run.lindblad.gamma.unwrap_or(1.0);
        let jumps = (0..n as u32).map(|i| Jump::lowering(i, gamma)).collect();
        let lindblad = Lindblad::new(terms.clone(), jumps).map_err(open)?;
        let generator = lindblad.generator(&frame).map_err(open)?;
        let asked = match (run.evolution.observables.is_empty(), is_steady) {
            (false, false) => run.evolution.observables.clone(),
            (_, true) => vec![
                Observable::MeanSx,
                Observable::MeanSy,
                Observable::MeanSz,
                Observable::ZzNn,
            ],
            (true, false) => vec![Observable::MeanSx, Observable::MeanSy, Observable::MeanSz],
        };
        let mut observables = Vec::new();
        for what in asked {
            let operator = match what {
                Observable::Energy => Some(terms.clone()),
                _ => section.observable(what, &lattice)?,
            };
            match operator {
                Some(operator) => observables.push(Observed {
                    what,
                    diagonal: frame.observable(&operator).map_err(open)?,
                    operator,
                }),
                None if is_steady => {}
                None => {
                    let reason = format!("{} has no {}", section.model(), what.name());
                    return refuse("evolution.observables", reason);
                }
            }
        }
        let mut this = Self {
            run,
            method,
            frame,
            start,
            generator,
            lindblad,
            observables,
            group: vec![Relabelling::identity(n)],
            lattice,
        };
        if !this.is_exact() {
            keys::check_network(&this.run)?;
            this.group = this.symmetries()?;
            this.sums()?;
            match &model {
                AnyModel::Real(model) => this.check_symmetry(model)?,
                AnyModel::Complex(model) => this.check_symmetry(model)?,
            }
            this.network()?;
        }
        Ok(this)
    }

    /// Whether the Hamiltonian has the symmetries that are asked for; the jumps, the same on all
    /// sites, have them.
    fn check_symmetry<T: Scalar>(&self, model: &Model<T>) -> Result<(), RunError> {
        let words = &self.run.wavefunction.symmetry;
        let checked = if self.sums()? {
            Checked::All
        } else {
            Checked::Some
        };
        symmetry::check(model, words, &self.lattice, checked)
    }

    /// The group of `wavefunction.symmetry`.
    fn symmetries(&self) -> Result<Vec<Relabelling>, RunError> {
        let n = self.start.len();
        let words = self.run.wavefunction.symmetry.iter();
        let all = words.flat_map(|&word| symmetry::generators(word, &self.lattice, n));
        Ok(Relabelling::group(n, &all.collect::<Vec<_>>())?)
    }

    /// Whether no network takes part: the method, or a steady state without `[wavefunction]`.
    fn is_exact(&self) -> bool {
        let bare = self.run.wavefunction == WavefunctionSection::default();
        self.method == LindbladMethod::Exact || (self.method == LindbladMethod::SteadyState && bare)
    }

    /// Evolves, or finds the steady state.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn run(&self, options: &RunOptions) -> Result<OpenOutcome, RunError> {
        let is_sampled = !self.is_exact() && !self.sums()?;
        for words in keys::unused(&self.run, self.method, is_sampled) {
            eprintln!("{words}");
        }
        let mut found = OpenOutcome {
            times: self.run.evolution.times.clone(),
            observables: self.observables.iter().map(|o| o.what).collect(),
            values: vec![Vec::new(); self.observables.len()],
            ..OpenOutcome::default()
        };
        if self.method == LindbladMethod::SteadyState {
            found.times.clear();
        }
        match self.is_exact() {
            true => self.exactly(&mut found, options)?,
            false => self.neurally(&mut found, options)?,
        }
        if let Some(dir) = &options.out {
            arrays::write(dir, &found.arrays());
        }
        if let (Some(dir), false) = (&options.out, found.times.is_empty()) {
            // A picture that fails loses no result.
            if let Err(e) = picture(&found).write(&dir.join("open_quench.png")) {
                eprintln!("{e}");
            }
        }
        Ok(found)
    }

    fn exactly(&self, found: &mut OpenOutcome, options: &RunOptions) -> Result<(), RunError> {
        let system = Lindbladian::new(&self.lindblad, Memory::default())?;
        system.check_density()?;
        let of = |law: &[f64; 4]| -> [Complex64; 4] {
            let part = |e: usize| {
                law.iter()
                    .zip(self.frame.duals())
                    .map(|(p, m)| p * m[e])
                    .sum()
            };
            std::array::from_fn(part)
        };
        let single: Vec<_> = self.start.iter().map(of).collect();
        let mut rho = product_density(&single);
        let kept = Kept::open(options, &self.run, "exact".to_owned())?;
        if self.method == LindbladMethod::SteadyState {
            found.residual = system.steady(&mut rho, EXACT)?;
            return self.measure_density(&system, &rho, found);
        }
        let mut course = Course::default();
        if let Some(saved) = kept.as_ref().and_then(|kept| kept.resumed.as_ref()) {
            course.restore(saved, found)?;
            let parts = saved.array("re")?.iter().zip(saved.array("im")?);
            rho = parts.map(|(&re, &im)| Complex64::new(re, im)).collect();
        }
        let times = found.times.clone();
        let mut bar = bar("open system", options, times.len());
        for &t in &times[course.done..] {
            if t > course.at {
                system.evolve(t - course.at, &mut rho, EXACT)?;
            }
            course.at = t;
            self.measure_density(&system, &rho, found)?;
            course.done += 1;
            let checkpoint = course.save(kept.as_ref(), found, |checkpoint| {
                let part = |of: fn(&Complex64) -> f64| rho.iter().map(of).collect::<Vec<_>>();
                checkpoint
                    .set_array("re", &part(|z| z.re))
                    .set_array("im", &part(|z| z.im));
            })?;
            bar.show(course.done as u64, &format!("t = {t}"));
            if options.is_stopped() && course.done < times.len() {
                return Err(stopped(course.done, checkpoint));
            }
        }
        bar.finish();
        found.residual = EXACT;
        Ok(())
    }

    /// Whether a network is summed over all outcomes, or orbits of them; else it is sampled.
    fn sums(&self) -> Result<bool, RunError> {
        // A count from below: strings with symmetries of their own have smaller orbits.
        let rows = 4f64.powi(self.start.len() as i32) / self.group.len() as f64;
        let refuse = |reason| {
            Err(RunError::Value {
                key: "sampling.sampler",
                reason,
            })
        };
        match self.run.sampling.sampler {
            Some(SamplerMethod::Metropolis) => {
                refuse("this network draws exact samples; use \"ancestral\" or \"full_sum\"".into())
            }
            Some(SamplerMethod::FullSum) if rows > MOST_SUMMED => refuse(format!(
                "a network is summed over up to {MOST_SUMMED} outcomes, or orbits of them under wavefunction.symmetry, and here are {rows:.0}; use \"ancestral\""
            )),
            Some(SamplerMethod::FullSum) => Ok(true),
            Some(SamplerMethod::Ancestral) => Ok(false),
            None => Ok(rows <= SUM_UP_TO),
        }
    }

    /// Adds the means, the purity and the smallest eigenvalue.
    fn measure(&self, basis: &Basis, p: &[f64], found: &mut OpenOutcome) -> Result<(), RunError> {
        for (values, o) in found.values.iter_mut().zip(&self.observables) {
            let matrix = SparseMatrix::new(&o.diagonal, basis, Memory::default())?;
            let mut weighted = vec![0.0; p.len()];
            matrix.apply(p, &mut weighted);
            values.push(Estimate::exact(weighted.iter().sum()));
        }
        if self.start.len() <= MATRIX_UP_TO {
            monitor(&density_matrix(&self.frame, basis, p), found)?;
        }
        Ok(())
    }

    /// The same from the density matrix.
    fn measure_density(
        &self,
        system: &Lindbladian,
        rho: &[Complex64],
        found: &mut OpenOutcome,
    ) -> Result<(), RunError> {
        let operators: Vec<_> = self.observables.iter().map(|o| &o.operator).collect();
        let means = system.means(&operators, rho)?;
        for (values, mean) in found.values.iter_mut().zip(means) {
            values.push(Estimate::exact(mean));
        }
        if self.start.len() <= MATRIX_UP_TO {
            monitor(rho, found)?;
        }
        Ok(())
    }
}

/// Smallest eigenvalue and purity of a density matrix.
fn monitor(rho: &[Complex64], found: &mut OpenOutcome) -> Result<(), RunError> {
    let lowest = smallest_eigenvalue(rho)?;
    let lowest = found.min_eigenvalue.map_or(lowest, |m| m.mean.min(lowest));
    found.min_eigenvalue = Some(Estimate::exact(lowest));
    let square = rho.iter().map(|x| x.norm_sqr()).sum();
    let purity = found.purity.get_or_insert_default();
    purity.push(Estimate::exact(square));
    Ok(())
}

fn open(e: OpenError) -> RunError {
    RunError::Value {
        key: match e {
            OpenError::Rate { .. } => "lindblad.gamma",
            _ => "hamiltonian",
        },
        reason: e.to_string(),
    }
}
