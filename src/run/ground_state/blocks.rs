//! Parities that a Hamiltonian conserves, and the values that they have in its ground state.

use ketwork_hamiltonians::{
    Action, Hamiltonian, Model, OnSpace, Parity, Pauli, Scalar, Term, is_legal, product,
};
use std::sync::Arc;

/// The model in the block of all conserved parities even, and the number of parities that this
/// fixes, where that block is known to hold the ground state.
///
/// Winding sectors of a gauge theory are such blocks: nearly degenerate, so that imaginary time takes
/// as long as the inverse of their splitting to find the lowest.
///
/// It is known for $H = -\sum_A J_A \prod_A Z - \sum_B K_B \prod_B X$ with J, K at least 0: there
/// $\mathrm{Tr}(\prod_C Z\, e^{-\beta H}) \ge 0$ for every set C (an inequality of Griffiths), so the
/// partition function of the block with the signs $\sigma$ of k conserved products,
/// $2^{-k} \sum_C \sigma_C \mathrm{Tr}(\prod_C Z\, e^{-\beta H})$, is largest where all are 1.
///
/// # References
/// C. Benassi, B. Lees, D. Ueltschi, J. Stat. Phys. 164, 1157 (2016), for spins 1/2. For
/// strings write each factor of a Trotter product of X strings as a sum over τ = ±1 that flips its set:
/// the weights are those of a ferromagnet in these variables.
pub(super) fn lowest<T: Scalar>(model: &Model<T>) -> Option<(Model<T>, usize)> {
    let n = model.space().n_sites;
    let sector = model.sector();
    let couplings = model.terms().couplings();
    let mut flips = Vec::new();
    for term in model.terms().terms() {
        flips.push(flip(term, couplings[term.coupling as usize].1, n)?);
    }
    // Constraints of other kinds, a particle number for example, leave parts of a block only.
    let own = match sector.as_parity() {
        Some(parity) => parity.rank(),
        None if sector.words() == 0 => 0,
        None => return None,
    };
    if !is_legal(&**sector, &vec![0; n]) {
        return None;
    }
    let checks: Vec<_> = null_space(flips, n)
        .into_iter()
        .map(|c| (c, false))
        .collect();
    let fixed = Parity::new(sector.order().to_vec(), &checks).ok()?;
    // The Gauss law is conserved, too, and counted among the checks.
    let count = fixed.rank().checked_sub(own).filter(|&c| c > 0)?;
    let block = product(vec![sector.clone(), Arc::new(fixed)]).ok()?;
    Some((model.in_sector(block).ok()?, count))
}

/// The qubits that a term flips, `None` where it is no string of X alone or Z alone times a factor of
/// at most 0.
fn flip<T: Scalar>(term: &Term<T>, coupling: f64, n: usize) -> Option<Vec<bool>> {
    let Action::Pauli(string, factor) = &term.action else {
        return None;
    };
    let pure = |letter| string.iter().all(|&p| p == letter || p == Pauli::I);
    let is_alike = pure(Pauli::X) || pure(Pauli::Z);
    if !is_alike || !term.guard.is_empty() || factor.im() != 0.0 || factor.re() * coupling > 0.0 {
        return None;
    }
    let mut mask = vec![false; n];
    for (&site, &p) in term.sites.iter().zip(string) {
        // What a coupling of 0 would flip is conserved.
        mask[site as usize] = p == Pauli::X && coupling != 0.0;
    }
    Some(mask)
}

/// A basis of the sets that meet every given set in an even number of places.
fn null_space(mut rows: Vec<Vec<bool>>, n: usize) -> Vec<Vec<u32>> {
    let mut pivots = Vec::new();
    for column in 0..n {
        let done = pivots.len();
        let Some(at) = (done..rows.len()).find(|&r| rows[r][column]) else {
            continue;
        };
        rows.swap(done, at);
        let pivot = rows[done].clone();
        for (r, row) in rows.iter_mut().enumerate() {
            if r != done && row[column] {
                row.iter_mut().zip(&pivot).for_each(|(a, b)| *a ^= b);
            }
        }
        pivots.push(column);
    }
    let free = (0..n).filter(|c| !pivots.contains(c));
    free.map(|c| {
        let bound = pivots.iter().zip(&rows).filter(|(_, row)| row[c]);
        let mut set: Vec<u32> = bound.map(|(&p, _)| p as u32).collect();
        set.push(c as u32);
        set
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::{LanczosParams, dimension, ground_state};
    use ketwork_hamiltonians::{Boundary, Lattice, Tfim, ToricCode, Z2Gauge};

    fn energy(model: &Model<f64>) -> f64 {
        ground_state(model, &LanczosParams::default())
            .unwrap()
            .energies[0]
    }

    #[test]
    fn the_block_of_even_windings_holds_the_ground_state_of_the_gauge_theory() {
        let torus = Lattice::square([3, 3], Boundary::Periodic).unwrap();
        for g in [0.1, 0.5] {
            let all = Z2Gauge::new(g).on(&torus).unwrap();
            let (block, fixed) = lowest(&all).unwrap();
            assert_eq!(fixed, 2);
            assert!((dimension(&**block.sector()).unwrap() - 256.0).abs() < 0.5);
            assert!((energy(&all) - energy(&block)).abs() < 1e-9, "g = {g}");
        }
        // Without fields: stars flip pairs of links, plaquettes and windings stay.
        let torus = Lattice::square([2, 2], Boundary::Periodic).unwrap();
        let (block, fixed) = lowest(&ToricCode::default().on(&torus).unwrap()).unwrap();
        assert_eq!(fixed, 5);
        assert!((energy(&block) + 8.0).abs() < 1e-9);
        let open = Lattice::square([3, 3], Boundary::Open).unwrap();
        assert!(lowest(&Z2Gauge::new(0.3).on(&open).unwrap()).is_none());
    }

    #[test]
    fn nothing_is_fixed_where_the_ground_state_may_be_elsewhere() {
        let torus = Lattice::square([2, 2], Boundary::Periodic).unwrap();
        // A negative coupling prefers links that are occupied.
        assert!(lowest(&Z2Gauge::new(-0.3).on(&torus).unwrap()).is_none());
        // No parity is conserved once every qubit can be flipped alone.
        let ring = Lattice::chain(6, Boundary::Periodic).unwrap();
        assert!(lowest(&Tfim::new(1.0).on(&ring).unwrap()).is_none());
        let code = ToricCode { hx: 0.2, hz: 0.1 };
        assert!(lowest(&code.on(&torus).unwrap()).is_none());
    }
}
