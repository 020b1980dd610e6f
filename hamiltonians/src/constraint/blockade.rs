use super::{Constraint, LocalMask};
use crate::{OnSpace, Space};

/// No two neighbours of a graph are both non-zero: the Rydberg blockade, independent sets.
///
/// # References
/// H. Bernien et al., Nature 551, 579 (2017).
#[derive(Clone, Debug)]
pub struct Blockade {
    space: Space,
    order: Vec<u32>,
    /// Later positions that a non-zero value at each position blocks.
    blocks: Vec<Vec<u32>>,
}

impl Blockade {
    /// Configurations without two non-zero neighbours, read in the given order.
    ///
    /// # Panics
    /// If `order` is no permutation of the sites, or an edge names a site outside the space or
    /// one site twice.
    #[track_caller]
    #[must_use]
    pub fn new(space: Space, order: Vec<u32>, edges: &[(u32, u32)]) -> Self {
        let n = space.n_sites;
        super::assert_permutation(&order, n);
        let mut position = vec![0_u32; n];
        for (p, &site) in order.iter().enumerate() {
            position[site as usize] = p as u32;
        }
        let mut blocks = vec![Vec::new(); n];
        for &(a, b) in edges {
            assert!(
                a != b && (a.max(b) as usize) < n,
                "edge ({a}, {b}) on {n} sites"
            );
            let (p, q) = (position[a as usize], position[b as usize]);
            blocks[p.min(q) as usize].push(p.max(q));
        }
        for list in &mut blocks {
            list.sort_unstable();
            list.dedup();
        }
        Self {
            space,
            order,
            blocks,
        }
    }
}

impl OnSpace for Blockade {
    fn space(&self) -> &Space {
        &self.space
    }
}

impl Constraint for Blockade {
    fn order(&self) -> &[u32] {
        &self.order
    }
    fn words(&self) -> usize {
        self.space.n_sites.div_ceil(64)
    }
    /// Bit p says that position p, still to come, is blocked.
    fn start(&self, state: &mut [u64]) {
        state.fill(0);
    }
    fn mask(&self, state: &[u64], position: usize) -> LocalMask {
        if state[position / 64] >> (position % 64) & 1 == 1 {
            LocalMask::only(0)
        } else {
            LocalMask::all(self.space.local_dim)
        }
    }
    fn advance(&self, state: &mut [u64], position: usize, value: u8) {
        // Bits of the past are cleared, so that prefixes with one future share one state.
        state[position / 64] &= !(1 << (position % 64));
        if value != 0 {
            for &q in &self.blocks[position] {
                state[q as usize / 64] |= 1 << (q % 64);
            }
        }
    }
}
