//! Steady states of the dissipative Ising ring on shots of a network, against the field g: means of X, Y and Z with
//! error bars for each seed, and CPU seconds; exact ones beside them up to 6 sites.
//!
//! `steady_scan SITES POINTS.csv [--shots N] [--seeds N] [--fields 0.5,1,2] [--quick]`: V = 2, gamma = 1, one thread,
//! the fields of the published figure unless told otherwise. Points that POINTS.csv has are not computed again, so that a scan
//! of hours may be interrupted; the picture of all of them, POINTS.png, is drawn at the end.

use ketwork::run::{OpenRun, RunOptions};
use ketwork::{Figure, Panel, RunFile, Stopwatch};
use ketwork_benches::pool;
use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Fields of the published figure.
const FIELDS: [f64; 23] = [
    0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2, 2.4, 2.6, 2.8, 3.1,
    3.4, 3.7, 4.0, 4.8,
];
const AXES: [&str; 3] = ["x", "y", "z"];
const HEAD: &str = "sites,shots,seed,g,x,x_error,y,y_error,z,z_error,cpu_seconds";
/// Most sites of an exact density matrix.
const EXACT_UP_TO: usize = 6;

type Fault = Box<dyn Error + Send + Sync>;

/// What is scanned.
struct Scan {
    sites: usize,
    shots: usize,
    seeds: u64,
    fields: Vec<f64>,
    points: PathBuf,
}

/// Means of X, Y and Z, each with its error.
struct Point {
    g: f64,
    seed: u64,
    means: [(f64, f64); 3],
}

fn main() -> Result<(), Fault> {
    let scan = Scan::read(std::env::args().skip(1))?;
    let mut found = scan.known()?;
    println!("| g | seed | x, y, z | exact | CPU s |\n| --- | --- | --- | --- | --- |");
    let mut curve = Vec::new();
    for &g in &scan.fields {
        let exact = match scan.sites <= EXACT_UP_TO {
            true => Some(scan.run(g, 1, true)?.0.means.map(|m| m.0)),
            false => None,
        };
        let beside = exact.map_or(String::new(), |m| m.map(|v| format!("{v:.4}")).join(", "));
        curve.extend(exact.map(|means| (g, means)));
        for seed in 1..=scan.seeds {
            if found
                .iter()
                .any(|p| p.g.to_bits() == g.to_bits() && p.seed == seed)
            {
                continue;
            }
            let (point, seconds) = pool(1).install(|| scan.run(g, seed, false))?;
            let means = point.means.map(|(m, e)| format!("{m:.4} ± {e:.4}"));
            println!(
                "| {g} | {seed} | {} | {beside} | {seconds:.0} |",
                means.join(", ")
            );
            scan.keep(&point, seconds)?;
            found.push(point);
        }
    }
    scan.draw(&found, &curve)
}

impl Scan {
    fn read(words: impl Iterator<Item = String>) -> Result<Self, Fault> {
        let usage = "usage: steady_scan SITES POINTS.csv [--shots N] [--seeds N] [--fields 0.5,1,2] [--quick]";
        let (mut plain, mut words) = (Vec::new(), words);
        let (mut shots, mut seeds, mut fields) = (1000, 3, FIELDS.to_vec());
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(usage);
            match word.as_str() {
                "--shots" => shots = value()?.parse()?,
                "--seeds" => seeds = value()?.parse()?,
                "--fields" => {
                    let all = value()?;
                    fields = all.split(',').map(str::parse).collect::<Result<_, _>>()?;
                }
                "--quick" => (shots, seeds, fields) = (100, 1, vec![1.0]),
                _ => plain.push(word),
            }
        }
        let [sites, points] = plain.as_slice() else {
            return Err(usage.into());
        };
        Ok(Self {
            sites: sites.parse()?,
            shots,
            seeds,
            fields,
            points: points.into(),
        })
    }

    /// The points of this scan that are in the file.
    fn known(&self) -> Result<Vec<Point>, Fault> {
        if !self.points.exists() {
            return Ok(Vec::new());
        }
        let text = fs::read_to_string(&self.points)?;
        let mut found = Vec::new();
        for line in text.lines().skip(1) {
            let row = line.split(',').map(str::parse::<f64>);
            let row = row.collect::<Result<Vec<_>, _>>()?;
            let &[sites, shots, seed, g, x, dx, y, dy, z, dz, _] = row.as_slice() else {
                return Err(
                    format!("{}: not a row of {HEAD}: {line}", self.points.display()).into(),
                );
            };
            if (sites as usize, shots as usize) == (self.sites, self.shots) {
                let (means, seed) = ([(x, dx), (y, dy), (z, dz)], seed as u64);
                found.push(Point { g, seed, means });
            }
        }
        Ok(found)
    }

    fn keep(&self, point: &Point, seconds: f64) -> Result<(), Fault> {
        let is_new = !self.points.exists();
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.points)?;
        if is_new {
            writeln!(file, "{HEAD}")?;
        }
        let means = point.means.map(|(m, e)| format!("{m},{e}")).join(",");
        let (sites, shots, Point { g, seed, .. }) = (self.sites, self.shots, point);
        Ok(writeln!(
            file,
            "{sites},{shots},{seed},{g},{means},{seconds:.1}"
        )?)
    }

    fn run(&self, g: f64, seed: u64, is_exact: bool) -> Result<(Point, f64), Fault> {
        let (n, shots) = (self.sites, self.shots);
        // Without a network the steady state is that of the density matrix.
        let network = match is_exact {
            true => String::new(),
            false => format!(
                "[wavefunction]\nnetwork = \"transformer\"\n\
                 [sampling]\nsampler = \"ancestral\"\nsamples = {shots}\n"
            ),
        };
        let text = format!(
            "seed = {seed}\n[hamiltonian]\nmodel = \"dissipative_tfim\"\nv = 2.0\ng = {g:?}\n\
             lattice = {{ kind = \"chain\", extent = [{n}], boundary = \"periodic\" }}\n{network}\
             [lindblad]\nmethod = \"steady_state\"\n\
             [evolution]\nobservables = [\"mean_sx\", \"mean_sy\", \"mean_sz\"]\n"
        );
        let run = OpenRun::new(text.parse::<RunFile>()?)?;
        let watch = Stopwatch::start();
        let found = run.run(&RunOptions::default())?;
        let means = [0, 1, 2].map(|k| (found.values[k][0].mean, found.values[k][0].error));
        Ok((Point { g, seed, means }, watch.elapsed().cpu_seconds))
    }

    fn draw(&self, found: &[Point], curve: &[(f64, [f64; 3])]) -> Result<(), Fault> {
        let title = format!(
            "Steady states of the dissipative Ising ring of {}, V = 2",
            self.sites
        );
        let mut figure = Figure::new(&title).size(1000, 1200);
        for (k, axis) in AXES.iter().enumerate() {
            let mut panel = Panel::new("field g / gamma", &format!("<{axis}>, mean over sites"));
            if !curve.is_empty() {
                panel = panel.line("exact", curve.iter().map(|(g, m)| (*g, m[k])));
            }
            for seed in 1..=self.seeds {
                let of = found.iter().filter(|p| p.seed == seed);
                let points = of.map(|p| (p.g, p.means[k].0, p.means[k].1));
                panel = panel.points(&format!("seed {seed}"), points.collect::<Vec<_>>());
            }
            figure = figure.panel(panel);
        }
        Ok(figure.write(Path::new(&self.points.with_extension("png")))?)
    }
}
