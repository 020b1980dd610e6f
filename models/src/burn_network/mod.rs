//! Networks of one's own: any causal Burn module as a [`Conditional`], any other as an unnormalised
//! state or as a function of real vectors.
//!
//! Notation: B rows, N positions, d values, k components of a log-amplitude, P parameters.

mod check;
mod copies;
mod error;
mod host;
mod map;
mod parameters;
mod state;
#[cfg(test)]
mod tests;
mod twins;

/// Burn itself, in the version of this crate: its derive macro needs the name `burn` in scope.
pub use ::burn;
pub use copies::BurnCopies;
pub use error::BurnError;
pub use host::BurnWork;
pub use map::{BurnMap, BurnRealMap};
pub use state::{BurnAmplitude, BurnState};
pub use twins::{BurnGru, BurnTransformer};

use crate::layers::embed::token;
use crate::{Conditional, Layout};
use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use host::Host;
use ketwork_hamiltonians::{ConfigsRef, OnSpace, Scalar, Space};
use parameters::numbers;
use std::fmt;
use std::marker::PhantomData;

/// A Burn module that gives raw log-amplitudes, by [`forward`](Self::forward) or by
/// [`forward_each`](Self::forward_each): implement one of the two.
///
/// The token at position p is the value at p - 1, and d (the start token) at p = 0. A law is checked
/// where a [`BurnConditional`] is built: the output at p depends on tokens 0 to p only.
///
/// # Shapes
/// Tokens (B, N) in 0..=d; output (B, N, k d): at each position a log-amplitude for each value, then,
/// of a state with a phase, a phase in radians for each value.
pub trait BurnNetwork: Module + Sync + 'static {
    /// The raw log-amplitudes of all positions. Derivatives take one backward pass for each row.
    ///
    /// # Panics
    /// If the module implements neither this nor `forward_each`.
    fn forward(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        let shared = BurnCopies::shared();
        let out = self.forward_each(tokens, &shared);
        out.expect("a `BurnNetwork` implements `forward` or `forward_each`")
    }

    /// The raw log-amplitudes with all parameters taken from `copies`, which can give each row its own:
    /// derivatives of many rows are then one backward pass, which on a graphics processor is all the
    /// difference.
    ///
    /// That derivatives agree with those row by row is checked where a [`BurnConditional`] is built.
    fn forward_each(&self, tokens: Tensor<2, Int>, copies: &BurnCopies<'_>) -> Option<Tensor<3>> {
        let _ = (tokens, copies);
        None
    }

    /// Whether [`forward`](Self::forward) also takes the first T < N tokens of each row, and gives the
    /// first T outputs: step p of sampling then runs p + 1 positions and not all N.
    fn takes_prefixes(&self) -> bool {
        false
    }
}

/// A Burn module as a network: raw log-amplitudes (`L = f64`), or with a phase (`L = Complex64`).
///
/// Mask, norm, sampling, derivatives, checkpoints and threads come from
/// [`Autoregressive`](crate::Autoregressive), as for the native networks. theta holds the module's
/// parameters under their field names ("layers.0.weight"); frozen ones stay as they are.
///
/// Double precision on Burn's processor device ([`new`](Self::new)), single precision on others
/// ([`on`](Self::on)); theta is in double precision with either. Burn fixes the precision of a device with its
/// first tensor, so build the network before other tensors, or set it yourself.
///
/// Burn keeps no activations between calls: a step of sampling runs the network on all positions (up
/// to its own with [`BurnNetwork::takes_prefixes`]), and so does every neighbour of a configuration. A
/// derivative is one backward pass for many samples with [`BurnNetwork::forward_each`], or one for each.
///
/// # Panics
/// Methods panic if the device fails while it computes (a graphics processor that is lost or full).
///
/// # Examples
/// ```
/// use ketwork_hamiltonians::{Free, Space};
/// use ketwork_models::burn::module::Module;
/// use ketwork_models::burn::nn::{Embedding, EmbeddingConfig};
/// use ketwork_models::burn::tensor::{Int, Tensor};
/// // The macro below names its crate `burn`.
/// use ketwork_models::{Ancestral, Autoregressive, BurnConditional, BurnNetwork, Stream, Wavefunction, burn};
/// use std::sync::Arc;
///
/// /// Each value sees the one before.
/// #[derive(Module, Debug)]
/// struct Neighbour {
///     table: Embedding,
/// }
///
/// impl BurnNetwork for Neighbour {
///     fn forward(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
///         self.table.forward(tokens)
///     }
/// }
///
/// let space = Space::qubits(5);
/// let net = BurnConditional::<_, f64>::new(space, 1, |device| Neighbour {
///     table: EmbeddingConfig::new(3, 2).init(device),
/// })?;
/// let psi = Autoregressive::new(net, Arc::new(Free::new(space)));
/// let theta = psi.layout().initial(Stream::new(1));
/// let samples = psi.sample(&theta, 0..100, Stream::new(2));
/// assert_eq!(theta.len(), 6);
/// assert!((samples.weight.iter().sum::<f64>() - 1.0).abs() < 1e-12);
/// # Ok::<(), ketwork_models::BurnError>(())
/// ```
pub struct BurnConditional<M, L> {
    space: Space,
    host: Host<M>,
    log: PhantomData<L>,
}

impl<M: BurnNetwork, L: Scalar> BurnConditional<M, L> {
    /// The network that `build` makes on Burn's processor device, checked.
    ///
    /// The initial parameters are those of the module, drawn from `seed`.
    ///
    /// # Errors
    /// Those of [`on`](Self::on).
    pub fn new(
        space: Space,
        seed: u64,
        build: impl FnOnce(&Device) -> M,
    ) -> Result<Self, BurnError> {
        Self::on(Device::flex(), space, seed, build)
    }

    /// The network that `build` makes on a device, checked: `Device::wgpu(DeviceKind::DefaultDevice)` with the
    /// feature `wgpu`, `Device::vulkan(..)` with `vulkan`, `Device::cuda(0)` with `cuda`. `build` is given the
    /// device with automatic differentiation.
    ///
    /// The initial parameters are those of the module, drawn from `seed`.
    ///
    /// # Errors
    /// [`BurnError`]: another precision, no parameter, wrong shape, numbers that are not finite, an
    /// output that depends on later tokens, on other rows, or on chance. The checks run on random
    /// configurations with shifted parameters, since a head that starts at zero hides everything.
    pub fn on(
        device: Device,
        space: Space,
        seed: u64,
        build: impl FnOnce(&Device) -> M,
    ) -> Result<Self, BurnError> {
        let check = |host: &Host<M>| check::network_is_causal::<M, L>(host, space);
        Ok(Self {
            space,
            host: Host::new(device, seed, build, check)?,
            log: PhantomData,
        })
    }

    /// The module as it was built.
    #[must_use]
    pub fn module(&self) -> &M {
        &self.host.taped
    }

    /// Runs a module on all positions of configurations: (B, N, k d).
    fn run(&self, module: &M, x: ConfigsRef<'_>, is_taped: bool) -> Tensor<3> {
        let (n, d) = (self.space.n_sites, self.space.local_dim);
        run_prefixes(&self.host, module, x, d, n, is_taped)
    }
}

/// Runs a module on the first `length` tokens of configurations: (B, length, k d).
fn run_prefixes<M: BurnNetwork>(
    host: &Host<M>,
    module: &M,
    x: ConfigsRef<'_>,
    local_dim: usize,
    length: usize,
    is_taped: bool,
) -> Tensor<3> {
    module.forward(tokens(host, x, local_dim, length, is_taped))
}

/// The first `length` tokens of configurations: (B, length).
fn tokens<M: BurnNetwork>(
    host: &Host<M>,
    x: ConfigsRef<'_>,
    local_dim: usize,
    length: usize,
    is_taped: bool,
) -> Tensor<2, Int> {
    let tokens = x
        .rows()
        .flat_map(|row| (0..length).map(|p| token(row, p, local_dim) as i32))
        .collect();
    host.input(tokens, [x.len(), length], is_taped)
}

/// Overwrites rows (B, P) with the derivatives of outputs times seeds (B, N, k d), by one backward pass for
/// many rows; false where the module has no [`BurnNetwork::forward_each`].
fn pullback_rows<M: BurnNetwork>(
    host: &Host<M>,
    theta: &[f64],
    x: ConfigsRef<'_>,
    local_dim: usize,
    seed: &[f64],
    rows: &mut [f64],
) -> bool {
    host.pullback_rows(theta, seed, rows, |module: &M, some, copies| {
        let tokens = tokens(host, x.slice(some), local_dim, x.n_sites(), true);
        module.forward_each(tokens, copies)
    })
}

/// From rows of d log-amplitudes and, with a phase, d phases to d logarithms each.
fn write_logs<L: Scalar>(raw: &[f64], d: usize, out: &mut [L]) {
    let width = L::COMPONENTS * d;
    assert_eq!(raw.len(), out.len() / d * width, "numbers of the module");
    for (out, raw) in out.chunks_exact_mut(d).zip(raw.chunks_exact(width)) {
        for (v, out) in out.iter_mut().enumerate() {
            *out = L::from_parts(raw[v], *raw.get(d + v).unwrap_or(&0.0));
        }
    }
}

impl<M, L> fmt::Debug for BurnConditional<M, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BurnConditional")
            .field("space", &self.space)
            .field("n_params", &self.host.layout.n_params())
            .finish_non_exhaustive()
    }
}

impl<M, L> OnSpace for BurnConditional<M, L> {
    fn space(&self) -> &Space {
        &self.space
    }
}

impl<M: BurnNetwork, L: Scalar> Conditional for BurnConditional<M, L> {
    type Log = L;
    type Work = BurnWork<M>;

    fn layout(&self) -> &Layout {
        &self.host.layout
    }

    fn work(&self, _batch: usize) -> BurnWork<M> {
        BurnWork::default()
    }

    fn block(&self) -> usize {
        let n = self.space.n_sites;
        // On the processor so many tokens of a usual width stay in the second-level cache between two
        // operations.
        self.host.rows_of_a_pass((512 / n).max(8), n)
    }

    fn forward(&self, theta: &[f64], work: &mut BurnWork<M>, x: ConfigsRef<'_>, out: &mut [L]) {
        let d = self.space.local_dim;
        assert_eq!(out.len(), x.data().len() * d, "outputs of {} rows", x.len());
        if out.is_empty() {
            return;
        }
        let module = work.module(&self.host, theta, false);
        write_logs(&numbers(&self.run(module, x, false)), d, out);
    }

    fn step(
        &self,
        theta: &[f64],
        work: &mut BurnWork<M>,
        position: usize,
        x: ConfigsRef<'_>,
        out: &mut [L],
    ) {
        let (n, d, k) = (self.space.n_sites, self.space.local_dim, L::COMPONENTS);
        assert_eq!(out.len(), x.len() * d, "outputs at one position");
        if out.is_empty() {
            return;
        }
        let module = work.module(&self.host, theta, false);
        let length = if module.takes_prefixes() {
            position + 1
        } else {
            n
        };
        let all = run_prefixes(&self.host, module, x, d, length, false);
        let here = all.slice([0..x.len(), position..position + 1, 0..k * d]);
        write_logs(&numbers(&here), d, out);
    }

    fn pullback(
        &self,
        theta: &[f64],
        work: &mut BurnWork<M>,
        x: ConfigsRef<'_>,
        cotangent: &[f64],
        rows: &mut [f64],
    ) {
        let (n, d, k) = (self.space.n_sites, self.space.local_dim, L::COMPONENTS);
        assert_eq!(cotangent.len(), x.data().len() * d * k, "cotangents");
        assert_eq!(rows.len(), x.len() * theta.len(), "one row for each sample");
        // From (d, k) to the module's (k, d).
        let seed: Vec<f64> = cotangent
            .chunks_exact(d * k)
            .flat_map(|here| (0..k * d).map(move |i| here[i % d * k + i / d]))
            .collect();
        if pullback_rows(&self.host, theta, x, d, &seed, rows) {
            return;
        }
        let module = work.module(&self.host, theta, true);
        let samples = seed.chunks_exact(n * d * k);
        for (b, (seed, row)) in samples.zip(rows.chunks_exact_mut(theta.len())).enumerate() {
            let out = self.run(module, x.slice(b..b + 1), true);
            self.host.pullback(module, out, seed.to_vec(), row);
        }
    }
}
