//! Density matrices under a drive.

use super::Lindbladian;
use super::adapted::Adapted;
use crate::exact::{ExactError, Memory};
use crate::hamiltonians::open::DrivenLindblad;
use num_complex::Complex64;
use std::ops::Range;

/// The density matrix of a driven system: the generator is a sum of what stands still and of each driven
/// coupling times its value.
pub struct DrivenLindbladian<'a> {
    drive: &'a DrivenLindblad,
    still: Lindbladian,
    /// Positions of the driven values, and the generator that each of them multiplies.
    moving: Vec<(usize, Lindbladian)>,
    /// Longest step (default 0.05): a pulse that is shorter may be stepped over unseen.
    pub longest: f64,
}

impl<'a> DrivenLindbladian<'a> {
    /// Of a driven Lindblad equation.
    ///
    /// # Errors
    /// Those of [`Lindbladian::new`] and [`Lindbladian::check_density`].
    pub fn new(drive: &'a DrivenLindblad, memory: Memory) -> Result<Self, ExactError> {
        let driven = drive.driven();
        let all = drive.lindblad().hamiltonian().couplings().iter();
        let mut values: Vec<f64> = all.map(|(_, v)| *v).chain([1.0]).collect();
        driven.iter().for_each(|&i| values[i] = 0.0);
        let still = Lindbladian::new(&drive.with_values(&values), memory)?;
        still.check_density()?;
        let moving = driven.into_iter().map(|i| {
            let mut values = vec![0.0; values.len()];
            values[i] = 1.0;
            Ok((i, Lindbladian::new(&drive.with_values(&values), memory)?))
        });
        Ok(Self {
            moving: moving.collect::<Result<_, ExactError>>()?,
            drive,
            still,
            longest: 0.05,
        })
    }

    /// $d\rho/dt$ at time t.
    ///
    /// # Errors
    /// [`ExactError::NotFinite`] where a coupling is no number or the rates are below 0.
    ///
    /// # Panics
    /// If a length is not that of a density matrix.
    #[track_caller]
    pub fn apply(
        &self,
        t: f64,
        rho: &[Complex64],
        out: &mut [Complex64],
    ) -> Result<(), ExactError> {
        let values = self.drive.values(t);
        if values.iter().any(|v| !v.is_finite()) {
            return Err(ExactError::NotFinite {
                what: "a driven coupling, or a rate below 0,",
            });
        }
        self.still.apply(rho, out);
        let mut part = vec![Complex64::ZERO; rho.len()];
        for (i, generator) in &self.moving {
            generator.apply(rho, &mut part);
            let scaled = out.iter_mut().zip(&part);
            scaled.for_each(|(o, p)| *o += values[*i] * p);
        }
        Ok(())
    }

    /// From `times.start` to `times.end` by the method of Dormand and Prince, with an error below `tolerance` in
    /// the Frobenius norm over the whole time, as its steps of at most [`Self::longest`] see it.
    ///
    /// # Errors
    /// [`ExactError::Parameter`] for times that go backwards or a tolerance that is not positive,
    /// [`ExactError::NotFinite`], [`ExactError::Stalled`] after ten million products.
    ///
    /// # Panics
    /// If `rho` is no density matrix of this system by its length.
    #[track_caller]
    pub fn evolve(
        &self,
        times: Range<f64>,
        rho: &mut [Complex64],
        tolerance: f64,
    ) -> Result<(), ExactError> {
        let rate = |t: f64, rho: &[Complex64], out: &mut [Complex64]| self.apply(t, rho, out);
        let adapted = Adapted {
            tolerance,
            longest: self.longest,
            norm: |off: &[Complex64]| off.iter().map(Complex64::norm_sqr).sum::<f64>().sqrt(),
            what: "the generator applied to the density matrix",
            rate: &rate,
        };
        adapted.evolve(times, rho)
    }
}

impl std::fmt::Debug for DrivenLindbladian<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DrivenLindbladian")
            .field("drive", &self.drive)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evolve::{Evolve, Tableau, Tdvp};
    use crate::exact::Basis;
    use crate::hamiltonians::open::{Frame, Jump, Lindblad};
    use crate::hamiltonians::{Boundary, Free, Hamiltonian, Lattice, Space, Tfim};
    use crate::open::{Corrected, Master, density_matrix, product_density};
    use crate::{FullSum, PrefixTable, Sampler};
    use ketwork_models::{Autoregressive, Offset, Wavefunction};
    use std::sync::Arc;

    const SITES: usize = 3;

    fn system(h: f64, rate: f64) -> Lindblad {
        let ring = Lattice::chain(SITES, Boundary::Periodic).unwrap();
        let h = Tfim::new(h).on(&ring).unwrap().terms().to_complex();
        let jumps = (0..SITES as u32).map(|i| Jump::lowering(i, rate)).collect();
        Lindblad::new(h, jumps).unwrap()
    }

    fn pulsed() -> DrivenLindblad {
        let pulsed = DrivenLindblad::new(system(1.0, 0.5));
        let pulsed = pulsed.drive("h", |t| 1.0 + (4.0 * t).sin()).unwrap();
        pulsed.drive_rates(|t| 1.0 + t * t)
    }

    fn up() -> Vec<Complex64> {
        product_density(&[[1.0, 0.0, 0.0, 0.0].map(Complex64::from); SITES])
    }

    fn distance(a: &[Complex64], b: &[Complex64]) -> f64 {
        let off = a.iter().zip(b).map(|(x, y)| (x - y).norm_sqr());
        off.sum::<f64>().sqrt()
    }

    #[test]
    fn short_pieces_of_frozen_drives_converge_to_the_driven_density_matrix() {
        let drive = pulsed();
        let driven = DrivenLindbladian::new(&drive, Memory::default()).unwrap();
        let mut wanted = up();
        driven.evolve(0.0..0.8, &mut wanted, 1e-11).unwrap();
        // Exponentials of the middle of each piece: second order.
        let error = |pieces: u32| {
            let (mut rho, dt) = (up(), 0.8 / f64::from(pieces));
            for k in 0..pieces {
                let frozen = drive.at((f64::from(k) + 0.5) * dt);
                let frozen = Lindbladian::new(&frozen, Memory::default()).unwrap();
                frozen.evolve(dt, &mut rho, 1e-13).unwrap();
            }
            distance(&rho, &wanted)
        };
        let (coarse, fine) = (error(40), error(80));
        let order = (coarse / fine).log2();
        assert!(fine < 2e-4 && (order - 2.0).abs() < 0.1, "{coarse} {fine}");
    }

    #[test]
    fn a_complete_ansatz_follows_the_drive_in_the_order_of_its_tableau() {
        let (drive, frame) = (pulsed(), Frame::rotated());
        let generator = drive.generator(&frame).unwrap();
        let driven = DrivenLindbladian::new(&drive, Memory::default()).unwrap();
        let mut wanted = up();
        driven.evolve(0.0..0.4, &mut wanted, 1e-11).unwrap();
        let space = Space::new(SITES, 4);
        let strings = Free::new(space);
        let law = frame.probabilities([0.0, 0.0, 1.0]).map(f64::ln);
        let net = Offset::new(PrefixTable::<f64>::new(space), law.repeat(SITES)).unwrap();
        let psi = Autoregressive::probability(net, Arc::new(strings.clone()));
        let all = FullSum::new(&strings, Memory::default()).unwrap();
        let basis = Basis::new(&strings, Memory::default()).unwrap();
        let error = |engine: &mut dyn Evolve, steps: u32| {
            let mut theta = vec![0.0; psi.layout().n_params()];
            let dt = 0.4 / f64::from(steps);
            for k in 0..steps {
                engine.advance(dt * f64::from(k), &mut theta, dt).unwrap();
            }
            let law = all.clone().draw(&psi, &theta).unwrap().weight;
            distance(&density_matrix(&frame, &basis, &law), &wanted)
        };
        let mut tdvp = Tdvp::new(Master::new(&generator), &psi, Box::new(all.clone()));
        tdvp.tableau = Tableau::rk4();
        let mut trapezoid = Corrected::new(&generator, &psi, Box::new(all.clone()));
        (trapezoid.corrections, trapezoid.fit.tolerance) = (12, 1e-24);
        let engines: [(&mut dyn Evolve, f64); 2] = [(&mut tdvp, 4.0), (&mut trapezoid, 2.0)];
        for (engine, order) in engines {
            let (coarse, fine) = (error(engine, 10), error(engine, 20));
            let found = (coarse / fine).log2();
            assert!((found - order).abs() < 0.3, "{coarse} {fine}, {order}");
        }
    }

    #[test]
    fn a_rate_below_0_and_times_that_go_backwards_are_refused() {
        let drive = DrivenLindblad::new(system(1.0, 0.5)).drive_rates(|t| 0.5 - t);
        let driven = DrivenLindbladian::new(&drive, Memory::default()).unwrap();
        let mut rho = up();
        let found = driven.evolve(0.0..1.0, &mut rho, 1e-8);
        assert!(
            matches!(found, Err(ExactError::NotFinite { .. })),
            "{found:?}"
        );
        // Frozen at such a time, too, on matrices and on outcomes.
        let frozen = drive.at(1.0);
        let matrices = Lindbladian::new(&frozen, Memory::default()).unwrap();
        let found = matrices.evolve(0.1, &mut up(), 1e-8);
        assert!(
            matches!(found, Err(ExactError::NotFinite { .. })),
            "{found:?}"
        );
        assert!(frozen.generator(&Frame::rotated()).is_err());
        let found = driven.evolve(1.0..0.0, &mut rho, 1e-8);
        assert!(
            matches!(found, Err(ExactError::Parameter { .. })),
            "{found:?}"
        );
    }
}
