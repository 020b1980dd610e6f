//! Rod hops: an excitation moves to a blockade partner for its whole life.

use crate::chance::Chance;
use crate::string::{EMPTY, FIELD, FLIP, PAIR, Vertices, Worldlines, operator};

/// Memory of a pass in time over the rods.
///
/// Times count slots from 1; the second lap has times above M. 0 means never.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rods {
    /// [`EXCITED`], or the time at which the last rod on the site ended.
    busy: Vec<u32>,
    /// The time at which the rod before the present one ended.
    before: Vec<u32>,
    /// Time at which the present rod began; 0 for those around the origin on their first end.
    birth: Vec<u32>,
    /// Whether the site flips anywhere in the string.
    flips: Vec<bool>,
    /// Time of the last field operator on each site, and for all other operators together.
    last_field: Vec<u32>,
    /// For each time that of the field operator before it on the same site; 0 for none.
    field_before: Vec<u32>,
    /// Times of the pair operators.
    pairs: Vec<Vec<u32>>,
    /// Values of the two sites at each pair operator.
    legs: Vec<u8>,
    /// Rods moved, and rods.
    pub(crate) accepted: u64,
    pub(crate) tried: u64,
}

const EXCITED: u32 = u32::MAX;

impl Rods {
    fn reset(&mut self, v: &Vertices, w: &Worldlines) {
        let n = v.n_sites;
        self.busy.clear();
        let busy = |&n: &u8| if n == 1 { EXCITED } else { 0 };
        self.busy.extend(w.start.iter().map(busy));
        for list in [&mut self.before, &mut self.birth] {
            list.clear();
            list.resize(n, 0);
        }
        self.flips.clear();
        self.flips.resize(n, false);
        self.last_field.clear();
        self.last_field.resize(n + 1, 0);
        self.field_before.resize(2 * w.slots.len() + 1, 0);
        if !v.pair_sites.is_empty() {
            self.pairs.resize(n, Vec::new());
            self.pairs.iter_mut().for_each(Vec::clear);
        }
        if !v.pair_sites.is_empty() {
            self.legs.resize(w.slots.len(), 0);
        }
    }

    #[inline(always)]
    fn note(&mut self, v: &Vertices, op: u32, t: u32, lap: usize) {
        let i = (op >> 2) as usize;
        if !v.pair_sites.is_empty() && op & 3 == PAIR && op != EMPTY {
            let [a, b] = v.pair_sites[i].map(|s| s as usize);
            if lap == 0 {
                let value = |s: usize| u8::from(self.busy[s] == EXCITED);
                self.legs[t as usize - 1] = value(a) | value(b) << 1;
            }
            self.pairs[a].push(t);
            self.pairs[b].push(t);
        }
        // What is no field goes to a list that nobody reads: no branch to guess.
        let list = if op & 3 == FIELD { i } else { v.n_sites };
        self.field_before[t as usize] = self.last_field[list];
        self.last_field[list] = t;
    }

    /// Number of field operators on a site after `from`.
    fn fields_after(&self, site: usize, from: u32) -> i32 {
        let (mut t, mut count) = (self.last_field[site], 0);
        while t > from {
            count += 1;
            t = self.field_before[t as usize];
        }
        count
    }

    /// The fields on sites i and j after `from` change their sites.
    fn swap_fields(&mut self, w: &mut Worldlines, (i, j): (usize, usize), from: u32) {
        let m = w.slots.len() as u32;
        let firsts = [(i, j), (j, i)].map(|(site, to)| {
            let (mut t, mut first) = (self.last_field[site], 0);
            while t > from {
                w.slots[((t - 1) % m) as usize] = operator(FIELD, to);
                first = t;
                t = self.field_before[t as usize];
            }
            (first, t)
        });
        let [(first_i, rest_i), (first_j, rest_j)] = firsts;
        let [last_i, last_j] = [i, j].map(|s| self.last_field[s]);
        // Each late part is hung behind the early part of the other site.
        self.last_field[j] = if first_i == 0 { rest_j } else { last_i };
        self.last_field[i] = if first_j == 0 { rest_i } else { last_j };
        if first_i > 0 {
            self.field_before[first_i as usize] = rest_j;
        }
        if first_j > 0 {
            self.field_before[first_j as usize] = rest_i;
        }
    }

    /// Tries to move what site i holds after the time `from` to site j, which is vacant there.
    #[expect(clippy::float_cmp, reason = "equal sites need no factor")]
    fn try_move<C: Chance>(
        &mut self,
        v: &Vertices,
        w: &mut Worldlines,
        (i, j): (usize, usize),
        (from, n_ends): (u32, i32),
        chance: &mut C,
    ) -> bool {
        self.tried += 1;
        let late = |&k: &u32| {
            let busy = self.busy[k as usize];
            if k as usize == i { 0 } else { busy }
        };
        if v.partners.of(j).iter().map(late).fold(0, u32::max) > from {
            return false;
        }
        // Uniform models have the factor 1: the fields change their labels with the rod.
        let mut factor = 1.0;
        if n_ends > 0 {
            // The partner was drawn from the site of the rod; pairs of lines are drawn both ways.
            factor = v.partners.of(i).len() as f64 / v.partners.of(j).len() as f64;
            if v.flip[i] != v.flip[j] {
                factor *= (v.flip[j] / v.flip[i]).powi(n_ends);
            }
        }
        if v.field[i] != v.field[j] {
            let (ni, nj) = (self.fields_after(i, from), self.fields_after(j, from));
            factor *= (v.field[j][1] / v.field[i][1]).powi(ni);
            if nj > 0 {
                factor *= (v.field[i][0] / v.field[j][0]).powi(nj);
            }
        }
        if !v.pair_sites.is_empty() {
            self.turn_pairs(v, w, (i, j), from);
            factor *= self.pair_factor(v, w, (i, j), from);
        }
        if !chance.accept(factor) {
            if !v.pair_sites.is_empty() {
                self.turn_pairs(v, w, (i, j), from);
            }
            return false;
        }
        self.accepted += 1;
        self.swap_fields(w, (i, j), from);
        true
    }

    /// Turns the values of both sites at their pair operators after `from`.
    fn turn_pairs(&mut self, v: &Vertices, w: &Worldlines, (i, j): (usize, usize), from: u32) {
        let m = w.slots.len() as u32;
        for s in [i, j] {
            for &t in self.pairs[s].iter().rev().take_while(|&&t| t > from) {
                let p = ((t - 1) % m) as usize;
                let first = v.pair_sites[(w.slots[p] >> 2) as usize][0] as usize == s;
                self.legs[p] ^= if first { 1 } else { 2 };
            }
        }
    }

    /// Weights of the pair operators after `from` over those before both sites were turned.
    fn pair_factor(&self, v: &Vertices, w: &Worldlines, (i, j): (usize, usize), from: u32) -> f64 {
        let m = w.slots.len() as u32;
        let mut factor = 1.0;
        for s in [i, j] {
            for &t in self.pairs[s].iter().rev().take_while(|&&t| t > from) {
                let p = ((t - 1) % m) as usize;
                let b = (w.slots[p] >> 2) as usize;
                let bit = |site: u32| u8::from([i, j].contains(&(site as usize)));
                let turned = bit(v.pair_sites[b][0]) | bit(v.pair_sites[b][1]) << 1;
                // An operator on both sites is in both lists and counts once.
                if turned == 3 && s == j {
                    continue;
                }
                let now = self.legs[p];
                factor *= v.pair[b][now as usize] / v.pair[b][(now ^ turned) as usize];
            }
        }
        factor
    }

    /// The rod on site i that ends with the flip at time t moves to a random partner, or stays.
    #[inline(always)]
    fn end_rod<C: Chance>(
        &mut self,
        v: &Vertices,
        w: &mut Worldlines,
        i: usize,
        t: u32,
        chance: &mut C,
    ) {
        let birth = self.birth[i];
        if birth > 0 && !v.partners.of(i).is_empty() && chance.consider() {
            let j = v.partners.of(i)[chance.below(v.partners.of(i).len())] as usize;
            if self.try_move(v, w, (i, j), (birth, 2), chance) {
                let m = w.slots.len() as u32;
                for end in [birth, t] {
                    w.slots[((end - 1) % m) as usize] = operator(FLIP, j);
                }
                if t > m {
                    w.start[i] = 0;
                    w.start[j] = 1;
                }
                self.busy[i] = self.before[i];
                self.before[j] = t;
                self.busy[j] = t;
                self.flips[j] = true;
                return;
            }
        }
        self.before[i] = t;
        self.busy[i] = t;
    }
}

/// Tries to move every rod to a random partner of its site, then those without ends.
///
/// The two flips of a rod and its fields change their labels, the fields of the vacant site go the
/// other way, so the weight stays. Rods are tried in the order in which they end, a second lap
/// closes those around the origin; begin and end times never change, so the order is fixed.
pub(crate) fn rod_hops<C: Chance>(
    v: &Vertices,
    w: &mut Worldlines,
    rods: &mut Rods,
    chance: &mut C,
) {
    rods.reset(v, w);
    let m = w.slots.len();
    for p in 0..m {
        let op = w.slots[p];
        let t = p as u32 + 1;
        if op & 3 == FLIP {
            let i = (op >> 2) as usize;
            rods.flips[i] = true;
            if rods.busy[i] == EXCITED {
                rods.end_rod(v, w, i, t, chance);
            } else {
                rods.birth[i] = t;
                rods.busy[i] = EXCITED;
            }
        } else {
            rods.note(v, op, t, 0);
        }
    }
    let held = |i: &usize| rods.busy[*i] == EXCITED && rods.birth[*i] > 0;
    let mut open = (0..v.n_sites).filter(held).count();
    let mut end = m as u32;
    let mut p = 0;
    while open > 0 {
        let op = w.slots[p];
        let t = (m + p) as u32 + 1;
        if op & 3 == FLIP {
            let i = (op >> 2) as usize;
            if rods.busy[i] == EXCITED {
                open -= usize::from(rods.birth[i] > 0);
                rods.end_rod(v, w, i, t, chance);
            } else {
                rods.birth[i] = 0;
                rods.busy[i] = EXCITED;
            }
        } else {
            rods.note(v, op, t, 1);
        }
        end = t;
        p += 1;
    }
    let from = end - m as u32;
    for i in 0..v.n_sites {
        if v.partners.of(i).is_empty() || !chance.consider() {
            continue;
        }
        // The pair (i, j) is drawn from both ends, so that the step is its own reverse.
        let j = v.partners.of(i)[chance.below(v.partners.of(i).len())] as usize;
        let endless = |s: usize| w.start[s] == 1 && !rods.flips[s];
        let (a, b) = if endless(i) {
            (i, j)
        } else if endless(j) {
            (j, i)
        } else {
            continue;
        };
        if rods.try_move(v, w, (a, b), (from, 0), chance) {
            w.start[a] = 0;
            w.start[b] = 1;
            rods.busy[a] = 0;
            rods.busy[b] = EXCITED;
        }
    }
}
