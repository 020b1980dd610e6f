use super::{Constraint, ConstraintError, LocalMask, Parity, Sector};
use crate::{OnSpace, Space};
use std::collections::HashMap;
use std::sync::Arc;

/// Several constraints at once, compiled into one layered automaton.
///
/// A prefix that each part could complete alone may have no completion common to all. So the
/// reachable states are listed position by position, those without a common completion are pruned,
/// and states with equal futures are merged: the state is the number of a node in its layer.
#[derive(Clone, Debug)]
pub struct Product {
    space: Space,
    order: Vec<u32>,
    /// Layer p holds d entries a node: the node of layer p + 1, or [`CLOSED`].
    layers: Vec<Vec<u32>>,
    start: u32,
}

const CLOSED: u32 = u32::MAX;

/// The configurations that satisfy every part.
///
/// Parity checks are joined by elimination, at no cost; one part is returned as it is; everything
/// else becomes a [`Product`].
///
/// # Errors
/// [`ConstraintError::Mismatch`] where spaces or orders differ, [`ConstraintError::Empty`] where no
/// configuration is left, [`ConstraintError::TooLarge`] above [`Product::MAX_NODES`].
///
/// # Panics
/// If there is no part.
#[track_caller]
pub fn product(parts: Vec<Sector>) -> Result<Sector, ConstraintError> {
    assert!(!parts.is_empty(), "a product needs at least one part");
    check_same(&parts)?;
    let mut checks: Option<Parity> = None;
    let mut others = Vec::new();
    for part in parts {
        checks = match (part.as_parity(), checks) {
            (Some(p), Some(all)) => Some(all.and(p)?),
            (Some(p), None) => Some(p.clone()),
            (None, all) => {
                others.push(part);
                all
            }
        };
    }
    if let Some(checks) = checks {
        others.push(Arc::new(checks));
    }
    if others.len() == 1 {
        return Ok(others.remove(0));
    }
    Ok(Arc::new(Product::new(&others)?))
}

fn check_same(parts: &[Sector]) -> Result<(), ConstraintError> {
    for part in &parts[1..] {
        if part.space() != parts[0].space() {
            return Err(ConstraintError::Mismatch {
                reason: format!("parts on {:?} and {:?}", parts[0].space(), part.space()),
            });
        }
        if part.order() != parts[0].order() {
            return Err(ConstraintError::Mismatch {
                reason: "the parts read the sites in different orders".to_owned(),
            });
        }
    }
    Ok(())
}

impl Product {
    /// Largest number of nodes of a layer; a layer of qubits then takes 8 MiB.
    pub const MAX_NODES: usize = 1 << 20;

    /// Compiles the parts.
    ///
    /// # Errors
    /// As [`product`].
    ///
    /// # Panics
    /// If there is no part.
    #[track_caller]
    pub fn new(parts: &[Sector]) -> Result<Self, ConstraintError> {
        Self::with_limit(parts, Self::MAX_NODES)
    }

    /// The same with another limit of nodes.
    ///
    /// # Errors
    /// As [`product`].
    ///
    /// # Panics
    /// If there is no part.
    #[track_caller]
    pub fn with_limit(parts: &[Sector], limit: usize) -> Result<Self, ConstraintError> {
        assert!(!parts.is_empty(), "a product needs at least one part");
        check_same(parts)?;
        let space = *parts[0].space();
        let mut layers = explore(parts, limit)?;
        let start = prune(&mut layers, space.local_dim);
        if start == CLOSED {
            return Err(ConstraintError::Empty {
                reason: format!("no configuration satisfies all {} constraints", parts.len()),
            });
        }
        Ok(Self {
            space,
            order: parts[0].order().to_vec(),
            layers,
            start,
        })
    }

    /// Number of nodes before each position.
    #[must_use]
    pub fn nodes(&self) -> Vec<usize> {
        self.layers
            .iter()
            .map(|l| l.len() / self.space.local_dim)
            .collect()
    }

    fn next(&self, state: &[u64], position: usize, value: usize) -> u32 {
        self.layers[position][state[0] as usize * self.space.local_dim + value]
    }
}

/// The joint states of all parts: where each value leads, layer by layer.
fn explore(parts: &[Sector], limit: usize) -> Result<Vec<Vec<u32>>, ConstraintError> {
    let space = *parts[0].space();
    let d = space.local_dim;
    let mut first = Vec::new();
    let ranges: Vec<_> = parts
        .iter()
        .map(|part| {
            let from = first.len();
            first.resize(from + part.words(), 0);
            part.start(&mut first[from..]);
            from..first.len()
        })
        .collect();
    let mut frontier = vec![first];
    let mut layers = Vec::with_capacity(space.n_sites);
    for position in 0..space.n_sites {
        let mut number: HashMap<Vec<u64>, u32> = HashMap::new();
        let mut next = Vec::new();
        let mut layer = vec![CLOSED; frontier.len() * d];
        for (node, state) in frontier.iter().enumerate() {
            let joint = parts
                .iter()
                .zip(&ranges)
                .fold(LocalMask::all(d).0, |mask, (part, r)| {
                    mask & part.mask(&state[r.clone()], position).0
                });
            for value in LocalMask(joint).values() {
                let mut after = state.clone();
                for (part, r) in parts.iter().zip(&ranges) {
                    part.advance(&mut after[r.clone()], position, value);
                }
                let to = *number.entry(after).or_insert_with_key(|after| {
                    next.push(after.clone());
                    next.len() as u32 - 1
                });
                layer[node * d + value as usize] = to;
            }
            if next.len() > limit {
                return Err(ConstraintError::TooLarge {
                    limit,
                    position: position + 1,
                });
            }
        }
        layers.push(layer);
        frontier = next;
    }
    Ok(layers)
}

/// Drops nodes without completion and merges nodes with equal futures, last layer first. Returns
/// the new number of the start node.
fn prune(layers: &mut [Vec<u32>], d: usize) -> u32 {
    // Behind the last position all states are one.
    let mut renamed: Option<Vec<u32>> = None;
    for layer in layers.iter_mut().rev() {
        let mut number: HashMap<Vec<u32>, u32> = HashMap::new();
        let mut kept = Vec::new();
        let names = layer
            .chunks_exact(d)
            .map(|row| {
                let row: Vec<u32> = row
                    .iter()
                    .map(|&to| match &renamed {
                        _ if to == CLOSED => CLOSED,
                        Some(names) => names[to as usize],
                        None => 0,
                    })
                    .collect();
                if row.iter().all(|&to| to == CLOSED) {
                    return CLOSED;
                }
                let fresh = number.len() as u32;
                *number.entry(row).or_insert_with_key(|row| {
                    kept.extend_from_slice(row);
                    fresh
                })
            })
            .collect();
        *layer = kept;
        renamed = Some(names);
    }
    renamed.map_or(CLOSED, |names| names[0])
}

impl OnSpace for Product {
    fn space(&self) -> &Space {
        &self.space
    }
}

impl Constraint for Product {
    fn order(&self) -> &[u32] {
        &self.order
    }
    fn words(&self) -> usize {
        1
    }
    fn start(&self, state: &mut [u64]) {
        state[0] = u64::from(self.start);
    }
    fn mask(&self, state: &[u64], position: usize) -> LocalMask {
        let open = (0..self.space.local_dim).filter(|&v| self.next(state, position, v) != CLOSED);
        LocalMask(open.fold(0, |mask, v| mask | 1 << v))
    }
    fn advance(&self, state: &mut [u64], position: usize, value: u8) {
        state[0] = u64::from(self.next(state, position, value as usize));
    }
}
