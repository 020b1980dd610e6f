use super::Basis;
use crate::hamiltonians::{Configs, Connected, Operator};
use std::ops::Range;

/// Calls `f(row, column, element)` for the off-diagonal elements of some rows inside the sector,
/// rows ascending, and returns the diagonal of these rows.
pub(super) fn elements<O>(
    operator: &O,
    basis: &Basis,
    rows: Range<usize>,
    mut f: impl FnMut(usize, usize, O::Elem),
) -> Vec<O::Elem>
where
    O: Operator + ?Sized,
{
    let (mut configs, mut keys) = (Configs::default(), Vec::new());
    let mut connected = Connected::default();
    let first = rows.start;
    basis.write(rows, &mut configs, &mut keys);
    operator.connected(configs.view(), &mut connected);
    let neighbours = &connected.neighbours;
    for (k, &element) in connected.element.iter().enumerate() {
        let parent = neighbours.parent[k] as usize;
        let change = |key, (site, value)| basis.changed(key, site, value);
        if let Some(column) = basis.find(neighbours.changes(k).fold(keys[parent], change)) {
            f(first + parent, column, element);
        }
    }
    connected.diagonal
}
