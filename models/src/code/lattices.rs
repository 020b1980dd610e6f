use super::{CheckKind, CodeError, StabilizerState};
use ketwork_hamiltonians::Links;

/// Which state of a code: the checks with value -1, and the logical operators that are pinned.
///
/// The default is the ground state in which all values of the logical products of Z are superposed
/// with equal weight.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeSector {
    /// Flipped checks of Z type, as numbers of [`Links::plaquettes`] or [`Links::cubes`]. One that
    /// stands twice is not flipped.
    pub z: Vec<usize>,
    /// Flipped checks of X type, as numbers of [`Links::stars`] or [`Links::plane_stars`].
    pub x: Vec<usize>,
    /// Further products of Z (links, whether -1): closed loops, such as [`Links::line`] where a cell has one vertex.
    pub pinned_z: Vec<(Vec<u32>, bool)>,
    /// Further products of X (links, whether -1): closed surfaces, such as [`Links::cut`].
    pub pinned_x: Vec<(Vec<u32>, bool)>,
}

impl StabilizerState {
    /// An eigenstate of the toric code on the links of a lattice of two or three dimensions, checks and
    /// signs as in [`ToricCode`](ketwork_hamiltonians::ToricCode): energy $-\#\text{stars} -
    /// \#\text{plaquettes} + 2\, \#\text{flipped}$.
    ///
    /// In three dimensions the six plaquettes of a cube multiply to the identity, so that flipped ones
    /// form closed loops through the cubes; flipped stars come in pairs on any torus.
    ///
    /// # Errors
    /// [`CodeError`] for impossible flips, pins that do not commute, or one dimension.
    ///
    /// # Examples
    /// ```
    /// use ketwork_hamiltonians::{Boundary, Lattice, Links};
    /// use ketwork_models::{CodeSector, StabilizerState};
    /// let links = Links::new(&Lattice::square([32, 32], Boundary::Periodic)?)?;
    /// let ground = StabilizerState::toric_code(&links, &CodeSector::default())?;
    /// assert_eq!(ground.log2_support(), 2048 - 1023);
    /// let pair = CodeSector { z: vec![0, 77], ..CodeSector::default() };
    /// StabilizerState::toric_code(&links, &pair)?;
    /// let single = CodeSector { z: vec![5], ..CodeSector::default() };
    /// assert!(StabilizerState::toric_code(&links, &single).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # References
    /// A. Kitaev, Ann. Phys. 303, 2 (2003).
    pub fn toric_code(links: &Links, sector: &CodeSector) -> Result<Self, CodeError> {
        needs("the toric code", 2, links)?;
        Self::of_code(links, links.plaquettes(), links.stars(), sector)
    }

    /// An eigenstate of the X-cube model on the links of a cubic lattice, checks and signs as in
    /// [`XCube`](ketwork_hamiltonians::XCube).
    ///
    /// The product of all cubes of a layer is the identity, and so is that of the three stars at a
    /// vertex: cubes are flipped four at a time, stars two at each vertex.
    ///
    /// # Errors
    /// [`CodeError`] for impossible flips, pins that do not commute, or fewer than three dimensions.
    ///
    /// # References
    /// S. Vijay, J. Haah, L. Fu, Phys. Rev. B 94, 235157 (2016).
    pub fn x_cube(links: &Links, sector: &CodeSector) -> Result<Self, CodeError> {
        needs("the X-cube model", 3, links)?;
        Self::of_code(links, links.cubes(), links.plane_stars(), sector)
    }

    fn of_code(
        links: &Links,
        z: Vec<Vec<u32>>,
        x: Vec<Vec<u32>>,
        sector: &CodeSector,
    ) -> Result<Self, CodeError> {
        let mut z = flipped(CheckKind::Z, z, &sector.z)?;
        let mut x = flipped(CheckKind::X, x, &sector.x)?;
        z.extend(sector.pinned_z.iter().cloned());
        x.extend(sector.pinned_x.iter().cloned());
        Self::new(links.snake_order(), &z, &x)
    }
}

fn needs(code: &'static str, needed: usize, links: &Links) -> Result<(), CodeError> {
    let found = links.lattice().kind().dimension();
    if found < needed || links.n_links() == 0 {
        return Err(CodeError::Dimension {
            code,
            needed,
            found,
        });
    }
    Ok(())
}

fn flipped(
    kind: CheckKind,
    checks: Vec<Vec<u32>>,
    flips: &[usize],
) -> Result<Vec<(Vec<u32>, bool)>, CodeError> {
    let count = checks.len();
    let mut checks: Vec<_> = checks.into_iter().map(|sites| (sites, false)).collect();
    for &index in flips {
        let check = checks.get_mut(index);
        check.ok_or(CodeError::NoCheck { kind, index, count })?.1 ^= true;
    }
    Ok(checks)
}
