use super::heisenberg::in_sector;
use super::named;
use super::spins::{FLIP_FLOP, ISING, on_pairs};
use crate::{Lattice, LocalSum, Model, ModelError, Space};

/// XXZ model, $H = \sum_{\langle ij\rangle} (S^x_i S^x_j + S^y_i S^y_j + \Delta\, S^z_i S^z_j)$, in
/// a sector of total $S^z$.
///
/// Spin operators $\mathbf S = \boldsymbol\sigma / 2$. Each bond is counted once. Couplings are
/// named "xy" (value 1) and "delta".
/// Open chain of N sites with $\Delta = 0$: free fermions with energies $\cos(\pi k/(N + 1))$, the
/// negative ones filled (tested).
///
/// # References
/// E. Lieb, T. Schultz, D. Mattis, Ann. Phys. 16, 407 (1961).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Xxz {
    /// Anisotropy.
    pub delta: f64,
    /// Twice the total $S^z$: N and this number have the same parity.
    pub twice_sz: i64,
    /// Rotates one sublattice by Z, so that bipartite exchange has negative off-diagonal elements.
    pub marshall: bool,
}

impl Xxz {
    /// The given anisotropy, total $S^z$ = 0, not rotated.
    #[must_use]
    pub fn new(delta: f64) -> Self {
        Self {
            delta,
            twice_sz: 0,
            marshall: false,
        }
    }

    /// The model on the sites of a lattice, bonds on its edges.
    ///
    /// # Errors
    /// [`ModelError`] for a non-finite anisotropy, an impossible total $S^z$, or a Marshall
    /// rotation on a lattice that is not bipartite.
    pub fn on(&self, lattice: &Lattice) -> Result<Model<f64>, ModelError> {
        let mut terms = on_pairs(lattice.edges(), FLIP_FLOP, 0);
        terms.extend(on_pairs(lattice.edges(), ISING, 1));
        let couplings = named([("xy", 1.0), ("delta", self.delta)]);
        let sum = LocalSum::new(Space::qubits(lattice.n_sites()), terms, couplings)?;
        in_sector(sum, lattice, self.twice_sz, self.marshall)
    }
}
