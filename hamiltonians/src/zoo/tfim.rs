use crate::{Action, Free, Lattice, LocalSum, Model, ModelError, Pauli, Space, Term};
use std::sync::Arc;

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
        let space = Space::qubits(lattice.n_sites());
        let bond = |&(a, b): &(u32, u32)| term(vec![a, b], vec![Pauli::Z, Pauli::Z], 0);
        let mut terms: Vec<_> = lattice.edges().iter().map(bond).collect();
        for s in 0..lattice.n_sites() as u32 {
            terms.push(term(vec![s], vec![Pauli::X], 1));
            terms.push(term(vec![s], vec![Pauli::Z], 2));
        }
        let couplings = [("j", self.j), ("h", self.h), ("hz", self.hz)]
            .map(|(n, v)| (n.to_owned(), v))
            .to_vec();
        let sector = Arc::new(Free::with_order(space, lattice.snake_order()));
        Model::new(LocalSum::new(space, terms, couplings)?, sector)
    }
}

fn term(sites: Vec<u32>, string: Vec<Pauli>, coupling: u32) -> Term<f64> {
    Term {
        sites,
        guard: Vec::new(),
        action: Action::Pauli(string, -1.0),
        coupling,
    }
}
