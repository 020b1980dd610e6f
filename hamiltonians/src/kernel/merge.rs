//! Neighbours reached by several terms become one.

use crate::{Connected, Neighbours, Scalar};
use std::cmp::Ordering;

/// Scratch for merging the last neighbours of a row; empty until a row needs it.
#[derive(Debug)]
pub(super) struct Merge<T> {
    index: Vec<usize>,
    element: Vec<T>,
    neighbours: Neighbours,
}

impl<T> Default for Merge<T> {
    fn default() -> Self {
        Self {
            index: Vec::new(),
            element: Vec::new(),
            neighbours: Neighbours::default(),
        }
    }
}

impl<T: Scalar> Merge<T> {
    /// Adds up neighbours `first..` of configuration `b` that are equal and drops sums of zero.
    ///
    /// All of them list their changes by ascending site, so equal configurations have equal lists.
    pub(super) fn equal_neighbours(&mut self, first: usize, b: usize, out: &mut Connected<T>) {
        let end = out.element.len();
        if end - first < 2 {
            return;
        }
        let near = &out.neighbours;
        self.index.clear();
        self.index.extend(first..end);
        // Equal neighbours are added in the order of their terms, so sums do not depend on sorting.
        self.index
            .sort_unstable_by(|&i, &j| compare(near, i, j).then(i.cmp(&j)));
        self.element.clear();
        self.neighbours.clear();
        let mut rest = self.index.as_slice();
        while let Some(&k) = rest.first() {
            let same = rest
                .iter()
                .take_while(|&&j| compare(near, k, j).is_eq())
                .count();
            let v: T = rest[..same].iter().map(|&j| out.element[j]).sum();
            if v != T::ZERO {
                self.neighbours.push(b, near.changes(k));
                self.element.push(v);
            }
            rest = &rest[same..];
        }
        out.element.truncate(first);
        out.element.extend_from_slice(&self.element);
        out.neighbours.truncate(first);
        for k in 0..self.neighbours.len() {
            out.neighbours.push(b, self.neighbours.changes(k));
        }
    }
}

fn compare(near: &Neighbours, i: usize, j: usize) -> Ordering {
    near.changes(i).cmp(near.changes(j))
}
