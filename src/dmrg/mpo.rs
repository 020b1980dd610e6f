use crate::Element;
use crate::automaton::compile;
use crate::strings::Strings;
use ketwork_hamiltonians::LocalSum;
use std::collections::BTreeMap;
use std::ops::Range;

/// An operator as a product of sparse tensors along a chain.
///
/// $O = \sum_{a} W_{a_0 a_1} \cdots W_{a_{N-1} a_N}$ with operators on one site as
/// elements. It is made from the terms of any sum, of any range and number of sites, in any order
/// of the sites; the bonds are as narrow as the ranks of the coefficients allow.
///
/// # Examples
/// ```
/// use ketwork_dmrg::Mpo;
/// use ketwork_hamiltonians::{Boundary, Hamiltonian, Lattice, Tfim};
/// let chain = Tfim::new(1.0).on(&Lattice::chain(6, Boundary::Open)?)?;
/// let mpo = Mpo::new(chain.terms(), chain.sector().order())?;
/// assert_eq!(mpo.bond_dims(), [1, 3, 3, 3, 3, 3, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # References
/// C. Hubig, I. P. McCulloch, U. Schollwöck, Phys. Rev. B 95, 035129 (2017);
/// J. Ren, W. Li, T. Jiang, Z. Shuai, J. Chem. Phys. 153, 084118 (2020).
#[derive(Clone, Debug)]
pub struct Mpo<T> {
    local_dim: usize,
    lines: Vec<Line>,
    sites: Vec<Vec<Entry<T>>>,
}

/// Why an operator cannot be written as a product of tensors.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MpoError {
    /// A long product of X and Y has $2^k$ parts that keep or change the sum of the values.
    #[error(
        "term {term} expands to more than 65536 products; leave the fixed sum of values out of the sector, or split the term"
    )]
    TooManyProducts {
        /// Position of the term.
        term: usize,
    },
}

/// One non-zero element of a tensor: `weight` $|row\rangle\langle col|$ between states a and b.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<T> {
    pub(crate) a: usize,
    pub(crate) b: usize,
    pub(crate) row: usize,
    pub(crate) col: usize,
    pub(crate) weight: T,
}

/// States of a bond of an operator, those of equal charge side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Charge (row minus column) and states of each class.
    pub(crate) classes: Vec<(i64, Range<usize>)>,
    /// Class of each state.
    pub(crate) class_of: Vec<usize>,
}

impl Line {
    /// The line of states with the given charges, ascending.
    pub(crate) fn of_charges(charges: &[i64]) -> Self {
        let mut classes: Vec<(i64, Range<usize>)> = Vec::new();
        let mut class_of = Vec::new();
        for (i, &c) in charges.iter().enumerate() {
            match classes.last_mut() {
                Some((charge, range)) if *charge == c => range.end = i + 1,
                _ => classes.push((c, i..i + 1)),
            }
            class_of.push(classes.len() - 1);
        }
        Self { classes, class_of }
    }

    pub(crate) fn count(&self, class: usize) -> usize {
        self.classes[class].1.len()
    }
}

/// Elements of one tensor by (row, class of b).
#[derive(Clone, Debug)]
pub(crate) struct Grouped<T> {
    n_classes: usize,
    entries: Vec<Vec<Entry<T>>>,
}

impl<T: Element> Grouped<T> {
    pub(crate) fn new(entries: &[Entry<T>], n_rows: usize, to: &Line) -> Self {
        let n_classes = to.classes.len();
        let mut out = vec![Vec::new(); n_rows * n_classes];
        for e in entries {
            out[e.row * n_classes + to.class_of[e.b]].push(*e);
        }
        Self {
            n_classes,
            entries: out,
        }
    }

    pub(crate) fn of(&self, row: usize, class: usize) -> &[Entry<T>] {
        &self.entries[row * self.n_classes + class]
    }
}

impl<T: Element> Mpo<T> {
    /// The operator of a sum of terms; position p holds site `order[p]`.
    ///
    /// Charges are kept where every term conserves the sum of the values.
    ///
    /// # Errors
    /// [`MpoError`].
    ///
    /// # Panics
    /// If `order` is no permutation of the sites.
    #[track_caller]
    pub fn new(sum: &LocalSum<T>, order: &[u32]) -> Result<Self, MpoError> {
        assert_permutation(sum, order);
        if let Ok(strings) = Strings::new(sum, order, true)
            && strings.conserves()
        {
            return Ok(compile(&strings));
        }
        Ok(compile(&Strings::new(sum, order, false)?))
    }

    pub(crate) fn from_parts(
        local_dim: usize,
        lines: Vec<Line>,
        sites: Vec<Vec<Entry<T>>>,
    ) -> Self {
        Self {
            local_dim,
            lines,
            sites,
        }
    }

    /// Number of sites.
    #[must_use]
    pub fn n_sites(&self) -> usize {
        self.sites.len()
    }

    /// Local dimension.
    #[must_use]
    pub fn local_dim(&self) -> usize {
        self.local_dim
    }

    /// Dimensions of the N + 1 bonds.
    #[must_use]
    pub fn bond_dims(&self) -> Vec<usize> {
        self.lines.iter().map(|l| l.class_of.len()).collect()
    }

    /// Number of non-zero elements of the tensors.
    #[must_use]
    pub fn n_elements(&self) -> usize {
        self.sites.iter().map(Vec::len).sum()
    }

    /// $\langle x|O|y\rangle$ for values by position.
    ///
    /// # Panics
    /// If a row has the wrong length.
    #[track_caller]
    #[must_use]
    pub fn element(&self, x: &[u8], y: &[u8]) -> T {
        assert_eq!(
            (x.len(), y.len()),
            (self.n_sites(), self.n_sites()),
            "one value for each position"
        );
        let mut v = vec![T::ONE];
        for (p, entries) in self.sites.iter().enumerate() {
            let mut next = vec![T::ZERO; self.lines[p + 1].class_of.len()];
            for e in entries {
                if e.row == usize::from(x[p]) && e.col == usize::from(y[p]) {
                    next[e.b] += v[e.a] * e.weight;
                }
            }
            v = next;
        }
        v[0]
    }

    pub(crate) fn line(&self, bond: usize) -> &Line {
        &self.lines[bond]
    }

    pub(crate) fn site(&self, position: usize) -> &[Entry<T>] {
        &self.sites[position]
    }

    /// The identity.
    #[must_use]
    pub fn identity(n_sites: usize, local_dim: usize) -> Self {
        let unit = |v| Entry {
            a: 0,
            b: 0,
            row: v,
            col: v,
            weight: T::ONE,
        };
        Self {
            local_dim,
            lines: vec![Line::of_charges(&[0]); n_sites + 1],
            sites: vec![(0..local_dim).map(unit).collect(); n_sites],
        }
    }

    /// Whether every element changes the charge of the bonds by row minus column.
    pub(crate) fn conserves(&self) -> bool {
        let charge = |l: &Line, i: usize| l.classes[l.class_of[i]].0;
        self.sites.iter().enumerate().all(|(p, site)| {
            site.iter().all(|e| {
                let change = e.row as i64 - e.col as i64;
                charge(&self.lines[p], e.a) + change == charge(&self.lines[p + 1], e.b)
            })
        })
    }

    /// Whether a charge other than 0 occurs.
    pub(crate) fn is_charged(&self) -> bool {
        let charged = |l: &Line| l.classes.iter().any(|c| c.0 != 0);
        self.lines.iter().any(charged)
    }

    /// The same operator without charges.
    pub(crate) fn uncharged(&self) -> Self {
        let plain = |l: &Line| Line::of_charges(&vec![0; l.class_of.len()]);
        Self {
            lines: self.lines.iter().map(plain).collect(),
            ..self.clone()
        }
    }

    /// The transposed operator on the reversed chain.
    pub(crate) fn mirrored(&self) -> Self {
        let turn = |e: &Entry<T>| Entry {
            a: e.b,
            b: e.a,
            row: e.col,
            col: e.row,
            weight: e.weight,
        };
        Self {
            local_dim: self.local_dim,
            lines: self.lines.iter().rev().cloned().collect(),
            sites: self
                .sites
                .iter()
                .rev()
                .map(|s| s.iter().map(turn).collect())
                .collect(),
        }
    }

    /// Positions p and p + 1 as one site with values `d x + y`.
    pub(crate) fn pair(&self, p: usize) -> Vec<Entry<T>> {
        let d = self.local_dim;
        let mut after: Vec<Vec<&Entry<T>>> = vec![Vec::new(); self.lines[p + 1].class_of.len()];
        for e in &self.sites[p + 1] {
            after[e.a].push(e);
        }
        let mut sum: BTreeMap<(usize, usize, usize, usize), T> = BTreeMap::new();
        for e in &self.sites[p] {
            for f in &after[e.b] {
                let key = (e.a, f.b, e.row * d + f.row, e.col * d + f.col);
                *sum.entry(key).or_insert(T::ZERO) += e.weight * f.weight;
            }
        }
        entries(sum)
    }

    /// The product with another operator, this one on the left: bonds multiply.
    #[must_use]
    pub fn times(&self, other: &Self) -> Self {
        assert_eq!(
            (self.n_sites(), self.local_dim),
            (other.n_sites(), other.local_dim),
            "operators on the same chain"
        );
        // States of the product sorted by charge.
        let mut places = Vec::new();
        let mut lines = Vec::new();
        for (l, m) in self.lines.iter().zip(&other.lines) {
            let charge = |l: &Line, i: usize| l.classes[l.class_of[i]].0;
            let width = m.class_of.len();
            let mut states: Vec<_> = (0..l.class_of.len() * width)
                .map(|k| (charge(l, k / width) + charge(m, k % width), k))
                .collect();
            states.sort_unstable();
            let mut place = vec![0; states.len()];
            for (to, &(_, k)) in states.iter().enumerate() {
                place[k] = to;
            }
            let charges: Vec<_> = states.iter().map(|s| s.0).collect();
            lines.push(Line::of_charges(&charges));
            places.push((place, width));
        }
        let site = |p: usize| {
            let mut sum: BTreeMap<(usize, usize, usize, usize), T> = BTreeMap::new();
            for e in &self.sites[p] {
                for f in other.sites[p].iter().filter(|f| f.row == e.col) {
                    let a = places[p].0[e.a * places[p].1 + f.a];
                    let b = places[p + 1].0[e.b * places[p + 1].1 + f.b];
                    *sum.entry((a, b, e.row, f.col)).or_insert(T::ZERO) += e.weight * f.weight;
                }
            }
            entries(sum)
        };
        Self {
            local_dim: self.local_dim,
            sites: (0..self.n_sites()).map(site).collect(),
            lines,
        }
    }
}

fn entries<T: Element>(sum: BTreeMap<(usize, usize, usize, usize), T>) -> Vec<Entry<T>> {
    sum.into_iter()
        .filter(|(_, w)| *w != T::ZERO)
        .map(|((a, b, row, col), weight)| Entry {
            a,
            b,
            row,
            col,
            weight,
        })
        .collect()
}

#[track_caller]
pub(crate) fn assert_permutation<T: Element>(sum: &LocalSum<T>, order: &[u32]) {
    use ketwork_hamiltonians::OnSpace;
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    assert!(
        sorted.iter().copied().eq(0..sum.space().n_sites as u32),
        "the order must name each site once"
    );
}
