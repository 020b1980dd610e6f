//! Token embedding plus learned positions; the token at position p is the value at p - 1.

/// Token at position p of a row: the value before it, or the start token d at position 0.
#[inline]
pub(crate) fn token(x: &[u8], position: usize, start: usize) -> usize {
    if position == 0 {
        start
    } else {
        usize::from(x[position - 1])
    }
}

/// Writes the embedding of one row's positions `from..from + T`: y (T, w).
pub(crate) fn forward(x: &[u8], from: usize, tokens: &[f64], positions: &[f64], y: &mut [f64]) {
    let w = positions.len() / x.len();
    let start = tokens.len() / w - 1;
    for (i, y) in y.chunks_exact_mut(w).enumerate() {
        let p = from + i;
        let token = &tokens[token(x, p, start) * w..][..w];
        for ((y, t), q) in y.iter_mut().zip(token).zip(&positions[p * w..][..w]) {
            *y = t + q;
        }
    }
}

/// Writes the derivatives of one sample from the cotangent dy (N, w) of its embedding.
pub(crate) fn gradient(x: &[u8], dy: &[f64], tokens: &mut [f64], positions: &mut [f64]) {
    let w = positions.len() / x.len();
    let start = tokens.len() / w - 1;
    tokens.fill(0.0);
    positions.copy_from_slice(dy);
    for (p, dy) in dy.chunks_exact(w).enumerate() {
        for (t, d) in tokens[token(x, p, start) * w..][..w].iter_mut().zip(dy) {
            *t += d;
        }
    }
}
