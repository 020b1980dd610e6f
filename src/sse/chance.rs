//! Where updates get their random decisions, so that tests can enumerate them all.

use crate::alias::Alias;
use ketwork_models::Stream;
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

/// Random decisions with known probabilities.
pub(crate) trait Chance {
    /// True with probability min(1, p).
    fn accept(&mut self, p: f64) -> bool;
    /// A number below `n`, all equally likely.
    fn below(&mut self, n: usize) -> usize;
    /// An item of the table, with its weight.
    fn item(&mut self, table: &Alias) -> u32;
    /// True with probability `empty` / (`empty` + `weight`).
    fn is_empty(&mut self, weight: f64, empty: usize) -> bool;
    /// A place in a list of cumulative probabilities.
    fn pick(&mut self, cumulative: &[f64; 4]) -> usize;
    /// Whether to try the next elementary move; always true outside tests.
    #[inline(always)]
    fn consider(&mut self) -> bool {
        true
    }
}

/// A sequential generator, xoshiro256++, seeded from a stream.
///
/// # References
/// D. Blackman, S. Vigna, ACM Trans. Math. Softw. 47, 36 (2021).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Dice {
    state: [u64; 4],
}

const UNIT: f64 = 1.0 / (1u64 << 53) as f64;

impl Dice {
    pub(crate) fn new(stream: Stream) -> Self {
        let mut seed = stream.named("dice").sequential();
        Self {
            // All zeros, the one forbidden state, has probability 2^-256.
            state: std::array::from_fn(|_| seed.next_u64()),
        }
    }

    #[inline(always)]
    fn bits(&mut self) -> u64 {
        let s = &mut self.state;
        let out = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        out
    }

    #[inline(always)]
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * UNIT
    }
}

impl Chance for Dice {
    #[inline(always)]
    fn accept(&mut self, p: f64) -> bool {
        p >= 1.0 || self.uniform() < p
    }

    #[inline(always)]
    fn below(&mut self, n: usize) -> usize {
        // Bias below n / 2^32, far under any statistical error.
        (((self.bits() >> 32) * n as u64) >> 32) as usize
    }

    #[inline(always)]
    fn item(&mut self, table: &Alias) -> u32 {
        table.at(self.bits())
    }

    #[inline(always)]
    fn is_empty(&mut self, weight: f64, empty: usize) -> bool {
        // u (weight + empty) < empty, solved for `empty`, so that all but one comparison can be done
        // before it is known. It is a whole number: rounding down changes nothing.
        let u = self.uniform();
        ((u * weight / (1.0 - u)) as u32 as usize) < empty
    }

    #[inline(always)]
    fn pick(&mut self, cumulative: &[f64; 4]) -> usize {
        let u = self.uniform();
        (0..3).filter(|&k| cumulative[k] <= u).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_gives_the_published_numbers() {
        let mut dice = Dice {
            state: [1, 2, 3, 4],
        };
        let known = [
            41_943_041,
            58_720_359,
            3_588_806_011_781_223,
            3_591_011_842_654_386,
            9_228_616_714_210_784_205,
            9_973_669_472_204_895_162,
        ];
        for k in known {
            assert_eq!(dice.bits(), k);
        }
    }
}
