//! What a lattice is asked for: kind and boundaries, and why it is refused.

/// Why a lattice cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LatticeError {
    /// The number of extents or boundaries does not fit the kind.
    #[error("{what}: a {kind} lattice has {expected} directions, but {found} values are given")]
    Directions {
        /// `extent` or `boundary`.
        what: &'static str,
        /// Name of the kind.
        kind: &'static str,
        /// Dimension of the kind.
        expected: usize,
        /// Number of values.
        found: usize,
    },
    /// An extent is zero.
    #[error("extent: {extent:?} holds no site; every length must be at least 1")]
    Empty {
        /// The extents.
        extent: Vec<usize>,
    },
    /// There would be too many sites.
    #[error("extent: {extent:?} gives more than {limit} sites; choose a smaller lattice")]
    TooLarge {
        /// The extents.
        extent: Vec<usize>,
        /// Largest number of sites.
        limit: usize,
    },
    /// A pair of sites is nearest and next-nearest at once.
    #[error(
        "extent: sites {a} and {b} would be both nearest and next-nearest neighbours; \
         make the periodic directions longer or open"
    )]
    NextNearest {
        /// Smaller site.
        a: u32,
        /// Larger site.
        b: u32,
    },
    /// The sites are links already.
    #[error("kind: the sites of a {kind} lattice are links; take the lattice of their vertices")]
    NoLinks {
        /// Name of the kind.
        kind: &'static str,
    },
}

/// Whether a direction closes on itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Boundary {
    /// Open ends.
    Open,
    /// A ring.
    Periodic,
}

/// The kinds of lattice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LatticeKind {
    /// Sites in a row, extent `[L]`.
    Chain,
    /// L rungs of the given number of legs, extent `[L, legs]`.
    Ladder,
    /// Square lattice, 4 neighbours.
    Square,
    /// $a_1 = (1, 0)$, $a_2 = (1/2, \sqrt3/2)$, 6 neighbours at $\pm a_1, \pm a_2, \pm(a_2 - a_1)$.
    Triangular,
    /// The triangular vectors times $\sqrt3$, basis 0 and $(a_1 + a_2)/3$, 3 neighbours.
    Honeycomb,
    /// $a_1 = (2, 0)$, $a_2 = (1, \sqrt3)$, basis a = 0, b = $a_1/2$, c = $a_2/2$, 4 neighbours.
    Kagome,
    /// Cubic lattice, 6 neighbours.
    Cubic,
    /// The six links of each kagome cell as sites, at their midpoints: ab, ac, bc, b - a(+x),
    /// c - a(+y), b(x, y) - c(x + 1, y - 1). Links that share a vertex are neighbours, 6 for each.
    /// At open ends all six links of a cell are kept.
    KagomeLink,
}

impl LatticeKind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Chain,
        Self::Ladder,
        Self::Square,
        Self::Triangular,
        Self::Honeycomb,
        Self::Kagome,
        Self::Cubic,
        Self::KagomeLink,
    ];

    /// The name used in run files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chain => "chain",
            Self::Ladder => "ladder",
            Self::Square => "square",
            Self::Triangular => "triangular",
            Self::Honeycomb => "honeycomb",
            Self::Kagome => "kagome",
            Self::Cubic => "cubic",
            Self::KagomeLink => "kagome_link",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.name() == name)
    }

    /// Number of directions.
    #[must_use]
    pub fn dimension(self) -> usize {
        match self {
            Self::Chain => 1,
            Self::Cubic => 3,
            _ => 2,
        }
    }
}
