use super::{Constraint, ConstraintError, LocalMask, separate_starts};
use crate::{Links, OnSpace, Space};

/// Linear checks over the integers modulo N: $\sum_i a_i x_i = b \bmod N$ for sites of N values.
///
/// The Gauss laws of Z_N gauge theories are of this kind. The checks are brought into Howell form: no
/// two end at the same position, the last coefficient divides N, and whatever a multiple of a check
/// says about earlier positions alone is a check of its own. At its end a check with coefficient a
/// then leaves a values of N, everywhere else all are allowed. So the look-ahead is exact for every N,
/// prime or not, and the state holds one remainder for each check that is under way.
///
/// # References
/// J. A. Howell, Linear Multilinear Algebra 19, 67 (1986).
#[derive(Clone, Debug)]
pub struct Modular {
    space: Space,
    order: Vec<u32>,
    /// What each check still needs at the start.
    needed: Vec<u8>,
    /// Checks that read a position, with their coefficients.
    reads: Vec<Vec<(u32, u8)>>,
    /// The check that ends at a position, with its coefficient there.
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

    /// f times this check plus g times the other.
    fn combined(&self, f: u8, other: &Self, g: u8, ring: Ring) -> Self {
        let sum = |a: u8, o: u8| ring.plus(ring.times(f, a), ring.times(g, o));
        Self {
            a: (self.a.iter().zip(&other.a))
                .map(|(&a, &o)| sum(a, o))
                .collect(),
            b: sum(self.b, other.b),
        }
    }

    fn scaled(&self, f: u8, ring: Ring) -> Self {
        self.combined(f, self, 0, ring)
    }
}

/// Arithmetic modulo N.
#[derive(Clone, Copy, Debug)]
struct Ring(u8);

impl Ring {
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
    /// The multiple of a by a unit that divides N: $\gcd(a, N)$, and the unit.
    fn associate(self, a: u8) -> (u8, u8) {
        let n = i64::from(self.0);
        let g = bezout(i64::from(a), n).0;
        let is_unit = |u: &u8| bezout(i64::from(*u), n).0 == 1;
        let unit = (1..self.0).filter(is_unit);
        let unit = unit.into_iter().find(|&u| i64::from(self.times(a, u)) == g);
        (
            g as u8,
            unit.expect("a number and its gcd with N differ by a unit"),
        )
    }
}

/// (g, s, t) with s a + t b = g, the greatest common divisor.
fn bezout(a: i64, b: i64) -> (i64, i64, i64) {
    if b == 0 {
        return (a, 1, 0);
    }
    let (g, s, t) = bezout(b, a % b);
    (g, t, s - a / b * t)
}

impl Modular {
    /// Configurations of sites of N values, N = `modulus`, that satisfy all checks ((site,
    /// coefficient), b), read in the given order. Coefficients of a site named twice add up.
    ///
    /// # Errors
    /// [`ConstraintError::Modulus`] where N is outside 2 to 64, [`ConstraintError::Empty`] where the
    /// checks contradict each other.
    ///
    /// # Panics
    /// If `order` is no permutation of the sites or a check names a site outside it.
    ///
    /// # Examples
    /// ```
    /// use ketwork_hamiltonians::{Modular, is_legal};
    /// // 2 x + 3 y = 5 mod 6 asks y to be odd and x to be 1 or 4.
    /// let check = Modular::new(vec![0, 1], 6, &[(vec![(0, 2), (1, 3)], 5)])?;
    /// assert!(is_legal(&check, &[4, 3]) && !is_legal(&check, &[2, 1]));
    /// # Ok::<(), ketwork_hamiltonians::ConstraintError>(())
    /// ```
    #[track_caller]
    pub fn new(
        order: Vec<u32>,
        modulus: usize,
        checks: &[(Vec<(u32, i64)>, i64)],
    ) -> Result<Self, ConstraintError> {
        let n = order.len();
        super::assert_permutation(&order, n);
        if !(2..=64).contains(&modulus) {
            return Err(ConstraintError::Modulus { modulus });
        }
        let ring = Ring(modulus as u8);
        let mut position = vec![0; n];
        for (p, &site) in order.iter().enumerate() {
            position[site as usize] = p;
        }
        let mut by_end: Vec<Option<Check>> = vec![None; n];
        for (index, (terms, b)) in checks.iter().enumerate() {
            let mut row = Check {
                a: vec![0; n],
                b: ring.reduce(*b),
            };
            for &(site, a) in terms {
                assert!((site as usize) < n, "check on site {site} of {n}");
                let at = &mut row.a[position[site as usize]];
                *at = ring.plus(*at, ring.reduce(a));
            }
            if !insert(&mut by_end, row, ring) {
                return Err(ConstraintError::Empty {
                    reason: format!("check {index} modulo {modulus} contradicts those before it"),
                });
            }
        }
        let mut rows: Vec<Check> = by_end.into_iter().flatten().collect();
        let first = |c: &Check| c.first().expect("zero rows were dropped");
        separate_starts(&mut rows, n, first, |later, kept, start| {
            let (g, a) = (kept.a[start], later.a[start]);
            // Always found where N is prime; elsewhere both checks go on.
            let factor = (1..ring.0).find(|&f| ring.plus(ring.times(f, g), a) == 0);
            if let Some(f) = factor {
                *later = later.combined(1, kept, f, ring);
            }
            factor.is_some()
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
            modular.ends[end] = Some((k as u32, row.a[end]));
        }
        Ok(modular)
    }

    /// The Gauss law of a Z_N gauge theory: the values of the links that leave a vertex minus
    /// those that enter it add up to its static charge mod N. Read in the snake order of the links.
    ///
    /// `charges` lists (vertex, charge), those at one vertex add up. All winding sectors are in it; see
    /// [`Self::with_flux`].
    ///
    /// # Errors
    /// [`ConstraintError::Modulus`]; [`ConstraintError::Charge`] for a charge outside 0 to N - 1;
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
        if !(2..=64).contains(&modulus) {
            return Err(ConstraintError::Modulus { modulus });
        }
        for &(vertex, charge) in charges {
            assert!(
                (vertex as usize) < checks.len(),
                "static charge on vertex {vertex} of {}",
                checks.len()
            );
            if !(0..modulus as i64).contains(&charge) {
                return Err(ConstraintError::Charge {
                    vertex,
                    charge: charge.to_string(),
                    allowed: format!("0 to {} of Z_{modulus}", modulus - 1),
                });
            }
            checks[vertex as usize].1 += charge;
        }
        let total = charges.iter().map(|c| c.1).sum::<i64>();
        let with = |(set, flux): &(Vec<u32>, i64)| (set.iter().map(|&l| (l, 1)).collect(), *flux);
        checks.extend(fluxes.iter().map(with));
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

    /// Number of checks after the elimination: for prime N those that are independent, and the sector
    /// holds $N^{\text{sites} - \text{rank}}$ configurations.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.needed.len()
    }

    fn ring(&self) -> Ring {
        Ring(self.space.local_dim as u8)
    }
}

/// Adds a check to those in Howell form; false where it contradicts them.
fn insert(by_end: &mut [Option<Check>], row: Check, ring: Ring) -> bool {
    let mut waiting = vec![row];
    while let Some(row) = waiting.pop() {
        let Some(end) = row.last() else {
            if row.b != 0 {
                return false;
            }
            continue;
        };
        let a = row.a[end];
        let pivot = match by_end[end].take() {
            Some(old) if a % old.a[end] == 0 => {
                let factor = ring.negative(a / old.a[end]);
                waiting.push(row.combined(1, &old, factor, ring));
                by_end[end] = Some(old);
                continue;
            }
            Some(old) => {
                let g = old.a[end];
                let (d, s, t) = bezout(i64::from(g), i64::from(a));
                // Determinant (s g + t a) / d = 1: both together say the same as before.
                let less = ring.negative(a / d as u8);
                waiting.push(row.combined(g / d as u8, &old, less, ring));
                old.combined(ring.reduce(s), &row, ring.reduce(t), ring)
            }
            None => row,
        };
        let (g, unit) = ring.associate(pivot.a[end]);
        let pivot = pivot.scaled(unit, ring);
        // N/g times the check has lost its end and speaks of earlier positions alone.
        waiting.push(pivot.scaled(ring.reduce(i64::from(ring.0 / g)), ring));
        by_end[end] = Some(pivot);
    }
    true
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
        let Some((k, a)) = self.ends[position] else {
            return LocalMask::all(self.space.local_dim);
        };
        // a divides N and the remainder: one value of N / a, and all that differ by N / a.
        let (n, period) = (self.ring().0, self.ring().0 / a);
        let first = remainder(state, k) / a;
        let values = (first..n).step_by(usize::from(period));
        LocalMask(values.fold(0, |mask, v| mask | 1 << v))
    }
    fn advance(&self, state: &mut [u64], position: usize, value: u8) {
        let ring = self.ring();
        for &(k, a) in &self.reads[position] {
            let old = remainder(state, k);
            let new = ring.plus(old, ring.negative(ring.times(a, value)));
            state[k as usize / LANES] ^= u64::from(old ^ new) << (8 * (k as usize % LANES));
        }
    }
}
