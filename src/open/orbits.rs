//! Laws that a group leaves as they are, on the orbits of their outcomes.

use crate::FullSum;
use crate::exact::{Basis, ExactError, Memory, SparseMatrix};
use crate::sample::SampleError;
use ketwork_hamiltonians::{Connected, Constraint, OnSpace, Operator};
use ketwork_models::Relabelling;
use rayon::prelude::*;

/// Orbits whose rows are built in one call.
const CHUNK: usize = 256;
/// Bytes of an element while rows are built, and of it in the matrix.
const ENTRY: f64 = 28.0;

/// The orbits of all outcome strings under a group of relabellings.
///
/// A law that the group leaves as it is has one probability $W(o) = \sum_{a \in o} P(a)$ for each orbit, and
/// a generator that commutes with the group moves them among themselves,
/// $$\dot W(o) = \sum_{o'} B_{oo'} W(o'),\qquad B_{oo'} = \frac{|o|}{|o'|} \sum_{a' \in o'} A_{aa'},$$
/// with any one a of the orbit o. Columns of B add up to 0 as those of A do, so that whatever is said of
/// all outcomes ([`Trapezoid`](super::Trapezoid), [`fit_probabilities`](super::fit_probabilities)) holds of
/// orbits. A torus of 3 x 3 sites has 262 144 outcomes in 4 480 orbits of its 72 symmetries.
#[derive(Debug)]
pub struct Orbits {
    basis: Basis,
    sum: FullSum,
    /// For each outcome its orbit.
    label: Vec<u32>,
}

impl Orbits {
    /// Of the strings of `strings`; the group of the identity alone makes each string its own orbit.
    ///
    /// # Errors
    /// [`SampleError::NotInvariant`] where the group leads out of the strings, [`SampleError::Exact`] where
    /// they are too many for the memory.
    ///
    /// # Panics
    /// As [`FullSum::of_orbits`].
    #[track_caller]
    pub fn new(
        strings: &dyn Constraint,
        group: &[Relabelling],
        memory: Memory,
    ) -> Result<Self, SampleError> {
        let local_dim = strings.space().local_dim;
        let basis = Basis::new(strings, memory)?;
        let sum = FullSum::of_orbits(strings, group, memory)?;
        let mut label = vec![0; basis.len()];
        for (o, x) in sum.configurations().rows().enumerate() {
            let images = group.iter().map(|g| g.image(x, local_dim));
            for i in images.filter_map(|image| basis.index(&image)) {
                label[i] = o as u32;
            }
        }
        Ok(Self { basis, sum, label })
    }

    /// One string of each orbit, as a sampler.
    #[must_use]
    pub fn sum(&self) -> &FullSum {
        &self.sum
    }

    /// All strings.
    #[must_use]
    pub fn basis(&self) -> &Basis {
        &self.basis
    }

    /// Probabilities W of orbits from those of all strings.
    ///
    /// # Panics
    /// If `p` has another length than the basis.
    #[must_use]
    #[track_caller]
    pub fn gathered(&self, p: &[f64]) -> Vec<f64> {
        assert_eq!(p.len(), self.label.len(), "one probability for each string");
        let mut w = vec![0.0; self.sum.n_rows()];
        for (&o, p) in self.label.iter().zip(p) {
            w[o as usize] += p;
        }
        w
    }

    /// Probabilities of all strings from those of orbits.
    ///
    /// # Panics
    /// If `w` has another length than there are orbits.
    #[must_use]
    #[track_caller]
    pub fn scattered(&self, w: &[f64]) -> Vec<f64> {
        let sizes = self.sum.sizes();
        assert_eq!(w.len(), sizes.len(), "one probability for each orbit");
        let of = |&o: &u32| w[o as usize] / sizes[o as usize];
        self.label.iter().map(of).collect()
    }

    /// The matrix B of a generator that commutes with the group, which is not checked.
    ///
    /// # Errors
    /// [`ExactError::Memory`], [`ExactError::NotFinite`].
    ///
    /// # Panics
    /// If the generator belongs to another space.
    #[track_caller]
    pub fn generator<O>(
        &self,
        generator: &O,
        memory: Memory,
    ) -> Result<SparseMatrix<f64>, ExactError>
    where
        O: Operator<Elem = f64> + ?Sized,
    {
        assert_eq!(
            generator.space(),
            self.basis.space(),
            "generator and strings live on different spaces"
        );
        if self.sum.n_rows() == self.basis.len() {
            return SparseMatrix::new(generator, &self.basis, memory);
        }
        let (x, sizes) = (self.sum.configurations(), self.sum.sizes());
        let mut found = Connected::default();
        let first = x.slice(0..x.len().min(64));
        generator.connected(first, &mut found);
        let per_row = 1.0 + found.element.len() as f64 / first.len() as f64;
        let n = x.len() as f64;
        memory.check("the sparse matrix over orbits", n, ENTRY * per_row * n)?;
        let blocks: Vec<usize> = (0..x.len()).step_by(CHUNK).collect();
        let rows = blocks.par_iter().flat_map_iter(|&from| {
            let part = x.slice(from..(from + CHUNK).min(x.len()));
            let mut found = Connected::default();
            generator.connected(part, &mut found);
            let mut rows: Vec<Vec<(u32, f64)>> = (from..from + part.len())
                .zip(&found.diagonal)
                .map(|(o, &d)| vec![(o as u32, d)])
                .collect();
            let mut string = vec![0; x.n_sites()];
            for (k, &element) in found.element.iter().enumerate() {
                found.neighbours.write(k, part, &mut string);
                let b = found.neighbours.parent[k] as usize;
                if let Some(i) = self.basis.index(&string) {
                    let o = self.label[i];
                    rows[b].push((o, element * sizes[from + b] / sizes[o as usize]));
                }
            }
            rows
        });
        SparseMatrix::of_rows(rows.collect(), memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sampler;
    use crate::evolve::{Evolve, Tableau, Tdvp};
    use crate::hamiltonians::open::{Frame, Jump, Lindblad};
    use crate::hamiltonians::{
        Boundary, Free, Hamiltonian, Lattice, LocalSum, Sector, Space, Tfim,
    };
    use crate::open::{Corrected, Master, Trapezoid, evolve_probabilities, product_probabilities};
    use ketwork_models::{Autoregressive, Offset, PrefixTable, Symmetrized, Wavefunction};
    use std::sync::Arc;

    const SITES: usize = 4;

    /// A decaying Ising ring with its dihedral group of 8.
    fn ring() -> (LocalSum<f64>, Frame, Vec<Relabelling>) {
        let lattice = Lattice::chain(SITES, Boundary::Periodic).unwrap();
        let h = Tfim::new(0.7).on(&lattice).unwrap().terms().to_complex();
        let jumps = (0..SITES as u32).map(|i| Jump::lowering(i, 1.0)).collect();
        let frame = Frame::rotated();
        let generator = Lindblad::new(h, jumps).unwrap().generator(&frame).unwrap();
        let plain = |sites| Relabelling { sites, flip: false };
        let all = lattice.translations().into_iter();
        let all: Vec<_> = all.chain(lattice.point_group()).map(plain).collect();
        let group = Relabelling::group(SITES, &all).unwrap();
        assert_eq!(group.len(), 2 * SITES);
        (generator, frame, group)
    }

    #[test]
    fn orbits_move_as_the_sums_of_their_outcomes_do() {
        let (generator, frame, group) = ring();
        let strings = Free::new(Space::new(SITES, 4));
        let orbits = Orbits::new(&strings, &group, Memory::default()).unwrap();
        // Necklaces of 4 beads in 4 colours that may be turned over.
        assert_eq!(orbits.sum().n_rows(), 55);
        let b = orbits.generator(&generator, Memory::default()).unwrap();
        let a = SparseMatrix::new(&generator, orbits.basis(), Memory::default()).unwrap();
        let up = vec![frame.probabilities([0.0, 0.0, 1.0]); SITES];
        let mut p = product_probabilities(orbits.basis(), &up);
        let mut w = orbits.gathered(&p);
        evolve_probabilities(&a, 0.8, &mut p, 1e-12).unwrap();
        evolve_probabilities(&b, 0.8, &mut w, 1e-12).unwrap();
        for (x, y) in w.iter().zip(orbits.gathered(&p)) {
            assert!((x - y).abs() < 1e-11, "{x} {y}");
        }
        for (x, y) in orbits.scattered(&w).iter().zip(&p) {
            assert!((x - y).abs() < 1e-11, "{x} {y}");
        }
    }

    /// A mixture of tables holds every law that the group leaves as it is.
    #[test]
    fn a_complete_mixture_on_orbits_follows_the_exact_law() {
        let (generator, frame, group) = ring();
        let strings = Free::new(Space::new(SITES, 4));
        let law = vec![frame.probabilities([0.0, 0.0, 1.0]); SITES];
        let log = law.iter().flatten().map(|p| p.ln()).collect();
        let net = Offset::new(PrefixTable::<f64>::new(Space::new(SITES, 4)), log).unwrap();
        let sector: Sector = Arc::new(strings.clone());
        let plain = Autoregressive::probability(net, sector.clone());
        let psi = Symmetrized::new(plain, &sector, &group).unwrap();
        let orbits = Orbits::new(&strings, &group, Memory::default()).unwrap();
        let b = orbits.generator(&generator, Memory::default()).unwrap();
        let mut exact = orbits.gathered(&product_probabilities(orbits.basis(), &law));
        evolve_probabilities(&b, 0.4, &mut exact, 1e-12).unwrap();
        let error = |engine: &mut dyn Evolve, steps: u32| {
            let mut theta = vec![0.0; psi.layout().n_params()];
            let dt = 0.4 / f64::from(steps);
            for k in 0..steps {
                engine.advance(dt * f64::from(k), &mut theta, dt).unwrap();
            }
            let w = orbits.sum().clone().draw(&psi, &theta).unwrap().weight;
            w.iter()
                .zip(&exact)
                .map(|(x, y)| (x - y).abs())
                .sum::<f64>()
        };
        let mut tdvp = Tdvp::new(Master::over(&b), &psi, Box::new(orbits.sum().clone()));
        tdvp.tableau = Tableau::rk4();
        let mut trapezoid = Trapezoid::new(&b, &psi, orbits.sum().clone());
        trapezoid.fit.tolerance = 1e-24;
        trapezoid.fit.sweeps = 30;
        let mut teng = Corrected::new(&generator, &psi, Box::new(orbits.sum().clone()))
            .with_all(orbits.sum().clone(), &b);
        (teng.fit.tolerance, teng.fit.sweeps) = (1e-24, 30);
        let engines: [(&mut dyn Evolve, f64); 3] =
            [(&mut tdvp, 4.0), (&mut trapezoid, 2.0), (&mut teng, 2.0)];
        for (engine, order) in engines {
            let (coarse, fine) = (error(engine, 8), error(engine, 16));
            let found = (coarse / fine).log2();
            assert!(
                (found - order).abs() < 0.3,
                "{coarse} {fine} {found} {order}"
            );
        }
    }
}
