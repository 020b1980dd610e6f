use super::toric_code::gauge_links;
use super::{named, pauli_term};
use crate::{Lattice, LocalSum, Model, ModelError, Parity, Pauli, Space};
use std::sync::Arc;

/// Z2 gauge theory, $H = -\sum_p \prod_{l \in p} Z_l - g \sum_l X_l$ with $\prod_{l \in
/// \text{star}(v)} X_l = 1$ at every vertex, on the links of a square, triangular, honeycomb, kagome or
/// cubic lattice.
///
/// **Basis.** Configurations list eigenvalues of X, the electric field, so that the Gauss law is a
/// constraint on them: value 0 of a link is X = +1. In the matrices of this library, which are those
/// of the configurations, the field is a sum of Z and a plaquette a product of X.
///
/// All winding sectors are legal: $2^{L^2 + 1}$ configurations on the square torus. Couplings are
/// named "plaquette" and "g". On the torus of 3 by 3 vertices at $g = 0.3285$: $E_0 = -9.70771518$
/// (tested); the square torus deconfines below $g \approx 0.3285$.
///
/// # References
/// F. Wegner, J. Math. Phys. 12, 2259 (1971); J. B. Kogut, Rev. Mod. Phys. 51, 659 (1979).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Z2Gauge {
    /// Electric coupling g.
    pub g: f64,
}

impl Z2Gauge {
    /// The theory with the given electric coupling.
    #[must_use]
    pub fn new(g: f64) -> Self {
        Self { g }
    }

    /// The theory on the links of a lattice, without static charges.
    ///
    /// # Errors
    /// [`ModelError`] for another kind of lattice, one without plaquettes, or a coupling that is not
    /// finite.
    pub fn on(&self, lattice: &Lattice) -> Result<Model<f64>, ModelError> {
        let links = gauge_links(lattice)?;
        let plaquettes = links.plaquettes();
        if plaquettes.is_empty() {
            return Err(ModelError::Parameter {
                key: "lattice.extent",
                reason: "a single row has no plaquettes; take at least 2 in two directions".into(),
            });
        }
        let plaquette = |p: Vec<u32>| {
            let string = vec![Pauli::X; p.len()];
            pauli_term(p, string, -1.0, 0)
        };
        let field = |link| pauli_term(vec![link], vec![Pauli::Z], -1.0, 1);
        let mut terms: Vec<_> = plaquettes.into_iter().map(plaquette).collect();
        terms.extend((0..links.n_links() as u32).map(field));
        let couplings = named([("plaquette", 1.0), ("g", self.g)]);
        let space = Space::qubits(links.n_links());
        let sector = Arc::new(Parity::gauss_law(&links, &[])?);
        Model::new(LocalSum::new(space, terms, couplings)?, sector)
    }
}
