//! Open systems: measurement frames, Lindblad generators, and the generator on outcome strings.

mod driven;
mod frame;
mod lindblad;
#[cfg(test)]
mod tests;

pub use driven::{DrivenGenerator, DrivenLindblad};
pub use frame::Frame;
pub use lindblad::{Jump, Lindblad};

/// Why an open system is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The effects of a frame do not add up to 1, or are not Hermitian.
    #[error("the effects of a frame must be Hermitian and add up to 1; {what}")]
    Effects {
        /// What is wrong.
        what: &'static str,
    },
    /// An effect that gives some state a negative probability.
    #[error(
        "effect {effect} has the eigenvalue {lowest:.3e}, a negative probability for some state; effects are positive"
    )]
    Negative {
        /// Position of the effect.
        effect: usize,
        /// Its smallest eigenvalue.
        lowest: f64,
    },
    /// Effects that do not span all matrices.
    #[error("the frame is not informationally complete: its effects are linearly dependent")]
    Incomplete,
    /// A rate below 0 is no completely positive evolution.
    #[error("jump {jump} has the rate {rate}; rates are finite and not negative")]
    Rate {
        /// Position of the jump.
        jump: usize,
        /// Its rate.
        rate: f64,
    },
    /// A jump names a site that is not there, or one twice.
    #[error("jump {jump} acts on sites {sites:?}; write distinct sites below {n_sites}")]
    Sites {
        /// Position of the jump.
        jump: usize,
        /// Its sites.
        sites: Vec<u32>,
        /// Number of sites.
        n_sites: usize,
    },
    /// A jump's matrix does not fit its sites.
    #[error("jump {jump} has {found} matrix elements; {expected} fit its sites")]
    Shape {
        /// Position of the jump.
        jump: usize,
        /// Elements there are.
        found: usize,
        /// Elements needed.
        expected: usize,
    },
    /// A matrix element of a jump is NaN or infinite.
    #[error("element {element} of the matrix of jump {jump} is not a finite number; give it one")]
    NotFinite {
        /// Position of the jump.
        jump: usize,
        /// Position of the element, row by row.
        element: usize,
    },
    /// Sites that are no qubits.
    #[error("sites have {local_dim} values; frames are written for qubits")]
    NotQubits {
        /// Values of a site.
        local_dim: usize,
    },
    /// A term on too many sites.
    #[error(
        "a term on {sites} sites makes {sites} four-valued sites; at most {most} are affordable"
    )]
    Wide {
        /// Sites of the term, guarded ones included.
        sites: usize,
        /// Most sites.
        most: usize,
    },
    /// A Hamiltonian that is not Hermitian, or elements that are no numbers.
    #[error(transparent)]
    Operator(#[from] crate::OperatorError),
}
