use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

/// Rows of an output band.
const BAND: usize = 128;

/// Writes the lower triangle of $A A^T$ for row-major A (m, p) to out (m, m); what stands above the
/// diagonal is arbitrary.
///
/// # Panics
/// If the lengths are not m p and m m.
#[track_caller]
pub fn lower_product(a: &[f64], p: usize, out: &mut [f64]) {
    let m = a.len() / p;
    assert_eq!((m * p, m * m), (a.len(), out.len()), "shapes of A A^T");
    let mut bands: Vec<_> = out.chunks_mut(BAND * m).enumerate().collect();
    // The longest bands first.
    bands.reverse();
    bands.into_par_iter().with_max_len(1).for_each(|(i, out)| {
        let (from, rows) = (i * BAND, out.len() / m);
        let left = MatRef::from_row_major_slice(&a[from * p..(from + rows) * p], rows, p);
        let right = MatRef::from_row_major_slice(&a[..(from + rows) * p], from + rows, p);
        let out = MatMut::from_row_major_slice_mut(out, rows, m).get_mut(.., ..from + rows);
        matmul(out, Accum::Replace, left, right.transpose(), 1.0, Par::Seq);
    });
}

/// Writes $A B^T$ for row-major A (m, p) and B (l, p) to out (m, l).
///
/// # Panics
/// If the lengths do not fit.
#[track_caller]
pub fn product(a: &[f64], b: &[f64], p: usize, out: &mut [f64]) {
    let (m, l) = (a.len() / p, b.len() / p);
    assert_eq!(
        (m * p, l * p, m * l),
        (a.len(), b.len(), out.len()),
        "shapes of A B^T"
    );
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

/// Adds the lower triangle of $A^T A$ for row-major A (m, p) to out (p, p); what stands above the
/// diagonal is arbitrary.
///
/// # Panics
/// If the lengths do not fit.
#[track_caller]
pub fn accumulate_columns(a: &[f64], p: usize, out: &mut [f64]) {
    let m = a.len() / p;
    assert_eq!((m * p, p * p), (a.len(), out.len()), "shapes of A^T A");
    out.par_chunks_mut(BAND * p)
        .enumerate()
        .for_each(|(i, out)| {
            let (from, len) = (i * BAND, out.len() / p);
            let rows = MatRef::from_row_major_slice(a, m, p);
            let left = rows.get(.., from..from + len).transpose();
            let right = rows.get(.., ..from + len);
            let out = MatMut::from_row_major_slice_mut(out, len, p).get_mut(.., ..from + len);
            matmul(out, Accum::Add, left, right, 1.0, Par::Seq);
        });
}
