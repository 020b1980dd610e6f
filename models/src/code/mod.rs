//! Exact states of stabiliser codes of the CSS kind, at any size.
//!
//! Checks of Z type are products of Z over sets of qubits, those of X type products of X. A state on
//! which all of them have chosen values is constant in modulus over the configurations that obey the
//! Z checks; the X checks decide its signs.

mod lattices;
#[cfg(test)]
mod tests;

pub use lattices::CodeSector;

use crate::{Ancestral, Differentiable, Layout, Norm, Shots, Stream, Wavefunction};
use ketwork_hamiltonians::{
    Configs, ConfigsRef, ConstraintError, Neighbours, OnSpace, Parity, Sector, Space, draw_legal,
};
use num_complex::Complex64;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::f64::consts::{LN_2, PI};
use std::ops::Range;
use std::sync::Arc;

/// Rows of one task.
const BLOCK: usize = 64;

/// Simultaneous eigenstate of commuting products of X and of Z, $\psi(x) = (-1)^{c \cdot x} / \sqrt{|S|}$
/// on the set S of configurations that obey the Z checks, 0 elsewhere.
///
/// A Z check (A, odd) asks for $\prod_{i \in A} Z_i = -1$ if odd and +1 otherwise, an X check
/// likewise for X. The vector c solves $\sum_{i \in A} c_i = \text{odd} \bmod 2$ for all X checks.
/// Where the checks leave a choice, all values of the remaining products of Z are superposed: pin one
/// by a further check.
///
/// It has no parameters. Conditionals are 0, 1/2 or 1, so samples are exact and independent, and local
/// estimates of any sum of the checks have no variance. Cost: elimination on bit words once, then
/// $O(N)$ for an amplitude, and for a neighbour the number of checks at the changed qubits.
///
/// # References
/// A. R. Calderbank, P. W. Shor, Phys. Rev. A 54, 1098 (1996); A. M. Steane, Proc. R. Soc. A 452,
/// 2551 (1996).
#[derive(Clone, Debug)]
pub struct StabilizerState {
    space: Space,
    layout: Layout,
    sector: Arc<Parity>,
    /// Sites where a 1 changes the sign.
    signs: Vec<bool>,
    /// The Z checks of each site.
    checks_at: Vec<Vec<u32>>,
    /// What each Z check asks for.
    odd: Vec<bool>,
    log_modulus: f64,
}

/// Whether a check is a product of X or of Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// Product of X.
    X,
    /// Product of Z.
    Z,
}

/// Why a code has no such state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodeError {
    /// Two checks cannot have values at once.
    #[error(
        "X check {x} and Z check {z} share an odd number of qubits and anticommute; leave one out"
    )]
    Anticommute {
        /// Index of the X check.
        x: usize,
        /// Index of the Z check.
        z: usize,
    },
    /// The values asked for contradict a product of checks that is the identity.
    #[error(
        "no state has {flipped} {kind:?} checks equal to -1 as asked: {source}; a product of checks \
         that is the identity leaves only an even number of its factors to flip"
    )]
    Impossible {
        /// Kind of the checks.
        kind: CheckKind,
        /// Number of checks that should be -1, pinned ones included.
        flipped: usize,
        /// What the elimination found.
        source: ConstraintError,
    },
    /// A flipped check does not exist.
    #[error("there is no {kind:?} check {index}, the code has {count} (0 to {count} - 1)")]
    NoCheck {
        /// Kind of the check.
        kind: CheckKind,
        /// Index asked for.
        index: usize,
        /// Number of checks.
        count: usize,
    },
    /// The lattice has too few dimensions.
    #[error(
        "{code} needs a lattice of at least {needed} dimensions with links, this one has {found}"
    )]
    Dimension {
        /// Name of the code.
        code: &'static str,
        /// Dimensions needed.
        needed: usize,
        /// Dimensions found.
        found: usize,
    },
}

impl StabilizerState {
    /// The state of N qubits with the given values of its checks (sites, odd), whose samples are drawn
    /// in the given order. A site named twice in a check cancels.
    ///
    /// # Errors
    /// [`CodeError::Anticommute`], and [`CodeError::Impossible`] where the values contradict each other.
    ///
    /// # Panics
    /// If `order` is no permutation of the sites or a check names a site outside it.
    ///
    /// # Examples
    /// ```
    /// use ketwork_hamiltonians::Configs;
    /// use ketwork_models::{StabilizerState, Wavefunction};
    /// // The singlet-like Bell pair: Z Z = X X = -1.
    /// let pair = [(vec![0, 1], true)];
    /// let bell = StabilizerState::new(vec![0, 1], &pair, &pair)?;
    /// let x = Configs::from_data(2, vec![0, 1, 1, 0, 0, 0]);
    /// let mut log = [Default::default(); 3];
    /// bell.log_psi(&[], x.view(), &mut log);
    /// let psi = log.map(|l: num_complex::Complex64| l.exp().re);
    /// assert!((psi[0] + psi[1]).abs() < 1e-15 && psi[2] == 0.0);
    /// # Ok::<(), ketwork_models::CodeError>(())
    /// ```
    #[track_caller]
    pub fn new(
        order: Vec<u32>,
        z_checks: &[(Vec<u32>, bool)],
        x_checks: &[(Vec<u32>, bool)],
    ) -> Result<Self, CodeError> {
        let n = order.len();
        let impossible = |kind, checks: &[(Vec<u32>, bool)], source| CodeError::Impossible {
            kind,
            flipped: checks.iter().filter(|c| c.1).count(),
            source,
        };
        let sector = Parity::new(order.clone(), z_checks)
            .map_err(|e| impossible(CheckKind::Z, z_checks, e))?;
        // A vector c that has the asked overlap with each X check is a configuration that obeys
        // these as if they were checks of Z type.
        let phases =
            Parity::new(order, x_checks).map_err(|e| impossible(CheckKind::X, x_checks, e))?;
        let mut c = vec![0; n];
        draw_legal(&phases, |_| 0.0, &mut c);
        let mut checks_at = vec![Vec::new(); n];
        for (k, (sites, _)) in z_checks.iter().enumerate() {
            for &site in sites {
                checks_at[site as usize].push(k as u32);
            }
        }
        let mut shared = vec![false; z_checks.len()];
        for (x, (sites, _)) in x_checks.iter().enumerate() {
            let met = || sites.iter().flat_map(|&s| &checks_at[s as usize]);
            met().for_each(|&z| shared[z as usize] ^= true);
            let odd = met().find(|&&z| shared[z as usize]);
            if let Some(&z) = odd {
                return Err(CodeError::Anticommute { x, z: z as usize });
            }
        }
        Ok(Self {
            space: Space::qubits(n),
            layout: Layout::new(),
            signs: c.into_iter().map(|v| v == 1).collect(),
            checks_at,
            odd: z_checks.iter().map(|c| c.1).collect(),
            log_modulus: -0.5 * LN_2 * (n - sector.rank()) as f64,
            sector: Arc::new(sector),
        })
    }

    /// The configurations on which the amplitude is not 0.
    #[must_use]
    pub fn sector(&self) -> Sector {
        self.sector.clone()
    }

    /// log2 of the number of configurations on which the amplitude is not 0.
    #[must_use]
    pub fn log2_support(&self) -> usize {
        self.space.n_sites - self.sector.rank()
    }

    fn log(&self, is_negative: bool) -> Complex64 {
        Complex64::new(self.log_modulus, if is_negative { PI } else { 0.0 })
    }

    fn is_negative(&self, x: &[u8]) -> bool {
        let ones = x.iter().zip(&self.signs).filter(|(v, s)| **v == 1 && **s);
        ones.count() % 2 == 1
    }

    /// The checks that a configuration violates.
    fn violated(&self, x: &[u8]) -> Violated {
        let mut violated = Violated {
            is: self.odd.clone(),
            count: self.odd.iter().filter(|o| **o).count(),
        };
        for (checks, _) in self.checks_at.iter().zip(x).filter(|(_, v)| **v == 1) {
            violated.flip(checks);
        }
        violated
    }

    fn log_of_row(&self, x: &[u8]) -> Complex64 {
        if self.violated(x).count > 0 {
            return Complex64::new(f64::NEG_INFINITY, 0.0);
        }
        self.log(self.is_negative(x))
    }
}

/// Which checks are violated, and how many.
struct Violated {
    is: Vec<bool>,
    count: usize,
}

impl Violated {
    fn flip(&mut self, checks: &[u32]) {
        for &check in checks {
            let is = &mut self.is[check as usize];
            *is ^= true;
            if *is {
                self.count += 1;
            } else {
                self.count -= 1;
            }
        }
    }
}

impl OnSpace for StabilizerState {
    fn space(&self) -> &Space {
        &self.space
    }
}

impl Wavefunction for StabilizerState {
    type Log = Complex64;

    fn norm(&self) -> Norm {
        Norm::L2
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn log_psi(&self, _theta: &[f64], x: ConfigsRef<'_>, out: &mut [Complex64]) {
        assert_eq!(
            out.len(),
            x.len(),
            "one log-amplitude for each configuration"
        );
        out.par_chunks_mut(BLOCK).enumerate().for_each(|(i, out)| {
            for (b, out) in out.iter_mut().enumerate() {
                *out = self.log_of_row(x.row(i * BLOCK + b));
            }
        });
    }

    fn log_psi_neighbours(
        &self,
        _theta: &[f64],
        x: ConfigsRef<'_>,
        near: &Neighbours,
        out: &mut [Complex64],
    ) {
        assert_eq!(
            out.len(),
            near.len(),
            "one log-amplitude for each neighbour"
        );
        out.par_chunks_mut(16 * BLOCK)
            .enumerate()
            .for_each(|(i, out)| {
                let mut own: Option<(u32, Violated, bool)> = None;
                for (j, out) in out.iter_mut().enumerate() {
                    let k = i * 16 * BLOCK + j;
                    let parent = near.parent[k];
                    let row = x.row(parent as usize);
                    if own.as_ref().is_none_or(|(known, ..)| *known != parent) {
                        own = Some((parent, self.violated(row), self.is_negative(row)));
                    }
                    let (_, violated, is_negative) = own.as_mut().expect("was set above");
                    let flipped = || {
                        let changes = near.changes(k).filter(|&(s, v)| row[s] != v);
                        changes.map(|(site, _)| site)
                    };
                    flipped().for_each(|site| violated.flip(&self.checks_at[site]));
                    *out = if violated.count > 0 {
                        Complex64::new(f64::NEG_INFINITY, 0.0)
                    } else {
                        self.log(flipped().fold(*is_negative, |sign, s| sign ^ self.signs[s]))
                    };
                    flipped().for_each(|site| violated.flip(&self.checks_at[site]));
                }
            });
    }
}

impl Ancestral for StabilizerState {
    fn draw(&self, _theta: &[f64], shots: Range<u64>, stream: Stream) -> Shots<Complex64> {
        let n = self.space.n_sites;
        let one = |shot: u64| {
            let mut x = vec![0; n];
            draw_legal(&*self.sector, |p| stream.uniform(shot, p as u32), &mut x);
            (x, shot)
        };
        let drawn: Vec<_> = shots.into_par_iter().map(one).collect();
        let mut rows: BTreeMap<Vec<u8>, Vec<u64>> = BTreeMap::new();
        for (x, shot) in drawn {
            rows.entry(x).or_default().push(shot);
        }
        let mut out = Shots {
            x: Configs::new(n),
            log_psi: Vec::with_capacity(rows.len()),
            log_weight: vec![0.0; rows.len()],
            shots: Vec::new(),
            start: vec![0],
        };
        for (x, numbers) in &rows {
            out.x.push(x);
            out.log_psi.push(self.log(self.is_negative(x)));
            out.shots.extend(numbers);
            out.start.push(out.shots.len());
        }
        out
    }
}

/// Rows of length 0: there are no parameters.
impl Differentiable for StabilizerState {
    fn pullback(&self, _theta: &[f64], x: ConfigsRef<'_>, seed: &[f64], rows: &mut [f64]) {
        assert_eq!(
            seed.len(),
            2 * x.len(),
            "one seed for each component and sample"
        );
        assert!(rows.is_empty(), "a state without parameters has empty rows");
    }
}
