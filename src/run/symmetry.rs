//! Whether a Hamiltonian has the symmetries that a run file asks for.

use super::RunError;
use crate::run_file::Symmetry;
use ketwork_hamiltonians::{
    Configs, Connected, Hamiltonian, Lattice, Model, OnSpace, Operator, Scalar, draw_legal,
};
use ketwork_models::{Relabelling, Stream};
use std::collections::BTreeMap;

/// Legal configurations on which the elements are compared.
const TRIALS: u64 = 128;
/// Largest relative difference that rounding makes.
const ROUNDING: f64 = 1e-12;

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
) -> Result<(), RunError> {
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
        } else if !group.iter().enumerate().all(|(i, g)| commutes(model, g, i)) {
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

/// Whether $\langle gx|H|gx'\rangle = \langle x|H|x'\rangle$ for random legal x and all x'. An image
/// outside the sector counts as equal: that is the sector's own error. Each relabelling has its own x.
fn commutes<T: Scalar>(model: &Model<T>, g: &Relabelling, index: usize) -> bool {
    let stream = Stream::new(0)
        .named("symmetry of the Hamiltonian")
        .numbered(index as u64);
    let n = model.space().n_sites;
    (0..TRIALS).all(|shot| {
        let mut x = Configs::zeros(2, n);
        draw_legal(
            &**model.sector(),
            |p| stream.uniform(shot, p as u32),
            x.row_mut(0),
        );
        let image = g.image(x.row(0), model.space().local_dim);
        x.row_mut(1).copy_from_slice(&image);
        let mut connected = Connected::default();
        model.connected(x.view(), &mut connected);
        // The neighbours of x, relabelled, and those of its image.
        let mut rows = [BTreeMap::new(), BTreeMap::new()];
        rows[0].insert(image.clone(), connected.diagonal[0]);
        rows[1].insert(image, connected.diagonal[1]);
        let mut near = vec![0; n];
        for (k, &element) in connected.element.iter().enumerate() {
            connected.neighbours.write(k, x.view(), &mut near);
            let parent = connected.neighbours.parent[k] as usize;
            let key = if parent == 0 {
                g.image(&near, model.space().local_dim)
            } else {
                near.clone()
            };
            rows[parent].insert(key, element);
        }
        let size: f64 = rows
            .iter()
            .flat_map(BTreeMap::values)
            .map(|e| e.abs2())
            .fold(0.0, f64::max);
        let keys = rows[0].keys().chain(rows[1].keys());
        let element = |i: usize, key| rows[i].get(key).copied().unwrap_or(T::ZERO);
        keys.clone()
            .all(|key| (element(0, key) - element(1, key)).abs2() <= ROUNDING * ROUNDING * size)
    })
}
