//! Configurations of a lattice: N sites with d local states each.
//!
//! A configuration is a row of N bytes, the value of site 0 first. For qubits value 0 is spin up,
//! Z = +1.

/// The product space of `n_sites` sites with `local_dim` states each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Space {
    /// Number of sites N.
    pub n_sites: usize,
    /// Local dimension d, between 2 and 64.
    pub local_dim: usize,
}

impl Space {
    /// A space of N sites with d states each.
    ///
    /// # Panics
    /// If `n_sites` is 0 or above `u32::MAX`, or `local_dim` is outside 2 to 64.
    #[track_caller]
    #[must_use]
    pub fn new(n_sites: usize, local_dim: usize) -> Self {
        assert!(
            n_sites > 0 && n_sites <= u32::MAX as usize,
            "{n_sites} sites: need 1 to 2^32 - 1"
        );
        assert!(
            (2..=64).contains(&local_dim),
            "local dimension {local_dim}: need 2 to 64"
        );
        Self { n_sites, local_dim }
    }

    /// N qubits.
    #[track_caller]
    #[must_use]
    pub fn qubits(n_sites: usize) -> Self {
        Self::new(n_sites, 2)
    }

    /// $d^N$ as a floating-point number, which cannot overflow for lattices of any practical size.
    #[must_use]
    pub fn dimension(&self) -> f64 {
        (self.local_dim as f64).powf(self.n_sites as f64)
    }
}

/// What lives on a [`Space`].
pub trait OnSpace {
    /// The space.
    fn space(&self) -> &Space;
}

/// An owned batch of configurations, row-major (B, N).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Configs {
    n_sites: usize,
    data: Vec<u8>,
}

/// A borrowed batch of configurations, row-major (B, N).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigsRef<'a> {
    n_sites: usize,
    data: &'a [u8],
}

impl Configs {
    /// An empty batch of configurations of `n_sites` sites.
    #[must_use]
    pub fn new(n_sites: usize) -> Self {
        Self {
            n_sites,
            data: Vec::new(),
        }
    }

    /// `len` configurations with all sites 0.
    #[must_use]
    pub fn zeros(len: usize, n_sites: usize) -> Self {
        Self {
            n_sites,
            data: vec![0; len * n_sites],
        }
    }

    /// Takes row-major data.
    ///
    /// # Panics
    /// If the length is not a multiple of `n_sites`.
    #[track_caller]
    #[must_use]
    pub fn from_data(n_sites: usize, data: Vec<u8>) -> Self {
        assert!(
            n_sites > 0 && data.len().is_multiple_of(n_sites),
            "{} values are no rows of {n_sites}",
            data.len()
        );
        Self { n_sites, data }
    }

    /// A view of all rows.
    #[must_use]
    pub fn view(&self) -> ConfigsRef<'_> {
        ConfigsRef {
            n_sites: self.n_sites,
            data: &self.data,
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Number of sites.
    #[must_use]
    pub fn n_sites(&self) -> usize {
        self.n_sites
    }

    /// Row `i`.
    #[must_use]
    pub fn row(&self, i: usize) -> &[u8] {
        &self.data[i * self.n_sites..(i + 1) * self.n_sites]
    }

    /// Row `i`, mutable.
    #[must_use]
    pub fn row_mut(&mut self, i: usize) -> &mut [u8] {
        &mut self.data[i * self.n_sites..(i + 1) * self.n_sites]
    }

    /// Appends a row.
    ///
    /// # Panics
    /// If `row` has the wrong length.
    #[track_caller]
    pub fn push(&mut self, row: &[u8]) {
        assert_eq!(row.len(), self.n_sites, "row length");
        self.data.extend_from_slice(row);
    }

    /// Appends all rows of `other`.
    #[track_caller]
    pub fn extend(&mut self, other: ConfigsRef<'_>) {
        assert_eq!(other.n_sites, self.n_sites, "row length");
        self.data.extend_from_slice(other.data);
    }

    /// Removes all rows and keeps the memory.
    pub fn clear(&mut self) {
        self.data.clear();
    }

    /// Sets the number of rows; new rows are 0.
    pub fn resize(&mut self, len: usize) {
        self.data.resize(len * self.n_sites, 0);
    }

    /// The row-major data.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The row-major data, mutable.
    #[must_use]
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }
}

impl<'a> ConfigsRef<'a> {
    /// A view of row-major data.
    ///
    /// # Panics
    /// If the length is not a multiple of `n_sites`.
    #[track_caller]
    #[must_use]
    pub fn new(n_sites: usize, data: &'a [u8]) -> Self {
        assert!(
            n_sites > 0 && data.len().is_multiple_of(n_sites),
            "{} values are no rows of {n_sites}",
            data.len()
        );
        Self { n_sites, data }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.data.len().checked_div(self.n_sites).unwrap_or(0)
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Number of sites.
    #[must_use]
    pub fn n_sites(&self) -> usize {
        self.n_sites
    }

    /// Row `i`.
    #[must_use]
    pub fn row(&self, i: usize) -> &'a [u8] {
        &self.data[i * self.n_sites..(i + 1) * self.n_sites]
    }

    /// All rows in order.
    pub fn rows(self) -> impl ExactSizeIterator<Item = &'a [u8]> {
        self.data.chunks_exact(self.n_sites.max(1))
    }

    /// The rows of a range.
    #[must_use]
    pub fn slice(&self, rows: std::ops::Range<usize>) -> Self {
        Self {
            n_sites: self.n_sites,
            data: &self.data[rows.start * self.n_sites..rows.end * self.n_sites],
        }
    }

    /// The row-major data.
    #[must_use]
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// An owned copy.
    #[must_use]
    pub fn to_owned(&self) -> Configs {
        Configs {
            n_sites: self.n_sites,
            data: self.data.to_vec(),
        }
    }
}

/// Configurations given by what differs from a parent: changes, not copies.
///
/// # Shapes
/// For K neighbours `parent` has length K and `offset` length K + 1; the changes of neighbour k are
/// `site[offset[k]..offset[k + 1]]` with the new `value` of each. Parents never decrease with k.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbours {
    /// Row of the parent in the batch.
    pub parent: Vec<u32>,
    /// Start of each neighbour's changes, and the end of the last.
    pub offset: Vec<u32>,
    /// Changed sites.
    pub site: Vec<u32>,
    /// New values.
    pub value: Vec<u8>,
}

impl Default for Neighbours {
    fn default() -> Self {
        Self {
            parent: Vec::new(),
            offset: vec![0],
            site: Vec::new(),
            value: Vec::new(),
        }
    }
}

impl Neighbours {
    /// Number of neighbours K.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parent.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parent.is_empty()
    }

    /// Removes all and keeps the memory.
    pub fn clear(&mut self) {
        self.parent.clear();
        self.offset.clear();
        self.offset.push(0);
        self.site.clear();
        self.value.clear();
    }

    /// Keeps the first `len` neighbours.
    pub fn truncate(&mut self, len: usize) {
        if len < self.len() {
            self.parent.truncate(len);
            self.offset.truncate(len + 1);
            self.site.truncate(self.offset[len] as usize);
            self.value.truncate(self.offset[len] as usize);
        }
    }

    /// The (site, value) changes of neighbour k.
    pub fn changes(&self, k: usize) -> impl ExactSizeIterator<Item = (usize, u8)> + Clone + '_ {
        let range = self.offset[k] as usize..self.offset[k + 1] as usize;
        self.site[range.clone()]
            .iter()
            .zip(&self.value[range])
            .map(|(&s, &v)| (s as usize, v))
    }

    /// Appends a neighbour of row `parent`.
    pub fn push(&mut self, parent: usize, changes: impl IntoIterator<Item = (usize, u8)>) {
        for (site, value) in changes {
            self.site.push(site as u32);
            self.value.push(value);
        }
        self.parent.push(parent as u32);
        self.offset.push(self.site.len() as u32);
    }

    /// Writes neighbour k as a full configuration.
    pub fn write(&self, k: usize, parents: ConfigsRef<'_>, out: &mut [u8]) {
        out.copy_from_slice(parents.row(self.parent[k] as usize));
        for (site, value) in self.changes(k) {
            out[site] = value;
        }
    }
}
