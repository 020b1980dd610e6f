use super::{Constraint, LocalMask};
use crate::{OnSpace, Space};

/// No constraint: every configuration is legal.
#[derive(Clone, Debug)]
pub struct Free {
    space: Space,
    order: Vec<u32>,
}

impl Free {
    /// All configurations, read in site order.
    #[must_use]
    pub fn new(space: Space) -> Self {
        Self {
            space,
            order: (0..space.n_sites as u32).collect(),
        }
    }

    /// All configurations, read in the given order.
    ///
    /// # Panics
    /// If `order` is no permutation of the sites.
    #[track_caller]
    #[must_use]
    pub fn with_order(space: Space, order: Vec<u32>) -> Self {
        super::assert_permutation(&order, space.n_sites);
        Self { space, order }
    }
}

impl OnSpace for Free {
    fn space(&self) -> &Space {
        &self.space
    }
}

impl Constraint for Free {
    fn order(&self) -> &[u32] {
        &self.order
    }
    fn words(&self) -> usize {
        0
    }
    fn start(&self, _state: &mut [u64]) {}
    fn mask(&self, _state: &[u64], _position: usize) -> LocalMask {
        LocalMask::all(self.space.local_dim)
    }
    fn advance(&self, _state: &mut [u64], _position: usize, _value: u8) {}
}
