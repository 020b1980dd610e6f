//! Exact sampling: equal prefixes are evaluated once and drawn for each shot.
//!
//! The shots walk down the tree of prefixes. A task holds up to one block of distinct prefixes with
//! the shots that share them; when more appear, it splits, and its parts run on any thread.
//!
//! A shot carries one uniform number. Each prefix owns an interval of [0, 1), which its values share
//! out by their conditional probabilities; the shots whose numbers lie in it have that prefix. Many
//! shots are spread over buckets of u, so that an edge is found near its mean place and only its
//! bucket is searched; they stay where they are, each task owns a piece of one array. An interval shrinks by
//! the information in its values, so fresh numbers are drawn every [`BITS`] bits. A state of fewer bits
//! needs one number a shot: where only counts are asked for, its shots carry nothing else ([`Counted`]).
//!
//! Shots of the broad law share the intervals by its probabilities; half of the shots are drawn from
//! the state's own law (a defensive mixture), so that no weight exceeds 2.

use super::shot::{Counted, Interval, Numbered, Shot, sorted};
use super::{Autoregressive, Scratch};
use crate::{Ancestral, Conditional, Draw, Samples, Shots, Stream};
use ketwork_hamiltonians::{Configs, ConfigsRef, LocalMask, OnSpace, Scalar};
use rayon::prelude::*;
use std::f64::consts::LN_2;
use std::ops::Range;

/// Bits of a uniform number that are spent before a fresh one is drawn, of the 53 it has.
const BITS: u32 = 16;

/// The law of shots and their random numbers.
#[derive(Clone, Copy)]
struct Source {
    stream: Stream,
    /// Probability with which a value is drawn uniformly by the broad law.
    uniform: f64,
    /// Whether the broad law draws; else it is only followed.
    is_broad: bool,
}

impl Source {
    /// The state's own law.
    fn own(stream: Stream) -> Self {
        Self {
            stream,
            uniform: 0.0,
            is_broad: false,
        }
    }
}

/// Distinct prefixes of equal length, with the places of the shots that share each.
struct Prefixes<L> {
    /// Values in position order (R, N); those before the position are set.
    x: Vec<u8>,
    /// Sum of the log-conditionals so far (R).
    log: Vec<L>,
    /// Logarithm of the probability of each prefix over that of the broad law (R).
    log_weight: Vec<f64>,
    /// Constraint states (R, words).
    state: Vec<u64>,
    /// The interval of u that belongs to each prefix (R).
    interval: Vec<Interval>,
    /// The shots of row r stand at `start[r]..start[r + 1]` of the task's piece.
    start: Vec<usize>,
}

impl<L: Scalar> Prefixes<L> {
    fn len(&self) -> usize {
        self.log.len()
    }

    fn empty() -> Self {
        Self {
            x: Vec::new(),
            log: Vec::new(),
            log_weight: Vec::new(),
            state: Vec::new(),
            interval: Vec::new(),
            start: vec![0],
        }
    }

    /// Adds a prefix whose shots end at `end`.
    fn push(&mut self, x: &[u8], logs: (L, f64), state: &[u64], interval: Interval, end: usize) {
        self.x.extend_from_slice(x);
        self.log.push(logs.0);
        self.log_weight.push(logs.1);
        self.state.extend_from_slice(state);
        self.interval.push(interval);
        self.start.push(end);
    }

    fn logs(&self, r: usize) -> (L, f64) {
        (self.log[r], self.log_weight[r])
    }

    /// Adds completed rows, whose shots follow.
    fn append(&mut self, other: &Self, n: usize) {
        let before = self.start[self.len()];
        for r in 0..other.len() {
            let (x, end) = (&other.x[r * n..(r + 1) * n], before + other.start[r + 1]);
            self.push(x, other.logs(r), &[], other.interval[r], end);
        }
    }

    fn slice(&self, rows: Range<usize>, n: usize, words: usize) -> Self {
        let first = self.start[rows.start];
        Self {
            x: self.x[rows.start * n..rows.end * n].to_vec(),
            log: self.log[rows.clone()].to_vec(),
            log_weight: self.log_weight[rows.clone()].to_vec(),
            state: self.state[rows.start * words..rows.end * words].to_vec(),
            interval: self.interval[rows.clone()].to_vec(),
            start: self.start[rows.start..=rows.end]
                .iter()
                .map(|s| s - first)
                .collect(),
        }
    }
}

impl<M: Conditional> Autoregressive<M> {
    /// Walks a task from `position` to the end and returns the completed rows; their shots are then
    /// in the order of the rows.
    fn descend<S: Shot>(
        &self,
        theta: &[f64],
        source: Source,
        mut scratch: Scratch<M>,
        mut position: usize,
        mut task: Prefixes<M::Log>,
        shots: &mut [S],
    ) -> Prefixes<M::Log> {
        let (n, d, block) = (
            self.space().n_sites,
            self.space().local_dim,
            self.net.block(),
        );
        let words = self.sector.words();
        let mut expanded = false;
        while position < n {
            scratch.raw.resize(task.len() * d, M::Log::ZERO);
            let x = ConfigsRef::new(n, &task.x);
            self.net
                .step(theta, &mut scratch.work, position, x, &mut scratch.raw);
            if position > 0 && position.is_multiple_of(self.lasts()) {
                refresh(&mut task, shots, position, source.stream);
            }
            let (children, parent) = self.children(
                &task,
                shots,
                position,
                &scratch.raw,
                &mut scratch.normaliser,
                source,
            );
            debug_assert!(
                !expanded || children.len() == task.len(),
                "one shot a row has one child"
            );
            task = children;
            position += 1;
            if position == n {
                break;
            }
            if task.len() > block {
                let parts = task.len().div_ceil(block);
                let size = task.len().div_ceil(parts);
                let mut pieces = Vec::with_capacity(parts);
                let mut rest = shots;
                for i in 0..parts {
                    let rows = i * size..((i + 1) * size).min(task.len());
                    let count = task.start[rows.end] - task.start[rows.start];
                    let (piece, tail) = rest.split_at_mut(count);
                    pieces.push((rows, piece));
                    rest = tail;
                }
                let done: Vec<Prefixes<M::Log>> = pieces
                    .into_par_iter()
                    .map(|(rows, shots)| {
                        let mut part = self.take();
                        let from = &parent[rows.clone()];
                        self.net
                            .select(&scratch.work, &mut part.work, position, from);
                        let rows = task.slice(rows, n, words);
                        self.descend(theta, source, part, position, rows, shots)
                    })
                    .collect();
                self.put(scratch);
                let mut all = Prefixes::empty();
                done.iter().for_each(|part| all.append(part, n));
                return all;
            }
            // Where most prefixes are distinct, one row a shot saves regrouping the cache again
            // and again; at most every second evaluation is then redundant.
            let mut parent = parent;
            if !expanded && shots.len() <= block && 2 * task.len() >= shots.len() {
                (task, parent) = expand(&task, &parent, n, words);
                expanded = true;
            }
            let same = parent.len() == x_len(&scratch, d)
                && parent.iter().enumerate().all(|(i, &p)| i == p as usize);
            if !same {
                let mut next = self.take();
                self.net
                    .select(&scratch.work, &mut next.work, position, &parent);
                std::mem::swap(&mut next, &mut scratch);
                self.put(next);
            }
        }
        self.put(scratch);
        if expanded {
            merge_equal(&task, shots, n)
        } else {
            task
        }
    }

    /// Sites for which a uniform number is used.
    fn lasts(&self) -> usize {
        let bits = self.space().local_dim.next_power_of_two().ilog2().max(1);
        (BITS / bits).max(1) as usize
    }

    /// Draws the value at `position` for every shot; returns the children and their parents' rows.
    fn children<S: Shot>(
        &self,
        task: &Prefixes<M::Log>,
        shots: &mut [S],
        position: usize,
        raw: &[M::Log],
        normaliser: &mut Vec<f64>,
        source: Source,
    ) -> (Prefixes<M::Log>, Vec<u32>) {
        let (n, d, words) = (
            self.space().n_sites,
            self.space().local_dim,
            self.sector.words(),
        );
        let s = self.exponent();
        let masks: Vec<LocalMask> = (0..task.len())
            .map(|r| {
                self.sector
                    .mask(&task.state[r * words..(r + 1) * words], position)
            })
            .collect();
        normaliser.clear();
        normaliser
            .extend((0..task.len()).map(|r| self.normaliser(&raw[r * d..(r + 1) * d], masks[r])));
        let mut children = Prefixes::empty();
        let mut parent = Vec::with_capacity(task.len());
        let (mut state, mut row) = (vec![0; words], vec![0; n]);
        for r in 0..task.len() {
            row.copy_from_slice(&task.x[r * n..(r + 1) * n]);
            let whole = task.interval[r];
            let (mut at, end) = (task.start[r], task.start[r + 1]);
            let mut sum = 0.0;
            let mut left = masks[r].count();
            let share = 1.0 / f64::from(left);
            for v in masks[r].values() {
                let raw = raw[r * d + v as usize];
                let p = (s * (raw.re() - normaliser[r])).exp();
                let (mut q, mut excess) = (p, 0.0);
                if source.uniform > 0.0 && share < 1.0 {
                    let broad = p + source.uniform * (share - p);
                    excess = (broad / p).ln();
                    if source.is_broad {
                        q = broad;
                    }
                }
                let low = whole.low + whole.width * sum;
                sum += q;
                left -= 1;
                // The last allowed value takes what rounding leaves.
                let to = if left == 0 {
                    end
                } else {
                    let edge = whole.low + whole.width * sum;
                    at + whole.split(&mut shots[at..end], low, edge)
                };
                if to == at {
                    continue;
                }
                at = to;
                row[position] = v;
                state.copy_from_slice(&task.state[r * words..(r + 1) * words]);
                self.sector.advance(&mut state, position, v);
                let log = task.log[r] + raw - M::Log::from(normaliser[r]);
                let interval = Interval {
                    low,
                    width: whole.width * q,
                    ..whole
                };
                let logs = (log, task.log_weight[r] - excess);
                children.push(&row, logs, &state, interval, at);
                parent.push(r as u32);
            }
        }
        (children, parent)
    }
}

/// Fresh uniform numbers where the last ones are spent.
fn refresh<L, S: Shot>(task: &mut Prefixes<L>, shots: &mut [S], position: usize, stream: Stream) {
    S::refresh(shots, position, stream);
    for (row, interval) in task.start.windows(2).zip(&mut task.interval) {
        let own = &mut shots[row[0]..row[1]];
        *interval = Interval::whole(own.len());
        if interval.buckets > 1.0 {
            own.copy_from_slice(&sorted(own, *interval));
        }
    }
}

/// Rows of the last step.
fn x_len<M: Conditional>(scratch: &Scratch<M>, d: usize) -> usize {
    scratch.raw.len() / d
}

/// One row for each shot.
fn expand<L: Scalar>(
    task: &Prefixes<L>,
    parent: &[u32],
    n: usize,
    words: usize,
) -> (Prefixes<L>, Vec<u32>) {
    let mut out = Prefixes::empty();
    let mut parents = Vec::with_capacity(task.start[task.len()]);
    for (r, &from) in parent.iter().enumerate() {
        for shot in task.start[r]..task.start[r + 1] {
            let (x, state) = (
                &task.x[r * n..(r + 1) * n],
                &task.state[r * words..(r + 1) * words],
            );
            out.push(x, task.logs(r), state, task.interval[r], shot + 1);
            parents.push(from);
        }
    }
    (out, parents)
}

/// Sorts the rows with their shots and joins equal ones.
fn merge_equal<L: Scalar, S: Shot>(task: &Prefixes<L>, shots: &mut [S], n: usize) -> Prefixes<L> {
    let row = |r: usize| &task.x[r * n..(r + 1) * n];
    let mut order: Vec<usize> = (0..task.len()).collect();
    order.sort_by(|&a, &b| row(a).cmp(row(b)));
    let before = shots.to_vec();
    let (mut out, mut at) = (Prefixes::empty(), 0);
    for group in order.chunk_by(|&a, &b| row(a) == row(b)) {
        for &r in group {
            let own = &before[task.start[r]..task.start[r + 1]];
            shots[at..at + own.len()].copy_from_slice(own);
            at += own.len();
        }
        let first = group[0];
        out.push(row(first), task.logs(first), &[], task.interval[first], at);
    }
    out
}

impl<M: Conditional> Autoregressive<M> {
    /// Completed rows of shots that stand in the order of their buckets; they end in the order of the rows.
    fn walk<S: Shot>(&self, theta: &[f64], source: Source, shots: &mut [S]) -> Prefixes<M::Log> {
        let mut root = Prefixes::empty();
        if shots.is_empty() {
            return root;
        }
        let mut state = vec![0; self.sector.words()];
        self.sector.start(&mut state);
        let (x, logs) = (vec![0; self.space().n_sites], (M::Log::ZERO, 0.0));
        let whole = Interval::whole(shots.len());
        root.push(&x, logs, &state, whole, shots.len());
        self.descend(theta, source, self.take(), 0, root, shots)
    }

    /// The rows in site order.
    fn configs(&self, rows: &Prefixes<M::Log>) -> Configs {
        let n = self.space().n_sites;
        let mut x = Configs::zeros(rows.len(), n);
        for r in 0..rows.len() {
            self.to_sites(&rows.x[r * n..(r + 1) * n], x.row_mut(r));
        }
        x
    }

    fn shots(&self, rows: Prefixes<M::Log>, shots: &[Numbered]) -> Shots<M::Log> {
        Shots {
            x: self.configs(&rows),
            log_psi: rows.log,
            log_weight: rows.log_weight,
            shots: shots.iter().map(|shot| shot.number).collect(),
            start: rows.start,
        }
    }
}

impl<M: Conditional> Ancestral for Autoregressive<M> {
    fn draw(&self, theta: &[f64], shots: Range<u64>, stream: Stream) -> Shots<M::Log> {
        let mut shots = Numbered::sorted(shots, stream);
        let rows = self.walk(theta, Source::own(stream), &mut shots);
        self.shots(rows, &shots)
    }

    fn sample(&self, theta: &[f64], shots: Range<u64>, stream: Stream) -> Samples<M::Log> {
        if self.space().n_sites > self.lasts() {
            return self.draw(theta, shots, stream).weighted();
        }
        let mut shots = Counted::sorted(shots, stream);
        let total = shots.len() as u64;
        let rows = self.walk(theta, Source::own(stream), &mut shots);
        let counts = rows.start.windows(2).map(|s| (s[1] - s[0]) as f64);
        Samples {
            weight: counts.map(|c| c / total as f64).collect(),
            x: self.configs(&rows),
            log_psi: rows.log,
            draw: Draw::Independent { shots: total },
        }
    }

    fn draw_broadly(
        &self,
        theta: &[f64],
        shots: Range<u64>,
        stream: Stream,
        uniform: f64,
    ) -> Option<Shots<M::Log>> {
        let (mut all, mut rows) = (Vec::new(), Prefixes::empty());
        for is_broad in [false, true] {
            let source = Source {
                stream,
                uniform,
                is_broad,
            };
            let own = shots.clone().filter(|number| (number % 2 == 1) == is_broad);
            let mut own = Numbered::sorted(own, stream);
            let drawn = self.walk(theta, source, &mut own);
            rows.append(&drawn, self.space().n_sites);
            all.append(&mut own);
        }
        let mut rows = merge_equal(&rows, &mut all, self.space().n_sites);
        // p over (p + q)/2 from ln(p/q).
        let of_mixture = |l: &mut f64| *l = LN_2 - (-*l).exp().ln_1p();
        rows.log_weight.iter_mut().for_each(of_mixture);
        Some(self.shots(rows, &all))
    }
}
