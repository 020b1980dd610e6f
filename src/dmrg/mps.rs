use crate::Element;
use crate::bond::{Bond, Shape, Tensor};
use crate::dense::Factor;
use crate::environment::Environment;
use crate::lift::Workspace;
use crate::mpo::{Grouped, Mpo};

/// The tensor of one site: $A^{x}_{l r}$.
///
/// # Shapes
/// `data` is row-major (d, left, right).
#[derive(Clone, Debug, PartialEq)]
pub struct SiteTensor<T> {
    /// Dimension of the bond to the left.
    pub left: usize,
    /// Dimension of the bond to the right.
    pub right: usize,
    /// Elements.
    pub data: Vec<T>,
}

impl<T> SiteTensor<T> {
    /// The (left, right) matrix of one value, row-major.
    #[must_use]
    pub fn matrix(&self, value: usize) -> &[T] {
        let size = self.left * self.right;
        &self.data[value * size..(value + 1) * size]
    }
}

/// A matrix product state, $\psi(x) = A^{x_0} A^{x_1} \cdots A^{x_{N-1}}$.
///
/// Position p holds site `order[p]`. As [`crate::Dmrg`] returns it, it is normalised and
/// right-canonical, $\sum_x A^x (A^x)^\dagger = 1$ at every position: the weight of a prefix is then
/// the squared norm of the row vector $A^{x_0} \cdots A^{x_p}$.
#[derive(Clone, Debug, PartialEq)]
pub struct Mps<T> {
    /// Local dimension d.
    pub local_dim: usize,
    /// Site at each position.
    pub order: Vec<u32>,
    /// One tensor for each position.
    pub tensors: Vec<SiteTensor<T>>,
    /// For each of the N + 1 bonds the charge of every state, ascending: the sum of the values to
    /// its left where the sector fixes their total, else 0.
    pub charges: Vec<Vec<i64>>,
}

impl<T: Element> Mps<T> {
    pub(crate) fn from_blocks(local_dim: usize, order: &[u32], tensors: &[Tensor<T>]) -> Self {
        let dense = |t: &Tensor<T>| {
            let (bond, next) = (sorted(&t.shape.left), sorted(&t.shape.right));
            let (left, right) = (t.shape.left.total(), t.shape.right.total());
            let mut data = vec![T::ZERO; local_dim * left * right];
            for b in &t.shape.blocks {
                let (rows, _) = t.shape.size(b);
                let (row, col) = (bond[b.left], next[b.right]);
                for (c, column) in t.block(b).chunks_exact(rows).enumerate() {
                    for (r, v) in column.iter().enumerate() {
                        data[(b.value * left + row + r) * right + col + c] = *v;
                    }
                }
            }
            SiteTensor { left, right, data }
        };
        let labels = |b: &Bond| {
            let mut labels = b.labels();
            labels.sort_unstable();
            labels
        };
        let mut charges = vec![labels(&tensors[0].shape.left)];
        charges.extend(tensors.iter().map(|t| labels(&t.shape.right)));
        Self {
            local_dim,
            order: order.to_vec(),
            tensors: tensors.iter().map(dense).collect(),
            charges,
        }
    }

    /// Number of sites.
    #[must_use]
    pub fn n_sites(&self) -> usize {
        self.tensors.len()
    }

    /// Dimensions of the N + 1 bonds.
    #[must_use]
    pub fn bond_dims(&self) -> Vec<usize> {
        self.charges.iter().map(Vec::len).collect()
    }

    /// $\psi(x)$ of a configuration in site order.
    ///
    /// # Panics
    /// If `x` has the wrong length or a value is too large.
    #[track_caller]
    #[must_use]
    pub fn amplitude(&self, x: &[u8]) -> T {
        assert_eq!(x.len(), self.n_sites(), "one value for each site");
        let mut v = vec![T::ONE];
        for (t, &site) in self.tensors.iter().zip(&self.order) {
            let matrix = t.matrix(x[site as usize].into());
            let mut next = vec![T::ZERO; t.right];
            for (v, row) in v.iter().zip(matrix.chunks_exact(t.right)) {
                for (n, m) in next.iter_mut().zip(row) {
                    *n += *v * *m;
                }
            }
            v = next;
        }
        v[0]
    }

    /// $\sqrt{\langle\psi|\psi\rangle}$.
    #[must_use]
    pub fn norm(&self) -> f64 {
        let weights = self.weights();
        weights.last().expect("an end").data[0].re().sqrt()
    }

    /// $\langle\psi|O|\psi\rangle$, for a normalised state the expectation value.
    ///
    /// # Panics
    /// If the operator has another number of sites or local dimension.
    #[track_caller]
    #[must_use]
    pub fn expectation(&self, mpo: &Mpo<T>) -> T {
        assert_eq!(
            (mpo.n_sites(), mpo.local_dim()),
            (self.n_sites(), self.local_dim),
            "operator and state on the same chain"
        );
        // One of the two may know of charges that the other does not keep.
        let charged = self.charges.iter().flatten().any(|&c| c != 0);
        if charged && !mpo.conserves() {
            let plain = self.uncharged();
            return plain.contract(&mpo.uncharged());
        }
        if !charged && mpo.is_charged() {
            return self.contract(&mpo.uncharged());
        }
        self.contract(mpo)
    }

    /// Entanglement entropies $-\sum_k p_k \ln p_k$ at the N - 1 inner bonds, from the squared
    /// Schmidt values p of a right-canonical state.
    #[must_use]
    pub fn entropies(&self) -> Vec<f64> {
        self.schmidt_weights()
            .iter()
            .map(|p| p.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum())
            .collect()
    }

    /// Squared Schmidt values at the N - 1 inner bonds, descending, of a right-canonical state.
    #[must_use]
    pub fn schmidt_weights(&self) -> Vec<Vec<f64>> {
        let weights = self.weights();
        let bonds = &self.charges[1..self.n_sites()];
        bonds
            .iter()
            .zip(&weights[1..])
            .map(|(labels, env)| {
                let bond = Bond::of_labels(labels);
                let mut all = Vec::new();
                for s in 0..bond.len() {
                    let (_, at) = env.find(0, s).expect("the identity keeps charges");
                    let n = bond.dim(s);
                    let (values, _) = T::eigen(n, &env.data[at..at + n * n])
                        .expect("a Hermitian matrix with finite elements has eigenvalues");
                    all.extend(values);
                }
                all.sort_by(|a, b| b.total_cmp(a));
                all
            })
            .collect()
    }

    /// The tensors as plain slices: dimension left, dimension right, row-major (d, left, right).
    pub fn slices(&self) -> impl ExactSizeIterator<Item = (usize, usize, &[T])> {
        self.tensors
            .iter()
            .map(|t| (t.left, t.right, t.data.as_slice()))
    }

    /// Largest deviation of $\sum_x A^x (A^x)^\dagger$ from 1.
    #[must_use]
    pub fn canonical_error(&self) -> f64 {
        let of_site = |t: &SiteTensor<T>| {
            let n = t.left;
            let mut sum = vec![T::ZERO; n * n];
            for x in 0..self.local_dim {
                // Row-major (left, right) is column-major (right, left).
                let m = Factor::new(t.matrix(x), t.right, n);
                T::add_product(&mut sum, m.adjoint(), m, 1.0);
            }
            let off = |(i, v): (usize, &T)| {
                let one = if i % (n + 1) == 0 { T::ONE } else { T::ZERO };
                (*v - one).abs2().sqrt()
            };
            sum.iter().enumerate().map(off).fold(0.0, f64::max)
        };
        self.tensors.iter().map(of_site).fold(0.0, f64::max)
    }

    fn uncharged(&self) -> Self {
        Self {
            charges: self.charges.iter().map(|c| vec![0; c.len()]).collect(),
            ..self.clone()
        }
    }

    /// The local charges that the labels of the bonds obey.
    fn local_charges(&self) -> Vec<i64> {
        let charged = self.charges.iter().flatten().any(|&c| c != 0);
        (0..self.local_dim as i64)
            .map(|v| if charged { v } else { 0 })
            .collect()
    }

    fn blocks(&self) -> impl Iterator<Item = Tensor<T>> {
        let charges = self.local_charges();
        self.tensors.iter().enumerate().map(move |(p, t)| {
            let bond = |b: usize| Bond::of_labels(&self.charges[b]);
            let mut out = Tensor::zeros(Shape::new(bond(p), bond(p + 1), &charges));
            let (starts, ends) = (out.shape.left.starts(), out.shape.right.starts());
            let Tensor { shape, data } = &mut out;
            for b in &shape.blocks {
                let (rows, cols) = shape.size(b);
                let matrix = t.matrix(b.value);
                for c in 0..cols {
                    for r in 0..rows {
                        let at = (starts[b.left] + r) * t.right + ends[b.right] + c;
                        data[b.offset + c * rows + r] = matrix[at];
                    }
                }
            }
            out
        })
    }

    /// The environments of the identity.
    fn weights(&self) -> Vec<Environment<T>> {
        self.environments(&Mpo::identity(self.n_sites(), self.local_dim))
    }

    fn contract(&self, mpo: &Mpo<T>) -> T {
        let environments = self.environments(mpo);
        environments.last().expect("an end").data[0]
    }

    fn environments(&self, mpo: &Mpo<T>) -> Vec<Environment<T>> {
        let mut work = Workspace::default();
        let mut out = vec![Environment::end()];
        for (p, tensor) in self.blocks().enumerate() {
            let lines = (mpo.line(p), mpo.line(p + 1));
            let entries = Grouped::new(mpo.site(p), self.local_dim, lines.1);
            let next = out[p].extended(&tensor, &entries, lines, &mut work);
            out.push(next);
        }
        out
    }
}

/// First state of each sector when the sectors are sorted by charge.
fn sorted(bond: &Bond) -> Vec<usize> {
    let before = |s: usize| {
        let lower = bond.0.iter().filter(|o| o.charge < bond.charge(s));
        lower.map(|o| o.dim).sum()
    };
    (0..bond.len()).map(before).collect()
}
