//! Networks of one's own: any Burn module as a [`Conditional`].
//!
//! Notation: B rows, N positions, d values, k components of a log-amplitude, P parameters.

mod check;
mod error;
mod parameters;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod twins;

/// Burn itself, in the version of this crate: its derive macro needs the name `burn` in scope.
pub use ::burn;
pub use error::BurnError;

use crate::layers::embed::token;
use crate::{Conditional, Layout};
use burn::module::Module;
use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use ketwork_hamiltonians::{ConfigsRef, OnSpace, Scalar, Space};
use parameters::{Collect, Gather, Places, load, numbers};
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};

/// A Burn module that gives raw log-amplitudes.
///
/// The token at position p is the value at p - 1, and d (the start token) at p = 0. A law is checked
/// where a [`BurnConditional`] is built: the output at p depends on tokens 0 to p only.
///
/// # Shapes
/// Tokens (B, N) in 0..=d; output (B, N, k d): at each position a log-amplitude for each value, then,
/// of a state with a phase, a phase in radians for each value.
pub trait BurnNetwork: Module + Sync + 'static {
    /// The raw log-amplitudes of all positions.
    fn forward(&self, tokens: Tensor<2, Int>) -> Tensor<3>;
}

/// Initial values come from Burn's one generator of a process: one network is built at a time.
static BUILDING: Mutex<()> = Mutex::new(());

/// A Burn module as a network: raw log-amplitudes (`L = f64`), or with a phase (`L = Complex64`).
///
/// Mask, norm, sampling, derivatives, checkpoints and threads come from
/// [`Autoregressive`](crate::Autoregressive), as for the native networks. theta holds the module's
/// parameters under their field names ("layers.0.weight"); frozen ones stay as they are.
///
/// Double precision on Burn's processor device. Burn fixes a process's precision with its first
/// tensor, so build the network before other tensors, or set F64 yourself.
///
/// Burn keeps no activations between calls: a step of sampling runs the whole network, and so does
/// every neighbour of a configuration. A derivative is one backward pass for each sample.
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
    /// With automatic differentiation.
    device: Device,
    taped: M,
    plain: M,
    layout: Layout,
    places: Places,
    log: PhantomData<L>,
}

/// Memory of a [`BurnConditional`]: the modules with the last theta.
#[derive(Debug)]
pub struct BurnWork<M> {
    theta: Vec<f64>,
    plain: Option<M>,
    taped: Option<M>,
}

impl<M: BurnNetwork, L: Scalar> BurnConditional<M, L> {
    /// The network that `build` makes on the device it is given, checked.
    ///
    /// The initial parameters are those of the module, drawn from `seed`.
    ///
    /// # Errors
    /// [`BurnError`]: another precision, no parameter, wrong shape, numbers that are not finite, an
    /// output that depends on later tokens, on other rows, or on chance. The checks run on random
    /// configurations with shifted parameters, since a head that starts at zero hides everything.
    pub fn new(
        space: Space,
        seed: u64,
        build: impl FnOnce(&Device) -> M,
    ) -> Result<Self, BurnError> {
        let mut plain = Device::flex();
        // Refused if tensors exist already; then their precision decides.
        let _ = plain.configure(FloatDType::F64);
        let found = plain.settings().float_dtype;
        if found != FloatDType::F64 {
            return Err(BurnError::Precision {
                found: format!("{found:?}"),
            });
        }
        let device = plain.autodiff();
        let mut collect = Collect::default();
        // Also while it is checked: what draws random numbers is refused there.
        let _alone = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
        device.seed(seed);
        let taped = build(&device);
        // Burn draws a parameter where it is read first.
        taped.visit(&mut collect);
        if collect.layout.n_params() == 0 {
            return Err(BurnError::NoParameters);
        }
        let net = Self {
            space,
            device,
            plain: taped.valid(),
            taped,
            layout: collect.layout,
            places: collect.places,
            log: PhantomData,
        };
        net.check()?;
        Ok(net)
    }

    /// The module as it was built.
    #[must_use]
    pub fn module(&self) -> &M {
        &self.taped
    }

    fn load(&self, theta: &[f64], is_taped: bool) -> M {
        let (module, device) = if is_taped {
            (&self.taped, self.device.clone())
        } else {
            (&self.plain, self.device.clone().without_autodiff())
        };
        load(module, theta, &self.places, &device, is_taped)
    }

    /// Forgets the modules of another theta.
    fn refresh(&self, theta: &[f64], work: &mut BurnWork<M>) {
        assert_eq!(theta.len(), self.layout.n_params(), "length of theta");
        if work.theta != theta {
            work.theta.clear();
            work.theta.extend_from_slice(theta);
            (work.plain, work.taped) = (None, None);
        }
    }

    /// Runs a module on configurations: (B, N, k d).
    fn run(&self, module: &M, x: ConfigsRef<'_>, is_taped: bool) -> Tensor<3> {
        let n = self.space.n_sites;
        let tokens: Vec<i32> = x
            .rows()
            .flat_map(|row| (0..n).map(|p| token(row, p, self.space.local_dim) as i32))
            .collect();
        let device = if is_taped {
            self.device.clone()
        } else {
            self.device.clone().without_autodiff()
        };
        module.forward(Tensor::from_data(
            TensorData::new(tokens, [x.len(), n]),
            &device,
        ))
    }
}

impl<M, L> fmt::Debug for BurnConditional<M, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BurnConditional")
            .field("space", &self.space)
            .field("n_params", &self.layout.n_params())
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
        &self.layout
    }

    fn work(&self, _batch: usize) -> BurnWork<M> {
        BurnWork {
            theta: Vec::new(),
            plain: None,
            taped: None,
        }
    }

    fn forward(&self, theta: &[f64], work: &mut BurnWork<M>, x: ConfigsRef<'_>, out: &mut [L]) {
        let d = self.space.local_dim;
        assert_eq!(out.len(), x.data().len() * d, "outputs of {} rows", x.len());
        if out.is_empty() {
            return;
        }
        self.refresh(theta, work);
        let module = work.plain.get_or_insert_with(|| self.load(theta, false));
        let raw = numbers(&self.run(module, x, false));
        assert_eq!(
            raw.len(),
            out.len() * L::COMPONENTS,
            "numbers of the module"
        );
        for (out, raw) in out
            .chunks_exact_mut(d)
            .zip(raw.chunks_exact(L::COMPONENTS * d))
        {
            for (v, out) in out.iter_mut().enumerate() {
                *out = L::from_parts(raw[v], *raw.get(d + v).unwrap_or(&0.0));
            }
        }
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
        self.refresh(theta, work);
        let module = work.taped.get_or_insert_with(|| self.load(theta, true));
        rows.fill(0.0);
        let samples = cotangent
            .chunks_exact(n * d * k)
            .zip(rows.chunks_exact_mut(theta.len()));
        for (b, (cotangent, row)) in samples.enumerate() {
            // From (d, k) to the module's (k, d).
            let by_component: Vec<f64> = cotangent
                .chunks_exact(d * k)
                .flat_map(|here| (0..k * d).map(move |i| here[i % d * k + i / d]))
                .collect();
            let seed = TensorData::new(by_component, [1, n, k * d]);
            let out = self.run(module, x.slice(b..b + 1), true);
            let form = (out * Tensor::from_data(seed, &self.device)).sum();
            module.visit(&mut Gather {
                gradients: form.backward(),
                places: &self.places,
                row,
            });
        }
    }
}
