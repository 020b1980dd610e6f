//! From the terms of a Hamiltonian to what the operator string is made of.

use crate::SseError;
use ketwork_hamiltonians::{
    Action, Constraint, Hamiltonian, LocalSum, OnSpace, Pauli, Term, draw_legal, is_legal_with,
};
use std::collections::{BTreeMap, BTreeSet};

/// A Hamiltonian of qubits in named parts,
/// $H = c + \sum_i e_i(n_i) + \sum_{ij} e_{ij}(n_i, n_j) + \sum_i g_i P_i X_i + \sum_{ij} x_{ij}
/// (|01\rangle\langle 10| + h.c.)$,
/// where $P_i$ demands that all blockade partners of i hold 0.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parts {
    pub(crate) n_sites: usize,
    pub(crate) constant: f64,
    /// Energies (e(0), e(1)) of each site.
    pub(crate) site: Vec<[f64; 2]>,
    /// Energies of pairs a < b, at index n_a + 2 n_b; no pair is constant.
    pub(crate) pairs: Vec<([u32; 2], [f64; 4])>,
    /// Amplitude of the flip of each site, of either sign.
    pub(crate) flip: Vec<f64>,
    /// Blockade partners of each site, ascending.
    pub(crate) partners: Vec<Vec<u32>>,
    /// Exchange amplitudes of pairs a < b, none positive.
    pub(crate) exchange: Vec<([u32; 2], f64)>,
    /// Whether the number of ones is fixed.
    pub(crate) canonical: bool,
    /// A legal configuration.
    pub(crate) first: Vec<u8>,
}

/// Where a refusal comes from.
struct Place<'a> {
    index: usize,
    term: &'a Term<f64>,
    coupling: &'a str,
}

impl Place<'_> {
    fn unsupported(&self, reason: &str) -> SseError {
        SseError::Unsupported {
            term: self.index,
            sites: self.term.sites.clone(),
            coupling: self.coupling.to_owned(),
            reason: reason.to_owned(),
        }
    }

    fn sign(&self, reason: &str) -> SseError {
        SseError::SignProblem {
            term: self.index,
            sites: self.term.sites.clone(),
            coupling: self.coupling.to_owned(),
            reason: reason.to_owned(),
        }
    }
}

impl Parts {
    /// Reads the terms of a model and checks them against its sector.
    pub(crate) fn of<H: Hamiltonian<Elem = f64> + ?Sized>(model: &H) -> Result<Self, SseError> {
        let space = model.space();
        if space.local_dim != 2 {
            return Err(SseError::NotQubits {
                local_dim: space.local_dim,
            });
        }
        let mut parts = Self::read(model.terms())?;
        if !parts.exchange.is_empty() {
            // All averages of diagonal observables stay, off-diagonal terms keep their energies.
            let marks = model.terms().sign_gauge();
            let rotated = model.terms().rotated_by_z(&marks);
            parts = Self::read(&rotated)?;
            parts.check_signs(&rotated)?;
        }
        parts.check_connected()?;
        parts.check_sector(&**model.sector())?;
        Ok(parts)
    }

    #[expect(clippy::float_cmp, reason = "equal numbers in a table, not close ones")]
    fn read(sum: &LocalSum<f64>) -> Result<Self, SseError> {
        let n = sum.space().n_sites;
        let mut parts = Self {
            n_sites: n,
            constant: 0.0,
            site: vec![[0.0; 2]; n],
            pairs: Vec::new(),
            flip: vec![0.0; n],
            partners: Vec::new(),
            exchange: Vec::new(),
            canonical: false,
            first: vec![0; n],
        };
        let mut pairs = BTreeMap::<[u32; 2], [f64; 4]>::new();
        let mut exchange = BTreeMap::<[u32; 2], f64>::new();
        let mut creation = BTreeMap::<[u32; 2], (f64, usize)>::new();
        let mut flipped = None;
        let mut guards: Vec<Option<BTreeSet<u32>>> = vec![None; n];
        for (index, term) in sum.terms().iter().enumerate() {
            let (name, value) = &sum.couplings()[term.coupling as usize];
            let place = Place {
                index,
                term,
                coupling: name,
            };
            if *value == 0.0 {
                continue;
            }
            let (sites, rows) = few_sites(&place)?;
            let off = rows.iter().any(|(r, c, v)| r != c && *v != 0.0);
            let flip = off && sites.len() == 1;
            if !(flip || term.guard.is_empty()) {
                return Err(place.unsupported("only flips of single sites may be guarded"));
            }
            match sites[..] {
                [] => parts.constant += value * rows.iter().map(|r| r.2).sum::<f64>(),
                [i] => {
                    let i = i as usize;
                    let mut amplitude = [0.0; 2];
                    for &(r, c, v) in &rows {
                        if r == c {
                            if off && !term.guard.is_empty() && v != 0.0 {
                                let reason = "a guarded term may only flip its site";
                                return Err(place.unsupported(reason));
                            }
                            parts.site[i][r] += value * v;
                        } else {
                            amplitude[r] += value * v;
                        }
                    }
                    if off {
                        flipped = Some(index);
                        parts.add_flip(&place, i, amplitude, &mut guards[i])?;
                    }
                }
                [a, b] => {
                    let key = [a.min(b), a.max(b)];
                    let table = pairs.entry(key).or_default();
                    let swap = a > b;
                    // Rows count the first site as the higher digit, tables the lower site as bit 0.
                    let bits = |r: usize| {
                        let (first, second) = (r >> 1, r & 1);
                        if swap {
                            second | first << 1
                        } else {
                            first | second << 1
                        }
                    };
                    for &(r, c, v) in rows.iter().filter(|r| r.2 != 0.0) {
                        match (r, c) {
                            _ if r == c => table[bits(r)] += value * v,
                            (1, 2) => *exchange.entry(key).or_default() += value * v,
                            (0, 3) => {
                                let (sum, last) = creation.entry(key).or_default();
                                *sum += value * v;
                                *last = index;
                            }
                            // Hermitian terms hold these twice.
                            (2, 1) | (3, 0) => {}
                            _ => {
                                return Err(place.unsupported(
                                    "a site of a pair may not flip depending on the other",
                                ));
                            }
                        }
                    }
                }
                _ => {
                    return Err(place.unsupported("terms act on one or two sites"));
                }
            }
        }
        let place = |index: usize| {
            let term = &sum.terms()[index];
            Place {
                index,
                term,
                coupling: &sum.couplings()[term.coupling as usize].0,
            }
        };
        if let Some((_, index)) = creation.values().find(|(v, _)| *v != 0.0) {
            let reason = "pairs may exchange their values, not be created or annihilated";
            return Err(place(*index).unsupported(reason));
        }
        parts.exchange = exchange.into_iter().filter(|(_, v)| *v != 0.0).collect();
        if let (false, Some(index)) = (parts.exchange.is_empty(), flipped) {
            let reason = "there is no update for flips of sites beside exchange of pairs";
            return Err(place(index).unsupported(reason));
        }
        parts.partners = guards
            .into_iter()
            .map(|g| g.unwrap_or_default().into_iter().collect())
            .collect();
        parts.symmetric_blockade()?;
        for (key, mut table) in pairs {
            if parts.partners[key[0] as usize]
                .binary_search(&key[1])
                .is_ok()
            {
                // Two blockaded sites are never both 1: the value there is free.
                table[3] = table[0].max(table[1]).max(table[2]);
            }
            let constant = table.iter().all(|v| *v == table[0]);
            if constant {
                parts.constant += table[0];
            } else {
                parts.pairs.push((key, table));
            }
        }
        for e in &mut parts.site {
            let base = e[0];
            parts.constant += base;
            *e = [0.0, e[1] - base];
        }
        Ok(parts)
    }

    fn add_flip(
        &mut self,
        place: &Place<'_>,
        i: usize,
        amplitude: [f64; 2],
        guard: &mut Option<BTreeSet<u32>>,
    ) -> Result<(), SseError> {
        let mut sites = BTreeSet::new();
        for &(j, mask) in &place.term.guard {
            if !mask.allows(0) || mask.allows(1) {
                return Err(place.unsupported("guards must demand the value 0"));
            }
            sites.insert(j);
        }
        if let Some(before) = guard
            && *before != sites
        {
            let opposite = self.flip[i] * amplitude[0] < 0.0;
            return Err(if opposite {
                place.sign("the site also flips with the opposite sign under another guard")
            } else {
                place.unsupported("all flips of a site must have the same guard")
            });
        }
        *guard = Some(sites);
        self.flip[i] += amplitude[0];
        Ok(())
    }

    fn symmetric_blockade(&self) -> Result<(), SseError> {
        for (i, partners) in self.partners.iter().enumerate() {
            for &j in partners {
                let back = &self.partners[j as usize];
                if back.binary_search(&(i as u32)).is_err() {
                    let reason = format!(
                        "site {i} flips only where site {j} holds 0, but not the other way round"
                    );
                    return Err(SseError::Sector { reason });
                }
            }
        }
        Ok(())
    }

    /// After the best rotation of signs all exchange must be negative; else the term that raises the
    /// exchange most is to blame.
    fn check_signs(&self, rotated: &LocalSum<f64>) -> Result<(), SseError> {
        let Some((pair, v)) = self.exchange.iter().find(|(_, v)| *v > 0.0) else {
            return Ok(());
        };
        let mut worst: Option<(f64, Place<'_>)> = None;
        for (index, term) in rotated.terms().iter().enumerate() {
            let (coupling, value) = &rotated.couplings()[term.coupling as usize];
            let place = Place {
                index,
                term,
                coupling,
            };
            let (sites, rows) = few_sites(&place)?;
            if sites.len() != 2 || !pair.iter().all(|s| sites.contains(s)) {
                continue;
            }
            let swap = rows.iter().filter(|(r, c, _)| (*r, *c) == (1, 2));
            let x = value * swap.map(|r| r.2).sum::<f64>();
            if worst.as_ref().is_none_or(|(most, _)| x > *most) {
                worst = Some((x, place));
            }
        }
        let (_, place) = worst.expect("the exchange of a pair is the sum over terms on it");
        Err(place.sign(&format!(
            "the exchange {v} stays positive under any choice of sublattices: the bonds form \
             frustrated cycles"
        )))
    }

    fn check_connected(&self) -> Result<(), SseError> {
        let mut near: Vec<Vec<u32>> = self.partners.clone();
        let pairs = self.pairs.iter().map(|p| p.0);
        for [a, b] in pairs.chain(self.exchange.iter().map(|p| p.0)) {
            near[a as usize].push(b);
            near[b as usize].push(a);
        }
        let mut seen = vec![false; self.n_sites];
        let mut stack = vec![0_u32];
        seen[0] = true;
        while let Some(i) = stack.pop() {
            for &j in &near[i as usize] {
                if !std::mem::replace(&mut seen[j as usize], true) {
                    stack.push(j);
                }
            }
        }
        match seen.iter().position(|s| !s) {
            Some(site) => Err(SseError::Disconnected { site: site as u32 }),
            None => Ok(()),
        }
    }

    /// All configurations, or all of one number of ones.
    fn check_exchange_sector(&mut self, sector: &dyn Constraint) -> Result<(), SseError> {
        let n = self.n_sites;
        let mut words = Vec::new();
        draw_legal(sector, |_| 0.5, &mut self.first);
        let ones = self.first.iter().filter(|n| **n == 1).count();
        let mut legal = |x: &[u8]| is_legal_with(sector, x, &mut words);
        let mut x: Vec<u8> = (0..n).map(|i| u8::from(i < ones)).collect();
        let mut all = true;
        for _ in 0..n {
            x.rotate_left(1);
            all &= legal(&x);
        }
        let mut other = self.first.clone();
        other[0] ^= 1;
        self.canonical = !legal(&other);
        for i in 0..n {
            let mut other = self.first.clone();
            other[i] ^= 1;
            all &= legal(&other) != self.canonical;
        }
        if all {
            return Ok(());
        }
        Err(SseError::Sector {
            reason: "exchange needs all configurations, or all with one number of ones".to_owned(),
        })
    }

    /// The sector must hold exactly the configurations without two excited partners.
    fn check_sector(&mut self, sector: &dyn Constraint) -> Result<(), SseError> {
        if !self.exchange.is_empty() {
            return self.check_exchange_sector(sector);
        }
        let mut words = Vec::new();
        let mut x = vec![0_u8; self.n_sites];
        if !is_legal_with(sector, &x, &mut words) {
            let reason = "it excludes the configuration of zeros".to_owned();
            return Err(SseError::Sector { reason });
        }
        let mut legal = Vec::new();
        for i in 0..self.n_sites {
            x[i] = 1;
            legal.push(is_legal_with(sector, &x, &mut words));
            x[i] = 0;
        }
        if legal.iter().all(|l| !l) {
            return Err(SseError::OnlyVacuum);
        }
        if let Some(i) = legal.iter().position(|l| !l) {
            let reason = format!("it excludes the excitation of site {i} alone");
            return Err(SseError::Sector { reason });
        }
        for i in 0..self.n_sites {
            x[i] = 1;
            for j in i + 1..self.n_sites {
                let blocked = self.partners[i].binary_search(&(j as u32)).is_ok();
                // All pairs of a large system would cost N^3 steps.
                if !blocked && self.n_sites > LARGEST && j != i + 1 {
                    continue;
                }
                x[j] = 1;
                let allowed = is_legal_with(sector, &x, &mut words);
                x[j] = 0;
                if allowed == blocked {
                    let reason = if blocked {
                        format!(
                            "the terms never excite sites {i} and {j} together, the sector allows it"
                        )
                    } else {
                        format!("it excludes the excitation of {i} and {j}, the terms do not")
                    };
                    return Err(SseError::Sector { reason });
                }
            }
            x[i] = 0;
        }
        Ok(())
    }

    /// Energy of the pairs in a configuration.
    pub(crate) fn pair_energy(&self, x: &[u8]) -> f64 {
        let pair =
            |(s, e): &([u32; 2], [f64; 4])| e[(x[s[0] as usize] | x[s[1] as usize] << 1) as usize];
        self.pairs.iter().map(pair).sum()
    }

    /// Whether flipping both sites of any pair changes nothing, and no site is blockaded.
    #[expect(clippy::float_cmp, reason = "a symmetry must be exact")]
    pub(crate) fn is_ising(&self) -> bool {
        !self.has_blockade() && self.pairs.iter().all(|(_, e)| e[0] == e[3] && e[1] == e[2])
    }

    pub(crate) fn has_blockade(&self) -> bool {
        self.partners.iter().any(|p| !p.is_empty())
    }
}

/// Systems up to this size have all pairs compared with the sector.
const LARGEST: usize = 256;

/// Row, column and value.
type Element = (usize, usize, f64);

/// The sites a term acts on without identities, and its elements there.
fn few_sites(place: &Place<'_>) -> Result<(Vec<u32>, Vec<Element>), SseError> {
    let term = place.term;
    match &term.action {
        Action::Rows(rows) => {
            if term.sites.len() > 2 {
                return Err(place.unsupported("terms act on one or two sites"));
            }
            let rows = rows
                .iter()
                .map(|&(r, c, v)| (r as usize, c as usize, v))
                .collect();
            Ok((term.sites.clone(), rows))
        }
        Action::Pauli(string, v) => {
            let (mut sites, mut factors) = (Vec::new(), Vec::new());
            for (&s, &p) in term.sites.iter().zip(string) {
                if p != Pauli::I {
                    sites.push(s);
                    factors.push(p);
                }
            }
            let k = sites.len();
            if k > 2 {
                return Err(place.unsupported("Pauli strings act on one or two sites"));
            }
            let mut rows = Vec::new();
            for c in 0..1_usize << k {
                let (mut r, mut value, mut y) = (c, *v, 0);
                for (q, p) in factors.iter().enumerate() {
                    let bit = 1 << (k - 1 - q);
                    let down = c & bit != 0;
                    match p {
                        Pauli::Z if down => value = -value,
                        Pauli::X => r ^= bit,
                        Pauli::Y => {
                            r ^= bit;
                            y += 1;
                            // Y|0> = i|1>, Y|1> = -i|0>: the factors i are counted in y.
                            if down {
                                value = -value;
                            }
                        }
                        _ => {}
                    }
                }
                // Real models have an even number of Y.
                if y == 2 {
                    value = -value;
                }
                rows.push((r, c, value));
            }
            Ok((sites, rows))
        }
    }
}
