//! The network of a run file, started at a product state.

use super::strings::strings;
use super::{NARROW_UP_TO, OpenRun};
use crate::run::RunError;
use crate::run::network::only_its_keys;
use crate::run_file::Network;
use ketwork_hamiltonians::{Free, Sector, Space};
use ketwork_models::{
    Ansatz, Autoregressive, Cell, Offset, Relabelling, Rnn, RnnParams, Symmetrized, Transformer,
    TransformerParams,
};
use std::sync::Arc;

type Boxed = Box<dyn Ansatz<Log = f64>>;

impl OpenRun {
    /// A law of outcomes that is the initial state where its heads are 0; sites are read in snake
    /// order, or in the images of it (String States).
    pub(super) fn network(&self) -> Result<Boxed, RunError> {
        let (section, n) = (&self.run.wavefunction, self.start.len());
        only_its_keys(section, section.network.unwrap_or(Network::Transformer))?;
        let space = Space::new(n, 4);
        let order = match self.lattice.n_sites() == n {
            true => self.lattice.snake_order(),
            false => (0..n as u32).collect(),
        };
        let law = order.iter().flat_map(|&site| self.start[site as usize]);
        let shift = law.map(f64::ln).collect();
        let sector: Sector = Arc::new(Free::with_order(space, order));
        let rnn = |cell| RnnParams {
            cell,
            layers: section.layers.unwrap_or(1),
            width: section
                .width
                .unwrap_or(if n > NARROW_UP_TO { 24 } else { 12 }),
        };
        let of = |cell| -> Result<Boxed, RunError> {
            let net = Rnn::<f64>::new(space, rnn(cell))?;
            let net = Offset::new(net, Vec::clone(&shift))?;
            Ok(Box::new(Autoregressive::probability(net, sector.clone())))
        };
        let psi = match section.network {
            None | Some(Network::Transformer) => {
                let params = TransformerParams {
                    layers: section.layers.unwrap_or(1),
                    width: section
                        .width
                        .unwrap_or(if n > NARROW_UP_TO { 16 } else { 8 }),
                    heads: section.heads.unwrap_or(2),
                };
                let net = Offset::new(Transformer::<f64>::new(space, params)?, shift)?;
                Box::new(Autoregressive::probability(net, sector.clone()))
            }
            Some(Network::Gru) => of(Cell::Gru)?,
            Some(Network::Lstm) => of(Cell::Lstm)?,
            Some(other) => {
                return Err(RunError::Value {
                    key: "wavefunction.network",
                    reason: format!(
                        "{other:?} gives no probabilities of outcomes; use \"transformer\", \"gru\" or \"lstm\""
                    ),
                });
            }
        };
        self.mixed(psi, &sector)
    }

    /// The mixture over the orderings or the symmetries that are asked for.
    fn mixed(&self, psi: Boxed, sector: &Sector) -> Result<Boxed, RunError> {
        let n = self.start.len();
        let refuse = |key, reason| Err(RunError::Value { key, reason });
        let count = self.run.lindblad.strings.unwrap_or(1);
        let words = &self.run.wavefunction.symmetry;
        if words.is_empty() && count == 1 {
            return Ok(psi);
        }
        if !words.is_empty() {
            if count > 1 {
                let reason =
                    "a symmetric state is a mixture over orderings already; drop one of the two";
                return refuse("lindblad.strings", reason.into());
            }
            self.check_start(&self.group, "wavefunction.symmetry")?;
            return Ok(Box::new(Symmetrized::new(psi, sector, &self.group)?));
        }
        let found = match self.lattice.n_sites() == n {
            true => strings(&self.lattice, count, |g| self.keeps_start(g)),
            false => Err(1),
        };
        match found {
            Ok(all) => Ok(Box::new(Symmetrized::over(psi, sector, all)?)),
            Err(most) => {
                let reason = format!(
                    "{count} orderings are asked for, and the rotations, reflections and translations of this lattice that keep the initial state make {most}; write 1 to {most}"
                );
                refuse("lindblad.strings", reason)
            }
        }
    }

    /// A mixture starts at a product state only if all of its parts are that state.
    fn keeps_start(&self, g: &Relabelling) -> bool {
        let images = g.sites.iter().map(|&s| self.start[s as usize]);
        let mut pairs = self.start.iter().zip(images);
        pairs.all(|(p, q)| p.iter().zip(q).all(|(p, q)| (p - q).abs() < 1e-12))
    }

    fn check_start(&self, all: &[Relabelling], key: &'static str) -> Result<(), RunError> {
        match all.iter().all(|g| self.keeps_start(g)) {
            true => Ok(()),
            false => Err(RunError::Value {
                key,
                reason: "the initial state differs from its images under these symmetries of the lattice, and a mixture of them is another state; drop the key, or start from \"up_z\", \"down_z\" or \"plus_x\"".into(),
            }),
        }
    }
}
