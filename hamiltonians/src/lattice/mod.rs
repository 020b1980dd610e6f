//! Lattices: sites, edges, distances, orders, symmetries.
//!
//! `extent` counts unit cells $(L_x, L_y, L_z)$ of S sites each; site
//! $s + S\,(x + L_x (y + L_y z))$ is basis site s of cell (x, y, z). A direction of length 1 never
//! closes on itself, and a periodic direction of length 2 joins two vertices once.

mod cell;
mod distance;
mod kind;
mod links;
mod momenta;
mod symmetry;
#[cfg(test)]
mod tests;

pub use kind::{Boundary, LatticeError, LatticeKind};
pub use links::Links;

use cell::{Offset, UnitCell};
use distance::Torus;

/// A finite lattice.
///
/// # Examples
/// ```
/// use ketwork_hamiltonians::{Boundary, Lattice};
/// let lattice = Lattice::square([4, 4], Boundary::Periodic)?;
/// assert_eq!((lattice.n_sites(), lattice.edges().len()), (16, 32));
/// # Ok::<(), ketwork_hamiltonians::LatticeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lattice {
    kind: LatticeKind,
    extent: [usize; 3],
    boundary: [Boundary; 3],
    n_sites: usize,
    edges: Vec<(u32, u32)>,
    cell: UnitCell,
    torus: Torus,
}

impl Lattice {
    /// Largest number of sites; what is simulated stays far below, and every index fits 32 bits.
    pub const MAX_SITES: usize = 1 << 20;

    /// A lattice of the given kind; one boundary for all directions or one for each.
    ///
    /// # Errors
    /// [`LatticeError`] for a wrong number of directions, an extent of 0, or more than
    /// [`Self::MAX_SITES`] sites.
    pub fn new(
        kind: LatticeKind,
        extent: &[usize],
        boundary: &[Boundary],
    ) -> Result<Self, LatticeError> {
        let expected = kind.dimension();
        let wrong = |what, found| LatticeError::Directions {
            what,
            kind: kind.name(),
            expected,
            found,
        };
        if extent.len() != expected {
            return Err(wrong("extent", extent.len()));
        }
        if boundary.len() != 1 && boundary.len() != expected {
            return Err(wrong("boundary", boundary.len()));
        }
        if extent.contains(&0) {
            return Err(LatticeError::Empty {
                extent: extent.to_vec(),
            });
        }
        let cell = UnitCell::new(kind);
        let n_sites = extent
            .iter()
            .try_fold(cell.basis.len(), |n, &l| n.checked_mul(l))
            .filter(|&n| n <= Self::MAX_SITES)
            .ok_or_else(|| LatticeError::TooLarge {
                extent: extent.to_vec(),
                limit: Self::MAX_SITES,
            })?;
        let mut lengths = [1; 3];
        let mut ends = [Boundary::Open; 3];
        for i in 0..expected {
            lengths[i] = extent[i];
            ends[i] = if boundary.len() == 1 {
                boundary[0]
            } else {
                boundary[i]
            };
        }
        let closed = (0..expected).filter(|&i| ends[i] == Boundary::Periodic && lengths[i] > 1);
        let torus = Torus::new(
            closed
                .map(|i| cell::scaled(cell.vectors[i], lengths[i] as f64))
                .collect(),
        );
        let mut lattice = Self {
            kind,
            extent: lengths,
            boundary: ends,
            n_sites,
            edges: Vec::new(),
            cell,
            torus,
        };
        lattice.edges = lattice.pairs_at(&lattice.cell.bonds);
        Ok(lattice)
    }

    /// A chain of n sites.
    ///
    /// # Errors
    /// [`LatticeError`] for no site or too many.
    pub fn chain(n: usize, boundary: Boundary) -> Result<Self, LatticeError> {
        Self::new(LatticeKind::Chain, &[n], &[boundary])
    }

    /// A square lattice.
    ///
    /// # Errors
    /// [`LatticeError`] for no site or too many.
    pub fn square(extent: [usize; 2], boundary: Boundary) -> Result<Self, LatticeError> {
        Self::new(LatticeKind::Square, &extent, &[boundary])
    }

    /// A cubic lattice.
    ///
    /// # Errors
    /// [`LatticeError`] for no site or too many.
    pub fn cubic(extent: [usize; 3], boundary: Boundary) -> Result<Self, LatticeError> {
        Self::new(LatticeKind::Cubic, &extent, &[boundary])
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> LatticeKind {
        self.kind
    }

    /// Number of unit cells in each direction.
    #[must_use]
    pub fn extent(&self) -> &[usize] {
        &self.extent[..self.kind.dimension()]
    }

    /// Boundary of each direction.
    #[must_use]
    pub fn boundary(&self) -> &[Boundary] {
        &self.boundary[..self.kind.dimension()]
    }

    /// Number of sites.
    #[must_use]
    pub fn n_sites(&self) -> usize {
        self.n_sites
    }

    /// Number of sites of a unit cell.
    #[must_use]
    pub fn sites_per_cell(&self) -> usize {
        self.cell.basis.len()
    }

    /// Nearest-neighbour pairs (a, b), a < b, each once, sorted.
    #[must_use]
    pub fn edges(&self) -> &[(u32, u32)] {
        &self.edges
    }

    /// The nearest neighbours of each site, ascending.
    #[must_use]
    pub fn adjacency(&self) -> Vec<Vec<u32>> {
        let mut near = vec![Vec::new(); self.n_sites];
        for &(a, b) in &self.edges {
            near[a as usize].push(b);
            near[b as usize].push(a);
        }
        for list in &mut near {
            list.sort_unstable();
        }
        near
    }

    /// The cell (x, y, z) of a site; 0 in directions the lattice does not have.
    ///
    /// # Panics
    /// If there is no such site.
    #[track_caller]
    #[must_use]
    pub fn cell_of(&self, site: usize) -> [usize; 3] {
        assert!(site < self.n_sites, "site {site} of {}", self.n_sites);
        let cell = site / self.sites_per_cell();
        let [lx, ly, _] = self.extent;
        [cell % lx, cell / lx % ly, cell / lx / ly]
    }

    /// x + y + z mod 2 of the cell of a site: 0 where the Neel state is up.
    ///
    /// # Panics
    /// If there is no such site.
    #[track_caller]
    #[must_use]
    pub fn parity_of_cell(&self, site: usize) -> usize {
        self.cell_of(site).iter().sum::<usize>() % 2
    }

    /// Where a site lies, in lattice constants.
    ///
    /// # Panics
    /// If there is no such site.
    #[track_caller]
    #[must_use]
    pub fn position(&self, site: usize) -> [f64; 3] {
        self.cell.point(
            self.cell_of(site).map(|c| c as i64),
            site % self.sites_per_cell(),
        )
    }

    /// The sites in boustrophedon order: rows of cells along x, every second one backwards, so
    /// that successive sites stay close. A chain keeps its order.
    #[must_use]
    pub fn snake_order(&self) -> Vec<u32> {
        let per_cell = self.sites_per_cell() as u32;
        snake_cells(self.extent)
            .flat_map(|(cell, backwards)| {
                let first = cell as u32 * per_cell;
                (0..per_cell).map(move |s| first + if backwards { per_cell - 1 - s } else { s })
            })
            .collect()
    }

    /// A two-colouring of the nearest-neighbour graph, site 0 false; `None` where it has an odd
    /// cycle.
    #[must_use]
    pub fn sublattice(&self) -> Option<Vec<bool>> {
        let near = self.adjacency();
        let mut colour: Vec<Option<bool>> = vec![None; self.n_sites];
        for root in 0..self.n_sites {
            if colour[root].is_some() {
                continue;
            }
            colour[root] = Some(false);
            let mut stack = vec![(root, false)];
            while let Some((site, mark)) = stack.pop() {
                for &next in &near[site] {
                    match colour[next as usize] {
                        Some(other) if other == mark => return None,
                        Some(_) => {}
                        None => {
                            colour[next as usize] = Some(!mark);
                            stack.push((next as usize, !mark));
                        }
                    }
                }
            }
        }
        colour.into_iter().collect()
    }

    /// Whether direction i closes on itself.
    fn closes(&self, i: usize) -> bool {
        self.boundary[i] == Boundary::Periodic && self.extent[i] > 1
    }

    /// Index of the cell at the given coordinates, if it is there.
    fn cell_index(&self, at: Offset) -> Option<usize> {
        let mut index = 0;
        for i in (0..3).rev() {
            let length = self.extent[i] as i64;
            let c = if self.closes(i) {
                at[i].rem_euclid(length)
            } else {
                at[i]
            };
            if !(0..length).contains(&c) {
                return None;
            }
            index = index * self.extent[i] + c as usize;
        }
        Some(index)
    }

    /// The site of a basis site of the cell at the given coordinates, if it is there.
    fn site_at(&self, at: Offset, basis: usize) -> Option<u32> {
        self.cell_index(at)
            .map(|c| (c * self.sites_per_cell() + basis) as u32)
    }

    /// Pairs joined by the given bonds from any cell: a < b, each once, sorted.
    fn pairs_at(&self, bonds: &[cell::Bond]) -> Vec<(u32, u32)> {
        let per_cell = self.sites_per_cell();
        let mut pairs = Vec::with_capacity(self.n_sites / per_cell * bonds.len());
        for first in (0..self.n_sites).step_by(per_cell) {
            let c = self.cell_of(first).map(|c| c as i64);
            for bond in bonds {
                let a = (first + bond.from) as u32;
                let to = [0, 1, 2].map(|i| c[i] + bond.offset[i]);
                if let Some(b) = self.site_at(to, bond.to).filter(|&b| b != a) {
                    pairs.push((a.min(b), a.max(b)));
                }
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }
}

/// Cell indices in boustrophedon order, and whether the row of the cell runs backwards.
fn snake_cells([lx, ly, lz]: [usize; 3]) -> impl Iterator<Item = (usize, bool)> {
    (0..lz).flat_map(move |z| {
        (0..ly).flat_map(move |row| {
            let y = if z % 2 == 1 { ly - 1 - row } else { row };
            let backwards = (z * ly + row) % 2 == 1;
            (0..lx).map(move |step| {
                let x = if backwards { lx - 1 - step } else { step };
                (x + lx * (y + ly * z), backwards)
            })
        })
    })
}
