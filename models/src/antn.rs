//! Autoregressive neural tensor networks, and the matrix product states they start from.

mod backward;
mod chain;
mod silent;
#[cfg(test)]
mod tests;

pub use silent::Silent;

use crate::{Conditional, Init, Layout, NetworkError};
use chain::Chain;
use ketwork_hamiltonians::{ConfigsRef, OnSpace, Scalar, Space};

/// A matrix product state read as conditionals: for right-canonical tensors
/// $\sum_x M_x M_x^\dagger = 1$ the state is $\psi(x) = M_{x_0} \cdots M_{x_{N-1}}$.
pub type Mps<L> = Antn<Silent<L>>;

/// The widest bond of a state near the uniform one: `bond`, or what the shorter side has states.
#[must_use]
pub fn widest_bond(space: Space, bond: usize) -> usize {
    Chain::capped(space, bond).widest()
}

/// One site of a matrix product state.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteTensor<L> {
    /// Bond dimension to the left.
    pub left: usize,
    /// Bond dimension to the right.
    pub right: usize,
    /// Entries (d, left, right), row-major.
    pub entries: Vec<L>,
}

/// How the network of an [`Antn`] shifts the tensors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mixing {
    /// By the same number for all entries of a value: d outputs.
    #[default]
    Blockwise,
    /// By a number for each entry: d · w² outputs with the widest bond w.
    Elementwise,
}

impl Mixing {
    /// Outputs that the network must have at each position.
    #[must_use]
    pub fn outputs(self, space: Space, widest_bond: usize) -> usize {
        match self {
            Self::Blockwise => space.local_dim,
            Self::Elementwise => space.local_dim * widest_bond * widest_bond,
        }
    }
}

/// A matrix product state whose tensors a network shifts,
///
/// $T_{x}^{ab} = M_{x}^{ab} + f(x | x_{<p})$, the same number f for all a and b (blockwise), or
/// $T_{x}^{ab} = M_{x}^{ab} + f^{ab}(x | x_{<p})$ (elementwise): which one, follows from the outputs of
/// the network, see [`Mixing::outputs`].
///
/// With the row vectors $v_p = v_{p-1} T_{x_{p-1}}$ (rescaled at each position, which no quantity
/// notices) the raw log-amplitudes are $\ln \|v_p T_x\|$, and the last one carries the phase
/// $\arg v_N$. At f = 0 and right-canonical M this is the matrix product state, at M = 0 the bare
/// network with amplitudes $|f|$. The outputs of the network (real and imaginary part) are f, and its
/// heads (arrays named "head..." and "phase...") start at 0: training starts at the matrix product
/// state. For `f64` the tensors are real
/// and the state is the modulus.
///
/// Sites are positions: tensors come in the order of the constraint.
///
/// # References
/// Z. Chen, L. Newhouse, E. Chen, D. Luo, M. Soljačić, NeurIPS 36 (2023), arXiv:2304.01996.
#[derive(Clone, Debug)]
pub struct Antn<M: Conditional> {
    net: M,
    layout: Layout,
    chain: Chain,
}

/// Memory of [`Antn`].
#[derive(Clone, Debug)]
pub struct AntnWork<M: Conditional> {
    inner: M::Work,
    /// What the network adds, (B, N, outputs).
    shift: Vec<M::Log>,
    /// Left vectors before each position (N, B, widest bond).
    left: Vec<M::Log>,
    /// Vectors after each position for each value (N, B, d, widest bond); of the last step in its
    /// first entries while stepping.
    after: Vec<M::Log>,
    /// Rows of the last forward pass.
    rows: usize,
    cotangent: Vec<f64>,
    net_rows: Vec<f64>,
    vectors: Vec<M::Log>,
}

impl<L: Scalar> Mps<L> {
    /// The state of given tensors.
    ///
    /// # Errors
    /// [`NetworkError`] where neighbouring bonds differ, the outer ones are not 1, or a tensor has not
    /// d · left · right finite entries.
    pub fn from_tensors(space: Space, tensors: &[SiteTensor<L>]) -> Result<Self, NetworkError> {
        Self::new(Silent::new(space), tensors)
    }

    /// A state near the uniform one with bonds of at most `bond`, noise of deviation 0.1 on its
    /// tensors.
    ///
    /// # Errors
    /// [`NetworkError::Zero`] for bond 0.
    pub fn near_uniform(space: Space, bond: usize) -> Result<Self, NetworkError> {
        Self::near_product(Silent::new(space), bond)
    }
}

impl<M: Conditional> Antn<M> {
    /// A network on top of given tensors.
    ///
    /// # Errors
    /// [`NetworkError`] where neighbouring bonds differ, the outer ones are not 1, a tensor has not
    /// d · left · right finite entries, or the outputs of the network are those of neither mixing.
    pub fn new(net: M, tensors: &[SiteTensor<M::Log>]) -> Result<Self, NetworkError> {
        let chain = Chain::of(*net.space(), tensors)?;
        let init = |p: usize| {
            let parts = |z: &M::Log| [z.re(), z.im()].into_iter().take(M::Log::COMPONENTS);
            Init::Values(tensors[p].entries.iter().flat_map(parts).collect())
        };
        Self::assemble(net, chain, init)
    }

    /// A network on top of tensors near those of the uniform state, with bonds of at most `bond`.
    ///
    /// # Errors
    /// [`NetworkError::Zero`] for bond 0; [`NetworkError::Outputs`] where the outputs of the network are
    /// those of neither mixing.
    pub fn near_product(net: M, bond: usize) -> Result<Self, NetworkError> {
        if bond == 0 {
            return Err(NetworkError::Zero { name: "bond" });
        }
        let space = *net.space();
        let chain = Chain::capped(space, bond);
        let amplitude = 1.0 / (space.local_dim as f64).sqrt();
        let bonds = chain.bonds().to_vec();
        let init = |p: usize| {
            let (left, right) = (bonds[p], bonds[p + 1]);
            let entry = |i: usize| (i / right % left == i % right) as u8 as f64 * amplitude;
            let count = space.local_dim * left * right;
            let parts = |i| [entry(i), 0.0].into_iter().take(M::Log::COMPONENTS);
            Init::Near((0..count).flat_map(parts).collect(), 0.1 * amplitude)
        };
        Self::assemble(net, chain, init)
    }

    fn assemble(net: M, chain: Chain, init: impl Fn(usize) -> Init) -> Result<Self, NetworkError> {
        let outputs = |mixing: Mixing| mixing.outputs(*net.space(), chain.widest());
        let known = [outputs(Mixing::Blockwise), outputs(Mixing::Elementwise)];
        if !known.contains(&net.outputs()) {
            return Err(NetworkError::Outputs {
                found: net.outputs(),
                blockwise: known[0],
                elementwise: known[1],
            });
        }
        let mut layout = Layout::new();
        for p in 0..net.space().n_sites {
            layout.push(
                format!("mps.{p}"),
                &chain.shape(p, M::Log::COMPONENTS),
                init(p),
            );
        }
        for parameter in net.layout().parameters() {
            let name = &parameter.name;
            let is_head = ["head", "phase"].iter().any(|h| name.starts_with(h));
            let init = if is_head {
                Init::Constant(0.0)
            } else {
                parameter.init.clone()
            };
            layout.push(format!("net.{name}"), &parameter.shape, init);
        }
        Ok(Self { net, layout, chain })
    }

    /// Bond dimensions, from the left end to the right: N + 1 numbers.
    #[must_use]
    pub fn bonds(&self) -> &[usize] {
        self.chain.bonds()
    }

    fn split<'t>(&self, theta: &'t [f64]) -> (&'t [f64], &'t [f64]) {
        theta.split_at(self.chain.n_params(M::Log::COMPONENTS))
    }

    fn has_net(&self) -> bool {
        self.net.layout().n_params() > 0
    }
}

impl<M: Conditional> OnSpace for Antn<M> {
    fn space(&self) -> &Space {
        self.net.space()
    }
}

impl<M: Conditional> Conditional for Antn<M> {
    type Log = M::Log;
    type Work = AntnWork<M>;

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn work(&self, batch: usize) -> Self::Work {
        AntnWork {
            inner: self.net.work(batch),
            shift: Vec::new(),
            left: Vec::new(),
            after: Vec::new(),
            rows: 0,
            cotangent: Vec::new(),
            net_rows: Vec::new(),
            vectors: Vec::new(),
        }
    }

    fn block(&self) -> usize {
        self.net.block()
    }

    fn forward(&self, theta: &[f64], work: &mut Self::Work, x: ConfigsRef<'_>, out: &mut [M::Log]) {
        let (n, d, w) = (x.n_sites(), self.space().local_dim, self.chain.widest());
        let (b, m) = (x.len(), self.net.outputs());
        let (tensors, net) = self.split(theta);
        work.shift.resize(b * n * m, M::Log::ZERO);
        work.shift.fill(M::Log::ZERO);
        if self.has_net() {
            self.net.forward(net, &mut work.inner, x, &mut work.shift);
        }
        work.rows = b;
        work.left.resize(n * b * w, M::Log::ZERO);
        work.after.resize(n * b * d * w, M::Log::ZERO);
        for (r, row) in x.rows().enumerate() {
            for p in 0..n {
                let (before, here) = work.after.split_at_mut(p * b * d * w);
                let left = &mut work.left[(p * b + r) * w..][..w];
                match p {
                    0 => left[0] = M::Log::ONE,
                    _ => {
                        let from = ((p - 1) * b + r) * d + row[p - 1] as usize;
                        self.chain.normalise(p, &before[from * w..][..w], left);
                    }
                }
                let at = (r * n + p) * d;
                let after = &mut here[r * d * w..][..d * w];
                let shift = &work.shift[(r * n + p) * m..][..m];
                self.chain.advance(tensors, p, left, shift, after);
                self.chain.read(p, after, &mut out[at..at + d]);
            }
        }
    }

    fn pullback(
        &self,
        theta: &[f64],
        work: &mut Self::Work,
        x: ConfigsRef<'_>,
        cotangent: &[f64],
        rows: &mut [f64],
    ) {
        backward::pullback(self, theta, work, x, cotangent, rows);
    }

    fn step(
        &self,
        theta: &[f64],
        work: &mut Self::Work,
        position: usize,
        x: ConfigsRef<'_>,
        out: &mut [M::Log],
    ) {
        let (d, w, b) = (self.space().local_dim, self.chain.widest(), x.len());
        let (tensors, net) = self.split(theta);
        let m = self.net.outputs();
        work.shift.resize(b * m, M::Log::ZERO);
        work.shift.fill(M::Log::ZERO);
        if self.has_net() {
            let shift = &mut work.shift;
            self.net.step(net, &mut work.inner, position, x, shift);
        }
        work.after.resize(b * d * w, M::Log::ZERO);
        work.vectors.resize(w, M::Log::ZERO);
        for (r, row) in x.rows().enumerate() {
            let after = &mut work.after[r * d * w..(r + 1) * d * w];
            match position {
                0 => work.vectors[0] = M::Log::ONE,
                _ => {
                    let from = row[position - 1] as usize * w;
                    let left = &mut work.vectors;
                    self.chain.normalise(position, &after[from..from + w], left);
                }
            }
            let shift = &work.shift[r * m..(r + 1) * m];
            self.chain
                .advance(tensors, position, &work.vectors, shift, after);
            self.chain
                .read(position, after, &mut out[r * d..(r + 1) * d]);
        }
    }

    fn select(&self, from: &Self::Work, into: &mut Self::Work, position: usize, rows: &[u32]) {
        let size = self.space().local_dim * self.chain.widest();
        into.after.resize(rows.len() * size, M::Log::ZERO);
        if position > 0 {
            for (after, &r) in into.after.chunks_exact_mut(size).zip(rows) {
                after.copy_from_slice(&from.after[r as usize * size..][..size]);
            }
        }
        if self.has_net() {
            self.net
                .select(&from.inner, &mut into.inner, position, rows);
        }
    }

    fn resume(
        &self,
        theta: &[f64],
        parents: &Self::Work,
        work: &mut Self::Work,
        x: ConfigsRef<'_>,
        parent: &[u32],
        first: &[u32],
        out: &mut [M::Log],
    ) {
        let (n, d, w) = (x.n_sites(), self.space().local_dim, self.chain.widest());
        crate::conditional::assert_resumable(out, x, d, parent, first);
        let (tensors, net) = self.split(theta);
        let m = self.net.outputs();
        work.shift.resize(x.len() * n * m, M::Log::ZERO);
        work.shift.fill(M::Log::ZERO);
        if self.has_net() {
            let (inner, shift) = (&mut work.inner, &mut work.shift);
            self.net
                .resume(net, &parents.inner, inner, x, parent, first, shift);
        }
        work.vectors.resize(w, M::Log::ZERO);
        work.after.resize(d * w, M::Log::ZERO);
        for (r, row) in x.rows().enumerate() {
            let p = first[r] as usize;
            let from = (p * parents.rows + parent[r] as usize) * d + row[p] as usize;
            if p + 1 < n {
                let vector = &parents.after[from * w..][..w];
                self.chain.normalise(p + 1, vector, &mut work.vectors);
            }
            for (p, &value) in row.iter().enumerate().skip(p + 1) {
                let at = (r * n + p) * d;
                let after = &mut work.after[..d * w];
                let shift = &work.shift[(r * n + p) * m..][..m];
                self.chain.advance(tensors, p, &work.vectors, shift, after);
                self.chain.read(p, after, &mut out[at..at + d]);
                if p + 1 < n {
                    let from = value as usize * w;
                    self.chain
                        .normalise(p + 1, &after[from..from + w], &mut work.vectors);
                }
            }
        }
    }
}
