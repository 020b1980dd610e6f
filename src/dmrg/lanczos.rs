use crate::Element;
use crate::dense::Factor;
use ketwork_linalg::{NoConvergence, eigen_real};

/// Memory of Krylov bases.
#[derive(Clone, Debug, Default)]
pub(crate) struct Krylov<T> {
    basis: Vec<T>,
    image: Vec<T>,
    overlaps: Vec<T>,
}

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stop {
    /// Largest number of products with the matrix.
    pub(crate) steps: usize,
    /// Norm of the residual that is small enough.
    pub(crate) residual: f64,
}

impl<T: Element> Krylov<T> {
    /// Replaces `state` by the normalised lowest vector of the Krylov space that it spans under a
    /// Hermitian `apply`; returns its value and the number of products.
    ///
    /// Each new vector is orthogonalised against all before it: the spaces are small, and a
    /// three-term recursion would lose their orthogonality.
    pub(crate) fn lowest(
        &mut self,
        state: &mut [T],
        mut apply: impl FnMut(&[T], &mut [T]),
        stop: Stop,
    ) -> Result<(f64, usize), NoConvergence> {
        let n = state.len();
        let norm = norm(state);
        self.basis.clear();
        self.basis.extend(state.iter().map(|v| v.scale(1.0 / norm)));
        self.image.resize(n, T::ZERO);
        let image = &mut self.image[..n];
        let (mut alpha, mut beta) = (Vec::new(), Vec::new());
        loop {
            let k = alpha.len();
            image.fill(T::ZERO);
            apply(&self.basis[k * n..], image);
            self.overlaps.resize(k + 1, T::ZERO);
            let basis = Factor::new(&self.basis, n, k + 1);
            for pass in 0..2 {
                let overlaps = &mut self.overlaps[..=k];
                T::write_product(overlaps, basis.adjoint(), Factor::new(image, n, 1));
                T::add_product(image, basis, Factor::new(overlaps, k + 1, 1), -1.0);
                if pass == 0 {
                    alpha.push(overlaps[k].re());
                }
            }
            let next = crate::lanczos::norm(image);
            let (value, vector) = tridiagonal(&alpha, &beta)?;
            let scale = alpha.iter().map(|a: &f64| a.abs()).fold(next, f64::max);
            let small = next * vector[k].abs() <= stop.residual || next <= 1e-14 * scale;
            if small || k + 1 >= stop.steps.min(n) || !next.is_finite() {
                let vector: Vec<_> = vector.iter().map(|&v| T::from(v)).collect();
                T::write_product(state, basis, Factor::new(&vector, k + 1, 1));
                let norm = crate::lanczos::norm(state);
                state.iter_mut().for_each(|v| *v = v.scale(1.0 / norm));
                return Ok((value, k + 1));
            }
            beta.push(next);
            self.basis.extend(image.iter().map(|v| v.scale(1.0 / next)));
        }
    }
}

pub(crate) fn norm<T: Element>(v: &[T]) -> f64 {
    // Eight interleaved sums, which vectorise.
    let mut sums = [0.0; 8];
    for v in v.chunks(8) {
        for (s, v) in sums.iter_mut().zip(v) {
            *s += v.abs2();
        }
    }
    sums.iter().sum::<f64>().sqrt()
}

/// The lowest eigenpair of a symmetric tridiagonal matrix.
fn tridiagonal(alpha: &[f64], beta: &[f64]) -> Result<(f64, Vec<f64>), NoConvergence> {
    if alpha.len() == 1 {
        return Ok((alpha[0], vec![1.0]));
    }
    let (values, vectors) = eigen_real(alpha.len(), |i, j| match i - j {
        0 => alpha[i],
        1 => beta[j],
        _ => 0.0,
    })?;
    let lowest = vectors.into_iter().next().expect("at least one vector");
    Ok((values[0], lowest))
}
