//! The links of a lattice as sites: where gauge fields and toric-code qubits live.

use super::cell::{UNIT, combine, scaled, sum};
use super::{Lattice, LatticeError, LatticeKind, snake_cells};

/// The links of a chain, ladder, square or cubic lattice of D directions.
///
/// Link $D\,v + k$ leads from vertex v in direction k (0 = +x, 1 = +y, 2 = +z). Links that leave an
/// open end do not exist and are skipped in the numbering. A periodic direction of length 2 has two
/// links between the same two vertices; one of length 1 has none.
#[derive(Clone, Debug)]
pub struct Links {
    lattice: Lattice,
    dimension: usize,
    /// Number of link $D v + k$, if it exists.
    number: Vec<Option<u32>>,
    /// (vertex, direction) of each link.
    place: Vec<(u32, u8)>,
    /// Vertex next to v in direction k, if there is a link.
    next: Vec<Option<u32>>,
}

impl Links {
    /// The links of a lattice.
    ///
    /// # Errors
    /// [`LatticeError::NoLinks`] for other kinds of lattices.
    pub fn new(lattice: &Lattice) -> Result<Self, LatticeError> {
        match lattice.kind() {
            LatticeKind::Chain | LatticeKind::Ladder | LatticeKind::Square | LatticeKind::Cubic => {
            }
            kind => return Err(LatticeError::NoLinks { kind: kind.name() }),
        }
        let dimension = lattice.kind().dimension();
        let mut links = Self {
            lattice: lattice.clone(),
            dimension,
            number: Vec::new(),
            place: Vec::new(),
            next: Vec::new(),
        };
        for vertex in 0..lattice.n_sites() {
            for direction in 0..dimension {
                let mut to = lattice.cell_of(vertex).map(|c| c as i64);
                to[direction] += 1;
                let next = lattice.site_at(to, 0);
                links.number.push(next.map(|_| links.place.len() as u32));
                links.next.push(next);
                if next.is_some() {
                    links.place.push((vertex as u32, direction as u8));
                }
            }
        }
        Ok(links)
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

    /// The link from a vertex in a direction, if it exists.
    ///
    /// # Panics
    /// If there is no such vertex or direction.
    #[track_caller]
    #[must_use]
    pub fn link(&self, vertex: usize, direction: usize) -> Option<u32> {
        assert!(
            direction < self.dimension,
            "direction {direction} of {}",
            self.dimension
        );
        self.number[self.dimension * vertex + direction]
    }

    /// The vertices a link leads from and to.
    ///
    /// # Panics
    /// If there is no such link.
    #[track_caller]
    #[must_use]
    pub fn edge(&self, link: usize) -> (u32, u32) {
        let (vertex, direction) = self.place[link];
        let to = self.next[self.dimension * vertex as usize + direction as usize];
        (vertex, to.expect("numbered links lead somewhere"))
    }

    /// Direction of a link: 0 = x, 1 = y, 2 = z.
    ///
    /// # Panics
    /// If there is no such link.
    #[track_caller]
    #[must_use]
    pub fn direction(&self, link: usize) -> usize {
        self.place[link].1 as usize
    }

    /// Midpoint of a link in lattice constants.
    ///
    /// # Panics
    /// If there is no such link.
    #[track_caller]
    #[must_use]
    pub fn position(&self, link: usize) -> [f64; 3] {
        let (vertex, direction) = self.place[link];
        let mut step = [0; 3];
        step[direction as usize] = 1;
        sum(
            self.lattice.position(vertex as usize),
            scaled(combine(&UNIT, step), 0.5),
        )
    }

    /// The links at each vertex, ascending: 2D of them, fewer at open ends.
    #[must_use]
    pub fn stars(&self) -> Vec<Vec<u32>> {
        let mut stars = vec![Vec::new(); self.lattice.n_sites()];
        for link in 0..self.n_links() {
            let (a, b) = self.edge(link);
            stars[a as usize].push(link as u32);
            stars[b as usize].push(link as u32);
        }
        stars
    }

    /// The links at each vertex with the sign +1 where they leave it and -1 where they enter: the terms
    /// of its Gauss law.
    #[must_use]
    pub fn divergence(&self) -> Vec<Vec<(u32, i64)>> {
        let mut terms = vec![Vec::new(); self.lattice.n_sites()];
        for link in 0..self.n_links() {
            let (from, to) = self.edge(link);
            terms[from as usize].push((link as u32, 1));
            terms[to as usize].push((link as u32, -1));
        }
        terms
    }

    /// The stars of each vertex cut by the coordinate planes, of the planes (x, y), (x, z), (y, z) in
    /// turn: 4 links each, fewer at open ends, empty ones left out. In two dimensions the stars.
    #[must_use]
    pub fn plane_stars(&self) -> Vec<Vec<u32>> {
        let mut all = Vec::new();
        for star in self.stars() {
            for a in 0..self.dimension {
                for b in a + 1..self.dimension {
                    let in_plane = |&l: &u32| [a, b].contains(&self.direction(l as usize));
                    all.push(star.iter().copied().filter(in_plane).collect::<Vec<_>>());
                }
            }
        }
        all.retain(|plane| !plane.is_empty());
        all
    }

    /// The links met on the way from a vertex in one direction, until an open end or back at the
    /// vertex: on a torus a loop around it.
    ///
    /// # Panics
    /// If there is no such vertex or direction.
    #[track_caller]
    #[must_use]
    pub fn line(&self, vertex: usize, direction: usize) -> Vec<u32> {
        let mut all = Vec::new();
        let mut at = vertex;
        while let Some(link) = self.link(at, direction) {
            all.push(link);
            at = self.edge(link as usize).1 as usize;
            if at == vertex {
                break;
            }
        }
        all
    }

    /// The links in one direction that leave the vertices with a coordinate in that direction: what
    /// crosses a plane, whose sum is the flux through it.
    ///
    /// # Panics
    /// If there is no such direction.
    #[track_caller]
    #[must_use]
    pub fn cut(&self, direction: usize, coordinate: usize) -> Vec<u32> {
        assert!(
            direction < self.dimension,
            "direction {direction} of {}",
            self.dimension
        );
        let in_plane = |v: &usize| self.lattice.cell_of(*v)[direction] == coordinate;
        (0..self.lattice.n_sites())
            .filter(in_plane)
            .filter_map(|v| self.link(v, direction))
            .collect()
    }

    /// The complete plaquettes {a(v), b(v + a), a(v + b), b(v)} of the planes (x, y), (x, z),
    /// (y, z) at each vertex v.
    #[must_use]
    pub fn plaquettes(&self) -> Vec<[u32; 4]> {
        let mut all = Vec::new();
        for vertex in 0..self.lattice.n_sites() {
            for a in 0..self.dimension {
                for b in a + 1..self.dimension {
                    all.extend(self.plaquette(vertex, a, b));
                }
            }
        }
        all
    }

    fn plaquette(&self, vertex: usize, a: usize, b: usize) -> Option<[u32; 4]> {
        let beside = self.step(vertex, a)?;
        let above = self.step(vertex, b)?;
        Some([
            self.link(vertex, a)?,
            self.link(beside, b)?,
            self.link(above, a)?,
            self.link(vertex, b)?,
        ])
    }

    fn step(&self, vertex: usize, direction: usize) -> Option<usize> {
        self.next[self.dimension * vertex + direction].map(|v| v as usize)
    }

    /// The complete elementary cubes: 12 links each, ascending. Empty below three dimensions.
    #[must_use]
    pub fn cubes(&self) -> Vec<[u32; 12]> {
        if self.dimension < 3 {
            return Vec::new();
        }
        (0..self.lattice.n_sites())
            .filter_map(|v| self.cube(v))
            .collect()
    }

    fn cube(&self, vertex: usize) -> Option<[u32; 12]> {
        let mut links = [0; 12];
        let mut filled = 0;
        for direction in 0..3 {
            let (b, c) = ((direction + 1) % 3, (direction + 2) % 3);
            let right = self.step(vertex, b)?;
            for corner in [vertex, right, self.step(vertex, c)?, self.step(right, c)?] {
                links[filled] = self.link(corner, direction)?;
                filled += 1;
            }
        }
        links.sort_unstable();
        Some(links)
    }

    /// The links in boustrophedon order of their vertices.
    #[must_use]
    pub fn snake_order(&self) -> Vec<u32> {
        snake_cells(self.lattice.extent)
            .flat_map(|(vertex, backwards)| {
                (0..self.dimension).filter_map(move |k| {
                    self.link(vertex, if backwards { self.dimension - 1 - k } else { k })
                })
            })
            .collect()
    }
}
