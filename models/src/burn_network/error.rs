//! Why a Burn module is no network of a state.

/// What a [`BurnConditional`](crate::BurnConditional), a [`BurnState`](crate::BurnState) or a
/// [`BurnRealMap`](crate::BurnRealMap) refuses.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BurnError {
    /// The device computes in another precision.
    #[error(
        "Burn's device computes in {found}, not {expected}: Burn fixes the precision of a device \
         with its first tensor; build the network before any other tensor"
    )]
    Precision {
        /// Precision of the device.
        found: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The module has no parameter.
    #[error(
        "the module has no trainable parameter; give its weights as `Param` and do not freeze all"
    )]
    NoParameters,
    /// The output has another shape.
    #[error(
        "the output has shape {found:?} for {rows} rows of {n_sites} sites or numbers, not {expected:?}; \
         a state gives log-amplitudes and, where it has a phase, the phases behind them"
    )]
    Shape {
        /// Shape of the output.
        found: Vec<usize>,
        /// Rows that were asked.
        rows: usize,
        /// Sites of a row.
        n_sites: usize,
        /// Shape that it must have.
        expected: Vec<usize>,
    },
    /// An output is NaN or infinite.
    #[error("number {place} of a row's output is {value}; bound what divides or grows")]
    NotFinite {
        /// Its place in the output of the row.
        place: usize,
        /// The number.
        value: f64,
    },
    /// The output at a position changes with a later token.
    #[error(
        "not causal: the output at position {position} changes by {change:.1e} with the value at \
         position {sees}, which is token {}; mask or shift, so that it sees tokens 0 to {position} only",
        sees + 1
    )]
    NotCausal {
        /// Position of the output.
        position: usize,
        /// Position of the value that it must not see.
        sees: usize,
        /// Change of the output.
        change: f64,
    },
    /// The output of a row changes with the other rows.
    #[error(
        "the output of a row changes by {change:.1e} with the rows beside it; normalise within a row, \
         not over the batch"
    )]
    Coupled {
        /// Change of the output.
        change: f64,
    },
    /// `takes_prefixes` promises too much.
    #[error(
        "the outputs of the first {length} tokens are not the first {length} of all; leave \
         `takes_prefixes` false, or cut positions and masks to the tokens that are there"
    )]
    Prefix {
        /// Number of tokens.
        length: usize,
    },
    /// A copy of the parameters for each row gives something else.
    #[error(
        "with a copy of the parameters for each row the {what} differ by {change:.1e}; take all parameters \
         from `copies` and let a row meet no copy but its own"
    )]
    Copies {
        /// Outputs or derivatives.
        what: &'static str,
        /// Their difference.
        change: f64,
    },
    /// The output with derivatives differs from the one without.
    #[error(
        "the output of a training pass differs by {change:.1e} from the plain one; take dropout and \
         noise out, sampling is the noise of this method"
    )]
    Training {
        /// Difference of the outputs.
        change: f64,
    },
}
