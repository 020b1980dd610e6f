//! Product states as laws of outcomes.

use crate::run::RunError;
use crate::run::initial::word;
use crate::run_file::{HamiltonianSection, InitialState};
use ketwork_hamiltonians::Lattice;
use ketwork_hamiltonians::open::Frame;

/// The law of outcomes of each site in a product state.
pub(super) fn product(
    frame: &Frame,
    state: InitialState,
    section: &HamiltonianSection,
    lattice: &Lattice,
    n: usize,
) -> Result<Vec<[f64; 4]>, RunError> {
    let refuse = |key, reason| Err(RunError::Value { key, reason });
    let (up, down) = ([0.0, 0.0, 1.0], [0.0, 0.0, -1.0]);
    let is_rydberg = matches!(section, HamiltonianSection::Rydberg(_));
    let bloch = |site: usize| match state {
        InitialState::DownZ => down,
        InitialState::PlusX => [1.0, 0.0, 0.0],
        InitialState::Neel if lattice.parity_of_cell(site) == 1 => down,
        InitialState::Neel | InitialState::UpZ | InitialState::Vacuum => up,
    };
    if state == InitialState::Vacuum && !is_rydberg {
        let reason = format!("{} has no vacuum; use \"up_z\"", section.model());
        return refuse("evolution.initial", reason);
    }
    if state == InitialState::Neel && n != lattice.n_sites() {
        let reason = "links have no checkerboard; use \"up_z\"".into();
        return refuse("evolution.initial", reason);
    }
    let laws: Vec<_> = (0..n).map(|i| frame.probabilities(bloch(i))).collect();
    if laws.iter().flatten().any(|p| *p <= 0.0) {
        let reason = format!(
            "an outcome of this frame has probability 0 in {}, whose logarithm no network can hold; use frame = \"rotated\"",
            word(state)
        );
        return refuse("lindblad.frame", reason);
    }
    Ok(laws)
}
