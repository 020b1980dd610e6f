use super::{Constraint, ConstraintError, LocalMask, separate_starts};
use crate::{OnSpace, Space};

/// Linear checks over Z2: $\sum_{i \in A} x_i = b_A \bmod 2$ for any sets A of qubits.
///
/// Gauge constraints, stabilisers and total parities are of this kind. The checks are reduced so
/// that no two start or end at the same position of the order: at its end a check leaves one value,
/// everywhere else both are allowed. So the look-ahead is exact, and the state holds the fewest
/// possible bits: one for each check that is under way.
#[derive(Clone, Debug)]
pub struct Parity {
    space: Space,
    order: Vec<u32>,
    checks: Vec<Check>,
    /// Checks that read a position: (word of the state, bit).
    reads: Vec<Vec<(u32, u64)>>,
    /// The check that ends at a position.
    ends: Vec<Option<(u32, u64)>>,
}

/// A check as bits over positions.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Check {
    bits: Vec<u64>,
    odd: bool,
}

impl Check {
    fn first(&self) -> Option<usize> {
        let word = self.bits.iter().position(|&w| w != 0)?;
        Some(64 * word + self.bits[word].trailing_zeros() as usize)
    }

    fn last(&self) -> Option<usize> {
        let word = self.bits.iter().rposition(|&w| w != 0)?;
        Some(64 * word + 63 - self.bits[word].leading_zeros() as usize)
    }

    fn add(&mut self, other: &Self) {
        for (a, b) in self.bits.iter_mut().zip(&other.bits) {
            *a ^= b;
        }
        self.odd ^= other.odd;
    }

    fn positions(&self) -> impl Iterator<Item = usize> + '_ {
        (0..64 * self.bits.len()).filter(|p| self.bits[p / 64] >> (p % 64) & 1 == 1)
    }
}

impl Parity {
    /// Configurations of N qubits that satisfy all checks (sites, odd), read in the given order.
    /// A site named twice in a check cancels.
    ///
    /// # Errors
    /// [`ConstraintError::Empty`] where the checks contradict each other.
    ///
    /// # Panics
    /// If `order` is no permutation of the sites or a check names a site outside it.
    #[track_caller]
    pub fn new(order: Vec<u32>, checks: &[(Vec<u32>, bool)]) -> Result<Self, ConstraintError> {
        let n = order.len();
        super::assert_permutation(&order, n);
        let mut position = vec![0; n];
        for (p, &site) in order.iter().enumerate() {
            position[site as usize] = p;
        }
        let rows = checks.iter().map(|(sites, odd)| {
            let mut check = Check {
                bits: vec![0; n.div_ceil(64)],
                odd: *odd,
            };
            for &site in sites {
                assert!((site as usize) < n, "check on site {site} of {n}");
                let p = position[site as usize];
                check.bits[p / 64] ^= 1 << (p % 64);
            }
            check
        });
        Self::from_rows(order, rows.collect())
    }

    /// The configurations that satisfy the checks of both, which read the sites in one order.
    ///
    /// # Errors
    /// [`ConstraintError::Empty`] where they contradict each other.
    pub(super) fn and(&self, other: &Self) -> Result<Self, ConstraintError> {
        let rows = self.checks.iter().chain(&other.checks).cloned().collect();
        Self::from_rows(self.order.clone(), rows)
    }

    fn from_rows(order: Vec<u32>, rows: Vec<Check>) -> Result<Self, ConstraintError> {
        let n = order.len();
        let mut by_end: Vec<Option<Check>> = vec![None; n];
        for (index, mut row) in rows.into_iter().enumerate() {
            while let Some(end) = row.last() {
                match &by_end[end] {
                    Some(pivot) => row.add(pivot),
                    None => break,
                }
            }
            match row.last() {
                Some(end) => by_end[end] = Some(row),
                None if row.odd => {
                    return Err(ConstraintError::Empty {
                        reason: format!("parity check {index} contradicts those before it"),
                    });
                }
                None => {}
            }
        }
        let mut checks: Vec<Check> = by_end.into_iter().flatten().collect();
        let first = |c: &Check| c.first().expect("zero rows were dropped");
        separate_starts(&mut checks, n, first, |later, kept, _| {
            later.add(kept);
            true
        });
        let mut parity = Self {
            space: Space::qubits(n),
            order,
            checks: Vec::new(),
            reads: vec![Vec::new(); n],
            ends: vec![None; n],
        };
        for (k, check) in checks.iter().enumerate() {
            let flag = ((k / 64) as u32, 1 << (k % 64));
            for p in check.positions() {
                parity.reads[p].push(flag);
            }
            parity.ends[check.last().expect("zero rows were dropped")] = Some(flag);
        }
        parity.checks = checks;
        Ok(parity)
    }

    /// A basis of the sets of qubits whose joint flip changes no check.
    #[must_use]
    pub fn even_flips(&self) -> Vec<Vec<u32>> {
        let n = self.order.len();
        let free = (0..n).filter(|&p| self.ends[p].is_none());
        let of = |chosen: usize| {
            // From the checks as if all were even: of the free qubits one is flipped.
            let mut state = vec![0; self.words()];
            let mut flips = Vec::new();
            for p in 0..n {
                let value = match self.ends[p] {
                    Some(_) => u8::from(self.mask(&state, p).allows(1)),
                    None => u8::from(p == chosen),
                };
                self.advance(&mut state, p, value);
                if value == 1 {
                    flips.push(self.order[p]);
                }
            }
            flips
        };
        free.map(of).collect()
    }

    /// Number of independent checks: the sector holds $2^{N - \text{rank}}$ configurations.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.checks.len()
    }
}

impl OnSpace for Parity {
    fn space(&self) -> &Space {
        &self.space
    }
}

impl Constraint for Parity {
    fn order(&self) -> &[u32] {
        &self.order
    }
    fn words(&self) -> usize {
        self.checks.len().div_ceil(64)
    }
    /// Bit k is the parity that check k still needs.
    fn start(&self, state: &mut [u64]) {
        state.fill(0);
        for (k, check) in self.checks.iter().enumerate() {
            state[k / 64] |= u64::from(check.odd) << (k % 64);
        }
    }
    fn mask(&self, state: &[u64], position: usize) -> LocalMask {
        match self.ends[position] {
            Some((word, bit)) => LocalMask::only(u8::from(state[word as usize] & bit != 0)),
            None => LocalMask::all(2),
        }
    }
    fn advance(&self, state: &mut [u64], position: usize, value: u8) {
        if value == 1 {
            for &(word, bit) in &self.reads[position] {
                state[word as usize] ^= bit;
            }
        }
    }
    fn as_parity(&self) -> Option<&Parity> {
        Some(self)
    }
}
