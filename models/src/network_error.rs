//! Why a network cannot be built.

/// Sizes that do not make a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// A size is zero.
    #[error("{name} is 0; a network needs at least 1")]
    Zero {
        /// Name of the field.
        name: &'static str,
    },
    /// The heads do not share the width evenly.
    #[error("width {width} is not a multiple of {heads} heads; choose a width divisible by them")]
    Heads {
        /// Width of a token.
        width: usize,
        /// Number of heads.
        heads: usize,
    },
    /// A tensor of a matrix product state does not fit its neighbours or the space.
    #[error("tensor of site {site}: {reason}; give (d, left, right) entries with bonds that meet")]
    Tensor {
        /// The site, in the order of the tensors.
        site: usize,
        /// What does not fit.
        reason: String,
    },
    /// A value whose amplitude is 0 has no logarithm.
    #[error(
        "value {value} at position {position} has the log-amplitude {found}, which no network can hold; give every value an amplitude above 0"
    )]
    Vanishes {
        /// The position.
        position: usize,
        /// The value of the site there.
        value: usize,
        /// Its log-amplitude.
        found: String,
    },
    /// The outputs of a network are those of no mixing with the tensors.
    #[error(
        "the network has {found} outputs; give it {blockwise} for blockwise or {elementwise} for elementwise mixing"
    )]
    Outputs {
        /// Outputs of the network at each position.
        found: usize,
        /// Outputs of blockwise mixing.
        blockwise: usize,
        /// Outputs of elementwise mixing.
        elementwise: usize,
    },
}
