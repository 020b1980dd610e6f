//! Networks without an order: any Burn module as an unnormalised state for Markov chains.

use super::check::amplitudes_are_sound;
use super::copies::BurnCopies;
use super::host::{BurnWork, Host};
use super::parameters::numbers;
use super::{BurnError, write_logs};
use crate::{Differentiable, Layout, Norm, Wavefunction};
use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use ketwork_hamiltonians::{Configs, ConfigsRef, OnSpace, Scalar, Sector, Space, is_legal_with};
use rayon::prelude::*;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};

/// Rows of one pass on the processor.
const BLOCK: usize = 64;

/// A Burn module that gives ln psi up to a constant, for any order of looking at the sites, by
/// [`log_psi`](Self::log_psi) or by [`log_psi_each`](Self::log_psi_each): implement one of the two.
///
/// # Shapes
/// Values (B, N) in 0..d, in site order; output (B, k): the log-amplitude and, of a state with a phase,
/// the phase in radians.
pub trait BurnAmplitude: Module + Sync + 'static {
    /// ln psi of each row. Derivatives take one backward pass for each row.
    ///
    /// # Panics
    /// If the module implements neither this nor `log_psi_each`.
    fn log_psi(&self, values: Tensor<2, Int>) -> Tensor<2> {
        let shared = BurnCopies::shared();
        let out = self.log_psi_each(values, &shared);
        out.expect("a `BurnAmplitude` implements `log_psi` or `log_psi_each`")
    }

    /// ln psi of each row with all parameters taken from `copies`, as
    /// [`BurnNetwork::forward_each`](crate::BurnNetwork::forward_each).
    fn log_psi_each(&self, values: Tensor<2, Int>, copies: &BurnCopies<'_>) -> Option<Tensor<2>> {
        let _ = (values, copies);
        None
    }
}

/// A Burn module as an unnormalised state in a sector: positive (`L = f64`), or with a phase
/// (`L = Complex64`).
///
/// Illegal configurations have amplitude 0. It has no exact sampler: draw from it by Metropolis or sum
/// over the sector. Precision, parameters and their names are those of
/// [`BurnConditional`](crate::BurnConditional).
pub struct BurnState<M, L> {
    sector: Sector,
    host: Host<M>,
    pool: Mutex<Vec<BurnWork<M>>>,
    log: PhantomData<L>,
}

impl<M: BurnAmplitude, L: Scalar> BurnState<M, L> {
    /// The state whose module `build` makes on Burn's processor device, with initial parameters drawn
    /// from `seed`.
    ///
    /// # Errors
    /// Those of [`on`](Self::on).
    pub fn new(
        sector: Sector,
        seed: u64,
        build: impl FnOnce(&Device) -> M,
    ) -> Result<Self, BurnError> {
        Self::on(Device::flex(), sector, seed, build)
    }

    /// The state whose module `build` makes on a device, as
    /// [`BurnConditional::on`](crate::BurnConditional::on).
    ///
    /// # Errors
    /// [`BurnError`]: another precision, no parameter, wrong shape, numbers that are not finite, an
    /// output that depends on other rows or on chance.
    pub fn on(
        device: Device,
        sector: Sector,
        seed: u64,
        build: impl FnOnce(&Device) -> M,
    ) -> Result<Self, BurnError> {
        let space = *sector.space();
        let host = Host::new(device, seed, build, |host| {
            amplitudes_are_sound::<M, L>(host, space)
        })?;
        Ok(Self {
            sector,
            host,
            pool: Mutex::new(Vec::new()),
            log: PhantomData,
        })
    }

    /// The legal configurations.
    #[must_use]
    pub fn sector(&self) -> &Sector {
        &self.sector
    }

    /// Rows of one pass.
    fn block(&self) -> usize {
        self.host.rows_of_a_pass(BLOCK, self.sector.space().n_sites)
    }

    /// Calls `work` with memory of this state's own.
    fn with_work<R>(&self, work: impl FnOnce(&mut BurnWork<M>) -> R) -> R {
        let pool = || self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let mut own = pool().pop().unwrap_or_default();
        let out = work(&mut own);
        pool().push(own);
        out
    }

    fn log_block(&self, theta: &[f64], x: ConfigsRef<'_>, out: &mut [L]) {
        let (mut state, mut legal, mut which) = (Vec::new(), Configs::new(x.n_sites()), Vec::new());
        for (r, row) in x.rows().enumerate() {
            if is_legal_with(&*self.sector, row, &mut state) {
                legal.push(row);
                which.push(r);
            }
        }
        out.fill(L::from(f64::NEG_INFINITY));
        if which.is_empty() {
            return;
        }
        let mut logs = vec![L::ZERO; which.len()];
        self.with_work(|work| {
            let module = work.module(&self.host, theta, false);
            let raw = run(&self.host, module, legal.view(), false);
            write_logs(&numbers(&raw), 1, &mut logs);
        });
        for (r, log) in which.into_iter().zip(logs) {
            out[r] = log;
        }
    }
}

/// Configurations as an input of the module: (B, N).
pub(super) fn values<M: BurnAmplitude>(
    host: &Host<M>,
    x: ConfigsRef<'_>,
    is_taped: bool,
) -> Tensor<2, Int> {
    let values = x.data().iter().map(|&v| i32::from(v)).collect();
    host.input(values, [x.len(), x.n_sites()], is_taped)
}

/// Overwrites rows (B, P) with the derivatives of outputs times seeds (B, k), by one backward pass for many
/// rows; false where the module has no [`BurnAmplitude::log_psi_each`].
pub(super) fn pullback_rows<M: BurnAmplitude>(
    host: &Host<M>,
    theta: &[f64],
    x: ConfigsRef<'_>,
    seed: &[f64],
    rows: &mut [f64],
) -> bool {
    host.pullback_rows(theta, seed, rows, |module: &M, some, copies| {
        module.log_psi_each(values(host, x.slice(some), true), copies)
    })
}

/// Runs a module on configurations: (B, k).
pub(super) fn run<M: BurnAmplitude>(
    host: &Host<M>,
    module: &M,
    x: ConfigsRef<'_>,
    is_taped: bool,
) -> Tensor<2> {
    module.log_psi(values(host, x, is_taped))
}

impl<M, L> fmt::Debug for BurnState<M, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BurnState")
            .field("sector", &self.sector)
            .field("n_params", &self.host.layout.n_params())
            .finish_non_exhaustive()
    }
}

impl<M, L> OnSpace for BurnState<M, L> {
    fn space(&self) -> &Space {
        self.sector.space()
    }
}

impl<M: BurnAmplitude, L: Scalar> Wavefunction for BurnState<M, L> {
    type Log = L;

    fn norm(&self) -> Norm {
        Norm::L2
    }

    fn layout(&self) -> &Layout {
        &self.host.layout
    }

    fn log_psi(&self, theta: &[f64], x: ConfigsRef<'_>, out: &mut [L]) {
        assert_eq!(out.len(), x.len(), "one log-amplitude for each row");
        let block = self.block();
        let blocks = out.par_chunks_mut(block).enumerate();
        blocks.for_each(|(i, out)| {
            let rows = x.slice(i * block..i * block + out.len());
            self.log_block(theta, rows, out);
        });
    }
}

impl<M: BurnAmplitude, L: Scalar> Differentiable for BurnState<M, L> {
    fn pullback(&self, theta: &[f64], x: ConfigsRef<'_>, seed: &[f64], rows: &mut [f64]) {
        let (b, p) = (x.len(), theta.len());
        assert_eq!(
            seed.len(),
            b * L::COMPONENTS,
            "one seed for each component and sample"
        );
        assert_eq!(rows.len(), b * p, "one row for each sample");
        let block = self.block();
        let blocks = rows.par_chunks_mut(block * p).enumerate();
        blocks.for_each(|(i, rows)| {
            let x = x.slice(i * block..i * block + rows.len() / p);
            let mut state = Vec::new();
            assert!(
                x.rows()
                    .all(|row| is_legal_with(&*self.sector, row, &mut state)),
                "the derivative of an illegal configuration is undefined"
            );
            let k = L::COMPONENTS;
            let seed: Vec<f64> = (0..x.len() * k)
                .map(|j| seed[j % k * b + i * block + j / k])
                .collect();
            if pullback_rows(&self.host, theta, x, &seed, rows) {
                return;
            }
            self.with_work(|work| {
                let module = work.module(&self.host, theta, true);
                for (j, row) in rows.chunks_exact_mut(p).enumerate() {
                    let out = run(&self.host, module, x.slice(j..j + 1), true);
                    let seed = seed[j * k..(j + 1) * k].to_vec();
                    self.host.pullback(module, out, seed, row);
                }
            });
        });
    }
}
