//! Restricted Boltzmann machine.

use crate::reference::{log_changes, log_rows, pullback_rows, scalar, spin, write_derivative};
use crate::{Differentiable, Init, Layout, Norm, Wavefunction};
use ketwork_hamiltonians::{ConfigsRef, Neighbours, OnSpace, Scalar, Sector, Space};
use std::marker::PhantomData;
use std::ops::Range;

/// Restricted Boltzmann machine, an unnormalised reference state:
/// $\ln\psi(x) = \sum_i a_i z_i + \sum_j \ln 2\cosh(b_j + \sum_i z_i W_{ij})$.
///
/// $z_i = 1 - 2 x_i / (d - 1)$ runs from +1 to -1. `Rbm<f64>` is positive; `Rbm<Complex64>` has
/// complex weights, each stored as a pair (real, imaginary) of real parameters. Illegal
/// configurations have amplitude 0. It has no exact sampler: draw from it by Metropolis or sum
/// over the sector.
///
/// # Shapes
/// "visible" (N, k), "hidden" (M, k), "weight" (N, M, k), with k = 1 or 2.
///
/// # References
/// G. Carleo and M. Troyer, Science 355, 602 (2017).
#[derive(Clone, Debug)]
pub struct Rbm<L> {
    sector: Sector,
    layout: Layout,
    n_hidden: usize,
    visible: Range<usize>,
    hidden: Range<usize>,
    weight: Range<usize>,
    log: PhantomData<L>,
}

impl<L: Scalar> Rbm<L> {
    /// A machine with M = `n_hidden` hidden units, parameters drawn with deviation 0.05.
    ///
    /// # Panics
    /// If `n_hidden` is 0.
    #[track_caller]
    #[must_use]
    pub fn new(sector: Sector, n_hidden: usize) -> Self {
        assert!(n_hidden > 0, "a machine needs a hidden unit");
        let (n, k) = (sector.space().n_sites, L::COMPONENTS);
        let mut layout = Layout::new();
        let visible = layout.push("visible", &[n, k], Init::Normal(0.05));
        let hidden = layout.push("hidden", &[n_hidden, k], Init::Normal(0.05));
        let weight = layout.push("weight", &[n, n_hidden, k], Init::Normal(0.05));
        Self {
            sector,
            layout,
            n_hidden,
            visible,
            hidden,
            weight,
            log: PhantomData,
        }
    }

    /// The legal configurations.
    #[must_use]
    pub fn sector(&self) -> &Sector {
        &self.sector
    }

    fn spin(&self, value: u8) -> f64 {
        spin(value, self.space().local_dim)
    }

    /// Adds z times the weights of site i to the angles of the hidden units.
    fn add_site(&self, theta: &[f64], i: usize, z: f64, angle: &mut [L]) {
        let (m, k) = (self.n_hidden, L::COMPONENTS);
        let weight = &theta[self.weight.clone()][i * m * k..(i + 1) * m * k];
        for (j, angle) in angle.iter_mut().enumerate() {
            *angle += scalar::<L>(weight, j).scale(z);
        }
    }

    /// Visible part of ln psi, and the angles of the hidden units.
    fn angles(&self, theta: &[f64], x: &[u8]) -> (L, Vec<L>) {
        let (a, b) = (&theta[self.visible.clone()], &theta[self.hidden.clone()]);
        let mut angle: Vec<L> = (0..self.n_hidden).map(|j| scalar(b, j)).collect();
        let mut visible = L::ZERO;
        for (i, &v) in x.iter().enumerate() {
            let z = self.spin(v);
            visible += scalar::<L>(a, i).scale(z);
            self.add_site(theta, i, z, &mut angle);
        }
        (visible, angle)
    }
}

/// $q = e^{-2z}$ and the sign for which it is at most 1, so that nothing overflows.
fn decay<L: Scalar>(z: L) -> (L, f64) {
    let sign = 1f64.copysign(z.re());
    (z.scale(-2.0 * sign).exp(), sign)
}

/// $\ln 2\cosh z$.
fn ln_2cosh<L: Scalar>(z: L) -> L {
    let (q, sign) = decay(z);
    z.scale(sign) + (L::ONE + q).ln()
}

fn tanh<L: Scalar>(z: L) -> L {
    let (q, sign) = decay(z);
    ((L::ONE - q) / (L::ONE + q)).scale(sign)
}

impl<L> OnSpace for Rbm<L> {
    fn space(&self) -> &Space {
        self.sector.space()
    }
}

impl<L: Scalar> Wavefunction for Rbm<L> {
    type Log = L;

    fn norm(&self) -> Norm {
        Norm::L2
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn log_psi(&self, theta: &[f64], x: ConfigsRef<'_>, out: &mut [L]) {
        log_rows(&*self.sector, x, out, |x| {
            let (visible, angle) = self.angles(theta, x);
            visible + angle.into_iter().map(ln_2cosh).sum()
        });
    }

    /// A changed site costs M operations instead of N M.
    fn log_psi_neighbours(
        &self,
        theta: &[f64],
        x: ConfigsRef<'_>,
        near: &Neighbours,
        out: &mut [L],
    ) {
        let a = &theta[self.visible.clone()];
        let parent = |x: &[u8]| self.angles(theta, x);
        log_changes(
            &*self.sector,
            x,
            near,
            out,
            parent,
            |(visible, angle), x, k| {
                let (mut visible, mut angle) = (*visible, angle.clone());
                for (i, value) in near.changes(k) {
                    let z = self.spin(value) - self.spin(x[i]);
                    visible += scalar::<L>(a, i).scale(z);
                    self.add_site(theta, i, z, &mut angle);
                }
                visible + angle.into_iter().map(ln_2cosh).sum()
            },
        );
    }
}

impl<L: Scalar> Differentiable for Rbm<L> {
    fn pullback(&self, theta: &[f64], x: ConfigsRef<'_>, seed: &[f64], rows: &mut [f64]) {
        let (m, n_params) = (self.n_hidden, self.layout.n_params());
        pullback_rows(&*self.sector, n_params, x, seed, rows, |x, seed: L, row| {
            let slope: Vec<L> = self.angles(theta, x).1.into_iter().map(tanh).collect();
            for (i, &v) in x.iter().enumerate() {
                let z = self.spin(v);
                write_derivative(&mut row[self.visible.clone()], i, seed, L::from(z));
                for (j, t) in slope.iter().enumerate() {
                    write_derivative(&mut row[self.weight.clone()], i * m + j, seed, t.scale(z));
                }
            }
            for (j, t) in slope.iter().enumerate() {
                write_derivative(&mut row[self.hidden.clone()], j, seed, *t);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference_tests::{check_neighbours, check_tangent, sectors};
    use num_complex::Complex64;

    #[test]
    fn the_tangent_equals_central_differences() {
        for sector in sectors(&[2, 3]) {
            check_tangent(&Rbm::<f64>::new(sector.clone(), 7));
            check_tangent(&Rbm::<Complex64>::new(sector, 7));
        }
    }

    #[test]
    fn neighbours_equal_full_evaluation() {
        for sector in sectors(&[2, 3]) {
            check_neighbours(&Rbm::<f64>::new(sector.clone(), 7));
            check_neighbours(&Rbm::<Complex64>::new(sector, 7));
        }
    }

    #[test]
    fn amplitudes_equal_the_sum_over_hidden_units() {
        let sector = sectors(&[2]).remove(0);
        let psi = Rbm::<Complex64>::new(sector, 3);
        let theta = psi.layout().initial(crate::Stream::new(2));
        let w: Vec<Complex64> = theta
            .chunks(2)
            .map(|c| Complex64::new(c[0], c[1]))
            .collect();
        let x = [1, 0, 0, 1, 1];
        let n = x.len();
        let mut log = [Complex64::ZERO];
        psi.log_psi(&theta, ConfigsRef::new(n, &x), &mut log);
        let z = |v: u8| 1.0 - 2.0 * f64::from(v);
        let mut sum = Complex64::ZERO;
        for h in 0..8u8 {
            let h: Vec<f64> = (0..3).map(|j| z(h >> j & 1)).collect();
            let mut e = Complex64::ZERO;
            for i in 0..n {
                e += w[i] * z(x[i]);
                e += (0..3)
                    .map(|j| w[n + 3 + i * 3 + j] * z(x[i]) * h[j])
                    .sum::<Complex64>();
            }
            e += (0..3).map(|j| w[n + j] * h[j]).sum::<Complex64>();
            sum += e.exp();
        }
        assert!(
            (log[0].exp() - sum).norm() < 1e-13 * sum.norm(),
            "{} {sum}",
            log[0].exp()
        );
    }

    #[test]
    fn large_angles_do_not_overflow() {
        assert!((ln_2cosh(-800.0) - 800.0).abs() < 1e-12);
        assert!((tanh(Complex64::new(800.0, 0.3)) - 1.0).norm() < 1e-15);
        let z = Complex64::new(-0.3, 0.4);
        assert!((ln_2cosh(z).exp() - 2.0 * z.cosh()).norm() < 1e-15);
        assert!((tanh(z) - z.tanh()).norm() < 1e-15);
    }
}
