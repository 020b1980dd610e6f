//! A trained network carried to a larger lattice.

use crate::Layout;

/// Why parameters cannot be carried over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The larger network has an array that the smaller has not.
    #[error("the trained network has no array {name:?}; take networks of one kind and size")]
    Missing {
        /// Name of the array.
        name: String,
    },
    /// An array has another shape for a reason other than the number of positions.
    #[error(
        "array {name:?} has shape {from:?} in the trained network and {to:?} in the larger one, which is no \
         list over positions; take networks of one kind and size"
    )]
    Shape {
        /// Name of the array.
        name: String,
        /// Shape in the trained network.
        from: Vec<usize>,
        /// Shape in the other.
        to: Vec<usize>,
    },
    /// The larger lattice is smaller, or not longer by whole periods.
    #[error(
        "{to} cells do not continue {from} by periods of {period}; take a length of {from} + a multiple of \
         {period}"
    )]
    Length {
        /// Cells of the trained lattice.
        from: usize,
        /// Cells of the other.
        to: usize,
        /// Period asked for.
        period: usize,
    },
}

/// For each position of a larger lattice the position of a trained one that it continues.
///
/// Both ends of a direction keep their distance to the end, where an autoregressive network does
/// special things (the first value is free, the last ones close a ring); the middle repeats with a
/// period, that of the order or of staggered couplings.
///
/// # Examples
/// ```
/// use ketwork_hamiltonians::Space;
/// use ketwork_models::{Conditional, Positions, Stream, Transformer, TransformerParams};
///
/// let params = TransformerParams { layers: 1, width: 8, heads: 2 };
/// let small = Transformer::<f64>::new(Space::qubits(8), params)?;
/// let large = Transformer::<f64>::new(Space::qubits(12), params)?;
/// let trained = small.layout().initial(Stream::new(1));
/// let start = Positions::chain(8, 12, 2)?.transfer(small.layout(), &trained, large.layout())?;
/// assert_eq!(start.len(), large.layout().n_params());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Positions {
    n_from: usize,
    source: Vec<u32>,
}

impl Positions {
    /// Chains that are read from one end to the other.
    ///
    /// # Errors
    /// [`TransferError::Length`] where `to` is not `from` and a multiple of `period`.
    pub fn chain(from: usize, to: usize, period: usize) -> Result<Self, TransferError> {
        let source = stretched(from, to, period)?;
        Ok(Self {
            n_from: from,
            source: source.iter().map(|&s| s as u32).collect(),
        })
    }

    /// Lattices of so many cells along x, y, z with `per_cell` sites each, numbered cell by cell, x
    /// first; `from_order` and `to_order` list the sites as their sectors read them
    /// ([`ketwork_hamiltonians::Constraint::order`]). The links of a torus have one cell for each
    /// vertex.
    ///
    /// # Errors
    /// [`TransferError::Length`] as for [`Self::chain`], in each direction.
    ///
    /// # Panics
    /// If an order does not list all sites of its lattice.
    #[track_caller]
    pub fn lattice(
        (from, from_order): ([usize; 3], &[u32]),
        (to, to_order): ([usize; 3], &[u32]),
        per_cell: usize,
        period: usize,
    ) -> Result<Self, TransferError> {
        let count = |extent: [usize; 3]| per_cell * extent.iter().product::<usize>();
        assert_eq!(from_order.len(), count(from), "the order lists all sites");
        assert_eq!(to_order.len(), count(to), "the order lists all sites");
        let along = [0, 1, 2].map(|k| stretched(from[k], to[k], period));
        let [x, y, z] = along;
        let (x, y, z) = (x?, y?, z?);
        let mut position = vec![0; from_order.len()];
        for (p, &site) in from_order.iter().enumerate() {
            position[site as usize] = p as u32;
        }
        let source = |&site: &u32| {
            let (cell, part) = (site as usize / per_cell, site as usize % per_cell);
            let at = [cell % to[0], cell / to[0] % to[1], cell / (to[0] * to[1])];
            let cell = x[at[0]] + from[0] * (y[at[1]] + from[1] * z[at[2]]);
            position[per_cell * cell + part]
        };
        Ok(Self {
            n_from: from_order.len(),
            source: to_order.iter().map(source).collect(),
        })
    }

    /// The parameters of the larger network: arrays of one shape are copied, arrays with a row for
    /// each position take the rows of the positions that they continue.
    ///
    /// # Errors
    /// [`TransferError::Missing`], [`TransferError::Shape`]: a table of prefixes, for example, knows
    /// nothing of longer chains.
    ///
    /// # Panics
    /// If `theta` does not fit the trained layout.
    #[track_caller]
    pub fn transfer(
        &self,
        from: &Layout,
        theta: &[f64],
        to: &Layout,
    ) -> Result<Vec<f64>, TransferError> {
        assert_eq!(
            theta.len(),
            from.n_params(),
            "one number for each parameter"
        );
        let mut out = vec![0.0; to.n_params()];
        for p in to.parameters() {
            let name = || p.name.clone();
            let known = from
                .find(&p.name)
                .ok_or_else(|| TransferError::Missing { name: name() })?;
            let (values, out) = (&theta[known.range.clone()], &mut out[p.range.clone()]);
            if known.shape == p.shape {
                out.copy_from_slice(values);
                continue;
            }
            let rows = |shape: &[usize]| shape.split_first().map(|(n, rest)| (*n, rest.to_vec()));
            let rest = p.shape.get(1..).unwrap_or_default();
            let wanted = [self.n_from, self.source.len()].map(|n| Some((n, rest.to_vec())));
            if [rows(&known.shape), rows(&p.shape)] != wanted {
                return Err(TransferError::Shape {
                    name: name(),
                    from: known.shape.clone(),
                    to: p.shape.clone(),
                });
            }
            let width = rest.iter().product::<usize>().max(1);
            for (row, &source) in out.chunks_exact_mut(width).zip(&self.source) {
                let at = source as usize * width;
                row.copy_from_slice(&values[at..at + width]);
            }
        }
        Ok(out)
    }
}

/// For each of `to` places one of `from`, ends kept.
fn stretched(from: usize, to: usize, period: usize) -> Result<Vec<usize>, TransferError> {
    let more = to.checked_sub(from).filter(|more| {
        let is_whole = *more == 0 || (period > 0 && more.is_multiple_of(period) && period <= from);
        from > 0 && is_whole
    });
    let Some(more) = more else {
        return Err(TransferError::Length { from, to, period });
    };
    if more == 0 {
        return Ok((0..to).collect());
    }
    // The last whole period of the first half is repeated.
    let half = (from / 2).max(period);
    let place = |p: usize| {
        if p < half {
            p
        } else if p < half + more {
            half - period + (p - half) % period
        } else {
            p - more
        }
    };
    Ok((0..to).map(place).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Cell, Conditional, PrefixTable, Rnn, RnnParams, Stream, Transformer, TransformerParams,
    };
    use ketwork_hamiltonians::Space;

    #[test]
    fn ends_keep_their_distance_and_the_middle_repeats_in_phase() {
        let found = Positions::chain(8, 12, 2).unwrap().source;
        assert_eq!(found, [0, 1, 2, 3, 2, 3, 2, 3, 4, 5, 6, 7]);
        for (from, to, period) in [(8, 13, 2), (8, 6, 2), (0, 4, 1), (4, 8, 0), (2, 8, 3)] {
            let refused = Positions::chain(from, to, period);
            assert_eq!(refused, Err(TransferError::Length { from, to, period }));
        }
        let same = Positions::chain(5, 5, 3).unwrap().source;
        assert_eq!(same, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn cells_of_a_lattice_are_continued_in_each_direction_in_the_order_of_reading() {
        // 2 x 2 to 3 x 2 cells of two sites, the smaller one read backwards.
        let from_order: Vec<u32> = (0..8).rev().collect();
        let to_order: Vec<u32> = (0..12).collect();
        let found = Positions::lattice(([2, 2, 1], &from_order), ([3, 2, 1], &to_order), 2, 1);
        let sites: Vec<u32> = found.unwrap().source.iter().map(|p| 7 - p).collect();
        assert_eq!(sites, [0, 1, 0, 1, 2, 3, 4, 5, 4, 5, 6, 7]);
    }

    #[test]
    fn what_depends_on_no_position_is_copied_and_other_networks_are_refused() {
        let params = RnnParams {
            cell: Cell::Gru,
            layers: 1,
            width: 8,
        };
        let [a, b] = [4, 6].map(|n| Rnn::<f64>::new(Space::qubits(n), params).unwrap());
        let theta = a.layout().initial(Stream::new(1));
        let map = Positions::chain(4, 6, 2).unwrap();
        assert_eq!(
            map.transfer(a.layout(), &theta, b.layout()),
            Ok(theta.clone())
        );

        let [s, t] = [4, 6].map(|n| PrefixTable::<f64>::new(Space::qubits(n)));
        let table = s.layout().initial(Stream::new(1));
        assert!(matches!(
            map.transfer(s.layout(), &table, t.layout()),
            Err(TransferError::Shape { .. } | TransferError::Missing { .. })
        ));
        let sizes = |width| TransformerParams {
            layers: 1,
            width,
            heads: 1,
        };
        let [small, wide] = [(4, 8), (6, 16)]
            .map(|(n, w)| Transformer::<f64>::new(Space::qubits(n), sizes(w)).unwrap());
        let theta = small.layout().initial(Stream::new(1));
        assert!(matches!(
            map.transfer(small.layout(), &theta, wide.layout()),
            Err(TransferError::Shape { .. })
        ));
        assert!(matches!(
            map.transfer(a.layout(), &vec![0.0; a.layout().n_params()], wide.layout()),
            Err(TransferError::Missing { .. })
        ));
    }
}
