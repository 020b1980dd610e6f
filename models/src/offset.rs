//! A product law with a network on top.

use crate::{Conditional, Init, Layout, NetworkError};
use ketwork_hamiltonians::{ConfigsRef, OnSpace, Scalar, Space};

/// A network whose raw log-amplitudes are shifted by fixed numbers, $r_p(v) + c_p(v)$, and whose heads
/// (arrays named "head..." and "phase...") start at 0: training or evolution starts exactly at the
/// product state with amplitudes $e^{c_p(v)}$.
#[derive(Clone, Debug)]
pub struct Offset<M: Conditional> {
    net: M,
    layout: Layout,
    /// (N, d), in position order.
    shift: Vec<M::Log>,
}

impl<M: Conditional> Offset<M> {
    /// # Shapes
    /// `shift` (N, d), in the order of the constraint.
    ///
    /// # Errors
    /// [`NetworkError::Vanishes`] for numbers that are not finite: no network reaches a value whose
    /// amplitude is 0.
    ///
    /// # Panics
    /// If the network gives other numbers than one for each value, or `shift` has another length.
    #[track_caller]
    pub fn new(net: M, shift: Vec<M::Log>) -> Result<Self, NetworkError> {
        let (n, d) = (net.space().n_sites, net.space().local_dim);
        assert_eq!(net.outputs(), d, "a state needs one number for each value");
        assert_eq!(shift.len(), n * d, "one number for each position and value");
        if let Some(at) = shift.iter().position(|c| !c.is_finite()) {
            return Err(NetworkError::Vanishes {
                position: at / d,
                value: at % d,
                found: format!("{}", shift[at]),
            });
        }
        let mut layout = Layout::new();
        for parameter in net.layout().parameters() {
            let is_head = ["head", "phase"]
                .iter()
                .any(|h| parameter.name.starts_with(h));
            let init = match is_head {
                true => Init::Constant(0.0),
                false => parameter.init.clone(),
            };
            layout.push(parameter.name.clone(), &parameter.shape, init);
        }
        Ok(Self { net, layout, shift })
    }

    fn add(&self, out: &mut [M::Log], from: usize) {
        let shift = &self.shift[from..];
        for row in out.chunks_mut(shift.len()) {
            row.iter_mut().zip(shift).for_each(|(r, c)| *r += *c);
        }
    }
}

impl<M: Conditional> OnSpace for Offset<M> {
    fn space(&self) -> &Space {
        self.net.space()
    }
}

impl<M: Conditional> Conditional for Offset<M> {
    type Log = M::Log;
    type Work = M::Work;

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn work(&self, batch: usize) -> Self::Work {
        self.net.work(batch)
    }

    fn block(&self) -> usize {
        self.net.block()
    }

    fn forward(&self, theta: &[f64], work: &mut Self::Work, x: ConfigsRef<'_>, out: &mut [M::Log]) {
        self.net.forward(theta, work, x, out);
        self.add(out, 0);
    }

    fn pullback(
        &self,
        theta: &[f64],
        work: &mut Self::Work,
        x: ConfigsRef<'_>,
        cotangent: &[f64],
        rows: &mut [f64],
    ) {
        self.net.pullback(theta, work, x, cotangent, rows);
    }

    fn step(
        &self,
        theta: &[f64],
        work: &mut Self::Work,
        position: usize,
        x: ConfigsRef<'_>,
        out: &mut [M::Log],
    ) {
        self.net.step(theta, work, position, x, out);
        let d = self.space().local_dim;
        let shift = &self.shift[position * d..][..d];
        for row in out.chunks_mut(d) {
            row.iter_mut().zip(shift).for_each(|(r, c)| *r += *c);
        }
    }

    fn select(&self, from: &Self::Work, into: &mut Self::Work, position: usize, rows: &[u32]) {
        self.net.select(from, into, position, rows);
    }

    fn resume(
        &self,
        theta: &[f64],
        parents: &Self::Work,
        work: &mut Self::Work,
        x: ConfigsRef<'_>,
        parent: &[u32],
        first: &[u32],
        out: &mut [M::Log],
    ) {
        self.net.resume(theta, parents, work, x, parent, first, out);
        self.add(out, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Ancestral, Autoregressive, PrefixTable, Stream, Transformer, TransformerParams,
        Wavefunction,
    };
    use ketwork_hamiltonians::Free;
    use std::sync::Arc;

    #[test]
    fn a_value_of_probability_0_is_refused_by_its_place() {
        let net = PrefixTable::<f64>::new(Space::new(2, 4));
        let law = [0.25, 0.25, 0.25, 0.25, 0.5, 0.25, 0.0, 0.25];
        let found = Offset::new(net, law.iter().map(|p: &f64| p.ln()).collect());
        let wanted = NetworkError::Vanishes {
            position: 1,
            value: 2,
            found: "-inf".into(),
        };
        assert_eq!(found.map(drop).unwrap_err(), wanted);
    }

    #[test]
    fn it_starts_at_the_product_law() {
        let space = Space::new(3, 4);
        let params = TransformerParams {
            layers: 1,
            width: 8,
            heads: 2,
        };
        let net = Transformer::<f64>::new(space, params).unwrap();
        let law = |p: usize, v: u8| (1.0 + (p as f64) * f64::from(v)) / (4.0 + 6.0 * p as f64);
        let shift = (0..12).map(|i| law(i / 4, (i % 4) as u8).ln()).collect();
        let net = Offset::new(net, shift).unwrap();
        let psi = Autoregressive::probability(net, Arc::new(Free::new(space)));
        let theta = psi.layout().initial(Stream::new(2));
        let shots = psi.draw(&theta, 0..500, Stream::new(3));
        assert!(shots.x.len() > 30);
        let mut again = vec![0.0; shots.x.len()];
        psi.log_psi(&theta, shots.x.view(), &mut again);
        for ((x, l), m) in shots.x.view().rows().zip(&shots.log_psi).zip(&again) {
            let wanted: f64 = (0..3).map(|p| law(p, x[p]).ln()).sum();
            assert!(
                (l - wanted).abs() < 1e-13 && (m - wanted).abs() < 1e-13,
                "{l} {m} {wanted}"
            );
        }
    }
}
