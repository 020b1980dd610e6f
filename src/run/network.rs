//! From the section `[wavefunction]` to a state.

use super::start::DmrgStart;
use super::{RunError, symmetry};
use crate::run_file::{self, Network, Symmetry, WavefunctionSection};
use ketwork_hamiltonians::{Constraint, Lattice, OnSpace, Scalar, Sector, draw_legal, is_legal};
use ketwork_models::{
    Ansatz, Backbone, Cell, Differentiable, GivenTensors, Jastrow, Mixing, Named, NamedNetwork,
    Rbm, Relabelling, Rnn2dParams, RnnParams, Stream, Symmetrized, Tensors, TransformerParams,
    check_invariance,
};

/// A state whose network was chosen at run time.
pub enum State<L: Scalar> {
    /// With exact sampling.
    Ancestral(Box<dyn Ansatz<Log = L>>),
    /// Without: sampled by Markov chains or summed.
    Reference(Box<dyn Differentiable<Log = L>>),
}

impl<L: Scalar> State<L> {
    /// The state without its sampler.
    #[must_use]
    pub fn differentiable(&self) -> &dyn Differentiable<Log = L> {
        match self {
            Self::Ancestral(psi) => &**psi,
            Self::Reference(psi) => &**psi,
        }
    }
}

impl<L: Scalar> std::fmt::Debug for State<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, n) = match self {
            Self::Ancestral(w) => ("Ancestral", w.layout().n_params()),
            Self::Reference(w) => ("Reference", w.layout().n_params()),
        };
        f.debug_tuple(kind).field(&n).finish()
    }
}

/// Sites above which the default networks are wide.
const LARGE: usize = 40;
/// Bond dimension of tensor networks.
pub(super) const BOND: usize = 8;
/// Largest sizes that are offered; the memory of the parameters is checked besides.
const MOST_LAYERS: usize = 1024;
const MOST_WIDTH: usize = 1 << 16;
/// Largest table that is offered.
const TABLE_UP_TO: f64 = 65536.0;

/// Builds the network of a section for a sector; sizes left out are chosen from N.
///
/// # Errors
/// [`RunError`] for sizes that make no network, symmetries the sector does not have, or networks
/// that are not in this version.
pub fn build_state<L: Named>(
    section: &WavefunctionSection,
    lattice: &Lattice,
    sector: &Sector,
) -> Result<State<L>, RunError> {
    build_started(section, lattice, sector, None)
}

/// The same, with tensors that DMRG found.
pub(super) fn build_started<L: Named>(
    section: &WavefunctionSection,
    lattice: &Lattice,
    sector: &Sector,
    start: Option<&DmrgStart>,
) -> Result<State<L>, RunError> {
    let space = *sector.space();
    let width = |small, large| {
        section
            .width
            .unwrap_or(if space.n_sites > LARGE { large } else { small })
    };
    let network = section.network.unwrap_or(Network::Transformer);
    let transformer = || {
        let params = TransformerParams {
            layers: section.layers.unwrap_or(2),
            width: width(16, 32),
            heads: section
                .heads
                .unwrap_or(if space.n_sites > LARGE { 4 } else { 2 }),
        };
        divided(section, params)?;
        Ok::<_, RunError>(params)
    };
    let recurrent = |cell| RnnParams {
        cell,
        layers: section.layers.unwrap_or(2),
        width: width(24, 32),
    };
    let tensors = || match start {
        Some(found) => Tensors::Given(found.tensors.clone()),
        None => Tensors::NearUniform(section.bond.unwrap_or(BOND)),
    };
    only_its_keys(section, network)?;
    let named = match network {
        Network::Transformer => NamedNetwork::Transformer(transformer()?),
        Network::Table if space.dimension() > TABLE_UP_TO => {
            return Err(RunError::Value {
                key: "wavefunction.network",
                reason: format!(
                    "a table holds every prefix of {} sites; use it up to 16 qubits, or a transformer",
                    space.n_sites
                ),
            });
        }
        Network::Table => NamedNetwork::Table,
        Network::Rbm => {
            no_symmetry(section)?;
            let hidden = section.width.unwrap_or(2 * space.n_sites);
            return Ok(State::Reference(Box::new(Rbm::<L>::new(
                sector.clone(),
                hidden,
            ))));
        }
        Network::Jastrow if space.n_sites < 2 => {
            return Err(RunError::Value {
                key: "wavefunction.network",
                reason: "a Jastrow state needs two sites; use \"table\"".into(),
            });
        }
        Network::Jastrow => {
            no_symmetry(section)?;
            return Ok(State::Reference(Box::new(Jastrow::<L>::new(
                sector.clone(),
            ))));
        }
        Network::Gru => NamedNetwork::Rnn(recurrent(Cell::Gru)),
        Network::Lstm => NamedNetwork::Rnn(recurrent(Cell::Lstm)),
        Network::Rnn2d => NamedNetwork::Rnn2d {
            rectangle: rectangle(lattice, space.n_sites)?,
            params: Rnn2dParams {
                layers: section.layers.unwrap_or(1),
                width: width(16, 24),
            },
        },
        Network::Mps => NamedNetwork::Mps(match tensors() {
            // Fixed tensors without a network would leave nothing to train.
            Tensors::Given(given) => Tensors::Given(GivenTensors {
                fixed: false,
                ..given
            }),
            near => near,
        }),
        Network::Antn => NamedNetwork::Antn {
            tensors: tensors(),
            backbone: match section.backbone {
                None | Some(run_file::Backbone::Transformer) => {
                    Backbone::Transformer(transformer()?)
                }
                Some(run_file::Backbone::Gru) => Backbone::Rnn(recurrent(Cell::Gru)),
                Some(run_file::Backbone::Lstm) => Backbone::Rnn(recurrent(Cell::Lstm)),
            },
            mixing: match section.mixing {
                Some(run_file::Mixing::Elementwise) => Mixing::Elementwise,
                None | Some(run_file::Mixing::Blockwise) => Mixing::Blockwise,
            },
        },
    };
    // An even network of qubits costs what the bare one does; a mixture of two costs twice that.
    let flip = section.symmetry.contains(&Symmetry::SpinFlip);
    let even = flip && space.local_dim == 2;
    if even {
        check_invariance(sector, &[Relabelling::spin_flip(space.n_sites)])?;
    }
    let generators: Vec<Relabelling> = section
        .symmetry
        .iter()
        .flat_map(|&s| symmetry::generators(s, lattice, space.n_sites))
        .filter(|g| !(even && g.flip))
        .collect();
    let psi = L::network(&named, sector, even)?;
    Ok(State::Ancestral(if generators.is_empty() {
        psi
    } else {
        Box::new(Symmetrized::new(psi, sector, &generators)?)
    }))
}

/// Refuses heads that do not share the width, and names the key that was written.
fn divided(section: &WavefunctionSection, params: TransformerParams) -> Result<(), RunError> {
    let TransformerParams { width, heads, .. } = params;
    if width.is_multiple_of(heads.max(1)) {
        return Ok(());
    }
    // Where both are written the file itself is refused.
    let (key, reason) = if section.heads.is_some() {
        let reason = format!("{heads} heads do not divide the default width {width}; write both");
        ("wavefunction.heads", reason)
    } else {
        let reason = format!("the default of {heads} heads does not divide {width}; write both");
        ("wavefunction.width", reason)
    };
    Err(RunError::Value { key, reason })
}

/// Columns and rows: cells side by side make the columns, whatever they hold; a cubic lattice is
/// unfolded.
fn rectangle(lattice: &Lattice, n_sites: usize) -> Result<(usize, usize), RunError> {
    let cells = lattice.n_sites() / lattice.sites_per_cell();
    if lattice.extent().len() == 1 {
        return Ok((n_sites, 1));
    }
    if !n_sites.is_multiple_of(cells) {
        return Err(RunError::Value {
            key: "wavefunction.network",
            reason: format!(
                "the {n_sites} links of open ends fill no rectangle; use \"transformer\" or \"gru\""
            ),
        });
    }
    let columns = n_sites / cells * lattice.extent()[0];
    Ok((columns, n_sites / columns))
}

/// Legal configurations on which single-site changes are tried.
const TRIALS: u64 = 16;

/// Whether changing one site can stay inside the sector (it cannot at fixed particle number).
pub(super) fn has_single_changes(sector: &dyn Constraint) -> bool {
    let stream = Stream::new(0).named("single changes");
    let (n, d) = (sector.space().n_sites, sector.space().local_dim as u8);
    let mut x = vec![0; n];
    (0..TRIALS).any(|shot| {
        draw_legal(sector, |p| stream.uniform(shot, p as u32), &mut x);
        (0..n).any(|s| {
            let old = x[s];
            let found = (0..d).any(|v| {
                x[s] = v;
                v != old && is_legal(sector, &x)
            });
            x[s] = old;
            found
        })
    })
}

fn no_symmetry(section: &WavefunctionSection) -> Result<(), RunError> {
    if section.symmetry.is_empty() {
        return Ok(());
    }
    Err(RunError::Value {
        key: "wavefunction.symmetry",
        reason:
            "mixtures need a network with exact sampling; drop the symmetry or use \"transformer\""
                .into(),
    })
}

/// Refuses sizes that the network does not have: a key that does nothing is a mistake.
pub(super) fn only_its_keys(
    section: &WavefunctionSection,
    network: Network,
) -> Result<(), RunError> {
    use Network::{Antn, Gru, Lstm, Mps, Rbm, Rnn2d, Transformer};
    let given = [
        (
            "wavefunction.layers",
            section.layers.is_some(),
            &[Transformer, Gru, Lstm, Rnn2d, Antn][..],
        ),
        (
            "wavefunction.width",
            section.width.is_some(),
            &[Transformer, Gru, Lstm, Rnn2d, Antn, Rbm],
        ),
        (
            "wavefunction.heads",
            section.heads.is_some(),
            &[Transformer, Antn],
        ),
        ("wavefunction.bond", section.bond.is_some(), &[Mps, Antn]),
        ("wavefunction.mixing", section.mixing.is_some(), &[Antn]),
        ("wavefunction.backbone", section.backbone.is_some(), &[Antn]),
        ("wavefunction.init", section.init.is_some(), &[Mps, Antn]),
    ];
    for (key, given, networks) in given {
        if given && !networks.contains(&network) {
            return Err(RunError::Value {
                key,
                reason: format!("the network {network:?} has no such key; drop it"),
            });
        }
    }
    let is_recurrent = matches!(
        section.backbone,
        Some(run_file::Backbone::Gru | run_file::Backbone::Lstm)
    );
    if is_recurrent && section.heads.is_some() {
        return Err(RunError::Value {
            key: "wavefunction.heads",
            reason: "a recurrent backbone has no heads; drop the key".into(),
        });
    }
    let sizes = [
        ("wavefunction.layers", section.layers, MOST_LAYERS),
        ("wavefunction.width", section.width, MOST_WIDTH),
        ("wavefunction.bond", section.bond, MOST_LAYERS),
    ];
    for (key, given, most) in sizes {
        if given.is_some_and(|size| size > most) {
            return Err(RunError::Value {
                key,
                reason: format!("at most {most}; choose a smaller network"),
            });
        }
    }
    Ok(())
}
