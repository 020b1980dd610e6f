use super::memory::{configurations, gib};

/// Why an exact calculation is refused or fails.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ExactError {
    /// The calculation does not fit into memory. Nothing large has been allocated.
    #[error(
        "{}: {what} needs {}, {} are available; take a smaller lattice or sector, or allow it more memory",
        configurations(*.dimension),
        gib(*.needed),
        gib(*.available)
    )]
    Memory {
        /// What would be allocated.
        what: &'static str,
        /// Number of configurations of the sector.
        dimension: f64,
        /// Bytes needed.
        needed: f64,
        /// Bytes available.
        available: f64,
    },
    /// Columns are counted with 32 bits.
    #[error("the sector has {dimension:.4e} configurations; exact calculations end at 2^32 - 1")]
    TooManyStates {
        /// Number of configurations.
        dimension: f64,
    },
    /// A configuration does not fit into 128 bits.
    #[error(
        "{n_sites} sites of {bits_per_site} bits exceed the 128 bits of an exact basis; use fewer sites"
    )]
    TooWide {
        /// Number of sites.
        n_sites: usize,
        /// Bits that hold the value of a site.
        bits_per_site: usize,
    },
    /// The constraint distinguishes too many prefixes to be counted.
    #[error(
        "the constraint has more than {limit} automaton states at position {position}, so at least as \
         many configurations; use a smaller lattice"
    )]
    TooManyAutomatonStates {
        /// Largest number of states.
        limit: usize,
        /// Position in the reading order.
        position: usize,
    },
    /// No configuration is legal.
    #[error("the sector is empty")]
    Empty,
    /// The sector has fewer levels than were asked for.
    #[error("{asked} levels were asked for, the sector has {dimension}; ask for 1 to {dimension}")]
    LevelCount {
        /// Levels asked for.
        asked: usize,
        /// Number of configurations.
        dimension: usize,
    },
    /// Lanczos stopped before all levels were converged.
    #[error(
        "{converged} of {asked} levels converged after {products} products, the next has residual \
         {residual:.1e}; raise max_products or krylov_dim, or the tolerance"
    )]
    NoConvergence {
        /// Levels converged.
        converged: usize,
        /// Levels asked for.
        asked: usize,
        /// Products of the Hamiltonian and a vector.
        products: usize,
        /// Residual norm of the next level.
        residual: f64,
    },
    /// The dense eigensolver did not converge.
    #[error(
        "the dense eigensolver did not converge at dimension {dimension}; are all elements finite?"
    )]
    Dense {
        /// Size of the matrix.
        dimension: usize,
    },
    /// A number is NaN or infinite.
    #[error("{what} is not finite")]
    NotFinite {
        /// The quantity.
        what: &'static str,
    },
    /// An option is out of range.
    #[error("{key} = {value:e}: {reason}")]
    Parameter {
        /// Name of the option.
        key: &'static str,
        /// Its value.
        value: f64,
        /// What to do.
        reason: &'static str,
    },
    /// A time step shrank to nothing, or the product budget ran out.
    #[error(
        "evolution stopped at t = {reached} of {target} after {products} products; raise max_products or tolerance"
    )]
    Stalled {
        /// Time reached.
        reached: f64,
        /// Time asked for.
        target: f64,
        /// Products of the Hamiltonian and a vector.
        products: usize,
    },
}
