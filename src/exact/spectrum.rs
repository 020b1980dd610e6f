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
    /// Inverse temperature; infinity is the ground-state average.
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
        let n = basis.len();
        // The matrix, the vectors twice, and the work space of the solver.
        let bytes = 5.0 * (8 * T::COMPONENTS) as f64 * (n as f64).powi(2);
        memory.check("full diagonalisation", n as f64, bytes)?;
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
        let weight = |e: &f64| {
            if *e == origin {
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
mod tests {
    use super::*;
    use crate::exact::tests::{heisenberg_ring, tfim_ring};
    use crate::hamiltonians::{LocalSum, Pauli, Space, Term};

    /// Levels of two sites with one bond: $\pm\sqrt{J^2 + 4h^2}$ and $\pm J$.
    fn two_sites(h: f64) -> [f64; 4] {
        let e = (1.0 + 4.0 * h * h).sqrt();
        [-e, -1.0, 1.0, e]
    }

    #[test]
    fn thermal_averages_follow_the_two_site_formula() {
        let spectrum = spectrum(&tfim_ring(2, 0.8), Memory::default()).unwrap();
        let levels = two_sites(0.8);
        for beta in [-0.5, 0.0, 0.1, 1.0, 5.0f64] {
            let w = levels.map(|e| (-beta * e).exp());
            let z: f64 = w.iter().sum();
            let e: f64 = w.iter().zip(levels).map(|(w, e)| w * e / z).sum();
            let e2: f64 = w.iter().zip(levels).map(|(w, e)| w * e * e / z).sum();
            let t = spectrum.thermal(beta).unwrap();
            assert!((t.energy - e).abs() < 1e-13, "{beta}: {} {e}", t.energy);
            let c = beta * beta * (e2 - e * e);
            assert!(
                (t.specific_heat - c).abs() < 1e-12,
                "{beta}: {} {c}",
                t.specific_heat
            );
            assert!((t.log_partition - z.ln()).abs() < 1e-13, "{beta}");
            let s = z.ln() + beta * e;
            assert!((t.entropy - s).abs() < 1e-13, "{beta}");
        }
    }

    #[test]
    fn any_temperature_stays_finite() {
        let spectrum = spectrum(&tfim_ring(6, 1.0), Memory::default()).unwrap();
        for beta in [1e6, f64::MAX, f64::INFINITY] {
            let t = spectrum.thermal(beta).unwrap();
            assert!((t.energy - spectrum.energies[0]).abs() < 1e-12, "{t:?}");
            assert!(
                t.specific_heat.abs() < 1e-12 && t.entropy.abs() < 1e-12,
                "{t:?}"
            );
        }
        let t = spectrum.thermal(f64::NEG_INFINITY).unwrap();
        assert!((t.energy - spectrum.energies[63]).abs() < 1e-12, "{t:?}");
        assert!(spectrum.thermal(f64::NAN).is_err());
        let hot = spectrum.thermal(0.0).unwrap();
        assert!((hot.entropy - 64f64.ln()).abs() < 1e-12, "{hot:?}");
    }

    #[test]
    fn the_thermal_expectation_of_h_is_the_energy() {
        let h = heisenberg_ring(6, 0.3);
        let spectrum = spectrum(&h, Memory::default()).unwrap();
        let energy = spectrum.thermal_expectation(0.7, &h).unwrap();
        assert!(
            (energy - spectrum.thermal(0.7).unwrap().energy).norm() < 1e-12,
            "{energy}"
        );
    }

    #[test]
    fn complex_matrices_are_diagonalised() {
        // H = Y: levels -1 and 1.
        let action = crate::hamiltonians::Action::Pauli(vec![Pauli::Y], Complex64::ONE);
        let term = Term {
            sites: vec![0],
            guard: Vec::new(),
            action,
            coupling: 0,
        };
        let space = Space::qubits(1);
        let sum = LocalSum::new(space, vec![term], vec![("y".into(), 1.0)]).unwrap();
        let sector = std::sync::Arc::new(crate::hamiltonians::Free::new(space));
        let h = crate::hamiltonians::Model::new(sum, sector).unwrap();
        let spectrum = spectrum(&h, Memory::default()).unwrap();
        assert!(
            (spectrum.energies[0] + 1.0).abs() < 1e-15,
            "{:?}",
            spectrum.energies
        );
        assert!(
            (spectrum.energies[1] - 1.0).abs() < 1e-15,
            "{:?}",
            spectrum.energies
        );
        // The lowest state is (1, -i) / sqrt 2.
        let v = &spectrum.vectors[0];
        assert!((v[1] / v[0] + Complex64::I).norm() < 1e-14, "{v:?}");
    }
}
