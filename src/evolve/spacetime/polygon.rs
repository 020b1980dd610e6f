//! Functions of time that carry the parameters: linear between neighbouring slices.

/// Functions of time that are 1 at one of given times, 0 at all others, and linear between.
#[derive(Clone, Debug, PartialEq)]
pub struct Polygon {
    times: Vec<f64>,
}

impl Polygon {
    /// Functions for ascending times.
    ///
    /// # Panics
    /// If there are fewer than two times, or they do not ascend.
    #[must_use]
    #[track_caller]
    pub fn new(times: Vec<f64>) -> Self {
        assert!(
            times.len() > 1 && times.windows(2).all(|w| w[0] < w[1]),
            "two or more ascending times"
        );
        Self { times }
    }

    /// Number of functions.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there are never none")]
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// The first of the two functions that may differ from 0 at t, and their values. Beyond the ends
    /// the values at the end.
    #[must_use]
    pub fn at(&self, t: f64) -> (usize, [f64; 2]) {
        let after = self.times.partition_point(|&s| s <= t);
        let i = after.clamp(1, self.len() - 1) - 1;
        let (from, to) = (self.times[i], self.times[i + 1]);
        let share = ((t - from) / (to - from)).clamp(0.0, 1.0);
        (i, [1.0 - share, share])
    }

    /// $\sum_b f_b(t) f_b(t')$.
    #[must_use]
    pub fn product(&self, a: f64, b: f64) -> f64 {
        let ((i, f), (j, g)) = (self.at(a), self.at(b));
        f.iter()
            .enumerate()
            .filter_map(|(k, f)| Some(f * g.get((i + k).checked_sub(j)?)?))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_reproduce_a_straight_line_and_meet_nowhere_at_their_times() {
        let times = vec![0.1, 0.2, 0.35, 0.4];
        let polygon = Polygon::new(times.clone());
        for t in [0.1, 0.15, 0.2, 0.3, 0.4] {
            let (first, f) = polygon.at(t);
            let sum: f64 = times[first..].iter().zip(f).map(|(s, f)| s * f).sum();
            assert!((sum - t).abs() < 1e-15, "{t}: {sum}");
        }
        for (i, a) in times.iter().enumerate() {
            for (j, b) in times.iter().enumerate() {
                let wanted = f64::from(u8::from(i == j));
                assert!((polygon.product(*a, *b) - wanted).abs() < 1e-15, "{a}, {b}");
            }
        }
        // Half of one and half of the next, against three quarters of one.
        assert!((polygon.product(0.15, 0.125) - 0.5).abs() < 1e-14);
    }
}
