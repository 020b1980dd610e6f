use super::automaton::Automaton;
use super::{ExactError, Memory};
use crate::hamiltonians::{Configs, Constraint, OnSpace, Space};
use std::ops::Range;

/// All legal configurations of a sector, numbered in lexicographic order of the constraint's
/// reading order.
///
/// The reading order is cut in two. The automaton state at the cut decides which suffixes are
/// legal, so the number of a configuration is the offset of its prefix plus the rank of its suffix
/// among those of the state: two table look-ups, and memory near the square root of the dimension.
///
/// # References
/// H. Q. Lin, Phys. Rev. B 42, 6561 (1990), the two-table look-up for fixed particle number.
#[derive(Debug)]
pub struct Basis {
    space: Space,
    len: usize,
    cut: usize,
    bits: usize,
    order: Vec<u32>,
    /// By site.
    places: Vec<Place>,
    prefixes: Dictionary,
    /// (number of the first configuration, state at the cut), by prefix.
    entries: Vec<(u32, u32)>,
    /// Legal suffixes, by state at the cut.
    suffixes: Vec<Dictionary>,
}

/// Where the value of a site stands in a key.
#[derive(Clone, Copy, Debug)]
struct Place {
    in_suffix: bool,
    shift: u32,
}

/// The key of a configuration: prefix and suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key([u64; 2]);

/// Number of legal configurations, counted on the automaton without listing them.
///
/// # Errors
/// [`ExactError::TooManyAutomatonStates`] where the constraint's look-ahead is too wide to count.
pub fn dimension(constraint: &dyn Constraint) -> Result<f64, ExactError> {
    Ok(Automaton::new(constraint)?.dimension())
}

impl Basis {
    /// Lists the legal configurations.
    ///
    /// # Errors
    /// [`ExactError::Memory`], [`ExactError::TooManyStates`] and
    /// [`ExactError::TooManyAutomatonStates`] where the sector is too large, found by counting, not by
    /// walking; [`ExactError::TooWide`] above 128 bits; [`ExactError::Empty`].
    pub fn new(constraint: &dyn Constraint, memory: Memory) -> Result<Self, ExactError> {
        let space = *constraint.space();
        let order = constraint.order().to_vec();
        let n = order.len();
        let bits = (usize::BITS - (space.local_dim - 1).leading_zeros()) as usize;
        let automaton = Automaton::new(constraint)?;
        let dimension = automaton.dimension();
        if dimension < 1.0 {
            return Err(ExactError::Empty);
        }
        // One vector is the least that anything exact needs.
        memory.check("one state vector", dimension, 8.0 * dimension)?;
        if dimension >= f64::from(u32::MAX) {
            return Err(ExactError::TooManyStates { dimension });
        }
        let most = 64 / bits;
        if n > 2 * most {
            return Err(ExactError::TooWide {
                n_sites: n,
                bits_per_site: bits,
            });
        }
        let size = |cut: usize| {
            automaton.prefixes[cut].iter().sum::<f64>()
                + automaton.suffixes[cut].iter().sum::<f64>()
        };
        let cut = (n.saturating_sub(most)..=n.min(most))
            .min_by(|&a, &b| size(a).total_cmp(&size(b)))
            .expect("the range holds at least n / 2");
        memory.check("the basis", dimension, 24.0 * size(cut))?;

        let states = automaton.suffixes[cut].len() as u32;
        let suffixes: Vec<_> = (0..states)
            .map(|s| {
                let ways = automaton.walk(s, cut..n, bits);
                Dictionary::new(
                    ways.into_iter().map(|(key, _)| key).collect(),
                    (n - cut) * bits,
                )
            })
            .collect();
        let (mut first, mut entries, mut keys) = (0, Vec::new(), Vec::new());
        for (key, state) in automaton.walk(0, 0..cut, bits) {
            entries.push((first as u32, state));
            keys.push(key);
            first += suffixes[state as usize].keys.len();
        }
        let mut places = vec![
            Place {
                in_suffix: false,
                shift: 0
            };
            n
        ];
        for (p, &site) in order.iter().enumerate() {
            let end = if p < cut { cut } else { n };
            places[site as usize] = Place {
                in_suffix: p >= cut,
                shift: ((end - 1 - p) * bits) as u32,
            };
        }
        let prefixes = Dictionary::new(keys, cut * bits);
        Ok(Self {
            space,
            len: first,
            cut,
            bits,
            order,
            places,
            prefixes,
            entries,
            suffixes,
        })
    }

    /// Number of configurations.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no configuration; never, since an empty sector is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of a configuration (in site order), `None` outside the sector.
    ///
    /// # Panics
    /// If `x` has the wrong length.
    #[track_caller]
    #[must_use]
    pub fn index(&self, x: &[u8]) -> Option<usize> {
        assert_eq!(
            x.len(),
            self.space.n_sites,
            "a configuration has one value for each site"
        );
        if x.iter().any(|&v| usize::from(v) >= self.space.local_dim) {
            return None;
        }
        self.find(
            x.iter()
                .enumerate()
                .fold(Key([0; 2]), |k, (s, &v)| self.changed(k, s, v)),
        )
    }

    /// Configurations `rows` in order.
    ///
    /// # Panics
    /// If the range ends beyond the basis.
    #[track_caller]
    #[must_use]
    pub fn configs(&self, rows: Range<usize>) -> Configs {
        let mut out = Configs::default();
        self.write(rows, &mut out, &mut Vec::new());
        out
    }

    /// Writes configurations and their keys.
    #[track_caller]
    pub(super) fn write(&self, rows: Range<usize>, out: &mut Configs, keys: &mut Vec<Key>) {
        assert!(
            rows.end <= self.len,
            "rows {rows:?} of a basis of {}",
            self.len
        );
        *out = Configs::zeros(rows.len(), self.space.n_sites);
        keys.clear();
        let mut prefix = self
            .entries
            .partition_point(|&(first, _)| first as usize <= rows.start)
            - 1;
        for (row, i) in rows.enumerate() {
            while self
                .entries
                .get(prefix + 1)
                .is_some_and(|&(first, _)| first as usize <= i)
            {
                prefix += 1;
            }
            let (first, state) = self.entries[prefix];
            let suffix = self.suffixes[state as usize].keys[i - first as usize];
            let key = Key([self.prefixes.keys[prefix], suffix]);
            self.decode(key, out.row_mut(row));
            keys.push(key);
        }
    }

    fn decode(&self, Key([mut prefix, mut suffix]): Key, x: &mut [u8]) {
        let mask = (1 << self.bits) - 1;
        let (before, after) = self.order.split_at(self.cut);
        for (sites, key) in [(before, &mut prefix), (after, &mut suffix)] {
            for &site in sites.iter().rev() {
                x[site as usize] = (*key & mask) as u8;
                *key >>= self.bits;
            }
        }
    }

    /// The key with the value of one site replaced.
    #[inline]
    pub(super) fn changed(&self, Key(mut halves): Key, site: usize, value: u8) -> Key {
        let place = self.places[site];
        let mask = ((1u64 << self.bits) - 1) << place.shift;
        let half = &mut halves[usize::from(place.in_suffix)];
        *half = *half & !mask | u64::from(value) << place.shift;
        Key(halves)
    }

    /// The number of the configuration with this key.
    #[inline]
    pub(super) fn find(&self, Key([prefix, suffix]): Key) -> Option<usize> {
        let (first, state) = self.entries[self.prefixes.find(prefix)?];
        Some(first as usize + self.suffixes[state as usize].find(suffix)?)
    }
}

impl OnSpace for Basis {
    fn space(&self) -> &Space {
        &self.space
    }
}

/// Ascending keys and their ranks.
#[derive(Debug)]
struct Dictionary {
    keys: Vec<u64>,
    /// Rank by key, `u32::MAX` for none; empty where such a table would be mostly empty.
    direct: Vec<u32>,
}

impl Dictionary {
    fn new(keys: Vec<u64>, bits: usize) -> Self {
        let mut direct = Vec::new();
        if bits < 32 && 1usize << bits <= 16 * keys.len() + 256 {
            direct = vec![u32::MAX; 1 << bits];
            for (rank, &key) in keys.iter().enumerate() {
                direct[key as usize] = rank as u32;
            }
        }
        Self { keys, direct }
    }

    #[inline]
    fn find(&self, key: u64) -> Option<usize> {
        if self.direct.is_empty() {
            self.keys.binary_search(&key).ok()
        } else {
            let rank = self.direct[key as usize];
            (rank != u32::MAX).then_some(rank as usize)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hamiltonians::{Free, Number, is_legal};

    fn check(constraint: &dyn Constraint, expected: usize) {
        let basis = Basis::new(constraint, Memory::default()).unwrap();
        assert_eq!(basis.len(), expected);
        let all = basis.configs(0..basis.len());
        let mut seen = std::collections::HashSet::new();
        for (i, x) in all.view().rows().enumerate() {
            assert!(is_legal(constraint, x), "{x:?} is not legal");
            assert_eq!(basis.index(x), Some(i), "{x:?}");
            assert!(seen.insert(x.to_vec()), "{x:?} twice");
        }
        // Blocks agree with the whole.
        let middle = expected / 3..expected - expected / 4;
        assert_eq!(
            basis.configs(middle.clone()).view(),
            all.view().slice(middle)
        );
    }

    #[test]
    fn every_legal_configuration_has_one_number() {
        check(&Free::new(Space::qubits(1)), 2);
        check(&Free::new(Space::qubits(9)), 512);
        check(
            &Free::with_order(Space::new(5, 3), vec![3, 0, 4, 1, 2]),
            243,
        );
        check(&Number::new(Space::qubits(10), 5).unwrap(), 252);
        check(
            &Number::with_order(Space::new(4, 4), 5, vec![2, 0, 3, 1]).unwrap(),
            40,
        );
        check(&Number::new(Space::qubits(6), 0).unwrap(), 1);
    }

    #[test]
    fn sectors_of_more_than_64_sites_work_and_of_more_than_128_are_refused() {
        check(&Number::new(Space::qubits(100), 2).unwrap(), 4950);
        check(&Number::new(Space::qubits(128), 1).unwrap(), 128);
        let wide = Number::new(Space::qubits(129), 1).unwrap();
        let error = Basis::new(&wide, Memory::default()).unwrap_err();
        assert_eq!(
            error,
            ExactError::TooWide {
                n_sites: 129,
                bits_per_site: 1
            }
        );
    }

    #[test]
    fn configurations_outside_the_sector_have_no_number() {
        let basis = Basis::new(
            &Number::new(Space::qubits(6), 3).unwrap(),
            Memory::default(),
        )
        .unwrap();
        assert_eq!(basis.index(&[1, 1, 1, 1, 0, 0]), None);
        assert_eq!(basis.index(&[2, 1, 0, 0, 0, 0]), None);
        assert_eq!(basis.index(&[0, 0, 0, 1, 1, 1]), Some(0));
    }
}
