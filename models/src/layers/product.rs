//! Small matrix products C = A B under run-time dispatch.
//!
//! Operands stay unpacked: the weights of a layer, or the keys of a head, fit the first-level
//! cache, and left operands are read one number at a time. Each entry of C is one chain of
//! multiply-adds over k in ascending order, so its bits depend on its row of A and its column of B
//! alone, never on how many rows or columns are computed with it.

use pulp::{Arch, Simd, WithSimd};

/// The left operand A (m, k).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Left<'a> {
    /// Row-major with a row stride.
    Rows(&'a [f64], usize),
    /// The transpose, (k, m), is row-major with a row stride.
    Columns(&'a [f64], usize),
}

/// Where the chains of multiply-adds start.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start<'a> {
    /// At 0: C = A B.
    Zero,
    /// At one number for each column: C = A B + b.
    Bias(&'a [f64]),
    /// At C: C += A B.
    Sum,
    /// C += A B + b.
    SumBias(&'a [f64]),
}

/// A product C = A B with A (m, k), B (k, n), C (m, n), and the row strides of B and C.
#[derive(Debug)]
pub(crate) struct Product<'a> {
    pub(crate) m: usize,
    pub(crate) k: usize,
    pub(crate) n: usize,
    pub(crate) a: Left<'a>,
    pub(crate) b: (&'a [f64], usize),
    pub(crate) c: (&'a mut [f64], usize),
    pub(crate) start: Start<'a>,
}

impl Product<'_> {
    /// Computes it.
    pub(crate) fn run(self) {
        Arch::new().dispatch(self);
    }
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            m,
            k,
            n,
            a,
            b,
            c: (c, c_row),
            start,
        } = self;
        let job = Job { k, n, a, b, start };
        let mut row = 0;
        // Narrow results need taller tiles: eight chains hide the latency of an addition.
        if n <= S::F64_LANES {
            while row + 8 <= m {
                let c = &mut c[row * c_row..];
                if n == S::F64_LANES {
                    job.tile::<S, 8, 1>(simd, row, 0, c, c_row);
                } else {
                    job.edge::<S, 8>(simd, row, 0, c, c_row);
                }
                row += 8;
            }
        }
        // With 16 registers six rows of two vectors: twelve sums hide the latency of an addition, and
        // eight loads feed them. Eight and nine rows are left to fours.
        if S::REGISTER_COUNT < 32 {
            while matches!(m - row, 6 | 7 | 10..) {
                job.rows::<S, 6>(simd, row, &mut c[row * c_row..], c_row);
                row += 6;
            }
        }
        while row + 4 <= m {
            job.rows::<S, 4>(simd, row, &mut c[row * c_row..], c_row);
            row += 4;
        }
        while row < m {
            job.rows::<S, 1>(simd, row, &mut c[row * c_row..], c_row);
            row += 1;
        }
    }
}

/// A product without its result.
#[derive(Clone, Copy)]
struct Job<'a> {
    k: usize,
    n: usize,
    a: Left<'a>,
    b: (&'a [f64], usize),
    start: Start<'a>,
}

impl Job<'_> {
    /// R rows of C, all columns.
    #[inline(always)]
    fn rows<S: Simd, const R: usize>(self, simd: S, row: usize, c: &mut [f64], c_row: usize) {
        let lanes = S::F64_LANES;
        let mut col = 0;
        // 16 sums, 4 vectors of B and a broadcast need 21 registers.
        if S::REGISTER_COUNT >= 32 {
            while col + 4 * lanes <= self.n {
                self.tile::<S, R, 4>(simd, row, col, c, c_row);
                col += 4 * lanes;
            }
        }
        while col + 2 * lanes <= self.n {
            self.tile::<S, R, 2>(simd, row, col, c, c_row);
            col += 2 * lanes;
        }
        while col + lanes <= self.n {
            self.tile::<S, R, 1>(simd, row, col, c, c_row);
            col += lanes;
        }
        if col < self.n {
            self.edge::<S, R>(simd, row, col, c, c_row);
        }
    }

    /// R rows of V whole vectors.
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(
        self,
        simd: S,
        row: usize,
        col: usize,
        c: &mut [f64],
        c_row: usize,
    ) {
        let width = V * S::F64_LANES;
        let mut sum = [[simd.splat_f64s(0.0); V]; R];
        if let Start::Sum | Start::SumBias(_) = self.start {
            for (r, sum) in sum.iter_mut().enumerate() {
                let (line, _) = S::as_simd_f64s(&c[r * c_row + col..][..width]);
                sum.copy_from_slice(line);
            }
        }
        if let Start::Bias(bias) | Start::SumBias(bias) = self.start {
            let (line, _) = S::as_simd_f64s(&bias[col..][..width]);
            for sum in &mut sum {
                for v in 0..V {
                    sum[v] = simd.add_f64s(sum[v], line[v]);
                }
            }
        }
        let (b, b_row) = self.b;
        match self.a {
            Left::Rows(a, a_row) => {
                let mut rows = [&a[..0]; R];
                for (r, line) in rows.iter_mut().enumerate() {
                    *line = &a[(row + r) * a_row..][..self.k];
                }
                for p in 0..self.k {
                    let (line, _) = S::as_simd_f64s(&b[p * b_row + col..][..width]);
                    for r in 0..R {
                        let x = simd.splat_f64s(rows[r][p]);
                        for v in 0..V {
                            sum[r][v] = simd.mul_add_e_f64s(x, line[v], sum[r][v]);
                        }
                    }
                }
            }
            Left::Columns(a, a_row) => {
                for p in 0..self.k {
                    let (line, _) = S::as_simd_f64s(&b[p * b_row + col..][..width]);
                    let x = &a[p * a_row + row..][..R];
                    for r in 0..R {
                        let x = simd.splat_f64s(x[r]);
                        for v in 0..V {
                            sum[r][v] = simd.mul_add_e_f64s(x, line[v], sum[r][v]);
                        }
                    }
                }
            }
        }
        for (r, sum) in sum.iter().enumerate() {
            let (line, _) = S::as_mut_simd_f64s(&mut c[r * c_row + col..][..width]);
            line.copy_from_slice(sum);
        }
    }

    /// R rows of the last columns, fewer than a vector.
    #[inline(always)]
    fn edge<S: Simd, const R: usize>(
        self,
        simd: S,
        row: usize,
        col: usize,
        c: &mut [f64],
        c_row: usize,
    ) {
        let width = self.n - col;
        let mut sum = [simd.splat_f64s(0.0); R];
        if let Start::Sum | Start::SumBias(_) = self.start {
            for (r, sum) in sum.iter_mut().enumerate() {
                *sum = simd.partial_load_f64s(&c[r * c_row + col..][..width]);
            }
        }
        if let Start::Bias(bias) | Start::SumBias(bias) = self.start {
            let bias = simd.partial_load_f64s(&bias[col..][..width]);
            for sum in &mut sum {
                *sum = simd.add_f64s(*sum, bias);
            }
        }
        let (b, b_row) = self.b;
        for p in 0..self.k {
            let line = simd.partial_load_f64s(&b[p * b_row + col..][..width]);
            for (r, sum) in sum.iter_mut().enumerate() {
                let x = match self.a {
                    Left::Rows(a, a_row) => a[(row + r) * a_row + p],
                    Left::Columns(a, a_row) => a[p * a_row + row + r],
                };
                *sum = simd.mul_add_e_f64s(simd.splat_f64s(x), line, *sum);
            }
        }
        for (r, sum) in sum.iter().enumerate() {
            simd.partial_store_f64s(&mut c[r * c_row + col..][..width], *sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(n: usize, seed: u64) -> Vec<f64> {
        let stream = crate::Stream::new(seed);
        (0..n).map(|i| stream.uniform(i as u64, 0) - 0.5).collect()
    }

    #[test]
    fn products_of_all_shapes_agree_with_the_definition() {
        for (m, k, n) in [
            (1, 1, 1),
            (4, 8, 8),
            (7, 5, 3),
            (9, 3, 33),
            (13, 17, 47),
            (8, 32, 96),
            (6, 9, 8),
            (10, 4, 12),
            (12, 7, 19),
            (25, 3, 33),
        ] {
            for (transposed, sum, biased) in [
                (false, false, true),
                (true, false, false),
                (false, true, true),
                (true, true, false),
            ] {
                // Strides larger than the widths.
                let (sa, sb, sc) = (if transposed { m + 2 } else { k + 3 }, n + 1, n + 5);
                let a = numbers(sa * if transposed { k } else { m }, 1);
                let (b, bias) = (numbers(sb * k, 2), numbers(n, 3));
                let before = numbers(sc * m, 4);
                let mut c = before.clone();
                let start = match (sum, biased) {
                    (false, false) => Start::Zero,
                    (false, true) => Start::Bias(&bias),
                    (true, false) => Start::Sum,
                    (true, true) => Start::SumBias(&bias),
                };
                let left = if transposed {
                    Left::Columns(&a, sa)
                } else {
                    Left::Rows(&a, sa)
                };
                let mut scalar = before.clone();
                let into = |c| Product {
                    m,
                    k,
                    n,
                    a: left,
                    b: (&b, sb),
                    c: (c, sc),
                    start,
                };
                into(&mut c).run();
                // Tiles of one lane, as on a processor without vectors.
                into(&mut scalar).with_simd(pulp::Scalar::new());
                for i in 0..m {
                    for j in 0..sc {
                        let mut exact = before[i * sc + j];
                        if j < n {
                            exact = if sum { exact } else { 0.0 };
                            exact += if biased { bias[j] } else { 0.0 };
                            for p in 0..k {
                                let x = if transposed {
                                    a[p * sa + i]
                                } else {
                                    a[i * sa + p]
                                };
                                exact += x * b[p * sb + j];
                            }
                        }
                        for (name, c) in [("dispatched", &c), ("scalar", &scalar)] {
                            let gap = (c[i * sc + j] - exact).abs();
                            assert!(gap < 1e-14, "{name} ({m}, {k}, {n}) at ({i}, {j}): {gap}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_bits_of_a_row_do_not_depend_on_its_company() {
        let (m, k, n) = (11, 32, 37);
        let (a, b) = (numbers(m * k, 5), numbers(k * n, 6));
        let mut all = vec![0.0; m * n];
        let left = Left::Rows(&a, k);
        Product {
            m,
            k,
            n,
            a: left,
            b: (&b, n),
            c: (&mut all, n),
            start: Start::Zero,
        }
        .run();
        for i in 0..m {
            let mut one = vec![0.0; n];
            let left = Left::Rows(&a[i * k..], k);
            Product {
                m: 1,
                k,
                n,
                a: left,
                b: (&b, n),
                c: (&mut one, n),
                start: Start::Zero,
            }
            .run();
            assert_eq!(one, all[i * n..(i + 1) * n]);
        }
    }

    /// `cargo test --release -- --ignored --nocapture rate`.
    #[test]
    #[ignore = "a measurement, not a test: seconds"]
    fn rate_of_products() {
        for (m, k, n, columns) in [
            (256, 32, 96, false),
            (256, 32, 128, false),
            (256, 128, 32, false),
            (256, 32, 32, false),
            (32, 32, 128, true),
            (128, 32, 32, true),
            (8, 8, 32, false),
            (8, 32, 8, false),
            (8, 32, 8, true),
            (1, 8, 32, false),
            (1, 32, 8, false),
        ] {
            let (a, b) = (numbers(m * k, 5), numbers(k * n, 6));
            let mut c = vec![0.0; m * n];
            // Long enough for the clock, which moves in steps of some milliseconds.
            let count = 4_000_000_000 / (m * k * n);
            let start = crate::layers::cpu_time();
            for _ in 0..count {
                let a = std::hint::black_box(&a);
                let left = if columns {
                    Left::Columns(a, m)
                } else {
                    Left::Rows(a, k)
                };
                Product {
                    m,
                    k,
                    n,
                    a: left,
                    b: (&b, n),
                    c: (&mut c, n),
                    start: Start::Zero,
                }
                .run();
            }
            let time = crate::layers::cpu_time() - start;
            let rate = 2.0 * (count * m * k * n) as f64 / time / 1e6;
            println!("({m}, {k}) ({k}, {n}) transposed {columns}: {rate:.1} GF/s");
        }
    }
}
