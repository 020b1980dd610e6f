//! Backpropagation through the rectangle, one gradient for each sample.

use super::super::head::{Strided, outer};
use super::{Rnn2d, Rnn2dWork, Scratch, room};
use crate::layers::{highway, linear};
use ketwork_hamiltonians::{ConfigsRef, Scalar};

impl<L: Scalar> Rnn2d<L> {
    pub(super) fn backward_block(
        &self,
        theta: &[f64],
        work: &mut Rnn2dWork,
        x: ConfigsRef<'_>,
        cotangent: &[f64],
        rows: &mut [f64],
    ) {
        let (n, w, b) = (x.n_sites(), self.params.width, x.len());
        let size = self.layout.n_params();
        assert_eq!(b, work.rows, "pullback follows forward on the same rows");
        assert_eq!(rows.len(), b * size, "one row for each sample");
        let Some(last) = work.tape.last() else { return };
        let s = &mut work.scratch;
        let scratch = (&mut work.step.raw, &mut s.bypass);
        let dh = room(&mut s.dh, n * b * w);
        self.head.backward(
            theta,
            (&last.h[..n * b * w], dh),
            cotangent,
            rows,
            b,
            scratch,
        );
        for l in (0..self.params.layers).rev() {
            self.positions(theta, work, l, x);
            for i in 0..b {
                self.gradient(work, (l, i), x, &mut rows[i * size..(i + 1) * size]);
            }
            let s = &mut work.scratch;
            std::mem::swap(&mut s.dh, &mut s.dbelow);
        }
    }

    /// Writes the cotangents of the gates, of the bypass and of the layer below, at all positions.
    fn positions(&self, theta: &[f64], work: &mut Rnn2dWork, l: usize, x: ConfigsRef<'_>) {
        let (n, w, b, inputs) = (x.n_sites(), self.params.width, x.len(), self.inputs(l));
        let (tape, place) = (&work.tape[l], &self.places[l]);
        let Scratch {
            dh,
            dbelow,
            dgates,
            dbypass,
            dq,
            dz,
            tensor,
            bypass,
        } = &mut work.scratch;
        let (dh, dbelow) = (room(dh, n * b * w), room(dbelow, n * b * w));
        let (dgates, dbypass) = (room(dgates, n * b * 2 * w), room(dbypass, n * b * w));
        let (dq, dz) = (room(dq, b * 2 * w), room(dz, b * inputs));
        let (tensor, bypass) = (room(tensor, inputs * 2 * w), room(bypass, 2 * w * w));
        linear::transpose(&theta[place.tensor.clone()], 2 * w, tensor);
        linear::transpose(&theta[place.bypass.clone()], w, bypass);
        for p in (0..n).rev() {
            let at = p * b * w..(p + 1) * b * w;
            let twice = 2 * at.start..2 * at.end;
            let (dgates, dbypass) = (&mut dgates[twice.clone()], &mut dbypass[at.clone()]);
            let (gates, kept) = (&tape.gates[twice], &tape.bypass[at.clone()]);
            highway::backward(w, gates, kept, &dh[at.clone()], dgates, dbypass);
            linear::backward(dbypass, bypass, dq, w, false);
            linear::backward(dgates, tensor, dz, 2 * w, false);
            for (r, (dq, dz)) in dq
                .chunks_exact_mut(2 * w)
                .zip(dz.chunks_exact(inputs))
                .enumerate()
            {
                let add = |dq: &mut [f64], dz: &[f64]| {
                    dq.iter_mut().zip(dz).for_each(|(q, z)| *q += z);
                };
                if l == 0 {
                    for slot in self.slots(p, x.row(r)).into_iter().flatten() {
                        add(dq, &dz[slot * 2 * w..][..2 * w]);
                    }
                } else {
                    dbelow[at.start + r * w..][..w].copy_from_slice(&dz[..w]);
                    add(dq, &dz[w..]);
                }
                for (near, dq) in self.neighbours[p].iter().zip(dq.chunks_exact(w)) {
                    if let Some(near) = near {
                        add(&mut dh[(*near as usize * b + r) * w..][..w], dq);
                    }
                }
            }
        }
    }

    /// Writes the derivatives of layer l for sample i.
    fn gradient(
        &self,
        work: &mut Rnn2dWork,
        (l, i): (usize, usize),
        x: ConfigsRef<'_>,
        row: &mut [f64],
    ) {
        let (n, w, b, inputs) = (x.n_sites(), self.params.width, x.len(), self.inputs(l));
        let place = &self.places[l];
        // What the tensor and the bypass acted on is cheaper to write again than to keep.
        let (q, z) = (
            room(&mut work.step.q, n * 2 * w),
            room(&mut work.step.z, n * inputs),
        );
        for (p, (q, z)) in q
            .chunks_exact_mut(2 * w)
            .zip(z.chunks_exact_mut(inputs))
            .enumerate()
        {
            let state = |l: usize, p: usize| &work.tape[l].h[(p * b + i) * w..][..w];
            self.gather(p, |near| state(l, near), q);
            self.expand(p, x.row(i), q, l.checked_sub(1).map(|l| state(l, p)), z);
        }
        let one = |data, width| Strided {
            data,
            stride: width,
            width,
            len: n,
        };
        let all = |data, width| Strided {
            data,
            stride: b * width,
            width,
            len: n,
        };
        let dgates = all(&work.scratch.dgates[i * 2 * w..], 2 * w);
        outer(one(z, inputs), dgates, &mut row[place.tensor.clone()]);
        dgates.sum(&mut row[place.bias.clone()]);
        let dbypass = all(&work.scratch.dbypass[i * w..], w);
        outer(one(q, 2 * w), dbypass, &mut row[place.bypass.clone()]);
        if l == 0 {
            let table = &mut row[place.value.clone()];
            table.fill(0.0);
            for p in 0..n {
                let here = &dgates.data[p * dgates.stride..][..2 * w];
                for slot in self.slots(p, x.row(i)).into_iter().flatten() {
                    let own = &mut table[slot * 2 * w..][..2 * w];
                    own.iter_mut().zip(here).for_each(|(t, d)| *t += d);
                }
            }
        }
    }
}
