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
        let all = sites
            .into_iter()
            .filter(|sites| *sites != identity.sites)
            .map(|sites| Relabelling { sites, flip: false });
        generating(n_sites, all)
    };
    match symmetry {
        Symmetry::SpinFlip => vec![Relabelling::spin_flip(n_sites)],
        _ if n_sites != lattice.n_sites() => Vec::new(),
        Symmetry::Translation => plain(lattice.translations()),
        Symmetry::PointGroup => plain(lattice.point_group()),
    }
}

/// Those of the relabellings that the ones before do not generate.
fn generating(n_sites: usize, mut all: impl Iterator<Item = Relabelling>) -> Vec<Relabelling> {
    let (mut kept, mut group) = (Vec::new(), Vec::new());
    while let Some(g) = all.next() {
        if group.contains(&g) {
            continue;
        }
        kept.push(g);
        match Relabelling::group(n_sites, &kept) {
            Ok(larger) => group = larger,
            // Too many to be written out: refused where the group is used.
            Err(_) => {
                kept.extend(all);
                break;
            }
        }
    }
    kept
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
    // Terms that cancel leave the rounding of the largest.
    let rounding = ROUNDING * model.terms().norm_bound();
    relabelled
        .into_iter()
        .zip(direct)
        .all(|(a, b)| (a - b).abs2() <= rounding.powi(2))
}

/// (H v)(x) for each x.
fn applied<T: Scalar>(model: &Model<T>, x: ConfigsRef<'_>, v: impl Fn(&[u8]) -> f64) -> Vec<T> {
    let mut connected = Connected::default();
    model.connected(x, &mut connected);
    let diagonal = connected.diagonal.iter().zip(x.rows());
    let mut out: Vec<T> = diagonal
        .map(|(element, row)| element.scale(v(row)))
        .collect();
    let mut near = vec![0; x.n_sites()];
    for (k, element) in connected.element.iter().enumerate() {
        connected.neighbours.write(k, x, &mut near);
        out[connected.neighbours.parent[k] as usize] += element.scale(v(&near));
    }
    out
}

/// A number in [-1, 1] that looks random, always the same for a configuration.
fn value(x: &[u8]) -> f64 {
    let mut hasher = DefaultHasher::new();
    x.hash(&mut hasher);
    hasher.finish() as i64 as f64 / -(i64::MIN as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ketwork_hamiltonians::{
        Action, Boundary, Free, LatticeKind, LocalMask, LocalSum, Pauli, Space, Term, Tfim,
    };
    use std::sync::Arc;

    #[test]
    fn all_configurations_show_what_a_few_elements_break() {
        let (n, space) = (16_u32, Space::qubits(16));
        let field = |site| Term {
            sites: vec![site],
            guard: Vec::new(),
            action: Action::Pauli(vec![Pauli::X], 1.0),
            coupling: 0,
        };
        // A projector on 1 at the first site beside zeros on the three that follow, or on all others.
        let projector = |wide: bool| Term {
            sites: vec![0],
            guard: (1..n)
                .filter(|s| wide || *s < 4)
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
        // One of 65536 configurations: 128 random ones do not show it.
        assert!(check(with(true), Checked::Some).is_ok());
        assert!(check(with(true), Checked::All).is_err());
    }

    #[test]
    fn terms_that_cancel_break_no_symmetry() {
        let lattice = Lattice::chain(8, Boundary::Periodic).unwrap();
        for h in [0.0, 1e-9] {
            let model = Tfim { j: 0.3, h, hz: 0.0 }.on(&lattice).unwrap();
            let words = [
                Symmetry::Translation,
                Symmetry::SpinFlip,
                Symmetry::PointGroup,
            ];
            assert!(check(&model, &words, &lattice, Checked::All).is_ok(), "{h}");
        }
    }

    #[test]
    fn few_relabellings_generate_the_group_of_a_lattice() {
        let periodic = [Boundary::Periodic; 2];
        let square = Lattice::new(LatticeKind::Square, &[4, 4], &periodic).unwrap();
        let some = generators(Symmetry::Translation, &square, 16);
        assert_eq!(some.len(), 2);
        assert_eq!(Relabelling::group(16, &some).unwrap().len(), 16);
        let some = generators(Symmetry::PointGroup, &square, 16);
        assert!(some.len() <= 4, "{}", some.len());
        let all = square.point_group().len();
        assert_eq!(Relabelling::group(16, &some).unwrap().len(), all);
    }

    #[test]
    fn more_translations_than_a_group_may_have_are_listed_at_once_and_refused_there() {
        let torus = Lattice::square([65, 65], Boundary::Periodic).unwrap();
        let all = generators(Symmetry::Translation, &torus, torus.n_sites());
        assert_eq!(
            all.len(),
            65 * 65 - 1 - (65 - 2),
            "those along x, and the rest"
        );
        assert!(Relabelling::group(torus.n_sites(), &all).is_err());
    }
}
