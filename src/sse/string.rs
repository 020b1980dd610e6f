//! The operator string of models whose off-diagonal terms flip single sites.
//!
//! $Z = \sum_{s} \sum_{\text{strings}} \frac{\beta^n (M - n)!}{M!} \prod_p w_p$ over start
//! configurations s and strings of M slots with n operators. Operators and weights:
//!
//! * constant C_i: $|g_i|$, the identity; flip O_i: $|g_i|$, where all blockade partners hold 0;
//! * field D_i: $e_\max - e_i(n_i) + \epsilon$; pair B: $e_\max - e_{ij}(n_i, n_j)$.

use crate::alias::Alias;
use crate::decompose::Parts;
use serde::{Deserialize, Serialize};

/// An empty slot; its kind is [`EMPTY_KIND`].
pub(crate) const EMPTY: u32 = u32::MAX;
/// The lowest two bits of an operator are its kind, the others its site or pair.
pub(crate) const CONSTANT: u32 = 0;
/// The partner of [`CONSTANT`], which differs from it in the lowest bit.
pub(crate) const FLIP: u32 = 1;
pub(crate) const FIELD: u32 = 2;
const EMPTY_KIND: u32 = 3;
/// Pairs share kind 3 with the empty slot and are told apart by the comparison with [`EMPTY`].
pub(crate) const PAIR: u32 = EMPTY_KIND;

pub(crate) const fn operator(kind: u32, index: usize) -> u32 {
    (index as u32) << 2 | kind
}

/// Start configuration and string.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Worldlines {
    /// Configuration before slot 0.
    pub(crate) start: Vec<u8>,
    pub(crate) slots: Vec<u32>,
    /// Occupied slots.
    pub(crate) n_operators: usize,
}

impl Worldlines {
    pub(crate) fn empty(start: &[u8]) -> Self {
        Self {
            start: start.to_vec(),
            slots: vec![EMPTY; 2 * start.len() + 16],
            n_operators: 0,
        }
    }
}

/// Lists of blockade partners in one piece of memory.
#[derive(Clone, Debug)]
pub(crate) struct Partners {
    first: Vec<u32>,
    sites: Vec<u32>,
}

impl Partners {
    fn new(lists: &[Vec<u32>]) -> Self {
        let mut first = vec![0];
        let ends = lists.iter().scan(0, |end, list| {
            *end += list.len() as u32;
            Some(*end)
        });
        first.extend(ends);
        Self {
            first,
            sites: lists.concat(),
        }
    }

    #[inline(always)]
    pub(crate) fn of(&self, site: usize) -> &[u32] {
        &self.sites[self.first[site] as usize..self.first[site + 1] as usize]
    }
}

/// The weights of operators, and a table that draws diagonal ones.
#[derive(Clone, Debug)]
pub(crate) struct Vertices {
    pub(crate) beta: f64,
    pub(crate) n_sites: usize,
    /// Diagonal operators with their largest weights.
    pub(crate) table: Alias,
    /// Weights of C and O, the absolute amplitude.
    pub(crate) flip: Vec<f64>,
    /// Weights of D for n = 0 and 1.
    pub(crate) field: Vec<[f64; 2]>,
    /// Weights over the largest, of C for n = 0 and 1, then of D; a last row of ones.
    pub(crate) site_share: Vec<[f64; 4]>,
    /// Factor of the weight of D when n flips to the other value.
    pub(crate) field_factor: Vec<[f64; 2]>,
    pub(crate) pair_sites: Vec<[u32; 2]>,
    pub(crate) pair: Vec<[f64; 4]>,
    /// Weight of B over its largest.
    pub(crate) pair_share: Vec<[f64; 4]>,
    /// Blockade partners.
    pub(crate) partners: Partners,
    /// Whether no diagonal operator has a weight between nothing and its largest.
    pub(crate) is_sharp: bool,
    pub(crate) has_blockade: bool,
    pub(crate) is_ising: bool,
}

impl Vertices {
    /// `epsilon` is added to the field weights, so that D may sit on either value.
    #[expect(
        clippy::float_cmp,
        reason = "a site without a field has no field operator"
    )]
    pub(crate) fn new(parts: &Parts, beta: f64, epsilon: f64) -> Self {
        let mut items = Vec::new();
        let mut v = Self {
            beta,
            n_sites: parts.n_sites,
            table: Alias::new(&[]),
            flip: parts.flip.iter().map(|g| g.abs()).collect(),
            field: Vec::new(),
            site_share: Vec::new(),
            field_factor: Vec::new(),
            pair_sites: parts.pairs.iter().map(|p| p.0).collect(),
            pair: Vec::new(),
            pair_share: Vec::new(),
            partners: Partners::new(&parts.partners),
            is_sharp: false,
            has_blockade: parts.has_blockade(),
            is_ising: parts.is_ising(),
        };
        for (i, e) in parts.site.iter().enumerate() {
            items.push((operator(CONSTANT, i), v.flip[i]));
            let epsilon = if e[0] == e[1] { 0.0 } else { epsilon };
            let top = e[0].max(e[1]);
            let w = e.map(|e| top - e + epsilon);
            let most = w[0].max(w[1]);
            items.push((operator(FIELD, i), most));
            v.field.push(w);
            let [s0, s1] = shares(w, most);
            v.site_share.push([1.0, 1.0, s0, s1]);
            v.field_factor.push([w[1] / w[0], w[0] / w[1]]);
        }
        v.site_share.push([1.0; 4]);
        for (b, (_, e)) in parts.pairs.iter().enumerate() {
            let top = e.iter().copied().fold(f64::MIN, f64::max);
            let w = e.map(|e| top - e);
            let most = w.iter().copied().fold(0.0, f64::max);
            items.push((operator(PAIR, b), most));
            v.pair.push(w);
            v.pair_share.push(shares(w, most));
        }
        v.table = Alias::new(&items);
        let mut shares = (v.site_share.iter().flatten()).chain(v.pair_share.iter().flatten());
        v.is_sharp = shares.all(|&s| s == 0.0 || s == 1.0);
        v
    }

    /// ln of the product of the weights of all operators, and of $\beta^n$.
    ///
    /// Minus infinity where an operator cannot be where it is; the factorials are left out.
    pub(crate) fn log_weight(&self, w: &Worldlines) -> f64 {
        let mut x = w.start.clone();
        let mut sum = w.n_operators as f64 * self.beta.ln();
        for &op in w.slots.iter().filter(|&&op| op != EMPTY) {
            let i = (op >> 2) as usize;
            let weight = match op & 3 {
                CONSTANT => self.flip[i],
                FLIP => {
                    if self.partners.of(i).iter().any(|&j| x[j as usize] == 1) {
                        return f64::NEG_INFINITY;
                    }
                    x[i] ^= 1;
                    self.flip[i]
                }
                FIELD => self.field[i][x[i] as usize],
                _ => {
                    let [a, b] = self.pair_sites[i];
                    self.pair[i][(x[a as usize] | x[b as usize] << 1) as usize]
                }
            };
            sum += weight.ln();
        }
        if x == w.start { sum } else { f64::NEG_INFINITY }
    }
}

fn shares<const K: usize>(w: [f64; K], most: f64) -> [f64; K] {
    w.map(|w| if most > 0.0 { w / most } else { 0.0 })
}

impl Vertices {
    /// Whether a string consists of operators of this model, in a configuration that closes.
    pub(crate) fn admits(&self, w: &Worldlines) -> bool {
        let known = |op: &u32| {
            let i = (op >> 2) as usize;
            *op == EMPTY
                || i < if op & 3 == PAIR {
                    self.pair.len()
                } else {
                    self.n_sites
                }
        };
        let counted = w.slots.iter().filter(|&&op| op != EMPTY).count();
        w.slots.iter().all(known)
            && w.start.iter().all(|&n| n < 2)
            && counted == w.n_operators
            && self.log_weight(w) > f64::NEG_INFINITY
    }
}
