//! Gauss laws of Z2 and Z_N on chains with matter on the vertices, written out link by link.

use super::ConstraintCase;
use crate::{ModelError, Modular, Parity, Sector};
use std::sync::Arc;

/// What leaves each vertex of a chain minus what enters it, nothing beyond open ends.
fn divergence(x: &[u8], is_ring: bool) -> Vec<i64> {
    let at = |n: usize| x.get(n).map_or(0, |&v| i64::from(v));
    let last = if is_ring { at(x.len() - 1) } else { 0 };
    let vertices = if is_ring { x.len() } else { x.len() + 1 };
    let before = |n: usize| if n == 0 { last } else { at(n - 1) };
    (0..vertices).map(|n| at(n) - before(n)).collect()
}

/// Whether divergences are static charges modulo N.
fn are(sums: &[i64], charges: &[i64], n: i64) -> bool {
    sums.len() == charges.len() && sums.iter().zip(charges).all(|(s, q)| (s - q) % n == 0)
}

/// Sites by turns: the matter of a vertex, then the link that leaves it.
fn with_matter(x: &[u8]) -> (Vec<u8>, Vec<i64>) {
    let links = x.iter().skip(1).step_by(2).copied().collect();
    let matter = x.iter().step_by(2).map(|&v| i64::from(v)).collect();
    (links, matter)
}

pub(super) fn chains() -> Result<Vec<ConstraintCase>, ModelError> {
    let case = |name, sector, legal| ConstraintCase {
        name,
        sector,
        legal,
    };
    // Matter 2n and links 2n + 1 of a ring of 4, read from the far end.
    let around = |n: u32| (vec![2 * n, 2 * n + 1, (2 * n + 7) % 8], n == 1 || n == 2);
    let order = (0..8).rev().collect();
    let z2_matter = Parity::new(order, &[0, 1, 2, 3].map(around))?;
    // Matter 0, 2, 4 and links 1, 3: fields leave minus fields enter minus matter.
    let fluxes = [
        (vec![(1, 1), (0, -1)], 0),
        (vec![(3, 1), (1, -1), (2, -1)], 1),
        (vec![(3, -1), (4, -1)], 1),
    ];
    let z3_matter = Modular::new((0..5).collect(), 3, &fluxes)?;
    Ok(vec![
        case(
            "Z2 Gauss law on a ring with matter and charges",
            Arc::new(z2_matter) as Sector,
            Box::new(|x| {
                let (links, matter) = with_matter(x);
                let charges: Vec<i64> = (matter.iter().zip([0, 1, 1, 0]))
                    .map(|(m, q)| m + q)
                    .collect();
                are(&divergence(&links, true), &charges, 2)
            }),
        ),
        case(
            "Z3 Gauss law on an open chain with matter and charges",
            Arc::new(z3_matter),
            Box::new(|x| {
                let (links, matter) = with_matter(x);
                let charges: Vec<i64> =
                    (matter.iter().zip([0, 1, 1])).map(|(m, q)| m + q).collect();
                are(&divergence(&links, false), &charges, 3)
            }),
        ),
    ])
}
