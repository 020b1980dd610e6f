//! Constraints with their predicates.

use super::ConstraintCase;
use crate::{
    Blockade, Boundary, Free, Lattice, ModelError, Number, Parity, Sector, Space, product,
};
use std::sync::Arc;

/// Every constraint at least once, at most 12 sites.
///
/// # Errors
/// None: the cases are valid. The error type is that of the constructors.
pub fn constraints() -> Result<Vec<ConstraintCase>, ModelError> {
    let order = |n: u32| (0..n).collect::<Vec<_>>();
    // A permutation that is neither the identity nor an involution.
    let mixed = |n: u32| (0..n).map(|i| (5 * i + 2) % n).collect::<Vec<_>>();
    let case = |name, sector, legal| ConstraintCase {
        name,
        sector,
        legal,
    };
    let sum = |x: &[u8]| x.iter().map(|&v| usize::from(v)).sum::<usize>();
    let grid = Lattice::square([4, 3], Boundary::Open)?;
    let edges = grid.edges().to_vec();
    let independent = |x: &[u8], edges: &[(u32, u32)]| {
        edges
            .iter()
            .all(|&(a, b)| x[a as usize] * x[b as usize] == 0)
    };
    let checks = vec![
        (vec![0, 3, 5, 7], true),
        (vec![1, 3, 4, 11], false),
        (vec![0, 1, 2, 3, 9], true),
        (vec![2, 4, 5, 7, 9, 11], false),
        (vec![6, 8, 10], true),
        (vec![8, 10, 0], false),
    ];
    let even = |x: &[u8], checks: &[(Vec<u32>, bool)]| {
        checks
            .iter()
            .all(|(set, odd)| set.iter().map(|&s| x[s as usize]).sum::<u8>() % 2 == u8::from(*odd))
    };
    let blockade = |order| Blockade::new(Space::qubits(12), order, grid.edges());
    let parity = |order| Parity::new(order, &checks);
    let number = |n, order| Number::with_order(Space::qubits(12), n, order);
    let joint = |parts: Vec<Sector>| product(parts);
    let (e1, e2, e3) = (edges.clone(), edges.clone(), edges.clone());
    let (c1, c2, c3) = (checks.clone(), checks.clone(), checks.clone());
    let trits = Space::new(6, 3);
    let ring: Vec<_> = (0..6).map(|i| (i, (i + 1) % 6)).collect();
    let ring_too = ring.clone();
    Ok(vec![
        case(
            "free",
            Arc::new(Free::new(Space::new(5, 3))),
            Box::new(|_| true),
        ),
        case(
            "number",
            Arc::new(number(5, mixed(12))?),
            Box::new(move |x| sum(x) == 5),
        ),
        case(
            "number of three values",
            Arc::new(Number::new(trits, 7)?),
            Box::new(move |x| sum(x) == 7),
        ),
        case(
            "total Sz = 3/2",
            Arc::new(Number::total_sz(9, 3, order(9))?),
            Box::new(move |x| sum(x) == 3),
        ),
        case(
            "parity",
            Arc::new(parity(order(12))?),
            Box::new(move |x| even(x, &c1)),
        ),
        case(
            "parity in another order",
            Arc::new(parity(mixed(12))?),
            Box::new(move |x| even(x, &c2)),
        ),
        case(
            "blockade",
            Arc::new(blockade(grid.snake_order())),
            Box::new(move |x| independent(x, &e1)),
        ),
        case(
            "blockade of three values on a ring",
            Arc::new(Blockade::new(trits, mixed(6), &ring)),
            Box::new(move |x| independent(x, &ring)),
        ),
        case(
            "number and blockade",
            joint(vec![
                Arc::new(number(4, mixed(12))?),
                Arc::new(blockade(mixed(12))),
            ])?,
            Box::new(move |x| sum(x) == 4 && independent(x, &e2)),
        ),
        case(
            "number, blockade and parity",
            joint(vec![
                Arc::new(parity(order(12))?),
                Arc::new(number(4, order(12))?),
                Arc::new(blockade(order(12))),
            ])?,
            Box::new(move |x| sum(x) == 4 && independent(x, &e3) && even(x, &c3)),
        ),
        case(
            "two parities",
            joint(vec![
                Arc::new(Parity::new(order(8), &[(vec![0, 2, 4, 6], true)])?),
                Arc::new(Parity::new(
                    order(8),
                    &[(order(8), false), (vec![4, 5], true)],
                )?),
            ])?,
            Box::new(move |x| (x[0] ^ x[2] ^ x[4] ^ x[6]) == 1 && sum(x) % 2 == 0 && x[4] != x[5]),
        ),
        case(
            "number and blockade of three values",
            joint(vec![
                Arc::new(Number::with_order(trits, 5, mixed(6))?),
                Arc::new(Blockade::new(trits, mixed(6), &ring_too)),
            ])?,
            Box::new(move |x| sum(x) == 5 && independent(x, &ring_too)),
        ),
    ])
}
