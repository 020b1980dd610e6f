use crate::{Conditional, Layout};
use ketwork_hamiltonians::{ConfigsRef, OnSpace, Scalar, Space};
use std::marker::PhantomData;

/// The network that says nothing: no parameter, and 0 for every value.
#[derive(Clone, Debug)]
pub struct Silent<L> {
    space: Space,
    layout: Layout,
    log: PhantomData<L>,
}

impl<L: Scalar> Silent<L> {
    /// Silence on a space.
    #[must_use]
    pub fn new(space: Space) -> Self {
        Self {
            space,
            layout: Layout::new(),
            log: PhantomData,
        }
    }
}

impl<L: Scalar> OnSpace for Silent<L> {
    fn space(&self) -> &Space {
        &self.space
    }
}

impl<L: Scalar> Conditional for Silent<L> {
    type Log = L;
    type Work = ();

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn work(&self, _batch: usize) -> Self::Work {}

    fn forward(&self, _theta: &[f64], _work: &mut (), _x: ConfigsRef<'_>, out: &mut [L]) {
        out.fill(L::ZERO);
    }

    fn pullback(
        &self,
        _theta: &[f64],
        _work: &mut (),
        _x: ConfigsRef<'_>,
        _cotangent: &[f64],
        rows: &mut [f64],
    ) {
        rows.fill(0.0);
    }
}
