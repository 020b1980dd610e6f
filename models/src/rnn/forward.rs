//! Forward pass of a block, one step, and rows that continue a parent.

use super::{Cell, Rnn, RnnWork, State, room};
use crate::conditional::assert_resumable;
use crate::layers::embed::token;
use crate::layers::product::{Left, Product, Start};
use crate::layers::{gru, linear, lstm};
use ketwork_hamiltonians::{ConfigsRef, Scalar};

/// One layer's arrays of one step, m rows.
struct Cells<'a> {
    /// Input part of the gates, then the activated gates (m, G w).
    gates: &'a mut [f64],
    before_h: &'a [f64],
    before_e: &'a [f64],
    h: &'a mut [f64],
    e: &'a mut [f64],
    /// Whether the activated gates are kept for derivatives.
    taped: bool,
}

impl<L: Scalar> Rnn<L> {
    /// Adds the recurrent part to the gates of layer l and applies the cell.
    fn cell(&self, theta: &[f64], l: usize, c: Cells<'_>) {
        let (w, place) = (self.params.width, &self.places[l]);
        let gw = self.params.cell.gates() * w;
        let recurrent = &theta[place.recurrent.clone()];
        let product = |from: usize, n: usize, out: (&mut [f64], usize), start: Start<'_>| {
            Product {
                m: c.before_h.len() / w,
                k: w,
                n,
                a: Left::Rows(c.before_h, w),
                b: (&recurrent[from..], gw),
                c: out,
                start,
            }
            .run();
        };
        match self.params.cell {
            Cell::Lstm => {
                product(0, gw, (c.gates, gw), Start::Sum);
                if c.taped {
                    lstm::forward(w, c.gates, c.before_e, c.e, c.h);
                } else {
                    lstm::advance(w, c.gates, c.before_e, c.e, c.h);
                }
            }
            Cell::Gru => {
                let bias = &theta[place.recurrent_bias.clone()];
                product(0, 2 * w, (c.gates, gw), Start::Sum);
                product(2 * w, w, (c.e, w), Start::Bias(bias));
                gru::forward(w, c.gates, c.e, c.before_h, c.h);
            }
        }
    }

    /// Writes the input part of the gates of the first layer for one position.
    fn tokens<'x>(
        &self,
        theta: &[f64],
        rows: impl Iterator<Item = &'x [u8]>,
        position: usize,
        gates: &mut [f64],
    ) {
        let gw = self.params.cell.gates() * self.params.width;
        let table = &theta[self.places[0].input.clone()];
        for (row, gates) in rows.zip(gates.chunks_exact_mut(gw)) {
            gates.copy_from_slice(&table[token(row, position, self.space.local_dim) * gw..][..gw]);
        }
    }

    /// Writes the input part of the gates of a further layer from the outputs below.
    fn inputs(&self, theta: &[f64], l: usize, below: &[f64], gates: &mut [f64]) {
        let place = &self.places[l];
        let (weight, bias) = (&theta[place.input.clone()], &theta[place.bias.clone()]);
        linear::forward(below, weight, bias, gates, bias.len(), false);
    }

    pub(super) fn forward_block(
        &self,
        theta: &[f64],
        work: &mut RnnWork,
        x: ConfigsRef<'_>,
        out: &mut [L],
    ) {
        let (n, d, w, b) = (x.n_sites(), self.head.outputs(), self.params.width, x.len());
        let gw = self.params.cell.gates() * w;
        assert_eq!(out.len(), b * n * d, "outputs of {b} rows");
        work.rows = b;
        for l in 0..self.params.layers {
            let (below, rest) = work.tape.split_at_mut(l);
            let tape = &mut rest[0];
            let gates = room(&mut tape.gates, n * b * gw);
            let (h, e) = (
                room(&mut tape.h, (n + 1) * b * w),
                room(&mut tape.e, (n + 1) * b * w),
            );
            h[..b * w].fill(0.0);
            e[..b * w].fill(0.0);
            match below.last() {
                Some(below) => self.inputs(theta, l, &below.h[b * w..(n + 1) * b * w], gates),
                None => {
                    for (p, gates) in gates.chunks_exact_mut(b * gw).enumerate() {
                        self.tokens(theta, x.rows(), p, gates);
                    }
                }
            }
            for (p, gates) in gates.chunks_exact_mut(b * gw).enumerate() {
                let (before_h, h) = h[p * b * w..(p + 2) * b * w].split_at_mut(b * w);
                let (before_e, e) = e[p * b * w..(p + 2) * b * w].split_at_mut(b * w);
                self.cell(
                    theta,
                    l,
                    Cells {
                        gates,
                        before_h,
                        before_e,
                        h,
                        e,
                        taped: true,
                    },
                );
            }
        }
        let Some(last) = work.tape.last() else { return };
        for (p, h) in last.h[b * w..(n + 1) * b * w]
            .chunks_exact(b * w)
            .enumerate()
        {
            self.head
                .forward(theta, h, &mut work.raw, &mut out[p * d..], n * d);
        }
    }

    pub(super) fn step_block(
        &self,
        theta: &[f64],
        work: &mut RnnWork,
        position: usize,
        x: ConfigsRef<'_>,
        out: &mut [L],
    ) {
        let (d, w) = (self.head.outputs(), self.params.width);
        assert_eq!(
            out.len(),
            x.len() * d,
            "outputs of {} rows at one position",
            x.len()
        );
        if position == 0 {
            for state in &mut work.states {
                room(&mut state.h, x.len() * w).fill(0.0);
                room(&mut state.e, x.len() * w).fill(0.0);
            }
        }
        self.advance(theta, work, position, x, out, d);
    }

    /// Moves the states of all rows over one position; the outputs of row r go to
    /// `out[r * stride..][..d]`.
    fn advance(
        &self,
        theta: &[f64],
        work: &mut RnnWork,
        position: usize,
        x: ConfigsRef<'_>,
        out: &mut [L],
        stride: usize,
    ) {
        let (w, m) = (self.params.width, x.len());
        let gates = room(&mut work.gates, m * self.params.cell.gates() * w);
        for l in 0..self.params.layers {
            let (below, rest) = work.states.split_at_mut(l);
            match below.last() {
                Some(below) => self.inputs(theta, l, &below.h[..m * w], gates),
                None => self.tokens(theta, x.rows(), position, gates),
            }
            let State {
                h,
                e,
                next_h,
                next_e,
            } = &mut rest[0];
            let cells = Cells {
                gates,
                before_h: &h[..m * w],
                before_e: &e[..m * w],
                h: room(next_h, m * w),
                e: room(next_e, m * w),
                taped: false,
            };
            self.cell(theta, l, cells);
            std::mem::swap(h, next_h);
            std::mem::swap(e, next_e);
        }
        let Some(last) = work.states.last() else {
            return;
        };
        self.head
            .forward(theta, &last.h[..m * w], &mut work.raw, out, stride);
    }

    /// Rows start one position after their first change, from the parent's states; since the first
    /// changes ascend, the rows under way are the first m.
    #[expect(
        clippy::too_many_arguments,
        reason = "parents, children and their link are one call"
    )]
    pub(super) fn resume_block(
        &self,
        theta: &[f64],
        parents: &RnnWork,
        work: &mut RnnWork,
        x: ConfigsRef<'_>,
        parent: &[u32],
        first: &[u32],
        out: &mut [L],
    ) {
        let (n, d, w) = (x.n_sites(), self.head.outputs(), self.params.width);
        assert_resumable(out, x, d, parent, first);
        for state in &mut work.states {
            for v in [
                &mut state.h,
                &mut state.e,
                &mut state.next_h,
                &mut state.next_e,
            ] {
                room(v, x.len() * w);
            }
        }
        let mut m = 0;
        for p in first.first().map_or(n, |&f| f as usize + 1)..n {
            while m < x.len() && (first[m] as usize) < p {
                for (tape, state) in parents.tape.iter().zip(&mut work.states) {
                    let at = (p * parents.rows + parent[m] as usize) * w;
                    state.h[m * w..(m + 1) * w].copy_from_slice(&tape.h[at..at + w]);
                    state.e[m * w..(m + 1) * w].copy_from_slice(&tape.e[at..at + w]);
                }
                m += 1;
            }
            self.advance(theta, work, p, x.slice(0..m), &mut out[p * d..], n * d);
        }
    }
}
