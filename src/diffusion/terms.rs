//! Gates and energies from the terms of any Hamiltonian.

use crate::gate::Local;
use crate::{Circuit, DiffusionError, States};
use ketwork_hamiltonians::{
    Action, Configs, Connected, Hamiltonian, LocalMask, OnSpace, Pauli, Scalar, Term, is_legal,
};
use ketwork_linalg::eigen_complex;
use num_complex::Complex64;
use std::ops::Range;

/// Most sites of a term that is not a Pauli string: its matrix is diagonalised.
const MAX_SITES: usize = 8;

impl Circuit {
    /// Layers $\prod_k \prod_{t \in k} e^{-i\theta_{l,k} A_t}$ of the Hamiltonian-variational ansatz:
    /// one new angle for each layer and coupling k, terms of a coupling one after another.
    ///
    /// Site s is qubit s. Values of couplings do not enter: the angles are free. Terms of one
    /// coupling that do not commute make a product formula. Matrices on the same sites are added
    /// before they are exponentiated, so that a term and its Hermitian conjugate may stand apart.
    ///
    /// # Errors
    /// [`DiffusionError::Term`] for sites that are not qubits, matrices on more than eight sites,
    /// guards that allow both values, matrices that are not Hermitian;
    /// [`DiffusionError::Mismatch`] for another number of sites.
    ///
    /// # References
    /// D. Wecker, M. B. Hastings, M. Troyer, Phys. Rev. A 92, 042303 (2015).
    pub fn hamiltonian_layers<H: Hamiltonian + ?Sized>(
        &mut self,
        hamiltonian: &H,
        layers: usize,
    ) -> Result<&mut Self, DiffusionError> {
        self.layers_of(hamiltonian, layers, 0..0)
    }

    /// Layers as in [`Self::hamiltonian_layers`] in which all ancillas in use take part: ancilla a is
    /// turned by $e^{-i\varphi Y_a/2}$, and behind the terms of coupling k follow
    /// $e^{-i\vartheta_k Y_a A_t}$, with new angles for each layer and ancilla.
    ///
    /// An ancilla that starts in 0 and is projected on 0 leaves the mean of two circuits of the same
    /// terms, $\frac12(U_+ + U_-)$, $U_\pm = \prod e^{\mp i\varphi/2} e^{-i\theta A}
    /// e^{\mp i\vartheta A}$: filters such as $\cos(\varphi/2 + \vartheta A)$, of which steps of
    /// imaginary time are an example. With all angles 0 the layers are the identity.
    ///
    /// # Errors
    /// Those of [`Self::hamiltonian_layers`]; a matrix acts on at most seven sites beside an ancilla.
    ///
    /// # References
    /// A. M. Childs, N. Wiebe, Quantum Inf. Comput. 12, 901 (2012), sums of unitaries.
    pub fn coupled_layers<H: Hamiltonian + ?Sized>(
        &mut self,
        hamiltonian: &H,
        layers: usize,
    ) -> Result<&mut Self, DiffusionError> {
        let ancillas = self.n_qubits()..self.n_bits;
        self.layers_of(hamiltonian, layers, ancillas)
    }

    fn layers_of<H: Hamiltonian + ?Sized>(
        &mut self,
        hamiltonian: &H,
        layers: usize,
        ancillas: Range<u32>,
    ) -> Result<&mut Self, DiffusionError> {
        let (couplings, terms) = self.gates_of(hamiltonian)?;
        for _ in 0..layers {
            for a in ancillas.clone() {
                self.rotation(&[(a, Pauli::Y)]);
            }
            for k in 0..couplings {
                let of = || terms.iter().filter(|t| t.1.coupling as usize == k);
                if of().next().is_none() {
                    continue;
                }
                let p = self.new_params(1);
                for (place, term) in of() {
                    self.term(*place, term, p)?;
                }
                for a in ancillas.clone() {
                    let p = self.new_params(1);
                    for (place, term) in of() {
                        self.term(*place, &with_ancilla(term, a), p)?;
                    }
                }
            }
        }
        Ok(self)
    }

    /// Number of couplings, and the terms that become gates with their places.
    fn gates_of<H: Hamiltonian + ?Sized>(
        &self,
        hamiltonian: &H,
    ) -> Result<(usize, Vec<Placed>), DiffusionError> {
        let sum = hamiltonian.terms().to_complex();
        let space = sum.space();
        if space.n_sites != self.n_qubits() as usize {
            return Err(DiffusionError::Mismatch {
                what: "sites of the Hamiltonian",
                found: space.n_sites,
                expected: self.n_qubits() as usize,
            });
        }
        if space.local_dim != 2 {
            let reason = "its sites are not qubits";
            return Err(DiffusionError::Term { term: 0, reason });
        }
        Ok((sum.couplings().len(), merged(sum.terms())))
    }

    /// $e^{-i\theta A}$ of one term.
    fn term(
        &mut self,
        place: usize,
        term: &Term<Complex64>,
        param: usize,
    ) -> Result<(), DiffusionError> {
        let refuse = |reason| DiffusionError::Term {
            term: place,
            reason,
        };
        let mut guard = (0, 0);
        for &(site, mask) in &term.guard {
            let one = 1usize << self.bit(site);
            guard.0 |= one;
            if mask == LocalMask::only(1) {
                guard.1 |= one;
            } else if mask != LocalMask::only(0) {
                return Err(refuse("a guard must allow exactly one value"));
            }
        }
        let bits: Vec<u32> = term.sites.iter().map(|&s| self.bit(s)).collect();
        let k = bits.len();
        let rows: Vec<(u32, u32, Complex64)> = match &term.action {
            Action::Pauli(string, v) => {
                if v.im.abs() > 1e-12 * v.re.abs() {
                    return Err(refuse(
                        "a Pauli string with a complex factor is not Hermitian",
                    ));
                }
                if term.guard.is_empty() {
                    let string: Vec<_> = term
                        .sites
                        .iter()
                        .copied()
                        .zip(string.iter().copied())
                        .collect();
                    self.rotation_by(&string, v.re, param);
                    return Ok(());
                }
                if k > MAX_SITES {
                    return Err(refuse("a guarded string acts on at most eight sites"));
                }
                let row = |r: usize| {
                    let mut entry = (0, *v);
                    for (j, p) in string.iter().enumerate() {
                        let (c, e) = p.row(r >> (k - 1 - j) & 1);
                        entry = (entry.0 << 1 | c as u32, entry.1 * e);
                    }
                    (r as u32, entry.0, entry.1)
                };
                (0..1usize << k).map(row).collect()
            }
            Action::Rows(rows) => rows.to_vec(),
        };
        if k > MAX_SITES {
            return Err(refuse("a matrix acts on at most eight sites"));
        }
        let d = 1usize << k;
        let mut a = vec![Complex64::default(); d * d];
        for &(r, c, v) in &rows {
            a[r as usize * d + c as usize] += v;
        }
        let largest = a.iter().map(|z| z.norm()).fold(0.0, f64::max);
        let skew = |i: usize, j: usize| (a[i * d + j] - a[j * d + i].conj()).norm();
        if (0..d).any(|i| (0..=i).any(|j| skew(i, j) > 1e-12 * largest)) {
            return Err(refuse(
                "it is not Hermitian together with the terms on its sites",
            ));
        }
        let what = "a term";
        let (energies, vectors) = eigen_complex(d, |i, j| a[i * d + j])
            .map_err(|_| DiffusionError::NoConvergence { what })?;
        self.matrix(Local {
            param,
            bits,
            guard,
            energies,
            vectors,
        });
        Ok(())
    }
}

/// $Y_a \otimes A$, the ancilla in front.
fn with_ancilla(term: &Term<Complex64>, ancilla: u32) -> Term<Complex64> {
    let mut out = term.clone();
    out.sites = std::iter::once(ancilla)
        .chain(term.sites.iter().copied())
        .collect();
    out.action = match &term.action {
        Action::Pauli(string, v) => {
            let all = std::iter::once(Pauli::Y).chain(string.iter().copied());
            Action::Pauli(all.collect(), *v)
        }
        Action::Rows(rows) => {
            let d = 1u32 << term.sites.len();
            // Y = ((0, -i), (i, 0)).
            let both = |&(r, c, v): &(u32, u32, Complex64)| {
                let iv = Complex64::i() * v;
                [(r, c + d, -iv), (r + d, c, iv)]
            };
            Action::Rows(rows.iter().flat_map(both).collect())
        }
    };
    out
}

/// A term and its position among those of the Hamiltonian.
type Placed = (usize, Term<Complex64>);

/// Matrices with equal sites, guards and coupling joined; Pauli strings as they are.
fn merged(terms: &[Term<Complex64>]) -> Vec<Placed> {
    let mut out: Vec<Placed> = Vec::new();
    for (place, term) in terms.iter().enumerate() {
        let same = |t: &&mut (usize, Term<Complex64>)| {
            t.1.sites == term.sites && t.1.guard == term.guard && t.1.coupling == term.coupling
        };
        if let Action::Rows(rows) = &term.action
            && let Some((
                _,
                Term {
                    action: Action::Rows(old),
                    ..
                },
            )) = out
                .iter_mut()
                .filter(|t| matches!(t.1.action, Action::Rows(_)))
                .find(same)
        {
            *old = old.iter().chain(rows.iter()).copied().collect();
        } else {
            out.push((place, term.clone()));
        }
    }
    out
}

/// Relative gap below which two levels are one: rounding decides between their states.
const DEGENERATE: f64 = 1e-10;

/// A Hamiltonian as a sparse matrix on the states of its qubits, read from its connected elements.
#[derive(Clone, Debug)]
pub struct SparseHamiltonian {
    diagonal: Vec<Complex64>,
    /// (row, column, element).
    elements: Vec<(u32, u32, Complex64)>,
    /// Basis states in the sector, ascending.
    legal: Vec<usize>,
}

impl SparseHamiltonian {
    /// Lists all rows. The sector restricts the ground state; products and energies are those of the
    /// whole matrix.
    ///
    /// # Errors
    /// [`DiffusionError::Term`] for sites that are not qubits, [`DiffusionError::Memory`] for more
    /// than 20 of them.
    pub fn new<H: Hamiltonian + ?Sized>(hamiltonian: &H) -> Result<Self, DiffusionError> {
        let space = hamiltonian.space();
        let n = space.n_sites;
        if space.local_dim != 2 {
            let reason = "its sites are not qubits";
            return Err(DiffusionError::Term { term: 0, reason });
        }
        if n > 20 {
            return Err(DiffusionError::Memory {
                n_qubits: n,
                needed: 32.0 * n as f64 * 2f64.powi(n as i32),
                allowed: (32 * 20) << 20,
            });
        }
        let (mut configs, mut legal) = (Configs::new(n), Vec::new());
        for i in 0..1usize << n {
            let row: Vec<u8> = (0..n).map(|s| (i >> (n - 1 - s) & 1) as u8).collect();
            configs.push(&row);
            if is_legal(&**hamiltonian.sector(), &row) {
                legal.push(i);
            }
        }
        let mut rows = Connected::default();
        hamiltonian.connected(configs.view(), &mut rows);
        let column = |k: usize| {
            let parent = rows.neighbours.parent[k] as usize;
            let flip = |j: usize, (site, value): (usize, u8)| {
                let bit = n - 1 - site;
                j & !(1 << bit) | usize::from(value) << bit
            };
            (
                parent as u32,
                rows.neighbours.changes(k).fold(parent, flip) as u32,
            )
        };
        let elements = (0..rows.neighbours.len()).map(|k| {
            let (r, c) = column(k);
            (r, c, rows.element[k].to_complex())
        });
        Ok(Self {
            diagonal: rows.diagonal.iter().map(|d| d.to_complex()).collect(),
            elements: elements.collect(),
            legal,
        })
    }

    /// H psi.
    ///
    /// # Panics
    /// If the lengths differ from the dimension.
    #[track_caller]
    pub fn apply(&self, psi: &[Complex64], out: &mut [Complex64]) {
        assert_eq!(psi.len(), self.diagonal.len(), "amplitudes");
        for ((o, d), p) in out.iter_mut().zip(&self.diagonal).zip(psi) {
            *o = d * p;
        }
        for &(r, c, v) in &self.elements {
            out[r as usize] += v * psi[c as usize];
        }
    }

    /// $\langle\psi|H|\psi\rangle/\langle\psi|\psi\rangle$ and its cotangent, for
    /// [`Circuit::pullback`].
    ///
    /// # Panics
    /// If the lengths differ from the dimension.
    #[track_caller]
    pub fn energy(&self, psi: &[Complex64], cotangent: &mut [Complex64]) -> f64 {
        self.apply(psi, cotangent);
        let norm: f64 = psi.iter().map(Complex64::norm_sqr).sum();
        let e = crate::states::inner(psi, cotangent).re / norm;
        for (c, p) in cotangent.iter_mut().zip(psi) {
            *c = (*c - p * e) / norm;
        }
        e
    }

    /// The lowest state of the sector by dense diagonalisation, and its energy.
    ///
    /// # Errors
    /// [`DiffusionError::Degenerate`] where there is more than one, [`DiffusionError::Memory`] above 2^11
    /// legal configurations, [`DiffusionError::NoConvergence`].
    pub fn ground_state(&self) -> Result<(f64, States), DiffusionError> {
        let (dim, all) = (self.legal.len(), self.diagonal.len());
        if dim > 1 << 11 {
            return Err(DiffusionError::Memory {
                n_qubits: all.ilog2() as usize,
                needed: 32.0 * (dim as f64).powi(2),
                allowed: 32 << 22,
            });
        }
        let mut a = vec![Complex64::default(); dim * dim];
        for (i, &x) in self.legal.iter().enumerate() {
            a[i * dim + i] = self.diagonal[x];
        }
        let place = |x: u32| self.legal.binary_search(&(x as usize));
        for &(r, c, v) in &self.elements {
            if let (Ok(r), Ok(c)) = (place(r), place(c)) {
                a[r * dim + c] += v;
            }
        }
        let what = "the Hamiltonian";
        let failed = |_| DiffusionError::NoConvergence { what };
        // A real matrix keeps its eigenvectors real: no arbitrary phase between neighbours.
        let (values, lowest) = if a.iter().all(|z| z.im.abs() <= 0.0) {
            let (values, mut vectors) =
                ketwork_linalg::eigen_real(dim, |i, j| a[i * dim + j].re).map_err(failed)?;
            let v = vectors.swap_remove(0);
            let largest = v
                .iter()
                .copied()
                .fold(0.0, |m: f64, x| if x.abs() > m.abs() { x } else { m });
            let v = v.iter().map(|x| Complex64::from(x * largest.signum()));
            (values, v.collect::<Vec<_>>())
        } else {
            let (values, mut vectors) =
                eigen_complex(dim, |i, j| a[i * dim + j]).map_err(failed)?;
            // Of a complex one the phase that makes the largest amplitude positive.
            let v = vectors.swap_remove(0);
            let largest = v
                .iter()
                .copied()
                .max_by(|a, b| a.norm_sqr().total_cmp(&b.norm_sqr()))
                .unwrap_or_default();
            let phase = largest.conj() / largest.norm().max(f64::MIN_POSITIVE);
            (values, v.iter().map(|z| z * phase).collect())
        };
        let gap = values.get(1).map_or(f64::INFINITY, |next| next - values[0]);
        if gap <= DEGENERATE * values[0].abs().max(1.0) {
            let energy = values[0];
            return Err(DiffusionError::Degenerate { energy, gap });
        }
        let mut state = vec![Complex64::default(); all];
        for (&x, amplitude) in self.legal.iter().zip(lowest) {
            state[x] = amplitude;
        }
        Ok((values[0], States::new(&[state])?))
    }
}
