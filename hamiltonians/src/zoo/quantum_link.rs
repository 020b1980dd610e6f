use super::named;
use super::toric_code::links_of;
use crate::{
    Action, Boundary, Lattice, LatticeKind, LinkChain, LocalMask, LocalSum, Model, ModelError,
    OnSpace, Term,
};
use std::sync::Arc;

/// U(1) quantum link chain, $H = -w \sum_n (\psi_n^\dagger U_{n,n+1} \psi_{n+1} + \text{h.c.}) + m
/// \sum_n (-1)^n n_n + \frac{g^2}{2} \sum_n E_{n,n+1}^2$. U raises the field E of a link of spin S by
/// one with element 1: $S^+$ for spin 1/2, $S^+/\sqrt2$ for spin 1.
///
/// The Gauss law $E_{n,n+1} - E_{n-1,n} = n_n - [1 - (-1)^n]/2 + q_n$ with static charges q determines
/// the matter, which is integrated out: the sites are the links of a chain of N vertices, N even, link
/// n from vertex n to n + 1, value v is E = S - v. A ring has N links; an open chain N - 1. The fermions
/// of a ring close such that every hopping element is -w.
///
/// [`Self::on`] takes spin 1/2 without charges, and fields of +1/2 beyond the ends of an open chain;
/// [`Self::in_sector`] any [`LinkChain`]. ([`Model::in_sector`] keeps the terms of the old charges and
/// is not what moves a charge.)
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

    /// The model on a chain of vertices with links of spin 1/2 and no static charges.
    ///
    /// # Errors
    /// [`ModelError`] for another kind of lattice, an odd number of vertices, or couplings that are
    /// not finite.
    pub fn on(&self, lattice: &Lattice) -> Result<Model<f64>, ModelError> {
        self.in_sector(half(lattice)?)
    }

    /// The model on the links of a sector, with its spin, static charges and ends.
    ///
    /// # Errors
    /// [`ModelError`] for an odd number of vertices or couplings that are not finite.
    ///
    /// # Examples
    /// ```
    /// use ketwork_hamiltonians::{LinkChain, OnSpace, QuantumLink};
    /// // Spin-1 links, a charge -1 on vertex 1 and +1 on vertex 6.
    /// let sector = LinkChain::open(2, &[0, -1, 0, 0, 0, 0, 1, 0], [0, 0])?;
    /// let model = QuantumLink { w: 1.0, m: 0.5, g: 1.0 }.in_sector(sector)?;
    /// assert_eq!(model.space().n_sites, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn in_sector(&self, sector: LinkChain) -> Result<Model<f64>, ModelError> {
        let chain = Vertices::new(&sector)?;
        let space = *sector.space();
        let squares = |v: u32| (v, v, 0.125 * (sector.twice_field(v as u8).pow(2)) as f64);
        let squares: Arc<[_]> = (0..space.local_dim as u32).map(squares).collect();
        let mut terms = Vec::new();
        for link in 0..space.n_sites as u32 {
            terms.extend(chain.hopping(link));
            terms.push(rows(vec![link], squares.clone(), 2));
        }
        for n in 0..chain.n {
            let sign = if n % 2 == 0 { 1.0 } else { -1.0 };
            terms.push(chain.matter(n, sign, 1));
        }
        let couplings = named([("w", self.w), ("m", self.m), ("g2", self.g * self.g)]);
        Model::new(LocalSum::new(space, terms, couplings)?, Arc::new(sector))
    }

    /// Pairs created over the bare vacuum, for each vertex: $\frac1N (\sum_\text{even} n_n +
    /// \sum_\text{odd} (1 - n_n))$.
    ///
    /// # Errors
    /// [`ModelError`] as for [`Self::on`].
    pub fn particle_density(lattice: &Lattice) -> Result<LocalSum<f64>, ModelError> {
        Self::particle_density_in(&half(lattice)?)
    }

    /// The same on the links of a sector.
    ///
    /// # Errors
    /// [`ModelError`] as for [`Self::in_sector`].
    pub fn particle_density_in(sector: &LinkChain) -> Result<LocalSum<f64>, ModelError> {
        let chain = Vertices::new(sector)?;
        let each = 1.0 / chain.n as f64;
        let mut terms = Vec::new();
        for n in 0..chain.n {
            terms.push(chain.matter(n, if n % 2 == 0 { each } else { -each }, 0));
        }
        // The constant of the odd vertices, N/2 of them.
        let half = (0..sector.space().local_dim as u32).map(|v| (v, v, 0.5));
        terms.push(rows(vec![0], half.collect(), 0));
        Ok(LocalSum::new(*sector.space(), terms, named([("1", 1.0)]))?)
    }

    /// The mean field of the links that are sites.
    ///
    /// # Errors
    /// [`ModelError`] for another kind of lattice.
    pub fn flux(lattice: &Lattice) -> Result<LocalSum<f64>, ModelError> {
        Self::flux_in(&half(lattice)?)
    }

    /// The same on the links of a sector.
    ///
    /// # Errors
    /// [`ModelError`] as for [`Self::in_sector`].
    pub fn flux_in(sector: &LinkChain) -> Result<LocalSum<f64>, ModelError> {
        let space = *sector.space();
        let each = 0.5 / space.n_sites as f64;
        let field = |v: u32| (v, v, each * sector.twice_field(v as u8) as f64);
        let fields: Arc<[_]> = (0..space.local_dim as u32).map(field).collect();
        let terms = (0..space.n_sites as u32).map(|link| rows(vec![link], fields.clone(), 0));
        Ok(LocalSum::new(space, terms.collect(), named([("1", 1.0)]))?)
    }
}

/// Spin 1/2 without charges; beyond open ends the field is +1/2.
fn half(lattice: &Lattice) -> Result<LinkChain, ModelError> {
    links_of(lattice, &[LatticeKind::Chain])?;
    let n = lattice.n_sites();
    if n % 2 == 1 {
        return Err(odd(n));
    }
    let charges = vec![0; n];
    Ok(if lattice.boundary() == [Boundary::Periodic] {
        LinkChain::ring(1, &charges)?
    } else {
        LinkChain::open(1, &charges, [1, 1])?
    })
}

fn odd(n: usize) -> ModelError {
    ModelError::Parameter {
        key: "lattice.extent",
        reason: format!("staggered matter on {n} vertices has no bare vacuum; take an even number"),
    }
}

fn rows(sites: Vec<u32>, elements: Arc<[(u32, u32, f64)]>, coupling: u32) -> Term<f64> {
    Term {
        sites,
        guard: Vec::new(),
        action: Action::Rows(elements),
        coupling,
    }
}

/// A link of a vertex, or the fixed field beyond an end, twice.
#[derive(Clone, Copy)]
enum Side {
    Link(u32),
    Fixed(i64),
}

/// The vertices of a chain and the links at each.
struct Vertices<'a> {
    sector: &'a LinkChain,
    n: usize,
}

impl<'a> Vertices<'a> {
    fn new(sector: &'a LinkChain) -> Result<Self, ModelError> {
        let n = sector.charges().len();
        if n % 2 == 1 {
            return Err(odd(n));
        }
        Ok(Self { sector, n })
    }

    /// The link before and after a vertex.
    fn sides(&self, vertex: usize) -> [Side; 2] {
        let before = Side::Link(((vertex + self.n - 1) % self.n) as u32);
        let after = Side::Link(vertex as u32);
        match self.sector.twice_ends() {
            Some([end, _]) if vertex == 0 => [Side::Fixed(end), after],
            Some([_, end]) if vertex + 1 == self.n => [before, Side::Fixed(end)],
            _ => [before, after],
        }
    }

    /// Background minus static charge of a vertex, twice: 2 n = 2 E(after) - 2 E(before) + this.
    fn offset(&self, vertex: usize) -> i64 {
        2 * ((vertex % 2) as i64 - self.sector.charges()[vertex])
    }

    /// The value of a link whose field, doubled, is given.
    fn value(&self, twice: i64) -> Option<u8> {
        let mut values = 0..=self.sector.twice_spin() as u8;
        values.find(|&v| self.sector.twice_field(v) == twice)
    }

    /// Hops that raise the field of a link by one from each of its values: the vertex before it is then
    /// empty and the one behind it full, which fixes the far links. A hop that a fixed end never allows
    /// is left out.
    fn hopping(&self, link: u32) -> Vec<Term<f64>> {
        let left = link as usize;
        let right = (left + 1) % self.n;
        let raised = 1..=self.sector.twice_spin() as u8;
        let hop = |value: u8| {
            let here = self.sector.twice_field(value);
            let far = [
                (self.sides(left)[0], here + self.offset(left)),
                (self.sides(right)[1], here + 2 - self.offset(right)),
            ];
            let mut guard = Vec::new();
            for (side, twice) in far {
                match side {
                    Side::Fixed(end) if end == twice => {}
                    Side::Fixed(_) => return None,
                    Side::Link(site) => guard.push((site, LocalMask::only(self.value(twice)?))),
                }
            }
            // Two vertices on a ring: both far links are the same one.
            if let [a, b] = guard[..]
                && a.0 == b.0
            {
                if a != b {
                    return None;
                }
                guard.pop();
            }
            let (low, high) = (u32::from(value), u32::from(value) - 1);
            Some(Term {
                guard,
                ..rows(vec![link], [(high, low, -1.0), (low, high, -1.0)].into(), 0)
            })
        };
        raised.filter_map(hop).collect()
    }

    /// `factor` times the number of fermions at a vertex.
    fn matter(&self, vertex: usize, factor: f64, coupling: u32) -> Term<f64> {
        let d = self.sector.space().local_dim as u32;
        let sides = self.sides(vertex);
        let link = |side: Side| match side {
            Side::Link(link) => Some(link),
            Side::Fixed(_) => None,
        };
        let sites: Vec<u32> = sides.into_iter().filter_map(link).collect();
        let elements = (0..d.pow(sites.len() as u32)).map(|r| {
            // The first site is the most significant digit.
            let [before, after] = [
                (sides[0], r / d.pow(sites.len() as u32 - 1)),
                (sides[1], r % d),
            ]
            .map(|(side, value)| match side {
                Side::Link(_) => self.sector.twice_field(value as u8),
                Side::Fixed(end) => end,
            });
            let twice = after - before + self.offset(vertex);
            (r, r, factor * 0.5 * twice as f64)
        });
        rows(sites.clone(), elements.collect(), coupling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Configs, Connected, ConstraintError, Operator, is_legal};

    /// Fields and fermions of a configuration by the Gauss law as it is written, `None` where a
    /// vertex would hold another number of fermions than 0 or 1. Fields are doubled, link -1 first.
    fn matter(sector: &LinkChain, x: &[u8]) -> Option<(Vec<i64>, Vec<i64>)> {
        let mut fields: Vec<i64> = x.iter().map(|&v| sector.twice_field(v)).collect();
        match sector.twice_ends() {
            Some([a, b]) => {
                fields.insert(0, a);
                fields.push(b);
            }
            None => fields.insert(0, fields[fields.len() - 1]),
        }
        let each = |(n, &q): (usize, &i64)| (fields[n + 1] - fields[n]) / 2 + (n % 2) as i64 - q;
        let fermions: Vec<i64> = sector.charges().iter().enumerate().map(each).collect();
        let is_known = fermions.iter().all(|n| (0..2).contains(n));
        is_known.then_some((fields, fermions))
    }

    #[test]
    fn every_hop_moves_a_fermion_and_a_unit_of_field_for_any_spin_charges_and_ends() {
        let sectors = [
            LinkChain::ring(1, &[0; 6]),
            LinkChain::ring(1, &[0, 1, 0, 0, -1, 0]),
            LinkChain::ring(2, &[0, 0, 1, -1]),
            LinkChain::ring(2, &[0, 0]),
            LinkChain::ring(3, &[0, -1, 0, 1]),
            LinkChain::open(1, &[0; 6], [1, 1]),
            LinkChain::open(1, &[0, 1, 0, 0], [-1, 1]),
            LinkChain::open(2, &[0, -1, 0, 0, 1, 0], [0, 0]),
            LinkChain::open(2, &[0, 0, 1, 0], [0, 2]),
        ];
        let link = QuantumLink {
            w: 0.8,
            m: 0.3,
            g: 0.7,
        };
        for sector in sectors.map(Result::unwrap) {
            let model = link.in_sector(sector.clone()).unwrap();
            let pairs = QuantumLink::particle_density_in(&sector).unwrap();
            let flux = QuantumLink::flux_in(&sector).unwrap();
            let (n, d) = (model.space().n_sites, model.space().local_dim);
            let (mut checked, mut hops) = (0, 0);
            for i in 0..d.pow(n as u32) {
                let x: Vec<u8> = (0..n).map(|s| (i / d.pow(s as u32) % d) as u8).collect();
                let known = matter(&sector, &x);
                assert_eq!(is_legal(&sector, &x), known.is_some(), "{x:?}");
                let Some((fields, fermions)) = known else {
                    continue;
                };
                let mut configs = Configs::new(n);
                configs.push(&x);
                let connected = |h: &dyn Operator<Elem = f64>| {
                    let mut out = Connected::default();
                    h.connected(configs.view(), &mut out);
                    out
                };
                let staggered = |n: usize| if n.is_multiple_of(2) { 1.0 } else { -1.0 };
                let mass: f64 = (fermions.iter().enumerate())
                    .map(|(n, &f)| staggered(n) * f as f64)
                    .sum();
                let own = &fields[1..=n];
                let square: f64 = own.iter().map(|&e| (e * e) as f64 / 4.0).sum();
                let energy = link.m * mass + 0.5 * link.g * link.g * square;
                let out = connected(&model);
                assert!((out.diagonal[0] - energy).abs() < 1e-14, "{x:?}");
                let vertices = fermions.len() as f64;
                let density = connected(&pairs).diagonal[0];
                assert!((density - mass / vertices - 0.5).abs() < 1e-14, "{x:?}");
                let mean = own.iter().sum::<i64>() as f64 / 2.0 / n as f64;
                assert!((connected(&flux).diagonal[0] - mean).abs() < 1e-14);
                // Raise and lower each link.
                let mut expected = Vec::new();
                for l in 0..n {
                    let (left, right) = (l, (l + 1) % fermions.len());
                    for (up, from, to) in [(true, right, left), (false, left, right)] {
                        let fits = if up { x[l] > 0 } else { x[l] + 1 < d as u8 };
                        if fits && fermions[from] == 1 && fermions[to] == 0 {
                            let mut y = x.clone();
                            y[l] = if up { x[l] - 1 } else { x[l] + 1 };
                            expected.push(y);
                        }
                    }
                }
                let mut found: Vec<Vec<u8>> = (0..out.element.len())
                    .map(|k| {
                        let mut y = vec![0; n];
                        out.neighbours.write(k, configs.view(), &mut y);
                        assert!((out.element[k] + link.w).abs() < 1e-15);
                        y
                    })
                    .collect();
                expected.sort();
                found.sort();
                assert_eq!(found, expected, "{x:?}");
                (checked, hops) = (checked + 1, hops + found.len());
            }
            assert!(checked > 1 && hops > 0, "{checked} and {hops}");
        }
    }

    #[test]
    fn charges_that_cannot_be_screened_name_their_vertex() {
        let alone = LinkChain::ring(1, &[0, 0, 5, -5]).unwrap_err();
        assert!(
            matches!(&alone, ConstraintError::Charge { vertex: 2, charge, allowed } if charge == "5" && allowed.contains("from -2 to 1")),
            "{alone}"
        );
        let total = LinkChain::ring(1, &[1, 1, 1, 1]).unwrap_err().to_string();
        assert!(total.contains("total 4"), "{total}");
        // However large.
        for charge in [i64::MAX, i64::MIN] {
            let error = LinkChain::ring(1, &[0, 0, 0, charge]).unwrap_err();
            assert!(
                matches!(&error, ConstraintError::Charge { vertex: 3, .. }),
                "{error}"
            );
        }
        for (twice_spin, ends, remedy) in [(1, [0, 1], "odd halves"), (2, [0, 1], "even halves")] {
            let error = LinkChain::open(twice_spin, &[0; 6], ends)
                .unwrap_err()
                .to_string();
            assert!(error.contains(remedy), "{error}");
        }
        assert!(LinkChain::open(1, &[0; 4], [i64::MAX, -i64::MAX]).is_err());
        let odd = LinkChain::ring(1, &[0; 5]).unwrap();
        let error = QuantumLink::new(0.0).in_sector(odd).unwrap_err();
        assert!(error.to_string().contains("even number"), "{error}");
    }
}
