//! The complete ansatz: one free log-amplitude for each prefix.

use crate::{Conditional, Init, Layout};
use ketwork_hamiltonians::{ConfigsRef, OnSpace, Scalar, Space};
use std::marker::PhantomData;

/// Largest table: $d^{N}$ prefixes above this are refused.
const LARGEST: usize = 1 << 22;

/// One free number (or amplitude and phase) for each prefix and value: any state can be written.
///
/// The prefix of length p with digits $x_0 \dots x_{p-1}$ has the index
/// $(d^p - 1)/(d - 1) + \sum_j x_j d^{p-1-j}$. With exact sums every variational algorithm on this
/// ansatz must agree with exact diagonalisation: the backbone of the tests.
#[derive(Clone, Debug)]
pub struct PrefixTable<L> {
    space: Space,
    layout: Layout,
    log: PhantomData<L>,
}

impl<L: Scalar> PrefixTable<L> {
    /// A table that starts near the uniform positive state, values drawn with deviation 0.1.
    ///
    /// # Panics
    /// If the space has more than $2^{22}$ configurations.
    #[track_caller]
    #[must_use]
    pub fn new(space: Space) -> Self {
        let d = space.local_dim;
        assert!(
            space.dimension() <= LARGEST as f64,
            "a table of all prefixes of {} sites is too large",
            space.n_sites
        );
        let prefixes: usize = (0..space.n_sites).map(|p| d.pow(p as u32)).sum();
        let mut layout = Layout::new();
        layout.push("table", &[prefixes, d, L::COMPONENTS], Init::Normal(0.1));
        Self {
            space,
            layout,
            log: PhantomData,
        }
    }

    fn entries(&self, x: &[u8], mut visit: impl FnMut(usize, usize)) {
        let d = self.space.local_dim;
        let (mut first, mut index) = (0, 0);
        for (p, &v) in x.iter().enumerate() {
            visit(p, (first + index) * d * L::COMPONENTS);
            first += d.pow(p as u32);
            index = index * d + v as usize;
        }
    }
}

impl<L: Scalar> OnSpace for PrefixTable<L> {
    fn space(&self) -> &Space {
        &self.space
    }
}

impl<L: Scalar> Conditional for PrefixTable<L> {
    type Log = L;
    type Work = ();

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn work(&self, _batch: usize) -> Self::Work {}

    fn forward(&self, theta: &[f64], _work: &mut (), x: ConfigsRef<'_>, out: &mut [L]) {
        let (n, d, k) = (self.space.n_sites, self.space.local_dim, L::COMPONENTS);
        for (row, out) in x.rows().zip(out.chunks_mut(n * d)) {
            self.entries(row, |p, at| {
                for v in 0..d {
                    let im = if k == 2 { theta[at + v * k + 1] } else { 0.0 };
                    out[p * d + v] = L::from_parts(theta[at + v * k], im);
                }
            });
        }
    }

    fn pullback(
        &self,
        _theta: &[f64],
        _work: &mut (),
        x: ConfigsRef<'_>,
        cotangent: &[f64],
        rows: &mut [f64],
    ) {
        let (n, dk) = (self.space.n_sites, self.space.local_dim * L::COMPONENTS);
        rows.fill(0.0);
        let n_params = self.layout.n_params();
        for ((row, c), out) in x
            .rows()
            .zip(cotangent.chunks(n * dk))
            .zip(rows.chunks_mut(n_params))
        {
            self.entries(row, |p, at| {
                out[at..at + dk].copy_from_slice(&c[p * dk..(p + 1) * dk]);
            });
        }
    }
}
