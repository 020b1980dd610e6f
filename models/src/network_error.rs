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
}
