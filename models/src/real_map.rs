//! Functions of real vectors, with their parameters as an argument.

use crate::Stream;
use std::fmt::Debug;

/// A differentiable function from rows of I real numbers to rows of O real numbers: what stands
/// beside a state, such as the encoder and the decoder of pictures.
///
/// Laws: no row sees another; [`pullback`](Self::pullback) is the derivative of
/// [`forward`](Self::forward).
///
/// # Shapes
/// Inputs (B, I), outputs and cotangents (B, O), parameters and gradient (P), all row by row.
pub trait RealMap: Debug + Send + Sync {
    /// I.
    fn n_inputs(&self) -> usize;

    /// O.
    fn n_outputs(&self) -> usize;

    /// Parameters to start from (P).
    fn initial(&self, stream: Stream) -> Vec<f64>;

    /// The outputs.
    ///
    /// # Panics
    /// If the lengths do not fit.
    fn forward(&self, theta: &[f64], x: &[f64]) -> Vec<f64>;

    /// Adds the derivatives of the sum of outputs times cotangents by the parameters to `gradient`,
    /// and returns those by the inputs.
    ///
    /// # Panics
    /// If the lengths do not fit.
    fn pullback(
        &self,
        theta: &[f64],
        x: &[f64],
        cotangent: &[f64],
        gradient: &mut [f64],
    ) -> Vec<f64>;
}
