//! Sparse operators that list their rows.

use crate::{ConfigsRef, Neighbours, OnSpace, Scalar};

/// The rows of an operator at a batch of configurations: $\langle x|O|x\rangle$ and all
/// $\langle x|O|x'\rangle \ne 0$.
///
/// # Shapes
/// `diagonal` has one entry a configuration, `element` one a neighbour. Reused between calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Connected<T> {
    /// Diagonal elements (B).
    pub diagonal: Vec<T>,
    /// Off-diagonal elements $\langle x|O|x'\rangle$ (K).
    pub element: Vec<T>,
    /// The connected configurations x' (K).
    pub neighbours: Neighbours,
}

impl<T> Connected<T> {
    /// Removes all rows and keeps the memory.
    pub fn clear(&mut self) {
        self.diagonal.clear();
        self.element.clear();
        self.neighbours.clear();
    }
}

/// A sparse operator: Hamiltonian, observable or Liouvillian.
///
/// Laws: `connected` clears `out` first; every neighbour differs from its parent in at least one
/// site; no two neighbours of one parent are equal; parents never decrease.
pub trait Operator: OnSpace + Send + Sync {
    /// Type of the matrix elements.
    type Elem: Scalar;

    /// Writes the rows $\langle x|O|\cdot\rangle$ of all configurations.
    fn connected(&self, x: ConfigsRef<'_>, out: &mut Connected<Self::Elem>);
}

impl<O: Operator + ?Sized> Operator for &O {
    type Elem = O::Elem;
    fn connected(&self, x: ConfigsRef<'_>, out: &mut Connected<Self::Elem>) {
        (**self).connected(x, out);
    }
}

impl<O: OnSpace + ?Sized> OnSpace for &O {
    fn space(&self) -> &crate::Space {
        (**self).space()
    }
}

impl<O: OnSpace + ?Sized> OnSpace for Box<O> {
    fn space(&self) -> &crate::Space {
        (**self).space()
    }
}

impl<O: OnSpace + ?Sized> OnSpace for std::sync::Arc<O> {
    fn space(&self) -> &crate::Space {
        (**self).space()
    }
}

impl<O: Operator + ?Sized> Operator for Box<O> {
    type Elem = O::Elem;
    fn connected(&self, x: ConfigsRef<'_>, out: &mut Connected<Self::Elem>) {
        (**self).connected(x, out);
    }
}
