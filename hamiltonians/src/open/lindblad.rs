//! Lindblad generators, and what they do to outcome strings.

use super::{Frame, OpenError};
use crate::{Action, LocalSum, OnSpace, Space, Term};
use num_complex::Complex64;

/// Most sites of a term: 4^4 outcomes by as many.
const WIDEST: usize = 4;
/// Elements of the generator that are rounding.
const ROUNDING: f64 = 1e-13;

/// A jump operator on a few sites.
#[derive(Clone, Debug, PartialEq)]
pub struct Jump {
    /// The sites, the first the most significant digit.
    pub sites: Vec<u32>,
    /// $L$, row by row.
    pub matrix: Vec<Complex64>,
    /// The rate $\gamma$.
    pub rate: f64,
}

impl Jump {
    /// $\sigma^- = |\downarrow\rangle\langle\uparrow|$ with a rate.
    #[must_use]
    pub fn lowering(site: u32, rate: f64) -> Self {
        let (zero, one) = (Complex64::ZERO, Complex64::ONE);
        Self {
            sites: vec![site],
            matrix: vec![zero, zero, one, zero],
            rate,
        }
    }
}

/// $\dot\rho = -i[H, \rho] + \sum_k \gamma_k (L_k \rho L_k^\dagger - \tfrac12\{L_k^\dagger L_k, \rho\})$ on
/// qubits.
#[derive(Clone, Debug)]
pub struct Lindblad {
    pub(super) hamiltonian: LocalSum<Complex64>,
    pub(super) jumps: Vec<Jump>,
}

impl Lindblad {
    /// A Hamiltonian and its jumps.
    ///
    /// # Errors
    /// [`OpenError`] for sites that are no qubits, a Hamiltonian that is not Hermitian, negative
    /// rates, jumps outside the lattice, of the wrong shape, or with elements that are no numbers.
    pub fn new(hamiltonian: LocalSum<Complex64>, jumps: Vec<Jump>) -> Result<Self, OpenError> {
        let Space { n_sites, local_dim } = *hamiltonian.space();
        if local_dim != 2 {
            return Err(OpenError::NotQubits { local_dim });
        }
        hamiltonian.check_hermitian()?;
        for (jump, j) in jumps.iter().enumerate() {
            if !(j.rate.is_finite() && j.rate >= 0.0) {
                return Err(OpenError::Rate { jump, rate: j.rate });
            }
            let distinct = (1..j.sites.len()).all(|i| !j.sites[..i].contains(&j.sites[i]));
            let inside = j.sites.iter().all(|&s| (s as usize) < n_sites);
            if j.sites.is_empty() || !distinct || !inside {
                let sites = j.sites.clone();
                return Err(OpenError::Sites {
                    jump,
                    sites,
                    n_sites,
                });
            }
            check_width(j.sites.len())?;
            let expected = 1usize << (2 * j.sites.len());
            if j.matrix.len() != expected {
                let found = j.matrix.len();
                return Err(OpenError::Shape {
                    jump,
                    found,
                    expected,
                });
            }
            if let Some(element) = j.matrix.iter().position(|x| !x.is_finite()) {
                return Err(OpenError::NotFinite { jump, element });
            }
        }
        Ok(Self { hamiltonian, jumps })
    }

    /// The Hamiltonian.
    #[must_use]
    pub fn hamiltonian(&self) -> &LocalSum<Complex64> {
        &self.hamiltonian
    }

    /// The jumps.
    #[must_use]
    pub fn jumps(&self) -> &[Jump] {
        &self.jumps
    }

    /// The real generator A of $\dot P(a) = \sum_b A_{ab} P(b)$ on outcome strings, sites of four
    /// values: $A_{ab} = \mathrm{Tr}[M_a \mathcal{L}(N_b)]$, term by term.
    ///
    /// Columns add up to 0. Off-diagonal elements may be negative: this is no Markov chain. The
    /// couplings of the Hamiltonian keep their names, jumps stand under "jumps".
    ///
    /// # Errors
    /// [`OpenError::Wide`] for terms of more than four sites.
    ///
    /// # References
    /// D. Luo, Z. Chen, J. Carrasquilla, B. K. Clark, Phys. Rev. Lett. 128, 090501 (2022), eq. 3.
    pub fn generator(&self, frame: &Frame) -> Result<LocalSum<f64>, OpenError> {
        let mut couplings = self.hamiltonian.couplings().to_vec();
        let of_jumps = couplings.len() as u32;
        couplings.push(("jumps".to_owned(), 1.0));
        let mut terms = Vec::new();
        for term in self.hamiltonian.terms() {
            let (sites, h) = dense(term)?;
            let commutator = |n: &[Complex64], d: usize| {
                let (left, right) = (times(&h, n, d), times(n, &h, d));
                let minus_i = Complex64::new(0.0, -1.0);
                left.iter()
                    .zip(right)
                    .map(|(l, r)| minus_i * (l - r))
                    .collect()
            };
            terms.push(on_outcomes(frame, sites, term.coupling, commutator));
        }
        // Rates that are no numbers, of a drive, are kept: they make elements that are none.
        for jump in self.jumps.iter().filter(|j| j.rate != 0.0) {
            let d = 1usize << jump.sites.len();
            let l = &jump.matrix;
            let mut dagger = vec![Complex64::ZERO; d * d];
            for r in 0..d {
                (0..d).for_each(|c| dagger[c * d + r] = l[r * d + c].conj());
            }
            let count = times(&dagger, l, d);
            let dissipator = |n: &[Complex64], d: usize| -> Vec<Complex64> {
                let gain = times(&times(l, n, d), &dagger, d);
                let (left, right) = (times(&count, n, d), times(n, &count, d));
                let loss = left.iter().zip(right).map(|(l, r)| 0.5 * (l + r));
                gain.iter()
                    .zip(loss)
                    .map(|(g, l)| jump.rate * (g - l))
                    .collect()
            };
            terms.push(on_outcomes(frame, jump.sites.clone(), of_jumps, dissipator));
        }
        let space = Space::new(self.hamiltonian.space().n_sites, 4);
        Ok(LocalSum::new(space, terms, couplings)?)
    }
}

impl Frame {
    /// The diagonal operator on outcome strings whose mean is that of an operator on the qubits:
    /// $O(a) = \mathrm{Tr}(O N_a)$, term by term.
    ///
    /// # Errors
    /// [`OpenError::Wide`], [`OpenError::NotQubits`].
    pub fn observable(&self, operator: &LocalSum<Complex64>) -> Result<LocalSum<f64>, OpenError> {
        let Space { n_sites, local_dim } = *operator.space();
        if local_dim != 2 {
            return Err(OpenError::NotQubits { local_dim });
        }
        let mut terms = Vec::new();
        for term in operator.terms() {
            let (sites, o) = dense(term)?;
            let k = sites.len();
            let rows = (0..1usize << (2 * k)).map(|a| {
                let dual = product(&self.duals().map(|m| m.to_vec()), a, k);
                (a as u32, a as u32, trace_of(&o, &dual, 1 << k).re)
            });
            terms.push(Term {
                sites,
                guard: Vec::new(),
                action: Action::Rows(rows.filter(|r| r.2.abs() > ROUNDING).collect()),
                coupling: term.coupling,
            });
        }
        let couplings = operator.couplings().to_vec();
        Ok(LocalSum::new(Space::new(n_sites, 4), terms, couplings)?)
    }
}

fn check_width(sites: usize) -> Result<(), OpenError> {
    match sites <= WIDEST {
        true => Ok(()),
        false => Err(OpenError::Wide {
            sites,
            most: WIDEST,
        }),
    }
}

/// A term as a matrix on its sites, guarded ones last.
fn dense(term: &Term<Complex64>) -> Result<(Vec<u32>, Vec<Complex64>), OpenError> {
    let (k, g) = (term.sites.len(), term.guard.len());
    check_width(k + g)?;
    let mut sites = term.sites.clone();
    sites.extend(term.guard.iter().map(|(s, _)| *s));
    let d = 1usize << (k + g);
    let mut matrix = vec![Complex64::ZERO; d * d];
    for guarded in 0..1usize << g {
        let value = |i: usize| (guarded >> (g - 1 - i) & 1) as u8;
        if !(0..g).all(|i| term.guard[i].1.allows(value(i))) {
            continue;
        }
        let mut set = |r: usize, c: usize, v: Complex64| {
            matrix[((r << g) + guarded) * d + (c << g) + guarded] += v;
        };
        match &term.action {
            Action::Rows(rows) => {
                for &(r, c, v) in rows.iter() {
                    set(r as usize, c as usize, v);
                }
            }
            Action::Pauli(string, factor) => {
                for row in 0..1usize << k {
                    let (mut column, mut element) = (0, *factor);
                    for (i, p) in string.iter().enumerate() {
                        let (c, e) = p.row(row >> (k - 1 - i) & 1);
                        column = 2 * column + c;
                        element *= e;
                    }
                    set(row, column, element);
                }
            }
        }
    }
    Ok((sites, matrix))
}

/// The term $A_{ab} = \mathrm{Re}\,\mathrm{Tr}[M_a f(N_b)]$.
fn on_outcomes(
    frame: &Frame,
    sites: Vec<u32>,
    coupling: u32,
    f: impl Fn(&[Complex64], usize) -> Vec<Complex64>,
) -> Term<f64> {
    let (k, d) = (sites.len(), 1usize << sites.len());
    let (effects, duals) = (
        frame.effects().map(|m| m.to_vec()),
        frame.duals().map(|m| m.to_vec()),
    );
    let outcomes = 1usize << (2 * k);
    let effects: Vec<_> = (0..outcomes).map(|a| product(&effects, a, k)).collect();
    let mut rows = Vec::new();
    for b in 0..outcomes {
        let image = f(&product(&duals, b, k), d);
        for (a, m) in effects.iter().enumerate() {
            let element = trace_of(m, &image, d).re;
            // What is no number is no rounding.
            if element.abs() > ROUNDING || element.is_nan() {
                rows.push((a as u32, b as u32, element));
            }
        }
    }
    rows.sort_by_key(|r| (r.0, r.1));
    Term {
        sites,
        guard: Vec::new(),
        action: Action::Rows(rows.into()),
        coupling,
    }
}

/// Kronecker product of single-site matrices by the base-4 digits of `a`, the first most significant.
fn product(single: &[Vec<Complex64>; 4], a: usize, k: usize) -> Vec<Complex64> {
    let mut out = vec![Complex64::ONE];
    let mut d = 1;
    for i in 0..k {
        let m = &single[a >> (2 * (k - 1 - i)) & 3];
        let mut next = vec![Complex64::ZERO; 4 * d * d];
        for r in 0..d {
            for c in 0..d {
                for x in 0..2 {
                    for y in 0..2 {
                        next[(2 * r + x) * 2 * d + 2 * c + y] = out[r * d + c] * m[2 * x + y];
                    }
                }
            }
        }
        (out, d) = (next, 2 * d);
    }
    out
}

fn times(a: &[Complex64], b: &[Complex64], d: usize) -> Vec<Complex64> {
    let mut out = vec![Complex64::ZERO; d * d];
    for r in 0..d {
        for k in 0..d {
            let x = a[r * d + k];
            (0..d).for_each(|c| out[r * d + c] += x * b[k * d + c]);
        }
    }
    out
}

fn trace_of(a: &[Complex64], b: &[Complex64], d: usize) -> Complex64 {
    (0..d * d).map(|i| a[i] * b[i % d * d + i / d]).sum()
}
