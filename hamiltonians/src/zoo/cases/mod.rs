//! Named operators and constraints on which every law is tested, here and in the suite of the
//! workspace. Not part of the public interface.

mod chains;
mod constraints;
mod gauge;
mod operators;

pub use constraints::constraints;
pub use operators::operators;

use crate::{AnyModel, Sector};
use num_complex::Complex64;
use std::fmt;

/// A 2 x 2 matrix.
pub type SiteMatrix = [[Complex64; 2]; 2];

/// A coefficient times a matrix on each of some sites; the identity elsewhere.
#[derive(Clone, Debug)]
pub struct SiteProduct {
    /// Coefficient.
    pub coefficient: f64,
    /// (site, matrix)
    pub factors: Vec<(usize, SiteMatrix)>,
}

/// A model with its formula written down a second time, in Kronecker products.
#[derive(Clone, Debug)]
pub struct OperatorCase {
    /// What it is.
    pub name: &'static str,
    /// The model of the zoo.
    pub model: AnyModel,
    /// The formula.
    pub products: Vec<SiteProduct>,
    /// Lowest energy in the sector where it is known in closed form or from elsewhere.
    pub ground: Option<f64>,
}

impl OperatorCase {
    /// The sum of the Kronecker products, row-major, site 0 most significant.
    #[must_use]
    pub fn dense(&self, n_sites: usize) -> Vec<Complex64> {
        let size = 1 << n_sites;
        let mut sum = vec![Complex64::default(); size * size];
        for product in &self.products {
            let mut matrix = vec![Complex64::new(product.coefficient, 0.0)];
            let mut width = 1;
            for site in 0..n_sites {
                let of = product.factors.iter().find(|(s, _)| *s == site);
                let factor = of.map_or(letter('I'), |(_, m)| *m);
                let mut next = vec![Complex64::default(); 4 * width * width];
                for r in 0..2 * width {
                    for c in 0..2 * width {
                        next[r * 2 * width + c] =
                            matrix[r / 2 * width + c / 2] * factor[r % 2][c % 2];
                    }
                }
                matrix = next;
                width *= 2;
            }
            for (s, m) in sum.iter_mut().zip(&matrix) {
                *s += m;
            }
        }
        sum
    }
}

/// Whether a configuration, values in site order, is legal.
pub type Predicate = Box<dyn Fn(&[u8]) -> bool>;

/// A constraint with its predicate on whole configurations.
pub struct ConstraintCase {
    /// What it is.
    pub name: &'static str,
    /// The automaton.
    pub sector: Sector,
    /// The predicate.
    pub legal: Predicate,
}

impl fmt::Debug for ConstraintCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The matrix of I, X, Y, Z, n = (1 - Z)/2 ("n") or 1 - n ("0").
///
/// # Panics
/// For another letter.
#[must_use]
pub fn letter(name: char) -> SiteMatrix {
    let re = |m: [[f64; 2]; 2]| m.map(|row| row.map(|v| Complex64::new(v, 0.0)));
    match name {
        'I' => re([[1.0, 0.0], [0.0, 1.0]]),
        'X' => re([[0.0, 1.0], [1.0, 0.0]]),
        'Y' => re([[0.0, -1.0], [1.0, 0.0]]).map(|row| row.map(|v| v * Complex64::I)),
        'Z' => re([[1.0, 0.0], [0.0, -1.0]]),
        'n' => re([[0.0, 0.0], [0.0, 1.0]]),
        '0' => re([[1.0, 0.0], [0.0, 0.0]]),
        other => panic!("no matrix {other:?}"),
    }
}
