//! From theta to the parameters of a Burn module and back.

use crate::{Init, Layout};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use std::collections::HashMap;
use std::ops::Range;

/// Places of the trainable parameters inside theta; a parameter that stands twice in the module
/// (tied weights) has one place.
pub(super) type Places = HashMap<ParamId, Range<usize>>;

/// Copies the numbers of a tensor.
pub(super) fn numbers<const D: usize>(tensor: &Tensor<D>) -> Vec<f64> {
    tensor
        .try_to_vec_as()
        .expect("a tensor of the processor device is in memory and holds numbers")
}

/// Names, shapes and values of what a module trains, in the order of its fields.
#[derive(Default)]
pub(super) struct Collect {
    path: Vec<String>,
    pub(super) layout: Layout,
    pub(super) places: Places,
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        if !value.is_require_grad() || self.places.contains_key(&param.id) {
            return;
        }
        let init = Init::Values(numbers(&value).into());
        let range = self.layout.push(self.path.join("."), &value.dims(), init);
        self.places.insert(param.id, range);
    }
}

/// Replaces the parameters of a module by those of theta.
struct Load<'a> {
    theta: &'a [f64],
    places: &'a Places,
    device: &'a Device,
    /// Whether they are the leaves of a derivative.
    is_taped: bool,
}

impl ModuleMapper for Load<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(range) = self.places.get(&param.id) else {
            return param;
        };
        let values = self.theta[range.clone()].to_vec();
        param.map(|old| {
            let new = Tensor::from_data(TensorData::new(values, old.dims()), self.device);
            new.set_require_grad(self.is_taped)
        })
    }
}

/// The module with the parameters of theta.
pub(super) fn load<M: Module>(
    module: &M,
    theta: &[f64],
    places: &Places,
    device: &Device,
    is_taped: bool,
) -> M {
    module.clone().map(&mut Load {
        theta,
        places,
        device,
        is_taped,
    })
}

/// Adds the derivatives of all parameters to a row.
pub(super) struct Gather<'a> {
    pub(super) gradients: Gradients,
    pub(super) places: &'a Places,
    pub(super) row: &'a mut [f64],
}

impl ModuleVisitor for Gather<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(range) = self.places.get(&param.id) else {
            return;
        };
        // No gradient: the output does not depend on it.
        if let Some(gradient) = param.val().grad_remove(&mut self.gradients) {
            for (sum, g) in self.row[range.clone()].iter_mut().zip(numbers(&gradient)) {
                *sum += g;
            }
        }
    }
}
