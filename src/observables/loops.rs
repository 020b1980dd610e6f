//! Paths of links: where the loop operators of a gauge theory act.

use ketwork_hamiltonians::{LatticeError, LatticeKind, Links};

/// Why a path of links cannot be drawn.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LoopError {
    /// The lattice is not made of squares.
    #[error("loops of links live on square lattices and ladders, not on a {kind} lattice")]
    Kind {
        /// Name of the lattice's kind.
        kind: &'static str,
    },
    /// There is no such vertex.
    #[error("vertex {vertex} of {n_vertices}; choose a vertex of the lattice")]
    Vertex {
        /// The vertex.
        vertex: usize,
        /// Vertices there are.
        n_vertices: usize,
    },
    /// The rectangle has no area.
    #[error("a rectangle of {width} by {height} encloses nothing; take at least 1 by 1")]
    Empty {
        /// Plaquettes along x.
        width: usize,
        /// Plaquettes along y.
        height: usize,
    },
    /// The path leaves the lattice, or meets itself around the torus.
    #[error(
        "a path of {steps} links in direction {direction} leaves the lattice of {extent} or meets itself; \
         take fewer"
    )]
    TooLong {
        /// Links asked for.
        steps: usize,
        /// Direction, 0 = x.
        direction: usize,
        /// Vertices in that direction.
        extent: usize,
    },
    /// The lattice has no links.
    #[error(transparent)]
    Lattice(#[from] LatticeError),
}

/// The links around a rectangle of plaquettes on a square lattice, lower left corner at `vertex`:
/// the path of a Wilson loop. A side may be as long as the lattice less one.
///
/// # Errors
/// [`LoopError`].
///
/// # Examples
/// ```
/// use ketwork::hamiltonians::{Boundary, Lattice, Links};
/// let links = Links::new(&Lattice::square([4, 4], Boundary::Periodic)?)?;
/// assert_eq!(ketwork::rectangle_loop(&links, 0, [1, 1])?, links.plaquettes()[0]);
/// assert_eq!(ketwork::rectangle_loop(&links, 5, [2, 3])?.len(), 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn rectangle_loop(
    links: &Links,
    vertex: usize,
    [width, height]: [usize; 2],
) -> Result<Vec<u32>, LoopError> {
    check(links, vertex)?;
    if width == 0 || height == 0 {
        return Err(LoopError::Empty { width, height });
    }
    for (direction, steps) in [(0, width), (1, height)] {
        let extent = links.lattice().extent()[direction];
        if steps >= extent {
            return Err(LoopError::TooLong {
                steps,
                direction,
                extent,
            });
        }
    }
    let (bottom, right) = walk(links, vertex, 0, width)?;
    let (left, top) = walk(links, vertex, 1, height)?;
    let mut all = bottom;
    all.extend(walk(links, right, 1, height)?.0);
    all.extend(walk(links, top, 0, width)?.0);
    all.extend(left);
    Ok(all)
}

/// The links in `direction` that a straight line across it cuts, from `vertex` on for `steps`
/// vertices: the path of a 't Hooft line, whose product of electric fields creates two vortices. All
/// around a torus it is [`Links::cut`], which measures the winding sector.
///
/// # Errors
/// [`LoopError`].
pub fn dual_line(
    links: &Links,
    vertex: usize,
    direction: usize,
    steps: usize,
) -> Result<Vec<u32>, LoopError> {
    check(links, vertex)?;
    let across = 1 - direction;
    let extent = links.lattice().extent()[across];
    let too_long = |direction| LoopError::TooLong {
        steps,
        direction,
        extent,
    };
    if steps > extent {
        return Err(too_long(across));
    }
    let (mut at, mut all) = (vertex, Vec::new());
    for step in 0..steps {
        all.push(links.link(at, direction).ok_or(too_long(direction))?);
        if step + 1 < steps {
            at = walk(links, at, across, 1)?.1;
        }
    }
    Ok(all)
}

fn check(links: &Links, vertex: usize) -> Result<(), LoopError> {
    let kind = links.lattice().kind();
    if !matches!(kind, LatticeKind::Square | LatticeKind::Ladder) {
        return Err(LoopError::Kind { kind: kind.name() });
    }
    let n_vertices = links.lattice().n_sites();
    if vertex >= n_vertices {
        return Err(LoopError::Vertex { vertex, n_vertices });
    }
    Ok(())
}

/// The links of a straight path and the vertex at its end.
fn walk(
    links: &Links,
    vertex: usize,
    direction: usize,
    steps: usize,
) -> Result<(Vec<u32>, usize), LoopError> {
    let (mut at, mut all) = (vertex, Vec::new());
    for _ in 0..steps {
        let link = links.link(at, direction).ok_or(LoopError::TooLong {
            steps,
            direction,
            extent: links.lattice().extent()[direction],
        })?;
        all.push(link);
        at = links.edge(link as usize).1 as usize;
    }
    Ok((all, at))
}
