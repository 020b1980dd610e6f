//! Gauss laws of lattice gauge theories.

use super::walk::constraint_by_walk;
use super::{ConstraintError, LocalMask, Parity, Walk};
use crate::{Links, Space};

impl Parity {
    /// The Gauss law of a Z2 gauge theory: the values of the links at a vertex add up to 0 mod 2, or
    /// to 1 where a static charge sits. Read in the snake order of the links.
    ///
    /// All winding sectors are in it; one is pinned by a further check on the links that cross a
    /// line around the torus, joined by [`product`](super::product).
    ///
    /// # Errors
    /// [`ConstraintError::Empty`] where the static charges do not add up to 0 mod 2.
    ///
    /// # Panics
    /// If the lattice has no links or no such vertex.
    ///
    /// # Examples
    /// ```
    /// use ketwork_hamiltonians::{Boundary, Lattice, Links, Parity};
    /// let links = Links::new(&Lattice::square([3, 3], Boundary::Periodic)?)?;
    /// // One of the nine checks follows from the others: 2^(18 - 8) configurations.
    /// assert_eq!(Parity::gauss_law(&links, &[])?.rank(), 8);
    /// assert!(Parity::gauss_law(&links, &[4]).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn gauss_law(links: &Links, charges: &[u32]) -> Result<Self, ConstraintError> {
        let mut checks: Vec<_> = links.stars().into_iter().map(|s| (s, false)).collect();
        for &vertex in charges {
            assert!(
                (vertex as usize) < checks.len(),
                "static charge on vertex {vertex} of {}",
                checks.len()
            );
            checks[vertex as usize].1 ^= true;
        }
        Self::new(links.snake_order(), &checks).map_err(|e| match e {
            ConstraintError::Empty { .. } if charges.len() % 2 == 1 => ConstraintError::Empty {
                reason: format!(
                    "{} static Z2 charges do not add up to 0; take an even number",
                    charges.len()
                ),
            },
            other => other,
        })
    }
}

/// Electric fields on the links of a chain with staggered matter, which the Gauss law determines:
/// $E_{n,n+1} - E_{n-1,n} = n_n - [1 - (-1)^n]/2 + q_n$ with $n_n \in \{0, 1\}$ and static charges
/// $q_n$.
///
/// Value v of a link is the field $E = S - v$ of a spin S; link n leads from vertex n to n + 1.
/// Fields of spin 1/2 on a ring of N vertices are counted by the Lucas numbers: 18, 47, 123, 322
/// for N = 6, 8, 10, 12.
///
/// # References
/// U.-J. Wiese, Ann. Phys. (Berlin) 525, 777 (2013).
#[derive(Clone, Debug)]
pub struct LinkChain {
    walk: Walk,
    twice_spin: usize,
    charges: Vec<i64>,
    twice_ends: Option<[i64; 2]>,
}

impl LinkChain {
    /// A ring: one link and one static charge for each vertex.
    ///
    /// # Errors
    /// [`ConstraintError::Charge`] for a charge that neither matter nor the links of its vertex can
    /// screen, [`ConstraintError::Empty`] where all together cannot be screened.
    ///
    /// # Panics
    /// If there is no vertex, or `twice_spin` is outside 1 to 63.
    #[track_caller]
    pub fn ring(twice_spin: usize, charges: &[i64]) -> Result<Self, ConstraintError> {
        let space = Space::new(charges.len(), twice_spin + 1);
        let field = |v: u8| field(twice_spin, v);
        let walk = Walk::ring(space, |n, a, b| {
            is_gauss_law(n, field(b) - field(a), charges[n])
        });
        Self::new(walk, twice_spin, charges, None)
    }

    /// An open chain: links between its vertices, and at the ends links whose fields are fixed at
    /// `twice_ends` / 2.
    ///
    /// # Errors
    /// As [`Self::ring`].
    ///
    /// # Panics
    /// If there are fewer than two vertices, or `twice_spin` is outside 1 to 63.
    #[track_caller]
    pub fn open(
        twice_spin: usize,
        charges: &[i64],
        twice_ends: [i64; 2],
    ) -> Result<Self, ConstraintError> {
        assert!(charges.len() > 1, "a link needs two vertices");
        if let Some(end) = twice_ends
            .iter()
            .find(|e| e.rem_euclid(2) as usize != twice_spin % 2)
        {
            return Err(ConstraintError::Empty {
                reason: format!(
                    "a field of {end}/2 beyond the end and links of spin {twice_spin}/2 differ by no integer; \
                     take ends that are {} halves",
                    if twice_spin.is_multiple_of(2) {
                        "even"
                    } else {
                        "odd"
                    }
                ),
            });
        }
        let space = Space::new(charges.len() - 1, twice_spin + 1);
        let field = |v: u8| field(twice_spin, v);
        let values = |good: &dyn Fn(u8) -> bool| {
            let found = (0..=twice_spin as u8).filter(|&v| good(v));
            LocalMask(found.fold(0, |mask, v| mask | 1 << v))
        };
        let end = charges.len() - 1;
        let first =
            values(&|v| is_gauss_law(0, field(v).saturating_sub(twice_ends[0]), charges[0]));
        let last =
            values(&|v| is_gauss_law(end, twice_ends[1].saturating_sub(field(v)), charges[end]));
        let walk = Walk::open(space, first, last, |n, a, b| {
            is_gauss_law(n, field(b) - field(a), charges[n])
        });
        Self::new(walk, twice_spin, charges, Some(twice_ends))
    }

    fn new(
        walk: Result<Walk, ConstraintError>,
        twice_spin: usize,
        charges: &[i64],
        twice_ends: Option<[i64; 2]>,
    ) -> Result<Self, ConstraintError> {
        if let Ok(walk) = walk {
            return Ok(Self {
                walk,
                twice_spin,
                charges: charges.to_vec(),
                twice_ends,
            });
        }
        // The field changes by 2S at most, and matter is 0 or 1.
        let most = twice_spin as i64;
        let inner =
            |vertex: usize| twice_ends.is_none() || (vertex > 0 && vertex + 1 < charges.len());
        for (vertex, &charge) in charges.iter().enumerate().filter(|c| inner(c.0)) {
            let background = (vertex % 2) as i64;
            let (low, high) = (background - most - 1, background + most);
            if !(low..=high).contains(&charge) {
                return Err(ConstraintError::Charge {
                    vertex: vertex as u32,
                    charge: charge.to_string(),
                    allowed: format!("integers from {low} to {high}"),
                });
            }
        }
        let ends = match twice_ends {
            Some([a, b]) => format!(" between fields of {a}/2 and {b}/2 beyond the ends"),
            None => String::new(),
        };
        Err(ConstraintError::Empty {
            reason: format!(
                "links of spin {} and the matter cannot screen static charges of total {}{ends}; move \
                 the charges or take a larger spin",
                twice_spin as f64 / 2.0,
                charges.iter().map(|&q| i128::from(q)).sum::<i128>()
            ),
        })
    }

    /// Twice the field that a value stands for, $2E = 2S - 2v$.
    #[must_use]
    pub fn twice_field(&self, value: u8) -> i64 {
        field(self.twice_spin, value)
    }

    /// Twice the spin of a link.
    #[must_use]
    pub fn twice_spin(&self) -> usize {
        self.twice_spin
    }

    /// The static charge of each vertex.
    #[must_use]
    pub fn charges(&self) -> &[i64] {
        &self.charges
    }

    /// Twice the fields beyond the ends of an open chain, `None` for a ring.
    #[must_use]
    pub fn twice_ends(&self) -> Option<[i64; 2]> {
        self.twice_ends
    }
}

fn field(twice_spin: usize, value: u8) -> i64 {
    twice_spin as i64 - 2 * i64::from(value)
}

/// Whether twice the change of the field at a vertex leaves matter 0 or 1.
fn is_gauss_law(vertex: usize, twice_change: i64, charge: i64) -> bool {
    let background = (vertex % 2) as i64;
    // Charges beyond all fields leave no matter either way.
    let matter = twice_change.saturating_sub(charge.saturating_sub(background).saturating_mul(2));
    matter == 0 || matter == 2
}

constraint_by_walk!(LinkChain);
