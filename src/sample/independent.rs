use super::{SampleError, Sampler};
use ketwork_models::{Ancestral, Samples, Stream};

/// Independent shots by ancestral sampling: no thermalisation, no autocorrelation.
#[derive(Clone, Debug)]
pub struct Independent {
    /// Shots in each draw.
    pub shots: u64,
    /// Probability with which half of the shots draw each value uniformly, see
    /// [`Ancestral::draw_broadly`]; 0 for shots of the state's own law.
    pub uniform: f64,
    /// Whether configurations are weighted by their probability and not by their count
    /// ([`Shots::by_inclusion`](crate::Shots::by_inclusion)): means with less noise, error bars that
    /// are too long (default false). Repeated configurations then cost nothing but their
    /// drawing: up to 64 times as many shots are drawn, until `shots` / 2 of them differ.
    pub by_inclusion: bool,
    stream: Stream,
    drawn: u64,
}

/// Shots for each that is asked for, where configurations repeat themselves.
const MORE: [u64; 3] = [4, 16, 64];

impl Independent {
    /// `shots` in each draw, from a stream of random numbers.
    #[must_use]
    pub fn new(shots: u64, stream: Stream) -> Self {
        Self {
            shots,
            uniform: 0.0,
            by_inclusion: false,
            stream,
            drawn: 0,
        }
    }

    /// The same with `uniform`.
    #[must_use]
    pub fn broadened(self, uniform: f64) -> Self {
        Self { uniform, ..self }
    }

    /// The same with weights by probability.
    #[must_use]
    pub fn by_inclusion(self) -> Self {
        Self {
            by_inclusion: true,
            ..self
        }
    }
}

impl<W: Ancestral + ?Sized> Sampler<W> for Independent {
    fn draw(&mut self, psi: &W, theta: &[f64]) -> Result<Samples<W::Log>, SampleError> {
        if self.shots == 0 {
            return Err(SampleError::NoSamples);
        }
        let stream = self.stream.numbered(self.drawn);
        let draw = |shots: u64| match self.uniform > 0.0 {
            true => psi
                .draw_broadly(theta, 0..shots, stream, self.uniform)
                .ok_or(SampleError::NotBroad),
            false => Ok(psi.draw(theta, 0..shots, stream)),
        };
        let samples = match (self.by_inclusion, self.uniform > 0.0) {
            (true, _) => {
                let mut found = draw(self.shots)?;
                for more in MORE {
                    if 2 * (found.x.len() as u64) >= self.shots {
                        break;
                    }
                    found = draw(self.shots.saturating_mul(more))?;
                }
                let samples = found.by_inclusion(psi.norm());
                if samples.is_empty() {
                    return Err(SampleError::NoSamples);
                }
                samples
            }
            (false, true) => draw(self.shots)?.weighted(),
            (false, false) => psi.sample(theta, 0..self.shots, stream),
        };
        self.drawn += 1;
        Ok(samples)
    }

    fn save(&self) -> Vec<u64> {
        vec![self.drawn]
    }

    fn load(&mut self, saved: &[u64]) -> Result<(), SampleError> {
        let [drawn] = saved else {
            return Err(SampleError::Foreign {
                found: saved.len(),
                expected: 1,
            });
        };
        self.drawn = *drawn;
        Ok(())
    }
}
