//! The sections beside `[hamiltonian]`. `None` means: chosen by the engine from the size.

/// Declares a closed set of words of the run file.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }
    };
}

mod dynamics;
mod monte_carlo;
mod training;

pub use dynamics::{
    EvolutionMethod, EvolutionSection, FrameName, InitialState, Integrator, LindbladMethod,
    LindbladSection, Observable,
};
pub use monte_carlo::{
    Activation, Classes, DiffusionData, DiffusionSection, MonteCarloSection, NoiseSchedule,
    TemperedParameter, TemperingSection,
};
pub use training::{
    Backbone, Mixing, Network, OptimizerMethod, OptimizerSection, SamplerMethod, SamplingSection,
    Start, Symmetry, WavefunctionSection,
};

use super::RunFileError;

fn counts(section: &str, counts: &[(&str, Option<usize>)]) -> Result<(), RunFileError> {
    match counts.iter().find(|(_, n)| *n == Some(0)) {
        Some((key, _)) => Err(RunFileError::value(
            &format!("{section}.{key}"),
            "0 is too few; write at least 1",
        )),
        None => Ok(()),
    }
}

fn positive(key: &str, x: Option<f64>) -> Result<(), RunFileError> {
    match x {
        Some(x) if x <= 0.0 => Err(RunFileError::value(
            key,
            format!("{x} is not positive; write a positive number"),
        )),
        _ => Ok(()),
    }
}

fn not_negative(key: &str, x: Option<f64>) -> Result<(), RunFileError> {
    match x {
        Some(x) if x < 0.0 => Err(RunFileError::value(
            key,
            format!("{x} is negative; write 0 or more"),
        )),
        _ => Ok(()),
    }
}
