//! Tensors that DMRG found: where a network starts.

use super::kept::CHECKPOINT;
use super::{RunError, RunOptions};
use crate::run_file::{Start, WavefunctionSection};
use crate::{Progress, from_dmrg};
use ketwork_dmrg::{Dmrg, DmrgError, DmrgParams, Element, Mps, Sweep};
use ketwork_hamiltonians::{Model, OnSpace};
use ketwork_models::{GivenTensors, SiteTensor};
use num_complex::Complex64;

/// Widest bond from which on the tensors keep the charges of DMRG, and with them a fifth of their
/// entries. Below, a network mixes all states of a bond to its advantage: J1-J2 4x4 with j2 = 0.2,
/// bond 8, elementwise, 600 steps: relative error 1.4e-4 without charges, 7.8e-4 with them.
pub(super) const CHARGED_FROM: usize = 16;
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
        tensors: chosen(&dmrg.state()),
    })
}

/// Wide bonds keep their charges; what is too much to be trained stays.
fn chosen<T: Element>(state: &Mps<T>) -> GivenTensors {
    let charged = state.bond_dims().into_iter().max() >= Some(CHARGED_FROM);
    let mut found = from_dmrg(state, charged);
    let nonzero = |t: &SiteTensor<Complex64>| {
        let entries = t.entries.iter();
        entries.filter(|z| **z != Complex64::ZERO).count()
    };
    found.fixed = found.tensors.iter().map(nonzero).sum::<usize>() > MOST_TRAINED;
    found
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
            "network = \"antn\"\nmixing = \"elementwise\"\nbackbone = \"gru\"\nwidth = 8",
            "network = \"antn\"\nbackbone = \"lstm\"",
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
            assert!(dmrg.by_ref().all(|sweep| sweep.is_ok()));
            let (energy, state) = (dmrg.energy(), dmrg.state());
            assert_eq!(found.unwrap().tensors, from_dmrg(&state, false));
            for (charged, fixed) in [(false, false), (true, false), (true, true)] {
                let mut tensors = from_dmrg(&state, charged);
                assert_eq!(tensors.charges.is_some(), charged);
                tensors.fixed = fixed;
                let start = DmrgStart { energy, tensors };
                starts_at(&start, network, section, &lattice, &model);
            }
        }
    }

    #[test]
    fn a_positive_state_starts_at_the_energy_of_dmrg_too() {
        let text = "[hamiltonian]\nmodel = \"tfim\"\nh = 1.2\n\
                    lattice = { kind = \"chain\", extent = [8], boundary = \"open\" }\n\
                    [wavefunction]\nnetwork = \"antn\"\nmixing = \"elementwise\"\nbond = 12\ninit = \"dmrg\"\n";
        let run: RunFile = text.parse().unwrap();
        let (lattice, model) = run.system().unwrap();
        let AnyModel::Real(model) = model else {
            panic!("the Ising model is real")
        };
        let section = &run.wavefunction;
        let dmrg = prepare(section, &model, 12, 7).unwrap().unwrap();
        let start = find(dmrg, &RunOptions::default()).unwrap();
        let state = build_started::<f64>(section, &lattice, model.sector(), Some(&start)).unwrap();
        let psi = state.differentiable();
        let sum = FullSum::new(&**model.sector(), Memory::default()).unwrap();
        let theta = psi.layout().initial(Stream::new(1));
        let mut vmc = GroundState::new(&model, psi, sum, theta);
        let off = (vmc.measure().unwrap().0.mean - start.energy).abs();
        // Of a positive ground state the modulus is the state itself.
        assert!(off < 1e-10, "off by {off:.1e}");
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
        // Tensors alone are trained in any case.
        let trained = psi
            .layout()
            .parameters()
            .iter()
            .any(|p| p.name.starts_with("mps"));
        let alone = network.contains("mps");
        assert_eq!(trained, alone || !start.tensors.fixed, "{network}");
        let mut vmc = GroundState::new(model, psi, sum, theta);
        let energy = vmc.measure().unwrap().0.mean;
        let off = (energy - start.energy).abs();
        assert!(off < 1e-10, "{network}: {energy} against {}", start.energy);
    }
}
