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
/// Errors are the scatter of the bins; `tau` follows from error and variance, in sweeps.
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
    /// Number of slots M, the mean over replicas.
    pub slots: f64,
    /// Mean number of operators.
    pub operators: f64,
    /// Measured sweeps over the time the threads spent in them.
    pub sweeps_per_cpu_second: f64,
    /// Operator slots passed per second and core: `slots` times `sweeps_per_cpu_second`.
    pub slots_per_cpu_second: f64,
    /// Kept configurations, in site order.
    pub snapshots: Configs,
}

/// The bins of all replicas, replica by replica.
struct Table<'a> {
    bins: Vec<&'a Bins>,
    /// Sweeps in a bin.
    size: f64,
}

impl Table<'_> {
    fn means(&self, column: usize) -> Vec<f64> {
        let rows = self.bins.iter().flat_map(|b| &b.sums);
        rows.map(|row| row[column] / self.size).collect()
    }

    fn estimate(&self, column: usize) -> Estimate {
        let means = self.means(column);
        let mut e = Estimate::from_chains(&means, means.len());
        let n = means.len() as f64 * self.size;
        let squares: f64 = self.bins.iter().map(|b| b.squares[column]).sum();
        let variance = (squares / n - e.mean * e.mean).max(0.0);
        e.n = n as u64;
        // error^2 = 2 tau variance / n.
        e.tau = if e.error > 0.0 && variance > 0.0 {
            e.error * e.error * n / (2.0 * variance)
        } else {
            0.5
        };
        e
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
        let mut e = jackknife(&samples, &views, f);
        e.n = (rows as f64 * self.size) as u64;
        e
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
        };
        let n_modes = params.modes.len();
        let first_mode = column::SITES + n;
        let first_pair = first_mode + PER_MODE * n_modes;
        let heat = |m: &[f64]| m[1] - m[0] * m[0] - m[0];
        let response = |m: &[f64]| {
            let excited = m[0] * n as f64;
            beta * (m[1] - excited * excited) / n as f64
        };
        let modes = (0..n_modes).map(|k| {
            let c = first_mode + PER_MODE * k;
            ModeReport {
                squared: table.estimate(c),
                binder: table.jackknife(&[c, c + 1], |m| m[1] / (m[0] * m[0])),
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
        }
        let seconds: f64 = replicas.iter().map(|r| r.seconds).sum();
        let mean = |f: &dyn Fn(&Replica) -> f64| {
            replicas.iter().map(|r| f(r)).sum::<f64>() / replicas.len() as f64
        };
        let slots = mean(&|r| r.worldlines.slots.len() as f64);
        let sweeps = params.bins_each() * params.bin_size() * replicas.len() as u64;
        let rate = sweeps as f64 / seconds;
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
            specific_heat: table.jackknife(&[column::OPERATORS, column::OPERATORS_SQUARED], heat),
            compressibility: table.jackknife(&[column::DENSITY, column::EXCITED_SQUARED], response),
            site_density: (0..n).map(|i| table.estimate(column::SITES + i)).collect(),
            modes: modes.collect(),
            correlations: params.correlations.then(|| (0..n * n).map(pair).collect()),
            acceptance,
            r_hat: r_hat(&by_step, replicas.len()),
            filling: replicas
                .iter()
                .map(|r| r.peak as f64 / r.worldlines.slots.len() as f64)
                .fold(0.0, f64::max),
            slots,
            operators: table.estimate(column::OPERATORS).mean,
            sweeps_per_cpu_second: rate,
            slots_per_cpu_second: rate * slots,
            snapshots,
        }
    }
}
