use super::dense::eigen;
use super::levels::multiplets;
use super::{Basis, ExactError, Levels, Memory, SparseMatrix};
use crate::hamiltonians::{Hamiltonian, Operator, Scalar};
use num_complex::Complex64;

/// All levels and states of a Hamiltonian in its sector.
#[derive(Debug)]
pub struct Spectrum<T> {
    /// Energies, ascending.
    pub energies: Vec<f64>,
    /// Orthonormal eigenvectors over the basis.
    pub vectors: Vec<Vec<T>>,
    /// The configurations the vectors refer to.
    pub basis: Basis,
    matrix: SparseMatrix<T>,
}

/// Averages in the canonical ensemble at inverse temperature $\beta$ (k_B = 1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thermal {
    /// Inverse temperature. At infinity only the lowest computed level counts, alone even where rounding
    /// splits a degenerate one; take a large finite value to average over it.
    pub beta: f64,
    /// $\langle H \rangle$.
    pub energy: f64,
    /// $C = \beta^2 (\langle H^2 \rangle - \langle H \rangle^2)$.
    pub specific_heat: f64,
    /// $S = \ln Z + \beta \langle H \rangle$.
    pub entropy: f64,
    /// $\ln Z$; infinite or NaN only where $\beta E_0$ is.
    pub log_partition: f64,
}

/// Full diagonalisation of a Hamiltonian in its sector.
///
/// # Errors
/// [`ExactError::Memory`] before anything large is allocated, [`ExactError::Dense`] and those of
/// [`Basis::new`].
pub fn spectrum<H>(h: &H, memory: Memory) -> Result<Spectrum<H::Elem>, ExactError>
where
    H: Hamiltonian + ?Sized,
{
    Spectrum::over(h, Basis::new(&**h.sector(), memory)?, memory)
}

impl<T: Scalar> Spectrum<T> {
    pub(super) fn over<O>(h: &O, basis: Basis, memory: Memory) -> Result<Self, ExactError>
    where
        O: Operator<Elem = T> + ?Sized,
    {
        Self::check_memory(basis.len(), memory)?;
        let n = basis.len();
        let matrix = SparseMatrix::new(h, &basis, memory)?;
        let mut dense = vec![T::ZERO; n * n];
        for (r, c, v) in matrix.entries() {
            dense[r * n + c] += v;
        }
        let pairs = eigen(n, |i, j| dense[i * n + j])?;
        Ok(Self {
            energies: pairs.values,
            vectors: pairs.vectors,
            basis,
            matrix,
        })
    }

    pub(super) fn check_memory(dimension: usize, memory: Memory) -> Result<(), ExactError> {
        let n = dimension as f64;
        // The matrix, the vectors twice, and the work space of the solver.
        let bytes = 5.0 * (8 * T::COMPONENTS) as f64 * n.powi(2);
        memory.check("full diagonalisation", n, bytes)
    }

    /// Energies and how often each occurs, for levels within `tolerance` of their neighbour.
    #[must_use]
    pub fn multiplets(&self, tolerance: f64) -> Vec<(f64, usize)> {
        multiplets(&self.energies, tolerance)
    }

    /// Averages at one inverse temperature, stable at any: energies are counted from the lowest.
    ///
    /// # Errors
    /// [`ExactError::Parameter`] for NaN.
    pub fn thermal(&self, beta: f64) -> Result<Thermal, ExactError> {
        let weights = self.weights(beta)?;
        let e0 = self.energies[0];
        let average = |f: &dyn Fn(f64) -> f64| -> f64 {
            weights
                .iter()
                .zip(&self.energies)
                .map(|(w, e)| if *w > 0.0 { w * f(*e) } else { 0.0 })
                .sum()
        };
        let above = average(&|e| e - e0);
        let variance = average(&|e| (e - e0 - above).powi(2));
        let entropy = weights
            .iter()
            .filter(|w| **w > 0.0)
            .map(|w| -w * w.ln())
            .sum();
        let energy = e0 + above;
        Ok(Thermal {
            beta,
            energy,
            specific_heat: if variance > 0.0 {
                beta * beta * variance
            } else {
                0.0
            },
            entropy,
            log_partition: entropy - beta * energy,
        })
    }

    /// $\mathrm{tr}(e^{-\beta H} O) / Z$.
    ///
    /// # Errors
    /// [`ExactError::Parameter`] for NaN, and those of [`SparseMatrix::new`].
    pub fn thermal_expectation<O>(&self, beta: f64, operator: &O) -> Result<Complex64, ExactError>
    where
        O: Operator + ?Sized,
    {
        let weights = self.weights(beta)?;
        let o = SparseMatrix::new(operator, &self.basis, Memory::default())?;
        let mut sum = Complex64::ZERO;
        for (w, v) in weights.iter().zip(&self.vectors).filter(|(w, _)| **w > 0.0) {
            let in_state: Complex64 = o
                .entries()
                .map(|(r, c, e)| v[r].conj().to_complex() * e.to_complex() * v[c].to_complex())
                .sum();
            sum += w * in_state;
        }
        Ok(sum)
    }

    /// Boltzmann weights that sum to 1. Weights below 1e-300 of the largest are exactly 0.
    fn weights(&self, beta: f64) -> Result<Vec<f64>, ExactError> {
        if beta.is_nan() {
            let reason = "the inverse temperature must be a number";
            return Err(ExactError::Parameter {
                key: "beta",
                value: beta,
                reason,
            });
        }
        // Negative temperatures count from the top.
        let origin = if beta < 0.0 {
            self.energies[self.energies.len() - 1]
        } else {
            self.energies[0]
        };
        // At the origin the weight is 1 also for infinite beta, where the product would be NaN.
        let weight = |e: &f64| {
            if (e - origin).abs() <= 0.0 {
                1.0
            } else {
                (-beta * (e - origin)).exp()
            }
        };
        let weights: Vec<f64> = self.energies.iter().map(weight).collect();
        let z: f64 = weights.iter().sum();
        Ok(weights.into_iter().map(|w| w / z).collect())
    }

    /// The k lowest levels, with residuals.
    pub(super) fn into_lowest(mut self, k: usize) -> Levels<T> {
        self.energies.truncate(k);
        self.vectors.truncate(k);
        let levels = self.vectors.iter().zip(&self.energies);
        let residuals = levels
            .map(|(v, &e)| super::levels::residual(&self.matrix, v, e))
            .collect();
        let Self {
            energies,
            vectors,
            basis,
            ..
        } = self;
        Levels {
            energies,
            vectors,
            residuals,
            products: 0,
            basis,
        }
    }
}

#[cfg(test)]
mod tests;
