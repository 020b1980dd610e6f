use super::elements::elements;
use super::vector::times;
use super::{Basis, ExactError, Memory};
use crate::hamiltonians::{Connected, OnSpace, Operator, Scalar};
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
        let (size, bytes) = Self::check_memory(operator, basis, memory)?;
        let n = basis.len();
        let column_bits = usize::BITS - (n - 1).max(1).leading_zeros();
        let blocks = blocks(n);
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

    /// The square matrix of these rows of (column, value); repeated columns are added up.
    ///
    /// # Errors
    /// [`ExactError::Memory`], [`ExactError::NotFinite`].
    ///
    /// # Panics
    /// If a column is no row.
    #[track_caller]
    pub(crate) fn of_rows(rows: Vec<Vec<(u32, T)>>, memory: Memory) -> Result<Self, ExactError> {
        let n = rows.len();
        let size: usize = rows.iter().map(Vec::len).sum();
        let bytes = (8 + 8 * T::COMPONENTS) as f64 * n as f64
            + (4 + 8 * T::COMPONENTS) as f64 * size as f64;
        memory.check("the sparse matrix", n as f64, bytes)?;
        let mut diagonal = vec![T::ZERO; n];
        let mut start = vec![0];
        let (mut columns, mut values): (Vec<u32>, Vec<T>) = (Vec::new(), Vec::new());
        for (r, mut row) in rows.into_iter().enumerate() {
            row.sort_by_key(|&(c, _)| c);
            let first = columns.len();
            for (c, v) in row {
                assert!((c as usize) < n, "column {c} of a matrix of {n} rows");
                if !v.is_finite() {
                    return Err(ExactError::NotFinite {
                        what: "a matrix element",
                    });
                }
                if c as usize == r {
                    diagonal[r] += v;
                } else if columns.len() > first && columns.last() == Some(&c) {
                    let last = values.len() - 1;
                    values[last] += v;
                } else {
                    columns.push(c);
                    values.push(v);
                }
            }
            start.push(columns.len());
        }
        Ok(Self {
            diagonal,
            start,
            entries: Entries::Full { columns, values },
        })
    }

    /// Expected number of off-diagonal entries and bytes, where these fit.
    pub(super) fn check_memory<O>(
        operator: &O,
        basis: &Basis,
        memory: Memory,
    ) -> Result<(f64, f64), ExactError>
    where
        O: Operator<Elem = T> + ?Sized,
    {
        let n = basis.len() as f64;
        let size = estimated_entries(operator, basis, &blocks(basis.len()));
        let bytes = (8 + 8 * T::COMPONENTS) as f64 * n + 4.0 * size;
        memory.check("the sparse matrix", n, bytes)?;
        Ok((size, bytes))
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

fn blocks(n: usize) -> Vec<Range<usize>> {
    (0..n).step_by(ROWS).map(|r| r..n.min(r + ROWS)).collect()
}

/// Number of off-diagonal entries, from at most 16 blocks spread over the rows.
fn estimated_entries<O>(operator: &O, basis: &Basis, blocks: &[Range<usize>]) -> f64
where
    O: Operator + ?Sized,
{
    let mut connected = Connected::default();
    let (mut rows, mut entries) = (0, 0);
    for block in blocks.iter().step_by(blocks.len().div_ceil(16)) {
        let configs = basis.configs(block.start..block.end.min(block.start + 64));
        operator.connected(configs.view(), &mut connected);
        rows += configs.len();
        entries += connected.element.len();
    }
    basis.len() as f64 * entries as f64 / rows as f64
}

fn build<O: Operator + ?Sized>(operator: &O, basis: &Basis, rows: Range<usize>) -> Piece<O::Elem> {
    let (mut columns, mut codes) = (Vec::new(), Vec::new());
    let mut table = Table::new();
    let mut lengths = vec![0; rows.len()];
    let first = rows.start;
    let (mut last, mut code) = (None, 0);
    let diagonal = elements(operator, basis, rows, |row, column, value| {
        if last != Some(value) {
            (last, code) = (Some(value), table.code(value));
        }
        lengths[row - first] += 1;
        columns.push(column as u32);
        codes.push(code);
    });
    Piece {
        diagonal,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::tests::{heisenberg, tfim_ring};
    use crate::hamiltonians::Hamiltonian;

    #[test]
    fn the_two_site_matrix_is_written_out() {
        // Basis order 00, 01, 10, 11; one bond.
        let h = crate::hamiltonians::Tfim {
            j: 1.0,
            h: 0.5,
            hz: 0.25,
        };
        let h = h.on(&crate::exact::tests::ring(2)).unwrap();
        let basis = Basis::new(&**h.sector(), Memory::default()).unwrap();
        let matrix = SparseMatrix::new(&h, &basis, Memory::default()).unwrap();
        let mut dense = [[0.0; 4]; 4];
        for (r, c, v) in matrix.entries() {
            dense[r][c] += v;
        }
        let x = -0.5;
        assert_eq!(
            dense,
            [
                [-1.5, x, x, 0.0],
                [x, 1.0, 0.0, x],
                [x, 0.0, 1.0, x],
                [0.0, x, x, -0.5]
            ]
        );
    }

    #[test]
    fn packed_and_full_storage_multiply_alike() {
        // 13 columns bits leave 2^18 codes: all bonds different needs few of them.
        let bonds: Vec<_> = (1..14).map(|i| (i - 1, i, f64::from(i).sqrt())).collect();
        let h = heisenberg(14, &bonds);
        let basis = Basis::new(&**h.sector(), Memory::default()).unwrap();
        let packed = SparseMatrix::new(&h, &basis, Memory::default()).unwrap();
        let Entries::Packed {
            words,
            column_bits,
            values,
        } = &packed.entries
        else {
            panic!("13 values fit");
        };
        assert_eq!(values.len(), 13);
        let (columns, values) = unpacked(words, *column_bits, values);
        let full = SparseMatrix {
            entries: Entries::Full { columns, values },
            ..packed.clone()
        };
        assert!(packed.entries().eq(full.entries()), "entries differ");
        let x: Vec<f64> = crate::exact::vector::random_unit(basis.len(), 1);
        let (mut y, mut z) = (x.clone(), x.clone());
        packed.apply(&x, &mut y);
        full.apply(&x, &mut z);
        // Sums of at most 13 terms in another order.
        assert!(
            y.iter().zip(&z).all(|(y, z)| (y - z).abs() < 1e-14),
            "products differ"
        );
    }

    #[test]
    fn the_matrix_is_symmetric() {
        let h = tfim_ring(8, 0.7);
        let basis = Basis::new(&**h.sector(), Memory::default()).unwrap();
        let matrix = SparseMatrix::new(&h, &basis, Memory::default()).unwrap();
        let mut entries: Vec<_> = matrix
            .entries()
            .map(|(r, c, v)| (r, c, v.to_bits()))
            .collect();
        let mut turned: Vec<_> = matrix
            .entries()
            .map(|(r, c, v)| (c, r, v.to_bits()))
            .collect();
        entries.sort_unstable();
        turned.sort_unstable();
        assert_eq!(entries, turned);
        assert_eq!(matrix.off_diagonal_len(), 8 * 256);
    }
}
