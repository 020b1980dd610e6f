//! How low is the energy of a small system, exactly? Lowest levels, expectation values of the
//! ground state and thermal averages of any model of a run file.
//!
//! Without a run file: the critical Ising ring, whose ground-state energy is known in closed form,
//! $E_0 = -2 / \sin(\pi / 2N)$ (P. Pfeuty, Ann. Phys. 57, 79 (1970)).

mod cli;

use cli::{Failure, Line, Session, Story, Takes};
use ketwork::exact::{ExactError, LanczosParams, Levels, Memory, expectation, lowest, spectrum};
use ketwork::hamiltonians::{AnyModel, Hamiltonian, Lattice};
use ketwork::run_file::Observable;
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
        let known = -2.0 / (std::f64::consts::PI / (2.0 * lattice.n_sites() as f64)).sin();
        session.say(format!("E = {known:.10} in closed form (Pfeuty 1970)"));
    }
    let line = Line::new()
        .set("dimension", levels.dimension())
        .set("eigenvalues", energies)
        .set("expectations", expectations(session, lattice, h, &levels)?);
    let thermal = if session.beta.is_empty() {
        Vec::new()
    } else {
        averages(session, lattice, h)?
    };
    Ok(line.set("thermal", thermal))
}

/// Means in the lowest state; none where it is degenerate or the sites are no qubits.
fn expectations<H: Hamiltonian>(
    session: &Session,
    lattice: &Lattice,
    h: &H,
    levels: &Levels<H::Elem>,
) -> Result<Option<Line>, Failure> {
    let gap = levels
        .energies
        .get(1)
        .map_or(f64::INFINITY, |e| e - levels.energies[0]);
    if gap < 1e-8 * levels.energies[0].abs().max(1.0) || !cli::is_of_qubits(lattice, h) {
        return Ok(None);
    }
    use Observable::{MeanSx, MeanSy, MeanSz, ZzNn};
    let names = [
        ("mean_sx", MeanSx),
        ("mean_sy", MeanSy),
        ("mean_sz", MeanSz),
        ("zz_nn", ZzNn),
    ];
    let mut line = Line::new();
    for (name, what) in names {
        let operator = cli::observable(session, lattice, h, what)?;
        let mean = operator.map(|o| expectation(&o, &levels.basis, &levels.vectors[0]).re);
        line = line.set(name, mean);
    }
    Ok(Some(line))
}

fn averages<H: Hamiltonian>(
    session: &Session,
    lattice: &Lattice,
    h: &H,
) -> Result<Vec<Line>, Failure> {
    let all = spectrum(h, Memory::default())?;
    let entry = |&beta: &f64| {
        let t = all.thermal(beta)?;
        let mean = |what| -> Result<_, Failure> {
            let operator = cli::observable(session, lattice, h, what)?;
            Ok(operator
                .map(|o| all.thermal_expectation(beta, &o))
                .transpose()?
                .map(|m| m.re))
        };
        session.say(format!(
            "beta = {beta}: E = {:.8}, C = {:.8}",
            t.energy, t.specific_heat
        ));
        let line = Line::new().set("beta", beta).set("energy", t.energy);
        let line = line.set("specific_heat", t.specific_heat);
        Ok(line
            .set("mean_sx", mean(Observable::MeanSx)?)
            .set("density", mean(Observable::Density)?))
    };
    session.beta.iter().map(entry).collect()
}
