//! Derivatives of the contraction, one row of the batch at a time.
//!
//! A real function F of complex numbers z has the cotangent $g = \partial F/\partial\,\mathrm{Re}\,z + i\,
//! \partial F/\partial\,\mathrm{Im}\,z$, so that $dF = \mathrm{Re}(\bar g\,dz)$.

use super::chain::{entry, has_amplitude, square};
use super::{Antn, AntnWork};
use crate::Conditional;
use ketwork_hamiltonians::{ConfigsRef, OnSpace, Scalar};

/// The vectors of one position and what is known of them.
struct Position<'a, L> {
    p: usize,
    /// Sector of the vector before the position.
    sector: Option<usize>,
    /// Value that the row takes here.
    value: usize,
    /// Vector before the position.
    left: &'a [L],
    /// Vectors after it (d, widest).
    after: &'a [L],
    /// What the network added: a number for each value, or (d, widest, widest).
    shift: &'a [L],
    /// Cotangent of the outputs (d, k).
    cotangent: &'a [f64],
}

pub(super) fn pullback<M: Conditional>(
    antn: &Antn<M>,
    theta: &[f64],
    work: &mut AntnWork<M>,
    x: ConfigsRef<'_>,
    cotangent: &[f64],
    rows: &mut [f64],
) {
    let (n, d, k) = (x.n_sites(), antn.space().local_dim, M::Log::COMPONENTS);
    let (w, b, all) = (antn.chain.widest(), x.len(), antn.layout.n_params());
    let m = antn.net.outputs();
    assert_eq!(
        work.rows, b,
        "a pullback follows the forward of the same rows"
    );
    let (tensors, net) = antn.split(theta);
    work.cotangent.resize(b * n * m * k, 0.0);
    work.cotangent.fill(0.0);
    let zero = M::Log::ZERO;
    let (mut from_right, mut to_left) = (vec![zero; w], vec![zero; w]);
    let mut of_vectors = vec![zero; d * w];
    let mut sectors = vec![Some(0); n];
    for (r, row) in x.rows().enumerate() {
        from_right.fill(zero);
        for p in 1..n {
            let block = antn.chain.block(p - 1, sectors[p - 1], row[p - 1] as usize);
            sectors[p] = block.map(|b| b.to);
        }
        for p in (0..n).rev() {
            let at = (r * n + p) * d;
            let here = Position {
                p,
                sector: sectors[p],
                value: row[p] as usize,
                left: &work.left[(p * b + r) * w..][..w],
                after: &work.after[(p * b + r) * d * w..][..d * w],
                shift: &work.shift[(r * n + p) * m..][..m],
                cotangent: &cotangent[at * k..(at + d) * k],
            };
            antn.of_vectors(&here, &from_right, &mut of_vectors);
            let own = &mut rows[r * all..(r + 1) * all];
            let tensor = match antn.fixed {
                Some(_) => None,
                None => Some(&mut own[antn.chain.place(p, k)]),
            };
            let shift = &mut work.cotangent[(r * n + p) * m * k..][..m * k];
            antn.of_tensor(&here, tensors, &of_vectors, tensor, shift, &mut to_left);
            std::mem::swap(&mut from_right, &mut to_left);
        }
    }
    if antn.has_net() {
        let own = net.len();
        work.net_rows.resize(b * own, 0.0);
        antn.net
            .pullback(net, &mut work.inner, x, &work.cotangent, &mut work.net_rows);
        let theirs = rows.chunks_exact_mut(all);
        for (row, net_row) in theirs.zip(work.net_rows.chunks_exact(own)) {
            row[all - own..].copy_from_slice(net_row);
        }
    }
}

impl<M: Conditional> Antn<M> {
    /// Cotangents of the vectors after a position: from the outputs, and for the value that the row
    /// takes from the normalised vector before the next position.
    fn of_vectors(&self, here: &Position<'_, M::Log>, from_right: &[M::Log], out: &mut [M::Log]) {
        let (k, w) = (M::Log::COMPONENTS, self.chain.widest());
        let is_last = here.p + 1 == self.space().n_sites;
        for (v, out) in out.chunks_exact_mut(w).enumerate() {
            let Some(block) = self.chain.block(here.p, here.sector, v) else {
                continue;
            };
            let columns = block.columns;
            let after = &here.after[v * w..][..columns];
            let size = square(after);
            let out = &mut out[..columns];
            if !has_amplitude(size) {
                out.fill(M::Log::ZERO);
                continue;
            }
            let parts = &here.cotangent[v * k..(v + 1) * k];
            // Of ln|u| and, where u is the amplitude, of its argument.
            let turn = if is_last && k == 2 { parts[1] } else { 0.0 };
            let factor = M::Log::from_parts(parts[0] / size, turn / size);
            for (o, &u) in out.iter_mut().zip(after) {
                *o = factor * u;
            }
            if v == here.value && !is_last {
                let along: f64 = after
                    .iter()
                    .zip(from_right)
                    .map(|(u, g)| (u.conj() * *g).re())
                    .sum();
                let scale = size.sqrt().recip();
                for ((o, &u), &g) in out.iter_mut().zip(after).zip(from_right) {
                    *o += (g - u.scale(along / size)).scale(scale);
                }
            }
        }
    }

    /// From the cotangents of the vectors after a position: those of its tensor (written where they are
    /// parameters), of what the network added (written for the sector's blocks, the others stay) and of
    /// the vector before it (written).
    fn of_tensor(
        &self,
        here: &Position<'_, M::Log>,
        tensors: &[f64],
        of_vectors: &[M::Log],
        mut tensor: Option<&mut [f64]>,
        shift: &mut [f64],
        to_left: &mut [M::Log],
    ) {
        let (k, w) = (M::Log::COMPONENTS, self.chain.widest());
        let first = self.chain.place(here.p, k).start;
        let each = here.shift.len() / self.space().local_dim;
        to_left.fill(M::Log::ZERO);
        if let Some(tensor) = &mut tensor {
            tensor.fill(0.0);
        }
        for (v, g) in of_vectors.chunks_exact(w).enumerate() {
            let Some(block) = self.chain.block(here.p, here.sector, v) else {
                continue;
            };
            let g = &g[..block.columns];
            let left = &here.left[..block.lines];
            let added = &here.shift[v * each..(v + 1) * each];
            let shift = &mut shift[v * each * k..(v + 1) * each * k];
            if each == 1 {
                let sum: M::Log = left.iter().copied().sum();
                let total = g.iter().copied().sum::<M::Log>();
                let total = total.scale(self.chain.spread(block));
                write(sum.conj() * total, shift);
                let common = added[0].conj() * total;
                to_left[..block.lines].iter_mut().for_each(|t| *t += common);
            } else {
                for (a, (&left, to_left)) in left.iter().zip(&mut *to_left).enumerate() {
                    let gradient = shift[a * w * k..].chunks_exact_mut(k);
                    for ((&g, f), d) in g.iter().zip(&added[a * w..]).zip(gradient) {
                        *to_left += f.conj() * g;
                        write(left.conj() * g, d);
                    }
                }
            }
            let lines = self.chain.entries::<M::Log>(tensors, block);
            for (line, to_left) in lines.zip(&mut *to_left) {
                for (g, m) in g.iter().zip(line.chunks_exact(k)) {
                    *to_left += entry::<M::Log>(m).conj() * *g;
                }
            }
            if let Some(tensor) = &mut tensor {
                let at = k * block.start - first;
                let gradient = tensor[at..].chunks_exact_mut(k * block.columns);
                for (left, gradient) in left.iter().zip(gradient) {
                    for (&g, d) in g.iter().zip(gradient.chunks_exact_mut(k)) {
                        write(left.conj() * g, d);
                    }
                }
            }
        }
    }
}

/// Writes real and, where there is room, imaginary part.
fn write<L: Scalar>(z: L, parts: &mut [f64]) {
    parts[0] = z.re();
    if let Some(im) = parts.get_mut(1) {
        *im = z.im();
    }
}
