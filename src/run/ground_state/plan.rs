//! Which samples a run trains on, and which it measures with.

use super::GroundStateRun;
use crate::{FullSum, Independent, Sampler};
use ketwork_hamiltonians::Scalar;
use ketwork_models::{Ansatz, Stream, Wavefunction};

/// Values of a configuration that half of the shots draw uniformly, on average, in training states
/// with phases. J1-J2 4x4 with j2 = 0.2, ANTN from DMRG, 150 steps: relative error 1.5e-3 with
/// it, 2e-2 without.
const UNIFORM_VALUES: f64 = 8.0;
/// Largest probability of a uniform value: in small systems the broad law is broad enough.
const MOST_UNIFORM: f64 = 0.5;

/// Probability with which half of the shots draw each of so many values uniformly.
pub(in crate::run) fn broad_for(n_sites: usize) -> f64 {
    (UNIFORM_VALUES / n_sites as f64).min(MOST_UNIFORM)
}

/// The samplers of a run.
pub(super) struct Plan<W: Wavefunction + ?Sized> {
    /// How samples are drawn, for the log.
    pub(super) name: &'static str,
    /// For the steps.
    pub(super) sampler: Box<dyn Sampler<W>>,
    /// Its rows, at most.
    pub(super) rows: u64,
    /// Whether it sums over all configurations or their orbits: gradients without noise.
    pub(super) is_sum: bool,
    /// For the final energy, where it is another.
    pub(super) measure: Option<Box<dyn Sampler<W>>>,
}

impl<W: Wavefunction + ?Sized> Plan<W> {
    pub(super) fn sums(all: FullSum) -> Self {
        Self {
            name: "sum",
            rows: all.n_rows() as u64,
            is_sum: true,
            sampler: Box::new(all),
            measure: None,
        }
    }

    pub(super) fn draws(name: &'static str, sampler: impl Sampler<W> + 'static, rows: u64) -> Self {
        Self {
            name,
            sampler: Box::new(sampler),
            rows,
            is_sum: false,
            measure: None,
        }
    }

    pub(super) fn measured_by(self, sampler: impl Sampler<W> + 'static) -> Self {
        Self {
            measure: Some(Box::new(sampler)),
            ..self
        }
    }
}

impl GroundStateRun {
    /// Shots of a broader law than that of a state with phases: it has nodes, and shots of its own law
    /// miss what the configurations near them contribute. A start from DMRG vanishes on whole blocks,
    /// which its own shots never leave.
    pub(super) fn broad<L: Scalar>(
        &self,
        psi: &dyn Ansatz<Log = L>,
        stream: Stream,
    ) -> Option<Independent> {
        let uniform = broad_for(psi.space().n_sites);
        let offers = psi.draw_broadly(&[], 0..0, stream, uniform).is_some();
        (L::COMPONENTS == 2 && offers)
            .then(|| Independent::new(self.samples, stream).broadened(uniform))
    }
}
