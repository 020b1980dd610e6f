//! What every network must be, looked at once on random configurations.

use super::{BurnConditional, BurnError, BurnNetwork, numbers};
use crate::Stream;
use burn::tensor::Tensor;
use ketwork_hamiltonians::{Configs, ConfigsRef, Scalar};

/// Random configurations whose values are changed one by one.
const ROWS: usize = 3;
/// Change of an output of order 1 beyond rounding.
const TOLERANCE: f64 = 1e-9;

/// The first output that changes by more than rounding: its place and its change.
fn first_change(a: &[f64], b: &[f64]) -> Option<(usize, f64)> {
    let change = |(i, (a, b)): (usize, (&f64, &f64))| {
        let change = (a - b).abs();
        (change > TOLERANCE * (1.0 + b.abs())).then_some((i, change))
    };
    a.iter().zip(b).enumerate().find_map(change)
}

impl<M: BurnNetwork, L: Scalar> BurnConditional<M, L> {
    /// Shape, finite numbers, causality, independent rows, and the same numbers in training.
    pub(super) fn check(&self) -> Result<(), BurnError> {
        let (n, d) = (self.space.n_sites, self.space.local_dim);
        let stream = Stream::new(0x6275_726e);
        let mut theta = self.layout.initial(stream);
        for (i, t) in theta.iter_mut().enumerate() {
            *t += stream.uniform(i as u64, 0) - 0.5;
        }
        let mut x = Configs::zeros(ROWS, n);
        for r in 0..ROWS {
            for (p, v) in x.row_mut(r).iter_mut().enumerate() {
                *v = (stream.uniform(r as u64, p as u32 + 1) * d as f64) as u8;
            }
        }
        let plain = self.load(&theta, false);
        let out = self.run(&plain, x.view(), false);
        let expected = vec![ROWS, n, L::COMPONENTS * d];
        if out.dims().as_slice() != expected {
            return Err(BurnError::Shape {
                found: out.dims().to_vec(),
                rows: ROWS,
                n_sites: n,
                expected,
            });
        }
        let out = numbers(&out);
        let width = L::COMPONENTS * d;
        if let Some(i) = out.iter().position(|o| !o.is_finite()) {
            return Err(BurnError::NotFinite {
                position: i / width % n,
                value: out[i],
            });
        }
        let of_row = |r: usize| &out[r * n * width..(r + 1) * n * width];
        let run = |x: ConfigsRef<'_>| numbers(&self.run(&plain, x, false));
        for r in 0..ROWS {
            if let Some((_, change)) = first_change(&run(x.view().slice(r..r + 1)), of_row(r)) {
                return Err(BurnError::Coupled { change });
            }
        }
        for sees in 0..n {
            let mut other = x.clone();
            for r in 0..ROWS {
                let v = &mut other.row_mut(r)[sees];
                *v = (*v + 1) % d as u8;
            }
            let other = run(other.view());
            for r in 0..ROWS {
                let earlier = r * n * width..(r * n + sees + 1) * width;
                let change = first_change(&other[earlier.clone()], &out[earlier]);
                if let Some((i, change)) = change {
                    return Err(BurnError::NotCausal {
                        position: i / width,
                        sees,
                        change,
                    });
                }
            }
        }
        let taped: Tensor<3> = self.run(&self.load(&theta, true), x.view(), true);
        match first_change(&numbers(&taped), &out) {
            Some((_, change)) => Err(BurnError::Training { change }),
            None => Ok(()),
        }
    }
}
