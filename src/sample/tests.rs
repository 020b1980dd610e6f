use super::*;
use crate::exact::{Basis, Memory};
use crate::{Estimate, local};
use ketwork_hamiltonians::{
    Boundary, Configs, ConfigsRef, Free, Hamiltonian, Heisenberg, Lattice, Number, OnSpace, Sector,
    Space,
};
use ketwork_models::{
    Autoregressive, Draw, Jastrow, Layout, Norm, PrefixTable, Rbm, Relabelling, Stream,
    Symmetrized, Wavefunction,
};
use num_complex::Complex64;
use std::sync::Arc;

pub(super) fn all(sector: &Sector) -> Configs {
    let basis = Basis::new(&**sector, Memory::default()).unwrap();
    basis.configs(0..basis.len())
}

fn ring(n: u32) -> Vec<(u32, u32)> {
    (0..n).map(|i| (i, (i + 1) % n)).collect()
}

fn params(exchange: f64) -> MetropolisParams {
    // Ten sweeps between samples: at tau below one sweep the samples are independent.
    MetropolisParams {
        exchange,
        pairs: ring(5),
        n_chains: 16,
        sweeps: 10,
        ..Default::default()
    }
}

/// Standard normal deviate of the chi-square of samples against the exact probabilities.
///
/// # References
/// E. B. Wilson and M. M. Hilferty, PNAS 17, 684 (1931).
fn chi_square<W: Wavefunction, S: Sampler<W>>(
    sampler: &mut S,
    psi: &W,
    theta: &[f64],
    exact: &Samples<W::Log>,
) -> f64 {
    let s = sampler.draw(psi, theta).unwrap();
    let shots = match s.draw {
        Draw::Independent { shots } => shots as f64,
        _ => s.len() as f64,
    };
    let mut chi = 0.0;
    let mut found = 0.0;
    for (x, p) in exact.x.view().rows().zip(&exact.weight) {
        let mine = s.x.view().rows().zip(&s.weight).filter(|(y, _)| *y == x);
        let seen = shots * mine.map(|(_, w)| w).sum::<f64>();
        assert!(
            shots * p > 5.0,
            "{x:?} is expected {} times only",
            shots * p
        );
        chi += (seen - shots * p).powi(2) / (shots * p);
        found += seen;
    }
    assert!(
        (found - shots).abs() < 1e-6 * shots,
        "{} samples are illegal",
        shots - found
    );
    let k = (exact.len() - 1) as f64;
    ((chi / k).cbrt() - 1.0 + 2.0 / (9.0 * k)) / (2.0 / (9.0 * k)).sqrt()
}

/// The state with its amplitudes taken for probabilities: a sampler of |psi| instead of |psi|^2.
#[derive(Debug)]
struct Wrong<'a, W>(&'a W);

impl<W: OnSpace> OnSpace for Wrong<'_, W> {
    fn space(&self) -> &Space {
        self.0.space()
    }
}

impl<W: Wavefunction> Wavefunction for Wrong<'_, W> {
    type Log = W::Log;
    fn norm(&self) -> Norm {
        Norm::L1
    }
    fn layout(&self) -> &Layout {
        self.0.layout()
    }
    fn log_psi(&self, theta: &[f64], x: ConfigsRef<'_>, out: &mut [W::Log]) {
        self.0.log_psi(theta, x, out);
    }
}

fn sectors() -> [(Sector, f64); 2] {
    let space = Space::qubits(5);
    [
        (Arc::new(Free::new(space)), 0.2),
        (Arc::new(Number::new(space, 2).unwrap()), 1.0),
    ]
}

#[test]
fn samples_follow_the_state_and_a_wrong_sampler_is_caught() {
    for (sector, exchange) in sectors() {
        let mut full = FullSum::new(&*sector, Memory::default()).unwrap();
        let psi = Rbm::<Complex64>::new(sector.clone(), 6);
        let theta: Vec<f64> = psi
            .layout()
            .initial(Stream::new(3))
            .iter()
            .map(|t| 3.0 * t)
            .collect();
        let exact = full.draw(&psi, &theta).unwrap();
        let new = || {
            let params = MetropolisParams {
                samples: 1 << 15,
                ..params(exchange)
            };
            Metropolis::new(sector.clone(), params, Stream::new(4)).unwrap()
        };
        let z = chi_square(&mut new(), &psi, &theta, &exact);
        assert!(z.abs() < 4.0, "{sector:?}: chi-square deviates by {z}");
        let wrong = chi_square(&mut new(), &Wrong(&psi), &theta, &exact);
        assert!(
            wrong > 6.0,
            "{sector:?}: |psi| passes for |psi|^2 with {wrong}"
        );

        let psi = Autoregressive::new(
            PrefixTable::<Complex64>::new(*sector.space()),
            sector.clone(),
        );
        let theta: Vec<f64> = psi
            .layout()
            .initial(Stream::new(5))
            .iter()
            .map(|t| 3.0 * t)
            .collect();
        let exact = full.draw(&psi, &theta).unwrap();
        let mut shots = Independent::new(1 << 15, Stream::new(6));
        let z = chi_square(&mut shots, &psi, &theta, &exact);
        assert!(z.abs() < 4.0, "{sector:?}: chi-square deviates by {z}");
        let z = chi_square(&mut new(), &psi, &theta, &exact);
        assert!(z.abs() < 4.0, "{sector:?}: chi-square deviates by {z}");
    }
}

#[test]
fn a_full_sum_has_the_probabilities_of_the_state() {
    for (sector, _) in sectors() {
        let mut full = FullSum::new(&*sector, Memory::default()).unwrap();
        let psi = Autoregressive::new(PrefixTable::<f64>::new(*sector.space()), sector.clone());
        let theta = psi.layout().initial(Stream::new(5));
        let s = full.draw(&psi, &theta).unwrap();
        assert_eq!(s.len(), full.n_rows());
        // The state is normalised: weights are |psi|^2 without division.
        for (w, l) in s.weight.iter().zip(&s.log_psi) {
            assert!((w - (2.0 * l).exp()).abs() < 1e-14, "{w} for {l}");
        }
        let p = Autoregressive::probability(PrefixTable::new(*sector.space()), sector);
        let s = full.draw(&p, &theta).unwrap();
        for (w, l) in s.weight.iter().zip(&s.log_psi) {
            assert!((w - l.exp()).abs() < 1e-14, "{w} for {l}");
        }
    }
    let sector = Free::new(Space::qubits(40));
    assert!(matches!(
        FullSum::new(&sector, Memory::default()),
        Err(SampleError::Exact(_))
    ));
}

#[test]
fn a_full_sum_leaves_out_what_a_narrower_sector_forbids() {
    let [(free, _), (number, _)] = sectors();
    let mut full = FullSum::new(&*free, Memory::default()).unwrap();
    let psi = Jastrow::<f64>::new(number);
    let s = full
        .draw(&psi, &psi.layout().initial(Stream::new(1)))
        .unwrap();
    assert_eq!((s.len(), full.n_rows()), (10, 32));
    assert!(s.log_psi.iter().all(|l| l.is_finite()));
}

#[test]
fn a_sum_over_orbits_is_the_sum_over_all_configurations() {
    let n = 8;
    let lattice = Lattice::chain(n, Boundary::Periodic).unwrap();
    let model = Heisenberg::default().on(&lattice).unwrap();
    let translations = lattice.translations();
    let generators: Vec<Relabelling> = translations
        .into_iter()
        .map(|sites| Relabelling { sites, flip: false })
        .chain([Relabelling::spin_flip(n)])
        .collect();
    let group = Relabelling::group(n, &generators).unwrap();
    assert_eq!(group.len(), 16);
    let psi = Symmetrized::new(
        Autoregressive::new(
            PrefixTable::<Complex64>::new(*model.space()),
            model.sector().clone(),
        ),
        model.sector(),
        &generators,
    )
    .unwrap();
    // Far from the uniform state, the ferromagnet, whose variance is 0.
    let theta: Vec<f64> = psi
        .layout()
        .initial(Stream::new(3))
        .iter()
        .map(|t| 5.0 * t)
        .collect();
    let moments = |mut sum: FullSum| {
        let samples = sum.draw(&psi, &theta).unwrap();
        let mut energies = vec![Complex64::default(); samples.len()];
        local(&model, &psi, &theta, &samples, &mut energies);
        (samples.len(), crate::moments(&samples.weight, &energies))
    };
    let (all, (energy, variance)) =
        moments(FullSum::new(&**model.sector(), Memory::default()).unwrap());
    let (few, (by_orbits, its_variance)) =
        moments(FullSum::of_orbits(&**model.sector(), &group, Memory::default()).unwrap());
    // 70 configurations; necklaces of 4 and 4 beads up to their exchange: 7 by Burnside's count.
    assert_eq!((all, few), (70, 7));
    assert!((energy - by_orbits).norm() < 1e-12, "{energy} {by_orbits}");
    assert!((variance - its_variance).abs() < 1e-11);
    assert!(variance > 0.1, "a state that is no eigenstate");
    let unequal = Number::new(Space::qubits(n), 3).unwrap();
    assert!(matches!(
        FullSum::of_orbits(&unequal, &group, Memory::default()),
        Err(SampleError::NotInvariant { .. })
    ));
    let few = |shots| FullSum::of_few_orbits(&**model.sector(), &group, shots).unwrap();
    assert_eq!(few(7).map(|s| s.n_rows()), Some(7));
    assert!(few(6).is_none(), "more orbits than shots");
}

#[test]
fn error_bars_of_short_chains_cover_the_exact_mean() {
    let [(sector, _), _] = sectors();
    let psi = Jastrow::<f64>::new(sector.clone());
    let theta = vec![0.2; 10];
    let value = |s: &Samples<f64>| -> Vec<f64> {
        s.x.view()
            .rows()
            .map(|x| x.windows(2).filter(|w| w[0] == w[1]).count() as f64)
            .collect()
    };
    let exact = FullSum::new(&*sector, Memory::default())
        .unwrap()
        .draw(&psi, &theta)
        .unwrap();
    let exact = Estimate::of(&exact, &value(&exact)).mean;
    // Few chains: windowed autocorrelation; many: their means, Student's t with 31 degrees.
    for (n_chains, samples, p1, p2) in [(4, 1600, 0.683, 0.95), (32, 256, 0.675, 0.941)] {
        let (mut one, mut two) = (0.0, 0.0);
        for run in 0..1000 {
            let params = MetropolisParams {
                samples,
                n_chains,
                thermalization: 20,
                ..Default::default()
            };
            let stream = Stream::new(7).numbered(run);
            let mut chains = Metropolis::new(sector.clone(), params, stream).unwrap();
            let s = chains.draw(&psi, &theta).unwrap();
            let z = Estimate::of(&s, &value(&s)).z(exact).abs();
            one += f64::from(z < 1.0) / 1000.0;
            two += f64::from(z < 1.959_964) / 1000.0;
        }
        // 4 binomial standard deviations.
        let limit = |p: f64| 4.0 * (p * (1.0 - p) / 1000.0).sqrt();
        let text = format!("{n_chains} chains: {one} and {two}");
        assert!(
            (one - p1).abs() < limit(p1) && (two - p2).abs() < limit(p2),
            "{text}"
        );
    }
}

#[test]
fn a_resumed_sampler_continues_bit_for_bit() {
    let [_, (sector, exchange)] = sectors();
    let psi = Rbm::<f64>::new(sector.clone(), 4);
    let theta = psi.layout().initial(Stream::new(3));
    let new = |seed| Metropolis::new(sector.clone(), params(exchange), Stream::new(seed)).unwrap();
    let mut straight = new(1);
    straight.draw(&psi, &theta).unwrap();
    let saved = Sampler::<Rbm<f64>>::save(&straight);
    let mut resumed = new(1);
    Sampler::<Rbm<f64>>::load(&mut resumed, &saved).unwrap();
    let (a, b) = (
        straight.draw(&psi, &theta).unwrap(),
        resumed.draw(&psi, &theta).unwrap(),
    );
    assert_eq!((a.x, a.log_psi), (b.x, b.log_psi));
    assert_eq!(straight.configurations(), resumed.configurations());

    let foreign = Sampler::<Rbm<f64>>::load(&mut resumed, &saved[1..]);
    assert!(
        matches!(foreign, Err(SampleError::Foreign { .. })),
        "{foreign:?}"
    );
    let mut illegal = saved;
    illegal[1] ^= 1;
    let refused = Sampler::<Rbm<f64>>::load(&mut resumed, &illegal);
    assert_eq!(refused, Err(SampleError::Illegal));
}

#[test]
fn chains_are_diagnosed() {
    let [(sector, _), (number, _)] = sectors();
    let psi = Rbm::<f64>::new(sector.clone(), 4);
    let theta = psi.layout().initial(Stream::new(3));
    let mut chains = Metropolis::new(sector, params(0.0), Stream::new(2)).unwrap();
    chains.draw(&psi, &theta).unwrap();
    let d = Sampler::<Rbm<f64>>::diagnostics(&chains).unwrap();
    // Nearly uniform: nearly every single flip is accepted, chains agree, no memory of ten sweeps.
    assert!(d.acceptance > 0.8 && d.acceptance <= 1.0, "{d:?}");
    assert!(d.r_hat.unwrap() < 1.02 && d.tau < 0.7, "{d:?}");

    let psi = Rbm::<f64>::new(number.clone(), 4);
    let mut stuck = Metropolis::new(number.clone(), params(0.0), Stream::new(2)).unwrap();
    assert!(matches!(
        stuck.draw(&psi, &theta),
        Err(SampleError::Stuck { .. })
    ));
    let none = MetropolisParams {
        pairs: Vec::new(),
        ..params(1.0)
    };
    assert_eq!(
        Metropolis::new(number.clone(), none, Stream::new(2))
            .map(|_| ())
            .unwrap_err(),
        SampleError::NoPairs
    );
    let none = MetropolisParams {
        samples: 0,
        ..params(1.0)
    };
    let refused = Metropolis::new(number.clone(), none, Stream::new(2)).map(|_| ());
    assert_eq!(refused.unwrap_err(), SampleError::NoSamples);
    let table = Autoregressive::new(PrefixTable::<f64>::new(*number.space()), number.clone());
    let mut nothing = Independent::new(0, Stream::new(2));
    let refused = nothing.draw(&table, &table.layout().initial(Stream::new(3)));
    assert_eq!(refused.unwrap_err(), SampleError::NoSamples);
    let nan = vec![f64::NAN; theta.len()];
    let refused = FullSum::new(&*number, Memory::default())
        .unwrap()
        .draw(&psi, &nan);
    assert!(matches!(refused, Err(SampleError::NotFinite { .. })));
}
