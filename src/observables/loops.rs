//! Paths of links: where the loop operators of a gauge theory act.

use ketwork_hamiltonians::{LatticeError, LatticeKind, Links};

/// Why a path of links cannot be drawn.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LoopError {
    /// The lattice is not made of squares, or dual lines were asked for in three dimensions.
    #[error(
        "this path is drawn on square lattices and ladders, by oriented_loop on cubic lattices too, but not \
         on a {kind} lattice"
    )]
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
    let path = oriented_loop(links, vertex, [0, 1], [width, height])?;
    Ok(path.into_iter().map(|(link, _)| link).collect())
}

/// The links around a rectangle in the plane of two directions, each with the sign in which it is
/// passed: the path of a Wilson loop of a gauge group that tells them apart. It starts at `vertex`, runs
/// along the first direction, then along the second, and back.
///
/// Of Z_N fields the loop is [`ProductOperator::shift`](crate::ProductOperator::shift), of U(1)
/// quantum links [`ProductOperator::ladder`](crate::ProductOperator::ladder) with opposite signs,
/// because a value falls as its field rises.
///
/// # Errors
/// [`LoopError`].
///
/// # Panics
/// If the directions are equal or do not exist.
///
/// # Examples
/// ```
/// use ketwork::hamiltonians::{Boundary, Lattice, Links, OnSpace, ZnGauge};
/// let torus = Lattice::cubic([3; 3], Boundary::Periodic)?;
/// let links = Links::new(&torus)?;
/// let model = ZnGauge { n: 3, g: 0.5 }.on(&torus)?;
/// let path = ketwork::oriented_loop(&links, 0, [1, 2], [2, 1])?;
/// assert_eq!(path.iter().map(|p| p.1).sum::<i64>(), 0);
/// let wilson = ketwork::ProductOperator::<f64>::shift(*model.space(), &path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn oriented_loop(
    links: &Links,
    vertex: usize,
    directions: [usize; 2],
    sides: [usize; 2],
) -> Result<Vec<(u32, i64)>, LoopError> {
    check_plane(links, vertex)?;
    let extent = links.lattice().extent();
    let [a, b] = directions;
    assert!(a != b, "two different directions span a plane");
    assert!(
        a.max(b) < extent.len(),
        "directions {a} and {b} of {}",
        extent.len()
    );
    let [width, height] = sides;
    if width == 0 || height == 0 {
        return Err(LoopError::Empty { width, height });
    }
    for (direction, steps) in directions.into_iter().zip(sides) {
        let extent = extent[direction];
        if steps >= extent {
            return Err(LoopError::TooLong {
                steps,
                direction,
                extent,
            });
        }
    }
    let (bottom, right) = walk(links, vertex, a, width)?;
    let (left, top) = walk(links, vertex, b, height)?;
    let forth = bottom.into_iter().chain(walk(links, right, b, height)?.0);
    let top = walk(links, top, a, width)?.0;
    let back = top.into_iter().rev().chain(left.into_iter().rev());
    let signed = forth.map(|l| (l, 1)).chain(back.map(|l| (l, -1)));
    Ok(signed.collect())
}

/// The links in `direction` that a straight line across it cuts, from `vertex` on for `steps`
/// vertices: the path of a 't Hooft line, whose product of electric fields creates two vortices. All
/// around a torus it is [`Links::cut`], which measures the winding sector.
///
/// # Errors
/// [`LoopError`].
///
/// # Panics
/// If the direction is not 0 or 1.
#[track_caller]
pub fn dual_line(
    links: &Links,
    vertex: usize,
    direction: usize,
    steps: usize,
) -> Result<Vec<u32>, LoopError> {
    check(links, vertex)?;
    assert!(direction < 2, "direction {direction} of 2");
    let across = 1 - direction;
    let too_long = |direction: usize| LoopError::TooLong {
        steps,
        direction,
        extent: links.lattice().extent()[direction],
    };
    if steps > links.lattice().extent()[across] {
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
    if kind == LatticeKind::Cubic {
        return Err(LoopError::Kind { kind: kind.name() });
    }
    check_plane(links, vertex)
}

fn check_plane(links: &Links, vertex: usize) -> Result<(), LoopError> {
    let kind = links.lattice().kind();
    let known = [LatticeKind::Square, LatticeKind::Ladder, LatticeKind::Cubic];
    if !known.contains(&kind) {
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
