//! Few-site terms: what a sum is made of, and why one is refused.

use crate::{LocalMask, Pauli, Scalar, Space};
use num_complex::Complex64;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a term does to its sites.
#[derive(Clone, Debug, PartialEq)]
pub enum Action<T> {
    /// Sparse rows (row, column, element) of a $d^k \times d^k$ matrix; the first site is the most
    /// significant digit, as in the Kronecker product.
    Rows(Arc<[(u32, u32, T)]>),
    /// A Pauli matrix on each site, times a factor: strings of any length.
    Pauli(Vec<Pauli>, T),
}

/// One few-site term, times the value of its coupling.
///
/// It acts only where every guarded site's value lies in its mask: PXP is X with the neighbours
/// guarded to value 0. Guarded sites are not among `sites`.
#[derive(Clone, Debug, PartialEq)]
pub struct Term<T> {
    /// The sites acted on, distinct.
    pub sites: Vec<u32>,
    /// Sites that must hold one of the masked values.
    pub guard: Vec<(u32, LocalMask)>,
    /// The action.
    pub action: Action<T>,
    /// Index into the couplings of the sum.
    pub coupling: u32,
}

/// Why a sum of terms is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// A site index is too large.
    #[error("term {term} acts on site {site}, but there are only {n_sites} sites (0 to {})", n_sites - 1)]
    SiteOutOfRange {
        /// Position of the term.
        term: usize,
        /// The site.
        site: u32,
        /// Number of sites.
        n_sites: usize,
    },
    /// A site occurs twice in one term.
    #[error("term {term} names site {site} twice; multiply the factors on that site first")]
    RepeatedSite {
        /// Position of the term.
        term: usize,
        /// The site.
        site: u32,
    },
    /// A coupling or matrix element is NaN or infinite.
    #[error("{what} is not a finite number; give it one")]
    NotFinite {
        /// The quantity.
        what: String,
    },
    /// A row or column lies outside the local space, or a Pauli string has the wrong length.
    #[error(
        "term {term} does not fit its {n_sites} sites of dimension {local_dim}; give rows and columns below their \
         product of dimensions, or one letter for each site"
    )]
    WrongShape {
        /// Position of the term.
        term: usize,
        /// Number of sites of the term.
        n_sites: usize,
        /// Local dimension.
        local_dim: usize,
    },
    /// An odd number of Y makes a string imaginary.
    #[error("term {term} has an odd number of Y, which real elements cannot hold; use Complex64")]
    NeedsComplex {
        /// Position of the term.
        term: usize,
    },
    /// A Hamiltonian must be Hermitian.
    #[error(
        "the terms on sites {sites:?} are not Hermitian: element ({row}, {column}) is {element}, its transpose {transpose}; add the Hermitian conjugate"
    )]
    NotHermitian {
        /// The sites, ascending.
        sites: Vec<u32>,
        /// Row.
        row: usize,
        /// Column.
        column: usize,
        /// Element there.
        element: Complex64,
        /// Element at the transposed place.
        transpose: Complex64,
    },
    /// No coupling has this name.
    #[error("there is no coupling {name:?}; the model has {known:?}")]
    UnknownCoupling {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
}

pub(crate) fn check_term<T: Scalar>(
    space: Space,
    t: usize,
    term: &Term<T>,
) -> Result<(), OperatorError> {
    let mut seen = BTreeSet::new();
    for &site in term.sites.iter().chain(term.guard.iter().map(|(s, _)| s)) {
        if site as usize >= space.n_sites {
            return Err(OperatorError::SiteOutOfRange {
                term: t,
                site,
                n_sites: space.n_sites,
            });
        }
        if !seen.insert(site) {
            return Err(OperatorError::RepeatedSite { term: t, site });
        }
    }
    let wrong = OperatorError::WrongShape {
        term: t,
        n_sites: term.sites.len(),
        local_dim: space.local_dim,
    };
    let not_finite = || OperatorError::NotFinite {
        what: format!("an element of term {t}"),
    };
    match &term.action {
        Action::Rows(rows) => {
            let size = (space.local_dim as u64).checked_pow(term.sites.len() as u32);
            let Some(size) = size.filter(|&s| s <= 1 << 16) else {
                return Err(wrong);
            };
            for &(r, c, v) in rows.iter() {
                if u64::from(r.max(c)) >= size {
                    return Err(wrong);
                }
                if !v.is_finite() {
                    return Err(not_finite());
                }
            }
        }
        Action::Pauli(string, v) => {
            let needs_phase = string.iter().filter(|&&p| p == Pauli::Y).count() % 2 == 1;
            if string.len() != term.sites.len() || space.local_dim != 2 {
                return Err(wrong);
            }
            if needs_phase && T::COMPONENTS == 1 {
                return Err(OperatorError::NeedsComplex { term: t });
            }
            if !v.is_finite() {
                return Err(not_finite());
            }
        }
    }
    Ok(())
}

pub(crate) fn rotate_term<T: Scalar>(term: &Term<T>, marked: &[bool]) -> Term<T> {
    let k = term.sites.len();
    // Rows act on at most 16 sites (their dimension is limited), so that the bits fit.
    let bits = match &term.action {
        Action::Rows(_) => (0..k)
            .filter(|&i| marked[term.sites[i] as usize])
            .fold(0u32, |m, i| m | 1 << (k - 1 - i)),
        Action::Pauli(..) => 0,
    };
    let action = match &term.action {
        Action::Rows(rows) => Action::Rows(
            rows.iter()
                .map(|&(r, c, v)| {
                    (
                        r,
                        c,
                        if ((r ^ c) & bits).count_ones() % 2 == 1 {
                            -v
                        } else {
                            v
                        },
                    )
                })
                .collect(),
        ),
        Action::Pauli(string, v) => {
            let odd = string
                .iter()
                .zip(&term.sites)
                .filter(|&(p, &s)| matches!(p, Pauli::X | Pauli::Y) && marked[s as usize])
                .count()
                % 2
                == 1;
            Action::Pauli(string.clone(), if odd { -*v } else { *v })
        }
    };
    Term {
        action,
        ..term.clone()
    }
}

pub(crate) fn real_terms(terms: &[Term<Complex64>]) -> Option<Vec<Term<f64>>> {
    let narrow = |action: &Action<Complex64>| match action {
        Action::Rows(rows) => rows
            .iter()
            .map(|&(r, c, v)| f64::from_complex(v).map(|v| (r, c, v)))
            .collect::<Option<_>>()
            .map(Action::Rows),
        Action::Pauli(string, v) => {
            let even = string
                .iter()
                .filter(|&&p| p == Pauli::Y)
                .count()
                .is_multiple_of(2);
            let v = f64::from_complex(*v).filter(|_| even)?;
            Some(Action::Pauli(string.clone(), v))
        }
    };
    terms
        .iter()
        .map(|t| {
            let action = narrow(&t.action)?;
            let (sites, guard) = (t.sites.clone(), t.guard.clone());
            Some(Term {
                sites,
                guard,
                action,
                coupling: t.coupling,
            })
        })
        .collect()
}
