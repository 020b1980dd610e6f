//! States in gauge and anyon sectors: samples are legal by the laws as they are written, and networks
//! of both kinds reach the exact energies.

use ketwork::exact::{LanczosParams, Memory, lowest};
use ketwork::hamiltonians::{
    Boundary, FusionPath, GoldenChain, Hamiltonian, Lattice, LatticeKind, LinkChain, Links, Model,
    Modular, OnSpace, Parity, QuantumLink, Sector, SquareFlux, SquareLink, Z2Gauge, ZnGauge,
    product,
};
use ketwork::{
    Ancestral, Autoregressive, Cell, Conditional, FullSum, GroundState, Rnn, RnnParams, Schedule,
    Stream, Transformer, TransformerParams, Wavefunction,
};
use std::sync::Arc;

type Predicate = Box<dyn Fn(&[u8]) -> bool>;

/// A sector with its law written out.
struct Law {
    name: &'static str,
    sector: Sector,
    holds: Predicate,
}

fn torus(l: usize) -> Links {
    Links::new(&Lattice::square([l, l], Boundary::Periodic).unwrap()).unwrap()
}

/// What leaves each vertex minus what enters it, for fields by value.
fn divergence(links: &Links, x: &[u8], field: impl Fn(u8) -> i64) -> Vec<i64> {
    let mut sums = vec![0; links.lattice().n_sites()];
    for (link, &v) in x.iter().enumerate() {
        let (from, to) = links.edge(link);
        sums[from as usize] += field(v);
        sums[to as usize] -= field(v);
    }
    sums
}

fn laws() -> Vec<Law> {
    let law = |name, sector: Sector, holds| Law {
        name,
        sector,
        holds,
    };
    let (six, four) = (torus(6), torus(4));
    let z2 = Parity::gauss_law(&six, &[3, 20]).unwrap();
    let cubic = Lattice::cubic([3; 3], Boundary::Periodic).unwrap();
    let cubic = Links::new(&cubic).unwrap();
    let z2_cubic = Parity::gauss_law(&cubic, &[]).unwrap();
    let z3_cubic = Modular::gauss_law(&cubic, 3, &[(0, 1), (13, 2)]).unwrap();
    let z5 = Modular::gauss_law(&six, 5, &[(1, 2), (9, 3)]).unwrap();
    let ice = SquareFlux::new(&four, &[(0, 1), (5, -1)], &[]).unwrap();
    let wound = Modular::with_flux(&four, 3, &[(0, 1), (1, 2)], &[(four.cut(1, 0), 2)]).unwrap();
    let pinned: Vec<Sector> = vec![
        Arc::new(Parity::gauss_law(&four, &[]).unwrap()),
        Arc::new(Parity::new(four.snake_order(), &[(four.cut(0, 0), true)]).unwrap()),
    ];
    let flux = SquareFlux::new(&four, &[], &[(four.cut(0, 0), 2), (four.cut(1, 0), 0)]).unwrap();
    let cylinder = [Boundary::Periodic, Boundary::Open];
    let cylinder = Lattice::new(LatticeKind::Square, &[4, 3], &cylinder).unwrap();
    let cylinder = Links::new(&cylinder).unwrap();
    // +1/2 and -1/2 by turns leave the ends.
    let by_turns = |v: u32| if v.is_multiple_of(2) { 1 } else { -1 };
    let ends = [0, 1, 2, 3, 8, 9, 10, 11].map(|v| (v, by_turns(v)));
    let ended = SquareFlux::with_twice_charges(&cylinder, 1, &ends, &[]).unwrap();
    let half = LinkChain::ring(1, &[0; 48]).unwrap();
    let charges: &'static [i64] = &[0, -1, 0, 0, 0, 0, 1, 0, 0, 0, -1, 0, 0, 0, 0, 1];
    let one = LinkChain::open(2, charges, [0, 0]).unwrap();
    let golden = FusionPath::ring(3, 32).unwrap();
    let spins = FusionPath::open(1_000_000, 24, 2).unwrap();
    let four_k = FusionPath::ring(4, 20).unwrap();
    // Fibonacci anyons and one parity of their labels.
    let order = (0..18).collect();
    let joint: Vec<Sector> = vec![
        Arc::new(FusionPath::ring(3, 18).unwrap()),
        Arc::new(Parity::new(order, &[(vec![0, 4, 9, 17], true)]).unwrap()),
    ];
    let (five, three) = (six.clone(), cubic.clone());
    let (w4, p4, f4) = (four.clone(), four.clone(), four.clone());
    let golden_ring = |x: &[u8]| (0..x.len()).all(|p| x[p] + x[(p + 1) % x.len()] > 0);
    let twice_spins = |x: &[u8]| -> Vec<i64> {
        let twice = |(p, &v): (usize, &u8)| 2 * i64::from(v) + (p % 2) as i64;
        x.iter().enumerate().map(twice).collect()
    };
    let is_charge = |n: i64, charge: (usize, i64)| {
        move |(v, s): (usize, &i64)| (s - if v == charge.0 { charge.1 } else { 0 }) % n == 0
    };
    vec![
        law(
            "Z2, torus of 6, two charges",
            Arc::new(z2),
            Box::new(move |x| {
                let odd = divergence(&six, x, i64::from);
                (odd.iter().enumerate()).all(|(v, s)| (s % 2 != 0) == [3, 20].contains(&v))
            }),
        ),
        law(
            "Z2, cubic torus of 3",
            Arc::new(z2_cubic),
            Box::new(move |x| divergence(&cubic, x, i64::from).iter().all(|s| s % 2 == 0)),
        ),
        law(
            "Z3, cubic torus of 3, charges",
            Arc::new(z3_cubic),
            Box::new(move |x| {
                let sums = divergence(&three, x, i64::from);
                let rest: Vec<i64> = (sums.iter().enumerate())
                    .map(|(v, s)| s - if v == 13 { 2 } else { 0 })
                    .collect();
                rest.iter().enumerate().all(is_charge(3, (0, 1)))
            }),
        ),
        law(
            "Z5, torus of 6, charges",
            Arc::new(z5),
            Box::new(move |x| {
                let sums = divergence(&five, x, i64::from);
                let rest: Vec<i64> = (sums.iter().enumerate())
                    .map(|(v, s)| s - if v == 9 { 3 } else { 0 })
                    .collect();
                rest.iter().enumerate().all(is_charge(5, (1, 2)))
            }),
        ),
        law(
            "square ice, torus of 4, charges",
            Arc::new(ice),
            Box::new(move |x| {
                let twice = divergence(&four, x, |v| 1 - 2 * i64::from(v));
                let known = |v| [2, -2, 0][[0, 5].iter().position(|&c| c == v).unwrap_or(2)];
                twice.iter().enumerate().all(|(v, s)| *s == known(v))
            }),
        ),
        law(
            "Z3, torus of 4, charges and a winding",
            Arc::new(wound),
            Box::new(move |x| {
                let sums = divergence(&w4, x, i64::from);
                let known = |v| [1, 2, 0][usize::min(v, 2)];
                let cut: i64 = w4.cut(1, 0).iter().map(|&l| i64::from(x[l as usize])).sum();
                cut % 3 == 2 && (sums.iter().enumerate()).all(|(v, s)| (s - known(v)) % 3 == 0)
            }),
        ),
        law(
            "Z2, torus of 4, one string around x",
            product(pinned).unwrap(),
            Box::new(move |x| {
                let cut: u8 = p4.cut(0, 0).iter().map(|&l| x[l as usize]).sum();
                cut % 2 == 1 && divergence(&p4, x, i64::from).iter().all(|s| s % 2 == 0)
            }),
        ),
        law(
            "square ice, torus of 4, flux",
            Arc::new(flux),
            Box::new(move |x| {
                let twice = |v: u8| 1 - 2 * i64::from(v);
                let through =
                    |k| -> i64 { f4.cut(k, 0).iter().map(|&l| twice(x[l as usize])).sum() };
                divergence(&f4, x, twice) == [0; 16] && [through(0), through(1)] == [2, 0]
            }),
        ),
        law(
            "square ice, cylinder of 4 by 3",
            Arc::new(ended),
            Box::new(move |x| {
                let twice = divergence(&cylinder, x, |v| 1 - 2 * i64::from(v));
                let known = |v: usize| {
                    if (4..8).contains(&v) {
                        0
                    } else {
                        by_turns(v as u32)
                    }
                };
                twice.iter().enumerate().all(|(v, s)| *s == known(v))
            }),
        ),
        law(
            "spin-1/2 link ring of 48",
            Arc::new(half),
            Box::new(|x| {
                (0..48).all(|n| {
                    let change = i64::from(x[(n + 47) % 48]) - i64::from(x[n]);
                    (0..2).contains(&(change + (n % 2) as i64))
                })
            }),
        ),
        law(
            "spin-1 link chain of 16, charges",
            Arc::new(one),
            Box::new(move |x| {
                let inner = x.iter().map(|&v| 1 - i64::from(v));
                let fields: Vec<i64> = [0].into_iter().chain(inner).chain([0]).collect();
                (fields.windows(2).zip(charges).enumerate())
                    .all(|(n, (e, q))| (0..2).contains(&(e[1] - e[0] - q + (n % 2) as i64)))
            }),
        ),
        chain_with_matter::<2>("Z2 ring of 40 with matter", true),
        chain_with_matter::<3>("Z3 chain of 40 with matter", false),
        law("golden ring of 32", Arc::new(golden), Box::new(golden_ring)),
        law(
            "golden ring of 18 and a parity",
            product(joint).unwrap(),
            Box::new(move |x| golden_ring(x) && x[0] ^ x[4] ^ x[9] ^ x[17] == 1),
        ),
        law(
            "24 spins of total spin 1",
            Arc::new(spins),
            Box::new(move |x| {
                let j = twice_spins(x);
                j[0] == 0 && j[24] == 2 && j.windows(2).all(|w| (w[0] - w[1]).abs() == 1)
            }),
        ),
        law(
            "ring of 20 at level 4",
            Arc::new(four_k),
            Box::new(move |x| {
                let j = twice_spins(x);
                (0..20).all(|p| j[p] <= 4 && (j[p] - j[(p + 1) % 20]).abs() == 1)
            }),
        ),
    ]
}

/// Z_N matter on 40 vertices and the links between them by turns, static charges 1 and N - 1 on vertices 3
/// and 30: what leaves a vertex minus what enters it is its matter and its charge.
fn chain_with_matter<const N: usize>(name: &'static str, is_ring: bool) -> Law {
    let sites = if is_ring { 80 } else { 79 };
    let charge = |v: u32| match v {
        3 => 1,
        30 => N as i64 - 1,
        _ => 0,
    };
    let check = |v: u32| {
        let mut terms = vec![(2 * v, -1)];
        if is_ring || v > 0 {
            terms.push(((2 * v + 79) % 80, -1));
        }
        if is_ring || v < 39 {
            terms.push((2 * v + 1, 1));
        }
        (terms, charge(v))
    };
    let checks: Vec<_> = (0..40).map(check).collect();
    let sector: Sector = if N == 2 {
        let parity = |(terms, q): &(Vec<(u32, i64)>, i64)| {
            let set = terms.iter().map(|t| t.0).collect();
            (set, q % 2 == 1)
        };
        let checks: Vec<_> = checks.iter().map(parity).collect();
        Arc::new(Parity::new((0..sites).collect(), &checks).unwrap())
    } else {
        Arc::new(Modular::new((0..sites).collect(), N, &checks).unwrap())
    };
    let holds = move |x: &[u8]| {
        let at = |site: usize| x.get(site).map_or(0, |&v| i64::from(v));
        let before = |v: usize| match v {
            0 if is_ring => at(79),
            0 => 0,
            v => at(2 * v - 1),
        };
        (0..40).all(|v| {
            let rest = at(2 * v + 1) - before(v) - at(2 * v) - charge(v as u32);
            rest % N as i64 == 0
        })
    };
    Law {
        name,
        sector,
        holds: Box::new(holds),
    }
}

/// Draws shots of a small random network in each sector.
fn all_legal(shots: u64) {
    for Law {
        name,
        sector,
        holds,
    } in laws()
    {
        let params = TransformerParams {
            layers: 1,
            width: 8,
            heads: 2,
        };
        let net = Transformer::<f64>::new(*sector.space(), params).unwrap();
        let psi = Autoregressive::new(net, sector);
        // Far from uniform, so that rare branches and nearly forced ones occur.
        let theta: Vec<f64> = (psi.layout().initial(Stream::new(2)).iter())
            .map(|t| 3.0 * t)
            .collect();
        let samples = psi.sample(&theta, 0..shots, Stream::new(3));
        let total: f64 = samples.weight.iter().sum();
        assert!((total - 1.0).abs() < 1e-9, "{name}: weights of {total}");
        assert!(samples.len() > 1, "{name}: one configuration only");
        for x in samples.x.view().rows() {
            assert!(holds(x), "{name}: {x:?}");
        }
        println!("{name}: {} different of {shots}", samples.len());
    }
}

#[test]
fn samples_obey_the_laws_as_they_are_written() {
    all_legal(2000);
}

#[test]
#[ignore = "a million samples of each law: four minutes in release"]
fn a_million_samples_obey_the_laws_as_they_are_written() {
    all_legal(1_000_000);
}

/// Relative distance to the exact ground state after steps with sums over all configurations.
fn trained<M: Conditional<Log = f64>>(model: &Model<f64>, net: M, steps: usize) -> f64 {
    let psi = Autoregressive::new(net, model.sector().clone());
    let all = FullSum::new(&**model.sector(), Memory::default()).unwrap();
    let theta = psi.layout().initial(Stream::new(4));
    let mut vmc = GroundState::new(model, &psi, all, theta);
    // 60 units of imaginary time.
    vmc.learning_rate = Schedule::Constant(0.2);
    vmc.shift = Some(Schedule::training_shift());
    for report in vmc.by_ref().take(steps) {
        report.unwrap();
    }
    let energy = vmc.measure().unwrap().0.mean;
    let levels = lowest(model, 2, &LanczosParams::default())
        .unwrap()
        .energies;
    let gap = levels[1] - levels[0];
    assert!(gap > 0.05, "a gap of {gap} takes longer");
    let exact = levels[0];
    (energy - exact) / exact.abs()
}

#[test]
fn transformers_and_recurrent_networks_reach_the_exact_energies() {
    let two = Lattice::square([2, 2], Boundary::Periodic).unwrap();
    let chain = |n, boundary| Lattice::chain(n, boundary).unwrap();
    let spins = GoldenChain {
        level: 100_000,
        ..GoldenChain::default()
    };
    let golden = GoldenChain::default();
    let wide = LinkChain::open(2, &[0, -1, 0, 0, 1, 0], [0, 0]).unwrap();
    let spin1 = QuantumLink {
        w: 1.0,
        m: 0.3,
        g: 0.8,
    };
    let open = Lattice::square([3, 3], Boundary::Open).unwrap();
    let z3 = ZnGauge { n: 3, g: 0.4 }.on(&open).unwrap();
    let links = Links::new(&open).unwrap();
    let charged = Modular::gauss_law(&links, 3, &[(0, 1), (4, 2)]).unwrap();
    let cases = [
        ("Z2", Z2Gauge::new(0.4).on(&two)),
        ("Z2, magnetic", Z2Gauge::new(0.4).magnetic(&two)),
        ("Z3 with charges", z3.in_sector(Arc::new(charged))),
        (
            "link ring",
            QuantumLink::new(0.2).on(&chain(8, Boundary::Periodic)),
        ),
        ("spin-1 links with charges", spin1.in_sector(wide)),
        ("square links", SquareLink::new(0.3).on(&two)),
        ("golden ring", golden.on(&chain(8, Boundary::Periodic))),
        ("total spin", spins.on(&chain(10, Boundary::Open))),
    ];
    let transformer = TransformerParams {
        layers: 1,
        width: 12,
        heads: 2,
    };
    let recurrent = RnnParams {
        cell: Cell::Gru,
        layers: 1,
        width: 12,
    };
    let mut found = Vec::new();
    for (name, model) in cases {
        let model = model.unwrap();
        let space = *model.space();
        let off = [
            trained(&model, Transformer::new(space, transformer).unwrap(), 300),
            trained(&model, Rnn::new(space, recurrent).unwrap(), 300),
        ];
        println!("{name}: transformer {:.1e}, GRU {:.1e}", off[0], off[1]);
        found.push((name, off));
    }
    for (name, off) in found {
        for off in off {
            assert!((-1e-12..1e-4).contains(&off), "{name}: {off:e}");
        }
    }
}

#[test]
#[ignore = "slow: two minutes in release"]
fn golden_and_heisenberg_chains_reach_the_accuracy_that_the_book_gives() {
    let params = TransformerParams {
        layers: 2,
        width: 16,
        heads: 2,
    };
    let spins = GoldenChain {
        level: 100_000,
        ..GoldenChain::default()
    };
    let golden = GoldenChain::default();
    let chain = |n, boundary| Lattice::chain(n, boundary).unwrap();
    let cases = [
        (
            "golden ring of 12",
            golden.on(&chain(12, Boundary::Periodic)),
            5e-5,
        ),
        (
            "16 spins of total spin 0",
            spins.on(&chain(16, Boundary::Open)),
            1e-4,
        ),
    ];
    for (name, model, limit) in cases {
        let model = model.unwrap();
        let net = Transformer::new(*model.space(), params).unwrap();
        let off = trained(&model, net, 200);
        println!("{name}: {off:.1e}");
        assert!((-1e-12..limit).contains(&off), "{name}: {off:e}");
    }
}
