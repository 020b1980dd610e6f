use super::{Basis, ExactError, Memory};
use crate::hamiltonians::{OnSpace, Scalar};
use num_complex::Complex64;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Configurations decoded together.
const BLOCK: usize = 1 << 14;

/// The Renyi-2 entropy $S_2(A) = -\ln \mathrm{Tr}\,\rho_A^2$ of a region, for a state over a basis.
///
/// $\rho_A = M M^\dagger$ with $M_{ab} = \psi(ab) / \Vert\psi\Vert$; $\mathrm{Tr}\,\rho_A^2$ is the same
/// for A and the rest, so the density matrix of the smaller side is built. The state need not be
/// normalised. Nats, between 0 and $|A| \ln d$.
///
/// # Shapes
/// `psi` (dimension of the basis); `region` lists the sites of A, in any order.
///
/// # Errors
/// [`ExactError::Memory`] where the smaller density matrix does not fit.
///
/// # Panics
/// If `psi` has another length than the basis, or the region names a site twice or outside.
///
/// # Examples
/// ```
/// use ketwork::exact::{LanczosParams, Memory, ground_state, renyi2};
/// use ketwork::hamiltonians::{Boundary, Heisenberg, Lattice};
/// // Two spins make a singlet: each is maximally mixed.
/// let pair = Heisenberg::default().on(&Lattice::chain(2, Boundary::Open)?)?;
/// let singlet = ground_state(&pair, &LanczosParams::default())?;
/// let s2 = renyi2(&singlet.basis, &singlet.vectors[0], &[1], Memory::default())?;
/// assert!((s2 - 2f64.ln()).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn renyi2<V: Scalar>(
    basis: &Basis,
    psi: &[V],
    region: &[usize],
    memory: Memory,
) -> Result<f64, ExactError> {
    assert_eq!(psi.len(), basis.len(), "length of the state");
    let inside = sites_of(region, basis.space().n_sites);
    let (mut left, mut right) = (BTreeMap::new(), BTreeMap::new());
    // (number of the part in A, number of the rest), by configuration.
    let mut places = Vec::with_capacity(basis.len());
    for start in (0..basis.len()).step_by(BLOCK) {
        let x = basis.configs(start..basis.len().min(start + BLOCK));
        for row in x.view().rows() {
            let part = |side: bool| -> Vec<u8> {
                let on = |(v, i): (&u8, &bool)| (*i == side).then_some(*v);
                row.iter().zip(&inside).filter_map(on).collect()
            };
            let (a, b) = (left.len(), right.len());
            let a = *left.entry(part(true)).or_insert(a);
            let b = *right.entry(part(false)).or_insert(b);
            places.push((a, b));
        }
    }
    if left.len() > right.len() {
        std::mem::swap(&mut left, &mut right);
        places.iter_mut().for_each(|p| *p = (p.1, p.0));
    }
    let (small, large) = (left.len(), right.len());
    let bytes = 16.0 * (small * small) as f64;
    memory.check("the reduced density matrix", basis.len() as f64, bytes)?;
    let mut rows = vec![Vec::new(); small];
    let mut columns = vec![Vec::new(); large];
    for (&(a, b), v) in places.iter().zip(psi) {
        rows[a].push((b, v.to_complex()));
        columns[b].push((a, v.to_complex()));
    }
    // Each row of the density matrix is one sum in a fixed order.
    let row = |row: &Vec<(usize, Complex64)>| {
        let mut density = vec![Complex64::ZERO; small];
        for &(b, v) in row {
            for &(a, w) in &columns[b] {
                density[a] += v * w.conj();
            }
        }
        density.iter().map(|d| d.norm_sqr()).sum::<f64>()
    };
    let squares: Vec<f64> = rows.par_iter().map(row).collect();
    let norm: f64 = psi.iter().map(|v| v.abs2()).sum();
    Ok(-(squares.iter().sum::<f64>() / (norm * norm)).ln())
}

/// Which sites lie in the region.
#[track_caller]
pub(crate) fn sites_of(region: &[usize], n_sites: usize) -> Vec<bool> {
    let mut inside = vec![false; n_sites];
    for &site in region {
        assert!(site < n_sites, "site {site} of {n_sites}");
        assert!(
            !std::mem::replace(&mut inside[site], true),
            "the region names site {site} twice"
        );
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hamiltonians::{Free, Number, Space};
    use ketwork_models::Stream;

    fn random(n: usize) -> Vec<Complex64> {
        let s = Stream::new(6);
        (0..n as u64)
            .map(|i| Complex64::new(s.uniform(i, 0) - 0.5, s.uniform(i, 1) - 0.5))
            .collect()
    }

    #[test]
    fn known_states_have_their_entropy() {
        let basis = Basis::new(&Free::new(Space::qubits(4)), Memory::default()).unwrap();
        let of = |set: &[[u8; 4]], region: &[usize]| {
            let mut psi = vec![0.0; 16];
            set.iter().for_each(|x| psi[basis.index(x).unwrap()] = 3.0);
            renyi2(&basis, &psi, region, Memory::default()).unwrap()
        };
        let cat = [[0, 0, 0, 0], [1, 1, 1, 1]];
        // Two Bell pairs, sites (0, 2) and (1, 3).
        let pairs = [[0, 0, 0, 0], [0, 1, 0, 1], [1, 0, 1, 0], [1, 1, 1, 1]];
        let ln2 = 2f64.ln();
        for (set, region, exact) in [
            (&cat[..1], &[0, 1][..], 0.0),
            (&cat, &[2], ln2),
            (&cat, &[3, 0, 1], ln2),
            (&cat, &[], 0.0),
            (&pairs, &[0, 1], 2.0 * ln2),
            (&pairs, &[0, 2], 0.0),
            (&pairs, &[0, 1, 2], ln2),
        ] {
            let found = of(set, region);
            assert!((found - exact).abs() < 1e-13, "{region:?}: {found} {exact}");
        }
    }

    #[test]
    fn the_purity_is_the_sum_over_two_swapped_copies() {
        // Independent of any density matrix: sum over n, m of psi(n) psi(m) conj(swapped pair).
        let space = Space::new(4, 3);
        for sector in [
            Box::new(Free::new(space)) as Box<dyn crate::Constraint>,
            Box::new(Number::new(space, 4).unwrap()),
        ] {
            let basis = Basis::new(&*sector, Memory::default()).unwrap();
            let psi = random(basis.len());
            let x = basis.configs(0..basis.len());
            let amplitude = |x: &[u8]| basis.index(x).map_or(Complex64::ZERO, |i| psi[i]);
            for region in [&[0][..], &[1, 3], &[0, 1, 2]] {
                let mut sum = Complex64::ZERO;
                for (n, a) in x.view().rows().zip(&psi) {
                    for (m, b) in x.view().rows().zip(&psi) {
                        let (mut n, mut m) = (n.to_vec(), m.to_vec());
                        region
                            .iter()
                            .for_each(|&s| std::mem::swap(&mut n[s], &mut m[s]));
                        sum += a * b * (amplitude(&n) * amplitude(&m)).conj();
                    }
                }
                let norm: f64 = psi.iter().map(|v| v.norm_sqr()).sum();
                let exact = -(sum.re / norm.powi(2)).ln();
                let found = renyi2(&basis, &psi, region, Memory::default()).unwrap();
                assert!((found - exact).abs() < 1e-12, "{region:?}: {found} {exact}");
            }
        }
    }
}
