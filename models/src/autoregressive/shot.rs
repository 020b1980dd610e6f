//! Shots with their uniform numbers, spread over buckets so that an edge is found by a short search.

use crate::Stream;
use rayon::prelude::*;
use std::ops::Range;

/// Shots above which fresh numbers are drawn on all threads.
const MANY_SHOTS: usize = 1 << 14;
/// Shots whose fresh numbers are drawn together.
const CHUNK: usize = 256;
/// Shots in a bucket: few enough to be searched at each edge, so many that the ends of all buckets stay in
/// the cache while a million shots are spread.
const BUCKET: usize = 64;

/// A shot on its way down the tree.
pub(super) trait Shot: Copy + Default + Send {
    /// Its uniform number in [0, 1).
    fn u(self) -> f64;

    /// Draws anew the uniform numbers, those used from `position` on.
    fn refresh(shots: &mut [Self], position: usize, stream: Stream);
}

/// A shot that knows its number, hence its later uniform numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbered {
    pub(super) number: u64,
    u: f64,
}

impl Numbered {
    /// The shots in the order of their buckets.
    pub(super) fn sorted(numbers: impl Iterator<Item = u64>, stream: Stream) -> Vec<Self> {
        let mut shots: Vec<Self> = numbers.map(|number| Self { number, u: 0.0 }).collect();
        Self::refresh(&mut shots, 0, stream);
        let whole = Interval::whole(shots.len());
        match whole.buckets > 1.0 {
            true => sorted(&shots, whole),
            false => shots,
        }
    }
}

impl Shot for Numbered {
    fn u(self) -> f64 {
        self.u
    }

    fn refresh(shots: &mut [Self], position: usize, stream: Stream) {
        let fresh = |shots: &mut [Self]| {
            let (mut numbers, mut u) = ([0; CHUNK], [0.0; CHUNK]);
            let (numbers, u) = (&mut numbers[..shots.len()], &mut u[..shots.len()]);
            for (number, shot) in numbers.iter_mut().zip(&*shots) {
                *number = shot.number;
            }
            stream.uniforms(numbers, position as u32, u);
            for (shot, u) in shots.iter_mut().zip(u) {
                shot.u = *u;
            }
        };
        if shots.len() > MANY_SHOTS {
            shots.par_chunks_mut(CHUNK).for_each(fresh);
        } else {
            shots.chunks_mut(CHUNK).for_each(fresh);
        }
    }
}

/// A shot of which only the configuration will be asked, where one uniform number lasts to the end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted(f64);

impl Counted {
    /// The shots in the order of their buckets. Their numbers are drawn twice, to be counted and to be
    /// placed: that costs less than a second array of them.
    pub(super) fn sorted(numbers: Range<u64>, stream: Stream) -> Vec<Self> {
        let total = numbers.end.saturating_sub(numbers.start) as usize;
        spread(total, Interval::whole(total), |each| {
            for first in numbers.clone().step_by(CHUNK) {
                let own: [u64; CHUNK] = std::array::from_fn(|j| first.wrapping_add(j as u64));
                let (mut u, len) = ([0.0; CHUNK], CHUNK.min((numbers.end - first) as usize));
                stream.uniforms(&own[..len], 0, &mut u[..len]);
                each(&u.map(Self)[..len]);
            }
        })
    }
}

impl Shot for Counted {
    fn u(self) -> f64 {
        self.0
    }

    fn refresh(_: &mut [Self], position: usize, _: Stream) {
        unreachable!("one number lasts to the end, not to {position}");
    }
}

/// The part of [0, 1) that belongs to a prefix.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval {
    pub(super) low: f64,
    pub(super) width: f64,
    /// Number of buckets in [0, 1): the shots stand in the order of theirs.
    pub(super) buckets: f64,
}

impl Interval {
    /// [0, 1) with the buckets of so many shots.
    pub(super) fn whole(shots: usize) -> Self {
        Self {
            low: 0.0,
            width: 1.0,
            buckets: (shots / BUCKET).max(1) as f64,
        }
    }

    fn bucket(&self, u: f64) -> usize {
        (u * self.buckets) as usize
    }

    /// Moves the shots below `edge` to the front and counts them. The shots are those from u = `from` to
    /// the end of the interval.
    pub(super) fn split<S: Shot>(&self, shots: &mut [S], from: f64, edge: f64) -> usize {
        let bucket = self.bucket(edge);
        // Uniform numbers lie near their mean places: hardly a search leaves the cache.
        let left = self.low + self.width - from;
        let guess = (shots.len() as f64 * (edge - from) / left) as usize;
        let first = partition_near(shots, guess, |shot| self.bucket(shot.u()) < bucket);
        let same = partition_near(&shots[first..], BUCKET, |shot| {
            self.bucket(shot.u()) == bucket
        });
        let mut below = first;
        for i in first..first + same {
            // Those from `below` on are not below the edge, so that a swap never does harm.
            let is_below = shots[i].u() < edge;
            shots.swap(i, below);
            below += usize::from(is_below);
        }
        below
    }
}

/// The number of shots before which `is_before` holds, as `partition_point`, found in steps that grow
/// from a guess.
fn partition_near<S>(shots: &[S], guess: usize, is_before: impl Fn(&S) -> bool) -> usize {
    let mut low = guess.min(shots.len());
    let (mut high, mut step) = (low, 8);
    while low > 0 && !is_before(&shots[low - 1]) {
        high = low - 1;
        low = low.saturating_sub(step);
        step *= 2;
    }
    while high < shots.len() && is_before(&shots[high]) {
        low = high + 1;
        high = (high + step).min(shots.len());
        step *= 2;
    }
    low + shots[low..high].partition_point(is_before)
}

/// The shots in the order of their buckets.
pub(super) fn sorted<S: Shot>(shots: &[S], whole: Interval) -> Vec<S> {
    spread(shots.len(), whole, |each| each(shots))
}

/// A counting sort of shots by bucket; `parts` hands them over in pieces, the same ones twice.
fn spread<S: Shot>(len: usize, whole: Interval, parts: impl Fn(&mut dyn FnMut(&[S]))) -> Vec<S> {
    let mut next = vec![0_usize; whole.buckets as usize + 1];
    parts(&mut |shots| {
        for shot in shots {
            next[whole.bucket(shot.u()) + 1] += 1;
        }
    });
    for i in 1..next.len() {
        next[i] += next[i - 1];
    }
    let mut out = vec![S::default(); len];
    parts(&mut |shots| {
        for shot in shots {
            let to = &mut next[whole.bucket(shot.u())];
            out[*to] = *shot;
            *to += 1;
        }
    });
    out
}
