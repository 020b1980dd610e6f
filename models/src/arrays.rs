//! Samples and derivatives as arrays of `ndarray`, without a copy.

use crate::{Dense, Differentiable, Samples, TangentMap};
use ketwork_hamiltonians::{ConfigsRef, Scalar};
use ndarray::{Array3, ArrayView1, ArrayView2, ArrayView3};

impl<L> Samples<L> {
    /// The configurations as an array that shares their memory.
    ///
    /// # Shapes
    /// (B, N).
    #[must_use]
    pub fn configurations(&self) -> ArrayView2<'_, u8> {
        self.x.array()
    }

    /// The log-amplitudes as an array that shares their memory.
    ///
    /// # Shapes
    /// (B).
    #[must_use]
    pub fn log_amplitudes(&self) -> ArrayView1<'_, L> {
        ArrayView1::from(&self.log_psi)
    }

    /// The weights, which add up to 1, as an array that shares their memory.
    ///
    /// # Shapes
    /// (B).
    #[must_use]
    pub fn weights(&self) -> ArrayView1<'_, f64> {
        ArrayView1::from(&self.weight)
    }
}

impl Dense {
    /// The stored tangent map, centred and weighted, as an array that shares its memory.
    ///
    /// # Shapes
    /// (k, n, P): components, samples, parameters.
    #[must_use]
    pub fn array(&self) -> ArrayView3<'_, f64> {
        let (n, k, p) = self.shape();
        let stored = self.stored().expect("a dense map is stored");
        ArrayView3::from_shape((k, n, p), stored).expect("k n rows of P values fill the shape")
    }
}

/// The derivatives of real and imaginary part of ln psi as an array: [`Differentiable::jacobian`]
/// written into the memory that is returned.
///
/// # Shapes
/// `x` (B, N); the result (k, B, P).
///
/// # Panics
/// If a configuration is illegal.
///
/// # Examples
/// ```
/// use ketwork_hamiltonians::{Configs, Free, Space};
/// use ketwork_models::{Autoregressive, PrefixTable, Stream, Wavefunction, jacobian};
/// use std::sync::Arc;
/// let space = Space::qubits(2);
/// let psi = Autoregressive::new(PrefixTable::<f64>::new(space), Arc::new(Free::new(space)));
/// let theta = psi.layout().initial(Stream::new(1));
/// let x = Configs::from_data(2, vec![0, 1, 1, 1, 1, 0]);
/// let rows = jacobian(&psi, &theta, x.view());
/// // The prefixes "", "0" and "1" have two parameters each: (0, 1) does not depend on those of "1".
/// assert_eq!(rows.dim(), (1, 3, 6));
/// assert_eq!(rows[[0, 0, 4]], 0.0);
/// assert!(rows[[0, 1, 4]] != 0.0);
/// ```
#[must_use]
pub fn jacobian<W: Differentiable + ?Sized>(
    psi: &W,
    theta: &[f64],
    x: ConfigsRef<'_>,
) -> Array3<f64> {
    let shape = (W::Log::COMPONENTS, x.len(), psi.layout().n_params());
    let mut rows = vec![0.0; shape.0 * shape.1 * shape.2];
    psi.jacobian(theta, x, &mut rows);
    Array3::from_shape_vec(shape, rows).expect("the memory was made for this shape")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ancestral, Autoregressive, PrefixTable, Stream, Wavefunction};
    use ketwork_hamiltonians::{Number, Space};
    use ndarray::Axis;
    use num_complex::Complex64;
    use std::sync::Arc;

    #[test]
    fn arrays_show_samples_and_derivatives_in_place() {
        let space = Space::qubits(4);
        let sector = Arc::new(Number::new(space, 2).unwrap());
        let psi = Autoregressive::new(PrefixTable::<Complex64>::new(space), sector);
        let theta = psi.layout().initial(Stream::new(1));
        let s = psi.sample(&theta, 0..300, Stream::new(2));
        assert_eq!(s.configurations().as_ptr(), s.x.data().as_ptr());
        assert_eq!(s.log_amplitudes().as_ptr(), s.log_psi.as_ptr());
        assert_eq!(s.weights().as_ptr(), s.weight.as_ptr());

        let rows = jacobian(&psi, &theta, s.x.view());
        let map = Dense::new(&psi, &theta, &s);
        let stored = map.array();
        assert_eq!(stored.as_ptr(), map.stored().unwrap().as_ptr());
        assert_eq!((rows.dim(), stored.dim()), ((2, 6, 60), (2, 6, 60)));
        // The stored map is the jacobian, centred over samples and weighted.
        for c in 0..2 {
            let rows = rows.index_axis(Axis(0), c);
            let mean = s.weights().dot(&rows);
            for b in 0..6 {
                for j in 0..60 {
                    let wanted = s.weight[b].sqrt() * (rows[[b, j]] - mean[j]);
                    assert!((stored[[c, b, j]] - wanted).abs() < 1e-14, "{c} {b} {j}");
                }
            }
        }
    }
}
