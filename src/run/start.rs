//! Tensors that DMRG found: where a network starts.

use super::kept::CHECKPOINT;
use super::{RunError, RunOptions};
use crate::Progress;
use crate::run_file::{Start, WavefunctionSection};
use ketwork_dmrg::{Dmrg, DmrgError, DmrgParams, Element, Sweep};
use ketwork_hamiltonians::{Model, OnSpace};
use ketwork_models::{GivenTensors, SiteTensor};
use num_complex::Complex64;

/// Widest bond from which on the tensors keep the charges of DMRG, and with them a fifth of their
/// entries. Below, a network mixes all states of a bond to its advantage: J1-J2 4x4 with j2 = 0.2,
/// bond 8, elementwise, 600 steps: relative error 1.4e-4 without charges, 7.8e-4 with them.
const CHARGED_FROM: usize = 16;
/// Numbers of the tensors above which they stay as DMRG left them: the tangents of a thousand samples
/// take 0.5 GiB.
const MOST_TRAINED: usize = 1 << 16;

/// A matrix product state and its energy.
#[derive(Clone, Debug)]
pub(super) struct DmrgStart {
    pub(super) energy: f64,
    pub(super) tensors: GivenTensors,
}

/// What the start asks for, checked; nothing where it is random.
pub(super) fn prepare<T: Element>(
    section: &WavefunctionSection,
    model: &Model<T>,
    bond: usize,
    seed: u64,
) -> Result<Option<Dmrg<T>>, RunError> {
    if section.init != Some(Start::Dmrg) {
        return Ok(None);
    }
    let refused = |reason: String| RunError::Value {
        key: "wavefunction.init",
        reason,
    };
    if model.space().n_sites < 2 {
        let reason = "DMRG optimises two sites at a time; use \"random\" for one site";
        return Err(refused(reason.into()));
    }
    if !section.symmetry.is_empty() {
        let reason = "a symmetric state does not start at the state that DMRG finds; drop wavefunction.symmetry";
        return Err(refused(reason.into()));
    }
    // Half the bond first: a wide bond filled from a random start keeps more of its noise.
    let bonds = if bond > 8 {
        vec![bond / 2, bond]
    } else {
        vec![bond]
    };
    let params = DmrgParams {
        bonds,
        start_bond: bond.min(8),
        seed,
        ..DmrgParams::default()
    };
    let dmrg = Dmrg::new(model, params).map_err(|e| refused(without_start(&e)))?;
    Ok(Some(dmrg))
}

/// Sweeps to convergence, shown sweep by sweep.
pub(super) fn find<T: Element>(
    mut dmrg: Dmrg<T>,
    options: &RunOptions,
) -> Result<DmrgStart, RunError> {
    let mut bar = match options.progress {
        true => Progress::new("dmrg", 0),
        false => Progress::hidden(),
    };
    for sweep in dmrg.by_ref() {
        let sweep = sweep?;
        let Sweep {
            index,
            energy,
            bond,
            truncation,
            ..
        } = sweep;
        let message =
            format!("sweep {index}: E = {energy:.8}, bond {bond}, truncation {truncation:.1e}");
        bar.show(index as u64 + 1, &message);
        if options.is_stopped() {
            bar.finish();
            // An earlier session may have left one.
            let kept = options.out.as_ref().map(|dir| dir.join(CHECKPOINT));
            return Err(RunError::Interrupted {
                steps: 0,
                energy: None,
                checkpoint: kept.filter(|path| path.exists()),
            });
        }
    }
    bar.finish();
    Ok(DmrgStart {
        energy: dmrg.energy(),
        tensors: {
            let state = dmrg.state();
            let widest = state.bond_dims().into_iter().max();
            given(&state, widest >= Some(CHARGED_FROM))
        },
    })
}

/// The tensors of a state, with its charges or without. With them, a bond has one state at least for
/// each charge that a legal prefix can have: where DMRG dropped all of a charge, one of amplitude 0
/// stands in, which a network can fill.
fn given<T: Element>(state: &ketwork_dmrg::Mps<T>, charged: bool) -> GivenTensors {
    let n = state.n_sites();
    let charges = match charged {
        true => reachable(state),
        false => state.charges.clone(),
    };
    // Of each bond the place of every old state among the new ones.
    let places: Vec<Vec<usize>> = (state.charges.iter().zip(&charges))
        .map(|(old, new)| {
            let place = |(i, c): (usize, &i64)| {
                let before = old[..i].iter().filter(|o| *o == c).count();
                new.partition_point(|n| n < c) + before
            };
            old.iter().enumerate().map(place).collect()
        })
        .collect();
    let tensor = |p: usize| {
        let old = &state.tensors[p];
        let (left, right) = (charges[p].len(), charges[p + 1].len());
        let mut entries = vec![Complex64::ZERO; state.local_dim * left * right];
        for (i, z) in old.data.iter().enumerate() {
            let (value, a) = (i / old.right / old.left, i / old.right % old.left);
            let (a, b) = (places[p][a], places[p + 1][i % old.right]);
            entries[(value * left + a) * right + b] = Complex64::new(z.re(), z.im());
        }
        SiteTensor {
            left,
            right,
            entries,
        }
    };
    let tensors: Vec<_> = (0..n).map(tensor).collect();
    let nonzero = |t: &SiteTensor<Complex64>| {
        let entries = t.entries.iter();
        entries.filter(|z| **z != Complex64::ZERO).count()
    };
    let size: usize = tensors.iter().map(nonzero).sum();
    GivenTensors {
        charges: (charged && is_charged(&charges)).then_some(charges),
        fixed: size > MOST_TRAINED,
        tensors,
    }
}

fn is_charged(charges: &[Vec<i64>]) -> bool {
    charges.iter().flatten().any(|&c| c != 0)
}

/// The charges of a state's bonds, and of each bond those that lie between both ends besides.
fn reachable<T>(state: &ketwork_dmrg::Mps<T>) -> Vec<Vec<i64>> {
    let mut charges = state.charges.clone();
    if !is_charged(&charges) {
        return charges;
    }
    let (n, most) = (charges.len() - 1, state.local_dim as i64 - 1);
    let total = charges[n][0];
    for (p, bond) in charges.iter_mut().enumerate() {
        let (before, after) = (p as i64, (n - p) as i64);
        for c in (total - most * after).max(0)..=(most * before).min(total) {
            if !bond.contains(&c) {
                bond.push(c);
            }
        }
        bond.sort_unstable();
    }
    charges
}

fn without_start(e: &DmrgError) -> String {
    format!("DMRG: {e}; or use \"random\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::Memory;
    use crate::run::network::build_started;
    use crate::run_file::RunFile;
    use crate::{FullSum, GroundState};
    use ketwork_hamiltonians::{AnyModel, Hamiltonian, Lattice};
    use ketwork_models::Stream;

    #[test]
    fn training_starts_at_the_energy_of_dmrg() {
        let rest = "[hamiltonian]\nmodel = \"j1j2\"\nj2 = 0.4\n\
                    lattice = { kind = \"square\", extent = [4, 2], boundary = \"open\" }\n[wavefunction]\n";
        for network in [
            "network = \"mps\"",
            "network = \"antn\"",
            "network = \"antn\"\nmixing = \"elementwise\"",
        ] {
            let text = format!("{rest}{network}\nbond = 3\ninit = \"dmrg\"\n");
            let run: RunFile = text.parse().unwrap();
            let (lattice, model) = run.system().unwrap();
            let AnyModel::Real(model) = model else {
                panic!("exchange is real")
            };
            let section = &run.wavefunction;
            let mut dmrg = prepare(section, &model, 3, 7).unwrap().unwrap();
            let found = find(
                prepare(section, &model, 3, 7).unwrap().unwrap(),
                &RunOptions::default(),
            );
            dmrg.by_ref().for_each(|sweep| drop(sweep.unwrap()));
            let (energy, state) = (dmrg.energy(), dmrg.state());
            assert_eq!(found.unwrap().tensors, given(&state, false));
            for charged in [false, true] {
                let tensors = given(&state, charged);
                assert_eq!(tensors.charges.is_some(), charged);
                let start = DmrgStart { energy, tensors };
                starts_at(&start, network, section, &lattice, &model);
            }
        }
    }

    fn starts_at(
        start: &DmrgStart,
        network: &str,
        section: &WavefunctionSection,
        lattice: &Lattice,
        model: &Model<f64>,
    ) {
        // As a complex state; real tensors would be those of its modulus.
        let state = build_started::<Complex64>(section, lattice, model.sector(), Some(start));
        let state = state.unwrap();
        let psi = state.differentiable();
        let sum = FullSum::new(&**model.sector(), Memory::default()).unwrap();
        let theta = psi.layout().initial(Stream::new(1));
        let mut vmc = GroundState::new(model, psi, sum, theta);
        let energy = vmc.measure().unwrap().0.mean;
        let off = (energy - start.energy).abs();
        assert!(off < 1e-10, "{network}: {energy} against {}", start.energy);
    }
}
