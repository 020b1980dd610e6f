use super::Basis;
use super::elements::elements;
use super::vector::{dot, sum_blocks};
use crate::hamiltonians::{OnSpace, Operator, Scalar};
use num_complex::Complex64;

/// $\langle\psi|O|\psi\rangle / \langle\psi|\psi\rangle$, without storing the matrix.
///
/// Real up to rounding for a Hermitian operator. The part of $O|\psi\rangle$ outside the sector has
/// no overlap with the state and drops out.
///
/// # Panics
/// If operator and basis live on different spaces, or `psi` has another length than the basis.
///
/// # Examples
/// ```
/// use ketwork::exact::{LanczosParams, expectation, ground_state};
/// use ketwork::hamiltonians::{Boundary, Lattice, Tfim};
///
/// let tfim = Tfim::new(1.0).on(&Lattice::chain(8, Boundary::Periodic)?)?;
/// let ground = ground_state(&tfim, &LanczosParams::default())?;
/// let energy = expectation(&tfim, &ground.basis, &ground.vectors[0]);
/// assert!((energy.re - ground.energies[0]).abs() < 1e-10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
#[must_use]
pub fn expectation<O, V>(operator: &O, basis: &Basis, psi: &[V]) -> Complex64
where
    O: Operator + ?Sized,
    V: Scalar,
{
    assert_eq!(
        operator.space(),
        basis.space(),
        "operator and basis live on different spaces"
    );
    assert_eq!(psi.len(), basis.len(), "length of the state");
    let in_block = |rows: std::ops::Range<usize>| {
        let mut sum = Complex64::ZERO;
        let first = rows.start;
        let diagonal = elements(operator, basis, rows, |row, column, element| {
            sum += psi[row].conj().to_complex() * element.to_complex() * psi[column].to_complex();
        });
        let on = diagonal
            .iter()
            .zip(&psi[first..])
            .map(|(d, p)| d.to_complex() * p.abs2());
        sum + on.sum::<Complex64>()
    };
    sum_blocks(psi.len(), in_block) / dot(psi, psi).re()
}
