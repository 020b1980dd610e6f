//! OpenQASM 3 of circuits with their angles, and of whole trained models.

use crate::circuit::{Op, Register};
use crate::gate::{Gate, Local};
use crate::kernels::Bits;
use crate::{Circuit, Condition, DiffusionError, DiffusionModel};
use ketwork_hamiltonians::Pauli;
use num_complex::Complex64;
use std::f64::consts::FRAC_PI_2;
use std::fmt::Write;

impl Circuit {
    /// The circuit with the given angles as an OpenQASM 3 program; `label` is written on the label
    /// qubits, where there are any.
    ///
    /// Data are the qubits `q[0]` to `q[n - 1]`, ancillas follow. A projection is a measurement whose
    /// result must be the value in the comment beside it: runs with another result are dropped. "Keep
    /// either" stands beside the outcomes of a [`Bottleneck`](crate::Bottleneck) that measures.
    /// Prepare the input on `q[0]` to `q[n - 1]` before the first gate.
    ///
    /// # Errors
    /// [`DiffusionError::NoGate`] for a leaky ReLU, or the exponential of a term whose Pauli strings do
    /// not commute or that acts on more than six qubits; [`DiffusionError::Parameter`] for an angle that is not finite, or a label that the label
    /// qubits cannot hold.
    ///
    /// # Panics
    /// If the number of angles is another.
    #[track_caller]
    pub fn to_qasm(&self, angles: &[f64], label: u32) -> Result<String, DiffusionError> {
        let mut out = self.qasm_head(1);
        self.qasm_body(angles, label, 0, &mut out)?;
        Ok(out)
    }

    /// Results of all projections.
    fn n_results(&self) -> u32 {
        let results = self.ops.iter().map(|o| match o {
            Op::Project(k, _) => *k,
            _ => 0,
        });
        results.sum()
    }

    /// Declarations for `copies` of the circuit, one after another.
    fn qasm_head(&self, copies: u32) -> String {
        let mut out = format!(
            "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[{}] q;\n",
            self.max_bits
        );
        if self.n_results() > 0 {
            line(&mut out, format!("bit[{}] c;", copies * self.n_results()));
        }
        out
    }

    #[track_caller]
    fn qasm_body(
        &self,
        angles: &[f64],
        label: u32,
        first_result: u32,
        out: &mut String,
    ) -> Result<(), DiffusionError> {
        assert_eq!(angles.len(), self.n_params, "one number for each angle");
        if let Some(&value) = angles.iter().find(|a| !a.is_finite()) {
            return Err(DiffusionError::Parameter {
                key: "angle",
                value,
                reason: "a program holds finite numbers",
            });
        }
        let n = self.n_qubits();
        let name = |bit: u32| if bit < n { n - 1 - bit } else { bit };
        let (mut bits, mut result) = (n, first_result);
        for op in &self.ops {
            match op {
                Op::Append(k, register) => {
                    if *register == Register::Label && u64::from(label) >> k != 0 {
                        return Err(DiffusionError::Parameter {
                            key: "label",
                            value: f64::from(label),
                            reason: "the label qubits hold smaller numbers",
                        });
                    }
                    for j in 0..*k {
                        line(out, format!("reset q[{}];", bits + j));
                        if *register == Register::Label && label >> j & 1 == 1 {
                            line(out, format!("x q[{}];", bits + j));
                        }
                    }
                    bits += k;
                }
                Op::Project(k, register) => {
                    bits -= k;
                    for j in 0..*k {
                        let keep = match register {
                            Register::Zero => "keep 0".to_owned(),
                            Register::Label => format!("keep {}", label >> j & 1),
                            Register::Outcome => "keep either".to_owned(),
                        };
                        let q = bits + j;
                        line(out, format!("c[{result}] = measure q[{q}]; // {keep}"));
                        result += 1;
                    }
                }
                Op::LeakyRelu(_) => {
                    return Err(DiffusionError::NoGate {
                        operation: "a leaky ReLU",
                        reason: "it is no linear map of amplitudes; train with activation = None",
                    });
                }
                Op::Gate(gate) => gate_text(gate, angles, name, &mut |text| line(out, text))?,
            }
        }
        Ok(())
    }
}

impl DiffusionModel {
    /// All steps that generate a state for entry i of a condition, T down to 1, as one OpenQASM 3
    /// program: a device that runs it on Haar-random states of `q[0]` to `q[n - 1]`, and keeps the runs
    /// whose results are those in the comments, draws what [`Self::sample`] draws, weighted by the
    /// probability that [`Generated`](crate::Generated) tells.
    ///
    /// # Errors
    /// [`DiffusionError::NoGate`] for what only a simulation can do, so that the program would not be
    /// what is sampled: an activation, angles from a network (which reads the amplitudes), fresh noise
    /// between the steps; and for terms as in [`Circuit::to_qasm`].
    ///
    /// # Panics
    /// If the condition has no entry i.
    #[track_caller]
    pub fn to_qasm(&self, condition: &Condition, i: usize) -> Result<String, DiffusionError> {
        if self.fresh_noise > 0.0 {
            return Err(DiffusionError::NoGate {
                operation: "fresh noise between the steps",
                reason: "it is added to amplitudes; sample with fresh_noise = 0",
            });
        }
        let (label, what) = match condition {
            Condition::Labels { label, .. } => (label[i] as u32, format!("label {}", label[i])),
            Condition::Values(v) => (0, format!("parameter {:?}", v[i])),
        };
        let steps = self.process().steps();
        let mut out = self.circuit.qasm_head(steps as u32);
        if self.is_conditioned() {
            line(&mut out, format!("// conditioned on {what}"));
        }
        for (k, t) in (1..=steps).rev().enumerate() {
            line(&mut out, format!("// backward step {t}"));
            let angles = self.angles(t, condition, i)?;
            let first = k as u32 * self.circuit.n_results();
            self.circuit.qasm_body(&angles, label, first, &mut out)?;
        }
        Ok(out)
    }
}

fn line(out: &mut String, text: String) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{text}");
}

fn gate_text(
    gate: &Gate,
    angles: &[f64],
    name: impl Fn(u32) -> u32,
    text: &mut impl FnMut(String),
) -> Result<(), DiffusionError> {
    match gate {
        Gate::General { bit, param, conj } => {
            let (q, sign) = (name(*bit), if *conj { -1.0 } else { 1.0 });
            text(format!("rz({:?}) q[{q}];", sign * angles[param + 2]));
            text(format!("ry({:?}) q[{q}];", angles[param + 1]));
            text(format!("rz({:?}) q[{q}];", sign * angles[*param]));
        }
        Gate::Cnots { pairs, .. } => {
            for &(c, t) in pairs {
                text(format!("cx q[{}], q[{}];", name(c), name(t)));
            }
        }
        Gate::Pauli { bits, scale, param } => {
            string_text(*bits, 2.0 * scale * angles[*param], &name, text);
        }
        Gate::Matrix(local) => {
            // Strings that commute: the exponential of their sum is the product of their exponentials.
            for (bits, c) in strings_of(local)? {
                string_text(bits, 2.0 * c * angles[local.param], &name, text);
            }
        }
    }
    Ok(())
}

/// $e^{-i\,\mathrm{angle}\,P/2}$: X and Y are turned to Z, the parity is collected on the last qubit and
/// rotated, and all is turned back.
fn string_text(bits: Bits, angle: f64, name: &impl Fn(u32) -> u32, text: &mut impl FnMut(String)) {
    let on: Vec<u32> = (0..usize::BITS)
        .filter(|b| (bits.x | bits.z) >> b & 1 == 1)
        .collect();
    let Some((&last, rest)) = on.split_last() else {
        // The identity: a global phase.
        text(format!("gphase({:?});", -0.5 * angle));
        return;
    };
    let turn = |text: &mut dyn FnMut(String), quarter: f64| {
        for &b in &on {
            match (bits.x >> b & 1, bits.z >> b & 1) {
                (1, 0) => text(format!("h q[{}];", name(b))),
                (1, _) => text(format!("rx({quarter:?}) q[{}];", name(b))),
                _ => {}
            }
        }
    };
    turn(text, FRAC_PI_2);
    for &b in rest {
        text(format!("cx q[{}], q[{}];", name(b), name(last)));
    }
    text(format!("rz({angle:?}) q[{}];", name(last)));
    for &b in rest.iter().rev() {
        text(format!("cx q[{}], q[{}];", name(b), name(last)));
    }
    turn(text, -FRAC_PI_2);
}

/// Most qubits of a matrix that is written in Pauli strings, of which there are four to this power.
const MAX_QUBITS: usize = 6;

/// The Pauli strings of a guarded matrix with their factors.
fn strings_of(local: &Local) -> Result<Vec<(Bits, f64)>, DiffusionError> {
    let refuse = |reason| DiffusionError::NoGate {
        operation: "the exponential of a term",
        reason,
    };
    let k = local.bits.len();
    let guards: Vec<u32> = (0..usize::BITS)
        .filter(|b| local.guard.0 >> b & 1 == 1)
        .collect();
    if k + guards.len() > MAX_QUBITS {
        return Err(refuse("programs write terms of at most six qubits"));
    }
    let letters = [Pauli::I, Pauli::X, Pauli::Y, Pauli::Z];
    let mut all: Vec<(Bits, f64)> = Vec::new();
    for number in 0..1usize << (2 * k) {
        let string: Vec<Pauli> = (0..k).map(|j| letters[number >> (2 * j) & 3]).collect();
        // Tr(P A)/2^k with A = sum of energies times projectors: the mean of P in each eigenvector.
        let mean = |v: &Vec<Complex64>| -> f64 {
            let row = |r: usize| {
                let mut entry = (0, Complex64::from(1.0));
                for (j, p) in string.iter().enumerate() {
                    let (c, e) = p.row(r >> (k - 1 - j) & 1);
                    entry = (entry.0 << 1 | c, entry.1 * e);
                }
                (v[r].conj() * entry.1 * v[entry.0]).re
            };
            (0..1usize << k).map(row).sum()
        };
        let pairs = local.energies.iter().zip(&local.vectors);
        let factor = pairs.map(|(e, v)| e * mean(v)).sum::<f64>() / (1usize << k) as f64;
        let mut bits = Bits { x: 0, z: 0, n_y: 0 };
        for (p, b) in string.iter().zip(&local.bits) {
            bits.x |= usize::from(matches!(p, Pauli::X | Pauli::Y)) << b;
            bits.z |= usize::from(matches!(p, Pauli::Z | Pauli::Y)) << b;
            bits.n_y += u32::from(*p == Pauli::Y);
        }
        all.push((bits, factor));
    }
    for b in guards {
        // (1 + Z)/2 keeps 0, (1 - Z)/2 keeps 1.
        let sign = if local.guard.1 >> b & 1 == 0 {
            0.5
        } else {
            -0.5
        };
        let with = |(bits, c): &(Bits, f64)| {
            let z = Bits {
                z: bits.z | 1 << b,
                ..*bits
            };
            [(*bits, 0.5 * c), (z, sign * c)]
        };
        all = all.iter().flat_map(with).collect();
    }
    // Factors of strings that are not there are sums of terms that cancel, to rounding.
    let largest = all.iter().map(|s| s.1.abs()).fold(0.0, f64::max);
    all.retain(|s| s.1.abs() > 1e-13 * largest);
    let commute = |a: &Bits, b: &Bits| {
        ((a.x & b.z).count_ones() + (a.z & b.x).count_ones()).is_multiple_of(2)
    };
    if (0..all.len()).any(|i| (0..i).any(|j| !commute(&all[i].0, &all[j].0))) {
        return Err(refuse(
            "its Pauli strings do not commute; give them couplings of their own",
        ));
    }
    Ok(all)
}
