//! Why a simulation is refused.

/// Why a model or its parameters are refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SseError {
    /// Some weights would be negative.
    #[error(
        "term {term} on sites {sites:?} (coupling {coupling:?}) has a sign problem: {reason}; \
         a stochastic series with negative weights has errors that grow exponentially"
    )]
    SignProblem {
        /// Position of the term in the model.
        term: usize,
        /// Its sites.
        sites: Vec<u32>,
        /// Name of its coupling.
        coupling: String,
        /// Which weight is negative.
        reason: String,
    },
    /// No update is known for this kind of term.
    #[error("term {term} on sites {sites:?} (coupling {coupling:?}) is not supported: {reason}")]
    Unsupported {
        /// Position of the term in the model.
        term: usize,
        /// Its sites.
        sites: Vec<u32>,
        /// Name of its coupling.
        coupling: String,
        /// What the engine can do instead.
        reason: String,
    },
    /// The sites are not qubits.
    #[error("sites have {local_dim} values; the series expansion is written for 2")]
    NotQubits {
        /// Values of a site.
        local_dim: usize,
    },
    /// The sector is not the one the terms live in.
    #[error("the sector does not fit the terms: {reason}")]
    Sector {
        /// Which configuration shows it.
        reason: String,
    },
    /// The graph of blockades and couplings falls apart.
    #[error(
        "sites 0 and {site} are not connected by any term or blockade; simulate the parts one by one"
    )]
    Disconnected {
        /// A site that cannot be reached from site 0.
        site: u32,
    },
    /// An edge joins a site with itself.
    #[error("edge {edge} joins site {site} with itself: a site cannot blockade itself")]
    SelfLoop {
        /// Position of the edge.
        edge: usize,
        /// The site.
        site: u32,
    },
    /// An edge names a site that is not there.
    #[error("edge {edge} names site {site}, but there are only {n_sites} sites")]
    SiteOutOfRange {
        /// Position of the edge.
        edge: usize,
        /// The site.
        site: u32,
        /// Number of sites.
        n_sites: usize,
    },
    /// Only one configuration is left.
    #[error("the sector leaves no configuration beyond the vacuum; loosen the blockade")]
    OnlyVacuum,
    /// A parameter is outside its range.
    #[error("{key}: {reason}")]
    Parameter {
        /// Name of the parameter.
        key: &'static str,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The cut-off left out strings while it was measured: the thermalisation was too short.
    ///
    /// Strings of n operators in M slots are sampled with their exact weights for $n \le M$. M is
    /// fixed with the thermalisation, so that one law is sampled throughout: a string that grew
    /// where it is found long would be measured by a rule that depends on what is measured. A run
    /// is refused where n came within $\sqrt n$ of M, one standard deviation of a Poisson number and
    /// less than one of n, whose variance is $\langle n \rangle$ plus the specific heat. Where no
    /// sweep came so close, what lies beyond M weighs far less than one sweep.
    #[error(
        "while it was measured a string reached {operators} operators in {slots} slots, which leaves \
         out longer ones and falsifies all results; thermalise for longer (thermalization = {advice})"
    )]
    CutOff {
        /// Most operators in a measured sweep.
        operators: usize,
        /// Slots M of the string.
        slots: usize,
        /// Sweeps of thermalisation to try.
        advice: u64,
    },
    /// A saved state belongs to another model or other parameters.
    #[error("the saved state does not fit: {reason}")]
    Resume {
        /// What differs.
        reason: String,
    },
}
