//! Any Burn module as a function of real vectors.

use super::BurnError;
use super::host::{BurnWork, Host};
use super::parameters::numbers;
use crate::{RealMap, Stream};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// A Burn module from rows of real numbers to rows of real numbers.
///
/// # Shapes
/// Input (B, I), output (B, O).
pub trait BurnMap: Module + Sync + 'static {
    /// The outputs of each row.
    fn forward(&self, x: Tensor<2>) -> Tensor<2>;
}

/// A Burn module as a [`RealMap`]: for example the encoder of latent diffusion.
///
/// Precision, parameters and their names are those of [`BurnConditional`](crate::BurnConditional).
/// [`initial`](RealMap::initial) returns the values that the module was built with, whatever the stream.
///
/// # Examples
/// ```
/// use ketwork_models::burn::module::Module;
/// use ketwork_models::burn::nn::{Linear, LinearConfig};
/// use ketwork_models::burn::tensor::{Tensor, activation::tanh};
/// // The macro below names its crate `burn`.
/// use ketwork_models::{BurnMap, BurnRealMap, RealMap, Stream, burn};
///
/// #[derive(Module, Debug)]
/// struct Layer {
///     linear: Linear,
/// }
///
/// impl BurnMap for Layer {
///     fn forward(&self, x: Tensor<2>) -> Tensor<2> {
///         tanh(self.linear.forward(x))
///     }
/// }
///
/// let map = BurnRealMap::new([3, 2], 1, |device| Layer {
///     linear: LinearConfig::new(3, 2).init(device),
/// })?;
/// let theta = map.initial(Stream::new(1));
/// assert_eq!(map.forward(&theta, &[0.1; 12]).len(), 8);
/// # Ok::<(), ketwork_models::BurnError>(())
/// ```
pub struct BurnRealMap<M> {
    n_inputs: usize,
    n_outputs: usize,
    host: Host<M>,
    pool: Mutex<Vec<BurnWork<M>>>,
}

impl<M: BurnMap> BurnRealMap<M> {
    /// The function from I to O numbers whose module `build` makes on Burn's processor device, with
    /// initial parameters drawn from `seed`.
    ///
    /// # Errors
    /// Those of [`on`](Self::on).
    pub fn new(
        shape: [usize; 2],
        seed: u64,
        build: impl FnOnce(&Device) -> M,
    ) -> Result<Self, BurnError> {
        Self::on(Device::flex(), shape, seed, build)
    }

    /// The function from I to O numbers whose module `build` makes on a device, as
    /// [`BurnConditional::on`](crate::BurnConditional::on).
    ///
    /// # Errors
    /// [`BurnError`]: another precision, no parameter, wrong shape, numbers that are not finite, an
    /// output that depends on other rows or on chance.
    pub fn on(
        device: Device,
        [n_inputs, n_outputs]: [usize; 2],
        seed: u64,
        build: impl FnOnce(&Device) -> M,
    ) -> Result<Self, BurnError> {
        let check = |host: &Host<M>| super::check::map_is_sound(host, [n_inputs, n_outputs]);
        Ok(Self {
            n_inputs,
            n_outputs,
            host: Host::new(device, seed, build, check)?,
            pool: Mutex::new(Vec::new()),
        })
    }

    /// Calls `work` with memory of this map's own.
    fn with_work<R>(&self, work: impl FnOnce(&mut BurnWork<M>) -> R) -> R {
        let pool = || self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let mut own = pool().pop().unwrap_or_default();
        let out = work(&mut own);
        pool().push(own);
        out
    }

    fn shape(&self, x: &[f64]) -> [usize; 2] {
        assert_eq!(x.len() % self.n_inputs, 0, "rows of {}", self.n_inputs);
        [x.len() / self.n_inputs, self.n_inputs]
    }
}

impl<M> fmt::Debug for BurnRealMap<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BurnRealMap")
            .field("n_inputs", &self.n_inputs)
            .field("n_outputs", &self.n_outputs)
            .field("n_params", &self.host.layout.n_params())
            .finish_non_exhaustive()
    }
}

impl<M: BurnMap> RealMap for BurnRealMap<M> {
    fn n_inputs(&self) -> usize {
        self.n_inputs
    }

    fn n_outputs(&self) -> usize {
        self.n_outputs
    }

    fn initial(&self, stream: Stream) -> Vec<f64> {
        self.host.layout.initial(stream)
    }

    fn forward(&self, theta: &[f64], x: &[f64]) -> Vec<f64> {
        let shape = self.shape(x);
        self.with_work(|work| {
            let module = work.module(&self.host, theta, false);
            numbers(&module.forward(self.host.numbers(x.to_vec(), shape, false)))
        })
    }

    fn pullback(
        &self,
        theta: &[f64],
        x: &[f64],
        cotangent: &[f64],
        gradient: &mut [f64],
    ) -> Vec<f64> {
        let shape = self.shape(x);
        assert_eq!(cotangent.len(), shape[0] * self.n_outputs, "cotangents");
        assert_eq!(gradient.len(), theta.len(), "derivatives");
        self.with_work(|work| {
            let module = work.module(&self.host, theta, true);
            let leaf = self.host.numbers(x.to_vec(), shape, true).require_grad();
            let out = module.forward(leaf.clone());
            self.host
                .add_pullback(module, out, &leaf, cotangent.to_vec(), gradient)
        })
    }
}
