use super::pairs::PairSum;
use super::{MeasureError, PairEstimate, Sampled, SiteOperator};
use crate::Estimate;
use ketwork_hamiltonians::Lattice;
use ketwork_models::Wavefunction;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// $\langle O_i\rangle$ and $\langle O_i O_j\rangle$ of all sites.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Correlations {
    means: Vec<Estimate>,
    /// i <= j, row by row.
    pairs: Vec<PairEstimate>,
}

impl Correlations {
    /// $\langle O_i\rangle$ of each site.
    #[must_use]
    pub fn means(&self) -> &[Estimate] {
        &self.means
    }

    /// $\langle O_i O_j\rangle$ and its connected part; at i = j the square of $O_i$.
    ///
    /// # Panics
    /// If there is no such site.
    #[track_caller]
    #[must_use]
    pub fn pair(&self, i: usize, j: usize) -> &PairEstimate {
        let (n, i, j) = (self.means.len(), i.min(j), i.max(j));
        assert!(j < n, "site {j} of {n}");
        &self.pairs[i * n + j - i * (i + 1) / 2]
    }

    /// The connected parts, for example for a matrix plot.
    ///
    /// # Shapes
    /// (N, N), symmetric.
    #[must_use]
    pub fn connected(&self) -> Array2<f64> {
        self.matrix(|p| p.connected.mean)
    }

    /// The errors of [`Self::connected`].
    ///
    /// # Shapes
    /// (N, N), symmetric.
    #[must_use]
    pub fn connected_errors(&self) -> Array2<f64> {
        self.matrix(|p| p.connected.error)
    }

    fn matrix(&self, of: impl Fn(&PairEstimate) -> f64) -> Array2<f64> {
        let n = self.means.len();
        Array2::from_shape_fn((n, n), |(i, j)| of(self.pair(i, j)))
    }
}

/// A correlation at one displacement, averaged over all pairs that translations map onto each other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Correlation {
    /// Shortest vector between the two sites, in lattice constants.
    pub displacement: [f64; 3],
    /// Its length.
    pub distance: f64,
    /// Number of pairs averaged over.
    pub n_pairs: usize,
    /// Means of $\langle O_i O_j\rangle$ and of $\langle O_i O_j\rangle - \langle O_i\rangle\langle O_j\rangle$
    /// over the pairs.
    pub mean: PairEstimate,
}

/// $S(k) = \frac1N \sum_{ij} e^{i k \cdot (r_i - r_j)} \langle O_i O_j\rangle$.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StructureFactor {
    /// Wave vector, in units of the inverse lattice constant.
    pub k: [f64; 3],
    /// S(k), and its connected part: without $|\sum_i e^{i k r_i} \langle O_i\rangle|^2 / N$.
    pub value: PairEstimate,
}

impl<W: Wavefunction + ?Sized> Sampled<'_, W> {
    /// Correlations of all pairs of sites.
    ///
    /// A diagonal operator needs one pass over the configurations; another one the amplitudes of all
    /// configurations that differ on one or two sites, N(N + 1)/2 for each sample of qubits. Memory:
    /// as many numbers for each sample. Errors of connected parts by [`crate::jackknife`].
    ///
    /// # Errors
    /// [`MeasureError::NotFinite`].
    ///
    /// # Panics
    /// If operator and state have different local dimensions.
    #[track_caller]
    pub fn correlations(&self, operator: &SiteOperator) -> Result<Correlations, MeasureError> {
        let n = self.psi.space().n_sites as u32;
        let sums: Vec<PairSum> = (0..n)
            .flat_map(|i| (i..n).map(move |j| vec![(i, j, 1.0)]))
            .collect();
        let found = self.pair_sums(operator, &sums)?;
        Ok(Correlations {
            means: found.means,
            pairs: found.sums,
        })
    }

    /// Correlations by displacement, averaged over the translations of the lattice, ascending in
    /// distance; distance 0 is the square on one site.
    ///
    /// (i, j) and (j, i) count once. Only translations along periodic directions are averaged over: on
    /// an open lattice every pair is its own.
    ///
    /// # Errors
    /// [`MeasureError::NotFinite`].
    ///
    /// # Panics
    /// If the lattice has another number of sites, or operator and state have different local
    /// dimensions.
    #[track_caller]
    pub fn correlations_by_displacement(
        &self,
        operator: &SiteOperator,
        lattice: &Lattice,
    ) -> Result<Vec<Correlation>, MeasureError> {
        self.check_lattice(lattice);
        let mut orbits: Vec<_> = orbits(lattice)
            .into_iter()
            .map(|pairs| {
                let (i, j) = pairs[0];
                let (i, j) = (i as usize, j as usize);
                (lattice.distance(i, j), lattice.displacement(i, j), pairs)
            })
            .collect();
        orbits.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.2.cmp(&b.2)));
        let sum = |pairs: &Vec<(u32, u32)>| -> PairSum {
            let each = 1.0 / pairs.len() as f64;
            pairs.iter().map(|&(i, j)| (i, j, each)).collect()
        };
        let sums: Vec<PairSum> = orbits.iter().map(|o| sum(&o.2)).collect();
        let found = self.pair_sums(operator, &sums)?;
        let correlation =
            |((distance, displacement, pairs), mean): ((f64, _, Vec<_>), _)| Correlation {
                displacement,
                distance,
                n_pairs: pairs.len(),
                mean,
            };
        Ok(orbits
            .into_iter()
            .zip(found.sums)
            .map(correlation)
            .collect())
    }

    /// Structure factors at the given wave vectors, see [`Lattice::momenta`].
    ///
    /// # Errors
    /// [`MeasureError::NotFinite`].
    ///
    /// # Panics
    /// If the lattice has another number of sites, or operator and state have different local
    /// dimensions.
    #[track_caller]
    pub fn structure_factor(
        &self,
        operator: &SiteOperator,
        lattice: &Lattice,
        momenta: &[[f64; 3]],
    ) -> Result<Vec<StructureFactor>, MeasureError> {
        self.check_lattice(lattice);
        let n = lattice.n_sites();
        let sum = |k: &[f64; 3]| -> PairSum {
            let term = |i: usize, j: usize| {
                let (a, b) = (lattice.position(i), lattice.position(j));
                let phase: f64 = (0..3).map(|c| k[c] * (a[c] - b[c])).sum();
                let times = if i == j { 1.0 } else { 2.0 };
                (i as u32, j as u32, times * phase.cos() / n as f64)
            };
            (0..n)
                .flat_map(|i| (i..n).map(move |j| term(i, j)))
                .collect()
        };
        let sums: Vec<PairSum> = momenta.iter().map(sum).collect();
        let found = self.pair_sums(operator, &sums)?;
        let factor = |(&k, value)| StructureFactor { k, value };
        Ok(momenta.iter().zip(found.sums).map(factor).collect())
    }

    #[track_caller]
    fn check_lattice(&self, lattice: &Lattice) {
        assert_eq!(
            lattice.n_sites(),
            self.psi.space().n_sites,
            "lattice and state must have the same sites"
        );
    }
}

/// Unordered pairs, sorted into the orbits of the translations.
fn orbits(lattice: &Lattice) -> Vec<Vec<(u32, u32)>> {
    let translations = lattice.translations();
    let n = lattice.n_sites() as u32;
    let mut orbits: BTreeMap<(u32, u32), Vec<(u32, u32)>> = BTreeMap::new();
    for i in 0..n {
        for j in i..n {
            let image = |t: &Vec<u32>| {
                let (a, b) = (t[i as usize], t[j as usize]);
                (a.min(b), a.max(b))
            };
            let first = translations.iter().map(image).min().unwrap_or((i, j));
            orbits.entry(first).or_default().push((i, j));
        }
    }
    orbits.into_values().collect()
}
