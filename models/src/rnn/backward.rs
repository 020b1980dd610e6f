//! Backpropagation through time, one gradient for each sample.

use super::head::{Strided, outer};
use super::{Cell, Rnn, RnnWork, Scratch, room};
use crate::layers::embed::token;
use crate::layers::{gru, linear, lstm};
use ketwork_hamiltonians::{ConfigsRef, Scalar};

impl<L: Scalar> Rnn<L> {
    pub(super) fn backward_block(
        &self,
        theta: &[f64],
        work: &mut RnnWork,
        x: ConfigsRef<'_>,
        cotangent: &[f64],
        rows: &mut [f64],
    ) {
        let (n, w, b) = (x.n_sites(), self.params.width, x.len());
        let (gw, size) = (self.params.cell.gates() * w, self.layout.n_params());
        assert_eq!(b, work.rows, "pullback follows forward on the same rows");
        assert_eq!(rows.len(), b * size, "one row for each sample");
        let Scratch {
            dh,
            dinput,
            drecurrent,
            carry,
            dc,
            transposed,
        } = &mut work.scratch;
        let dh = room(dh, n * b * w);
        let dinput = room(dinput, n * b * gw);
        let Some(last) = work.tape.last() else { return };
        let h = &last.h[b * w..(n + 1) * b * w];
        let scratch = (&mut work.raw, &mut *transposed);
        self.head
            .backward(theta, (h, &mut *dh), cotangent, rows, b, scratch);
        for (l, place) in self.places.iter().enumerate().rev() {
            let tape = &work.tape[l];
            let transposed = room(transposed, w * gw);
            linear::transpose(&theta[place.recurrent.clone()], gw, transposed);
            let (carry, dc) = (room(carry, b * w), room(dc, b * w));
            carry.fill(0.0);
            dc.fill(0.0);
            let drecurrent = match self.params.cell {
                Cell::Gru => room(drecurrent, n * b * gw),
                Cell::Lstm => &mut [],
            };
            for p in (0..n).rev() {
                let dh = &mut dh[p * b * w..(p + 1) * b * w];
                dh.iter_mut().zip(&*carry).for_each(|(d, c)| *d += c);
                let at = p * b * gw..(p + 1) * b * gw;
                let (before, after) =
                    (p * b * w..(p + 1) * b * w, (p + 1) * b * w..(p + 2) * b * w);
                let (gates, dgates) = (&tape.gates[at.clone()], &mut dinput[at.clone()]);
                match self.params.cell {
                    Cell::Lstm => {
                        let kept = lstm::Kept {
                            gates,
                            before: &tape.e[before],
                            after: &tape.e[after],
                        };
                        lstm::backward(w, kept, dh, dc, dgates);
                        linear::backward(dgates, transposed, carry, gw, false);
                    }
                    Cell::Gru => {
                        let kept = gru::Kept {
                            gates,
                            u: &tape.e[after],
                            before: &tape.h[before],
                        };
                        let drecurrent = &mut drecurrent[at];
                        gru::backward(w, kept, dh, dgates, drecurrent, carry);
                        linear::backward(drecurrent, transposed, carry, gw, true);
                    }
                }
            }
            let drecurrent = if drecurrent.is_empty() {
                &*dinput
            } else {
                &*drecurrent
            };
            for (i, row) in rows.chunks_exact_mut(size).enumerate() {
                let of = |v, width| Strided {
                    data: v,
                    stride: b * width,
                    width,
                    len: n,
                };
                let recurrent = of(&drecurrent[i * gw..], gw);
                outer(
                    of(&tape.h[i * w..], w),
                    recurrent,
                    &mut row[place.recurrent.clone()],
                );
                if !place.recurrent_bias.is_empty() {
                    let third = Strided {
                        data: &drecurrent[i * gw + 2 * w..],
                        width: w,
                        ..recurrent
                    };
                    third.sum(&mut row[place.recurrent_bias.clone()]);
                }
                let input = of(&dinput[i * gw..], gw);
                if l > 0 {
                    let below = of(&work.tape[l - 1].h[(b + i) * w..], w);
                    outer(below, input, &mut row[place.input.clone()]);
                    input.sum(&mut row[place.bias.clone()]);
                } else {
                    let table = &mut row[place.input.clone()];
                    table.fill(0.0);
                    for p in 0..n {
                        let t = token(x.row(i), p, self.space.local_dim) * gw;
                        let here = &input.data[p * input.stride..][..gw];
                        table[t..t + gw]
                            .iter_mut()
                            .zip(here)
                            .for_each(|(t, d)| *t += d);
                    }
                }
            }
            if l > 0 {
                linear::transpose(&theta[place.input.clone()], gw, transposed);
                linear::backward(dinput, transposed, dh, gw, false);
            }
        }
    }
}
