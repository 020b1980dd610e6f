//! Ancestral samples follow the state: one chi-square test for each state, one level for all.

use super::chi_square::{counts, p_value};
use super::networks::{
    Network, NetworkLaw, StateLaw, all, for_every_network, for_every_state, legal, parameters,
};
use ketwork::hamiltonians::cases::ConstraintCase;
use ketwork::{
    Ancestral, Ansatz, Autoregressive, Conditional, Free, Samples, Scalar, Sector, Stream,
    Wavefunction, is_legal,
};
use std::sync::Arc;

const SHOTS: u64 = 20_000;

/// Probability that a right sampler fails anywhere in the family.
const LEVEL: f64 = 1e-3;

/// The p-values of a family of tests.
#[derive(Default)]
struct Family(Vec<(String, f64)>);

impl Family {
    fn judge<L: Scalar>(
        &mut self,
        name: &str,
        samples: &Samples<L>,
        psi: &dyn Wavefunction<Log = L>,
        theta: &[f64],
        sector: &Sector,
    ) {
        let x = all(&**sector);
        let mut log = vec![L::ZERO; x.len()];
        psi.log_psi(theta, x.view(), &mut log);
        let probability: Vec<f64> = log
            .iter()
            .map(|l| psi.norm().log_probability(*l).exp())
            .collect();
        let found = p_value(&counts(samples, SHOTS), &x, &probability);
        self.0.extend(found.map(|p| (name.to_owned(), p)));
    }

    /// Names of the rejected: S. Holm, Scand. J. Statist. 6, 65 (1979).
    fn rejected(mut self) -> Vec<(String, f64)> {
        self.0.sort_by(|a, b| a.1.total_cmp(&b.1));
        let m = self.0.len();
        let fails = |i: usize, p: f64| p <= LEVEL / (m - i) as f64;
        let count = (0..m).take_while(|&i| fails(i, self.0[i].1)).count();
        self.0.truncate(count);
        self.0
    }
}

struct Right(Family);

impl StateLaw for Right {
    fn check<L: Scalar>(&mut self, name: &str, psi: &dyn Ansatz<Log = L>, case: &ConstraintCase) {
        let theta = parameters(psi.layout());
        let samples = psi.sample(&theta, 0..SHOTS, Stream::new(51).named(name));
        // The `Wavefunction` of the trait object, behind a reference that is sized.
        self.0.judge(name, &samples, &psi, &theta, &case.sector);
    }
}

#[test]
fn shots_of_every_state_follow_its_probabilities() {
    let mut right = Right(Family::default());
    for_every_state(&mut right);
    assert!(right.0.0.len() >= 120, "the registry has shrunk");
    let rejected = right.0.rejected();
    assert!(rejected.is_empty(), "{rejected:?}");
}

/// Deliberate mistakes of a sampler.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mistake {
    /// Shots of the parameters before an update.
    Stale,
    /// Shots of the unconstrained state, the illegal ones thrown away.
    Unmasked,
    /// Every different configuration counts once.
    NoMultiplicities,
}

/// Configurations a sector must have for forgotten multiplicities to be looked for.
const FEW: usize = 32;

struct Wrong(Family, Mistake);

impl<L: Scalar> NetworkLaw<L> for Wrong {
    fn check<M: Network + Conditional<Log = L>>(
        &mut self,
        name: &str,
        net: M,
        case: &ConstraintCase,
    ) {
        // A few configurations are nearly equally likely whatever the network, so counting each once
        // is hardly a mistake.
        if self.1 == Mistake::NoMultiplicities && legal(&*case.sector).len() < FEW {
            return;
        }
        let theta = parameters(net.layout());
        let stream = Stream::new(51).named(name);
        let space = *net.space();
        let psi = Autoregressive::new(net.clone(), case.sector.clone());
        let mut samples = psi.sample(&theta, 0..SHOTS, stream);
        match self.1 {
            Mistake::Stale => {
                let old: Vec<f64> = theta.iter().map(|t| 0.8 * t).collect();
                samples = psi.sample(&old, 0..SHOTS, stream);
            }
            Mistake::Unmasked => {
                let free: Sector = Arc::new(Free::with_order(space, case.sector.order().to_vec()));
                samples = Autoregressive::new(net, free).sample(&theta, 0..SHOTS, stream);
                for b in 0..samples.len() {
                    if !is_legal(&*case.sector, samples.x.row(b)) {
                        samples.weight[b] = 0.0;
                    }
                }
            }
            Mistake::NoMultiplicities => samples.weight.fill(1.0 / SHOTS as f64),
        }
        self.0.judge(name, &samples, &psi, &theta, &case.sector);
    }
}

/// How many of the same tests a mistake fails, and how many there are.
fn caught(mistake: Mistake) -> (usize, usize) {
    let mut wrong = Wrong(Family::default(), mistake);
    for_every_network(&mut wrong);
    let all = wrong.0.0.len();
    (wrong.0.rejected().len(), all)
}

#[test]
fn the_same_tests_catch_samplers_with_mistakes() {
    for mistake in [Mistake::Stale, Mistake::Unmasked, Mistake::NoMultiplicities] {
        let (rejected, all) = caught(mistake);
        println!("{mistake:?}: {rejected} of {all}");
        assert!(
            2 * rejected > all,
            "{mistake:?}: {rejected} of {all} are caught"
        );
    }
}
