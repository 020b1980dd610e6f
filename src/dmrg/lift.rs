//! The step that environments, effective Hamiltonians and perturbed density matrices share:
//! $V_b^{x'} = \sum_{a x} W_{ab}^{x'x}\, L_a A^x$.

use crate::Element;
use crate::bond::Shape;
use crate::dense::Factor;
use crate::environment::Environment;
use crate::mpo::{Grouped, Line};

/// Memory of the intermediate products.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workspace<T> {
    products: Vec<T>,
    pub(crate) lifted: Vec<T>,
}

/// One matrix of an environment times all blocks that share a left sector.
#[derive(Clone, Copy, Debug)]
struct Multiply {
    environment: usize,
    rows: usize,
    inner: usize,
    tensor: usize,
    cols: usize,
    to: usize,
}

/// Adds a block of a product, times a weight, to a target.
#[derive(Clone, Copy, Debug)]
struct Move<T> {
    from: usize,
    stride: usize,
    to: usize,
    rows: usize,
    cols: usize,
    weight: T,
}

/// A result: rows as in `block`, columns (operator state of a class, state of the sector `ket`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// Block whose left sector and value the result has.
    pub(crate) block: usize,
    pub(crate) class: usize,
    pub(crate) ket: usize,
    pub(crate) offset: usize,
}

impl Target {
    /// Number of columns, for the shape and the line it was planned with.
    pub(crate) fn columns(&self, shape: &Shape, to: &Line) -> usize {
        to.count(self.class) * shape.right.dim(self.ket)
    }
}

/// The plan of one such step: which products, which sums.
#[derive(Clone, Debug)]
pub(crate) struct Lift<T> {
    multiplies: Vec<Multiply>,
    moves: Vec<Move<T>>,
    pub(crate) targets: Vec<Target>,
    n_products: usize,
    n_lifted: usize,
}

impl<T: Element> Lift<T> {
    pub(crate) fn new(
        environment: &Environment<T>,
        shape: &Shape,
        entries: &Grouped<T>,
        from: &Line,
        to: &Line,
    ) -> Self {
        let mut out = Self {
            multiplies: Vec::new(),
            moves: Vec::new(),
            targets: Vec::new(),
            n_products: 0,
            n_lifted: 0,
        };
        let n_left = shape.left.len();
        // First element of each product, by class and lower sector.
        let mut place = vec![0; from.classes.len() * n_left];
        for class in 0..from.classes.len() {
            for s in 0..n_left {
                let Some((upper, at)) = environment.find(class, s) else {
                    continue;
                };
                let (tensor, cols) = shape.groups[s];
                if cols == 0 {
                    continue;
                }
                let rows = from.count(class) * shape.left.dim(upper);
                place[class * n_left + s] = out.n_products;
                out.multiplies.push(Multiply {
                    environment: at,
                    rows,
                    inner: shape.left.dim(s),
                    tensor,
                    cols,
                    to: out.n_products,
                });
                out.n_products += rows * cols;
            }
        }
        for (index, block) in shape.blocks.iter().enumerate() {
            let rows = shape.left.dim(block.left);
            for (class, (charge, range)) in to.classes.iter().enumerate() {
                let Some(ket) = shape.right.find(shape.right.charge(block.right) - charge) else {
                    continue;
                };
                let list = entries.of(block.value, class);
                if list.is_empty() {
                    continue;
                }
                let cols = shape.right.dim(ket);
                let target = Target {
                    block: index,
                    class,
                    ket,
                    offset: out.n_lifted,
                };
                let n_moves = out.moves.len();
                for e in list {
                    let class_a = from.class_of[e.a];
                    let (charge, states) = &from.classes[class_a];
                    let Some(s) = shape.left.find(shape.left.charge(block.left) - charge) else {
                        continue;
                    };
                    let Some(source) = shape.find(s, e.col) else {
                        continue;
                    };
                    debug_assert_eq!(source.right, ket, "charges of an operator do not match");
                    let stride = states.len() * rows;
                    out.moves.push(Move {
                        from: place[class_a * n_left + s]
                            + shape.column(source) * stride
                            + (e.a - states.start) * rows,
                        stride,
                        to: target.offset + (e.b - range.start) * cols * rows,
                        rows,
                        cols,
                        weight: e.weight,
                    });
                }
                if out.moves.len() > n_moves {
                    out.targets.push(target);
                    out.n_lifted += range.len() * cols * rows;
                }
            }
        }
        out
    }

    /// Fills `work.lifted` with the targets.
    pub(crate) fn run(&self, environment: &[T], tensor: &[T], work: &mut Workspace<T>) {
        if work.products.len() < self.n_products {
            work.products.resize(self.n_products, T::ZERO);
        }
        work.lifted.clear();
        work.lifted.resize(self.n_lifted, T::ZERO);
        for m in &self.multiplies {
            T::write_product(
                &mut work.products[m.to..],
                Factor::new(&environment[m.environment..], m.rows, m.inner),
                Factor::new(&tensor[m.tensor..], m.inner, m.cols),
            );
        }
        for m in &self.moves {
            let to = work.lifted[m.to..m.to + m.rows * m.cols].chunks_exact_mut(m.rows);
            for (c, to) in to.enumerate() {
                let at = m.from + c * m.stride;
                let from = &work.products[at..at + m.rows];
                for (to, from) in to.iter_mut().zip(from) {
                    *to += m.weight * *from;
                }
            }
        }
    }
}
