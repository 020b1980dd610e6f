//! What do circuits need to learn more than one state? Diffusion of handwritten digits without ancilla,
//! with projected ancillas only, and with a leaky ReLU or labels beside them. Without ancilla every step
//! is unitary and noise stays noise; without activation all steps together are one linear map K, and the
//! generated states, weighted by their probability, have the second moment K K^+ / Tr K K^+.

mod cli;

use cli::{Failure, Line, Session, Story, asked, diffuse, passes};
use ketwork::diffusion::{Conditioning, Data, Diffusion, DiffusionParams, Grid, States};
use ketwork::{Figure, Panel, Stream};
use num_complex::Complex64;
use std::process::ExitCode;

/// Share of the digits that is held out.
const HELD_OUT: f64 = 0.2;
/// Tiles of one row of the picture.
const COLUMNS: usize = 16;
/// States of the second moment: its error falls with their root.
const MOMENT: usize = 32_768;

fn main() -> ExitCode {
    let (name, toml, takes) = ("diffusion_ceiling", "seed = 1", &[]);
    cli::main(Story { name, toml, takes }, tell)
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let params = asked(session, DiffusionParams::default());
    let (qubits, epochs, draws) = match session.quick {
        true => (4, 10, MOMENT / 8),
        false => (6, 60, MOMENT),
    };
    let stream = Stream::new(session.run.seed);
    let digits = Data::digits(&[0, 1], qubits).map_err(Failure::computation)?;
    let split = digits
        .split(HELD_OUT, stream.named("split"))
        .map_err(Failure::computation)?;
    let linear = DiffusionParams {
        epochs: passes(session, epochs),
        activation: None,
        conditioning: Conditioning::None,
        ..params
    };
    let unitary = DiffusionParams {
        ancillas: 0,
        rounds: 1,
        ..linear.clone()
    };
    let labels = DiffusionParams {
        conditioning: Conditioning::Offsets,
        ..linear.clone()
    };
    let activated = DiffusionParams {
        activation: DiffusionParams::default().activation,
        ..linear.clone()
    };
    let all = DiffusionParams {
        conditioning: Conditioning::Offsets,
        ..activated.clone()
    };
    let cases = [
        ("no ancilla", unitary),
        ("ancillas", linear),
        ("ancillas, labels", labels),
        ("ancillas, activation", activated),
        ("ancillas, activation, labels", all),
    ];
    let mut figure = Figure::new("Digits 0 and 1 from noise").size(1100, 1100);
    figure = figure.panel(tiles("data", &split.train.states, split.train.shape));
    let mut lines = Vec::new();
    for (name, params) in cases {
        let found = diffuse(session, name, &split, &params, stream)?;
        let (r, number) = (&found.report, |x: Option<f64>| x.unwrap_or(f64::NAN));
        session.say(format!(
            "{name}: fidelity to the data {:.3} (random states {:.3}), Frechet distance {:.3} (random states {:.3})",
            r.fidelity_to_data,
            r.haar_baseline,
            number(r.frechet),
            number(r.frechet_random)
        ));
        let mut line = Line::new()
            .set("model", name)
            .set("infidelity", r.infidelity.clone())
            .set("identity_baseline", r.identity_baseline.clone());
        line = line
            .set("fidelity_to_data", r.fidelity_to_data)
            .set("haar_baseline", r.haar_baseline)
            .set("frechet", r.frechet)
            .set("frechet_random", r.frechet_random);
        if name == "ancillas" {
            let ceiling = ceiling(&found, &split.train.states, draws, stream)?;
            session.say(format!(
                "  second moment of {draws} states: {:.4} from K K^+ (a sample that size deviates by {:.4}), {:.3} \
                 from that of the data; the mean state has the weight {:.3} in it, {:.3} in the data",
                ceiling.from_map, ceiling.expected, ceiling.from_data, ceiling.weights[0], ceiling.weights[1]
            ));
            line = line
                .set("moment_from_map", ceiling.from_map)
                .set("moment_expected", ceiling.expected)
                .set("moment_from_data", ceiling.from_data);
        }
        figure = figure.panel(tiles(name, &found.generated, split.train.shape));
        lines.push(line);
    }
    session.draw(&figure, "ceiling.png");
    Ok(Line::new().set("models", lines))
}

/// Second moments of generated states, of the linear map and of the data, and their distances
/// |A - B|_F / |B|_F.
struct Ceiling {
    from_map: f64,
    /// Root mean square of `from_map` for this number of independent states.
    expected: f64,
    from_data: f64,
    /// <m|A|m> with the normalised mean m of the data, for generated states and for the data.
    weights: [f64; 2],
}

fn ceiling(
    found: &Diffusion,
    train: &States,
    draws: usize,
    stream: Stream,
) -> Result<Ceiling, Failure> {
    let model = &found.model;
    let map = model.linear_map(&found.condition, 0);
    let map = map.map_err(Failure::computation)?;
    let dim = train.dim();
    let trace: f64 = map.iter().flatten().map(Complex64::norm_sqr).sum();
    let exact = moment(dim, map.iter().map(|c| (&c[..], 1.0 / trace)));
    let made = model.sample(&found.condition, draws, stream.named("moment"));
    let made = made.map_err(Failure::computation)?;
    // E |K z|^2 = Tr K K^+ / dim for unit vectors z.
    let weight = |p: &f64| p * dim as f64 / trace / draws as f64;
    let pairs = made.states.rows().zip(&made.probability);
    let sampled = moment(dim, pairs.map(|(x, p)| (x, weight(p))));
    let n = train.len() as f64;
    let data = moment(dim, train.rows().map(|x| (x, 1.0 / n)));
    // Each term w x x^+ has the squared norm w^2; the mean of all is `exact`.
    let squares: f64 = made.probability.iter().map(|p| weight(p).powi(2)).sum();
    let norm = |a: &[Complex64]| a.iter().map(Complex64::norm_sqr).sum::<f64>();
    let from = |a: &[Complex64], b: &[Complex64]| {
        let difference: Vec<_> = a.iter().zip(b).map(|(a, b)| a - b).collect();
        (norm(&difference) / norm(b)).sqrt()
    };
    let mut mean = vec![Complex64::default(); dim];
    train
        .rows()
        .for_each(|x| (0..dim).for_each(|i| mean[i] += x[i]));
    let along = |a: &[Complex64]| {
        let row = |i: usize| (0..dim).map(move |j| (i, j));
        let sum: Complex64 = (0..dim)
            .flat_map(row)
            .map(|(i, j)| mean[i].conj() * a[i * dim + j] * mean[j])
            .sum();
        sum.re / norm(&mean)
    };
    Ok(Ceiling {
        from_map: from(&sampled, &exact),
        expected: ((squares - norm(&exact) / draws as f64).max(0.0) / norm(&exact)).sqrt(),
        from_data: from(&sampled, &data),
        weights: [along(&sampled), along(&data)],
    })
}

/// Sum of w x x^+ (dim, dim).
fn moment<'a>(
    dim: usize,
    weighted: impl Iterator<Item = (&'a [Complex64], f64)>,
) -> Vec<Complex64> {
    let mut sum = vec![Complex64::default(); dim * dim];
    for (x, w) in weighted {
        for (row, a) in sum.chunks_exact_mut(dim).zip(x) {
            row.iter_mut()
                .zip(x)
                .for_each(|(s, b)| *s += a * b.conj() * w);
        }
    }
    sum
}

/// States from all over the list, in two rows.
fn tiles(name: &str, states: &States, shape: (usize, usize)) -> Panel {
    let n = states.len();
    let some: Vec<_> = (0..2 * COLUMNS).map(|k| k * n / (2 * COLUMNS)).collect();
    let grid = Grid::new(&states.select(&some), shape, 2, COLUMNS);
    Panel::image(name, grid.width, grid.pixels)
}
