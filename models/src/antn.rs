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

/// The largest number of states of one charge on a bond.
#[must_use]
pub fn widest_sector(charges: &[Vec<i64>]) -> usize {
    let sectors = charges.iter().flat_map(|bond| bond.chunk_by(|a, b| a == b));
    sectors.map(<[i64]>::len).max().unwrap_or(1)
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
    /// By a number for each entry: d · w² outputs with the widest bond w, or the widest sector of one.
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
/// state. For `f64` the tensors are real and the state is the modulus.
///
/// Where the states of the bonds have charges ([`Antn::with_charges`]) a prefix has one as well, and
/// its vector lives among the states of that charge: a and b run over these only, w is the number of
/// states of the commonest charge, and the number f of blockwise mixing is divided by the root of
/// their number behind the site, so that M = 0 still is the bare network.
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
    /// The entries of the tensors where they are no parameters.
    fixed: Option<Vec<f64>>,
}

/// Memory of [`Antn`].
#[derive(Clone, Debug)]
pub struct AntnWork<M: Conditional> {
    inner: M::Work,
    /// What the network adds, (B, N, outputs).
    shift: Vec<M::Log>,
    /// Left vectors before each position (N, B, widest sector).
    left: Vec<M::Log>,
    /// Vectors after each position for each value (N, B, d, widest sector); of the last step in its
    /// first entries while stepping.
    after: Vec<M::Log>,
    /// The sector of each row before the position at hand.
    sector: Vec<Option<usize>>,
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
        let chain = Chain::of(*net.space(), tensors, None)?;
        Self::on(net, chain, tensors)
    }

    /// A network on top of tensors that conserve the sum of the values: `charges` are those of the
    /// states of the N + 1 bonds, ascending, the sum to the left of the bond. Entries that the charges
    /// forbid are no parameters.
    ///
    /// # Errors
    /// Those of [`Antn::new`], and [`NetworkError::Tensor`] where the charges are not ascending, not as
    /// many as states, or do not allow an entry that is not 0.
    pub fn with_charges(
        net: M,
        tensors: &[SiteTensor<M::Log>],
        charges: &[Vec<i64>],
    ) -> Result<Self, NetworkError> {
        let chain = Chain::of(*net.space(), tensors, Some(charges))?;
        Self::on(net, chain, tensors)
    }

    fn on(net: M, chain: Chain, tensors: &[SiteTensor<M::Log>]) -> Result<Self, NetworkError> {
        let init = |p: usize| {
            let parts = |z: M::Log| [z.re(), z.im()].into_iter().take(M::Log::COMPONENTS);
            Init::Values(chain.kept(p, &tensors[p]).flat_map(parts).collect())
        };
        Self::assemble(net, chain.clone(), init)
    }

    /// The state whose tensors stay as they are: the parameters are those of the network alone.
    ///
    /// # Errors
    /// [`NetworkError::Tensor`] where the tensors start at random numbers.
    pub fn fixed(mut self) -> Result<Self, NetworkError> {
        let mut values = Vec::new();
        let mut own = Layout::new();
        for parameter in self.layout.parameters() {
            match (&parameter.init, parameter.name.strip_prefix("mps.")) {
                (Init::Values(v), Some(_)) => values.extend_from_slice(v),
                (_, Some(site)) => {
                    return Err(NetworkError::Tensor {
                        site: site.parse().unwrap_or(0),
                        reason: "random entries cannot be kept as they are".into(),
                    });
                }
                _ => {
                    let (name, init) = (parameter.name.clone(), parameter.init.clone());
                    own.push(name, &parameter.shape, init);
                }
            }
        }
        if self.fixed.is_none() {
            (self.layout, self.fixed) = (own, Some(values));
        }
        Ok(self)
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
        Ok(Self {
            net,
            layout,
            chain,
            fixed: None,
        })
    }

    /// Bond dimensions, from the left end to the right: N + 1 numbers.
    #[must_use]
    pub fn bonds(&self) -> &[usize] {
        self.chain.bonds()
    }

    /// The entries of the tensors and the parameters of the network.
    fn split<'t>(&'t self, theta: &'t [f64]) -> (&'t [f64], &'t [f64]) {
        match &self.fixed {
            Some(tensors) => (tensors, theta),
            None => theta.split_at(self.chain.n_params(M::Log::COMPONENTS)),
        }
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
            sector: Vec::new(),
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
        work.sector.clear();
        work.sector.resize(b, Some(0));
        // Each tensor serves all rows before the next one is read.
        for p in 0..n {
            let (before, here) = work.after.split_at_mut(p * b * d * w);
            for (r, row) in x.rows().enumerate() {
                let left = &mut work.left[(p * b + r) * w..][..w];
                let sector = &mut work.sector[r];
                match p {
                    0 => left[0] = M::Log::ONE,
                    _ => {
                        let value = row[p - 1] as usize;
                        let block = self.chain.block(p - 1, *sector, value);
                        let from = ((p - 1) * b + r) * d + value;
                        self.chain.normalise(block, &before[from * w..][..w], left);
                        *sector = block.map(|b| b.to);
                    }
                }
                let (at, place) = ((r * n + p) * d, (p, *sector));
                let after = &mut here[r * d * w..][..d * w];
                let shift = &work.shift[(r * n + p) * m..][..m];
                self.chain.advance(tensors, place, left, shift, after);
                self.chain.read(place, after, &mut out[at..at + d]);
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
        if position == 0 {
            work.sector.clear();
        }
        work.sector.resize(b, Some(0));
        for (r, row) in x.rows().enumerate() {
            let after = &mut work.after[r * d * w..(r + 1) * d * w];
            let sector = &mut work.sector[r];
            match position {
                0 => work.vectors[0] = M::Log::ONE,
                _ => {
                    let (last, value) = (position - 1, row[position - 1] as usize);
                    let block = self.chain.block(last, *sector, value);
                    let left = &mut work.vectors;
                    self.chain.normalise(block, &after[value * w..][..w], left);
                    *sector = block.map(|b| b.to);
                }
            }
            let (shift, place) = (&work.shift[r * m..(r + 1) * m], (position, *sector));
            self.chain
                .advance(tensors, place, &work.vectors, shift, after);
            self.chain.read(place, after, &mut out[r * d..(r + 1) * d]);
        }
    }

    fn select(&self, from: &Self::Work, into: &mut Self::Work, position: usize, rows: &[u32]) {
        let size = self.space().local_dim * self.chain.widest();
        into.after.resize(rows.len() * size, M::Log::ZERO);
        if position > 0 {
            for (after, &r) in into.after.chunks_exact_mut(size).zip(rows) {
                after.copy_from_slice(&from.after[r as usize * size..][..size]);
            }
            into.sector.clear();
            let sectors = rows.iter().map(|&r| from.sector[r as usize]);
            into.sector.extend(sectors);
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
        let b = x.len();
        work.vectors.resize(b * w, M::Log::ZERO);
        work.after.resize(d * w, M::Log::ZERO);
        work.sector.clear();
        // Rows start at the vector after their first change; first changes ascend.
        for p in first.first().map_or(n, |&f| f as usize + 1)..n {
            for (r, row) in x
                .rows()
                .enumerate()
                .take_while(|(r, _)| (first[*r] as usize) < p)
            {
                let vector = &mut work.vectors[r * w..][..w];
                let (last, value) = (p - 1, row[p - 1] as usize);
                if first[r] as usize == last {
                    let block = self.chain.block(last, self.chain.sector(row, last), value);
                    let from = (last * parents.rows + parent[r] as usize) * d + value;
                    let after = &parents.after[from * w..][..w];
                    self.chain.normalise(block, after, vector);
                    work.sector.push(block.map(|b| b.to));
                }
                let place = (p, work.sector[r]);
                let at = (r * n + p) * d;
                let after = &mut work.after[..d * w];
                let shift = &work.shift[(r * n + p) * m..][..m];
                self.chain.advance(tensors, place, vector, shift, after);
                self.chain.read(place, after, &mut out[at..at + d]);
                if p + 1 < n {
                    let value = row[p] as usize;
                    let block = self.chain.block(p, work.sector[r], value);
                    self.chain
                        .normalise(block, &after[value * w..][..w], vector);
                    work.sector[r] = block.map(|b| b.to);
                }
            }
        }
    }
}
