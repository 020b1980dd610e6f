//! OpenQASM 3 of a circuit with its angles.

use crate::circuit::{Op, Register};
use crate::gate::Gate;
use crate::{Circuit, DiffusionError};
use std::f64::consts::FRAC_PI_2;
use std::fmt::Write;

impl Circuit {
    /// The circuit with the given angles as an OpenQASM 3 program; `label` is written on the label
    /// qubits, where there are any.
    ///
    /// Data are the qubits `q[0]` to `q[n - 1]`, ancillas follow. A projection is a measurement whose
    /// result must be the value in the comment beside it: runs with another result are dropped.
    /// Prepare the input on `q[0]` to `q[n - 1]` before the first gate.
    ///
    /// # Errors
    /// [`DiffusionError::NoGate`] for a leaky ReLU, or the exponential of a matrix that is no Pauli
    /// string.
    ///
    /// # Panics
    /// If the number of angles is another.
    #[track_caller]
    pub fn to_qasm(&self, angles: &[f64], label: u32) -> Result<String, DiffusionError> {
        assert_eq!(angles.len(), self.n_params, "one number for each angle");
        let n = self.n_qubits();
        let name = |bit: u32| if bit < n { n - 1 - bit } else { bit };
        let mut out = String::from("OPENQASM 3.0;\ninclude \"stdgates.inc\";\n");
        let total = self.max_bits;
        let results: u32 = (self.ops.iter())
            .map(|o| if let Op::Project(k, _) = o { *k } else { 0 })
            .sum();
        let mut text = |line: String| {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{line}");
        };
        text(format!("qubit[{total}] q;"));
        if results > 0 {
            text(format!("bit[{results}] c;"));
        }
        let (mut bits, mut result) = (n, 0);
        for op in &self.ops {
            match op {
                Op::Append(k, register) => {
                    for j in 0..*k {
                        text(format!("reset q[{}];", bits + j));
                        if *register == Register::Label && label >> j & 1 == 1 {
                            text(format!("x q[{}];", bits + j));
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
                        text(format!("c[{result}] = measure q[{}]; // {keep}", bits + j));
                        result += 1;
                    }
                }
                Op::LeakyRelu(_) => {
                    let operation = "a leaky ReLU";
                    return Err(DiffusionError::NoGate { operation });
                }
                Op::Gate(gate) => gate_text(gate, angles, &name, &mut text)?,
            }
        }
        Ok(out)
    }
}

fn gate_text(
    gate: &Gate,
    angles: &[f64],
    name: &impl Fn(u32) -> u32,
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
            // Turn X and Y to Z, collect the parity on the last qubit, rotate, and back.
            let angle = 2.0 * scale * angles[*param];
            let on: Vec<u32> = (0..usize::BITS)
                .filter(|b| (bits.x | bits.z) >> b & 1 == 1)
                .collect();
            let Some((&last, rest)) = on.split_last() else {
                // The identity: a global phase.
                text(format!("gphase({:?});", -0.5 * angle));
                return Ok(());
            };
            let kind = |b: u32| (bits.x >> b & 1, bits.z >> b & 1);
            for &b in &on {
                match kind(b) {
                    (1, 0) => text(format!("h q[{}];", name(b))),
                    (1, _) => text(format!("rx({FRAC_PI_2:?}) q[{}];", name(b))),
                    _ => {}
                }
            }
            for &b in rest {
                text(format!("cx q[{}], q[{}];", name(b), name(last)));
            }
            text(format!("rz({angle:?}) q[{}];", name(last)));
            for &b in rest.iter().rev() {
                text(format!("cx q[{}], q[{}];", name(b), name(last)));
            }
            for &b in &on {
                match kind(b) {
                    (1, 0) => text(format!("h q[{}];", name(b))),
                    (1, _) => text(format!("rx({:?}) q[{}];", -FRAC_PI_2, name(b))),
                    _ => {}
                }
            }
        }
        Gate::Matrix(_) => {
            let operation = "the exponential of a matrix";
            return Err(DiffusionError::NoGate { operation });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{angles, random_states};
    use crate::{States, fidelity};
    use ketwork_hamiltonians::Pauli;
    use ketwork_models::Stream;

    /// Reads the gates of a program back into a circuit that has no other code in common.
    fn read(n: u32, text: &str) -> (Circuit, Vec<f64>) {
        let (mut c, mut theta) = (Circuit::new(n), Vec::new());
        for line in text.lines().skip(2) {
            let numbers: Vec<u32> = line
                .match_indices("q[")
                .map(|(i, _)| {
                    line[i + 2..i + 2 + line[i + 2..].find(']').unwrap()]
                        .parse()
                        .unwrap()
                })
                .collect();
            let argument = || -> f64 {
                line[line.find('(').unwrap() + 1..line.find(')').unwrap()]
                    .parse()
                    .unwrap()
            };
            let word: String = line.chars().take_while(|c| c.is_alphanumeric()).collect();
            match word.as_str() {
                "qubit" | "bit" => {}
                "reset" => {
                    c.append_ancillas(1);
                }
                "c" => {
                    c.project_ancillas(1);
                }
                "cx" => {
                    c.cnots(&[(numbers[0], numbers[1])]);
                }
                "h" => {
                    // H = RY(pi/2) Z up to a phase.
                    c.rotation(&[(numbers[0], Pauli::Z)]);
                    c.rotation(&[(numbers[0], Pauli::Y)]);
                    theta.extend([std::f64::consts::PI, FRAC_PI_2]);
                }
                axis @ ("rx" | "ry" | "rz") => {
                    let p = Pauli::from_letter(axis.to_uppercase().chars().last().unwrap());
                    c.rotation(&[(numbers[0], p.unwrap())]);
                    theta.push(argument());
                }
                other => panic!("unknown word {other} in {line}"),
            }
        }
        (c, theta)
    }

    #[test]
    fn the_program_does_what_the_circuit_does() {
        let mut c = Circuit::new(3);
        c.identity_layers(2).append_ancillas(1).identity_layers(2);
        c.rotation(&[(0, Pauli::X), (1, Pauli::Y), (2, Pauli::Z)]);
        c.rotation(&[(3, Pauli::Y), (1, Pauli::Y)]);
        c.rotation(&[(2, Pauli::X)]);
        c.project_ancillas(1).identity_layers(2);
        let theta = angles(c.n_params(), Stream::new(1));
        let (copy, turned) = read(3, &c.to_qasm(&theta, 0).unwrap());
        let x: States = random_states(3, 4, Stream::new(2));
        let (a, b) = (
            c.apply(&theta, &x).unwrap(),
            copy.apply(&turned, &x).unwrap(),
        );
        for i in 0..4 {
            let f = fidelity(a.states.row(i), b.states.row(i));
            assert!((f - 1.0).abs() < 1e-12, "fidelity {f}");
            assert!(
                (a.probability[i] - b.probability[i]).abs() < 1e-12,
                "another probability"
            );
        }
    }

    #[test]
    fn what_no_device_can_do_is_refused() {
        let mut c = Circuit::new(2);
        c.leaky_relu(0.5);
        assert!(c.to_qasm(&[], 0).is_err(), "a leaky ReLU was exported");
    }
}
