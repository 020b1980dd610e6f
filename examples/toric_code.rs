//! How well does an autoregressive state hold topological order? Exactly: ground and excited states of
//! the toric code in two and three dimensions and of the X-cube model, sampled at thousands of qubits
//! with no variance. In a field the states must be learnt: a transformer on a small torus, its Wilson
//! loops and the gaps between winding sectors, next to exact diagonalisation.

mod cli;

use cli::{Failure, Line, Plan, Session, Story, train};
use ketwork::exact::{LanczosParams, expectation, lowest};
use ketwork::hamiltonians::{Boundary, Lattice, Links, Model, OnSpace, Parity, Pauli};
use ketwork::hamiltonians::{ToricCode, XCube};
use ketwork::{Ancestral, CodeError, CodeSector, Figure, Panel, ProductOperator, Sampled};
use ketwork::{StabilizerState, Stream, rectangle_loop};
use std::process::ExitCode;
use std::sync::Arc;

/// Fields of the scan.
const FIELDS: [f64; 7] = [0.05, 0.15, 0.25, 0.35, 0.45, 0.6, 0.8];

fn main() -> ExitCode {
    let (name, toml, takes) = ("toric_code", "seed = 3", &[]);
    cli::main(Story { name, toml, takes }, tell)
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let (codes, excitations) = exact_states(session)?;
    let scan = scan(session)?;
    let sectors = sectors(session)?;
    draw(session, &scan);
    Ok(Line::new()
        .set("codes", codes)
        .set("excitations", excitations)
        .set("scan", scan.iter().map(Direction::line).collect::<Vec<_>>())
        .set("sectors", sectors))
}

/// A code on the links of a torus.
struct Code {
    name: &'static str,
    l: usize,
    links: Links,
    model: Model<f64>,
    build: fn(&Links, &CodeSector) -> Result<StabilizerState, CodeError>,
    z: Vec<Vec<u32>>,
    x: Vec<Vec<u32>>,
}

impl Code {
    fn new(name: &'static str, l: usize) -> Result<Self, Failure> {
        let torus = match name {
            "toric code" => Lattice::square([l; 2], Boundary::Periodic),
            _ => Lattice::cubic([l; 3], Boundary::Periodic),
        };
        let torus = torus.map_err(Failure::input)?;
        let links = Links::new(&torus).map_err(Failure::input)?;
        let is_fracton = name == "X-cube";
        let model = match is_fracton {
            true => XCube.on(&torus),
            false => ToricCode::default().on(&torus),
        };
        Ok(Self {
            name,
            l,
            model: model.map_err(Failure::input)?,
            build: if is_fracton {
                StabilizerState::x_cube
            } else {
                StabilizerState::toric_code
            },
            z: if is_fracton {
                links.cubes()
            } else {
                links.plaquettes()
            },
            x: if is_fracton {
                links.plane_stars()
            } else {
                links.stars()
            },
            links,
        })
    }

    /// Energy and variance of shots from the state of a sector.
    fn measure(&self, sector: &CodeSector, session: &Session) -> Result<(f64, f64), Failure> {
        let psi = (self.build)(&self.links, sector).map_err(Failure::input)?;
        let shots = if session.quick { 16 } else { 256 };
        let stream = Stream::new(session.run.seed).named(self.name);
        let samples = psi.sample(&[], 0..shots, stream);
        let found = Sampled::new(&psi, &[], &samples).expectation(&self.model);
        let found = found.map_err(Failure::computation)?;
        Ok((found.mean.mean, found.variance))
    }

    /// log2 of the number of ground states: qubits less independent checks.
    fn log2_ground_states(&self) -> Result<usize, Failure> {
        let rank = |sets: &[Vec<u32>]| {
            let checks: Vec<_> = sets.iter().map(|s| (s.clone(), false)).collect();
            let parity = Parity::new(self.links.snake_order(), &checks);
            parity.map(|p| p.rank()).map_err(Failure::computation)
        };
        Ok(self.links.n_links() - rank(&self.x)? - rank(&self.z)?)
    }

    /// The checks of one kind that an operator of the other kind on some links flips.
    fn flipped(checks: &[Vec<u32>], links: &[u32]) -> Vec<usize> {
        let odd = |set: &[u32]| links.iter().filter(|l| set.contains(l)).count() % 2 == 1;
        (0..checks.len()).filter(|&k| odd(&checks[k])).collect()
    }
}

/// Ground states at all sizes, and what single excitations of the larger codes cost.
fn exact_states(session: &Session) -> Result<(Vec<Line>, Vec<Line>), Failure> {
    let sizes: &[(&str, usize)] = match session.quick {
        true => &[("toric code", 3), ("3D toric code", 2), ("X-cube", 2)],
        false => &[
            ("toric code", 3),
            ("toric code", 16),
            ("toric code", 32),
            ("3D toric code", 2),
            ("3D toric code", 6),
            ("X-cube", 2),
            ("X-cube", 4),
        ],
    };
    let (mut ground, mut excited) = (Vec::new(), Vec::new());
    for (i, &(name, l)) in sizes.iter().enumerate() {
        let code = Code::new(name, l)?;
        let known = -((code.x.len() + code.z.len()) as f64);
        let (energy, variance) = code.measure(&CodeSector::default(), session)?;
        let log2 = code.log2_ground_states()?;
        let n = code.links.n_links();
        session.say(format!(
            "{name}, L = {l}, {n} qubits: E = {energy}, exact {known}, variance {variance:.1e}, \
             2^{log2} ground states"
        ));
        let line = Line::new().set("code", name).set("l", l).set("qubits", n);
        let line = line.set("energy", energy).set("exact", known);
        ground.push(
            line.set("variance", variance)
                .set("log2_ground_states", log2),
        );
        // The largest of each kind.
        if sizes.get(i + 1).is_none_or(|next| next.0 != name) {
            excited.extend(excitations(&code, energy, session)?);
        }
    }
    Ok((ground, excited))
}

fn excitations(code: &Code, ground: f64, session: &Session) -> Result<Vec<Line>, Failure> {
    let far = code.l / 2;
    let in_z = |links: &[u32]| CodeSector {
        z: Code::flipped(&code.z, links),
        ..CodeSector::default()
    };
    let in_x = |links: &[u32]| CodeSector {
        x: Code::flipped(&code.x, links),
        ..CodeSector::default()
    };
    // Links along x that start one above the other end at plaquettes far / 2 apart.
    let column: Vec<u32> = (0..far)
        .filter_map(|y| code.links.link(code.l * y, 0))
        .collect();
    let row = &code.links.line(0, 0)[..far];
    let cases = match code.name {
        "toric code" => vec![
            ("pair of fluxes, neighbours", in_z(&column[..1])),
            ("pair of fluxes, far apart", in_z(&column)),
            ("pair of charges, neighbours", in_x(&row[..1])),
            ("pair of charges, far apart", in_x(row)),
        ],
        "3D toric code" => vec![
            ("smallest loop of flux", in_z(&column[..1])),
            ("pair of charges, far apart", in_x(row)),
        ],
        _ => vec![
            ("four fractons", in_z(&column[..1])),
            ("four fractons at the corners of a strip", in_z(&column)),
            ("pair of lineons, far apart", in_x(row)),
        ],
    };
    let mut lines = Vec::new();
    for (kind, sector) in cases {
        let (energy, variance) = code.measure(&sector, session)?;
        let count = sector.z.len() + sector.x.len();
        session.say(format!(
            "    {kind}: {count} flipped checks cost {}, variance {variance:.1e}",
            energy - ground
        ));
        let line = Line::new().set("code", code.name).set("kind", kind);
        let line = line.set("flipped", count).set("cost", energy - ground);
        lines.push(line.set("variance", variance));
    }
    let single = CodeSector {
        z: vec![0],
        ..CodeSector::default()
    };
    if let Err(e) = (code.build)(&code.links, &single) {
        session.say(format!("    a single one: {e}"));
    }
    Ok(lines)
}

/// The code in fields on the torus of 3 by 2 vertices, 12 qubits.
fn small(hx: f64, hz: f64) -> Result<(Links, Model<f64>), Failure> {
    let torus = Lattice::square([3, 2], Boundary::Periodic).map_err(Failure::input)?;
    let links = Links::new(&torus).map_err(Failure::input)?;
    let model = ToricCode { hx, hz }.on(&torus).map_err(Failure::input)?;
    Ok((links, model))
}

/// Small fields leave 128 configurations of 4096 with nearly all of the weight: half of the shots look
/// elsewhere, or the rest is never learnt.
fn plan(session: &Session) -> Plan {
    let plan = Plan::new(session, 300, 1024);
    Plan {
        steps: if session.quick {
            plan.steps.min(20)
        } else {
            plan.steps
        },
        uniform: 0.5,
        ..plan
    }
}

/// What is found along one direction of the fields.
#[derive(Default)]
struct Direction {
    name: &'static str,
    off: Vec<f64>,
    /// Splittings of the four lowest levels.
    splittings: Vec<Vec<f64>>,
    /// Loops around 1 and 2 plaquettes: (h, mean, error).
    loops: [Vec<(f64, f64, f64)>; 2],
    exact_loops: [Vec<(f64, f64)>; 2],
}

impl Direction {
    fn line(&self) -> Line {
        let of = |f: fn(&(f64, f64, f64)) -> f64| {
            let row = |p: &Vec<(f64, f64, f64)>| p.iter().map(f).collect::<Vec<f64>>();
            self.loops.iter().map(row).collect::<Vec<_>>()
        };
        let exact = |p: &Vec<(f64, f64)>| p.iter().map(|p| p.1).collect::<Vec<_>>();
        Line::new()
            .set("direction", self.name)
            .set("h", self.loops[0].iter().map(|p| p.0).collect::<Vec<_>>())
            .set("relative_error", self.off.clone())
            .set("splittings", self.splittings.clone())
            .set("wilson", of(|p| p.1))
            .set("wilson_error", of(|p| p.2))
            .set(
                "exact_wilson",
                self.exact_loops.iter().map(exact).collect::<Vec<_>>(),
            )
    }
}

fn scan(session: &Session) -> Result<Vec<Direction>, Failure> {
    let fields = if session.quick {
        &FIELDS[3..4]
    } else {
        &FIELDS
    };
    let mut all = Vec::new();
    for (name, [x, z]) in [
        ("hx", [1.0, 0.0]),
        ("hz", [0.0, 1.0]),
        ("hx = hz", [1.0, 1.0]),
    ] {
        let mut found = Direction {
            name,
            ..Direction::default()
        };
        for &h in fields {
            let (links, model) = small(h * x, h * z)?;
            let levels = lowest(&model, 4, &LanczosParams::default())?;
            let (exact, ground) = (levels.energies[0], &levels.vectors[0]);
            let splittings: Vec<_> = levels.energies[1..].iter().map(|e| e - exact).collect();
            // Along hz plaquettes and loops of Z are conserved: their block holds the ground state.
            let trained = match model.lowest_parity_block() {
                Some((block, _)) => train(&block, &plan(session), None)?,
                None => train(&model, &plan(session), None)?,
            };
            let energy = trained.energy;
            found.off.push((energy.mean - exact) / exact.abs());
            let shots = if session.quick { 512 } else { 8192 };
            let stream = Stream::new(session.run.seed).named("loops");
            let samples = trained.psi.sample(&trained.theta, 0..shots, stream);
            let state = Sampled::new(&trained.psi, &trained.theta, &samples);
            let mut words = Vec::new();
            for (i, sides) in [[1, 1], [2, 1]].into_iter().enumerate() {
                let path = rectangle_loop(&links, 0, sides).map_err(Failure::input)?;
                let w = ProductOperator::<f64>::pauli(*model.space(), &path, Pauli::Z);
                let w = w.map_err(Failure::input)?;
                let mean = state.expectation(&w).map_err(Failure::computation)?.mean;
                let twin = expectation(&w, &levels.basis, ground).re;
                words.push(format!("{mean} (exact {twin:.4})"));
                found.loops[i].push((h, mean.mean, mean.error));
                found.exact_loops[i].push((h, twin));
            }
            session.say(format!(
                "{name} = {h}: E = {energy}, exact {exact:.6}, relative error {:.1e}; loops {}; \
                 next levels {splittings:.4?}",
                found.off[found.off.len() - 1],
                words.join(", ")
            ));
            found.splittings.push(splittings);
        }
        all.push(found);
    }
    Ok(all)
}

/// The four winding sectors at hz = 0.4, where plaquettes and loops of Z are conserved: gaps of
/// trained states and exact ones.
fn sectors(session: &Session) -> Result<Line, Failure> {
    let (links, model) = small(0.0, 0.4)?;
    let (mut found, mut exact) = (Vec::new(), Vec::new());
    for winding in [[false, false], [true, false], [false, true], [true, true]] {
        let mut checks: Vec<_> = (links.plaquettes().into_iter())
            .map(|p| (p, false))
            .collect();
        for (k, odd) in winding.into_iter().enumerate() {
            checks.push((links.line(0, k), odd));
        }
        let sector = Parity::new(links.snake_order(), &checks).map_err(Failure::input)?;
        let model = model.in_sector(Arc::new(sector)).map_err(Failure::input)?;
        found.push(train(&model, &plan(session), None)?.energy.mean);
        exact.push(lowest(&model, 1, &LanczosParams::default())?.energies[0]);
    }
    let gaps = |e: &[f64]| e[1..].iter().map(|x| x - e[0]).collect::<Vec<f64>>();
    let (found, exact) = (gaps(&found), gaps(&exact));
    session.say(format!(
        "hz = 0.4, loops of Z around x, y, both = -1: gaps {found:.5?}, exact {exact:.5?}"
    ));
    Ok(Line::new().set("gaps", found).set("exact_gaps", exact))
}

fn draw(session: &Session, scan: &[Direction]) {
    let mut wilson = Panel::new("field h", "loop of Z around 1 x 1").x_reaches(0.0, 0.82);
    for d in scan {
        wilson = wilson
            .line("", d.exact_loops[0].clone())
            .same_colour()
            .points(d.name, d.loops[0].clone());
    }
    let mut levels = Panel::new("field h", "splitting of 4 ground states").x_reaches(0.0, 0.82);
    // Stars and plaquettes are dual: hx alone has the levels of hz alone.
    for d in scan.iter().filter(|d| d.name != "hx") {
        let name = if d.name == "hz" {
            "hx or hz alone"
        } else {
            d.name
        };
        for k in 0..3 {
            let h = d.loops[0].iter().map(|p| p.0);
            let curve = h.zip(d.splittings.iter().map(move |s| s[k]));
            levels = match k {
                0 => levels.line(name, curve),
                _ => levels.same_colour().line("", curve),
            };
        }
    }
    let figure = Figure::new("Toric code in a field, 12 qubits: transformer and exact (lines)")
        .panel(wilson)
        .panel(levels);
    session.draw(&figure, "toric_code.png");
}
