//! From the states of DMRG to the tensors of networks.

use ketwork_dmrg::{Element, Mps};
use ketwork_models::{GivenTensors, SiteTensor};
use num_complex::Complex64;

/// The tensors of a state as a network takes them ([`Mps`](crate::Mps), [`Antn`](crate::Antn)), with
/// its charges or without; the network's sector must have the order of the state's sites.
///
/// With charges a bond has one state at least for each charge that a prefix of the state's total can
/// have: where DMRG dropped all of a charge, one of amplitude 0 stands in, which a network can fill.
#[must_use]
pub fn from_dmrg<T: Element>(state: &Mps<T>, charged: bool) -> GivenTensors {
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
    GivenTensors {
        tensors: (0..state.n_sites()).map(tensor).collect(),
        charges: (charged && is_charged(&charges)).then_some(charges),
        fixed: false,
    }
}

fn is_charged(charges: &[Vec<i64>]) -> bool {
    charges.iter().flatten().any(|&c| c != 0)
}

/// The charges of a state's bonds, and of each bond those that lie between both ends besides.
fn reachable<T>(state: &Mps<T>) -> Vec<Vec<i64>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Named, NamedNetwork, Stream, Tensors};
    use ketwork_dmrg::{DmrgParams, ground_state};
    use ketwork_hamiltonians::{Boundary, Configs, Hamiltonian, J1J2, Lattice, is_legal};

    #[test]
    fn a_network_of_the_tensors_has_the_amplitudes_of_the_state() {
        let ladder = Lattice::square([4, 2], Boundary::Open).unwrap();
        let model = J1J2::new(0.3).on(&ladder).unwrap();
        let params = DmrgParams {
            bonds: vec![3],
            start_bond: 3,
            ..DmrgParams::default()
        };
        let (state, _) = ground_state(&model, params).unwrap();
        let sector = model.sector();
        let mut x = Configs::new(8);
        for i in 0..256u32 {
            let row: Vec<u8> = (0..8).map(|s| (i >> s & 1) as u8).collect();
            if is_legal(&**sector, &row) {
                x.push(&row);
            }
        }
        for charged in [false, true] {
            let given = from_dmrg(&state, charged);
            // A bond of three drops charges; all five of the middle are there again.
            let middle = given.charges.clone().map(|mut charges| {
                charges[4].dedup();
                charges.swap_remove(4)
            });
            assert_eq!(middle, charged.then(|| vec![0, 1, 2, 3, 4]));
            let net = NamedNetwork::Mps(Tensors::Given(given));
            let psi = Complex64::network(&net, sector, false).unwrap();
            let theta = psi.layout().initial(Stream::new(1));
            let mut log = vec![Complex64::ZERO; x.len()];
            psi.log_psi(&theta, x.view(), &mut log);
            for (row, log) in x.view().rows().zip(&log) {
                let off = (log.exp() - state.amplitude(row)).norm();
                assert!(off < 1e-12, "{row:?}, charged: {charged}");
            }
        }
    }
}
