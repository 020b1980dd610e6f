//! Random states of small bond dimension in a sector.

use crate::Element;
use crate::bond::{Bond, Sector, Shape, Tensor};
use crate::cut::{Limits, cut, join};
use ketwork_linalg::NoConvergence;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Charges as far as this from the mean filling take part.
const BAND: f64 = 2.0;

/// A normalised random state, right-canonical, with bonds of dimension up to `bond`.
pub(crate) fn random_state<T: Element>(
    n_sites: usize,
    charges: &[i64],
    total: i64,
    bond: usize,
    seed: u64,
) -> Result<Vec<Tensor<T>>, NoConvergence> {
    let top = charges.iter().copied().max().unwrap_or(0);
    let bonds: Vec<_> = (0..=n_sites)
        .map(|p| start_bond(p as i64, n_sites as i64, top, total, bond))
        .collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut random = || rng.random::<f64>() - 0.5;
    let mut tensors: Vec<Tensor<T>> = (0..n_sites)
        .map(|p| {
            let shape = Shape::new(bonds[p].clone(), bonds[p + 1].clone(), charges);
            let mut tensor = Tensor::zeros(shape);
            tensor
                .data
                .iter_mut()
                .for_each(|v| *v = T::from_parts(random(), random()));
            tensor
        })
        .collect();
    // Left-canonical from the far end is right-canonical seen from this one.
    tensors = mirrored(&tensors, charges);
    let limits = Limits {
        bond: usize::MAX,
        weight: 0.0,
    };
    let pairs = pair_charges(charges);
    for p in 0..n_sites - 1 {
        let mut theta = join(&tensors[p], &tensors[p + 1], &pairs);
        let norm = crate::lanczos::norm(&theta.data);
        theta.data.iter_mut().for_each(|v| *v = v.scale(1.0 / norm));
        let halves = cut(&theta, charges, limits, None)?;
        tensors[p] = halves.left;
        tensors[p + 1] = halves.right;
    }
    Ok(mirrored(&tensors, charges))
}

/// The chain seen from its other end.
pub(crate) fn mirrored<T: Element>(tensors: &[Tensor<T>], charges: &[i64]) -> Vec<Tensor<T>> {
    tensors.iter().rev().map(|t| t.mirrored(charges)).collect()
}

/// Charges of two sites, values `d x + y`.
pub(crate) fn pair_charges(charges: &[i64]) -> Vec<i64> {
    let both = |a: &i64| charges.iter().map(move |b| a + b).collect::<Vec<_>>();
    charges.iter().flat_map(both).collect()
}

fn start_bond(p: i64, n: i64, top: i64, total: i64, bond: usize) -> Bond {
    let mean = total as f64 * p as f64 / n as f64;
    let low = (total - (n - p) * top).max(0);
    let high = total.min(p * top);
    let near: Vec<_> = (low..=high)
        .filter(|&q| (q as f64 - mean).abs() <= BAND)
        .collect();
    let dim = if p == 0 || p == n {
        1
    } else {
        bond.div_ceil(near.len())
    };
    let sector = |charge| Sector { charge, dim };
    Bond(near.into_iter().map(sector).collect())
}
