//! Adam.

/// Moments of Adam for one vector of parameters.
///
/// # References
/// D. P. Kingma, J. Ba, arXiv:1412.6980, algorithm 1.
#[derive(Clone, Debug)]
pub(crate) struct Adam {
    first: Vec<f64>,
    second: Vec<f64>,
    count: i32,
}

impl Adam {
    pub(crate) fn new(n: usize) -> Self {
        Self {
            first: vec![0.0; n],
            second: vec![0.0; n],
            count: 0,
        }
    }

    /// The moments and the number of steps, for a checkpoint.
    pub(crate) fn save(&self, out: &mut Vec<f64>) {
        out.extend(&self.first);
        out.extend(&self.second);
        out.push(f64::from(self.count));
    }

    /// Takes what [`Self::save`] gave from the front.
    pub(crate) fn load(&mut self, saved: &mut impl Iterator<Item = f64>) {
        let moments = self.first.iter_mut().chain(&mut self.second);
        moments.zip(saved.by_ref()).for_each(|(m, v)| *m = v);
        self.count = saved.next().map_or(0, |count| count as i32);
    }

    /// Moves the parameters against the gradient.
    pub(crate) fn step(&mut self, theta: &mut [f64], gradient: &[f64], rate: f64) {
        const BETA: (f64, f64) = (0.9, 0.999);
        self.count += 1;
        let bias = (1.0 - BETA.0.powi(self.count), 1.0 - BETA.1.powi(self.count));
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((x, g), (m, v)) in theta.iter_mut().zip(gradient).zip(moments) {
            *m = BETA.0 * *m + (1.0 - BETA.0) * g;
            *v = BETA.1 * *v + (1.0 - BETA.1) * g * g;
            *x -= rate * (*m / bias.0) / ((*v / bias.1).sqrt() + 1e-8);
        }
    }
}
