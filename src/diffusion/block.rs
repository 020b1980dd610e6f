//! Eight states side by side: the unit of work of the simulator.

use num_complex::Complex64;

/// States of one block; a vector register of the widest kind holds eight doubles.
pub(crate) const LANES: usize = 8;

/// One number for each state of a block.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
pub(crate) struct Lane(pub(crate) [f64; LANES]);

impl Lane {
    pub(crate) const ZERO: Self = Self([0.0; LANES]);

    #[inline(always)]
    pub(crate) fn splat(x: f64) -> Self {
        Self([x; LANES])
    }

    #[inline(always)]
    pub(crate) fn map(self, f: impl Fn(f64) -> f64) -> Self {
        // A loop over eight equal angles (all states of a block share them) costs one sine, not eight.
        if self.0.iter().all(|x| x.to_bits() == self.0[0].to_bits()) {
            Self::splat(f(self.0[0]))
        } else {
            Self(self.0.map(f))
        }
    }

    #[inline(always)]
    pub(crate) fn zip(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        Self(std::array::from_fn(|l| f(self.0[l], other.0[l])))
    }

    /// Adds in a fixed order.
    pub(crate) fn sum(self) -> f64 {
        let [a, b, c, d, e, f, g, h] = self.0;
        ((a + b) + (c + d)) + ((e + f) + (g + h))
    }
}

/// Amplitudes of eight states, real and imaginary parts apart; row i is basis state i.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Block {
    pub(crate) re: Vec<Lane>,
    pub(crate) im: Vec<Lane>,
}

impl Block {
    pub(crate) fn zeros(dim: usize) -> Self {
        Self {
            re: vec![Lane::ZERO; dim],
            im: vec![Lane::ZERO; dim],
        }
    }

    pub(crate) fn dim(&self) -> usize {
        self.re.len()
    }

    /// Reads up to eight rows of `dim` amplitudes; missing states are zero.
    pub(crate) fn gather(rows: &[Complex64], dim: usize) -> Self {
        let mut block = Self::zeros(dim);
        for (l, row) in rows.chunks_exact(dim).enumerate() {
            for (i, z) in row.iter().enumerate() {
                block.re[i].0[l] = z.re;
                block.im[i].0[l] = z.im;
            }
        }
        block
    }

    /// Writes the first states as rows.
    pub(crate) fn scatter(&self, rows: &mut [Complex64]) {
        let dim = self.dim();
        for (l, row) in rows.chunks_exact_mut(dim).enumerate() {
            for (i, z) in row.iter_mut().enumerate() {
                *z = Complex64::new(self.re[i].0[l], self.im[i].0[l]);
            }
        }
    }

    /// Squared norm of each state.
    pub(crate) fn norm2(&self) -> Lane {
        let mut sum = Lane::ZERO;
        for (r, i) in self.re.iter().zip(&self.im) {
            for l in 0..LANES {
                sum.0[l] += r.0[l] * r.0[l] + i.0[l] * i.0[l];
            }
        }
        sum
    }

    /// Moves the amplitudes into sector `digit` of new most significant qubits.
    pub(crate) fn embed(&mut self, bits: u32, digit: &[u32; LANES]) {
        let dim = self.dim();
        let old = std::mem::replace(self, Self::zeros(dim << bits));
        for (l, &d) in digit.iter().enumerate() {
            let offset = d as usize * dim;
            for i in 0..dim {
                self.re[offset + i].0[l] = old.re[i].0[l];
                self.im[offset + i].0[l] = old.im[i].0[l];
            }
        }
    }

    /// Keeps sector `digit` of the most significant qubits.
    pub(crate) fn restrict(&mut self, bits: u32, digit: &[u32; LANES]) {
        let dim = self.dim() >> bits;
        let old = std::mem::replace(self, Self::zeros(dim));
        for (l, &d) in digit.iter().enumerate() {
            let offset = d as usize * dim;
            for i in 0..dim {
                self.re[i].0[l] = old.re[offset + i].0[l];
                self.im[i].0[l] = old.im[offset + i].0[l];
            }
        }
    }
}
