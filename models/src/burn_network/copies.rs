//! A copy of the parameters for each row: the derivatives of many rows from one backward pass.

use super::parameters::{Places, numbers};
use burn::module::{Param, ParamId};
use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

/// Where a module written for derivatives by row takes its parameters from.
///
/// [`shared`](Self::shared) gives all rows of a batch the same tensor; in a derivative each row has a
/// copy of its own, whose gradient is the row's. Code written with [`of`](Self::of) serves both.
#[derive(Debug)]
pub struct BurnCopies<'a> {
    each: Option<Each<'a>>,
}

#[derive(Debug)]
struct Each<'a> {
    rows: usize,
    theta: &'a [f64],
    places: &'a Places,
    device: &'a Device,
    /// The copies (B, size) that were asked for, by their first place in theta.
    leaves: RefCell<BTreeMap<usize, (ParamId, Tensor<2>)>>,
}

impl<'a> BurnCopies<'a> {
    /// One copy for all rows: an ordinary forward pass.
    #[must_use]
    pub fn shared() -> Self {
        Self { each: None }
    }

    pub(super) fn each(
        rows: usize,
        theta: &'a [f64],
        places: &'a Places,
        device: &'a Device,
    ) -> Self {
        let leaves = RefCell::default();
        let each = Each {
            rows,
            theta,
            places,
            device,
            leaves,
        };
        Self { each: Some(each) }
    }

    /// A parameter of shape S as a tensor (R, 1, .., 1, S) for products and sums with tensors (B, .., S): R is
    /// the number of rows, or 1 where they share it.
    ///
    /// # Panics
    /// If the rank E is not larger than D.
    #[track_caller]
    #[must_use]
    pub fn of<const D: usize, const E: usize>(&self, param: &Param<Tensor<D>>) -> Tensor<E> {
        assert!(E > D, "rank {E} has no room for rows before rank {D}");
        let mut shape = [1; E];
        shape[E - D..].copy_from_slice(&param.dims());
        let own = self.each.as_ref().and_then(|each| {
            let range = each.places.get(&param.id)?;
            shape[0] = each.rows;
            Some(each.leaf(param.id, range))
        });
        // A frozen parameter is the same for all.
        own.map_or_else(|| param.val().reshape(shape), |leaf| leaf.reshape(shape))
    }

    /// Rows of a table (d, W) for tokens (B, T): (B, T, W).
    ///
    /// # Panics
    /// If there are not as many rows of tokens as copies.
    #[must_use]
    pub fn lookup(&self, table: &Param<Tensor<2>>, tokens: Tensor<2, Int>) -> Tensor<3> {
        let ([b, t], [d, w]) = (tokens.dims(), table.dims());
        let tables: Tensor<3> = self.of(table);
        let tokens = match tables.dims()[0] {
            1 => tokens,
            // Row b looks into the table that begins at b d.
            copies => {
                let first = Tensor::<1, Int>::arange(0..copies as i64, &tokens.device());
                tokens + (first * d as i64).reshape([copies, 1])
            }
        };
        let all = tables.reshape([-1, w as i64]);
        all.select(0, tokens.reshape([b * t])).reshape([b, t, w])
    }

    /// Rows x (B, T, I) times a matrix (I, O): (B, T, O).
    ///
    /// # Panics
    /// If there are not as many rows of x as copies.
    #[must_use]
    pub fn product(&self, x: Tensor<3>, matrix: &Param<Tensor<2>>) -> Tensor<3> {
        let ([b, t, i], [_, o]) = (x.dims(), matrix.dims());
        match self.each {
            // One large product, not one for each row.
            None => {
                let flat = x.reshape([b * t, i]).matmul(matrix.val());
                flat.reshape([b, t, o])
            }
            Some(_) => x.matmul(self.of(matrix)),
        }
    }

    /// Overwrites rows (B, P) with the gradients of their copies.
    pub(super) fn gather(self, mut gradients: Gradients, rows: &mut [f64]) {
        rows.fill(0.0);
        let Some(each) = self.each else { return };
        let (mut columns, mut found) = (Vec::new(), Vec::new());
        for (_, (id, leaf)) in each.leaves.into_inner() {
            // No gradient: the output does not depend on it.
            if let Some(gradient) = leaf.grad_remove(&mut gradients) {
                columns.push(each.places[&id].clone());
                found.push(gradient);
            }
        }
        if found.is_empty() {
            return;
        }
        // One transfer from the device.
        let all = numbers(&Tensor::cat(found, 1));
        let width = all.len() / each.rows;
        for (row, all) in rows
            .chunks_exact_mut(each.theta.len())
            .zip(all.chunks(width))
        {
            let mut rest = all;
            for range in &columns {
                let (own, others) = rest.split_at(range.len());
                row[range.clone()].copy_from_slice(own);
                rest = others;
            }
        }
    }
}

impl Each<'_> {
    /// The copies of one parameter, made where it is asked for first.
    fn leaf(&self, id: ParamId, range: &Range<usize>) -> Tensor<2> {
        let mut leaves = self.leaves.borrow_mut();
        let make = || {
            let values = TensorData::new(self.theta[range.clone()].to_vec(), [1, range.len()]);
            let one = Tensor::<2>::from_data(values, self.device);
            (id, one.expand([self.rows, range.len()]).require_grad())
        };
        leaves.entry(range.start).or_insert_with(make).1.clone()
    }
}
