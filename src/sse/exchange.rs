//! Exchange models of spins 1/2 by directed loops.
//!
//! Bonds hold all diagonal energy; an operator on a bond is diagonal, with weight
//! $e_\max - e(n_a, n_b) + \epsilon$, or exchanges two different values with weight |x|. Legs of a
//! vertex: 0 and 1 below, 2 and 3 above, of the sites a and b.

use crate::alias::Alias;
use crate::chance::Chance;
use crate::decompose::Parts;
use crate::diagonal::Seen;
use crate::string::{EMPTY, FLIP, PAIR, Worldlines, operator};

/// Bonds with their weights.
#[derive(Clone, Debug)]
pub(crate) struct Bonds {
    pub(crate) beta: f64,
    pub(crate) n_sites: usize,
    pub(crate) sites: Vec<[u32; 2]>,
    table: Alias,
    /// Diagonal weights at n_a + 2 n_b.
    diagonal: Vec<[f64; 4]>,
    /// Weight of the exchange.
    swap: Vec<f64>,
    share: Vec<[f64; 4]>,
    /// Cumulative probabilities of the exits, at 4 times the legs of the vertex plus the entry.
    exits: Vec<Vec<[f64; 4]>>,
    /// Sum over bonds of $e_\max + \epsilon$: the energy of an empty string.
    pub(crate) constant: f64,
    /// Whether the number of ones is fixed.
    pub(crate) canonical: bool,
    /// Visits that a try of the loop update may make for each leg of the string.
    pub(crate) longest: usize,
}

/// See [`Bonds::longest`]; a loop of the usual length visits a leg at most a few times.
const LONGEST: usize = 100;

/// Memory of the loop update.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loops {
    /// For each leg the leg it is joined with.
    link: Vec<u32>,
    /// Values on the four legs of each vertex.
    legs: Vec<u8>,
    /// First and last leg on each site, or [`NONE`].
    first: Vec<u32>,
    last: Vec<u32>,
    /// Slot of each vertex.
    slot: Vec<u32>,
    /// Changes of the present loop, to take it back.
    changed: Vec<(u32, u8)>,
    /// Legs visited.
    pub(crate) visited: u64,
    pub(crate) accepted: u64,
    pub(crate) tried: u64,
}

const NONE: u32 = u32::MAX;

impl Bonds {
    pub(crate) fn new(parts: &Parts, beta: f64, epsilon: f64) -> Self {
        let mut energies = std::collections::BTreeMap::<[u32; 2], ([f64; 4], f64)>::new();
        for (sites, e) in &parts.pairs {
            energies.entry(*sites).or_default().0 = *e;
        }
        for (sites, x) in &parts.exchange {
            energies.entry(*sites).or_default().1 = x.abs();
        }
        let mut degree = vec![0.0; parts.n_sites];
        energies
            .keys()
            .flatten()
            .for_each(|&s| degree[s as usize] += 1.0);
        // Fields are shared out among the bonds of their site.
        for (sites, (e, _)) in &mut energies {
            for (bit, &s) in sites.iter().enumerate() {
                let share = parts.site[s as usize][1] / degree[s as usize];
                (0..4)
                    .filter(|n| n >> bit & 1 == 1)
                    .for_each(|n| e[n] += share);
            }
        }
        let mut bonds = Self {
            beta,
            n_sites: parts.n_sites,
            sites: Vec::new(),
            table: Alias::new(&[]),
            diagonal: Vec::new(),
            swap: Vec::new(),
            share: Vec::new(),
            exits: Vec::new(),
            constant: parts.constant,
            canonical: parts.canonical,
            longest: LONGEST,
        };
        let mut items = Vec::new();
        for (b, (sites, (e, x))) in energies.into_iter().enumerate() {
            let top = e.iter().copied().fold(f64::MIN, f64::max);
            // Without bounces no weight of a group may exceed the sum of the other two; where the
            // exchange does, a constant on the diagonal cures it.
            let anti = top - e[1].max(e[2]);
            let parallel = top - e[0].max(e[3]);
            let extra = ((x - anti - parallel) / 2.0).max(0.0) + epsilon;
            let w = e.map(|e| top - e + extra);
            let most = w.iter().copied().fold(0.0, f64::max);
            items.push((operator(PAIR, b), most));
            bonds.constant += top + extra;
            bonds.sites.push(sites);
            bonds.diagonal.push(w);
            bonds.swap.push(x);
            bonds
                .share
                .push(w.map(|w| if most > 0.0 { w / most } else { 0.0 }));
            bonds.exits.push(exit_table(w, x));
        }
        bonds.table = Alias::new(&items);
        bonds
    }

    fn values(&self, b: usize, x: &[u8]) -> usize {
        let [i, j] = self.sites[b];
        (x[i as usize] | x[j as usize] << 1) as usize
    }

    /// See [`crate::string::Vertices::log_weight`].
    pub(crate) fn log_weight(&self, w: &Worldlines) -> f64 {
        let mut x = w.start.clone();
        let mut sum = w.n_operators as f64 * self.beta.ln();
        for &op in w.slots.iter().filter(|&&op| op != EMPTY) {
            let b = (op >> 2) as usize;
            let now = self.values(b, &x);
            if op & 3 == FLIP {
                if now == 0 || now == 3 {
                    return f64::NEG_INFINITY;
                }
                let [i, j] = self.sites[b];
                x.swap(i as usize, j as usize);
                sum += self.swap[b].ln();
            } else {
                sum += self.diagonal[b][now].ln();
            }
        }
        if x == w.start { sum } else { f64::NEG_INFINITY }
    }

    /// Whether a string consists of operators of this model, in a configuration that closes.
    pub(crate) fn admits(&self, w: &Worldlines) -> bool {
        let known = |&op: &u32| {
            let kind = op & 3;
            op == EMPTY || ((op >> 2) as usize) < self.sites.len() && (kind == PAIR || kind == FLIP)
        };
        w.slots.iter().all(known)
            && w.start.iter().all(|&n| n < 2)
            && w.slots.iter().filter(|&&op| op != EMPTY).count() == w.n_operators
            && self.log_weight(w) > f64::NEG_INFINITY
    }

    /// Redraws every diagonal slot, see [`crate::diagonal::diagonal_update`].
    pub(crate) fn diagonal_update<C: Chance>(
        &self,
        w: &mut Worldlines,
        x: &mut Vec<u8>,
        chance: &mut C,
        seen: &mut Seen,
        slices: usize,
        mut look: impl FnMut(&[u8]),
    ) {
        x.clone_from(&w.start);
        let m = w.slots.len();
        seen.begin(self.n_sites);
        let (mut n, mut n_flips, mut accepted) = (w.n_operators, 0, 0);
        for slice in 0..slices.max(1) {
            if slices > 0 {
                look(x);
            }
            for p in m * slice / slices.max(1)..m * (slice + 1) / slices.max(1) {
                let old = w.slots[p];
                if old & 3 == FLIP {
                    n_flips += 1;
                    let [a, b] = self.sites[(old >> 2) as usize].map(|s| s as usize);
                    let (rise, fall) = if x[a] == 1 { (b, a) } else { (a, b) };
                    seen.turn(fall, p, false);
                    seen.turn(rise, p, true);
                    x.swap(a, b);
                    continue;
                }
                if !chance.consider() {
                    continue;
                }
                let share = |op: u32| {
                    if op == EMPTY {
                        1.0
                    } else {
                        let b = (op >> 2) as usize;
                        self.share[b][self.values(b, x)]
                    }
                };
                let others = n - usize::from(old != EMPTY);
                let new = chance.item(&self.table);
                let is_empty = chance.is_empty(self.beta * self.table.total(), m - others);
                let new = if is_empty { EMPTY } else { new };
                let new_share = share(new);
                if new_share > 0.0 && chance.accept(new_share / share(old)) {
                    w.slots[p] = new;
                    n = others + usize::from(new != EMPTY);
                    accepted += 1;
                }
            }
        }
        debug_assert_eq!(*x, w.start, "world lines close");
        seen.end(x, m);
        // The number of ones is the same at all times.
        let ones: u64 = x.iter().map(|&n| u64::from(n)).sum();
        seen.excited = ones * m as u64;
        seen.excited_squared = ones * ones * m as u64;
        seen.n_flips = n_flips;
        seen.accepted += accepted;
        seen.tried += (m - n_flips) as u64;
        w.n_operators = n;
    }

    /// `count` directed loops from random legs; then sites without any operator get new values.
    ///
    /// A loop that winds around imaginary time changes the number of ones. Where that is fixed a
    /// second loop may restore it, else both are taken back, which obeys detailed balance because
    /// the reverse pair is taken back, too. So are loops that visit more than a hundred times as many
    /// legs as there are: the reverse is as long. This bounds the time of a sweep.
    ///
    /// # References
    /// O. F. Syljuåsen, A. W. Sandvik, Phys. Rev. E 66, 046701 (2002), eqs. (20)-(27).
    pub(crate) fn loop_update<C: Chance>(
        &self,
        w: &mut Worldlines,
        l: &mut Loops,
        chance: &mut C,
        count: usize,
    ) {
        self.build(w, l);
        let n_legs = l.legs.len();
        for _ in 0..if n_legs == 0 { 0 } else { count } {
            if !chance.consider() {
                continue;
            }
            l.tried += 1;
            l.changed.clear();
            let mut left = self.longest * n_legs;
            let mut ones = self.directed_loop(w, l, chance, &mut left);
            if self.canonical
                && let Some(first) = ones
                && first != 0
            {
                // Ferromagnetic loops never turn back in time: two opposite ones do together what
                // neither may alone. The reverse is the same pair in the other order.
                let second = self.directed_loop(w, l, chance, &mut left);
                ones = second.map(|second| first + second);
            }
            if ones.is_none_or(|ones| self.canonical && ones != 0) {
                while let Some((leg, value)) = l.changed.pop() {
                    l.legs[leg as usize] = value;
                }
            } else {
                l.accepted += 1;
            }
        }
        for i in 0..self.n_sites {
            if l.first[i] != NONE {
                w.start[i] = l.legs[l.first[i] as usize];
            }
        }
        for (k, &p) in l.slot.iter().enumerate() {
            let bond = (w.slots[p as usize] >> 2) as usize;
            let moved = l.legs[4 * k] != l.legs[4 * k + 2];
            w.slots[p as usize] = operator(if moved { FLIP } else { PAIR }, bond);
        }
        if !chance.consider() {
            return;
        }
        let free: Vec<usize> = (0..self.n_sites).filter(|&i| l.first[i] == NONE).collect();
        for (k, &i) in free.iter().enumerate() {
            if self.canonical {
                w.start.swap(i, free[k + chance.below(free.len() - k)]);
            } else {
                w.start[i] = chance.below(2) as u8;
            }
        }
    }

    /// One loop from a random leg, of at most `left` visits, which it counts down; returns by how much
    /// the number of ones grows, `None` for a loop that is not closed by then.
    fn directed_loop<C: Chance>(
        &self,
        w: &Worldlines,
        l: &mut Loops,
        chance: &mut C,
        left: &mut usize,
    ) -> Option<i32> {
        let origin = chance.below(l.legs.len()) as u32;
        let (mut leg, mut ones) = (origin, 0);
        loop {
            *left = left.checked_sub(1)?;
            l.visited += 1;
            let exit = self.pass(w, l, leg, chance);
            if exit == origin {
                return Some(ones);
            }
            leg = l.link[exit as usize];
            // Links go forward from upper legs and back from lower ones, but at the origin of
            // time, where the first configuration changes.
            if (exit & 2 == 2) == (leg < exit) {
                ones += 2 * i32::from(l.legs[exit as usize]) - 1;
            }
            if leg == origin {
                return Some(ones);
            }
        }
    }

    /// Joins the legs of vertices that follow each other on a site.
    fn build(&self, w: &Worldlines, l: &mut Loops) {
        l.link.clear();
        l.legs.clear();
        l.slot.clear();
        for list in [&mut l.first, &mut l.last] {
            list.clear();
            list.resize(self.n_sites, NONE);
        }
        let mut x = w.start.clone();
        for (p, &op) in w.slots.iter().enumerate().filter(|(_, op)| **op != EMPTY) {
            let base = l.legs.len() as u32;
            let sites = self.sites[(op >> 2) as usize].map(|s| s as usize);
            l.slot.push(p as u32);
            l.link.extend([NONE; 4]);
            l.legs.extend(sites.map(|s| x[s]));
            if op & 3 == FLIP {
                x.swap(sites[0], sites[1]);
            }
            l.legs.extend(sites.map(|s| x[s]));
            for (k, s) in (0..).zip(sites) {
                let below = base + k;
                if l.first[s] == NONE {
                    l.first[s] = below;
                } else {
                    l.link[below as usize] = l.last[s];
                    l.link[l.last[s] as usize] = below;
                }
                l.last[s] = below + 2;
            }
        }
        for s in 0..self.n_sites {
            if l.first[s] != NONE {
                l.link[l.first[s] as usize] = l.last[s];
                l.link[l.last[s] as usize] = l.first[s];
            }
        }
    }

    /// Enters a vertex by a leg, turns it and the exit, and returns the exit.
    #[inline(always)]
    fn pass<C: Chance>(&self, w: &Worldlines, l: &mut Loops, leg: u32, chance: &mut C) -> u32 {
        let (vertex, entry) = ((leg >> 2) as usize, (leg & 3) as usize);
        let legs = &mut l.legs[4 * vertex..4 * vertex + 4];
        let bond = (w.slots[l.slot[vertex] as usize] >> 2) as usize;
        let code = (legs[0] | legs[1] << 1 | legs[2] << 2 | legs[3] << 3) as usize;
        let p = &self.exits[bond][code * 4 + entry];
        let exit = chance.pick(p);
        for turned in [entry, exit] {
            l.changed.push(((4 * vertex + turned) as u32, legs[turned]));
            legs[turned] ^= 1;
        }
        (4 * vertex + exit) as u32
    }
}

/// Cumulative probabilities of the exits of each vertex and entry.
///
/// Turning entry and exit leads from a vertex to another or, for a bounce, to itself. The flows
/// $a_{ij}$ between the at most three vertices of a group are symmetric and add up to the weights;
/// a bounce remains only where one weight exceeds the sum of the others.
fn exit_table(diagonal: [f64; 4], swap: f64) -> Vec<[f64; 4]> {
    let weight = |code: usize| {
        let (below, above) = (code & 3, code >> 2);
        if below == above {
            diagonal[below]
        } else if below ^ above == 3 && (below == 1 || below == 2) {
            swap
        } else {
            0.0
        }
    };
    let mut table = vec![[0.0; 4]; 64];
    for code in (0..16).filter(|&c| weight(c) > 0.0) {
        for entry in 0..4 {
            let w: [f64; 4] = std::array::from_fn(|exit| {
                if exit == entry {
                    weight(code)
                } else {
                    weight(code ^ 1 << entry ^ 1 << exit)
                }
            });
            let others: Vec<usize> = (0..4).filter(|&e| e != entry && w[e] > 0.0).collect();
            let own = w[entry];
            let mut flow = [0.0; 4];
            let bounce = |own: f64, rest: f64| (own - rest).max(0.0);
            match others[..] {
                [] => flow[entry] = own,
                [a] => {
                    flow[a] = own.min(w[a]);
                    flow[entry] = bounce(own, w[a]);
                }
                [a, b] => {
                    let (x, y) = (w[a], w[b]);
                    if own >= x + y {
                        (flow[a], flow[b], flow[entry]) = (x, y, own - x - y);
                    } else if x >= own + y {
                        flow[a] = own;
                    } else if y >= own + x {
                        flow[b] = own;
                    } else {
                        flow[a] = (own + x - y) / 2.0;
                        flow[b] = (own + y - x) / 2.0;
                    }
                }
                _ => unreachable!("one of the three exits changes the number of ones"),
            }
            let mut sum = 0.0;
            let mut cumulative = flow.map(|f| {
                sum += f / own;
                sum
            });
            // No rounding may leave a share to exits behind the last possible one.
            let last = flow.iter().rposition(|&f| f > 0.0).unwrap_or(entry);
            cumulative[last..].fill(1.0);
            table[code * 4 + entry] = cumulative;
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flows_between_vertices_are_symmetric() {
        for (diagonal, swap) in [
            ([0.0, 0.5, 0.5, 0.0], 0.5),
            ([0.3, 0.4, 0.6, 0.2], 0.5),
            ([0.1, 2.0, 2.0, 0.1], 0.5),
            ([0.25, 0.25, 0.25, 0.25], 0.5),
        ] {
            let table = exit_table(diagonal, swap);
            let weight = |code: usize| match (code & 3, code >> 2) {
                (a, b) if a == b => diagonal[a],
                (1, 2) | (2, 1) => swap,
                _ => 0.0,
            };
            let probability = |code: usize, entry: usize, exit: usize| {
                let p = &table[code * 4 + entry];
                p[exit] - if exit == 0 { 0.0 } else { p[exit - 1] }
            };
            for code in (0..16).filter(|&c| weight(c) > 0.0) {
                for entry in 0..4 {
                    assert!(
                        (table[code * 4 + entry][3] - 1.0).abs() < 1e-12,
                        "{code} {entry}"
                    );
                    for exit in 0..4 {
                        let to = if exit == entry {
                            code
                        } else {
                            code ^ 1 << entry ^ 1 << exit
                        };
                        let there = weight(code) * probability(code, entry, exit);
                        let back = weight(to) * probability(to, exit, entry);
                        assert!((there - back).abs() < 1e-12, "{code} {entry} {exit}");
                    }
                }
            }
        }
    }
}
