//! Per-sample derivatives against central differences.

use super::networks::{StateLaw, drawn, for_every_state, parameters};
use ketwork::hamiltonians::cases::ConstraintCase;
use ketwork::{Ansatz, Scalar, Stream};

/// Step of the differences: the five-point formula is wrong by h^4 / 30 times a fifth derivative,
/// 3e-18 here (near a zero of an amplitude the derivative reaches 1e10), and rounding of logarithms
/// of size 10 adds 1e-15 / h = 1e-11.
const H: f64 = 1e-4;

struct Tangent;

impl StateLaw for Tangent {
    /// One random direction inside each named array: a wrong array is named, and no entry of it can
    /// hide, for the direction has no zero.
    fn check<L: Scalar>(&mut self, name: &str, psi: &dyn Ansatz<Log = L>, _: &ConstraintCase) {
        let theta = parameters(psi.layout());
        let x = drawn(psi, &theta, 8);
        let (b, p, k) = (x.len(), theta.len(), L::COMPONENTS);
        let mut rows = vec![f64::NAN; k * b * p];
        psi.jacobian(&theta, x.view(), &mut rows);
        let mut seen = Vec::new();
        for array in psi.layout().parameters() {
            let pick = Stream::new(41).named(&array.name);
            let size = array.range.len() as f64;
            let direction: Vec<f64> = (0..array.range.len() as u64)
                .map(|i| 2.0 * pick.uniform(i, 0) - 1.0)
                .map(|u| (u + 0.2_f64.copysign(u)) / size.sqrt())
                .collect();
            let at = |by: f64| {
                let mut theta = theta.clone();
                let part = &mut theta[array.range.clone()];
                part.iter_mut()
                    .zip(&direction)
                    .for_each(|(t, v)| *t += by * v);
                let mut log = vec![L::ZERO; b];
                psi.log_psi(&theta, x.view(), &mut log);
                log
            };
            let far = (at(2.0 * H), at(-2.0 * H));
            let near = (at(H), at(-H));
            for r in 0..k * b {
                let (c, s) = (r / b, r % b);
                let part = |l: L| if c == 0 { l.re() } else { turned(l.im()) };
                let outer = part(far.0[s] - far.1[s]);
                let inner = part(near.0[s] - near.1[s]);
                let row = &rows[r * p..][array.range.clone()];
                let own: f64 = row.iter().zip(&direction).map(|(j, v)| j * v).sum();
                seen.push((&array.name, r, own, (8.0 * inner - outer) / (12.0 * H)));
            }
        }
        let largest = |of: &str| {
            let of = seen.iter().filter(|s| of.is_empty() || s.0 == of);
            of.fold(0.0, |m: f64, s| m.max(s.2.abs()))
        };
        let all = largest("");
        assert!(all > 1e-3, "{name}: no derivative but {all}");
        for &(array, r, own, slope) in &seen {
            // An array may have no derivative at all: a shift of all keys leaves attention alone.
            let scale = largest(array).max(1e-3 * all);
            let same = (own - slope).abs() <= 1e-7 * scale;
            assert!(same, "{name}, {array}, row {r}: {own} against {slope}");
        }
    }
}

/// A difference of phases in (-pi, pi].
fn turned(phase: f64) -> f64 {
    phase.sin().atan2(phase.cos())
}

#[test]
fn per_sample_tangents_equal_central_differences() {
    for_every_state(&mut Tangent);
}
