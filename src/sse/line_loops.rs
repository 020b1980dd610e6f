//! Line loops: whole world lines change places along an alternating loop.
//!
//! In a dimer cover every hop of a single excitation is blocked; covers differ by loops on which
//! excited and vacant sites alternate.

use crate::chance::Chance;
use crate::string::{EMPTY, FLIP, Vertices, Worldlines, operator};

/// Memory of the update. Lines are named by the site they had before it.
#[derive(Clone, Debug, Default)]
pub(crate) struct LineLoops {
    /// Lines of the flips, in the order of time.
    flips: Vec<u32>,
    /// Sites that are excited at the origin.
    excited: Vec<u32>,
    /// Site of each line, and line of each site.
    site: Vec<u32>,
    line: Vec<u32>,
    /// Pairs (excited, vacant) of the present loop.
    pairs: Vec<(u32, u32)>,
    is_visited: Vec<bool>,
    x: Vec<u8>,
    /// Loops turned, and starts.
    pub(crate) accepted: u64,
    pub(crate) tried: u64,
}

impl LineLoops {
    fn reset(&mut self, v: &Vertices, w: &Worldlines) {
        let n = v.n_sites as u32;
        self.flips.clear();
        let flips = w.slots.iter().filter(|&&op| op & 3 == FLIP);
        self.flips.extend(flips.map(|op| op >> 2));
        self.excited.clear();
        self.excited
            .extend((0..n).filter(|&i| w.start[i as usize] == 1));
        for list in [&mut self.site, &mut self.line] {
            list.clear();
            list.extend(0..n);
        }
        self.is_visited.clear();
        self.is_visited.resize(v.n_sites, false);
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
        let mut factor = 1.0;
        let mut a = first;
        loop {
            let near = v.partners.of(a as usize);
            if near.is_empty() {
                return None;
            }
            let b = near[chance.below(near.len())];
            if std::mem::replace(&mut self.is_visited[b as usize], true) {
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
            if std::mem::replace(&mut self.is_visited[next as usize], true) {
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

    /// Whether no two partners are excited together at any time.
    fn is_legal(&mut self, v: &Vertices, w: &Worldlines) -> bool {
        self.x.clone_from(&w.start);
        let x = &mut self.x;
        let is_free = |x: &[u8], i: usize| v.partners.of(i).iter().all(|&j| x[j as usize] == 0);
        let mut moved = self.pairs.iter().map(|p| p.1 as usize);
        if !moved.all(|b| is_free(x, b)) {
            return false;
        }
        for &line in &self.flips {
            let i = self.site[line as usize] as usize;
            if !is_free(x, i) {
                return false;
            }
            x[i] ^= 1;
        }
        true
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
        l.pairs.clear();
        l.is_visited.fill(false);
        l.is_visited[first as usize] = true;
        let factor = l.walk(v, w, first, chance);
        let equal = |&(a, b): &(u32, u32)| {
            let (a, b) = (a as usize, b as usize);
            v.flip[a] == v.flip[b] && v.field[a] == v.field[b]
        };
        let Some(factor) = factor.filter(|_| l.pairs.iter().all(equal)) else {
            continue;
        };
        l.turn(w);
        if l.is_legal(v, w) && chance.accept(factor) {
            l.accepted += 1;
            has_moved = true;
            for i in &mut l.excited {
                let to = l.pairs.iter().find(|p| p.0 == *i);
                *i = to.map_or(*i, |p| p.1);
            }
        } else {
            l.turn(w);
        }
    }
    if has_moved {
        for op in w.slots.iter_mut().filter(|op| **op != EMPTY) {
            *op = operator(*op & 3, l.site[(*op >> 2) as usize] as usize);
        }
    }
}
