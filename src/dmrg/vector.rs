//! Matrix product states of given vectors.

use crate::dense::Factor;
use crate::{Element, Mps, SiteTensor};
use ketwork_linalg::NoConvergence;

/// Why a vector has no matrix product state.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VectorError {
    /// The order is no permutation of the sites.
    #[error("the order {order:?} does not name each of its {} sites once", order.len())]
    Order {
        /// The order.
        order: Vec<u32>,
    },
    /// The vector has not d^N amplitudes.
    #[error("{found} amplitudes; {n_sites} sites of {local_dim} values have {local_dim}^{n_sites}")]
    Length {
        /// Amplitudes.
        found: usize,
        /// Sites N.
        n_sites: usize,
        /// Values d of a site.
        local_dim: usize,
    },
    /// An amplitude is NaN or infinite, or all are 0.
    #[error("the vector has the norm {norm}; it must be finite and above 0")]
    Norm {
        /// The norm.
        norm: f64,
    },
    /// The bond dimension is 0.
    #[error("a bond of dimension 0 holds no state; ask for at least 1")]
    Bond,
    /// An eigenvalue iteration of a small matrix failed.
    #[error("an eigenvalue iteration did not converge at bond {bond}; lower the bond dimension")]
    Eigen {
        /// Bond between positions bond - 1 and bond.
        bond: usize,
    },
}

impl<T: Element> Mps<T> {
    /// The normalised, right-canonical state of a vector, with bonds of at most `bond` states.
    ///
    /// From the right end on, each bond keeps the largest Schmidt weights of what is left of the
    /// vector: the fidelity with it is $\prod_p (1 - \epsilon_p)$ with the discarded shares
    /// $\epsilon_p$. (No state at all exceeds, at any bond, the sum of as many largest Schmidt
    /// weights of the vector.) Without truncation the amplitudes are those of the vector to 1e-8 of its norm, and
    /// to rounding where no Schmidt value is below 1e-7: their squares are what is diagonalised.
    /// Charges are not looked for.
    ///
    /// # Shapes
    /// `amplitudes` (d^N) of all configurations, site 0 slowest; position p of the chain holds site
    /// `order[p]`. Time d^N times d times the bond, memory of two such vectors.
    ///
    /// # Errors
    /// [`VectorError`].
    ///
    /// # References
    /// G. Vidal, Phys. Rev. Lett. 91, 147902 (2003); U. Schollwöck, Ann. Phys. 326, 96 (2011), section
    /// 4.1.3.
    pub fn from_vector(
        local_dim: usize,
        order: &[u32],
        amplitudes: &[T],
        bond: usize,
    ) -> Result<Self, VectorError> {
        check(local_dim, order, amplitudes, bond)?;
        let n = order.len();
        let mut rest = in_order(local_dim, order, amplitudes);
        let (mut tensors, mut right) = (Vec::with_capacity(n), 1);
        for p in (1..n).rev() {
            // The matrix (prefixes, values and right states), row-major, which is its transpose
            // (lines, prefixes) column-major: A = U S W^+, and the rows of U^T are the tensor.
            let lines = local_dim * right;
            let prefixes = rest.len() / lines;
            let a = Factor::new(&rest, lines, prefixes);
            let mut gram = vec![T::ZERO; lines * lines];
            T::write_product(&mut gram, a, a.adjoint());
            let (_, vectors) =
                T::eigen(lines, &gram).map_err(|NoConvergence| VectorError::Eigen { bond: p })?;
            let left = bond.min(lines).min(prefixes);
            // Eigenvalues ascend.
            let kept = &vectors[(lines - left) * lines..];
            let mut next = vec![T::ZERO; left * prefixes];
            T::write_product(&mut next, Factor::new(kept, lines, left).adjoint(), a);
            let mut data = vec![T::ZERO; kept.len()];
            for (l, column) in kept.chunks_exact(lines).enumerate() {
                for (k, u) in column.iter().enumerate() {
                    data[(k / right * left + l) * right + k % right] = *u;
                }
            }
            tensors.push(SiteTensor { left, right, data });
            (rest, right) = (next, left);
        }
        let norm = norm_of(&rest);
        let data = rest.iter().map(|v| v.scale(1.0 / norm)).collect();
        let left = 1;
        tensors.push(SiteTensor { left, right, data });
        tensors.reverse();
        let ends = tensors.iter().map(|t| vec![0; t.right]);
        Ok(Self {
            local_dim,
            order: order.to_vec(),
            charges: std::iter::once(vec![0]).chain(ends).collect(),
            tensors,
        })
    }
}

fn check<T: Element>(
    local_dim: usize,
    order: &[u32],
    amplitudes: &[T],
    bond: usize,
) -> Result<(), VectorError> {
    let n_sites = order.len();
    let mut sites = order.to_vec();
    sites.sort_unstable();
    if n_sites == 0 || sites.iter().enumerate().any(|(i, s)| *s as usize != i) {
        let order = order.to_vec();
        return Err(VectorError::Order { order });
    }
    let wanted = u32::try_from(n_sites)
        .ok()
        .and_then(|n| local_dim.checked_pow(n));
    if wanted != Some(amplitudes.len()) {
        return Err(VectorError::Length {
            found: amplitudes.len(),
            n_sites,
            local_dim,
        });
    }
    let norm = norm_of(amplitudes);
    if !(norm.is_finite() && norm > 0.0) {
        return Err(VectorError::Norm { norm });
    }
    match bond {
        0 => Err(VectorError::Bond),
        _ => Ok(()),
    }
}

fn norm_of<T: Element>(v: &[T]) -> f64 {
    v.iter().map(|a| a.abs2()).sum::<f64>().sqrt()
}

/// The amplitudes with the first position slowest.
fn in_order<T: Element>(local_dim: usize, order: &[u32], amplitudes: &[T]) -> Vec<T> {
    let n = order.len();
    let stride = |site: usize| local_dim.pow((n - 1 - site) as u32);
    // Position p, the digit of weight stride(p) of the index, is site order[p].
    let of = |i: usize| {
        let place = |(p, &site): (usize, &u32)| i / stride(p) % local_dim * stride(site as usize);
        order.iter().enumerate().map(place).sum::<usize>()
    };
    (0..amplitudes.len()).map(|i| amplitudes[of(i)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_complex::Complex64;
    use rand::RngExt;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    /// The configuration of an index, site 0 slowest.
    fn values(i: usize, local_dim: usize, n: usize) -> Vec<u8> {
        let digit = |s: usize| (i / local_dim.pow((n - 1 - s) as u32) % local_dim) as u8;
        (0..n).map(digit).collect()
    }

    #[test]
    fn wide_bonds_give_the_vector_in_any_order() {
        for (d, order) in [(2_usize, vec![0, 1, 2, 3, 4, 5]), (3, vec![2, 0, 3, 1])] {
            let n = order.len();
            let mut rng = ChaCha8Rng::seed_from_u64(7);
            let mut vector: Vec<Complex64> = (0..d.pow(n as u32))
                .map(|_| Complex64::new(rng.random::<f64>() - 0.5, rng.random::<f64>() - 0.5))
                .collect();
            let norm = norm_of(&vector);
            vector.iter_mut().for_each(|a| *a /= norm);
            let state = Mps::from_vector(d, &order, &vector, 1000).unwrap();
            assert!(state.canonical_error() < 1e-12);
            for (i, a) in vector.iter().enumerate() {
                let off = (state.amplitude(&values(i, d, n)) - a).norm();
                assert!(off < 1e-13, "{i}: off by {off:.1e}");
            }
        }
    }

    #[test]
    fn bell_pairs_across_the_middle_keep_what_a_bond_can_hold() {
        let n = 10;
        let is_paired = |x: &[u8]| (0..n / 2).all(|i| x[i] == x[i + n / 2]);
        let vector: Vec<f64> = (0..1 << n)
            .map(|i| f64::from(is_paired(&values(i, 2, n))))
            .collect();
        let order: Vec<u32> = (0..n as u32).collect();
        // 32 equal Schmidt weights at the middle.
        for (bond, wanted) in [(1, 1.0 / 32.0), (4, 1.0 / 8.0), (16, 0.5), (32, 1.0)] {
            let state = Mps::from_vector(2, &order, &vector, bond).unwrap();
            assert_eq!(state.bond_dims().into_iter().max(), Some(bond.max(1)));
            let overlap: f64 = (0..1 << n)
                .map(|i| state.amplitude(&values(i, 2, n)) * vector[i])
                .sum();
            let fidelity = overlap.powi(2) / 32.0;
            assert!((fidelity - wanted).abs() < 1e-12, "bond {bond}: {fidelity}");
        }
    }

    #[test]
    fn vectors_without_a_state_are_refused() {
        let of = |order: &[u32], v: &[f64], bond| Mps::from_vector(2, order, v, bond).unwrap_err();
        assert!(matches!(
            of(&[0, 0], &[1.0; 4], 2),
            VectorError::Order { .. }
        ));
        assert!(matches!(of(&[], &[1.0], 2), VectorError::Order { .. }));
        let found = 3;
        let (n_sites, local_dim) = (2, 2);
        let length = VectorError::Length {
            found,
            n_sites,
            local_dim,
        };
        assert_eq!(of(&[0, 1], &[1.0; 3], 2), length);
        assert!(matches!(
            of(&[0, 1], &[0.0; 4], 2),
            VectorError::Norm { .. }
        ));
        let nan = [1.0, f64::NAN, 0.0, 0.0];
        assert!(matches!(of(&[0, 1], &nan, 2), VectorError::Norm { .. }));
        assert_eq!(of(&[0, 1], &[1.0; 4], 0), VectorError::Bond);
    }
}
