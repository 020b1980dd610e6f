//! Whether a Hamiltonian has the symmetries that a run file asks for.

use super::RunError;
use crate::SampleError;
use crate::exact::{Basis, Memory};
use crate::run_file::Symmetry;
use ketwork_hamiltonians::{
    Configs, ConfigsRef, Connected, Hamiltonian, Lattice, Model, OnSpace, Operator, Scalar,
    draw_legal,
};
use ketwork_models::{Relabelling, Stream};
use rayon::prelude::*;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Legal configurations on which a Hamiltonian and its image are compared where they are drawn.
const TRIALS: u64 = 128;
/// Configurations that are compared in one call.
const CHUNK: usize = 1 << 10;
/// Largest relative difference that rounding makes.
const ROUNDING: f64 = 1e-12;

/// On which configurations a symmetry is checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Checked {
    /// Random legal ones: enough to find a mistake. Of a symmetry that a few elements break, sampled
    /// states still have the energy that they are reported to have.
    Some,
    /// All of the sector: a sum over orbits is wrong by what it does not see.
    All,
}

/// The relabellings of so many sites that generate the group of a word of `symmetry`, without the
/// identity. The symmetries of a lattice say nothing where the sites are its links.
pub(super) fn generators(
    symmetry: Symmetry,
    lattice: &Lattice,
    n_sites: usize,
) -> Vec<Relabelling> {
    let identity = Relabelling::identity(lattice.n_sites());
    let plain = |sites: Vec<Vec<u32>>| {
        sites
            .into_iter()
            .filter(|sites| *sites != identity.sites)
            .map(|sites| Relabelling { sites, flip: false })
            .collect()
    };
    match symmetry {
        Symmetry::SpinFlip => vec![Relabelling::spin_flip(n_sites)],
        _ if n_sites != lattice.n_sites() => Vec::new(),
        Symmetry::Translation => plain(lattice.translations()),
        Symmetry::PointGroup => plain(lattice.point_group()),
    }
}

/// Refuses the first word that says nothing, or whose relabellings change the Hamiltonian.
pub(super) fn check<T: Scalar>(
    model: &Model<T>,
    symmetries: &[Symmetry],
    lattice: &Lattice,
    checked: Checked,
) -> Result<(), RunError> {
    if symmetries.is_empty() {
        return Ok(());
    }
    let x = match checked {
        Checked::Some => drawn(model),
        Checked::All => {
            let basis =
                Basis::new(&**model.sector(), Memory::default()).map_err(SampleError::from)?;
            basis.configs(0..basis.len())
        }
    };
    let chunks: Vec<ConfigsRef<'_>> = (0..x.len())
        .step_by(CHUNK)
        .map(|from| x.view().slice(from..(from + CHUNK).min(x.len())))
        .collect();
    let keeps = |g: &Relabelling| chunks.par_iter().all(|x| commutes(model, g, *x));
    for &symmetry in symmetries {
        let word = match symmetry {
            Symmetry::SpinFlip => "spin_flip",
            Symmetry::Translation => "translation",
            Symmetry::PointGroup => "point_group",
        };
        let n_sites = model.space().n_sites;
        let group = generators(symmetry, lattice, n_sites);
        let reason = if group.is_empty() && n_sites != lattice.n_sites() {
            format!(
                "the sites of this model are not those of the lattice, whose \"{word}\" they do \
                 not follow; drop that word"
            )
        } else if group.is_empty() {
            format!("the lattice has no \"{word}\" but the identity; drop that word")
        } else if !group.iter().all(keeps) {
            format!(
                "the Hamiltonian does not have the symmetry \"{word}\", so neither has its ground state; \
                 drop that word"
            )
        } else {
            continue;
        };
        return Err(RunError::Value {
            key: "wavefunction.symmetry",
            reason,
        });
    }
    Ok(())
}

/// Random legal configurations.
fn drawn<T: Scalar>(model: &Model<T>) -> Configs {
    let stream = Stream::new(0).named("symmetry of the Hamiltonian");
    let mut x = Configs::zeros(TRIALS as usize, model.space().n_sites);
    for shot in 0..TRIALS {
        let uniform = |p| stream.uniform(shot, p as u32);
        draw_legal(&**model.sector(), uniform, x.row_mut(shot as usize));
    }
    x
}

/// Whether $\sum_{x'} \langle gx|H|x'\rangle\, v(x') = \sum_{x'} \langle x|H|x'\rangle\, v(gx')$ for
/// random v and the given x: H then maps invariant states to invariant ones.
fn commutes<T: Scalar>(model: &Model<T>, g: &Relabelling, x: ConfigsRef<'_>) -> bool {
    let (n, d) = (x.n_sites(), model.space().local_dim);
    let mut images = Configs::new(n);
    x.rows().for_each(|row| images.push(&g.image(row, d)));
    let relabelled = applied(model, x, |near| value(&g.image(near, d)));
    let direct = applied(model, images.view(), value);
    relabelled
        .into_iter()
        .zip(direct)
        .all(|((a, size), (b, _))| (a - b).abs2() <= (ROUNDING * size).powi(2))
}

/// (H v)(x) for each x, and the sum of the sizes of what was added.
fn applied<T: Scalar>(
    model: &Model<T>,
    x: ConfigsRef<'_>,
    v: impl Fn(&[u8]) -> f64,
) -> Vec<(T, f64)> {
    let mut connected = Connected::default();
    model.connected(x, &mut connected);
    let term = |element: T, near: &[u8]| (element.scale(v(near)), element.abs2().sqrt());
    let mut out: Vec<(T, f64)> = connected
        .diagonal
        .iter()
        .zip(x.rows())
        .map(|(&element, row)| term(element, row))
        .collect();
    let mut near = vec![0; x.n_sites()];
    for (k, &element) in connected.element.iter().enumerate() {
        connected.neighbours.write(k, x, &mut near);
        let (sum, size) = &mut out[connected.neighbours.parent[k] as usize];
        let (added, more) = term(element, &near);
        *sum += added;
        *size += more;
    }
    out
}

/// A number in [-1, 1) that looks random, always the same for a configuration.
fn value(x: &[u8]) -> f64 {
    let mut hasher = DefaultHasher::new();
    x.hash(&mut hasher);
    hasher.finish() as i64 as f64 / -(i64::MIN as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ketwork_hamiltonians::{Action, Boundary, Free, LocalMask, LocalSum, Pauli, Space, Term};
    use std::sync::Arc;

    #[test]
    fn all_configurations_show_what_a_few_elements_break() {
        let (n, space) = (10_u32, Space::qubits(10));
        let field = |site| Term {
            sites: vec![site],
            guard: Vec::new(),
            action: Action::Pauli(vec![Pauli::X], 1.0),
            coupling: 0,
        };
        // A projector on the configuration where all sites, or all from the fourth on, hold 0 and one of
        // the others 1.
        let projector = |wide: bool| Term {
            sites: vec![0],
            guard: (1..n)
                .filter(|s| wide || *s > 3)
                .map(|s| (s, LocalMask::only(0)))
                .collect(),
            action: Action::Rows(Arc::from([(1, 1, 1.0)])),
            coupling: 0,
        };
        let lattice = Lattice::chain(n as usize, Boundary::Periodic).unwrap();
        let check = |terms: Vec<Term<f64>>, checked| {
            let sum = LocalSum::new(space, terms, vec![("h".into(), 1.0)]).unwrap();
            let model = Model::new(sum, Arc::new(Free::new(space))).unwrap();
            check(&model, &[Symmetry::Translation], &lattice, checked)
        };
        let fields: Vec<Term<f64>> = (0..n).map(field).collect();
        for checked in [Checked::Some, Checked::All] {
            assert!(check(fields.clone(), checked).is_ok());
        }
        let with = |wide| [fields.clone(), vec![projector(wide)]].concat();
        assert!(check(with(false), Checked::Some).is_err());
        assert!(check(with(true), Checked::All).is_err());
    }
}
