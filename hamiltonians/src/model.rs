//! A Hamiltonian and the sector it lives in.

use crate::{
    ConfigsRef, Connected, ConstraintError, LocalSum, OnSpace, Operator, OperatorError, Scalar,
    Sector, Space,
};
use num_complex::Complex64;

/// A Hermitian operator that knows its terms and its sector.
pub trait Hamiltonian: Operator {
    /// The terms, for engines that derive vertices, gates or tensors from them.
    fn terms(&self) -> &LocalSum<Self::Elem>;
    /// The legal configurations.
    fn sector(&self) -> &Sector;
}

/// A Hermitian sum of terms in a sector.
///
/// Law: from a legal configuration the terms lead to legal ones, or the sector restricts them:
/// the amplitude there is 0, estimators skip it and exact bases drop it.
#[derive(Clone, Debug)]
pub struct Model<T> {
    terms: LocalSum<T>,
    sector: Sector,
}

/// Why a model cannot be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The terms are refused.
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// The sector is refused.
    #[error(transparent)]
    Constraint(#[from] ConstraintError),
    /// The lattice is refused.
    #[error(transparent)]
    Lattice(#[from] crate::LatticeError),
    /// A parameter is outside its range.
    #[error("{key}: {reason}")]
    Parameter {
        /// Name of the parameter.
        key: &'static str,
        /// What is wrong and what to do.
        reason: String,
    },
}

impl<T: Scalar> Model<T> {
    /// Joins terms and sector.
    ///
    /// # Errors
    /// [`ModelError`] where the spaces differ or the terms are not Hermitian.
    pub fn new(terms: LocalSum<T>, sector: Sector) -> Result<Self, ModelError> {
        if terms.space() != sector.space() {
            return Err(ConstraintError::Mismatch {
                reason: format!(
                    "terms on {:?}, sector on {:?}",
                    terms.space(),
                    sector.space()
                ),
            }
            .into());
        }
        terms.check_hermitian()?;
        Ok(Self { terms, sector })
    }

    /// The same model with one coupling changed.
    ///
    /// # Errors
    /// [`OperatorError`] for an unknown name, a non-finite value, or terms that were Hermitian
    /// only at the old value.
    pub fn with_coupling(&self, name: &str, value: f64) -> Result<Self, OperatorError> {
        let terms = self.terms.with_coupling(name, value)?;
        terms.check_hermitian()?;
        Ok(Self {
            terms,
            sector: self.sector.clone(),
        })
    }

    /// Conjugation by Z on the `marked` qubits; see [`LocalSum::rotated_by_z`].
    ///
    /// # Panics
    /// If the sites are not qubits or `marked` has the wrong length.
    #[track_caller]
    #[must_use]
    pub fn rotated_by_z(&self, marked: &[bool]) -> Self {
        Self {
            terms: self.terms.rotated_by_z(marked),
            sector: self.sector.clone(),
        }
    }

    /// The same terms in another sector.
    ///
    /// # Errors
    /// [`ModelError`] where the spaces differ.
    pub fn in_sector(&self, sector: Sector) -> Result<Self, ModelError> {
        Self::new(self.terms.clone(), sector)
    }

    /// The same model with complex elements.
    #[must_use]
    pub fn to_complex(&self) -> Model<Complex64> {
        Model {
            terms: self.terms.to_complex(),
            sector: self.sector.clone(),
        }
    }
}

impl<T> OnSpace for Model<T> {
    fn space(&self) -> &Space {
        self.terms.space()
    }
}

impl<T: Scalar> Operator for Model<T> {
    type Elem = T;
    fn connected(&self, x: ConfigsRef<'_>, out: &mut Connected<T>) {
        self.terms.connected(x, out);
    }
}

impl<T: Scalar> Hamiltonian for Model<T> {
    fn terms(&self) -> &LocalSum<T> {
        &self.terms
    }
    fn sector(&self) -> &Sector {
        &self.sector
    }
}

impl<H: Hamiltonian + ?Sized> Hamiltonian for &H {
    fn terms(&self) -> &LocalSum<Self::Elem> {
        (**self).terms()
    }
    fn sector(&self) -> &Sector {
        (**self).sector()
    }
}

/// A model whose elements are real or complex, known only at run time.
#[derive(Clone, Debug)]
pub enum AnyModel {
    /// Real elements.
    Real(Model<f64>),
    /// Complex elements.
    Complex(Model<Complex64>),
}

impl AnyModel {
    /// The legal configurations.
    #[must_use]
    pub fn sector(&self) -> &Sector {
        match self {
            Self::Real(m) => m.sector(),
            Self::Complex(m) => m.sector(),
        }
    }

    /// Whether a non-negative ground state exists by Perron-Frobenius.
    #[must_use]
    pub fn is_stoquastic(&self) -> bool {
        match self {
            Self::Real(m) => m.terms().is_stoquastic(),
            Self::Complex(m) => m.terms().is_stoquastic(),
        }
    }

    /// The model with complex elements.
    #[must_use]
    pub fn to_complex(&self) -> Model<Complex64> {
        match self {
            Self::Real(m) => m.to_complex(),
            Self::Complex(m) => m.clone(),
        }
    }
}

impl OnSpace for AnyModel {
    fn space(&self) -> &Space {
        match self {
            Self::Real(m) => m.space(),
            Self::Complex(m) => m.space(),
        }
    }
}
