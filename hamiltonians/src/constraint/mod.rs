//! Constraints as automata that read a configuration site by site.
//!
//! A predicate on whole configurations cannot mask a conditional; an automaton can. Sampler,
//! network mask, exact basis and Monte Carlo all share one object.

mod blockade;
mod free;
mod fusion;
mod gauss;
mod ice;
mod modular;
mod number;
mod parity;
mod product;
#[cfg(test)]
mod tests;
mod walk;

pub use blockade::Blockade;
pub use free::Free;
pub use fusion::FusionPath;
pub use gauss::LinkChain;
pub use ice::SquareFlux;
pub use modular::Modular;
pub use number::Number;
pub use parity::Parity;
pub use product::{Product, product};
pub use walk::Walk;

use crate::OnSpace;
use std::fmt::Debug;
use std::sync::Arc;

/// The set of allowed values at one site: bit v is set where value v is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LocalMask(pub u64);

impl LocalMask {
    /// No value.
    pub const NONE: Self = Self(0);

    /// All values below `local_dim`.
    #[must_use]
    pub fn all(local_dim: usize) -> Self {
        Self(if local_dim >= 64 {
            u64::MAX
        } else {
            (1 << local_dim) - 1
        })
    }

    /// One value.
    #[must_use]
    pub fn only(value: u8) -> Self {
        Self(1 << value)
    }

    /// Whether `value` is allowed.
    #[must_use]
    pub fn allows(self, value: u8) -> bool {
        self.0 >> value & 1 == 1
    }

    /// Whether no value is allowed.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Number of allowed values.
    #[must_use]
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// The allowed values, ascending.
    pub fn values(self) -> impl Iterator<Item = u8> {
        let mut bits = self.0;
        std::iter::from_fn(move || {
            (bits != 0).then(|| {
                let v = bits.trailing_zeros() as u8;
                bits &= bits - 1;
                v
            })
        })
    }
}

/// A restricted set of configurations, read in the autoregressive order.
///
/// The automaton's state is `words()` machine words. Positions run over the order, not over sites:
/// position p is site `order()[p]`.
///
/// Laws: *no dead end*, every reachable prefix has a non-empty mask at each position; *complete*,
/// every legal configuration can be reached; `order()` is a permutation of the sites; values
/// outside the mask are never passed to `advance`.
pub trait Constraint: OnSpace + Debug + Send + Sync {
    /// The autoregressive order of the sites.
    fn order(&self) -> &[u32];
    /// Number of words of the state.
    fn words(&self) -> usize;
    /// Writes the state before position 0.
    fn start(&self, state: &mut [u64]);
    /// The values allowed at `position`.
    fn mask(&self, state: &[u64], position: usize) -> LocalMask;
    /// Moves past `position`, whose value is `value`.
    fn advance(&self, state: &mut [u64], position: usize, value: u8);
    /// The constraint as a linear system over Z2, if it is one: products join those by elimination
    /// instead of listing states.
    fn as_parity(&self) -> Option<&Parity> {
        None
    }
    /// The fixed sum of site values, if that is all it says: tensors of matrix product states then
    /// split into blocks.
    fn as_number(&self) -> Option<&Number> {
        None
    }
}

/// A constraint shared by model, network, sampler and basis.
pub type Sector = Arc<dyn Constraint>;

/// Whether a configuration (in site order) is legal.
#[must_use]
pub fn is_legal(constraint: &dyn Constraint, x: &[u8]) -> bool {
    is_legal_with(constraint, x, &mut Vec::new())
}

/// The same with memory for the automaton's state, for use in loops.
#[must_use]
pub fn is_legal_with(constraint: &dyn Constraint, x: &[u8], state: &mut Vec<u64>) -> bool {
    state.resize(constraint.words(), 0);
    constraint.start(state);
    constraint.order().iter().enumerate().all(|(p, &site)| {
        let v = x[site as usize];
        let ok = constraint.mask(state, p).allows(v);
        if ok {
            constraint.advance(state, p, v);
        }
        ok
    })
}

/// Writes a legal configuration (in site order): at each position the allowed value that the uniform
/// number in [0, 1) of that position picks.
///
/// Every legal configuration can come out, but not all equally often.
///
/// # Panics
/// If `x` has the wrong length.
///
/// # Examples
/// ```
/// use ketwork_hamiltonians::{Number, Space, draw_legal};
/// let half = Number::new(Space::qubits(4), 2)?;
/// let mut x = [0; 4];
/// // The highest allowed value, as long as there is a choice.
/// draw_legal(&half, |_| 0.99, &mut x);
/// assert_eq!(x, [1, 1, 0, 0]);
/// # Ok::<(), ketwork_hamiltonians::ConstraintError>(())
/// ```
#[track_caller]
pub fn draw_legal(
    constraint: &dyn Constraint,
    mut uniform: impl FnMut(usize) -> f64,
    x: &mut [u8],
) {
    assert_eq!(
        x.len(),
        constraint.order().len(),
        "a configuration has one value for each site"
    );
    let mut state = vec![0; constraint.words()];
    constraint.start(&mut state);
    for (position, &site) in constraint.order().iter().enumerate() {
        let mask = constraint.mask(&state, position);
        let choice = (uniform(position) * f64::from(mask.count())) as usize;
        let value = mask
            .values()
            .nth(choice)
            .expect("a reachable prefix has an allowed value");
        x[site as usize] = value;
        constraint.advance(&mut state, position, value);
    }
}

/// Why a constraint cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConstraintError {
    /// No configuration satisfies it.
    #[error("the sector is empty: {reason}")]
    Empty {
        /// What cannot be satisfied.
        reason: String,
    },
    /// The look-ahead automaton would need too many states.
    #[error(
        "the exact look-ahead needs more than {limit} automaton states at position {position}; use a narrower lattice or fewer constraints"
    )]
    TooLarge {
        /// Largest number of states.
        limit: usize,
        /// Position at which the limit was passed.
        position: usize,
    },
    /// A lattice whose look-ahead automaton would be too wide.
    #[error(
        "the exact look-ahead reads the lattice along a front of {width} sites, at most {limit} are \
         affordable; take a narrower lattice, or open the ends of the longer direction"
    )]
    TooWide {
        /// Width of the front.
        width: usize,
        /// Largest width.
        limit: usize,
    },
    /// A modulus with fewer or more values than a site can hold.
    #[error("a Gauss law modulo {modulus} needs sites of {modulus} values; choose 2 to 64")]
    Modulus {
        /// The modulus.
        modulus: usize,
    },
    /// A static charge that the gauge group or the links of a vertex do not have.
    #[error("vertex {vertex} cannot have the static charge {charge}; allowed: {allowed}")]
    Charge {
        /// The vertex.
        vertex: u32,
        /// Its charge.
        charge: String,
        /// What it may be.
        allowed: String,
    },
    /// Static charges that no field can connect: every link leaves one vertex and enters another.
    #[error("the static charges add up to {total}, not to 0{modulo}; add the opposite charge")]
    TotalCharge {
        /// Their sum.
        total: i64,
        /// " mod N" in a finite group.
        modulo: String,
    },
    /// A level of SU(2)_k without a choice of labels, or with more than a site can hold.
    #[error(
        "level {level} needs {labels} labels a site, possible are 2 to 64; \
         choose another level (an even one needs only the labels that an open chain reaches)"
    )]
    Labels {
        /// The level k.
        level: usize,
        /// Labels of a site.
        labels: usize,
    },
    /// The parts speak of different spaces or orders.
    #[error("{reason}")]
    Mismatch {
        /// What differs.
        reason: String,
    },
}

#[track_caller]
fn assert_permutation(order: &[u32], n_sites: usize) {
    let mut seen = vec![false; n_sites];
    assert_eq!(order.len(), n_sites, "the order must name each site once");
    for &s in order {
        assert!(
            !std::mem::replace(&mut seen[s as usize], true),
            "site {s} stands twice in the order"
        );
    }
}

/// Replaces linear checks, ends kept and ascending, until no two start at one position: of two with
/// one start, the one that ends later is changed by `cancel`, which makes it start later or, where it
/// cannot, returns false and leaves it.
fn separate_starts<C: Clone>(
    checks: &mut [C],
    n: usize,
    first: impl Fn(&C) -> usize,
    cancel: impl Fn(&mut C, &C, usize) -> bool,
) {
    let mut by_start: Vec<Option<usize>> = vec![None; n];
    for k in 0..checks.len() {
        let mut moving = k;
        loop {
            let start = first(&checks[moving]);
            let Some(resident) = by_start[start] else {
                by_start[start] = Some(moving);
                break;
            };
            // Indices ascend with the ends.
            let (keep, change) = (resident.min(moving), resident.max(moving));
            by_start[start] = Some(keep);
            let kept = checks[keep].clone();
            if !cancel(&mut checks[change], &kept, start) {
                break;
            }
            moving = change;
        }
    }
}
