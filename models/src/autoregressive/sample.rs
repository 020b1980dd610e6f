//! Exact sampling: equal prefixes are evaluated once and drawn for each shot.
//!
//! The shots walk down the tree of prefixes. A task holds up to one block of distinct prefixes with
//! the shots that share them; when more appear, it splits, and its parts run on any thread.

use super::{Autoregressive, Scratch};
use crate::{Ancestral, Conditional, Shots, Stream};
use ketwork_hamiltonians::{Configs, ConfigsRef, LocalMask, OnSpace, Scalar};
use rayon::prelude::*;
use std::ops::Range;

/// Shots above which the draws at one position are spread over threads.
const MANY_SHOTS: usize = 1 << 14;

/// Distinct prefixes of equal length, with the shots that share each.
struct Prefixes<L> {
    /// Values in position order (R, N); those before the position are set.
    x: Vec<u8>,
    /// Sum of the log-conditionals so far (R).
    log: Vec<L>,
    /// Constraint states (R, words).
    state: Vec<u64>,
    /// Shot numbers, those of row r at `start[r]..start[r + 1]`.
    shots: Vec<u64>,
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

    fn push(&mut self, x: &[u8], log: L, state: &[u64], shots: &[u64]) {
        self.x.extend_from_slice(x);
        self.log.push(log);
        self.state.extend_from_slice(state);
        self.shots.extend_from_slice(shots);
        self.start.push(self.shots.len());
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
            let (children, parent) = self.draw(
                &task,
                position,
                &scratch.raw,
                &mut scratch.normaliser,
                stream,
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

    /// Draws the value at `position` for every shot; returns the children and their parents' rows.
    fn draw(
        &self,
        task: &Prefixes<M::Log>,
        position: usize,
        raw: &[M::Log],
        normaliser: &mut Vec<f64>,
        stream: Stream,
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
        // Cumulative probabilities; the last allowed value takes what rounding leaves.
        let mut cumulative = vec![0.0; task.len() * d];
        for r in 0..task.len() {
            let (mut sum, mut last) = (0.0, 0);
            for v in 0..d {
                if masks[r].allows(v as u8) {
                    sum += (s * (raw[r * d + v].re() - normaliser[r])).exp();
                    last = v;
                }
                cumulative[r * d + v] = sum;
            }
            cumulative[r * d + last..(r + 1) * d].fill(f64::INFINITY);
        }
        let value = |r: usize, shot: u64| {
            let u = stream.uniform(shot, position as u32);
            cumulative[r * d..(r + 1) * d]
                .iter()
                .position(|&c| u < c)
                .unwrap_or(d - 1) as u8
        };
        let mut children = Prefixes::empty();
        let mut parent = Vec::new();
        let mut state = vec![0; words];
        let mut row = vec![0; n];
        let mut values = Vec::new();
        let mut sorted = Vec::new();
        for r in 0..task.len() {
            let shots = &task.shots[task.start[r]..task.start[r + 1]];
            if shots.len() > MANY_SHOTS {
                shots
                    .par_iter()
                    .map(|&shot| value(r, shot))
                    .collect_into_vec(&mut values);
            } else {
                values.clear();
                values.extend(shots.iter().map(|&shot| value(r, shot)));
            }
            row.copy_from_slice(&task.x[r * n..(r + 1) * n]);
            for v in masks[r].values() {
                sorted.clear();
                sorted.extend(
                    shots
                        .iter()
                        .zip(&values)
                        .filter(|&(_, &w)| w == v)
                        .map(|(&shot, _)| shot),
                );
                if sorted.is_empty() {
                    continue;
                }
                row[position] = v;
                state.copy_from_slice(&task.state[r * words..(r + 1) * words]);
                self.sector.advance(&mut state, position, v);
                let log = task.log[r] + raw[r * d + v as usize] - M::Log::from(normaliser[r]);
                children.push(&row, log, &state, &sorted);
                parent.push(r as u32);
            }
        }
        debug_assert!(
            !expanded || children.len() == task.len(),
            "one shot a row has one child"
        );
        (children, parent)
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
        let shots: Vec<u64> = group
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
                &shots.collect::<Vec<_>>(),
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
            shots: root.shots,
            start: root.start,
        }
    }
}
