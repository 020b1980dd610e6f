use super::RunFileError;
use ketwork_hamiltonians::{Boundary, Lattice, LatticeKind};
use serde::de::{self, Visitor, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// `lattice` in `[hamiltonian]`: kind, extents in unit cells and boundaries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatticeSection {
    /// The kind.
    pub kind: KindName,
    /// Unit cells in each direction.
    pub extent: Vec<usize>,
    /// One boundary for all directions, or one for each.
    pub boundary: Boundaries,
}

/// A kind of lattice by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KindName {
    /// [`LatticeKind::Chain`].
    Chain,
    /// [`LatticeKind::Ladder`].
    Ladder,
    /// [`LatticeKind::Square`].
    Square,
    /// [`LatticeKind::Triangular`].
    Triangular,
    /// [`LatticeKind::Honeycomb`].
    Honeycomb,
    /// [`LatticeKind::Kagome`].
    Kagome,
    /// [`LatticeKind::Cubic`].
    Cubic,
    /// [`LatticeKind::KagomeLink`].
    KagomeLink,
}

/// A boundary by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoundaryName {
    /// [`Boundary::Open`].
    Open,
    /// [`Boundary::Periodic`].
    Periodic,
}

/// A word, or a list with a word for each direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Boundaries(pub Vec<BoundaryName>);

impl<'de> Deserialize<'de> for Boundaries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;
        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Boundaries;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"periodic\", \"open\" or a list with one for each direction")
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<Boundaries, E> {
                let name = de::value::StrDeserializer::new(word);
                Ok(Boundaries(vec![BoundaryName::deserialize(name)?]))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, words: A) -> Result<Boundaries, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(words)).map(Boundaries)
            }
        }
        deserializer.deserialize_any(OneOrMany)
    }
}

impl LatticeSection {
    /// The lattice.
    ///
    /// # Errors
    /// [`RunFileError::Lattice`] where extents and boundaries do not fit the kind.
    pub fn build(&self) -> Result<Lattice, RunFileError> {
        let boundary: Vec<_> = self
            .boundary
            .0
            .iter()
            .map(|b| match b {
                BoundaryName::Open => Boundary::Open,
                BoundaryName::Periodic => Boundary::Periodic,
            })
            .collect();
        Lattice::new(self.kind.into(), &self.extent, &boundary).map_err(RunFileError::Lattice)
    }
}

impl From<KindName> for LatticeKind {
    fn from(name: KindName) -> Self {
        match name {
            KindName::Chain => Self::Chain,
            KindName::Ladder => Self::Ladder,
            KindName::Square => Self::Square,
            KindName::Triangular => Self::Triangular,
            KindName::Honeycomb => Self::Honeycomb,
            KindName::Kagome => Self::Kagome,
            KindName::Cubic => Self::Cubic,
            KindName::KagomeLink => Self::KagomeLink,
        }
    }
}
