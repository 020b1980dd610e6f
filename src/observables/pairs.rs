//! Weighted sums over pairs of sites, $\sum_{(i,j)} w_{ij}\, O_i O_j$: what correlations, averages over
//! displacements and structure factors have in common.

use super::{MeasureError, Sampled, SiteOperator};
use crate::{Estimate, jackknife};
use ketwork_hamiltonians::{ConfigsRef, Neighbours, Scalar};
use ketwork_models::Wavefunction;
use num_complex::Complex64;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Amplitudes evaluated in one call, at least those of one sample.
const BATCH: usize = 1 << 13;

/// A sum over pairs of sites with and without the product of means.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairEstimate {
    /// $\sum w_{ij} \langle O_i O_j\rangle$.
    pub total: Estimate,
    /// $\sum w_{ij} (\langle O_i O_j\rangle - \langle O_i\rangle\langle O_j\rangle)$, error by jackknife.
    pub connected: Estimate,
}

/// (i, j, weight).
pub(super) type PairSum = Vec<(u32, u32, f64)>;

/// The means of all sites and one estimate for each sum.
pub(super) struct PairSums {
    pub(super) means: Vec<Estimate>,
    pub(super) sums: Vec<PairEstimate>,
}

/// Local estimates by sample: N of single sites, then one for each sum.
type Columns = Vec<Vec<f64>>;

impl<W: Wavefunction + ?Sized> Sampled<'_, W> {
    #[track_caller]
    pub(super) fn pair_sums(
        &self,
        operator: &SiteOperator,
        sums: &[PairSum],
    ) -> Result<PairSums, MeasureError> {
        let space = self.psi.space();
        let n = space.n_sites;
        assert_eq!(
            operator.local_dim(),
            space.local_dim,
            "site operator and state must share a local dimension"
        );
        let inside = |&(i, j, _): &(u32, u32, f64)| (i.max(j) as usize) < n;
        assert!(
            sums.iter().flatten().all(inside),
            "pairs are two sites below {n}"
        );
        self.check(&self.samples.log_psi, "log-amplitude")?;
        let mut columns = if operator.is_diagonal() {
            self.diagonal_columns(operator, sums)
        } else {
            self.columns(operator, sums)
        };
        for column in &mut columns {
            // A row of weight 0 may hold anything, and 0 times infinity is NaN.
            for (value, w) in column.iter_mut().zip(&self.samples.weight) {
                *value = if *w > 0.0 { *value } else { 0.0 };
            }
            self.check(column, "local estimate of a correlation")?;
        }
        let (sites, products) = columns.split_at(n);
        let means = sites.iter().map(|c| Estimate::of(self.samples, c));
        let estimate = |(terms, column): (&PairSum, &Vec<f64>)| {
            // Only the sites of the sum enter: places of their columns behind that of the sum.
            let mut places = BTreeMap::new();
            let mut used = vec![column.as_slice()];
            for site in terms.iter().flat_map(|&(i, j, _)| [i, j]) {
                places.entry(site).or_insert_with(|| {
                    used.push(&sites[site as usize]);
                    used.len() - 1
                });
            }
            let local: Vec<_> = terms
                .iter()
                .map(|(i, j, w)| (places[i], places[j], *w))
                .collect();
            let connected =
                |m: &[f64]| m[0] - local.iter().map(|&(i, j, w)| w * m[i] * m[j]).sum::<f64>();
            PairEstimate {
                total: Estimate::of(self.samples, column),
                connected: jackknife(self.samples, &used, connected),
            }
        };
        Ok(PairSums {
            means: means.collect(),
            sums: sums.par_iter().zip(products).map(estimate).collect(),
        })
    }

    /// One pass over the configurations, no amplitude.
    fn diagonal_columns(&self, operator: &SiteOperator, sums: &[PairSum]) -> Columns {
        let x = self.samples.x.view();
        let value: Vec<f64> = (0..operator.local_dim() as u8)
            .map(|v| operator.element(v, v).re)
            .collect();
        let of = |row: &[u8], site: u32| value[usize::from(row[site as usize])];
        let site = |s: u32| x.rows().map(|row| of(row, s)).collect();
        let pair_sum = |terms: &PairSum| {
            let on = |row| {
                let term = |&(i, j, w): &(u32, u32, f64)| w * of(row, i) * of(row, j);
                terms.iter().map(term).sum()
            };
            x.rows().map(on).collect()
        };
        let mut columns: Columns = (0..x.n_sites() as u32).map(site).collect();
        columns.par_extend(sums.par_iter().map(pair_sum));
        columns
    }

    /// Local estimates from the amplitudes of all configurations that differ on one or two sites.
    fn columns(&self, operator: &SiteOperator, sums: &[PairSum]) -> Columns {
        let x = self.samples.x.view();
        let mut pairs = BTreeMap::new();
        for &(i, j, _) in sums.iter().flatten() {
            pairs.insert((i.min(j), i.max(j)), 0);
        }
        for (place, number) in pairs.values_mut().enumerate() {
            *number = place;
        }
        let of = |terms: &PairSum| -> Vec<(usize, f64)> {
            let term = |&(i, j, w): &(u32, u32, f64)| (pairs[&(i.min(j), i.max(j))], w);
            terms.iter().map(term).collect()
        };
        let sums: Vec<_> = sums.iter().map(of).collect();
        let pairs: Vec<(u32, u32)> = pairs.into_keys().collect();
        let others = operator.local_dim() - 1;
        let each = x.n_sites() * others + pairs.len() * others * others;
        let block = (BATCH / each.max(1)).max(1);
        let square = operator.squared();
        let rows: Vec<Vec<f64>> = (0..x.len().div_ceil(block))
            .into_par_iter()
            .map(|i| {
                let rows = i * block..x.len().min((i + 1) * block);
                let log = &self.samples.log_psi[rows.clone()];
                let local = Ratios::new(operator, &square, &pairs, x.slice(rows));
                local.estimates(self.psi, self.theta, log, &sums)
            })
            .collect();
        let width = x.n_sites() + sums.len();
        let column = |c: usize| {
            let rows = rows.iter().flat_map(|block| block.chunks_exact(width));
            rows.map(|row| row[c]).collect()
        };
        (0..width).map(column).collect()
    }
}

/// Local estimates of single sites and pairs for one block of samples.
struct Ratios<'a> {
    pairs: &'a [(u32, u32)],
    x: ConfigsRef<'a>,
    near: Neighbours,
    /// For each neighbour: the quantity it belongs to (N sites, then the pairs) and the element.
    uses: Vec<(usize, Complex64)>,
    /// Start of each sample's neighbours.
    start: Vec<usize>,
    /// Contributions of the parent itself, by sample and quantity.
    own: Vec<Complex64>,
    /// Contributions of single changes to other quantities: (neighbour, quantity, element).
    shared: Vec<(usize, usize, Complex64)>,
}

impl<'a> Ratios<'a> {
    fn new(
        operator: &SiteOperator,
        square: &SiteOperator,
        pairs: &'a [(u32, u32)],
        x: ConfigsRef<'a>,
    ) -> Self {
        let (n, d) = (x.n_sites(), operator.local_dim() as u8);
        let width = n + pairs.len();
        let mut this = Self {
            pairs,
            x,
            near: Neighbours::default(),
            uses: Vec::new(),
            start: vec![0],
            own: vec![Complex64::ZERO; x.len() * width],
            shared: Vec::new(),
        };
        // Place of the neighbour with one changed site, by site and value.
        let mut single = vec![usize::MAX; n * usize::from(d)];
        for (b, row) in x.rows().enumerate() {
            let own = &mut this.own[b * width..(b + 1) * width];
            for (site, &v) in row.iter().enumerate() {
                own[site] = operator.element(v, v);
                for to in (0..d).filter(|&to| to != v) {
                    single[site * usize::from(d) + usize::from(to)] = this.near.len();
                    this.near.push(b, [(site, to)]);
                    this.uses.push((site, operator.element(v, to)));
                }
            }
            for (p, &(i, j)) in pairs.iter().enumerate() {
                let (i, j) = (i as usize, j as usize);
                let (v, w) = (row[i], row[j]);
                let at = |site: usize, to: u8| single[site * usize::from(d) + usize::from(to)];
                let changed = |from: u8| (0..d).filter(move |&to| to != from);
                if i == j {
                    own[n + p] = square.element(v, v);
                    for to in changed(v) {
                        this.shared.push((at(i, to), n + p, square.element(v, to)));
                    }
                    continue;
                }
                let (on_i, on_j) = (operator.element(v, v), operator.element(w, w));
                own[n + p] = on_i * on_j;
                for to in changed(v) {
                    let element = operator.element(v, to) * on_j;
                    this.shared.push((at(i, to), n + p, element));
                }
                for to in changed(w) {
                    let element = on_i * operator.element(w, to);
                    this.shared.push((at(j, to), n + p, element));
                }
                for a in changed(v) {
                    for c in changed(w) {
                        let element = operator.element(v, a) * operator.element(w, c);
                        if element != Complex64::ZERO {
                            this.near.push(b, [(i, a), (j, c)]);
                            this.uses.push((n + p, element));
                        }
                    }
                }
            }
            this.start.push(this.near.len());
        }
        this.shared.retain(|(_, _, e)| *e != Complex64::ZERO);
        this
    }

    /// Real parts, by sample: N sites, then the sums.
    fn estimates<W: Wavefunction + ?Sized>(
        &self,
        psi: &W,
        theta: &[f64],
        log_psi: &[W::Log],
        sums: &[Vec<(usize, f64)>],
    ) -> Vec<f64> {
        let (n, width) = (self.x.n_sites(), self.x.n_sites() + self.pairs.len());
        let mut log = vec![W::Log::ZERO; self.near.len()];
        psi.log_psi_neighbours(theta, self.x, &self.near, &mut log);
        let parents = &self.near.parent;
        let ratio = |k: usize| {
            if log[k].re() == f64::NEG_INFINITY {
                return Complex64::ZERO;
            }
            (log[k] - log_psi[parents[k] as usize]).exp().to_complex()
        };
        let ratios: Vec<Complex64> = (0..log.len()).map(ratio).collect();
        let mut local = self.own.clone();
        for (k, &(quantity, element)) in self.uses.iter().enumerate() {
            local[parents[k] as usize * width + quantity] += element * ratios[k];
        }
        for &(k, quantity, element) in &self.shared {
            local[parents[k] as usize * width + quantity] += element * ratios[k];
        }
        let mut out = Vec::with_capacity(self.x.len() * (n + sums.len()));
        for local in local.chunks_exact(width) {
            out.extend(local[..n].iter().map(|v| v.re));
            let pair_sum = |terms: &Vec<(usize, f64)>| {
                terms.iter().map(|&(p, w)| w * local[n + p].re).sum::<f64>()
            };
            out.extend(sums.iter().map(pair_sum));
        }
        out
    }
}
