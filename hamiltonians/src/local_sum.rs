//! A model as a sum of few-site terms, from which every engine derives what it needs.

use crate::kernel::Kernel;
use crate::term::{check_term, real_terms, rotate_term};
use crate::{
    Action, ConfigsRef, Connected, OnSpace, Operator, OperatorError, Pauli, Scalar, Space, Term,
};
use num_complex::Complex64;

/// $O = \sum_t c_{k(t)} A_t$: few-site terms with named couplings.
///
/// Not necessarily Hermitian (jump operators and Liouvillians are sums too); a [`crate::Model`] is.
/// Connected elements are derived; terms on the same sites are merged first.
#[derive(Clone, Debug)]
pub struct LocalSum<T> {
    space: Space,
    terms: Vec<Term<T>>,
    couplings: Vec<(String, f64)>,
    kernel: Kernel<T>,
}

impl<T: Scalar> LocalSum<T> {
    /// Checks and compiles the terms.
    ///
    /// # Errors
    /// [`OperatorError`] for sites out of range or repeated, non-finite numbers, wrong shapes.
    ///
    /// # Panics
    /// If a term names a coupling that is not there.
    #[track_caller]
    pub fn new(
        space: Space,
        terms: Vec<Term<T>>,
        couplings: Vec<(String, f64)>,
    ) -> Result<Self, OperatorError> {
        for (name, value) in &couplings {
            if !value.is_finite() {
                return Err(OperatorError::NotFinite {
                    what: format!("coupling {name} = {value}"),
                });
            }
        }
        for (t, term) in terms.iter().enumerate() {
            assert!(
                (term.coupling as usize) < couplings.len(),
                "term {t} names coupling {}",
                term.coupling
            );
            check_term(space, t, term)?;
        }
        let kernel = Kernel::new(space, &terms, &couplings);
        Ok(Self {
            space,
            terms,
            couplings,
            kernel,
        })
    }

    /// The terms.
    #[must_use]
    pub fn terms(&self) -> &[Term<T>] {
        &self.terms
    }

    /// The named couplings.
    #[must_use]
    pub fn couplings(&self) -> &[(String, f64)] {
        &self.couplings
    }

    /// The same sum with one coupling changed.
    ///
    /// # Errors
    /// [`OperatorError`] for an unknown name or a non-finite value.
    pub fn with_coupling(&self, name: &str, value: f64) -> Result<Self, OperatorError> {
        let index = self.coupling_index(name)?;
        let mut couplings = self.couplings.clone();
        couplings[index].1 = value;
        Self::new(self.space, self.terms.clone(), couplings)
    }

    /// The same sum with all couplings changed.
    ///
    /// Values are not checked: one that is not finite makes elements that are not.
    ///
    /// # Panics
    /// If `values` differs in length from the couplings.
    #[track_caller]
    #[must_use]
    pub fn with_values(&self, values: &[f64]) -> Self {
        assert_eq!(
            values.len(),
            self.couplings.len(),
            "one value for each coupling"
        );
        let mut couplings = self.couplings.clone();
        for ((_, c), &v) in couplings.iter_mut().zip(values) {
            *c = v;
        }
        let kernel = Kernel::new(self.space, &self.terms, &couplings);
        Self {
            space: self.space,
            terms: self.terms.clone(),
            couplings,
            kernel,
        }
    }

    /// Place of a named coupling in [`Self::couplings`].
    ///
    /// # Errors
    /// [`OperatorError::UnknownCoupling`] for an unknown name.
    pub fn coupling_index(&self, name: &str) -> Result<usize, OperatorError> {
        self.couplings
            .iter()
            .position(|(n, _)| n == name)
            .ok_or_else(|| OperatorError::UnknownCoupling {
                name: name.to_owned(),
                known: self.couplings.iter().map(|(n, _)| n.clone()).collect(),
            })
    }

    /// Tr O / dim over the whole space, without the sector: the mean at infinite temperature.
    #[must_use]
    pub fn mean_diagonal(&self) -> f64 {
        let d = self.space.local_dim as f64;
        let of_term = |term: &Term<T>| {
            let open: f64 = term
                .guard
                .iter()
                .map(|(_, m)| f64::from(m.count()) / d)
                .product();
            let trace = match &term.action {
                Action::Rows(rows) => {
                    rows.iter()
                        .filter(|(r, c, _)| r == c)
                        .map(|(_, _, v)| v.re())
                        .sum::<f64>()
                        / d.powi(term.sites.len() as i32)
                }
                Action::Pauli(string, v) if string.iter().all(|&p| p == Pauli::I) => v.re(),
                Action::Pauli(..) => 0.0,
            };
            self.couplings[term.coupling as usize].1 * open * trace
        };
        self.terms.iter().map(of_term).sum()
    }

    /// Checks that the terms on each set of sites are Hermitian together.
    ///
    /// # Errors
    /// [`OperatorError::NotHermitian`] with the offending element.
    pub fn check_hermitian(&self) -> Result<(), OperatorError> {
        self.kernel.check_hermitian()
    }

    /// Conjugation by Z on the `marked` qubits: X and Y change sign there.
    ///
    /// On one sublattice of a bipartite lattice this is the Marshall rotation, which makes the
    /// off-diagonal elements of antiferromagnetic exchange negative.
    ///
    /// # Panics
    /// If the sites are not qubits or `marked` has the wrong length.
    ///
    /// # References
    /// W. Marshall, Proc. R. Soc. A 232, 48 (1955).
    #[track_caller]
    #[must_use]
    pub fn rotated_by_z(&self, marked: &[bool]) -> Self {
        assert_eq!(
            self.space.local_dim, 2,
            "rotation by Z is defined for qubits"
        );
        assert_eq!(marked.len(), self.space.n_sites, "one mark for each site");
        let terms: Vec<_> = self.terms.iter().map(|t| rotate_term(t, marked)).collect();
        let kernel = Kernel::new(self.space, &terms, &self.couplings);
        Self {
            space: self.space,
            terms,
            couplings: self.couplings.clone(),
            kernel,
        }
    }

    /// Whether the terms on each set of sites have off-diagonal elements that are real and at
    /// most 0: then the lowest state can be chosen non-negative (Perron-Frobenius), and a network
    /// needs no phase.
    ///
    /// Sufficient, not necessary: elements of terms on different sites that lead to the same
    /// configuration are not added up here.
    #[must_use]
    pub fn is_stoquastic(&self) -> bool {
        self.kernel.is_stoquastic()
    }

    /// The same sum with complex elements.
    #[must_use]
    pub fn to_complex(&self) -> LocalSum<Complex64> {
        self.map(|v| v.to_complex())
    }

    /// A bound of the operator norm: the sum of a bound for the terms on each set of sites.
    #[must_use]
    pub fn norm_bound(&self) -> f64 {
        self.kernel.norm_bound()
    }

    fn map<U: Scalar>(&self, f: impl Fn(T) -> U) -> LocalSum<U> {
        let terms: Vec<_> = self
            .terms
            .iter()
            .map(|t| Term {
                sites: t.sites.clone(),
                guard: t.guard.clone(),
                coupling: t.coupling,
                action: match &t.action {
                    Action::Rows(rows) => {
                        Action::Rows(rows.iter().map(|&(r, c, v)| (r, c, f(v))).collect())
                    }
                    Action::Pauli(string, v) => Action::Pauli(string.clone(), f(*v)),
                },
            })
            .collect();
        let kernel = Kernel::new(self.space, &terms, &self.couplings);
        LocalSum {
            space: self.space,
            terms,
            couplings: self.couplings.clone(),
            kernel,
        }
    }
}

impl LocalSum<Complex64> {
    /// The same sum with real elements, where every element is real after terms on the same sites
    /// are merged.
    ///
    /// Terms and couplings are kept where each term is real by itself; where imaginary parts only
    /// cancel between terms, these are merged and the one coupling left is "1".
    #[must_use]
    pub fn to_real(&self) -> Option<LocalSum<f64>> {
        if let Some(terms) = real_terms(&self.terms) {
            let couplings = self.couplings.clone();
            let kernel = Kernel::new(self.space, &terms, &couplings);
            return Some(LocalSum {
                space: self.space,
                terms,
                couplings,
                kernel,
            });
        }
        if !self.kernel.is_real() {
            return None;
        }
        let terms = real_terms(&self.kernel.merged_terms())?;
        let couplings = vec![("1".to_owned(), 1.0)];
        let kernel = Kernel::new(self.space, &terms, &couplings);
        Some(LocalSum {
            space: self.space,
            terms,
            couplings,
            kernel,
        })
    }
}

impl<T> OnSpace for LocalSum<T> {
    fn space(&self) -> &Space {
        &self.space
    }
}

impl<T: Scalar> Operator for LocalSum<T> {
    type Elem = T;

    fn connected(&self, x: ConfigsRef<'_>, out: &mut Connected<T>) {
        self.kernel.connected(x, out);
    }
}
