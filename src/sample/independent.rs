use super::{SampleError, Sampler};
use ketwork_models::{Ancestral, Samples, Stream};

/// Independent shots by ancestral sampling: no thermalisation, no autocorrelation.
#[derive(Clone, Debug)]
pub struct Independent {
    /// Shots in each draw.
    pub shots: u64,
    stream: Stream,
    drawn: u64,
}

impl Independent {
    /// `shots` in each draw, from a stream of random numbers.
    #[must_use]
    pub fn new(shots: u64, stream: Stream) -> Self {
        Self {
            shots,
            stream,
            drawn: 0,
        }
    }
}

impl<W: Ancestral + ?Sized> Sampler<W> for Independent {
    fn draw(&mut self, psi: &W, theta: &[f64]) -> Result<Samples<W::Log>, SampleError> {
        if self.shots == 0 {
            return Err(SampleError::NoSamples);
        }
        let samples = psi.sample(theta, 0..self.shots, self.stream.numbered(self.drawn));
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
