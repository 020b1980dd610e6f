//! What every network must be, looked at once on random configurations.

use super::host::Host;
use super::parameters::numbers;
use super::state::{self, BurnAmplitude};
use super::{BurnCopies, BurnError, BurnMap, BurnNetwork, run_prefixes, tokens};
use crate::{Layout, Stream};
use burn::module::Module;
use burn::tensor::Tensor;
use ketwork_hamiltonians::{Configs, ConfigsRef, Scalar, Space};
use std::ops::Range;

/// Random configurations whose values are changed one by one.
const ROWS: usize = 3;

/// The first output that changes by more than `tolerance`: its place and its change.
fn first_change(a: &[f64], b: &[f64], tolerance: f64) -> Option<(usize, f64)> {
    let change = |(i, (a, b)): (usize, (&f64, &f64))| {
        let change = (a - b).abs();
        // A change that is no number is one.
        let is_same = change <= tolerance * (1.0 + b.abs());
        (!is_same).then_some((i, change))
    };
    a.iter().zip(b).enumerate().find_map(change)
}

/// The initial parameters, all shifted: a head that starts at zero hides everything.
fn shifted(layout: &Layout) -> Vec<f64> {
    let stream = Stream::new(0x6275_726e);
    let mut theta = layout.initial(stream);
    for (i, t) in theta.iter_mut().enumerate() {
        *t += stream.uniform(i as u64, 0) - 0.5;
    }
    theta
}

fn configurations(space: Space) -> Configs {
    let stream = Stream::new(0x6275_726f);
    let mut x = Configs::zeros(ROWS, space.n_sites);
    for r in 0..ROWS {
        for (p, v) in x.row_mut(r).iter_mut().enumerate() {
            *v = (stream.uniform(r as u64, p as u32) * space.local_dim as f64) as u8;
        }
    }
    x
}

/// Shape, finite numbers, independent rows, and the same numbers in training; returns the outputs.
///
/// `run` takes the numbers of rows and whether derivatives are wanted; `size` numbers are one row.
fn rows_are_sound<const D: usize>(
    size: usize,
    expected: [usize; D],
    tolerance: f64,
    run: impl Fn(Range<usize>, bool) -> Tensor<D>,
) -> Result<Vec<f64>, BurnError> {
    let out = run(0..ROWS, false);
    if out.dims() != expected {
        return Err(BurnError::Shape {
            found: out.dims().to_vec(),
            rows: ROWS,
            n_sites: size,
            expected: expected.to_vec(),
        });
    }
    let out = numbers(&out);
    let size = out.len() / ROWS;
    if let Some(i) = out.iter().position(|o| !o.is_finite()) {
        return Err(BurnError::NotFinite {
            place: i % size,
            value: out[i],
        });
    }
    for (r, row) in out.chunks_exact(size).enumerate() {
        let alone = numbers(&run(r..r + 1, false));
        if let Some((_, change)) = first_change(&alone, row, tolerance) {
            return Err(BurnError::Coupled { change });
        }
    }
    match first_change(&numbers(&run(0..ROWS, true)), &out, tolerance) {
        Some((_, change)) => Err(BurnError::Training { change }),
        None => Ok(out),
    }
}

/// Sound rows, causality, and what is promised of prefixes.
pub(super) fn network_is_causal<M: BurnNetwork, L: Scalar>(
    host: &Host<M>,
    space: Space,
) -> Result<(), BurnError> {
    let (n, d) = (space.n_sites, space.local_dim);
    let (width, tolerance) = (L::COMPONENTS * d, host.tolerance);
    let theta = shifted(&host.layout);
    let [plain, taped] = [false, true].map(|is_taped| host.load(&theta, is_taped));
    let run = |x: ConfigsRef<'_>, length: usize, is_taped: bool| {
        let module = if is_taped { &taped } else { &plain };
        run_prefixes(host, module, x, d, length, is_taped)
    };
    let x = configurations(space);
    let some = |rows, is_taped| run(x.view().slice(rows), n, is_taped);
    let out = rows_are_sound(n, [ROWS, n, width], tolerance, some)?;
    for sees in 0..n {
        let mut other = x.clone();
        for r in 0..ROWS {
            let v = &mut other.row_mut(r)[sees];
            *v = (*v + 1) % d as u8;
        }
        let other = numbers(&run(other.view(), n, false));
        for r in 0..ROWS {
            let earlier = r * n * width..(r * n + sees + 1) * width;
            let change = first_change(&other[earlier.clone()], &out[earlier], tolerance);
            if let Some((i, change)) = change {
                return Err(BurnError::NotCausal {
                    position: i / width,
                    sees,
                    change,
                });
            }
        }
    }
    let lengths = if plain.takes_prefixes() { 1..n } else { 0..0 };
    for length in lengths {
        let prefix = run(x.view(), length, false);
        let has_shape = prefix.dims() == [ROWS, length, width];
        let prefix = numbers(&prefix);
        let mut rows = prefix.chunks(length * width).zip(out.chunks(n * width));
        if !(has_shape && rows.all(|(own, all)| first_change(own, all, tolerance).is_none())) {
            return Err(BurnError::Prefix { length });
        }
    }
    let copies = BurnCopies::shared();
    let tokens = tokens(host, x.view(), d, n, false);
    let each = plain.forward_each(tokens, &copies);
    copies_are_own(
        host,
        &theta,
        [each.map(|t| numbers(&t)), Some(out)],
        |seed, rows| super::pullback_rows(host, &theta, x.view(), d, seed, rows),
        |r, seed, row| {
            let out = run(x.view().slice(r..r + 1), n, true);
            host.pullback(&taped, out, seed, row);
        },
    )
}

/// Where parameters can be copied for each row: the same outputs and the same derivatives.
///
/// `together` and `alone` write derivatives of outputs times seeds, of all rows or of one.
fn copies_are_own<M: Module + Sync>(
    host: &Host<M>,
    theta: &[f64],
    [each, out]: [Option<Vec<f64>>; 2],
    together: impl Fn(&[f64], &mut [f64]) -> bool,
    alone: impl Fn(usize, Vec<f64>, &mut [f64]),
) -> Result<(), BurnError> {
    let (Some(each), Some(out)) = (each, out) else {
        return Ok(());
    };
    let differ = |what, change| Err(BurnError::Copies { what, change });
    if each.len() != out.len() {
        return differ("numbers of outputs", each.len().abs_diff(out.len()) as f64);
    }
    if let Some((_, change)) = first_change(&each, &out, host.tolerance) {
        return differ("outputs", change);
    }
    let (size, p) = (out.len() / ROWS, theta.len());
    let stream = Stream::new(0x6275_7271);
    let seed: Vec<f64> = (0..out.len())
        .map(|i| stream.uniform(i as u64, 0) - 0.5)
        .collect();
    let mut rows = [(); 2].map(|()| vec![0.0; ROWS * p]);
    together(&seed, &mut rows[0]);
    for (r, row) in rows[1].chunks_exact_mut(p).enumerate() {
        alone(r, seed[r * size..(r + 1) * size].to_vec(), row);
    }
    match first_change(&rows[0], &rows[1], host.tolerance) {
        Some((_, change)) => differ("derivatives", change),
        None => Ok(()),
    }
}

/// Sound rows of log-amplitudes.
pub(super) fn amplitudes_are_sound<M: BurnAmplitude, L: Scalar>(
    host: &Host<M>,
    space: Space,
) -> Result<(), BurnError> {
    let theta = shifted(&host.layout);
    let [plain, taped] = [false, true].map(|is_taped| host.load(&theta, is_taped));
    let x = configurations(space);
    let run = |rows, is_taped: bool| {
        let module = if is_taped { &taped } else { &plain };
        state::run(host, module, x.view().slice(rows), is_taped)
    };
    let expected = [ROWS, L::COMPONENTS];
    let out = rows_are_sound(space.n_sites, expected, host.tolerance, run)?;
    let values = state::values(host, x.view(), false);
    let each = plain.log_psi_each(values, &BurnCopies::shared());
    copies_are_own(
        host,
        &theta,
        [each.map(|t| numbers(&t)), Some(out)],
        |seed, rows| state::pullback_rows(host, &theta, x.view(), seed, rows),
        |r, seed, row| host.pullback(&taped, run(r..r + 1, true), seed, row),
    )
}

/// Sound rows of a function from I to O numbers.
pub(super) fn map_is_sound<M: BurnMap>(
    host: &Host<M>,
    [n_inputs, n_outputs]: [usize; 2],
) -> Result<(), BurnError> {
    let theta = shifted(&host.layout);
    let [plain, taped] = [false, true].map(|is_taped| host.load(&theta, is_taped));
    let stream = Stream::new(0x6275_7270);
    let number = |i: usize| stream.uniform(i as u64, 0) - 0.5;
    let x: Vec<f64> = (0..ROWS * n_inputs).map(number).collect();
    let run = |rows: Range<usize>, is_taped: bool| {
        let module = if is_taped { &taped } else { &plain };
        let shape = [rows.len(), n_inputs];
        let some = x[rows.start * n_inputs..rows.end * n_inputs].to_vec();
        module.forward(host.numbers(some, shape, is_taped))
    };
    rows_are_sound(n_inputs, [ROWS, n_outputs], host.tolerance, run)?;
    Ok(())
}
