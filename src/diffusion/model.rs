//! Backward circuits of all steps, with their conditions and the angles a network adds.

use crate::block::{Block, LANES, Lane};
use crate::conditioning::Features;
use crate::schedule::gaussian;
use crate::states::inner;
use crate::sweep::Digits;
use crate::{
    Bottleneck, Circuit, Condition, Data, DiffusionError, DiffusionParams, Forward, ForwardProcess,
    Optimizer, Perceptron, States, infidelity,
};
use ketwork_hamiltonians::Hamiltonian;
use ketwork_models::Stream;
use ketwork_stats::reduce;
use num_complex::Complex64;
use std::ops::Range;

/// Why neither mixtures nor devices know the angles of a hybrid model.
pub(crate) const SEES_AMPLITUDES: DiffusionError = DiffusionError::NoGate {
    operation: "a network that adds to the angles",
    reason: "it reads the amplitudes of each state; train without hidden layers",
};

/// A trained diffusion model: for each step t a circuit that leads from $x_t$ towards $x_{t-1}$.
#[derive(Clone, Debug)]
pub struct DiffusionModel {
    pub(crate) process: ForwardProcess,
    pub(crate) circuit: Circuit,
    /// Angles of U3, to which the network adds.
    last: Range<usize>,
    pub(crate) measured: u32,
    label_qubits: u32,
    pub(crate) features: Features,
    /// Parameters of each step (F, P).
    pub(crate) theta: Vec<Vec<f64>>,
    /// Direction whose overlap with a state fixes the state's phase, where an activation sees phases.
    reference: Option<Vec<Complex64>>,
    /// Fresh noise between steps, in units of the posterior deviation.
    pub(crate) fresh_noise: f64,
    pub(crate) mlp: Option<Perceptron>,
    /// Parameters of the network, one for all steps.
    pub(crate) weights: Vec<f64>,
}

/// One block of a batch: states and what they are conditioned on.
pub(crate) struct Item<'a> {
    pub(crate) rows: &'a [Complex64],
    pub(crate) condition: &'a Condition,
    /// Number of the block's first state in the batch.
    pub(crate) first: usize,
}

/// Losses and derivatives of one step.
pub(crate) struct StepGradient {
    pub(crate) loss: Vec<f64>,
    pub(crate) theta: Vec<f64>,
    pub(crate) weights: Vec<f64>,
}

impl StepGradient {
    /// Losses one after another, derivatives added.
    pub(crate) fn join(mut self, other: Self) -> Self {
        self.loss.extend(other.loss);
        let add = |a: &mut [f64], b: Vec<f64>| a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        add(&mut self.theta, other.theta);
        add(&mut self.weights, other.weights);
        self
    }
}

impl DiffusionModel {
    /// The model before training: every step near the identity, of general rotations and CNOTs.
    ///
    /// # Errors
    /// [`DiffusionError`] for parameters out of range or more qubits than memory allows.
    pub fn new(
        data: &Data,
        params: &DiffusionParams,
        stream: Stream,
    ) -> Result<Self, DiffusionError> {
        Self::assemble(data, params, stream, |shape| Ok(shape.circuit()))
    }

    /// The same with steps of the Hamiltonian-variational ansatz ([`Bottleneck::variational`]): gates
    /// $e^{-i\theta A}$ of the Hamiltonian's terms, alone and coupled to the ancillas.
    ///
    /// # Errors
    /// Those of [`Self::new`] and of [`Bottleneck::variational`].
    pub fn variational<H: Hamiltonian + ?Sized>(
        data: &Data,
        params: &DiffusionParams,
        hamiltonian: &H,
        stream: Stream,
    ) -> Result<Self, DiffusionError> {
        let circuit = |shape: &Bottleneck| shape.variational(hamiltonian);
        Self::assemble(data, params, stream, circuit)
    }

    fn assemble(
        data: &Data,
        params: &DiffusionParams,
        stream: Stream,
        circuit: impl FnOnce(&Bottleneck) -> Result<(Circuit, Range<usize>), DiffusionError>,
    ) -> Result<Self, DiffusionError> {
        params.check()?;
        let process = ForwardProcess::new(&params.schedule, params.steps, params.noise)?;
        let n_qubits = data.states.n_qubits();
        let (features, label_qubits) = Features::new(params.conditioning, &data.condition)?;
        let shape = Bottleneck {
            n_qubits,
            ancillas: params.ancillas,
            label_qubits,
            rounds: params.rounds,
            layers: params.layers,
            activation: params.activation,
            measured: params.measured,
        };
        let bits = n_qubits + label_qubits + params.ancillas;
        let needed = 64.0 * LANES as f64 * 2f64.powi(bits as i32);
        if bits > States::MAX_QUBITS || needed > params.memory as f64 {
            return Err(DiffusionError::Memory {
                n_qubits: bits as usize,
                needed,
                allowed: params.memory,
            });
        }
        let (circuit, last) = circuit(&shape)?;
        circuit.check_memory(params.memory)?;
        if params.forward == Forward::Depolarising {
            circuit.check_density_memory(params.memory)?;
        }
        let n_params = circuit.n_params();
        // Parameters, their derivatives and the two moments of Adam.
        let needed = 32.0 * params.steps as f64 * (features.count() * n_params) as f64;
        if needed > params.memory as f64 {
            return Err(DiffusionError::Memory {
                n_qubits: bits as usize,
                needed,
                allowed: params.memory,
            });
        }
        if let Optimizer::NaturalGradient { states, .. } = params.optimizer {
            // The Jacobian of the states, the smaller of its two products and that one's factor, for each
            // step at work.
            let p = (features.count() * n_params) as f64;
            let rows = states.min(params.batch) as f64 * 2f64.powi(n_qubits as i32 + 1);
            let threads = rayon::current_num_threads().min(params.steps) as f64;
            let needed = 8.0 * threads * (p * rows + 2.0 * p.min(rows).powi(2));
            if needed > params.memory as f64 {
                return Err(DiffusionError::Memory {
                    n_qubits: bits as usize,
                    needed,
                    allowed: params.memory,
                });
            }
        }
        let init = stream.named("angles");
        let angle = |t: usize, p: usize| params.initial * gaussian(init, t as u64, p as u32).re;
        let theta = (0..params.steps).map(|t| {
            let mut theta = vec![0.0; features.count() * n_params];
            theta[..n_params]
                .iter_mut()
                .enumerate()
                .for_each(|(p, x)| *x = angle(t, p));
            theta
        });
        let mut model = Self {
            measured: if params.measured { params.ancillas } else { 0 },
            theta: theta.collect(),
            process,
            circuit,
            last,
            label_qubits,
            features,
            reference: params.activation.map(|_| mean(&data.states)),
            fresh_noise: params.fresh_noise,
            mlp: None,
            weights: Vec::new(),
        };
        if !params.hidden.is_empty() {
            let inputs = (1 << n_qubits) + params.steps + features.count() - 1;
            let mut sizes = vec![inputs];
            sizes.extend(&params.hidden);
            sizes.push(model.last.len());
            let mlp = Perceptron::new(sizes);
            model.weights = mlp.initial_with(0.01, stream.named("network"));
            model.mlp = Some(mlp);
        }
        Ok(model)
    }

    /// The forward process.
    #[must_use]
    pub fn process(&self) -> &ForwardProcess {
        &self.process
    }

    /// The circuit of every step; its angles are those of [`Self::angles`]. An activation's slope is
    /// that of step 0: at step t it is weaker by $\bar\alpha_t$.
    #[must_use]
    pub fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// Whether it knows labels or parameters.
    #[must_use]
    pub fn is_conditioned(&self) -> bool {
        self.label_qubits > 0 || self.features != Features::One
    }

    /// Number of trained parameters: angles of all steps and weights of the network.
    #[must_use]
    pub fn n_params(&self) -> usize {
        self.theta.iter().map(Vec::len).sum::<usize>() + self.weights.len()
    }

    /// Angles of step t = 1 .. T for state i of a condition.
    ///
    /// # Errors
    /// [`DiffusionError::NoGate`] for angles that a network takes from each state's amplitudes.
    ///
    /// # Panics
    /// If there is no step t or no entry i.
    #[track_caller]
    pub fn angles(
        &self,
        t: usize,
        condition: &Condition,
        i: usize,
    ) -> Result<Vec<f64>, DiffusionError> {
        if self.mlp.is_some() {
            return Err(SEES_AMPLITUDES);
        }
        let p = self.circuit.n_params();
        let f = self.features.of(condition, i);
        let row = |k: usize| {
            f.iter()
                .zip(self.theta[t - 1].chunks_exact(p))
                .map(|(f, row)| f * row[k])
                .sum()
        };
        Ok((0..p).map(row).collect())
    }

    /// Angles of up to eight states, without what a network adds.
    pub(crate) fn lane_angles(&self, t: usize, features: &[Vec<f64>]) -> Vec<Lane> {
        let p = self.circuit.n_params();
        let mut angles = vec![Lane::ZERO; p];
        for (l, f) in features.iter().enumerate() {
            for (f, row) in f.iter().zip(self.theta[t - 1].chunks_exact(p)) {
                if *f != 0.0 {
                    angles
                        .iter_mut()
                        .zip(row)
                        .for_each(|(a, x)| a.0[l] += f * x);
                }
            }
        }
        // Idle states of the last block follow the first, so that their angles cost nothing.
        for l in features.len()..LANES {
            angles.iter_mut().for_each(|a| a.0[l] = a.0[0]);
        }
        angles
    }

    /// Derivatives by the parameters of a step from those by the angles of its states.
    pub(crate) fn by_parameters(&self, features: &[Vec<f64>], grad: &[Lane]) -> Vec<f64> {
        let p = grad.len();
        let mut theta = vec![0.0; self.features.count() * p];
        for (l, f) in features.iter().enumerate() {
            for (f, row) in f.iter().zip(theta.chunks_exact_mut(p)) {
                if *f != 0.0 {
                    let sums = row.iter_mut().zip(grad);
                    sums.for_each(|(x, g)| *x += f * g.0[l]);
                }
            }
        }
        theta
    }

    /// Angles of a block, and the activations of the network.
    pub(crate) fn block_angles(
        &self,
        t: usize,
        features: &[Vec<f64>],
        psi: &Block,
    ) -> (Vec<Lane>, Vec<Vec<Lane>>) {
        let mut angles = self.lane_angles(t, features);
        let Some(mlp) = &self.mlp else {
            return (angles, Vec::new());
        };
        let scale = (psi.dim() as f64).sqrt();
        let mut x: Vec<Lane> = (psi.re.iter().zip(&psi.im))
            .map(|(r, i)| r.zip(*i, |r, i| scale * r.hypot(i)))
            .collect();
        let steps = self.process.steps();
        x.extend((1..=steps).map(|s| Lane::splat(f64::from(u8::from(s == t)))));
        x.extend((1..self.features.count()).map(|k| {
            Lane(std::array::from_fn(|l| {
                features.get(l).map_or(0.0, |f| f[k])
            }))
        }));
        let all = mlp.run(&self.weights, x);
        for (a, o) in angles[self.last.clone()]
            .iter_mut()
            .zip(&all[all.len() - 1])
        {
            *a = a.zip(*o, |a, o| a + o);
        }
        (angles, all)
    }

    pub(crate) fn digits(&self, t: usize, item: &Item<'_>, count: usize) -> Digits {
        // Signs of amplitudes mean something as far as the phase of the signal is there.
        let mut digits = Digits {
            activation: self.process.alpha_bar(t),
            ..Digits::default()
        };
        if self.label_qubits > 0
            && let Condition::Labels { label, .. } = item.condition
        {
            for l in 0..count {
                digits.label[l] = label[item.first + l] as u32;
            }
        }
        digits
    }

    /// Infidelities of a block of step t and their derivatives, summed over its states.
    fn block_gradient(&self, t: usize, item: &Item<'_>, target: &[Complex64]) -> StepGradient {
        let dim = 1usize << self.circuit.n_qubits();
        let count = item.rows.len() / dim;
        let features: Vec<_> = (0..count)
            .map(|l| self.features.of(item.condition, item.first + l))
            .collect();
        let psi = Block::gather(item.rows, dim);
        let (angles, all) = self.block_angles(t, &features, &psi);
        let mut digits = self.digits(t, item, count);
        let target = |l: usize| &target[l * dim..(l + 1) * dim];
        let (loss, grad) = if self.measured == 0 {
            self.circuit
                .block_pullback(&angles, psi, count, &digits, |l, out, c| {
                    infidelity(target(l), out, c)
                })
        } else {
            // All outcomes are kept: the state is a mixture, with fidelity sum_o |<mu|K_o x>|^2.
            let mut total = (vec![1.0; count], vec![Lane::ZERO; angles.len()]);
            for outcome in 0..1u32 << self.measured {
                digits.outcome = [outcome; LANES];
                let kept = |l: usize, out: &[Complex64], c: &mut [Complex64]| {
                    let overlap = inner(target(l), out);
                    c.iter_mut()
                        .zip(target(l))
                        .for_each(|(c, a)| *c = -a * overlap);
                    -overlap.norm_sqr()
                };
                let (loss, grad) =
                    self.circuit
                        .block_pullback(&angles, psi.clone(), count, &digits, kept);
                total.0.iter_mut().zip(loss).for_each(|(a, b)| *a += b);
                total
                    .1
                    .iter_mut()
                    .zip(grad)
                    .for_each(|(a, b)| *a = a.zip(b, |a, b| a + b));
            }
            total
        };
        let theta = self.by_parameters(&features, &grad);
        let mut weights = vec![0.0; self.weights.len()];
        if let Some(mlp) = &self.mlp {
            let mut dout = grad[self.last.clone()].to_vec();
            for d in &mut dout {
                d.0[count..].fill(0.0);
            }
            mlp.run_back(&self.weights, &all, dout, &mut weights);
        }
        StepGradient {
            loss,
            theta,
            weights,
        }
    }

    /// Infidelities of step t for a batch of pairs (x_t, target), and their derivatives.
    pub(crate) fn gradient(
        &self,
        t: usize,
        x: &States,
        target: &States,
        condition: &Condition,
    ) -> StepGradient {
        let aligned = self.aligned(x);
        let x = aligned.as_ref().unwrap_or(x);
        let block = |b: usize| {
            let item = Item {
                rows: crate::sweep::block_rows(x, b),
                condition,
                first: b * LANES,
            };
            self.block_gradient(t, &item, crate::sweep::block_rows(target, b))
        };
        reduce(x.len().div_ceil(LANES), block, StepGradient::join).expect("a batch is not empty")
    }
}

/// Sum of the states: the mean of the data, not normalised.
fn mean(states: &States) -> Vec<Complex64> {
    let mut sum = vec![Complex64::default(); states.dim()];
    for row in states.rows() {
        sum.iter_mut().zip(row).for_each(|(s, x)| *s += x);
    }
    sum
}

impl DiffusionModel {
    /// States whose overlap with the mean of the data is real and positive, for models with an
    /// activation: in training the phase of a noisy state is nearly that of its data, in sampling it
    /// would be random, and a leaky ReLU is not blind to it.
    pub(crate) fn aligned(&self, x: &States) -> Option<States> {
        let reference = self.reference.as_ref()?;
        let turn = |row: &[Complex64]| {
            let overlap = inner(reference, row);
            let norm = overlap.norm();
            let phase = if norm > 0.0 {
                overlap.conj() / norm
            } else {
                Complex64::from(1.0)
            };
            row.iter().map(move |z| z * phase).collect::<Vec<_>>()
        };
        States::from_flat(x.rows().flat_map(turn).collect(), x.dim()).ok()
    }
}
