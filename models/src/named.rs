//! Networks chosen at run time, by name and sizes.
//!
//! They are put together here, and not where a name is read, so that each network is compiled once,
//! with its crate.

use crate::{
    Ansatz, Antn, Autoregressive, Conditional, FlipInvariant, Mps, NetworkError, PrefixTable, Rnn,
    Rnn2d, Rnn2dParams, RnnParams, Transformer, TransformerParams,
};
use ketwork_hamiltonians::{OnSpace, Scalar, Sector};
use num_complex::Complex64;

/// A network with exact sampling, and its sizes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum NamedNetwork {
    /// [`PrefixTable`]
    Table,
    /// [`Transformer`]
    Transformer(TransformerParams),
    /// [`Mps`] near the uniform state, with bonds of at most this dimension.
    Mps(usize),
    /// [`Antn`] of such a state and a transformer.
    Antn {
        /// Largest bond dimension.
        bond: usize,
        /// Sizes of the network.
        params: TransformerParams,
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
                    NamedNetwork::Mps(bond) => {
                        state(Mps::<Self>::near_uniform(space, *bond)?, sector, even)
                    }
                    NamedNetwork::Antn { bond, params } => {
                        let net = Transformer::<Self>::new(space, *params)?;
                        state(Antn::near_product(net, *bond)?, sector, even)
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
