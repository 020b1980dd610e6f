//! Forward pass of a block, one step, and rows that continue a parent.

use super::{Rnn2d, Rnn2dWork, Step, room};
use crate::conditional::assert_resumable;
use crate::layers::highway;
use crate::layers::product::{Left, Product, Start};
use ketwork_hamiltonians::{ConfigsRef, Scalar};

/// One layer's arrays of one position, m rows.
struct Cells<'a> {
    q: &'a mut [f64],
    z: &'a mut [f64],
    gates: &'a mut [f64],
    bypass: &'a mut [f64],
    h: &'a mut [f64],
}

impl<L: Scalar> Rnn2d<L> {
    /// Writes the hidden states of the neighbours of position p side by side: q (2w).
    pub(super) fn gather<'a>(&self, p: usize, hidden: impl Fn(usize) -> &'a [f64], q: &mut [f64]) {
        for (near, q) in self.neighbours[p]
            .iter()
            .zip(q.chunks_exact_mut(self.params.width))
        {
            match near {
                Some(near) => q.copy_from_slice(hidden(*near as usize)),
                None => q.fill(0.0),
            }
        }
    }

    /// Writes what the tensor of a layer acts on: (below, q), or in the first layer q at the slots of
    /// the neighbours' values and 0 elsewhere.
    pub(super) fn expand(
        &self,
        p: usize,
        x: &[u8],
        q: &[f64],
        below: Option<&[f64]>,
        z: &mut [f64],
    ) {
        if let Some(below) = below {
            let (head, tail) = z.split_at_mut(below.len());
            head.copy_from_slice(below);
            tail.copy_from_slice(q);
            return;
        }
        z.fill(0.0);
        for slot in self.slots(p, x).into_iter().flatten() {
            z[slot * q.len()..][..q.len()].copy_from_slice(q);
        }
    }

    /// Numbers of the one-hot entries of the neighbours' values, among 2 d.
    pub(super) fn slots(&self, p: usize, x: &[u8]) -> [Option<usize>; 2] {
        let d = self.space.local_dim;
        let [across, along] = self.neighbours[p];
        [
            across.map(|q| usize::from(x[q as usize])),
            along.map(|q| d + usize::from(x[q as usize])),
        ]
    }

    /// Computes layer l at position p from the neighbours' states `hidden(q, row)`.
    fn cell<'a>(
        &self,
        theta: &[f64],
        (l, p): (usize, usize),
        x: ConfigsRef<'_>,
        hidden: impl Fn(usize, usize) -> &'a [f64],
        below: Option<&[f64]>,
        c: Cells<'_>,
    ) {
        let (w, m, inputs, place) = (self.params.width, x.len(), self.inputs(l), &self.places[l]);
        let bias = &theta[place.bias.clone()];
        let rows =
            c.q.chunks_exact_mut(2 * w)
                .zip(c.z.chunks_exact_mut(inputs))
                .enumerate();
        for ((r, (q, z)), gates) in rows.zip(c.gates.chunks_exact_mut(2 * w)) {
            self.gather(p, |near| hidden(near, r), q);
            self.expand(p, x.row(r), q, below.map(|b| &b[r * w..(r + 1) * w]), z);
            gates.copy_from_slice(bias);
            if l == 0 {
                let table = &theta[place.value.clone()];
                for slot in self.slots(p, x.row(r)).into_iter().flatten() {
                    let own = &table[slot * 2 * w..][..2 * w];
                    gates.iter_mut().zip(own).for_each(|(g, v)| *g += v);
                }
            }
        }
        let product =
            |k: usize, n: usize, a: &[f64], b: &[f64], c: &mut [f64], start: Start<'_>| {
                Product {
                    m,
                    k,
                    n,
                    a: Left::Rows(a, k),
                    b: (b, n),
                    c: (c, n),
                    start,
                }
                .run();
            };
        let (tensor, bypass) = (&theta[place.tensor.clone()], &theta[place.bypass.clone()]);
        product(inputs, 2 * w, c.z, tensor, c.gates, Start::Sum);
        product(2 * w, w, c.q, bypass, c.bypass, Start::Zero);
        highway::forward(w, c.gates, c.bypass, c.h);
    }

    pub(super) fn forward_block(
        &self,
        theta: &[f64],
        work: &mut Rnn2dWork,
        x: ConfigsRef<'_>,
        out: &mut [L],
    ) {
        let (n, d, w, b) = (
            x.n_sites(),
            self.space.local_dim,
            self.params.width,
            x.len(),
        );
        assert_eq!(out.len(), b * n * d, "outputs of {b} rows");
        work.rows = b;
        let Step { q, z, raw, .. } = &mut work.step;
        for l in 0..self.params.layers {
            let (below, rest) = work.tape.split_at_mut(l);
            let tape = &mut rest[0];
            let gates = room(&mut tape.gates, n * b * 2 * w);
            let bypass = room(&mut tape.bypass, n * b * w);
            let h = room(&mut tape.h, n * b * w);
            for p in 0..n {
                let at = p * b * w..(p + 1) * b * w;
                let (before, here) = h.split_at_mut(at.start);
                let cells = Cells {
                    q: room(q, b * 2 * w),
                    z: room(z, b * self.inputs(l)),
                    gates: &mut gates[2 * at.start..2 * at.end],
                    bypass: &mut bypass[at.clone()],
                    h: &mut here[..b * w],
                };
                let hidden = |near: usize, r: usize| &before[(near * b + r) * w..][..w];
                let below = below.last().map(|t| &t.h[at]);
                self.cell(theta, (l, p), x, hidden, below, cells);
            }
        }
        let Some(last) = work.tape.last() else { return };
        for (p, h) in last.h[..n * b * w].chunks_exact(b * w).enumerate() {
            self.head.forward(theta, h, raw, &mut out[p * d..], n * d);
        }
    }

    pub(super) fn step_block(
        &self,
        theta: &[f64],
        work: &mut Rnn2dWork,
        position: usize,
        x: ConfigsRef<'_>,
        out: &mut [L],
    ) {
        assert_eq!(
            out.len(),
            x.len() * self.space.local_dim,
            "outputs of {} rows",
            x.len()
        );
        work.cached = x.len();
        self.advance(theta, work, position, x, None, (out, self.space.local_dim));
    }

    /// Writes the states of rows at one position into the cache, from those before it, or from a
    /// parent's tape where the row still equals the parent; outputs of row r go to
    /// `out[r * stride..][..d]`.
    fn advance(
        &self,
        theta: &[f64],
        work: &mut Rnn2dWork,
        p: usize,
        x: ConfigsRef<'_>,
        parents: Option<(&Rnn2dWork, &[u32], &[u32])>,
        (out, stride): (&mut [L], usize),
    ) {
        let (n, w, m, b) = (x.n_sites(), self.params.width, x.len(), work.cached);
        let Step {
            q,
            z,
            gates,
            bypass,
            raw,
        } = &mut work.step;
        let at = p * b * w;
        for l in 0..self.params.layers {
            let (below, rest) = work.cache.split_at_mut(l);
            let (before, here) = room(&mut rest[0], n * b * w).split_at_mut(at);
            let cells = Cells {
                q: room(q, m * 2 * w),
                z: room(z, m * self.inputs(l)),
                gates: room(gates, m * 2 * w),
                bypass: room(bypass, m * w),
                h: &mut here[..m * w],
            };
            let hidden = |near: usize, r: usize| match parents {
                Some((parents, parent, first)) if near <= first[r] as usize => {
                    let row = near * parents.rows + parent[r] as usize;
                    &parents.tape[l].h[row * w..][..w]
                }
                _ => &before[(near * b + r) * w..][..w],
            };
            let below = below.last().map(|h| &h[at..at + m * w]);
            self.cell(theta, (l, p), x, hidden, below, cells);
        }
        let Some(last) = work.cache.last() else {
            return;
        };
        self.head
            .forward(theta, &last[at..at + m * w], raw, out, stride);
    }

    /// Since the first changes ascend, the rows under way are the first m.
    #[expect(
        clippy::too_many_arguments,
        reason = "parents, children and their link are one call"
    )]
    pub(super) fn resume_block(
        &self,
        theta: &[f64],
        parents: &Rnn2dWork,
        work: &mut Rnn2dWork,
        x: ConfigsRef<'_>,
        parent: &[u32],
        first: &[u32],
        out: &mut [L],
    ) {
        let (n, d) = (x.n_sites(), self.space.local_dim);
        assert_resumable(out, x, d, parent, first);
        work.cached = x.len();
        for p in first.first().map_or(n, |&f| f as usize + 1)..n {
            let m = first.partition_point(|&f| (f as usize) < p);
            let link = Some((parents, parent, first));
            self.advance(
                theta,
                work,
                p,
                x.slice(0..m),
                link,
                (&mut out[p * d..], n * d),
            );
        }
    }
}
