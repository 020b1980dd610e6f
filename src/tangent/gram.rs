//! The two matrices of a tangent map, also of one too large to store.

use ketwork_linalg::{accumulate_columns, lower_product, product};
use ketwork_models::TangentMap;

/// Samples recomputed together where a tangent map is not stored.
const TILE: usize = 512;

/// Writes the lower triangle of the Gram matrix $T = J J^T$ (k n, k n), row-major.
pub(super) fn gram(j: &dyn TangentMap, out: &mut [f64]) {
    let (n, k, p) = j.shape();
    let m = n * k;
    assert_eq!(out.len(), m * m, "the Gram matrix has (k n)^2 entries");
    if j.gram(out) {
        return;
    }
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

/// Writes the lower triangle of $S = J^T J$ (P, P), row-major.
pub(super) fn geometric_tensor(j: &dyn TangentMap, out: &mut [f64]) {
    let (n, k, p) = j.shape();
    assert_eq!(out.len(), p * p, "the geometric tensor has P^2 entries");
    out.fill(0.0);
    if let Some(matrix) = j.stored() {
        accumulate_columns(matrix, p, out);
        return;
    }
    let mut rows = Vec::new();
    for i in (0..n).step_by(TILE) {
        let samples = i..(i + TILE).min(n);
        rows.resize(k * samples.len() * p, 0.0);
        j.rows(samples, &mut rows);
        accumulate_columns(&rows, p, out);
    }
}
