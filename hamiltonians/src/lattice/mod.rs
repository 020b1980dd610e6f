//! Lattices: sites, edges, orders.

/// Why a lattice cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LatticeError {
    /// An extent is out of range.
    #[error("{reason}")]
    Extent {
        /// What is wrong and what to do.
        reason: String,
    },
}

/// Whether a direction closes on itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Boundary {
    /// Open ends.
    Open,
    /// A ring.
    Periodic,
}

/// A finite lattice.
#[derive(Clone, Debug)]
pub struct Lattice {
    n_sites: usize,
    edges: Vec<(u32, u32)>,
}

impl Lattice {
    /// A chain of n sites.
    ///
    /// # Errors
    /// [`LatticeError::Extent`] for no site.
    pub fn chain(n: usize, boundary: Boundary) -> Result<Self, LatticeError> {
        if n == 0 {
            return Err(LatticeError::Extent {
                reason: "a lattice needs at least one site".into(),
            });
        }
        let mut edges: Vec<_> = (1..n as u32).map(|i| (i - 1, i)).collect();
        if boundary == Boundary::Periodic && n > 2 {
            edges.push((0, n as u32 - 1));
        }
        Ok(Self { n_sites: n, edges })
    }

    /// Number of sites.
    #[must_use]
    pub fn n_sites(&self) -> usize {
        self.n_sites
    }

    /// Nearest-neighbour pairs (a, b), a < b, each once.
    #[must_use]
    pub fn edges(&self) -> &[(u32, u32)] {
        &self.edges
    }

    /// The sites in boustrophedon order.
    #[must_use]
    pub fn snake_order(&self) -> Vec<u32> {
        (0..self.n_sites as u32).collect()
    }
}
