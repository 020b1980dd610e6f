//! The diagonal update: every slot without a flip gets a fresh operator.

use crate::chance::Chance;
use crate::string::{EMPTY, FLIP, PAIR, Vertices, Worldlines};

/// What one pass over the string sees.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Number of flips.
    pub(crate) n_flips: usize,
    /// Sum over slots of the number of excited sites.
    pub(crate) excited: u64,
    /// Sum over slots of its square.
    pub(crate) excited_squared: u64,
    /// For each site the number of slots at which it is excited.
    pub(crate) occupied: Vec<u64>,
    rise: Vec<u32>,
    /// Fresh operators that were accepted.
    pub(crate) accepted: u64,
    /// Slots without a flip.
    pub(crate) tried: u64,
}

impl Seen {
    /// Starts to follow the excitations of N sites from slot 0.
    pub(crate) fn begin(&mut self, n_sites: usize) {
        self.occupied.clear();
        self.occupied.resize(n_sites, 0);
        self.rise.clear();
        self.rise.resize(n_sites, 0);
    }

    /// A site changes its value at slot p.
    #[inline(always)]
    pub(crate) fn turn(&mut self, site: usize, p: usize, up: bool) {
        if up {
            self.rise[site] = p as u32;
        } else {
            self.occupied[site] += p as u64 - u64::from(self.rise[site]);
        }
    }

    /// The string of m slots ends with configuration x.
    pub(crate) fn end(&mut self, x: &[u8], m: usize) {
        for (i, _) in x.iter().enumerate().filter(|(_, n)| **n == 1) {
            self.occupied[i] += m as u64 - u64::from(self.rise[i]);
        }
    }
}

/// Redraws every slot without a flip, and looks at the configurations on the way.
///
/// A slot is empty with weight M - n', n' operators elsewhere, and holds a diagonal operator of
/// weight w with $\beta w$. An independent proposal takes the largest weights, so the choice of an
/// operator costs O(1) for any number of terms, and is accepted with
/// $\min(1, r_\text{new} / r_\text{old})$, r = weight over largest weight, r = 1 for an empty slot.
/// Where nothing is ever refused this is a heat bath: the slot forgets its old operator.
///
/// `slices` times, equally spaced, the configuration is handed to `look`.
pub(crate) fn diagonal_update<C: Chance>(
    v: &Vertices,
    w: &mut Worldlines,
    x: &mut Vec<u8>,
    chance: &mut C,
    seen: &mut Seen,
    slices: usize,
    mut look: impl FnMut(&[u8]),
) {
    x.clone_from(&w.start);
    let m = w.slots.len();
    seen.begin(v.n_sites);
    let mut now: u64 = x.iter().map(|&n| u64::from(n)).sum();
    let (mut sum, mut squares, mut since) = (0, 0, 0);
    let (mut n, mut n_flips, mut accepted) = (w.n_operators, 0, 0);
    let weight = v.beta * v.table.total();
    for slice in 0..slices.max(1) {
        let range = m * slice / slices.max(1)..m * (slice + 1) / slices.max(1);
        if slices > 0 {
            look(x);
        }
        for p in range {
            let old = w.slots[p];
            if old & 3 == FLIP {
                let i = (old >> 2) as usize;
                n_flips += 1;
                let lasted = (p - since) as u64;
                sum += now * lasted;
                squares += now * now * lasted;
                since = p;
                let up = x[i] == 0;
                seen.turn(i, p, up);
                x[i] ^= 1;
                now = if up { now + 1 } else { now - 1 };
                continue;
            }
            if !chance.consider() {
                continue;
            }
            let others = n - usize::from(old != EMPTY);
            let item = chance.item(&v.table);
            let is_empty = chance.is_empty(weight, m - others);
            // The share of the item is looked up while the number of operators is not yet known.
            let item_share = share(v, x, item);
            let new_share = if is_empty { 1.0 } else { item_share };
            let old_share = if v.is_sharp { 1.0 } else { share(v, x, old) };
            // Shares are mostly 0 or 1, which needs no second number, and no branch.
            let open = new_share > 0.0 && new_share < old_share;
            let ok = if open {
                chance.accept(new_share / old_share)
            } else {
                new_share >= old_share
            };
            let new = if is_empty { EMPTY } else { item };
            let kept = if ok { new } else { old };
            w.slots[p] = kept;
            n = others + usize::from(kept != EMPTY);
            accepted += u64::from(ok);
        }
    }
    debug_assert_eq!(*x, w.start, "world lines close");
    let lasted = (m - since) as u64;
    seen.excited = sum + now * lasted;
    seen.excited_squared = squares + now * now * lasted;
    seen.end(x, m);
    seen.n_flips = n_flips;
    seen.accepted += accepted;
    seen.tried += (m - n_flips) as u64;
    w.n_operators = n;
}

/// Weight of a diagonal operator over its largest.
#[inline(always)]
fn share(v: &Vertices, x: &[u8], op: u32) -> f64 {
    if !v.pair_sites.is_empty() && op & 3 == PAIR && op != EMPTY {
        let i = (op >> 2) as usize;
        let [a, b] = v.pair_sites[i];
        return v.pair_share[i][(x[a as usize] | x[b as usize] << 1) as usize];
    }
    // Constants, fields and empty slots share a table with a row for the empty ones at the end, so
    // that none of the three has to be guessed.
    let i = ((op >> 2) as usize).min(v.n_sites);
    let site = i.min(v.n_sites - 1);
    v.site_share[i][(op & 2) as usize | usize::from(x[site])]
}
