//! How low is the energy of a small system, exactly? Lowest levels, expectation values of the
//! ground state and thermal averages of any model of a run file.
//!
//! Without a run file: the critical Ising ring, whose ground-state energy is known in closed form,
//! $E_0 = -2 / \sin(\pi / 2N)$ (P. Pfeuty, Ann. Phys. 57, 79 (1970)).

mod cli;

use cli::{Failure, Line, Session, Story, Takes};
use ketwork::exact::{ExactError, LanczosParams, Levels, Memory, expectation, lowest, spectrum};
use ketwork::hamiltonians::{AnyModel, Hamiltonian, Lattice, Scalar};
use ketwork::run_file::Observable::{Density, MeanSx, MeanSy, MeanSz, ZzNn};
use std::f64::consts::PI;
use std::process::ExitCode;

const STORY: Story = Story {
    name: "exact",
    takes: &[Takes::RunFile, Takes::Levels, Takes::Beta, Takes::Exact],
    toml: r#"
        [hamiltonian]
        model = "tfim"
        h = 1.0
        lattice = { kind = "chain", extent = [16], boundary = "periodic" }
    "#,
};

fn main() -> ExitCode {
    cli::main(STORY, |session| match session.run.system()? {
        (lattice, AnyModel::Real(h)) => tell(session, &lattice, &h),
        (lattice, AnyModel::Complex(h)) => tell(session, &lattice, &h),
    })
}

fn tell<H: Hamiltonian>(session: &Session, lattice: &Lattice, h: &H) -> Result<Line, Failure> {
    let asked = session.levels.unwrap_or(1);
    let params = LanczosParams {
        seed: session.run.seed,
        ..LanczosParams::default()
    };
    // A second level tells whether the lowest is degenerate; a sector of one state has none.
    let levels = match lowest(h, asked.max(2), &params) {
        Err(ExactError::LevelCount { .. }) => lowest(h, asked, &params)?,
        other => other?,
    };
    session.say(format!("{} configurations", levels.dimension()));
    let energies = levels.energies[..asked].to_vec();
    for e in &energies {
        session.say(format!("E = {e:.10}"));
    }
    if !session.is_users {
        let known = -2.0 / (PI / (2.0 * lattice.n_sites() as f64)).sin();
        session.say(format!("E = {known:.10} in closed form (Pfeuty 1970)"));
    }
    let line = Line::new()
        .set("dimension", levels.dimension())
        .set("eigenvalues", energies)
        .set("expectations", expectations(session, lattice, &levels)?);
    if session.beta.is_empty() {
        return Ok(line);
    }
    Ok(line.set("thermal", averages(session, lattice, h)?))
}

/// Means in the lowest state; none where it is degenerate or the sites are no qubits.
fn expectations<T: Scalar>(
    session: &Session,
    lattice: &Lattice,
    levels: &Levels<T>,
) -> Result<Option<Line>, Failure> {
    let (first, second) = (levels.energies[0], levels.energies.get(1));
    let degenerate = second.is_some_and(|e| e - first < 1e-8 * first.abs().max(1.0));
    let section = session.run.hamiltonian.as_ref();
    if degenerate || !section.is_some_and(|h| h.has_qubits()) {
        return Ok(None);
    }
    let of = |o: &_| Ok(expectation(o, &levels.basis, &levels.vectors[0]).re);
    cli::means(session, lattice, &[MeanSx, MeanSy, MeanSz, ZzNn], of).map(Some)
}

/// Canonical averages for each `--beta`.
fn averages<H: Hamiltonian>(
    session: &Session,
    lattice: &Lattice,
    h: &H,
) -> Result<Vec<Line>, Failure> {
    let all = spectrum(h, Memory::default())?;
    let mut entries = Vec::new();
    for &beta in &session.beta {
        let t = all.thermal(beta)?;
        let (energy, heat) = (t.energy, t.specific_heat);
        session.say(format!("beta = {beta}: E = {energy:.8}, C = {heat:.8}"));
        let of = |o: &_| Ok(all.thermal_expectation(beta, o)?.re);
        let line = cli::means(session, lattice, &[MeanSx, Density], of)?;
        let line = line.set("beta", beta).set("energy", energy);
        entries.push(line.set("specific_heat", heat));
    }
    Ok(entries)
}
