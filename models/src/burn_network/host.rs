//! A Burn module with its parameters, and its copies with the parameters of some theta.

use super::BurnError;
use super::parameters::{Collect, Gather, Places, load, numbers};
use crate::Layout;
use burn::module::Module;
use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use std::sync::{Mutex, PoisonError};

/// Initial values come from Burn's one generator of a process: one network is built at a time.
static BUILDING: Mutex<()> = Mutex::new(());

/// A module as it was built.
pub(super) struct Host<M> {
    /// With automatic differentiation.
    device: Device,
    pub(super) taped: M,
    plain: M,
    pub(super) layout: Layout,
    places: Places,
}

impl<M: Module + Sync> Host<M> {
    /// Builds a module in double precision from a seed; refuses what `check` refuses.
    pub(super) fn new(
        seed: u64,
        build: impl FnOnce(&Device) -> M,
        check: impl FnOnce(&Self) -> Result<(), BurnError>,
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
        let host = Self {
            device,
            plain: taped.valid(),
            taped,
            layout: collect.layout,
            places: collect.places,
        };
        check(&host)?;
        Ok(host)
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
