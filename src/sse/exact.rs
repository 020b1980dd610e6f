//! Exact twins for tests: spectra and thermal averages of small systems.

use ketwork_hamiltonians::{Configs, Connected, Hamiltonian, is_legal};
use std::collections::HashMap;

pub(crate) struct Exact {
    pub(crate) states: Configs,
    /// Eigenvalues, ascending.
    pub(crate) values: Vec<f64>,
    /// Eigenvectors, one a row.
    vectors: Vec<Vec<f64>>,
}

impl Exact {
    pub(crate) fn of<H: Hamiltonian<Elem = f64>>(model: &H) -> Self {
        let n = model.space().n_sites;
        let mut states = Configs::new(n);
        for bits in 0..1_u64 << n {
            let x: Vec<u8> = (0..n).map(|i| (bits >> i & 1) as u8).collect();
            if is_legal(&**model.sector(), &x) {
                states.push(&x);
            }
        }
        let index: HashMap<Vec<u8>, usize> = states
            .view()
            .rows()
            .enumerate()
            .map(|(k, x)| (x.to_vec(), k))
            .collect();
        let mut out = Connected::default();
        model.connected(states.view(), &mut out);
        let d = states.len();
        let mut h = vec![0.0; d * d];
        for (k, &v) in out.diagonal.iter().enumerate() {
            h[k * d + k] = v;
        }
        let mut x = vec![0; n];
        for (k, &v) in out.element.iter().enumerate() {
            out.neighbours.write(k, states.view(), &mut x);
            let row = out.neighbours.parent[k] as usize;
            if let Some(&column) = index.get(&x) {
                h[row * d + column] = v;
            }
        }
        let (values, vectors) =
            ketwork_linalg::eigen_real(d, |i, j| h[i * d + j]).expect("it converges");
        Self {
            states,
            values,
            vectors,
        }
    }

    /// Thermal average of a function of the energy.
    pub(crate) fn energy(&self, beta: f64, f: impl Fn(f64) -> f64) -> f64 {
        let weight = |e: f64| (-beta * (e - self.values[0])).exp();
        let z: f64 = self.values.iter().map(|&e| weight(e)).sum();
        self.values.iter().map(|&e| weight(e) * f(e)).sum::<f64>() / z
    }

    /// $\beta^2 (\langle H^2 \rangle - \langle H \rangle^2)$.
    pub(crate) fn specific_heat(&self, beta: f64) -> f64 {
        let mean = self.energy(beta, |e| e);
        beta * beta * self.energy(beta, |e| (e - mean).powi(2))
    }

    /// Probabilities of the configurations at inverse temperature beta.
    pub(crate) fn probabilities(&self, beta: f64) -> Vec<f64> {
        let weights: Vec<f64> = self
            .values
            .iter()
            .map(|e| (-beta * (e - self.values[0])).exp())
            .collect();
        let z: f64 = weights.iter().sum();
        (0..self.states.len())
            .map(|x| {
                let pairs = weights.iter().zip(&self.vectors);
                pairs.map(|(w, u)| w * u[x] * u[x]).sum::<f64>() / z
            })
            .collect()
    }

    /// Thermal average of a diagonal observable.
    pub(crate) fn diagonal(&self, beta: f64, f: impl Fn(&[u8]) -> f64) -> f64 {
        let p = self.probabilities(beta);
        self.states
            .view()
            .rows()
            .zip(p)
            .map(|(x, p)| p * f(x))
            .sum()
    }
}
