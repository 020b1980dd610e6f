//! The registry of networks, and the states made of them under every constraint.

use ketwork::hamiltonians::cases::{ConstraintCase, constraints};
use ketwork::{
    Ansatz, Antn, Autoregressive, Cell, Conditional, Configs, Constraint, FlipInvariant, Mixing,
    Mps, Offset, OnSpace, PrefixTable, Relabelling, Rnn, Rnn2d, Rnn2dParams, RnnParams, Scalar,
    Sector, SiteTensor, Stream, Symmetrized, Transformer, TransformerParams, is_legal, widest_bond,
    widest_sector,
};
use num_complex::Complex64;

/// What the registry holds.
pub(super) trait Network: Conditional + Clone + 'static {}

impl<M: Conditional + Clone + 'static> Network for M {}

/// A law of the networks with one kind of log-amplitude: raw conditionals, in the order of a sector.
pub(super) trait NetworkLaw<L: Scalar> {
    /// Checks one network under one constraint.
    fn check<M: Network + Conditional<Log = L>>(
        &mut self,
        name: &str,
        net: M,
        case: &ConstraintCase,
    );
}

/// A law of the finished states.
pub(super) trait StateLaw {
    /// Checks one state under one constraint.
    fn check<L: Scalar>(&mut self, name: &str, psi: &dyn Ansatz<Log = L>, case: &ConstraintCase);
}

/// The registry: a network named here is held to every law, positive and with a phase.
fn networks_of<L: Scalar>(case: &ConstraintCase, law: &mut impl NetworkLaw<L>) {
    let space = *case.sector.space();
    let kind = if L::COMPONENTS == 1 {
        "positive"
    } else {
        "complex"
    };
    let name = |network: &str| format!("{network}, {kind}, {case:?}");
    let rnn = |cell, layers, width| {
        let params = RnnParams {
            cell,
            layers,
            width,
        };
        Rnn::<L>::new(space, params).unwrap()
    };
    law.check(&name("table"), PrefixTable::<L>::new(space), case);
    let sizes = TransformerParams {
        layers: 2,
        width: 8,
        heads: 2,
    };
    let transformer = Transformer::<L>::new(space, sizes).unwrap();
    law.check(&name("transformer"), transformer.clone(), case);
    let shift = (0..space.n_sites * space.local_dim).map(|i| L::from(0.3 * (i % 5) as f64));
    let offset = Offset::new(transformer.clone(), shift.collect()).unwrap();
    law.check(&name("offset transformer"), offset, case);
    let mps = Mps::<L>::near_uniform(space, 3).unwrap();
    law.check(&name("mps"), mps, case);
    let antn = Antn::near_product(rnn(Cell::Gru, 1, 4), 3).unwrap();
    law.check(&name("antn"), antn, case);
    let outputs = Mixing::Elementwise.outputs(space, widest_bond(space, 3));
    let params = RnnParams {
        cell: Cell::Gru,
        layers: 1,
        width: 4,
    };
    let net = Rnn::<L>::with_outputs(space, params, outputs).unwrap();
    let antn = Antn::near_product(net, 3).unwrap();
    law.check(&name("antn, elementwise"), antn, case);
    let (tensors, charges) = charged::<L>(&*case.sector);
    let antn = Antn::with_charges(rnn(Cell::Gru, 1, 4), &tensors, &charges).unwrap();
    law.check(&name("antn with charges"), antn, case);
    let outputs = Mixing::Elementwise.outputs(space, widest_sector(&charges));
    let net = Rnn::<L>::with_outputs(space, params, outputs).unwrap();
    let antn = Antn::with_charges(net, &tensors, &charges).unwrap();
    law.check(&name("antn with charges, elementwise"), antn.clone(), case);
    let antn = antn.fixed().unwrap();
    law.check(&name("antn on fixed tensors"), antn, case);
    if space.local_dim == 2 {
        let even = FlipInvariant::new(transformer);
        law.check(&name("even transformer"), even, case);
        let even = FlipInvariant::new(rnn(Cell::Gru, 1, 5));
        law.check(&name("even gru"), even, case);
    }
    law.check(&name("gru"), rnn(Cell::Gru, 2, 6), case);
    law.check(&name("lstm"), rnn(Cell::Lstm, 1, 6), case);
    let sizes = Rnn2dParams {
        layers: 1,
        width: 5,
    };
    let rectangle = rectangle(space.n_sites);
    let rnn2d = Rnn2d::<L>::new(space, rectangle, case.sector.order(), sizes).unwrap();
    law.check(&name("rnn2d"), rnn2d, case);
}

/// Random tensors that conserve the sum of the values, two states for each charge of a legal prefix, and
/// the charges. Where legal configurations differ in their sum, it is the commonest.
fn charged<L: Scalar>(sector: &dyn Constraint) -> (Vec<SiteTensor<L>>, Vec<Vec<i64>>) {
    let (n, d) = (sector.space().n_sites, sector.space().local_dim);
    let legal = legal(sector);
    let total = |row: &[u8]| row.iter().map(|&v| i64::from(v)).sum::<i64>();
    let count = |t: &i64| legal.view().rows().filter(|row| total(row) == *t).count();
    let most = (0..=(n * (d - 1)) as i64).max_by_key(count);
    let common = most.expect("sums from 0 on");
    let mut charges: Vec<Vec<i64>> = vec![Vec::new(); n + 1];
    for row in legal.view().rows().filter(|row| total(row) == common) {
        let mut charge = 0;
        charges[0].push(0);
        for (bond, &s) in charges[1..].iter_mut().zip(sector.order()) {
            charge += i64::from(row[s as usize]);
            bond.push(charge);
        }
    }
    for (p, bond) in charges.iter_mut().enumerate() {
        bond.sort_unstable();
        bond.dedup();
        if p > 0 && p < n {
            *bond = bond.iter().flat_map(|&c| [c, c]).collect();
        }
    }
    let stream = Stream::new(21);
    let tensor = |p: usize| {
        let (from, to) = (&charges[p], &charges[p + 1]);
        let entry = |i: usize| {
            let (value, a, b) = (
                i / to.len() / from.len(),
                i / to.len() % from.len(),
                i % to.len(),
            );
            let part = |k| stream.uniform((p * 1000 + i) as u64, k) - 0.5;
            match from[a] + value as i64 == to[b] {
                true => L::from_parts(part(0), part(1)),
                false => L::ZERO,
            }
        };
        SiteTensor {
            left: from.len(),
            right: to.len(),
            entries: (0..d * from.len() * to.len()).map(entry).collect(),
        }
    };
    ((0..n).map(tensor).collect(), charges)
}

/// The squarest rectangle of so many sites.
fn rectangle(n_sites: usize) -> (usize, usize) {
    let fits = |x: &usize| n_sites.is_multiple_of(*x) && x * x <= n_sites;
    let x = (1..=n_sites).filter(fits).max().expect("1 divides all");
    (x, n_sites / x)
}

/// Every network under every constraint.
pub(super) fn for_every_network(law: &mut (impl NetworkLaw<f64> + NetworkLaw<Complex64>)) {
    for case in constraints().unwrap() {
        networks_of::<f64>(&case, law);
        networks_of::<Complex64>(&case, law);
    }
}

/// Every network as a wavefunction and, where positive, as a probability, each also as a mixture over
/// the symmetries that the constraint allows, under every constraint.
pub(super) fn for_every_state(law: &mut impl StateLaw) {
    for_every_network(&mut States(law));
}

/// From a law of states to one of networks.
struct States<'a, S>(&'a mut S);

impl<S: StateLaw> States<'_, S> {
    fn with_mixture<M: Network>(
        &mut self,
        name: &str,
        psi: Autoregressive<M>,
        case: &ConstraintCase,
    ) {
        self.0.check::<M::Log>(name, &psi, case);
        let symmetries = symmetries(&case.sector);
        if !symmetries.is_empty() {
            let psi = Symmetrized::new(psi, &case.sector, &symmetries).unwrap();
            let name = format!("mixture of {}, {name}", psi.group().len());
            self.0.check::<M::Log>(&name, &psi, case);
        }
    }
}

impl<S: StateLaw> NetworkLaw<f64> for States<'_, S> {
    fn check<M: Network + Conditional<Log = f64>>(
        &mut self,
        name: &str,
        net: M,
        case: &ConstraintCase,
    ) {
        let psi = Autoregressive::new(net.clone(), case.sector.clone());
        self.with_mixture(name, psi, case);
        let p = Autoregressive::probability(net, case.sector.clone());
        self.with_mixture(&format!("probability, {name}"), p, case);
    }
}

impl<S: StateLaw> NetworkLaw<Complex64> for States<'_, S> {
    fn check<M: Network + Conditional<Log = Complex64>>(
        &mut self,
        name: &str,
        net: M,
        case: &ConstraintCase,
    ) {
        let psi = Autoregressive::new(net, case.sector.clone());
        self.with_mixture(name, psi, case);
    }
}

/// Spin flip and reversal of the sites, where the sector has them, but at most a group of four.
fn symmetries(sector: &Sector) -> Vec<Relabelling> {
    let n = sector.space().n_sites as u32;
    let reversal = Relabelling {
        sites: (0..n).rev().collect(),
        flip: false,
    };
    let both = Relabelling {
        flip: true,
        ..reversal.clone()
    };
    let x = legal(&**sector);
    let kept = |g: &Relabelling| {
        let d = sector.space().local_dim as u8;
        x.view().rows().all(|row| {
            let image: Vec<u8> = (g.sites.iter())
                .map(|&s| row[s as usize])
                .map(|v| if g.flip { d - 1 - v } else { v })
                .collect();
            is_legal(&**sector, &image)
        })
    };
    let candidates = [Relabelling::spin_flip(n as usize), reversal, both];
    candidates.into_iter().filter(kept).collect()
}

/// All configurations of a space, in site order.
pub(super) fn all(sector: &dyn Constraint) -> Configs {
    let (n, d) = (sector.space().n_sites, sector.space().local_dim);
    let mut x = Configs::new(n);
    for i in 0..d.pow(n as u32) {
        let row: Vec<u8> = (0..n).map(|s| (i / d.pow(s as u32) % d) as u8).collect();
        x.push(&row);
    }
    x
}

/// The legal ones of [`all`].
pub(super) fn legal(sector: &dyn Constraint) -> Configs {
    let mut kept = Configs::new(sector.space().n_sites);
    let every = all(sector);
    let rows = every.view().rows().filter(|x| is_legal(sector, x));
    rows.for_each(|x| kept.push(x));
    kept
}

/// Parameters far from the initial ones, so that no conditional is nearly uniform and no bias, gain
/// or phase is special.
pub(super) fn parameters(layout: &ketwork::Layout) -> Vec<f64> {
    let noise = Stream::new(17).named("noise");
    let initial = layout.initial(Stream::new(17));
    let moved = initial.iter().enumerate();
    moved
        .map(|(i, t)| 1.5 * t + 0.8 * (noise.uniform(i as u64, 0) - 0.5))
        .collect()
}

/// A few legal configurations, drawn from the state.
pub(super) fn drawn<L: Scalar>(psi: &dyn Ansatz<Log = L>, theta: &[f64], shots: u64) -> Configs {
    psi.draw(theta, 0..shots, Stream::new(23)).x
}
