//! Multinomial logistic regression: whether generated states show their label.

use crate::adam::Adam;

/// A linear classifier of vectors.
#[derive(Clone, Debug)]
pub struct Classifier {
    n_classes: usize,
    /// Weights (class, d + 1), the bias last.
    weights: Vec<f64>,
}

impl Classifier {
    /// Fits labels by 500 full steps of Adam on the mean cross-entropy with a penalty of 1e-4 times
    /// the squared weights. The problem is convex: the result does not depend on a start.
    ///
    /// # Panics
    /// If there is no point, or labels and points differ in number.
    #[must_use]
    #[track_caller]
    pub fn fit(points: &[Vec<f64>], label: &[usize], n_classes: usize) -> Self {
        assert_eq!(points.len(), label.len(), "one label for each point");
        let d = points[0].len();
        let mut this = Self {
            n_classes,
            weights: vec![0.0; n_classes * (d + 1)],
        };
        let mut adam = Adam::new(this.weights.len());
        for _ in 0..500 {
            let mut gradient: Vec<f64> = this.weights.iter().map(|w| 2e-4 * w).collect();
            for (x, &y) in points.iter().zip(label) {
                let p = this.probabilities(x);
                for (c, row) in gradient.chunks_exact_mut(d + 1).enumerate() {
                    let e = (p[c] - f64::from(u8::from(c == y))) / points.len() as f64;
                    row.iter_mut().zip(x).for_each(|(g, x)| *g += e * x);
                    row[d] += e;
                }
            }
            adam.step(&mut this.weights, &gradient, 0.1);
        }
        this
    }

    fn probabilities(&self, x: &[f64]) -> Vec<f64> {
        let d = x.len();
        let score = |row: &[f64]| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + row[d];
        let scores: Vec<f64> = self.weights.chunks_exact(d + 1).map(score).collect();
        let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let p: Vec<f64> = scores.iter().map(|s| (s - top).exp()).collect();
        let sum: f64 = p.iter().sum();
        p.iter().map(|p| p / sum).collect()
    }

    /// The most probable class.
    #[must_use]
    pub fn classify(&self, x: &[f64]) -> usize {
        let p = self.probabilities(x);
        (0..self.n_classes).fold(0, |best, c| if p[c] > p[best] { c } else { best })
    }

    /// Share of the points that get their label.
    #[must_use]
    pub fn accuracy(&self, points: &[Vec<f64>], label: &[usize]) -> f64 {
        let right = |(x, y): &(&Vec<f64>, &usize)| self.classify(x) == **y;
        points.iter().zip(label).filter(right).count() as f64 / points.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ketwork_models::Stream;

    #[test]
    fn three_separate_clouds_are_told_apart() {
        let u = |i: usize, k| Stream::new(1).uniform(i as u64, k) - 0.5;
        let centre = [[0.0, 2.0], [2.0, -1.0], [-2.0, -1.0]];
        let points: Vec<Vec<f64>> = (0..90)
            .map(|i| vec![centre[i % 3][0] + u(i, 0), centre[i % 3][1] + u(i, 1)])
            .collect();
        let label: Vec<usize> = (0..90).map(|i| i % 3).collect();
        let fit = Classifier::fit(&points[..60], &label[..60], 3);
        assert!(
            fit.accuracy(&points[60..], &label[60..]) > 0.999,
            "clouds are mixed up"
        );
        let wrong: Vec<usize> = label.iter().map(|l| (l + 1) % 3).collect();
        assert!(
            fit.accuracy(&points[60..], &wrong[60..]) < 0.001,
            "labels do not matter"
        );
    }
}
