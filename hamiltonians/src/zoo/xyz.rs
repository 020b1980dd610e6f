use super::{free, pauli_term};
use crate::{AnyModel, Lattice, LocalSum, Model, ModelError, Pauli, Scalar, Space};
use num_complex::Complex64;

/// XYZ model in a field, $H = \sum_{\langle ij\rangle} (J_x X_i X_j + J_y Y_i Y_j + J_z Z_i Z_j) +
/// \sum_i (h_x X_i + h_y Y_i + h_z Z_i)$.
///
/// Pauli matrices, all signs positive. Each bond is counted once. Couplings are named "jx", "jy",
/// "jz", "hx", "hz", and "hy" where it is not 0: only then are the elements complex. The sector is
/// free.
/// Two sites without field: the energies are $J_x - J_y + J_z$, $-J_x + J_y + J_z$,
/// $J_x + J_y - J_z$, $-J_x - J_y - J_z$ (tested).
///
/// # References
/// R. J. Baxter, Ann. Phys. 70, 323 (1972).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Xyz {
    /// Coupling of X X.
    pub jx: f64,
    /// Coupling of Y Y.
    pub jy: f64,
    /// Coupling of Z Z.
    pub jz: f64,
    /// Field along x.
    pub hx: f64,
    /// Field along y.
    pub hy: f64,
    /// Field along z.
    pub hz: f64,
}

impl Xyz {
    /// The model on the sites of a lattice, bonds on its edges.
    ///
    /// # Errors
    /// [`ModelError`] for non-finite couplings.
    pub fn on(&self, lattice: &Lattice) -> Result<AnyModel, ModelError> {
        if self.hy == 0.0 {
            self.build::<f64>(lattice, false).map(AnyModel::Real)
        } else {
            self.build::<Complex64>(lattice, true)
                .map(AnyModel::Complex)
        }
    }

    fn build<T: Scalar>(&self, lattice: &Lattice, with_hy: bool) -> Result<Model<T>, ModelError> {
        let mut parts = vec![
            ("jx", self.jx, Pauli::X, 2),
            ("jy", self.jy, Pauli::Y, 2),
            ("jz", self.jz, Pauli::Z, 2),
            ("hx", self.hx, Pauli::X, 1),
            ("hz", self.hz, Pauli::Z, 1),
        ];
        if with_hy {
            parts.push(("hy", self.hy, Pauli::Y, 1));
        }
        let mut terms = Vec::new();
        for (k, &(_, _, p, sites)) in parts.iter().enumerate() {
            if sites == 2 {
                let pairs = lattice.edges().iter();
                terms
                    .extend(pairs.map(|&(a, b)| pauli_term(vec![a, b], vec![p, p], 1.0, k as u32)));
            } else {
                let sites = 0..lattice.n_sites() as u32;
                terms.extend(sites.map(|s| pauli_term(vec![s], vec![p], 1.0, k as u32)));
            }
        }
        let couplings = parts
            .iter()
            .map(|&(name, value, ..)| (name.to_owned(), value))
            .collect();
        let space = Space::qubits(lattice.n_sites());
        Model::new(LocalSum::new(space, terms, couplings)?, free(lattice))
    }
}
