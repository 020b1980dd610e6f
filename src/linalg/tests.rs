//! LAPACK against faer on random problems.

use crate::{lapack, native};
use num_complex::Complex64;

/// Uniform numbers in [-1/2, 1/2] (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    }

    fn vector(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.next()).collect()
    }

    /// A symmetric matrix with eigenvalues of order 1, bounded from below by 0.1.
    fn positive(&mut self, m: usize) -> Vec<f64> {
        let j = self.vector(m * 2 * m);
        let mut a = vec![0.0; m * m];
        if m > 0 {
            crate::lower_product(&j, 2 * m, &mut a);
        }
        for r in 0..m {
            a[r * m..=r * m + r].iter_mut().for_each(|a| *a /= m as f64);
            a[r * m + r] += 0.1;
        }
        a
    }
}

const SIZES: [usize; 7] = [0, 1, 2, 3, 17, 64, 150];

fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "lengths");
    let far = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    far.fold(0.0, f64::max)
}

#[test]
fn cholesky_solutions_equal_faers() {
    for m in SIZES {
        let mut numbers = Numbers(m as u64);
        let (a, b) = (numbers.positive(m), numbers.vector(m));
        let (mut x, mut y) = (b.clone(), b);
        lapack::Factor::new(&a, m).unwrap().solve(&mut x);
        native::Factor::new(&a, m).unwrap().solve(&mut y);
        let far = distance(&x, &y);
        assert!(far < 1e-10, "{m} rows differ by {far:.1e}");
    }
}

#[test]
fn both_name_the_pivot_that_is_not_positive() {
    let m = 40;
    let mut a = Numbers(7).positive(m);
    a[23 * m + 23] = -1.0;
    assert_eq!(lapack::Factor::new(&a, m).err(), Some(23), "LAPACK");
    assert_eq!(native::Factor::new(&a, m).err(), Some(23), "faer");
    let b = vec![1.0; m];
    let mut x = b.clone();
    assert_eq!(crate::cholesky_solve(&a, &mut x), Err(23), "the solve");
    assert_eq!(x, b, "the right-hand side is left alone");
}

#[test]
fn single_precision_factors_agree_to_single_precision() {
    let m = 150;
    let mut numbers = Numbers(3);
    let a: Vec<f32> = numbers.positive(m).iter().map(|a| *a as f32).collect();
    let mut x: Vec<f32> = numbers.vector(m).iter().map(|b| *b as f32).collect();
    let mut y = x.clone();
    lapack::Factor::new(&a, m).unwrap().solve(&mut x);
    native::Factor::new(&a, m).unwrap().solve(&mut y);
    // Condition number below 20, solutions of order 5: a few hundred units of 6e-8.
    let far = x.iter().zip(&y).map(|(x, y)| (x - y).abs());
    assert!(far.fold(0.0, f32::max) < 1e-4, "{x:?} {y:?}");
}

#[test]
fn real_spectra_and_projectors_equal_faers() {
    for n in SIZES {
        let mut numbers = Numbers(100 + n as u64);
        let a = numbers.vector(n * n);
        let element = |i: usize, j: usize| a[i * n + j];
        let (values, vectors) = lapack::eigen(n, element).unwrap();
        let (expected, others) = native::eigen(n, element).unwrap();
        let far = distance(&values, &expected);
        assert!(far < 1e-10, "eigenvalues of {n} rows differ by {far:.1e}");
        for (u, v) in vectors.chunks(n.max(1)).zip(others.chunks(n.max(1))) {
            // Up to the sign.
            let overlap: f64 = u.iter().zip(v).map(|(u, v)| u * v).sum();
            let turned: Vec<f64> = v.iter().map(|v| overlap.signum() * v).collect();
            let far = distance(u, &turned);
            assert!(far < 1e-10, "eigenvectors of {n} rows differ by {far:.1e}");
        }
    }
}

#[test]
fn complex_spectra_equal_faers_and_vectors_fulfil_their_equation() {
    for n in SIZES {
        let mut numbers = Numbers(200 + n as u64);
        let (re, im) = (numbers.vector(n * n), numbers.vector(n * n));
        let element = |i: usize, j: usize| match i.cmp(&j) {
            std::cmp::Ordering::Greater => Complex64::new(re[i * n + j], im[i * n + j]),
            std::cmp::Ordering::Equal => Complex64::from(re[i * n + i]),
            std::cmp::Ordering::Less => Complex64::new(re[j * n + i], -im[j * n + i]),
        };
        let (values, vectors) = lapack::eigen(n, element).unwrap();
        let (expected, _) = native::eigen(n, element).unwrap();
        let far = distance(&values, &expected);
        assert!(far < 1e-10, "eigenvalues of {n} rows differ by {far:.1e}");
        for (u, value) in vectors.chunks(n.max(1)).zip(&values) {
            for i in 0..n {
                let au: Complex64 = (0..n).map(|j| element(i, j) * u[j]).sum();
                let far = (au - u[i] * value).norm();
                assert!(far < 1e-10, "row {i} of {n}: A u - lambda u = {far:.1e}");
            }
        }
    }
}

#[test]
fn least_squares_through_eigenspaces_equal_the_direct_solution() {
    let m = 60;
    let mut numbers = Numbers(11);
    let (a, b) = (numbers.positive(m), numbers.vector(m));
    let (mut x, mut y) = (b.clone(), b);
    assert_eq!(crate::eigen_solve(&a, &mut x, 1e-12), Ok(m), "full rank");
    native::Factor::new(&a, m).unwrap().solve(&mut y);
    let far = distance(&x, &y);
    assert!(far < 1e-10, "they differ by {far:.1e}");
}
