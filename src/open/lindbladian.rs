//! The density matrix itself, evolved by its Lindblad equation.

use crate::exact::{Basis, ExactError, Memory, SparseMatrix};
use crate::hamiltonians::open::{Jump, Lindblad};
use crate::hamiltonians::{Free, LocalSum, OnSpace, Space};
use num_complex::Complex64;
use rayon::prelude::*;

/// Length of a Taylor step in units of the inverse bound on the generator: terms grow to e^6 / 15 at
/// most, so that three digits are lost of sixteen.
const STRIDE: f64 = 6.0;
/// Most terms of a Taylor step; at this stride the 60th is below 1e-35.
const MOST_TERMS: usize = 60;
/// Longest time to a steady state.
const LONGEST: f64 = 1e4;
/// Bytes of an element while rows are built, and of it in the matrix.
const ENTRY: f64 = 48.0;
/// Side of the tiles of a transposition.
const TILE: usize = 32;

/// $\mathcal{L}(\rho) = -i[H, \rho] + \sum_k \gamma_k (L_k \rho L_k^\dagger - \tfrac12\{L_k^\dagger L_k, \rho\})$ on
/// Hermitian matrices of $2^N$ rows, by sparse matrices.
///
/// With $K = -iH - \tfrac12 \sum_k \gamma_k L_k^\dagger L_k$ it is
/// $K\rho + (K\rho)^\dagger + \sum_k \gamma_k L_k \rho L_k^\dagger$. Matrices are stored row by row, the first site
/// the most significant digit, up = 0.
#[derive(Debug)]
pub struct Lindbladian {
    basis: Basis,
    /// K.
    pub(super) drift: Rows,
    /// $\sqrt{\gamma_k} L_k$.
    pub(super) jumps: Vec<Rows>,
    bound: f64,
    memory: Memory,
}

/// A sparse matrix by rows.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    start: Vec<usize>,
    entries: Vec<(u32, Complex64)>,
}

impl Rows {
    fn new(rows: Vec<Vec<(u32, Complex64)>>) -> Self {
        let mut start = vec![0];
        let mut entries = Vec::new();
        for row in rows {
            entries.extend(row);
            start.push(entries.len());
        }
        Self { start, entries }
    }

    pub(super) fn row(&self, r: usize) -> &[(u32, Complex64)] {
        &self.entries[self.start[r]..self.start[r + 1]]
    }

    /// $y = A x$.
    pub(super) fn apply(&self, x: &[Complex64], y: &mut [Complex64]) {
        for (r, y) in y.iter_mut().enumerate() {
            *y = self.row(r).iter().map(|&(c, v)| v * x[c as usize]).sum();
        }
    }

    /// A bound on the spectral norm: the geometric mean of the largest sums of moduli over a row and
    /// over a column.
    pub(super) fn norm(&self) -> f64 {
        let d = self.start.len() - 1;
        let (mut rows, mut columns) = (vec![0.0; d], vec![0.0; d]);
        for (r, sum) in rows.iter_mut().enumerate() {
            for (c, v) in self.row(r) {
                *sum += v.norm();
                columns[*c as usize] += v.norm();
            }
        }
        let largest = |sums: Vec<f64>| sums.into_iter().fold(0.0, f64::max);
        (largest(rows) * largest(columns)).sqrt()
    }
}

impl Lindbladian {
    /// The generator of an open system, enough for trajectories; matrices of $4^N$ numbers are
    /// checked where they are evolved.
    ///
    /// # Errors
    /// [`ExactError::Memory`] where its sparse matrices, some numbers for each of the $2^N$ rows,
    /// do not fit.
    pub fn new(lindblad: &Lindblad, memory: Memory) -> Result<Self, ExactError> {
        let n = lindblad.hamiltonian().space().n_sites;
        let size = 2f64.powi(i32::try_from(n).unwrap_or(i32::MAX));
        // A row of a jump holds up to 2^k elements; those of the drift are at most as many, squared.
        let of_jump = |j: &Jump| ENTRY * (2f64.powi(j.sites.len() as i32) + 2.0);
        let per_row: f64 = lindblad.jumps().iter().map(of_jump).sum();
        memory.check("the jumps", size, size * per_row)?;
        let basis = Basis::new(&Free::new(Space::qubits(n)), memory)?;
        let h = SparseMatrix::new(lindblad.hamiltonian(), &basis, memory)?;
        let minus_i = Complex64::new(0.0, -1.0);
        let mut drift = vec![Vec::new(); basis.len()];
        for (r, c, v) in h.entries() {
            add(&mut drift[r], c as u32, minus_i * v);
        }
        let mut jumps = Vec::new();
        for jump in lindblad.jumps().iter().filter(|j| j.rate != 0.0) {
            let rows = whole(jump, n);
            let mut by_column = vec![Vec::new(); basis.len()];
            for (r, row) in rows.iter().enumerate() {
                row.iter()
                    .for_each(|&(c, v)| by_column[c as usize].push((r, v)));
            }
            // (L^+ L)_{ab} = sum_r conj(L_ra) L_rb.
            for (a, column) in by_column.iter().enumerate() {
                for &(r, left) in column {
                    for &(b, right) in &rows[r] {
                        add(&mut drift[a], b, -0.5 * left.conj() * right);
                    }
                }
            }
            jumps.push(Rows::new(rows));
        }
        let drift = Rows::new(drift);
        let gain: f64 = jumps.iter().map(|l| l.norm().powi(2)).sum();
        let bound = 2.0 * drift.norm() + gain;
        Ok(Self {
            basis,
            drift,
            jumps,
            bound,
            memory,
        })
    }

    /// Checks that density matrices can be evolved.
    ///
    /// # Errors
    /// [`ExactError::Memory`] where six of them do not fit.
    pub fn check_density(&self) -> Result<(), ExactError> {
        let size = (self.dimension() as f64).powi(2);
        self.memory.check("the density matrix", size, 96.0 * size)
    }

    /// Number of rows of a density matrix.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.basis.len()
    }

    /// $\mathcal{L}(\rho)$ of a Hermitian matrix.
    ///
    /// # Panics
    /// If a length is not that of a density matrix.
    #[track_caller]
    pub fn apply(&self, rho: &[Complex64], out: &mut [Complex64]) {
        let d = self.dimension();
        assert_eq!(rho.len(), d * d, "length of rho");
        assert_eq!(out.len(), d * d, "length of out");
        // Half of the gain, so that adding the adjoint completes it: it is Hermitian itself.
        out.par_chunks_mut(d).enumerate().for_each(|(r, out)| {
            out.fill(Complex64::ZERO);
            for &(c, v) in self.drift.row(r) {
                let from = &rho[c as usize * d..][..d];
                out.iter_mut().zip(from).for_each(|(o, x)| *o += v * x);
            }
            for jump in &self.jumps {
                for &(c, v) in jump.row(r) {
                    let from = &rho[c as usize * d..][..d];
                    let v = 0.5 * v;
                    for (s, o) in out.iter_mut().enumerate() {
                        for &(e, w) in jump.row(s) {
                            *o += v * w.conj() * from[e as usize];
                        }
                    }
                }
            }
        });
        add_adjoint(out, d);
    }

    /// $\rho \leftarrow e^{\mathcal{L}t}\rho$ by Taylor steps; what is left out is below `tolerance` in the
    /// Frobenius norm.
    ///
    /// # Errors
    /// [`ExactError::Parameter`] for a time or tolerance that is negative or no number,
    /// [`ExactError::NotFinite`], those of [`Self::check_density`].
    ///
    /// # Panics
    /// If `rho` is no density matrix of this system by its length.
    #[track_caller]
    pub fn evolve(
        &self,
        time: f64,
        rho: &mut [Complex64],
        tolerance: f64,
    ) -> Result<(), ExactError> {
        for (key, value) in [("time", time), ("tolerance", tolerance)] {
            if !(value.is_finite() && value >= 0.0) {
                let reason = "take a positive number";
                return Err(ExactError::Parameter { key, value, reason });
            }
        }
        self.check_density()?;
        let steps = (self.bound * time / STRIDE).ceil().max(1.0);
        let (tau, enough) = (time / steps, (tolerance / steps).max(1e-16));
        let (mut term, mut next) = (rho.to_vec(), rho.to_vec());
        for _ in 0..steps as usize {
            term.copy_from_slice(rho);
            for k in 1..=MOST_TERMS {
                self.apply(&term, &mut next);
                std::mem::swap(&mut term, &mut next);
                let scale = tau / k as f64;
                let mut square = 0.0;
                for (x, t) in rho.iter_mut().zip(&mut term) {
                    *t *= scale;
                    *x += *t;
                    square += t.norm_sqr();
                }
                if !square.is_finite() {
                    return Err(ExactError::NotFinite {
                        what: "the generator applied to the density matrix",
                    });
                }
                // From here on each term is at most half of the one before: all that is left out is
                // smaller than this one.
                if square.sqrt() < enough && (k + 1) as f64 >= 2.0 * tau * self.bound {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Evolves until $\|\mathcal{L}(\rho)\|_F$ is below `tolerance`; returns it.
    ///
    /// # Errors
    /// Those of [`Self::evolve`]; [`ExactError::Stalled`] where the slowest decay takes longer than a
    /// time of 10^4.
    ///
    /// # Panics
    /// Those of [`Self::evolve`].
    #[track_caller]
    pub fn steady(&self, rho: &mut [Complex64], tolerance: f64) -> Result<f64, ExactError> {
        let (mut at, mut piece) = (0.0, 1.0);
        let mut rate = rho.to_vec();
        loop {
            self.evolve(piece, rho, 0.1 * tolerance)?;
            at += piece;
            self.apply(rho, &mut rate);
            let left = rate.iter().map(Complex64::norm_sqr).sum::<f64>().sqrt();
            if left < tolerance {
                return Ok(left);
            }
            if at > LONGEST {
                return Err(ExactError::Stalled {
                    reached: at,
                    target: LONGEST,
                    products: 0,
                });
            }
            piece = (1.5 * piece).min(20.0);
        }
    }

    /// $\mathrm{Tr}(O\rho)$ for each of some Hermitian operators.
    ///
    /// # Errors
    /// Those of [`SparseMatrix::new`].
    ///
    /// # Panics
    /// If an operator or `rho` belongs to another space.
    #[track_caller]
    pub fn means(
        &self,
        operators: &[&LocalSum<Complex64>],
        rho: &[Complex64],
    ) -> Result<Vec<f64>, ExactError> {
        let d = self.dimension();
        assert_eq!(rho.len(), d * d, "length of rho");
        let mean = |o: &&LocalSum<Complex64>| {
            let matrix = SparseMatrix::new(*o, &self.basis, Memory::default())?;
            let sum: Complex64 = matrix.entries().map(|(r, c, v)| v * rho[c * d + r]).sum();
            Ok(sum.re)
        };
        operators.iter().map(mean).collect()
    }

    /// The basis of the rows.
    pub(super) fn basis(&self) -> &Basis {
        &self.basis
    }
}

/// $\rho_1 \otimes \dots \otimes \rho_N$ of matrices (2, 2), row by row.
#[must_use]
pub fn product_density(single: &[[Complex64; 4]]) -> Vec<Complex64> {
    let mut rho = vec![Complex64::from(1.0)];
    let mut d = 1;
    for site in single {
        let mut next = vec![Complex64::ZERO; 4 * d * d];
        for r in 0..2 * d {
            for c in 0..2 * d {
                next[r * 2 * d + c] = rho[r / 2 * d + c / 2] * site[2 * (r % 2) + c % 2];
            }
        }
        (rho, d) = (next, 2 * d);
    }
    rho
}

/// $\sqrt\gamma L$ on all sites.
fn whole(jump: &Jump, n: usize) -> Vec<Vec<(u32, Complex64)>> {
    let k = jump.sites.len();
    let shift = |i: usize| n - 1 - jump.sites[i] as usize;
    let digits = |x: usize| (0..k).fold(0, |b, i| 2 * b + (x >> shift(i) & 1));
    let mask = (0..k).fold(0, |m, i| m | 1usize << shift(i));
    let spread = |b: usize| (0..k).fold(0, |x, i| x | (b >> (k - 1 - i) & 1) << shift(i));
    let row = |r: usize| {
        let elements = jump.matrix[digits(r) << k..][..1 << k].iter().enumerate();
        let kept = elements.filter(|(_, v)| **v != Complex64::ZERO);
        let at = |b: usize| (r & !mask | spread(b)) as u32;
        kept.map(|(b, v)| (at(b), jump.rate.sqrt() * v)).collect()
    };
    (0..1 << n).map(row).collect()
}

fn add(row: &mut Vec<(u32, Complex64)>, column: u32, value: Complex64) {
    match row.iter_mut().find(|e| e.0 == column) {
        Some(entry) => entry.1 += value,
        None if value != Complex64::ZERO => row.push((column, value)),
        None => {}
    }
}

/// $A \leftarrow A + A^\dagger$, tile by tile.
fn add_adjoint(a: &mut [Complex64], d: usize) {
    for top in (0..d).step_by(TILE) {
        for left in (top..d).step_by(TILE) {
            for r in top..d.min(top + TILE) {
                for c in left.max(r)..d.min(left + TILE) {
                    let (x, y) = (a[r * d + c], a[c * d + r]);
                    a[r * d + c] = x + y.conj();
                    a[c * d + r] = y + x.conj();
                }
            }
        }
    }
}
