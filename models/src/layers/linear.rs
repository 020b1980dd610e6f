//! Affine maps y = x W + b with weights stored (in, out).

use super::product::{Left, Product, Start};

/// Writes y = x W + b, or adds it to y: x (T, in), W (in, out), y (T, out) with a row stride.
pub(crate) fn forward(
    x: &[f64],
    weight: &[f64],
    bias: &[f64],
    y: &mut [f64],
    y_row: usize,
    add: bool,
) {
    let n = bias.len();
    let k = weight.len() / n;
    let start = if add {
        Start::SumBias(bias)
    } else {
        Start::Bias(bias)
    };
    Product {
        m: x.len() / k,
        k,
        n,
        a: Left::Rows(x, k),
        b: (weight, n),
        c: (y, y_row),
        start,
    }
    .run();
}

/// Writes dx = dy W^T, or adds it to dx, from the transposed weights (out, in).
pub(crate) fn backward(dy: &[f64], transposed: &[f64], dx: &mut [f64], out: usize, add: bool) {
    let n = transposed.len() / out;
    Product {
        m: dy.len() / out,
        k: out,
        n,
        a: Left::Rows(dy, out),
        b: (transposed, n),
        c: (dx, n),
        start: if add { Start::Sum } else { Start::Zero },
    }
    .run();
}

/// Writes the derivatives of one sample: dW = x^T dy and db = column sums of dy.
pub(crate) fn gradient(x: &[f64], dy: &[f64], weight: &mut [f64], bias: &mut [f64]) {
    let n = bias.len();
    let m = weight.len() / n;
    Product {
        m,
        k: dy.len() / n,
        n,
        a: Left::Columns(x, m),
        b: (dy, n),
        c: (weight, n),
        start: Start::Zero,
    }
    .run();
    super::norm::column_sums(dy, bias);
}

/// Writes W^T (out, in) of W (in, out).
pub(crate) fn transpose(weight: &[f64], out: usize, transposed: &mut [f64]) {
    let rows = weight.len() / out;
    for (i, row) in weight.chunks_exact(out).enumerate() {
        for (j, w) in row.iter().enumerate() {
            transposed[j * rows + i] = *w;
        }
    }
}
