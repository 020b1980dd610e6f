//! A constraint compiled to a layered graph: one node for each automaton state at each position.

use super::ExactError;
use crate::hamiltonians::Constraint;
use std::collections::HashMap;

/// A layer with more states is refused: each state has at least one configuration of its own, and
/// counting them would take longer than a minute.
const LARGEST_LAYER: usize = 1 << 24;

/// (value, node of the next layer), values ascending.
type Edges = Vec<(u8, u32)>;

#[derive(Debug)]
pub(super) struct Automaton {
    /// Edges of the nodes before each position.
    layers: Vec<Vec<Edges>>,
    /// Number of prefixes that lead to each node; layer N holds the ends.
    pub(super) prefixes: Vec<Vec<f64>>,
    /// Number of legal ways on from each node.
    pub(super) suffixes: Vec<Vec<f64>>,
}

impl Automaton {
    /// Counts without walking single configurations, so sectors of any size are counted fast.
    pub(super) fn new(constraint: &dyn Constraint) -> Result<Self, ExactError> {
        let n = constraint.order().len();
        let mut state = vec![0; constraint.words()];
        constraint.start(&mut state);
        let mut nodes = vec![state.clone()];
        let (mut layers, mut prefixes) = (Vec::with_capacity(n), vec![vec![1.0]]);
        for position in 0..n {
            let mut known: HashMap<Vec<u64>, u32> = HashMap::new();
            let mut next: Vec<Vec<u64>> = Vec::new();
            let mut count: Vec<f64> = Vec::new();
            let mut edges = Vec::with_capacity(nodes.len());
            for (node, paths) in nodes.iter().zip(&prefixes[position]) {
                let mut here = Edges::new();
                for value in constraint.mask(node, position).values() {
                    state.copy_from_slice(node);
                    constraint.advance(&mut state, position, value);
                    let to = match known.get(&state) {
                        Some(&to) => to,
                        None if next.len() == LARGEST_LAYER => {
                            let limit = LARGEST_LAYER;
                            return Err(ExactError::TooManyAutomatonStates { limit, position });
                        }
                        None => {
                            let to = next.len() as u32;
                            known.insert(state.clone(), to);
                            next.push(state.clone());
                            count.push(0.0);
                            to
                        }
                    };
                    count[to as usize] += paths;
                    here.push((value, to));
                }
                edges.push(here);
            }
            layers.push(edges);
            prefixes.push(count);
            nodes = next;
        }
        let mut suffixes = vec![vec![1.0; nodes.len()]];
        for edges in layers.iter().rev() {
            let after = suffixes.last().expect("starts with the ends");
            let ways = |e: &Edges| e.iter().map(|&(_, to)| after[to as usize]).sum();
            suffixes.push(edges.iter().map(ways).collect());
        }
        suffixes.reverse();
        Ok(Self {
            layers,
            prefixes,
            suffixes,
        })
    }

    /// Number of legal configurations.
    pub(super) fn dimension(&self) -> f64 {
        self.suffixes[0][0]
    }

    /// All ways from a node through a range of positions: (key, node reached), keys ascending.
    ///
    /// A key holds `bits` bits for each value, the first position most significant.
    pub(super) fn walk(
        &self,
        node: u32,
        positions: std::ops::Range<usize>,
        bits: usize,
    ) -> Vec<(u64, u32)> {
        let mut ways = vec![(0, node)];
        for layer in &self.layers[positions] {
            let on = |&(key, node): &(u64, u32)| {
                let edges = layer[node as usize].iter();
                edges.map(move |&(value, to)| (key << bits | u64::from(value), to))
            };
            ways = ways.iter().flat_map(on).collect();
        }
        ways
    }
}
