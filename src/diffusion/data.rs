//! Training data: digits, bars and stripes, ground states of a family.

use crate::{DiffusionError, SparseHamiltonian, States};
use ketwork_hamiltonians::Hamiltonian;
use ketwork_models::Stream;

/// What a state is conditioned on.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// One of several classes.
    Labels {
        /// Class of each state, from 0.
        label: Vec<usize>,
        /// Number of classes.
        n_classes: usize,
    },
    /// A real parameter, such as a coupling.
    Values(Vec<f64>),
}

/// States with what they are conditioned on, and the shape of their pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// The states (B, 2^n).
    pub states: States,
    /// Their labels or parameters (B).
    pub condition: Condition,
    /// Height and width of a picture of the moduli.
    pub shape: (usize, usize),
}

const DIGITS: &str = include_str!("data/digits.txt");

impl Data {
    /// Any states with labels below `n_classes`.
    ///
    /// # Errors
    /// [`DiffusionError::Mismatch`] for another number of labels, or a label that is too large.
    pub fn labelled(
        states: States,
        label: Vec<usize>,
        n_classes: usize,
    ) -> Result<Self, DiffusionError> {
        let mismatch = |what, found, expected| DiffusionError::Mismatch {
            what,
            found,
            expected,
        };
        if label.len() != states.len() {
            return Err(mismatch("labels", label.len(), states.len()));
        }
        if let Some(&l) = label.iter().find(|&&l| l >= n_classes) {
            return Err(mismatch("label beyond the number of classes", l, n_classes));
        }
        let side = 1 << (states.n_qubits() / 2);
        let shape = (side, states.dim() / side);
        Ok(Self {
            states,
            condition: Condition::Labels { label, n_classes },
            shape,
        })
    }

    /// Handwritten digits of the given classes, 8x8 pixels on 6 qubits; with 4 qubits, means of
    /// 2x2 pixels. Label k is the k-th of the classes.
    ///
    /// UCI Optical Recognition of Handwritten Digits, test set (E. Alpaydin, C. Kaynak, 1998),
    /// CC BY 4.0; see `data/LICENSE-digits.txt`.
    ///
    /// # Errors
    /// [`DiffusionError::Parameter`] for a class above 9, one that is named twice, or another number
    /// of qubits; [`DiffusionError::TooFew`] without a class.
    pub fn digits(classes: &[usize], n_qubits: u32) -> Result<Self, DiffusionError> {
        let refuse = |key, value: usize, reason| DiffusionError::Parameter {
            key,
            value: value as f64,
            reason,
        };
        if !matches!(n_qubits, 4 | 6) {
            let reason = "digits have 6 qubits (8x8 pixels) or 4 (means of 2x2 pixels)";
            return Err(refuse("qubits", n_qubits as usize, reason));
        }
        for (k, c) in classes.iter().enumerate() {
            if *c > 9 || classes[..k].contains(c) {
                return Err(refuse("classes", *c, "distinct digits from 0 to 9"));
            }
        }
        let (mut rows, mut label) = (Vec::new(), Vec::new());
        for line in DIGITS.lines() {
            let bytes = line.as_bytes();
            let digit = usize::from(bytes[0] - b'0');
            if let Some(k) = classes.iter().position(|&c| c == digit) {
                let pixel: Vec<f64> = bytes[1..].iter().map(|&b| f64::from(b - b'a')).collect();
                rows.push(if n_qubits == 6 { pixel } else { halved(&pixel) });
                label.push(k);
            }
        }
        Self::labelled(States::from_real(&rows)?, label, classes.len())
    }

    /// All bars (label 0) and stripes (label 1) on a square of side 2 or 4 or 8 pixels, without the
    /// empty and with one full picture (a bar).
    ///
    /// # Errors
    /// [`DiffusionError::Parameter`] for a number of qubits other than 2, 4 and 6.
    ///
    /// # References
    /// D. J. C. MacKay, Information Theory, Inference, and Learning Algorithms, ch. 43 (2003).
    pub fn bars(n_qubits: u32) -> Result<Self, DiffusionError> {
        if !matches!(n_qubits, 2 | 4 | 6) {
            return Err(DiffusionError::Parameter {
                key: "qubits",
                value: f64::from(n_qubits),
                reason: "bars and stripes have 2, 4 or 6 qubits (squares of side 2, 4, 8)",
            });
        }
        let side = 1usize << (n_qubits / 2);
        let (mut rows, mut label) = (Vec::new(), Vec::new());
        for stripes in [false, true] {
            let last = (1usize << side) - usize::from(stripes);
            for pattern in 1..last {
                let on = |i: usize| pattern >> (if stripes { i / side } else { i % side }) & 1;
                rows.push((0..side * side).map(|i| on(i) as f64).collect());
                label.push(usize::from(stripes));
            }
        }
        Self::labelled(States::from_real(&rows)?, label, 2)
    }

    /// Ground states of a family of Hamiltonians, conditioned on its parameter.
    ///
    /// # Errors
    /// Those of [`SparseHamiltonian::new`] and [`SparseHamiltonian::ground_state`];
    /// [`DiffusionError::TooFew`] for no value.
    pub fn ground_states<H: Hamiltonian>(
        values: &[f64],
        family: impl Fn(f64) -> H,
    ) -> Result<Self, DiffusionError> {
        let ground = |&v: &f64| -> Result<_, DiffusionError> {
            let (_, state) = SparseHamiltonian::new(&family(v))?.ground_state()?;
            Ok(state.row(0).to_vec())
        };
        let rows = values.iter().map(ground).collect::<Result<Vec<_>, _>>()?;
        let states = States::new(&rows)?;
        let side = 1 << (states.n_qubits() / 2);
        let shape = (side, states.dim() / side);
        Ok(Self {
            states,
            condition: Condition::Values(values.to_vec()),
            shape,
        })
    }

    /// Number of states.
    #[must_use]
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// The states with the given numbers.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        let condition = match &self.condition {
            Condition::Labels { label, n_classes } => Condition::Labels {
                label: rows.iter().map(|&i| label[i]).collect(),
                n_classes: *n_classes,
            },
            Condition::Values(v) => Condition::Values(rows.iter().map(|&i| v[i]).collect()),
        };
        Self {
            states: self.states.select(rows),
            condition,
            shape: self.shape,
        }
    }
}

/// Training states and held-out states.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// What is trained on.
    pub train: Data,
    /// What infidelities are measured on.
    pub held_out: Data,
}

impl Data {
    /// Holds a share of every class (or of all parameters) out, drawn at random; at least one state
    /// of each class stays in either part.
    ///
    /// # Errors
    /// [`DiffusionError::Parameter`] for a share outside (0, 1), [`DiffusionError::TooFew`] for a
    /// class of fewer than two states.
    pub fn split(&self, share: f64, stream: Stream) -> Result<Split, DiffusionError> {
        if !(share > 0.0 && share < 1.0) {
            return Err(DiffusionError::Parameter {
                key: "held_out",
                value: share,
                reason: "a share in (0, 1)",
            });
        }
        let groups: Vec<Vec<usize>> = match &self.condition {
            Condition::Labels { label, n_classes } => (0..*n_classes)
                .map(|c| (0..label.len()).filter(|&i| label[i] == c).collect())
                .collect(),
            Condition::Values(v) => vec![(0..v.len()).collect()],
        };
        let (mut train, mut held_out) = (Vec::new(), Vec::new());
        for mut group in groups {
            if group.len() < 2 {
                return Err(DiffusionError::TooFew {
                    what: "states of a class, to train on and to hold out",
                    found: group.len(),
                    needed: 2,
                });
            }
            shuffle(&mut group, stream);
            let out = ((share * group.len() as f64).round() as usize).clamp(1, group.len() - 1);
            held_out.extend_from_slice(&group[..out]);
            train.extend_from_slice(&group[out..]);
        }
        Ok(Split {
            train: self.select(&train),
            held_out: self.select(&held_out),
        })
    }
}

/// Random order of distinct numbers: sorted by a uniform number of each.
pub(crate) fn shuffle(rows: &mut [usize], stream: Stream) {
    rows.sort_by_cached_key(|&i| (stream.uniform(i as u64, 0) * (1u64 << 53) as f64) as u64);
}

/// Means of 2x2 pixels of an 8x8 picture.
fn halved(pixel: &[f64]) -> Vec<f64> {
    let at = |i: usize| {
        let corner = 16 * (i / 4) + 2 * (i % 4);
        0.25 * (pixel[corner] + pixel[corner + 1] + pixel[corner + 8] + pixel[corner + 9])
    };
    (0..16).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_are_all_there() {
        let all = Data::digits(&(0..10).collect::<Vec<_>>(), 6).unwrap();
        assert_eq!((all.len(), all.states.dim()), (1797, 64));
        let two = Data::digits(&[1, 0], 6).unwrap();
        let Condition::Labels { label, n_classes } = &two.condition else {
            panic!("digits have labels");
        };
        let ones = label.iter().filter(|&&l| l == 0).count();
        assert_eq!((ones, label.len() - ones, *n_classes), (182, 178, 2));
        // The first image of the set: a 0 whose top row reads 0 0 5 13 9 1 0 0.
        let x = Data::digits(&[0], 6).unwrap();
        let row = x.states.row(0);
        assert!(
            (row[3].re / row[2].re - 13.0 / 5.0).abs() < 1e-12,
            "{row:?}"
        );
    }

    #[test]
    fn bars_and_stripes_are_counted() {
        // 2^L - 1 bars with the full picture, 2^L - 2 stripes.
        for (n, side) in [(2, 2usize), (4, 4), (6, 8)] {
            assert_eq!(Data::bars(n).unwrap().len(), 2 * (1 << side) - 3);
        }
        assert!(Data::bars(5).is_err(), "5 qubits are no square");
    }
}
