//! What drives a state: real or imaginary time.

use ketwork_hamiltonians::Scalar;
use num_complex::Complex64;

/// The generator of $\dot\psi = f H \psi$.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// f = -i.
    RealTime,
    /// f = -1.
    ImaginaryTime,
}

impl Flow {
    /// The velocity $\dot\psi/\psi = f E_\mathrm{loc}$ at a local energy.
    #[must_use]
    pub fn velocity(self, local_energy: Complex64) -> Complex64 {
        match self {
            Self::RealTime => Complex64::new(local_energy.im(), -local_energy.re()),
            Self::ImaginaryTime => -local_energy,
        }
    }
}
