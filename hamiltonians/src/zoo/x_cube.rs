use super::toric_code::{free, links_of};
use super::{named, pauli_term};
use crate::{Lattice, LatticeKind, LocalSum, Model, ModelError, Pauli, Space};

/// X-cube model, $H = -\sum_c \prod_{l \in c} Z_l - \sum_{v,\,ab} \prod_{l \in \text{star}_{ab}(v)} X_l$
/// with qubits on the links of a cubic lattice.
///
/// A cube has 12 links; the three stars of a vertex hold its 4 links in the planes xy, xz and yz, at
/// open ends those that are there. Couplings are named "star" and, where there are cubes, "cube". The sector is free.
/// On a torus of $L^3$ vertices $E_0 = -4L^3$, $2^{6L - 3}$ times (tested).
///
/// # References
/// S. Vijay, J. Haah, L. Fu, Phys. Rev. B 94, 235157 (2016).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct XCube;

impl XCube {
    /// The model on the links of a cubic lattice.
    ///
    /// # Errors
    /// [`ModelError`] for another kind of lattice or one without links.
    pub fn on(&self, lattice: &Lattice) -> Result<Model<f64>, ModelError> {
        let links = links_of(lattice, &[LatticeKind::Cubic])?;
        let mut terms = Vec::new();
        for star in links.plane_stars() {
            let string = vec![Pauli::X; star.len()];
            terms.push(pauli_term(star, string, -1.0, 0));
        }
        let mut couplings = named([("star", 1.0)]);
        let cubes = links.cubes();
        if !cubes.is_empty() {
            couplings.push(("cube".to_owned(), 1.0));
        }
        let string = vec![Pauli::Z; 12];
        terms.extend((cubes.iter()).map(|c| pauli_term(c.to_vec(), string.clone(), -1.0, 1)));
        let space = Space::qubits(links.n_links());
        Model::new(LocalSum::new(space, terms, couplings)?, free(&links))
    }
}
