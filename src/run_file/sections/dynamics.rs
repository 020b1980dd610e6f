//! `[evolution]` and `[lindblad]`.

use super::{counts, not_negative, positive};
use crate::run_file::RunFileError;
use serde::{Deserialize, Serialize};

words! {
    /// A method of closed dynamics.
    EvolutionMethod {
        /// Time-dependent variational principle.
        Tdvp,
        /// Time-evolving neural state with an Euler target.
        TengEuler,
        /// The same with a Heun target.
        TengHeun,
        /// One network for all times.
        Spacetime,
        /// Krylov evolution of the full state.
        Exact,
    }
}

words! {
    /// A Runge-Kutta integrator.
    Integrator {
        /// First order.
        Euler,
        /// Second order.
        Heun,
        /// Fourth order.
        Rk4,
        /// Fifth order with step control.
        Rk45,
    }
}

words! {
    /// A product state to start from.
    InitialState {
        /// All up.
        UpZ,
        /// All down.
        DownZ,
        /// All along +x.
        PlusX,
        /// Up where x + y + z is even.
        Neel,
        /// No particle; for Rydberg atoms no excitation.
        Vacuum,
    }
}

words! {
    /// A quantity to report.
    Observable {
        /// Mean of X.
        MeanSx,
        /// Mean of Y.
        MeanSy,
        /// Mean of Z.
        MeanSz,
        /// Mean of ZZ over bonds.
        ZzNn,
        /// $(1/N) \sum (-1)^{x+y+z} S^z$.
        StaggeredSz,
        /// Rydberg excitations for each site.
        Density,
        /// Particles and holes for each vertex of a quantum link chain.
        ParticleDensity,
        /// Mean electric field.
        Flux,
        /// Total energy.
        Energy,
    }
}

/// `[evolution]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvolutionSection {
    /// The method.
    pub method: Option<EvolutionMethod>,
    /// Step in time.
    pub dt: Option<f64>,
    /// The times to return, ascending.
    pub times: Vec<f64>,
    /// The integrator.
    pub integrator: Option<Integrator>,
    /// The initial state.
    pub initial: Option<InitialState>,
    /// What to report.
    pub observables: Vec<Observable>,
}

words! {
    /// A method of open dynamics.
    LindbladMethod {
        /// Implicit trapezoid steps.
        Trapezoid,
        /// Time-dependent variational principle.
        Tdvp,
        /// Time-evolving neural state.
        Teng,
        /// The steady state, without dynamics.
        SteadyState,
        /// The full density matrix.
        Exact,
    }
}

words! {
    /// A four-outcome measurement of each spin.
    FrameName {
        /// The tetrahedron whose corners avoid the axes.
        Rotated,
        /// The tetrahedron with one corner along z.
        Tetrahedral,
        /// Pauli-4.
        Pauli4,
    }
}

/// `[lindblad]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LindbladSection {
    /// Rate of the jump |down><up| on every site.
    pub gamma: Option<f64>,
    /// The method.
    pub method: Option<LindbladMethod>,
    /// Number of string orderings.
    pub strings: Option<usize>,
    /// The measurement.
    pub frame: Option<FrameName>,
}

impl EvolutionSection {
    pub(in crate::run_file) fn validate(&self) -> Result<(), RunFileError> {
        positive("evolution.dt", self.dt)?;
        let ascending = self.times.windows(2).all(|w| w[0] < w[1]);
        if !ascending || self.times.first().is_some_and(|&t| t < 0.0) {
            let reason = "write times from 0 on, each later than the one before";
            return Err(RunFileError::value("evolution.times", reason));
        }
        let repeated = |(i, o)| self.observables[..i].contains(o);
        if self.observables.iter().enumerate().any(repeated) {
            return Err(RunFileError::value(
                "evolution.observables",
                "name each observable once",
            ));
        }
        Ok(())
    }
}

impl LindbladSection {
    pub(in crate::run_file) fn validate(&self) -> Result<(), RunFileError> {
        counts("lindblad", &[("strings", self.strings)])?;
        not_negative("lindblad.gamma", self.gamma)
    }
}
