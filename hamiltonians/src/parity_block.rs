//! Parities that a Hamiltonian conserves, and the values that they have in its ground state.

use crate::{Action, Hamiltonian, Model, OnSpace, Parity, Pauli, Scalar, Term, is_legal, product};
use std::sync::Arc;

impl<T: Scalar> Model<T> {
    /// The model in the block of all conserved parities even, and the number of parities that this
    /// fixes beyond its sector, where that block is known to hold the ground state; else `None`.
    ///
    /// Winding sectors of a gauge theory are such blocks: nearly degenerate, so that imaginary time
    /// takes as long as the inverse of their splitting to find the lowest.
    ///
    /// It is known for $H = -\sum_A J_A \prod_A Z - \sum_B K_B \prod_B X$ with J, K at least 0: there
    /// $\mathrm{Tr}(\prod_C Z\, e^{-\beta H}) \ge 0$ for every set C (an inequality of Griffiths), so
    /// the partition function of the block with the signs $\sigma$ of k conserved products,
    /// $2^{-k} \sum_C \sigma_C \mathrm{Tr}(\prod_C Z\, e^{-\beta H})$, is largest where all are 1.
    /// The inequality: each factor of a Trotter product of X strings is a sum over $\tau = \pm 1$ that
    /// flips its set or not, and the weights are those of a ferromagnet in these variables.
    ///
    /// # References
    /// C. Benassi, B. Lees, D. Ueltschi, J. Stat. Phys. 164, 1157 (2016), for the XY model.
    #[must_use]
    pub fn lowest_parity_block(&self) -> Option<(Self, usize)> {
        let n = self.space().n_sites;
        let (sector, couplings) = (self.sector(), self.terms().couplings());
        // Constraints of other kinds, a particle number for example, leave parts of a block only.
        let own = match sector.as_parity() {
            Some(parity) => parity.rank(),
            None if sector.words() == 0 => 0,
            None => return None,
        };
        if self.space().local_dim != 2 || !is_legal(&**sector, &vec![0; n]) {
            return None;
        }
        let mut flips = Vec::new();
        for term in self.terms().terms() {
            let flipped = flip(term, couplings[term.coupling as usize].1)?;
            flips.push((flipped, false));
        }
        // Sets that meet every flip in an even number of places are the legal flips of checks for
        // which the flips stand.
        let order = sector.order().to_vec();
        let conserved = Parity::new(order.clone(), &flips).ok()?.even_flips();
        let checks: Vec<_> = conserved.into_iter().map(|c| (c, false)).collect();
        let fixed = Parity::new(order, &checks).ok()?;
        // The Gauss law is conserved, too, and counted among the checks.
        let count = fixed.rank().checked_sub(own).filter(|&c| c > 0)?;
        let block = product(vec![sector.clone(), Arc::new(fixed)]).ok()?;
        Some((self.in_sector(block).ok()?, count))
    }
}

/// The qubits that a term flips, `None` where it is no string of X alone or Z alone times a factor of
/// at most 0.
fn flip<T: Scalar>(term: &Term<T>, coupling: f64) -> Option<Vec<u32>> {
    let Action::Pauli(string, factor) = &term.action else {
        return None;
    };
    let pure = |letter| string.iter().all(|&p| p == letter || p == Pauli::I);
    let is_alike = pure(Pauli::X) || pure(Pauli::Z);
    if !is_alike || !term.guard.is_empty() || factor.im() != 0.0 || factor.re() * coupling > 0.0 {
        return None;
    }
    // What a coupling of 0 would flip is conserved.
    let flipped = |(_, p): &(&u32, &Pauli)| **p == Pauli::X && coupling != 0.0;
    let pairs = term.sites.iter().zip(string).filter(flipped);
    Some(pairs.map(|(&site, _)| site).collect())
}
