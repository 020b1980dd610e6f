//! Local estimates of operators.

use ketwork_hamiltonians::{Connected, Operator, Scalar};
use ketwork_models::{Samples, Wavefunction};

/// Samples handled together; a fixed number, so that results do not depend on the threads. Many, so
/// that configurations connected to several samples are found and evaluated once; the state spreads
/// them over the threads.
const BLOCK: usize = 1024;

/// Writes the local estimates
/// $O_\mathrm{loc}(x) = \sum_{x'} \langle x|O|x'\rangle\, \psi(x') / \psi(x)$.
///
/// The diagonal needs no amplitude; networks that keep prefixes recompute only what follows the
/// first changed site of x'. Illegal x' have amplitude 0 and drop out.
///
/// # Shapes
/// `samples` holds B configurations; `out` has length B.
///
/// # Panics
/// If `out.len()` differs from the number of samples, or the spaces differ.
///
/// # References
/// W. L. McMillan, Phys. Rev. 138, A442 (1965).
pub fn local<T, W>(
    operator: &dyn Operator<Elem = T>,
    psi: &W,
    theta: &[f64],
    samples: &Samples<W::Log>,
    out: &mut [W::Log],
) where
    T: Scalar,
    W: Wavefunction + ?Sized,
    W::Log: From<T>,
{
    assert_eq!(out.len(), samples.len(), "one estimate for each sample");
    assert_eq!(
        operator.space(),
        psi.space(),
        "operator and state must share a space"
    );
    let (mut connected, mut log) = (Connected::default(), Vec::new());
    for (i, out) in out.chunks_mut(BLOCK).enumerate() {
        let at = i * BLOCK;
        let x = samples.x.view().slice(at..at + out.len());
        operator.connected(x, &mut connected);
        log.clear();
        log.resize(connected.neighbours.len(), W::Log::ZERO);
        psi.log_psi_neighbours(theta, x, &connected.neighbours, &mut log);
        for (out, &diagonal) in out.iter_mut().zip(&connected.diagonal) {
            *out = diagonal.into();
        }
        let parents = &connected.neighbours.parent;
        for ((&parent, &element), &log) in parents.iter().zip(&connected.element).zip(&log) {
            let b = parent as usize;
            if log.re() > f64::NEG_INFINITY || log.re().is_nan() {
                out[b] += W::Log::from(element) * (log - samples.log_psi[at + b]).exp();
            }
        }
    }
}
