use crate::mpo::MpoError;

/// Two-site DMRG: what is kept, how long, how exactly.
#[derive(Clone, Debug, PartialEq)]
pub struct DmrgParams {
    /// Largest bond dimension in each sweep; the last one holds for all further sweeps.
    pub bonds: Vec<usize>,
    /// Largest weight that a bond may lose; 1e-14 is where a density matrix ends in rounding.
    pub weight: f64,
    /// Perturbs the density matrices of the first sweeps, so that the state does not stay in a local
    /// minimum.
    pub mixer: Option<Mixer>,
    /// Largest number of products with the effective Hamiltonian at one bond.
    pub krylov: usize,
    /// Two-site sweeps end when the energy changes by less, at the last bond dimension and without
    /// mixer; then those with one site do.
    pub tolerance: f64,
    /// Largest number of two-site sweeps.
    pub max_sweeps: usize,
    /// Bond dimension of the random start.
    pub start_bond: usize,
    /// Seed of the random start.
    pub seed: u64,
    /// Largest number of further sweeps that improve one tensor at a time. Nothing is truncated
    /// there: each step lowers the energy, where the cuts of two-site sweeps keep weight, not energy.
    pub polish: usize,
}

impl Default for DmrgParams {
    /// Bonds 16, 32, 64; a mixer for the first 8 of at most 30 sweeps, 10 with one site; energy to 1e-10.
    fn default() -> Self {
        Self {
            bonds: vec![16, 32, 64],
            weight: 1e-14,
            mixer: Some(Mixer::default()),
            krylov: 8,
            tolerance: 1e-10,
            max_sweeps: 30,
            start_bond: 8,
            seed: 0,
            polish: 10,
        }
    }
}

/// Weight that each part of the operator lends to the density matrix.
///
/// # References
/// S. R. White, Phys. Rev. B 72, 180403 (2005).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mixer {
    /// Weight in the first sweep.
    pub amplitude: f64,
    /// Factor from one sweep to the next.
    pub decay: f64,
    /// Number of sweeps with it.
    pub sweeps: usize,
}

impl Default for Mixer {
    /// 0.03, half of it in each further sweep, 8 sweeps: on frustrated 8 x 8 squares lower energies
    /// than with smaller amplitudes or shorter.
    fn default() -> Self {
        Self {
            amplitude: 0.03,
            decay: 0.5,
            sweeps: 8,
        }
    }
}

/// What one sweep, there and back, has reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sweep {
    /// Number of the sweep, from 0.
    pub index: usize,
    /// Energy of the state as it stands, after all truncations.
    pub energy: f64,
    /// Largest weight that a bond has lost in the second half of the sweep.
    pub truncation: f64,
    /// Largest bond dimension.
    pub bond: usize,
    /// Tensors improved at a time: 2, or 1 in the last sweeps.
    pub sites: usize,
    /// Products with effective Hamiltonians.
    pub products: usize,
    /// CPU seconds of the sweep.
    pub cpu_seconds: f64,
    /// Whether the sweeps have converged with this one.
    pub converged: bool,
}

/// What a run has reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DmrgInfo {
    /// The last sweep.
    pub last: Sweep,
    /// Largest weight that a bond has lost in the last two-site sweep.
    pub truncation: f64,
    /// Number of sweeps.
    pub sweeps: usize,
    /// CPU seconds of all sweeps.
    pub cpu_seconds: f64,
}

/// Why DMRG stops.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DmrgError {
    /// The Hamiltonian cannot be written as a product of tensors.
    #[error(transparent)]
    Mpo(#[from] MpoError),
    /// The automaton of the sector is too wide.
    #[error(
        "the sector has {states} states at position {position}, more than the {limit} that a product operator can restrict the Hamiltonian to; use a smaller lattice or another order"
    )]
    SectorTooWide {
        /// States of the automaton.
        states: usize,
        /// Position along the chain.
        position: usize,
        /// Largest number.
        limit: usize,
    },
    /// An energy is NaN or infinite.
    #[error(
        "the energy is {energy} at bond {bond} of sweep {sweep}; scale the couplings to order 1"
    )]
    NotFinite {
        /// The energy.
        energy: f64,
        /// Bond between positions bond - 1 and bond.
        bond: usize,
        /// Number of the sweep.
        sweep: usize,
    },
    /// An eigenvalue iteration of a small matrix failed.
    #[error(
        "an eigenvalue iteration did not converge at bond {bond}; raise `weight` or lower the bond dimension"
    )]
    Eigen {
        /// Bond between positions bond - 1 and bond.
        bond: usize,
    },
}
