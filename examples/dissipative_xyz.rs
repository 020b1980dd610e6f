//! Do String States cure the order that a network reads a plane in? Decay of a 3 x 3 torus of XYZ
//! spins from all up: a transformer that reads one snake, and the mixture over its eight rotations and
//! reflections, both carried by TDVP on shots, against the exact density matrix. Both fit the same
//! rates; what they leave of them and how far the sites, which are all alike, differ tells them apart.

mod cli;

use cli::{Failure, Line, Session, Story};
use ketwork::evolve::{Evolve, EvolveError, Tableau, Tdvp, Velocity};
use ketwork::exact::{Basis, Memory};
use ketwork::hamiltonians::open::{Frame, Jump, Lindblad};
use ketwork::hamiltonians::{
    Action, AnyModel, Boundary, Configs, Connected, Constraint, Free, Hamiltonian, Lattice,
    LocalSum, Neighbours, Operator, Pauli, Sector, Space, Term, Xyz,
};
use ketwork::open::{Lindbladian, product_density};
use ketwork::{
    Ansatz, Autoregressive, Figure, Independent, Offset, Panel, Relabelling, Samples, Stream,
    Symmetrized, Transformer, TransformerParams,
};
use num_complex::Complex64;
use std::process::ExitCode;
use std::sync::Arc;

/// Couplings of XX, YY and ZZ, in units of the rate of decay.
const COUPLINGS: (f64, f64, f64) = (0.9, 1.6, 1.0);
const WIDTH: usize = 8;
/// Relative shift of TDVP's linear systems. Smaller ones follow the noise of the shots: at 1e-4 sites that
/// are alike spread by 0.10 instead of 0.03, and the mean is off by 0.07 instead of 0.04 (one snake).
const SHIFT: f64 = 1e-2;

fn main() -> ExitCode {
    let (name, toml, takes) = ("dissipative_xyz", "seed = 3", &[]);
    cli::main(Story { name, toml, takes }, tell)
}

/// The spins, and the sizes of a run.
struct Torus {
    lattice: Lattice,
    lindblad: Lindblad,
    frame: Frame,
    times: Vec<f64>,
    /// Shots of a step, and steps between times.
    shots: u64,
    steps: usize,
}

/// Means of Z over sites and their spread at each time, and what steps left of the rates.
struct Found {
    mean: Vec<f64>,
    spread: Vec<f64>,
    residual: f64,
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let (side, last) = if session.quick { (2, 2) } else { (3, 6) };
    let shots = session.run.sampling.samples.unwrap_or(8192);
    let torus = Torus::new(side, last, shots as u64).map_err(Failure::computation)?;
    let exact = torus.exact().map_err(Failure::computation)?;
    let mut means = Panel::new("time (1/gamma)", "<Z>, mean over sites");
    means = means.line("exact", curve(&torus.times, &exact));
    let mut spreads = Panel::new("time (1/gamma)", "spread of <Z> between sites");
    let mut line = Line::new()
        .set("times", torus.times.clone())
        .set("exact", exact.clone());
    let alone = vec![Relabelling::identity(torus.lattice.n_sites())];
    for (name, images) in [("plain", alone), ("strings", torus.images())] {
        let found = torus.carried(session.run.seed, &images);
        let found = found.map_err(Failure::computation)?;
        let off = found.mean.iter().zip(&exact).map(|(a, b)| (a - b).abs());
        let (off, spread) = (
            off.fold(0.0, f64::max),
            found.spread.iter().copied().fold(0.0, f64::max),
        );
        for ((t, z), exact) in curve(&torus.times, &found.mean).zip(&exact) {
            session.say(format!(
                "{name}, t = {t:.1}: <Z> = {z:.4}, exactly {exact:.4}"
            ));
        }
        session.say(format!(
            "{name}: <Z> off by {off:.4} at most, sites spread by {spread:.4}, rates left {:.3}",
            found.residual
        ));
        means = means.points(
            name,
            curve(&torus.times, &found.mean).map(|(t, z)| (t, z, 0.0)),
        );
        spreads = spreads.line(name, curve(&torus.times, &found.spread));
        line = line
            .set(name, found.mean)
            .set(&format!("{name}_spread"), found.spread)
            .set(&format!("{name}_residual"), found.residual);
    }
    let title = "Decay of XYZ spins on a torus: one snake, and eight";
    session.draw(&Figure::new(title).panel(means).panel(spreads), "xyz.png");
    Ok(line)
}

fn curve(times: &[f64], values: &[f64]) -> impl Iterator<Item = (f64, f64)> {
    times.iter().copied().zip(values.iter().copied())
}

type Plain = Autoregressive<Offset<Transformer<f64>>>;
type Law = dyn Ansatz<Log = f64>;
type Whatever = Box<dyn std::error::Error + Send + Sync>;

impl Torus {
    fn new(side: usize, last: u32, shots: u64) -> Result<Self, Whatever> {
        let lattice = Lattice::square([side, side], Boundary::Periodic)?;
        let (jx, jy, jz) = COUPLINGS;
        let (hx, hy, hz) = (0.0, 0.0, 0.0);
        let xyz = Xyz {
            jx,
            jy,
            jz,
            hx,
            hy,
            hz,
        };
        let jumps = (0..lattice.n_sites() as u32).map(|i| Jump::lowering(i, 1.0));
        let h = match xyz.on(&lattice)? {
            AnyModel::Real(model) => model.terms().to_complex(),
            AnyModel::Complex(model) => model.terms().clone(),
        };
        Ok(Self {
            lindblad: Lindblad::new(h, jumps.collect())?,
            lattice,
            frame: Frame::rotated(),
            times: (1..=last).map(|k| 0.2 * f64::from(k)).collect(),
            shots,
            steps: 5,
        })
    }

    /// <Z> of a site: all are alike.
    fn exact(&self) -> Result<Vec<f64>, Whatever> {
        let n = self.lattice.n_sites();
        let system = Lindbladian::new(&self.lindblad, Memory::default())?;
        system.check_density()?;
        let z = Term {
            sites: vec![0],
            guard: Vec::new(),
            action: Action::Pauli(vec![Pauli::Z], Complex64::from(1.0)),
            coupling: 0,
        };
        let z = LocalSum::new(Space::qubits(n), vec![z], vec![("z".to_owned(), 1.0)])?;
        let up = [1.0, 0.0, 0.0, 0.0].map(Complex64::from);
        let (mut rho, mut at, mut found) = (product_density(&vec![up; n]), 0.0, Vec::new());
        for &t in &self.times {
            system.evolve(t - at, &mut rho, 1e-8)?;
            at = t;
            found.push(system.means(&[&z], &rho)?[0]);
        }
        Ok(found)
    }

    /// The rotations and reflections of the lattice.
    fn images(&self) -> Vec<Relabelling> {
        let image = |sites| Relabelling { sites, flip: false };
        self.lattice.point_group().into_iter().map(image).collect()
    }

    /// A transformer that starts at all up and reads one snake.
    fn plain(&self) -> Result<Plain, Whatever> {
        let n = self.lattice.n_sites();
        let space = Space::new(n, 4);
        let (layers, heads, width) = (1, 2, WIDTH);
        let sizes = TransformerParams {
            layers,
            width,
            heads,
        };
        let up = self.frame.probabilities([0.0, 0.0, 1.0]).map(f64::ln);
        let net = Offset::new(Transformer::<f64>::new(space, sizes)?, up.repeat(n))?;
        Ok(Autoregressive::probability(net, self.snake()))
    }

    /// The mixture of that over images of the snake.
    fn strings(&self, images: &[Relabelling]) -> Result<Box<Law>, Whatever> {
        let mixed = Symmetrized::over(self.plain()?, &self.snake(), images.to_vec())?;
        Ok(Box::new(mixed))
    }

    fn snake(&self) -> Sector {
        let space = Space::new(self.lattice.n_sites(), 4);
        Arc::new(Free::with_order(space, self.lattice.snake_order()))
    }

    fn carried(&self, seed: u64, images: &[Relabelling]) -> Result<Found, Whatever> {
        let (plain, psi) = (self.plain()?, self.strings(images)?);
        let stream = Stream::new(seed);
        let mut theta = psi.layout().initial(stream.named("parameters"));
        let generator = self.lindblad.generator(&self.frame)?;
        let outcomes = Outcomes::new(&plain, &*self.snake(), images)?;
        let listed = Listed {
            generator: &generator,
            outcomes: &outcomes,
        };
        let shots = Independent::new(self.shots, stream.named("shots"));
        let mut tdvp = Tdvp::new(listed, &*psi, Box::new(shots));
        (tdvp.tableau, tdvp.shift) = (Tableau::heun(), SHIFT);
        let (mut at, mut left) = (0.0, Vec::new());
        let (mut mean, mut spread) = (Vec::new(), Vec::new());
        for &t in &self.times {
            let dt = (t - at) / self.steps as f64;
            for k in 0..self.steps {
                let step = tdvp.advance(at + k as f64 * dt, &mut theta, dt)?;
                left.push((step.residual / dt).powi(2));
            }
            at = t;
            let z = outcomes.sites(&theta, &self.frame.coefficients(Pauli::Z));
            let n = z.len() as f64;
            let middle = z.iter().sum::<f64>() / n;
            mean.push(middle);
            spread.push((z.iter().map(|z| (z - middle).powi(2)).sum::<f64>() / n).sqrt());
        }
        Ok(Found {
            mean,
            spread,
            residual: (left.iter().sum::<f64>() / left.len() as f64).sqrt(),
        })
    }
}

/// All 4^N outcomes: nine sites have fewer of them than the shots of a step have neighbours.
struct Outcomes<'a> {
    plain: &'a Law,
    basis: Basis,
    /// The first of each [`Self::BLOCK`] outcomes, and the others, which differ in the sites read last.
    first: Configs,
    others: Neighbours,
    /// For each image of the snake the outcome that it makes of each outcome.
    images: Vec<Vec<u32>>,
}

impl<'a> Outcomes<'a> {
    const BLOCK: usize = 64;

    fn new(
        plain: &'a Law,
        snake: &dyn Constraint,
        images: &[Relabelling],
    ) -> Result<Self, Whatever> {
        let basis = Basis::new(snake, Memory::default())?;
        let all = basis.configs(0..basis.len());
        let (mut first, mut others) = (Configs::new(all.n_sites()), Neighbours::default());
        for (i, x) in all.view().rows().enumerate() {
            if i % Self::BLOCK == 0 {
                first.push(x);
                continue;
            }
            let parent = first.len() - 1;
            let from = first.view().row(parent).to_vec();
            let changes = (0..x.len()).filter(|&s| x[s] != from[s]);
            others.push(parent, changes.map(|s| (s, x[s])));
        }
        let of = |g: &Relabelling| {
            let rows = all.view().rows();
            rows.filter_map(|x| basis.index(&g.image(x, 4)))
                .map(|i| i as u32)
                .collect()
        };
        Ok(Self {
            plain,
            images: images.iter().map(of).collect(),
            first,
            others,
            basis,
        })
    }

    /// The probabilities of all: the network's own, mixed.
    fn laws(&self, theta: &[f64]) -> Vec<f64> {
        let mut heads = vec![0.0; self.first.len()];
        let mut rest = vec![0.0; self.others.len()];
        let x = self.first.view();
        self.plain.log_psi(theta, x, &mut heads);
        self.plain
            .log_psi_neighbours(theta, x, &self.others, &mut rest);
        let blocks = heads.iter().zip(rest.chunks(Self::BLOCK - 1));
        let own: Vec<f64> = blocks
            .flat_map(|(head, rest)| std::iter::once(head).chain(rest))
            .map(|l| l.exp())
            .collect();
        let share = 1.0 / self.images.len() as f64;
        let mixed = |i: usize| -> f64 { self.images.iter().map(|g| own[g[i] as usize]).sum() };
        (0..own.len()).map(|i| share * mixed(i)).collect()
    }

    /// The mean of each site, without noise.
    fn sites(&self, theta: &[f64], of: &[f64; 4]) -> Vec<f64> {
        let all = self.basis.configs(0..self.basis.len());
        let mut means = vec![0.0; all.n_sites()];
        for (x, p) in all.view().rows().zip(self.laws(theta)) {
            let outcomes = means.iter_mut().zip(x);
            outcomes.for_each(|(mean, &a)| *mean += p * of[usize::from(a)]);
        }
        means
    }
}

/// The master equation with the probabilities of neighbours looked up.
struct Listed<'a> {
    generator: &'a LocalSum<f64>,
    outcomes: &'a Outcomes<'a>,
}

impl Velocity<Law> for Listed<'_> {
    fn at(
        &self,
        _: f64,
        _: &Law,
        theta: &[f64],
        shots: &Samples<f64>,
    ) -> Result<(Vec<f64>, f64), EvolveError> {
        let (laws, x) = (self.outcomes.laws(theta), shots.x.view());
        let mut rows = Connected::default();
        self.generator.connected(x, &mut rows);
        let mut neighbour = vec![0; x.n_sites()];
        for (k, element) in rows.element.iter().enumerate() {
            rows.neighbours.write(k, x, &mut neighbour);
            let b = rows.neighbours.parent[k] as usize;
            if let Some(i) = self.outcomes.basis.index(&neighbour) {
                rows.diagonal[b] += element * laws[i] / shots.log_psi[b].exp();
            }
        }
        Ok((rows.diagonal, 0.0))
    }
}
