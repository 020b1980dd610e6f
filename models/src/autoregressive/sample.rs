//! Exact sampling: equal prefixes are evaluated once and drawn for each shot.
//!
//! The shots walk down the tree of prefixes. A task holds up to one block of distinct prefixes with
//! the shots that share them; when more appear, it splits, and its parts run on any thread.
//!
//! A shot carries one uniform number u. A value takes an interval of [0, 1) as long as its conditional
//! probability; u falls into one, and its place within it, again uniform, decides at the next
//! position. Each step spends as many bits of u as the value carries information, so a fresh number
//! is drawn every [`BITS`] bits: a sweep over all shots is then one comparison and one division.

use super::{Autoregressive, Scratch};
use crate::{Ancestral, Conditional, Shots, Stream};
use ketwork_hamiltonians::{Configs, ConfigsRef, LocalMask, OnSpace, Scalar};
use rayon::prelude::*;
use std::ops::Range;

/// Shots above which fresh numbers are drawn on all threads.
const MANY_SHOTS: usize = 1 << 14;
/// Bits of a uniform number that are spent before a fresh one is drawn, of the 53 it has.
const BITS: u32 = 16;

/// A shot on its way down the tree.
#[derive(Clone, Copy, Debug, Default)]
struct Shot {
    number: u64,
    /// Uniform in [0, 1].
    u: f64,
}

/// Distinct prefixes of equal length, with the shots that share each.
struct Prefixes<L> {
    /// Values in position order (R, N); those before the position are set.
    x: Vec<u8>,
    /// Sum of the log-conditionals so far (R).
    log: Vec<L>,
    /// Constraint states (R, words).
    state: Vec<u64>,
    /// Shots, those of row r at `start[r]..start[r + 1]`.
    shots: Vec<Shot>,
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
            state: Vec::new(),
            shots: Vec::new(),
            start: vec![0],
        }
    }

    fn push(&mut self, x: &[u8], log: L, state: &[u64], shots: &[Shot]) {
        self.shots.extend_from_slice(shots);
        self.push_prefix(x, log, state, self.shots.len());
    }

    /// Adds a prefix whose shots are in place and end at `end`.
    fn push_prefix(&mut self, x: &[u8], log: L, state: &[u64], end: usize) {
        self.x.extend_from_slice(x);
        self.log.push(log);
        self.state.extend_from_slice(state);
        self.start.push(end);
    }

    fn slice(&self, rows: Range<usize>, n: usize, words: usize) -> Self {
        let shots = self.start[rows.start]..self.start[rows.end];
        Self {
            x: self.x[rows.start * n..rows.end * n].to_vec(),
            log: self.log[rows.clone()].to_vec(),
            state: self.state[rows.start * words..rows.end * words].to_vec(),
            start: self.start[rows.start..=rows.end]
                .iter()
                .map(|s| s - shots.start)
                .collect(),
            shots: self.shots[shots].to_vec(),
        }
    }
}

impl<M: Conditional> Autoregressive<M> {
    /// Walks a task from `position` to the end and returns the completed rows with their counts.
    fn descend(
        &self,
        theta: &[f64],
        stream: Stream,
        mut scratch: Scratch<M>,
        mut position: usize,
        mut task: Prefixes<M::Log>,
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
            self.refresh(&mut task.shots, position, stream);
            let (children, parent) = self.draw(
                &task,
                position,
                &scratch.raw,
                &mut scratch.normaliser,
                expanded,
            );
            task = children;
            position += 1;
            if position == n {
                break;
            }
            if task.len() > block {
                let parts = task.len().div_ceil(block);
                let size = task.len().div_ceil(parts);
                let done: Vec<Prefixes<M::Log>> = (0..parts)
                    .into_par_iter()
                    .map(|i| {
                        let rows = i * size..((i + 1) * size).min(task.len());
                        let mut part = self.take();
                        self.net.select(
                            &scratch.work,
                            &mut part.work,
                            position,
                            &parent[rows.clone()],
                        );
                        self.descend(theta, stream, part, position, task.slice(rows, n, words))
                    })
                    .collect();
                self.put(scratch);
                let mut all = Prefixes::empty();
                for part in done {
                    for r in 0..part.len() {
                        let shots = &part.shots[part.start[r]..part.start[r + 1]];
                        all.push(&part.x[r * n..(r + 1) * n], part.log[r], &[], shots);
                    }
                }
                return all;
            }
            // Where most prefixes are distinct, one row a shot saves regrouping the cache again
            // and again; at most every second evaluation is then redundant.
            let mut parent = parent;
            if !expanded && task.shots.len() <= block && 2 * task.len() >= task.shots.len() {
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
            merge_equal(&task, n)
        } else {
            task
        }
    }

    /// Fresh uniform numbers where the last ones are spent.
    fn refresh(&self, shots: &mut [Shot], position: usize, stream: Stream) {
        let bits = self.space().local_dim.next_power_of_two().ilog2().max(1);
        let lasts = (BITS / bits).max(1) as usize;
        if !position.is_multiple_of(lasts) {
            return;
        }
        let fresh = |shot: &mut Shot| shot.u = stream.uniform(shot.number, position as u32);
        if shots.len() > MANY_SHOTS {
            shots.par_iter_mut().for_each(fresh);
        } else {
            shots.iter_mut().for_each(fresh);
        }
    }

    /// Draws the value at `position` for every shot; returns the children and their parents' rows.
    fn draw(
        &self,
        task: &Prefixes<M::Log>,
        position: usize,
        raw: &[M::Log],
        normaliser: &mut Vec<f64>,
        expanded: bool,
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
        children.shots.resize(task.shots.len(), Shot::default());
        let mut parent = Vec::with_capacity(task.len());
        let (mut state, mut row) = (vec![0; words], vec![0; n]);
        let (mut intervals, mut next) = (Intervals::new(d), vec![0; d]);
        for r in 0..task.len() {
            let (raw, normaliser) = (&raw[r * d..(r + 1) * d], normaliser[r]);
            intervals.set(masks[r], |v| (s * (raw[v].re() - normaliser)).exp());
            let shots = &task.shots[task.start[r]..task.start[r + 1]];
            // Counting sort: the places of each value's shots, then one pass that fills them.
            next.fill(0);
            shots
                .iter()
                .for_each(|shot| next[intervals.value(shot.u)] += 1);
            let mut at = task.start[r];
            row.copy_from_slice(&task.x[r * n..(r + 1) * n]);
            for (v, next) in next.iter_mut().enumerate() {
                let count = std::mem::replace(next, at);
                if count == 0 {
                    continue;
                }
                at += count;
                row[position] = v as u8;
                state.copy_from_slice(&task.state[r * words..(r + 1) * words]);
                self.sector.advance(&mut state, position, v as u8);
                let log = task.log[r] + raw[v] - M::Log::from(normaliser);
                children.push_prefix(&row, log, &state, at);
                parent.push(r as u32);
            }
            for shot in shots {
                let v = intervals.value(shot.u);
                children.shots[next[v]] = Shot {
                    number: shot.number,
                    u: intervals.place(v, shot.u),
                };
                next[v] += 1;
            }
        }
        debug_assert!(
            !expanded || children.len() == task.len(),
            "one shot a row has one child"
        );
        (children, parent)
    }
}

/// The intervals of [0, 1) that belong to the values at a position.
struct Intervals {
    low: Vec<f64>,
    /// Upper ends; that of the last allowed value is infinite, so it takes what rounding leaves.
    high: Vec<f64>,
    inverse_width: Vec<f64>,
}

impl Intervals {
    fn new(d: usize) -> Self {
        Self {
            low: vec![0.0; d],
            high: vec![0.0; d],
            inverse_width: vec![0.0; d],
        }
    }

    fn set(&mut self, mask: LocalMask, probability: impl Fn(usize) -> f64) {
        let (mut sum, mut last) = (0.0, 0);
        for v in 0..self.low.len() {
            self.low[v] = sum;
            self.inverse_width[v] = 0.0;
            if mask.allows(v as u8) {
                let p = probability(v);
                sum += p;
                last = v;
                if p > 0.0 {
                    self.inverse_width[v] = 1.0 / p;
                }
            }
            self.high[v] = sum;
        }
        self.high[last..].fill(f64::INFINITY);
    }

    /// The value whose interval holds u.
    fn value(&self, u: f64) -> usize {
        self.high.iter().map(|&h| usize::from(h <= u)).sum()
    }

    /// The place of u within the interval of v, uniform in [0, 1].
    fn place(&self, v: usize, u: f64) -> f64 {
        ((u - self.low[v]) * self.inverse_width[v]).min(1.0)
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
    let mut parents = Vec::with_capacity(task.shots.len());
    for (r, &from) in parent.iter().enumerate() {
        for shot in &task.shots[task.start[r]..task.start[r + 1]] {
            let (x, state) = (
                &task.x[r * n..(r + 1) * n],
                &task.state[r * words..(r + 1) * words],
            );
            out.push(x, task.log[r], state, std::slice::from_ref(shot));
            parents.push(from);
        }
    }
    (out, parents)
}

/// Sorts the rows and joins equal ones.
fn merge_equal<L: Scalar>(task: &Prefixes<L>, n: usize) -> Prefixes<L> {
    let row = |r: usize| &task.x[r * n..(r + 1) * n];
    let mut order: Vec<usize> = (0..task.len()).collect();
    order.sort_by(|&a, &b| row(a).cmp(row(b)));
    let mut out = Prefixes::empty();
    for group in order.chunk_by(|&a, &b| row(a) == row(b)) {
        let shots: Vec<Shot> = group
            .iter()
            .flat_map(|&r| &task.shots[task.start[r]..task.start[r + 1]])
            .copied()
            .collect();
        out.push(row(group[0]), task.log[group[0]], &[], &shots);
    }
    out
}

impl<M: Conditional> Ancestral for Autoregressive<M> {
    fn draw(&self, theta: &[f64], shots: Range<u64>, stream: Stream) -> Shots<M::Log> {
        let n = self.space().n_sites;
        let mut state = vec![0; self.sector.words()];
        self.sector.start(&mut state);
        let mut root = Prefixes::empty();
        if !shots.is_empty() {
            root.push(
                &vec![0; n],
                M::Log::ZERO,
                &state,
                &shots
                    .map(|number| Shot { number, u: 0.0 })
                    .collect::<Vec<_>>(),
            );
            root = self.descend(theta, stream, self.take(), 0, root);
        }
        let mut x = Configs::zeros(root.len(), n);
        for r in 0..root.len() {
            self.to_sites(&root.x[r * n..(r + 1) * n], x.row_mut(r));
        }
        Shots {
            x,
            log_psi: root.log,
            shots: root.shots.iter().map(|shot| shot.number).collect(),
            start: root.start,
        }
    }
}
