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
    /// ([`Shots::by_inclusion`](crate::Shots::by_inclusion)): the same means with less noise, error
    /// bars that are upper bounds (default false).
    pub by_inclusion: bool,
    stream: Stream,
    drawn: u64,
}

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
        let broadly = || {
            psi.draw_broadly(theta, 0..self.shots, stream, self.uniform)
                .ok_or(SampleError::NotBroad)
        };
        let samples = match (self.uniform > 0.0, self.by_inclusion) {
            (true, true) => broadly()?.by_inclusion(psi.norm()),
            (true, false) => broadly()?.weighted(),
            (false, true) => psi
                .draw(theta, 0..self.shots, stream)
                .by_inclusion(psi.norm()),
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
