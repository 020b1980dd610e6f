use super::named;
use super::six_j::Recoupling;
use super::toric_code::links_of;
use crate::{
    Action, Boundary, ConstraintError, FusionPath, Lattice, LatticeKind, LocalSum, Model,
    ModelError, OnSpace, Term,
};
use std::sync::Arc;

/// Chain of L spin-1/2 anyons of SU(2)_k, $H = -\cos\theta \sum_i P_i - \sin\theta \sum_i P^{(3)}_i$,
/// the golden chain for k = 3.
///
/// $P_i$ projects the anyons i and i + 1 on spin 0, $P^{(3)}_i$ those from i to i + 2 on spin 3/2,
/// for k = 3 the trivial anyon. The sites are the labels of the fusion path, see [`FusionPath`]; with
/// $P_i = v v^T$ on the label between both anyons, and $v_b = F^{a\,1/2\,1/2}_{c;\,b\,0}$ from quantum
/// 6j symbols. Positive $\cos\theta$ is the antiferromagnetic sign.
///
/// Open chains have $j_0 = 0$, a total charge, and a term for each group of neighbours. Couplings are
/// named "pair" ($\cos\theta$) and, where it is not 0, "triple" ($\sin\theta$).
///
/// k = 3, ring of 10: $E_0 = -7.70674901$; at $\tan\theta = \phi/2$ each anyon has $-\sin\theta =
/// -0.62896$ exactly, twice. For $k \to \infty$ the open chain is the Heisenberg chain of total spin
/// j: $\sum_i S_i \cdot S_{i+1} = (L - 1)/4 + H$ (tested).
///
/// # References
/// A. Feiguin et al., Phys. Rev. Lett. 98, 160409 (2007); S. Trebst et al., Phys. Rev. Lett. 101,
/// 050401 (2008).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GoldenChain {
    /// Angle between the terms of two and of three anyons.
    pub theta: f64,
    /// Level k, 2 or more.
    pub level: usize,
    /// Twice the total charge of an open chain; the lowest integer label by default.
    pub twice_charge: Option<usize>,
}

impl Default for GoldenChain {
    /// Fibonacci anyons with the term of two.
    fn default() -> Self {
        Self {
            theta: 0.0,
            level: 3,
            twice_charge: None,
        }
    }
}

impl GoldenChain {
    /// The model with an anyon on each site of a chain.
    ///
    /// # Errors
    /// [`ModelError`] for another kind of lattice, fewer than 3 anyons on a ring or 2 on an open
    /// chain, an odd ring at even k, a charge that cannot be reached or stands on a ring, a level with
    /// too few or too many labels, or an angle that is not finite.
    pub fn on(&self, lattice: &Lattice) -> Result<Model<f64>, ModelError> {
        if !self.theta.is_finite() {
            return Err(parameter("theta", format!("{} is no angle", self.theta)));
        }
        let path = self.path(lattice)?;
        let mut couplings = named([("pair", self.theta.cos())]);
        let mut terms = self.terms(&path, 3)?;
        // Terms that are not there keep the model cheap, and the labels may then be more.
        if self.theta.sin() != 0.0 {
            couplings.push(("triple".to_owned(), self.theta.sin()));
            terms.extend(self.terms(&path, 4)?);
        }
        let sum = LocalSum::new(*path.space(), terms, couplings)?;
        Model::new(sum, Arc::new(path))
    }

    fn path(&self, lattice: &Lattice) -> Result<FusionPath, ModelError> {
        let length = lattice.n_sites();
        let is_ring = lattice.boundary() == [Boundary::Periodic];
        let least = if is_ring { 3 } else { 2 };
        if lattice.kind() == LatticeKind::Chain && length < least {
            let reason = format!("{length} anyons have no neighbours; take at least {least}");
            return Err(parameter("lattice.extent", reason));
        }
        links_of(lattice, &[LatticeKind::Chain])?;
        if self.level < 2 {
            let reason = format!("level {} has one label only; take 2 or more", self.level);
            return Err(parameter("k", reason));
        }
        if self.level.is_multiple_of(2) && !length.is_multiple_of(2) {
            let reason = format!(
                "{length} anyons do not close at the even level k = {}; take an even number or an odd k",
                self.level
            );
            return Err(parameter("lattice.extent", reason));
        }
        let path = match (is_ring, self.twice_charge) {
            (true, None) => FusionPath::ring(self.level, length),
            (true, Some(_)) => {
                let reason = "a ring has no total charge; leave it out".to_owned();
                return Err(parameter("sector.charge", reason));
            }
            (false, Some(twice)) => FusionPath::open(self.level, length, twice),
            (false, None) => FusionPath::lowest_charge(self.level, length)
                .and_then(|twice| FusionPath::open(self.level, length, twice)),
        };
        path.map_err(|e| match e {
            ConstraintError::Empty { reason } => {
                let advice =
                    format!("{reason}; choose a charge from 0 to min(k, L)/2 in steps of 1");
                parameter("sector.charge", advice)
            }
            ConstraintError::Labels { .. } => parameter("k", e.to_string()),
            other => other.into(),
        })
    }

    /// -1 times the projectors on windows of so many labels: two anyons between 3, three between 4.
    fn terms(&self, path: &FusionPath, width: usize) -> Result<Vec<Term<f64>>, ModelError> {
        let (n, d) = (path.space().n_sites, path.space().local_dim);
        if d.pow(width as u32) > LARGEST_TABLE {
            let reason = format!(
                "terms of {} anyons with {d} labels a site are too large; choose a smaller level or, \
                 for pairs only, theta = 0",
                width - 1
            );
            return Err(parameter("k", reason));
        }
        let starts = if path.is_ring() {
            n
        } else {
            (n + 1).saturating_sub(width)
        };
        // Labels alternate between integer and half-integer: two tables, equal for odd k.
        let tables = [self.table(path, width, 0), self.table(path, width, 1)];
        let term = |start: usize| {
            let mut sites: Vec<u32> = (start..start + width).map(|p| (p % n) as u32).collect();
            let mut rows = tables[start % 2].clone();
            if sites[0] == sites[width - 1] {
                // Three anyons on a ring of three: the outer labels are one site.
                sites.pop();
                let d = d as u32;
                rows.retain(|(r, _, _)| r % d == r / d.pow(width as u32 - 1));
                rows.iter_mut()
                    .for_each(|(r, c, _)| (*r, *c) = (*r / d, *c / d));
            }
            Term {
                sites,
                guard: Vec::new(),
                action: Action::Rows(rows.into()),
                coupling: width as u32 - 3,
            }
        };
        Ok((0..starts).map(term).collect())
    }

    /// Elements of -1 times the projector on labels that start at a position of this parity.
    fn table(&self, path: &FusionPath, width: usize, parity: usize) -> Vec<(u32, u32, f64)> {
        let d = path.space().local_dim;
        let size = d.pow(width as u32);
        let highest = 2 * path.space().local_dim + 2;
        let recoupling = Recoupling::new(self.level, 2 * self.level.min(highest) + 4);
        let digit = |r: usize, i: usize| (r / d.pow((width - 1 - i) as u32) % d) as u8;
        let labels = |r: usize| -> Option<Vec<usize>> {
            // For odd k the partner of each label does as well: start at an integer one.
            let parity = if self.level % 2 == 1 { 0 } else { parity };
            (0..width)
                .map(|i| path.twice_label(parity + i, digit(r, i)))
                .collect()
        };
        let amplitude = |r: usize| {
            let Some(j) = labels(r) else { return 0.0 };
            let size = match j[..] {
                [a, b, c] => recoupling.f([a, 1, 1, c], b, 0),
                [a, b, c, d] => recoupling.f([a, 1, 1, c], b, 2) * recoupling.f([a, 2, 1, d], c, 3),
                _ => 0.0,
            };
            sign(&j) * size
        };
        let v: Vec<f64> = (0..size).map(amplitude).collect();
        // The outer labels stay.
        let inner = d.pow(width as u32 - 2);
        let mut elements = Vec::new();
        for outer in (0..d).flat_map(|a| (0..d).map(move |z| a * inner * d + z)) {
            let window = (0..inner).map(|b| outer + b * d);
            let open: Vec<usize> = window.filter(|&r| v[r] != 0.0).collect();
            for (&r, &c) in open.iter().flat_map(|r| open.iter().map(move |c| (r, c))) {
                elements.push((r as u32, c as u32, -v[r] * v[c]));
            }
        }
        elements
    }
}

/// Signs of the paths in which every element of $P_i$ is positive, given Racah's signs of F: a step
/// down from j takes $(-1)^{2j}$. Labels are doubled.
fn sign(path: &[usize]) -> f64 {
    let odd = path.windows(2).filter(|w| w[1] < w[0] && w[0] % 2 == 1);
    if odd.count() % 2 == 1 { -1.0 } else { 1.0 }
}

/// Largest matrix of a term.
const LARGEST_TABLE: usize = 1 << 16;

fn parameter(key: &'static str, reason: String) -> ModelError {
    ModelError::Parameter { key, reason }
}

#[cfg(test)]
mod tests;
