//! Cluster flips of Ising models: the Swendsen-Wang update of the space-time lattice.

use crate::chance::Chance;
use crate::segments::heat_bath;
use crate::string::{EMPTY, FIELD, PAIR, Vertices, Worldlines};

/// Memory of the cluster update.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clusters {
    /// Union-find forest over the segments; the first N are those at the origin.
    parent: Vec<u32>,
    /// Present segment of each site.
    segment: Vec<u32>,
    value: Vec<u8>,
    /// Site and segment after each constant or flip, and its slot.
    events: Vec<(u32, u32)>,
    /// Factor of the field weights of each segment, then of each cluster.
    factor: Vec<f64>,
    flip: Vec<bool>,
    /// Clusters flipped, and clusters.
    pub(crate) accepted: u64,
    pub(crate) tried: u64,
}

fn root(parent: &mut [u32], mut a: u32) -> u32 {
    while parent[a as usize] != a {
        let up = parent[parent[a as usize] as usize];
        parent[a as usize] = up;
        a = up;
    }
    a
}

fn join(parent: &mut [u32], a: u32, b: u32) {
    let (a, b) = (root(parent, a), root(parent, b));
    // The smaller number is the root: the order of clusters does not depend on the order of joins.
    parent[a.max(b) as usize] = a.min(b);
}

/// Cuts the world lines at every constant and flip, joins what pair operators touch, and flips
/// each cluster by heat bath: with probability 1/2 where no fields sit on it.
///
/// Valid where no pair weight changes when both sites flip. Constants and flips turn into each
/// other where one of their two segments flips.
///
/// # References
/// A. W. Sandvik, Phys. Rev. E 68, 056701 (2003), section III.
pub(crate) fn cluster_flips<C: Chance>(
    v: &Vertices,
    w: &mut Worldlines,
    c: &mut Clusters,
    chance: &mut C,
) {
    let n = v.n_sites as u32;
    c.parent.clear();
    c.parent.extend(0..n);
    c.segment.clear();
    c.segment.extend(0..n);
    c.value.clone_from(&w.start);
    c.events.clear();
    c.factor.clear();
    c.factor.resize(v.n_sites, 1.0);
    for (p, &op) in w.slots.iter().enumerate() {
        let i = (op >> 2) as usize;
        match op & 3 {
            FIELD => {
                c.factor[c.segment[i] as usize] *= v.field_factor[i][c.value[i] as usize];
            }
            PAIR => {
                if op != EMPTY {
                    let [a, b] = v.pair_sites[i].map(|s| c.segment[s as usize]);
                    if a != b {
                        join(&mut c.parent, a, b);
                    }
                }
            }
            kind => {
                c.value[i] ^= kind as u8;
                let new = c.parent.len() as u32;
                c.parent.push(new);
                c.factor.push(1.0);
                c.events.push((p as u32, c.segment[i]));
                c.segment[i] = new;
            }
        }
    }
    for i in 0..n {
        join(&mut c.parent, i, c.segment[i as usize]);
    }
    for s in (0..c.parent.len()).rev() {
        // A parent has a smaller number, so factors arrive at the root in one pass.
        let up = c.parent[s] as usize;
        if up != s {
            c.factor[up] *= c.factor[s];
        }
    }
    c.flip.clear();
    for s in 0..c.parent.len() {
        let up = c.parent[s] as usize;
        let flip = if up != s {
            c.flip[up]
        } else if chance.consider() {
            c.tried += 1;
            let flip = chance.accept(heat_bath(c.factor[s]));
            c.accepted += u64::from(flip);
            flip
        } else {
            false
        };
        c.flip.push(flip);
    }
    for (k, &(p, before)) in (v.n_sites..).zip(&c.events) {
        if c.flip[before as usize] != c.flip[k] {
            w.slots[p as usize] ^= 1;
        }
    }
    for (n, flip) in w.start.iter_mut().zip(&c.flip) {
        *n ^= u8::from(*flip);
    }
}
