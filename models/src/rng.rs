//! Named counter-based streams of random numbers from one seed.
//!
//! One uniform number for each (stream, shot, position), whatever thread or rank asks for it:
//! results do not depend on how work is split.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// A stream of random numbers, addressed by counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    key: u64,
}

impl Stream {
    /// The root stream of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            key: mix(seed ^ 0x6b65_7477_6f72_6b00),
        }
    }

    /// The stream with a name: different names, independent streams.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        // FNV-1a of the name, then mixed into the key.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, |h: u64, b| {
            (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
        });
        Self {
            key: mix(self.key ^ mix(hash)),
        }
    }

    /// The stream with a number, for example of a step.
    #[must_use]
    pub fn numbered(self, index: u64) -> Self {
        Self {
            key: mix(self
                .key
                .wrapping_add(mix(index.wrapping_add(0x9e37_79b9_7f4a_7c15)))),
        }
    }

    /// A uniform number in [0, 1) with 53 random bits, for `shot` and `position`.
    ///
    /// # References
    /// Philox4x32-10: J. K. Salmon et al., Proc. SC'11, Art. 16 (2011).
    #[must_use]
    #[inline(always)]
    pub fn uniform(self, shot: u64, position: u32) -> f64 {
        let counter = [shot & WORD, shot >> 32, u64::from(position), 0];
        let out = philox(counter, [self.key & WORD, self.key >> 32]);
        let bits = out[0] << 32 | out[1];
        (bits >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Writes [`Self::uniform`] of many shots, several at a time.
    ///
    /// # Panics
    /// If `out` and `shots` differ in length.
    pub(crate) fn uniforms(self, shots: &[u64], position: u32, out: &mut [f64]) {
        assert_eq!(shots.len(), out.len(), "one number for each shot");
        fill(self, shots, position, out);
    }

    /// A sequential generator for work without natural counters (initialisers, Markov chains).
    #[must_use]
    pub fn sequential(self) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(self.key)
    }
}

/// SplitMix64's output function: a bijection of 64-bit words that mixes all bits.
pub(crate) fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// The bits of a 32-bit word.
const WORD: u64 = 0xffff_ffff;

crate::layers::dispatched! {
    fn fill<S>(_simd; stream: Stream, shots: &'a [u64], position: u32, out: &'a mut [f64]) {
        for (out, &shot) in out.iter_mut().zip(shots) {
            *out = stream.uniform(shot, position);
        }
    }
}

/// Words of 32 bits in 64, as the products of vector units take them.
#[inline(always)]
fn philox(mut c: [u64; 4], mut k: [u64; 2]) -> [u64; 4] {
    for _ in 0..10 {
        let (p0, p1) = (c[0] * 0xD251_1F53, c[2] * 0xCD9E_8D57);
        c = [
            (p1 >> 32) ^ c[1] ^ k[0],
            p1 & WORD,
            (p0 >> 32) ^ c[3] ^ k[1],
            p0 & WORD,
        ];
        k = [(k[0] + 0x9E37_79B9) & WORD, (k[1] + 0xBB67_AE85) & WORD];
    }
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_published_known_answers() {
        assert_eq!(
            philox([0; 4], [0; 2]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
        assert_eq!(
            philox([WORD; 4], [WORD; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox(
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0]
            ),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn many_shots_at_once_get_the_numbers_of_each() {
        let stream = Stream::new(7).named("many");
        let shots: Vec<u64> = (0..37).map(|i| i * 0x1234_5678_9abc).collect();
        let mut out = vec![0.0; shots.len()];
        stream.uniforms(&shots, 5, &mut out);
        for (&shot, u) in shots.iter().zip(&out) {
            assert_eq!(u.to_bits(), stream.uniform(shot, 5).to_bits());
        }
    }

    #[test]
    fn streams_with_other_names_or_numbers_are_uncorrelated() {
        let s = Stream::new(1);
        let streams = [
            s.named("a"),
            s.named("b"),
            s.numbered(0),
            s.numbered(1),
            Stream::new(2),
        ];
        let n = 4000;
        for (i, a) in streams.iter().enumerate() {
            for b in &streams[i + 1..] {
                let c: f64 = (0..n)
                    .map(|k| (a.uniform(k, 3) - 0.5) * (b.uniform(k, 3) - 0.5))
                    .sum();
                // The product has variance 1/144: five standard deviations.
                assert!(c.abs() < 5.0 * (n as f64).sqrt() / 12.0, "correlation {c}");
            }
        }
    }
}
