use super::{named, pauli_term};
use crate::{Free, Lattice, LatticeKind, Links, LocalSum, Model, ModelError, Pauli, Sector, Space};
use std::sync::Arc;

/// Toric code in fields, $H = -\sum_v \prod_{l \in \text{star}(v)} X_l - \sum_p \prod_{l \in p} Z_l -
/// h_x \sum_l X_l - h_z \sum_l Z_l$, with qubits on the links of a square, triangular, honeycomb, kagome or
/// cubic lattice.
///
/// Stars at open ends hold the links that are there, plaquettes are complete. Couplings are named
/// "star", "plaquette", "hx", "hz". The sector is free.
/// Without fields $E_0 = -\#\text{stars} - \#\text{plaquettes}$: $-2L^2$ on the square torus, four times
/// on any torus of two dimensions, and $-4L^3$ on the cubic one, eight times; two violated plaquettes or
/// stars cost 4 (tested).
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
            let string = vec![Pauli::Z; plaquette.len()];
            terms.push(pauli_term(plaquette, string, -1.0, 1));
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

/// The links of a square, triangular, honeycomb, kagome or cubic lattice.
pub(super) fn gauge_links(lattice: &Lattice) -> Result<Links, ModelError> {
    use LatticeKind::{Cubic, Honeycomb, Kagome, Square, Triangular};
    links_of(lattice, &[Square, Triangular, Honeycomb, Kagome, Cubic])
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Action, Boundary, Configs, Connected, Hamiltonian, OnSpace, Operator, Parity, XCube,
    };

    /// The sites of the strings of one letter, fields left out.
    fn strings(model: &Model<f64>, letter: Pauli) -> Vec<Vec<u32>> {
        let terms = model.terms().terms().iter();
        let chosen = terms.filter(|t| {
            let value = model.terms().couplings()[t.coupling as usize].1;
            value != 0.0 && matches!(&t.action, Action::Pauli(s, _) if s[0] == letter)
        });
        chosen.map(|t| t.sites.clone()).collect()
    }

    /// log2 of the number of states on which every string is 1, after a check that all commute.
    fn log_ground_states(model: &Model<f64>) -> usize {
        let (x, z) = (strings(model, Pauli::X), strings(model, Pauli::Z));
        for (a, b) in x.iter().flat_map(|a| z.iter().map(move |b| (a, b))) {
            let shared = a.iter().filter(|s| b.contains(s)).count();
            assert_eq!(shared % 2, 0, "strings on {a:?} and {b:?} anticommute");
        }
        let n = model.space().n_sites as u32;
        let rank = |sets: Vec<Vec<u32>>| {
            let checks: Vec<_> = sets.into_iter().map(|s| (s, false)).collect();
            Parity::new((0..n).collect(), &checks).unwrap().rank()
        };
        n as usize - rank(x) - rank(z)
    }

    #[test]
    fn codes_commute_and_have_the_known_number_of_ground_states() {
        let cubic = |l, ends| Lattice::cubic([l; 3], ends).unwrap();
        let square = |l, ends| Lattice::square([l; 2], ends).unwrap();
        let (torus, open) = (Boundary::Periodic, Boundary::Open);
        let toric = |lattice: Lattice| ToricCode::default().on(&lattice).unwrap();
        for l in 2..=5 {
            assert_eq!(log_ground_states(&toric(square(l, torus))), 2, "toric {l}");
            // Truncated stars at all ends: rough nowhere, so one state.
            assert_eq!(log_ground_states(&toric(square(l, open))), 0, "open {l}");
        }
        use LatticeKind::{Honeycomb, Kagome, Triangular};
        for kind in [Triangular, Honeycomb, Kagome] {
            for l in 2..=4 {
                let with = |ends| toric(Lattice::new(kind, &[l, l], &[ends]).unwrap());
                assert_eq!(log_ground_states(&with(torus)), 2, "{kind:?} torus {l}");
                assert_eq!(log_ground_states(&with(open)), 0, "{kind:?} open {l}");
            }
        }
        for l in 2..=4 {
            assert_eq!(log_ground_states(&toric(cubic(l, torus))), 3, "cubic {l}");
            let fractons = XCube.on(&cubic(l, torus)).unwrap();
            assert_eq!(log_ground_states(&fractons), 6 * l - 3, "x-cube {l}");
            log_ground_states(&XCube.on(&cubic(l, open)).unwrap());
        }
    }

    #[test]
    fn a_uniform_sum_of_closed_configurations_has_the_ground_energy_and_a_pair_costs_four() {
        // All values 0: every plaquette or cube is +1, and each star leads to one configuration.
        let square = Lattice::square([16, 16], Boundary::Periodic).unwrap();
        let cubic = Lattice::cubic([4; 3], Boundary::Periodic).unwrap();
        let codes = [
            (ToricCode::default().on(&square).unwrap(), -512.0, 2.0),
            (ToricCode::default().on(&cubic).unwrap(), -256.0, 4.0),
            (XCube.on(&cubic).unwrap(), -256.0, 4.0),
        ];
        for (model, energy, violated) in codes {
            let n = model.space().n_sites;
            let mut x = Configs::zeros(2, n);
            x.row_mut(1)[0] = 1;
            let mut out = Connected::default();
            model.connected(x.view(), &mut out);
            for (row, cost) in [(0, 0.0), (1, 2.0 * violated)] {
                let parents = out.neighbours.parent.iter().zip(&out.element);
                let stars: f64 = parents.filter(|(p, _)| **p == row).map(|(_, e)| e).sum();
                let local = out.diagonal[row as usize] + stars;
                assert!((local - energy - cost).abs() < 1e-9, "row {row}: {local}");
            }
        }
    }
}
