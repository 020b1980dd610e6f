use super::{Constraint, ConstraintError, LocalMask};
use crate::{OnSpace, Space};

/// A fixed sum of site values: particle number, or total Sz of spins.
///
/// For spin-1/2 (value 0 = up) the sum counts down spins:
/// $S^z_\mathrm{tot} = N/2 - \sum_i x_i$.
#[derive(Clone, Debug)]
pub struct Number {
    space: Space,
    order: Vec<u32>,
    total: u64,
}

impl Number {
    /// Configurations with $\sum_i x_i$ = `total`.
    ///
    /// # Errors
    /// [`ConstraintError::Empty`] where `total` exceeds N (d - 1).
    pub fn new(space: Space, total: usize) -> Result<Self, ConstraintError> {
        Self::with_order(space, total, (0..space.n_sites as u32).collect())
    }

    /// The same, read in the given order.
    ///
    /// # Errors
    /// [`ConstraintError::Empty`] where `total` exceeds N (d - 1).
    ///
    /// # Panics
    /// If `order` is no permutation of the sites.
    #[track_caller]
    pub fn with_order(
        space: Space,
        total: usize,
        order: Vec<u32>,
    ) -> Result<Self, ConstraintError> {
        super::assert_permutation(&order, space.n_sites);
        let most = space.n_sites * (space.local_dim - 1);
        if total > most {
            return Err(ConstraintError::Empty {
                reason: format!(
                    "a sum of {total} needs more than the {most} that {} sites can hold",
                    space.n_sites
                ),
            });
        }
        Ok(Self {
            space,
            order,
            total: total as u64,
        })
    }

    /// Spin-1/2 configurations with total $S^z$ = `twice_sz` / 2.
    ///
    /// # Errors
    /// [`ConstraintError::Empty`] where N and `twice_sz` differ in parity or |`twice_sz`| > N.
    pub fn total_sz(
        n_sites: usize,
        twice_sz: i64,
        order: Vec<u32>,
    ) -> Result<Self, ConstraintError> {
        let n = n_sites as i64;
        if twice_sz.unsigned_abs() > n_sites as u64 || (n - twice_sz) % 2 != 0 {
            return Err(ConstraintError::Empty {
                reason: format!(
                    "total Sz = {} is impossible for {n} spins 1/2",
                    twice_sz as f64 / 2.0
                ),
            });
        }
        Self::with_order(Space::qubits(n_sites), ((n - twice_sz) / 2) as usize, order)
    }

    /// The fixed sum.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total as usize
    }
}

impl OnSpace for Number {
    fn space(&self) -> &Space {
        &self.space
    }
}

impl Constraint for Number {
    fn order(&self) -> &[u32] {
        &self.order
    }
    fn words(&self) -> usize {
        1
    }
    fn start(&self, state: &mut [u64]) {
        state[0] = self.total;
    }
    fn mask(&self, state: &[u64], position: usize) -> LocalMask {
        let (left, top) = (state[0], self.space.local_dim as u64 - 1);
        let after = (self.space.n_sites - position - 1) as u64 * top;
        let (low, high) = (left.saturating_sub(after), left.min(top));
        LocalMask(LocalMask::all(high as usize + 1).0 & !((1 << low) - 1))
    }
    fn advance(&self, state: &mut [u64], _position: usize, value: u8) {
        state[0] -= u64::from(value);
    }
    fn as_number(&self) -> Option<&Self> {
        Some(self)
    }
}
