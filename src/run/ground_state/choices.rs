//! What a run file leaves out: sizes, rates and steps chosen from N.

use super::GroundStateRun;
use crate::exact::gib;
use crate::ground_state::DEFAULT_MEMORY;
use crate::run::network::has_single_changes;
use crate::run::{RunError, symmetry, symmetry::Checked};
use crate::run_file::{Network, OptimizerMethod, RunFile, SamplerMethod, Start, Symmetry};
use crate::{Adam, Metropolis, MetropolisParams, MinSr, Schedule, Spring, Sr, TangentSolver};
use ketwork_hamiltonians::{Hamiltonian, Lattice, Model, OnSpace, Scalar};
use ketwork_models::Stream;

/// Largest change of ln psi at a configuration in a step of a state with phases: amplitudes that
/// change sign pass zero in steps and are not thrown beyond it.
pub(super) const MAX_CHANGE: f64 = 0.5;
/// Path in complex time of states with phases: steep enough that amplitudes turn about zero on their way
/// to another sign, and back to imaginary time before the end, where a network that is no complete
/// ansatz would otherwise come to rest beside the lowest energy.
/// J1-J2 4x4, j2 = 0.5, 107 orbits summed (`examples/runs/j1j2_square_4x4.toml`): relative error -5(3)e-9.
pub(super) const SIGNED_TILT: Schedule = Schedule::Power {
    from: 0.3,
    floor: 0.0,
    knee: 100.0,
    power: 2.0,
    warmup: 0,
};
/// Shift of a sum of a state with phases, relative to the mean eigenvalue. An amplitude on its way to another
/// sign has a diagonal of |psi|^2, which no larger shift lets move; there is no noise to be kept out.
const SIGNED_SHIFT: f64 = 1e-5;

impl GroundStateRun {
    /// The run file with what it left out and what does not depend on the state, for the log.
    pub(super) fn filled(&self) -> RunFile {
        let mut run = self.run.clone();
        run.wavefunction.network = run.wavefunction.network.or(Some(Network::Transformer));
        let phase = run.wavefunction.phase;
        run.wavefunction.phase = phase.or(Some(!self.model.is_stoquastic()));
        run.optimizer.steps = Some(self.steps as usize);
        run.optimizer.learning_rate = Some(self.peak());
        if run.sampling.sampler != Some(SamplerMethod::FullSum) {
            run.sampling.samples = Some(self.samples as usize);
        }
        run
    }

    fn peak(&self) -> f64 {
        let default = match self.method() {
            OptimizerMethod::Adam => 5e-3,
            _ => 0.1,
        };
        self.run.optimizer.learning_rate.unwrap_or(default)
    }

    pub(super) fn learning_rate(&self) -> Schedule {
        // A function of the step alone: a run prolonged by --resume equals one that was never stopped.
        Schedule::training_rate(self.model.space().n_sites, self.peak())
    }

    /// The shift of a run; `is_signed_sum` where a state with phases is summed.
    pub(super) fn shift(&self, is_signed_sum: bool) -> Schedule {
        match self.run.optimizer.shift {
            Some(shift) => Schedule::Constant(shift),
            None if is_signed_sum => Schedule::Constant(SIGNED_SHIFT),
            None => Schedule::training_shift(),
        }
    }

    /// Whether steps take the path in complex time: those in the tangent space of a state with phases,
    /// unless DMRG has found its signs already.
    pub(super) fn is_tilted(&self, has_phase: bool) -> bool {
        let from_dmrg = self.run.wavefunction.init == Some(Start::Dmrg);
        has_phase && !from_dmrg && self.method() != OptimizerMethod::Adam
    }

    /// Bound on the memory of a step, in bytes.
    pub(super) fn memory(&self) -> usize {
        let gib = |g: f64| (g * f64::from(1 << 30)) as usize;
        self.run.sampling.memory_gib.map_or(DEFAULT_MEMORY, gib)
    }

    fn method(&self) -> OptimizerMethod {
        self.run.optimizer.method.unwrap_or(OptimizerMethod::Spring)
    }

    /// The solver, with its name, for so many real rows: one for each sample, or each configuration of a full sum,
    /// and component of ln psi.
    ///
    /// # Errors
    /// [`RunError::Value`] where its matrix exceeds the memory bound of a run.
    pub(super) fn solver(
        &self,
        rows: u64,
        n_params: usize,
        is_signed_sum: bool,
    ) -> Result<(&'static str, Box<dyn TangentSolver>), RunError> {
        let n_params = n_params as u64;
        let chosen = self.run.optimizer.method;
        // The schedule sets the shift before each solve.
        let (name, solver, side): (_, Box<dyn TangentSolver>, u64) = match chosen {
            Some(OptimizerMethod::Adam) => ("adam", Box::new(Adam::default()), 0),
            // The same step from the smaller of the two systems.
            None | Some(OptimizerMethod::Minsr | OptimizerMethod::Sr) if n_params < rows => {
                ("sr", Box::new(Sr::default()), n_params)
            }
            None if is_signed_sum => ("minsr", Box::new(MinSr::default()), rows),
            Some(OptimizerMethod::Minsr | OptimizerMethod::Sr) => {
                ("minsr", Box::new(MinSr::default()), rows)
            }
            None | Some(OptimizerMethod::Spring) => {
                ("spring", Box::new(Spring::new(1e-3, 0.8)), rows)
            }
        };
        let bytes = 8.0 * (side as f64).powi(2);
        let bound = self.memory() as f64;
        if bytes > bound {
            return Err(RunError::Value {
                key: "optimizer.method",
                reason: format!(
                    "the solver's matrix of {side} rows needs {}, above the bound of {}; ask for fewer samples \
                     or a smaller network, raise sampling.memory_gib, or use \"adam\"",
                    gib(bytes),
                    gib(bound)
                ),
            });
        }
        Ok((name, solver))
    }

    pub(super) fn metropolis<T: Scalar>(
        &self,
        model: &Model<T>,
        stream: Stream,
    ) -> Result<Metropolis, RunError> {
        // In a sector where no single change is legal only exchanges move.
        let single = has_single_changes(&**model.sector());
        // Neighbours are known where the sites are those of the lattice.
        let has_pairs = model.space().n_sites == self.lattice.n_sites();
        if !single && !has_pairs {
            return Err(RunError::Value {
                key: "sampling.sampler",
                reason:
                    "no change of one site stays in this sector, so Markov chains stand still; \
                         use \"full_sum\", or a network with \"ancestral\" sampling"
                        .into(),
            });
        }
        if !single && self.lattice.edges().is_empty() {
            return Err(RunError::Value {
                key: "sampling.sampler",
                reason: "only exchanges stay in this sector and the lattice has no bond to exchange on; use \
                         \"full_sum\""
                    .into(),
            });
        }
        let pairs = if has_pairs {
            self.lattice.edges().to_vec()
        } else {
            Vec::new()
        };
        let params = MetropolisParams {
            samples: self.samples as usize,
            exchange: if single { 0.0 } else { 1.0 },
            pairs,
            ..MetropolisParams::default()
        };
        Ok(Metropolis::new(model.sector().clone(), params, stream)?)
    }
}

/// The model in the basis where most off-diagonal elements are negative: a network whose phases
/// start near 0 then starts near the right signs. A positive state is an excited state of an
/// antiferromagnet, from which training collapses onto configurations that cannot move.
///
/// A frustrated lattice may have no such basis that keeps its symmetries; where some are asked for
/// and only the basis as written has them, that one stays.
pub(super) fn signed<T: Scalar>(
    model: &Model<T>,
    symmetries: &[Symmetry],
    lattice: &Lattice,
) -> Model<T> {
    let marks = model.terms().sign_gauge();
    if !marks.contains(&true) {
        return model.clone();
    }
    let rotated = model.rotated_by_z(&marks);
    let lost = symmetry::check(&rotated, symmetries, lattice, Checked::Some).is_err();
    if lost && symmetry::check(model, symmetries, lattice, Checked::Some).is_ok() {
        model.clone()
    } else {
        rotated
    }
}

pub(super) fn default_samples(n_sites: usize) -> u64 {
    if n_sites <= 8 { 512 } else { 1024 }
}

pub(super) fn default_steps(n_sites: usize) -> u64 {
    match n_sites {
        0..=12 => 300,
        // Labels of anyons are correlated over long distances: 16 of them need so many.
        13..20 => 600,
        _ => 400,
    }
}
