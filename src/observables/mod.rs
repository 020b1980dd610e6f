//! What a state says about physics: expectation values, correlations, structure factors and Renyi
//! entropies, each with the error bar that fits the way its samples were drawn.
//!
//! Notation: samples x with weights w from $|\psi|^2$, local estimates
//! $O_\mathrm{loc}(x) = \sum_{x'} \langle x|O|x'\rangle\, \psi(x')/\psi(x)$, whose mean is
//! $\langle O\rangle$.

mod correlations;
#[cfg(test)]
mod gauge_tests;
mod loops;
mod pairs;
mod product_operator;
mod renyi;
mod site_operator;
#[cfg(test)]
mod tests;

pub use correlations::{Correlation, Correlations, StructureFactor};
pub use loops::{LoopError, dual_line, oriented_loop, rectangle_loop};
pub use pairs::PairEstimate;
pub use product_operator::ProductOperator;
pub use renyi::{Renyi2, Swap};
pub use site_operator::SiteOperator;

use crate::{Estimate, local, moments};
use ketwork_hamiltonians::{Operator, Scalar};
use ketwork_models::{Samples, Wavefunction};
use serde::{Deserialize, Serialize};

/// A state with samples of it: what observables are measured on.
///
/// The samples may be independent shots, Markov chains or the full sum; error bars follow.
///
/// # Examples
/// ```
/// use ketwork::hamiltonians::{Boundary, Hamiltonian, Lattice, OnSpace, Pauli, Tfim};
/// use ketwork::{Ancestral, Autoregressive, PrefixTable, Sampled, SiteOperator, Stream, Wavefunction};
///
/// let ring = Lattice::chain(6, Boundary::Periodic)?;
/// let model = Tfim::new(1.0).on(&ring)?;
/// let net = PrefixTable::<f64>::new(*model.space());
/// let psi = Autoregressive::new(net, model.sector().clone());
/// let theta = psi.layout().initial(Stream::new(1));
/// let samples = psi.sample(&theta, 0..2000, Stream::new(2));
///
/// let state = Sampled::new(&psi, &theta, &samples);
/// let energy = state.expectation(&model)?;
/// println!("E = {}, variance {:.3}", energy.mean, energy.variance);
/// let zz = state.correlations(&SiteOperator::pauli(Pauli::Z))?;
/// println!("<Z0 Z3> - <Z0><Z3> = {}", zz.pair(0, 3).connected);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Sampled<'a, W: Wavefunction + ?Sized> {
    psi: &'a W,
    theta: &'a [f64],
    samples: &'a Samples<W::Log>,
}

/// The expectation value of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// Real part of the mean local estimate.
    pub mean: Estimate,
    /// Imaginary part, 0 within its error for a Hermitian operator.
    pub imaginary: Estimate,
    /// $\langle |O_\mathrm{loc} - \bar O|^2\rangle$; for a Hermitian operator the quantum variance
    /// $\langle O^2\rangle - \langle O\rangle^2$, zero in an eigenstate.
    pub variance: f64,
}

/// Why an observable cannot be measured.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// NaN or infinity.
    #[error(
        "the {what} is {value} at configuration {configuration:?}; lower the learning rate or start from an earlier checkpoint"
    )]
    NotFinite {
        /// Which quantity.
        what: &'static str,
        /// Its value.
        value: String,
        /// The configuration.
        configuration: Vec<u8>,
    },
    /// Pairs of independent samples are needed.
    #[error("{found} independent samples make no error bar of pairs; draw at least {needed}")]
    TooFew {
        /// Independent samples there are.
        found: usize,
        /// Independent samples needed.
        needed: usize,
    },
    /// The purity is not above 0, so that it has no logarithm.
    #[error(
        "the purity is {purity}, not resolved from 0; draw more samples or take a smaller region"
    )]
    Unresolved {
        /// Estimate of the purity.
        purity: Estimate,
    },
}

impl<'a, W: Wavefunction + ?Sized> Sampled<'a, W> {
    /// Joins a state, its parameters and samples drawn at these parameters.
    ///
    /// # Panics
    /// If `theta` does not fit the state, or the samples live on another number of sites.
    #[track_caller]
    pub fn new(psi: &'a W, theta: &'a [f64], samples: &'a Samples<W::Log>) -> Self {
        assert_eq!(
            theta.len(),
            psi.layout().n_params(),
            "one number for each parameter"
        );
        assert_eq!(
            samples.x.n_sites(),
            psi.space().n_sites,
            "samples and state must share a space"
        );
        Self {
            psi,
            theta,
            samples,
        }
    }

    /// The expectation value of any operator.
    ///
    /// What the operator leads to outside the sector has amplitude 0 and drops out.
    ///
    /// # Errors
    /// [`MeasureError::NotFinite`].
    ///
    /// # Panics
    /// If operator and state live on different spaces.
    #[track_caller]
    pub fn expectation<T: Scalar>(
        &self,
        operator: &dyn Operator<Elem = T>,
    ) -> Result<Expectation, MeasureError>
    where
        W::Log: From<T>,
    {
        let values = self.local_estimates(operator, "local estimate")?;
        let part = |part: fn(W::Log) -> f64| {
            let values: Vec<f64> = values.iter().map(|&v| part(v)).collect();
            Estimate::of(self.samples, &values)
        };
        Ok(Expectation {
            mean: part(Scalar::re),
            imaginary: part(Scalar::im),
            variance: moments(&self.samples.weight, &values).1,
        })
    }

    /// Local estimates that are checked; `what` names them in errors.
    pub(crate) fn local_estimates<T: Scalar>(
        &self,
        operator: &dyn Operator<Elem = T>,
        what: &'static str,
    ) -> Result<Vec<W::Log>, MeasureError>
    where
        W::Log: From<T>,
    {
        let mut values = vec![W::Log::ZERO; self.samples.len()];
        self.check(&self.samples.log_psi, "log-amplitude")?;
        local(operator, self.psi, self.theta, self.samples, &mut values);
        self.check(&values, what)?;
        Ok(values)
    }

    fn check<T: Scalar>(&self, values: &[T], what: &'static str) -> Result<(), MeasureError> {
        // A row of weight 0 (exact sums over a state with nodes) may hold anything.
        let bad = |&b: &usize| self.samples.weight[b] > 0.0 && !values[b].is_finite();
        match (0..values.len()).find(bad) {
            None => Ok(()),
            Some(b) => Err(MeasureError::NotFinite {
                what,
                value: values[b].to_string(),
                configuration: self.samples.x.row(b).to_vec(),
            }),
        }
    }
}
