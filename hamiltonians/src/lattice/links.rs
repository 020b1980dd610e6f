//! The links of a lattice as sites: where gauge fields and toric-code qubits live.

use super::cell::{Bond, Offset, scaled, sum};
use super::{Lattice, LatticeError, LatticeKind, snake_cells};

/// The links of a lattice: one for each bond, numbered by cell and bond.
///
/// Link $B\,c + k$ is bond k of the B bonds of cell c. On chains, ladders, square and cubic lattices
/// bond k leads from the vertex in direction k (0 = +x, 1 = +y, 2 = +z); on triangular ones to
/// $v + a_1$, $v + a_2$, $v + a_2 - a_1$; on honeycomb lattices from the first vertex of the cell to the
/// second one of the cells at 0, $-a_1$, $-a_2$; on kagome lattices as in [`LatticeKind::KagomeLink`].
/// Links that leave an open end do not exist and are skipped in the numbering. A periodic direction of
/// length 2 has two links between the same two vertices; one of length 1 has none.
#[derive(Clone, Debug)]
pub struct Links {
    lattice: Lattice,
    bonds: Vec<Bond>,
    /// Number of bond k of cell c at $B c + k$, if it exists.
    number: Vec<Option<u32>>,
    /// (cell, bond) of each link.
    place: Vec<(u32, u8)>,
    /// The vertices of each link, in the direction of its bond.
    ends: Vec<(u32, u32)>,
}

impl Links {
    /// The links of a lattice.
    ///
    /// # Errors
    /// [`LatticeError::NoLinks`] for a lattice whose sites are links.
    pub fn new(lattice: &Lattice) -> Result<Self, LatticeError> {
        if lattice.kind() == LatticeKind::KagomeLink {
            let kind = lattice.kind().name();
            return Err(LatticeError::NoLinks { kind });
        }
        let mut links = Self {
            lattice: lattice.clone(),
            bonds: lattice.cell.bonds.clone(),
            number: Vec::new(),
            place: Vec::new(),
            ends: Vec::new(),
        };
        let per_cell = lattice.sites_per_cell();
        for cell in 0..links.n_cells() {
            for (k, bond) in links.bonds.iter().enumerate() {
                let to = lattice.site_at(links.shifted(cell, bond.offset), bond.to);
                links.number.push(to.map(|_| links.place.len() as u32));
                if let Some(to) = to {
                    links.place.push((cell as u32, k as u8));
                    links.ends.push(((cell * per_cell + bond.from) as u32, to));
                }
            }
        }
        Ok(links)
    }

    fn n_cells(&self) -> usize {
        self.lattice.n_sites() / self.lattice.sites_per_cell()
    }

    /// Coordinates of the cell at an offset from another.
    fn shifted(&self, cell: usize, by: Offset) -> Offset {
        let at = self.lattice.cell_of(cell * self.lattice.sites_per_cell());
        [0, 1, 2].map(|i| at[i] as i64 + by[i])
    }

    /// The lattice of the vertices.
    #[must_use]
    pub fn lattice(&self) -> &Lattice {
        &self.lattice
    }

    /// Number of links.
    #[must_use]
    pub fn n_links(&self) -> usize {
        self.place.len()
    }

    /// The link of a bond of a cell, if it exists: with one vertex in a cell, that from the vertex.
    ///
    /// # Panics
    /// If there is no such cell or bond.
    #[track_caller]
    #[must_use]
    pub fn link(&self, cell: usize, bond: usize) -> Option<u32> {
        let bonds = self.bonds.len();
        assert!(bond < bonds, "bond {bond} of {bonds}");
        self.number[bonds * cell + bond]
    }

    /// The vertices a link leads from and to.
    ///
    /// # Panics
    /// If there is no such link.
    #[track_caller]
    #[must_use]
    pub fn edge(&self, link: usize) -> (u32, u32) {
        self.ends[link]
    }

    /// The bond of a link; with orthogonal directions 0 = x, 1 = y, 2 = z.
    ///
    /// # Panics
    /// If there is no such link.
    #[track_caller]
    #[must_use]
    pub fn bond(&self, link: usize) -> usize {
        self.place[link].1 as usize
    }

    /// Midpoint of a link in lattice constants.
    ///
    /// # Panics
    /// If there is no such link.
    #[track_caller]
    #[must_use]
    pub fn position(&self, link: usize) -> [f64; 3] {
        let (cell, bond) = (self.place[link].0 as usize, self.bonds[self.bond(link)]);
        let points = &self.lattice.cell;
        let from = points.point(self.shifted(cell, [0; 3]), bond.from);
        let to = points.point(self.shifted(cell, bond.offset), bond.to);
        scaled(sum(from, to), 0.5)
    }

    /// The links at each vertex, ascending: as many as its bonds in the infinite lattice, fewer at open ends.
    #[must_use]
    pub fn stars(&self) -> Vec<Vec<u32>> {
        let mut stars = vec![Vec::new(); self.lattice.n_sites()];
        for (link, &(a, b)) in (0..).zip(&self.ends) {
            stars[a as usize].push(link);
            stars[b as usize].push(link);
        }
        stars
    }

    /// The links at each vertex with the sign +1 where they leave it and -1 where they enter: the terms
    /// of its Gauss law.
    #[must_use]
    pub fn divergence(&self) -> Vec<Vec<(u32, i64)>> {
        let mut terms = vec![Vec::new(); self.lattice.n_sites()];
        for (link, &(from, to)) in (0..).zip(&self.ends) {
            terms[from as usize].push((link, 1));
            terms[to as usize].push((link, -1));
        }
        terms
    }

    /// The stars of each vertex of a cubic lattice cut by the planes (x, y), (x, z), (y, z) in turn: 4
    /// links each, fewer at open ends, empty ones left out. In one and two dimensions the stars.
    #[must_use]
    pub fn plane_stars(&self) -> Vec<Vec<u32>> {
        let mut all = self.stars();
        if self.lattice.kind().dimension() == 3 {
            let cut = |star: &Vec<u32>, plane: [usize; 2]| {
                let in_plane = |&l: &u32| plane.contains(&self.bond(l as usize));
                star.iter().copied().filter(in_plane).collect::<Vec<_>>()
            };
            let planes = [[0, 1], [0, 2], [1, 2]];
            all = (all.iter().flat_map(|star| planes.map(|p| cut(star, p)))).collect();
        }
        all.retain(|plane| !plane.is_empty());
        all
    }

    /// The links met on the way from a vertex along one bond, until an open end or back at the
    /// vertex: on a torus a loop around it.
    ///
    /// # Panics
    /// If there is no such vertex or bond, or a cell has several vertices, so that no line is straight.
    #[track_caller]
    #[must_use]
    pub fn line(&self, vertex: usize, bond: usize) -> Vec<u32> {
        let per_cell = self.lattice.sites_per_cell();
        assert!(
            per_cell == 1,
            "no straight lines: {per_cell} vertices in a cell"
        );
        let mut all = Vec::new();
        let mut at = vertex;
        while let Some(link) = self.link(at, bond) {
            all.push(link);
            at = self.edge(link as usize).1 as usize;
            if at == vertex {
                break;
            }
        }
        all
    }

    /// The links from the cells with a coordinate in a direction to those behind them: what crosses a
    /// plane. With orthogonal directions their sum is the flux through it; elsewhere some of them
    /// cross it backwards.
    ///
    /// # Panics
    /// If there is no such direction.
    #[track_caller]
    #[must_use]
    pub fn cut(&self, direction: usize, coordinate: usize) -> Vec<u32> {
        let dimension = self.lattice.kind().dimension();
        assert!(
            direction < dimension,
            "direction {direction} of {dimension}"
        );
        let length = self.lattice.extent()[direction] as i64;
        let crosses = |&link: &u32| {
            let (cell, by) = (
                self.place[link as usize].0,
                self.bonds[self.bond(link as usize)].offset,
            );
            let from = self.shifted(cell as usize, [0; 3])[direction];
            // Where the smaller of both coordinates is, before a ring closes.
            by[direction] != 0
                && (from + by[direction].min(0)).rem_euclid(length) == coordinate as i64
        };
        (0..self.n_links() as u32).filter(crosses).collect()
    }

    /// The complete plaquettes, cell by cell, each a closed loop of links: of square and cubic lattices
    /// {a(v), b(v + a), a(v + b), b(v)} in the planes (x, y), (x, z), (y, z); the two triangles, the
    /// hexagon, or two triangles and the hexagon of each triangular, honeycomb or kagome cell.
    #[must_use]
    pub fn plaquettes(&self) -> Vec<Vec<u32>> {
        let faces = faces(self.lattice.kind());
        let of_cell = |cell| faces.iter().filter_map(move |face| self.all(cell, face));
        (0..self.n_cells()).flat_map(of_cell).collect()
    }

    /// The links (bond, offset) as seen from a cell, if all exist.
    fn all(&self, cell: usize, places: &[(usize, Offset)]) -> Option<Vec<u32>> {
        let one = |&(bond, by): &(usize, Offset)| {
            self.link(self.lattice.cell_index(self.shifted(cell, by))?, bond)
        };
        places.iter().map(one).collect()
    }

    /// The complete elementary cubes: 12 links each, ascending. Empty below three dimensions.
    #[must_use]
    pub fn cubes(&self) -> Vec<Vec<u32>> {
        if self.lattice.kind().dimension() < 3 {
            return Vec::new();
        }
        let places: Vec<_> = (0..3)
            .flat_map(|k| {
                let (b, c) = ((k + 1) % 3, (k + 2) % 3);
                [0, 1, 2, 3].map(|corner: i64| {
                    let mut by = [0; 3];
                    (by[b], by[c]) = (corner & 1, corner >> 1);
                    (k, by)
                })
            })
            .collect();
        let mut cubes: Vec<_> = (0..self.n_cells())
            .filter_map(|v| self.all(v, &places))
            .collect();
        cubes.iter_mut().for_each(|c| c.sort_unstable());
        cubes
    }

    /// The links in boustrophedon order of their cells.
    #[must_use]
    pub fn snake_order(&self) -> Vec<u32> {
        let bonds = self.bonds.len();
        snake_cells(self.lattice.extent)
            .flat_map(|(cell, backwards)| {
                (0..bonds)
                    .filter_map(move |k| self.link(cell, if backwards { bonds - 1 - k } else { k }))
            })
            .collect()
    }
}

/// The plaquettes of a cell, link after link around them: (bond, offset of its cell).
fn faces(kind: LatticeKind) -> Vec<Vec<(usize, Offset)>> {
    const O: Offset = [0; 3];
    const X: Offset = [1, 0, 0];
    const Y: Offset = [0, 1, 0];
    let square = |a: usize, b: usize| {
        let step = |k: usize| [0, 1, 2].map(|i| i64::from(i == k));
        vec![(a, O), (b, step(a)), (a, step(b)), (b, O)]
    };
    match kind {
        LatticeKind::Chain | LatticeKind::KagomeLink => Vec::new(),
        LatticeKind::Ladder | LatticeKind::Square => vec![square(0, 1)],
        LatticeKind::Cubic => vec![square(0, 1), square(0, 2), square(1, 2)],
        LatticeKind::Triangular => vec![
            vec![(0, O), (2, X), (1, O)],
            vec![(1, O), (2, O), (0, [-1, 1, 0])],
        ],
        LatticeKind::Honeycomb => {
            const XY: Offset = [1, 1, 0];
            vec![vec![(1, X), (0, X), (2, XY), (1, XY), (0, Y), (2, Y)]]
        }
        LatticeKind::Kagome => vec![
            vec![(0, O), (2, O), (1, O)],
            vec![(3, O), (4, [1, -1, 0]), (5, O)],
            vec![(3, O), (1, X), (5, Y), (0, Y), (4, O), (2, O)],
        ],
    }
}
