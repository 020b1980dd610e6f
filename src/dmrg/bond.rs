//! Block-sparse tensors between bonds with charges.

use crate::Element;

/// States of a bond with one charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sector {
    pub(crate) charge: i64,
    pub(crate) dim: usize,
}

/// The sectors of a bond, of distinct charges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bond(pub(crate) Vec<Sector>);

impl Bond {
    /// The sector of a charge.
    pub(crate) fn find(&self, charge: i64) -> Option<usize> {
        self.0.iter().position(|s| s.charge == charge)
    }

    pub(crate) fn dim(&self, sector: usize) -> usize {
        self.0[sector].dim
    }

    pub(crate) fn charge(&self, sector: usize) -> i64 {
        self.0[sector].charge
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn total(&self) -> usize {
        self.0.iter().map(|s| s.dim).sum()
    }

    /// The charge of every state.
    pub(crate) fn labels(&self) -> Vec<i64> {
        let label = |s: &Sector| std::iter::repeat_n(s.charge, s.dim);
        self.0.iter().flat_map(label).collect()
    }

    /// The bond of states with the given charges, equal ones side by side.
    pub(crate) fn of_labels(labels: &[i64]) -> Self {
        let run = |run: &[i64]| Sector {
            charge: run[0],
            dim: run.len(),
        };
        Self(labels.chunk_by(|a, b| a == b).map(run).collect())
    }

    /// First state of each sector.
    pub(crate) fn starts(&self) -> Vec<usize> {
        let mut at = 0;
        let start = |s: &Sector| {
            at += s.dim;
            at - s.dim
        };
        self.0.iter().map(start).collect()
    }

    /// The same states counted from the other end.
    fn mirrored(&self) -> Self {
        let turn = |s: &Sector| Sector {
            charge: -s.charge,
            dim: s.dim,
        };
        Self(self.0.iter().map(turn).collect())
    }
}

/// The part of a tensor with given left sector and local value: a matrix to one right sector.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub(crate) left: usize,
    pub(crate) value: usize,
    pub(crate) right: usize,
    pub(crate) offset: usize,
}

/// Where the blocks of a tensor lie: those of one left sector side by side, as one matrix.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) left: Bond,
    pub(crate) right: Bond,
    pub(crate) blocks: Vec<Block>,
    /// By left sector: first element and number of columns.
    pub(crate) groups: Vec<(usize, usize)>,
    pub(crate) len: usize,
    values: usize,
    table: Vec<usize>,
}

const ABSENT: usize = usize::MAX;

impl Shape {
    /// All blocks with right charge = left charge + `charges[value]`.
    pub(crate) fn new(left: Bond, right: Bond, charges: &[i64]) -> Self {
        let values = charges.len();
        let (mut blocks, mut groups, mut len) = (Vec::new(), Vec::new(), 0);
        let mut table = vec![ABSENT; left.len() * values];
        for s in 0..left.len() {
            let (start, mut cols) = (len, 0);
            for (value, charge) in charges.iter().enumerate() {
                if let Some(r) = right.find(left.charge(s) + charge) {
                    table[s * values + value] = blocks.len();
                    blocks.push(Block {
                        left: s,
                        value,
                        right: r,
                        offset: len,
                    });
                    cols += right.dim(r);
                    len += left.dim(s) * right.dim(r);
                }
            }
            groups.push((start, cols));
        }
        Self {
            left,
            right,
            blocks,
            groups,
            len,
            values,
            table,
        }
    }

    pub(crate) fn find(&self, left: usize, value: usize) -> Option<&Block> {
        self.blocks.get(self.table[left * self.values + value])
    }

    /// Rows and columns of a block.
    pub(crate) fn size(&self, block: &Block) -> (usize, usize) {
        (self.left.dim(block.left), self.right.dim(block.right))
    }

    /// Column of a block within its group.
    pub(crate) fn column(&self, block: &Block) -> usize {
        (block.offset - self.groups[block.left].0) / self.left.dim(block.left)
    }
}

/// A tensor with one local index.
#[derive(Clone, Debug)]
pub(crate) struct Tensor<T> {
    pub(crate) shape: Shape,
    pub(crate) data: Vec<T>,
}

impl<T: Element> Tensor<T> {
    pub(crate) fn zeros(shape: Shape) -> Self {
        Self {
            data: vec![T::ZERO; shape.len],
            shape,
        }
    }

    pub(crate) fn block(&self, block: &Block) -> &[T] {
        let (rows, cols) = self.shape.size(block);
        &self.data[block.offset..block.offset + rows * cols]
    }

    /// The tensor seen from the other end of the chain: adjoint blocks between exchanged bonds.
    ///
    /// With charges counted negatively the rule right = left + value holds again.
    pub(crate) fn mirrored(&self, charges: &[i64]) -> Self {
        let (left, right) = (self.shape.right.mirrored(), self.shape.left.mirrored());
        let mut out = Self::zeros(Shape::new(left, right, charges));
        for b in &self.shape.blocks {
            let (rows, cols) = self.shape.size(b);
            let to = out
                .shape
                .find(b.right, b.value)
                .expect("the rule of charges is symmetric")
                .offset;
            let from = self.block(b);
            for c in 0..cols {
                for r in 0..rows {
                    out.data[to + r * cols + c] = from[c * rows + r].conj();
                }
            }
        }
        out
    }
}
