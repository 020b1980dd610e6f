//! How low is the energy of a small system, exactly? Lowest levels, expectation values of the
//! ground state and thermal averages of any model of a run file.
//!
//! Without a run file: the critical Ising ring, whose ground-state energy is known in closed form,
//! $E_0 = -2 / \sin(\pi / 2N)$ (P. Pfeuty, Ann. Phys. 57, 79 (1970)).

mod cli;

use cli::{Failure, Line, Session, Story, Takes};
use ketwork::exact::{ExactError, LanczosParams, Levels, Memory, expectation, lowest, spectrum};
use ketwork::hamiltonians::{AnyModel, Hamiltonian, Lattice, Scalar};
use ketwork::run_file::Observable;
use std::process::ExitCode;

const STORY: &str = r#"
[hamiltonian]
model = "tfim"
h = 1.0
lattice = { kind = "chain", extent = [16], boundary = "periodic" }
"#;

fn main() -> ExitCode {
    let takes = &[Takes::RunFile, Takes::Levels, Takes::Beta, Takes::Exact];
    cli::main(
        Story {
            name: "exact",
            toml: STORY,
            takes,
        },
        |session| {
            let (lattice, model) = session.run.system()?;
            match &model {
                AnyModel::Real(h) => tell(session, &lattice, h),
                AnyModel::Complex(h) => tell(session, &lattice, h),
            }
        },
    )
}

fn tell<H: Hamiltonian>(session: &Session, lattice: &Lattice, h: &H) -> Result<Line, Failure> {
    let asked = session.levels.unwrap_or(1);
    let params = LanczosParams {
        seed: session.run.seed,
        ..LanczosParams::default()
    };
    // One level more than asked for tells whether the lowest is degenerate.
    let levels = match lowest(h, asked.max(2), &params) {
        Err(ExactError::LevelCount { dimension, .. }) if asked <= dimension => {
            lowest(h, asked, &params)
        }
        other => other,
    }?;
    let energies = levels.energies[..asked].to_vec();
    session.say(format!("{} configurations", levels.dimension()));
    energies
        .iter()
        .for_each(|e| session.say(format!("E = {e:.10}")));
    if !session.is_users {
        let n = lattice.n_sites() as f64;
        let known = -2.0 / (std::f64::consts::PI / (2.0 * n)).sin();
        session.say(format!("E = {known:.10} in the literature (Pfeuty 1970)"));
    }
    let line = Line::new()
        .set("dimension", levels.dimension())
        .set("eigenvalues", energies)
        .set("expectations", expectations(session, lattice, h, &levels)?);
    if session.beta.is_empty() {
        return Ok(line);
    }
    let all = spectrum(h, Memory::default())?;
    let mut thermal = Vec::new();
    for &beta in &session.beta {
        let t = all.thermal(beta)?;
        let mut entry = Line::new()
            .set("beta", beta)
            .set("energy", t.energy)
            .set("specific_heat", t.specific_heat);
        for (name, what) in [
            ("mean_sx", Observable::MeanSx),
            ("density", Observable::Density),
        ] {
            let operator = cli::observable(session, lattice, h.space(), what)?;
            let mean = operator
                .map(|o| all.thermal_expectation(beta, &o))
                .transpose()?;
            entry = entry.set(name, mean.map(|m| m.re));
        }
        session.say(format!(
            "beta = {beta}: E = {:.8}, C = {:.8}",
            t.energy, t.specific_heat
        ));
        thermal.push(entry);
    }
    Ok(line.set("thermal", thermal))
}

/// Means in the lowest state; null where it is degenerate or the sites are no qubits.
fn expectations<H: Hamiltonian, T: Scalar>(
    session: &Session,
    lattice: &Lattice,
    h: &H,
    levels: &Levels<T>,
) -> Result<Line, Failure> {
    let gap = levels
        .energies
        .get(1)
        .map_or(f64::INFINITY, |e| e - levels.energies[0]);
    let is_degenerate = gap < 1e-8 * levels.energies[0].abs().max(1.0);
    let what = [
        ("mean_sx", Observable::MeanSx),
        ("mean_sy", Observable::MeanSy),
        ("mean_sz", Observable::MeanSz),
        ("zz_nn", Observable::ZzNn),
    ];
    let mut line = Line::new();
    for (name, what) in what {
        let operator = cli::observable(session, lattice, h.space(), what)?;
        let operator = operator.filter(|_| !is_degenerate);
        let mean = operator.map(|o| expectation(&o, &levels.basis, &levels.vectors[0]).re);
        line = line.set(name, mean);
    }
    Ok(line)
}
