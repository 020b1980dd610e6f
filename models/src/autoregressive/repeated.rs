//! Neighbours that several parents share: each is evaluated once.

use crate::rng::mix;
use ketwork_hamiltonians::{ConfigsRef, Neighbours};

/// Of each neighbour the number of the equal one that is evaluated, itself where there is none: the
/// one whose first changed position is the latest, hence the cheapest.
///
/// Equal hashes only propose: configurations are compared before they count as equal.
pub(super) fn evaluated_as(x: ConfigsRef<'_>, near: &Neighbours, place: &[u32]) -> Vec<u32> {
    // Zobrist's hash: the sum of one random word for each (site, value), so a change costs O(1).
    let word = |site: usize, value: u8| mix((site as u64) << 8 | u64::from(value));
    let parents: Vec<u64> = x
        .rows()
        .map(|row| {
            let words = row.iter().enumerate().map(|(s, &v)| word(s, v));
            words.fold(0, u64::wrapping_add)
        })
        .collect();
    // (hash, positions kept before the end, number): the first of equal hashes is the cheapest.
    let mut keyed: Vec<(u64, u32, u32)> = (0..near.len())
        .map(|k| {
            let b = near.parent[k] as usize;
            let (mut hash, mut first) = (parents[b], u32::MAX);
            for (s, v) in near.changes(k) {
                hash = hash
                    .wrapping_sub(word(s, x.row(b)[s]))
                    .wrapping_add(word(s, v));
                first = first.min(place[s]);
            }
            (hash, u32::MAX - first, k as u32)
        })
        .collect();
    keyed.sort_unstable();
    let mut of: Vec<u32> = (0..near.len() as u32).collect();
    let (mut own, mut other) = (vec![0; x.n_sites()], vec![0; x.n_sites()]);
    for equal in keyed.chunk_by(|a, b| a.0 == b.0).filter(|e| e.len() > 1) {
        let chosen = equal[0].2;
        near.write(chosen as usize, x, &mut own);
        for &(_, _, k) in &equal[1..] {
            near.write(k as usize, x, &mut other);
            if own == other {
                of[k as usize] = chosen;
            }
        }
    }
    of
}

#[cfg(test)]
mod tests {
    use super::*;
    use ketwork_hamiltonians::Configs;

    #[test]
    fn equal_neighbours_are_evaluated_where_the_first_change_is_latest() {
        let x = Configs::from_data(4, vec![0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1]);
        let mut near = Neighbours::default();
        near.push(0, [(0, 1)]); // 1000
        near.push(0, [(3, 1)]); // 0001: the same as the parent 2
        near.push(1, [(3, 0)]); // 1000, first change at 3
        near.push(1, [(0, 0)]); // 0001
        near.push(2, [(2, 1)]); // 0011
        let place = [0, 1, 2, 3];
        assert_eq!(evaluated_as(x.view(), &near, &place), [2, 1, 2, 1, 4]);
        // Walked backwards, site 0 comes last.
        assert_eq!(
            evaluated_as(x.view(), &near, &[3, 2, 1, 0]),
            [0, 3, 0, 3, 4]
        );
    }
}
