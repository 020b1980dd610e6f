//! Products of one-site factors over any number of sites: Wilson loops, 't Hooft lines, string order.

use ketwork_hamiltonians::{
    ConfigsRef, Connected, OnSpace, Operator, OperatorError, Pauli, Scalar, Space,
};
use num_complex::Complex64;

/// One row of a factor: the only value that it leads to and the element there, `None` for a row of
/// zeros.
type Row<T> = Option<(u8, T)>;

/// A product $O = \prod_{s \in A} O_s$ of one-site matrices with at most one element in each row.
///
/// Pauli matrices, clock and shift matrices, projectors and all diagonal matrices are of this kind,
/// so a row of the product has one element however many sites it has: one amplitude for each sample.
/// An [`Operator`] like any other: [`crate::Sampled::expectation`] measures it with an error bar,
/// [`crate::exact::expectation`] is the twin. What leads out of the sector drops out.
///
/// # Examples
/// The Wilson loop around one plaquette of a Z2 gauge theory, whose configurations are electric
/// fields (see [`ketwork_hamiltonians::Z2Gauge`]), so that the loop flips them:
/// ```
/// use ketwork::exact::{LanczosParams, expectation, ground_state};
/// use ketwork::hamiltonians::{Boundary, Lattice, Links, OnSpace, Pauli, Z2Gauge};
/// use ketwork::{ProductOperator, rectangle_loop};
///
/// let torus = Lattice::square([3, 3], Boundary::Periodic)?;
/// let model = Z2Gauge::new(0.1).on(&torus)?;
/// let around = rectangle_loop(&Links::new(&torus)?, 0, [1, 1])?;
/// let w = ProductOperator::<f64>::pauli(*model.space(), &around, Pauli::X)?;
/// let ground = ground_state(&model, &LanczosParams::default())?;
/// let value = expectation(&w, &ground.basis, &ground.vectors[0]).re;
/// assert!(value > 0.98 && value < 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ProductOperator<T> {
    space: Space,
    factors: Vec<(u32, Vec<Row<T>>)>,
}

impl<T: Scalar> ProductOperator<T> {
    /// The product of the given factors: for each site the d rows of its matrix.
    ///
    /// # Errors
    /// [`OperatorError`] for a site outside, a site named twice, rows that do not fit the local
    /// dimension, or elements that are not finite.
    pub fn new(space: Space, factors: Vec<(u32, Vec<Row<T>>)>) -> Result<Self, OperatorError> {
        let mut seen = vec![false; space.n_sites];
        for (site, rows) in &factors {
            match seen.get_mut(*site as usize) {
                None => {
                    return Err(OperatorError::SiteOutOfRange {
                        term: 0,
                        site: *site,
                        n_sites: space.n_sites,
                    });
                }
                Some(true) => {
                    return Err(OperatorError::RepeatedSite {
                        term: 0,
                        site: *site,
                    });
                }
                Some(seen) => *seen = true,
            }
            let d = space.local_dim;
            if rows.len() != d || rows.iter().flatten().any(|(v, _)| usize::from(*v) >= d) {
                return Err(OperatorError::WrongShape {
                    term: 0,
                    n_sites: factors.len(),
                    local_dim: d,
                });
            }
            if rows.iter().flatten().any(|(_, e)| !e.is_finite()) {
                return Err(OperatorError::NotFinite {
                    what: format!("an element of the factor on site {site}"),
                });
            }
        }
        Ok(Self { space, factors })
    }

    /// The same Pauli matrix on several qubits.
    ///
    /// # Errors
    /// As [`Self::new`]; [`OperatorError::NeedsComplex`] for Y with real elements.
    pub fn pauli(space: Space, sites: &[u32], letter: Pauli) -> Result<Self, OperatorError> {
        let element = |e: Complex64| T::from_complex(e);
        let mut rows = Vec::new();
        for row in 0..2 {
            let (column, e) = letter.row(row);
            let e = element(e).ok_or(OperatorError::NeedsComplex { term: 0 })?;
            rows.push(Some((column as u8, e)));
        }
        Self::new(space, sites.iter().map(|&s| (s, rows.clone())).collect())
    }

    /// A diagonal matrix on each of several sites.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn diagonal(space: Space, factors: &[(u32, &[T])]) -> Result<Self, OperatorError> {
        let rows = |values: &[T]| (0..).zip(values).map(|(v, &e)| Some((v, e))).collect();
        Self::new(space, factors.iter().map(|&(s, v)| (s, rows(v))).collect())
    }

    /// The shift $|v\rangle \to |v + \text{by} \bmod d\rangle$ on each of several sites: the
    /// parallel transport of a Z_d gauge field, whose product along a loop is its Wilson loop.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn shift(space: Space, sites: &[(u32, i64)]) -> Result<Self, OperatorError> {
        let d = space.local_dim as i64;
        // Row v of the shift holds the value that is carried to v.
        let rows = |by: i64| {
            let from = |v: i64| Some(((v - by).rem_euclid(d) as u8, T::ONE));
            (0..d).map(from).collect()
        };
        Self::new(space, sites.iter().map(|&(s, by)| (s, rows(by))).collect())
    }

    /// The partial shift $|v\rangle \to |v + \text{by}\rangle$ on each of several sites, 0 where that is no
    /// value: the parallel transport of quantum links, whose fields end at the spin.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn ladder(space: Space, sites: &[(u32, i64)]) -> Result<Self, OperatorError> {
        let d = space.local_dim as i64;
        let rows = |by: i64| {
            let from = |v: i64| (0..d).contains(&(v - by)).then(|| ((v - by) as u8, T::ONE));
            (0..d).map(from).collect()
        };
        Self::new(space, sites.iter().map(|&(s, by)| (s, rows(by))).collect())
    }

    /// String order $O_i \prod_{i < k < j} M_k\, O_j$ of sites in their numbering, all diagonal:
    /// `end` holds the values of O, `between` those of M.
    ///
    /// For spin 1, `end` = (1, 0, -1) and `between` = (-1, 1, -1) give the hidden order of the
    /// Haldane phase, with a sign.
    ///
    /// # Errors
    /// As [`Self::new`]; the ends must be two sites in ascending order, else
    /// [`OperatorError::RepeatedSite`].
    ///
    /// # References
    /// M. den Nijs, K. Rommelse, Phys. Rev. B 40, 4709 (1989).
    pub fn string_order(
        space: Space,
        (i, j): (u32, u32),
        end: &[T],
        between: &[T],
    ) -> Result<Self, OperatorError> {
        if i >= j {
            return Err(OperatorError::RepeatedSite { term: 0, site: i });
        }
        let mut factors = vec![(i, end)];
        factors.extend((i + 1..j).map(|k| (k, between)));
        factors.push((j, end));
        Self::diagonal(space, &factors)
    }
}

impl<T> OnSpace for ProductOperator<T> {
    fn space(&self) -> &Space {
        &self.space
    }
}

impl<T: Scalar> Operator for ProductOperator<T> {
    type Elem = T;

    fn connected(&self, x: ConfigsRef<'_>, out: &mut Connected<T>) {
        out.clear();
        let mut changes = Vec::new();
        for (b, row) in x.rows().enumerate() {
            changes.clear();
            let mut element = Some(T::ONE);
            for (site, rows) in &self.factors {
                let old = row[*site as usize];
                element = rows[usize::from(old)].and_then(|(new, e)| {
                    if new != old {
                        changes.push((*site as usize, new));
                    }
                    element.map(|all| all * e)
                });
                if element.is_none() {
                    break;
                }
            }
            let element = element.unwrap_or(T::ZERO);
            let is_diagonal = changes.is_empty();
            out.diagonal
                .push(if is_diagonal { element } else { T::ZERO });
            if !is_diagonal && element != T::ZERO {
                out.element.push(element);
                out.neighbours.push(b, changes.iter().copied());
            }
        }
    }
}
