//! States that are even under the global spin flip, at the price of the bare network.

use crate::{Conditional, Layout};
use ketwork_hamiltonians::{Configs, ConfigsRef, OnSpace, Scalar, Space};

/// A network of qubits read relative to the first value: with $y_p = x_p \oplus x_0$,
/// $$r_p(v | x_{<p}) = r^{\mathrm{net}}_p(v \oplus x_0 | y_{<p}), \qquad r_0(0) = r_0(1) = 0.$$
///
/// In a flip-invariant sector the state is exactly even, $\psi(\bar x) = \psi(x)$. Any even state can
/// be written, sampling stays exact, and an amplitude costs one evaluation of the network where
/// the mixture [`crate::Symmetrized`] costs two. The network's own first conditional is not used.
///
/// The sector's invariance is not checked here: in another sector the state is normalised and
/// sampled as ever, but not even.
#[derive(Clone, Debug)]
pub struct FlipInvariant<M> {
    net: M,
}

/// Memory of [`FlipInvariant`]: that of the network, and its input.
#[derive(Clone, Debug)]
pub struct FlipWork<W> {
    inner: W,
    relative: Configs,
    cotangent: Vec<f64>,
}

impl<M: Conditional> FlipInvariant<M> {
    /// The even version of a network.
    ///
    /// # Panics
    /// If the sites are no qubits.
    #[track_caller]
    #[must_use]
    pub fn new(net: M) -> Self {
        assert_eq!(
            net.space().local_dim,
            2,
            "only the first value of a qubit fixes the flip"
        );
        Self { net }
    }
}

/// Writes the rows relative to their first value.
fn relative(x: ConfigsRef<'_>, out: &mut Configs) {
    out.resize(x.len());
    for (i, row) in x.rows().enumerate() {
        let y = out.row_mut(i);
        y.iter_mut().zip(row).for_each(|(y, v)| *y = v ^ row[0]);
    }
}

/// Exchanges the two values at all positions of the rows whose first value is 1; C numbers a value.
fn exchange<T>(x: ConfigsRef<'_>, values: &mut [T], positions: usize, c: usize) {
    for (row, values) in x.rows().zip(values.chunks_mut(positions * 2 * c)) {
        if row[0] == 1 {
            for pair in values.chunks_mut(2 * c) {
                let (zero, one) = pair.split_at_mut(c);
                zero.swap_with_slice(one);
            }
        }
    }
}

/// No preference at the first position: `values` (B, N, 2, C).
fn level_first<T: Clone>(values: &mut [T], row: usize, c: usize, zero: &T) {
    for row in values.chunks_mut(row) {
        row[..2 * c].fill(zero.clone());
    }
}

impl<M: OnSpace> OnSpace for FlipInvariant<M> {
    fn space(&self) -> &Space {
        self.net.space()
    }
}

impl<M: Conditional> Conditional for FlipInvariant<M> {
    type Log = M::Log;
    type Work = FlipWork<M::Work>;

    fn layout(&self) -> &Layout {
        self.net.layout()
    }

    fn work(&self, batch: usize) -> Self::Work {
        FlipWork {
            inner: self.net.work(batch),
            relative: Configs::zeros(batch, self.space().n_sites),
            cotangent: Vec::new(),
        }
    }

    fn block(&self) -> usize {
        self.net.block()
    }

    fn forward(&self, theta: &[f64], work: &mut Self::Work, x: ConfigsRef<'_>, out: &mut [M::Log]) {
        let n = x.n_sites();
        relative(x, &mut work.relative);
        self.net
            .forward(theta, &mut work.inner, work.relative.view(), out);
        exchange(x, out, n, 1);
        level_first(out, 2 * n, 1, &M::Log::ZERO);
    }

    fn pullback(
        &self,
        theta: &[f64],
        work: &mut Self::Work,
        x: ConfigsRef<'_>,
        cotangent: &[f64],
        rows: &mut [f64],
    ) {
        let (n, k) = (x.n_sites(), M::Log::COMPONENTS);
        relative(x, &mut work.relative);
        work.cotangent.clear();
        work.cotangent.extend_from_slice(cotangent);
        exchange(x, &mut work.cotangent, n, k);
        level_first(&mut work.cotangent, 2 * n * k, k, &0.0);
        self.net.pullback(
            theta,
            &mut work.inner,
            work.relative.view(),
            &work.cotangent,
            rows,
        );
    }

    fn step(
        &self,
        theta: &[f64],
        work: &mut Self::Work,
        position: usize,
        x: ConfigsRef<'_>,
        out: &mut [M::Log],
    ) {
        relative(x, &mut work.relative);
        // The first step is taken all the same: it fills the cache of the later ones.
        let y = work.relative.view();
        self.net.step(theta, &mut work.inner, position, y, out);
        if position == 0 {
            out.fill(M::Log::ZERO);
        } else {
            exchange(x, out, 1, 1);
        }
    }

    fn select(&self, from: &Self::Work, into: &mut Self::Work, position: usize, rows: &[u32]) {
        self.net
            .select(&from.inner, &mut into.inner, position, rows);
    }

    fn resume(
        &self,
        theta: &[f64],
        parents: &Self::Work,
        work: &mut Self::Work,
        x: ConfigsRef<'_>,
        parent: &[u32],
        first: &[u32],
        out: &mut [M::Log],
    ) {
        // A change after the first position is the same change of the relative rows; one at the
        // first position resumes there, where everything is recomputed.
        relative(x, &mut work.relative);
        let y = work.relative.view();
        self.net.resume(
            theta,
            &parents.inner,
            &mut work.inner,
            y,
            parent,
            first,
            out,
        );
        exchange(x, out, x.n_sites(), 1);
        level_first(out, 2 * x.n_sites(), 1, &M::Log::ZERO);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Ancestral, Autoregressive, Differentiable, PrefixTable, Stream, Transformer,
        TransformerParams, Wavefunction,
    };
    use ketwork_hamiltonians::{Free, Neighbours, Number, Sector};
    use num_complex::Complex64;
    use std::sync::Arc;

    fn state(n: usize, half: bool) -> Autoregressive<FlipInvariant<Transformer<Complex64>>> {
        let space = Space::qubits(n);
        let sector: Sector = if half {
            Arc::new(Number::new(space, n / 2).unwrap())
        } else {
            Arc::new(Free::new(space))
        };
        let params = TransformerParams {
            layers: 2,
            width: 8,
            heads: 2,
        };
        let net = Transformer::new(space, params).unwrap();
        Autoregressive::new(FlipInvariant::new(net), sector)
    }

    /// Random enough that nothing is even by accident.
    fn parameters(psi: &impl Wavefunction, seed: u64) -> Vec<f64> {
        let stream = Stream::new(seed);
        (0..psi.layout().n_params())
            .map(|i| stream.uniform(i as u64, 0) - 0.5)
            .collect()
    }

    fn all(n: usize) -> Configs {
        let rows = (0..1usize << n).flat_map(|i| (0..n).map(move |p| (i >> p & 1) as u8));
        Configs::from_data(n, rows.collect())
    }

    fn amplitudes(
        psi: &impl Wavefunction<Log = Complex64>,
        theta: &[f64],
        x: &Configs,
    ) -> Vec<Complex64> {
        let mut log = vec![Complex64::ZERO; x.len()];
        psi.log_psi(theta, x.view(), &mut log);
        log.into_iter().map(Scalar::exp).collect()
    }

    #[test]
    fn the_state_is_normalised_and_even_in_both_kinds_of_sector() {
        for half in [false, true] {
            let psi = state(6, half);
            let theta = parameters(&psi, 3);
            let x = all(6);
            let a = amplitudes(&psi, &theta, &x);
            let norm: f64 = a.iter().map(|a| a.norm_sqr()).sum();
            assert!((norm - 1.0).abs() < 1e-12, "{norm}");
            for i in 0..a.len() {
                assert!((a[i] - a[a.len() - 1 - i]).norm() < 1e-12, "{i}");
            }
            let spread = a[1] - a[2];
            assert!(half || spread.norm() > 1e-3, "the state is not uniform");
        }
    }

    #[test]
    fn a_table_still_writes_any_even_state() {
        // With the complete ansatz the derivative spans all even directions: 2^(n-1) - 1 of them.
        let space = Space::qubits(4);
        let sector: Sector = Arc::new(Free::new(space));
        let psi = Autoregressive::new(FlipInvariant::new(PrefixTable::<f64>::new(space)), sector);
        let theta = parameters(&psi, 5);
        let x = all(4);
        let p = theta.len();
        let mut rows = vec![0.0; x.len() * p];
        psi.jacobian(&theta, x.view(), &mut rows);
        // Rank by elimination.
        let mut rank = 0;
        for c in 0..p {
            let Some(pivot) = (rank..x.len()).find(|&r| rows[r * p + c].abs() > 1e-9) else {
                continue;
            };
            (0..p).for_each(|j| rows.swap(rank * p + j, pivot * p + j));
            for r in rank + 1..x.len() {
                let f = rows[r * p + c] / rows[rank * p + c];
                (0..p).for_each(|j| rows[r * p + j] -= f * rows[rank * p + j]);
            }
            rank += 1;
        }
        assert_eq!(rank, 7);
    }

    #[test]
    fn prefix_reuse_equals_full_evaluation_also_where_the_first_value_changes() {
        let psi = state(7, false);
        let theta = parameters(&psi, 7);
        let samples = psi.sample(&theta, 0..40, Stream::new(8));
        let x = samples.x;
        let mut near = Neighbours::default();
        for b in 0..x.len() {
            for s in 0..7 {
                near.push(b, [(s, 1 - x.row(b)[s])]);
            }
            near.push(b, [(0, 1 - x.row(b)[0]), (4, 1 - x.row(b)[4])]);
        }
        let mut fast = vec![Complex64::ZERO; near.len()];
        psi.log_psi_neighbours(&theta, x.view(), &near, &mut fast);
        let mut full = Configs::zeros(near.len(), 7);
        (0..near.len()).for_each(|k| near.write(k, x.view(), full.row_mut(k)));
        let slow = amplitudes(&psi, &theta, &full);
        for (a, b) in fast.iter().zip(&slow) {
            assert!((Scalar::exp(*a) - b).norm() < 1e-12, "{a} {b}");
        }
        // What the sampler says of its shots is what the state says.
        let told = amplitudes(&psi, &theta, &x);
        for (a, b) in samples.log_psi.iter().zip(&told) {
            assert!((Scalar::exp(*a) - b).norm() < 1e-12, "{a} {b}");
        }
    }

    #[test]
    fn the_derivative_is_that_of_the_even_state() {
        let psi = state(5, false);
        let theta = parameters(&psi, 9);
        let x = all(5);
        let (b, p, h) = (x.len(), theta.len(), 1e-5);
        let mut rows = vec![0.0; 2 * b * p];
        psi.jacobian(&theta, x.view(), &mut rows);
        for j in (0..p).step_by(7) {
            let log = |sign: f64| {
                let mut moved = theta.clone();
                moved[j] += sign * h;
                let mut log = vec![Complex64::ZERO; b];
                psi.log_psi(&moved, x.view(), &mut log);
                log
            };
            let (up, down) = (log(1.0), log(-1.0));
            for s in 0..b {
                let d = (up[s] - down[s]) / (2.0 * h);
                assert!((rows[s * p + j] - d.re).abs() < 1e-7, "re {s} {j}");
                assert!((rows[(b + s) * p + j] - d.im).abs() < 1e-7, "im {s} {j}");
            }
        }
    }
}
