//! Open dynamics and steady states from a run file.

use super::initial::word;
use super::{RunError, RunOptions};
use crate::evolve::FitParams;
use crate::exact::{Basis, Memory, SparseMatrix};
use crate::open::{
    Trapezoid, density_matrix, evolve_probabilities, fit_probabilities, product_probabilities,
    smallest_eigenvalue, steady_probabilities,
};
use crate::run_file::{
    FrameName, HamiltonianSection, InitialState, LindbladMethod, Network, Observable, RunFile,
    WavefunctionSection,
};
use crate::{Figure, FullSum, Panel, Progress};
use ketwork_hamiltonians::open::{Frame, Jump, Lindblad, OpenError};
use ketwork_hamiltonians::{
    AnyModel, Free, Hamiltonian, Lattice, LocalSum, OnSpace, Sector, Space,
};
use ketwork_models::{
    Ansatz, Autoregressive, Cell, Rnn, RnnParams, Stream, Transformer, TransformerParams,
};
use std::sync::Arc;

/// Most sites of a density matrix whose eigenvalues are computed.
const MATRIX_UP_TO: usize = 7;
/// Most sites over whose outcomes a network is summed.
const SUM_UP_TO: usize = 6;
/// Error of exact probabilities, as a sum of moduli.
const EXACT: f64 = 1e-10;
/// $\sum_a |(AP)(a)|$ at which a network counts as stationary.
const STATIONARY: f64 = 2e-3;
/// L1 residual of a step above which it is repeated at half its length: the network could not follow.
/// Dissipative Ising ring of 6 from all up, V = g = 2: steps of 0.05 left 0.06 and an error of 0.03 in
/// the mean of X.
const POOR: f64 = 4e-3;
/// Shortest step, in units of the longest.
const SHORTEST: f64 = 1.0 / 64.0;
/// Longest time in which a network may become stationary.
const PATIENCE: f64 = 100.0;

/// What a run on an open system found.
#[derive(Clone, Debug, Default)]
pub struct OpenOutcome {
    /// The times, as asked for; none for a steady state.
    pub times: Vec<f64>,
    /// The observables.
    pub observables: Vec<Observable>,
    /// For each observable its mean at each time, or in the steady state alone.
    pub values: Vec<Vec<f64>>,
    /// Exact: the error that was asked for, or $\sum_a |(AP)(a)|$ of the steady state. Network: the
    /// largest L1 residual of a step, or that sum.
    pub residual: f64,
    /// Smallest eigenvalue of the density matrix over all times, where that is affordable.
    pub min_eigenvalue: Option<f64>,
    /// Tr rho^2 at each time, where that is affordable.
    pub purity: Option<Vec<f64>>,
}

/// A run on an open system, checked and ready.
#[derive(Debug)]
pub struct OpenRun {
    run: RunFile,
    method: LindbladMethod,
    frame: Frame,
    start: Vec<[f64; 4]>,
    generator: LocalSum<f64>,
    observables: Vec<(Observable, LocalSum<f64>)>,
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
        if matches!(method, LindbladMethod::Tdvp | LindbladMethod::Teng) {
            let reason = "not in this version for open systems; use \"trapezoid\" or \"exact\"";
            return refuse("lindblad.method", reason.into());
        }
        if run.lindblad.strings.is_some_and(|s| s > 1) {
            let reason = "mixtures over orderings are not in this version; drop the key";
            return refuse("lindblad.strings", reason.into());
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
        let generator = Lindblad::new(terms.clone(), jumps)
            .and_then(|l| l.generator(&frame))
            .map_err(open)?;
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
                Some(o) => observables.push((what, frame.observable(&o).map_err(open)?)),
                None if is_steady => {}
                None => {
                    let reason = format!("{} has no {}", section.model(), what.name());
                    return refuse("evolution.observables", reason);
                }
            }
        }
        let this = Self {
            run,
            method,
            frame,
            start,
            generator,
            observables,
        };
        if !this.is_exact() {
            if n > SUM_UP_TO {
                let reason = format!(
                    "a network is summed over all 4^N outcomes, up to {SUM_UP_TO} sites in this version; make the lattice smaller, or use \"exact\" up to 9"
                );
                return refuse("hamiltonian.lattice", reason);
            }
            this.network(n)?;
        }
        Ok(this)
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
        let n = self.start.len();
        let free = Free::new(Space::new(n, 4));
        let basis = Basis::new(&free, Memory::default())?;
        let a = SparseMatrix::new(&self.generator, &basis, Memory::default())?;
        let mut found = OpenOutcome {
            times: self.run.evolution.times.clone(),
            observables: self.observables.iter().map(|o| o.0).collect(),
            values: vec![Vec::new(); self.observables.len()],
            ..OpenOutcome::default()
        };
        if self.method == LindbladMethod::SteadyState {
            found.times.clear();
        }
        let start = product_probabilities(&basis, &self.start);
        match self.is_exact() {
            true => self.exactly(&basis, &a, start, &mut found, options)?,
            false => self.neurally(&basis, &a, &start, &mut found, options)?,
        }
        if let (Some(dir), false) = (&options.out, found.times.is_empty()) {
            // A picture that fails loses no result.
            if let Err(e) = picture(&found).write(&dir.join("open_quench.png")) {
                eprintln!("{e}");
            }
        }
        Ok(found)
    }

    fn exactly(
        &self,
        basis: &Basis,
        a: &SparseMatrix<f64>,
        mut p: Vec<f64>,
        found: &mut OpenOutcome,
        options: &RunOptions,
    ) -> Result<(), RunError> {
        if self.method == LindbladMethod::SteadyState {
            found.residual = steady_probabilities(a, &mut p, EXACT)?;
            return self.measure(basis, &p, found);
        }
        let (mut at, mut bar) = (0.0, bar(options, found.times.len()));
        for (i, t) in found.times.clone().into_iter().enumerate() {
            if t > at {
                evolve_probabilities(a, t - at, &mut p, EXACT)?;
            }
            at = t;
            self.measure(basis, &p, found)?;
            bar.show(i as u64 + 1, &format!("t = {t}"));
            if options.is_stopped() {
                return Err(stopped(i));
            }
        }
        bar.finish();
        found.residual = EXACT;
        Ok(())
    }

    fn neurally(
        &self,
        basis: &Basis,
        a: &SparseMatrix<f64>,
        start: &[f64],
        found: &mut OpenOutcome,
        options: &RunOptions,
    ) -> Result<(), RunError> {
        let psi = self.network(self.start.len())?;
        let sector: Sector = Arc::new(Free::new(Space::new(self.start.len(), 4)));
        let all = FullSum::new(&*sector, Memory::default())?;
        let stream = Stream::new(self.run.seed).named("parameters");
        let mut theta = psi.layout().initial(stream);
        let params = FitParams::default();
        let first = fit_probabilities(&*psi, &mut theta, &all, start, &params);
        let first = first.map_err(RunError::Evolve)?;
        let is_steady = found.times.is_empty();
        let mut bar = bar(options, found.times.len());
        bar.say(&format!(
            "the initial state is fitted to {:.1e} in {} sweeps",
            first.loss, first.sweeps
        ));
        let mut engine = Trapezoid::new(a, &*psi, all);
        let tau = self.run.evolution.dt.unwrap_or(0.05);
        let (mut at, mut i) = (0.0, 0);
        let ends = match is_steady {
            true => vec![PATIENCE],
            false => found.times.clone(),
        };
        let mut step = tau;
        for t in ends {
            while t - at > 1e-12 * t {
                // Equal steps to the end, none of them longer than the fits of late could follow.
                let taken = (t - at) / ((t - at) / step - 1e-9).ceil().max(1.0);
                let mut next = theta.clone();
                let report = engine
                    .advance(at, &mut next, taken)
                    .map_err(RunError::Evolve)?;
                if options.is_stopped() {
                    return Err(stopped(i));
                }
                if report.residual > POOR && taken > tau * SHORTEST {
                    step = 0.5 * taken;
                    continue;
                }
                theta = next;
                at += taken;
                if report.residual < 0.25 * POOR {
                    step = (1.5 * step).min(tau);
                }
                bar.show(
                    i as u64,
                    &format!("t = {at:.3}  residual {:.1e}", report.residual),
                );
                if is_steady {
                    let p = engine.probabilities(at, &theta).map_err(RunError::Evolve)?;
                    let mut rate = vec![0.0; p.len()];
                    a.apply(&p, &mut rate);
                    found.residual = rate.iter().map(|x| x.abs()).sum();
                    if found.residual < STATIONARY {
                        break;
                    }
                } else {
                    found.residual = found.residual.max(report.residual);
                }
            }
            at = if is_steady { at } else { t };
            i += 1;
            let p = engine.probabilities(at, &theta).map_err(RunError::Evolve)?;
            self.measure(basis, &p, found)?;
        }
        if is_steady && found.residual > STATIONARY {
            bar.say(&format!(
                "not stationary after t = {PATIENCE}: sum |A P| = {:.1e}",
                found.residual
            ));
        }
        bar.finish();
        Ok(())
    }

    /// Adds the means, the purity and the smallest eigenvalue.
    fn measure(&self, basis: &Basis, p: &[f64], found: &mut OpenOutcome) -> Result<(), RunError> {
        for (values, (_, o)) in found.values.iter_mut().zip(&self.observables) {
            let matrix = SparseMatrix::new(o, basis, Memory::default())?;
            let mut weighted = vec![0.0; p.len()];
            matrix.apply(p, &mut weighted);
            values.push(weighted.iter().sum());
        }
        if self.start.len() <= MATRIX_UP_TO {
            let rho = density_matrix(&self.frame, basis, p);
            let lowest = smallest_eigenvalue(&rho)?;
            found.min_eigenvalue = Some(found.min_eigenvalue.map_or(lowest, |m| m.min(lowest)));
            let square = rho.iter().map(|x| x.norm_sqr()).sum();
            found.purity.get_or_insert_default().push(square);
        }
        Ok(())
    }

    fn network(&self, n: usize) -> Result<Box<dyn Ansatz<Log = f64>>, RunError> {
        let section = &self.run.wavefunction;
        let space = Space::new(n, 4);
        let sector: Sector = Arc::new(Free::new(space));
        let rnn = |cell| RnnParams {
            cell,
            layers: section.layers.unwrap_or(1),
            width: section.width.unwrap_or(24),
        };
        Ok(match section.network {
            None | Some(Network::Transformer) => {
                let params = TransformerParams {
                    layers: section.layers.unwrap_or(1),
                    width: section.width.unwrap_or(8),
                    heads: section.heads.unwrap_or(2),
                };
                let net = Transformer::<f64>::new(space, params)?;
                Box::new(Autoregressive::probability(net, sector))
            }
            Some(Network::Gru) => {
                let net = Rnn::<f64>::new(space, rnn(Cell::Gru))?;
                Box::new(Autoregressive::probability(net, sector))
            }
            Some(Network::Lstm) => {
                let net = Rnn::<f64>::new(space, rnn(Cell::Lstm))?;
                Box::new(Autoregressive::probability(net, sector))
            }
            Some(other) => {
                return Err(RunError::Value {
                    key: "wavefunction.network",
                    reason: format!(
                        "{other:?} gives no probabilities of outcomes; use \"transformer\", \"gru\" or \"lstm\""
                    ),
                });
            }
        })
    }
}

/// The law of outcomes of each site in a product state.
fn product(
    frame: &Frame,
    state: InitialState,
    section: &HamiltonianSection,
    lattice: &Lattice,
    n: usize,
) -> Result<Vec<[f64; 4]>, RunError> {
    let refuse = |key, reason| Err(RunError::Value { key, reason });
    let (up, down) = ([0.0, 0.0, 1.0], [0.0, 0.0, -1.0]);
    let is_rydberg = matches!(section, HamiltonianSection::Rydberg(_));
    let bloch = |site: usize| match state {
        InitialState::DownZ => down,
        InitialState::PlusX => [1.0, 0.0, 0.0],
        InitialState::Neel if lattice.parity_of_cell(site) == 1 => down,
        InitialState::Neel | InitialState::UpZ | InitialState::Vacuum => up,
    };
    if state == InitialState::Vacuum && !is_rydberg {
        let reason = format!("{} has no vacuum; use \"up_z\"", section.model());
        return refuse("evolution.initial", reason);
    }
    if state == InitialState::Neel && n != lattice.n_sites() {
        let reason = "links have no checkerboard; use \"up_z\"".into();
        return refuse("evolution.initial", reason);
    }
    let laws: Vec<_> = (0..n).map(|i| frame.probabilities(bloch(i))).collect();
    if laws.iter().flatten().any(|p| *p <= 0.0) {
        let reason = format!(
            "an outcome of this frame has probability 0 in {}, whose logarithm no network can hold; use frame = \"rotated\"",
            word(state)
        );
        return refuse("lindblad.frame", reason);
    }
    Ok(laws)
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

fn bar(options: &RunOptions, steps: usize) -> Progress {
    match options.progress {
        true => Progress::new("open system", steps as u64),
        false => Progress::hidden(),
    }
}

fn stopped(i: usize) -> RunError {
    RunError::Interrupted {
        steps: i as u64,
        energy: None,
        checkpoint: None,
    }
}

fn picture(found: &OpenOutcome) -> Figure {
    let mut panel = Panel::new("time", "mean");
    for (o, values) in found.observables.iter().zip(&found.values) {
        let points = found.times.iter().copied().zip(values.iter().copied());
        panel = panel.line(o.name(), points);
    }
    let figure = Figure::new("Driven spins that decay").panel(panel);
    match &found.purity {
        Some(purity) => {
            let points = found.times.iter().copied().zip(purity.iter().copied());
            figure.panel(Panel::new("time", "purity").line("Tr ρ²", points))
        }
        None => figure,
    }
}
