//! Layered circuits that start at the identity, and the reverse bottleneck made of them.

use crate::circuit::Register;
use crate::{Circuit, DiffusionError};
use ketwork_hamiltonians::Hamiltonian;
use serde::{Deserialize, Serialize};
use std::ops::Range;

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
    pub fn circuit(&self) -> (Circuit, Range<usize>) {
        let layers = |c: &mut Circuit, layers: usize| {
            c.identity_layers(layers);
            Ok(())
        };
        self.assemble(layers)
            .expect("layers of rotations fit any register")
    }

    /// The same with layers of a Hamiltonian's terms ([`Circuit::coupled_layers`]) in the place of
    /// general rotations and CNOTs: far fewer angles, and the symmetries of the terms are kept.
    ///
    /// # Errors
    /// Those of [`Circuit::hamiltonian_layers`]; [`DiffusionError::Parameter`] for label qubits, which
    /// no term reaches.
    ///
    /// # References
    /// D. Wecker, M. B. Hastings, M. Troyer, Phys. Rev. A 92, 042303 (2015).
    pub fn variational<H: Hamiltonian + ?Sized>(
        &self,
        hamiltonian: &H,
    ) -> Result<(Circuit, Range<usize>), DiffusionError> {
        if self.label_qubits > 0 {
            return Err(DiffusionError::Parameter {
                key: "conditioning",
                value: f64::from(self.label_qubits),
                reason: "the terms of a Hamiltonian reach no label qubits; use offsets",
            });
        }
        self.assemble(|c, layers| c.coupled_layers(hamiltonian, layers).map(|_| ()))
    }

    fn assemble(
        &self,
        mut layers: impl FnMut(&mut Circuit, usize) -> Result<(), DiffusionError>,
    ) -> Result<(Circuit, Range<usize>), DiffusionError> {
        let ancilla = if self.measured {
            Register::Outcome
        } else {
            Register::Zero
        };
        let mut c = Circuit::new(self.n_qubits);
        if self.label_qubits > 0 {
            c.append(self.label_qubits, Register::Label);
        }
        layers(&mut c, self.layers[0])?;
        for _ in 0..self.rounds {
            if self.ancillas > 0 {
                c.append_ancillas(self.ancillas);
            }
            layers(&mut c, self.layers[1])?;
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
        layers(&mut c, self.layers[2])?;
        let last = c.n_params();
        Ok((c, first..last))
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
