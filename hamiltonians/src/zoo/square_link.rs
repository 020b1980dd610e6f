use super::named;
use super::toric_code::links_of;
use crate::{
    Action, Lattice, LatticeKind, LocalSum, Model, ModelError, OnSpace, Sector, SquareFlux, Term,
};
use std::sync::Arc;

/// U(1) quantum link model on the square lattice without matter, $H = -J \sum_p (U_p + U_p^\dagger) +
/// \lambda \sum_p (U_p^\dagger U_p + U_p U_p^\dagger) + \frac{g^2}{2} \sum_l E_l^2$.
///
/// $U_p$ raises the fields of the first two links of a plaquette {x(v), y(v + x), x(v + y), y(v)} by one
/// and lowers those of the last two, with element 1 where all four can move; the second sum counts
/// the flips a configuration has. Value v of a link is E = S - v. The sector is the Gauss law of spin
/// 1/2 without charges, all windings, where the last sum is a constant; [`Self::in_sector`] takes a
/// [`SquareFlux`] of another spin, with static charges (charges $\pm 1$ on the sublattices are the
/// quantum dimer model) or a pinned winding. Plaquettes are complete; the square is narrow, see there.
///
/// Couplings are named "j", "lambda" and "g2", which is $g^2$. At $\lambda = J$, g = 0
/// (Rokhsar-Kivelson) the uniform sums over the configurations that flips connect are ground states of
/// energy 0, for every spin (tested).
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
    /// Gauge coupling g.
    pub g: f64,
}

impl SquareLink {
    /// J = 1 and the given energy of plaquettes that can flip, no electric energy.
    #[must_use]
    pub fn new(lambda: f64) -> Self {
        Self {
            j: 1.0,
            lambda,
            g: 0.0,
        }
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
        let space = *sector.space();
        let d = space.local_dim as u32;
        if d > LARGEST {
            return Err(ModelError::Parameter {
                key: "sector",
                reason: format!(
                    "plaquettes of links with {d} values do not fit a term; choose up to {LARGEST}"
                ),
            });
        }
        let moves = flips(d);
        let hops = (moves.iter()).flat_map(|&(low, high)| [(low, high, -1.0), (high, low, -1.0)]);
        let ways = (moves.iter()).flat_map(|&(low, high)| [(low, low, 1.0), (high, high, 1.0)]);
        let (hops, ways) = (hops.collect(), ways.collect());
        let squared = |v: u32| (0.5 * f64::from(d - 1) - f64::from(v)).powi(2) / 2.0;
        let squared: Arc<[_]> = (0..d).map(|v| (v, v, squared(v))).collect();
        let term = |sites: &[u32], rows: &Arc<[_]>, coupling| Term {
            sites: sites.to_vec(),
            guard: Vec::new(),
            action: Action::Rows(rows.clone()),
            coupling,
        };
        let mut terms: Vec<_> = plaquettes.iter().map(|p| term(p, &hops, 0)).collect();
        terms.extend(plaquettes.iter().map(|p| term(p, &ways, 1)));
        terms.extend((0..links.n_links() as u32).map(|l| term(&[l], &squared, 2)));
        let couplings = named([
            ("j", self.j),
            ("lambda", self.lambda),
            ("g2", self.g * self.g),
        ]);
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

/// Largest number of values of a link whose plaquettes fit a term.
const LARGEST: u32 = 16;

/// The rows of four d-valued links that $U_p$ joins: (before, after), first link the most significant
/// digit. A value falls as its field rises.
fn flips(d: u32) -> Vec<(u32, u32)> {
    let digits = |row: u32| [d * d * d, d * d, d, 1].map(|place| row / place % d);
    let can_rise = |row: &u32| {
        let [a, b, c, e] = digits(*row);
        a > 0 && b > 0 && c + 1 < d && e + 1 < d
    };
    // Of two links one value less, of two one more.
    let raised = |row: u32| row + d + 1 - d * d * d - d * d;
    let all = (0..d.pow(4)).filter(can_rise);
    all.map(|row| (row, raised(row))).collect()
}
