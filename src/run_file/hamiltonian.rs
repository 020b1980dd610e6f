use super::models::*;
use super::{LatticeSection, RunFileError, node};
use ketwork_hamiltonians::{AnyModel, Lattice, ModelError, Tfim};
use serde::{Deserialize, Serialize};
use toml::Value;

/// Declares the models: variant, word in the run file, keys.
macro_rules! models {
    ($($variant:ident $word:literal $keys:ident,)+) => {
        #[derive(Clone, Copy, Deserialize)]
        enum ModelName { $(#[serde(rename = $word)] $variant,)+ }

        /// `[hamiltonian]`: a model, its couplings, sector and lattice.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(tag = "model")]
        pub enum HamiltonianSection {
            $(
                #[doc = concat!("`model = \"", $word, "\"`.")]
                #[serde(rename = $word)]
                $variant($keys),
            )+
        }

        impl HamiltonianSection {
            /// Reads the section; `model` decides which other keys there may be.
            pub(super) fn read(value: Value) -> Result<Self, RunFileError> {
                let Value::Table(mut table) = value else {
                    return Err(RunFileError::wrong_type(value.type_str(), "a section, [hamiltonian]")
                        .within("hamiltonian"));
                };
                let missing = || RunFileError::MissingKey { key: "hamiltonian.model".into() };
                let name = table.remove("model").ok_or_else(missing)?;
                let rest = Value::Table(table);
                Ok(match node::read("hamiltonian.model", name)? {
                    $(ModelName::$variant => Self::$variant(node::read("hamiltonian", rest)?),)+
                })
            }

            /// The model's word in run files.
            #[must_use]
            pub fn model(&self) -> &'static str {
                match self { $(Self::$variant(_) => $word,)+ }
            }

            /// The lattice as written.
            #[must_use]
            pub fn lattice(&self) -> &LatticeSection {
                match self { $(Self::$variant(keys) => &keys.lattice,)+ }
            }
        }
    };
}

models! {
    Tfim "tfim" TfimKeys,
    Heisenberg "heisenberg" HeisenbergKeys,
    J1J2 "j1j2" J1J2Keys,
    Xxz "xxz" XxzKeys,
    Xyz "xyz" XyzKeys,
    ToricCode "toric_code" ToricCodeKeys,
    XCube "x_cube" XCubeKeys,
    Z2Gauge "z2_gauge" Z2GaugeKeys,
    QuantumLink "quantum_link" QuantumLinkKeys,
    GoldenChain "golden_chain" GoldenChainKeys,
    Rydberg "rydberg" RydbergKeys,
    DissipativeTfim "dissipative_tfim" DissipativeTfimKeys,
    Pauli "pauli" PauliKeys,
}

impl HamiltonianSection {
    /// The lattice and the model on it.
    ///
    /// # Errors
    /// [`RunFileError`] where lattice, couplings and sector do not fit each other, or the model is
    /// not available in this version.
    pub fn build(&self) -> Result<(Lattice, AnyModel), RunFileError> {
        let lattice = self.lattice().build()?;
        let model = match self {
            Self::Tfim(k) => real(
                Tfim {
                    j: k.j,
                    h: k.h,
                    hz: k.hz,
                }
                .on(&lattice),
            )?,
            _ => {
                return Err(RunFileError::NotAvailable {
                    model: self.model(),
                });
            }
        };
        Ok((lattice, model))
    }
}

fn real(
    model: Result<ketwork_hamiltonians::Model<f64>, ModelError>,
) -> Result<AnyModel, RunFileError> {
    model
        .map(AnyModel::Real)
        .map_err(|source| RunFileError::Model {
            key: "model",
            source,
        })
}
