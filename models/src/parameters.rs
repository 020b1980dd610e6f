//! Names, shapes and initial values of the real parameters theta.

use crate::Stream;
use rand::Rng;
use std::ops::Range;
use std::sync::Arc;

/// How a parameter starts.
#[derive(Clone, Debug, PartialEq)]
pub enum Init {
    /// All equal.
    Constant(f64),
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
    /// Uniform in [-b, b].
    Uniform(f64),
    /// Given values.
    Values(Arc<[f64]>),
    /// Given values plus normal noise of this standard deviation.
    Near(Arc<[f64]>, f64),
}

/// One named array inside theta.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Dotted name, as in a safetensors file.
    pub name: String,
    /// Shape, row-major.
    pub shape: Vec<usize>,
    /// Place inside theta.
    pub range: Range<usize>,
    /// Initial values.
    pub init: Init,
}

/// The parameters of a wavefunction: names, shapes, places inside theta, initialisers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    parameters: Vec<Parameter>,
    n_params: usize,
}

impl Layout {
    /// No parameter.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an array and returns its place inside theta.
    ///
    /// # Panics
    /// If the name is taken, or given values do not fit the shape.
    #[track_caller]
    pub fn push(&mut self, name: impl Into<String>, shape: &[usize], init: Init) -> Range<usize> {
        let name = name.into();
        assert!(
            self.parameters.iter().all(|p| p.name != name),
            "parameter {name} exists already"
        );
        let size: usize = shape.iter().product();
        if let Init::Values(v) | Init::Near(v, _) = &init {
            assert_eq!(v.len(), size, "initial values of {name}");
        }
        let range = self.n_params..self.n_params + size;
        self.n_params = range.end;
        self.parameters.push(Parameter {
            name,
            shape: shape.to_vec(),
            range: range.clone(),
            init,
        });
        range
    }

    /// Number of real parameters P.
    #[must_use]
    pub fn n_params(&self) -> usize {
        self.n_params
    }

    /// All arrays in order.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The array with a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|p| p.name == name)
    }

    /// Initial theta; each array draws from a stream of its own name.
    #[must_use]
    pub fn initial(&self, stream: Stream) -> Vec<f64> {
        let mut theta = vec![0.0; self.n_params];
        for p in &self.parameters {
            let out = &mut theta[p.range.clone()];
            let mut rng = stream.named(&p.name).sequential();
            let mut uniform = || (rng.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64);
            match &p.init {
                Init::Constant(c) => out.fill(*c),
                Init::Values(v) => out.copy_from_slice(v),
                Init::Uniform(b) => out
                    .iter_mut()
                    .for_each(|t| *t = b * (2.0 * uniform() - 1.0)),
                Init::Normal(sigma) => {
                    for t in out {
                        *t = sigma * normal(&mut uniform);
                    }
                }
                Init::Near(v, sigma) => {
                    for (t, v) in out.iter_mut().zip(v.iter()) {
                        *t = v + sigma * normal(&mut uniform);
                    }
                }
            }
        }
        theta
    }
}

/// A standard normal number by Box and Muller; 1 - u avoids the logarithm of 0.
fn normal(uniform: &mut impl FnMut() -> f64) -> f64 {
    let r = (-2.0 * (1.0 - uniform()).ln()).sqrt();
    r * (std::f64::consts::TAU * uniform()).cos()
}
