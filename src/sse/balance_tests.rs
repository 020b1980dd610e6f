//! Every update against the weights of all strings of tiny systems.

use crate::alias::Alias;
use crate::chance::Chance;
use crate::clusters::{Clusters, cluster_flips};
use crate::decompose::Parts;
use crate::diagonal::{Seen, diagonal_update};
use crate::hops::{Rods, rod_hops};
use crate::line_loops::{LineLoops, line_loops};
use crate::segments::{Lines, segment_flips};
use crate::string::{CONSTANT, EMPTY, FIELD, FLIP, PAIR, Vertices, Worldlines, operator};
use std::collections::BTreeMap;
use std::fmt::Debug;

/// Follows one branch of the tree of all decisions, with its probability.
pub(crate) struct Tree {
    /// Branch taken at each decision, and number of branches.
    path: Vec<(usize, usize)>,
    depth: usize,
    probability: f64,
    /// The only move to try; all where there is none.
    only: Option<usize>,
    considered: usize,
}

impl Tree {
    fn branch(&mut self, probabilities: &[f64]) -> usize {
        if self.depth == self.path.len() {
            self.path.push((0, probabilities.len()));
        }
        let taken = self.path[self.depth].0;
        self.depth += 1;
        self.probability *= probabilities[taken];
        taken
    }

    /// Prepares the next branch; false after the last.
    fn next(&mut self) -> bool {
        while let Some((taken, n)) = self.path.pop() {
            if taken + 1 < n {
                self.path.push((taken + 1, n));
                return true;
            }
        }
        false
    }
}

impl Chance for Tree {
    fn accept(&mut self, p: f64) -> bool {
        assert!(p >= 0.0, "a probability is {p}");
        p >= 1.0 || p > 0.0 && self.branch(&[p, 1.0 - p]) == 0
    }
    fn below(&mut self, n: usize) -> usize {
        self.branch(&vec![1.0 / n as f64; n])
    }
    fn item(&mut self, table: &Alias) -> u32 {
        let items = table.weights();
        let p: Vec<f64> = items.iter().map(|i| i.1 / table.total()).collect();
        items[self.branch(&p)].0
    }
    fn is_empty(&mut self, weight: f64, empty: usize) -> bool {
        let p = empty as f64 / (weight + empty as f64);
        self.accept(p)
    }
    fn pick(&mut self, cumulative: &[f64; 4]) -> usize {
        let mut before = 0.0;
        let p = cumulative.map(|c| c - std::mem::replace(&mut before, c));
        let possible: Vec<usize> = (0..4).filter(|&k| p[k] > 0.0).collect();
        let p: Vec<f64> = possible.iter().map(|&k| p[k]).collect();
        possible[self.branch(&p)]
    }
    fn consider(&mut self) -> bool {
        self.considered += 1;
        self.only.is_none_or(|k| k + 1 == self.considered)
    }
}

/// All strings of M slots with their weights, $\beta^n (M - n)! \prod_p w_p$.
pub(crate) fn strings(
    n_sites: usize,
    operators: &[u32],
    m: usize,
    log_weight: impl Fn(&Worldlines) -> f64,
) -> BTreeMap<Worldlines, f64> {
    let mut all = BTreeMap::new();
    for bits in 0..1_u32 << n_sites {
        let start: Vec<u8> = (0..n_sites).map(|i| (bits >> i & 1) as u8).collect();
        for mut code in 0..operators.len().pow(m as u32) {
            let mut next = || {
                let op = operators[code % operators.len()];
                code /= operators.len();
                op
            };
            let slots: Vec<u32> = (0..m).map(|_| next()).collect();
            let n_operators = slots.iter().filter(|&&op| op != EMPTY).count();
            let w = Worldlines {
                start: start.clone(),
                slots,
                n_operators,
            };
            let log = log_weight(&w);
            if log > f64::NEG_INFINITY {
                let empty: f64 = (1..=m - n_operators).map(|k| k as f64).product();
                all.insert(w, log.exp() * empty);
            }
        }
    }
    all
}

pub(crate) fn all_strings(v: &Vertices, m: usize) -> BTreeMap<Worldlines, f64> {
    let mut operators = vec![EMPTY];
    for i in 0..v.n_sites {
        operators.extend([CONSTANT, FLIP, FIELD].map(|kind| operator(kind, i)));
    }
    operators.extend((0..v.pair.len()).map(|b| operator(PAIR, b)));
    strings(v.n_sites, &operators, m, |w| {
        let near = |i: usize| v.partners.of(i).iter().any(|&j| w.start[j as usize] == 1);
        match (0..v.n_sites).any(|i| w.start[i] == 1 && near(i)) {
            true => f64::NEG_INFINITY,
            false => v.log_weight(w),
        }
    })
}

type Update = fn(&Vertices, &mut Worldlines, &mut Tree);

fn diagonal(v: &Vertices, w: &mut Worldlines, tree: &mut Tree) {
    let mut seen = Seen::default();
    diagonal_update(v, w, &mut Vec::new(), tree, &mut seen, 0, |_| {});
}

fn segments(v: &Vertices, w: &mut Worldlines, tree: &mut Tree) {
    segment_flips(v, w, &mut Lines::default(), tree);
}

fn hops(v: &Vertices, w: &mut Worldlines, tree: &mut Tree) {
    rod_hops(v, w, &mut Rods::default(), tree);
}

fn loops(v: &Vertices, w: &mut Worldlines, tree: &mut Tree) {
    line_loops(v, w, &mut LineLoops::default(), tree);
}

fn clusters(v: &Vertices, w: &mut Worldlines, tree: &mut Tree) {
    cluster_flips(v, w, &mut Clusters::default(), tree);
}

/// Each elementary move by itself obeys detailed balance, and all in a row keep the weights.
/// Returns how many pairs of different strings a move connects.
fn check(v: &Vertices, m: usize, update: Update) -> usize {
    // Strings have different numbers of moves; a move that a string does not have leaves it.
    let moves = 2 * (m + v.n_sites);
    check_all(&all_strings(v, m), moves, |w, tree| update(v, w, tree))
}

/// The same for any states with their weights, and at most so many elementary moves.
pub(crate) fn check_all<S: Clone + Ord + Debug>(
    all: &BTreeMap<S, f64>,
    moves: usize,
    update: impl Fn(&mut S, &mut Tree),
) -> usize {
    let number: BTreeMap<&S, usize> = all.keys().zip(0..).collect();
    let weights: Vec<f64> = all.values().copied().collect();
    let total: f64 = weights.iter().sum();
    let mut connected = 0;
    for only in (0..moves).map(Some).chain([None]) {
        let mut flow: BTreeMap<(usize, usize), f64> = BTreeMap::new();
        for (from, (string, &weight)) in all.iter().enumerate() {
            let mut tree = Tree {
                path: Vec::new(),
                depth: 0,
                probability: 1.0,
                only,
                considered: 0,
            };
            let mut sum = 0.0;
            loop {
                (tree.depth, tree.probability, tree.considered) = (0, 1.0, 0);
                let mut w = string.clone();
                update(&mut w, &mut tree);
                let to = number.get(&w);
                let to = *to.unwrap_or_else(|| panic!("{string:?} became impossible: {w:?}"));
                *flow.entry((from, to)).or_default() += weight * tree.probability;
                sum += tree.probability;
                if !tree.next() {
                    break;
                }
            }
            assert!((sum - 1.0).abs() < 1e-12, "probabilities add up to {sum}");
            assert!(tree.considered <= moves, "{} moves", tree.considered);
        }
        if only.is_some() {
            for (&(a, b), &there) in &flow {
                let back = flow.get(&(b, a)).copied().unwrap_or(0.0);
                let limit = 1e-12 * there.max(back);
                assert!(
                    (there - back).abs() <= limit,
                    "move {only:?} from {:?} to {:?}: {there} and back {back}",
                    all.keys().nth(a),
                    all.keys().nth(b)
                );
                connected += usize::from(a != b);
            }
        } else {
            let mut arrived = vec![0.0; weights.len()];
            for (&(_, to), f) in &flow {
                arrived[to] += f;
            }
            for (a, b) in arrived.iter().zip(&weights) {
                assert!((a - b).abs() <= 1e-12 * b.max(1e-3 * total), "{a} for {b}");
            }
        }
    }
    connected
}

/// A chain of sites with uneven amplitudes, fields and pair energies.
fn uneven(n: usize, blockade: bool, fields: &[f64], tail: f64, epsilon: f64) -> Vertices {
    let near = |i: usize| {
        let lower = i.checked_sub(1).map(|j| j as u32);
        let upper = (i + 1 < n).then_some(i as u32 + 1);
        lower.into_iter().chain(upper).collect()
    };
    let mut pairs = Vec::new();
    if tail != 0.0 {
        for a in 0..n as u32 {
            for b in a + 1..n as u32 {
                if !blockade || b > a + 1 {
                    let e = tail * f64::from(a + b);
                    pairs.push(([a, b], [0.3, 0.0, 0.1, e]));
                }
            }
        }
    }
    let parts = Parts {
        n_sites: n,
        constant: 0.0,
        site: fields.iter().map(|&f| [0.0, f]).collect(),
        pairs,
        flip: (0..n).map(|i| 0.5 + 0.2 * i as f64).collect(),
        partners: (0..n)
            .map(|i| if blockade { near(i) } else { Vec::new() })
            .collect(),
        exchange: Vec::new(),
        canonical: false,
        first: vec![0; n],
    };
    Vertices::new(&parts, 0.7, epsilon)
}

#[test]
fn the_diagonal_update_obeys_detailed_balance() {
    let cases = [
        uneven(2, true, &[-0.9, 0.4], 0.0, 0.0),
        uneven(2, true, &[-0.9, 0.4], 0.0, 0.3),
        uneven(2, false, &[-0.5, 0.0], 0.8, 0.2),
    ];
    for v in &cases {
        assert!(check(v, 3, diagonal) > 1000);
    }
}

#[test]
fn segment_flips_obey_detailed_balance() {
    let cases = [
        (uneven(1, false, &[-0.9], 0.0, 0.2), 5),
        (uneven(2, true, &[-0.9, 0.4], 0.0, 0.3), 4),
        (uneven(3, true, &[-0.9, -0.3, 0.4], 0.0, 0.1), 3),
        (uneven(2, false, &[-0.5, 0.7], 0.8, 0.2), 4),
        (uneven(3, true, &[0.0, 0.0, 0.0], 0.8, 0.0), 4),
        (uneven(3, true, &[-1.0, -1.0, -1.0], 0.0, 0.0), 4),
    ];
    for (v, m) in &cases {
        assert!(check(v, *m, segments) > 100);
    }
}

#[test]
fn rod_hops_obey_detailed_balance() {
    let cases = [
        (uneven(2, true, &[-0.9, 0.4], 0.0, 0.3), 4),
        (uneven(3, true, &[-0.9, -0.3, 0.4], 0.0, 0.0), 4),
        (uneven(3, true, &[-0.9, -0.3, 0.4], 0.0, 0.2), 3),
        (uneven(3, true, &[0.0, 0.0, 0.0], 0.8, 0.0), 4),
        (uneven(4, true, &[0.0, 0.0, 0.0, 0.0], 0.0, 0.0), 4),
    ];
    for (v, m) in &cases {
        assert!(check(v, *m, hops) > 20);
    }
}

/// Equal sites on a graph, with fields of one strength.
fn even(n: usize, edges: &[[u32; 2]], field: f64, epsilon: f64) -> Vertices {
    let near = |i: u32| {
        let other = |e: &[u32; 2]| e.contains(&i).then(|| e[0] + e[1] - i);
        let mut list: Vec<u32> = edges.iter().filter_map(other).collect();
        list.sort_unstable();
        list
    };
    let parts = Parts {
        n_sites: n,
        constant: 0.0,
        site: vec![[0.0, field]; n],
        pairs: Vec::new(),
        flip: vec![0.5; n],
        partners: (0..n as u32).map(near).collect(),
        exchange: Vec::new(),
        canonical: false,
        first: vec![0; n],
    };
    Vertices::new(&parts, 0.7, epsilon)
}

#[test]
fn line_loops_obey_detailed_balance() {
    let ring = |n: u32| -> Vec<[u32; 2]> { (0..n).map(|i| [i, (i + 1) % n]).collect() };
    // A kite and a tail: partners from 1 to 3, triangles.
    let kite = [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3], [3, 4]];
    let cases = [
        (even(4, &ring(4), -0.9, 0.3), 3),
        (even(6, &ring(6), -0.9, 0.0), 2),
        (even(5, &kite, -0.4, 0.2), 2),
        (even(3, &[[0, 1], [1, 2]], 0.6, 0.2), 4),
    ];
    for (v, m) in &cases {
        assert!(check(v, *m, loops) > 20);
    }
    // The two crystals of a ring are exchanged in one move.
    let v = even(6, &ring(6), 0.0, 0.0);
    let crystal = Worldlines {
        start: vec![1, 0, 1, 0, 1, 0],
        ..Worldlines::empty(&[0; 6])
    };
    let mut dice = crate::chance::Dice::new(ketwork_models::Stream::new(1));
    let mut starts = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let mut w = crystal.clone();
        line_loops(&v, &mut w, &mut LineLoops::default(), &mut dice);
        starts.insert(w.start);
    }
    assert!(starts.contains(&vec![0, 1, 0, 1, 0, 1]), "{starts:?}");
    // Sites with other amplitudes or fields, and pair operators, are left alone.
    assert_eq!(
        check(&uneven(3, true, &[-0.9, -0.3, 0.4], 0.0, 0.0), 3, loops),
        0
    );
    assert_eq!(
        check(&uneven(3, true, &[0.0, 0.0, 0.0], 0.8, 0.0), 3, loops),
        0
    );
}

#[test]
fn cluster_flips_obey_detailed_balance() {
    let ising = |fields: [f64; 2], j: f64, epsilon: f64| {
        let parts = Parts {
            n_sites: 2,
            constant: 0.0,
            site: fields.map(|f| [0.0, f]).to_vec(),
            pairs: vec![([0, 1], [-j, j, j, -j])],
            flip: vec![0.5, 0.8],
            partners: vec![Vec::new(); 2],
            exchange: Vec::new(),
            canonical: false,
            first: vec![0; 2],
        };
        Vertices::new(&parts, 0.7, epsilon)
    };
    for v in [
        ising([0.0, 0.0], 0.6, 0.0),
        ising([-0.5, 0.3], 0.6, 0.1),
        ising([-0.5, 0.0], -0.4, 0.0),
    ] {
        assert!(check(&v, 4, clusters) > 100);
    }
}
