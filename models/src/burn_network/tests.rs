use super::*;
use crate::{
    Ancestral, Autoregressive, Cell, Differentiable, Rnn, RnnParams, Stream, Transformer,
    TransformerParams, Wavefunction,
};
use burn::module::{Initializer, Param};
use burn::nn::{Dropout, DropoutConfig};
use ketwork_hamiltonians::{Configs, Free, Number, Sector};
use num_complex::Complex64;
use std::sync::Arc;

const SIZES: TransformerParams = TransformerParams {
    layers: 2,
    width: 8,
    heads: 2,
};

const GRU: RnnParams = RnnParams {
    cell: Cell::Gru,
    layers: 2,
    width: 6,
};

fn transformer<L: Scalar>(space: Space) -> BurnConditional<BurnTransformer, L> {
    BurnConditional::new(space, 3, |device| {
        BurnTransformer::new(space, SIZES, L::COMPONENTS == 2, device)
    })
    .unwrap()
}

fn gru<L: Scalar>(space: Space) -> BurnConditional<BurnGru, L> {
    BurnConditional::new(space, 4, |device| {
        BurnGru::new(space, GRU, L::COMPONENTS == 2, device)
    })
    .unwrap()
}

fn configs(rows: usize, space: &Space, seed: u64) -> Configs {
    let mut x = Configs::zeros(rows, space.n_sites);
    let stream = Stream::new(seed);
    for r in 0..rows {
        for (p, v) in x.row_mut(r).iter_mut().enumerate() {
            *v = (stream.uniform(r as u64, p as u32) * space.local_dim as f64) as u8;
        }
    }
    x
}

fn nearly<L: Scalar>(a: &[L], b: &[L], what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    let scale = b.iter().fold(1.0f64, |m, b| m.max(b.abs2().sqrt()));
    for (a, b) in a.iter().zip(b) {
        let off = (*a - *b).abs2().sqrt();
        assert!(off < 1e-12 * scale, "{what}: {a} against {b}");
    }
}

/// The same state twice: amplitudes, derivatives and samples from weights that pass through the
/// bytes of a safetensors file.
fn twins_agree<A: Conditional, B: Conditional<Log = A::Log>>(own: A, native: B) {
    let space = *own.space();
    let theta: Vec<f64> = {
        let start = native.layout().initial(Stream::new(1));
        start.iter().map(|t| 1.5 * t + 0.05).collect()
    };
    let bytes = native.layout().to_safetensors(&theta).unwrap();
    let own_theta = own.layout().from_safetensors(&bytes).unwrap();
    let sector: Sector = Arc::new(Free::new(space));
    let own = Autoregressive::new(own, sector.clone());
    let native = Autoregressive::new(native, sector);
    let (b, p) = (70, theta.len());
    let x = configs(b, &space, 5);
    let mut logs = [(); 2].map(|()| vec![A::Log::ZERO; b]);
    own.log_psi(&own_theta, x.view(), &mut logs[0]);
    native.log_psi(&theta, x.view(), &mut logs[1]);
    nearly(&logs[0], &logs[1], "ln psi");

    let mut rows = [(); 2].map(|()| vec![0.0; A::Log::COMPONENTS * b * p]);
    own.jacobian(&own_theta, x.view(), &mut rows[0]);
    native.jacobian(&theta, x.view(), &mut rows[1]);
    for own_param in own.layout().parameters() {
        let native_param = native.layout().find(&own_param.name).unwrap();
        for (a, b) in rows[0].chunks(p).zip(rows[1].chunks(p)) {
            let (a, b) = (&a[own_param.range.clone()], &b[native_param.range.clone()]);
            nearly(a, b, &format!("derivative by {}", own_param.name));
        }
    }

    let samples = own.sample(&own_theta, 0..200, Stream::new(8));
    let other = native.sample(&theta, 0..200, Stream::new(8));
    assert_eq!(samples.x.view().data(), other.x.view().data(), "shots");
    nearly(&samples.log_psi, &other.log_psi, "ln psi of the shots");
}

#[test]
fn a_burn_transformer_equals_the_native_one_to_1e_12() {
    for space in [Space::qubits(7), Space::new(5, 3)] {
        twins_agree(
            transformer::<f64>(space),
            Transformer::new(space, SIZES).unwrap(),
        );
        twins_agree(
            transformer::<Complex64>(space),
            Transformer::new(space, SIZES).unwrap(),
        );
    }
}

#[test]
fn a_burn_gru_equals_the_native_one_to_1e_12() {
    for space in [Space::qubits(7), Space::new(5, 3)] {
        twins_agree(gru::<f64>(space), Rnn::new(space, GRU).unwrap());
        twins_agree(gru::<Complex64>(space), Rnn::new(space, GRU).unwrap());
    }
}

#[test]
fn derivatives_equal_central_differences() {
    let space = Space::qubits(5);
    let net = transformer::<Complex64>(space);
    let psi = Autoregressive::new(net, Arc::new(Free::new(space)));
    let theta = psi.layout().initial(Stream::new(1));
    let (b, p) = (4, theta.len());
    let x = configs(b, &space, 6);
    let mut rows = vec![0.0; 2 * b * p];
    psi.jacobian(&theta, x.view(), &mut rows);
    let scale = rows.iter().fold(0.0f64, |m, r| m.max(r.abs()));
    for j in 0..p {
        let [up, down] = [1e-5, -1e-5].map(|h| {
            let (mut theta, mut out) = (theta.clone(), vec![Complex64::ZERO; b]);
            theta[j] += h;
            psi.log_psi(&theta, x.view(), &mut out);
            out
        });
        for r in 0..b {
            // Step 1e-5: 1e-10 truncation times third derivatives, 1e-11 rounding.
            let slope = (up[r] - down[r]) / 2e-5;
            for (c, slope) in [slope.re, slope.im].into_iter().enumerate() {
                let own = rows[(c * b + r) * p + j];
                assert!(
                    (own - slope).abs() < 1e-7 * scale,
                    "{j} of row {r}: {own} against {slope}"
                );
            }
        }
    }
}

#[test]
fn in_a_sector_every_shot_is_legal_and_the_probabilities_add_up_to_one() {
    let space = Space::qubits(6);
    let sector: Sector = Arc::new(Number::new(space, 3).unwrap());
    let psi = Autoregressive::new(gru::<f64>(space), sector);
    let theta = psi.layout().initial(Stream::new(1));
    let mut all = Configs::new(6);
    (0..64u8).for_each(|bits| all.push(&[0, 1, 2, 3, 4, 5].map(|i| bits >> i & 1)));
    let mut logs = vec![0.0; 64];
    psi.log_psi(&theta, all.view(), &mut logs);
    let sum: f64 = logs.iter().map(|l| (2.0 * l).exp()).sum();
    assert!((sum - 1.0).abs() < 1e-13, "{sum}");
    let samples = psi.sample(&theta, 0..300, Stream::new(2));
    for row in samples.x.view().rows() {
        assert_eq!(row.iter().sum::<u8>(), 3, "{row:?}");
    }
}

#[test]
fn the_seed_decides_the_initial_parameters() {
    let space = Space::qubits(3);
    let initial = |seed| {
        let build = |device: &Device| BurnGru::new(space, GRU, false, device);
        let net = BurnConditional::<_, f64>::new(space, seed, build).unwrap();
        net.layout().initial(Stream::new(0))
    };
    assert_eq!(initial(5), initial(5));
    assert_ne!(initial(5), initial(6));
}

/// Faults to be refused.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// None.
    Sound,
    /// Position p looks at the token behind it, through weights that start at zero.
    LooksAhead,
    /// The mean over the batch is taken away.
    Batch,
    /// Random numbers in training.
    Dropout,
    /// The square root of a negative number.
    Root,
    /// One output too many.
    Wide,
    /// Nothing to train.
    Frozen,
    /// A row meets the copies of all rows.
    Mixes,
    /// One parameter does not come from the copies.
    Bypasses,
    /// Prefixes are promised, yet the last output of a prefix differs.
    Ends,
}

#[derive(Module, Debug)]
struct Faulty {
    now: Param<Tensor<2>>,
    next: Param<Tensor<2>>,
    #[module(skip)]
    fault: Fault,
    dropout: Dropout,
}

impl Faulty {
    fn build(space: Space, fault: Fault) -> Result<BurnConditional<Self, f64>, BurnError> {
        BurnConditional::new(space, 1, |device| {
            let width = space.local_dim + usize::from(fault == Fault::Wide);
            let table = |init: Initializer| init.init([space.local_dim + 1, width], device);
            let faulty = Self {
                now: table(Initializer::Normal {
                    mean: 0.0,
                    std: 1.0,
                }),
                next: table(Initializer::Zeros),
                fault,
                dropout: DropoutConfig::new(0.5).init(),
            };
            if fault == Fault::Frozen {
                faulty.no_grad()
            } else {
                faulty
            }
        })
    }
}

impl BurnNetwork for Faulty {
    fn forward(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        let ([b, n], d) = (tokens.dims(), self.now.dims()[1]);
        let look = |table: &Param<Tensor<2>>| {
            let flat = tokens.clone().reshape([b * n]);
            table.val().select(0, flat).reshape([b, n, d])
        };
        let x = look(&self.now);
        match self.fault {
            Fault::Mixes | Fault::Bypasses => x + self.next.val().sum_dim(0).unsqueeze(),
            Fault::LooksAhead => x + look(&self.next).roll_dim(-1, 1),
            Fault::Batch => x.clone() - x.mean_dim(0),
            Fault::Dropout => self.dropout.forward(x),
            Fault::Ends if n < 4 => x * 2.0,
            Fault::Root => (x.square() * -1.0 - 1.0).sqrt(),
            Fault::Sound | Fault::Wide | Fault::Frozen | Fault::Ends => x,
        }
    }

    fn forward_each(&self, tokens: Tensor<2, Int>, copies: &BurnCopies) -> Option<Tensor<3>> {
        let own = copies.lookup(&self.now, tokens.clone());
        let next: Tensor<3> = copies.of(&self.next);
        match self.fault {
            Fault::Sound => Some(own),
            // The means of equal copies are equal to them.
            Fault::Mixes => Some(own + (next.clone().mean_dim(0) * 0.5 + next * 0.5).sum_dim(1)),
            Fault::Bypasses => Some(own + self.next.val().sum_dim(0).unsqueeze()),
            _ => None,
        }
    }

    fn takes_prefixes(&self) -> bool {
        matches!(self.fault, Fault::Sound | Fault::Ends)
    }
}

#[test]
fn faulty_networks_are_refused_with_their_fault() {
    let space = Space::qubits(4);
    let refused = |fault| Faulty::build(space, fault).unwrap_err();
    assert!(Faulty::build(space, Fault::Sound).is_ok());
    let ahead = refused(Fault::LooksAhead);
    assert!(
        matches!(ahead, BurnError::NotCausal { position, sees, .. } if position == sees),
        "{ahead}"
    );
    let coupled = refused(Fault::Batch);
    assert!(matches!(coupled, BurnError::Coupled { .. }), "{coupled}");
    let noisy = refused(Fault::Dropout);
    assert!(matches!(noisy, BurnError::Training { .. }), "{noisy}");
    let root = refused(Fault::Root);
    assert!(
        matches!(root, BurnError::NotFinite { place: 0, .. }),
        "{root}"
    );
    let wide = refused(Fault::Wide);
    let BurnError::Shape {
        found, expected, ..
    } = &wide
    else {
        panic!("{wide}")
    };
    assert_eq!(
        (&found[..], &expected[..]),
        (&[3, 4, 3][..], &[3, 4, 2][..])
    );
    let mixes = refused(Fault::Mixes);
    let what = "derivatives";
    assert!(
        matches!(mixes, BurnError::Copies { what: found, .. } if found == what),
        "{mixes}"
    );
    let bypasses = refused(Fault::Bypasses);
    assert!(
        matches!(bypasses, BurnError::Copies { what: found, .. } if found == what),
        "{bypasses}"
    );
    assert_eq!(refused(Fault::Frozen), BurnError::NoParameters);
    assert_eq!(refused(Fault::Ends), BurnError::Prefix { length: 1 });
}

#[test]
fn parts_that_are_frozen_or_used_twice_count_once_or_not_at_all() {
    #[derive(Module, Debug)]
    struct Tied {
        first: Param<Tensor<2>>,
        again: Param<Tensor<2>>,
        fixed: Param<Tensor<2>>,
    }
    impl BurnNetwork for Tied {
        fn forward(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
            let ([b, n], d) = (tokens.dims(), self.first.dims()[1]);
            let sum = self.first.val() + self.again.val() * 2.0 + self.fixed.val();
            sum.select(0, tokens.reshape([b * n])).reshape([b, n, d])
        }
    }
    let space = Space::qubits(3);
    let net = BurnConditional::<_, f64>::new(space, 1, |device| {
        let first: Param<Tensor<2>> = Initializer::Ones.init([3, 2], device);
        let fixed: Param<Tensor<2>> = Initializer::Ones.init([3, 2], device);
        Tied {
            again: first.clone(),
            first,
            fixed: fixed.set_require_grad(false),
        }
    })
    .unwrap();
    let names: Vec<_> = net.layout().parameters().iter().map(|p| &p.name).collect();
    assert_eq!(names, ["first"]);
    let (theta, mut work) = (vec![0.5; 6], net.work(1));
    let x = configs(1, &space, 1);
    let mut out = [0.0; 6];
    net.forward(&theta, &mut work, x.view(), &mut out);
    nearly(&out, &[2.5; 6], "0.5 + 2 * 0.5 + 1");
    let mut row = [0.0; 6];
    // Only the output of value 0 at position 0, whose token is the start, row 2 of the table.
    net.pullback(
        &theta,
        &mut work,
        x.view(),
        &[1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        &mut row,
    );
    nearly(&row, &[0.0, 0.0, 0.0, 0.0, 3.0, 0.0], "derivative");
}

/// A restricted Boltzmann machine with the native names and pairs for complex weights.
#[derive(Module, Debug)]
struct Machine {
    visible: Param<Tensor<2>>,
    hidden: Param<Tensor<2>>,
    weight: Param<Tensor<3>>,
}

impl BurnAmplitude for Machine {
    fn log_psi(&self, values: Tensor<2, Int>) -> Tensor<2> {
        let z = values.float() * -2.0 + 1.0;
        let part = |c: usize| {
            let column = |t: &Param<Tensor<2>>| t.val().narrow(1, c, 1);
            let weight = self.weight.val().narrow(2, c, 1).squeeze_dim::<2>(2);
            let angle = z.clone().matmul(weight) + column(&self.hidden).transpose();
            (z.clone().matmul(column(&self.visible)), angle)
        };
        let ((a, u), (b, v)) = (part(0), part(1));
        // 2 cosh(u + iv) = 2 cosh(u) cos(v) + 2i sinh(u) sin(v).
        let re = (u.clone().exp() + (-u.clone()).exp()) * v.clone().cos();
        let im = (u.clone().exp() - (-u).exp()) * v.sin();
        let modulus = (re.clone().square() + im.clone().square()).log() * 0.5;
        let phase = im.atan2(re);
        Tensor::cat(vec![a + modulus.sum_dim(1), b + phase.sum_dim(1)], 1)
    }
}

#[test]
fn a_burn_boltzmann_machine_equals_the_native_one_to_1e_12() {
    for sector in crate::reference_tests::sectors(&[2]) {
        let native = crate::Rbm::<Complex64>::new(sector.clone(), 4);
        let own = BurnState::<_, Complex64>::new(sector, 1, |device| Machine {
            visible: Initializer::Zeros.init([5, 2], device),
            hidden: Initializer::Zeros.init([4, 2], device),
            weight: Initializer::Zeros.init([5, 4, 2], device),
        })
        .unwrap();
        // Small angles: logarithms stay on the branch near 0.
        let theta = native.layout().initial(Stream::new(3));
        let x = configs(80, native.space(), 4);
        let mut logs = [(); 2].map(|()| vec![Complex64::ZERO; 80]);
        own.log_psi(&theta, x.view(), &mut logs[0]);
        native.log_psi(&theta, x.view(), &mut logs[1]);
        let mut legal = Configs::new(5);
        for (row, (a, b)) in x.view().rows().zip(logs[0].iter().zip(&logs[1])) {
            assert_eq!(a.re.is_finite(), b.re.is_finite(), "{row:?}");
            if a.re.is_finite() {
                assert!((a - b).norm() < 1e-12, "{a} against {b}");
                legal.push(row);
            }
        }
        assert!(legal.len() > 5, "something was compared");
        let mut rows = [(); 2].map(|()| vec![0.0; 2 * legal.len() * theta.len()]);
        own.jacobian(&theta, legal.view(), &mut rows[0]);
        native.jacobian(&theta, legal.view(), &mut rows[1]);
        nearly(&rows[0], &rows[1], "derivatives");
    }
}

#[test]
fn an_amplitude_of_the_wrong_shape_is_refused() {
    let sector: Sector = Arc::new(Free::new(Space::qubits(5)));
    let refused = BurnState::<_, f64>::new(sector, 1, |device| Machine {
        visible: Initializer::Zeros.init([5, 2], device),
        hidden: Initializer::Zeros.init([4, 2], device),
        weight: Initializer::Zeros.init([5, 4, 2], device),
    })
    .unwrap_err();
    assert!(
        matches!(&refused, BurnError::Shape { found, expected, .. }
            if found == &[3, 2] && expected == &[3, 1]),
        "{refused}"
    );
}
