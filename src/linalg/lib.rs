//! Dense linear algebra on row-major slices: symmetric products, Cholesky, Hermitian eigenproblems.
//!
//! Every function is sequential, or split into bands of its output that are each sequential: the
//! bits of a result do not depend on the number of threads. No type of the library underneath
//! (faer) appears in a signature.

mod eigen;
mod product;
mod single;
mod solve;

pub use eigen::{NoConvergence, eigen_complex, eigen_real, eigen_solve};
pub use product::{accumulate_columns, lower_product, product};
pub use single::{SingleFactor, SingleGram};
pub use solve::{cholesky_solve, symmetric_times};
