use super::dual::Solved;
use super::{MinSr, SolveError, SolveInfo, TangentSolver, norm};
use ketwork_models::TangentMap;

/// Subsampled projected-increment natural gradient: minSR that keeps what earlier batches knew,
/// $\delta_k = J^T (J J^T + \lambda)^{-1} (r - \mu J\delta_{k-1}) + \mu\,\delta_{k-1}$.
///
/// With $\mu = 0$ it is [`MinSr`].
///
/// # References
/// G. Goldshlager, N. Abrahamsen, L. Lin, J. Comput. Phys. 516, 113351 (2024), eq. (33).
#[derive(Clone, Debug)]
pub struct Spring {
    /// Momentum mu, in [0, 1).
    pub momentum: f64,
    inner: MinSr,
    previous: Vec<f64>,
}

impl Spring {
    /// The solver with a relative shift and a momentum.
    #[must_use]
    pub fn new(shift: f64, momentum: f64) -> Self {
        Self {
            momentum,
            inner: MinSr::new(shift),
            previous: Vec::new(),
        }
    }
}

impl TangentSolver for Spring {
    fn solve(
        &mut self,
        j: &dyn TangentMap,
        r: &[f64],
        step: &mut [f64],
    ) -> Result<SolveInfo, SolveError> {
        self.previous.resize(step.len(), 0.0);
        let mut carried = vec![0.0; r.len()];
        j.apply(&self.previous, &mut carried);
        for c in &mut carried {
            *c *= self.momentum;
        }
        let left: Vec<f64> = r.iter().zip(&carried).map(|(r, c)| r - c).collect();
        let Solved { info, mut moved } = self.inner.solve_for(j, &left, r, step)?;
        for (s, p) in step.iter_mut().zip(&mut self.previous) {
            *s += self.momentum * *p;
            *p = *s;
        }
        for (m, c) in moved.iter_mut().zip(&carried) {
            *m += c;
        }
        Ok(SolveInfo {
            length: norm(&moved),
            ..info
        })
    }

    fn set_shift(&mut self, shift: f64) {
        self.inner.shift = shift;
    }

    fn save(&self) -> Vec<f64> {
        self.previous.clone()
    }

    fn load(&mut self, saved: &[f64]) {
        self.previous = saved.to_vec();
    }
}
