//! Steady states of the dissipative Ising ring on shots of a network, against the field g: means of X, Y and Z with
//! error bars for each seed; exact ones beside them up to 6 sites.
//!
//! `steady_scan SITES DIR [--shots N] [--seeds N] [--fields 0.5,1,2] [--quick]`: V = 2, gamma = 1, one thread, RK4 in
//! steps of 0.1 (tried up to 16 sites), the fields of the published figure unless told otherwise. Every point keeps its
//! checkpoint in DIR and is not computed again, so that a scan of hours may be interrupted; DIR/steady.png shows this scan.

use ketwork::run::RunOptions;
use ketwork::{Figure, Panel, Stopwatch};
use ketwork_benches::{ising_decay, pool};
use std::error::Error;
use std::path::PathBuf;

/// Fields of the published figure.
const FIELDS: [f64; 23] = [
    0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2, 2.4, 2.6, 2.8, 3.1,
    3.4, 3.7, 4.0, 4.8,
];
const AXES: [&str; 3] = ["x", "y", "z"];
const STEADY: &str = "[lindblad]\nmethod = \"steady_state\"\n";
/// Most sites of an exact density matrix.
const EXACT_UP_TO: usize = 6;
const USAGE: &str =
    "usage: steady_scan SITES DIR [--shots N] [--seeds N] [--fields 0.5,1,2] [--quick]";

type Fault = Box<dyn Error + Send + Sync>;
/// Means of X, Y and Z, each with its error.
type Means = [(f64, f64); 3];

/// What is scanned.
struct Scan {
    sites: usize,
    shots: usize,
    seeds: u64,
    fields: Vec<f64>,
    dir: PathBuf,
}

fn main() -> Result<(), Fault> {
    let scan = Scan::read(std::env::args().skip(1))?;
    pool(1).install(|| scan.run())
}

impl Scan {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, Fault> {
        let mut plain = Vec::new();
        let (mut shots, mut seeds, mut fields) = (1000, 3, FIELDS.to_vec());
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(USAGE);
            match word.as_str() {
                "--shots" => shots = value()?.parse()?,
                "--seeds" => seeds = value()?.parse()?,
                "--fields" => {
                    let all = value()?;
                    fields = all.split(',').map(str::parse).collect::<Result<_, _>>()?;
                }
                "--quick" => (shots, seeds, fields) = (100, 1, vec![1.0]),
                flag if flag.starts_with("--") => return Err(format!("{flag}? {USAGE}").into()),
                _ => plain.push(word),
            }
        }
        let ([sites, dir], 1..) = (plain.as_slice(), seeds) else {
            return Err(USAGE.into());
        };
        fields.sort_by(f64::total_cmp);
        Ok(Self {
            sites: sites.parse()?,
            shots,
            seeds,
            fields,
            dir: dir.into(),
        })
    }

    fn run(&self) -> Result<(), Fault> {
        let (mut curve, mut found) = (Vec::new(), vec![Vec::new(); self.seeds as usize]);
        println!("| g | seed | x, y, z | CPU s now |\n| --- | --- | --- | --- |");
        for &g in &self.fields {
            if self.sites <= EXACT_UP_TO {
                let means = self.means(g, 1, STEADY, &RunOptions::default())?;
                println!(
                    "| {g} | exact | {} | |",
                    means.map(|m| format!("{:.4}", m.0)).join(", ")
                );
                curve.push((g, means));
            }
            for (seed, found) in (1..).zip(&mut found) {
                let watch = Stopwatch::start();
                let means = self.on_shots(g, seed)?;
                println!(
                    "| {g} | {seed} | {} | {:.0} |",
                    means.map(|(m, e)| format!("{m:.4} ± {e:.4}")).join(", "),
                    watch.elapsed().cpu_seconds
                );
                found.push((g, means));
            }
        }
        self.draw(&curve, &found)
    }

    fn on_shots(&self, g: f64, seed: u64) -> Result<Means, Fault> {
        let (n, shots) = (self.sites, self.shots);
        let out = self
            .dir
            .join(format!("{n}_sites_{shots}_shots_g_{g}_seed_{seed}"));
        let options = RunOptions {
            resume: out.join("checkpoint.safetensors").exists(),
            out: Some(out),
            ..RunOptions::default()
        };
        let keys = format!(
            "{STEADY}[wavefunction]\nnetwork = \"transformer\"\n\
             [sampling]\nsampler = \"ancestral\"\nsamples = {shots}\n\
             [evolution]\nintegrator = \"rk4\"\ndt = 0.1\n"
        );
        self.means(g, seed, &keys, &options)
    }

    fn means(&self, g: f64, seed: u64, keys: &str, options: &RunOptions) -> Result<Means, Fault> {
        let found = ising_decay(self.sites, g, seed, keys)?.run(options)?;
        // Steady states are asked for nothing: the means of X, Y and Z come first.
        Ok([0, 1, 2].map(|k| (found.values[k][0].mean, found.values[k][0].error)))
    }

    fn draw(&self, curve: &[(f64, Means)], found: &[Vec<(f64, Means)>]) -> Result<(), Fault> {
        let title = format!(
            "Steady states of the dissipative Ising ring of {}, V = 2",
            self.sites
        );
        let mut figure = Figure::new(&title).size(1000, 1200);
        for (k, axis) in AXES.iter().enumerate() {
            let mut panel = Panel::new("field g / gamma", &format!("<{axis}>, mean over sites"));
            if !curve.is_empty() {
                panel = panel.line("exact", curve.iter().map(|(g, m)| (*g, m[k].0)));
            }
            for (seed, points) in (1..).zip(found) {
                let points = points.iter().map(|(g, m)| (*g, m[k].0, m[k].1));
                panel = panel.points(&format!("seed {seed}"), points);
            }
            figure = figure.panel(panel);
        }
        Ok(figure.write(&self.dir.join("steady.png"))?)
    }
}
