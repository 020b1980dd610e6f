use super::krylov::{Krylov, Ritz};
use super::vector::{axpy, norm, project_out, scale};
use super::{Basis, ExactError, Memory, SparseMatrix, Spectrum};
use crate::hamiltonians::{Hamiltonian, Scalar};
use ndarray::ArrayView1;

/// How the lowest levels are found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LanczosParams {
    /// A level is converged when $\|H v - E v\|$ is below this fraction of the norm of H. Energies
    /// are then accurate to its square over the gap. Default 1e-10.
    pub tolerance: f64,
    /// Largest number of products of H and a vector, over all levels. Default 20000.
    pub max_products: usize,
    /// Number of vectors between restarts. Default: chosen from the dimension alone, never from the
    /// machine, so that results do not depend on it.
    pub krylov_dim: Option<usize>,
    /// Sectors up to this dimension are diagonalised densely. Default 400, where both cost the same.
    pub dense_below: usize,
    /// Seed of the start vectors.
    pub seed: u64,
    /// Memory that may be taken.
    pub memory: Memory,
}

impl Default for LanczosParams {
    fn default() -> Self {
        Self {
            tolerance: 1e-10,
            max_products: 20_000,
            krylov_dim: None,
            dense_below: 400,
            seed: 0,
            memory: Memory::default(),
        }
    }
}

/// The lowest levels of a Hamiltonian in its sector, degenerate ones repeated.
#[derive(Debug)]
pub struct Levels<T> {
    /// Energies, ascending.
    pub energies: Vec<f64>,
    /// Orthonormal eigenvectors over the basis.
    pub vectors: Vec<Vec<T>>,
    /// Norms $\|H v - E v\|$, computed from the vectors returned.
    pub residuals: Vec<f64>,
    /// Products of H and a vector; 0 for a dense diagonalisation.
    pub products: usize,
    /// The configurations the vectors refer to.
    pub basis: Basis,
}

impl<T> Levels<T> {
    /// Number of configurations of the sector.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.basis.len()
    }

    /// The state of a level as an array that shares its memory; entry i is the amplitude of configuration i of
    /// the basis.
    ///
    /// # Panics
    /// If there is no such level.
    #[track_caller]
    #[must_use]
    pub fn state(&self, level: usize) -> ArrayView1<'_, T> {
        ArrayView1::from(&self.vectors[level])
    }

    /// Energies and how often each occurs, for levels within `tolerance` of their neighbour.
    #[must_use]
    pub fn multiplets(&self, tolerance: f64) -> Vec<(f64, usize)> {
        multiplets(&self.energies, tolerance)
    }
}

/// Groups ascending energies whose neighbours differ by at most `tolerance`.
pub(super) fn multiplets(energies: &[f64], tolerance: f64) -> Vec<(f64, usize)> {
    energies
        .chunk_by(|a, b| b - a <= tolerance)
        .map(|group| (group.iter().sum::<f64>() / group.len() as f64, group.len()))
        .collect()
}

/// The lowest level and its state.
///
/// # Errors
/// [`ExactError`]; see [`lowest`].
///
/// # Examples
/// ```
/// use ketwork::exact::{LanczosParams, ground_state};
/// use ketwork::hamiltonians::{Boundary, Lattice, Tfim};
///
/// let tfim = Tfim::new(1.0).on(&Lattice::chain(10, Boundary::Periodic)?)?;
/// let ground = ground_state(&tfim, &LanczosParams::default())?;
/// assert!((ground.energies[0] + 12.78490644).abs() < 1e-8);
/// assert_eq!(ground.state(0).len(), ground.dimension()); // the same numbers as an ndarray view
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn ground_state<H>(h: &H, params: &LanczosParams) -> Result<Levels<H::Elem>, ExactError>
where
    H: Hamiltonian + ?Sized,
{
    lowest(h, 1, params)
}

/// The lowest `k` levels and their states: Lanczos with thick restarts and residual-checked
/// convergence, dense diagonalisation in small sectors.
///
/// A single Krylov space holds one state of each degenerate level. Converged states are therefore
/// locked and the search repeated orthogonally to them, until it finds nothing below level k.
/// Bit-identical for any number of threads.
///
/// # Errors
/// [`ExactError::Memory`] before anything large is allocated, [`ExactError::LevelCount`],
/// [`ExactError::NoConvergence`], [`ExactError::Parameter`] and those of [`Basis::new`].
pub fn lowest<H>(h: &H, k: usize, params: &LanczosParams) -> Result<Levels<H::Elem>, ExactError>
where
    H: Hamiltonian + ?Sized,
{
    let Plan { basis, capacity } = plan(h, k, params)?;
    let Some(capacity) = capacity else {
        let spectrum = Spectrum::over(h, basis, params.memory)?;
        return Ok(spectrum.into_lowest(k));
    };
    let matrix = SparseMatrix::new(h, &basis, params.memory)?;
    let (mut found, products) = Search {
        matrix: &matrix,
        k,
        capacity,
        params,
    }
    .run()?;
    found.truncate(k);
    let mut levels = Levels {
        energies: found.iter().map(|l| l.0).collect(),
        vectors: found.into_iter().map(|l| l.1).collect(),
        residuals: Vec::with_capacity(k),
        products,
        basis,
    };
    for (v, &e) in levels.vectors.iter().zip(&levels.energies) {
        levels.residuals.push(residual(&matrix, v, e));
    }
    Ok(levels)
}

/// Whether [`lowest`] fits into memory: makes all its checks and gives the dimension, without the
/// matrix or a vector. A long calculation that ends in an exact twin asks before it starts.
///
/// # Errors
/// Those of [`lowest`] but [`ExactError::NoConvergence`].
pub fn check_lowest<H>(h: &H, k: usize, params: &LanczosParams) -> Result<usize, ExactError>
where
    H: Hamiltonian + ?Sized,
{
    Ok(plan(h, k, params)?.basis.len())
}

struct Plan {
    basis: Basis,
    /// Vectors between restarts; `None` where dense diagonalisation is cheaper.
    capacity: Option<usize>,
}

fn plan<H>(h: &H, k: usize, params: &LanczosParams) -> Result<Plan, ExactError>
where
    H: Hamiltonian + ?Sized,
{
    check(params)?;
    let basis = Basis::new(&**h.sector(), params.memory)?;
    let n = basis.len();
    if k == 0 || k > n {
        return Err(ExactError::LevelCount {
            asked: k,
            dimension: n,
        });
    }
    if n <= params.dense_below || k > n / 4 {
        Spectrum::<H::Elem>::check_memory(n, params.memory)?;
        let capacity = None;
        return Ok(Plan { basis, capacity });
    }
    let capacity = params
        .krylov_dim
        .unwrap_or_else(|| default_capacity(n))
        .max(2 * k + 8);
    // The space, its residual, the locked vectors, those just found, and one to work with.
    let vectors = (capacity + 2 * k + 2) as f64;
    let bytes = vectors * (8 * H::Elem::COMPONENTS) as f64 * n as f64;
    params.memory.check("the Krylov space", n as f64, bytes)?;
    SparseMatrix::check_memory(h, &basis, params.memory)?;
    let capacity = Some(capacity);
    Ok(Plan { basis, capacity })
}

fn check(params: &LanczosParams) -> Result<(), ExactError> {
    let wrong = |key, value, reason| Err(ExactError::Parameter { key, value, reason });
    if !(params.tolerance >= 1e-13 && params.tolerance < 1e-2) {
        return wrong(
            "tolerance",
            params.tolerance,
            "take a value from 1e-13 to 1e-2",
        );
    }
    if params.max_products == 0 {
        return wrong("max_products", 0.0, "at least one product is needed");
    }
    Ok(())
}

/// Vectors between restarts: many where memory is cheap, at most 2 GiB of real vectors up to 2^22
/// configurations.
fn default_capacity(n: usize) -> usize {
    const STEPS: [(usize, usize); 3] = [(1 << 18, 128), (1 << 20, 112), (1 << 22, 64)];
    STEPS
        .iter()
        .find(|(up_to, _)| n <= *up_to)
        .map_or(32, |(_, vectors)| *vectors)
}

/// $\|H v - e v\|$.
pub(super) fn residual<T: Scalar>(matrix: &SparseMatrix<T>, v: &[T], e: f64) -> f64 {
    let mut w = vec![T::ZERO; v.len()];
    matrix.apply(v, &mut w);
    axpy(T::from(-e), v, &mut w);
    norm(&w)
}

/// Energy and state.
type Level<T> = (f64, Vec<T>);

/// Repeated Lanczos runs, each orthogonal to all states found before.
struct Search<'a, T> {
    matrix: &'a SparseMatrix<T>,
    k: usize,
    capacity: usize,
    params: &'a LanczosParams,
}

impl<T: Scalar> Search<'_, T> {
    /// At least k states, ascending.
    fn run(&self) -> Result<(Vec<Level<T>>, usize), ExactError> {
        let (mut energies, mut locked) = (Vec::new(), Vec::new());
        let mut products = 0;
        for pass in 0.. {
            let mut sorted: Vec<f64> = energies.clone();
            sorted.sort_by(f64::total_cmp);
            // The lowest level of all cannot be missed; others may have degenerate partners below.
            if self.k == 1 && pass == 1 {
                break;
            }
            let bound = sorted.get(self.k - 1).copied().unwrap_or(f64::INFINITY);
            let found = self.pass(&locked, bound, pass, &mut products)?;
            if found.is_empty() {
                break;
            }
            for (e, mut v) in found {
                project_out(&locked, &mut v);
                let length = norm(&v);
                debug_assert!(
                    length > 0.99,
                    "a state was found twice: {length} of it is new"
                );
                scale(&mut v, 1.0 / length);
                energies.push(e);
                locked.push(v);
            }
        }
        let mut found: Vec<_> = energies.into_iter().zip(locked).collect();
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok((found, products))
    }

    /// Converged states below `bound` in the complement of the locked ones; none if there are none.
    fn pass(
        &self,
        locked: &[Vec<T>],
        bound: f64,
        pass: u64,
        products: &mut usize,
    ) -> Result<Vec<Level<T>>, ExactError> {
        let seed = self.params.seed.wrapping_mul(1 << 16).wrapping_add(pass);
        let Some(mut krylov) = Krylov::new(self.matrix, locked, self.capacity, seed) else {
            return Ok(Vec::new());
        };
        loop {
            let invariant = krylov.grow();
            let size = krylov.size();
            if !(invariant || krylov.is_full() || size % 6 == 0) {
                continue;
            }
            let ritz = krylov.ritz()?;
            let tolerance = self.params.tolerance * ritz.scale();
            let wanted = self.wanted(&ritz, bound, tolerance);
            let converged = ritz
                .residuals
                .iter()
                .take_while(|&&r| r <= tolerance)
                .count();
            if wanted == 0 && self.is_above(&ritz, bound, tolerance) {
                *products += krylov.products;
                return Ok(Vec::new());
            }
            if invariant || (wanted > 0 && converged >= wanted) {
                *products += krylov.products;
                let take = wanted.min(size);
                return Ok((0..take)
                    .map(|i| (ritz.values[i], krylov.vector(&ritz, i)))
                    .collect());
            }
            if *products + krylov.products >= self.params.max_products {
                return Err(ExactError::NoConvergence {
                    converged: locked.len() + converged,
                    asked: self.k,
                    products: *products + krylov.products,
                    residual: ritz.residuals.get(converged).copied().unwrap_or(0.0),
                });
            }
            if krylov.is_full() {
                let keep = wanted.max(1) + (size - wanted.max(1)) / 3;
                krylov.restart(&ritz, keep);
            }
        }
    }

    /// Number of Ritz values that would be among the lowest k.
    fn wanted(&self, ritz: &Ritz, bound: f64, tolerance: f64) -> usize {
        let below = ritz
            .values
            .iter()
            .take_while(|&&v| v < bound - tolerance)
            .count();
        below.min(self.k)
    }

    /// Whether the lowest level of the complement is known to lie at or above `bound`.
    fn is_above(&self, ritz: &Ritz, bound: f64, tolerance: f64) -> bool {
        let (lowest, residual) = (ritz.values[0], ritz.residuals[0]);
        residual <= tolerance || (residual <= 1e-4 * ritz.scale() && lowest - residual > bound)
    }
}
