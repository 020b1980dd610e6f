//! Laws of the unnormalised reference states.

use crate::{Differentiable, Stream, Wavefunction};
use ketwork_hamiltonians::{Configs, Free, Neighbours, Number, Scalar, Sector, Space, is_legal};
use std::sync::Arc;

/// A free and a constrained sector of five sites for each local dimension.
pub(crate) fn sectors(local_dims: &[usize]) -> Vec<Sector> {
    let mut out: Vec<Sector> = Vec::new();
    for &d in local_dims {
        let space = Space::new(5, d);
        out.push(Arc::new(Free::new(space)));
        let order = vec![3, 1, 4, 0, 2];
        out.push(Arc::new(
            Number::with_order(space, 3, order).expect("3 fit in 5 sites"),
        ));
    }
    out
}

fn all(space: &Space) -> Configs {
    let (n, d) = (space.n_sites, space.local_dim);
    let rows =
        (0..d.pow(n as u32)).flat_map(|i| (0..n).map(move |p| (i / d.pow(p as u32) % d) as u8));
    Configs::from_data(n, rows.collect())
}

/// Illegal amplitudes vanish; on legal ones the Jacobian equals central differences.
pub(crate) fn check_tangent<W: Differentiable + WithSector>(psi: &W) {
    let theta = psi.layout().initial(Stream::new(5));
    let x = all(psi.space());
    let mut log = vec![W::Log::ZERO; x.len()];
    psi.log_psi(&theta, x.view(), &mut log);
    let mut kept = Configs::new(x.n_sites());
    for (row, log) in x.view().rows().zip(&log) {
        let legal = is_legal(&**psi.of_sector(), row);
        assert_eq!(legal, log.re() > f64::NEG_INFINITY, "{row:?}: {log}");
        if legal && kept.len() < 12 {
            kept.push(row);
        }
    }
    let (b, p, k) = (kept.len(), theta.len(), W::Log::COMPONENTS);
    let mut rows = vec![0.0; k * b * p];
    psi.jacobian(&theta, kept.view(), &mut rows);
    let h = 1e-5;
    for j in 0..p {
        let ends = [1.0, -1.0].map(|sign| {
            let (mut theta, mut log) = (theta.clone(), vec![W::Log::ZERO; b]);
            theta[j] += sign * h;
            psi.log_psi(&theta, kept.view(), &mut log);
            log
        });
        for s in 0..b {
            // Step 1e-5 on functions of order 1: 1e-10 truncation, 1e-11 rounding.
            let slope = (ends[0][s] - ends[1][s]).scale(0.5 / h);
            let re = rows[s * p + j];
            assert!(
                (re - slope.re()).abs() < 1e-9,
                "{j} of sample {s}: {re} against {slope}"
            );
            if k == 2 {
                let im = rows[(b + s) * p + j];
                assert!(
                    (im - slope.im()).abs() < 1e-9,
                    "{j} of sample {s}: {im} against {slope}"
                );
            }
        }
    }
}

/// Changed amplitudes equal those of the written-out configurations, illegal ones included.
pub(crate) fn check_neighbours<W: Wavefunction + WithSector>(psi: &W) {
    let theta = psi.layout().initial(Stream::new(6));
    let (n, d) = (psi.space().n_sites, psi.space().local_dim as u8);
    let every = all(psi.space());
    let mut x = Configs::new(n);
    every
        .view()
        .rows()
        .filter(|r| is_legal(&**psi.of_sector(), r))
        .for_each(|r| x.push(r));
    let mut near = Neighbours::default();
    for b in 0..x.len() {
        let row = x.row(b).to_vec();
        near.push(b, []);
        for s in 0..n {
            let (t, u) = ((s + 2) % n, (s + 1) % n);
            near.push(b, [(s, (row[s] + 1) % d)]);
            near.push(b, [(s, row[t]), (t, row[s])]);
            near.push(
                b,
                [(t, (row[t] + 1) % d), (s, row[s]), (u, (row[u] + 1) % d)],
            );
        }
    }
    let mut fast = vec![W::Log::ZERO; near.len()];
    psi.log_psi_neighbours(&theta, x.view(), &near, &mut fast);
    let mut full = Configs::zeros(near.len(), n);
    (0..near.len()).for_each(|k| near.write(k, x.view(), full.row_mut(k)));
    let mut slow = vec![W::Log::ZERO; near.len()];
    psi.log_psi(&theta, full.view(), &mut slow);
    let mut finite = 0;
    for (a, b) in fast.iter().zip(&slow) {
        let zero = a.re() == f64::NEG_INFINITY && b.re() == f64::NEG_INFINITY;
        assert!(zero || (*a - *b).abs2() < 1e-26, "{a} against {b}");
        finite += usize::from(!zero);
    }
    assert!(finite > x.len(), "nothing was compared");
}

/// A state that knows its sector.
pub(crate) trait WithSector {
    /// The legal configurations.
    fn of_sector(&self) -> &Sector;
}

impl<L: Scalar> WithSector for crate::Rbm<L> {
    fn of_sector(&self) -> &Sector {
        self.sector()
    }
}

impl<L: Scalar> WithSector for crate::Jastrow<L> {
    fn of_sector(&self) -> &Sector {
        self.sector()
    }
}
