use super::{free, named, pauli_term};
use crate::{Lattice, LocalSum, Model, ModelError, Pauli, Space};

/// Transverse-field Ising model,
/// $H = -J \sum_{\langle ij\rangle} Z_i Z_j - h \sum_i X_i - h_z \sum_i Z_i$.
///
/// Pauli matrices, not spins: the chain is critical at $h = J$. Each bond is counted once.
/// Couplings are named "j", "h", "hz". The sector is free.
/// Open chain of 2 sites with $J = h = 1$: $E_0 = -\sqrt 5$ (tested).
///
/// # References
/// P. Pfeuty, Ann. Phys. 57, 79 (1970).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tfim {
    /// Ising coupling J; positive is ferromagnetic.
    pub j: f64,
    /// Transverse field h.
    pub h: f64,
    /// Longitudinal field.
    pub hz: f64,
}

impl Tfim {
    /// J = 1, the given transverse field, no longitudinal field.
    #[must_use]
    pub fn new(h: f64) -> Self {
        Self { j: 1.0, h, hz: 0.0 }
    }

    /// The model on the sites of a lattice, bonds on its edges.
    ///
    /// # Errors
    /// [`ModelError`] for non-finite couplings.
    pub fn on(&self, lattice: &Lattice) -> Result<Model<f64>, ModelError> {
        let bond = |&(a, b): &(u32, u32)| pauli_term(vec![a, b], vec![Pauli::Z; 2], -1.0, 0);
        let mut terms: Vec<_> = lattice.edges().iter().map(bond).collect();
        for s in 0..lattice.n_sites() as u32 {
            terms.push(pauli_term(vec![s], vec![Pauli::X], -1.0, 1));
            terms.push(pauli_term(vec![s], vec![Pauli::Z], -1.0, 2));
        }
        let couplings = named([("j", self.j), ("h", self.h), ("hz", self.hz)]);
        let space = Space::qubits(lattice.n_sites());
        Model::new(LocalSum::new(space, terms, couplings)?, free(lattice))
    }
}
