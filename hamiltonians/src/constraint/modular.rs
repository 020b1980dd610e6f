use super::{Constraint, ConstraintError, LocalMask, separate_starts};
use crate::{Links, OnSpace, Space};

/// Linear checks over the integers modulo a prime p: $\sum_i a_i x_i = b \bmod p$ for sites of p values.
///
/// The Gauss laws of Z_N gauge theories are of this kind. As for [`Parity`](super::Parity) the checks
/// are reduced until no two start or end at the same position: at its end a check leaves one value,
/// everywhere else all are allowed. So the look-ahead is exact, and the state holds one remainder for
/// each check that is under way. Composite moduli have no such elimination and are refused.
#[derive(Clone, Debug)]
pub struct Modular {
    space: Space,
    order: Vec<u32>,
    /// What each check still needs at the start.
    needed: Vec<u8>,
    /// Checks that read a position, with their coefficients.
    reads: Vec<Vec<(u32, u8)>>,
    /// The check that ends at a position, with the inverse of its coefficient there.
    ends: Vec<Option<(u32, u8)>>,
}

/// Remainders in a word of the state.
const LANES: usize = 8;

/// A check as coefficients over positions.
#[derive(Clone, Debug)]
struct Check {
    a: Vec<u8>,
    b: u8,
}

impl Check {
    fn first(&self) -> Option<usize> {
        self.a.iter().position(|&a| a != 0)
    }

    fn last(&self) -> Option<usize> {
        self.a.iter().rposition(|&a| a != 0)
    }

    /// Adds the multiple of `other` that makes the coefficient at `position` zero.
    fn cancel(&mut self, other: &Self, position: usize, field: Field) {
        let factor =
            field.negative(field.times(self.a[position], field.inverse(other.a[position])));
        for (a, &o) in self.a.iter_mut().zip(&other.a) {
            *a = field.plus(*a, field.times(factor, o));
        }
        self.b = field.plus(self.b, field.times(factor, other.b));
    }
}

/// Arithmetic modulo a prime.
#[derive(Clone, Copy, Debug)]
struct Field(u8);

impl Field {
    fn reduce(self, value: i64) -> u8 {
        value.rem_euclid(i64::from(self.0)) as u8
    }
    fn plus(self, a: u8, b: u8) -> u8 {
        (a + b) % self.0
    }
    fn times(self, a: u8, b: u8) -> u8 {
        (u16::from(a) * u16::from(b) % u16::from(self.0)) as u8
    }
    fn negative(self, a: u8) -> u8 {
        (self.0 - a) % self.0
    }
    fn inverse(self, a: u8) -> u8 {
        let found = (1..self.0).find(|&b| self.times(a, b) == 1);
        found.expect("every number but 0 has an inverse modulo a prime")
    }
}

impl Modular {
    /// Configurations of N sites of p values that satisfy all checks ((site, coefficient), b), read in
    /// the given order. Coefficients of a site named twice add up.
    ///
    /// # Errors
    /// [`ConstraintError::Composite`] where p is no prime from 2 to 61, [`ConstraintError::Empty`]
    /// where the checks contradict each other.
    ///
    /// # Panics
    /// If `order` is no permutation of the sites or a check names a site outside it.
    #[track_caller]
    pub fn new(
        order: Vec<u32>,
        modulus: usize,
        checks: &[(Vec<(u32, i64)>, i64)],
    ) -> Result<Self, ConstraintError> {
        let n = order.len();
        super::assert_permutation(&order, n);
        if !(2..=64).contains(&modulus) || (2..modulus).any(|q| modulus.is_multiple_of(q)) {
            return Err(ConstraintError::Composite { modulus });
        }
        let field = Field(modulus as u8);
        let mut position = vec![0; n];
        for (p, &site) in order.iter().enumerate() {
            position[site as usize] = p;
        }
        let mut by_end: Vec<Option<Check>> = vec![None; n];
        for (index, (terms, b)) in checks.iter().enumerate() {
            let mut row = Check {
                a: vec![0; n],
                b: field.reduce(*b),
            };
            for &(site, a) in terms {
                assert!((site as usize) < n, "check on site {site} of {n}");
                let at = &mut row.a[position[site as usize]];
                *at = field.plus(*at, field.reduce(a));
            }
            while let Some(end) = row.last() {
                match &by_end[end] {
                    Some(pivot) => row.cancel(pivot, end, field),
                    None => break,
                }
            }
            match row.last() {
                Some(end) => by_end[end] = Some(row),
                None if row.b != 0 => {
                    return Err(ConstraintError::Empty {
                        reason: format!(
                            "check {index} modulo {modulus} contradicts those before it"
                        ),
                    });
                }
                None => {}
            }
        }
        let mut rows: Vec<Check> = by_end.into_iter().flatten().collect();
        let first = |c: &Check| c.first().expect("zero rows were dropped");
        separate_starts(&mut rows, n, first, |later, kept, start| {
            later.cancel(kept, start, field);
        });
        let mut modular = Self {
            space: Space::new(n, modulus),
            order,
            needed: rows.iter().map(|r| r.b).collect(),
            reads: vec![Vec::new(); n],
            ends: vec![None; n],
        };
        for (k, row) in rows.iter().enumerate() {
            for (p, &a) in row.a.iter().enumerate().filter(|(_, a)| **a != 0) {
                modular.reads[p].push((k as u32, a));
            }
            let end = row.last().expect("zero rows were dropped");
            modular.ends[end] = Some((k as u32, field.inverse(row.a[end])));
        }
        Ok(modular)
    }

    /// The Gauss law of a Z_N gauge theory, N prime: the values of the links that leave a vertex minus
    /// those that enter it add up to its static charge mod N. Read in the snake order of the links.
    ///
    /// `charges` lists (vertex, charge), those at one vertex add up. All winding sectors are in it; see
    /// [`Self::with_flux`].
    ///
    /// # Errors
    /// [`ConstraintError::Composite`]; [`ConstraintError::Charge`] for a charge outside 0 to N - 1;
    /// [`ConstraintError::TotalCharge`] where the charges do not add up to 0 mod N: every link leaves
    /// one vertex and enters another, open ends included.
    ///
    /// # Panics
    /// If the lattice has no links or no such vertex.
    ///
    /// # Examples
    /// ```
    /// use ketwork_hamiltonians::{Boundary, ConstraintError, Lattice, Links, Modular};
    /// let links = Links::new(&Lattice::square([2, 2], Boundary::Periodic)?)?;
    /// assert_eq!(Modular::gauss_law(&links, 3, &[(0, 1), (3, 2)])?.rank(), 3);
    /// let error = Modular::gauss_law(&links, 3, &[(0, 1)]).unwrap_err();
    /// assert!(matches!(error, ConstraintError::TotalCharge { .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn gauss_law(
        links: &Links,
        modulus: usize,
        charges: &[(u32, i64)],
    ) -> Result<Self, ConstraintError> {
        Self::with_flux(links, modulus, charges, &[])
    }

    /// The same with the values of the links in each listed set ([`Links::cut`]) adding up to the given
    /// flux mod N: a winding sector.
    ///
    /// # Errors
    /// As [`Self::gauss_law`], and [`ConstraintError::Empty`] for a flux that charges and cuts exclude.
    ///
    /// # Panics
    /// If the lattice has no links or no such vertex.
    #[track_caller]
    pub fn with_flux(
        links: &Links,
        modulus: usize,
        charges: &[(u32, i64)],
        fluxes: &[(Vec<u32>, i64)],
    ) -> Result<Self, ConstraintError> {
        let terms = links.divergence();
        let mut checks: Vec<_> = terms.into_iter().map(|terms| (terms, 0)).collect();
        for &(vertex, charge) in charges {
            assert!(
                (vertex as usize) < checks.len(),
                "static charge on vertex {vertex} of {}",
                checks.len()
            );
            if !(0..modulus as i64).contains(&charge) {
                return Err(ConstraintError::Charge {
                    vertex,
                    charge,
                    allowed: format!("0 to {} of Z_{modulus}", modulus.saturating_sub(1)),
                });
            }
            checks[vertex as usize].1 += charge;
        }
        let total = charges.iter().map(|c| c.1).sum::<i64>();
        let with = |(set, flux): &(Vec<u32>, i64)| (set.iter().map(|&l| (l, 1)).collect(), *flux);
        checks.extend(fluxes.iter().map(with));
        // Composite moduli are named before charges are added up.
        let found = Self::new(links.snake_order(), modulus, &checks);
        match found {
            Err(ConstraintError::Empty { .. }) if total.rem_euclid(modulus as i64) != 0 => {
                Err(ConstraintError::TotalCharge {
                    total,
                    modulo: format!(" mod {modulus}"),
                })
            }
            found => found,
        }
    }

    /// Number of independent checks: the sector holds $p^{N - \text{rank}}$ configurations.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.needed.len()
    }

    fn field(&self) -> Field {
        Field(self.space.local_dim as u8)
    }
}

/// The remainder of check k in the state.
fn remainder(state: &[u64], k: u32) -> u8 {
    let (word, lane) = (k as usize / LANES, k as usize % LANES);
    (state[word] >> (8 * lane)) as u8
}

impl OnSpace for Modular {
    fn space(&self) -> &Space {
        &self.space
    }
}

impl Constraint for Modular {
    fn order(&self) -> &[u32] {
        &self.order
    }
    fn words(&self) -> usize {
        self.needed.len().div_ceil(LANES)
    }
    /// Lane k is what check k still needs.
    fn start(&self, state: &mut [u64]) {
        state.fill(0);
        for (k, &b) in self.needed.iter().enumerate() {
            state[k / LANES] |= u64::from(b) << (8 * (k % LANES));
        }
    }
    fn mask(&self, state: &[u64], position: usize) -> LocalMask {
        match self.ends[position] {
            Some((k, inverse)) => LocalMask::only(self.field().times(remainder(state, k), inverse)),
            None => LocalMask::all(self.space.local_dim),
        }
    }
    fn advance(&self, state: &mut [u64], position: usize, value: u8) {
        let field = self.field();
        for &(k, a) in &self.reads[position] {
            let old = remainder(state, k);
            let new = field.plus(old, field.negative(field.times(a, value)));
            state[k as usize / LANES] ^= u64::from(old ^ new) << (8 * (k as usize % LANES));
        }
    }
}
