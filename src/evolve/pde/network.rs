//! A small periodic network on the plane, its derivatives in space and by its parameters.

use ketwork_models::Stream;
use rayon::prelude::*;
use std::f64::consts::TAU;

/// $u_\theta(x, y)$ on the torus $[0, 2\pi)^2$: $\tanh[a\cos(x_d + \varphi) + c]$ with `copies` triples
/// (a, phi, c) for each of the two coordinates, then `layers` dense layers with tanh, then a linear output.
///
/// Parameters: the triples, coordinate by coordinate; of each layer its matrix by rows and its bias; the
/// output's weights and bias. The published network has 20 copies and 5 layers: 8361 parameters.
///
/// # References
/// Z. Chen, J. McCarran, E. Vizcaino, M. Soljačić, D. Luo, Proc. ICML 235, 7143 (2024),
/// arXiv:2404.10771.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeriodicMlp {
    /// Features of each coordinate; the width is twice as large.
    pub copies: usize,
    /// Dense layers between features and output.
    pub layers: usize,
}

impl Default for PeriodicMlp {
    /// The published network.
    fn default() -> Self {
        Self {
            copies: 20,
            layers: 5,
        }
    }
}

/// A function and its derivatives at points.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Jet {
    /// u.
    pub value: f64,
    /// $\partial_x u$.
    pub dx: f64,
    /// $\partial_y u$.
    pub dy: f64,
    /// $\partial_x^2 u + \partial_y^2 u$.
    pub laplacian: f64,
}

/// Where a parameter acts: layer, row, column.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// a, phi or c of a feature.
    Feature {
        feature: usize,
        which: usize,
    },
    Weight {
        layer: usize,
        row: usize,
        column: usize,
    },
    Bias {
        layer: usize,
        row: usize,
    },
    Output {
        column: usize,
    },
    OutputBias,
}

impl PeriodicMlp {
    /// Units of a layer.
    #[must_use]
    pub fn width(&self) -> usize {
        2 * self.copies
    }

    /// Number of parameters.
    #[must_use]
    pub fn n_params(&self) -> usize {
        let w = self.width();
        3 * w + self.layers * w * (w + 1) + w + 1
    }

    /// Random parameters: phases all around, weights of variance 1 / width.
    #[must_use]
    pub fn initial(&self, stream: Stream) -> Vec<f64> {
        let w = self.width();
        let uniform = |k: usize| 2.0 * stream.uniform(k as u64, 0) - 1.0;
        let scale = (3.0 / w as f64).sqrt();
        let value = |k: usize| match self.place(k) {
            Place::Feature { which: 1, .. } => 0.5 * TAU * uniform(k),
            Place::Feature { which: 0, .. } => 1.0 + 0.5 * uniform(k),
            Place::Feature { .. } => 0.5 * uniform(k),
            Place::Weight { .. } | Place::Output { .. } => scale * uniform(k),
            Place::Bias { .. } => 0.1 * uniform(k),
            Place::OutputBias => 0.0,
        };
        (0..self.n_params()).map(value).collect()
    }

    fn place(&self, k: usize) -> Place {
        let w = self.width();
        let (features, block) = (3 * w, w * (w + 1));
        if k < features {
            return Place::Feature {
                feature: k / 3,
                which: k % 3,
            };
        }
        let (layer, at) = ((k - features) / block, (k - features) % block);
        if layer < self.layers {
            return match at < w * w {
                true => Place::Weight {
                    layer,
                    row: at / w,
                    column: at % w,
                },
                false => Place::Bias {
                    layer,
                    row: at - w * w,
                },
            };
        }
        match at < w {
            true => Place::Output { column: at },
            false => Place::OutputBias,
        }
    }

    /// Matrix and bias of a layer, or weights and bias of the output.
    fn layer<'a>(&self, theta: &'a [f64], layer: usize) -> (&'a [f64], &'a [f64]) {
        let w = self.width();
        let rest = &theta[3 * w + layer * w * (w + 1)..];
        match layer < self.layers {
            true => (&rest[..w * w], &rest[w * w..w * (w + 1)]),
            false => (&rest[..w], &rest[w..w + 1]),
        }
    }

    /// Values at points.
    ///
    /// # Panics
    /// If theta has another length than there are parameters.
    #[must_use]
    #[track_caller]
    pub fn values(&self, theta: &[f64], points: &[[f64; 2]]) -> Vec<f64> {
        assert_eq!(theta.len(), self.n_params(), "parameters of the network");
        let one = |x: &[f64; 2]| {
            let h = self.hidden(theta, *x);
            let (w, b) = self.layer(theta, self.layers);
            dot(w, &h[h.len() - self.width()..]) + b[0]
        };
        points.par_iter().with_min_len(16).map(one).collect()
    }

    /// Values and derivatives at points, by forward mode.
    ///
    /// # Panics
    /// If theta has another length than there are parameters.
    #[must_use]
    #[track_caller]
    pub fn jets(&self, theta: &[f64], points: &[[f64; 2]]) -> Vec<Jet> {
        assert_eq!(theta.len(), self.n_params(), "parameters of the network");
        points
            .par_iter()
            .with_min_len(16)
            .map(|x| self.jet(theta, *x))
            .collect()
    }

    fn jet(&self, theta: &[f64], x: [f64; 2]) -> Jet {
        let w = self.width();
        let mut h: Vec<Jet> = (0..w)
            .map(|f| {
                let [a, phase, c] = [theta[3 * f], theta[3 * f + 1], theta[3 * f + 2]];
                let (sin, cos) = (x[f / self.copies] + phase).sin_cos();
                let mut z = Jet {
                    value: a * cos + c,
                    laplacian: -a * cos,
                    ..Jet::default()
                };
                match f < self.copies {
                    true => z.dx = -a * sin,
                    false => z.dy = -a * sin,
                }
                z.tanh()
            })
            .collect();
        for layer in 0..self.layers {
            let (matrix, bias) = self.layer(theta, layer);
            let next = |(row, b): (&[f64], &f64)| weighted(row, &h, *b).tanh();
            h = matrix.chunks_exact(w).zip(bias).map(next).collect();
        }
        let (row, b) = self.layer(theta, self.layers);
        weighted(row, &h, b[0])
    }

    /// All activations, layer after layer, the features first.
    fn hidden(&self, theta: &[f64], x: [f64; 2]) -> Vec<f64> {
        let w = self.width();
        let mut all = Vec::with_capacity((self.layers + 1) * w);
        for f in 0..w {
            let z = theta[3 * f] * (x[f / self.copies] + theta[3 * f + 1]).cos() + theta[3 * f + 2];
            all.push(z.tanh());
        }
        for layer in 0..self.layers {
            let (matrix, bias) = self.layer(theta, layer);
            for (row, b) in matrix.chunks_exact(w).zip(bias) {
                let z = dot(row, &all[layer * w..(layer + 1) * w]) + b;
                all.push(z.tanh());
            }
        }
        all
    }

    /// $\partial u / \partial\theta_k$ for some parameters k at points, row by row: (points, columns).
    ///
    /// # Panics
    /// If theta has another length than there are parameters, or a column is none of them.
    #[must_use]
    #[track_caller]
    pub fn jacobian(&self, theta: &[f64], points: &[[f64; 2]], columns: &[usize]) -> Vec<f64> {
        assert_eq!(theta.len(), self.n_params(), "parameters of the network");
        assert!(
            columns.iter().all(|&k| k < theta.len()),
            "a column beyond the parameters"
        );
        let w = self.width();
        let places: Vec<Place> = columns.iter().map(|&k| self.place(k)).collect();
        let mut out = vec![0.0; points.len() * columns.len()];
        let rows = out
            .par_chunks_mut(columns.len().max(1))
            .zip(points)
            .with_min_len(16);
        rows.for_each(|(out, &x)| {
            let h = self.hidden(theta, x);
            // du / dz of every unit, from the last layer back.
            let mut slope = vec![0.0; h.len()];
            let (last, _) = self.layer(theta, self.layers);
            slope[self.layers * w..].copy_from_slice(last);
            for layer in (0..=self.layers).rev() {
                let here = layer * w..(layer + 1) * w;
                for (s, h) in slope[here.clone()].iter_mut().zip(&h[here]) {
                    *s *= 1.0 - h * h;
                }
                if layer > 0 {
                    let (matrix, _) = self.layer(theta, layer - 1);
                    let (below, above) = slope.split_at_mut(layer * w);
                    let below = &mut below[(layer - 1) * w..];
                    for (row, s) in matrix.chunks_exact(w).zip(&above[..w]) {
                        below.iter_mut().zip(row).for_each(|(b, m)| *b += s * m);
                    }
                }
            }
            for (o, place) in out.iter_mut().zip(&places) {
                *o = match *place {
                    Place::Feature { feature: f, which } => {
                        let (sin, cos) = (x[f / self.copies] + theta[3 * f + 1]).sin_cos();
                        slope[f] * [cos, -theta[3 * f] * sin, 1.0][which]
                    }
                    Place::Weight { layer, row, column } => {
                        slope[(layer + 1) * w + row] * h[layer * w + column]
                    }
                    Place::Bias { layer, row } => slope[(layer + 1) * w + row],
                    Place::Output { column } => h[self.layers * w + column],
                    Place::OutputBias => 1.0,
                };
            }
        });
        out
    }
}

impl Jet {
    fn tanh(self) -> Self {
        let t = self.value.tanh();
        let (first, second) = (1.0 - t * t, -2.0 * t * (1.0 - t * t));
        Self {
            value: t,
            dx: first * self.dx,
            dy: first * self.dy,
            laplacian: first * self.laplacian + second * (self.dx * self.dx + self.dy * self.dy),
        }
    }
}

fn weighted(row: &[f64], h: &[Jet], bias: f64) -> Jet {
    let mut sum = Jet {
        value: bias,
        ..Jet::default()
    };
    for (w, h) in row.iter().zip(h) {
        sum.value += w * h.value;
        sum.dx += w * h.dx;
        sum.dy += w * h.dy;
        sum.laplacian += w * h.laplacian;
    }
    sum
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
