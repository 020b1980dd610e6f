//! One least-squares problem, several dampings: the tangent map is factored once.

use super::gram::{geometric_tensor, gram};
use super::sr::{relative_to, shifted_solve};
use super::{NaturalGradient, SolveError, TangentSolver};
use ketwork_linalg::Factored;
use ketwork_models::TangentMap;

/// Smaller side up to which the map is factored by reflections, which see singular values down to
/// rounding; its square sees those above the root of it.
const REFLECTED: usize = 1024;
/// Least damping of reflections, relative to the mean eigenvalue.
const LEAST: f64 = 1e-14;
/// Smaller side up to which the square is kept beside its factor: 0.5 GiB for both.
const KEPT: usize = 5600;

/// $\min_\delta \|J\delta - r\|^2 + \lambda\|\delta\|^2$ for one J and r.
pub(crate) struct Damped<'a> {
    j: &'a dyn TangentMap,
    r: &'a [f64],
    /// Mean non-zero eigenvalue of $J^T J$.
    mean: f64,
    form: Form,
}

enum Form {
    Reflections(Factored),
    /// $J J^T$ or $J^T J$, whichever is smaller.
    Square(Vec<f64>),
    /// Too large to be kept.
    Anew(NaturalGradient),
}

impl<'a> Damped<'a> {
    /// The problem, not yet factored where that may not be kept.
    ///
    /// # Errors
    /// [`SolveError::NotFinite`].
    pub(crate) fn new(j: &'a dyn TangentMap, r: &'a [f64]) -> Result<Self, SolveError> {
        Self::up_to(REFLECTED, KEPT, j, r)
    }

    pub(super) fn up_to(
        reflected: usize,
        kept: usize,
        j: &'a dyn TangentMap,
        r: &'a [f64],
    ) -> Result<Self, SolveError> {
        let (n, k, p) = j.shape();
        let side = p.min(n * k);
        if r.iter().any(|r| !r.is_finite()) {
            return Err(SolveError::NotFinite { what: "force" });
        }
        let (mut mean, mut form) = (0.0, Form::Anew(NaturalGradient::default()));
        if let Some(matrix) = j.stored().filter(|_| side <= reflected) {
            let trace: f64 = matrix.iter().map(|v| v * v).sum();
            if !trace.is_finite() {
                return Err(SolveError::NotFinite {
                    what: "tangent map",
                });
            }
            mean = trace / relative_to(j) as f64;
            form = Form::Reflections(Factored::new(matrix, r));
        } else if side <= kept {
            let mut square = vec![0.0; side * side];
            match p < n * k {
                true => geometric_tensor(j, &mut square),
                false => gram(j, &mut square),
            }
            form = Form::Square(square);
        }
        Ok(Self { j, r, mean, form })
    }

    /// Writes the step for a damping relative to the mean non-zero eigenvalue.
    ///
    /// # Errors
    /// [`SolveError`].
    pub(crate) fn solve(&mut self, shift: f64, step: &mut [f64]) -> Result<(), SolveError> {
        let rank = relative_to(self.j);
        match &mut self.form {
            Form::Reflections(_) if self.mean <= 0.0 => step.fill(0.0),
            Form::Reflections(factored) => {
                // Without damping dependent columns have no solution.
                step.copy_from_slice(&factored.solve((shift.max(LEAST) * self.mean).sqrt()));
            }
            Form::Square(square) => {
                let mut square = square.clone();
                let (n, k, p) = self.j.shape();
                if p < n * k {
                    self.j.apply_transpose(self.r, step);
                    shifted_solve(&mut square, step, rank, shift)?;
                } else {
                    let mut dual = self.r.to_vec();
                    shifted_solve(&mut square, &mut dual, rank, shift)?;
                    self.j.apply_transpose(&dual, step);
                }
            }
            Form::Anew(solver) => {
                solver.set_shift(shift);
                solver.solve(self.j, self.r, step)?;
            }
        }
        Ok(())
    }
}
