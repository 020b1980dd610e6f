//! What the unnormalised reference states share: legality, blocks of rows over threads.

use ketwork_hamiltonians::{ConfigsRef, Constraint, Neighbours, Scalar, is_legal_with};
use rayon::prelude::*;

/// Rows (or neighbours) of one task.
const BLOCK: usize = 64;

/// Spin of a value: +1 for 0 down to -1 for d - 1.
pub(crate) fn spin(value: u8, local_dim: usize) -> f64 {
    1.0 - 2.0 * f64::from(value) / (local_dim - 1) as f64
}

/// Number i of an array of scalars with k components each.
pub(crate) fn scalar<L: Scalar>(theta: &[f64], i: usize) -> L {
    match L::COMPONENTS {
        1 => L::from_parts(theta[i], 0.0),
        _ => L::from_parts(theta[2 * i], theta[2 * i + 1]),
    }
}

/// Writes the derivative with respect to scalar i: `o` = d ln psi / d w of a holomorphic ln psi.
///
/// With w = u + iv the real parameters have derivatives o and io; the seed weighs real and imaginary
/// part: u gets Re(conj(s) o), v gets Re(conj(s) i o).
pub(crate) fn write_derivative<L: Scalar>(out: &mut [f64], i: usize, seed: L, o: L) {
    let z = seed.conj() * o;
    if L::COMPONENTS == 1 {
        out[i] = z.re();
    } else {
        out[2 * i] = z.re();
        out[2 * i + 1] = -z.im();
    }
}

/// Evaluates `log` for every legal row; the others have amplitude 0.
pub(crate) fn log_rows<L: Scalar>(
    sector: &dyn Constraint,
    x: ConfigsRef<'_>,
    out: &mut [L],
    log: impl Fn(&[u8]) -> L + Sync,
) {
    assert_eq!(
        out.len(),
        x.len(),
        "one log-amplitude for each configuration"
    );
    let block = |i: usize, out: &mut [L]| {
        let mut state = Vec::new();
        for (b, out) in out.iter_mut().enumerate() {
            let x = x.row(i * BLOCK + b);
            *out = if is_legal_with(sector, x, &mut state) {
                log(x)
            } else {
                L::from(f64::NEG_INFINITY)
            };
        }
    };
    // Markov chains ask for few rows at a time: waking a thread would cost more than they do.
    if out.len() <= BLOCK {
        block(0, out);
    } else {
        let blocks = out.par_chunks_mut(BLOCK).enumerate();
        blocks.for_each(|(i, out)| block(i, out));
    }
}

/// Evaluates the neighbours: `parent` prepares what its neighbours share, once for each run of
/// neighbours with the same parent, `change` gives the new log-amplitude.
pub(crate) fn log_changes<L: Scalar, P>(
    sector: &dyn Constraint,
    x: ConfigsRef<'_>,
    near: &Neighbours,
    out: &mut [L],
    parent: impl Fn(&[u8]) -> P + Sync,
    change: impl Fn(&P, &[u8], usize) -> L + Sync,
) {
    assert_eq!(
        out.len(),
        near.len(),
        "one log-amplitude for each neighbour"
    );
    out.par_chunks_mut(16 * BLOCK)
        .enumerate()
        .for_each(|(i, out)| {
            let (mut state, mut row) = (Vec::new(), vec![0; x.n_sites()]);
            let mut last: Option<(u32, P)> = None;
            for (j, out) in out.iter_mut().enumerate() {
                let k = i * 16 * BLOCK + j;
                let own = near.parent[k];
                near.write(k, x, &mut row);
                if !is_legal_with(sector, &row, &mut state) {
                    *out = L::from(f64::NEG_INFINITY);
                    continue;
                }
                let shared = match last.take() {
                    Some((known, shared)) if known == own => shared,
                    _ => parent(x.row(own as usize)),
                };
                *out = change(&shared, x.row(own as usize), k);
                last = Some((own, shared));
            }
        });
}

/// Writes one row of derivatives for each configuration; `write` gets configuration, seed and row.
///
/// # Panics
/// If a configuration is illegal: its derivative is undefined.
pub(crate) fn pullback_rows<L: Scalar>(
    sector: &dyn Constraint,
    n_params: usize,
    x: ConfigsRef<'_>,
    seed: &[f64],
    rows: &mut [f64],
    write: impl Fn(&[u8], L, &mut [f64]) + Sync,
) {
    let b = x.len();
    assert_eq!(
        seed.len(),
        b * L::COMPONENTS,
        "one seed for each component and sample"
    );
    assert_eq!(rows.len(), b * n_params, "one row for each sample");
    rows.par_chunks_mut(BLOCK * n_params)
        .enumerate()
        .for_each(|(i, rows)| {
            let mut state = Vec::new();
            for (j, row) in rows.chunks_mut(n_params).enumerate() {
                let s = i * BLOCK + j;
                let x = x.row(s);
                assert!(
                    is_legal_with(sector, x, &mut state),
                    "the derivative of an illegal configuration is undefined"
                );
                let im = if L::COMPONENTS == 2 { seed[b + s] } else { 0.0 };
                write(x, L::from_parts(seed[s], im), row);
            }
        });
}
