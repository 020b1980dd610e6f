//! Sums over samples with one fixed tree.
//!
//! Floating-point addition is not associative: a sum whose order follows the threads changes its
//! last bits from run to run. Here the tree depends on the number of blocks only.
//!
//! Law: the result is bit-identical for any number of threads.

use ketwork_hamiltonians::Scalar;

/// Terms of a block that [`sum_over`] adds one after another.
const LEAF: usize = 64;

/// Combines `n_blocks` blocks with a fixed binary tree; `None` without a block.
///
/// Blocks 0, 1, 2, ... have a fixed numbering that does not know of threads; each is computed by
/// one thread, the tree joins neighbours: the first half holds the largest power of two below the
/// number of blocks. Few, expensive blocks (a forward pass each) are what this is for.
///
/// `join` may reuse its first argument, so a block may be a vector that the tree adds up in place.
pub fn reduce<T: Send>(
    n_blocks: usize,
    block: impl Fn(usize) -> T + Sync,
    join: impl Fn(T, T) -> T + Sync,
) -> Option<T> {
    fn tree<T: Send>(
        first: usize,
        n: usize,
        block: &(impl Fn(usize) -> T + Sync),
        join: &(impl Fn(T, T) -> T + Sync),
    ) -> T {
        if n == 1 {
            return block(first);
        }
        let half = split(n);
        let (a, b) = rayon::join(
            || tree(first, half, block, join),
            || tree(first + half, n - half, block, join),
        );
        join(a, b)
    }
    (n_blocks > 0).then(|| tree(0, n_blocks, &block, &join))
}

/// Sums `term(i)` over i = 0 .. n with the same kind of tree, on the calling thread.
///
/// For cheap terms (weights times values); the rounding error grows as ln n, not as n.
pub fn sum_over<T: Scalar>(n: usize, term: impl Fn(usize) -> T) -> T {
    fn tree<T: Scalar>(first: usize, n: usize, term: &impl Fn(usize) -> T) -> T {
        if n <= LEAF {
            return (first..first + n).map(term).sum();
        }
        let half = LEAF * split(n.div_ceil(LEAF));
        tree(first, half, term) + tree(first + half, n - half, term)
    }
    tree(0, n, &term)
}

/// Sum of a slice by [`sum_over`].
#[must_use]
pub fn sum<T: Scalar>(x: &[T]) -> T {
    sum_over(x.len(), |i| x[i])
}

/// Largest power of two below n >= 2.
fn split(n: usize) -> usize {
    1 << (n - 1).ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ketwork_models::Stream;

    fn numbers(n: usize) -> Vec<f64> {
        // Magnitudes over sixteen decades, so that any other order changes the last bits.
        let s = Stream::new(3);
        (0..n as u64)
            .map(|i| (s.uniform(i, 0) - 0.5) * (37.0 * s.uniform(i, 1)).exp())
            .collect()
    }

    #[test]
    fn a_reduction_has_the_same_bits_for_any_number_of_threads() {
        let x = numbers(5000);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| reduce(113, |b| sum(&x[b * 44..(b + 1) * 44]), |a, b| a + b))
                .unwrap()
        };
        let one = run(1);
        for threads in [2, 3, 8] {
            assert_eq!(one.to_bits(), run(threads).to_bits());
        }
        let in_order: f64 = x[..113 * 44].iter().sum();
        assert_ne!(
            one.to_bits(),
            in_order.to_bits(),
            "the numbers do not tell orders apart"
        );
    }

    #[test]
    fn the_tree_visits_every_block_once_and_in_order() {
        for n in 1..70 {
            let joined = reduce(
                n,
                |b| vec![b],
                |mut a, b| {
                    a.extend(b);
                    a
                },
            );
            assert_eq!(joined, Some((0..n).collect()));
        }
        assert_eq!(reduce(0, |b| b, |a, _| a), None);
        assert_eq!(sum_over(1000, |i| i as f64).to_bits(), 499_500f64.to_bits());
        assert!(sum::<f64>(&[]).abs() < f64::MIN_POSITIVE);
    }

    #[test]
    fn a_million_tenths_keep_fourteen_digits() {
        // Adding in order is off by 1e-8 relative 1e-11; the tree by about ln(n) rounding errors.
        let total = sum_over(1_000_000, |_| 0.1);
        assert!((total - 1e5).abs() < 1e-9, "{total}");
    }
}
