//! One Markov chain: its string, its random numbers and what it has measured.

use crate::chance::Dice;
use crate::clusters::{Clusters, cluster_flips};
use crate::decompose::Parts;
use crate::diagonal::{Seen, diagonal_update};
use crate::exchange::{Bonds, Loops};
use crate::hops::{Rods, rod_hops};
use crate::line_loops::{LineLoops, line_loops};
use crate::segments::{Lines, segment_flips};
use crate::string::{EMPTY, Vertices, Worldlines};
use crate::{SseParams, UpdateCount};
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;
use std::time::Instant;

/// A Hamiltonian at one temperature, ready to be sampled.
#[derive(Clone, Debug)]
pub(crate) struct System {
    pub(crate) parts: Parts,
    pub(crate) vertices: Vertices,
    /// Instead of the vertices, where sites exchange their values.
    pub(crate) bonds: Option<Bonds>,
}

impl System {
    pub(crate) fn new(parts: Parts, beta: f64, epsilon: f64) -> Self {
        let exchange = !parts.exchange.is_empty();
        Self {
            vertices: Vertices::new(&parts, beta, epsilon),
            bonds: exchange.then(|| Bonds::new(&parts, beta, epsilon)),
            parts,
        }
    }

    pub(crate) fn log_weight(&self, w: &Worldlines) -> f64 {
        match &self.bonds {
            Some(bonds) => bonds.log_weight(w),
            None => self.vertices.log_weight(w),
        }
    }

    pub(crate) fn admits(&self, w: &Worldlines) -> bool {
        match &self.bonds {
            Some(bonds) => bonds.admits(w),
            None => self.vertices.admits(w),
        }
    }
}

/// Columns of the measurements; site densities follow, then modes, then correlations.
pub(crate) mod column {
    pub(crate) const OPERATORS: usize = 0;
    pub(crate) const OPERATORS_SQUARED: usize = 1;
    pub(crate) const ENERGY: usize = 2;
    pub(crate) const DENSITY: usize = 3;
    pub(crate) const FLIP_ENERGY: usize = 4;
    pub(crate) const EXCITED_SQUARED: usize = 5;
    pub(crate) const SITES: usize = 6;

    /// The pairs of columns of which ratios are made: specific heat, compressibility, Binder ratios.
    pub(crate) fn products(n_sites: usize, n_modes: usize) -> Vec<[usize; 2]> {
        let mode = |k| SITES + n_sites + super::PER_MODE * k;
        let binder = (0..n_modes).map(|k| [mode(k), mode(k) + 1]);
        let fixed = [[OPERATORS, OPERATORS_SQUARED], [DENSITY, EXCITED_SQUARED]];
        fixed.into_iter().chain(binder).collect()
    }
}

/// Numbers that a mode leaves: mean of |m|^2 and of |m|^4.
pub(crate) const PER_MODE: usize = 2;

/// Sums of the measurements, by bins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bins {
    /// One row of sums for each bin.
    pub(crate) sums: Vec<Vec<f64>>,
    /// Sums of squares over all bins.
    pub(crate) squares: Vec<f64>,
    /// Sums over all bins of the products of two columns of which ratios are made.
    pub(crate) products: Vec<f64>,
}

impl Bins {
    /// Adds the numbers of one sweep to a bin.
    pub(crate) fn add(&mut self, bin: usize, row: &[f64], products: &[[usize; 2]]) {
        if self.sums.len() <= bin {
            self.sums.push(vec![0.0; row.len()]);
            self.squares.resize(row.len(), 0.0);
            self.products.resize(products.len(), 0.0);
        }
        let sums = self.sums[bin].iter_mut().zip(&mut self.squares);
        for ((sum, square), value) in sums.zip(row) {
            *sum += value;
            *square += value * value;
        }
        for (sum, [a, b]) in self.products.iter_mut().zip(products) {
            *sum += row[*a] * row[*b];
        }
    }
}

/// A Markov chain.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Replica {
    pub(crate) worldlines: Worldlines,
    pub(crate) dice: Dice,
    pub(crate) done: u64,
    /// Directed loops in a sweep.
    n_loops: usize,
    pub(crate) bins: Bins,
    pub(crate) snapshots: Vec<u8>,
    /// Largest number of operators after thermalisation.
    pub(crate) peak: usize,
    pub(crate) diagonal: UpdateCount,
    pub(crate) segments: UpdateCount,
    pub(crate) hops: UpdateCount,
    pub(crate) loops: UpdateCount,
    /// Seconds spent in measured sweeps; differs between runs.
    pub(crate) seconds: f64,
    #[serde(skip)]
    work: Work,
}

#[derive(Clone, Debug, Default)]
struct Work {
    x: Vec<u8>,
    row: Vec<f64>,
    products: Vec<[usize; 2]>,
    seen: Seen,
    lines: Lines,
    rods: Rods,
    clusters: Clusters,
    loops: Loops,
    line_loops: LineLoops,
    slice: Slice,
}

/// Seconds that this thread has run, where the system tells; else those of the clock.
fn thread_seconds() -> f64 {
    static CLOCK: OnceLock<Instant> = OnceLock::new();
    let clock = || CLOCK.get_or_init(Instant::now).elapsed().as_secs_f64();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let running = text.and_then(|t| t.split(' ').next()?.parse::<f64>().ok());
    running.map_or_else(clock, |nanoseconds| 1e-9 * nanoseconds)
}

/// What is added up over equal-time slices.
#[derive(Clone, Debug, Default)]
struct Slice {
    pair_energy: f64,
    modes: Vec<f64>,
    correlations: Vec<f64>,
    excited: Vec<u32>,
}

impl Replica {
    pub(crate) fn new(start: &[u8], dice: Dice) -> Self {
        Self {
            worldlines: Worldlines::empty(start),
            n_loops: 1,
            dice,
            done: 0,
            bins: Bins::default(),
            snapshots: Vec::new(),
            peak: 0,
            diagonal: UpdateCount::default(),
            segments: UpdateCount::default(),
            hops: UpdateCount::default(),
            loops: UpdateCount::default(),
            seconds: 0.0,
            work: Work::default(),
        }
    }

    /// `count` sweeps, thermalisation first, then measured ones.
    pub(crate) fn advance(&mut self, system: &System, params: &SseParams, count: u64) {
        let mut begin = thread_seconds();
        for _ in 0..count {
            let measure = self.done >= params.thermalization;
            if self.done == params.thermalization {
                begin = thread_seconds();
                let empty = UpdateCount::default();
                (self.diagonal, self.segments) = (empty, empty);
                (self.hops, self.loops) = (empty, empty);
            }
            self.sweep(system, params, measure);
            self.done += 1;
            if !measure {
                self.grow();
            }
        }
        if self.done > params.thermalization {
            self.seconds += thread_seconds() - begin;
        }
    }

    /// Makes room for a third more operators, or six standard deviations of a Poisson number.
    fn grow(&mut self) {
        let n = self.worldlines.n_operators;
        let room = (n + n / 3).max(n + 6 * (n as f64).sqrt() as usize) + 10;
        if room > self.worldlines.slots.len() {
            self.worldlines.slots.resize(room, EMPTY);
        }
    }

    /// Whether strings beyond the cut-off may be missing from what was measured.
    pub(crate) fn is_cut_off(&self) -> bool {
        let peak = self.peak as f64;
        peak + peak.sqrt() > self.worldlines.slots.len() as f64
    }

    fn sweep(&mut self, system: &System, params: &SseParams, measure: bool) {
        let (v, parts) = (&system.vertices, &system.parts);
        let work = &mut self.work;
        let pairs = !parts.pairs.is_empty() && system.bonds.is_none();
        let needed = pairs || params.correlations || !params.modes.is_empty();
        let slices = if measure && needed { SLICES } else { 0 };
        let slice = &mut work.slice;
        slice.pair_energy = 0.0;
        slice.modes.clear();
        slice.modes.resize(PER_MODE * params.modes.len(), 0.0);
        slice.correlations.clear();
        if params.correlations {
            let n = v.n_sites;
            slice.correlations.resize(n * (n + 1) / 2, 0.0);
        }
        let look = |x: &[u8]| slice.look(x, parts, params, pairs);
        let (w, dice, seen) = (&mut self.worldlines, &mut self.dice, &mut work.seen);
        match &system.bonds {
            Some(bonds) => bonds.diagonal_update(w, &mut work.x, dice, seen, slices, look),
            None => diagonal_update(v, w, &mut work.x, dice, seen, slices, look),
        }
        if measure {
            self.record(system, params, slices);
        }
        let (w, work) = (&mut self.worldlines, &mut self.work);
        if let Some(bonds) = &system.bonds {
            bonds.loop_update(w, &mut work.loops, &mut self.dice, self.n_loops);
            let visited = std::mem::take(&mut work.loops.visited);
            // Half of all legs in a sweep; the number of loops is fixed with the thermalisation.
            let short = visited < 2 * w.n_operators as u64;
            if !measure && short {
                self.n_loops += 1 + self.n_loops / 16;
            } else if !measure && self.n_loops > 1 {
                self.n_loops -= 1;
            }
        } else if v.is_ising {
            cluster_flips(v, w, &mut work.clusters, &mut self.dice);
        } else {
            segment_flips(v, w, &mut work.lines, &mut self.dice);
        }
        if v.has_blockade && params.rod_hops {
            rod_hops(v, w, &mut work.rods, &mut self.dice);
        }
        if v.has_blockade && params.line_loops {
            line_loops(v, w, &mut work.line_loops, &mut self.dice);
        }
        self.diagonal
            .take(&mut work.seen.accepted, &mut work.seen.tried);
        self.segments
            .take(&mut work.lines.accepted, &mut work.lines.tried);
        self.segments
            .take(&mut work.clusters.accepted, &mut work.clusters.tried);
        self.segments
            .take(&mut work.loops.accepted, &mut work.loops.tried);
        self.hops
            .take(&mut work.rods.accepted, &mut work.rods.tried);
        let loops = &mut work.line_loops;
        self.loops.take(&mut loops.accepted, &mut loops.tried);
    }

    fn record(&mut self, system: &System, params: &SseParams, slices: usize) {
        let (v, parts) = (&system.vertices, &system.parts);
        let (work, w) = (&mut self.work, &self.worldlines);
        let (m, n_sites) = (w.slots.len() as f64, v.n_sites as f64);
        let n = w.n_operators as f64;
        self.peak = self.peak.max(w.n_operators);
        let seen = &work.seen;
        let flips = -(seen.n_flips as f64) / v.beta;
        let mut field = 0.0;
        for (e, &occupied) in parts.site.iter().zip(&seen.occupied) {
            field += e[1] * occupied as f64;
        }
        let share = 1.0 / slices.max(1) as f64;
        let energy = match &system.bonds {
            // Bonds have small constants: the number of operators is as good as any estimator.
            Some(bonds) => bonds.constant - n / v.beta,
            None => parts.constant + field / m + work.slice.pair_energy * share + flips,
        };
        let excited = seen.excited as f64;
        // Slots are points dropped at random on a circle of length beta: the mean of products of
        // two intervals between them is 1/(M(M + 1)), twice that for one with itself.
        let squared = (excited * excited + seen.excited_squared as f64) / (m * (m + 1.0));
        let row = &mut work.row;
        row.clear();
        row.extend([n, n * n, energy, excited / m / n_sites, flips, squared]);
        row.extend(seen.occupied.iter().map(|&o| o as f64 / m));
        row.extend(work.slice.modes.iter().map(|a| a * share));
        row.extend(work.slice.correlations.iter().map(|a| a * share));
        let measured = self.done - params.thermalization;
        let bin = (measured / params.bin_size()) as usize;
        if work.products.is_empty() {
            work.products = column::products(v.n_sites, params.modes.len());
        }
        self.bins.add(bin, row, &work.products);
        let every = params.snapshot_every();
        if every > 0 && measured % every == every - 1 {
            self.snapshots.extend_from_slice(&self.worldlines.start);
        }
    }
}

/// Configurations looked at in each sweep, equally spaced in the string.
const SLICES: usize = 8;

impl Slice {
    fn look(&mut self, x: &[u8], parts: &Parts, params: &SseParams, pairs: bool) {
        if pairs {
            self.pair_energy += parts.pair_energy(x);
        }
        for (mode, out) in params
            .modes
            .iter()
            .zip(self.modes.chunks_exact_mut(PER_MODE))
        {
            let (mut re, mut im) = (0.0, 0.0);
            for (a, &n) in mode.iter().zip(x) {
                re += a.0 * f64::from(n);
                im += a.1 * f64::from(n);
            }
            let n = x.len() as f64;
            let square = (re * re + im * im) / (n * n);
            out[0] += square;
            out[1] += square * square;
        }
        if params.correlations {
            self.excited.clear();
            self.excited
                .extend((0..).zip(x).filter(|(_, n)| **n == 1).map(|(i, _)| i));
            for (k, &a) in self.excited.iter().enumerate() {
                for &b in &self.excited[k..] {
                    self.correlations[upper(a as usize, b as usize, x.len())] += 1.0;
                }
            }
        }
    }
}

/// Place of the pair a <= b in a triangular table of n sites.
pub(crate) fn upper(a: usize, b: usize, n: usize) -> usize {
    a * (2 * n + 1 - a) / 2 + b - a
}
