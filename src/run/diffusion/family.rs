//! Ground states of a Hamiltonian across one of its couplings.

use super::RunError;
use super::choices::qubits;
use crate::run_file::{HamiltonianSection, RunFile};
use ketwork_diffusion::{
    Condition, Data, Diffusion, DiffusionError, SparseHamiltonian, Split, States,
};
use ketwork_hamiltonians::{AnyModel, Boundary, Hamiltonian, Lattice, Model, OnSpace, Tfim};
use num_complex::Complex64;

/// Factors of the coupling whose ground states are trained on.
const SEEN: [f64; 5] = [0.5, 0.75, 1.0, 1.25, 1.5];
/// Factors between them, where the model is asked.
const UNSEEN: [f64; 8] = [0.6, 0.65, 0.85, 0.9, 1.1, 1.15, 1.35, 1.4];
/// Couplings that families are known by, in this order, where the run file names none.
const KNOWN: [&str; 8] = ["h", "delta", "j2", "g", "hx", "hz", "m", "g2"];

/// Hamiltonians that differ in one coupling, or in all strings with the same letters.
#[derive(Debug)]
pub(super) struct Family {
    model: Model<Complex64>,
    /// Numbers of the couplings that change.
    along: Vec<usize>,
    /// Value that is multiplied: of the first of them.
    centre: f64,
}

impl Family {
    /// The family of `[hamiltonian]`, or of an Ising ring where there is none.
    pub(super) fn new(run: &RunFile) -> Result<Self, RunError> {
        let section = &run.diffusion;
        let model = match &run.hamiltonian {
            None => ring(qubits(section, 6))?,
            Some(section) => section.build()?.1,
        };
        let model = match model {
            AnyModel::Complex(model) => model,
            AnyModel::Real(model) => {
                let complex = Model::new(model.terms().to_complex(), model.sector().clone());
                complex.map_err(|e| wrong(&e))?
            }
        };
        let n = model.space().n_sites;
        if section.qubits.is_some_and(|q| q != n) {
            return Err(RunError::Value {
                key: "diffusion.qubits",
                reason: format!("the lattice has {n} sites; drop the key"),
            });
        }
        let is_sum = matches!(run.hamiltonian, Some(HamiltonianSection::Pauli(_)));
        let groups = groups(&model, is_sum);
        let along = chosen(&groups, section.coupling.as_deref())?.1.clone();
        let centre = model.terms().couplings()[along[0]].1;
        Ok(Self {
            model,
            along,
            centre,
        })
    }

    /// The Hamiltonian at a value of the coupling.
    fn at(&self, value: f64) -> Model<Complex64> {
        let terms = self.model.terms();
        let mut values: Vec<f64> = terms.couplings().iter().map(|c| c.1).collect();
        self.along
            .iter()
            .for_each(|&k| values[k] *= value / self.centre);
        Model::new(terms.with_values(&values), self.model.sector().clone())
            .expect("the same sector as that of the family")
    }

    /// States to train on and between them.
    pub(super) fn split(&self) -> Result<Split, DiffusionError> {
        let part = |factors: &[f64]| {
            let values: Vec<_> = factors.iter().map(|f| f * self.centre).collect();
            Data::ground_states(&values, |v| self.at(v))
        };
        Ok(Split {
            train: part(&SEEN)?,
            held_out: part(&UNSEEN)?,
        })
    }

    /// Mean energies above the ground state of generated states, and of the training states with the
    /// nearest coupling.
    pub(super) fn measure(
        &self,
        split: &Split,
        found: &mut Diffusion,
    ) -> Result<(), DiffusionError> {
        let (Condition::Values(seen), Condition::Values(unseen), Condition::Values(asked)) = (
            &split.train.condition,
            &split.held_out.condition,
            &found.condition,
        ) else {
            return Ok(());
        };
        let (mut made, mut near) = (0.0, 0.0);
        for (i, &value) in unseen.iter().enumerate() {
            let h = SparseHamiltonian::new(&self.at(value))?;
            let mut scratch = vec![Complex64::default(); split.held_out.states.dim()];
            let mut of = |states: &States, k: usize| h.energy(states.row(k), &mut scratch);
            let lowest = of(&split.held_out.states, i);
            let distance = |k: &usize| (seen[*k] - value).abs();
            let nearest = (0..seen.len()).min_by(|a, b| distance(a).total_cmp(&distance(b)));
            near += nearest.map_or(0.0, |k| of(&split.train.states, k) - lowest);
            let mine = (0..asked.len()).filter(|&k| asked[k].total_cmp(&value).is_eq());
            made += mine.map(|k| of(&found.generated, k) - lowest).sum::<f64>();
        }
        found.report.energy_error = Some(made / asked.len() as f64);
        found.report.nearest_energy_error = Some(near / unseen.len() as f64);
        Ok(())
    }
}

fn wrong(e: &dyn std::fmt::Display) -> RunError {
    RunError::Value {
        key: "hamiltonian",
        reason: e.to_string(),
    }
}

fn ring(qubits: u32) -> Result<AnyModel, RunError> {
    let wrong = |e: &dyn std::fmt::Display| RunError::Value {
        key: "diffusion.qubits",
        reason: e.to_string(),
    };
    if qubits < 2 {
        return Err(wrong(&"1 qubit has no bond; a family needs at least 2"));
    }
    let ring = Lattice::chain(qubits as usize, Boundary::Periodic).map_err(|e| wrong(&e))?;
    let model = Tfim::new(1.0).on(&ring).map_err(|e| wrong(&e))?;
    Ok(AnyModel::Real(model))
}

/// Names of couplings that are not 0, with their numbers; strings of a sum with the same letters
/// belong together: "ZZ" are all strings of two Z.
fn groups(model: &Model<Complex64>, is_sum: bool) -> Vec<(String, Vec<usize>)> {
    let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
    for (k, (name, value)) in model.terms().couplings().iter().enumerate() {
        let has_terms = || {
            model
                .terms()
                .terms()
                .iter()
                .any(|t| t.coupling as usize == k)
        };
        // The identity shifts energies and no state.
        if *value == 0.0 || !has_terms() || (is_sum && name == "1") {
            continue;
        }
        let name: String = match is_sum {
            true => name.chars().filter(|c| c.is_alphabetic()).collect(),
            false => name.clone(),
        };
        match groups.iter_mut().find(|g| g.0 == name) {
            Some(group) => group.1.push(k),
            None => groups.push((name, vec![k])),
        }
    }
    groups
}

fn chosen<'a>(
    groups: &'a [(String, Vec<usize>)],
    asked: Option<&str>,
) -> Result<&'a (String, Vec<usize>), RunError> {
    let names: Vec<_> = groups.iter().map(|g| format!("{:?}", g.0)).collect();
    let refuse = |reason| {
        let key = "diffusion.coupling";
        Err(RunError::Value { key, reason })
    };
    if groups.len() < 2 {
        return refuse(format!(
            "the Hamiltonian has {} coupling that is not 0, whose multiples share their ground state; \
             give it two",
            if groups.is_empty() { "no" } else { "one" },
        ));
    }
    match asked {
        Some(name) => match groups.iter().find(|g| g.0 == name) {
            Some(group) => Ok(group),
            None => refuse(format!(
                "{name:?} is no coupling of the Hamiltonian that is not 0; take one of {}",
                names.join(", ")
            )),
        },
        None => {
            let known = KNOWN.iter().find_map(|k| groups.iter().find(|g| g.0 == *k));
            Ok(known.unwrap_or(&groups[groups.len() - 1]))
        }
    }
}
