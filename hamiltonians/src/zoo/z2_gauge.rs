use super::toric_code::{gauge_links, links_of};
use super::{named, pauli_term};
use crate::{
    Boundary, Free, Lattice, LatticeKind, LocalSum, Model, ModelError, Parity, Pauli, Sector, Space,
};
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
            return Err(no_plaquettes());
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

    /// The same theory in the magnetic basis of gauge-invariant fluxes, on a square lattice.
    ///
    /// The sites are the plaquettes, value 1 is a flux $\prod_{l \in p} Z_l = -1$, and after them one for each
    /// closed direction k, the product of Z along [`Links::line`](crate::Links::line)`(0, k)`. A link
    /// flips the fluxes at its sides and the loop that it lies on, so no gauge freedom is left and the
    /// Gauss law is no constraint; on a torus the fluxes multiply to +1, which is one. The levels
    /// are those of [`Self::on`], with their degeneracies (tested). A Wilson loop is the product of Z over
    /// the plaquettes inside.
    ///
    /// The ground state has positive amplitudes for $g > 0$, as in the electric basis.
    ///
    /// # Errors
    /// [`ModelError`] for another lattice, one without plaquettes, or a coupling that is not finite.
    ///
    /// # Examples
    /// ```
    /// use ketwork_hamiltonians::{Boundary, Lattice, OnSpace, Z2Gauge};
    /// let torus = Lattice::square([3, 3], Boundary::Periodic)?;
    /// let model = Z2Gauge::new(0.3).magnetic(&torus)?;
    /// // 9 plaquettes and 2 loops.
    /// assert_eq!(model.space().n_sites, 11);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn magnetic(&self, lattice: &Lattice) -> Result<Model<f64>, ModelError> {
        self.of_fluxes(lattice, None)
    }

    /// [`Self::magnetic`] in one winding sector: for each closed direction k whether the links of
    /// [`Links::cut`](crate::Links::cut)`(k, ..)` hold an odd number of fields X = -1. The loops are then no
    /// sites but signs of the links that lie on them; without winding and for $g > 0$ the amplitudes of the
    /// ground state are positive.
    ///
    /// # Errors
    /// As [`Self::magnetic`].
    ///
    /// # Panics
    /// If there are more or fewer windings than closed directions.
    #[track_caller]
    pub fn magnetic_sector(
        &self,
        lattice: &Lattice,
        winding: &[bool],
    ) -> Result<Model<f64>, ModelError> {
        self.of_fluxes(lattice, Some(winding))
    }

    #[track_caller]
    fn of_fluxes(
        &self,
        lattice: &Lattice,
        winding: Option<&[bool]>,
    ) -> Result<Model<f64>, ModelError> {
        let links = links_of(lattice, &[LatticeKind::Square])?;
        let plaquettes = links.plaquettes();
        if plaquettes.is_empty() {
            return Err(no_plaquettes());
        }
        let closed: Vec<usize> = (0..2)
            .filter(|&k| lattice.boundary()[k] == Boundary::Periodic)
            .collect();
        if let Some(winding) = winding {
            assert_eq!(
                winding.len(),
                closed.len(),
                "a winding for each closed direction"
            );
        }
        let n = plaquettes.len() as u32;
        let lines = closed.iter().map(|&k| links.line(0, k));
        // What each link flips, by number; twice is not at all.
        let mut flipped = vec![Vec::new(); links.n_links()];
        for (number, path) in (0_u32..).zip(plaquettes.into_iter().chain(lines)) {
            for link in path {
                let of: &mut Vec<u32> = &mut flipped[link as usize];
                match of.iter().position(|&other| other == number) {
                    Some(at) => drop(of.remove(at)),
                    None => of.push(number),
                }
            }
        }
        let flux = |p| pauli_term(vec![p], vec![Pauli::Z], -1.0, 0);
        let mut terms: Vec<_> = (0..n).map(flux).collect();
        for mut of in flipped {
            let mut sign = 1.0;
            if let Some(winding) = winding {
                let odd = |&k: &u32| k >= n && winding[(k - n) as usize];
                if of.iter().filter(|k| odd(k)).count() % 2 == 1 {
                    sign = -1.0;
                }
                of.retain(|&k| k < n);
            }
            // Where nothing is left to flip the Gauss law or the winding fixes the field.
            let (sites, string) = match of.is_empty() {
                true => (vec![0], vec![Pauli::I]),
                false => {
                    let string = vec![Pauli::X; of.len()];
                    (of, string)
                }
            };
            terms.push(pauli_term(sites, string, -sign, 1));
        }
        let n_loops = if winding.is_some() {
            0
        } else {
            closed.len() as u32
        };
        let couplings = named([("plaquette", 1.0), ("g", self.g)]);
        let space = Space::qubits((n + n_loops) as usize);
        let sector: Sector = if closed.len() == 2 {
            // Plaquettes of a torus are numbered as its vertices.
            let mut order = lattice.snake_order();
            order.extend(n..n + n_loops);
            Arc::new(Parity::new(order, &[((0..n).collect(), false)])?)
        } else {
            Arc::new(Free::new(space))
        };
        Model::new(LocalSum::new(space, terms, couplings)?, sector)
    }
}

fn no_plaquettes() -> ModelError {
    ModelError::Parameter {
        key: "lattice.extent",
        reason: "a single row has no plaquettes; take at least 2 in two directions".into(),
    }
}
