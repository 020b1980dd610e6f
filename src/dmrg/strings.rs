//! Sums of few-site terms as sums of products of one-site operators.

use crate::{Element, MpoError};
use ketwork_hamiltonians::{Action, LocalSum, OnSpace, Pauli, Term};
use std::collections::BTreeMap;

/// Operators on one site: d diagonal ones, then d (d - 1) others.
///
/// The diagonal ones are the discrete Legendre polynomials of the value with squared norm d: the
/// identity first, then Z for two values. So $S^z S^z$ is one product for every spin. The others are
/// matrix units where charges are conserved, else symmetric and antisymmetric pairs, of which a
/// Pauli string needs one product only.
#[derive(Clone, Debug)]
pub(crate) struct Basis {
    pub(crate) dim: usize,
    charged: bool,
    /// By polynomial and value.
    diagonal: Vec<Vec<f64>>,
}

impl Basis {
    pub(crate) fn new(dim: usize, charged: bool) -> Self {
        let mut diagonal: Vec<Vec<f64>> = Vec::new();
        for k in 0..dim {
            let x = |v: usize| (dim as f64 - 1.0 - 2.0 * v as f64) / (dim as f64 - 1.0);
            let mut p: Vec<f64> = match diagonal.last() {
                None => vec![1.0; dim],
                Some(last) => (0..dim).map(|v| x(v) * last[v]).collect(),
            };
            // Twice: once loses digits for many values.
            for q in diagonal.iter().chain(&diagonal) {
                let overlap = dot(&p, q) / dim as f64;
                p.iter_mut().zip(q).for_each(|(p, q)| *p -= overlap * q);
            }
            if k > 0 {
                let norm = (dot(&p, &p) / dim as f64).sqrt();
                p.iter_mut().for_each(|p| *p /= norm);
            }
            diagonal.push(p);
        }
        Self {
            dim,
            charged,
            diagonal,
        }
    }

    /// The elements (row, column, value) of an operator.
    pub(crate) fn elements(&self, op: u16) -> Vec<(u8, u8, f64)> {
        let (d, op) = (self.dim, usize::from(op));
        if op < d {
            return (0..d)
                .map(|v| (v as u8, v as u8, self.diagonal[op][v]))
                .filter(|e| e.2 != 0.0)
                .collect();
        }
        let (r, c) = self.pair(op);
        if self.charged {
            vec![(r, c, 1.0)]
        } else if r < c {
            vec![(r, c, 1.0), (c, r, 1.0)]
        } else {
            // The antisymmetric partner; i Y for qubits.
            vec![(c, r, 1.0), (r, c, -1.0)]
        }
    }

    /// Charge: row minus column.
    pub(crate) fn charge(&self, op: u16) -> i64 {
        if usize::from(op) < self.dim || !self.charged {
            return 0;
        }
        let (r, c) = self.pair(usize::from(op));
        i64::from(r) - i64::from(c)
    }

    fn pair(&self, op: usize) -> (u8, u8) {
        let k = op - self.dim;
        let (r, c) = (k / (self.dim - 1), k % (self.dim - 1));
        (r as u8, (c + usize::from(c >= r)) as u8)
    }

    fn of_pair(&self, r: usize, c: usize) -> u16 {
        (self.dim + r * (self.dim - 1) + c - usize::from(c > r)) as u16
    }

    /// A matrix unit as (operator, coefficient).
    fn unit(&self, r: usize, c: usize) -> Vec<(u16, f64)> {
        let d = self.dim;
        if r == c {
            return (0..d)
                .map(|k| (k as u16, self.diagonal[k][r] / d as f64))
                .filter(|e| e.1 != 0.0)
                .collect();
        }
        if self.charged {
            return vec![(self.of_pair(r, c), 1.0)];
        }
        let (low, high) = (r.min(c), r.max(c));
        let sign = if r < c { 0.5 } else { -0.5 };
        vec![
            (self.of_pair(low, high), 0.5),
            (self.of_pair(high, low), sign),
        ]
    }

    /// A Pauli matrix times a power of i: X, i Y and Z are real.
    fn pauli(&self, p: Pauli) -> Vec<(u16, f64)> {
        match p {
            Pauli::I => vec![(0, 1.0)],
            Pauli::Z => vec![(1, 1.0)],
            Pauli::X if self.charged => vec![(self.of_pair(0, 1), 1.0), (self.of_pair(1, 0), 1.0)],
            Pauli::Y if self.charged => vec![(self.of_pair(0, 1), 1.0), (self.of_pair(1, 0), -1.0)],
            Pauli::X => vec![(self.of_pair(0, 1), 1.0)],
            Pauli::Y => vec![(self.of_pair(1, 0), 1.0)],
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// One product: (position, operator) by ascending position, identities left out.
pub(crate) type Product = Vec<(u32, u16)>;

/// A sum of products with coefficients.
#[derive(Clone, Debug)]
pub(crate) struct Strings<T> {
    pub(crate) basis: Basis,
    pub(crate) n_sites: usize,
    pub(crate) products: BTreeMap<Product, T>,
}

/// Most products that a single term may expand to.
const MOST: usize = 1 << 16;

/// Coefficients below this fraction of the largest are what rounding left of a cancellation.
const ROUNDING: f64 = 1e-14;

impl<T: Element> Strings<T> {
    /// Expands and merges the terms; position p holds site `order[p]`.
    pub(crate) fn new(sum: &LocalSum<T>, order: &[u32], charged: bool) -> Result<Self, MpoError> {
        let space = sum.space();
        let mut position = vec![0; space.n_sites];
        for (p, &s) in order.iter().enumerate() {
            position[s as usize] = p as u32;
        }
        let basis = Basis::new(space.local_dim, charged);
        let mut products = BTreeMap::new();
        let mut largest = 0.0_f64;
        for (t, term) in sum.terms().iter().enumerate() {
            let c = sum.couplings()[term.coupling as usize].1;
            for (key, v) in expand(&basis, term).ok_or(MpoError::TooManyProducts { term: t })? {
                let mut product: Product = key
                    .iter()
                    .filter(|(_, op)| *op != 0)
                    .map(|&(s, op)| (position[s as usize], op))
                    .collect();
                product.sort_unstable();
                let v = v.scale(c);
                largest = largest.max(v.abs2());
                *products.entry(product).or_insert(T::ZERO) += v;
            }
        }
        products.retain(|_, v| v.abs2() > largest * ROUNDING * ROUNDING);
        Ok(Self {
            basis,
            n_sites: space.n_sites,
            products,
        })
    }

    /// Whether every product keeps the sum of the values.
    pub(crate) fn conserves(&self) -> bool {
        self.products.keys().all(|p| self.charge(p) == 0)
    }

    /// Drops the products that change the sum of the values: they leave every sector.
    pub(crate) fn restrict(&mut self) {
        let products = std::mem::take(&mut self.products);
        let kept = products.into_iter().filter(|(p, _)| self.charge(p) == 0);
        self.products = kept.collect();
    }

    /// Adds a multiple of the identity.
    pub(crate) fn plus(mut self, constant: f64) -> Self {
        *self.products.entry(Vec::new()).or_insert(T::ZERO) += T::from(constant);
        self
    }

    fn charge(&self, product: &[(u32, u16)]) -> i64 {
        product.iter().map(|&(_, op)| self.basis.charge(op)).sum()
    }
}

/// (site, operator) in the order of the term's sites.
type Key = Vec<(u32, u16)>;

/// Coefficients of products.
type Expansion<T> = BTreeMap<Key, T>;

fn expand<T: Element>(basis: &Basis, term: &Term<T>) -> Option<Expansion<T>> {
    let mut out = match &term.action {
        Action::Rows(rows) => of_rows(basis, &term.sites, rows)?,
        Action::Pauli(string, v) => of_pauli(basis, &term.sites, string, *v)?,
    };
    for &(site, mask) in &term.guard {
        let mut open: BTreeMap<u16, f64> = BTreeMap::new();
        for v in mask.values().filter(|&v| usize::from(v) < basis.dim) {
            for (op, c) in basis.unit(v.into(), v.into()) {
                *open.entry(op).or_default() += c;
            }
        }
        out = extended(&out, site, &open.into_iter().collect::<Vec<_>>())?;
    }
    Some(out)
}

/// Multiplies by a combination of operators on one more site.
fn extended<T: Element>(
    terms: &Expansion<T>,
    site: u32,
    ops: &[(u16, f64)],
) -> Option<Expansion<T>> {
    let mut out = BTreeMap::new();
    for (key, v) in terms {
        for &(op, c) in ops.iter().filter(|o| o.1 != 0.0) {
            let mut key = key.clone();
            key.push((site, op));
            out.insert(key, v.scale(c));
        }
    }
    (out.len() <= MOST).then_some(out)
}

fn of_pauli<T: Element>(
    basis: &Basis,
    sites: &[u32],
    string: &[Pauli],
    v: T,
) -> Option<Expansion<T>> {
    let n_y = string.iter().filter(|&&p| p == Pauli::Y).count();
    // The product of the matrices i Y, times (-i)^n.
    let phase = match n_y % 4 {
        0 => T::ONE,
        1 => T::from_parts(0.0, -1.0),
        2 => -T::ONE,
        _ => T::from_parts(0.0, 1.0),
    };
    let mut out = BTreeMap::from([(Vec::new(), v * phase)]);
    for (&site, &p) in sites.iter().zip(string) {
        out = extended(&out, site, &basis.pauli(p))?;
    }
    Some(out)
}

fn of_rows<T: Element>(
    basis: &Basis,
    sites: &[u32],
    rows: &[(u32, u32, T)],
) -> Option<Expansion<T>> {
    let (d, k) = (basis.dim, sites.len());
    let digit = |index: u32, i: usize| index as usize / d.pow((k - 1 - i) as u32) % d;
    // Site by site, so that equal products merge before they multiply.
    let mut parts: BTreeMap<(Key, u32, u32), T> = BTreeMap::new();
    for &(r, c, v) in rows {
        *parts.entry((Vec::new(), r, c)).or_insert(T::ZERO) += v;
    }
    for (i, &site) in sites.iter().enumerate() {
        let mut next = BTreeMap::new();
        let place = d.pow((k - 1 - i) as u32) as u32;
        for ((key, r, c), v) in &parts {
            for (op, w) in basis.unit(digit(*r, i), digit(*c, i)) {
                let mut key = key.clone();
                key.push((site, op));
                *next.entry((key, r % place, c % place)).or_insert(T::ZERO) += v.scale(w);
            }
        }
        let largest = next.values().map(|v: &T| v.abs2()).fold(0.0, f64::max);
        next.retain(|_, v| v.abs2() > largest * ROUNDING * ROUNDING);
        if next.len() > MOST {
            return None;
        }
        parts = next;
    }
    Some(parts.into_iter().map(|((key, _, _), v)| (key, v)).collect())
}
