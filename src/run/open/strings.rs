//! Orderings of a lattice: the strings over whose images a network is mixed.

use ketwork_hamiltonians::Lattice;
use ketwork_models::Relabelling;

/// Most orderings of a mixture.
const MOST: usize = 4096;

/// So many images of one order of the sites under the symmetries of the lattice, the order itself
/// first: a group of rotations and reflections where one has this number of elements, else all of them
/// with translations at even distances; of these only what `keeps` allows, which must hold for products
/// too. The number there is where it is smaller.
pub(super) fn strings(
    lattice: &Lattice,
    count: usize,
    keeps: impl Fn(&Relabelling) -> bool,
) -> Result<Vec<Relabelling>, usize> {
    let n = lattice.n_sites();
    let plain = |sites| Relabelling { sites, flip: false };
    let all: Vec<_> = lattice.point_group().into_iter().map(plain).collect();
    let point: Vec<_> = all.iter().filter(|g| keeps(g)).cloned().collect();
    if let Some(group) = subgroup(n, &point, count) {
        return Ok(group);
    }
    let translations = lattice.translations();
    let wanted = count.div_ceil(all.len()).min(translations.len());
    let spread = (0..wanted).map(|i| i * translations.len() / wanted);
    // Small tori: a translation may be a rotation too. The others fill up.
    let order: Vec<usize> = spread.chain(0..translations.len()).collect();
    let mut kept: Vec<Relabelling> = Vec::new();
    for t in order {
        for p in &all {
            let moved = p.sites.iter().map(|&s| translations[t][s as usize]);
            let image = plain(moved.collect());
            if kept.len() < count.min(MOST) && keeps(&image) && !kept.contains(&image) {
                kept.push(image);
            }
        }
    }
    match kept.len() == count {
        true => Ok(kept),
        false => Err(kept.len()),
    }
}

/// A group of so many elements that two of the relabellings generate.
fn subgroup(n: usize, all: &[Relabelling], order: usize) -> Option<Vec<Relabelling>> {
    if !all.len().is_multiple_of(order) {
        return None;
    }
    let pairs = all.iter().flat_map(|a| all.iter().map(move |b| [a, b]));
    pairs
        .map(|pair| Relabelling::group(n, &pair.map(Clone::clone)).unwrap_or_default())
        .find(|group| group.len() == order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ketwork_hamiltonians::Boundary;

    fn strings(lattice: &Lattice, count: usize) -> Result<Vec<Relabelling>, usize> {
        super::strings(lattice, count, |_| true)
    }

    fn is_group(n: usize, all: &[Relabelling]) -> bool {
        Relabelling::group(n, all).unwrap().len() == all.len()
    }

    #[test]
    fn orderings_are_distinct_and_a_group_where_there_is_one() {
        let square = Lattice::square([3, 3], Boundary::Periodic).unwrap();
        for (count, closed) in [
            (1, true),
            (2, true),
            (3, false),
            (4, true),
            (8, true),
            (72, true),
        ] {
            let found = strings(&square, count).unwrap();
            assert_eq!(found.len(), count);
            assert_eq!(found[0], Relabelling::identity(9));
            let mut sorted = found.clone();
            sorted.sort();
            sorted.dedup();
            assert_eq!(sorted.len(), count, "distinct");
            assert_eq!(is_group(9, &found), closed, "{count}");
        }
        // Eight rotations and reflections, nine translations.
        assert_eq!(strings(&square, 73), Err(72));
        let ring = Lattice::chain(6, Boundary::Periodic).unwrap();
        for count in [2, 4, 6, 12] {
            assert!(is_group(6, &strings(&ring, count).unwrap()), "{count}");
        }
        assert_eq!(strings(&ring, 13), Err(12));
        let open = Lattice::chain(5, Boundary::Open).unwrap();
        assert_eq!(strings(&open, 3), Err(2));
    }
}
