//! Line loops: whole world lines change places along an alternating loop.
//!
//! In a dimer cover every hop of a single excitation is blocked; covers differ by loops on which
//! excited and vacant sites alternate.

use crate::chance::Chance;
use crate::string::{EMPTY, FLIP, Vertices, Worldlines, operator};

/// Memory of the update. Lines are named by the site they had before it.
#[derive(Clone, Debug, Default)]
pub(crate) struct LineLoops {
    /// Slots of the flips and their sites, in the order of time.
    in_time: Vec<(u32, u32)>,
    /// Slots of the flips line by line, and where each line begins.
    flips: Vec<u32>,
    begin: Vec<u32>,
    /// Sites that are excited at the origin, and the place of each of them in this list.
    excited: Vec<u32>,
    place: Vec<u32>,
    /// Site of each line, and line of each site.
    site: Vec<u32>,
    line: Vec<u32>,
    /// Pairs (excited, vacant) of the present loop.
    pairs: Vec<(u32, u32)>,
    /// Number of the last walk on each site, and of the present one.
    visited_by: Vec<u32>,
    n_walks: u32,
    /// Loops turned, and starts.
    pub(crate) accepted: u64,
    pub(crate) tried: u64,
}

impl LineLoops {
    fn reset(&mut self, v: &Vertices, w: &Worldlines) {
        let n = v.n_sites;
        self.excited.clear();
        let excited = (0..n as u32).filter(|&i| w.start[i as usize] == 1);
        self.excited.extend(excited);
        self.place.resize(n, 0);
        for (k, &i) in (0..).zip(&self.excited) {
            self.place[i as usize] = k;
        }
        for list in [&mut self.site, &mut self.line] {
            list.clear();
            list.extend(0..n as u32);
        }
        self.visited_by.clear();
        self.visited_by.resize(n, 0);
        self.n_walks = 0;
        self.in_time.clear();
        let flips = (0..).zip(&w.slots).filter(|(_, op)| **op & 3 == FLIP);
        self.in_time.extend(flips.map(|(p, op)| (p, op >> 2)));
        self.begin.clear();
        self.begin.resize(n + 1, 0);
        for &(_, i) in &self.in_time {
            self.begin[i as usize] += 1;
        }
        let mut end = 0;
        for count in &mut self.begin {
            end += *count;
            *count = end;
        }
        // Filled from behind, each entry moves from the end of its line to the beginning.
        self.flips.resize(self.in_time.len(), 0);
        for &(p, i) in self.in_time.iter().rev() {
            let at = &mut self.begin[i as usize];
            *at -= 1;
            self.flips[*at as usize] = p;
        }
    }

    /// Slots of the flips of the line that is on a site now.
    fn flips_on(&self, site: u32) -> &[u32] {
        let line = self.line[site as usize] as usize;
        &self.flips[self.begin[line] as usize..self.begin[line + 1] as usize]
    }

    /// Whether the present walk comes to a site for the first time.
    fn is_new(&mut self, site: u32) -> bool {
        std::mem::replace(&mut self.visited_by[site as usize], self.n_walks) != self.n_walks
    }

    /// Walks from an excited site: to a random partner b, on to the other excited partner of b, and
    /// so on until it comes back to the first site. Returns the number of choices there over that of
    /// the reverse walk, or `None` where the walk ends elsewhere.
    fn walk<C: Chance>(
        &mut self,
        v: &Vertices,
        w: &Worldlines,
        first: u32,
        chance: &mut C,
    ) -> Option<f64> {
        self.n_walks += 1;
        self.pairs.clear();
        self.is_new(first);
        let mut factor = 1.0;
        let mut a = first;
        loop {
            let near = v.partners.of(a as usize);
            if near.is_empty() {
                return None;
            }
            let b = near[chance.below(near.len())];
            if !self.is_new(b) {
                return None;
            }
            self.pairs.push((a, b));
            let back = v.partners.of(b as usize);
            factor *= near.len() as f64 / back.len() as f64;
            let excited = |j: &&u32| w.start[**j as usize] == 1;
            let mut others = back.iter().filter(excited).filter(|&&j| j != a);
            let next = match (others.next(), others.next()) {
                (Some(&next), None) => next,
                // A single excitation that moves to a free site.
                (None, None) if a == first => return Some(factor),
                _ => return None,
            };
            if next == first {
                return Some(factor);
            }
            if !self.is_new(next) {
                return None;
            }
            a = next;
        }
    }

    /// Exchanges the lines of each pair; twice is nothing.
    fn turn(&mut self, w: &mut Worldlines) {
        for &(a, b) in &self.pairs {
            let (a, b) = (a as usize, b as usize);
            self.line.swap(a, b);
            self.site[self.line[a] as usize] = a as u32;
            self.site[self.line[b] as usize] = b as u32;
            w.start.swap(a, b);
        }
    }

    /// Whether no line that has moved is excited together with one of a partner at any time. Only
    /// the flips of these lines are looked at.
    fn is_legal(&self, v: &Vertices, start: &[u8]) -> bool {
        let mut moved = self.pairs.iter().flat_map(|&(a, b)| [a, b]);
        moved.all(|i| {
            let mut near = v.partners.of(i as usize).iter();
            near.all(|&j| self.are_apart(start, i, j))
        })
    }

    /// Whether the lines on two sites are never excited together.
    fn are_apart(&self, start: &[u8], i: u32, j: u32) -> bool {
        let (mut x, mut y) = (start[i as usize], start[j as usize]);
        let (mut on_x, mut on_y) = (self.flips_on(i), self.flips_on(j));
        while x & y == 0 {
            match (on_x, on_y) {
                // The other one changes once more, and is vacant if this one is excited to the end.
                ([], rest) => return x == 0 || rest.is_empty(),
                (rest, []) => return y == 0 || rest.is_empty(),
                ([p, after @ ..], [q, ..]) if p < q => (x, on_x) = (x ^ 1, after),
                (_, [_, after @ ..]) => (y, on_y) = (y ^ 1, after),
            }
        }
        false
    }
}

/// As many loops as there are excitations at the origin, each from a random one of them.
///
/// A loop $a_1 b_1 a_2 b_2 \dots$ of excited sites a and vacant partners b, where the only excited
/// partners of $b_k$ are $a_k$ and $a_{k+1}$, exchanges the world lines of $a_k$ and $b_k$ with all
/// their operators, so the weight stays where both sites have the same terms. Afterwards the only
/// excited partners of $a_k$ are $b_k$ and $b_{k-1}$: the reverse loop runs the other way round from
/// as many starts, and its choices are those among the partners of the $b_k$. What touches another
/// excitation at any time is refused, so are models with pair operators.
#[expect(
    clippy::float_cmp,
    reason = "lines may change places between equal sites"
)]
pub(crate) fn line_loops<C: Chance>(
    v: &Vertices,
    w: &mut Worldlines,
    l: &mut LineLoops,
    chance: &mut C,
) {
    if !v.pair_sites.is_empty() {
        return;
    }
    l.reset(v, w);
    let mut has_moved = false;
    for _ in 0..l.excited.len() {
        if !chance.consider() {
            continue;
        }
        l.tried += 1;
        let first = l.excited[chance.below(l.excited.len())];
        let factor = l.walk(v, w, first, chance);
        let equal = |&(a, b): &(u32, u32)| {
            let (a, b) = (a as usize, b as usize);
            v.flip[a] == v.flip[b] && v.field[a] == v.field[b]
        };
        let Some(factor) = factor.filter(|_| l.pairs.iter().all(equal)) else {
            continue;
        };
        l.turn(w);
        if l.is_legal(v, &w.start) && chance.accept(factor) {
            l.accepted += 1;
            has_moved = true;
            for &(a, b) in &l.pairs {
                let place = l.place[a as usize];
                l.excited[place as usize] = b;
                l.place[b as usize] = place;
            }
        } else {
            l.turn(w);
        }
    }
    if has_moved {
        // Empty slots stay what they are by a row of their own: no branch to guess.
        l.site.push(EMPTY >> 2);
        for op in &mut w.slots {
            let line = ((*op >> 2) as usize).min(v.n_sites);
            *op = operator(*op & 3, l.site[line] as usize);
        }
    }
}
