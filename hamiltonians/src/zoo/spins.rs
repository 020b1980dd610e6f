//! What the models of exchange between spins 1/2 share.

use crate::{Action, Lattice, LocalSum, ModelError, Number, Sector, Term};
use std::sync::Arc;

/// $S^x_a S^x_b + S^y_a S^y_b$ on a pair.
pub(super) const FLIP_FLOP: [(u32, u32, f64); 2] = [(1, 2, 0.5), (2, 1, 0.5)];

/// $S^z_a S^z_b$ on a pair.
pub(super) const ISING: [(u32, u32, f64); 4] =
    [(0, 0, 0.25), (1, 1, -0.25), (2, 2, -0.25), (3, 3, 0.25)];

/// The same action on each of many pairs.
pub(super) fn on_pairs(
    pairs: &[(u32, u32)],
    rows: impl IntoIterator<Item = (u32, u32, f64)>,
    coupling: u32,
) -> Vec<Term<f64>> {
    let rows: Arc<[_]> = rows.into_iter().collect();
    let term = |&(a, b): &(u32, u32)| Term {
        sites: vec![a, b],
        guard: Vec::new(),
        action: Action::Rows(rows.clone()),
        coupling,
    };
    pairs.iter().map(term).collect()
}

/// The spins 1/2 of a lattice with total $S^z$ = `twice_sz` / 2, read in snake order.
pub(super) fn total_sz(lattice: &Lattice, twice_sz: i64) -> Result<Sector, ModelError> {
    let n = lattice.n_sites();
    match Number::total_sz(n, twice_sz, lattice.snake_order()) {
        Ok(number) => Ok(Arc::new(number)),
        Err(error) => Err(ModelError::Parameter {
            key: "total_sz",
            reason: format!(
                "{error}; choose {} between -{top} and {top}",
                if n.is_multiple_of(2) {
                    "an integer"
                } else {
                    "an odd multiple of 1/2"
                },
                top = n as f64 / 2.0,
            ),
        }),
    }
}

/// Rotates one sublattice by Z.
pub(super) fn marshall(
    terms: &LocalSum<f64>,
    lattice: &Lattice,
) -> Result<LocalSum<f64>, ModelError> {
    let marked = lattice.sublattice().ok_or_else(|| ModelError::Parameter {
        key: "marshall",
        reason: "the nearest neighbours of this lattice form odd cycles, so it has no two \
                 sublattices; set marshall = false"
            .to_owned(),
    })?;
    Ok(terms.rotated_by_z(&marked))
}
