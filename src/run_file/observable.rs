use super::Observable;
use ketwork_hamiltonians::{Action, Lattice, LocalSum, OperatorError, Pauli, Space, Term};
use num_complex::Complex64;

impl Observable {
    /// The word in run files and JSON lines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MeanSx => "mean_sx",
            Self::MeanSy => "mean_sy",
            Self::MeanSz => "mean_sz",
            Self::ZzNn => "zz_nn",
            Self::StaggeredSz => "staggered_sz",
            Self::Density => "density",
            Self::ParticleDensity => "particle_density",
            Self::Flux => "flux",
            Self::Energy => "energy",
        }
    }

    /// The operator on the qubits of a lattice, means taken over sites or bonds.
    ///
    /// `rotated` says that the model is written with one sublattice rotated by Z, see
    /// [`HamiltonianSection::is_rotated`](super::HamiltonianSection::is_rotated). `None` for what
    /// needs more than the lattice (energy, matter and flux of gauge chains) and for a mean over no
    /// bond.
    ///
    /// # Errors
    /// [`OperatorError`] cannot occur for lattices that exist; it is passed on all the same.
    pub fn on(
        self,
        lattice: &Lattice,
        rotated: bool,
    ) -> Result<Option<LocalSum<Complex64>>, OperatorError> {
        let n = lattice.n_sites();
        let each = 1.0 / n as f64;
        let (string, factor): (&[Pauli], _) = match self {
            Self::MeanSx => (&[Pauli::X], each),
            Self::MeanSy => (&[Pauli::Y], each),
            Self::MeanSz => (&[Pauli::Z], each),
            Self::StaggeredSz => (&[Pauli::Z], 0.5 * each),
            Self::Density => (&[Pauli::Z], -0.5 * each),
            Self::ZzNn if lattice.edges().is_empty() => return Ok(None),
            Self::ZzNn => (&[Pauli::Z, Pauli::Z], 1.0 / lattice.edges().len() as f64),
            Self::Energy | Self::ParticleDensity | Self::Flux => return Ok(None),
        };
        let sign = |site: usize| match self {
            Self::StaggeredSz if lattice.parity_of_cell(site) == 1 => -1.0,
            _ => 1.0,
        };
        let term = |sites: Vec<u32>, factor: f64| Term {
            sites,
            guard: Vec::new(),
            action: Action::Pauli(string.to_vec(), Complex64::from(factor)),
            coupling: 0,
        };
        let mut terms: Vec<_> = match self {
            Self::ZzNn => lattice
                .edges()
                .iter()
                .map(|&(a, b)| term(vec![a, b], factor))
                .collect(),
            _ => (0..n)
                .map(|s| term(vec![s as u32], sign(s) * factor))
                .collect(),
        };
        if self == Self::Density {
            // n = (1 - Z)/2: the constant, carried by the identity on site 0.
            let action = Action::Pauli(vec![Pauli::I], Complex64::from(0.5));
            terms.push(Term {
                sites: vec![0],
                guard: Vec::new(),
                action,
                coupling: 0,
            });
        }
        let sum = LocalSum::new(Space::qubits(n), terms, vec![("1".to_owned(), 1.0)])?;
        Ok(Some(match lattice.sublattice() {
            Some(marked) if rotated => sum.rotated_by_z(&marked),
            _ => sum,
        }))
    }

    /// The mean of a Pauli matrix over qubits on links; `None` for everything else.
    ///
    /// `electric` says that the configurations list eigenvalues of X, as those of
    /// [`Z2Gauge`](ketwork_hamiltonians::Z2Gauge) do: X and Z then change places and Y its sign.
    ///
    /// # Errors
    /// [`OperatorError`] cannot occur for lattices that exist; it is passed on all the same.
    pub fn on_links(
        self,
        n_links: usize,
        electric: bool,
    ) -> Result<Option<LocalSum<Complex64>>, OperatorError> {
        let (pauli, sign) = match (self, electric) {
            (Self::MeanSx, false) | (Self::MeanSz, true) => (Pauli::X, 1.0),
            (Self::MeanSz, false) | (Self::MeanSx, true) => (Pauli::Z, 1.0),
            (Self::MeanSy, false) => (Pauli::Y, 1.0),
            (Self::MeanSy, true) => (Pauli::Y, -1.0),
            _ => return Ok(None),
        };
        let factor = Complex64::from(sign / n_links as f64);
        let term = |link| Term {
            sites: vec![link],
            guard: Vec::new(),
            action: Action::Pauli(vec![pauli], factor),
            coupling: 0,
        };
        let terms = (0..n_links as u32).map(term).collect();
        let couplings = vec![("1".to_owned(), 1.0)];
        LocalSum::new(Space::qubits(n_links), terms, couplings).map(Some)
    }
}
