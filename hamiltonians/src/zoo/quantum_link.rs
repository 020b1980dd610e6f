use super::named;
use super::toric_code::links_of;
use crate::{
    Action, Boundary, Lattice, LatticeKind, LinkChain, LocalMask, LocalSum, Model, ModelError,
    Space, Term,
};
use std::sync::Arc;

/// U(1) quantum link chain, $H = -w \sum_n (\psi_n^\dagger S^+_{n,n+1} \psi_{n+1} + \text{h.c.}) + m
/// \sum_n (-1)^n n_n + \frac{g^2}{2} \sum_n E_{n,n+1}^2$ with spin-1/2 links, $E = S^z$.
///
/// The Gauss law $E_{n,n+1} - E_{n-1,n} = n_n - [1 - (-1)^n]/2$ determines the matter, which is
/// integrated out: the sites are the links of a chain of N vertices, N even, link n from vertex n to
/// n + 1, value 0 is E = +1/2. A ring has N links; an open chain N - 1, with the links beyond its
/// ends fixed at +1/2. The fermions of a ring close such that every hopping element is -w.
///
/// Couplings are named "w", "m" and "g2", which is $g^2$: the electric energy of spin-1/2 links is a
/// constant, 1/8 for each of the links that are sites.
/// Ring of N = 8, w = m = 1, g = 0: $E_0/N = -0.714503$ (tested); the ring is critical at $m \approx
/// 0.655\,w$.
///
/// # References
/// D. Banerjee et al., Phys. Rev. Lett. 109, 175302 (2012).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantumLink {
    /// Hopping w.
    pub w: f64,
    /// Staggered mass m.
    pub m: f64,
    /// Gauge coupling g.
    pub g: f64,
}

impl QuantumLink {
    /// w = 1, the given mass, no electric energy.
    #[must_use]
    pub fn new(m: f64) -> Self {
        Self { w: 1.0, m, g: 0.0 }
    }

    /// The model on a chain of vertices.
    ///
    /// # Errors
    /// [`ModelError`] for another kind of lattice, an odd number of vertices, or couplings that are
    /// not finite.
    pub fn on(&self, lattice: &Lattice) -> Result<Model<f64>, ModelError> {
        let space = Space::qubits(links_of(lattice, &[LatticeKind::Chain])?.n_links());
        let chain = Vertices::new(lattice)?;
        let mut terms = Vec::new();
        for link in 0..space.n_sites as u32 {
            terms.extend(chain.hopping(link));
            let constant = [(0, 0, 0.125), (1, 1, 0.125)].into();
            terms.push(rows(vec![link], constant, 2));
        }
        for n in 0..chain.n {
            let sign = if n % 2 == 0 { 1.0 } else { -1.0 };
            terms.push(chain.matter(n, sign, 1));
        }
        let couplings = named([("w", self.w), ("m", self.m), ("g2", self.g * self.g)]);
        Model::new(LocalSum::new(space, terms, couplings)?, chain.sector()?)
    }

    /// Pairs created over the bare vacuum, for each vertex: $\frac1N (\sum_\text{even} n_n +
    /// \sum_\text{odd} (1 - n_n))$.
    ///
    /// # Errors
    /// [`ModelError`] as for [`Self::on`].
    pub fn particle_density(lattice: &Lattice) -> Result<LocalSum<f64>, ModelError> {
        let links = links_of(lattice, &[LatticeKind::Chain])?;
        let chain = Vertices::new(lattice)?;
        let each = 1.0 / chain.n as f64;
        let mut terms = Vec::new();
        for n in 0..chain.n {
            terms.push(chain.matter(n, if n % 2 == 0 { each } else { -each }, 0));
        }
        // The constant of the odd vertices, N/2 of them.
        terms.push(rows(vec![0], [(0, 0, 0.5), (1, 1, 0.5)].into(), 0));
        let space = Space::qubits(links.n_links());
        Ok(LocalSum::new(space, terms, named([("1", 1.0)]))?)
    }

    /// The mean field of the links that are sites.
    ///
    /// # Errors
    /// [`ModelError`] for another kind of lattice.
    pub fn flux(lattice: &Lattice) -> Result<LocalSum<f64>, ModelError> {
        let space = Space::qubits(links_of(lattice, &[LatticeKind::Chain])?.n_links());
        let half = 0.5 / space.n_sites as f64;
        let field = |link| rows(vec![link], [(0, 0, half), (1, 1, -half)].into(), 0);
        let terms = (0..space.n_sites as u32).map(field).collect();
        Ok(LocalSum::new(space, terms, named([("1", 1.0)]))?)
    }
}

/// Fields of the values 0 and 1.
const FIELD: [f64; 2] = [0.5, -0.5];
/// Field of the links beyond the ends.
const END: f64 = 0.5;

fn rows(sites: Vec<u32>, elements: Arc<[(u32, u32, f64)]>, coupling: u32) -> Term<f64> {
    Term {
        sites,
        guard: Vec::new(),
        action: Action::Rows(elements),
        coupling,
    }
}

/// The vertices of a chain and the links at each.
struct Vertices {
    n: usize,
    is_ring: bool,
}

impl Vertices {
    fn new(lattice: &Lattice) -> Result<Self, ModelError> {
        let n = lattice.n_sites();
        if n % 2 == 1 {
            return Err(ModelError::Parameter {
                key: "lattice.extent",
                reason: format!(
                    "staggered matter on {n} vertices has no bare vacuum; take an even number"
                ),
            });
        }
        let is_ring = lattice.boundary() == [Boundary::Periodic];
        Ok(Self { n, is_ring })
    }

    fn sector(&self) -> Result<Arc<LinkChain>, ModelError> {
        let charges = vec![0; self.n];
        Ok(Arc::new(if self.is_ring {
            LinkChain::ring(1, &charges)?
        } else {
            LinkChain::open(1, &charges, [1, 1])?
        }))
    }

    /// The link before and after a vertex, `None` beyond the ends.
    fn links(&self, vertex: usize) -> [Option<u32>; 2] {
        let before = (vertex + self.n - 1) % self.n;
        let exists = |link: usize| (self.is_ring || link + 1 < self.n).then_some(link as u32);
        [exists(before), exists(vertex)]
    }

    /// Flips a link where the vertices at both of its ends allow both values: the far link of an even
    /// vertex is then down if it comes before and up if it comes after, of an odd vertex the other
    /// way round. `None` where a fixed end never allows it.
    fn hopping(&self, link: u32) -> Option<Term<f64>> {
        let left = link as usize;
        let right = (left + 1) % self.n;
        let far = [
            (self.links(left)[0], u8::from(left.is_multiple_of(2))),
            (self.links(right)[1], u8::from(!right.is_multiple_of(2))),
        ];
        let mut guard = Vec::new();
        for (site, value) in far {
            match site {
                // Beyond the ends the field is up.
                None if value == 1 => return None,
                None => {}
                Some(site) => guard.push((site, LocalMask::only(value))),
            }
        }
        // Two vertices on a ring: both far links are the same one, and ask for the same value.
        guard.dedup();
        Some(Term {
            guard,
            ..rows(vec![link], [(0, 1, -1.0), (1, 0, -1.0)].into(), 0)
        })
    }

    /// `factor` times the number of fermions at a vertex.
    fn matter(&self, vertex: usize, factor: f64, coupling: u32) -> Term<f64> {
        let background = (vertex % 2) as f64;
        let [before, after] = self.links(vertex);
        let sites: Vec<u32> = before.into_iter().chain(after).collect();
        let elements = (0..1_u32 << sites.len()).map(|r| {
            // The first site is the most significant digit.
            let e_before = before.map_or(END, |_| FIELD[(r >> (sites.len() - 1) & 1) as usize]);
            let e_after = after.map_or(END, |_| FIELD[(r & 1) as usize]);
            (r, r, factor * (e_after - e_before + background))
        });
        rows(sites.clone(), elements.collect(), coupling)
    }
}
