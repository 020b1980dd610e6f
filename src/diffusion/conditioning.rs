//! How models know labels and parameters.

use crate::{Condition, DiffusionError};

/// How the angles depend on what a state is conditioned on.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conditioning {
    /// They do not: the model knows no label.
    None,
    /// Each class shifts all angles; a real parameter u, scaled to [-1, 1], shifts them by a
    /// quadratic polynomial.
    Offsets,
    /// The label is written on qubits that take part in U1 and U2. Labels only.
    LabelQubits,
}

/// Numbers that multiply the rows of a step's parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Features {
    One,
    Labels(usize),
    Polynomial { centre: f64, half_width: f64 },
}

/// Weight of the polynomial's features. Neighbouring parameters have nearly equal states; at weight
/// 1 the noise of the gradients turns the angles of each training parameter by themselves, and
/// nothing between them is learnt.
const GENTLE: f64 = 0.03;

impl Features {
    /// What multiplies the angles, and the number of label qubits.
    pub(crate) fn new(
        conditioning: Conditioning,
        condition: &Condition,
    ) -> Result<(Self, u32), DiffusionError> {
        Ok(match (conditioning, condition) {
            (Conditioning::None, _) => (Self::One, 0),
            (Conditioning::Offsets, Condition::Labels { n_classes, .. }) => {
                (Self::Labels(*n_classes), 0)
            }
            (Conditioning::Offsets, Condition::Values(v)) => {
                let low = v.iter().copied().fold(f64::INFINITY, f64::min);
                let high = v.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let half_width = (0.5 * (high - low)).max(f64::MIN_POSITIVE);
                let centre = 0.5 * (high + low);
                (Self::Polynomial { centre, half_width }, 0)
            }
            (Conditioning::LabelQubits, Condition::Labels { n_classes, .. }) => {
                (Self::One, n_classes.max(&2).next_power_of_two().ilog2())
            }
            (Conditioning::LabelQubits, Condition::Values(_)) => {
                return Err(DiffusionError::Parameter {
                    key: "conditioning",
                    value: 0.0,
                    reason: "label qubits hold labels, not real parameters; use offsets",
                });
            }
        })
    }

    pub(crate) fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::Labels(n) => 1 + n,
            Self::Polynomial { .. } => 3,
        }
    }

    pub(crate) fn of(self, condition: &Condition, i: usize) -> Vec<f64> {
        match (self, condition) {
            (Self::Labels(n), Condition::Labels { label, .. }) => {
                let mut f = vec![0.0; n + 1];
                (f[0], f[1 + label[i]]) = (1.0, 1.0);
                f
            }
            (Self::Polynomial { centre, half_width }, Condition::Values(v)) => {
                let u = (v[i] - centre) / half_width;
                vec![1.0, GENTLE * u, GENTLE * u * u]
            }
            _ => vec![1.0],
        }
    }
}
