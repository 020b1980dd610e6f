use super::dual::{self, Solved};
use super::gram::{geometric_tensor, gram};
use super::{SolveError, SolveInfo, TangentSolver, dot, norm};
use ketwork_linalg as linalg;
use ketwork_models::TangentMap;

/// Attempts of the Cholesky factorisation, the shift ten times larger each time.
const ATTEMPTS: u32 = 6;
/// Relative cutoff of the pseudo-inverse that ends the fallback chain.
const CUTOFF: f64 = 1e-12;

/// Stochastic reconfiguration in parameter space:
/// $\delta = (J^T J + \lambda)^{-1} J^T r$, cost $n P^2 + P^3/3$: for few parameters.
///
/// $\lambda$ = `shift` · tr(J^T J) / min(k n, P): relative to the mean non-zero eigenvalue, so that
/// [`Sr`] and [`MinSr`] with the same shift give the same step.
///
/// # References
/// S. Sorella, Phys. Rev. Lett. 80, 4558 (1998).
#[derive(Clone, Debug)]
pub struct Sr {
    /// Relative diagonal shift.
    pub shift: f64,
    matrix: Vec<f64>,
}

/// Stochastic reconfiguration in sample space:
/// $\delta = J^T (J J^T + \lambda)^{-1} r$, cost $n^2 P + n^3/3$: for many parameters.
///
/// The shift is that of [`Sr`]. With 512 rows or more, at least three times as many parameters, and a
/// shift that is large against the rounding of single precision, the Gram matrix is computed in
/// single precision and the solution refined in double to a relative residual of 1e-10; where that is
/// not reached the matrix is computed in double.
///
/// # References
/// A. Chen, M. Heyl, Nat. Phys. 20, 1476 (2024); R. Rende et al., Commun. Phys. 7, 260 (2024).
#[derive(Clone, Debug)]
pub struct MinSr {
    /// Relative diagonal shift.
    pub shift: f64,
    matrix: Vec<f64>,
    single: linalg::SingleGram,
}

/// Stochastic reconfiguration in the smaller of the two spaces, chosen for each solve: [`Sr`] where
/// there are fewer parameters than rows k n, else [`MinSr`]. Both give the same step up to rounding.
///
/// # References
/// Those of [`Sr`] and [`MinSr`].
#[derive(Clone, Debug)]
pub struct NaturalGradient {
    /// Relative diagonal shift.
    pub shift: f64,
    solver: Smaller,
}

/// The solver of the last size: one matrix is held.
#[derive(Clone, Debug)]
enum Smaller {
    Parameters(Sr),
    Samples(MinSr),
}

/// A shift that suits batches of about a thousand samples.
const DEFAULT_SHIFT: f64 = 1e-3;

impl Default for Sr {
    fn default() -> Self {
        Self::new(DEFAULT_SHIFT)
    }
}

impl Default for MinSr {
    fn default() -> Self {
        Self::new(DEFAULT_SHIFT)
    }
}

impl Default for NaturalGradient {
    fn default() -> Self {
        Self::new(DEFAULT_SHIFT)
    }
}

impl NaturalGradient {
    /// The solver with a relative shift.
    #[must_use]
    pub fn new(shift: f64) -> Self {
        Self {
            shift,
            solver: Smaller::Samples(MinSr::new(shift)),
        }
    }
}

impl TangentSolver for NaturalGradient {
    fn solve(
        &mut self,
        j: &dyn TangentMap,
        r: &[f64],
        step: &mut [f64],
    ) -> Result<SolveInfo, SolveError> {
        let (n, k, p) = j.shape();
        match (&self.solver, p < n * k) {
            (Smaller::Samples(_), true) => self.solver = Smaller::Parameters(Sr::new(self.shift)),
            (Smaller::Parameters(_), false) => {
                self.solver = Smaller::Samples(MinSr::new(self.shift));
            }
            _ => {}
        }
        match &mut self.solver {
            Smaller::Parameters(sr) => {
                sr.shift = self.shift;
                sr.solve(j, r, step)
            }
            Smaller::Samples(min_sr) => {
                min_sr.shift = self.shift;
                min_sr.solve(j, r, step)
            }
        }
    }

    fn set_shift(&mut self, shift: f64) {
        self.shift = shift;
    }
}

impl Sr {
    /// The solver with a relative shift.
    #[must_use]
    pub fn new(shift: f64) -> Self {
        Self {
            shift,
            matrix: Vec::new(),
        }
    }
}

impl MinSr {
    /// The solver with a relative shift.
    #[must_use]
    pub fn new(shift: f64) -> Self {
        Self {
            shift,
            matrix: Vec::new(),
            single: linalg::SingleGram::default(),
        }
    }

    /// The step for the residual r, with the force of another one in [`SolveInfo::force`].
    pub(super) fn solve_for(
        &mut self,
        j: &dyn TangentMap,
        r: &[f64],
        force_of: &[f64],
        step: &mut [f64],
    ) -> Result<Solved, SolveError> {
        if dual::is_worth(j, self.shift) {
            self.matrix = Vec::new();
            let single = &mut self.single;
            if let Some(found) = dual::solve(single, j, r, force_of, self.shift, step) {
                return Ok(found);
            }
        }
        // One of both matrices is held: the bound on memory counts one.
        self.single = linalg::SingleGram::default();
        let m = r.len();
        self.matrix.resize(m * m, 0.0);
        gram(j, &mut self.matrix);
        let mut dual = r.to_vec();
        let mut info = shifted_solve(&mut self.matrix, &mut dual, relative_to(j), self.shift)?;
        j.apply_transpose(&dual, step);
        // The matrix is the shifted one; the shift is taken off again.
        let bare = |x: &[f64]| -> Vec<f64> {
            let shifted = linalg::symmetric_times(&self.matrix, x);
            shifted
                .iter()
                .zip(x)
                .map(|(a, x)| a - info.shift * x)
                .collect()
        };
        let (moved, forced) = (bare(&dual), bare(force_of));
        info.force = dot(force_of, &forced).max(0.0).sqrt();
        info.length = norm(&moved);
        Ok(Solved { info, moved })
    }
}

impl TangentSolver for Sr {
    fn solve(
        &mut self,
        j: &dyn TangentMap,
        r: &[f64],
        step: &mut [f64],
    ) -> Result<SolveInfo, SolveError> {
        let p = j.shape().2;
        self.matrix.resize(p * p, 0.0);
        geometric_tensor(j, &mut self.matrix);
        j.apply_transpose(r, step);
        let force = norm(step);
        let info = shifted_solve(&mut self.matrix, step, relative_to(j), self.shift)?;
        let shifted = linalg::symmetric_times(&self.matrix, step);
        let square = dot(step, &shifted) - info.shift * dot(step, step);
        Ok(SolveInfo {
            force,
            length: square.max(0.0).sqrt(),
            ..info
        })
    }

    fn set_shift(&mut self, shift: f64) {
        self.shift = shift;
    }
}

impl TangentSolver for MinSr {
    fn solve(
        &mut self,
        j: &dyn TangentMap,
        r: &[f64],
        step: &mut [f64],
    ) -> Result<SolveInfo, SolveError> {
        self.solve_for(j, r, r, step).map(|found| found.info)
    }

    fn set_shift(&mut self, shift: f64) {
        self.shift = shift;
    }
}

/// The number of eigenvalues that can differ from 0.
pub(super) fn relative_to(j: &dyn TangentMap) -> usize {
    let (n, k, p) = j.shape();
    (n * k).min(p).max(1)
}

/// Solves (A + lambda) x = b in place; the fallback chain is larger shifts, then a pseudo-inverse.
pub(super) fn shifted_solve(
    a: &mut [f64],
    b: &mut [f64],
    rank: usize,
    shift: f64,
) -> Result<SolveInfo, SolveError> {
    let m = b.len();
    let trace: f64 = (0..m).map(|i| a[i * m + i]).sum();
    if !trace.is_finite() {
        return Err(SolveError::NotFinite {
            what: "tangent map",
        });
    }
    if b.iter().any(|b| !b.is_finite()) {
        return Err(SolveError::NotFinite { what: "force" });
    }
    let mean = trace / rank as f64;
    if mean <= 0.0 {
        // No tangent at all (a constant map): the step of least norm is zero.
        b.fill(0.0);
        return Ok(SolveInfo {
            attempts: 1,
            rank: Some(0),
            ..SolveInfo::default()
        });
    }
    let rhs = b.to_vec();
    let (mut lambda, mut applied, mut pivot) = (shift * mean, 0.0, 0);
    for attempt in 1..=ATTEMPTS {
        for i in 0..m {
            a[i * m + i] += lambda - applied;
        }
        applied = lambda;
        match linalg::cholesky_solve(a, b) {
            Ok(()) if b.iter().all(|b| b.is_finite()) => {
                let residual = relative_residual(a, b, &rhs);
                return Ok(SolveInfo {
                    shift: lambda,
                    attempts: attempt,
                    residual,
                    ..SolveInfo::default()
                });
            }
            Ok(()) => {}
            Err(at) => pivot = at,
        }
        b.copy_from_slice(&rhs);
        lambda = (10.0 * lambda).max(1e-12 * mean);
    }
    match linalg::eigen_solve(a, b, CUTOFF) {
        Ok(rank) => {
            let residual = relative_residual(a, b, &rhs);
            Ok(SolveInfo {
                shift: applied,
                attempts: ATTEMPTS,
                rank: Some(rank),
                residual,
                ..SolveInfo::default()
            })
        }
        Err(linalg::NoConvergence) => Err(SolveError::NotPositive {
            pivot,
            n: m,
            shift: applied,
        }),
    }
}

fn relative_residual(a: &[f64], x: &[f64], rhs: &[f64]) -> f64 {
    let ax = linalg::symmetric_times(a, x);
    let left: Vec<f64> = ax.iter().zip(rhs).map(|(a, b)| a - b).collect();
    let (residual, scale) = (norm(&left), norm(rhs));
    if scale > 0.0 { residual / scale } else { 0.0 }
}
