//! A process of its own: Burn fixes the precision of a process with its first tensor.
#![cfg(feature = "burn")]

use ketwork_hamiltonians::Space;
use ketwork_models::burn::module::Module;
use ketwork_models::burn::nn::{Embedding, EmbeddingConfig};
use ketwork_models::burn::tensor::{Device, Int, Tensor};
use ketwork_models::{BurnConditional, BurnError, BurnNetwork, burn};

#[derive(Module, Debug)]
struct Table {
    rows: Embedding,
}

impl BurnNetwork for Table {
    fn forward(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        self.rows.forward(tokens)
    }
}

#[test]
fn a_network_behind_a_tensor_in_single_precision_is_refused() {
    let first = Tensor::<1>::zeros([1], &Device::flex());
    let refused = BurnConditional::<_, f64>::new(Space::qubits(3), 1, |device| Table {
        rows: EmbeddingConfig::new(3, 2).init(device),
    })
    .unwrap_err();
    let found = format!("{:?}", first.dtype());
    assert_eq!(found, "F32");
    let expected = "F64";
    assert_eq!(refused, BurnError::Precision { found, expected });
}
