//! Segment flips: creation, annihilation, growth, shrinking and merging of rods.

use crate::chance::Chance;
use crate::string::{EMPTY, FIELD, PAIR, Vertices, Worldlines};

/// Memory of a pass in time over the string.
///
/// Times count slots from 1; the second lap has times above M. 0 means never.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    /// [`EXCITED`], or the time at which the last rod on the site ended.
    busy: Vec<u32>,
    /// The time at which the rod before the present segment ended; the start of the segment
    /// where the site was excited up to it.
    before: Vec<u32>,
    /// Time of the last constant or flip on the site.
    event: Vec<u32>,
    /// Field operators since then.
    fields: Vec<u32>,
    /// Slots of the pair operators since then.
    pairs: Vec<Vec<u32>>,
    /// Values of the two sites at each pair operator.
    legs: Vec<u8>,
    /// Whether the segment around the origin was tried.
    closed: Vec<bool>,
    /// Segments flipped, and segments.
    pub(crate) accepted: u64,
    pub(crate) tried: u64,
}

const EXCITED: u32 = u32::MAX;

impl Lines {
    fn reset(&mut self, v: &Vertices, w: &Worldlines) {
        let n = v.n_sites;
        self.busy.clear();
        let busy = |&n: &u8| if n == 1 { EXCITED } else { 0 };
        self.busy.extend(w.start.iter().map(busy));
        for list in [&mut self.before, &mut self.event, &mut self.fields] {
            list.clear();
            // One more, for empty slots.
            list.resize(n + 1, 0);
        }
        self.closed.clear();
        self.closed.resize(n, false);
        if !v.pair_sites.is_empty() {
            self.pairs.resize(n, Vec::new());
            self.pairs.iter_mut().for_each(Vec::clear);
            self.legs.resize(w.slots.len(), 0);
        }
    }

    /// Factor of the weight when the present segment of site i takes the other value, 0 where a
    /// partner is in the way.
    #[inline(always)]
    fn factor(&self, v: &Vertices, w: &Worldlines, i: usize, from: u32) -> f64 {
        let excited = self.busy[i] == EXCITED;
        // The latest of all partners costs less than a loop whose end cannot be guessed.
        let busy = |&j: &u32| self.busy[j as usize];
        if !excited && v.partners.of(i).iter().map(busy).fold(0, u32::max) > from {
            return 0.0;
        }
        let mut factor = match (self.fields[i], v.field_factor[i][usize::from(excited)]) {
            (0, _) => 1.0,
            (_, 0.0) => return 0.0,
            (k, factor) => factor.powi(k as i32),
        };
        if !v.pair_sites.is_empty() {
            for &p in &self.pairs[i] {
                let b = (w.slots[p as usize] >> 2) as usize;
                let legs = self.legs[p as usize];
                let turned = legs ^ leg(v, b, i);
                factor *= v.pair[b][turned as usize] / v.pair[b][legs as usize];
            }
        }
        factor
    }

    fn turn_pairs(&mut self, v: &Vertices, w: &Worldlines, i: usize) {
        if !v.pair_sites.is_empty() {
            for &p in &self.pairs[i] {
                let b = (w.slots[p as usize] >> 2) as usize;
                self.legs[p as usize] ^= leg(v, b, i);
            }
        }
    }

    /// Tries the segment of site i that ends at time t; returns whether it was flipped.
    #[inline(always)]
    fn try_segment<C: Chance>(
        &mut self,
        v: &Vertices,
        w: &mut Worldlines,
        i: usize,
        t: u32,
        chance: &mut C,
    ) -> bool {
        if !chance.consider() {
            return false;
        }
        self.tried += 1;
        let from = self.event[i];
        let factor = self.factor(v, w, i, from);
        if factor == 0.0 || !chance.accept(heat_bath(factor)) {
            return false;
        }
        self.accepted += 1;
        self.turn_pairs(v, w, i);
        let m = w.slots.len() as u32;
        let (a, b) = ((from - 1) % m, (t - 1) % m);
        // A single event on the line: the whole line flips and the event stays what it is.
        if a != b {
            w.slots[a as usize] ^= 1;
            w.slots[b as usize] ^= 1;
        }
        self.busy[i] = if self.busy[i] == EXCITED {
            self.before[i]
        } else {
            EXCITED
        };
        true
    }

    /// Starts the next segment of site i after the event at time t.
    #[inline(always)]
    fn next_segment(&mut self, v: &Vertices, i: usize, t: u32, flips: bool) {
        let excited = self.busy[i] == EXCITED;
        if excited {
            self.before[i] = t;
        }
        self.busy[i] = if excited == flips {
            self.before[i]
        } else {
            EXCITED
        };
        self.event[i] = t;
        self.fields[i] = 0;
        if !v.pair_sites.is_empty() {
            self.pairs[i].clear();
        }
    }
}

/// Acceptance of a change of weight by `factor` between two states that are each other's only
/// alternative.
#[expect(clippy::float_cmp, reason = "the common case, without a division")]
#[inline(always)]
pub(crate) fn heat_bath(factor: f64) -> f64 {
    if factor == 1.0 {
        0.5
    } else if factor.is_infinite() {
        1.0
    } else {
        factor / (1.0 + factor)
    }
}

#[inline(always)]
fn leg(v: &Vertices, b: usize, i: usize) -> u8 {
    if v.pair_sites[b][0] as usize == i {
        1
    } else {
        2
    }
}

/// Tries to flip every segment between consecutive constants or flips of a site, then every line
/// without any.
///
/// Both ends of a segment change between C and O. Segments are tried in the order in which they
/// end, while a second lap closes those around the origin. The slots of C and O do not change, so
/// the order is fixed and each step obeys detailed balance. A segment becomes a rod only where no
/// partner is excited at any time of it: one comparison for each partner, with the time at which
/// its last rod ended.
pub(crate) fn segment_flips<C: Chance>(
    v: &Vertices,
    w: &mut Worldlines,
    lines: &mut Lines,
    chance: &mut C,
) {
    lines.reset(v, w);
    let m = w.slots.len();
    let mut open = 0;
    for p in 0..m {
        let op = w.slots[p];
        let i = (op >> 2) as usize;
        let t = p as u32 + 1;
        if op & 2 == 0 {
            if lines.event[i] == 0 {
                open += 1;
            } else {
                lines.try_segment(v, w, i, t, chance);
            }
            let flips = w.slots[p] & 1 == 1;
            lines.next_segment(v, i, t, flips);
        } else if !v.pair_sites.is_empty() && op & 3 == PAIR && op != EMPTY {
            let [a, b] = v.pair_sites[i].map(|s| s as usize);
            let value = |s: usize| u8::from(lines.busy[s] == EXCITED);
            lines.legs[p] = value(a) | value(b) << 1;
            lines.pairs[a].push(p as u32);
            lines.pairs[b].push(p as u32);
        } else {
            // Fields count, and so do empty slots in a place of their own: no branch to guess.
            lines.fields[i.min(v.n_sites)] += 1;
        }
    }
    let mut end = m as u32;
    let mut p = 0;
    while open > 0 {
        let op = w.slots[p];
        let i = (op >> 2) as usize;
        let t = (m + p) as u32 + 1;
        match op & 3 {
            FIELD => {
                if lines.event[i] > 0 {
                    lines.fields[i] += 1;
                }
            }
            PAIR => {
                if op != EMPTY {
                    for s in v.pair_sites[i] {
                        let s = s as usize;
                        if lines.event[s] > 0 && !lines.closed[s] {
                            lines.pairs[s].push(p as u32);
                        }
                    }
                }
            }
            _ => {
                if !lines.closed[i] {
                    lines.closed[i] = true;
                    open -= 1;
                    if lines.try_segment(v, w, i, t, chance) {
                        w.start[i] ^= 1;
                    }
                }
                let flips = w.slots[p] & 1 == 1;
                lines.next_segment(v, i, t, flips);
            }
        }
        end = t;
        p += 1;
    }
    for i in 0..v.n_sites {
        if lines.event[i] > 0 || !chance.consider() {
            continue;
        }
        lines.tried += 1;
        let factor = lines.factor(v, w, i, end - m as u32);
        if factor > 0.0 && chance.accept(heat_bath(factor)) {
            lines.accepted += 1;
            lines.turn_pairs(v, w, i);
            w.start[i] ^= 1;
            // A line without events is excited at all times or at none.
            lines.busy[i] = if w.start[i] == 1 { EXCITED } else { 0 };
        }
    }
}
