//! Amplitudes of connected configurations: only what follows the first change is recomputed, and
//! configurations that several parents share, or that are parents, are evaluated once.

use super::repeated::{Source, sources};
use super::{Autoregressive, Scratch};
use crate::Conditional;
use ketwork_hamiltonians::{ConfigsRef, Neighbours, OnSpace, Scalar};
use rayon::prelude::*;

/// A legal neighbour that needs the network: (first changed position, its number k, parent row).
type Child = (u32, u32, u32);

impl<M: Conditional> Autoregressive<M> {
    pub(super) fn neighbours(
        &self,
        theta: &[f64],
        x: ConfigsRef<'_>,
        near: &Neighbours,
        out: &mut [M::Log],
    ) {
        assert_eq!(
            out.len(),
            near.len(),
            "one log-amplitude for each neighbour"
        );
        if out.is_empty() {
            return;
        }
        let block = self.net.block();
        let mut place = vec![0u32; self.space().n_sites];
        for (p, &s) in self.sector.order().iter().enumerate() {
            place[s as usize] = p as u32;
        }
        let of = sources(x, near, &place);
        let mut own = vec![M::Log::ZERO; x.len()];
        // Parents never decrease, so each block of parents owns a contiguous piece of `out`.
        let mut pieces = Vec::new();
        let (mut rest, mut from) = (&mut *out, 0);
        for (start, own) in (0..x.len()).step_by(block).zip(own.chunks_mut(block)) {
            let end = start + own.len();
            let to = near.parent.partition_point(|&p| (p as usize) < end);
            let (piece, tail) = rest.split_at_mut(to - from);
            pieces.push((start..end, from, own, piece));
            (rest, from) = (tail, to);
        }
        pieces
            .into_par_iter()
            .for_each(|(parents, from, own, out)| {
                let all = (x, near, &place[..], &of[..]);
                self.forward_block(theta, x.slice(parents.clone()), |s| {
                    self.resume_block(theta, s, all, (parents.start, own), (from, out));
                });
            });
        for (k, &source) in of.iter().enumerate() {
            match source {
                Source::Itself => {}
                Source::Neighbour(other) => out[k] = out[other as usize],
                Source::Parent(row) => out[k] = own[row as usize],
            }
        }
    }

    fn resume_block(
        &self,
        theta: &[f64],
        parents: &mut Scratch<M>,
        (x, near, place, of): (ConfigsRef<'_>, &Neighbours, &[u32], &[Source]),
        (first_parent, own): (usize, &mut [M::Log]),
        (from, out): (usize, &mut [M::Log]),
    ) {
        let (n, d, words) = (
            self.space().n_sites,
            self.space().local_dim,
            self.sector.words(),
        );
        let batch = parents.x.len() / n;
        // Of each parent: sums over prefixes, normalisers, constraint states at each position.
        let mut sums = vec![M::Log::ZERO; batch * (n + 1)];
        let mut states = vec![0u64; batch * n * words];
        for b in 0..batch {
            self.sector.start(&mut parents.state);
            for p in 0..n {
                states[(b * n + p) * words..(b * n + p + 1) * words]
                    .copy_from_slice(&parents.state);
                let v = parents.x[b * n + p];
                let raw = &parents.raw[(b * n + p) * d..(b * n + p + 1) * d];
                let mask = self.sector.mask(&parents.state, p);
                assert!(
                    mask.allows(v),
                    "the neighbours of an illegal configuration are undefined"
                );
                sums[b * (n + 1) + p + 1] = sums[b * (n + 1) + p] + raw[v as usize]
                    - M::Log::from(self.normaliser(raw, mask));
                self.sector.advance(&mut parents.state, p, v);
            }
            own[b] = sums[b * (n + 1) + n];
        }
        let mut children: Vec<Child> = Vec::with_capacity(out.len());
        for k in (0..out.len()).filter(|k| of[from + k] == Source::Itself) {
            let parent = near.parent[from + k] as usize - first_parent;
            // A neighbour without a change is its parent and not listed here.
            if let Some(first) = near.changes(from + k).map(|(s, _)| place[s]).min() {
                children.push((first, k as u32, parent as u32));
            }
        }
        children.sort_unstable();
        let mut child = self.take();
        let mut site_row = vec![0u8; n];
        let block = self.net.block();
        for group in children.chunks(block) {
            // Legal children whose amplitude depends on positions after the first change.
            child.x.clear();
            let mut active: Vec<Child> = Vec::with_capacity(group.len());
            for &(first, k, parent) in group {
                near.write(from + k as usize, x, &mut site_row);
                let at = child.x.len();
                child
                    .x
                    .extend(self.sector.order().iter().map(|&s| site_row[s as usize]));
                let f = first as usize;
                let state = &states
                    [(parent as usize * n + f) * words..(parent as usize * n + f + 1) * words];
                parents.state.copy_from_slice(state);
                let row = &child.x[at..];
                let legal = (f..n).all(|p| {
                    let ok = self.sector.mask(&parents.state, p).allows(row[p]);
                    if ok {
                        self.sector.advance(&mut parents.state, p, row[p]);
                    }
                    ok
                });
                if legal {
                    active.push((first, k, parent));
                } else {
                    child.x.truncate(at);
                    out[k as usize] = M::Log::from(f64::NEG_INFINITY);
                }
            }
            let rows: Vec<u32> = active.iter().map(|c| c.2).collect();
            let firsts: Vec<u32> = active.iter().map(|c| c.0).collect();
            child.raw.resize(active.len() * n * d, M::Log::ZERO);
            if firsts.first().is_some_and(|&f| (f as usize) < n - 1) {
                self.net.resume(
                    theta,
                    &parents.work,
                    &mut child.work,
                    ConfigsRef::new(n, &child.x),
                    &rows,
                    &firsts,
                    &mut child.raw,
                );
            }
            for (r, &(first, k, parent)) in active.iter().enumerate() {
                let (f, b) = (first as usize, parent as usize);
                // The conditional at the first change has the parent's prefix, hence its raw output.
                let own = &parents.raw[(b * n + f) * d..(b * n + f + 1) * d];
                child.raw[(r * n + f) * d..(r * n + f + 1) * d].copy_from_slice(own);
                parents
                    .state
                    .copy_from_slice(&states[(b * n + f) * words..(b * n + f + 1) * words]);
                let (raw, x) = (
                    &child.raw[r * n * d..(r + 1) * n * d],
                    &child.x[r * n..(r + 1) * n],
                );
                out[k as usize] =
                    sums[b * (n + 1) + f] + self.accumulate(raw, x, f, &mut parents.state);
            }
        }
        self.put(child);
    }
}
