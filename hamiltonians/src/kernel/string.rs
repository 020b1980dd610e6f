//! Pauli strings too long for a table.

use super::open;
use crate::{Action, Connected, LocalMask, OperatorError, Pauli, Scalar, Term};
use num_complex::Complex64;

/// $f \prod_i \sigma_i$: one element a row, $f\,(-i)^{n_Y} \prod (\pm 1)$, where each Y and Z on a
/// site with value 1 gives a sign.
#[derive(Clone, Debug)]
pub(super) struct PauliString<T> {
    sites: Vec<u32>,
    string: Vec<Pauli>,
    guard: Vec<(u32, LocalMask)>,
    factor: T,
    /// $f\,(-i)^{n_Y}$.
    element: T,
    signs: Vec<u32>,
    flips: Vec<u32>,
}

impl<T: Scalar> PauliString<T> {
    /// # Notes
    /// Sites ascend. Real sums hold only strings with an even number of Y.
    pub(super) fn new(
        sites: Vec<u32>,
        string: Vec<Pauli>,
        guard: Vec<(u32, LocalMask)>,
        factor: T,
    ) -> Self {
        let of = |kinds: [Pauli; 2]| {
            let chosen = sites.iter().zip(&string).filter(|(_, p)| kinds.contains(p));
            chosen.map(|(&s, _)| s).collect::<Vec<_>>()
        };
        let (signs, flips) = (of([Pauli::Y, Pauli::Z]), of([Pauli::X, Pauli::Y]));
        let phase = match count_y(&string) % 4 {
            0 => Complex64::new(1.0, 0.0),
            1 => Complex64::new(0.0, -1.0),
            2 => Complex64::new(-1.0, 0.0),
            _ => Complex64::new(0.0, 1.0),
        };
        let element = factor * T::from_parts(phase.re, phase.im);
        Self {
            sites,
            string,
            guard,
            factor,
            element,
            signs,
            flips,
        }
    }

    pub(super) fn flips(&self) -> &[u32] {
        &self.flips
    }

    /// Appends the off-diagonal element of a row, or returns the diagonal one.
    #[inline]
    pub(super) fn apply(&self, b: usize, row: &[u8], out: &mut Connected<T>) -> T {
        if !open(&self.guard, row) {
            return T::ZERO;
        }
        let odd = self.signs.iter().fold(0, |odd, &s| odd ^ row[s as usize]) == 1;
        let v = if odd { -self.element } else { self.element };
        if self.flips.is_empty() {
            return v;
        }
        let flips = self
            .flips
            .iter()
            .map(|&s| (s as usize, 1 - row[s as usize]));
        out.neighbours.push(b, flips);
        out.element.push(v);
        T::ZERO
    }

    pub(super) fn check_hermitian(&self) -> Result<(), OperatorError> {
        let f = self.factor.to_complex();
        if f.im.abs() <= 1e-13 * f.norm() {
            return Ok(());
        }
        Err(OperatorError::NotHermitian {
            sites: self.sites.clone(),
            row: 0,
            column: 0,
            element: f,
            transpose: f,
        })
    }

    pub(super) fn is_stoquastic(&self) -> bool {
        self.flips.is_empty()
            || (self.signs.is_empty() && self.factor.im() == 0.0 && self.factor.re() <= 0.0)
    }

    pub(super) fn is_real(&self) -> bool {
        self.factor.im() == 0.0 && count_y(&self.string).is_multiple_of(2)
    }

    pub(super) fn norm(&self) -> f64 {
        self.factor.abs2().sqrt()
    }

    pub(super) fn term(&self) -> Term<T> {
        Term {
            sites: self.sites.clone(),
            guard: self.guard.clone(),
            action: Action::Pauli(self.string.clone(), self.factor),
            coupling: 0,
        }
    }
}

fn count_y(string: &[Pauli]) -> usize {
    string.iter().filter(|&&p| p == Pauli::Y).count()
}
