//! Tensors that DMRG found: where a network starts.

use super::RunError;
use crate::run_file::{Start, WavefunctionSection};
use ketwork_dmrg::{Dmrg, DmrgError, DmrgParams, Element};
use ketwork_hamiltonians::{Model, OnSpace};
use ketwork_models::SiteTensor;
use num_complex::Complex64;

/// A matrix product state and its energy.
#[derive(Clone, Debug)]
pub(super) struct DmrgStart {
    pub(super) energy: f64,
    pub(super) tensors: Vec<SiteTensor<Complex64>>,
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

/// Sweeps to convergence.
pub(super) fn find<T: Element>(mut dmrg: Dmrg<T>) -> Result<DmrgStart, RunError> {
    for sweep in dmrg.by_ref() {
        sweep.map_err(|e| RunError::Value {
            key: "wavefunction.init",
            reason: without_start(&e),
        })?;
    }
    let state = dmrg.state();
    let tensors = state.slices().map(|(left, right, entries)| SiteTensor {
        left,
        right,
        entries: entries
            .iter()
            .map(|z| Complex64::new(z.re(), z.im()))
            .collect(),
    });
    Ok(DmrgStart {
        energy: dmrg.energy(),
        tensors: tensors.collect(),
    })
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
    use ketwork_hamiltonians::{AnyModel, Hamiltonian};
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
            let dmrg = prepare(section, &model, 3, 7).unwrap().unwrap();
            let start = find(dmrg).unwrap();
            let state = build_started::<Complex64>(section, &lattice, model.sector(), Some(&start));
            let state = state.unwrap();
            let psi = state.differentiable();
            let sum = FullSum::new(&**model.sector(), Memory::default()).unwrap();
            let theta = psi.layout().initial(Stream::new(1));
            let mut vmc = GroundState::new(&model, psi, sum, theta);
            let energy = vmc.measure().unwrap().0.mean;
            let off = (energy - start.energy).abs();
            assert!(off < 1e-10, "{network}: {energy} against {}", start.energy);
        }
    }
}
