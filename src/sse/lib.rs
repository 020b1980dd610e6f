//! Quantum Monte Carlo by stochastic series expansion (SSE).
//!
//! $Z = \mathrm{Tr}\, e^{-\beta H}$ is expanded in powers of H; strings of few-site operators are
//! sampled with weights that are all positive, or the model is refused. Excitations of a site live
//! on intervals of imaginary time, *rods*; a blockade makes them hard rods.
//!
//! Notation: N sites, $\beta$ inverse temperature, M slots, n of them occupied; $\tau$
//! autocorrelation time in sweeps.

mod alias;
mod chance;
mod clusters;
mod covers;
mod decompose;
mod diagonal;
mod entropy;
mod error;
mod exchange;
mod graph;
mod hops;
mod line_loops;
mod modes;
mod params;
mod replica;
mod report;
mod run;
mod segments;
mod string;

pub use covers::{CoverHistogram, LabelTime, label_time};
pub use entropy::{LegalCount, entropy, entropy_of_bins, legal_count};
pub use error::SseError;
pub use graph::rydberg_graph;
pub use params::{SseParams, Tempering, TemperingParameter};
pub use report::{Acceptance, ModeReport, SseReport, UpdateCount};
pub use run::{Sse, SseRun, SseState};

#[cfg(test)]
mod balance_tests;
#[cfg(test)]
mod exact;
#[cfg(test)]
mod exchange_tests;
#[cfg(test)]
mod run_tests;
#[cfg(test)]
mod target_tests;
