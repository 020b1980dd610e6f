use super::named;
use super::toric_code::links_of;
use crate::{
    Action, Lattice, LatticeKind, LocalSum, Model, ModelError, OnSpace, Sector, SquareFlux, Term,
};
use std::sync::Arc;

/// U(1) quantum link model on the square lattice, $H = -J \sum_p (U_p + U_p^\dagger) + \lambda \sum_p
/// (U_p + U_p^\dagger)^2$, with spin-1/2 links and no matter.
///
/// $U_p$ raises the fields of the first two links of a plaquette {x(v), y(v + x), x(v + y), y(v)} and
/// lowers those of the last two; $(U_p + U_p^\dagger)^2$ is 1 on plaquettes that can flip and 0 on
/// others. Value 0 of a link is E = +1/2. The sector is the Gauss law without charges, all windings;
/// [`Self::in_sector`] takes a [`SquareFlux`] with static charges (charges $\pm 1$ on the sublattices
/// are the quantum dimer model) or a pinned winding. Plaquettes are complete; the square is
/// narrow, see there.
///
/// Couplings are named "j" and "lambda". At $\lambda = J$ (Rokhsar-Kivelson) the uniform sums over the
/// configurations that flips connect are ground states of energy 0 (tested).
///
/// # References
/// D. Banerjee, F.-J. Jiang, P. Widmer, U.-J. Wiese, J. Stat. Mech. (2013) P12010; D. S. Rokhsar,
/// S. A. Kivelson, Phys. Rev. Lett. 61, 2376 (1988).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SquareLink {
    /// Flips of plaquettes.
    pub j: f64,
    /// Energy of plaquettes that can flip.
    pub lambda: f64,
}

impl SquareLink {
    /// J = 1 and the given energy of plaquettes that can flip.
    #[must_use]
    pub fn new(lambda: f64) -> Self {
        Self { j: 1.0, lambda }
    }

    /// The model without static charges.
    ///
    /// # Errors
    /// [`ModelError`] for another kind of lattice, one that is too wide, has no plaquettes or, as with
    /// an open end, vertices of three links, or couplings that are not finite.
    pub fn on(&self, lattice: &Lattice) -> Result<Model<f64>, ModelError> {
        let links = links_of(lattice, &[LatticeKind::Square])?;
        let sector = SquareFlux::new(&links, &[], &[])?;
        self.in_sector(lattice, Arc::new(sector))
    }

    /// The model in another sector on the links of the lattice.
    ///
    /// # Errors
    /// As [`Self::on`], and where the sector is one of another number of links.
    pub fn in_sector(&self, lattice: &Lattice, sector: Sector) -> Result<Model<f64>, ModelError> {
        let links = links_of(lattice, &[LatticeKind::Square])?;
        let plaquettes = links.plaquettes();
        if plaquettes.is_empty() {
            return Err(ModelError::Parameter {
                key: "lattice.extent",
                reason: "a single row has no plaquettes; take at least 2 in both directions".into(),
            });
        }
        // First link the most significant digit: values 0011 are fields ++--, which U_p cannot raise.
        const RAISED: u32 = 0b0011;
        const LOWERED: u32 = 0b1100;
        let flips = [(RAISED, LOWERED, -1.0), (LOWERED, RAISED, -1.0)].into();
        let counts = [(RAISED, RAISED, 1.0), (LOWERED, LOWERED, 1.0)].into();
        let term = |p: &[u32; 4], rows: &Arc<[_]>, coupling| Term {
            sites: p.to_vec(),
            guard: Vec::new(),
            action: Action::Rows(rows.clone()),
            coupling,
        };
        let mut terms: Vec<_> = plaquettes.iter().map(|p| term(p, &flips, 0)).collect();
        terms.extend(plaquettes.iter().map(|p| term(p, &counts, 1)));
        let couplings = named([("j", self.j), ("lambda", self.lambda)]);
        let space = *sector.space();
        if space.n_sites != links.n_links() {
            return Err(ModelError::Parameter {
                key: "sector",
                reason: format!(
                    "it has {} links, the lattice {}; build it on the same lattice",
                    space.n_sites,
                    links.n_links()
                ),
            });
        }
        Model::new(LocalSum::new(space, terms, couplings)?, sector)
    }
}
