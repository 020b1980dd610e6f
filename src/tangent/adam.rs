use super::{SolveError, SolveInfo, TangentSolver, norm};
use ketwork_models::TangentMap;

/// First-order steps with adaptive moments on the force $J^T r$: no linear system.
///
/// # References
/// D. P. Kingma, J. Ba, arXiv:1412.6980, algorithm 1.
#[derive(Clone, Debug)]
pub struct Adam {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Regularises the division.
    pub epsilon: f64,
    first: Vec<f64>,
    second: Vec<f64>,
    steps: u64,
}

impl Default for Adam {
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            first: vec![],
            second: vec![],
            steps: 0,
        }
    }
}

impl Adam {
    /// Replaces a gradient by the step against which it moves at a rate of 1, and remembers its moments.
    pub(crate) fn turn(&mut self, gradient: &mut [f64]) {
        self.first.resize(gradient.len(), 0.0);
        self.second.resize(gradient.len(), 0.0);
        self.steps += 1;
        let t = self.steps as f64;
        let (bias1, bias2) = (1.0 - self.beta1.powf(t), 1.0 - self.beta2.powf(t));
        let moments = self.first.iter_mut().zip(&mut self.second);
        for (s, (m, v)) in gradient.iter_mut().zip(moments) {
            *m = self.beta1 * *m + (1.0 - self.beta1) * *s;
            *v = self.beta2 * *v + (1.0 - self.beta2) * *s * *s;
            *s = (*m / bias1) / ((*v / bias2).sqrt() + self.epsilon);
        }
    }
}

impl TangentSolver for Adam {
    fn solve(
        &mut self,
        j: &dyn TangentMap,
        r: &[f64],
        step: &mut [f64],
    ) -> Result<SolveInfo, SolveError> {
        j.apply_transpose(r, step);
        if step.iter().any(|s| !s.is_finite()) {
            return Err(SolveError::NotFinite { what: "force" });
        }
        let force = norm(step);
        self.turn(step);
        let mut moved = vec![0.0; r.len()];
        j.apply(step, &mut moved);
        Ok(SolveInfo {
            attempts: 1,
            force,
            length: norm(&moved),
            ..SolveInfo::default()
        })
    }

    fn save(&self) -> Vec<f64> {
        let steps = f64::from_bits(self.steps);
        std::iter::once(steps)
            .chain(self.first.iter().chain(&self.second).copied())
            .collect()
    }

    fn load(&mut self, saved: &[f64]) {
        if let [steps, moments @ ..] = saved {
            self.steps = steps.to_bits();
            let (first, second) = moments.split_at(moments.len() / 2);
            (self.first, self.second) = (first.to_vec(), second.to_vec());
        }
    }
}
