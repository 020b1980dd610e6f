use super::walk::constraint_by_walk;
use super::{ConstraintError, LocalMask, Walk};
use crate::Space;

/// Fusion paths of spin-1/2 anyons of SU(2)_k: labels $j_p$ with $j_{p+1} = j_p \pm 1/2$ and
/// $0 \le j \le k/2$.
///
/// A ring of L anyons has the L labels $j_0 \dots j_{L-1}$; an open chain the L + 1 labels $j_0 \dots
/// j_L$ with $j_0 = 0$ and $j_L$ the total charge.
///
/// The value v of a site stands for a label. Odd k: the integer v, where the half-integer labels of
/// odd positions are named by their partner, $j \sim k/2 - j$, which has the same fusion rules; for
/// k = 3 these are 1 and $\tau$, no two 1 side by side. Even k: $j = v$ at even positions and
/// $j = v + 1/2$ at odd ones.
///
/// # References
/// A. Feiguin et al., Phys. Rev. Lett. 98, 160409 (2007).
#[derive(Clone, Debug)]
pub struct FusionPath {
    walk: Walk,
    level: usize,
    is_ring: bool,
}

impl FusionPath {
    /// All closed paths of so many anyons.
    ///
    /// # Errors
    /// [`ConstraintError::Empty`] for an odd number of anyons at even k,
    /// [`ConstraintError::Labels`] for too few or too many labels.
    ///
    /// # Panics
    /// If there is no anyon.
    #[track_caller]
    pub fn ring(level: usize, n_anyons: usize) -> Result<Self, ConstraintError> {
        assert!(n_anyons > 0, "a ring needs an anyon");
        refuse_odd(level, n_anyons)?;
        let space = Space::new(n_anyons, local_dim(level, level / 2 + 1)?);
        let walk = Walk::ring(space, |p, a, b| is_step(level, p, a, b))?;
        Ok(Self {
            walk,
            level,
            is_ring: true,
        })
    }

    /// All paths from $j_0 = 0$ to the total charge $j_L$ = `twice_charge` / 2.
    ///
    /// For odd k the charge may be named by either partner, j or k/2 - j.
    ///
    /// # Errors
    /// [`ConstraintError::Empty`] for a charge outside the group or out of reach, and for an odd
    /// number of anyons at even k; [`ConstraintError::Labels`] for too few or too many labels.
    ///
    /// # Panics
    /// If there is no anyon.
    #[track_caller]
    pub fn open(
        level: usize,
        n_anyons: usize,
        twice_charge: usize,
    ) -> Result<Self, ConstraintError> {
        assert!(n_anyons > 0, "a chain needs an anyon");
        refuse_odd(level, n_anyons)?;
        let charge = twice_charge as f64 / 2.0;
        if twice_charge > level {
            return Err(ConstraintError::Empty {
                reason: format!("SU(2)_{level} has charges up to {level}/2, not {charge}"),
            });
        }
        // The partner whose parity is that of the last position.
        let end = match (twice_charge + n_anyons) % 2 {
            0 => twice_charge,
            _ if level % 2 == 1 => level - twice_charge,
            _ => {
                return Err(ConstraintError::Empty {
                    reason: format!("{n_anyons} spins 1/2 never add up to {charge}"),
                });
            }
        };
        let highest = |p: usize| level.min(p).min(end + n_anyons - p) / 2;
        let reached = (0..=n_anyons).map(highest).max().unwrap_or(0) + 1;
        let space = Space::new(n_anyons + 1, local_dim(level, reached)?);
        let at_end = |v: u8| twice_label(level, n_anyons, v) == Some(end);
        let last = (0..space.local_dim as u8).find(|&v| at_end(v));
        let walk = last.map(|last| {
            let ends = (LocalMask::only(0), LocalMask::only(last));
            Walk::open(space, ends.0, ends.1, |p, a, b| is_step(level, p, a, b))
        });
        match walk {
            Some(Ok(walk)) => Ok(Self {
                walk,
                level,
                is_ring: false,
            }),
            _ => Err(ConstraintError::Empty {
                reason: format!(
                    "{n_anyons} anyons of spin 1/2 at level {level} cannot have the charge {charge}"
                ),
            }),
        }
    }

    /// Twice the lowest charge of an open chain, as an integer label.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn lowest_charge(level: usize, n_anyons: usize) -> Result<usize, ConstraintError> {
        let mut twice = 0;
        loop {
            match Self::open(level, n_anyons, twice) {
                Ok(_) => return Ok(twice),
                Err(ConstraintError::Empty { .. }) if twice + 2 <= level => twice += 2,
                Err(other) => return Err(other),
            }
        }
    }

    /// Whether the path is closed.
    #[must_use]
    pub fn is_ring(&self) -> bool {
        self.is_ring
    }

    /// Twice the label that a value stands for at a position, `None` for a value without label.
    ///
    /// For odd k half-integer at odd positions: the labels of one path then differ by 1/2.
    #[must_use]
    pub fn twice_label(&self, position: usize, value: u8) -> Option<usize> {
        twice_label(self.level, position, value)
    }
}

fn refuse_odd(level: usize, n_anyons: usize) -> Result<(), ConstraintError> {
    if level.is_multiple_of(2) && n_anyons % 2 == 1 {
        return Err(ConstraintError::Empty {
            reason: format!(
                "at even level {level} the labels of {n_anyons} anyons do not close; \
                 take an even number or an odd level"
            ),
        });
    }
    Ok(())
}

/// Values a site needs; `integers` counts the integer labels that occur at even k.
fn local_dim(level: usize, integers: usize) -> Result<usize, ConstraintError> {
    let labels = if level % 2 == 1 {
        level.div_ceil(2)
    } else {
        integers.max(2)
    };
    if level < 2 || labels > 64 {
        return Err(ConstraintError::Labels { level, labels });
    }
    Ok(labels)
}

fn twice_label(level: usize, position: usize, value: u8) -> Option<usize> {
    let (odd, v) = (position % 2, 2 * usize::from(value));
    let twice = if level % 2 == 1 && odd == 1 {
        level.checked_sub(v)?
    } else if level % 2 == 1 {
        v
    } else {
        v + odd
    };
    (twice <= level).then_some(twice)
}

/// Whether label b at a position may follow label a. On an odd ring of odd level the closing step
/// joins two even positions; the partner of one label then stands at an odd one.
fn is_step(level: usize, position: usize, a: u8, b: u8) -> bool {
    let before = twice_label(level, position + 1, a);
    let after = twice_label(level, position, b);
    before.zip(after).is_some_and(|(x, y)| x.abs_diff(y) == 1)
}

constraint_by_walk!(FusionPath);
