//! Dense linear algebra on row-major slices: symmetric products, Cholesky, Hermitian eigenproblems.
//!
//! Every function is sequential, or split into bands of its output that are each sequential: the
//! bits of a result do not depend on the number of threads. No type of the library underneath
//! (faer, or LAPACK) appears in a signature.
//!
//! Factorisations and eigenproblems are faer's; with the feature `lapack` the system's OpenBLAS
//! computes them instead, whose bits depend on *its* number of threads (`OPENBLAS_NUM_THREADS`).
//! Products and least squares are faer's with either.

mod eigen;
#[cfg(feature = "lapack")]
mod lapack;
mod least_squares;
#[cfg(any(test, not(feature = "lapack")))]
mod native;
mod product;
mod single;
mod solve;
#[cfg(all(test, feature = "lapack"))]
mod tests;

#[cfg(feature = "lapack")]
use lapack as by;
#[cfg(not(feature = "lapack"))]
use native as by;

pub use eigen::{NoConvergence, eigen_complex, eigen_real, eigen_solve};
pub use least_squares::{Factored, least_squares};
pub use product::{accumulate_columns, lower_product, product};
pub use single::{SingleFactor, SingleGram};
pub use solve::{cholesky_solve, symmetric_times};
