use super::free;
use super::spins::total_sz;
use crate::{
    Action, AnyModel, Lattice, LocalSum, Model, ModelError, OperatorError, Pauli, Scalar, Space,
    Term,
};
use num_complex::Complex64;
use std::collections::BTreeMap;

/// A coefficient times a product of Pauli matrices on distinct sites.
#[derive(Clone, Debug, PartialEq)]
pub struct PauliTerm {
    /// Coefficient; imaginary parts must cancel in the sum.
    pub coefficient: Complex64,
    /// One matrix for each site.
    pub string: Vec<Pauli>,
    /// The sites, distinct.
    pub sites: Vec<u32>,
}

impl PauliTerm {
    /// Reads a string of the letters I, X, Y, Z.
    ///
    /// # Errors
    /// [`ModelError::Parameter`] for another letter or a wrong number of sites.
    pub fn new(
        coefficient: impl Into<Complex64>,
        letters: &str,
        sites: &[u32],
    ) -> Result<Self, ModelError> {
        let wrong = |reason| ModelError::Parameter {
            key: "terms",
            reason,
        };
        let read = |letter: char| {
            Pauli::from_letter(letter).ok_or_else(|| {
                wrong(format!(
                    "{letter:?} in {letters:?} is no Pauli matrix; use I, X, Y, Z"
                ))
            })
        };
        let string: Vec<_> = letters.chars().map(read).collect::<Result<_, _>>()?;
        if string.len() != sites.len() {
            return Err(wrong(format!(
                "{letters:?} has {} letters for {} sites; give one site for each letter",
                string.len(),
                sites.len()
            )));
        }
        Ok(Self {
            coefficient: coefficient.into(),
            string,
            sites: sites.to_vec(),
        })
    }
}

/// Any Hermitian sum of Pauli strings, $H = \sum_k c_k \prod_i \sigma_{k,i}$.
///
/// Equal strings are merged. Each string left is a coupling of its own, named as in "X0 Z3" (the
/// identity "1"), with the coefficient as value. Elements are real where every string has an even
/// number of Y.
/// Two sites, $X_0 X_1 + Z_0 Z_1$: $E_0 = -2$ (tested).
///
/// # Examples
/// ```
/// use ketwork_hamiltonians::{AnyModel, Boundary, Lattice, PauliSum, PauliTerm};
/// let terms = vec![PauliTerm::new(-1.0, "ZZ", &[0, 1])?, PauliTerm::new(0.5, "Y", &[1])?];
/// let model = PauliSum::new(terms).on(&Lattice::chain(2, Boundary::Open)?)?;
/// assert!(matches!(model, AnyModel::Complex(_)));
/// # Ok::<(), ketwork_hamiltonians::ModelError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PauliSum {
    /// The terms.
    pub terms: Vec<PauliTerm>,
    /// Twice the total $S^z$, where every string conserves it; all configurations by default.
    pub twice_sz: Option<i64>,
}

/// (site, matrix) by ascending site, without identities.
type Sites = Vec<(u32, Pauli)>;

type Strings = BTreeMap<Sites, Complex64>;

impl PauliSum {
    /// The sum of the terms, in all configurations.
    #[must_use]
    pub fn new(terms: Vec<PauliTerm>) -> Self {
        Self {
            terms,
            twice_sz: None,
        }
    }

    /// The sum on the sites of a lattice, which gives their number and order.
    ///
    /// # Errors
    /// [`ModelError`] for sites out of range or repeated, coefficients that are not finite, a sum
    /// that is not Hermitian, or a total $S^z$ that is impossible or not conserved.
    pub fn on(&self, lattice: &Lattice) -> Result<AnyModel, ModelError> {
        let space = Space::qubits(lattice.n_sites());
        let strings = self.merged(space)?;
        let sector = match self.twice_sz {
            None => free(lattice),
            Some(twice_sz) => {
                check_conserved(&strings)?;
                total_sz(lattice, twice_sz)?
            }
        };
        let is_real =
            |s: &[(u32, Pauli)]| s.iter().filter(|(_, p)| *p == Pauli::Y).count() % 2 == 0;
        if strings.keys().all(|s| is_real(s)) {
            let sum = compile::<f64>(space, &strings)?;
            Ok(AnyModel::Real(Model::new(sum, sector)?))
        } else {
            let sum = compile::<Complex64>(space, &strings)?;
            Ok(AnyModel::Complex(Model::new(sum, sector)?))
        }
    }

    fn merged(&self, space: Space) -> Result<Strings, ModelError> {
        let terms = self.terms.iter().map(|t| Term {
            sites: t.sites.clone(),
            guard: Vec::new(),
            action: Action::Pauli(t.string.clone(), t.coefficient),
            coupling: 0,
        });
        // The sum of the terms as they stand finds the errors that belong to one term.
        LocalSum::new(space, terms.collect(), vec![("1".to_owned(), 1.0)])?;
        let mut strings = Strings::new();
        for term in &self.terms {
            let mut key: Vec<_> = term
                .sites
                .iter()
                .copied()
                .zip(term.string.iter().copied())
                .filter(|&(_, p)| p != Pauli::I)
                .collect();
            key.sort_unstable();
            *strings.entry(key).or_default() += term.coefficient;
        }
        let largest = strings.values().map(|c| c.norm()).fold(0.0, f64::max);
        strings.retain(|_, c| *c != Complex64::default());
        for (string, c) in &strings {
            if c.im.abs() > ROUNDING * largest {
                return Err(OperatorError::NotHermitian {
                    sites: string.iter().map(|&(s, _)| s).collect(),
                    row: 0,
                    column: 0,
                    element: *c,
                    transpose: *c,
                }
                .into());
            }
        }
        Ok(strings)
    }
}

/// Sums of a few coefficients cancel to this fraction of the largest.
const ROUNDING: f64 = 1e-13;

fn compile<T: Scalar>(space: Space, strings: &Strings) -> Result<LocalSum<T>, OperatorError> {
    let term = |(k, string): (usize, &Vec<(u32, Pauli)>)| Term {
        sites: string.iter().map(|&(s, _)| s).collect(),
        guard: Vec::new(),
        action: Action::Pauli(string.iter().map(|&(_, p)| p).collect(), T::ONE),
        coupling: k as u32,
    };
    let terms = strings.keys().enumerate().map(term).collect();
    let couplings = strings
        .iter()
        .map(|(string, c)| (name(string), c.re))
        .collect();
    LocalSum::new(space, terms, couplings)
}

/// "X0 Z3" for X on site 0 and Z on site 3; "1" for the identity.
fn name(string: &[(u32, Pauli)]) -> String {
    if string.is_empty() {
        return "1".to_owned();
    }
    let letters: Vec<_> = string.iter().map(|(s, p)| format!("{p:?}{s}")).collect();
    letters.join(" ")
}

/// Checks $[H, \sum_i Z_i] = 0$ string by string: $[X, Z] = -2i\,Y$ and $[Y, Z] = 2i\,X$.
fn check_conserved(strings: &Strings) -> Result<(), ModelError> {
    let mut commutator: BTreeMap<Sites, (f64, &Sites)> = BTreeMap::new();
    let largest = strings.values().map(|c| c.re.abs()).fold(0.0, f64::max);
    for (string, c) in strings {
        for i in 0..string.len() {
            let (turned, sign) = match string[i].1 {
                Pauli::X => (Pauli::Y, -1.0),
                Pauli::Y => (Pauli::X, 1.0),
                _ => continue,
            };
            let mut image = string.clone();
            image[i].1 = turned;
            commutator.entry(image).or_insert((0.0, string)).0 += sign * c.re;
        }
    }
    match commutator
        .values()
        .find(|(c, _)| c.abs() > ROUNDING * largest)
    {
        None => Ok(()),
        Some((_, string)) => Err(ModelError::Parameter {
            key: "total_sz",
            reason: format!(
                "the terms do not conserve it: {} has no partner; leave the sector out",
                name(string)
            ),
        }),
    }
}
