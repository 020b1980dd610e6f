//! Quantum trajectories: pure states that jump, whose average is the density matrix.

use super::Lindbladian;
use crate::Estimate;
use crate::exact::{ExactError, Memory, SparseMatrix};
use crate::hamiltonians::LocalSum;
use ketwork_models::Stream;
use num_complex::Complex64;
use rayon::prelude::*;

/// Length of a step in units of the inverse norm of the drift.
const STRIDE: f64 = 3.0;
/// Powers of the drift in one step: 3^24 / 24! is 5e-13.
const ORDER: usize = 24;

/// Means of observables along quantum trajectories.
#[derive(Clone, Debug)]
pub struct Trajectories {
    times: usize,
    observables: usize,
    /// (trajectory, time, observable).
    values: Vec<f64>,
}

impl Trajectories {
    /// Number of trajectories.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() / (self.times * self.observables).max(1)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// $\mathrm{Tr}(O\rho(t))$ as a mean over trajectories with its standard error.
    ///
    /// # Panics
    /// For a time or observable that was not asked for.
    #[must_use]
    #[track_caller]
    pub fn mean(&self, time: usize, observable: usize) -> Estimate {
        self.time_mean(time..time + 1, observable)
    }

    /// The mean over a range of times, with an error from trajectories alone: times of one of them
    /// are correlated. For ergodic systems late times give the steady state.
    ///
    /// # Panics
    /// For an empty range, or times or observables that were not asked for.
    #[must_use]
    #[track_caller]
    pub fn time_mean(&self, times: std::ops::Range<usize>, observable: usize) -> Estimate {
        assert!(
            !times.is_empty() && times.end <= self.times && observable < self.observables,
            "times {times:?} of {}, observable {observable} of {}",
            self.times,
            self.observables
        );
        let of = |all: &[f64]| {
            let sum: f64 = times
                .clone()
                .map(|t| all[t * self.observables + observable])
                .sum();
            sum / times.len() as f64
        };
        let each: Vec<f64> = self
            .values
            .chunks(self.times * self.observables)
            .map(of)
            .collect();
        let n = each.len() as f64;
        let mean = each.iter().sum::<f64>() / n;
        let square: f64 = each.iter().map(|x| (x - mean).powi(2)).sum();
        Estimate {
            mean,
            error: if each.len() > 1 {
                (square / (n * (n - 1.0))).sqrt()
            } else {
                f64::INFINITY
            },
            tau: 0.5,
            n: each.len() as u64,
        }
    }
}

impl Lindbladian {
    /// Trajectories of a pure state $\psi$, normalised here, of $2^N$ amplitudes: between jumps
    /// $\dot\psi = K\psi$, by Taylor steps to rounding; a jump comes when the norm squared has fallen
    /// to a uniform number, at a time found by bisection, and is
    /// $\psi \to L_k\psi$ with probability in proportion to $\gamma_k |L_k\psi|^2$. Each trajectory has random
    /// numbers of its own: results do not depend on threads.
    ///
    /// # Errors
    /// [`ExactError::Parameter`] for times that are no numbers or go backwards, [`ExactError::NotFinite`] for
    /// a zero or infinite state, errors of [`SparseMatrix::new`].
    ///
    /// # Panics
    /// If the state or an observable belongs to another space.
    ///
    /// # References
    /// J. Dalibard, Y. Castin, K. Mølmer, Phys. Rev. Lett. 68, 580 (1992).
    #[track_caller]
    pub fn trajectories(
        &self,
        psi: &[Complex64],
        times: &[f64],
        observables: &[&LocalSum<Complex64>],
        count: usize,
        stream: Stream,
    ) -> Result<Trajectories, ExactError> {
        assert_eq!(psi.len(), self.dimension(), "length of psi");
        let mut before = 0.0;
        for &value in times {
            if !(value.is_finite() && value >= before) {
                let reason = "times are finite and ascend from 0";
                let key = "times";
                return Err(ExactError::Parameter { key, value, reason });
            }
            before = value;
        }
        let norm = square(psi).sqrt();
        if !(norm > 0.0 && norm.is_finite()) {
            return Err(ExactError::NotFinite {
                what: "the norm of the initial state",
            });
        }
        let start: Vec<Complex64> = psi.iter().map(|x| x / norm).collect();
        let matrices = observables
            .iter()
            .map(|o| SparseMatrix::new(*o, self.basis(), Memory::default()))
            .collect::<Result<Vec<_>, _>>()?;
        let stride = STRIDE / self.drift.norm().max(f64::MIN_POSITIVE);
        let one = |k: usize| -> Vec<f64> {
            let mut walker = Walker::new(self, &start, stride, stream.numbered(k as u64));
            let mut values = Vec::with_capacity(times.len() * matrices.len());
            let mut product = start.clone();
            for &t in times {
                walker.reach(t);
                let norm = square(&walker.psi);
                for matrix in &matrices {
                    matrix.apply(&walker.psi, &mut product);
                    let pairs = walker.psi.iter().zip(&product);
                    values.push(pairs.map(|(a, b)| (a.conj() * b).re).sum::<f64>() / norm);
                }
            }
            values
        };
        Ok(Trajectories {
            times: times.len(),
            observables: observables.len(),
            values: (0..count).into_par_iter().flat_map_iter(one).collect(),
        })
    }
}

/// One trajectory on its way.
struct Walker<'a> {
    system: &'a Lindbladian,
    stream: Stream,
    stride: f64,
    t: f64,
    psi: Vec<Complex64>,
    /// Norm squared at which the next jump comes.
    threshold: f64,
    jumps: u64,
    /// $K^k \psi / k!$.
    powers: Vec<Vec<Complex64>>,
}

impl<'a> Walker<'a> {
    fn new(system: &'a Lindbladian, start: &[Complex64], stride: f64, stream: Stream) -> Self {
        Self {
            system,
            stream,
            stride,
            t: 0.0,
            psi: start.to_vec(),
            threshold: stream.uniform(0, 0),
            jumps: 0,
            powers: vec![start.to_vec(); ORDER + 1],
        }
    }

    fn reach(&mut self, t: f64) {
        while self.t < t {
            let dt = self.stride.min(t - self.t);
            self.expand();
            let after = self.after(dt);
            if square(&after) > self.threshold {
                self.psi = after;
                self.t = if dt < self.stride { t } else { self.t + dt };
                continue;
            }
            let overlaps = self.overlaps();
            // The norm falls monotonically.
            let (mut low, mut high) = (0.0, dt);
            while high - low > 1e-13 * self.stride {
                let middle = 0.5 * (low + high);
                if middle <= low || middle >= high {
                    break;
                }
                match norm_after(&overlaps, middle) > self.threshold {
                    true => low = middle,
                    false => high = middle,
                }
            }
            self.psi = self.after(high);
            self.t += high;
            self.jump();
        }
    }

    fn expand(&mut self) {
        self.powers[0].copy_from_slice(&self.psi);
        for k in 1..=ORDER {
            let (done, rest) = self.powers.split_at_mut(k);
            self.system.drift.apply(&done[k - 1], &mut rest[0]);
            rest[0].iter_mut().for_each(|x| *x /= k as f64);
        }
    }

    /// Coefficients of $|\psi(s)|^2$ in powers of s.
    fn overlaps(&self) -> Vec<f64> {
        let mut out = vec![0.0; 2 * ORDER + 1];
        for (j, a) in self.powers.iter().enumerate() {
            for (k, b) in self.powers.iter().enumerate().skip(j) {
                let dot: f64 = a
                    .iter()
                    .zip(b)
                    .map(|(a, b)| a.re * b.re + a.im * b.im)
                    .sum();
                out[j + k] += if j == k { dot } else { 2.0 * dot };
            }
        }
        out
    }

    fn after(&self, s: f64) -> Vec<Complex64> {
        let mut psi = self.powers[ORDER].clone();
        for lower in self.powers[..ORDER].iter().rev() {
            psi.iter_mut().zip(lower).for_each(|(x, y)| *x = *x * s + y);
        }
        psi
    }

    fn jump(&mut self) {
        self.jumps += 1;
        let mut after = self.psi.clone();
        let rates: Vec<f64> = (self.system.jumps.iter())
            .map(|l| {
                l.apply(&self.psi, &mut after);
                square(&after)
            })
            .collect();
        let total: f64 = rates.iter().sum();
        let mut left = total * self.stream.uniform(self.jumps, 1);
        let chosen = rates.iter().position(|r| {
            left -= r;
            left < 0.0
        });
        // Rounding may leave nothing for the last.
        let last = rates.iter().rposition(|r| *r > 0.0);
        if let Some(k) = chosen.or(last) {
            self.system.jumps[k].apply(&self.psi, &mut after);
            let norm = square(&after).sqrt();
            self.psi
                .iter_mut()
                .zip(&after)
                .for_each(|(x, y)| *x = y / norm);
        }
        self.threshold = self.stream.uniform(self.jumps, 0);
    }
}

fn norm_after(coefficients: &[f64], s: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * s + c)
}

fn square(psi: &[Complex64]) -> f64 {
    psi.iter().map(Complex64::norm_sqr).sum()
}
