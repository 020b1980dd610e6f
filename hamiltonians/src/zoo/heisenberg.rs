use super::named;
use super::spins::{FLIP_FLOP, ISING, marshall, on_pairs, total_sz};
use crate::{Lattice, LocalSum, Model, ModelError, OnSpace, Space};

/// Heisenberg model, $H = J \sum_{\langle ij\rangle} \mathbf S_i \cdot \mathbf S_j$, in a sector of
/// total $S^z$.
///
/// Spin operators $\mathbf S = \boldsymbol\sigma / 2$; J > 0 is antiferromagnetic. Each bond is
/// counted once. The coupling is named "j".
/// Ring of 4 sites with J = 1: $E_0 = -2$; ring of 8: -3.65109341 (tested).
///
/// # References
/// H. Bethe, Z. Phys. 71, 205 (1931).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heisenberg {
    /// Exchange J.
    pub j: f64,
    /// Twice the total $S^z$: N and this number have the same parity.
    pub twice_sz: i64,
    /// Rotates one sublattice by Z, so that bipartite exchange has negative off-diagonal elements.
    pub marshall: bool,
}

impl Default for Heisenberg {
    /// J = 1, total $S^z$ = 0, not rotated.
    fn default() -> Self {
        Self {
            j: 1.0,
            twice_sz: 0,
            marshall: false,
        }
    }
}

impl Heisenberg {
    /// The model on the sites of a lattice, bonds on its edges.
    ///
    /// # Errors
    /// [`ModelError`] for a non-finite coupling, an impossible total $S^z$, or a Marshall rotation
    /// on a lattice that is not bipartite.
    pub fn on(&self, lattice: &Lattice) -> Result<Model<f64>, ModelError> {
        let terms = on_pairs(lattice.edges(), exchange(), 0);
        let sum = LocalSum::new(
            Space::qubits(lattice.n_sites()),
            terms,
            named([("j", self.j)]),
        )?;
        in_sector(sum, lattice, self.twice_sz, self.marshall)
    }
}

/// J1-J2 model, $H = J_1 \sum_{\langle ij\rangle} \mathbf S_i \cdot \mathbf S_j + J_2
/// \sum_{\langle\langle ij\rangle\rangle} \mathbf S_i \cdot \mathbf S_j$, in a sector of total $S^z$.
///
/// Spin operators $\mathbf S = \boldsymbol\sigma / 2$. Next-nearest pairs are those of
/// [`Lattice::next_nearest`], each once. Couplings are named "j1" and "j2".
/// Ring of 6 sites with $J_2 = J_1/2 = 1/2$ (Majumdar-Ghosh): $E_0 = -3 N/8$ (tested).
///
/// # References
/// C. K. Majumdar, D. K. Ghosh, J. Math. Phys. 10, 1388 (1969).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct J1J2 {
    /// Nearest-neighbour exchange.
    pub j1: f64,
    /// Next-nearest-neighbour exchange.
    pub j2: f64,
    /// Twice the total $S^z$: N and this number have the same parity.
    pub twice_sz: i64,
    /// Rotates one sublattice of the nearest-neighbour graph by Z.
    pub marshall: bool,
}

impl J1J2 {
    /// $J_1 = 1$, total $S^z$ = 0, not rotated.
    #[must_use]
    pub fn new(j2: f64) -> Self {
        Self {
            j1: 1.0,
            j2,
            twice_sz: 0,
            marshall: false,
        }
    }

    /// The model on the sites of a lattice.
    ///
    /// # Errors
    /// [`ModelError`] as for [`Heisenberg::on`], and where a pair is nearest and next-nearest at
    /// once.
    pub fn on(&self, lattice: &Lattice) -> Result<Model<f64>, ModelError> {
        let mut terms = on_pairs(lattice.edges(), exchange(), 0);
        terms.extend(on_pairs(&lattice.next_nearest()?, exchange(), 1));
        let couplings = named([("j1", self.j1), ("j2", self.j2)]);
        let sum = LocalSum::new(Space::qubits(lattice.n_sites()), terms, couplings)?;
        in_sector(sum, lattice, self.twice_sz, self.marshall)
    }
}

fn exchange() -> impl Iterator<Item = (u32, u32, f64)> {
    FLIP_FLOP.into_iter().chain(ISING)
}

pub(super) fn in_sector(
    sum: LocalSum<f64>,
    lattice: &Lattice,
    twice_sz: i64,
    rotated: bool,
) -> Result<Model<f64>, ModelError> {
    debug_assert_eq!(
        sum.space().n_sites,
        lattice.n_sites(),
        "terms and lattice are one system"
    );
    let sector = total_sz(lattice, twice_sz)?;
    let sum = if rotated {
        marshall(&sum, lattice)?
    } else {
        sum
    };
    Model::new(sum, sector)
}
