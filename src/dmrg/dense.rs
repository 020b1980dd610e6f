//! Dense kernels on column-major slices, real and complex.

use faer::linalg::matmul::matmul_with_conj;
use faer::traits::ComplexField;
use faer::{Accum, Conj, MatMut, MatRef, Par, Side};
use ketwork_hamiltonians::Scalar;
use ketwork_linalg::NoConvergence;
use num_complex::Complex64;

/// Elements of tensors: `f64` or `Complex64`.
pub trait Element: Scalar + sealed::Dense {}

impl Element for f64 {}
impl Element for Complex64 {}

/// A factor of a product: column-major (rows, cols) with the given distance of columns.
#[derive(Clone, Copy, Debug)]
pub struct Factor<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) stride: usize,
    pub(crate) adjoint: bool,
}

impl<'a, T> Factor<'a, T> {
    /// A dense matrix at the start of a slice.
    pub(crate) fn new(data: &'a [T], rows: usize, cols: usize) -> Self {
        Self::strided(data, rows, cols, rows)
    }

    /// A block of rows of a taller matrix.
    pub(crate) fn strided(data: &'a [T], rows: usize, cols: usize, stride: usize) -> Self {
        Self {
            data: &data[..(cols - 1) * stride + rows],
            rows,
            cols,
            stride,
            adjoint: false,
        }
    }

    /// The adjoint of this factor.
    pub(crate) fn adjoint(self) -> Self {
        Self {
            adjoint: !self.adjoint,
            ..self
        }
    }

    /// The matrix, to be conjugated or not.
    fn view(&self) -> (MatRef<'a, T>, Conj) {
        let Self {
            data, rows, cols, ..
        } = *self;
        let m = MatRef::from_column_major_slice_with_stride(data, rows, cols, self.stride);
        if self.adjoint {
            (m.transpose(), Conj::Yes)
        } else {
            (m, Conj::No)
        }
    }

    /// Rows and columns after the adjoint.
    fn shape(&self) -> (usize, usize) {
        if self.adjoint {
            (self.cols, self.rows)
        } else {
            (self.rows, self.cols)
        }
    }
}

mod sealed {
    use super::{Factor, NoConvergence};

    pub trait Dense: Sized {
        /// Adds `alpha a b` to out, dense column-major.
        fn add_product(out: &mut [Self], a: Factor<'_, Self>, b: Factor<'_, Self>, alpha: f64);
        /// Writes `a b` to out.
        fn write_product(out: &mut [Self], a: Factor<'_, Self>, b: Factor<'_, Self>);
        /// Eigenvalues, ascending, and eigenvectors, one a column, of a Hermitian (n, n) matrix.
        fn eigen(n: usize, a: &[Self]) -> Result<(Vec<f64>, Vec<Self>), NoConvergence>;
    }
}

fn multiply<T: ComplexField>(
    out: &mut [T],
    accum: Accum,
    a: Factor<'_, T>,
    b: Factor<'_, T>,
    alpha: T,
) {
    let ((m, k), (l, n)) = (a.shape(), b.shape());
    debug_assert_eq!(k, l, "inner dimensions of a product");
    let (left, left_conj) = a.view();
    let (right, right_conj) = b.view();
    matmul_with_conj(
        MatMut::from_column_major_slice_mut(&mut out[..m * n], m, n),
        accum,
        left,
        left_conj,
        right,
        right_conj,
        alpha,
        Par::Seq,
    );
}

fn eigen_of<T: ComplexField + Copy>(
    n: usize,
    a: &[T],
    real: impl Fn(T) -> f64,
) -> Result<(Vec<f64>, Vec<T>), NoConvergence> {
    let eigen = MatRef::from_column_major_slice(a, n, n)
        .self_adjoint_eigen(Side::Lower)
        .map_err(|_| NoConvergence)?;
    let values = eigen.S().column_vector().iter().map(|&v| real(v)).collect();
    let u = eigen.U();
    let vectors = (0..n).flat_map(|c| u.col(c).iter().copied()).collect();
    Ok((values, vectors))
}

impl sealed::Dense for f64 {
    fn add_product(out: &mut [Self], a: Factor<'_, Self>, b: Factor<'_, Self>, alpha: f64) {
        multiply(out, Accum::Add, a, b, alpha);
    }
    fn write_product(out: &mut [Self], a: Factor<'_, Self>, b: Factor<'_, Self>) {
        multiply(out, Accum::Replace, a, b, 1.0);
    }
    fn eigen(n: usize, a: &[Self]) -> Result<(Vec<f64>, Vec<Self>), NoConvergence> {
        eigen_of(n, a, |v| v)
    }
}

impl sealed::Dense for Complex64 {
    fn add_product(out: &mut [Self], a: Factor<'_, Self>, b: Factor<'_, Self>, alpha: f64) {
        multiply(out, Accum::Add, a, b, Self::new(alpha, 0.0));
    }
    fn write_product(out: &mut [Self], a: Factor<'_, Self>, b: Factor<'_, Self>) {
        multiply(out, Accum::Replace, a, b, Self::new(1.0, 0.0));
    }
    fn eigen(n: usize, a: &[Self]) -> Result<(Vec<f64>, Vec<Self>), NoConvergence> {
        eigen_of(n, a, |v| v.re)
    }
}
