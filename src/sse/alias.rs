//! Sampling from fixed weights in constant time.

use crate::string::EMPTY;

/// Walker's alias table over K weights.
///
/// # References
/// A. J. Walker, Electron. Lett. 10, 127 (1974); M. D. Vose, IEEE Trans. Softw. Eng. 17, 972 (1991).
#[derive(Clone, Debug)]
pub(crate) struct Alias {
    /// For each cell the share that keeps its own item, in units of $2^{-64}$, and the two items.
    cells: Vec<(u64, u32, u32)>,
    total: f64,
}

const UNITS: f64 = 1.0 / (1u128 << 64) as f64;

impl Alias {
    /// The table of `items` with the given non-negative weights; empty where there is no weight.
    pub(crate) fn new(items: &[(u32, f64)]) -> Self {
        let items: Vec<_> = items.iter().copied().filter(|i| i.1 > 0.0).collect();
        let total: f64 = items.iter().map(|i| i.1).sum();
        let k = items.len() as f64;
        let mut share: Vec<f64> = items.iter().map(|i| i.1 * k / total).collect();
        let mut cells: Vec<_> = items
            .iter()
            .map(|&(item, _)| (u64::MAX, item, item))
            .collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..items.len()).partition(|&i| share[i] < 1.0);
        while let (Some(s), Some(&l)) = (small.pop(), large.last()) {
            cells[s] = ((share[s] / UNITS) as u64, items[s].0, items[l].0);
            share[l] -= 1.0 - share[s];
            if share[l] < 1.0 {
                large.pop();
                small.push(l);
            }
        }
        if cells.is_empty() {
            // Never drawn, but read.
            cells.push((u64::MAX, EMPTY, EMPTY));
        }
        Self { cells, total }
    }

    /// Sum of the weights.
    pub(crate) fn total(&self) -> f64 {
        self.total
    }

    /// The item at $x / 2^{64}$ of the total: the high part of a product chooses the cell, the low part
    /// is the place in it.
    #[inline(always)]
    pub(crate) fn at(&self, x: u64) -> u32 {
        let place = u128::from(x) * self.cells.len() as u128;
        let (share, own, other) = self.cells[(place >> 64) as usize];
        if (place as u64) < share { own } else { other }
    }

    /// Items with their weights as the cells hold them; an item may come up several times.
    #[cfg(test)]
    pub(crate) fn weights(&self) -> Vec<(u32, f64)> {
        let width = self.total / self.cells.len() as f64;
        let cell = |&(share, own, other): &(u64, u32, u32)| {
            let share = share as f64 * UNITS;
            [(own, share * width), (other, (1.0 - share) * width)]
        };
        self.cells.iter().flat_map(cell).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_cells_add_up_to_the_weights(w in prop::collection::vec(0.0f64..3.0, 1..40)) {
            let items: Vec<_> = (0..).zip(w.iter().copied()).collect();
            let table = Alias::new(&items);
            let mut sum = vec![0.0; w.len()];
            for (item, weight) in table.weights() {
                prop_assert!(weight >= -1e-13);
                sum[item as usize] += weight;
            }
            for (a, b) in sum.iter().zip(&w) {
                prop_assert!((a - b).abs() < 1e-12, "{a} {b}");
            }
        }

        #[test]
        fn every_point_lands_in_the_share_of_its_item(w in prop::collection::vec(0.1f64..3.0, 1..9)) {
            let items: Vec<_> = (0..).zip(w.iter().copied()).collect();
            let table = Alias::new(&items);
            let points = 20_000;
            let mut seen = vec![0.0; w.len()];
            for p in 0..points {
                let x = (f64::from(p) + 0.5) / f64::from(points) / UNITS;
                seen[table.at(x as u64) as usize] += table.total() / f64::from(points);
            }
            // Each cell has two borders, each of which misplaces at most one point.
            let limit = table.total() / f64::from(points) * 2.0 * (w.len() + 1) as f64;
            for (a, b) in seen.iter().zip(&w) {
                prop_assert!((a - b).abs() < limit, "{a} {b}");
            }
        }
    }
}
