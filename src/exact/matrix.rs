use super::basis::Key;
use super::vector::times;
use super::{Basis, ExactError, Memory};
use crate::hamiltonians::{Configs, Connected, OnSpace, Operator, Scalar};
use rayon::prelude::*;
use std::collections::HashMap;
use std::ops::Range;

/// Rows that one thread builds or multiplies at a time.
const ROWS: usize = 1024;

/// Blocks that are built before they are appended, so that the pieces stay small beside the whole.
const BLOCKS: usize = 64;

/// An operator as a sparse matrix over a [`Basis`].
///
/// Rows are compressed; the diagonal stands apart. Lattice operators have few distinct elements,
/// so an entry is one 32-bit word wherever possible: the column, and above it the number of the
/// value in a table. Otherwise columns and values are stored in full.
/// Connected configurations outside the sector are dropped.
#[derive(Clone, Debug)]
pub struct SparseMatrix<T> {
    diagonal: Vec<T>,
    /// Row r holds entries `start[r]..start[r + 1]`.
    start: Vec<usize>,
    entries: Entries<T>,
}

#[derive(Clone, Debug)]
enum Entries<T> {
    Packed {
        words: Vec<u32>,
        column_bits: u32,
        values: Vec<T>,
    },
    Full {
        columns: Vec<u32>,
        values: Vec<T>,
    },
}

/// The rows of one block; `codes` number the values of its own table.
struct Piece<T> {
    diagonal: Vec<T>,
    lengths: Vec<u32>,
    columns: Vec<u32>,
    codes: Vec<u32>,
    table: Table<T>,
}

/// Distinct values in order of appearance.
struct Table<T> {
    values: Vec<T>,
    codes: HashMap<[u64; 2], u32>,
}

impl<T: Scalar> SparseMatrix<T> {
    /// The matrix $\langle x|O|x'\rangle$ of an operator, built in parallel by blocks of rows.
    ///
    /// # Errors
    /// [`ExactError::Memory`], estimated from a sample of rows before the bulk is allocated;
    /// [`ExactError::NotFinite`].
    ///
    /// # Panics
    /// If operator and basis live on different spaces.
    #[track_caller]
    pub fn new<O>(operator: &O, basis: &Basis, memory: Memory) -> Result<Self, ExactError>
    where
        O: Operator<Elem = T> + ?Sized,
    {
        assert_eq!(
            operator.space(),
            basis.space(),
            "operator and basis live on different spaces"
        );
        let n = basis.len();
        let column_bits = usize::BITS - (n - 1).max(1).leading_zeros();
        let blocks: Vec<_> = (0..n).step_by(ROWS).map(|r| r..n.min(r + ROWS)).collect();
        let size = estimated_entries(operator, basis, &blocks);
        let bytes = (8 + 8 * T::COMPONENTS) as f64 * n as f64 + 4.0 * size;
        memory.check("the sparse matrix", n as f64, bytes)?;

        let mut start = Vec::with_capacity(n + 1);
        start.push(0);
        let mut diagonal = Vec::with_capacity(n);
        let mut words: Vec<u32> = Vec::with_capacity(size as usize);
        let mut table = Table::new();
        let mut entries = None;
        for group in blocks.chunks(BLOCKS) {
            let build = |rows: &Range<usize>| build(operator, basis, rows.clone());
            let pieces: Vec<Piece<T>> = group.par_iter().map(build).collect();
            for piece in pieces {
                if piece
                    .diagonal
                    .iter()
                    .chain(&piece.table.values)
                    .any(|v| !v.is_finite())
                {
                    return Err(ExactError::NotFinite {
                        what: "a matrix element",
                    });
                }
                let mut end = start[start.len() - 1];
                start.extend(piece.lengths.iter().map(|&l| {
                    end += l as usize;
                    end
                }));
                diagonal.extend(piece.diagonal);
                let codes: Vec<u32> = piece.table.values.iter().map(|&v| table.code(v)).collect();
                if entries.is_none()
                    && table.values.len().saturating_sub(1) as u64 >> (32 - column_bits) > 0
                {
                    memory.check("the sparse matrix", n as f64, bytes * 3.0)?;
                    entries = Some(unpacked(&words, column_bits, &table.values));
                }
                let codes = piece.codes.iter().map(|&c| codes[c as usize]);
                match &mut entries {
                    None => {
                        let pack =
                            |(c, code): (&u32, u32)| (u64::from(code) << column_bits) as u32 | c;
                        words.extend(piece.columns.iter().zip(codes).map(pack));
                    }
                    Some((columns, values)) => {
                        columns.extend_from_slice(&piece.columns);
                        values.extend(codes.map(|c| table.values[c as usize]));
                    }
                }
            }
        }
        let entries = match entries {
            None => Entries::Packed {
                words,
                column_bits,
                values: table.values,
            },
            Some((columns, values)) => Entries::Full { columns, values },
        };
        Ok(Self {
            diagonal,
            start,
            entries,
        })
    }

    /// Number of rows.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.diagonal.len()
    }

    /// Number of off-diagonal entries.
    #[must_use]
    pub fn off_diagonal_len(&self) -> usize {
        self.start[self.dimension()]
    }

    /// $y = A x$; the sum of each row runs in a fixed order.
    ///
    /// # Panics
    /// If a length differs from the dimension.
    #[track_caller]
    pub fn apply<V: Scalar + From<T>>(&self, x: &[V], y: &mut [V]) {
        assert_eq!(x.len(), self.dimension(), "length of x");
        assert_eq!(y.len(), self.dimension(), "length of y");
        y.par_chunks_mut(ROWS).enumerate().for_each(|(b, y)| {
            let first = b * ROWS;
            match &self.entries {
                Entries::Packed {
                    words,
                    column_bits,
                    values,
                } if values.len() <= 1 => {
                    let value = values.first().copied().unwrap_or_default();
                    self.rows(first, x, y, words, |row| {
                        times(
                            value,
                            row.iter()
                                .map(|&c| x[(c & mask(*column_bits)) as usize])
                                .sum(),
                        )
                    });
                }
                Entries::Packed {
                    words,
                    column_bits,
                    values,
                } => {
                    self.rows(first, x, y, words, |row| {
                        let product = |w: u32| {
                            let code = (u64::from(w) >> column_bits) as usize;
                            times(values[code], x[(w & mask(*column_bits)) as usize])
                        };
                        sum_row(row, product)
                    });
                }
                Entries::Full { columns, values } => {
                    for (r, y) in (first..).zip(y) {
                        let range = self.start[r]..self.start[r + 1];
                        let row = columns[range.clone()].iter().zip(&values[range]);
                        let sum: V = row.map(|(&c, &v)| times(v, x[c as usize])).sum();
                        *y = times(self.diagonal[r], x[r]) + sum;
                    }
                }
            }
        });
    }

    #[inline]
    fn rows<V: Scalar + From<T>>(
        &self,
        first: usize,
        x: &[V],
        y: &mut [V],
        words: &[u32],
        sum: impl Fn(&[u32]) -> V,
    ) {
        for (r, y) in (first..).zip(y) {
            let row = &words[self.start[r]..self.start[r + 1]];
            *y = times(self.diagonal[r], x[r]) + sum(row);
        }
    }

    /// All entries (row, column, value), the diagonal first in each row. Columns may repeat.
    pub fn entries(&self) -> impl Iterator<Item = (usize, usize, T)> + '_ {
        (0..self.dimension()).flat_map(move |r| {
            let off = (self.start[r]..self.start[r + 1]).map(move |i| match &self.entries {
                Entries::Packed {
                    words,
                    column_bits,
                    values,
                } => {
                    let code = (u64::from(words[i]) >> column_bits) as usize;
                    (r, (words[i] & mask(*column_bits)) as usize, values[code])
                }
                Entries::Full { columns, values } => (r, columns[i] as usize, values[i]),
            });
            std::iter::once((r, r, self.diagonal[r])).chain(off)
        })
    }
}

/// Four partial sums, so that additions of one row overlap.
#[inline]
fn sum_row<V: Scalar>(row: &[u32], f: impl Fn(u32) -> V) -> V {
    let (quads, rest) = row.as_chunks::<4>();
    let mut sums = [V::ZERO; 4];
    for quad in quads {
        for (s, &w) in sums.iter_mut().zip(quad) {
            *s += f(w);
        }
    }
    for (s, &w) in sums.iter_mut().zip(rest) {
        *s += f(w);
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

fn mask(bits: u32) -> u32 {
    ((1u64 << bits) - 1) as u32
}

fn unpacked<T: Scalar>(words: &[u32], column_bits: u32, values: &[T]) -> (Vec<u32>, Vec<T>) {
    let columns = words.iter().map(|w| w & mask(column_bits)).collect();
    let value = |&w: &u32| values[(u64::from(w) >> column_bits) as usize];
    (columns, words.iter().map(value).collect())
}

/// Number of off-diagonal entries, from at most 16 blocks spread over the rows.
fn estimated_entries<O>(operator: &O, basis: &Basis, blocks: &[Range<usize>]) -> f64
where
    O: Operator + ?Sized,
{
    let (mut configs, mut keys, mut connected) = Default::default();
    let (mut rows, mut entries) = (0, 0);
    for block in blocks.iter().step_by(blocks.len().div_ceil(16)) {
        basis.write(
            block.start..block.end.min(block.start + 64),
            &mut configs,
            &mut keys,
        );
        operator.connected(configs.view(), &mut connected);
        rows += configs.len();
        entries += connected.element.len();
    }
    basis.len() as f64 * entries as f64 / rows as f64
}

fn build<O: Operator + ?Sized>(operator: &O, basis: &Basis, rows: Range<usize>) -> Piece<O::Elem> {
    let mut configs = Configs::default();
    let mut keys: Vec<Key> = Vec::new();
    let mut connected = Connected::default();
    let mut columns = Vec::new();
    let mut codes = Vec::new();
    let mut table = Table::new();
    let mut lengths = vec![0; rows.len()];
    basis.write(rows, &mut configs, &mut keys);
    operator.connected(configs.view(), &mut connected);
    let neighbours = &connected.neighbours;
    columns.reserve(neighbours.len());
    codes.reserve(neighbours.len());
    let (mut last, mut code) = (None, 0);
    for (k, &value) in connected.element.iter().enumerate() {
        let parent = neighbours.parent[k] as usize;
        let change = |key, (site, value)| basis.changed(key, site, value);
        if let Some(column) = basis.find(neighbours.changes(k).fold(keys[parent], change)) {
            if last != Some(value) {
                (last, code) = (Some(value), table.code(value));
            }
            lengths[parent] += 1;
            columns.push(column as u32);
            codes.push(code);
        }
    }
    Piece {
        diagonal: connected.diagonal,
        lengths,
        columns,
        codes,
        table,
    }
}

impl<T: Scalar> Table<T> {
    fn new() -> Self {
        Self {
            values: Vec::new(),
            codes: HashMap::new(),
        }
    }

    fn code(&mut self, value: T) -> u32 {
        *self
            .codes
            .entry([value.re().to_bits(), value.im().to_bits()])
            .or_insert_with(|| {
                self.values.push(value);
                self.values.len() as u32 - 1
            })
    }
}
