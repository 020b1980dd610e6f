//! From a model to results.

use crate::chance::{Chance, Dice};
use crate::decompose::Parts;
use crate::replica::{Replica, System};
use crate::string::{EMPTY, Worldlines};
use crate::{SseError, SseParams, SseReport, TemperingParameter, UpdateCount};
use ketwork_hamiltonians::{Hamiltonian, LocalSum, Model, Sector, is_legal};
use ketwork_models::Stream;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// A quantum Monte Carlo simulation by stochastic series expansion.
///
/// The operator string is derived from the terms of the Hamiltonian. Single-site flips, guarded by
/// a blockade or not, with fields and couplings of pairs, are sampled by segments, rods and
/// clusters; exchange of pairs by directed loops.
///
/// # References
/// A. W. Sandvik, J. Kurkijärvi, Phys. Rev. B 43, 5950 (1991);
/// P. Patil, SciPost Phys. 20, 022 (2026), arXiv:2309.00482 (restricted space).
#[derive(Clone, Debug)]
pub struct Sse {
    systems: Vec<System>,
    params: SseParams,
}

impl Sse {
    /// Checks model and parameters.
    ///
    /// # Errors
    /// [`SseError`] for a sign problem or an unsupported term, by name; a sector that is not the one
    /// of the terms; parameters outside their range, starts outside the sector.
    pub fn new<H: Hamiltonian<Elem = f64> + ?Sized>(
        model: &H,
        params: SseParams,
    ) -> Result<Self, SseError> {
        let parts = Parts::of(model)?;
        params.check(parts.n_sites)?;
        let fits = |x: &Vec<u8>| x.len() == parts.n_sites && is_legal(&**model.sector(), x);
        if let Some(k) = params.starts.iter().position(|x| !fits(x)) {
            return Err(SseError::Parameter {
                key: "starts",
                reason: format!("configuration {k} is not one of the model's sector"),
            });
        }
        let system = |parts: Parts, beta: f64| System::new(parts, beta, params.epsilon);
        let systems = match &params.tempering {
            None => vec![system(parts, params.beta)],
            Some(t) => match t.parameter {
                TemperingParameter::Beta => t
                    .values
                    .iter()
                    .map(|&beta| system(parts.clone(), beta))
                    .collect(),
                TemperingParameter::Delta => t
                    .values
                    .iter()
                    .map(|&delta| {
                        let model = changed(model.terms(), model.sector(), delta)?;
                        Ok(system(Parts::of(&model)?, params.beta))
                    })
                    .collect::<Result<_, SseError>>()?,
            },
        };
        Ok(Self { systems, params })
    }

    /// Runs to the end.
    ///
    /// With tempering this is the first rung; see [`Self::run_ladder`].
    ///
    /// # Errors
    /// [`SseError::CutOff`] where the thermalisation was too short.
    pub fn run(self, stream: Stream) -> Result<SseReport, SseError> {
        Ok(self.run_ladder(stream)?.swap_remove(0))
    }

    /// Runs to the end; one report for each rung of the ladder.
    ///
    /// # Errors
    /// [`SseError::CutOff`] where the thermalisation was too short.
    pub fn run_ladder(self, stream: Stream) -> Result<Vec<SseReport>, SseError> {
        let mut run = self.start(stream);
        while !run.is_done() {
            run.advance(u64::MAX);
        }
        run.reports()
    }

    /// A run that is advanced by its owner.
    #[must_use]
    pub fn start(self, stream: Stream) -> SseRun {
        let rungs = self.systems.len();
        let starts = match &self.params.starts[..] {
            [] => std::slice::from_ref(&self.systems[0].parts.first),
            starts => starts,
        };
        let ladders = (0..self.params.replicas as u64).map(|r| {
            let stream = stream.named("sse").numbered(r);
            let first = &starts[r as usize % starts.len()];
            let replica = |k| Replica::new(first, Dice::new(stream.numbered(k)));
            Ladder {
                replicas: (0..rungs as u64).map(replica).collect(),
                dice: Dice::new(stream.named("exchange")),
                rounds: 0,
                exchanges: vec![UpdateCount::default(); rungs],
            }
        });
        let state = SseState {
            ladders: ladders.collect(),
            params: self.params.clone(),
        };
        SseRun { sse: self, state }
    }

    /// Continues a saved run bit by bit, as if it had not been interrupted.
    ///
    /// # Errors
    /// [`SseError::Resume`] where the state was saved with other parameters or another model.
    pub fn resume(self, state: SseState) -> Result<SseRun, SseError> {
        let n = self.systems[0].vertices.n_sites;
        let refuse = |reason: &str| {
            Err(SseError::Resume {
                reason: reason.to_owned(),
            })
        };
        if state.params != self.params {
            return refuse("it was saved with other parameters");
        }
        let rungs = self.systems.len();
        let fits = |l: &Ladder| {
            l.replicas.len() == rungs
                && l.exchanges.len() == rungs
                && l.replicas
                    .iter()
                    .zip(&self.systems)
                    .all(|(r, s)| r.worldlines.start.len() == n && s.admits(&r.worldlines))
        };
        if state.ladders.len() != self.params.replicas || !state.ladders.iter().all(fits) {
            return refuse("its operator strings belong to another model");
        }
        Ok(SseRun { sse: self, state })
    }
}

fn changed(sum: &LocalSum<f64>, sector: &Sector, delta: f64) -> Result<Model<f64>, SseError> {
    let wrong = |e: &dyn std::fmt::Display| SseError::Parameter {
        key: "tempering",
        reason: e.to_string(),
    };
    let sum = sum.with_coupling("delta", delta).map_err(|e| wrong(&e))?;
    Model::new(sum, sector.clone()).map_err(|e| wrong(&e))
}

/// The chains of one ladder; a single one without tempering.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Ladder {
    replicas: Vec<Replica>,
    dice: Dice,
    rounds: u64,
    exchanges: Vec<UpdateCount>,
}

/// Everything a run needs to continue.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SseState {
    ladders: Vec<Ladder>,
    params: SseParams,
}

/// A simulation under way.
#[derive(Clone, Debug)]
pub struct SseRun {
    sse: Sse,
    state: SseState,
}

impl SseRun {
    /// At most `sweeps` more sweeps of every replica, over all threads of the pool.
    ///
    /// Results do not depend on the number of threads, nor on how a run is cut into pieces.
    pub fn advance(&mut self, sweeps: u64) {
        let (systems, params) = (&self.sse.systems, &self.sse.params);
        let mut left = sweeps.min(params.sweeps_each() - self.done());
        let every = params.tempering.as_ref().map_or(u64::MAX, |t| t.every);
        while left > 0 {
            let done = self.state.ladders[0].replicas[0].done;
            let count = left.min(every - done % every);
            let chains: Vec<(&System, &mut Replica)> = self
                .state
                .ladders
                .iter_mut()
                .flat_map(|l| systems.iter().zip(&mut l.replicas))
                .collect();
            chains
                .into_par_iter()
                .for_each(|(system, replica)| replica.advance(system, params, count));
            left -= count;
            if (done + count).is_multiple_of(every) {
                for ladder in &mut self.state.ladders {
                    ladder.exchange(systems);
                }
            }
        }
    }

    /// Sweeps done by each replica, with thermalisation.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.state.ladders[0].replicas[0].done
    }

    /// Sweeps of each replica in the whole run, with thermalisation.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.sse.params.sweeps_each()
    }

    /// Whether all sweeps are done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done() >= self.total()
    }

    /// What to save to continue later with [`Sse::resume`].
    #[must_use]
    pub fn state(&self) -> &SseState {
        &self.state
    }

    /// Acceptance so far, over all rungs: for progress bars.
    #[must_use]
    pub fn acceptance(&self) -> crate::Acceptance {
        let mut sum = crate::Acceptance::default();
        for ladder in &self.state.ladders {
            for r in &ladder.replicas {
                sum.diagonal.add(r.diagonal);
                sum.segments.add(r.segments);
                sum.hops.add(r.hops);
                sum.loops.add(r.loops);
            }
            ladder.exchanges.iter().for_each(|&e| sum.tempering.add(e));
        }
        sum
    }

    /// Whether the cut-off of every string has been long enough so far.
    ///
    /// # Errors
    /// [`SseError::CutOff`] for the first string of which it was not; the run is then of no use.
    pub fn check_cut_off(&self) -> Result<(), SseError> {
        let mut replicas = self.state.ladders.iter().flat_map(|l| &l.replicas);
        match replicas.find(|r| r.is_cut_off()) {
            None => Ok(()),
            Some(r) => Err(SseError::CutOff {
                operators: r.peak,
                slots: r.worldlines.slots.len(),
                advice: (4 * self.sse.params.thermalization).max(1000),
            }),
        }
    }

    /// Results for each rung of the ladder, from full bins.
    ///
    /// # Errors
    /// [`SseError::CutOff`], see [`Self::check_cut_off`].
    ///
    /// # Panics
    /// If the run is not done.
    #[track_caller]
    pub fn reports(&self) -> Result<Vec<SseReport>, SseError> {
        assert!(self.is_done(), "{} of {} sweeps", self.done(), self.total());
        self.check_cut_off()?;
        Ok((0..self.sse.systems.len())
            .map(|rung| SseReport::new(self, rung))
            .collect())
    }

    pub(crate) fn params(&self) -> &SseParams {
        &self.sse.params
    }

    pub(crate) fn system(&self, rung: usize) -> &System {
        &self.sse.systems[rung]
    }

    pub(crate) fn replicas(&self, rung: usize) -> impl Iterator<Item = &Replica> {
        self.state.ladders.iter().map(move |l| &l.replicas[rung])
    }

    pub(crate) fn exchanges(&self, rung: usize) -> UpdateCount {
        let mut sum = UpdateCount::default();
        for ladder in &self.state.ladders {
            sum.add(ladder.exchanges[rung]);
        }
        sum
    }
}

impl Ladder {
    /// Rungs (0, 1), (2, 3), ... and (1, 2), (3, 4), ... in turn try to exchange their strings.
    fn exchange(&mut self, systems: &[System]) {
        let first = (self.rounds % 2) as usize;
        self.rounds += 1;
        for k in (first..systems.len() - 1).step_by(2) {
            let (low, high) = self.replicas.split_at_mut(k + 1);
            let (x, y) = (&mut low[k].worldlines, &mut high[0].worldlines);
            self.exchanges[k].tried += 1;
            let done = exchange_strings(&systems[k], &systems[k + 1], x, y, &mut self.dice);
            self.exchanges[k].accepted += u64::from(done);
        }
    }
}

/// String x of system a and string y of system b change places, each in random slots, with
/// probability $\min(1, W_a(y) W_b(x) / W_a(x) W_b(y))$; returns whether they did.
///
/// $W = \beta^n \prod_p w_p$. The factorials of the weights are those of the placements.
pub(crate) fn exchange_strings<C: Chance>(
    a: &System,
    b: &System,
    x: &mut Worldlines,
    y: &mut Worldlines,
    chance: &mut C,
) -> bool {
    if y.n_operators > x.slots.len() || x.n_operators > y.slots.len() {
        return false;
    }
    let log = if a.parts == b.parts {
        // Only powers of the inverse temperatures are left.
        (y.n_operators as f64 - x.n_operators as f64) * (a.vertices.beta / b.vertices.beta).ln()
    } else {
        a.log_weight(y) + b.log_weight(x) - a.log_weight(x) - b.log_weight(y)
    };
    if !chance.accept(log.exp()) {
        return false;
    }
    let (m, n) = (x.slots.len(), y.slots.len());
    std::mem::swap(x, y);
    x.spread(m, chance);
    y.spread(n, chance);
    true
}

impl Worldlines {
    /// Puts the operators into random slots of a string of length `m`, in their order.
    ///
    /// A sequence of n operators has the weight $\beta^n / n!$ over all its placements, whatever the
    /// number of slots, so strings of different lengths can be exchanged.
    fn spread<C: Chance>(&mut self, m: usize, chance: &mut C) {
        let mut slots = Vec::with_capacity(m);
        let mut operators = self.slots.iter().filter(|&&op| op != EMPTY);
        let mut left = self.n_operators;
        for p in 0..m {
            if chance.below(m - p) < left {
                left -= 1;
                slots.extend(operators.next());
            } else {
                slots.push(EMPTY);
            }
        }
        self.slots = slots;
    }
}
