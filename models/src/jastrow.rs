//! Two-body Jastrow state.

use crate::reference::{log_changes, log_rows, pullback_rows, scalar, spin, write_derivative};
use crate::{Differentiable, Init, Layout, Norm, Wavefunction};
use ketwork_hamiltonians::{ConfigsRef, Neighbours, OnSpace, Scalar, Sector, Space};
use std::marker::PhantomData;

/// Two-body Jastrow state of qubits, an unnormalised reference:
/// $\ln\psi(x) = \sum_{i<j} J_{ij} z_i z_j$ with $z_i = \pm 1$.
///
/// `Jastrow<f64>` is positive; `Jastrow<Complex64>` stores each J as a pair (real, imaginary) of real
/// parameters. Illegal configurations have amplitude 0. It has no exact sampler: draw from it by
/// Metropolis or sum over the sector.
///
/// # Shapes
/// "pair" (N (N - 1) / 2, k), pairs ordered (0, 1), (0, 2), ..., (1, 2), ..., with k = 1 or 2.
///
/// # References
/// R. Jastrow, Phys. Rev. 98, 1479 (1955).
#[derive(Clone, Debug)]
pub struct Jastrow<L> {
    sector: Sector,
    layout: Layout,
    log: PhantomData<L>,
}

impl<L: Scalar> Jastrow<L> {
    /// A state in a sector of at least two qubits, parameters drawn with deviation 0.05.
    ///
    /// # Panics
    /// If the sites are no qubits or there is only one.
    #[track_caller]
    #[must_use]
    pub fn new(sector: Sector) -> Self {
        let Space {
            n_sites: n,
            local_dim,
        } = *sector.space();
        assert!(
            local_dim == 2 && n > 1,
            "{n} sites with {local_dim} states are no pairs of qubits"
        );
        let mut layout = Layout::new();
        layout.push(
            "pair",
            &[n * (n - 1) / 2, L::COMPONENTS],
            Init::Normal(0.05),
        );
        Self {
            sector,
            layout,
            log: PhantomData,
        }
    }

    /// The legal configurations.
    #[must_use]
    pub fn sector(&self) -> &Sector {
        &self.sector
    }

    /// Place of the pair of two different sites.
    fn pair(&self, i: usize, j: usize) -> usize {
        let (i, j) = (i.min(j), i.max(j));
        i * (2 * self.space().n_sites - i - 1) / 2 + j - i - 1
    }

    /// $h_i = \sum_{j \ne i} J_{ij} z_j$ of all sites: $\ln\psi = \frac12 \sum_i z_i h_i$.
    fn fields(&self, theta: &[f64], x: &[u8]) -> Vec<L> {
        let mut field = vec![L::ZERO; x.len()];
        let mut pair = 0;
        for i in 0..x.len() {
            for j in i + 1..x.len() {
                let coupling: L = scalar(theta, pair);
                field[i] += coupling.scale(spin(x[j], 2));
                field[j] += coupling.scale(spin(x[i], 2));
                pair += 1;
            }
        }
        field
    }
}

fn log_of_fields<L: Scalar>(field: &[L], x: &[u8]) -> L {
    field
        .iter()
        .zip(x)
        .map(|(h, &v)| h.scale(0.5 * spin(v, 2)))
        .sum()
}

impl<L> OnSpace for Jastrow<L> {
    fn space(&self) -> &Space {
        self.sector.space()
    }
}

impl<L: Scalar> Wavefunction for Jastrow<L> {
    type Log = L;

    fn norm(&self) -> Norm {
        Norm::L2
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn log_psi(&self, theta: &[f64], x: ConfigsRef<'_>, out: &mut [L]) {
        log_rows(&*self.sector, x, out, |x| {
            log_of_fields(&self.fields(theta, x), x)
        });
    }

    /// A neighbour with c changes costs c^2 operations instead of N^2.
    fn log_psi_neighbours(
        &self,
        theta: &[f64],
        x: ConfigsRef<'_>,
        near: &Neighbours,
        out: &mut [L],
    ) {
        let parent = |x: &[u8]| {
            let field = self.fields(theta, x);
            (log_of_fields(&field, x), field)
        };
        log_changes(&*self.sector, x, near, out, parent, |(log, field), x, k| {
            let mut log = *log;
            let step = |i: usize, value: u8| spin(value, 2) - spin(x[i], 2);
            for (c, (i, value)) in near.changes(k).enumerate() {
                let z = step(i, value);
                log += field[i].scale(z);
                for (j, value) in near.changes(k).take(c) {
                    log += scalar::<L>(theta, self.pair(i, j)).scale(z * step(j, value));
                }
            }
            log
        });
    }
}

impl<L: Scalar> Differentiable for Jastrow<L> {
    fn pullback(&self, _theta: &[f64], x: ConfigsRef<'_>, seed: &[f64], rows: &mut [f64]) {
        pullback_rows(
            &*self.sector,
            self.layout.n_params(),
            x,
            seed,
            rows,
            |x, seed: L, row| {
                let mut pair = 0;
                for i in 0..x.len() {
                    for j in i + 1..x.len() {
                        let zz = if x[i] == x[j] { 1.0 } else { -1.0 };
                        write_derivative(row, pair, seed, L::from(zz));
                        pair += 1;
                    }
                }
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference_tests::{check_neighbours, check_tangent, sectors};
    use num_complex::Complex64;

    #[test]
    fn the_tangent_equals_central_differences() {
        for sector in sectors(&[2]) {
            check_tangent(&Jastrow::<f64>::new(sector.clone()));
            check_tangent(&Jastrow::<Complex64>::new(sector));
        }
    }

    #[test]
    fn neighbours_equal_full_evaluation() {
        for sector in sectors(&[2]) {
            check_neighbours(&Jastrow::<f64>::new(sector.clone()));
            check_neighbours(&Jastrow::<Complex64>::new(sector));
        }
    }

    #[test]
    fn pairs_are_numbered_row_by_row() {
        let psi = Jastrow::<f64>::new(sectors(&[2]).remove(0));
        let n = psi.space().n_sites;
        let pairs: Vec<usize> = (0..n)
            .flat_map(|i| (i + 1..n).map(move |j| (j, i)))
            .map(|(i, j)| psi.pair(i, j))
            .collect();
        assert_eq!(pairs, (0..n * (n - 1) / 2).collect::<Vec<_>>());
        // One coupling alone: ln psi = J z_1 z_3.
        let mut theta = vec![0.0; pairs.len()];
        theta[psi.pair(1, 3)] = 0.7;
        let mut log = [0.0];
        psi.log_psi(&theta, ConfigsRef::new(n, &[0, 1, 0, 0, 1]), &mut log);
        assert!((log[0] + 0.7f64).abs() < 1e-15, "{log:?}");
    }
}
