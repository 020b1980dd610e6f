//! Everything left of a bond, contracted: operator states times two bonds of the state.

use crate::Element;
use crate::bond::{Bond, Tensor};
use crate::dense::Factor;
use crate::lift::{Lift, Workspace};
use crate::mpo::{Grouped, Line};

/// Left environments: for each class of operator states and each sector of the state below, a matrix
/// with rows (operator state, upper state) and columns lower states.
///
/// The right environment of a chain is the left one of its mirror image, stored alike: there the
/// rows belong to the *lower* state.
#[derive(Clone, Debug)]
pub(crate) struct Environment<T> {
    /// (row sector, first element) by class and column sector.
    table: Vec<Option<(usize, usize)>>,
    n_sectors: usize,
    pub(crate) data: Vec<T>,
}

impl<T: Element> Environment<T> {
    /// The end of a chain.
    pub(crate) fn end() -> Self {
        Self {
            table: vec![Some((0, 0))],
            n_sectors: 1,
            data: vec![T::ONE],
        }
    }

    fn zeros(bond: &Bond, line: &Line) -> Self {
        let (mut table, mut len) = (Vec::new(), 0);
        for (class, (charge, _)) in line.classes.iter().enumerate() {
            for s in 0..bond.len() {
                let upper = bond.find(bond.charge(s) + charge);
                table.push(upper.map(|u| (u, len)));
                if let Some(u) = upper {
                    len += line.count(class) * bond.dim(u) * bond.dim(s);
                }
            }
        }
        Self {
            table,
            n_sectors: bond.len(),
            data: vec![T::ZERO; len],
        }
    }

    /// Row sector and first element of a matrix.
    pub(crate) fn find(&self, class: usize, sector: usize) -> Option<(usize, usize)> {
        self.table[class * self.n_sectors + sector]
    }

    /// The environment one site further: $\sum A^\dagger L\, W A$.
    pub(crate) fn extended(
        &self,
        tensor: &Tensor<T>,
        entries: &Grouped<T>,
        (from, to): (&Line, &Line),
        work: &mut Workspace<T>,
    ) -> Self {
        let shape = &tensor.shape;
        let lift = Lift::new(self, shape, entries, from, to);
        lift.run(&self.data, &tensor.data, work);
        let mut out = Self::zeros(&shape.right, to);
        // First with rows upper states and columns (operator state, lower state).
        let mut flat = vec![T::ZERO; out.data.len()];
        for t in &lift.targets {
            let block = &shape.blocks[t.block];
            let (rows, upper) = shape.size(block);
            let (_, at) = out
                .find(t.class, t.ket)
                .expect("a target ends in a pair of sectors");
            let cols = t.columns(shape, to);
            T::add_product(
                &mut flat[at..],
                Factor::new(tensor.block(block), rows, upper).adjoint(),
                Factor::new(&work.lifted[t.offset..], rows, cols),
                1.0,
            );
        }
        for class in 0..to.classes.len() {
            let n = to.count(class);
            for s in 0..shape.right.len() {
                let Some((u, at)) = out.find(class, s) else {
                    continue;
                };
                let (upper, lower) = (shape.right.dim(u), shape.right.dim(s));
                for a in 0..n {
                    for c in 0..lower {
                        let source = at + (a * lower + c) * upper;
                        let target = at + (c * n + a) * upper;
                        out.data[target..target + upper]
                            .copy_from_slice(&flat[source..source + upper]);
                    }
                }
            }
        }
        out
    }
}
