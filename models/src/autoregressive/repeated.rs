//! Configurations that occur more than once among parents and neighbours: each is evaluated once.

use crate::rng::mix;
use ketwork_hamiltonians::{ConfigsRef, Neighbours};

/// Where the amplitude of a neighbour comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The network.
    Itself,
    /// An equal neighbour, by its number.
    Neighbour(u32),
    /// An equal parent, by its row.
    Parent(u32),
}

/// Of each neighbour where its amplitude comes from: an equal parent, which is evaluated anyway, or
/// among equal neighbours the one whose first changed position is the latest, hence the cheapest.
///
/// Equal hashes only propose: configurations are compared before they count as equal.
pub(super) fn sources(x: ConfigsRef<'_>, near: &Neighbours, place: &[u32]) -> Vec<Source> {
    // Zobrist's hash: the sum of one random word for each (site, value), so a change costs O(1).
    let word = |site: usize, value: u8| mix((site as u64) << 8 | u64::from(value));
    // (hash, positions kept before the end, number): the first of equal hashes is the cheapest, a
    // parent before all. Parents are numbered after the neighbours.
    let parents = x.rows().zip(near.len() as u32..).map(|(row, number)| {
        let words = row.iter().enumerate().map(|(s, &v)| word(s, v));
        (words.fold(0, u64::wrapping_add), 0, number)
    });
    let mut keyed: Vec<(u64, u32, u32)> = parents.collect();
    keyed.reserve(near.len());
    for k in 0..near.len() {
        let b = near.parent[k] as usize;
        let (mut hash, mut first) = (keyed[b].0, u32::MAX - 1);
        for (s, v) in near.changes(k) {
            hash = hash
                .wrapping_sub(word(s, x.row(b)[s]))
                .wrapping_add(word(s, v));
            first = first.min(place[s]);
        }
        keyed.push((hash, u32::MAX - first, k as u32));
    }
    keyed.sort_unstable();
    let mut of = vec![Source::Itself; near.len()];
    let (mut own, mut other) = (vec![0; x.n_sites()], vec![0; x.n_sites()]);
    for equal in keyed.chunk_by(|a, b| a.0 == b.0).filter(|e| e.len() > 1) {
        let chosen = match (equal[0].2 as usize).checked_sub(near.len()) {
            Some(row) => {
                own.copy_from_slice(x.row(row));
                Source::Parent(row as u32)
            }
            None => {
                near.write(equal[0].2 as usize, x, &mut own);
                Source::Neighbour(equal[0].2)
            }
        };
        for &(_, _, k) in &equal[1..] {
            let k = k as usize;
            // A parent that occurs twice.
            if k < near.len() {
                near.write(k, x, &mut other);
                if own == other {
                    of[k] = chosen;
                }
            }
        }
    }
    of
}

#[cfg(test)]
mod tests {
    use super::*;
    use Source::{Itself, Neighbour, Parent};
    use ketwork_hamiltonians::Configs;

    #[test]
    fn equal_neighbours_are_evaluated_where_the_first_change_is_latest_and_parents_not_at_all() {
        let x = Configs::from_data(4, vec![0, 0, 1, 0, 1, 0, 1, 1, 0, 0, 1, 1]);
        let mut near = Neighbours::default();
        near.push(0, [(0, 1)]); // 1010
        near.push(0, [(3, 1)]); // 0011: the parent 2
        near.push(1, [(3, 0)]); // 1010, first change at 3
        near.push(1, [(0, 0)]); // 0011: the parent 2
        near.push(2, [(2, 0)]); // 0001
        near.push(2, []); // the parent 2
        let of = |place: [u32; 4]| sources(x.view(), &near, &place);
        let (two, itself) = (Parent(2), Itself);
        assert_eq!(
            of([0, 1, 2, 3]),
            [Neighbour(2), two, itself, two, itself, two]
        );
        // Walked backwards, site 0 comes last.
        assert_eq!(
            of([3, 2, 1, 0]),
            [itself, two, Neighbour(0), two, itself, two]
        );
    }

    #[test]
    fn a_parent_that_occurs_twice_serves_neighbours_too() {
        let x = Configs::from_data(2, vec![0, 1, 0, 1, 0, 0]);
        let mut near = Neighbours::default();
        near.push(0, [(1, 0)]); // 00: the parent 2
        near.push(2, [(1, 1)]); // 01: the parents 0 and 1
        let of = sources(x.view(), &near, &[0, 1]);
        assert_eq!(of, [Parent(2), Parent(0)]);
    }
}
