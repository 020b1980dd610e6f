//! Two neighbouring sites, joined and cut again at the density matrix of the left part.

use crate::Element;
use crate::bond::{Bond, Sector, Shape, Tensor};
use crate::dense::Factor;
use crate::lanczos::norm;
use crate::lift::{Lift, Target, Workspace};
use crate::mpo::Line;
use ketwork_linalg::NoConvergence;

/// What may be dropped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Largest dimension of the new bond.
    pub(crate) bond: usize,
    /// Largest weight to drop, relative to the whole.
    pub(crate) weight: f64,
}

/// A perturbation of the density matrix: the state seen through the operator's left part.
#[derive(Debug)]
pub(crate) struct Mix<'a, T> {
    pub(crate) lift: &'a Lift<T>,
    pub(crate) work: &'a mut Workspace<T>,
    /// Operator states of the bond between the sites.
    pub(crate) line: &'a Line,
    pub(crate) amplitude: f64,
}

/// Two tensors in place of one, and the weight that was lost.
#[derive(Debug)]
pub(crate) struct Halves<T> {
    /// Left isometry.
    pub(crate) left: Tensor<T>,
    /// Centre, normalised.
    pub(crate) right: Tensor<T>,
    pub(crate) lost: f64,
}

/// The product of two neighbouring tensors, values `d x + y`.
pub(crate) fn join<T: Element>(a: &Tensor<T>, b: &Tensor<T>, pair_charges: &[i64]) -> Tensor<T> {
    let (left, right) = (a.shape.left.clone(), b.shape.right.clone());
    let d = pair_charges.len().isqrt();
    let mut out = Tensor::zeros(Shape::new(left, right, pair_charges));
    let Tensor { shape, data } = &mut out;
    for block in &shape.blocks {
        let Some(x) = a.shape.find(block.left, block.value / d) else {
            continue;
        };
        let Some(y) = b.shape.find(x.right, block.value % d) else {
            continue;
        };
        let ((m, k), (_, n)) = (a.shape.size(x), b.shape.size(y));
        T::write_product(
            &mut data[block.offset..],
            Factor::new(a.block(x), m, k),
            Factor::new(b.block(y), k, n),
        );
    }
    out
}

/// The part of a joined tensor with one charge between the sites, as a matrix.
struct Middle<T> {
    charge: i64,
    /// (left sector, value, first row).
    rows: Vec<(usize, usize, usize)>,
    n_rows: usize,
    n_cols: usize,
    matrix: Vec<T>,
}

/// Splits a normalised joined tensor.
pub(crate) fn cut<T: Element>(
    theta: &Tensor<T>,
    charges: &[i64],
    limits: Limits,
    mix: Option<Mix<'_, T>>,
) -> Result<Halves<T>, NoConvergence> {
    let middles = middles(theta, charges);
    let mut densities: Vec<Vec<T>> = middles
        .iter()
        .map(|m| {
            let mut rho = vec![T::ZERO; m.n_rows * m.n_rows];
            let factor = Factor::new(&m.matrix, m.n_rows, m.n_cols);
            T::write_product(&mut rho, factor, factor.adjoint());
            rho
        })
        .collect();
    if let Some(mix) = mix {
        perturb(&mut densities, &middles, theta, charges.len(), mix);
    }
    let spectra: Vec<_> = middles
        .iter()
        .zip(&densities)
        .map(|(m, rho)| T::eigen(m.n_rows, rho))
        .collect::<Result<_, _>>()?;
    let values: Vec<&[f64]> = spectra.iter().map(|s| s.0.as_slice()).collect();
    let most: Vec<_> = middles.iter().map(|m| m.n_rows.min(m.n_cols)).collect();
    let kept = choose(&values, &most, limits);
    let parts: Vec<_> = (0..middles.len()).filter(|&i| kept[i] > 0).collect();
    let bond = Bond(
        parts
            .iter()
            .map(|&i| Sector {
                charge: middles[i].charge,
                dim: kept[i],
            })
            .collect(),
    );
    let shape = &theta.shape;
    let mut left = Tensor::zeros(Shape::new(shape.left.clone(), bond.clone(), charges));
    let mut right = Tensor::zeros(Shape::new(bond, shape.right.clone(), charges));
    for (sector, &i) in parts.iter().enumerate() {
        let (m, k) = (&middles[i], kept[i]);
        // The largest values come last.
        let u = &spectra[i].1[(m.n_rows - k) * m.n_rows..];
        for &(s, x, row) in &m.rows {
            let block = left.shape.find(s, x).expect("rows come from blocks");
            let rows = left.shape.left.dim(s);
            for (c, u) in u.chunks_exact(m.n_rows).enumerate() {
                let at = block.offset + c * rows;
                left.data[at..at + rows].copy_from_slice(&u[row..row + rows]);
            }
        }
        // A group of blocks with one left sector is a matrix, in the order of the values.
        let (at, _) = right.shape.groups[sector];
        T::write_product(
            &mut right.data[at..],
            Factor::new(u, m.n_rows, k).adjoint(),
            Factor::new(&m.matrix, m.n_rows, m.n_cols),
        );
    }
    let size = norm(&right.data);
    right.data.iter_mut().for_each(|v| *v = v.scale(1.0 / size));
    Ok(Halves {
        left,
        right,
        lost: (1.0 - size * size).max(0.0),
    })
}

/// Moves the centre from one site to the next: nothing is lost but what has no weight.
pub(crate) fn pass<T: Element>(
    centre: &Tensor<T>,
    next: &Tensor<T>,
    charges: &[i64],
) -> Result<(Tensor<T>, Tensor<T>), NoConvergence> {
    let shape = &centre.shape;
    // By right sector: its blocks with their first rows, the isometry, the rest.
    let mut parts = Vec::new();
    for r in 0..shape.right.len() {
        let (mut rows, mut n_rows) = (Vec::new(), 0);
        for block in shape.blocks.iter().filter(|b| b.right == r) {
            rows.push((block, n_rows));
            n_rows += shape.left.dim(block.left);
        }
        if rows.is_empty() {
            continue;
        }
        let cols = shape.right.dim(r);
        let mut matrix = vec![T::ZERO; n_rows * cols];
        for (block, row) in &rows {
            let height = shape.left.dim(block.left);
            for (c, from) in centre.block(block).chunks_exact(height).enumerate() {
                matrix[c * n_rows + row..][..height].copy_from_slice(from);
            }
        }
        let factor = Factor::new(&matrix, n_rows, cols);
        let mut rho = vec![T::ZERO; n_rows * n_rows];
        T::write_product(&mut rho, factor, factor.adjoint());
        let kept = n_rows.min(cols);
        let mut u = T::eigen(n_rows, &rho)?.1;
        // The largest values come last.
        u.drain(..(n_rows - kept) * n_rows);
        let mut rest = vec![T::ZERO; kept * cols];
        T::write_product(&mut rest, Factor::new(&u, n_rows, kept).adjoint(), factor);
        parts.push((r, rows, n_rows, kept, u, rest));
    }
    let sector = |p: &(usize, _, usize, usize, _, _)| Sector {
        charge: shape.right.charge(p.0),
        dim: p.3,
    };
    let bond = Bond(parts.iter().map(sector).collect());
    let mut here = Tensor::zeros(Shape::new(shape.left.clone(), bond.clone(), charges));
    let mut after = Tensor::zeros(Shape::new(bond, next.shape.right.clone(), charges));
    for (to, (r, rows, n_rows, kept, u, rest)) in parts.iter().enumerate() {
        for (block, row) in rows {
            let height = shape.left.dim(block.left);
            let target = here.shape.find(block.left, block.value).expect("same rule");
            for (c, u) in u.chunks_exact(*n_rows).enumerate() {
                let at = target.offset + c * height;
                here.data[at..at + height].copy_from_slice(&u[*row..row + height]);
            }
        }
        let ((at, cols), from) = (after.shape.groups[to], next.shape.groups[*r].0);
        if cols > 0 {
            let inner = shape.right.dim(*r);
            T::write_product(
                &mut after.data[at..],
                Factor::new(rest, *kept, inner),
                Factor::new(&next.data[from..], inner, cols),
            );
        }
    }
    let size = norm(&after.data);
    after.data.iter_mut().for_each(|v| *v = v.scale(1.0 / size));
    Ok((here, after))
}

fn middles<T: Element>(theta: &Tensor<T>, charges: &[i64]) -> Vec<Middle<T>> {
    let (shape, d) = (&theta.shape, charges.len());
    let mut found: Vec<i64> = shape
        .blocks
        .iter()
        .map(|b| shape.left.charge(b.left) + charges[b.value / d])
        .collect();
    found.sort_unstable();
    found.dedup();
    let middle = |charge: i64| {
        let (mut rows, mut cols) = (Vec::new(), Vec::new());
        let (mut n_rows, mut n_cols) = (0, 0);
        for s in 0..shape.left.len() {
            for (x, c) in charges.iter().enumerate() {
                if shape.left.charge(s) + c == charge {
                    rows.push((s, x, n_rows));
                    n_rows += shape.left.dim(s);
                }
            }
        }
        for (y, c) in charges.iter().enumerate() {
            if let Some(r) = shape.right.find(charge + c) {
                cols.push((y, n_cols));
                n_cols += shape.right.dim(r);
            }
        }
        let mut matrix = vec![T::ZERO; n_rows * n_cols];
        for &(s, x, row) in &rows {
            for &(y, col) in &cols {
                let block = shape.find(s, x * d + y).expect("charges add up");
                let height = shape.left.dim(s);
                for (c, from) in theta.block(block).chunks_exact(height).enumerate() {
                    let at = (col + c) * n_rows + row;
                    matrix[at..at + height].copy_from_slice(from);
                }
            }
        }
        Middle {
            charge,
            rows,
            n_rows,
            n_cols,
            matrix,
        }
    };
    found.into_iter().map(middle).collect()
}

/// Adds $\alpha \sum_b |\theta_b\rangle\langle\theta_b|$ with $\theta_b$ the state after the part of
/// the operator that ends in state b, at most normalised: directions that the operator leads to
/// gain weight before they have amplitude (S. R. White, Phys. Rev. B 72, 180403 (2005)).
fn perturb<T: Element>(
    densities: &mut [Vec<T>],
    middles: &[Middle<T>],
    theta: &Tensor<T>,
    d: usize,
    mix: Mix<'_, T>,
) {
    let (shape, lifted) = (&theta.shape, &mut mix.work.lifted);
    let width = |t: &Target| shape.right.dim(t.ket);
    let height = |t: &Target| shape.left.dim(shape.blocks[t.block].left);
    let targets = &mix.lift.targets;
    let mut squares = vec![0.0; mix.line.class_of.len()];
    for t in targets {
        let (first, size) = (mix.line.classes[t.class].1.start, width(t) * height(t));
        for i in 0..mix.line.count(t.class) {
            let at = t.offset + i * size;
            squares[first + i] += norm(&lifted[at..at + size]).powi(2);
        }
    }
    for t in targets {
        let (first, size) = (mix.line.classes[t.class].1.start, width(t) * height(t));
        for i in 0..mix.line.count(t.class) {
            let by = (mix.amplitude / squares[first + i].max(1.0)).sqrt();
            let at = t.offset + i * size;
            lifted[at..at + size]
                .iter_mut()
                .for_each(|v| *v = v.scale(by));
        }
    }
    let mut product = Vec::new();
    for (middle, density) in middles.iter().zip(densities) {
        let row = |t: &Target| {
            let b = &shape.blocks[t.block];
            let place = middle
                .rows
                .iter()
                .find(|r| (r.0, r.1) == (b.left, b.value / d));
            place.map(|r| (r.2, b.value % d))
        };
        let here: Vec<_> = targets.iter().filter_map(|t| Some((t, row(t)?))).collect();
        for (t, (row, y)) in &here {
            for (u, (col, z)) in &here {
                if (t.class, y) != (u.class, z) {
                    continue;
                }
                let (m, n) = (height(t), height(u));
                let cols = t.columns(shape, mix.line);
                product.resize(m * n, T::ZERO);
                T::write_product(
                    &mut product,
                    Factor::new(&lifted[t.offset..], m, cols),
                    Factor::new(&lifted[u.offset..], n, cols).adjoint(),
                );
                for (c, from) in product.chunks_exact(m).take(n).enumerate() {
                    let at = (col + c) * middle.n_rows + row;
                    for (to, v) in density[at..at + m].iter_mut().zip(from) {
                        *to += *v;
                    }
                }
            }
        }
    }
}

/// How many of the largest eigenvalues to keep in each part; values ascend.
fn choose(values: &[&[f64]], most: &[usize], limits: Limits) -> Vec<usize> {
    let mut all: Vec<(f64, usize)> = Vec::new();
    for (i, (v, &most)) in values.iter().zip(most).enumerate() {
        all.extend(v.iter().rev().take(most).map(|&v| (v.max(0.0), i)));
    }
    // Stable: equal values stay in the order of the charges.
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let total: f64 = all.iter().map(|v| v.0).sum();
    let mut n = all.len();
    let mut dropped = 0.0;
    while n > 1 && (n > limits.bond || dropped + all[n - 1].0 <= limits.weight * total) {
        n -= 1;
        dropped += all[n].0;
    }
    let mut kept = vec![0; values.len()];
    for (_, i) in &all[..n] {
        kept[*i] += 1;
    }
    kept
}
