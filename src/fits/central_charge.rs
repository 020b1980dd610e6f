//! Central charges of critical rings and chains.

use super::{FitError, LinearFit, fit_linear};
use crate::Estimate;
use std::f64::consts::PI;

/// The central charge of a critical chain with the error that the data's errors make.
#[derive(Clone, Debug, PartialEq)]
pub struct CentralCharge {
    /// c.
    pub c: Estimate,
    /// The energy of one site of the infinite ring, or the constant of the entropy.
    pub constant: Estimate,
    /// The fit behind it.
    pub fit: LinearFit,
}

/// Ground-state energies of rings of N sites,
/// $$\frac{E_0(N)}{N} = e_\infty - \frac{\pi c v}{6 N^2} + \frac{b}{N^4}.$$
///
/// An error of E_0/N of 1e-6 costs $6 N^2 / \pi v$ times as much of c, so that large rings need
/// accurate energies.
///
/// # References
/// H. W. J. Blöte, J. L. Cardy, M. P. Nightingale, Phys. Rev. Lett. 56, 742 (1986); I. Affleck,
/// Phys. Rev. Lett. 56, 746 (1986).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EnergyScaling {
    /// Velocity v of the low excitations.
    pub velocity: f64,
    /// $e_\infty$ where it is known, else it is fitted.
    pub bulk: Option<f64>,
    /// Whether $b$ is fitted, else it is 0.
    pub correction: bool,
}

impl EnergyScaling {
    /// Fits (N, E_0) of rings, energies of the whole ring.
    ///
    /// # Errors
    /// [`FitError`]: there must be as many different sizes as numbers to fit.
    ///
    /// # Examples
    /// Three free numbers from four exact energies of the golden chain, c = 7/10:
    /// ```
    /// use ketwork::{EnergyScaling, Estimate};
    /// let exact = |mean| Estimate { mean, error: 0.0, tau: 0.5, n: 1 };
    /// let rings = [
    ///     (8, exact(-6.19634608)),
    ///     (10, exact(-7.70674901)),
    ///     (12, exact(-9.22315733)),
    ///     (16, exact(-12.26473017)),
    /// ];
    /// let scaling = EnergyScaling { velocity: 1.8163563, bulk: None, correction: true };
    /// let found = scaling.fit(&rings)?;
    /// assert!((found.c.mean - 0.7).abs() < 0.005);
    /// assert!((found.constant.mean - (5f64.sqrt() - 3.0)).abs() < 2e-5);
    /// # Ok::<(), ketwork::FitError>(())
    /// ```
    pub fn fit(&self, rings: &[(usize, Estimate)]) -> Result<CentralCharge, FitError> {
        if !(self.velocity.is_finite() && self.velocity > 0.0) {
            return Err(FitError::Parameter {
                key: "velocity",
                value: self.velocity,
                remedy: "give the velocity of the excitations, above 0",
            });
        }
        no_zero(rings, "size")?;
        let (mut model, mut values) = (Vec::new(), Vec::new());
        for &(n, energy) in rings {
            let n = n as f64;
            let mut row = vec![-PI * self.velocity / (6.0 * n * n)];
            if self.correction {
                row.push(n.powi(-4));
            }
            if self.bulk.is_none() {
                row.push(1.0);
            }
            model.push(row);
            values.push(Estimate {
                mean: energy.mean / n - self.bulk.unwrap_or(0.0),
                error: energy.error / n,
                ..energy
            });
        }
        let fit = fit_linear(&model, &values)?;
        let constant = match self.bulk {
            Some(mean) => Estimate {
                mean,
                error: 0.0,
                tau: 0.5,
                n: 1,
            },
            None => fit.coefficients[fit.coefficients.len() - 1],
        };
        Ok(CentralCharge {
            c: fit.coefficients[0],
            constant,
            fit,
        })
    }
}

/// Renyi entropies of blocks of a critical ring or open chain,
/// $$S_n(l) = \frac{c}{6 \eta}\Big(1 + \frac1n\Big) \ln\Big[\frac{\eta N}{\pi}
/// \sin\frac{\pi l}{N}\Big] + s,$$ with $\eta = 1$ on a ring and 2 for a block at the end of an open
/// chain; $n = 1$ is the von Neumann entropy.
///
/// Entropies of blocks that were measured on the same samples are correlated: the errors are right
/// where each block has samples of its own. Entropies of short blocks of odd and even length lie on
/// two curves; blocks of one parity fit better.
///
/// # References
/// P. Calabrese, J. Cardy, J. Stat. Mech. P06002 (2004).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EntropyScaling {
    /// Number of sites N.
    pub n_sites: usize,
    /// Renyi index n, above 0.
    pub index: f64,
    /// Whether the chain is a ring.
    pub is_ring: bool,
}

impl EntropyScaling {
    /// Fits (block length, entropy in nats).
    ///
    /// # Errors
    /// [`FitError`]: two different chord lengths at least, blocks of 1 to N - 1 sites.
    ///
    /// # Examples
    /// ```
    /// use ketwork::{EntropyScaling, Estimate};
    /// let scaling = EntropyScaling { n_sites: 32, index: 2.0, is_ring: true };
    /// let entropy = |l: usize| {
    ///     let chord = 32.0 / std::f64::consts::PI * (std::f64::consts::PI * l as f64 / 32.0).sin();
    ///     Estimate { mean: 0.7 / 4.0 * chord.ln() + 0.3, error: 0.01, tau: 0.5, n: 1000 }
    /// };
    /// let found = scaling.fit(&[2, 4, 8, 16].map(|l| (l, entropy(l))))?;
    /// assert!((found.c.mean - 0.7).abs() < 1e-12);
    /// assert!(found.c.error > 0.0);
    /// # Ok::<(), ketwork::FitError>(())
    /// ```
    pub fn fit(&self, blocks: &[(usize, Estimate)]) -> Result<CentralCharge, FitError> {
        if !(self.index.is_finite() && self.index > 0.0) {
            return Err(FitError::Parameter {
                key: "index",
                value: self.index,
                remedy: "give a Renyi index above 0, 1 for von Neumann",
            });
        }
        no_zero(blocks, "block length")?;
        if let Some((l, _)) = blocks.iter().find(|(l, _)| *l >= self.n_sites) {
            return Err(FitError::Parameter {
                key: "block length",
                value: *l as f64,
                remedy: "take blocks shorter than the chain",
            });
        }
        let row = |&(l, _): &(usize, Estimate)| vec![self.logarithm(l), 1.0];
        let model: Vec<_> = blocks.iter().map(row).collect();
        let values: Vec<_> = blocks.iter().map(|b| b.1).collect();
        let fit = fit_linear(&model, &values)?;
        Ok(CentralCharge {
            c: fit.coefficients[0],
            constant: fit.coefficients[1],
            fit,
        })
    }

    /// What c is multiplied with in the entropy of a block of l sites.
    #[must_use]
    pub fn logarithm(&self, l: usize) -> f64 {
        let (n, ends) = (self.n_sites as f64, if self.is_ring { 1.0 } else { 2.0 });
        let chord = ends * n / PI * (PI * l as f64 / n).sin();
        (1.0 + 1.0 / self.index) / (6.0 * ends) * chord.ln()
    }
}

fn no_zero(points: &[(usize, Estimate)], key: &'static str) -> Result<(), FitError> {
    if points.iter().any(|p| p.0 == 0) {
        return Err(FitError::Parameter {
            key,
            value: 0.0,
            remedy: "take at least 1",
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(mean: f64, error: f64) -> Estimate {
        Estimate {
            mean,
            error,
            tau: 0.5,
            n: 100,
        }
    }

    #[test]
    fn one_free_number_is_the_estimate_of_each_ring_and_its_error() {
        let scaling = EnergyScaling {
            velocity: 1.816_356_3,
            bulk: Some(5f64.sqrt() - 3.0),
            correction: false,
        };
        // The dossier's c_N of exact energies, four decimals.
        for (n, energy, known) in [
            (12, -9.223_157_33, 0.706_25),
            (16, -12.264_730_17, 0.703_53),
        ] {
            let found = scaling.fit(&[(n, value(energy, 1e-4))]).unwrap();
            assert!((found.c.mean - known).abs() < 2e-5, "{n}: {:?}", found.c);
            let size = n as f64;
            let error = 6.0 * size * 1e-4 / (PI * scaling.velocity);
            assert!((found.c.error / error - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn open_blocks_have_half_the_slope_and_bad_parameters_are_refused() {
        let ring = EntropyScaling {
            n_sites: 16,
            index: 1.0,
            is_ring: true,
        };
        let open = EntropyScaling {
            is_ring: false,
            ..ring
        };
        let slope = |s: &EntropyScaling| s.logarithm(8) - s.logarithm(2);
        assert!((slope(&ring) - 2.0 * slope(&open)).abs() < 1e-14);
        let blocks = [(4, value(0.3, 0.01)), (16, value(0.5, 0.01))];
        assert!(matches!(
            ring.fit(&blocks),
            Err(FitError::Parameter {
                key: "block length",
                ..
            })
        ));
        let flat = EntropyScaling { index: 0.0, ..ring };
        assert!(matches!(
            flat.fit(&blocks[..1]),
            Err(FitError::Parameter { key: "index", .. })
        ));
        // Blocks of l and N - l have one chord length.
        let mirror = [(4, value(0.3, 0.01)), (12, value(0.3, 0.01))];
        assert_eq!(ring.fit(&mirror), Err(FitError::Degenerate));
        let still = EnergyScaling {
            velocity: 0.0,
            bulk: None,
            correction: false,
        };
        assert!(matches!(
            still.fit(&[]),
            Err(FitError::Parameter {
                key: "velocity",
                ..
            })
        ));
    }
}
