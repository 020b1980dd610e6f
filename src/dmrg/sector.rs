//! Sectors: a fixed sum of values gives charges, any other automaton a projector.

use crate::automaton::compile;
use crate::mpo::{Entry, Line, Mpo};
use crate::strings::Strings;
use crate::{DmrgError, Element};
use ketwork_hamiltonians::{Constraint, Hamiltonian, LocalMask, OnSpace};
use std::collections::BTreeMap;

/// Charge of each local value, and their sum over a configuration.
#[derive(Clone, Debug)]
pub(crate) struct Charges {
    pub(crate) values: Vec<i64>,
    pub(crate) total: i64,
}

/// The operator whose lowest state is the ground state in the sector.
#[derive(Debug)]
pub(crate) struct Restriction<T> {
    pub(crate) mpo: Mpo<T>,
    pub(crate) charges: Charges,
    /// Energy = lowest value + shift.
    pub(crate) shift: f64,
}

/// Widest automaton whose projector is formed: bonds of the operator grow with its square.
const WIDEST: usize = 32;

impl<T: Element> Restriction<T> {
    pub(crate) fn new<H: Hamiltonian<Elem = T>>(hamiltonian: &H) -> Result<Self, DmrgError> {
        let (sum, sector) = (hamiltonian.terms(), hamiltonian.sector());
        let d = sum.space().local_dim;
        let order = sector.order();
        if let Some(number) = sector.as_number() {
            let mut strings = Strings::new(sum, order, true)?;
            strings.restrict();
            return Ok(Self {
                mpo: compile(&strings),
                charges: Charges {
                    values: (0..d as i64).collect(),
                    total: number.total() as i64,
                },
                shift: 0.0,
            });
        }
        let charges = Charges {
            values: vec![0; d],
            total: 0,
        };
        let strings = Strings::new(sum, order, false)?;
        let Some(projector) = projector(sector.as_ref())? else {
            return Ok(Self {
                mpo: compile(&strings),
                charges,
                shift: 0.0,
            });
        };
        // All legal states lie below 0, where the illegal ones are.
        let shift = sum.norm_bound() + 1.0;
        let mpo = projector
            .times(&compile(&strings.plus(-shift)))
            .times(&projector);
        Ok(Self {
            mpo,
            charges,
            shift,
        })
    }
}

/// The projector on the legal configurations; none where all are legal.
fn projector<T: Element>(sector: &dyn Constraint) -> Result<Option<Mpo<T>>, DmrgError> {
    let (n, d) = (sector.order().len(), sector.space().local_dim);
    let mut start = vec![0; sector.words()];
    sector.start(&mut start);
    let mut states = BTreeMap::from([(start, 0)]);
    let mut sites = Vec::new();
    let mut lines = vec![Line::of_charges(&[0])];
    let mut free = true;
    for p in 0..n {
        let mut next: BTreeMap<Vec<u64>, usize> = BTreeMap::new();
        let mut steps = Vec::new();
        for (state, &a) in &states {
            let mask = sector.mask(state, p);
            free &= mask == LocalMask::all(d);
            for v in mask.values() {
                let mut after = state.clone();
                sector.advance(&mut after, p, v);
                // Every end is the same.
                let key = if p + 1 == n { Vec::new() } else { after };
                let number = next.len();
                let b = *next.entry(key).or_insert(number);
                steps.push(Entry {
                    a,
                    b,
                    row: v.into(),
                    col: v.into(),
                    weight: T::ONE,
                });
            }
        }
        if next.len() > WIDEST {
            return Err(DmrgError::SectorTooWide {
                states: next.len(),
                position: p,
                limit: WIDEST,
            });
        }
        lines.push(Line::of_charges(&vec![0; next.len()]));
        sites.push(steps);
        states = next;
    }
    Ok((!free).then(|| Mpo::from_parts(d, lines, sites)))
}
