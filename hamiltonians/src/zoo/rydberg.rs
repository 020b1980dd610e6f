use super::named;
use crate::{
    Action, Blockade, Free, Lattice, LocalMask, LocalSum, Model, ModelError, Pauli, Sector, Space,
    Term,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Which pairs of atoms are never excited together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RydbergBlockade {
    /// The edges of the lattice.
    Nearest,
    /// Pairs at most this far apart, in lattice constants.
    Radius(f64),
    /// No pair.
    None,
}

/// Rydberg atoms, $H = \frac\Omega2 \sum_i P_i X_i - \delta \sum_i n_i + \sum_{i<j}
/// \frac{C_6}{r_{ij}^6} n_i n_j$, in the space without two excited blockaded atoms.
///
/// $n = (1 - Z)/2$ is the site value, 1 = excited. $P_i$ projects on no excited blockaded partner
/// of i. The tails act on the other pairs, r is the minimal image. The drive is positive, so the
/// ground state has negative mean X. Couplings are named "omega", "delta", and "c6" where it is
/// not 0.
/// Ring of 8 atoms, nearest blockade, $\Omega = \delta = 1$: $E_0/N = -0.60725141$; a single atom:
/// $-\delta/2 - \sqrt{\Omega^2 + \delta^2}/2$ (tested).
///
/// # References
/// P. Fendley, K. Sengupta, S. Sachdev, Phys. Rev. B 69, 075106 (2004).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rydberg {
    /// Rabi frequency $\Omega$.
    pub omega: f64,
    /// Detuning $\delta$; positive favours excitation.
    pub delta: f64,
    /// Van der Waals coefficient in units of energy times lattice constant to the sixth.
    pub c6: f64,
    /// The blockaded pairs.
    pub blockade: RydbergBlockade,
}

impl Rydberg {
    /// $\Omega$ = 1, the given detuning, nearest blockade, no tails.
    #[must_use]
    pub fn new(delta: f64) -> Self {
        Self {
            omega: 1.0,
            delta,
            c6: 0.0,
            blockade: RydbergBlockade::Nearest,
        }
    }

    /// The model with an atom on each site of a lattice.
    ///
    /// # Errors
    /// [`ModelError`] for non-finite couplings or a radius that is not positive and finite.
    pub fn on(&self, lattice: &Lattice) -> Result<Model<f64>, ModelError> {
        let n = lattice.n_sites();
        let space = Space::qubits(n);
        let pairs = match self.blockade {
            RydbergBlockade::Nearest => lattice.edges().to_vec(),
            RydbergBlockade::None => Vec::new(),
            RydbergBlockade::Radius(r) if r.is_finite() && r > 0.0 => lattice.pairs_within(r),
            RydbergBlockade::Radius(r) => {
                return Err(ModelError::Parameter {
                    key: "blockade",
                    reason: format!("the radius {r} must be a positive number; for none say so"),
                });
            }
        };
        let mut partners = vec![Vec::new(); n];
        for &(a, b) in &pairs {
            partners[a as usize].push((b, LocalMask::only(0)));
            partners[b as usize].push((a, LocalMask::only(0)));
        }
        let number: Arc<[_]> = [(1, 1, -1.0)].into();
        let mut terms = Vec::new();
        for (site, guard) in (0_u32..).zip(partners) {
            let action = Action::Pauli(vec![Pauli::X], 0.5);
            terms.push(Term {
                sites: vec![site],
                guard,
                action,
                coupling: 0,
            });
            let action = Action::Rows(number.clone());
            terms.push(Term {
                sites: vec![site],
                guard: Vec::new(),
                action,
                coupling: 1,
            });
        }
        let mut couplings = named([("omega", self.omega), ("delta", self.delta)]);
        // A tail couples all pairs: without one its terms would only be dead weight.
        if self.c6 != 0.0 {
            couplings.push(("c6".to_owned(), self.c6));
            terms.extend(tails(lattice, &pairs));
        }
        let order = lattice.snake_order();
        let sector: Sector = if pairs.is_empty() {
            Arc::new(Free::with_order(space, order))
        } else {
            Arc::new(Blockade::new(space, order, &pairs))
        };
        Model::new(LocalSum::new(space, terms, couplings)?, sector)
    }
}

/// $r^{-6} n_a n_b$ on all pairs but the blockaded ones.
fn tails<'a>(
    lattice: &'a Lattice,
    blockaded: &'a [(u32, u32)],
) -> impl Iterator<Item = Term<f64>> + 'a {
    let blockaded: BTreeSet<_> = blockaded.iter().copied().collect();
    let n = lattice.n_sites() as u32;
    let all = (0..n).flat_map(move |a| (a + 1..n).map(move |b| (a, b)));
    all.filter(move |pair| !blockaded.contains(pair))
        .map(|(a, b)| Term {
            sites: vec![a, b],
            guard: Vec::new(),
            action: Action::Rows(
                [(3, 3, lattice.distance(a as usize, b as usize).powi(-6))]
                    .into_iter()
                    .collect(),
            ),
            coupling: 2,
        })
}
