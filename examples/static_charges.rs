//! What holds two static charges together? The energy of a pair against its distance: a string that
//! matter breaks (quantum link chain of spin 1), and a string that a strong electric coupling makes
//! (Z2 gauge theory). Then sectors that no run file names: Z3 charges and windings of square links.

mod cli;

use cli::{Failure, Line, Plan, Session, Story, train};
use ketwork::exact::{LanczosParams, dimension, ground_state};
use ketwork::hamiltonians::{
    Boundary, Hamiltonian, Lattice, LinkChain, Links, Model, Modular, Parity, QuantumLink,
    SquareFlux, SquareLink, Z2Gauge, ZnGauge,
};
use ketwork::{Estimate, Figure, Panel};
use std::process::ExitCode;
use std::sync::Arc;

/// Vertices of the quantum link chain.
const CHAIN: usize = 12;
/// Electric coupling of the chain.
const FIELD: f64 = 1.2;
/// Electric couplings of the Z2 theory.
const COUPLINGS: [f64; 2] = [0.2, 0.8];

fn main() -> ExitCode {
    let (name, toml, takes) = ("static_charges", "seed = 5", &[]);
    cli::main(Story { name, toml, takes }, tell)
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let plan = Plan::new(session, 300, 1024);
    let mut runs = Runs {
        session,
        plan,
        off: Vec::new(),
    };
    let chain = runs.chain()?;
    let mut z2 = Vec::new();
    for g in COUPLINGS {
        z2.push(runs.z2(g)?);
    }
    let z3 = runs.z3()?;
    let square = runs.square()?;
    let strings = Panel::new("distance of the charges, links", "energy over the vacuum")
        .x_reaches(0.0, CHAIN as f64)
        .line("", chain.exact.clone())
        .same_colour()
        .points("spin-1 chain, transformer", chain.found.clone())
        .line(
            "string, g²/2 a link",
            [(0.0, 0.0), (5.0, 5.0 * 0.5 * FIELD * FIELD)],
        );
    let mut plane =
        Panel::new("distance of the charges, links", "energy over the vacuum").x_reaches(0.0, 4.5);
    for (g, potential) in COUPLINGS.iter().zip(&z2) {
        plane = plane
            .line("", potential.exact.clone())
            .same_colour()
            .points(&format!("Z2, g = {g}"), potential.found.clone());
    }
    let figure = Figure::new("Two static charges: transformers and exact (lines)");
    session.draw(&figure.panel(strings).panel(plane), "static_charges.png");
    Ok(Line::new()
        .set("chain", chain.line())
        .set("z2", z2.iter().map(Potential::line).collect::<Vec<_>>())
        .set("z3_pair", z3.0)
        .set("z3_pair_exact", z3.1)
        .set("winding_gaps", square.0)
        .set("winding_gaps_exact", square.1)
        .set("relative_error", runs.off))
}

/// Energies of pairs over the vacuum.
#[derive(Default)]
struct Potential {
    /// (distance, energy, error).
    found: Vec<(f64, f64, f64)>,
    exact: Vec<(f64, f64)>,
}

impl Potential {
    fn push(&mut self, r: usize, pair: (Estimate, f64), vacuum: (Estimate, f64)) {
        // The vacuum has no distance to itself.
        let error = if r == 0 {
            0.0
        } else {
            pair.0.error.hypot(vacuum.0.error)
        };
        let found = pair.0.mean - vacuum.0.mean;
        self.found.push((r as f64, found, error));
        self.exact.push((r as f64, pair.1 - vacuum.1));
    }

    fn line(&self) -> Line {
        Line::new()
            .set("r", self.found.iter().map(|p| p.0).collect::<Vec<_>>())
            .set("energy", self.found.iter().map(|p| p.1).collect::<Vec<_>>())
            .set("error", self.found.iter().map(|p| p.2).collect::<Vec<_>>())
            .set("exact", self.exact.iter().map(|p| p.1).collect::<Vec<_>>())
    }
}

struct Runs<'a> {
    session: &'a Session,
    plan: Plan,
    off: Vec<f64>,
}

impl Runs<'_> {
    /// Energy of a trained state and the exact one.
    fn solve(&mut self, what: &str, model: &Model<f64>) -> Result<(Estimate, f64), Failure> {
        let exact = ground_state(model, &LanczosParams::default())?.energies[0];
        let found = train(model, &self.plan, None)?.energy;
        let off = (found.mean - exact) / exact.abs();
        self.off.push(off);
        self.session.say(format!(
            "{what}: {} states, E = {found}, exact {exact:.6}, relative error {off:.1e}",
            dimension(&**model.sector())?
        ));
        Ok((found, exact))
    }

    /// -1 on vertex 1 and +1 as far to the right as the distance says, links of spin 1.
    fn chain(&mut self) -> Result<Potential, Failure> {
        let link = QuantumLink {
            w: 0.5,
            m: 0.6,
            g: FIELD,
        };
        let mut potential = Potential::default();
        let mut vacuum = None;
        let reaches = if self.session.quick { 2 } else { CHAIN - 1 };
        for r in (0..reaches).filter(|r| r % 2 == 1 || *r == 0) {
            let mut charges = vec![0; CHAIN];
            charges[1] -= 1;
            charges[1 + r] += 1;
            let sector = LinkChain::open(2, &charges, [0, 0]).map_err(Failure::input)?;
            let model = link.in_sector(sector).map_err(Failure::input)?;
            let found = self.solve(&format!("spin-1 chain, distance {r}"), &model)?;
            let vacuum = *vacuum.get_or_insert(found);
            potential.push(r, found, vacuum);
        }
        Ok(potential)
    }

    /// Two charges in the middle row of an open lattice of 5 by 3 vertices.
    fn z2(&mut self, g: f64) -> Result<Potential, Failure> {
        let open = Lattice::square([5, 3], Boundary::Open).map_err(Failure::input)?;
        let links = Links::new(&open).map_err(Failure::input)?;
        let theory = Z2Gauge::new(g).on(&open).map_err(Failure::input)?;
        let mut potential = Potential::default();
        let vacuum = self.solve(&format!("Z2, g = {g}, vacuum"), &theory)?;
        potential.push(0, vacuum, vacuum);
        for r in 1..=if self.session.quick { 1 } else { 4 } {
            let sector = Parity::gauss_law(&links, &[5, 5 + r as u32]).map_err(Failure::input)?;
            let model = theory.in_sector(Arc::new(sector)).map_err(Failure::input)?;
            let pair = self.solve(&format!("Z2, g = {g}, distance {r}"), &model)?;
            potential.push(r, pair, vacuum);
        }
        Ok(potential)
    }

    /// A charge 1 and a charge 2 = -1 of Z3 side by side, and what they cost.
    fn z3(&mut self) -> Result<(f64, f64), Failure> {
        let torus = Lattice::square([3, 2], Boundary::Periodic).map_err(Failure::input)?;
        let links = Links::new(&torus).map_err(Failure::input)?;
        let theory = ZnGauge { n: 3, g: 0.5 }
            .on(&torus)
            .map_err(Failure::input)?;
        let vacuum = self.solve("Z3, g = 0.5, torus of 3 by 2, vacuum", &theory)?;
        let sector = Modular::gauss_law(&links, 3, &[(0, 1), (1, 2)]).map_err(Failure::input)?;
        let model = theory.in_sector(Arc::new(sector)).map_err(Failure::input)?;
        let pair = self.solve("Z3, charges 1 and -1 side by side", &model)?;
        let cost = (pair.0.mean - vacuum.0.mean, pair.1 - vacuum.1);
        self.session.say(format!(
            "    the pair costs {:.5}, exact {:.5}",
            cost.0, cost.1
        ));
        Ok(cost)
    }

    /// Square links of spin 1/2 on the torus of 4 by 4: no winding, one along x, one along both.
    fn square(&mut self) -> Result<(Vec<f64>, Vec<f64>), Failure> {
        let torus = Lattice::square([4, 4], Boundary::Periodic).map_err(Failure::input)?;
        let links = Links::new(&torus).map_err(Failure::input)?;
        let theory = SquareLink::new(-0.5);
        let (mut gaps, mut exact) = (Vec::new(), Vec::new());
        let mut lowest = None;
        for flux in [[0, 0], [1, 0], [1, 1]] {
            let through = [0, 1].map(|k| (links.cut(k, 0), 2 * flux[k]));
            let sector = SquareFlux::new(&links, &[], &through).map_err(Failure::input)?;
            let model = theory
                .in_sector(&torus, Arc::new(sector))
                .map_err(Failure::input)?;
            let found = self.solve(&format!("square links, flux {flux:?}"), &model)?;
            let lowest = *lowest.get_or_insert(found);
            if flux != [0, 0] {
                gaps.push(found.0.mean - lowest.0.mean);
                exact.push(found.1 - lowest.1);
            }
        }
        self.session.say(format!(
            "    gaps to the flux of x, and of both: {gaps:.5?}, exact {exact:.5?}"
        ));
        Ok((gaps, exact))
    }
}
