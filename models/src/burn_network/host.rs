//! A Burn module with its parameters, and its copies with the parameters of some theta.

use super::BurnError;
use super::copies::BurnCopies;
use super::parameters::{Collect, Gather, Places, load, numbers};
use crate::Layout;
use burn::module::Module;
use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Initial values come from Burn's one generator of a process: one network is built at a time.
static BUILDING: Mutex<()> = Mutex::new(());

/// Rows of one backward pass on the processor, where more leave the cache.
const ROWS_AT_ONCE: usize = 32;
/// Tokens of one pass on another device.
const TOKENS: usize = 1 << 18;
/// Numbers that the leaves of one backward pass hold at most: 32 MB, or 64 MB on the processor.
const LEAVES: usize = 1 << 23;

/// A module as it was built.
pub(super) struct Host<M> {
    /// With automatic differentiation.
    device: Device,
    is_processor: bool,
    /// Change of an output of order 1 beyond rounding.
    pub(super) tolerance: f64,
    pub(super) taped: M,
    plain: M,
    pub(super) layout: Layout,
    places: Places,
}

impl<M: Module + Sync> Host<M> {
    /// Builds a module on a device from a seed; refuses what `check` refuses.
    pub(super) fn new(
        device: Device,
        seed: u64,
        build: impl FnOnce(&Device) -> M,
        check: impl FnOnce(&Self) -> Result<(), BurnError>,
    ) -> Result<Self, BurnError> {
        let mut plain = device.without_autodiff();
        let is_processor = plain == Device::flex();
        let (wanted, expected) = match is_processor {
            true => (FloatDType::F64, "F64"),
            false => (FloatDType::F32, "F32 or F64"),
        };
        // Refused if it is configured already, by the user or by its first tensor; that decides then.
        let _ = plain.configure(wanted);
        let tolerance = match plain.settings().float_dtype {
            FloatDType::F64 => 1e-9,
            // Products may round factors to ten bits (TF32).
            FloatDType::F32 if !is_processor => 1e-3,
            found => {
                let found = format!("{found:?}");
                return Err(BurnError::Precision { found, expected });
            }
        };
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
        let host = Self {
            device,
            is_processor,
            tolerance,
            plain: taped.valid(),
            taped,
            layout: collect.layout,
            places: collect.places,
        };
        check(&host)?;
        Ok(host)
    }

    /// Rows of a pass: `here` on the processor; elsewhere all that fit, since a call costs the same for any number.
    pub(super) fn rows_of_a_pass(&self, here: usize, n_sites: usize) -> usize {
        match self.is_processor {
            true => here,
            false => (TOKENS / n_sites).max(1),
        }
    }

    /// Rows of one backward pass.
    fn rows_at_once(&self) -> usize {
        let most = if self.is_processor {
            ROWS_AT_ONCE
        } else {
            1024
        };
        (LEAVES / self.layout.n_params()).clamp(1, most)
    }

    fn device(&self, is_taped: bool) -> Device {
        if is_taped {
            self.device.clone()
        } else {
            self.device.clone().without_autodiff()
        }
    }

    /// The module with the parameters of theta.
    pub(super) fn load(&self, theta: &[f64], is_taped: bool) -> M {
        let module = if is_taped { &self.taped } else { &self.plain };
        load(
            module,
            theta,
            &self.places,
            &self.device(is_taped),
            is_taped,
        )
    }

    /// Integers as an input of the module.
    pub(super) fn input(
        &self,
        values: Vec<i32>,
        shape: [usize; 2],
        is_taped: bool,
    ) -> Tensor<2, Int> {
        Tensor::from_data(TensorData::new(values, shape), &self.device(is_taped))
    }

    /// Real numbers as an input of the module.
    pub(super) fn numbers(&self, values: Vec<f64>, shape: [usize; 2], is_taped: bool) -> Tensor<2> {
        Tensor::from_data(TensorData::new(values, shape), &self.device(is_taped))
    }

    /// Adds the derivative of the sum of output times seed to a row; returns that by the input.
    pub(super) fn add_pullback(
        &self,
        module: &M,
        out: Tensor<2>,
        input: &Tensor<2>,
        seed: Vec<f64>,
        row: &mut [f64],
    ) -> Vec<f64> {
        let seed = TensorData::new(seed, out.dims());
        let form = (out * Tensor::from_data(seed, &self.device)).sum();
        let mut gradients = form.backward();
        let by_input = input.grad_remove(&mut gradients);
        module.visit(&mut Gather {
            gradients,
            places: &self.places,
            row,
        });
        // No gradient: the output does not depend on it.
        by_input.map_or_else(|| vec![0.0; input.dims().iter().product()], |g| numbers(&g))
    }

    /// Overwrites rows (B, P) with the derivatives of outputs times seeds (B, ..), by one backward pass for
    /// many rows; false and nothing done where the module cannot.
    ///
    /// `run` takes numbers of rows and the copies of the parameters.
    pub(super) fn pullback_rows<const D: usize>(
        &self,
        theta: &[f64],
        seed: &[f64],
        rows: &mut [f64],
        run: impl Fn(&M, Range<usize>, &BurnCopies) -> Option<Tensor<D>>,
    ) -> bool {
        let p = theta.len();
        let (n_rows, chunk) = (rows.len() / p, self.rows_at_once());
        for (i, rows) in rows.chunks_mut(chunk * p).enumerate() {
            let some = i * chunk..i * chunk + rows.len() / p;
            let copies = BurnCopies::each(some.len(), theta, &self.places, &self.device);
            let Some(out) = run(&self.taped, some.clone(), &copies) else {
                return false;
            };
            let width = seed.len() / n_rows;
            let seed = seed[some.start * width..some.end * width].to_vec();
            let seed = Tensor::from_data(TensorData::new(seed, out.dims()), &self.device);
            copies.gather((out * seed).sum().backward(), rows);
        }
        true
    }

    /// Overwrites a row with the derivative of the sum of output times seed.
    pub(super) fn pullback<const D: usize>(
        &self,
        module: &M,
        out: Tensor<D>,
        seed: Vec<f64>,
        row: &mut [f64],
    ) {
        row.fill(0.0);
        let seed = TensorData::new(seed, out.dims());
        let form = (out * Tensor::from_data(seed, &self.device)).sum();
        module.visit(&mut Gather {
            gradients: form.backward(),
            places: &self.places,
            row,
        });
    }
}

/// Memory of a Burn network: the modules with the last theta.
#[derive(Debug)]
pub struct BurnWork<M> {
    theta: Vec<f64>,
    plain: Option<M>,
    taped: Option<M>,
}

impl<M> Default for BurnWork<M> {
    fn default() -> Self {
        Self {
            theta: Vec::new(),
            plain: None,
            taped: None,
        }
    }
}

impl<M: Module + Sync> BurnWork<M> {
    /// The module with these parameters, loaded where they are new.
    pub(super) fn module(&mut self, host: &Host<M>, theta: &[f64], is_taped: bool) -> &M {
        assert_eq!(theta.len(), host.layout.n_params(), "length of theta");
        if self.theta != theta {
            self.theta.clear();
            self.theta.extend_from_slice(theta);
            (self.plain, self.taped) = (None, None);
        }
        let place = if is_taped {
            &mut self.taped
        } else {
            &mut self.plain
        };
        place.get_or_insert_with(|| host.load(theta, is_taped))
    }
}
