//! Training of one positive transformer state, as the gauge-theory examples share it.

use super::Failure;
use ketwork::exact::{Memory, dimension};
use ketwork::hamiltonians::{Hamiltonian, Model, OnSpace};
use ketwork::{
    Autoregressive, Estimate, FullSum, GroundState, Independent, Joined, Sampler, Schedule, Spring,
    Stream, Transformer, TransformerParams, Wavefunction,
};

/// A positive transformer state in a sector.
pub type State = Autoregressive<Transformer<f64>>;

/// How a state is trained.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Sizes of the network.
    pub params: TransformerParams,
    /// Steps of optimisation.
    pub steps: usize,
    /// Shots of one step.
    pub samples: usize,
    /// Random numbers.
    pub stream: Stream,
}

/// A trained state.
#[derive(Debug)]
pub struct Trained {
    /// The state.
    pub psi: State,
    /// Its parameters.
    pub theta: Vec<f64>,
    /// Energy of fresh shots.
    pub energy: Estimate,
    /// Variance of the local energy.
    pub variance: f64,
}

/// Largest sector whose configurations are summed in each step.
const SUMMED: f64 = 512.0;

/// Trains from given parameters, or from random ones.
pub fn train(model: &Model<f64>, plan: &Plan, start: Option<Vec<f64>>) -> Result<Trained, Failure> {
    let sector = model.sector();
    let net = Transformer::new(*model.space(), plan.params).map_err(Failure::input)?;
    let psi = State::new(net, sector.clone());
    let shots = Independent::new(plan.samples as u64, plan.stream.named("samples"));
    let is_small = dimension(&**sector).is_ok_and(|d| d <= SUMMED);
    let sampler: Box<dyn Sampler<State>> = if is_small {
        Box::new(FullSum::new(&**sector, Memory::default()).map_err(Failure::input)?)
    } else {
        Box::new(shots.clone())
    };
    let random = || psi.layout().initial(plan.stream.named("parameters"));
    let theta = start.unwrap_or_else(random);
    let mut vmc = GroundState::new(model, &psi, sampler, theta).with_solver(Spring::new(1e-3, 0.8));
    let fall = |from: f64, floor, knee, power, warmup| Schedule::Power {
        from,
        floor,
        knee,
        power,
        warmup,
    };
    vmc.learning_rate = fall(0.1, 2e-3, 400.0, 1.0, 20);
    vmc.shift = Some(fall(1e-2, 1e-5, 50.0, 3.0, 0));
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
