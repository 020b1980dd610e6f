use super::{SampleError, Sampler, check_finite};
use crate::exact::{Basis, Memory, dimension};
use crate::sum;
use ketwork_hamiltonians::{Configs, Constraint, Scalar};
use ketwork_models::{Draw, Samples, Wavefunction};

/// Largest sector that is small.
const SMALL: u64 = 512;
/// Configurations evaluated in one call.
const CHUNK: usize = 1 << 14;

/// All legal configurations with their exact probabilities: no statistical error.
///
/// Weights are $|\psi(x)|^2 / \sum_{x'} |\psi(x')|^2$, or P(x) in the L1 norm, so unnormalised states
/// are as welcome as normalised ones. Configurations of amplitude 0 are left out. With it every
/// stochastic algorithm can be run without noise and compared with exact diagonalisation.
#[derive(Clone, Debug)]
pub struct FullSum {
    x: Configs,
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
        })
    }

    /// The legal configurations where there are at most 512 and no more than the shots that would be
    /// drawn instead: their sum costs no more, and of a peaked state shots see a handful, so that steps
    /// follow the noise of the rest.
    ///
    /// # Errors
    /// [`SampleError::Exact`] where there is no configuration.
    pub fn of_small_sector(
        sector: &dyn Constraint,
        shots: u64,
    ) -> Result<Option<Self>, SampleError> {
        let limit = SMALL.min(shots) as f64;
        // A sector whose automaton is too large to count is no small one.
        if !dimension(sector).is_ok_and(|d| d <= limit) {
            return Ok(None);
        }
        Self::new(sector, Memory::default()).map(Some)
    }

    /// Number of legal configurations.
    #[must_use]
    pub fn dimension(&self) -> usize {
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
            weight: Vec::new(),
            draw: Draw::Exact,
        };
        if samples.log_psi.iter().any(|l| l.re() == f64::NEG_INFINITY) {
            samples.x.clear();
            let kept = self.x.view().rows().zip(&samples.log_psi);
            kept.filter(|(_, l)| l.re() > f64::NEG_INFINITY)
                .for_each(|(x, _)| samples.x.push(x));
            samples.log_psi.retain(|l| l.re() > f64::NEG_INFINITY);
        }
        samples.weight = samples
            .log_psi
            .iter()
            .map(|l| (log_p(l) - top).exp())
            .collect();
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
