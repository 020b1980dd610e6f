//! Mixtures over relabellings of the sites: symmetric states that keep exact sampling.

use crate::{Ancestral, Differentiable, Layout, Norm, Shots, Stream, Wavefunction};
use ketwork_hamiltonians::{
    Configs, ConfigsRef, Neighbours, OnSpace, Scalar, Sector, Space, draw_legal, is_legal,
};
use num_complex::Complex64;
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

mod relabelling;
#[cfg(test)]
mod tests;

pub use relabelling::Relabelling;
use relabelling::check_permutations;

/// Samples handled together.
const BLOCK: usize = 64;
/// Legal configurations drawn to check that a sector is invariant.
const CHECKS: u64 = 256;
/// How much cheaper a neighbour is whose parent's prefix is reused: about twice on a chain, more where
/// the last sites change.
const PREFIX_GAIN: usize = 2;
/// Largest group.
const LARGEST_GROUP: usize = 4096;

/// Why a state cannot be symmetrised.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SymmetryError {
    /// A relabelling is no permutation of the sites.
    #[error("relabelling {index} is no permutation of the {n_sites} sites")]
    NoPermutation {
        /// Its number.
        index: usize,
        /// Number of sites.
        n_sites: usize,
    },
    /// A relabelling leads out of the sector.
    #[error(
        "the sector is not invariant: {image:?}, the image of the legal {legal:?}, is illegal; drop that symmetry or change the sector"
    )]
    NotInvariant {
        /// A legal configuration.
        legal: Vec<u8>,
        /// Its illegal image.
        image: Vec<u8>,
    },
    /// The generated group is too large.
    #[error("the symmetry group has more than {LARGEST_GROUP} elements; use fewer symmetries")]
    TooLarge,
}

/// The mixture of a state over a group G,
/// $$|\psi_G(x)|^2 = \frac1{|G|} \sum_g |\psi(g x)|^2, \qquad \arg\psi_G(x) = \arg \sum_g \psi(g x),$$
/// and $P_G = \frac1{|G|}\sum_g P(g x)$ for probabilities.
///
/// Exactly normalised and exactly sampled: a shot of $\psi$, then a random g. The state is invariant
/// under G (the trivial representation). Each amplitude costs |G| of the network's, once for each
/// orbit of G in a batch: where the orbits repeat, as on small lattices, a large group costs no more
/// than a small one.
///
/// # References
/// Z. Chen et al., arXiv:2304.01996, section 3 (mixture of moduli); D. Luo et al., Phys. Rev. Lett.
/// 128, 090501 (2022) (string states).
#[derive(Debug)]
pub struct Symmetrized<W> {
    inner: W,
    group: Vec<Relabelling>,
    /// Whether the elements are a group: laws are then those of orbits.
    is_group: bool,
}

impl<W: Wavefunction> Symmetrized<W> {
    /// The mixture over the group that the relabellings generate.
    ///
    /// # Errors
    /// [`SymmetryError`] for non-permutations, a sector that is not invariant (checked on 256 random
    /// legal configurations for each element), or more than 4096 elements.
    pub fn new(
        inner: W,
        sector: &Sector,
        generators: &[Relabelling],
    ) -> Result<Self, SymmetryError> {
        let group = Relabelling::group(inner.space().n_sites, generators)?;
        check_invariance(sector, &group)?;
        Ok(Self {
            inner,
            group,
            is_group: true,
        })
    }

    /// The mixture over these relabellings and no others: a string state over some orderings. Where
    /// they are no group it is not invariant, and every configuration is evaluated on its own.
    ///
    /// # Errors
    /// [`SymmetryError`] for non-permutations, or a sector that is not invariant.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn over(
        inner: W,
        sector: &Sector,
        relabellings: Vec<Relabelling>,
    ) -> Result<Self, SymmetryError> {
        assert!(
            !relabellings.is_empty(),
            "a mixture of one ordering at least"
        );
        check_permutations(inner.space().n_sites, &relabellings)?;
        check_invariance(sector, &relabellings)?;
        Ok(Self {
            inner,
            is_group: Relabelling::is_group(&relabellings),
            group: relabellings,
        })
    }

    /// The elements of the group, or the relabellings that are mixed.
    #[must_use]
    pub fn group(&self) -> &[Relabelling] {
        &self.group
    }

    fn image(&self, g: &Relabelling, x: ConfigsRef<'_>) -> Configs {
        let mut out = Configs::zeros(x.len(), x.n_sites());
        for (b, row) in x.rows().enumerate() {
            g.apply(row, self.space().local_dim, out.row_mut(b));
        }
        out
    }

    /// One representative of each orbit in the batch, the first image in lexicographic order (without
    /// a group the row itself), and the orbit of each row.
    fn orbits(&self, x: ConfigsRef<'_>) -> (Configs, Vec<u32>) {
        let d = self.space().local_dim;
        let images: &[Relabelling] = if self.is_group { &self.group } else { &[] };
        let mut representatives = Configs::new(x.n_sites());
        let mut known: HashMap<Vec<u8>, u32> = HashMap::new();
        let mut first = vec![0; x.n_sites()];
        let of_row = |row: &[u8]| {
            first.copy_from_slice(row);
            for g in images {
                let image = g.values(row, d);
                // The comparison ends at the first difference, mostly after two sites.
                if image.clone().lt(first.iter().copied()) {
                    first.iter_mut().zip(image).for_each(|(f, v)| *f = v);
                }
            }
            if let Some(&orbit) = known.get(&first) {
                return orbit;
            }
            let orbit = representatives.len() as u32;
            representatives.push(&first);
            known.insert(first.clone(), orbit);
            orbit
        };
        let of = x.rows().map(of_row).collect();
        (representatives, of)
    }

    /// Log-amplitudes of a batch from those of its orbits.
    fn by_orbit(&self, theta: &[f64], orbits: &Configs, of: &[u32], out: &mut [W::Log]) {
        let mut logs = vec![W::Log::ZERO; orbits.len()];
        self.combine(&self.images(theta, orbits.view()), &mut logs);
        for (out, &orbit) in out.iter_mut().zip(of) {
            *out = logs[orbit as usize];
        }
    }

    /// Writes the pullbacks of a block: seeds (k, B), rows (B, P).
    fn pullback_images(&self, theta: &[f64], x: &Configs, seed: &[f64], rows: &mut [f64])
    where
        W: Differentiable,
    {
        let (b, k) = (x.len(), W::Log::COMPONENTS);
        let logs = self.images(theta, x.view());
        // Seeds of the images: the modulus sees their shares, the phase their parts of the sum.
        let mut seeds = vec![0.0; self.group.len() * k * b];
        for j in 0..b {
            let one: Vec<W::Log> = (0..self.group.len()).map(|g| logs[g * b + j]).collect();
            let (_, share, part) = self.mixture(&one);
            for g in 0..self.group.len() {
                let to = g * k * b + j;
                seeds[to] = seed[j] * share[g];
                if k == 2 {
                    seeds[to] += seed[b + j] * part[g].im;
                    seeds[to + b] = seed[b + j] * part[g].re;
                }
            }
        }
        let mut one = vec![0.0; rows.len()];
        rows.fill(0.0);
        for (g, seeds) in self.group.iter().zip(seeds.chunks(k * b)) {
            let image = self.image(g, x.view());
            self.inner.pullback(theta, image.view(), seeds, &mut one);
            rows.iter_mut().zip(&one).for_each(|(r, o)| *r += o);
        }
    }

    /// Log-amplitudes of all images, (|G|, B).
    fn images(&self, theta: &[f64], x: ConfigsRef<'_>) -> Vec<W::Log> {
        let mut logs = vec![W::Log::ZERO; self.group.len() * x.len()];
        for (g, out) in self.group.iter().zip(logs.chunks_mut(x.len().max(1))) {
            self.inner.log_psi(theta, self.image(g, x).view(), out);
        }
        logs
    }

    fn combine(&self, logs: &[W::Log], out: &mut [W::Log]) {
        let b = out.len();
        let one: &mut Vec<W::Log> = &mut Vec::with_capacity(self.group.len());
        for (i, out) in out.iter_mut().enumerate() {
            one.clear();
            one.extend((0..self.group.len()).map(|g| logs[g * b + i]));
            *out = self.mixture(one).0;
        }
    }

    /// The log-amplitude of the mixture, the shares of its elements, and $\psi(g x) / \sum_g \psi(g x)$.
    fn mixture(&self, logs: &[W::Log]) -> (W::Log, Vec<f64>, Vec<Complex64>) {
        let norm = self.norm();
        let s = if norm == Norm::L2 { 2.0 } else { 1.0 };
        let top = logs
            .iter()
            .map(|l| l.re())
            .fold(f64::NEG_INFINITY, f64::max);
        if top == f64::NEG_INFINITY {
            return (
                W::Log::from(top),
                vec![0.0; logs.len()],
                vec![Complex64::ZERO; logs.len()],
            );
        }
        let share: Vec<f64> = logs.iter().map(|l| (s * (l.re() - top)).exp()).collect();
        let total: f64 = share.iter().sum();
        let modulus = top + (total / logs.len() as f64).ln() / s;
        if W::Log::COMPONENTS == 1 {
            let share = share.iter().map(|p| p / total).collect();
            return (W::Log::from(modulus), share, Vec::new());
        }
        let amplitude = |l: &W::Log| Scalar::exp(Complex64::new(l.re() - top, l.im()));
        let part: Vec<Complex64> = logs.iter().map(amplitude).collect();
        let sum: Complex64 = part.iter().sum();
        let log = W::Log::from_parts(modulus, sum.arg());
        (
            log,
            share.iter().map(|p| p / total).collect(),
            part.iter().map(|p| p / sum).collect(),
        )
    }
}

impl<W: Wavefunction> OnSpace for Symmetrized<W> {
    fn space(&self) -> &Space {
        self.inner.space()
    }
}

impl<W: Wavefunction> Wavefunction for Symmetrized<W> {
    type Log = W::Log;

    fn norm(&self) -> Norm {
        self.inner.norm()
    }

    fn layout(&self) -> &Layout {
        self.inner.layout()
    }

    fn log_psi(&self, theta: &[f64], x: ConfigsRef<'_>, out: &mut [W::Log]) {
        let (orbits, of) = self.orbits(x);
        self.by_orbit(theta, &orbits, &of, out);
    }

    fn log_psi_neighbours(
        &self,
        theta: &[f64],
        x: ConfigsRef<'_>,
        near: &Neighbours,
        out: &mut [W::Log],
    ) {
        let mut full = Configs::zeros(near.len(), x.n_sites());
        for k in 0..near.len() {
            near.write(k, x, full.row_mut(k));
        }
        let (orbits, of) = self.orbits(full.view());
        if PREFIX_GAIN * orbits.len() <= near.len() {
            self.by_orbit(theta, &orbits, &of, out);
            return;
        }
        let d = self.space().local_dim;
        let mut logs = vec![W::Log::ZERO; self.group.len() * near.len()];
        for (g, logs) in self.group.iter().zip(logs.chunks_mut(near.len().max(1))) {
            let moved = g.inverse();
            let flip = |v: u8| if g.flip { d as u8 - 1 - v } else { v };
            let mut image = near.clone();
            for (s, v) in image.site.iter_mut().zip(&mut image.value) {
                (*s, *v) = (moved.sites[*s as usize], flip(*v));
            }
            self.inner
                .log_psi_neighbours(theta, self.image(g, x).view(), &image, logs);
        }
        self.combine(&logs, out);
    }
}

impl<W: Ancestral> Ancestral for Symmetrized<W> {
    fn draw(&self, theta: &[f64], shots: Range<u64>, stream: Stream) -> Shots<W::Log> {
        let (n, d) = (self.space().n_sites, self.space().local_dim);
        let inverse: Vec<Relabelling> = self.group.iter().map(Relabelling::inverse).collect();
        let pick = stream.named("group element");
        let drawn = self.inner.draw(theta, shots, stream);
        let mut rows: BTreeMap<Vec<u8>, Vec<u64>> = BTreeMap::new();
        let mut image = vec![0; n];
        for (r, x) in drawn.x.view().rows().enumerate() {
            for &shot in drawn.of_row(r) {
                let g = (pick.uniform(shot, 0) * inverse.len() as f64) as usize;
                inverse[g].apply(x, d, &mut image);
                match rows.get_mut(&image) {
                    Some(shots) => shots.push(shot),
                    None => drop(rows.insert(image.clone(), vec![shot])),
                }
            }
        }
        let mut out = Shots {
            x: Configs::new(n),
            log_psi: Vec::new(),
            log_weight: Vec::new(),
            shots: Vec::new(),
            start: vec![0],
        };
        for (row, numbers) in &rows {
            out.x.push(row);
            out.shots.extend(numbers);
            out.start.push(out.shots.len());
        }
        out.log_psi.resize(out.x.len(), W::Log::ZERO);
        out.log_weight.resize(out.x.len(), 0.0);
        self.log_psi(theta, out.x.view(), &mut out.log_psi);
        out
    }
}

impl<W: Differentiable> Differentiable for Symmetrized<W> {
    fn pullback(&self, theta: &[f64], x: ConfigsRef<'_>, seed: &[f64], rows: &mut [f64]) {
        let (n, p, k) = (x.len(), theta.len(), W::Log::COMPONENTS);
        // Rows of the same orbit and seed are equal: each is computed once, at the front.
        let (orbits, orbit_of) = self.orbits(x);
        let mut known = HashMap::new();
        let mut first = Vec::new();
        let mut of = Vec::with_capacity(n);
        for (s, &orbit) in orbit_of.iter().enumerate() {
            let seeds = [seed[s].to_bits(), seed[(k - 1) * n + s].to_bits()];
            of.push(*known.entry((orbit, seeds)).or_insert_with(|| {
                first.push(s);
                first.len() - 1
            }));
        }
        rows[..first.len() * p]
            .par_chunks_mut(BLOCK * p)
            .zip(first.par_chunks(BLOCK))
            .for_each(|(rows, first)| {
                let mut x = Configs::new(x.n_sites());
                for &s in first {
                    x.push(orbits.row(orbit_of[s] as usize));
                }
                let seeds: Vec<f64> = (0..k)
                    .flat_map(|c| first.iter().map(move |&s| seed[c * n + s]))
                    .collect();
                self.pullback_images(theta, &x, &seeds, rows);
            });
        // From the back: a row is read for the last time before it is written.
        for (s, &from) in of.iter().enumerate().rev() {
            if from != s {
                rows.copy_within(from * p..(from + 1) * p, s * p);
            }
        }
    }
}

/// Checks on 256 random legal configurations that the relabellings lead to legal ones.
///
/// # Errors
/// [`SymmetryError::NotInvariant`] with the first pair that shows otherwise.
pub fn check_invariance(sector: &Sector, group: &[Relabelling]) -> Result<(), SymmetryError> {
    let (n, d) = (sector.space().n_sites, sector.space().local_dim);
    let stream = Stream::new(0).named("invariance of the sector");
    let (mut x, mut image) = (vec![0; n], vec![0; n]);
    for shot in 0..CHECKS {
        draw_legal(&**sector, |p| stream.uniform(shot, p as u32), &mut x);
        for g in group {
            g.apply(&x, d, &mut image);
            if !is_legal(&**sector, &image) {
                return Err(SymmetryError::NotInvariant { legal: x, image });
            }
        }
    }
    Ok(())
}
