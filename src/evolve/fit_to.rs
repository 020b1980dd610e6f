//! Fitting a network to another wavefunction, by shots of both.

use super::fit::{FitError, Rest, at, descend, sweep};
use super::{Distance, EvolveError, FitParams, Points};
use crate::{Estimate, SampleError};
use ketwork_hamiltonians::Configs;
use ketwork_models::{Ansatz, Draw, Samples, Stream};
use num_complex::Complex64;
use std::collections::HashMap;

/// Infidelity above which logarithms are fitted: where the state is tiny, its amplitude has no slope.
const FAR: f64 = 0.5;
/// Shots of the last estimate for each of a batch: they cost no linear system.
const LAST: u64 = 8;
/// Largest change of a log-amplitude that one batch asks for, while logarithms are fitted.
const REACH: f64 = 3.0;

/// How a network learns another wavefunction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitToParams {
    /// Shots of a batch, half of them of either state (default 2048).
    pub shots: u64,
    /// Batches, each of fresh shots (default 60).
    pub batches: u32,
    /// Sweeps on each batch, the rejected ones included (default 3).
    pub sweeps: u32,
    /// Infidelity, on shots that no sweep has seen, at which it is good enough (default 1e-3).
    pub tolerance: f64,
}

impl Default for FitToParams {
    fn default() -> Self {
        Self {
            shots: 2048,
            batches: 60,
            sweeps: 3,
            tolerance: 1e-3,
        }
    }
}

/// What was learnt.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct FitToReport {
    /// $1 - |\langle\phi|\psi\rangle|^2$ at the end, on eight times the shots of a batch, which no
    /// sweep has seen. The error counts what shots miss: configurations that hold 1/n of the norm are
    /// seen by n shots in two cases of three.
    pub infidelity: Estimate,
    /// Batches fitted.
    pub batches: u32,
}

/// Shots of the law $q = (|\phi|^2 + |\psi|^2) / 2$, with both amplitudes.
struct Batch {
    samples: Samples<Complex64>,
    target: Vec<Complex64>,
    shots: u64,
}

/// Moves theta until the state is another one, which may be any network with exact sampling and lives
/// in the same sector, up to its phase. The state may be tiny, but nowhere 0, where the other was drawn.
///
/// With shots of $q = (|\phi|^2 + |\psi|^2) / 2$, half of either state, the distance
/// $D = \min_\alpha \tfrac12 \|\phi - e^{i\alpha}\psi\|^2 = \mathbb{E}_q\,|\phi - e^{i\alpha}\psi|^2 / 2q$
/// is a mean of numbers between 0 and 2 that all vanish at the end: no ratio of amplitudes is large
/// where one of the states has a node. The infidelity is $2D - D^2$. A batch takes a few damped
/// Gauss-Newton sweeps towards $\min_\theta D$; above an infidelity of 0.5 towards the logarithms of
/// the target, at most 3 away. The next batch tells how good they were.
///
/// # Errors
/// [`EvolveError::Sample`] for a batch without shots, for log-amplitudes that are not finite where the
/// state was drawn, and [`EvolveError::Solve`].
///
/// # Panics
/// If the states have different spaces.
#[track_caller]
pub fn fit_to<W, V>(
    psi: &W,
    theta: &mut [f64],
    target: (&V, &[f64]),
    stream: Stream,
    params: &FitToParams,
) -> Result<FitToReport, EvolveError>
where
    W: Ansatz<Log = Complex64> + ?Sized,
    V: Ansatz<Log = Complex64> + ?Sized,
{
    assert_eq!(psi.space(), target.0.space(), "states of one space");
    let mut batches = 0;
    let mut shift = FitParams::default().shift;
    loop {
        let draw = |shots, stream: Stream| {
            Batch::draw(psi, theta, target, shots, stream.numbered(batches.into()))
                .map_err(|e| at(0.0, FitError::Sample(e)))
        };
        let batch = draw(params.shots, stream)?;
        let mut infidelity = batch.infidelity();
        let is_last = batches == params.batches;
        if infidelity.mean <= params.tolerance || is_last {
            infidelity =
                draw(LAST.saturating_mul(params.shots), stream.named("last"))?.infidelity();
            if infidelity.mean <= params.tolerance || is_last {
                return Ok(FitToReport {
                    infidelity,
                    batches,
                });
            }
        }
        let sweeps = FitParams {
            tolerance: 0.0,
            sweeps: params.sweeps,
            shift,
            ..FitParams::default()
        };
        let report = match infidelity.mean > FAR {
            true => batch.by_logarithms(psi, theta, &sweeps),
            false => batch.by_amplitudes(psi, theta, &sweeps),
        };
        // Damping carries over, yet no batch of shots is trusted to the last digit.
        shift = report.map_err(|e| at(0.0, e))?.clamp(1e-6, 1.0);
        batches += 1;
    }
}

impl Batch {
    fn draw<W, V>(
        psi: &W,
        theta: &[f64],
        (phi, at): (&V, &[f64]),
        shots: u64,
        stream: Stream,
    ) -> Result<Self, SampleError>
    where
        W: Ansatz<Log = Complex64> + ?Sized,
        V: Ansatz<Log = Complex64> + ?Sized,
    {
        let half = shots.div_ceil(2);
        if half == 0 {
            return Err(SampleError::NoSamples);
        }
        let of_phi = phi.sample(at, 0..half, stream.named("target"));
        let of_psi = psi.sample(theta, 0..half, stream.named("state"));
        let mut x = Configs::new(of_phi.x.n_sites());
        let (mut rows, mut weight) = (HashMap::new(), Vec::new());
        for samples in [&of_phi, &of_psi] {
            for (row, w) in samples.x.view().rows().zip(&samples.weight) {
                let at = *rows.entry(row.to_vec()).or_insert_with(|| {
                    x.push(row);
                    weight.push(0.0);
                    weight.len() - 1
                });
                weight[at] += 0.5 * w;
            }
        }
        let (mut log_psi, mut target) = (vec![Complex64::ZERO; x.len()], Vec::new());
        psi.log_psi(theta, x.view(), &mut log_psi);
        target.resize(x.len(), Complex64::ZERO);
        phi.log_psi(at, x.view(), &mut target);
        let samples = Samples {
            x,
            log_psi,
            weight,
            draw: Draw::Independent { shots: 2 * half },
        };
        let batch = Self {
            samples,
            target,
            shots: 2 * half,
        };
        // The law vanishes nowhere that one of the two was drawn.
        match (0..batch.samples.len()).find(|&b| !batch.log_law(b).is_finite()) {
            None => Ok(batch),
            Some(b) => Err(SampleError::NotFinite {
                configuration: batch.samples.x.row(b).to_vec(),
            }),
        }
    }

    /// ln q.
    fn log_law(&self, b: usize) -> f64 {
        let (a, c) = (2.0 * self.samples.log_psi[b].re, 2.0 * self.target[b].re);
        a.max(c) + (0.5 * (1.0 + (-(a - c).abs()).exp())).ln()
    }

    /// $\phi / \sqrt q$ and $\psi / \sqrt q$ for other log-amplitudes of the state.
    fn pair(&self, b: usize, log_psi: Complex64) -> (Complex64, Complex64) {
        let scaled = |l: Complex64| (l - 0.5 * self.log_law(b)).exp();
        (scaled(self.target[b]), scaled(log_psi))
    }

    /// The phase $e^{-i\alpha}$ of $\langle\psi|\phi\rangle$, up to its sign convention, and the terms
    /// of D.
    fn terms(&self, log_psi: &[Complex64]) -> (Complex64, Vec<f64>) {
        let pairs: Vec<_> = log_psi
            .iter()
            .enumerate()
            .map(|(b, l)| self.pair(b, *l))
            .collect();
        let weight = &self.samples.weight;
        let overlap: Complex64 = pairs
            .iter()
            .zip(weight)
            .map(|((phi, psi), w)| w * psi.conj() * phi)
            .sum();
        let phase = Complex64::from_polar(1.0, overlap.arg());
        let term = |(phi, psi): &(Complex64, Complex64)| 0.5 * (phi - phase * psi).norm_sqr();
        (phase, pairs.iter().map(term).collect())
    }

    fn infidelity(&self) -> Estimate {
        let (_, terms) = self.terms(&self.samples.log_psi);
        let d = Estimate::from_shots(&self.samples.weight, &terms, self.shots);
        Estimate {
            // 1 - (1 - D)^2, of states without overlap 1.
            mean: d.mean.min(1.0) * (2.0 - d.mean.min(1.0)),
            error: (2.0 * d.error).hypot(1.0 / self.shots as f64),
            ..d
        }
    }

    /// The damping after sweeps towards the least D on these shots.
    fn by_amplitudes<W: Ansatz<Log = Complex64> + ?Sized>(
        &self,
        psi: &W,
        theta: &mut [f64],
        params: &FitParams,
    ) -> Result<f64, FitError> {
        // Squared rows have the weight |psi|^2 of the state at the start of the batch.
        let mut samples = self.samples.clone();
        for (b, w) in samples.weight.iter_mut().enumerate() {
            *w *= self.pair(b, self.samples.log_psi[b]).1.norm_sqr();
        }
        let total: f64 = samples.weight.iter().sum();
        samples.weight.iter_mut().for_each(|w| *w /= total);
        let rest = |now: &Samples<Complex64>| {
            let (phase, terms) = self.terms(&now.log_psi);
            let ratio = |(b, l): (usize, &Complex64)| match now.weight[b] > 0.0 {
                true => (self.target[b] - l).exp() / phase - 1.0,
                false => Complex64::ZERO,
            };
            let weighted = terms.iter().zip(&self.samples.weight);
            Rest {
                values: now.log_psi.iter().enumerate().map(ratio).collect(),
                loss: weighted.map(|(t, w)| t * w).sum(),
            }
        };
        Ok(descend(psi, theta, &Points::Shots(samples), &rest, params)?.shift)
    }

    /// The same towards logarithms.
    fn by_logarithms<W: Ansatz<Log = Complex64> + ?Sized>(
        &self,
        psi: &W,
        theta: &mut [f64],
        params: &FitParams,
    ) -> Result<f64, FitError> {
        let (phase, _) = self.terms(&self.samples.log_psi);
        // Where this batch is to lead: not farther than it can be trusted.
        let goal: Vec<Complex64> = self
            .samples
            .log_psi
            .iter()
            .zip(&self.target)
            .map(|(l, t)| {
                let turned = if t.re.is_finite() {
                    (t - l).im - phase.arg()
                } else {
                    0.0
                };
                let turn = Complex64::from_polar(1.0, turned).arg();
                l + Complex64::new((t.re - l.re).clamp(-REACH, REACH), turn)
            })
            .collect();
        let points = Points::Shots(self.samples.clone());
        let params = FitParams {
            distance: Distance::Logarithm,
            ..*params
        };
        Ok(sweep(psi, theta, &points, &goal, &params)?.shift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::Memory;
    use crate::hamiltonians::{Free, Sector, Space};
    use crate::{
        Autoregressive, FullSum, PrefixTable, Sampler, Transformer, TransformerParams, Wavefunction,
    };
    use std::sync::Arc;

    fn sector() -> Sector {
        Arc::new(Free::new(Space::qubits(6)))
    }

    /// A table of random amplitudes and phases.
    fn table(seed: u64) -> (Autoregressive<PrefixTable<Complex64>>, Vec<f64>) {
        let psi = Autoregressive::new(PrefixTable::new(Space::qubits(6)), sector());
        let stream = Stream::new(seed).named("table");
        let theta = (0..psi.layout().n_params())
            .map(|i| 1.6 * (stream.uniform(i as u64, 0) - 0.5))
            .collect();
        (psi, theta)
    }

    fn exact(
        psi: &impl Ansatz<Log = Complex64>,
        theta: &[f64],
        phi: &impl Ansatz<Log = Complex64>,
        at: &[f64],
    ) -> f64 {
        let mut all = FullSum::new(&*sector(), Memory::default()).unwrap();
        let (a, b) = (all.draw(psi, theta).unwrap(), all.draw(phi, at).unwrap());
        let pairs = a.log_psi.iter().zip(&b.log_psi);
        let overlap: Complex64 = pairs.map(|(l, t)| (l.conj() + t).exp()).sum();
        1.0 - overlap.norm_sqr()
    }

    #[test]
    fn the_infidelity_of_shots_is_that_of_sums() {
        let ((psi, theta), (_, near)) = (table(1), table(2));
        for (share, least) in [(1.0, 0.1), (0.05, 1e-4)] {
            let at: Vec<f64> = theta
                .iter()
                .zip(&near)
                .map(|(t, n)| t + share * (n - t))
                .collect();
            let wanted = exact(&psi, &theta, &psi, &at);
            assert!(wanted > least, "{wanted}");
            let params = FitToParams {
                batches: 0,
                ..FitToParams::default()
            };
            let mut same = theta.clone();
            let report = fit_to(&psi, &mut same, (&psi, &at), Stream::new(5), &params).unwrap();
            let infidelity = report.infidelity;
            assert!(infidelity.z(wanted).abs() < 4.0, "{infidelity:?} {wanted}");
            assert!(
                infidelity.error < 0.1 * wanted.max(1e-3),
                "{infidelity:?} {wanted}"
            );
            assert_eq!((report.batches, same), (0, theta.clone()));
        }
    }

    #[test]
    fn a_network_learns_another_from_shots() {
        let (phi, at) = table(2);
        let params = FitToParams::default();
        let within = |off: f64, report: &FitToReport| {
            let Estimate { mean, error, .. } = report.infidelity;
            assert!(report.batches < params.batches, "{report:?}");
            assert!(
                mean <= params.tolerance && error < params.tolerance,
                "{report:?}"
            );
            assert!(off < mean + 4.0 * error, "{off:.1e}, {report:?}");
        };
        // A complete ansatz of the same kind, and a network of another.
        let (psi, mut theta) = table(3);
        assert!(exact(&psi, &theta, &phi, &at) > 0.3);
        let report = fit_to(&psi, &mut theta, (&phi, &at), Stream::new(7), &params).unwrap();
        within(exact(&psi, &theta, &phi, &at), &report);

        let sizes = TransformerParams {
            layers: 1,
            width: 16,
            heads: 2,
        };
        let net = Transformer::new(Space::qubits(6), sizes).unwrap();
        let psi = Autoregressive::new(net, sector());
        let mut theta = psi.layout().initial(Stream::new(1));
        let report = fit_to(&psi, &mut theta, (&phi, &at), Stream::new(7), &params).unwrap();
        within(exact(&psi, &theta, &phi, &at), &report);
    }

    #[test]
    fn a_batch_without_shots_is_refused() {
        let (psi, mut theta) = table(1);
        let at = theta.clone();
        let params = FitToParams {
            shots: 0,
            ..FitToParams::default()
        };
        let found = fit_to(&psi, &mut theta, (&psi, &at), Stream::new(7), &params);
        assert!(matches!(
            found,
            Err(EvolveError::Sample {
                source: SampleError::NoSamples,
                ..
            })
        ));
    }
}
