//! Networks chosen at run time, by name and sizes.
//!
//! They are put together here, and not where a name is read, so that each network is compiled once,
//! with its crate.

use crate::{
    Ansatz, Antn, Autoregressive, Conditional, FlipInvariant, Mixing, NetworkError, PrefixTable,
    Rnn, Rnn2d, Rnn2dParams, RnnParams, Silent, SiteTensor, Transformer, TransformerParams,
    widest_bond, widest_sector,
};
use ketwork_hamiltonians::{OnSpace, Scalar, Sector, Space};
use num_complex::Complex64;

/// A network with exact sampling, and its sizes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum NamedNetwork {
    /// [`PrefixTable`]
    Table,
    /// [`Transformer`]
    Transformer(TransformerParams),
    /// [`Mps`](crate::Mps)
    Mps(Tensors),
    /// [`Antn`] of such tensors and a network.
    Antn {
        /// Where the tensors start.
        tensors: Tensors,
        /// The network that shifts them, and its sizes.
        backbone: Backbone,
        /// How it shifts them.
        mixing: Mixing,
    },
    /// [`Rnn`]
    Rnn(RnnParams),
    /// [`Rnn2d`] on a rectangle of columns and rows.
    Rnn2d {
        /// Columns and rows, whose product is N.
        rectangle: (usize, usize),
        /// Sizes.
        params: Rnn2dParams,
    },
}

/// The network above the tensors of an [`Antn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backbone {
    /// [`Transformer`]
    Transformer(TransformerParams),
    /// [`Rnn`]
    Rnn(RnnParams),
}

/// The tensors of a matrix product state before training.
#[derive(Clone, Debug, PartialEq)]
pub enum Tensors {
    /// Near the uniform state, with bonds of at most this dimension.
    NearUniform(usize),
    /// Given ones.
    Given(GivenTensors),
}

/// Tensors of a known matrix product state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GivenTensors {
    /// In the order of the constraint; a positive state takes their real parts.
    pub tensors: Vec<SiteTensor<Complex64>>,
    /// Charges of the bonds' states, see [`Antn::with_charges`].
    pub charges: Option<Vec<Vec<i64>>>,
    /// Whether they stay as they are, see [`Antn::fixed`].
    pub fixed: bool,
}

impl Tensors {
    fn widest(&self, space: Space) -> usize {
        match self {
            Self::NearUniform(bond) => widest_bond(space, *bond),
            Self::Given(GivenTensors {
                charges: Some(charges),
                ..
            }) => widest_sector(charges),
            Self::Given(given) => given.tensors.iter().map(|t| t.right).max().unwrap_or(1),
        }
    }

    fn below<M: Conditional>(&self, net: M) -> Result<Antn<M>, NetworkError> {
        let given = match self {
            Self::NearUniform(bond) => return Antn::near_product(net, *bond),
            Self::Given(given) => given,
        };
        let own = |t: &SiteTensor<Complex64>| SiteTensor {
            left: t.left,
            right: t.right,
            entries: t
                .entries
                .iter()
                .map(|z| M::Log::from_parts(z.re, z.im))
                .collect(),
        };
        let tensors: Vec<_> = given.tensors.iter().map(own).collect();
        let antn = match &given.charges {
            Some(charges) => Antn::with_charges(net, &tensors, charges)?,
            None => Antn::new(net, &tensors)?,
        };
        if given.fixed { antn.fixed() } else { Ok(antn) }
    }
}

/// The two kinds of log-amplitude: `f64` of positive states, `Complex64` of states with a phase.
pub trait Named: Scalar {
    /// The state of a network in a sector; of qubits and `even`, wrapped into [`FlipInvariant`].
    ///
    /// # Errors
    /// [`NetworkError`] for sizes that make no network.
    ///
    /// # Panics
    /// If `even` is asked for sites that are no qubits, or a table for too large a space.
    fn network(
        network: &NamedNetwork,
        sector: &Sector,
        even: bool,
    ) -> Result<Box<dyn Ansatz<Log = Self>>, NetworkError>;
}

macro_rules! named {
    ($($log:ty),*) => {$(
        impl Named for $log {
            fn network(
                network: &NamedNetwork,
                sector: &Sector,
                even: bool,
            ) -> Result<Box<dyn Ansatz<Log = Self>>, NetworkError> {
                let space = *sector.space();
                Ok(match network {
                    NamedNetwork::Table => state(PrefixTable::<Self>::new(space), sector, even),
                    NamedNetwork::Transformer(params) => {
                        state(Transformer::<Self>::new(space, *params)?, sector, even)
                    }
                    NamedNetwork::Mps(tensors) => {
                        state(tensors.below(Silent::<Self>::new(space))?, sector, even)
                    }
                    NamedNetwork::Antn {
                        tensors,
                        backbone,
                        mixing,
                    } => {
                        let outputs = mixing.outputs(space, tensors.widest(space));
                        match *backbone {
                            Backbone::Transformer(params) => {
                                let net = Transformer::<Self>::with_outputs(space, params, outputs)?;
                                state(tensors.below(net)?, sector, even)
                            }
                            Backbone::Rnn(params) => {
                                let net = Rnn::<Self>::with_outputs(space, params, outputs)?;
                                state(tensors.below(net)?, sector, even)
                            }
                        }
                    }
                    NamedNetwork::Rnn(params) => {
                        state(Rnn::<Self>::new(space, *params)?, sector, even)
                    }
                    NamedNetwork::Rnn2d { rectangle, params } => {
                        let net = Rnn2d::<Self>::new(space, *rectangle, sector.order(), *params)?;
                        state(net, sector, even)
                    }
                })
            }
        }
    )*};
}

named!(f64, Complex64);

fn state<M: Conditional + 'static>(
    net: M,
    sector: &Sector,
    even: bool,
) -> Box<dyn Ansatz<Log = M::Log>> {
    if even {
        Box::new(Autoregressive::new(FlipInvariant::new(net), sector.clone()))
    } else {
        Box::new(Autoregressive::new(net, sector.clone()))
    }
}
