use super::*;
use crate::exact::{Basis, Memory, expectation, renyi2};
use crate::hamiltonians::{
    Action, Boundary, Configs, Free, Lattice, LocalSum, Number, OnSpace, Pauli, Sector, Space, Term,
};
use crate::{
    Ancestral, Autoregressive, FullSum, Independent, Metropolis, MetropolisParams, PrefixTable,
    Sampler, Stream,
};
use num_complex::Complex64;
use std::sync::Arc;

type Table = Autoregressive<PrefixTable<Complex64>>;

/// A state with strong correlations and phases: parameters five times as large as initial ones.
fn state(sector: Sector) -> (Table, Vec<f64>) {
    let psi = Autoregressive::new(PrefixTable::new(*sector.space()), sector);
    let mut theta = psi.layout().initial(Stream::new(12));
    theta.iter_mut().for_each(|t| *t *= 5.0);
    (psi, theta)
}

fn sectors() -> Vec<Sector> {
    let qubits = Space::qubits(6);
    vec![
        Arc::new(Free::new(qubits)),
        Arc::new(Number::new(qubits, 3).unwrap()),
        Arc::new(Number::new(Space::new(4, 3), 4).unwrap()),
        // Only where single changes are legal do diagonal and off-diagonal elements meet.
        Arc::new(Free::new(Space::new(4, 3))),
    ]
}

/// The state as a vector over the basis of its sector.
fn vector(psi: &Table, theta: &[f64]) -> (Basis, Vec<Complex64>) {
    let basis = Basis::new(&**psi.sector(), Memory::default()).unwrap();
    let mut log = vec![Complex64::ZERO; basis.len()];
    psi.log_psi(theta, basis.configs(0..basis.len()).view(), &mut log);
    (basis, log.iter().map(|l| l.exp()).collect())
}

/// The full matrix of O_i O_j, from sparse rows on the sites.
fn product(space: Space, op: &SiteOperator, i: usize, j: usize) -> LocalSum<Complex64> {
    let d = space.local_dim;
    let (sites, rows) = if i == j {
        let all = (0..d * d).map(|k| {
            let through = |m: u8| op.element((k / d) as u8, m) * op.element(m, (k % d) as u8);
            let sum: Complex64 = (0..d as u8).map(through).sum();
            ((k / d) as u32, (k % d) as u32, sum)
        });
        (vec![i as u32], all.collect::<Vec<_>>())
    } else {
        let mut all = Vec::new();
        for row in 0..d * d {
            for column in 0..d * d {
                let on_i = op.element((row / d) as u8, (column / d) as u8);
                let on_j = op.element((row % d) as u8, (column % d) as u8);
                all.push((row as u32, column as u32, on_i * on_j));
            }
        }
        (vec![i as u32, j as u32], all)
    };
    single(space, sites, rows)
}

fn single(space: Space, sites: Vec<u32>, rows: Vec<(u32, u32, Complex64)>) -> LocalSum<Complex64> {
    let term = Term {
        sites,
        guard: Vec::new(),
        action: Action::Rows(rows.into()),
        coupling: 0,
    };
    LocalSum::new(space, vec![term], vec![("1".into(), 1.0)]).unwrap()
}

fn operators(d: usize) -> Vec<SiteOperator> {
    if d == 2 {
        let [x, y, z] = [Pauli::X, Pauli::Y, Pauli::Z].map(SiteOperator::spin);
        return vec![x, y, z, SiteOperator::density(2)];
    }
    // A Hermitian matrix without zeros, and the density.
    let s = Stream::new(77);
    let number = |a: usize, b: usize| s.uniform((a * d + b) as u64, 0) - 0.5;
    let matrix: Vec<Complex64> = (0..d * d)
        .map(|k| {
            let (a, b) = (k / d, k % d);
            let im = number(a, b) - number(b, a);
            Complex64::new(number(a, b) + number(b, a), im)
        })
        .collect();
    vec![
        SiteOperator::new(d, &matrix).unwrap(),
        SiteOperator::density(d),
    ]
}

/// <O_i> of every site and <O_i O_j> of every pair, by exact diagonalisation.
fn exact(psi: &Table, theta: &[f64], op: &SiteOperator) -> (Vec<f64>, Vec<Vec<f64>>) {
    let space = *psi.space();
    let (basis, v) = vector(psi, theta);
    let d = space.local_dim;
    let site = |i: usize| {
        let rows = (0..d * d)
            .map(|k| {
                (
                    (k / d) as u32,
                    (k % d) as u32,
                    op.element((k / d) as u8, (k % d) as u8),
                )
            })
            .collect();
        expectation(&single(space, vec![i as u32], rows), &basis, &v).re
    };
    let pair = |i, j| expectation(&product(space, op, i, j), &basis, &v).re;
    let n = space.n_sites;
    (
        (0..n).map(site).collect(),
        (0..n)
            .map(|i| (0..n).map(|j| pair(i, j)).collect())
            .collect(),
    )
}

#[test]
fn full_sums_agree_with_exact_diagonalisation() {
    for sector in sectors() {
        let (psi, theta) = state(sector);
        let (n, d) = (psi.space().n_sites, psi.space().local_dim);
        let mut sampler = FullSum::new(&**psi.sector(), Memory::default()).unwrap();
        let samples = sampler.draw(&psi, &theta).unwrap();
        let state = Sampled::new(&psi, &theta, &samples);
        for op in operators(d) {
            let (sites, pairs) = exact(&psi, &theta, &op);
            let found = state.correlations(&op).unwrap();
            let matrix = found.connected();
            for i in 0..n {
                assert!(
                    (found.means()[i].mean - sites[i]).abs() < 1e-12,
                    "{op:?} {i}"
                );
                for j in 0..n {
                    let (p, q) = (found.pair(i, j), pairs[i][j] - sites[i] * sites[j]);
                    assert!((p.total.mean - pairs[i][j]).abs() < 1e-12, "{op:?} {i} {j}");
                    assert!((p.connected.mean - q).abs() < 1e-12, "{op:?} {i} {j}");
                    assert!((matrix[[i, j]] - q).abs() < 1e-12, "{op:?} {i} {j}");
                    assert_eq!(p.connected.error.to_bits(), 0, "{op:?} {i} {j}");
                }
            }
            let ring = Lattice::chain(n, Boundary::Periodic).unwrap();
            let shells = state.correlations_by_displacement(&op, &ring).unwrap();
            assert_eq!(shells.len(), n / 2 + 1);
            for (r, shell) in shells.iter().enumerate() {
                let all = |of: &dyn Fn(usize, usize) -> f64| {
                    (0..n).map(|i| of(i, (i + r) % n)).sum::<f64>() / n as f64
                };
                let total = all(&|i, j| pairs[i][j]);
                let connected = all(&|i, j| pairs[i][j] - sites[i] * sites[j]);
                assert!((shell.distance - r as f64).abs() < 1e-12, "{shell:?}");
                assert!((shell.mean.total.mean - total).abs() < 1e-12, "{op:?} {r}");
                assert!(
                    (shell.mean.connected.mean - connected).abs() < 1e-12,
                    "{op:?} {r}"
                );
            }
            let momenta = ring.momenta();
            for s in state.structure_factor(&op, &ring, &momenta).unwrap() {
                let mut wanted = [0.0; 2];
                for i in 0..n {
                    for j in 0..n {
                        let wave = (s.k[0] * (i as f64 - j as f64)).cos() / n as f64;
                        wanted[0] += wave * pairs[i][j];
                        wanted[1] += wave * (pairs[i][j] - sites[i] * sites[j]);
                    }
                }
                assert!(
                    (s.value.total.mean - wanted[0]).abs() < 1e-12,
                    "{op:?} {s:?}"
                );
                assert!(
                    (s.value.connected.mean - wanted[1]).abs() < 1e-12,
                    "{op:?} {s:?}"
                );
            }
        }
        let (basis, v) = vector(&psi, &theta);
        for region in [&[][..], &[0], &[3, 1], &[0, 1, 2]] {
            let found = state.renyi2(region, &Swap::default()).unwrap();
            let wanted = renyi2(&basis, &v, region, Memory::default()).unwrap();
            assert!(
                (found.entropy.mean - wanted).abs() < 1e-12,
                "{region:?}: {found:?} {wanted}"
            );
            assert!(
                region.is_empty() || wanted > 0.05,
                "the state must be entangled: {wanted}"
            );
        }
        let op = product(*psi.space(), &operators(d)[0], 0, 2);
        let found = state.expectation(&op).unwrap();
        let wanted = expectation(&op, &basis, &v);
        let (re, im) = (found.mean.mean, found.imaginary.mean);
        assert!(
            (re - wanted.re).abs() < 1e-12 && im.abs() < 1e-12,
            "{found:?} {wanted}"
        );
        if basis.len() == 64 {
            // (S_i S_j)^2 = 1/16, and the free space loses nothing.
            let variance = 1.0 / 16.0 - re * re;
            assert!((found.variance - variance).abs() < 1e-12, "{found:?}");
        }
    }
}

/// Every way of drawing, over one state each.
fn draws(psi: &Table, theta: &[f64]) -> Vec<(&'static str, Samples<Complex64>)> {
    let n = psi.space().n_sites as u32;
    let mut all = Vec::new();
    let shots = Independent::new(4000, Stream::new(31))
        .draw(psi, theta)
        .unwrap();
    all.push(("shots", shots));
    for (name, n_chains, samples) in [("64 chains", 64, 12_800), ("2 chains", 2, 8000)] {
        let params = MetropolisParams {
            samples,
            n_chains,
            sweeps: 2,
            exchange: 0.5,
            pairs: (0..n).map(|i| (i, (i + 1) % n)).collect(),
            ..Default::default()
        };
        let mut chains = Metropolis::new(psi.sector().clone(), params, Stream::new(32)).unwrap();
        all.push((name, chains.draw(psi, theta).unwrap()));
    }
    all
}

#[test]
fn sampled_observables_agree_within_their_errors() {
    let mut rows = Vec::new();
    for sector in sectors().into_iter().take(2) {
        let (psi, theta) = state(sector);
        let n = psi.space().n_sites;
        let (basis, v) = vector(&psi, &theta);
        let ring = Lattice::chain(n, Boundary::Periodic).unwrap();
        for (draw, samples) in draws(&psi, &theta) {
            let state = Sampled::new(&psi, &theta, &samples);
            for op in operators(2) {
                let (sites, pairs) = exact(&psi, &theta, &op);
                for (r, s) in state
                    .correlations_by_displacement(&op, &ring)
                    .unwrap()
                    .iter()
                    .enumerate()
                {
                    let connected = |i: usize| {
                        let j = (i + r) % n;
                        pairs[i][j] - sites[i] * sites[j]
                    };
                    let wanted = (0..n).map(connected).sum::<f64>() / n as f64;
                    rows.push((draw, "connected", r, s.mean.connected, wanted));
                }
            }
            for (k, region) in [&[0][..], &[1, 4], &[0, 1, 2]].into_iter().enumerate() {
                let wanted = renyi2(&basis, &v, region, Memory::default()).unwrap();
                let found = state.renyi2(region, &Swap::default()).unwrap();
                rows.push((draw, "renyi", k, found.entropy, wanted));
            }
        }
    }
    // In a sector of fixed Sz some sums do not fluctuate: rounding is then all there is.
    let z = |e: &Estimate, wanted: f64| (e.mean - wanted).abs() / (e.error + 1e-10);
    let table: Vec<String> = rows
        .iter()
        .map(|(draw, what, k, e, wanted)| {
            format!("{draw} {what} {k}: {e} {wanted} z {:.1}", z(e, *wanted))
        })
        .collect();
    let worst = rows.iter().map(|r| z(&r.3, r.4)).fold(0.0, f64::max);
    assert!(worst < 4.0, "{table:#?}");
    // The errors are no larger than the spread: a third of all |z| lies above 1.
    let above = rows.iter().filter(|r| z(&r.3, r.4) > 1.0).count();
    assert!(above * 8 > rows.len(), "{above} of {}", rows.len());
}

#[test]
fn errors_of_the_purity_cover_the_exact_value() {
    let (psi, theta) = state(sectors()[0].clone());
    let (basis, v) = vector(&psi, &theta);
    let region = [0, 2, 3];
    let exact = (-renyi2(&basis, &v, &region, Memory::default()).unwrap()).exp();
    // One partner, several, and all pairs (200 shots: every pair costs no more than 100 partners).
    for partners in [1, 4, 100] {
        let (mut one, mut two, mut runs) = (0.0, 0.0, 0.0);
        for run in 0..400 {
            let samples = psi.sample(&theta, 0..200, Stream::new(50).numbered(run));
            let swap = Swap {
                partners,
                ..Swap::default()
            };
            let found = Sampled::new(&psi, &theta, &samples)
                .renyi2(&region, &swap)
                .unwrap();
            let z = found.purity.z(exact).abs();
            runs += 1.0;
            one += f64::from(z < 1.0);
            two += f64::from(z < 1.959_964);
        }
        let (one, two) = (one / runs, two / runs);
        // Four binomial deviations around the normal law: 0.093 and 0.044.
        assert!((one - 0.683f64).abs() < 0.093, "{partners}: {one}");
        assert!((two - 0.95f64).abs() < 0.044, "{partners}: {two}");
    }
}

#[test]
fn shots_with_multiplicities_count_as_often_as_they_were_drawn() {
    // All pairs of shots, listed one by one without any table.
    let (psi, theta) = state(sectors()[1].clone());
    let samples = psi.sample(&theta, 0..60, Stream::new(9));
    let (_, v) = vector(&psi, &theta);
    let basis = Basis::new(&**psi.sector(), Memory::default()).unwrap();
    let amplitude = |x: &[u8]| basis.index(x).map_or(Complex64::ZERO, |i| v[i]);
    let mut shots = Configs::new(6);
    for b in 0..samples.len() {
        let count = (samples.weight[b] * 60.0).round() as usize;
        (0..count).for_each(|_| shots.push(samples.x.row(b)));
    }
    assert!(samples.len() < 60 && shots.len() == 60);
    let (mut sum, mut pairs) = (0.0, 0.0);
    for a in 0..60 {
        for b in 0..a {
            let (n, m) = (shots.row(a), shots.row(b));
            let (mut nm, mut mn) = (n.to_vec(), m.to_vec());
            for site in [0, 5] {
                std::mem::swap(&mut nm[site], &mut mn[site]);
            }
            sum += (amplitude(&nm) * amplitude(&mn) / (amplitude(n) * amplitude(m))).re;
            pairs += 1.0;
        }
    }
    let found = Sampled::new(&psi, &theta, &samples)
        .renyi2(
            &[5, 0],
            &Swap {
                partners: 60,
                ..Swap::default()
            },
        )
        .unwrap();
    assert!(
        (found.purity.mean - sum / pairs).abs() < 1e-12,
        "{found:?} {}",
        sum / pairs
    );
}

#[test]
fn what_cannot_be_measured_is_an_error() {
    let (psi, theta) = state(sectors()[0].clone());
    let few = psi.sample(&theta, 0..3, Stream::new(1));
    let error = Sampled::new(&psi, &theta, &few).renyi2(&[0], &Swap::default());
    assert!(
        matches!(error, Err(MeasureError::TooFew { found: 3, .. })),
        "{error:?}"
    );
    let mut broken = psi.sample(&theta, 0..30, Stream::new(1));
    broken.log_psi[2] = Complex64::new(f64::NAN, 0.0);
    let state = Sampled::new(&psi, &theta, &broken);
    let wanted = broken.x.row(2).to_vec();
    for op in operators(2) {
        match state.correlations(&op) {
            Err(MeasureError::NotFinite { configuration, .. }) => assert_eq!(configuration, wanted),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(
        state.renyi2(&[0], &Swap::default()),
        Err(MeasureError::NotFinite { .. })
    ));
}
