//! What a run has found.

use crate::replica::{Bins, PER_MODE, Replica, System, column, upper};
use crate::{SseParams, SseRun};
use ketwork_hamiltonians::Configs;
use ketwork_models::{Draw, Samples};
use ketwork_stats::{Estimate, jackknife, r_hat};
use serde::{Deserialize, Serialize};

/// How often an update was accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateCount {
    /// Accepted moves.
    pub accepted: u64,
    /// Tried moves.
    pub tried: u64,
}

impl UpdateCount {
    pub(crate) fn take(&mut self, accepted: &mut u64, tried: &mut u64) {
        self.accepted += std::mem::take(accepted);
        self.tried += std::mem::take(tried);
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.tried += other.tried;
    }

    /// Accepted over tried; 0 where nothing was tried.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.accepted as f64 / self.tried.max(1) as f64
    }
}

/// Acceptance of each update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// Slots of the diagonal update.
    pub diagonal: UpdateCount,
    /// Segments (blockade, pair couplings) or clusters (Ising models), or loops (exchange).
    pub segments: UpdateCount,
    /// Rod hops.
    pub hops: UpdateCount,
    /// Line loops.
    pub loops: UpdateCount,
    /// Exchanges with the next rung of a ladder.
    pub tempering: UpdateCount,
}

/// The moments of an order parameter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModeReport {
    /// $\langle |m|^2 \rangle$, $m = \frac1N \sum_i a_i n_i$ at equal times.
    pub squared: Estimate,
    /// The Binder ratio $\langle |m|^4 \rangle / \langle |m|^2 \rangle^2$.
    pub binder: Estimate,
}

/// Results of a run at one temperature and one set of couplings.
///
/// Errors are the scatter of the bins; `tau` follows from error and variance, in sweeps, that of a
/// ratio (specific heat, compressibility, Binder) from the variance of its linear part.
#[derive(Clone, Debug)]
pub struct SseReport {
    /// Inverse temperature.
    pub beta: f64,
    /// Energy per site.
    pub energy_per_site: Estimate,
    /// Mean of n over sites.
    pub density: Estimate,
    /// Energy of the off-diagonal terms per site.
    pub flip_energy_per_site: Estimate,
    /// Specific heat $\beta^2 (\langle H^2 \rangle - \langle H \rangle^2)$ of the whole system.
    pub specific_heat: Estimate,
    /// $\partial \langle n \rangle / \partial \mu$ per site: the response of the density to a field
    /// $-\mu \sum_i n_i$.
    pub compressibility: Estimate,
    /// Mean of n on each site.
    pub site_density: Vec<Estimate>,
    /// Order parameters, in the order of [`SseParams::modes`].
    pub modes: Vec<ModeReport>,
    /// $\langle n_i n_j \rangle$ at equal times (N x N), where asked for.
    pub correlations: Option<Vec<Estimate>>,
    /// Acceptance of each update.
    pub acceptance: Acceptance,
    /// Split r-hat of the energy over replicas and halves; near 1 where they agree.
    pub r_hat: Option<f64>,
    /// Largest number of operators over the number of slots, so far below 1 that no string is missed
    /// ([`SseError::CutOff`](crate::SseError::CutOff)).
    pub filling: f64,
    /// Energy per site in each bin, replica by replica, all of them equally long. The same bins of other
    /// rungs were measured at the same time.
    pub energy_bins: Vec<f64>,
    /// Density in each bin.
    pub density_bins: Vec<f64>,
    /// Number of slots M, the mean over replicas.
    pub slots: f64,
    /// Number of operators; $-\langle n \rangle / \beta$ and a constant are the textbook estimator of the energy.
    pub operators: Estimate,
    /// Measured sweeps over the time the threads spent in them; a lower bound where all of them together
    /// took less than 4 ms, the grain of that clock.
    pub sweeps_per_cpu_second: f64,
    /// Operator slots passed per second and core: `slots` times `sweeps_per_cpu_second`.
    pub slots_per_cpu_second: f64,
    /// Kept configurations, in site order.
    pub snapshots: Configs,
}

/// Seconds between two updates of the clock that counts those of a thread.
const TICK: f64 = 4e-3;

/// Places in [`column::products`].
const HEAT: usize = 0;
const RESPONSE: usize = 1;
const FIRST_BINDER: usize = 2;

/// The bins of all replicas, replica by replica.
struct Table<'a> {
    bins: Vec<&'a Bins>,
    /// Sweeps in a bin.
    size: f64,
    /// The pairs of columns whose products were summed.
    products: Vec<[usize; 2]>,
}

impl Table<'_> {
    fn means(&self, column: usize) -> Vec<f64> {
        let rows = self.bins.iter().flat_map(|b| &b.sums);
        rows.map(|row| row[column] / self.size).collect()
    }

    fn estimate(&self, column: usize) -> Estimate {
        let means = self.means(column);
        let mut e = Estimate::from_chains(&means, means.len());
        let n = self.sweeps();
        let squares: f64 = self.bins.iter().map(|b| b.squares[column]).sum();
        let variance = (squares / n - e.mean * e.mean).max(0.0);
        e.n = n as u64;
        e.tau = tau(e.error, variance, n);
        e
    }

    /// A function of the means of the `pair`-th product's two columns, with its gradient there.
    ///
    /// For a small error the function fluctuates like its linear part,
    /// $y_t = \sum_c \partial_c f\, x_c(t)$, so $\tau$ follows from the error and the variance of y.
    fn ratio(
        &self,
        pair: usize,
        f: impl Fn(&[f64]) -> f64,
        gradient: impl Fn(&[f64]) -> [f64; 2],
    ) -> Estimate {
        let columns = self.products[pair];
        let mut e = self.jackknife(&columns, f);
        let n = self.sweeps();
        let sum = |of: &dyn Fn(&Bins) -> f64| self.bins.iter().map(|b| of(b)).sum::<f64>() / n;
        let mean = columns.map(|c| {
            let means = self.means(c);
            means.iter().sum::<f64>() / means.len() as f64
        });
        let square = columns.map(|c| sum(&|b| b.squares[c]));
        let g = gradient(&mean);
        let moment = g[0] * g[0] * (square[0] - mean[0] * mean[0])
            + g[1] * g[1] * (square[1] - mean[1] * mean[1])
            + 2.0 * g[0] * g[1] * (sum(&|b| b.products[pair]) - mean[0] * mean[1]);
        e.n = n as u64;
        e.tau = tau(e.error, moment, n);
        e
    }

    /// All measured sweeps.
    fn sweeps(&self) -> f64 {
        let bins: usize = self.bins.iter().map(|b| b.sums.len()).sum();
        bins as f64 * self.size
    }

    fn jackknife(&self, columns: &[usize], f: impl Fn(&[f64]) -> f64) -> Estimate {
        let means: Vec<_> = columns.iter().map(|&c| self.means(c)).collect();
        let views: Vec<&[f64]> = means.iter().map(Vec::as_slice).collect();
        let rows = means[0].len();
        let samples = Samples {
            x: Configs::zeros(rows, 1),
            log_psi: vec![0.0; rows],
            weight: vec![1.0 / rows as f64; rows],
            draw: Draw::Chains {
                n_chains: rows as u64,
            },
        };
        jackknife(&samples, &views, f)
    }
}

/// The autocorrelation time in $\text{error}^2 = 2 \tau \sigma^2 / n$; 1/2 for a constant.
fn tau(error: f64, variance: f64, n: f64) -> f64 {
    if error > 0.0 && variance > 0.0 {
        error * error * n / (2.0 * variance)
    } else {
        0.5
    }
}

fn scaled(e: Estimate, factor: f64) -> Estimate {
    Estimate {
        mean: e.mean * factor,
        error: e.error * factor.abs(),
        ..e
    }
}

impl SseReport {
    pub(crate) fn new(run: &SseRun, rung: usize) -> Self {
        let params: &SseParams = run.params();
        let system: &System = run.system(rung);
        let replicas: Vec<&Replica> = run.replicas(rung).collect();
        let n = system.vertices.n_sites;
        let beta = system.vertices.beta;
        let table = Table {
            bins: replicas.iter().map(|r| &r.bins).collect(),
            size: params.bin_size() as f64,
            products: column::products(n, params.modes.len()),
        };
        let n_modes = params.modes.len();
        let first_mode = column::SITES + n;
        let first_pair = first_mode + PER_MODE * n_modes;
        let heat = |m: &[f64]| m[1] - m[0] * m[0] - m[0];
        let heat_gradient = |m: &[f64]| [-2.0 * m[0] - 1.0, 1.0];
        let response = |m: &[f64]| {
            let excited = m[0] * n as f64;
            beta * (m[1] - excited * excited) / n as f64
        };
        let response_gradient = |m: &[f64]| [-2.0 * beta * n as f64 * m[0], beta / n as f64];
        let modes = (0..n_modes).map(|k| {
            let c = first_mode + PER_MODE * k;
            ModeReport {
                squared: table.estimate(c),
                binder: table.ratio(
                    FIRST_BINDER + k,
                    |m| m[1] / (m[0] * m[0]),
                    |m| [-2.0 * m[1] / m[0].powi(3), m[0].powi(-2)],
                ),
            }
        });
        let pair = |k: usize| {
            let (a, b) = (k / n, k % n);
            table.estimate(first_pair + upper(a.min(b), a.max(b), n))
        };
        let mut acceptance = Acceptance {
            tempering: run.exchanges(rung),
            ..Acceptance::default()
        };
        for r in &replicas {
            acceptance.diagonal.add(r.diagonal);
            acceptance.segments.add(r.segments);
            acceptance.hops.add(r.hops);
            acceptance.loops.add(r.loops);
        }
        let seconds: f64 = replicas.iter().map(|r| r.seconds).sum();
        let mean = |f: &dyn Fn(&Replica) -> f64| {
            replicas.iter().map(|r| f(r)).sum::<f64>() / replicas.len() as f64
        };
        let slots = mean(&|r| r.worldlines.slots.len() as f64);
        let sweeps = params.bins_each() * params.bin_size() * replicas.len() as u64;
        let rate = sweeps as f64 / seconds.max(TICK);
        let energies = table.means(column::ENERGY);
        let steps = energies.len() / replicas.len();
        let by_step: Vec<f64> = (0..energies.len())
            .map(|k| energies[k % replicas.len() * steps + k / replicas.len()])
            .collect();
        let mut snapshots = Configs::new(n);
        for r in &replicas {
            r.snapshots.chunks_exact(n).for_each(|x| snapshots.push(x));
        }
        Self {
            beta,
            energy_per_site: scaled(table.estimate(column::ENERGY), 1.0 / n as f64),
            density: table.estimate(column::DENSITY),
            flip_energy_per_site: scaled(table.estimate(column::FLIP_ENERGY), 1.0 / n as f64),
            specific_heat: table.ratio(HEAT, heat, heat_gradient),
            compressibility: table.ratio(RESPONSE, response, response_gradient),
            site_density: (0..n).map(|i| table.estimate(column::SITES + i)).collect(),
            modes: modes.collect(),
            correlations: params.correlations.then(|| (0..n * n).map(pair).collect()),
            acceptance,
            r_hat: r_hat(&by_step, replicas.len()),
            filling: replicas
                .iter()
                .map(|r| r.peak as f64 / r.worldlines.slots.len() as f64)
                .fold(0.0, f64::max),
            energy_bins: energies.iter().map(|e| e / n as f64).collect(),
            density_bins: table.means(column::DENSITY),
            slots,
            operators: table.estimate(column::OPERATORS),
            sweeps_per_cpu_second: rate,
            slots_per_cpu_second: rate * slots,
            snapshots,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Dice;
    use ketwork_models::Stream;

    /// Two columns that follow $x_{t+1} = \rho x_t + \text{noise}$ around 2 and 3 with one noise,
    /// and are shifted by white noise in `white`.
    fn chains(rho: f64, white: f64) -> Vec<Bins> {
        let mut dice = Dice::new(Stream::new(21));
        let (bins, size) = (64, 500);
        let mut noise = || dice.uniform() + dice.uniform() - 1.0;
        let chain = |_| {
            let mut all = Bins::default();
            let mut x = 0.0;
            for t in 0..bins * size {
                x = rho * x + (1.0f64 - rho * rho).sqrt() * noise();
                let row = [2.0 + 0.1 * x, 3.0 + 0.3 * x + white * noise()];
                all.add(t / size, &row, &[[0, 1]]);
            }
            all
        };
        (0..4).map(chain).collect()
    }

    #[test]
    fn ratios_have_the_autocorrelation_time_of_their_linear_part() {
        // a / b around 2 / 3 has the linear part (x/10 - 2/3 (3 x/10 + w)) / 3, of which x decays with
        // tau = (1 + rho) / (1 - rho) / 2 and w not at all.
        for (rho, white) in [(0.0f64, 0.0), (0.8, 0.0), (0.8, 0.2), (0.95, 0.1)] {
            let bins = chains(rho, white);
            let table = Table {
                bins: bins.iter().collect(),
                size: 500.0,
                products: vec![[0, 1]],
            };
            let e = table.ratio(
                0,
                |m| m[0] / m[1],
                |m| [m[1].recip(), -m[0] / (m[1] * m[1])],
            );
            let (slow, fast) = (0.01, (2.0 * white / 3.0).powi(2));
            let decay = (1.0 + rho) / (1.0 - rho) / 2.0;
            let exact = (slow * decay + 0.5 * fast) / (slow + fast);
            // 256 bins know the square of an error to 9 %: 4 of these.
            assert!(
                (e.tau / exact - 1.0).abs() < 0.36,
                "{rho} {white}: {e:?} {exact}"
            );
            assert_eq!(e.n, 128_000);
        }
    }
}
