//! The implicit midpoint rule between neighbouring slices of time.

use crate::evolve::Flow;
use crate::exact::SparseMatrix;
use ketwork_hamiltonians::Scalar;
use num_complex::Complex64;

/// Rows of a sparse matrix over all configurations.
#[derive(Debug)]
pub(super) struct Rows {
    rows: Vec<Vec<(usize, Complex64)>>,
}

impl Rows {
    pub(super) fn new<T: Scalar>(h: &SparseMatrix<T>) -> Self
    where
        Complex64: From<T>,
    {
        let mut rows = vec![Vec::new(); h.dimension()];
        for (r, c, v) in h.entries() {
            rows[r].push((c, Complex64::from(v)));
        }
        Self { rows }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// H x, x (D).
    pub(super) fn apply(&self, x: &[Complex64]) -> Vec<Complex64> {
        let row = |row: &Vec<(usize, Complex64)>| row.iter().map(|&(c, h)| h * x[c]).sum();
        self.rows.iter().map(row).collect()
    }

    /// (1 + c (H - E)) x with x (D, columns), row-major.
    pub(super) fn shifted(&self, c: Complex64, energy: f64, x: &[Complex64]) -> Vec<Complex64> {
        let columns = x.len() / self.len();
        let mut out = x.to_vec();
        out.iter_mut().for_each(|o| *o *= 1.0 - c * energy);
        for (out, row) in out.chunks_exact_mut(columns).zip(&self.rows) {
            for &(from, h) in row {
                let by = c * h;
                let source = &x[from * columns..(from + 1) * columns];
                out.iter_mut().zip(source).for_each(|(o, s)| *o += by * s);
            }
        }
        out
    }
}

/// The factor c of $\psi_{k+1} - \psi_k + c\,(H - E)(\psi_{k+1} + \psi_k)$ over an interval dt.
pub(super) fn factor(flow: Flow, dt: f64) -> Complex64 {
    match flow {
        Flow::RealTime => Complex64::new(0.0, 0.5 * dt),
        Flow::ImaginaryTime => Complex64::new(0.5 * dt, 0.0),
    }
}

/// What the slices leave.
#[derive(Clone, Debug)]
pub(super) struct Residual {
    /// $R_k(x)$, interval by interval.
    pub(super) values: Vec<Complex64>,
    /// The energy E taken off in each interval.
    pub(super) energies: Vec<f64>,
    /// The mean over intervals of $\sum_x |R_k(x)|^2$.
    pub(super) loss: f64,
}

/// The residual of slices, the initial one first, with the lengths of the intervals between them.
///
/// In imaginary time E is the Rayleigh quotient of $\psi_{k+1} + \psi_k$, with which the rule conserves
/// the norm; in real time it is a constant that slows the phase.
pub(super) fn residual(
    h: &Rows,
    flow: Flow,
    lengths: &[f64],
    shift: f64,
    slices: &[Vec<Complex64>],
) -> Residual {
    let mut values = Vec::with_capacity((slices.len() - 1) * h.len());
    let mut energies = Vec::new();
    for (pair, &dt) in slices.windows(2).zip(lengths) {
        let c = factor(flow, dt);
        let (now, next) = (&pair[0], &pair[1]);
        let sum: Vec<Complex64> = now.iter().zip(next).map(|(a, b)| a + b).collect();
        let image = h.apply(&sum);
        let energy = match flow {
            Flow::RealTime => shift,
            Flow::ImaginaryTime => {
                let norm: f64 = sum.iter().map(|s| s.norm_sqr()).sum();
                let mean: f64 = sum.iter().zip(&image).map(|(s, i)| (s.conj() * i).re).sum();
                mean / norm
            }
        };
        energies.push(energy);
        let parts = now.iter().zip(next).zip(sum.iter().zip(&image));
        values.extend(parts.map(|((a, b), (s, i))| (b - a + c * (i - energy * s)) / dt));
    }
    let square: f64 = values.iter().map(|r| r.norm_sqr()).sum();
    Residual {
        loss: square / energies.len() as f64,
        values,
        energies,
    }
}
