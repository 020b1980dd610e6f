//! The two number types of the library: real and complex double precision.

use num_complex::Complex64;
use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

mod sealed {
    pub trait Sealed {}
    impl Sealed for f64 {}
    impl Sealed for num_complex::Complex64 {}
}

/// A matrix element or a log-amplitude: `f64` or `Complex64`, and nothing else.
///
/// The bound `L: Scalar + From<T>` says that elements of type `T` act on states of type `L`:
/// a complex Hamiltonian on a real state does not compile.
pub trait Scalar:
    sealed::Sealed
    + Copy
    + Debug
    + Display
    + Default
    + PartialEq
    + Send
    + Sync
    + From<f64>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Sum
    + 'static
{
    /// Number of real components: 1 or 2.
    const COMPONENTS: usize;

    /// Real part.
    fn re(self) -> f64;
    /// Imaginary part, 0 for a real number.
    fn im(self) -> f64;
    /// Complex conjugate.
    fn conj(self) -> Self;
    /// The value with the given parts; the imaginary part is dropped by `f64`.
    fn from_parts(re: f64, im: f64) -> Self;
    /// The value as a complex number.
    fn to_complex(self) -> Complex64 {
        Complex64::new(self.re(), self.im())
    }
    /// Narrows a complex number; `None` where a real number would lose its imaginary part.
    fn from_complex(z: Complex64) -> Option<Self>;
    /// $|z|^2$.
    fn abs2(self) -> f64;
    /// $e^z$.
    fn exp(self) -> Self;
    /// Principal logarithm; $\ln 0 = -\infty$.
    fn ln(self) -> Self;
    /// Product with a real number.
    fn scale(self, by: f64) -> Self;
    /// Whether both parts are finite.
    fn is_finite(self) -> bool;
    /// Additive identity.
    const ZERO: Self;
    /// Multiplicative identity.
    const ONE: Self;
}

impl Scalar for f64 {
    const COMPONENTS: usize = 1;
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    fn re(self) -> f64 {
        self
    }
    fn im(self) -> f64 {
        0.0
    }
    fn conj(self) -> Self {
        self
    }
    fn from_parts(re: f64, _im: f64) -> Self {
        re
    }
    fn from_complex(z: Complex64) -> Option<Self> {
        (z.im == 0.0).then_some(z.re)
    }
    fn abs2(self) -> f64 {
        self * self
    }
    fn exp(self) -> Self {
        self.exp()
    }
    fn ln(self) -> Self {
        self.ln()
    }
    fn scale(self, by: f64) -> Self {
        self * by
    }
    fn is_finite(self) -> bool {
        self.is_finite()
    }
}

impl Scalar for Complex64 {
    const COMPONENTS: usize = 2;
    const ZERO: Self = Self::new(0.0, 0.0);
    const ONE: Self = Self::new(1.0, 0.0);

    fn re(self) -> f64 {
        self.re
    }
    fn im(self) -> f64 {
        self.im
    }
    fn conj(self) -> Self {
        Self::new(self.re, -self.im)
    }
    fn from_parts(re: f64, im: f64) -> Self {
        Self::new(re, im)
    }
    fn from_complex(z: Self) -> Option<Self> {
        Some(z)
    }
    fn abs2(self) -> f64 {
        self.norm_sqr()
    }
    fn exp(self) -> Self {
        // An amplitude of exactly zero has an undefined phase; 0 * e^{i nan} would poison sums.
        if self.re == f64::NEG_INFINITY {
            Self::ZERO
        } else {
            Self::exp(self)
        }
    }
    fn ln(self) -> Self {
        Self::new(self.norm().ln(), self.im.atan2(self.re))
    }
    fn scale(self, by: f64) -> Self {
        self * by
    }
    fn is_finite(self) -> bool {
        self.re.is_finite() && self.im.is_finite()
    }
}
