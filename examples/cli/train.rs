//! Training of one positive state, as the gauge-theory examples share it.

use super::{Failure, Session};
use ketwork::exact::{Memory, dimension};
use ketwork::hamiltonians::{Hamiltonian, Model, OnSpace};
use ketwork::{
    Autoregressive, Conditional, Estimate, FullSum, GroundState, Independent, Joined, Positions,
    Sampler, Schedule, Spring, Stream, Transformer, TransformerParams, Wavefunction,
};

/// A positive state in a sector.
pub type State<M = Transformer<f64>> = Autoregressive<M>;

/// How a state is trained.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Sizes of the network.
    pub params: TransformerParams,
    /// Steps of optimisation.
    pub steps: usize,
    /// Shots of one step; sectors of no more configurations are summed over.
    pub samples: usize,
    /// Probability with which half of the shots of a step draw a value uniformly, for peaked states whose
    /// own shots see a handful of configurations; 0 for their own shots.
    pub uniform: f64,
    /// Random numbers.
    pub stream: Stream,
}

impl Plan {
    /// Two layers of width 16, the state's own shots, steps and samples of the session or the given ones.
    pub fn new(session: &Session, steps: usize, samples: usize) -> Self {
        Self {
            params: TransformerParams {
                layers: 2,
                width: 16,
                heads: 2,
            },
            steps: session.run.optimizer.steps.unwrap_or(steps),
            samples: session.run.sampling.samples.unwrap_or(samples),
            uniform: 0.0,
            stream: Stream::new(session.run.seed),
        }
    }
}

/// A trained state.
#[derive(Debug)]
pub struct Trained<M: Conditional = Transformer<f64>> {
    /// The state.
    pub psi: State<M>,
    /// Its parameters.
    pub theta: Vec<f64>,
    /// Energy of fresh shots.
    pub energy: Estimate,
    /// Variance of the local energy.
    pub variance: f64,
}

/// The parameters of a trained state where a network of the same sizes continues it on a larger
/// lattice.
pub fn carried(
    trained: &Trained,
    positions: &Positions,
    model: &Model<f64>,
    plan: &Plan,
) -> Result<Vec<f64>, Failure> {
    let net = Transformer::<f64>::new(*model.space(), plan.params).map_err(Failure::input)?;
    positions
        .transfer(trained.psi.layout(), &trained.theta, net.layout())
        .map_err(Failure::computation)
}

/// Trains a transformer from given parameters, or from random ones.
pub fn train(model: &Model<f64>, plan: &Plan, start: Option<Vec<f64>>) -> Result<Trained, Failure> {
    let net = Transformer::new(*model.space(), plan.params).map_err(Failure::input)?;
    train_network(model, net, plan, start)
}

/// Trains a network from given parameters, or from random ones.
pub fn train_network<M: Conditional<Log = f64>>(
    model: &Model<f64>,
    net: M,
    plan: &Plan,
    start: Option<Vec<f64>>,
) -> Result<Trained<M>, Failure> {
    let sector = model.sector();
    let psi = Autoregressive::new(net, sector.clone());
    let shots = Independent::new(plan.samples as u64, plan.stream.named("samples"));
    // A sector whose automaton is too large to count is no small one.
    let is_small = dimension(&**sector).is_ok_and(|d| d <= plan.samples as f64);
    let sampler: Box<dyn Sampler<State<M>>> = if is_small {
        Box::new(FullSum::new(&**sector, Memory::default()).map_err(Failure::input)?)
    } else {
        Box::new(shots.clone().broadened(plan.uniform))
    };
    let random = || psi.layout().initial(plan.stream.named("parameters"));
    let theta = start.unwrap_or_else(random);
    let mut vmc = GroundState::new(model, &psi, sampler, theta).with_solver(Spring::new(1e-3, 0.8));
    vmc.learning_rate = Schedule::training_rate(model.space().n_sites, 0.1);
    vmc.shift = Some(Schedule::training_shift());
    for report in vmc.by_ref().take(plan.steps) {
        report.map_err(Failure::computation)?;
    }
    vmc.sampler = Box::new(shots);
    let mut fresh = Joined::default();
    for _ in 0..16 {
        vmc.measure_into(&mut fresh).map_err(Failure::computation)?;
    }
    let (theta, energy, variance) = (vmc.theta, fresh.estimate(), fresh.variance());
    Ok(Trained {
        psi,
        theta,
        energy,
        variance,
    })
}
