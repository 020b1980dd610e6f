//! Updates of exchange models, and the exchange of strings between rungs, against the weights of all
//! strings of tiny systems.

use crate::balance_tests::{all_strings, check_all, strings};
use crate::chance::Chance;
use crate::decompose::Parts;
use crate::diagonal::Seen;
use crate::exchange::{Bonds, Loops};
use crate::replica::System;
use crate::run::exchange_strings;
use crate::string::{EMPTY, FLIP, PAIR, Worldlines, operator};
use std::cell::Cell;
use std::collections::BTreeMap;

/// A chain of spins whose bonds have the diagonal energies `e` and exchange with amplitude `x`; the
/// first site has a field.
fn chain(n: usize, e: [f64; 4], x: f64, field: f64, canonical: bool) -> Parts {
    let bonds = (1..n as u32).map(|b| [b - 1, b]);
    let mut site = vec![[0.0; 2]; n];
    site[0][1] = field;
    Parts {
        n_sites: n,
        constant: 0.0,
        site,
        pairs: bonds.clone().map(|b| (b, e)).collect(),
        flip: vec![0.0; n],
        partners: vec![Vec::new(); n],
        exchange: bonds.map(|b| (b, x)).collect(),
        canonical,
        first: vec![0; n],
    }
}

fn bonds_of(parts: &Parts, epsilon: f64, longest: usize) -> Bonds {
    let mut bonds = Bonds::new(parts, 0.7, epsilon);
    bonds.longest = longest;
    bonds
}

fn all_of(bonds: &Bonds, m: usize) -> BTreeMap<Worldlines, f64> {
    let mut operators = vec![EMPTY];
    for b in 0..bonds.sites.len() {
        operators.extend([PAIR, FLIP].map(|kind| operator(kind, b)));
    }
    strings(bonds.n_sites, &operators, m, |w| bonds.log_weight(w))
}

/// Antiferromagnet, easy plane, easy axis, ferromagnet; energies of parallel and opposite spins.
const KINDS: [([f64; 4], f64); 4] = [
    ([0.25, -0.25, -0.25, 0.25], -0.5),
    ([0.1, -0.1, -0.1, 0.1], -0.5),
    ([0.6, -0.6, -0.6, 0.6], -0.5),
    ([-0.25, 0.25, 0.25, -0.25], -0.5),
];

#[test]
fn the_diagonal_update_of_bonds_obeys_detailed_balance() {
    for (e, x) in KINDS {
        for (n, m, field) in [(2, 4, 0.3), (3, 3, -0.2)] {
            let bonds = bonds_of(&chain(n, e, x, field, false), 0.1, 1);
            let all = all_of(&bonds, m);
            let connected = check_all(&all, m, |w, tree| {
                let mut seen = Seen::default();
                bonds.diagonal_update(w, &mut Vec::new(), tree, &mut seen, 0, |_| {});
            });
            assert!(connected > 200, "{connected}");
        }
    }
}

/// Checks one loop and the redrawing of free sites; returns how many pairs of strings they connect, and
/// how many tries, of all branches, were taken back.
fn check_loops(bonds: &Bonds, m: usize) -> (usize, u64) {
    let taken_back = Cell::new(0);
    let connected = check_all(&all_of(bonds, m), 2, |w, tree| {
        let mut loops = Loops::default();
        bonds.loop_update(w, &mut loops, tree, 1);
        taken_back.set(taken_back.get() + loops.tried - loops.accepted);
    });
    (connected, taken_back.get())
}

#[test]
fn deterministic_loops_obey_detailed_balance() {
    // Without fields and constants each entry of a vertex of these models has one exit: all loops are
    // followed to their ends.
    for (e, x) in [KINDS[0], KINDS[3]] {
        for (n, m) in [(2, 5), (3, 4), (4, 3)] {
            let check = |canonical| {
                let parts = chain(n, e, x, 0.0, canonical);
                check_loops(&bonds_of(&parts, 0.0, 100), m)
            };
            let (connected, taken_back) = check(false);
            assert!(connected > 100 && taken_back == 0, "{connected}");
            let (connected, _) = check(true);
            assert!(connected > 20, "{connected}");
        }
    }
}

#[test]
fn directed_loops_obey_detailed_balance_also_where_they_are_cut_off() {
    // Loops that turn back and pass vertices again have no largest length; those that visit more legs
    // than there are are taken back, which is part of the update.
    for canonical in [false, true] {
        let mut sum = 0;
        for (e, x) in KINDS {
            for (n, m, field, epsilon) in [(2, 3, 0.3, 0.1), (3, 2, 0.3, 0.0), (3, 2, 0.0, 0.2)] {
                let parts = chain(n, e, x, field, canonical);
                let (connected, taken_back) = check_loops(&bonds_of(&parts, epsilon, 1), m);
                println!("{canonical} {e:?} {n} {m}: {connected} {taken_back}");
                assert!(connected > 10, "{connected}");
                sum += taken_back;
            }
        }
        assert!(sum > 1000, "{sum} of all branches are cut off");
    }
}

/// All pairs of strings of two rungs, and the exchange between them.
fn check_exchange(
    a: &System,
    b: &System,
    of: impl Fn(&System, usize) -> BTreeMap<Worldlines, f64>,
) {
    let (of_a, of_b) = (of(a, 2), of(b, 3));
    let mut all = BTreeMap::new();
    for (x, p) in &of_a {
        for (y, q) in &of_b {
            all.insert((x.clone(), y.clone()), p * q);
        }
    }
    let connected = check_all(&all, 1, |(x, y), tree| {
        if tree.consider() {
            exchange_strings(a, b, x, y, tree);
        }
    });
    assert!(connected > all.len() / 2, "{connected} of {}", all.len());
}

#[test]
fn the_exchange_of_strings_between_rungs_obeys_detailed_balance() {
    let rydberg = |delta: f64, beta: f64| {
        let parts = Parts {
            n_sites: 2,
            constant: 0.0,
            site: vec![[0.0, -delta], [0.0, 0.3 - delta]],
            pairs: Vec::new(),
            flip: vec![0.5, 0.7],
            partners: vec![vec![1], vec![0]],
            exchange: Vec::new(),
            canonical: false,
            first: vec![0; 2],
        };
        System::new(parts, beta, 0.1)
    };
    let of = |s: &System, m| all_strings(&s.vertices, m);
    check_exchange(&rydberg(0.9, 0.7), &rydberg(0.9, 1.6), of);
    check_exchange(&rydberg(0.9, 0.7), &rydberg(-0.4, 0.7), of);
    let (e, x) = KINDS[1];
    let spins = |beta| System::new(chain(2, e, x, 0.3, false), beta, 0.1);
    let of = |s: &System, m| all_of(s.bonds.as_ref().expect("sites exchange values"), m);
    check_exchange(&spins(0.7), &spins(1.6), of);
}
