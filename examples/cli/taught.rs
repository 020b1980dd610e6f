//! A positive network taught by configurations, then by the energy, from these parameters and from random ones.

use super::{Failure, Field, Line, Session};
use ketwork::exact::{LanczosParams, dimension, ground_state};
use ketwork::hamiltonians::{AnyModel, ConfigsRef, Hamiltonian, Lattice, Model};
use ketwork::run::{State, build_state};
use ketwork::{
    Adam, Ansatz, Estimate, GroundState, Independent, Joined, Likelihood, LikelihoodError, Panel,
    Scale, Schedule, Spring, Stopwatch, Stream,
};

/// Dimension up to which the exact energy is computed unasked: seconds.
const EXACT_UP_TO: f64 = 3e5;

/// A model in the gauge in which its ground state is positive, and a network for it.
pub struct Pupil {
    /// Sites.
    pub lattice: Lattice,
    /// The model.
    pub model: Model<f64>,
    /// The network.
    pub psi: Box<dyn Ansatz<Log = f64>>,
    /// Parameters to start from.
    pub random: Vec<f64>,
    stream: Stream,
}

impl Pupil {
    /// Builds model and network of the run file.
    pub fn new(session: &Session) -> Result<Self, Failure> {
        let run = &session.run;
        let (lattice, model) = run.system()?;
        let AnyModel::Real(model) = model else {
            return Err(Failure::input("a positive state needs a real Hamiltonian"));
        };
        let model = model.rotated_by_z(&model.terms().sign_gauge());
        let State::Ancestral(psi) =
            build_state::<f64>(&run.wavefunction, &lattice, model.sector())?
        else {
            return Err(Failure::input("data teach networks with exact sampling"));
        };
        if model.sector().order().len() != lattice.n_sites() {
            return Err(Failure::input(
                "values must sit on the sites of the lattice",
            ));
        }
        let stream = Stream::new(run.seed);
        let random = psi.layout().initial(stream.named("parameters"));
        Ok(Self {
            lattice,
            model,
            psi,
            random,
            stream,
        })
    }

    /// The parameters that make the data likely.
    pub fn teach(
        &self,
        session: &Session,
        x: ConfigsRef<'_>,
        weight: &[f64],
        steps: usize,
    ) -> Result<Vec<f64>, Failure> {
        let watch = Stopwatch::start();
        let mut fit = Likelihood::weighted(&*self.psi, x, weight, self.random.clone(), self.stream)
            .map_err(Failure::input)?
            .with_solver(Adam::default());
        // Many cheap steps: small batches need no linear system.
        fit.batch = 256;
        fit.learning_rate = Schedule::Power {
            from: 1e-2,
            floor: 1e-3,
            knee: 200.0,
            power: 1.0,
            warmup: 5,
        };
        let before = fit.divergence().map_err(Failure::computation)?;
        let all: Result<Vec<_>, LikelihoodError> = fit.by_ref().take(steps).collect();
        all.map_err(Failure::computation)?;
        let after = fit.divergence().map_err(Failure::computation)?;
        session.say(format!(
            "likelihood of {} configurations: {steps} steps, {:.1} CPU s; divergence {before:.3}, then {after:.3} nats",
            fit.unique(),
            watch.elapsed().cpu_seconds
        ));
        Ok(fit.theta)
    }

    /// The exact energy where it was asked for or the sector is small.
    pub fn exact(&self, session: &Session) -> Result<Option<f64>, Failure> {
        // A sector whose automaton is too large to count is no small one.
        let is_small = dimension(&**self.model.sector()).is_ok_and(|d| d <= EXACT_UP_TO);
        let lanczos = LanczosParams::default();
        Ok(match session.exact || is_small {
            true => Some(ground_state(&self.model, &lanczos)?.energies[0]),
            false => None,
        })
    }

    /// Minimises the energy from random parameters and from taught ones, which cost `before` CPU seconds:
    /// the results, and a picture of both beside the reference.
    pub fn compare(
        &self,
        session: &Session,
        taught: (Vec<f64>, f64, &str),
        steps: usize,
        (reference, name): (f64, &str),
    ) -> Result<(Line, Panel), Failure> {
        let axis = "relative error, means of 10 steps";
        let mut panel = Panel::new("CPU seconds", axis)
            .scales(Scale::Linear, Scale::Log)
            .x_reaches(0.0, 1.0);
        let mut line = Line::new();
        let (theta, spent, source) = taught;
        for (word, key, theta, before) in [
            ("random weights", "random", self.random.clone(), 0.0),
            (source, "pretrained", theta, spent),
        ] {
            let (energy, curve) = self.tune(session, theta, steps)?;
            let off = (energy.mean - reference) / reference.abs();
            let smooth: Vec<(f64, f64)> = curve
                .windows(10)
                .map(|w| (w[9].0, w.iter().map(|p| p.1).sum::<f64>() / 10.0))
                .map(|(s, e)| (before + s, (e / reference - 1.0).abs()))
                .collect();
            let reached = |limit: f64| smooth.iter().find(|p| p.1 < limit).map(|p| p.0);
            let after =
                |s: Option<f64>| s.map_or("not reached".into(), |s| format!("after {s:.1} CPU s"));
            session.say(format!(
                "from {word}: E = {energy}, {name} {reference:.6}, relative error {off:.1e}; 1e-3 {}, 1e-4 {}",
                after(reached(1e-3)),
                after(reached(1e-4)),
            ));
            let values = Line::new()
                .set("energy", energy.mean)
                .set("energy_error", energy.error)
                .set("relative_error", off)
                .set("cpu_seconds_to_1e-3", reached(1e-3))
                .set("cpu_seconds_to_1e-4", reached(1e-4));
            line = line.set(key, Field::from(values));
            panel = panel.line(&format!("energy from {word}"), smooth);
        }
        Ok((line, panel))
    }

    /// Minimises the energy: a fresh estimate of it, and (CPU seconds, energy) after each step.
    fn tune(
        &self,
        session: &Session,
        theta: Vec<f64>,
        steps: usize,
    ) -> Result<(Estimate, Vec<(f64, f64)>), Failure> {
        let shots = session.run.sampling.samples.unwrap_or(1024) as u64;
        let shots = Independent::new(shots, self.stream.named("samples"));
        let mut vmc = GroundState::new(&self.model, &*self.psi, shots, theta)
            .with_solver(Spring::new(1e-3, 0.8));
        vmc.learning_rate = Schedule::training_rate(self.lattice.n_sites(), 0.1);
        vmc.shift = Some(Schedule::training_shift());
        let (watch, mut curve) = (Stopwatch::start(), Vec::new());
        for report in vmc.by_ref().take(steps) {
            let energy = report.map_err(Failure::computation)?.energy.mean;
            curve.push((watch.elapsed().cpu_seconds, energy));
        }
        let mut fresh = Joined::default();
        for _ in 0..16 {
            vmc.measure_into(&mut fresh).map_err(Failure::computation)?;
        }
        Ok((fresh.estimate(), curve))
    }
}
