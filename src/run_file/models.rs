//! The keys of each model, as the table of run files lists them.
//!
//! One struct a model: a key of another model is then an unknown key, and the message lists what
//! this one takes. Formulas and signs stand at the models themselves.

use super::LatticeSection;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Declares the keys of a model; `lattice` is common to all.
macro_rules! keys {
    ($(#[$doc:meta])* $name:ident { $($(#[$attr:meta])* $key:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$attr])* pub $key: $type,)*
            /// The lattice.
            pub lattice: LatticeSection,
        }
    };
}

fn one() -> f64 {
    1.0
}

fn three() -> usize {
    3
}

/// `sector = { total_sz = .. }`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpinSector {
    /// Sum of $S^z$, a multiple of 1/2.
    pub total_sz: f64,
}

/// `sector = { charge = .. }`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FusionSector {
    /// Total charge of an open chain.
    pub charge: f64,
}

keys! {
    /// Transverse-field Ising model.
    TfimKeys {
        /// Ising coupling.
        #[serde(default = "one")]
        j: f64,
        /// Transverse field.
        h: f64,
        /// Longitudinal field.
        #[serde(default)]
        hz: f64,
    }
}

keys! {
    /// Heisenberg model.
    HeisenbergKeys {
        /// Exchange.
        #[serde(default = "one")]
        j: f64,
        /// Total spin along z.
        sector: Option<SpinSector>,
        /// Whether one sublattice is rotated.
        #[serde(default)]
        marshall: bool,
    }
}

keys! {
    /// Heisenberg model with next-nearest exchange.
    J1J2Keys {
        /// Nearest exchange.
        #[serde(default = "one")]
        j1: f64,
        /// Next-nearest exchange.
        j2: f64,
        /// Total spin along z.
        sector: Option<SpinSector>,
        /// Whether one sublattice is rotated.
        #[serde(default)]
        marshall: bool,
    }
}

keys! {
    /// XXZ model.
    XxzKeys {
        /// Anisotropy.
        delta: f64,
        /// Total spin along z.
        sector: Option<SpinSector>,
        /// Whether one sublattice is rotated.
        #[serde(default)]
        marshall: bool,
    }
}

keys! {
    /// XYZ model with fields.
    XyzKeys {
        /// Coupling of XX.
        jx: f64,
        /// Coupling of YY.
        jy: f64,
        /// Coupling of ZZ.
        jz: f64,
        /// Field along x.
        #[serde(default)]
        hx: f64,
        /// Field along y.
        #[serde(default)]
        hy: f64,
        /// Field along z.
        #[serde(default)]
        hz: f64,
        /// Whether one sublattice is rotated.
        #[serde(default)]
        marshall: bool,
    }
}

keys! {
    /// Toric code with fields.
    ToricCodeKeys {
        /// Field along x.
        #[serde(default)]
        hx: f64,
        /// Field along z.
        #[serde(default)]
        hz: f64,
    }
}

keys! {
    /// X-cube model.
    XCubeKeys {}
}

keys! {
    /// Z2 gauge theory.
    Z2GaugeKeys {
        /// Electric coupling.
        g: f64,
    }
}

keys! {
    /// Spin-1/2 U(1) quantum link chain.
    QuantumLinkKeys {
        /// Hopping.
        #[serde(default = "one")]
        w: f64,
        /// Staggered mass.
        m: f64,
        /// Gauge coupling.
        #[serde(default)]
        g: f64,
    }
}

keys! {
    /// Chain of SU(2)_k anyons.
    GoldenChainKeys {
        /// Angle between two- and three-anyon terms.
        #[serde(default)]
        theta: f64,
        /// Level.
        #[serde(default = "three")]
        k: usize,
        /// Total charge of an open chain.
        sector: Option<FusionSector>,
    }
}

keys! {
    /// Rydberg array.
    RydbergKeys {
        /// Rabi frequency.
        #[serde(default = "one")]
        omega: f64,
        /// Detuning.
        delta: f64,
        /// Strength of the van der Waals tails.
        #[serde(default)]
        c6: f64,
        /// Which pairs cannot both be excited.
        #[serde(default)]
        blockade: BlockadeName,
    }
}

keys! {
    /// Dissipative transverse-field Ising model.
    DissipativeTfimKeys {
        /// Ising coupling.
        v: f64,
        /// Transverse field.
        g: f64,
    }
}

keys! {
    /// Any sum of Pauli strings.
    PauliKeys {
        /// The strings.
        terms: Vec<PauliTerm>,
        /// Total spin along z, if every term conserves it.
        sector: Option<SpinSector>,
        /// Whether one sublattice is rotated.
        #[serde(default)]
        marshall: bool,
    }
}

/// One string of a Pauli sum: `{ c = -1.0, op = "ZZ", sites = [0, 1] }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PauliTerm {
    /// Coefficient.
    pub c: f64,
    /// One letter I, X, Y or Z for each site.
    pub op: String,
    /// Distinct sites.
    pub sites: Vec<u32>,
}

/// `blockade`: `"nearest"`, `"none"` or a radius.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum BlockadeName {
    /// Neighbours on the lattice.
    #[default]
    Nearest,
    /// Pairs up to this distance.
    Radius(f64),
    /// No pair.
    None,
}

impl Serialize for BlockadeName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nearest => serializer.serialize_str("nearest"),
            Self::None => serializer.serialize_str("none"),
            Self::Radius(r) => serializer.serialize_f64(*r),
        }
    }
}

impl<'de> Deserialize<'de> for BlockadeName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrRadius;
        impl Visitor<'_> for WordOrRadius {
            type Value = BlockadeName;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"nearest\", \"none\" or a radius above 0")
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<BlockadeName, E> {
                match word {
                    "nearest" => Ok(BlockadeName::Nearest),
                    "none" => Ok(BlockadeName::None),
                    other => Err(E::unknown_variant(other, &["nearest", "none"])),
                }
            }
            fn visit_f64<E: de::Error>(self, radius: f64) -> Result<BlockadeName, E> {
                if radius <= 0.0 {
                    return Err(E::invalid_value(de::Unexpected::Float(radius), &self));
                }
                Ok(BlockadeName::Radius(radius))
            }
            fn visit_i64<E: de::Error>(self, radius: i64) -> Result<BlockadeName, E> {
                self.visit_f64(radius as f64)
            }
        }
        deserializer.deserialize_any(WordOrRadius)
    }
}
