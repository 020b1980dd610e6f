//! Recoupling of SU(2)_k: quantum 6j symbols. Spins are given as twice their value.

use std::f64::consts::PI;

/// Quantum integers and factorials at $q = e^{2\pi i/(k+2)}$: $[n] = \sin\frac{n\pi}{k+2} /
/// \sin\frac{\pi}{k+2}$.
#[derive(Clone, Debug)]
pub(super) struct Recoupling {
    level: usize,
    /// $[n]!$ for n up to what the spins asked for need.
    factorials: Vec<f64>,
}

impl Recoupling {
    /// Prepares for four spins that add up to at most `twice_sum` / 2.
    pub(super) fn new(level: usize, twice_sum: usize) -> Self {
        let angle = PI / (level + 2) as f64;
        // At n = k + 2 the quantum integer is 0, and so are all factorials from there on.
        let integer = |n: usize| match n {
            n if n >= level + 2 => 0.0,
            n => (n as f64 * angle).sin() / angle.sin(),
        };
        let mut factorials = vec![1.0];
        for n in 1..=twice_sum / 2 + 2 {
            factorials.push(factorials[n - 1] * integer(n));
        }
        Self { level, factorials }
    }

    /// Recoupling of three spins a, b, c with total d, from "a and b make e" to "b and c make f":
    /// $F = (-1)^{a+b+c+d} \sqrt{[2e+1][2f+1]} \{a\,b\,e;\, c\,d\,f\}_q$. 0 where they cannot.
    ///
    /// # References
    /// A. N. Kirillov, N. Yu. Reshetikhin, in Infinite Dimensional Lie Algebras and Groups, World
    /// Scientific (1989), p. 285.
    pub(super) fn f(&self, [a, b, c, d]: [usize; 4], e: usize, f: usize) -> f64 {
        let triads = [(a, b, e), (e, c, d), (b, c, f), (a, f, d)];
        if !triads.iter().all(|&(x, y, z)| self.is_admissible(x, y, z)) {
            return 0.0;
        }
        let sign = if (a + b + c + d) / 2 % 2 == 0 {
            1.0
        } else {
            -1.0
        };
        let size = self.dimension(e) * self.dimension(f);
        let triangles: f64 = triads
            .iter()
            .map(|&(x, y, z)| self.triangle(x, y, z))
            .product();
        sign * size.sqrt() * triangles * self.racah_sum(&triads, [a, b, c, d, e, f])
    }

    /// $\sum_z (-1)^z [z+1]! / \prod_t [z - t]! \prod_q [q - z]!$ over triads t and quadruples q.
    fn racah_sum(&self, triads: &[(usize, usize, usize)], spins: [usize; 6]) -> f64 {
        let [a, b, c, d, e, f] = spins;
        let lower: Vec<usize> = triads.iter().map(|&(x, y, z)| (x + y + z) / 2).collect();
        let upper = [
            (a + b + c + d) / 2,
            (b + e + d + f) / 2,
            (a + e + c + f) / 2,
        ];
        let from = lower.iter().copied().max().unwrap_or(0);
        // Beyond the level [z + 1]! is 0.
        let to = upper.iter().copied().min().unwrap_or(0).min(self.level);
        (from..=to)
            .map(|z| {
                let below: f64 = lower.iter().map(|t| self.factorials[z - t]).product();
                let above: f64 = upper.iter().map(|q| self.factorials[q - z]).product();
                let term = self.factorials[z + 1] / (below * above);
                if z % 2 == 0 { term } else { -term }
            })
            .sum()
    }

    /// Quantum dimension $[2j + 1]$.
    fn dimension(&self, twice: usize) -> f64 {
        self.factorials[twice + 1] / self.factorials[twice]
    }

    /// Whether three spins fuse: the triangle rule, an integer sum, and at most the level.
    fn is_admissible(&self, x: usize, y: usize, z: usize) -> bool {
        let sum = x + y + z;
        sum.is_multiple_of(2) && 2 * x.max(y).max(z) <= sum && sum <= 2 * self.level
    }

    fn triangle(&self, x: usize, y: usize, z: usize) -> f64 {
        let half = (x + y + z) / 2;
        let inner: f64 = [x, y, z]
            .iter()
            .map(|s| self.factorials[half - s])
            .product();
        (inner / self.factorials[half + 1]).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_golden_matrix_is_that_of_fibonacci_anyons() {
        // Level 3, tau = spin 1: F = [[1/phi, s], [s, -1/phi]], s = -1/sqrt(phi) in Racah's signs.
        let phi = (1.0 + 5_f64.sqrt()) / 2.0;
        let r = Recoupling::new(3, 8);
        let known = [
            (0, 0, 1.0 / phi),
            (0, 2, -1.0 / phi.sqrt()),
            (2, 0, -1.0 / phi.sqrt()),
            (2, 2, -1.0 / phi),
        ];
        for (e, f, value) in known {
            assert!((r.f([2; 4], e, f) - value).abs() < 1e-14, "({e}, {f})");
        }
    }

    #[test]
    fn recoupling_is_orthogonal_for_all_spins_of_small_levels() {
        for level in 2..=6_usize {
            let r = Recoupling::new(level, 4 * level);
            let spins = 0..=level;
            for abcd in 0..(level + 1).pow(4) {
                let s: Vec<_> = (0..4)
                    .map(|i| abcd / (level + 1).pow(i) % (level + 1))
                    .collect();
                let s = [s[0], s[1], s[2], s[3]];
                for (e, g) in spins
                    .clone()
                    .flat_map(|e| spins.clone().map(move |g| (e, g)))
                {
                    let exists =
                        |e: usize| r.is_admissible(s[0], s[1], e) && r.is_admissible(e, s[2], s[3]);
                    let sum: f64 = spins.clone().map(|f| r.f(s, e, f) * r.f(s, g, f)).sum();
                    let expected = if e == g && exists(e) { 1.0 } else { 0.0 };
                    assert!(
                        (sum - expected).abs() < 1e-12,
                        "level {level}, spins {s:?} / 2: <{e}|{g}> = {sum}"
                    );
                }
            }
        }
    }

    #[test]
    fn large_levels_give_the_recoupling_of_spins() {
        // Three spins 1/2 with total 1/2: {{-1/2, sqrt(3)/2}, {sqrt(3)/2, 1/2}}; the error is 1/k^2.
        let r = Recoupling::new(1_000_000, 4);
        let half = 3_f64.sqrt() / 2.0;
        let known = [(0, 0, -0.5), (0, 2, half), (2, 0, half), (2, 2, 0.5)];
        for (e, f, value) in known {
            assert!((r.f([1; 4], e, f) - value).abs() < 1e-10, "({e}, {f})");
        }
    }
}
