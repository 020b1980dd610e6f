//! Layered circuits that start at the identity, and the reverse bottleneck made of them.

use crate::Circuit;
use crate::circuit::Register;
use serde::{Deserialize, Serialize};

/// Shape of one backward step: U1 on the data, ancillas, U2 on all, projection, activation, U3.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bottleneck {
    /// Data qubits.
    pub n_qubits: u32,
    /// Ancillas that are projected on 0; 0 makes the step unitary.
    pub ancillas: u32,
    /// Label qubits, prepared in the state's label and projected on it before U3.
    pub label_qubits: u32,
    /// How often ancillas are added, entangled by a U2 of its own, and projected; with one ancilla
    /// at a time a device needs no more qubits, and each round can halve the space.
    pub rounds: usize,
    /// Layers of U1, U2 (each round) and U3, each even.
    pub layers: [usize; 3],
    /// Slope of the leaky ReLU before U3; none is what hardware can do.
    pub activation: Option<f64>,
    /// Whether ancillas are measured and both outcomes kept, instead of projected on 0.
    pub measured: bool,
}

impl Bottleneck {
    /// The circuit of one step, and the range of its angles that U3 uses.
    ///
    /// # Panics
    /// If a number of layers is odd: CNOT chains cancel in pairs only.
    ///
    /// # References
    /// A. Cacioppo et al., arXiv:2311.15444, the reverse-bottleneck architecture.
    #[must_use]
    #[track_caller]
    pub fn circuit(&self) -> (Circuit, std::ops::Range<usize>) {
        let ancilla = if self.measured {
            Register::Outcome
        } else {
            Register::Zero
        };
        let mut c = Circuit::new(self.n_qubits);
        if self.label_qubits > 0 {
            c.append(self.label_qubits, Register::Label);
        }
        c.identity_layers(self.layers[0]);
        for _ in 0..self.rounds {
            if self.ancillas > 0 {
                c.append_ancillas(self.ancillas);
            }
            c.identity_layers(self.layers[1]);
            if self.ancillas > 0 {
                c.project(self.ancillas, ancilla);
            }
        }
        if self.label_qubits > 0 {
            c.project(self.label_qubits, Register::Label);
        }
        if let Some(slope) = self.activation {
            c.leaky_relu(slope);
        }
        let first = c.n_params();
        c.identity_layers(self.layers[2]);
        let last = c.n_params();
        (c, first..last)
    }
}

impl Circuit {
    /// Layers of a general rotation on every qubit in use, then a CNOT chain, which alternates with
    /// its inverse: with all angles 0 an even number of layers is the identity.
    ///
    /// # Panics
    /// If `layers` is odd.
    #[track_caller]
    pub fn identity_layers(&mut self, layers: usize) -> &mut Self {
        assert!(
            layers.is_multiple_of(2),
            "{layers} layers; CNOT chains cancel in pairs"
        );
        for layer in 0..layers {
            for qubit in 0..self.n_bits {
                self.general(qubit);
            }
            self.cnot_chain(layer % 2 == 1);
        }
        self
    }
}
