use super::*;
use crate::{Autoregressive, PrefixTable};
use ketwork_hamiltonians::{Free, Number};
use std::sync::Arc;

fn ring(n: usize) -> Vec<Relabelling> {
    let shift = (0..n as u32).map(|i| (i + 1) % n as u32).collect();
    vec![
        Relabelling {
            sites: shift,
            flip: false,
        },
        Relabelling::spin_flip(n),
    ]
}

fn state(n: usize) -> Symmetrized<Autoregressive<PrefixTable<Complex64>>> {
    let space = Space::qubits(n);
    let sector: Sector = Arc::new(Number::new(space, n / 2).unwrap());
    let net = Autoregressive::new(PrefixTable::new(space), sector.clone());
    Symmetrized::new(net, &sector, &ring(n)).unwrap()
}

fn all(n: usize) -> Configs {
    let rows = (0..1usize << n).flat_map(|i| (0..n).map(move |p| (i >> p & 1) as u8));
    Configs::from_data(n, rows.collect())
}

#[test]
fn the_mixture_is_normalised_and_invariant() {
    let psi = state(6);
    assert_eq!(psi.group().len(), 12);
    let theta = psi.layout().initial(Stream::new(1));
    let x = all(6);
    let mut log = vec![Complex64::ZERO; x.len()];
    psi.log_psi(&theta, x.view(), &mut log);
    let norm: f64 = log.iter().map(|l| (2.0 * l.re).exp()).sum();
    assert!((norm - 1.0).abs() < 1e-12, "{norm}");
    for g in psi.group() {
        let mut moved = vec![Complex64::ZERO; x.len()];
        psi.log_psi(&theta, psi.image(g, x.view()).view(), &mut moved);
        for (a, b) in log.iter().zip(&moved) {
            let same = Scalar::exp(*a) - Scalar::exp(*b);
            assert!(same.norm() < 1e-12, "{a} {b}");
        }
    }
}

/// Neighbours by the exchange of sites s and s + 1, against whole evaluations.
fn neighbours_agree(psi: &impl Ancestral<Log = Complex64>, theta: &[f64], shots: u64) -> usize {
    let n = psi.space().n_sites;
    let x = psi.sample(theta, 0..shots, Stream::new(3)).x;
    let mut near = Neighbours::default();
    for b in 0..x.len() {
        for s in (0..n - 1).filter(|&s| x.row(b)[s] != x.row(b)[s + 1]) {
            near.push(b, [(s, x.row(b)[s + 1]), (s + 1, x.row(b)[s])]);
        }
    }
    let mut fast = vec![Complex64::ZERO; near.len()];
    psi.log_psi_neighbours(theta, x.view(), &near, &mut fast);
    let mut full = Configs::zeros(near.len(), n);
    (0..near.len()).for_each(|k| near.write(k, x.view(), full.row_mut(k)));
    for (row, a) in full.view().rows().zip(&fast) {
        let mut b = [Complex64::ZERO];
        psi.log_psi(theta, ConfigsRef::new(n, row), &mut b);
        let same = Scalar::exp(*a - b[0]);
        assert!((same - 1.0).norm() < 1e-11, "{a} {}", b[0]);
    }
    near.len()
}

#[test]
fn neighbours_and_tangent_agree_with_their_definitions() {
    let psi = state(6);
    let theta = psi.layout().initial(Stream::new(2));
    let x = psi.sample(&theta, 0..10, Stream::new(3)).x;
    // On six sites the orbits repeat, on twelve the two samples have neighbours of their own.
    assert!(neighbours_agree(&psi, &theta, 10) > 20);
    let large = state(12);
    let parameters = large.layout().initial(Stream::new(2));
    assert!(neighbours_agree(&large, &parameters, 2) > 6);
    let (b, p, h) = (x.len(), theta.len(), 1e-5);
    let mut rows = vec![0.0; 2 * b * p];
    psi.jacobian(&theta, x.view(), &mut rows);
    for j in 0..p {
        let slope = |sign: f64| {
            let mut moved = theta.clone();
            moved[j] += sign * h;
            let mut log = vec![Complex64::ZERO; b];
            psi.log_psi(&moved, x.view(), &mut log);
            log
        };
        let (up, down) = (slope(1.0), slope(-1.0));
        for s in 0..b {
            let d = (up[s] - down[s]) / (2.0 * h);
            // The phase of a sum bends faster than its parts: truncation of order 1e-8.
            assert!((rows[s * p + j] - d.re).abs() < 1e-7, "re {s} {j}");
            assert!((rows[(b + s) * p + j] - d.im).abs() < 1e-7, "im {s} {j}");
        }
    }
}

#[test]
fn shots_follow_the_mixture() {
    let psi = state(6);
    let theta = psi.layout().initial(Stream::new(4));
    let samples = psi.sample(&theta, 0..20_000, Stream::new(5));
    let (mut chi2, mut seen) = (0.0, 0.0);
    for (log, w) in samples.log_psi.iter().zip(&samples.weight) {
        let q = (2.0 * log.re).exp();
        seen += q;
        chi2 += 20_000.0 * (w - q).powi(2) / q;
    }
    // All 20 legal states occur; chi-square with 19 degrees exceeds 43.8 with probability 1e-3.
    assert!(
        samples.len() == 20 && seen > 1.0 - 1e-9,
        "{} {seen}",
        samples.len()
    );
    assert!(chi2 < 43.8, "chi-square {chi2}");
}

#[test]
fn a_sector_that_breaks_the_symmetry_is_refused() {
    let space = Space::qubits(5);
    let sector: Sector = Arc::new(Number::new(space, 2).unwrap());
    let net = Autoregressive::new(PrefixTable::<f64>::new(space), sector.clone());
    let flip = [Relabelling::spin_flip(5)];
    assert!(matches!(
        Symmetrized::new(net, &sector, &flip),
        Err(SymmetryError::NotInvariant { .. })
    ));
    let free: Sector = Arc::new(Free::new(space));
    let net = Autoregressive::new(PrefixTable::<f64>::new(space), free.clone());
    let twice = [Relabelling {
        sites: vec![0, 0, 1, 2, 3],
        flip: false,
    }];
    assert!(matches!(
        Symmetrized::new(net, &free, &twice),
        Err(SymmetryError::NoPermutation { .. })
    ));
}

/// Outcomes of three sites mixed over some orderings that are no group.
fn strings() -> Symmetrized<Autoregressive<PrefixTable<f64>>> {
    let space = Space::new(3, 4);
    let sector: Sector = Arc::new(Free::new(space));
    let net = Autoregressive::probability(PrefixTable::new(space), sector.clone());
    let of = |sites: [u32; 3]| Relabelling {
        sites: sites.to_vec(),
        flip: false,
    };
    let some = vec![of([0, 1, 2]), of([1, 2, 0]), of([2, 1, 0])];
    assert_eq!(Relabelling::group(3, &some).unwrap().len(), 6, "no group");
    Symmetrized::over(net, &sector, some).unwrap()
}

fn outcomes() -> Configs {
    let rows = (0..64).flat_map(|i| [i >> 4 & 3, i >> 2 & 3, i & 3]);
    Configs::from_data(3, rows.collect())
}

#[test]
fn a_mixture_over_any_orderings_is_normalised_and_sampled_exactly() {
    let psi = strings();
    let theta = psi.layout().initial(Stream::new(7));
    let x = outcomes();
    let mut log = vec![0.0; x.len()];
    psi.log_psi(&theta, x.view(), &mut log);
    let norm: f64 = log.iter().map(|l| l.exp()).sum();
    assert!((norm - 1.0).abs() < 1e-12, "{norm}");
    // The definition, image by image.
    for (row, log) in x.view().rows().zip(&log) {
        let mut sum = 0.0;
        for g in psi.group() {
            let mut one = [0.0];
            let image = g.image(row, 4);
            psi.inner
                .log_psi(&theta, ConfigsRef::new(3, &image), &mut one);
            sum += one[0].exp() / 3.0;
        }
        assert!((log.exp() - sum).abs() < 1e-13, "{} {sum}", log.exp());
    }
    let shots = 20_000.0;
    let samples = psi.sample(&theta, 0..20_000, Stream::new(5));
    let (mut chi2, mut seen) = (0.0, 0.0);
    for (log, w) in samples.log_psi.iter().zip(&samples.weight) {
        let q = log.exp();
        seen += q;
        chi2 += shots * (w - q).powi(2) / q;
    }
    assert!(samples.len() == 64 && seen > 1.0 - 1e-9, "{seen}");
    // Chi-square with 63 degrees exceeds 103.4 with probability 1e-3.
    assert!(chi2 < 103.4, "chi-square {chi2}");
}

#[test]
fn the_gradient_of_a_mixture_equals_central_differences() {
    let psi = strings();
    let theta = psi.layout().initial(Stream::new(8));
    let x = outcomes();
    let (b, p, h) = (x.len(), theta.len(), 1e-5);
    let mut rows = vec![0.0; b * p];
    psi.jacobian(&theta, x.view(), &mut rows);
    for j in 0..p {
        let there = |sign: f64| {
            let mut moved = theta.clone();
            moved[j] += sign * h;
            let mut log = vec![0.0; b];
            psi.log_psi(&moved, x.view(), &mut log);
            log
        };
        for (s, (up, down)) in there(1.0).iter().zip(there(-1.0)).enumerate() {
            let slope = (up - down) / (2.0 * h);
            assert!((rows[s * p + j] - slope).abs() < 1e-8, "{s} {j}: {slope}");
        }
    }
}

#[test]
fn a_mixture_over_a_group_is_the_symmetric_state() {
    let space = Space::new(4, 4);
    let sector: Sector = Arc::new(Free::new(space));
    let net = || Autoregressive::probability(PrefixTable::<f64>::new(space), sector.clone());
    let turn = Relabelling {
        sites: vec![1, 2, 3, 0],
        flip: false,
    };
    let one = Symmetrized::new(net(), &sector, std::slice::from_ref(&turn)).unwrap();
    let all = one.group().to_vec();
    let other = Symmetrized::over(net(), &sector, all).unwrap();
    assert!(other.is_group);
    let theta = one.layout().initial(Stream::new(2));
    let x = one.sample(&theta, 0..50, Stream::new(3)).x;
    let (mut a, mut b) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    one.log_psi(&theta, x.view(), &mut a);
    other.log_psi(&theta, x.view(), &mut b);
    assert_eq!(a, b);
    let twice = vec![turn.clone(), turn];
    assert!(!Symmetrized::over(net(), &sector, twice).unwrap().is_group);
}
