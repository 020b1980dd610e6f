//! Dense linear algebra of the tangent solvers: Gram matrices and shifted Cholesky solves.
//!
//! Large products are split by output bands, each sequential: results do not depend on the threads.
//! faer's types stay inside.

use faer::linalg::matmul::matmul;
use faer::prelude::Solve;
use faer::{Accum, MatMut, MatRef, Par, Side};
use ketwork_models::TangentMap;
use rayon::prelude::*;

/// Rows of an output band.
const BAND: usize = 128;
/// Samples recomputed together where a tangent map is not stored.
const TILE: usize = 512;

/// Writes the lower triangle of the Gram matrix $T = J J^T$ (k n, k n), row-major.
pub(crate) fn gram(j: &dyn TangentMap, out: &mut [f64]) {
    let (n, k, p) = j.shape();
    let m = n * k;
    assert_eq!(out.len(), m * m, "the Gram matrix has (k n)^2 entries");
    if let Some(matrix) = j.stored() {
        lower_product(matrix, p, out);
        return;
    }
    // Not stored: pairs of tiles are recomputed.
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for i in (0..n).step_by(TILE) {
        let a = i..(i + TILE).min(n);
        left.resize(k * a.len() * p, 0.0);
        j.rows(a.clone(), &mut left);
        for l in (0..=i).step_by(TILE) {
            let b = l..(l + TILE).min(n);
            right.resize(k * b.len() * p, 0.0);
            j.rows(b.clone(), &mut right);
            let mut tile = vec![0.0; k * a.len() * k * b.len()];
            product(&left, &right, p, &mut tile);
            for (r, row) in tile.chunks_exact(k * b.len()).enumerate() {
                let to = (r / a.len()) * n + a.start + r % a.len();
                for (c, &v) in row.iter().enumerate() {
                    let column = (c / b.len()) * n + b.start + c % b.len();
                    // Both triangles: with two components a tile pair touches both.
                    out[to * m + column] = v;
                    out[column * m + to] = v;
                }
            }
        }
    }
}

/// Lower triangle of A A^T for row-major A (m, p); the part above the band's diagonal is arbitrary.
fn lower_product(a: &[f64], p: usize, out: &mut [f64]) {
    let m = a.len() / p;
    let bands = m.div_ceil(BAND);
    let mut work: Vec<_> = out.chunks_mut(BAND * m).enumerate().collect();
    // The longest bands first.
    work.reverse();
    debug_assert_eq!(
        work.len(),
        bands,
        "one band of output for each band of rows"
    );
    work.into_par_iter().with_max_len(1).for_each(|(i, out)| {
        let (from, rows) = (i * BAND, out.len() / m);
        let left = MatRef::from_row_major_slice(&a[from * p..(from + rows) * p], rows, p);
        let right = MatRef::from_row_major_slice(&a[..(from + rows) * p], from + rows, p);
        let out = MatMut::from_row_major_slice_mut(out, rows, m).get_mut(.., ..from + rows);
        matmul(out, Accum::Replace, left, right.transpose(), 1.0, Par::Seq);
    });
}

/// out = A B^T for row-major A (m, p), B (l, p).
fn product(a: &[f64], b: &[f64], p: usize, out: &mut [f64]) {
    let l = b.len() / p;
    out.par_chunks_mut(BAND * l)
        .enumerate()
        .for_each(|(i, out)| {
            let rows = out.len() / l;
            let left =
                MatRef::from_row_major_slice(&a[i * BAND * p..(i * BAND + rows) * p], rows, p);
            let right = MatRef::from_row_major_slice(b, l, p);
            let out = MatMut::from_row_major_slice_mut(out, rows, l);
            matmul(out, Accum::Replace, left, right.transpose(), 1.0, Par::Seq);
        });
}

/// Writes the lower triangle of $S = J^T J$ (P, P), row-major.
pub(crate) fn geometric_tensor(j: &dyn TangentMap, out: &mut [f64]) {
    let (n, k, p) = j.shape();
    assert_eq!(out.len(), p * p, "the geometric tensor has P^2 entries");
    let add = |rows: &[f64], out: &mut [f64], accum: Accum| {
        let m = rows.len() / p;
        out.par_chunks_mut(BAND * p)
            .enumerate()
            .for_each(|(i, out)| {
                let (from, len) = (i * BAND, out.len() / p);
                let rows = MatRef::from_row_major_slice(rows, m, p);
                let left = rows.get(.., from..from + len).transpose();
                let right = rows.get(.., ..from + len);
                let out = MatMut::from_row_major_slice_mut(out, len, p).get_mut(.., ..from + len);
                matmul(out, accum, left, right, 1.0, Par::Seq);
            });
    };
    if let Some(matrix) = j.stored() {
        add(matrix, out, Accum::Replace);
        return;
    }
    out.fill(0.0);
    let mut rows = Vec::new();
    for i in (0..n).step_by(TILE) {
        let samples = i..(i + TILE).min(n);
        rows.resize(k * samples.len() * p, 0.0);
        j.rows(samples, &mut rows);
        add(&rows, out, Accum::Add);
    }
}

/// Solves A x = b for a symmetric positive definite A (m, m) given by its lower triangle;
/// `Err` holds the pivot that is not positive.
pub(crate) fn cholesky_solve(a: &[f64], b: &mut [f64]) -> Result<(), usize> {
    let m = b.len();
    let llt = MatRef::from_row_major_slice(a, m, m)
        .llt(Side::Lower)
        .map_err(|e| {
            let faer::linalg::cholesky::llt::factor::LltError::NonPositivePivot { index } = e;
            index
        })?;
    llt.solve_in_place(MatMut::from_column_major_slice_mut(b, m, 1));
    Ok(())
}

/// Solves A x = b in the eigenspaces with eigenvalues above `cutoff` times the largest;
/// `None` where the eigenvalue iteration does not converge.
pub(crate) fn eigen_solve(a: &[f64], b: &mut [f64], cutoff: f64) -> Option<usize> {
    let m = b.len();
    let eigen = MatRef::from_row_major_slice(a, m, m)
        .self_adjoint_eigen(Side::Lower)
        .ok()?;
    let (u, s) = (eigen.U(), eigen.S().column_vector());
    let largest = (0..m).map(|i| s[i].abs()).fold(0.0, f64::max);
    let rhs = b.to_vec();
    b.fill(0.0);
    let mut rank = 0;
    for i in (0..m).filter(|&i| s[i] > cutoff * largest) {
        rank += 1;
        let c = (0..m).map(|r| u[(r, i)] * rhs[r]).sum::<f64>() / s[i];
        for (r, b) in b.iter_mut().enumerate() {
            *b += c * u[(r, i)];
        }
    }
    Some(rank)
}

/// y = A x for a symmetric A (m, m) given by its lower triangle.
pub(crate) fn symmetric_times(a: &[f64], x: &[f64]) -> Vec<f64> {
    let m = x.len();
    let mut y = vec![0.0; m];
    for (r, row) in a.chunks_exact(m).enumerate() {
        let mut sum = row[r] * x[r];
        for c in 0..r {
            sum += row[c] * x[c];
            y[c] += row[c] * x[r];
        }
        y[r] += sum;
    }
    y
}
