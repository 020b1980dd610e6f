//! Why states, circuits or runs are refused.

/// What data or parameters can cause.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DiffusionError {
    /// The number of amplitudes is not a power of two.
    #[error("row {row} has {length} amplitudes, not a power of two; pad or resize the data to 2^n")]
    NotPowerOfTwo {
        /// Row of the data.
        row: usize,
        /// Its length.
        length: usize,
    },
    /// Rows differ in length.
    #[error("row {row} has {length} amplitudes, the first row {expected}")]
    Ragged {
        /// Row of the data.
        row: usize,
        /// Its length.
        length: usize,
        /// Length of the first row.
        expected: usize,
    },
    /// A vector of norm 0 is no state.
    #[error("row {row} is zero and cannot be normalised; leave it out")]
    ZeroVector {
        /// Row of the data.
        row: usize,
    },
    /// A number is NaN or infinite.
    #[error("row {row} holds a number that is not finite")]
    NotFinite {
        /// Row of the data.
        row: usize,
    },
    /// There is nothing to work on.
    #[error("{what}: there are {found} and at least {needed} are needed")]
    TooFew {
        /// What there is too little of.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many are needed.
        needed: usize,
    },
    /// T = 0.
    #[error("a diffusion needs at least one step, T >= 1")]
    NoSteps,
    /// A noise rate outside the open interval (0, 1).
    #[error("beta_{step} = {beta} lies outside (0, 1)")]
    Beta {
        /// The step t, from 1.
        step: usize,
        /// The rate.
        beta: f64,
    },
    /// A parameter is outside its range.
    #[error("{key} = {value}: {reason}")]
    Parameter {
        /// Name of the parameter.
        key: &'static str,
        /// Its value.
        value: f64,
        /// What is allowed.
        reason: &'static str,
    },
    /// The states need more memory than allowed.
    #[error(
        "{n_qubits} qubits need {needed} bytes, {allowed} are allowed; take fewer qubits, ancillas, layers, steps or threads, or raise `memory`"
    )]
    Memory {
        /// Qubits and ancillas.
        n_qubits: usize,
        /// Bytes needed.
        needed: f64,
        /// Bytes allowed.
        allowed: u64,
    },
    /// Sizes do not fit together.
    #[error("{what}: {found} instead of {expected}")]
    Mismatch {
        /// The quantity.
        what: &'static str,
        /// Its value.
        found: usize,
        /// What it must be.
        expected: usize,
    },
    /// A term cannot become a gate.
    #[error("term {term} cannot become a gate: {reason}")]
    Term {
        /// Position of the term.
        term: usize,
        /// Why.
        reason: &'static str,
    },
    /// Several states have the lowest energy, and none of them is the ground state.
    #[error(
        "the ground state is degenerate (energy {energy}, gap {gap:.1e}); take a sector or couplings with a single one"
    )]
    Degenerate {
        /// The lowest energy.
        energy: f64,
        /// Distance of the next level.
        gap: f64,
    },
    /// No gate or channel does this.
    #[error("{operation} is no quantum operation here: {reason}")]
    NoGate {
        /// The operation.
        operation: &'static str,
        /// Why not, and what to do.
        reason: &'static str,
    },
    /// An eigenvalue iteration failed.
    #[error("the eigenvalue iteration of {what} did not converge; the numbers may not be finite")]
    NoConvergence {
        /// The matrix.
        what: &'static str,
    },
    /// Training left the finite numbers.
    #[error("the loss at epoch {epoch} is not finite; lower learning_rate")]
    Diverged {
        /// The epoch.
        epoch: usize,
    },
}
