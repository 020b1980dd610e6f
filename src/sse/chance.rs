//! Where updates get their random decisions, so that tests can enumerate them all.

use crate::alias::Alias;
use crate::string::EMPTY;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// Random decisions with known probabilities.
pub(crate) trait Chance {
    /// True with probability min(1, p).
    fn accept(&mut self, p: f64) -> bool;
    /// A number below `n`, all equally likely.
    fn below(&mut self, n: usize) -> usize;
    /// [`EMPTY`] with weight `empty`, or an item of the table with its weight times `beta`.
    fn item(&mut self, table: &Alias, beta: f64, empty: f64) -> u32;
    /// A place in a list of cumulative probabilities.
    fn pick(&mut self, cumulative: &[f64; 4]) -> usize;
    /// Whether to try the next elementary move; always true outside tests.
    #[inline(always)]
    fn consider(&mut self) -> bool {
        true
    }
}

/// A sequential generator whose position can be saved.
#[derive(Clone, Debug)]
pub(crate) struct Dice {
    rng: ChaCha8Rng,
}

const UNIT: f64 = 1.0 / (1u64 << 53) as f64;

impl Dice {
    pub(crate) fn new(rng: ChaCha8Rng) -> Self {
        Self { rng }
    }

    #[inline(always)]
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.rng.next_u64() >> 11) as f64 * UNIT
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
        ((u64::from(self.rng.next_u32()) * n as u64) >> 32) as usize
    }

    #[inline(always)]
    fn item(&mut self, table: &Alias, beta: f64, empty: f64) -> u32 {
        let full = table.total();
        let empty = empty / beta;
        let x = self.uniform() * (full + empty) - empty;
        // The table is read in any case: a load costs less than a branch that cannot be predicted.
        let item = table.at(x.max(0.0));
        if x < 0.0 { EMPTY } else { item }
    }

    #[inline(always)]
    fn pick(&mut self, cumulative: &[f64; 4]) -> usize {
        let u = self.uniform();
        (0..3).filter(|&k| cumulative[k] <= u).count()
    }
}

/// Seed and position of a generator.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Position {
    seed: [u8; 32],
    /// The 128-bit word position in two halves: not every format holds 128 bits.
    word: [u64; 2],
}

impl Serialize for Dice {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let word = self.rng.get_word_pos();
        Position {
            seed: self.rng.get_seed(),
            word: [word as u64, (word >> 64) as u64],
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Dice {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let p = Position::deserialize(deserializer)?;
        let mut rng = ChaCha8Rng::from_seed(p.seed);
        rng.set_word_pos(u128::from(p.word[0]) | u128::from(p.word[1]) << 64);
        Ok(Self { rng })
    }
}
