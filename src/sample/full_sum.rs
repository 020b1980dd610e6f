use super::{SampleError, Sampler, check_finite};
use crate::exact::{Basis, Memory, dimension};
use crate::sum;
use ketwork_hamiltonians::{Configs, ConfigsRef, Constraint, Scalar};
use ketwork_models::{Draw, Relabelling, Samples, Wavefunction};
use std::cmp::Ordering;

/// Most rows of a sum that is small.
const SMALL: u64 = 512;
/// Configurations evaluated in one call.
const CHUNK: usize = 1 << 14;

/// All legal configurations with their exact probabilities: no statistical error.
///
/// Weights are $|\psi(x)|^2 / \sum_{x'} |\psi(x')|^2$, or P(x) in the L1 norm, so unnormalised states
/// are as welcome as normalised ones. Configurations of amplitude 0 are left out. With it every
/// stochastic algorithm can be run without noise and compared with exact diagonalisation.
///
/// For a state that is invariant under a group, one configuration of each orbit stands for all, its
/// weight times the size of the orbit ([`FullSum::of_orbits`]).
#[derive(Clone, Debug)]
pub struct FullSum {
    x: Configs,
    /// Configurations that each row stands for.
    size: Vec<f64>,
}

impl FullSum {
    /// The legal configurations, in lexicographic order of the constraint's reading order.
    ///
    /// # Errors
    /// [`SampleError::Exact`] where they are too many for the memory, or there is none.
    pub fn new(sector: &dyn Constraint, memory: Memory) -> Result<Self, SampleError> {
        let basis = Basis::new(sector, memory)?;
        // A row with its copy among the samples, log-amplitude and weight.
        let bytes = 2.0 * sector.space().n_sites as f64 + 24.0;
        let dimension = basis.len() as f64;
        memory.check(
            "the list of all configurations",
            dimension,
            bytes * dimension,
        )?;
        Ok(Self {
            x: basis.configs(0..basis.len()),
            size: vec![1.0; basis.len()],
        })
    }

    /// One legal configuration of each orbit of a group, the first in lexicographic order of the sites:
    /// the sum over all configurations of a state and an operator that are invariant under it.
    ///
    /// # Errors
    /// [`SampleError::NotInvariant`] where the group leads out of the sector, and as [`FullSum::new`].
    ///
    /// # Panics
    /// If the relabellings are no whole group, as of [`Relabelling::group`].
    #[track_caller]
    pub fn of_orbits(
        sector: &dyn Constraint,
        group: &[Relabelling],
        memory: Memory,
    ) -> Result<Self, SampleError> {
        assert!(
            Relabelling::is_group(group),
            "orbits are those of a whole group, see Relabelling::group"
        );
        let all = Self::new(sector, memory)?;
        let local_dim = sector.space().local_dim;
        let (mut x, mut size) = (Configs::new(sector.space().n_sites), Vec::new());
        for row in all.x.view().rows() {
            let mut fixed = 0;
            let is_first = group.iter().all(|g| match g.compare_image(row, local_dim) {
                Ordering::Less => false,
                Ordering::Equal => {
                    fixed += 1;
                    true
                }
                Ordering::Greater => true,
            });
            if is_first {
                assert!(fixed > 0, "a group holds the identity");
                x.push(row);
                size.push(group.len() as f64 / f64::from(fixed));
            }
        }
        let found = sum(&size);
        let dimension = all.x.len();
        if found as usize != dimension {
            return Err(SampleError::NotInvariant { found, dimension });
        }
        Ok(Self { x, size })
    }

    /// The sum over orbits where there are at most 512 of them and no more than the shots that would be
    /// drawn instead: it costs no more, and of a peaked state shots see a handful, so that steps
    /// follow the noise of the rest. The trivial group makes every configuration an orbit. `None`, too,
    /// where the memory does not hold the list of configurations.
    ///
    /// # Errors
    /// [`SampleError::NotInvariant`] where the group leads out of the sector.
    ///
    /// # Panics
    /// As [`FullSum::of_orbits`].
    pub fn of_few_orbits(
        sector: &dyn Constraint,
        group: &[Relabelling],
        shots: u64,
    ) -> Result<Option<Self>, SampleError> {
        let limit = SMALL.min(shots) as f64;
        // A sector whose automaton is too large to count is no small one. No orbit exceeds the group.
        if !dimension(sector).is_ok_and(|d| d <= limit * group.len() as f64) {
            return Ok(None);
        }
        match Self::of_orbits(sector, group, Memory::default()) {
            Ok(sum) => Ok((sum.n_rows() as f64 <= limit).then_some(sum)),
            Err(SampleError::Exact(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The configuration of each row.
    pub(crate) fn configurations(&self) -> ConfigsRef<'_> {
        self.x.view()
    }

    /// How many configurations each row stands for.
    pub(crate) fn sizes(&self) -> &[f64] {
        &self.size
    }

    /// Number of rows: of legal configurations, or of their orbits.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.x.len()
    }
}

impl<W: Wavefunction + ?Sized> Sampler<W> for FullSum {
    fn draw(&mut self, psi: &W, theta: &[f64]) -> Result<Samples<W::Log>, SampleError> {
        let mut log_psi = vec![W::Log::ZERO; self.x.len()];
        for (i, out) in log_psi.chunks_mut(CHUNK).enumerate() {
            psi.log_psi(
                theta,
                self.x.view().slice(i * CHUNK..i * CHUNK + out.len()),
                out,
            );
        }
        check_finite(self.x.view(), &log_psi)?;
        let log_p = |l: &W::Log| psi.norm().log_probability(*l);
        let top = log_psi.iter().map(log_p).fold(f64::NEG_INFINITY, f64::max);
        if top == f64::NEG_INFINITY {
            return Err(SampleError::NoAmplitude);
        }
        let mut samples = Samples {
            x: self.x.clone(),
            log_psi,
            weight: self.size.clone(),
            draw: Draw::Exact,
        };
        if samples.log_psi.iter().any(|l| l.re() == f64::NEG_INFINITY) {
            samples.x.clear();
            let kept = self.x.view().rows().zip(&samples.log_psi);
            kept.filter(|(_, l)| l.re() > f64::NEG_INFINITY)
                .for_each(|(x, _)| samples.x.push(x));
            let mut each = samples.log_psi.iter();
            samples
                .weight
                .retain(|_| each.next().is_some_and(|l| l.re() > f64::NEG_INFINITY));
            samples.log_psi.retain(|l| l.re() > f64::NEG_INFINITY);
        }
        for (w, l) in samples.weight.iter_mut().zip(&samples.log_psi) {
            *w *= (log_p(l) - top).exp();
        }
        let total = sum(&samples.weight);
        samples.weight.iter_mut().for_each(|w| *w /= total);
        Ok(samples)
    }

    fn save(&self) -> Vec<u64> {
        Vec::new()
    }

    fn load(&mut self, saved: &[u64]) -> Result<(), SampleError> {
        if saved.is_empty() {
            Ok(())
        } else {
            Err(SampleError::Foreign {
                found: saved.len(),
                expected: 0,
            })
        }
    }
}
