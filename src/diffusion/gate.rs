//! Gates with free angles, and what a backward sweep asks of them.

use crate::block::{Block, LANES, Lane};
use crate::kernels::{self, Bits, Unitary};
use num_complex::Complex64;
use std::sync::Arc;

/// A unitary gate. Bits count from the least significant bit of a basis state's number.
#[derive(Clone, Debug)]
pub(crate) enum Gate {
    /// $e^{-i\,s\,\theta P}$ with a Pauli string P.
    Pauli {
        bits: Bits,
        scale: f64,
        param: usize,
    },
    /// $R_Z(\omega) R_Y(\theta) R_Z(\varphi)$; parameters in this order from `param`. Conjugated
    /// (not transposed) where `conj`.
    General { bit: u32, param: usize, conj: bool },
    /// CNOTs (control, target) one after another, as one permutation of the rows.
    Cnots {
        pairs: Vec<(u32, u32)>,
        from: Arc<[u32]>,
        back: Arc<[u32]>,
    },
    /// $e^{-i\theta H_k}$ of a Hermitian matrix on a few qubits, by its eigenvectors.
    Matrix(Box<Local>),
}

/// A Hermitian matrix on a few bits, where guarded bits hold their value.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    pub(crate) param: usize,
    /// Bit of each site, the first the most significant digit.
    pub(crate) bits: Vec<u32>,
    /// Bits that must hold these values (mask, value).
    pub(crate) guard: (usize, usize),
    pub(crate) energies: Vec<f64>,
    /// Eigenvectors, one a row.
    pub(crate) vectors: Vec<Vec<Complex64>>,
}

impl Local {
    /// Numbers of the 2^k rows of each group that the matrix mixes.
    fn groups(&self, dim: usize) -> impl Iterator<Item = Vec<usize>> + '_ {
        let mask: usize = self.bits.iter().map(|b| 1usize << b).sum();
        let k = self.bits.len();
        (0..dim)
            .filter(move |i| i & mask == 0 && i & self.guard.0 == self.guard.1)
            .map(move |i| {
                let digit = |d: usize| {
                    let on = (0..k).filter(|j| d >> (k - 1 - j) & 1 == 1);
                    on.fold(i, |row, j| row | 1 << self.bits[j])
                };
                (0..1usize << k).map(digit).collect()
            })
    }

    /// Amplitudes of one state in the eigenbasis.
    fn project(&self, psi: &Block, rows: &[usize], l: usize) -> Vec<Complex64> {
        let at = |r: &usize| Complex64::new(psi.re[*r].0[l], psi.im[*r].0[l]);
        let overlap = |v: &Vec<Complex64>| v.iter().zip(rows).map(|(v, r)| v.conj() * at(r)).sum();
        self.vectors.iter().map(overlap).collect()
    }

    fn expand(&self, psi: &mut Block, rows: &[usize], l: usize, y: &[Complex64]) {
        for (i, &r) in rows.iter().enumerate() {
            let z: Complex64 = self.vectors.iter().zip(y).map(|(v, y)| v[i] * y).sum();
            (psi.re[r].0[l], psi.im[r].0[l]) = (z.re, z.im);
        }
    }

    fn apply(&self, psi: &mut Block, angle: &Lane) {
        for rows in self.groups(psi.dim()) {
            for l in 0..LANES {
                let mut y = self.project(psi, &rows, l);
                for (y, e) in y.iter_mut().zip(&self.energies) {
                    *y *= Complex64::from_polar(1.0, -angle.0[l] * e);
                }
                self.expand(psi, &rows, l, &y);
            }
        }
    }

    fn back(&self, psi: &mut Block, lambda: &mut Block, angle: &Lane, grad: &mut Lane) {
        for rows in self.groups(psi.dim()) {
            for l in 0..LANES {
                let mut y = self.project(psi, &rows, l);
                let mut x = self.project(lambda, &rows, l);
                for (n, e) in self.energies.iter().enumerate() {
                    // 2 Re<lambda| -i H |psi>, summed over the eigenspaces.
                    grad.0[l] += 2.0 * e * (x[n].conj() * y[n]).im;
                    let undo = Complex64::from_polar(1.0, angle.0[l] * e);
                    y[n] *= undo;
                    x[n] *= undo;
                }
                self.expand(psi, &rows, l, &y);
                self.expand(lambda, &rows, l, &x);
            }
        }
    }
}

/// $R_Z(\omega) R_Y(\theta) R_Z(\varphi)$ and the sines and cosines that its derivatives need.
struct General {
    u: Unitary,
    omega: (Lane, Lane),
    theta: (Lane, Lane),
}

fn general(angles: &[Lane], conj: bool) -> General {
    let sign = if conj { -1.0 } else { 1.0 };
    let (omega, theta) = (angles[0].map(|x| sign * x), angles[1]);
    let phi = angles[2].map(|x| sign * x);
    let (sum, difference) = (
        phi.zip(omega, |p, o| 0.5 * (p + o)),
        phi.zip(omega, |p, o| 0.5 * (p - o)),
    );
    let (c, s) = (
        theta.map(|x| (0.5 * x).cos()),
        theta.map(|x| (0.5 * x).sin()),
    );
    let times = |a: Lane, b: Lane| a.zip(b, |a, b| a * b);
    let (cs, ss) = (sum.map(f64::cos), sum.map(f64::sin));
    let (cd, sd) = (difference.map(f64::cos), difference.map(f64::sin));
    let minus = |a: Lane| a.map(|x| -x);
    // Elements e^{-i sum} c, -e^{i diff} s, e^{-i diff} s, e^{i sum} c.
    let u = [
        times(cs, c),
        minus(times(ss, c)),
        minus(times(cd, s)),
        minus(times(sd, s)),
        times(cd, s),
        minus(times(sd, s)),
        times(cs, c),
        times(ss, c),
    ];
    General {
        u,
        omega: (omega.map(f64::cos), omega.map(f64::sin)),
        theta: (theta.map(f64::cos), theta.map(f64::sin)),
    }
}

impl Gate {
    /// CNOTs as one permutation on `n` bits.
    pub(crate) fn cnots(pairs: Vec<(u32, u32)>, n: u32) -> Self {
        let send = |i: u32| {
            pairs
                .iter()
                .fold(i, |row, &(c, t)| row ^ (row >> c & 1) << t)
        };
        let to: Vec<u32> = (0..1u32 << n).map(send).collect();
        let mut from = vec![0; to.len()];
        for (i, &j) in to.iter().enumerate() {
            from[j as usize] = i as u32;
        }
        Self::Cnots {
            pairs,
            from: from.into(),
            back: to.into(),
        }
    }

    /// Applies the gate; `angles` are those of the whole circuit.
    pub(crate) fn apply(&self, psi: &mut Block, angles: &[Lane]) {
        match self {
            Self::Pauli { bits, scale, param } => {
                let alpha = angles[*param];
                let (c, s) = (
                    alpha.map(|x| (scale * x).cos()),
                    alpha.map(|x| (scale * x).sin()),
                );
                kernels::pauli(psi, *bits, &c, &s);
            }
            Self::General { bit, param, conj } => {
                let u = general(&angles[*param..param + 3], *conj).u;
                kernels::one_qubit(psi, 1 << bit, &u);
            }
            Self::Cnots { from, .. } => kernels::permute(psi, from),
            Self::Matrix(local) => local.apply(psi, &angles[local.param]),
        }
    }

    /// From the states after the gate to those before it; adds the derivatives.
    pub(crate) fn back(
        &self,
        psi: &mut Block,
        lambda: &mut Block,
        angles: &[Lane],
        grad: &mut [Lane],
    ) {
        match self {
            Self::Pauli { bits, scale, param } => {
                let alpha = angles[*param];
                let (c, s) = (
                    alpha.map(|x| (scale * x).cos()),
                    alpha.map(|x| (scale * x).sin()),
                );
                let mut sum = Lane::ZERO;
                kernels::pauli_back(psi, lambda, *bits, &c, &s, &mut sum);
                let g = &mut grad[*param];
                *g = g.zip(sum, |g, x| g + 2.0 * scale * x);
            }
            Self::General { bit, param, conj } => {
                let General { u, omega, theta } = general(&angles[*param..param + 3], *conj);
                let mut xyz = [Lane::ZERO; 3];
                kernels::one_qubit_back(psi, lambda, 1 << bit, &u, &mut xyz);
                let [x, y, z] = xyz;
                let sign = if *conj { -1.0 } else { 1.0 };
                let g = &mut grad[*param..param + 3];
                for l in 0..LANES {
                    let ((co, so), (ct, st)) =
                        ((omega.0.0[l], omega.1.0[l]), (theta.0.0[l], theta.1.0[l]));
                    let (x, y, z) = (x.0[l], y.0[l], z.0[l]);
                    // The generators of theta and phi, turned by the rotations that follow them.
                    g[0].0[l] += sign * z;
                    g[1].0[l] += co * y - so * x;
                    g[2].0[l] += sign * (ct * z + st * (co * x + so * y));
                }
            }
            Self::Cnots { back, .. } => {
                kernels::permute(psi, back);
                kernels::permute(lambda, back);
            }
            Self::Matrix(local) => {
                let mut g = grad[local.param];
                local.back(psi, lambda, &angles[local.param], &mut g);
                grad[local.param] = g;
            }
        }
    }

    /// The complex conjugate gate, on bits moved up by `shift`, of a circuit on `n` bits.
    pub(crate) fn conjugate(&self, shift: u32, n: u32) -> Self {
        match self {
            Self::Pauli { bits, scale, param } => Self::Pauli {
                bits: Bits {
                    x: bits.x << shift,
                    z: bits.z << shift,
                    n_y: bits.n_y,
                },
                // exp(-i a P)* = exp(i a P*), and P* = -P for an odd number of Y.
                scale: if bits.n_y % 2 == 0 { -scale } else { *scale },
                param: *param,
            },
            Self::General { bit, param, conj } => Self::General {
                bit: bit + shift,
                param: *param,
                conj: !conj,
            },
            Self::Cnots { pairs, .. } => Self::cnots(
                pairs.iter().map(|(c, t)| (c + shift, t + shift)).collect(),
                n,
            ),
            Self::Matrix(local) => Self::Matrix(Box::new(Local {
                bits: local.bits.iter().map(|b| b + shift).collect(),
                guard: (local.guard.0 << shift, local.guard.1 << shift),
                energies: local.energies.iter().map(|e| -e).collect(),
                vectors: (local.vectors.iter())
                    .map(|v| v.iter().map(Complex64::conj).collect())
                    .collect(),
                param: local.param,
            })),
        }
    }
}
