use super::{Constraint, ConstraintError, LocalMask};
use crate::{OnSpace, Space};

/// Sequences of values in which each step is one of a table: walks on a graph of labels.
///
/// Fusion paths and electric fields along a chain are of this kind. The sites are read in order. A
/// table holds, for each position, the values from which the end can still be reached, on a ring for
/// each first value; so the look-ahead is exact, at the price of $N d^2$ look-ups when it is built.
#[derive(Clone, Debug)]
pub struct Walk {
    space: Space,
    order: Vec<u32>,
    is_ring: bool,
    /// Values at position 0.
    first: LocalMask,
    /// By position and value before it: the values that may follow.
    steps: Vec<LocalMask>,
    /// By position and (on a ring) first value: the values from which the end is reached.
    onward: Vec<LocalMask>,
}

impl Walk {
    /// Sequences from a value in `first` to one in `last`, where `allows(p, a, b)` says whether value
    /// b at position p may follow value a at p - 1.
    ///
    /// # Errors
    /// [`ConstraintError::Empty`] where there is none.
    ///
    /// # Examples
    /// ```
    /// use ketwork_hamiltonians::{LocalMask, Space, Walk, is_legal};
    /// // Heights 0 to 3 that change by one, from the ground up to the top.
    /// let (low, top) = (LocalMask::only(0), LocalMask::only(3));
    /// let stairs = Walk::open(Space::new(6, 4), low, top, |_, a, b| a.abs_diff(b) == 1)?;
    /// assert!(is_legal(&stairs, &[0, 1, 2, 1, 2, 3]));
    /// assert!(!is_legal(&stairs, &[0, 1, 0, 1, 0, 1]));
    /// # Ok::<(), ketwork_hamiltonians::ConstraintError>(())
    /// ```
    pub fn open(
        space: Space,
        first: LocalMask,
        last: LocalMask,
        allows: impl Fn(usize, u8, u8) -> bool,
    ) -> Result<Self, ConstraintError> {
        Self::new(space, Some((first, last)), allows)
    }

    /// Sequences that close on themselves: position 0 follows the last one too.
    ///
    /// # Errors
    /// [`ConstraintError::Empty`] where there is none.
    pub fn ring(
        space: Space,
        allows: impl Fn(usize, u8, u8) -> bool,
    ) -> Result<Self, ConstraintError> {
        Self::new(space, None, allows)
    }

    fn new(
        space: Space,
        ends: Option<(LocalMask, LocalMask)>,
        allows: impl Fn(usize, u8, u8) -> bool,
    ) -> Result<Self, ConstraintError> {
        let (n, d) = (space.n_sites, space.local_dim as u8);
        let successors = |p: usize, a: u8| {
            let next = (0..d).filter(|&b| allows(p, a, b));
            LocalMask(next.fold(0, |mask, b| mask | 1 << b))
        };
        let steps: Vec<_> = (0..n)
            .flat_map(|p| (0..d).map(move |a| (p, a)))
            .map(|(p, a)| successors(p, a))
            .collect();
        let step = |p: usize, a: u8| steps[p * usize::from(d) + usize::from(a)];
        let values_with = |good: &dyn Fn(u8) -> bool| {
            LocalMask((0..d).filter(|&v| good(v)).fold(0, |mask, v| mask | 1 << v))
        };
        // One column on an open chain, one for each first value on a ring.
        let ring = ends.is_none();
        let goals: Vec<LocalMask> = match ends {
            Some((_, last)) => vec![last],
            None => (0..d)
                .map(|f| values_with(&|v| step(0, v).allows(f)))
                .collect(),
        };
        let mut layers = vec![goals];
        for p in (1..n).rev() {
            let later = layers.last().expect("starts with the goals");
            let before = later
                .iter()
                .map(|goal| values_with(&|v| step(p, v).0 & goal.0 != 0))
                .collect();
            layers.push(before);
        }
        layers.reverse();
        let first = match ends {
            Some((first, _)) => LocalMask(first.0 & layers[0][0].0),
            None => values_with(&|f| layers[0][usize::from(f)].allows(f)),
        };
        if first.is_empty() {
            return Err(ConstraintError::Empty {
                reason: format!("no sequence of {n} values takes only allowed steps"),
            });
        }
        Ok(Self {
            space,
            order: (0..n as u32).collect(),
            is_ring: ring,
            first,
            steps,
            onward: layers.concat(),
        })
    }
}

impl OnSpace for Walk {
    fn space(&self) -> &Space {
        &self.space
    }
}

impl Constraint for Walk {
    fn order(&self) -> &[u32] {
        &self.order
    }
    /// The last value, and on a ring the first.
    fn words(&self) -> usize {
        1 + usize::from(self.is_ring)
    }
    fn start(&self, state: &mut [u64]) {
        state.fill(0);
    }
    fn mask(&self, state: &[u64], position: usize) -> LocalMask {
        if position == 0 {
            return self.first;
        }
        let d = self.space.local_dim;
        let goal = if self.is_ring {
            self.onward[position * d + state[1] as usize]
        } else {
            self.onward[position]
        };
        LocalMask(self.steps[position * d + state[0] as usize].0 & goal.0)
    }
    fn advance(&self, state: &mut [u64], position: usize, value: u8) {
        state[0] = u64::from(value);
        if self.is_ring && position == 0 {
            state[1] = u64::from(value);
        }
    }
}

/// Makes a constraint of a type whose field `walk` is its automaton.
macro_rules! constraint_by_walk {
    ($constraint:ty) => {
        impl crate::OnSpace for $constraint {
            fn space(&self) -> &crate::Space {
                self.walk.space()
            }
        }

        impl super::Constraint for $constraint {
            fn order(&self) -> &[u32] {
                self.walk.order()
            }
            fn words(&self) -> usize {
                self.walk.words()
            }
            fn start(&self, state: &mut [u64]) {
                self.walk.start(state);
            }
            fn mask(&self, state: &[u64], position: usize) -> super::LocalMask {
                self.walk.mask(state, position)
            }
            fn advance(&self, state: &mut [u64], position: usize, value: u8) {
                self.walk.advance(state, position, value);
            }
        }
    };
}
pub(super) use constraint_by_walk;
