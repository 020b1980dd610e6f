//! Open systems whose couplings and rates are functions of time.

use super::{Frame, Lindblad, OpenError};
use crate::driven::Ramp;
use crate::{Driven, LocalSum, OnSpace, Operator, OperatorError, Space};
use std::fmt;

/// A Lindblad equation with a drive: couplings of its Hamiltonian, and a factor of all rates, are functions of
/// time.
///
/// # Examples
/// ```
/// use ketwork_hamiltonians::open::{DrivenLindblad, Jump, Lindblad};
/// use ketwork_hamiltonians::{Boundary, Hamiltonian, Lattice, Tfim};
/// let h = Tfim::new(1.0).on(&Lattice::chain(3, Boundary::Periodic)?)?;
/// let jumps = (0..3).map(|i| Jump::lowering(i, 1.0)).collect();
/// let still = Lindblad::new(h.terms().to_complex(), jumps)?;
/// let pulsed = DrivenLindblad::new(still).drive("h", |t| (3.0 * t).sin().powi(2))?;
/// assert_eq!(pulsed.at(0.0).hamiltonian().couplings()[1], ("h".to_owned(), 0.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct DrivenLindblad {
    lindblad: Lindblad,
    ramps: Vec<(usize, Ramp)>,
}

impl DrivenLindblad {
    /// Nothing driven yet.
    #[must_use]
    pub fn new(lindblad: Lindblad) -> Self {
        Self {
            lindblad,
            ramps: Vec::new(),
        }
    }

    /// Makes one coupling of the Hamiltonian a function of time; the last function given for a name counts.
    ///
    /// A value that is not finite makes elements that are not finite: integrators stop there.
    ///
    /// # Errors
    /// [`OperatorError::UnknownCoupling`] for a name that the Hamiltonian does not have.
    pub fn drive(
        mut self,
        name: &str,
        value: impl Fn(f64) -> f64 + Send + Sync + 'static,
    ) -> Result<Self, OperatorError> {
        let index = self.lindblad.hamiltonian().coupling_index(name)?;
        self.ramps.push((index, Box::new(value)));
        Ok(self)
    }

    /// Multiplies the rates of all jumps by a function of time. Where it is below 0 or not finite, elements are
    /// not finite, and integrators stop.
    #[must_use]
    pub fn drive_rates(mut self, factor: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Self {
        let index = self.lindblad.hamiltonian().couplings().len();
        self.ramps.push((index, Box::new(factor)));
        self
    }

    /// The equation with its constant couplings and rates.
    #[must_use]
    pub fn lindblad(&self) -> &Lindblad {
        &self.lindblad
    }

    /// Couplings of the Hamiltonian, then the factor of the rates, at time `t`.
    #[must_use]
    pub fn values(&self, t: f64) -> Vec<f64> {
        let still = self.lindblad.hamiltonian().couplings().iter();
        let mut values: Vec<f64> = still.map(|(_, v)| *v).chain([1.0]).collect();
        for (index, ramp) in &self.ramps {
            values[*index] = ramp(t);
        }
        let rates = values.len() - 1;
        if values[rates] < 0.0 {
            values[rates] = f64::NAN;
        }
        values
    }

    /// Positions, in [`Self::values`], of what is driven.
    #[must_use]
    pub fn driven(&self) -> Vec<usize> {
        let mut found: Vec<usize> = self.ramps.iter().map(|(i, _)| *i).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The equation with such [`Self::values`], which are not checked.
    ///
    /// # Panics
    /// If there is not one value for each coupling and one for the rates.
    #[must_use]
    #[track_caller]
    pub fn with_values(&self, values: &[f64]) -> Lindblad {
        let (terms, jumps) = (self.lindblad.hamiltonian(), self.lindblad.jumps());
        let n = terms.couplings().len();
        assert_eq!(
            values.len(),
            n + 1,
            "one value for each coupling and the rates"
        );
        let scaled = |jump: &super::Jump| super::Jump {
            rate: values[n] * jump.rate,
            ..jump.clone()
        };
        Lindblad {
            hamiltonian: terms.with_values(&values[..n]),
            jumps: jumps.iter().map(scaled).collect(),
        }
    }

    /// The equation at time `t`.
    #[must_use]
    pub fn at(&self, t: f64) -> Lindblad {
        self.with_values(&self.values(t))
    }

    /// The generator on outcome strings, see [`Lindblad::generator`], with the same drive.
    ///
    /// # Errors
    /// Those of [`Lindblad::generator`].
    pub fn generator(&self, frame: &Frame) -> Result<DrivenGenerator<'_>, OpenError> {
        Ok(DrivenGenerator {
            drive: self,
            still: self.lindblad.generator(frame)?,
        })
    }
}

/// The generator of a [`DrivenLindblad`] on outcome strings.
#[derive(Debug)]
pub struct DrivenGenerator<'a> {
    drive: &'a DrivenLindblad,
    still: LocalSum<f64>,
}

impl OnSpace for DrivenGenerator<'_> {
    fn space(&self) -> &Space {
        self.still.space()
    }
}

impl Driven<f64> for DrivenGenerator<'_> {
    fn at(&self, t: f64) -> Box<dyn Operator<Elem = f64> + '_> {
        Box::new(self.still.with_values(&self.drive.values(t)))
    }
}

impl OnSpace for DrivenLindblad {
    fn space(&self) -> &Space {
        self.lindblad.hamiltonian().space()
    }
}

impl fmt::Debug for DrivenLindblad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DrivenLindblad")
            .field("driven", &self.driven())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Jump;
    use super::*;
    use crate::{Boundary, Configs, Connected, Hamiltonian, Lattice, Tfim};

    fn system(h: f64, rate: f64) -> Lindblad {
        let ring = Lattice::chain(3, Boundary::Periodic).unwrap();
        let h = Tfim::new(h).on(&ring).unwrap().terms().to_complex();
        let jumps = (0..3).map(|i| Jump::lowering(i, rate)).collect();
        Lindblad::new(h, jumps).unwrap()
    }

    fn rows(o: &dyn Operator<Elem = f64>) -> Connected<f64> {
        let mut out = Connected::default();
        let mut x = Configs::zeros(1, o.space().n_sites);
        x.row_mut(0).copy_from_slice(&[0, 3, 1]);
        o.connected(x.view(), &mut out);
        out
    }

    #[test]
    fn the_generator_at_a_time_is_that_of_the_system_at_this_time() {
        let driven = DrivenLindblad::new(system(1.0, 0.5));
        let driven = driven.drive("h", |t| 0.3 + t).unwrap();
        let driven = driven.drive_rates(|t| 2.0 * t);
        assert_eq!(driven.driven(), [1, 3]);
        let frame = Frame::rotated();
        let moving = driven.generator(&frame).unwrap();
        for t in [0.25, 0.5, 1.0] {
            let frozen = system(0.3 + t, t).generator(&frame).unwrap();
            let (found, wanted) = (rows(&*moving.at(t)), rows(&frozen));
            let sum = |c: &Connected<f64>| c.diagonal[0] + c.element.iter().sum::<f64>();
            assert!((sum(&found) - sum(&wanted)).abs() < 1e-12);
            assert!((found.diagonal[0] - wanted.diagonal[0]).abs() < 1e-12);
            assert!((driven.at(t).jumps()[0].rate - t).abs() < 1e-15);
        }
    }

    #[test]
    fn unknown_names_and_negative_rates_are_told() {
        let error = DrivenLindblad::new(system(1.0, 0.5))
            .drive("g", |t| t)
            .unwrap_err();
        assert!(error.to_string().contains("\"h\""), "{error}");
        let driven = DrivenLindblad::new(system(1.0, 0.5));
        let driven = driven.drive_rates(|t| 1.0 - t);
        assert!(driven.values(2.0).last().unwrap().is_nan());
    }
}
