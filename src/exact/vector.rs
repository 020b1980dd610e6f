//! Vector operations whose sums run in a fixed order, whatever the number of threads.
//!
//! Vectors are cut into blocks of [`BLOCK`]; each block is summed by one thread, and the sums of
//! the blocks are added in order.

use crate::hamiltonians::Scalar;
use rayon::prelude::*;

pub(super) const BLOCK: usize = 4096;

/// Independent partial sums of a block, so that the processor can overlap and vectorise them.
const LANES: usize = 8;

/// $a v$ for an element that is no wider than the vector's.
#[inline]
pub(super) fn times<T: Scalar, V: Scalar + From<T>>(a: T, v: V) -> V {
    if T::COMPONENTS == 1 {
        v.scale(a.re())
    } else {
        V::from(a) * v
    }
}

/// $\sum_i \bar a_i b_i$.
pub(super) fn dot<T: Scalar>(a: &[T], b: &[T]) -> T {
    sum_blocks(a.len(), |range| block_dot(&a[range.clone()], &b[range]))
}

pub(super) fn norm<T: Scalar>(a: &[T]) -> f64 {
    dot(a, a).re().sqrt()
}

/// Adds the values of all blocks in order.
pub(super) fn sum_blocks<T: Scalar>(
    len: usize,
    f: impl Fn(std::ops::Range<usize>) -> T + Send + Sync,
) -> T {
    let range = |b: usize| b * BLOCK..len.min((b + 1) * BLOCK);
    let parts: Vec<T> = (0..len.div_ceil(BLOCK))
        .into_par_iter()
        .map(|b| f(range(b)))
        .collect();
    parts.into_iter().sum()
}

fn block_dot<T: Scalar>(a: &[T], b: &[T]) -> T {
    let mut lanes = [T::ZERO; LANES];
    let (a8, b8) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: T = a8
        .remainder()
        .iter()
        .zip(b8.remainder())
        .map(|(x, y)| x.conj() * *y)
        .sum();
    for (x, y) in a8.zip(b8) {
        for l in 0..LANES {
            lanes[l] += x[l].conj() * y[l];
        }
    }
    lanes.into_iter().sum::<T>() + rest
}

/// $y \leftarrow y + a x$.
pub(super) fn axpy<T: Scalar>(a: T, x: &[T], y: &mut [T]) {
    y.par_chunks_mut(BLOCK)
        .zip(x.par_chunks(BLOCK))
        .for_each(|(y, x)| {
            for (y, x) in y.iter_mut().zip(x) {
                *y += a * *x;
            }
        });
}

pub(super) fn scale<T: Scalar>(y: &mut [T], by: f64) {
    y.par_chunks_mut(BLOCK)
        .for_each(|y| y.iter_mut().for_each(|v| *v = v.scale(by)));
}

/// Removes from `w` its components along orthonormal vectors; returns them.
pub(super) fn project_out<T: Scalar>(vectors: &[Vec<T>], w: &mut [T]) -> Vec<T> {
    let parts: Vec<Vec<T>> = w
        .par_chunks(BLOCK)
        .enumerate()
        .map(|(b, w)| {
            let part = |v: &Vec<T>| block_dot(&v[b * BLOCK..b * BLOCK + w.len()], w);
            vectors.iter().map(part).collect()
        })
        .collect();
    let mut components = vec![T::ZERO; vectors.len()];
    for part in parts {
        components.iter_mut().zip(part).for_each(|(c, p)| *c += p);
    }
    let minus: Vec<T> = components.iter().map(|&c| -c).collect();
    add_combination(vectors, &minus, w);
    components
}

/// $w \leftarrow w + \sum_i c_i v_i$.
pub(super) fn add_combination<T: Scalar>(vectors: &[Vec<T>], c: &[T], w: &mut [T]) {
    w.par_chunks_mut(BLOCK).enumerate().for_each(|(b, w)| {
        for (v, &c) in vectors.iter().zip(c) {
            let v = &v[b * BLOCK..b * BLOCK + w.len()];
            for (w, v) in w.iter_mut().zip(v) {
                *w += c * *v;
            }
        }
    });
}

/// Replaces the first vectors by combinations of all: $v_i \leftarrow \sum_j c_{ij} v_j$.
pub(super) fn recombine<T: Scalar>(vectors: &mut [Vec<T>], c: &[Vec<T>]) {
    // A tile of all vectors together stays in the second-level cache.
    const TILE: usize = 512;
    let len = vectors[0].len();
    let mut tiles: Vec<Vec<&mut [T]>> = (0..len.div_ceil(TILE)).map(|_| Vec::new()).collect();
    for v in vectors {
        tiles
            .iter_mut()
            .zip(v.chunks_mut(TILE))
            .for_each(|(tile, part)| tile.push(part));
    }
    tiles.par_iter_mut().for_each(|tile| {
        let width = tile[0].len();
        let mut new = vec![T::ZERO; c.len() * width];
        for (new, c) in new.chunks_exact_mut(width).zip(c) {
            for (v, &c) in tile.iter().zip(c) {
                for (new, v) in new.iter_mut().zip(v.iter()) {
                    *new += c * *v;
                }
            }
        }
        for (v, new) in tile.iter_mut().zip(new.chunks_exact(width)) {
            v.copy_from_slice(new);
        }
    });
}

/// A normalised start vector, fixed by its seed: numbers in (-1/2, 1/2), one hash for each.
pub(super) fn random_unit<T: Scalar>(len: usize, seed: u64) -> Vec<T> {
    let number = |i: u64| {
        // SplitMix64: G. L. Steele, D. Lea, C. H. Flood, OOPSLA 2014.
        let mut z = (seed << 32 ^ i).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    };
    let mut v: Vec<T> = (0..len as u64)
        .into_par_iter()
        .map(|i| T::from_parts(number(2 * i), number(2 * i + 1)))
        .collect();
    let length = norm(&v);
    scale(&mut v, 1.0 / length);
    v
}
