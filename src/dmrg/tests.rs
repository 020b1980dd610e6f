use crate::*;
use ketwork_hamiltonians::{
    Action, Blockade, Boundary, Configs, Connected, Free, Hamiltonian, Heisenberg, J1J2, Lattice,
    LocalMask, LocalSum, Model, OnSpace, Pauli, PauliSum, PauliTerm, Rydberg, RydbergBlockade,
    Space, Term, Tfim, is_legal,
};
use num_complex::Complex64;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::sync::Arc;

fn open_chain(n: usize) -> Lattice {
    Lattice::chain(n, Boundary::Open).unwrap()
}

fn square(l: [usize; 2]) -> Lattice {
    Lattice::square(l, Boundary::Open).unwrap()
}

/// All configurations, the first site slowest.
fn configurations(space: Space) -> Configs {
    let (n, d) = (space.n_sites, space.local_dim);
    let mut out = Configs::new(n);
    for i in 0..d.pow(n as u32) {
        let digit = |s: usize| (i / d.pow((n - 1 - s) as u32) % d) as u8;
        out.push(&(0..n).map(digit).collect::<Vec<_>>());
    }
    out
}

/// Row by row from the connected elements, in the legal configurations.
fn dense<H: Hamiltonian>(h: &H) -> (Configs, Vec<Vec<H::Elem>>)
where
    H::Elem: Element,
{
    let all = configurations(*h.space());
    let mut legal = Configs::new(all.n_sites());
    for x in all.view().rows() {
        if is_legal(h.sector().as_ref(), x) {
            legal.push(x);
        }
    }
    let index: std::collections::HashMap<_, _> = legal
        .view()
        .rows()
        .enumerate()
        .map(|(i, x)| (x.to_vec(), i))
        .collect();
    let mut rows = Connected::default();
    h.connected(legal.view(), &mut rows);
    let n = legal.len();
    let mut out = vec![vec![H::Elem::default(); n]; n];
    for (i, (row, v)) in out.iter_mut().zip(&rows.diagonal).enumerate() {
        row[i] += *v;
    }
    let mut y = vec![0; all.n_sites()];
    for k in 0..rows.neighbours.len() {
        rows.neighbours.write(k, legal.view(), &mut y);
        if let Some(&j) = index.get(&y) {
            out[rows.neighbours.parent[k] as usize][j] += rows.element[k];
        }
    }
    (legal, out)
}

fn lowest<T: Element>(rows: &[Vec<T>]) -> f64 {
    let (values, _) =
        ketwork_linalg::eigen_complex(rows.len(), |i, j| rows[i][j].to_complex()).unwrap();
    values[0]
}

/// A Hermitian sum of random terms of all kinds, in a random order of the sites.
fn random_sum(space: Space, seed: u64) -> (LocalSum<Complex64>, Vec<u32>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let n = space.n_sites;
    let shuffled = |rng: &mut ChaCha8Rng| {
        let mut sites: Vec<_> = (0..n as u32).collect();
        for i in (1..n).rev() {
            sites.swap(i, (rng.random::<f64>() * (i + 1) as f64) as usize);
        }
        sites
    };
    let mut terms = Vec::new();
    for t in 0..12 {
        let mut sites = shuffled(&mut rng);
        let k = 1 + t % 4;
        let guard = if t % 3 == 0 {
            vec![(sites[k], LocalMask::only(1))]
        } else {
            Vec::new()
        };
        sites.truncate(k);
        let size = (space.local_dim as u32).pow(k as u32);
        let action = if t % 2 == 0 && space.local_dim == 2 {
            let letters = [Pauli::I, Pauli::X, Pauli::Y, Pauli::Z];
            let string = (0..k).map(|_| letters[(rng.random::<f64>() * 4.0) as usize]);
            Action::Pauli(string.collect(), Complex64::from(rng.random::<f64>()))
        } else {
            let mut rows = Vec::new();
            for _ in 0..6 {
                let mut index = || (rng.random::<f64>() * f64::from(size)) as u32;
                let (r, c) = (index(), index());
                let v = Complex64::new(rng.random(), rng.random());
                rows.push((r, c, v));
                rows.push((c, r, v.conj()));
            }
            Action::Rows(rows.into())
        };
        terms.push(Term {
            sites,
            guard,
            action,
            coupling: t as u32 % 2,
        });
    }
    let couplings = vec![("a".to_owned(), 0.7), ("b".to_owned(), -1.3)];
    let order = shuffled(&mut rng);
    (LocalSum::new(space, terms, couplings).unwrap(), order)
}

#[test]
fn an_mpo_has_the_elements_of_the_sum_it_was_made_from() {
    for (space, seed) in [
        (Space::qubits(6), 1),
        (Space::qubits(6), 2),
        (Space::new(5, 3), 3),
    ] {
        let (sum, order) = random_sum(space, seed);
        let mpo = Mpo::new(&sum, &order).unwrap();
        let free = Arc::new(Free::with_order(space, order.clone()));
        let (all, rows) = dense(&Model::new(sum, free).unwrap());
        let by_position = |x: &[u8]| order.iter().map(|&s| x[s as usize]).collect::<Vec<_>>();
        for (i, x) in all.view().rows().enumerate() {
            for (j, y) in all.view().rows().enumerate() {
                let found = mpo.element(&by_position(x), &by_position(y));
                assert!(
                    (found - rows[i][j]).norm() < 1e-12,
                    "seed {seed}, element {x:?} {y:?}: {found} for {}",
                    rows[i][j]
                );
            }
        }
    }
}

#[test]
fn an_mpo_is_as_narrow_as_the_ranks_allow() {
    let tfim = Tfim::new(1.0).on(&open_chain(8)).unwrap();
    let mpo = Mpo::new(tfim.terms(), tfim.sector().order()).unwrap();
    assert_eq!(mpo.bond_dims(), [1, 3, 3, 3, 3, 3, 3, 3, 1]);
    let heisenberg = Heisenberg::default().on(&open_chain(6)).unwrap();
    let mpo = Mpo::new(heisenberg.terms(), heisenberg.sector().order()).unwrap();
    assert_eq!(mpo.bond_dims(), [1, 4, 5, 5, 5, 4, 1]);
    // Three operators on each of the last 8 sites, nothing yet, and all done.
    let square = J1J2::new(0.5).on(&square([8, 8])).unwrap();
    let mpo = Mpo::new(square.terms(), square.sector().order()).unwrap();
    assert_eq!(mpo.bond_dims().into_iter().max(), Some(26));
    // Couplings that decay exponentially need one state at any distance.
    let n = 12;
    let mut terms = Vec::new();
    for a in 0..n {
        for b in a + 1..n {
            let v = 0.7_f64.powi((b - a) as i32);
            terms.push(Term {
                sites: vec![a, b],
                guard: Vec::new(),
                action: Action::Pauli(vec![Pauli::Z; 2], v),
                coupling: 0,
            });
        }
    }
    let sum = LocalSum::new(Space::qubits(12), terms, vec![("j".to_owned(), 1.0)]).unwrap();
    let mpo = Mpo::new(&sum, &(0..n).collect::<Vec<_>>()).unwrap();
    assert_eq!(mpo.bond_dims()[2..11], [3; 9]);
}

#[test]
fn dmrg_finds_the_ground_state_of_the_dense_matrix() {
    let real = [
        Tfim::new(0.8).on(&open_chain(8)).unwrap(),
        Heisenberg::default().on(&open_chain(8)).unwrap(),
        Heisenberg {
            twice_sz: 3,
            ..Heisenberg::default()
        }
        .on(&open_chain(7))
        .unwrap(),
        J1J2::new(0.5).on(&square([4, 3])).unwrap(),
    ];
    for (i, model) in real.iter().enumerate() {
        compare(model, &format!("model {i}"));
        if i < 3 {
            compare(&model.to_complex(), &format!("complex model {i}"));
        }
    }
}

#[test]
fn the_smallest_chains_and_sectors_work() {
    compare(&Tfim::new(1.0).on(&open_chain(2)).unwrap(), "two sites");
    for twice_sz in [4, -4, 2] {
        let sector = Heisenberg {
            twice_sz,
            ..Heisenberg::default()
        };
        let model = sector.on(&open_chain(4)).unwrap();
        compare(&model, &format!("2 Sz = {twice_sz}"));
    }
}

#[test]
fn long_range_couplings_compress_to_their_numerical_rank() {
    let n = 64;
    let mut terms = Vec::new();
    for a in 0..n {
        for b in a + 1..n {
            terms.push(Term {
                sites: vec![b, a],
                guard: Vec::new(),
                action: Action::Pauli(vec![Pauli::Z; 2], f64::from(b - a).powi(-3)),
                coupling: 0,
            });
        }
    }
    let sum = LocalSum::new(Space::qubits(64), terms, vec![("j".to_owned(), 1.0)]).unwrap();
    let mpo = Mpo::new(&sum, &(0..n).collect::<Vec<_>>()).unwrap();
    let widest = mpo.bond_dims().into_iter().max().unwrap();
    // 32 distances without compression.
    assert!(widest <= 20, "{widest}");
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let x: Vec<u8> = (0..n)
        .map(|_| u8::from(rng.random::<f64>() < 0.5))
        .collect();
    let z = |i: u32| 1.0 - 2.0 * f64::from(x[i as usize]);
    let mut exact = 0.0;
    for a in 0..n {
        for b in a + 1..n {
            exact += z(a) * z(b) * f64::from(b - a).powi(-3);
        }
    }
    let found = mpo.element(&x, &x);
    assert!(
        (found - exact).abs() < 1e-11,
        "{found} for {exact}, width {widest}"
    );
}

fn compare<T: Element>(model: &Model<T>, name: &str) {
    let (legal, rows) = dense(model);
    let exact = lowest(&rows);
    let (psi, info) = ground_state(model, DmrgParams::default()).unwrap();
    // The sweeps end when the energy changes by 1e-10.
    assert!(
        (info.last.energy - exact).abs() < 1e-9,
        "{name}: {} for {exact} after {} sweeps",
        info.last.energy,
        info.sweeps
    );
    assert!(info.last.converged, "{name}: {info:?}");
    assert!(
        psi.canonical_error() < 1e-12,
        "{name}: {}",
        psi.canonical_error()
    );
    assert!((psi.norm() - 1.0).abs() < 1e-12, "{name}: {}", psi.norm());
    // The amplitudes of legal configurations hold the whole norm, and the energy.
    let amplitudes: Vec<T> = legal.view().rows().map(|x| psi.amplitude(x)).collect();
    let weight: f64 = amplitudes.iter().map(|a| a.abs2()).sum();
    assert!(
        (weight - 1.0).abs() < 1e-12,
        "{name}: weight {weight} in the sector"
    );
    let mut energy = 0.0;
    for (row, a) in rows.iter().zip(&amplitudes) {
        let image: T = row.iter().zip(&amplitudes).map(|(h, b)| *h * *b).sum();
        energy += (a.conj() * image).re();
    }
    assert!(
        (energy - info.last.energy).abs() < 1e-11,
        "{name}: {energy}"
    );
}

#[test]
fn a_complex_hamiltonian_has_its_complex_ground_state() {
    let mut terms = Vec::new();
    for i in 0..7_u32 {
        // Dzyaloshinskii-Moriya exchange and a field in three directions.
        terms.push(PauliTerm::new(1.0, "XY", &[i, i + 1]).unwrap());
        terms.push(PauliTerm::new(-1.0, "YX", &[i, i + 1]).unwrap());
        terms.push(PauliTerm::new(0.4, "ZZ", &[i, i + 1]).unwrap());
    }
    for i in 0..8_u32 {
        terms.push(PauliTerm::new(0.3, "X", &[i]).unwrap());
        terms.push(PauliTerm::new(0.2, "Y", &[i]).unwrap());
        terms.push(PauliTerm::new(0.1, "Z", &[i]).unwrap());
    }
    let ketwork_hamiltonians::AnyModel::Complex(model) =
        PauliSum::new(terms).on(&open_chain(8)).unwrap()
    else {
        panic!("a single Y is complex");
    };
    compare(&model, "DM");
}

#[test]
fn a_sector_that_is_no_sum_is_kept_by_its_projector() {
    let rydberg = Rydberg {
        omega: 1.0,
        delta: 0.7,
        c6: 0.5,
        blockade: RydbergBlockade::Nearest,
    };
    compare(&rydberg.on(&open_chain(9)).unwrap(), "blockade");
    // X alone leaves the sector: what counts is its part inside.
    let x = |site| Term {
        sites: vec![site],
        guard: Vec::new(),
        action: Action::Pauli(vec![Pauli::X], -1.0),
        coupling: 0,
    };
    let space = Space::qubits(6);
    let sum = LocalSum::new(space, (0..6).map(x).collect(), vec![("h".to_owned(), 1.0)]).unwrap();
    let chain = open_chain(6);
    let blockade = Blockade::new(space, chain.snake_order(), chain.edges());
    compare(&Model::new(sum, Arc::new(blockade)).unwrap(), "cut X");
}

#[test]
fn the_critical_chain_of_32_sites_has_its_exact_energy() {
    let model = Tfim::new(1.0).on(&open_chain(32)).unwrap();
    let params = DmrgParams {
        bonds: vec![16, 32],
        ..DmrgParams::default()
    };
    let mut dmrg = Dmrg::new(&model, params).unwrap();
    dmrg.by_ref().for_each(|sweep| _ = sweep.unwrap());
    assert!(
        (dmrg.energy() + 40.384_313_161).abs() < 1e-9,
        "{}",
        dmrg.energy()
    );
    // Energy^2 is 1600; rounding of the contraction leaves 1e-12 of it.
    assert!(dmrg.variance().abs() < 1e-8, "{}", dmrg.variance());
}

#[test]
fn a_sector_with_too_many_states_is_refused_with_its_place() {
    let space = Space::qubits(12);
    let pairs: Vec<_> = (0..6).map(|i| (i, i + 6)).collect();
    let blockade = Blockade::new(space, (0..12).collect(), &pairs);
    let (sum, _) = random_sum(space, 5);
    let model = Model::new(sum, Arc::new(blockade)).unwrap();
    let error = Dmrg::new(&model, DmrgParams::default()).unwrap_err();
    let wanted = DmrgError::SectorTooWide {
        states: 64,
        position: 5,
        limit: 32,
    };
    assert_eq!(error, wanted);
}

#[test]
fn equal_seeds_give_equal_bits() {
    let model = J1J2::new(0.3).on(&square([3, 4])).unwrap();
    let run = || {
        let params = DmrgParams {
            bonds: vec![12],
            max_sweeps: 3,
            ..DmrgParams::default()
        };
        ground_state(&model, params).unwrap().0
    };
    assert_eq!(run(), run());
}

#[test]
fn the_frustrated_square_of_16_sites_at_bond_32() {
    let model = J1J2::new(0.5).on(&square([4, 4])).unwrap();
    let params = DmrgParams {
        bonds: vec![16, 32],
        tolerance: 1e-8,
        ..DmrgParams::default()
    };
    let mut dmrg = Dmrg::new(&model, params).unwrap();
    dmrg.by_ref().for_each(|sweep| _ = sweep.unwrap());
    // In Pauli units, per site; TeNPy finds -1.874529.
    let e = 4.0 * dmrg.energy() / 16.0;
    assert!(e < -1.874_528, "{e}");
}

#[test]
fn the_frustrated_square_of_16_sites_is_exact_at_bond_256() {
    let model = J1J2::new(0.5).on(&square([4, 4])).unwrap();
    let params = DmrgParams {
        bonds: vec![32, 64, 256],
        ..DmrgParams::default()
    };
    let mut dmrg = Dmrg::new(&model, params).unwrap();
    dmrg.by_ref().for_each(|sweep| _ = sweep.unwrap());
    // In Pauli units, per site, by exact diagonalisation.
    let e = 4.0 * dmrg.energy() / 16.0;
    assert!((e + 1.876_389_24).abs() < 1e-8, "{e}");
}

#[test]
fn expectations_and_entropies_are_those_of_the_amplitudes() {
    let model = Heisenberg::default().on(&open_chain(6)).unwrap();
    let (psi, _) = ground_state(&model, DmrgParams::default()).unwrap();
    let all = configurations(*model.space());
    let amplitude: Vec<f64> = all.view().rows().map(|x| psi.amplitude(x)).collect();
    // X on two sites does not keep total Sz by itself.
    let sum = LocalSum::new(
        *model.space(),
        vec![Term {
            sites: vec![1, 4],
            guard: Vec::new(),
            action: Action::Pauli(vec![Pauli::X; 2], 1.0),
            coupling: 0,
        }],
        vec![("c".to_owned(), 1.0)],
    )
    .unwrap();
    let mpo = Mpo::new(&sum, &psi.order).unwrap();
    let flip = |i: usize| i ^ 0b010_010;
    let exact: f64 = (0..64).map(|i| amplitude[i] * amplitude[flip(i)]).sum();
    let found = psi.expectation(&mpo);
    assert!((found - exact).abs() < 1e-12, "{found} for {exact}");
    assert!(exact.abs() > 0.01, "the test needs a value that is not 0");
    // Entropy of the first three sites from the eigenvalues of their density matrix.
    let rho = |i: usize, j: usize| {
        (0..8)
            .map(|k| amplitude[8 * i + k] * amplitude[8 * j + k])
            .sum()
    };
    let (p, _) = ketwork_linalg::eigen_real(8, rho).unwrap();
    let exact: f64 = p.iter().filter(|p| **p > 1e-16).map(|p| -p * p.ln()).sum();
    let found = psi.entropies()[2];
    assert!((found - exact).abs() < 1e-12, "{found} for {exact}");
}
