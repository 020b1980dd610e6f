//! Product states of a run file as vectors over the basis of a sector.

use super::RunError;
use crate::exact::Basis;
use crate::run_file::{HamiltonianSection, InitialState};
use ketwork_hamiltonians::Lattice;
use num_complex::Complex64;

/// The normalised amplitudes of a product state.
///
/// For the links of `z2_gauge`, whose letters are electric (value 0 is X = +1), `plus_x` is the state
/// without field and `up_z` the gauge-invariant part of all Z = +1.
///
/// # Errors
/// [`RunError::Value`] naming `evolution.initial` where the model has no such state, or its sector does
/// not hold it.
pub(super) fn amplitudes(
    state: InitialState,
    section: &HamiltonianSection,
    lattice: &Lattice,
    n_sites: usize,
    basis: &Basis,
) -> Result<Vec<Complex64>, RunError> {
    let refuse = |reason: String| {
        Err(RunError::Value {
            key: "evolution.initial",
            reason,
        })
    };
    let (model, name) = (section.model(), word(state));
    let is_chain_of_links = matches!(section, HamiltonianSection::QuantumLink(_));
    let is_electric = matches!(section, HamiltonianSection::Z2Gauge(_));
    if matches!(section, HamiltonianSection::GoldenChain(_)) {
        return refuse(format!(
            "the labels of {model} are no qubits, and none of the states is one of them; evolve another model"
        ));
    }
    let vacuum = matches!(
        section,
        HamiltonianSection::QuantumLink(_) | HamiltonianSection::Rydberg(_)
    );
    let one = |x: Vec<u8>| match basis.index(&x) {
        Some(i) => {
            let mut psi = vec![Complex64::ZERO; basis.len()];
            psi[i] = Complex64::ONE;
            Ok(psi)
        }
        None => refuse(format!(
            "{name} is not in the sector of the model; choose its sector (hamiltonian.sector) or another state"
        )),
    };
    // A superposition of all configurations, with a sign where the model is written on a rotated
    // sublattice: there x points the other way.
    let all = || {
        let marked = match section.is_rotated() {
            true => lattice.sublattice(),
            false => None,
        };
        let configs = basis.configs(0..basis.len());
        let each = (1.0 / basis.len() as f64).sqrt();
        let rows = configs.view();
        let sign = |x: &[u8]| {
            let odd = marked.as_ref().is_some_and(|marked| {
                let flips = x.iter().zip(marked).filter(|(v, m)| **v == 1 && **m);
                flips.count() % 2 == 1
            });
            if odd { -each } else { each }
        };
        rows.rows()
            .map(|x| Complex64::from(sign(x)))
            .collect::<Vec<_>>()
    };
    match state {
        InitialState::Vacuum if vacuum => one(vec![0; n_sites]),
        InitialState::Vacuum => refuse(format!(
            "{model} has no vacuum; use \"up_z\", or rydberg or quantum_link"
        )),
        _ if is_chain_of_links => refuse(format!(
            "{name} is no state of the links and fermions of {model}; use \"vacuum\""
        )),
        InitialState::PlusX if is_electric => one(vec![0; n_sites]),
        InitialState::UpZ if is_electric => Ok(all()),
        _ if is_electric => refuse(format!(
            "{name} breaks the Gauss law of {model}; use \"plus_x\" (no electric field) or \"up_z\" (no flux)"
        )),
        InitialState::UpZ => one(vec![0; n_sites]),
        InitialState::DownZ => one(vec![1; n_sites]),
        InitialState::Neel if n_sites == lattice.n_sites() => one((0..n_sites)
            .map(|i| lattice.parity_of_cell(i) as u8)
            .collect()),
        InitialState::Neel => refuse("links have no checkerboard; use \"up_z\"".into()),
        InitialState::PlusX if 1usize.checked_shl(n_sites as u32) == Some(basis.len()) => Ok(all()),
        InitialState::PlusX => refuse(format!(
            "plus_x is no state of this sector of {model}, which leaves configurations out; use a state along z"
        )),
    }
}

/// The word of a run file.
pub(super) fn word(state: InitialState) -> &'static str {
    match state {
        InitialState::UpZ => "up_z",
        InitialState::DownZ => "down_z",
        InitialState::PlusX => "plus_x",
        InitialState::Neel => "neel",
        InitialState::Vacuum => "vacuum",
    }
}
