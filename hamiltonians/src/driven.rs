//! Operators that depend on time through their couplings.

use crate::{Hamiltonian, LocalSum, Model, OnSpace, Operator, OperatorError, Scalar, Space};
use std::fmt;

/// A time-dependent operator, $t \mapsto O(t)$.
///
/// Law: `at(t)` depends on t alone, so that integrators may ask for any times in any order.
/// A Runge-Kutta stage asks once.
pub trait Driven<T: Scalar>: OnSpace + Send + Sync {
    /// The operator at time `t`.
    fn at(&self, t: f64) -> Box<dyn Operator<Elem = T> + '_>;
}

/// A model is the same at all times.
impl<T: Scalar> Driven<T> for Model<T> {
    fn at(&self, _t: f64) -> Box<dyn Operator<Elem = T> + '_> {
        Box::new(self)
    }
}

/// A sum of terms is the same at all times.
impl<T: Scalar> Driven<T> for LocalSum<T> {
    fn at(&self, _t: f64) -> Box<dyn Operator<Elem = T> + '_> {
        Box::new(self)
    }
}

impl<T: Scalar, D: Driven<T> + ?Sized> Driven<T> for &D {
    fn at(&self, t: f64) -> Box<dyn Operator<Elem = T> + '_> {
        (**self).at(t)
    }
}

impl<T: Scalar, D: Driven<T> + ?Sized> Driven<T> for Box<D> {
    fn at(&self, t: f64) -> Box<dyn Operator<Elem = T> + '_> {
        (**self).at(t)
    }
}

/// A value as a function of time.
pub(crate) type Ramp = Box<dyn Fn(f64) -> f64 + Send + Sync>;

/// A drive protocol: a model whose named couplings are functions of time.
///
/// Couplings without a function keep the value of the model. Only couplings the model lists can be
/// driven; the zoo lists a coupling wherever its terms are there, also at value 0.
///
/// # Examples
/// ```
/// use ketwork_hamiltonians::{Boundary, Driven, Lattice, Protocol, Tfim};
/// let model = Tfim::new(0.0).on(&Lattice::chain(4, Boundary::Open)?)?;
/// let ramp = Protocol::new(model).drive("h", |t| 0.5 * t)?;
/// let at_one = ramp.at(1.0);
/// # let _ = at_one;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Protocol<T> {
    model: Model<T>,
    ramps: Vec<(usize, Ramp)>,
}

impl<T: Scalar> Protocol<T> {
    /// All couplings constant.
    #[must_use]
    pub fn new(model: Model<T>) -> Self {
        Self {
            model,
            ramps: Vec::new(),
        }
    }

    /// Makes one coupling a function of time; the last function given for a name counts.
    ///
    /// A value that is not finite makes the elements not finite: integrators stop there.
    ///
    /// # Errors
    /// [`OperatorError::UnknownCoupling`] for a name the model does not have.
    pub fn drive(
        mut self,
        name: &str,
        value: impl Fn(f64) -> f64 + Send + Sync + 'static,
    ) -> Result<Self, OperatorError> {
        let index = self.model.terms().coupling_index(name)?;
        self.ramps.push((index, Box::new(value)));
        Ok(self)
    }

    /// The model with its constant couplings.
    #[must_use]
    pub fn model(&self) -> &Model<T> {
        &self.model
    }

    /// The terms with the couplings of time `t`.
    #[must_use]
    pub fn terms_at(&self, t: f64) -> LocalSum<T> {
        let terms = self.model.terms();
        let mut values: Vec<f64> = terms.couplings().iter().map(|(_, v)| *v).collect();
        for (index, ramp) in &self.ramps {
            values[*index] = ramp(t);
        }
        terms.with_values(&values)
    }
}

impl<T> fmt::Debug for Protocol<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let driven: Vec<usize> = self.ramps.iter().map(|(i, _)| *i).collect();
        f.debug_struct("Protocol")
            .field("driven", &driven)
            .finish_non_exhaustive()
    }
}

impl<T> OnSpace for Protocol<T> {
    fn space(&self) -> &Space {
        self.model.space()
    }
}

impl<T: Scalar> Driven<T> for Protocol<T> {
    fn at(&self, t: f64) -> Box<dyn Operator<Elem = T> + '_> {
        Box::new(self.terms_at(t))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Boundary, Connected, Lattice, Tfim};

    fn row(o: &dyn Operator<Elem = f64>) -> Connected<f64> {
        let mut out = Connected::default();
        let x = crate::Configs::zeros(1, o.space().n_sites);
        o.connected(x.view(), &mut out);
        out
    }

    #[test]
    fn a_schedule_is_the_model_with_the_couplings_of_that_time() {
        let lattice = Lattice::chain(4, Boundary::Periodic).unwrap();
        let ramp = Protocol::new(Tfim::new(0.0).on(&lattice).unwrap())
            .drive("h", |t| 2.0 * t)
            .unwrap()
            .drive("hz", |t| 1.0 - t)
            .unwrap();
        for t in [0.0, 0.25, 1.0] {
            let frozen = Tfim {
                j: 1.0,
                h: 2.0 * t,
                hz: 1.0 - t,
            }
            .on(&lattice)
            .unwrap();
            assert_eq!(row(&*ramp.at(t)), row(&frozen));
            assert_eq!(row(&*frozen.at(t)), row(&frozen));
        }
    }

    #[test]
    fn driving_an_unknown_coupling_is_an_error_that_names_the_known_ones() {
        let model = Tfim::new(1.0)
            .on(&Lattice::chain(2, Boundary::Open).unwrap())
            .unwrap();
        let error = Protocol::new(model).drive("g", |t| t).unwrap_err();
        assert!(error.to_string().contains("\"hz\""), "{error}");
    }
}
