use super::dense::eigen;
use super::vector::{add_combination, axpy, dot, norm, project_out, random_unit, recombine, scale};
use super::{ExactError, SparseMatrix};
use crate::hamiltonians::Scalar;

/// Orthogonality is restored before estimated inner products pass this value. Below the square
/// root of the machine precision the projected matrix is still exact to machine precision.
const SEMI_ORTHOGONAL: f64 = 1e-11;

/// A residual below this fraction of the norm means that the space is invariant.
const INVARIANT: f64 = 1e-13;

/// A Krylov space of a Hermitian matrix, orthogonal to locked vectors, with thick restarts.
///
/// $A V_m = V_m T_m + \beta\, v_{m+1} e_m^T$ with real symmetric $T$, tridiagonal after the arrow
/// of kept Ritz vectors. Orthogonality is estimated by Simon's recurrence and restored on demand,
/// which saves most of the inner products.
///
/// # References
/// K. Wu and H. Simon, SIAM J. Matrix Anal. Appl. 22, 602 (2000), thick restarts;
/// H. D. Simon, Linear Algebra Appl. 61, 101 (1984), the recurrence.
pub(super) struct Krylov<'a, T> {
    matrix: &'a SparseMatrix<T>,
    locked: &'a [Vec<T>],
    capacity: usize,
    /// Orthonormal vectors; the last one is not yet multiplied.
    vectors: Vec<Vec<T>>,
    /// Row-major (capacity, capacity).
    projected: Vec<f64>,
    /// Kept Ritz vectors at the front of the space.
    kept: usize,
    /// Norm of the last residual.
    beta: f64,
    /// Estimated inner products of the last two vectors with all before.
    overlap: [Vec<f64>; 2],
    restore_next: bool,
    pub(super) products: usize,
}

/// Ritz values, ascending, with the weights of the vectors (one row each) and residual norms.
pub(super) struct Ritz {
    pub(super) values: Vec<f64>,
    pub(super) residuals: Vec<f64>,
    weights: Vec<Vec<f64>>,
}

impl Ritz {
    /// Bound of the norm of the matrix as far as it is seen.
    pub(super) fn scale(&self) -> f64 {
        self.values
            .iter()
            .fold(f64::MIN_POSITIVE, |m, v| m.max(v.abs()))
    }
}

impl<'a, T: Scalar> Krylov<'a, T> {
    /// The space grown from a fixed random vector; `None` where the locked vectors leave nothing.
    pub(super) fn new(
        matrix: &'a SparseMatrix<T>,
        locked: &'a [Vec<T>],
        capacity: usize,
        seed: u64,
    ) -> Option<Self> {
        let n = matrix.dimension();
        if locked.len() >= n {
            return None;
        }
        let capacity = capacity.min(n - locked.len());
        let mut start = random_unit::<T>(n, seed);
        // Two rounds: the first may leave rounding of the size of what it removed.
        for _ in 0..2 {
            project_out(locked, &mut start);
        }
        let length = norm(&start);
        scale(&mut start, 1.0 / length);
        Some(Self {
            matrix,
            locked,
            capacity,
            vectors: vec![start],
            projected: vec![0.0; capacity * capacity],
            kept: 0,
            beta: f64::INFINITY,
            overlap: [Vec::new(), vec![1.0]],
            restore_next: false,
            products: 0,
        })
    }

    /// Number of multiplied vectors.
    pub(super) fn size(&self) -> usize {
        self.vectors.len() - 1
    }

    /// Whether the space must be restarted before it can grow.
    pub(super) fn is_full(&self) -> bool {
        self.size() == self.capacity
    }

    /// Adds a vector; returns whether the space has become invariant.
    pub(super) fn grow(&mut self) -> bool {
        let (j, m) = (self.size(), self.capacity);
        let mut w = vec![T::ZERO; self.matrix.dimension()];
        self.matrix.apply(&self.vectors[j], &mut w);
        self.products += 1;
        let before = self.beta;
        let alpha = dot(&self.vectors[j], &w).re();
        axpy(T::from(-alpha), &self.vectors[j], &mut w);
        self.projected[j * m + j] = alpha;
        let mut after_restart = self.kept > 0 && j == self.kept;
        if j > 0 && !after_restart {
            axpy(T::from(-before), &self.vectors[j - 1], &mut w);
        }
        project_out(self.locked, &mut w);
        let first = norm(&w);
        let size = self.row_scale(j);
        let lost = self.recur(j, alpha, before, first, size);
        // The recurrence starts from exact orthogonality, which kept Ritz vectors do not have; and
        // cancellation leaves rounding of the size of what was subtracted.
        if lost || self.restore_next || self.kept > 0 || first < 1e-4 * size {
            // Where little is left, normalising enlarges the rounding: once more until it stays.
            let mut length = first;
            for _ in 0..5 {
                project_out(self.locked, &mut w);
                project_out(&self.vectors, &mut w);
                let left = norm(&w);
                if (left > 0.5 * length && !after_restart) || left <= INVARIANT * size {
                    break;
                }
                length = left;
                after_restart = false;
            }
            self.restore_next = lost && !self.restore_next;
            self.overlap[1][..=j].fill(f64::EPSILON);
        }
        self.beta = norm(&w);
        let invariant =
            self.beta <= INVARIANT * size || j + 1 == self.matrix.dimension() - self.locked.len();
        if invariant {
            self.beta = 0.0;
        } else {
            scale(&mut w, 1.0 / self.beta);
        }
        if j + 1 < m {
            self.projected[j * m + j + 1] = self.beta;
            self.projected[(j + 1) * m + j] = self.beta;
        }
        self.vectors.push(w);
        invariant
    }

    /// Largest element of the projected matrix so far.
    fn row_scale(&self, j: usize) -> f64 {
        let m = self.capacity;
        (0..=j)
            .flat_map(|r| &self.projected[r * m..=r * m + j])
            .fold(0.0, |s, v| s.max(v.abs()))
    }

    /// Simon's recurrence for the inner products of the next vector; whether they grew too large.
    fn recur(&mut self, j: usize, alpha: f64, before: f64, beta: f64, size: f64) -> bool {
        let m = self.capacity;
        let [older, last] = &self.overlap;
        let noise = 2.0 * f64::EPSILON * size / beta;
        let mut next = vec![f64::EPSILON; j + 2];
        next[j + 1] = 1.0;
        for i in 0..j {
            let row = &self.projected[i * m..=i * m + j];
            let sum: f64 = row.iter().zip(last).map(|(t, w)| t * w).sum();
            let previous = older.get(i).map_or(0.0, |o| before * o);
            let grown = (sum - alpha * last[i] - previous) / beta;
            next[i] = grown + noise.copysign(grown);
        }
        let lost = next[..j].iter().any(|w| w.abs() > SEMI_ORTHOGONAL);
        self.overlap.swap(0, 1);
        self.overlap[1] = next;
        lost
    }

    /// Eigenpairs of the projected matrix.
    pub(super) fn ritz(&self) -> Result<Ritz, ExactError> {
        let (size, m) = (self.size(), self.capacity);
        let pairs = eigen(size, |i, j| self.projected[i * m + j])?;
        let residual = |v: &Vec<f64>| (self.beta * v[size - 1]).abs();
        Ok(Ritz {
            residuals: pairs.vectors.iter().map(residual).collect(),
            values: pairs.values,
            weights: pairs.vectors,
        })
    }

    /// The normalised Ritz vector of number `i`.
    pub(super) fn vector(&self, ritz: &Ritz, i: usize) -> Vec<T> {
        let weights: Vec<T> = ritz.weights[i].iter().map(|&w| T::from(w)).collect();
        let mut out = vec![T::ZERO; self.matrix.dimension()];
        add_combination(&self.vectors[..self.size()], &weights, &mut out);
        let length = norm(&out);
        scale(&mut out, 1.0 / length);
        out
    }

    /// Keeps the lowest `keep` Ritz vectors and the last residual.
    pub(super) fn restart(&mut self, ritz: &Ritz, keep: usize) {
        let m = self.capacity;
        let kept: Vec<Vec<T>> = ritz.weights[..keep]
            .iter()
            .map(|w| w.iter().map(|&w| T::from(w)).collect())
            .collect();
        recombine(&mut self.vectors[..m], &kept);
        for v in &mut self.vectors[..keep] {
            let length = norm(v);
            scale(v, 1.0 / length);
        }
        self.vectors.swap(keep, m);
        self.vectors.truncate(keep + 1);
        self.projected.fill(0.0);
        for (i, weights) in ritz.weights[..keep].iter().enumerate() {
            let coupling = self.beta * weights[m - 1];
            self.projected[i * m + i] = ritz.values[i];
            self.projected[i * m + keep] = coupling;
            self.projected[keep * m + i] = coupling;
        }
        self.kept = keep;
        let (vectors, residual) = self.vectors.split_at_mut(keep);
        project_out(vectors, &mut residual[0]);
        let length = norm(&residual[0]);
        scale(&mut residual[0], 1.0 / length);
        self.overlap = [vec![f64::EPSILON; keep], vec![f64::EPSILON; keep + 1]];
    }
}
