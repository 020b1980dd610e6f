//! The trapezoid as it was published: the L1 norm of its residual, by Adam on shots.

use crate::evolve::{Evolve, EvolveError, StepReport, forward};
use crate::{Adam, Sampler, local};
use ketwork_hamiltonians::{Configs, Connected, Driven};
use ketwork_models::{Differentiable, Samples};

/// Outcomes whose derivatives are summed in one call.
const CHUNK: usize = 2048;
/// Samples whose neighbours are found in one call.
const BLOCK: usize = 256;

/// Steps of length $\tau$ that minimise the L1 norm of the residual of the trapezoid,
/// $$\sum_a |R(a)| = \Big\langle \frac{|R(a)|}{P(a)} \Big\rangle_{a \sim P},\qquad
/// R = (1 - \tfrac\tau2 A) P - (1 + \tfrac\tau2 A) P_\mathrm{old},$$
/// by Adam: the sampler and its weight are not differentiated, so that the gradient is
/// $\langle \mathrm{sign}(R)\, \partial R / P \rangle$, with new samples for each step of the optimiser. It is the
/// reference that [`Trapezoid`](super::Trapezoid), [`Corrected`](super::Corrected) and
/// [`Tdvp`](crate::evolve::Tdvp) are compared with; these reach a given error in far less time.
///
/// # References
/// D. Luo, Z. Chen, J. Carrasquilla, B. K. Clark, Phys. Rev. Lett. 128, 090501 (2022).
pub struct L1Trapezoid<'a, W: Differentiable<Log = f64> + ?Sized> {
    generator: &'a dyn Driven<f64>,
    psi: &'a W,
    sampler: Box<dyn Sampler<W> + 'a>,
    /// Steps of the optimiser for each step of time (default 120, as published).
    pub steps: u32,
    /// Its rate (default 0.01), halved after two thirds of the steps.
    pub rate: f64,
}

impl<'a, W: Differentiable<Log = f64> + ?Sized> L1Trapezoid<'a, W> {
    /// Of a generator on outcome strings and a network that is a probability.
    pub fn new(
        generator: &'a dyn Driven<f64>,
        psi: &'a W,
        sampler: Box<dyn Sampler<W> + 'a>,
    ) -> Self {
        Self {
            generator,
            psi,
            sampler,
            steps: 120,
            rate: 0.01,
        }
    }

    /// The loss at samples of the new law, and its gradient.
    fn gradient(
        &self,
        (t, tau): (f64, f64),
        (old, theta): (&[f64], &[f64]),
        samples: &Samples<f64>,
        gradient: &mut [f64],
    ) -> f64 {
        let half = 0.5 * tau;
        let (before, after) = (self.generator.at(t), self.generator.at(t + tau));
        let mut loss = 0.0;
        gradient.fill(0.0);
        let mut sum = Pullbacks::new(self.psi, theta);
        let (mut rows, mut log) = (Connected::default(), Vec::new());
        // (1 + tau/2 A) P_old over P.
        let mut earlier = samples.clone();
        self.psi
            .log_psi(old, samples.x.view(), &mut earlier.log_psi);
        let mut known = vec![0.0; samples.len()];
        local(&*before, self.psi, old, &earlier, &mut known);
        let logs = earlier.log_psi.iter().zip(&samples.log_psi);
        for (v, (then, now)) in known.iter_mut().zip(logs) {
            *v = (1.0 + half * *v) * (then - now).exp();
        }
        for from in (0..samples.len()).step_by(BLOCK) {
            let to = (from + BLOCK).min(samples.len());
            let x = samples.x.view().slice(from..to);
            after.connected(x, &mut rows);
            log.clear();
            log.resize(rows.neighbours.len(), 0.0);
            self.psi
                .log_psi_neighbours(theta, x, &rows.neighbours, &mut log);
            let mut v = rows.diagonal.clone();
            for (k, l) in log.iter_mut().enumerate() {
                let b = rows.neighbours.parent[k] as usize;
                *l = rows.element[k] * (*l - samples.log_psi[from + b]).exp();
                v[b] += *l;
            }
            let mut signs = vec![0.0; x.len()];
            for (b, s) in signs.iter_mut().enumerate() {
                let left = 1.0 - half * v[b] - known[from + b];
                loss += samples.weight[from + b] * left.abs();
                *s = samples.weight[from + b] * left.signum();
                sum.push(x.row(b), *s * (1.0 - half * rows.diagonal[b]), gradient);
            }
            let mut string = vec![0; x.n_sites()];
            for (k, l) in log.iter().enumerate() {
                rows.neighbours.write(k, x, &mut string);
                let b = rows.neighbours.parent[k] as usize;
                sum.push(&string, -half * signs[b] * l, gradient);
            }
        }
        sum.finish(gradient);
        loss
    }
}

/// $\sum_b c_b\, \partial \ln P(b)$, a chunk at a time.
struct Pullbacks<'a, W: ?Sized> {
    psi: &'a W,
    theta: &'a [f64],
    x: Configs,
    seed: Vec<f64>,
    rows: Vec<f64>,
}

impl<'a, W: Differentiable<Log = f64> + ?Sized> Pullbacks<'a, W> {
    fn new(psi: &'a W, theta: &'a [f64]) -> Self {
        Self {
            x: Configs::new(psi.space().n_sites),
            psi,
            theta,
            seed: Vec::new(),
            rows: Vec::new(),
        }
    }

    fn push(&mut self, x: &[u8], c: f64, into: &mut [f64]) {
        self.x.push(x);
        self.seed.push(c);
        if self.seed.len() == CHUNK {
            self.finish(into);
        }
    }

    fn finish(&mut self, into: &mut [f64]) {
        let n = into.len();
        self.rows.clear();
        self.rows.resize(self.seed.len() * n, 0.0);
        self.psi
            .pullback(self.theta, self.x.view(), &self.seed, &mut self.rows);
        for row in self.rows.chunks_exact(n.max(1)) {
            into.iter_mut().zip(row).for_each(|(g, r)| *g += r);
        }
        self.x.clear();
        self.seed.clear();
    }
}

impl<W: Differentiable<Log = f64> + ?Sized> Evolve for L1Trapezoid<'_, W> {
    /// The residual is the loss of the last step of the optimiser.
    fn advance(&mut self, t: f64, theta: &mut [f64], dt: f64) -> Result<StepReport, EvolveError> {
        forward(t, dt)?;
        let mut adam = Adam::default();
        (adam.beta2, adam.epsilon) = (0.98, 1e-9);
        let (mut next, mut gradient) = (theta.to_vec(), vec![0.0; theta.len()]);
        let mut report = StepReport::default();
        for k in 0..self.steps {
            let samples = self
                .sampler
                .draw(self.psi, &next)
                .map_err(|source| EvolveError::Sample { t, source })?;
            report.residual = self.gradient((t, dt), (theta, &next), &samples, &mut gradient);
            let rate = if 3 * k < 2 * self.steps {
                self.rate
            } else {
                0.5 * self.rate
            };
            adam.turn(&mut gradient);
            let moved = next.iter_mut().zip(&gradient);
            moved.for_each(|(x, g)| *x -= rate * g);
            if next.iter().any(|x| !x.is_finite()) {
                return Err(EvolveError::Diverged { t });
            }
        }
        theta.copy_from_slice(&next);
        Ok(report)
    }

    fn save(&self) -> Vec<u64> {
        self.sampler.save()
    }

    fn load(&mut self, saved: &[u64]) -> Result<(), EvolveError> {
        let loaded = self.sampler.load(saved);
        loaded.map_err(|source| EvolveError::Sample { t: 0.0, source })
    }
}

impl<W: Differentiable<Log = f64> + ?Sized> std::fmt::Debug for L1Trapezoid<'_, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("L1Trapezoid")
            .field("steps", &self.steps)
            .field("rate", &self.rate)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::{Basis, Memory, SparseMatrix};
    use crate::hamiltonians::open::{Frame, Jump, Lindblad};
    use crate::hamiltonians::{Boundary, Free, Hamiltonian, Lattice, LocalSum, Space, Tfim};
    use crate::{FullSum, Independent};
    use ketwork_models::{
        Autoregressive, Offset, Stream, Transformer, TransformerParams, Wavefunction,
    };
    use std::sync::Arc;

    const SITES: usize = 3;
    type Law = Autoregressive<Offset<Transformer<f64>>>;

    fn ring() -> (LocalSum<f64>, Law) {
        let lattice = Lattice::chain(SITES, Boundary::Periodic).unwrap();
        let h = Tfim::new(0.7).on(&lattice).unwrap().terms().to_complex();
        let jumps = (0..SITES as u32).map(|i| Jump::lowering(i, 1.0)).collect();
        let frame = Frame::rotated();
        let generator = Lindblad::new(h, jumps).unwrap().generator(&frame).unwrap();
        let space = Space::new(SITES, 4);
        let size = TransformerParams {
            layers: 1,
            width: 4,
            heads: 2,
        };
        let up = frame.probabilities([0.0, 0.0, 1.0]).map(f64::ln);
        let net = Offset::new(
            Transformer::<f64>::new(space, size).unwrap(),
            up.repeat(SITES),
        );
        let psi = Autoregressive::probability(net.unwrap(), Arc::new(Free::new(space)));
        (generator, psi)
    }

    #[test]
    fn the_gradient_is_that_of_the_norm_of_the_residual() {
        let (generator, psi) = ring();
        let strings = Free::new(Space::new(SITES, 4));
        let basis = Basis::new(&strings, Memory::default()).unwrap();
        let a = SparseMatrix::new(&generator, &basis, Memory::default()).unwrap();
        let all = FullSum::new(&strings, Memory::default()).unwrap();
        let stream = Stream::new(4);
        let number = |k: usize| 0.6 * (stream.uniform(k as u64, 0) - 0.5);
        let old: Vec<f64> = (0..psi.layout().n_params()).map(number).collect();
        let moved = |k: usize| old[k] + 0.1 * number(k + 10_000);
        let theta: Vec<f64> = (0..old.len()).map(moved).collect();
        let tau = 0.1;
        let law = |theta: &[f64], sign: f64| {
            let p = all.clone().draw(&psi, theta).unwrap().weight;
            let mut rate = vec![0.0; p.len()];
            a.apply(&p, &mut rate);
            let each = p.iter().zip(&rate).map(|(p, r)| p + sign * 0.5 * tau * r);
            each.collect::<Vec<_>>()
        };
        let known = law(&old, 1.0);
        let norm = |theta: &[f64]| -> f64 {
            let left = law(theta, -1.0);
            left.iter().zip(&known).map(|(x, y)| (x - y).abs()).sum()
        };
        let engine = L1Trapezoid::new(&generator, &psi, Box::new(all.clone()));
        let mut gradient = vec![0.0; theta.len()];
        let samples = all.clone().draw(&psi, &theta).unwrap();
        let loss = engine.gradient((0.0, tau), (&old, &theta), &samples, &mut gradient);
        assert!(
            (loss - norm(&theta)).abs() < 1e-12,
            "{loss} {}",
            norm(&theta)
        );
        let size = gradient.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        for k in (0..theta.len()).step_by(7) {
            let at = |by: f64| {
                let mut theta = theta.clone();
                theta[k] += by;
                norm(&theta)
            };
            let slope = (at(1e-6) - at(-1e-6)) / 2e-6;
            assert!(
                (slope - gradient[k]).abs() < 1e-6 * size,
                "{k}: {slope} {}",
                gradient[k]
            );
        }
    }

    #[test]
    fn adam_on_shots_lowers_the_residual_of_a_step() {
        let (generator, psi) = ring();
        let theta = psi.layout().initial(Stream::new(2));
        let reached = |steps: u32| {
            let shots = Independent::new(400, Stream::new(1));
            let mut engine = L1Trapezoid::new(&generator, &psi, Box::new(shots));
            engine.steps = steps;
            let mut next = theta.clone();
            engine.advance(0.0, &mut next, 0.05).unwrap().residual
        };
        // One step reports where it began.
        let (first, last) = (reached(1), reached(120));
        assert!(last < 0.4 * first, "{first} {last}");
    }
}
