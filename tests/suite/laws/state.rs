//! Normalisation, legality, and the two shortcuts to amplitudes: steps and kept prefixes.

use super::networks::{StateLaw, all, drawn, for_every_state, legal, parameters};
use ketwork::hamiltonians::cases::ConstraintCase;
use ketwork::{Ansatz, Configs, ConfigsRef, Neighbours, Scalar, Stream};

fn log_psi<L: Scalar>(psi: &dyn Ansatz<Log = L>, theta: &[f64], x: ConfigsRef<'_>) -> Vec<L> {
    let mut log = vec![L::ZERO; x.len()];
    psi.log_psi(theta, x, &mut log);
    log
}

/// Whether two amplitudes agree to 1e-12: the logarithms, or both are zero. Near a node of a mixture
/// the phase is ill-conditioned, there the amplitudes themselves count.
fn agree<L: Scalar>(a: L, b: L) -> bool {
    let zero = a.re() == f64::NEG_INFINITY && b.re() == f64::NEG_INFINITY;
    zero || (a - b).abs2() < 1e-24 || (a.exp() - b.exp()).abs2() < 1e-24 * b.exp().abs2()
}

struct Normalisation;

impl StateLaw for Normalisation {
    fn check<L: Scalar>(&mut self, name: &str, psi: &dyn Ansatz<Log = L>, case: &ConstraintCase) {
        let theta = parameters(psi.layout());
        let x = all(&*case.sector);
        let log = log_psi(psi, &theta, x.view());
        let norm: f64 = log
            .iter()
            .map(|l| psi.norm().log_probability(*l).exp())
            .sum();
        assert!(
            (norm - 1.0).abs() < 1e-12,
            "{name}: norm - 1 = {:e}",
            norm - 1.0
        );
        for (row, l) in x.view().rows().zip(&log) {
            let vanishes = l.re() == f64::NEG_INFINITY;
            assert_eq!(vanishes, !(case.legal)(row), "{name}: {l} at {row:?}");
        }
    }
}

#[test]
fn every_state_is_normalised_over_exactly_the_legal_configurations() {
    for_every_state(&mut Normalisation);
}

struct Steps;

impl StateLaw for Steps {
    fn check<L: Scalar>(&mut self, name: &str, psi: &dyn Ansatz<Log = L>, _: &ConstraintCase) {
        let theta = parameters(psi.layout());
        // More shots than a block of rows, so that the cache is regrouped and split.
        let samples = psi.sample(&theta, 0..500, Stream::new(10));
        let log = log_psi(psi, &theta, samples.x.view());
        for (x, (a, b)) in samples
            .x
            .view()
            .rows()
            .zip(samples.log_psi.iter().zip(&log))
        {
            assert!(agree(*a, *b), "{name}: sampled {a}, evaluated {b} at {x:?}");
        }
        let weight: f64 = samples.weight.iter().sum();
        assert!(
            (weight - 1.0).abs() < 1e-12,
            "{name}: weights add up to {weight}"
        );
    }
}

#[test]
fn log_amplitudes_of_sampling_steps_equal_full_evaluation() {
    for_every_state(&mut Steps);
}

struct Prefixes;

impl StateLaw for Prefixes {
    fn check<L: Scalar>(&mut self, name: &str, psi: &dyn Ansatz<Log = L>, case: &ConstraintCase) {
        let theta = parameters(psi.layout());
        let parents = drawn(psi, &theta, 30);
        let near = neighbours(&parents, &legal(&*case.sector), psi.space().local_dim as u8);
        let mut fast = vec![L::ZERO; near.len()];
        psi.log_psi_neighbours(&theta, parents.view(), &near, &mut fast);
        let mut full = Configs::zeros(near.len(), parents.n_sites());
        (0..near.len()).for_each(|k| near.write(k, parents.view(), full.row_mut(k)));
        let slow = log_psi(psi, &theta, full.view());
        let mut finite = 0;
        for (k, (a, b)) in fast.iter().zip(&slow).enumerate() {
            assert!(agree(*a, *b), "{name}: {a} for {b} at {:?}", full.row(k));
            finite += usize::from(b.is_finite());
        }
        assert!(
            finite > near.len() / 20,
            "{name}: nearly all neighbours are illegal"
        );
    }
}

/// The parent itself; one flip, one exchange and three changes on each site, mostly illegal under a constraint; and
/// other legal configurations, with the changes named from the last site to the first.
fn neighbours(parents: &Configs, legal: &Configs, d: u8) -> Neighbours {
    let n = parents.n_sites();
    let pick = Stream::new(31);
    let mut near = Neighbours::default();
    for (b, x) in parents.view().rows().enumerate() {
        near.push(b, []);
        for s in 0..n {
            let (t, u) = ((s + 1) % n, (s + 3) % n);
            near.push(b, [(s, (x[s] + 1) % d)]);
            near.push(b, [(s, x[t]), (t, x[s])]);
            let three = [
                (t, (x[t] + 1) % d),
                (s, (x[s] + 1) % d),
                (u, (x[u] + 1) % d),
            ];
            near.push(b, three);
            let other = pick.uniform(b as u64, s as u32) * legal.len() as f64;
            let y = legal.row(other as usize);
            near.push(b, (0..n).rev().filter(|&s| x[s] != y[s]).map(|s| (s, y[s])));
        }
    }
    near
}

#[test]
fn amplitudes_from_kept_prefixes_equal_full_evaluation() {
    for_every_state(&mut Prefixes);
}
