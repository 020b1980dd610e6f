use super::{named, pauli_term};
use crate::{Free, Lattice, LatticeKind, Links, LocalSum, Model, ModelError, Pauli, Sector, Space};
use std::sync::Arc;

/// Toric code in fields, $H = -\sum_v \prod_{l \in \text{star}(v)} X_l - \sum_p \prod_{l \in p} Z_l -
/// h_x \sum_l X_l - h_z \sum_l Z_l$, with qubits on the links of a square or cubic lattice.
///
/// Stars at open ends hold the links that are there, plaquettes are complete. Couplings are named
/// "star", "plaquette", "hx", "hz". The sector is free.
/// Without fields $E_0 = -2L^2$ on the square torus, four times, and $-4L^3$ on the cubic one, eight
/// times; two violated plaquettes or stars cost 4 (tested).
///
/// # References
/// A. Kitaev, Ann. Phys. 303, 2 (2003).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ToricCode {
    /// Field along x.
    pub hx: f64,
    /// Field along z.
    pub hz: f64,
}

impl ToricCode {
    /// The model on the links of a lattice.
    ///
    /// # Errors
    /// [`ModelError`] for another kind of lattice, one without links, or non-finite fields.
    pub fn on(&self, lattice: &Lattice) -> Result<Model<f64>, ModelError> {
        let links = gauge_links(lattice)?;
        let mut terms = Vec::new();
        for star in links.stars().into_iter().filter(|s| !s.is_empty()) {
            let string = vec![Pauli::X; star.len()];
            terms.push(pauli_term(star, string, -1.0, 0));
        }
        for plaquette in links.plaquettes() {
            terms.push(pauli_term(plaquette.to_vec(), vec![Pauli::Z; 4], -1.0, 1));
        }
        for link in 0..links.n_links() as u32 {
            terms.push(pauli_term(vec![link], vec![Pauli::X], -1.0, 2));
            terms.push(pauli_term(vec![link], vec![Pauli::Z], -1.0, 3));
        }
        let couplings = named([
            ("star", 1.0),
            ("plaquette", 1.0),
            ("hx", self.hx),
            ("hz", self.hz),
        ]);
        let space = Space::qubits(links.n_links());
        Model::new(LocalSum::new(space, terms, couplings)?, free(&links))
    }
}

/// All configurations of the qubits on links, read in snake order.
pub(super) fn free(links: &Links) -> Sector {
    let space = Space::qubits(links.n_links());
    Arc::new(Free::with_order(space, links.snake_order()))
}

/// The links of a square or cubic lattice.
pub(super) fn gauge_links(lattice: &Lattice) -> Result<Links, ModelError> {
    links_of(lattice, &[LatticeKind::Square, LatticeKind::Cubic])
}

/// The links of a lattice of one of the kinds.
pub(super) fn links_of(lattice: &Lattice, kinds: &[LatticeKind]) -> Result<Links, ModelError> {
    if !kinds.contains(&lattice.kind()) {
        let names: Vec<_> = kinds.iter().map(|k| format!("{:?}", k.name())).collect();
        return Err(ModelError::Parameter {
            key: "lattice.kind",
            reason: format!(
                "the model does not live on a {:?} lattice; choose {}",
                lattice.kind().name(),
                names.join(" or ")
            ),
        });
    }
    let links = Links::new(lattice)?;
    if links.n_links() == 0 {
        return Err(ModelError::Parameter {
            key: "lattice.extent",
            reason: "a single vertex has no links; take at least 2 in one direction".into(),
        });
    }
    Ok(links)
}
