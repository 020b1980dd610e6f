//! A small perceptron on blocks of eight inputs.

use crate::block::{LANES, Lane};
use crate::kernels::dispatched;
use ketwork_models::{RealMap, Stream};

/// Fully connected layers with tanh between them; parameters lie outside.
///
/// Weights (out, in) row by row, then biases, layer after layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Perceptron {
    sizes: Vec<usize>,
}

dispatched! {
    /// out = W x + b for eight inputs at once.
    fn affine<S>(_simd; w: &'a [f64], x: &'a [Lane], out: &'a mut [Lane]) {
        let n = x.len();
        let bias = &w[n * out.len()..];
        for ((out, row), &b) in out.iter_mut().zip(w.chunks_exact(n)).zip(bias) {
            let mut sum = Lane::splat(b);
            for (&w, x) in row.iter().zip(x) {
                for l in 0..LANES {
                    sum.0[l] = crate::kernels::fma::<S>(w, x.0[l], sum.0[l]);
                }
            }
            *out = sum;
        }
    }
}

dispatched! {
    /// Adds the derivatives by weights and biases, and writes those by x.
    fn affine_back<S>(
        _simd;
        w: &'a [f64],
        x: &'a [Lane],
        dout: &'a [Lane],
        dw: &'a mut [f64],
        dx: &'a mut [Lane],
    ) {
        let n = x.len();
        dx.fill(Lane::ZERO);
        let (dw, db) = dw.split_at_mut(n * dout.len());
        for (j, d) in dout.iter().enumerate() {
            db[j] += d.sum();
            for i in 0..n {
                let w = w[j * n + i];
                let mut product = Lane::ZERO;
                for l in 0..LANES {
                    product.0[l] = d.0[l] * x[i].0[l];
                    dx[i].0[l] = crate::kernels::fma::<S>(w, d.0[l], dx[i].0[l]);
                }
                dw[j * n + i] += product.sum();
            }
        }
    }
}

impl Perceptron {
    /// Layers from the first size to the last.
    ///
    /// # Panics
    /// For fewer than two sizes, or one that is 0.
    #[must_use]
    #[track_caller]
    pub fn new(sizes: Vec<usize>) -> Self {
        assert!(sizes.len() > 1, "at least an input and an output");
        assert!(!sizes.contains(&0), "sizes {sizes:?}");
        Self { sizes }
    }

    fn layers(
        &self,
    ) -> impl DoubleEndedIterator<Item = (usize, usize, usize)> + ExactSizeIterator + '_ {
        let mut start = 0;
        let all: Vec<_> = (self.sizes.windows(2))
            .map(|s| {
                start += (s[0] + 1) * s[1];
                (start - (s[0] + 1) * s[1], s[0], s[1])
            })
            .collect();
        all.into_iter()
    }

    /// Number of weights and biases.
    #[must_use]
    pub fn n_params(&self) -> usize {
        self.sizes.windows(2).map(|s| (s[0] + 1) * s[1]).sum()
    }

    /// Uniform weights of variance 1/in; the last layer starts at 0 times `last`.
    pub(crate) fn initial_with(&self, last: f64, stream: Stream) -> Vec<f64> {
        let mut w = vec![0.0; self.n_params()];
        let n = self.sizes.len() - 1;
        for (k, (start, inputs, outputs)) in self.layers().enumerate() {
            let scale = (3.0 / inputs as f64).sqrt() * if k + 1 == n { last } else { 1.0 };
            for (i, w) in w[start..start + inputs * outputs].iter_mut().enumerate() {
                *w = scale * (2.0 * stream.uniform(i as u64, k as u32) - 1.0);
            }
        }
        w
    }

    /// All activations, the input first, the output (linear) last.
    pub(crate) fn run(&self, w: &[f64], x: Vec<Lane>) -> Vec<Vec<Lane>> {
        let n = self.sizes.len() - 1;
        let mut all = vec![x];
        for (k, (start, inputs, outputs)) in self.layers().enumerate() {
            let mut out = vec![Lane::ZERO; outputs];
            affine(&w[start..start + (inputs + 1) * outputs], &all[k], &mut out);
            if k + 1 < n {
                out.iter_mut().for_each(|o| *o = Lane(o.0.map(f64::tanh)));
            }
            all.push(out);
        }
        all
    }

    /// Adds the derivatives by the parameters; returns those by the input.
    pub(crate) fn run_back(
        &self,
        w: &[f64],
        all: &[Vec<Lane>],
        mut dout: Vec<Lane>,
        dw: &mut [f64],
    ) -> Vec<Lane> {
        let n = self.sizes.len() - 1;
        for (k, (start, inputs, outputs)) in self.layers().enumerate().rev() {
            if k + 1 < n {
                for (d, y) in dout.iter_mut().zip(&all[k + 1]) {
                    *d = d.zip(*y, |d, y| d * (1.0 - y * y));
                }
            }
            let range = start..start + (inputs + 1) * outputs;
            let mut dx = vec![Lane::ZERO; inputs];
            affine_back(&w[range.clone()], &all[k], &dout, &mut dw[range], &mut dx);
            dout = dx;
        }
        dout
    }
}

/// Up to eight rows of `n` numbers side by side.
fn lanes(rows: &[f64], n: usize) -> Vec<Lane> {
    let at = |i: usize, l: usize| rows.get(l * n + i).copied().unwrap_or(0.0);
    (0..n)
        .map(|i| Lane(std::array::from_fn(|l| at(i, l))))
        .collect()
}

/// The first `count` rows of what stands side by side.
fn extend_rows(out: &mut Vec<f64>, lanes: &[Lane], count: usize) {
    for l in 0..count {
        out.extend(lanes.iter().map(|x| x.0[l]));
    }
}

impl RealMap for Perceptron {
    fn n_inputs(&self) -> usize {
        self.sizes[0]
    }

    fn n_outputs(&self) -> usize {
        self.sizes[self.sizes.len() - 1]
    }

    /// Uniform weights of variance 1/in, biases 0.
    fn initial(&self, stream: Stream) -> Vec<f64> {
        self.initial_with(1.0, stream)
    }

    fn forward(&self, theta: &[f64], x: &[f64]) -> Vec<f64> {
        let n = self.n_inputs();
        let mut out = Vec::new();
        for rows in x.chunks(n * LANES) {
            let all = self.run(theta, lanes(rows, n));
            extend_rows(&mut out, &all[all.len() - 1], rows.len() / n);
        }
        out
    }

    fn pullback(
        &self,
        theta: &[f64],
        x: &[f64],
        cotangent: &[f64],
        gradient: &mut [f64],
    ) -> Vec<f64> {
        let (n, m) = (self.n_inputs(), self.n_outputs());
        assert_eq!(cotangent.len() * n, x.len() * m, "cotangents");
        let mut out = Vec::new();
        for (rows, seeds) in x.chunks(n * LANES).zip(cotangent.chunks(m * LANES)) {
            let all = self.run(theta, lanes(rows, n));
            let dx = self.run_back(theta, &all, lanes(seeds, m), gradient);
            extend_rows(&mut out, &dx, rows.len() / n);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_equal_central_differences() {
        let mlp = Perceptron::new(vec![3, 5, 4, 2]);
        let w = mlp.initial(Stream::new(1));
        let number = |i: usize, l: usize| Stream::new(2).uniform(i as u64, l as u32) - 0.5;
        let x: Vec<Lane> = (0..3)
            .map(|i| Lane(std::array::from_fn(|l| number(i, l))))
            .collect();
        let loss = |w: &[f64], x: &[Lane]| -> f64 {
            let all = mlp.run(w, x.to_vec());
            all.last()
                .unwrap()
                .iter()
                .map(|o| o.zip(*o, |a, b| 0.5 * a * b).sum())
                .sum()
        };
        let all = mlp.run(&w, x.clone());
        let mut dw = vec![0.0; w.len()];
        let dx = mlp.run_back(&w, &all, all.last().unwrap().clone(), &mut dw);
        let h = 1e-3;
        let fourth = |f: &dyn Fn(f64) -> f64| {
            (8.0 * (f(h) - f(-h)) - (f(2.0 * h) - f(-2.0 * h))) / (12.0 * h)
        };
        for p in 0..w.len() {
            let at = |by: f64| {
                let mut w = w.clone();
                w[p] += by;
                loss(&w, &x)
            };
            assert!((fourth(&at) - dw[p]).abs() < 1e-9, "parameter {p}");
        }
        for i in 0..3 {
            let at = |by: f64| {
                let mut x = x.clone();
                x[i].0[5] += by;
                loss(&w, &x)
            };
            assert!((fourth(&at) - dx[i].0[5]).abs() < 1e-9, "input {i}");
        }
    }
}
