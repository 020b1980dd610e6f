use super::walk::constraint_by_walk;
use super::{Constraint, ConstraintError, LocalMask, Product, Sector};
use crate::{Boundary, Lattice, LatticeKind, Links, OnSpace, Space};
use std::sync::Arc;

/// Electric fields of quantum links on a square lattice with the U(1) Gauss law of a pure gauge
/// theory: the fields that leave a vertex minus those that enter it are its static charge.
///
/// Value v of a link is the field $E = S - v$ along its direction. For spin 1/2 and without charges
/// these are the configurations of square ice: 18, 148, 2970 on tori of 2, 3, 4 by as many vertices
/// (tested). With charges $\pm 1$ on the two sublattices they are dimer coverings.
///
/// The look-ahead is exact: a transfer automaton over the links that cross a front. Its states grow
/// exponentially with the width W of the front, faster where the direction along which it moves is closed,
/// because the first row must be remembered: 2414, 9258 and 35192 states at one position for spin 1/2 on
/// tori of 6, 7 and 8, built in 0.3, 2 and 20 s. So W is at most [`Self::MAX_WIDTH`] or
/// [`Self::MAX_WIDTH_CLOSED`] for spin 1/2, and less for larger spins, so that $(2S + 1)^W$ stays the
/// same; wider lattices are refused.
///
/// # References
/// D. Banerjee et al., J. Stat. Mech. (2013) P12010; E. H. Lieb, Phys. Rev. 162, 162 (1967).
#[derive(Clone, Debug)]
pub struct SquareFlux {
    walk: Product,
    twice_spin: usize,
}

impl SquareFlux {
    /// Largest width across a direction with open ends: open squares, cylinders of spin 1/2.
    pub const MAX_WIDTH: usize = 10;
    /// Largest width across a closed direction: tori of spin 1/2.
    pub const MAX_WIDTH_CLOSED: usize = 7;

    /// The fields $\pm 1/2$ with the given static charges (vertex, charge), those at one vertex adding up, and
    /// with the fields of each listed set of links ([`Links::cut`]) adding up to half of the given
    /// number: a pinned winding.
    ///
    /// # Errors
    /// [`ConstraintError::Charge`] for a charge that the links of a vertex cannot have,
    /// [`ConstraintError::TotalCharge`] where the charges do not add up to 0,
    /// [`ConstraintError::TooWide`] where the look-ahead does not fit, [`ConstraintError::Empty`] for
    /// charges or a winding that no configuration has, [`ConstraintError::Mismatch`] for a lattice that
    /// is not square.
    ///
    /// # Panics
    /// If there is no such vertex or link.
    ///
    /// # Examples
    /// ```
    /// use ketwork_hamiltonians::{Boundary, ConstraintError, Lattice, Links, SquareFlux};
    /// let links = Links::new(&Lattice::square([4, 4], Boundary::Periodic)?)?;
    /// SquareFlux::new(&links, &[(0, 1), (5, -1)], &[])?;
    /// // Flux 2 to the right through each column.
    /// SquareFlux::new(&links, &[], &[(links.cut(0, 0), 4)])?;
    /// let wide = Links::new(&Lattice::square([12, 12], Boundary::Periodic)?)?;
    /// let error = SquareFlux::new(&wide, &[], &[]).unwrap_err();
    /// assert!(matches!(error, ConstraintError::TooWide { width: 12, limit: 7 }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn new(
        links: &Links,
        charges: &[(u32, i64)],
        fluxes: &[(Vec<u32>, i64)],
    ) -> Result<Self, ConstraintError> {
        Self::with_spin(links, 1, charges, fluxes)
    }

    /// The same for links of spin `twice_spin` / 2.
    ///
    /// # Errors
    /// As [`Self::new`].
    ///
    /// # Panics
    /// If there is no such vertex or link, or `twice_spin` is outside 1 to 63.
    ///
    /// # Examples
    /// ```
    /// use ketwork_hamiltonians::{Boundary, Lattice, Links, SquareFlux, is_legal};
    /// let links = Links::new(&Lattice::square([2, 2], Boundary::Open)?)?;
    /// // Spin 1: no field anywhere, or one unit around the plaquette.
    /// let fields = SquareFlux::with_spin(&links, 2, &[], &[])?;
    /// assert!(is_legal(&fields, &[1; 4]) && is_legal(&fields, &[0, 2, 0, 2]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn with_spin(
        links: &Links,
        twice_spin: usize,
        charges: &[(u32, i64)],
        fluxes: &[(Vec<u32>, i64)],
    ) -> Result<Self, ConstraintError> {
        // What no vertex can have is refused by its number, however large.
        let doubled = charges
            .iter()
            .map(|&(v, charge)| (v, charge.saturating_mul(2)));
        let doubled: Vec<_> = doubled.collect();
        Self::with_twice_charges(links, twice_spin, &doubled, fluxes)
    }

    /// The same for charges in halves, `twice` / 2 for each (vertex, twice): three links of spin 1/2, as
    /// at the open end of a cylinder, have a half-integer charge, the field that leaves the lattice
    /// there.
    ///
    /// # Errors
    /// As [`Self::new`].
    ///
    /// # Panics
    /// As [`Self::with_spin`].
    ///
    /// # Examples
    /// ```
    /// use ketwork_hamiltonians::{Boundary, Lattice, LatticeKind, Links, SquareFlux};
    /// let (closed, open) = (Boundary::Periodic, Boundary::Open);
    /// let cylinder = Lattice::new(LatticeKind::Square, &[4, 3], &[closed, open])?;
    /// let links = Links::new(&cylinder)?;
    /// // No field leaves the ends on average: +1/2 and -1/2 by turns.
    /// let ends = [0, 1, 2, 3, 8, 9, 10, 11].map(|v: u32| (v, if v % 2 == 0 { 1 } else { -1 }));
    /// SquareFlux::with_twice_charges(&links, 1, &ends, &[])?;
    /// assert!(SquareFlux::new(&links, &[], &[]).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn with_twice_charges(
        links: &Links,
        twice_spin: usize,
        twice_charges: &[(u32, i64)],
        fluxes: &[(Vec<u32>, i64)],
    ) -> Result<Self, ConstraintError> {
        let space = Space::new(links.n_links().max(1), twice_spin + 1);
        let lattice = links.lattice();
        if lattice.kind() != LatticeKind::Square {
            return Err(ConstraintError::Mismatch {
                reason: format!(
                    "the exact look-ahead of U(1) fields holds fronts of at most {} links ({} across a \
                     closed direction) and knows those of square lattices, not of a {:?} one; take a \
                     square lattice",
                    Self::MAX_WIDTH,
                    Self::MAX_WIDTH_CLOSED,
                    lattice.kind().name()
                ),
            });
        }
        let front = Front::of(lattice, twice_spin);
        // Twice the field that leaves each vertex, as (link, sign).
        let terms = links.divergence();
        let mut sums: Vec<_> = terms.into_iter().map(|terms| (terms, 0)).collect();
        for &(vertex, twice) in twice_charges {
            assert!(
                (vertex as usize) < sums.len(),
                "static charge on vertex {vertex} of {}",
                sums.len()
            );
            let sum: &mut i64 = &mut sums[vertex as usize].1;
            *sum = sum.saturating_add(twice);
        }
        for (vertex, (terms, twice)) in sums.iter().enumerate() {
            let most = (terms.len() * twice_spin) as i64;
            if twice.unsigned_abs() > most.unsigned_abs() || (twice - most) % 2 != 0 {
                return Err(ConstraintError::Charge {
                    vertex: vertex as u32,
                    charge: if twice % 2 == 0 {
                        (twice / 2).to_string()
                    } else {
                        format!("{twice}/2")
                    },
                    allowed: match most % 2 {
                        0 => format!("integers from {} to {}", -most / 2, most / 2),
                        _ => format!(
                            "odd halves from -{most}/2 to {most}/2, which {} links of spin \
                             {twice_spin}/2 have; see SquareFlux::with_twice_charges",
                            terms.len()
                        ),
                    },
                });
            }
        }
        let total = twice_charges
            .iter()
            .fold(0_i64, |sum, c| sum.saturating_add(c.1));
        if total != 0 {
            return Err(ConstraintError::TotalCharge {
                total: total / 2,
                modulo: String::new(),
            });
        }
        if front.width > front.limit {
            return Err(front.too_wide());
        }
        for (set, twice) in fluxes {
            let signed = set.iter().map(|&l| (l, 1)).collect();
            sums.push((signed, *twice));
        }
        let order = front.order(links);
        let part = |(terms, twice): &(Vec<(u32, i64)>, i64)| -> Result<Sector, ConstraintError> {
            Ok(Arc::new(SpinSum::new(space, &order, terms, *twice)?))
        };
        let parts = sums
            .iter()
            .filter(|(terms, _)| !terms.is_empty())
            .map(part)
            .collect::<Result<Vec<_>, _>>()?;
        match Product::new(&parts) {
            Ok(walk) => Ok(Self { walk, twice_spin }),
            Err(ConstraintError::Empty { .. }) => Err(ConstraintError::Empty {
                reason: format!(
                    "no fields of spin {twice_spin}/2 have these static charges and this winding; \
                     move the charges or choose a smaller winding of the right parity"
                ),
            }),
            Err(other) => Err(other),
        }
    }

    /// Twice the field that a value stands for, $2E = 2S - 2v$.
    #[must_use]
    pub fn twice_field(&self, value: u8) -> i64 {
        self.twice_spin as i64 - 2 * i64::from(value)
    }

    /// Number of states of the automaton before each position.
    #[must_use]
    pub fn nodes(&self) -> Vec<usize> {
        self.walk.nodes()
    }
}

/// The line along which the automaton reads the lattice.
struct Front {
    /// Direction along the front.
    across: usize,
    width: usize,
    limit: usize,
}

impl Front {
    /// The cheaper of both directions.
    fn of(lattice: &Lattice, twice_spin: usize) -> Self {
        let along = |across: usize| {
            let is_closed = lattice.boundary()[1 - across] == Boundary::Periodic;
            let halves = if is_closed {
                SquareFlux::MAX_WIDTH_CLOSED
            } else {
                SquareFlux::MAX_WIDTH
            };
            // The width at which (2S + 1)^W is nearest to 2^halves.
            let bits = (twice_spin as f64 + 1.0).log2();
            Self {
                across,
                width: lattice.extent()[across],
                limit: (halves as f64 / bits).round().max(1.0) as usize,
            }
        };
        let (x, y) = (along(0), along(1));
        if x.width * y.limit <= y.width * x.limit {
            x
        } else {
            y
        }
    }

    fn too_wide(&self) -> ConstraintError {
        ConstraintError::TooWide {
            width: self.width,
            limit: self.limit,
        }
    }

    /// The links of vertex after vertex, those along the front first.
    fn order(&self, links: &Links) -> Vec<u32> {
        let (lattice, across) = (links.lattice(), self.across);
        let mut vertices: Vec<usize> = (0..lattice.n_sites()).collect();
        vertices.sort_by_key(|&v| {
            let cell = lattice.cell_of(v);
            (cell[1 - across], cell[across])
        });
        let of_vertex = |v: usize| [across, 1 - across].map(|k| links.link(v, k));
        vertices.into_iter().flat_map(of_vertex).flatten().collect()
    }
}

/// $\sum_l s_l\, 2 E_l$ = a number, for signs s on some links: a counter, to be joined with others.
#[derive(Clone, Debug)]
struct SpinSum {
    space: Space,
    order: Vec<u32>,
    /// Sign by position, 0 where it does not read.
    signs: Vec<i64>,
    /// Largest sum of twice the fields from a position on.
    left: Vec<i64>,
    needed: i64,
}

impl SpinSum {
    fn new(
        space: Space,
        order: &[u32],
        terms: &[(u32, i64)],
        needed: i64,
    ) -> Result<Self, ConstraintError> {
        let (n, twice_spin) = (order.len(), space.local_dim as i64 - 1);
        let mut of_link = vec![0; n];
        for &(link, sign) in terms {
            assert!((link as usize) < n, "flux through link {link} of {n}");
            of_link[link as usize] += sign;
        }
        let signs: Vec<i64> = order.iter().map(|&l| of_link[l as usize]).collect();
        let mut left = vec![0; n + 1];
        for p in (0..n).rev() {
            left[p] = left[p + 1] + signs[p].abs() * twice_spin;
        }
        if needed.abs() > left[0] || (needed - left[0]) % 2 != 0 {
            return Err(ConstraintError::Empty {
                reason: format!(
                    "fields of spin {twice_spin}/2 that add up to {}/2 at most do not add up to \
                     {needed}/2; choose a number of the same parity that is not larger",
                    left[0]
                ),
            });
        }
        Ok(Self {
            space,
            order: order.to_vec(),
            signs,
            left,
            needed,
        })
    }

    /// What is needed after a value at a position.
    fn after(&self, needed: i64, position: usize, value: u8) -> i64 {
        needed - self.signs[position] * (self.space.local_dim as i64 - 1 - 2 * i64::from(value))
    }
}

impl OnSpace for SpinSum {
    fn space(&self) -> &Space {
        &self.space
    }
}

impl Constraint for SpinSum {
    fn order(&self) -> &[u32] {
        &self.order
    }
    fn words(&self) -> usize {
        1
    }
    fn start(&self, state: &mut [u64]) {
        state[0] = self.needed as u64;
    }
    fn mask(&self, state: &[u64], position: usize) -> LocalMask {
        let fits =
            |&v: &u8| self.after(state[0] as i64, position, v).abs() <= self.left[position + 1];
        LocalMask(
            (0..self.space.local_dim as u8)
                .filter(fits)
                .fold(0, |mask, v| mask | 1 << v),
        )
    }
    fn advance(&self, state: &mut [u64], position: usize, value: u8) {
        state[0] = self.after(state[0] as i64, position, value) as u64;
    }
}

constraint_by_walk!(SquareFlux);
