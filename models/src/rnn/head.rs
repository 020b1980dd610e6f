//! The linear heads of a recurrent network: log-amplitude and phase.

use super::room;
use crate::layers::linear;
use crate::layers::product::{Left, Product, Start};
use crate::{Init, Layout};
use ketwork_hamiltonians::Scalar;
use std::ops::Range;

/// One linear map (w, d) with bias for each component of the log-amplitude.
#[derive(Clone, Debug)]
pub(super) struct Head {
    width: usize,
    outputs: usize,
    maps: Vec<(Range<usize>, Range<usize>)>,
}

impl Head {
    /// Numbers at each position.
    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Small weights: the first state is nearly uniform, yet no gradient vanishes.
    pub(super) fn push(
        layout: &mut Layout,
        width: usize,
        outputs: usize,
        components: usize,
    ) -> Self {
        let small = Init::Normal(0.1 / (width as f64).sqrt());
        let maps = ["head", "phase"][..components]
            .iter()
            .map(|name| {
                let weight = format!("{name}.weight");
                let weight = layout.push(weight, &[width, outputs], small.clone());
                (
                    weight,
                    layout.push(format!("{name}.bias"), &[outputs], Init::Constant(0.0)),
                )
            })
            .collect();
        Self {
            width,
            outputs,
            maps,
        }
    }

    /// Writes the outputs of rows h (m, w); those of row r go to `out[r * stride..][..d]`.
    pub(super) fn forward<L: Scalar>(
        &self,
        theta: &[f64],
        h: &[f64],
        raw: &mut Vec<f64>,
        out: &mut [L],
        stride: usize,
    ) {
        let d = self.outputs;
        let raw = room(raw, h.len() / self.width * d);
        for (component, (weight, bias)) in self.maps.iter().enumerate() {
            linear::forward(
                h,
                &theta[weight.clone()],
                &theta[bias.clone()],
                raw,
                d,
                false,
            );
            for (out, raw) in out.chunks_mut(stride).zip(raw.chunks_exact(d)) {
                for (out, &raw) in out.iter_mut().zip(raw) {
                    *out = match component {
                        0 => L::from(raw),
                        _ => L::from_parts(out.re(), raw),
                    };
                }
            }
        }
    }

    /// Writes the cotangent dh (N, B, w) of the last outputs h (N, B, w), and the derivatives of the
    /// heads, from the cotangent (B, N, d, k) of the network's outputs.
    pub(super) fn backward(
        &self,
        theta: &[f64],
        (h, dh): (&[f64], &mut [f64]),
        cotangent: &[f64],
        rows: &mut [f64],
        batch: usize,
        scratch: (&mut Vec<f64>, &mut Vec<f64>),
    ) {
        let (w, d, k) = (self.width, self.outputs, self.maps.len());
        let n = h.len() / (batch * w);
        let size = rows.len() / batch;
        let dy = room(scratch.0, n * batch * d);
        let transposed = room(scratch.1, w * d);
        for (component, (weight, bias)) in self.maps.iter().enumerate() {
            for (b, row) in cotangent.chunks_exact(n * d * k).enumerate() {
                for (p, here) in row.chunks_exact(d * k).enumerate() {
                    for v in 0..d {
                        dy[(p * batch + b) * d + v] = here[v * k + component];
                    }
                }
            }
            linear::transpose(&theta[weight.clone()], d, transposed);
            linear::backward(dy, transposed, dh, d, component > 0);
            for (b, row) in rows.chunks_exact_mut(size).enumerate() {
                let dy = Strided {
                    data: &dy[b * d..],
                    stride: batch * d,
                    width: d,
                    len: n,
                };
                let h = Strided {
                    data: &h[b * w..],
                    stride: batch * w,
                    width: w,
                    len: n,
                };
                outer(h, dy, &mut row[weight.clone()]);
                dy.sum(&mut row[bias.clone()]);
            }
        }
    }
}

/// The vectors of one sample at all positions of a time-major array.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strided<'a> {
    pub(super) data: &'a [f64],
    pub(super) stride: usize,
    pub(super) width: usize,
    pub(super) len: usize,
}

impl Strided<'_> {
    /// Writes the sum over positions.
    pub(super) fn sum(self, out: &mut [f64]) {
        out.fill(0.0);
        for p in 0..self.len {
            let here = &self.data[p * self.stride..][..self.width];
            out.iter_mut().zip(here).for_each(|(o, x)| *o += x);
        }
    }
}

/// Writes $\sum_p x_p \otimes y_p$.
pub(super) fn outer(x: Strided<'_>, y: Strided<'_>, out: &mut [f64]) {
    Product {
        m: x.width,
        k: x.len,
        n: y.width,
        a: Left::Columns(x.data, x.stride),
        b: (y.data, y.stride),
        c: (out, y.width),
        start: Start::Zero,
    }
    .run();
}
