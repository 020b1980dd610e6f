//! Layers of the native networks: forward and per-sample backward, nothing else.
//!
//! Everything works on row-major slices of one block on one thread and allocates nothing. Each
//! output number is one fixed chain of fused multiply-adds, whatever the number of rows: the same
//! token gives the same bits in a batch, in a step with cached keys, and in a resumed row.

pub(crate) mod attention;
pub(crate) mod elementwise;
pub(crate) mod embed;
pub(crate) mod gru;
pub(crate) mod highway;
pub(crate) mod linear;
pub(crate) mod lstm;
pub(crate) mod norm;
pub(crate) mod product;
