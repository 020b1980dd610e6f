//! How far does a time-evolving natural gradient carry a partial differential equation? Heat,
//! Allen-Cahn and Burgers on the torus from the published start, by one small network each, TENG with
//! Heun's tableau against TDVP (one sweep of Euler) and against a spectral solution.

mod cli;

use cli::{Failure, Line, Session, Story};
use ketwork::evolve::Tableau;
use ketwork::evolve::pde::{Pde, PdeTeng, PeriodicMlp, Spectral};
use ketwork::evolve::pde::{published_start, relative_l2, torus_grid};
use ketwork::{Figure, Panel, Scale, Stopwatch, Stream};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

const EQUATIONS: [(&str, Pde); 3] = [
    ("heat", Pde::Heat { nu: 0.1 }),
    ("Allen-Cahn", Pde::AllenCahn { nu: 0.005 }),
    ("Burgers", Pde::Burgers { nu: 0.01 }),
];

fn main() -> ExitCode {
    let (name, toml, takes) = ("teng_pde", "seed = 1", &[]);
    cli::main(Story { name, toml, takes }, tell)
}

/// Sizes of a run.
struct Size {
    net: PeriodicMlp,
    side: usize,
    fits: usize,
    steps: u32,
    dt: f64,
}

fn tell(session: &Session) -> Result<Line, Failure> {
    let size = match session.quick {
        true => Size {
            net: PeriodicMlp {
                copies: 4,
                layers: 1,
            },
            side: 16,
            fits: 10,
            steps: 4,
            dt: 0.02,
        },
        false => Size {
            net: PeriodicMlp {
                copies: 10,
                layers: 3,
            },
            side: 40,
            fits: 150,
            steps: 50,
            dt: 0.02,
        },
    };
    let theta = fitted(session, &size)?;
    let (mut errors, mut images, mut lines) =
        (Panel::new("time", "relative L2 error"), vec![], vec![]);
    // Room for the legend at the right.
    errors = errors.scales(Scale::Linear, Scale::Log).x_reaches(0.0, 1.5);
    for (name, pde) in EQUATIONS {
        let teng = carried(session, &size, &theta, pde, Tableau::heun(), None)?;
        let tdvp = carried(session, &size, &theta, pde, Tableau::euler(), Some(1))?;
        let last = |run: &Run| run.errors[run.errors.len() - 1];
        session.say(format!(
            "{name}: relative error {:.1e} at t = {:.2} by TENG ({:.0} CPU s, steps leave a mean square of {:.1e} at most), \
             {:.1e} by TDVP ({:.0} CPU s)",
            last(&teng).1, last(&teng).0, teng.cpu, teng.worst, last(&tdvp).1, tdvp.cpu
        ));
        errors = errors.line(&format!("{name}, TENG"), teng.errors.clone());
        errors = errors.line(&format!("{name}, TDVP"), tdvp.errors.clone());
        let line = Line::new()
            .set("equation", name)
            .set("error", last(&teng).1);
        let line = line
            .set("error_tdvp", last(&tdvp).1)
            .set("worst_loss", teng.worst);
        lines.push(
            line.set("cpu_seconds_teng", teng.cpu)
                .set("cpu_seconds_tdvp", tdvp.cpu),
        );
        images.push((name, teng.picture));
    }
    let mut figure = Figure::new("Fields on the torus").size(900, 1500);
    for (name, picture) in images {
        figure = figure.panel(Panel::image(&format!("{name} at the end"), PIXELS, picture));
    }
    session.draw(&figure.panel(errors), "fields.png");
    Ok(Line::new()
        .set("n_params", size.net.n_params())
        .set("equations", lines))
}

/// Side of a picture.
const PIXELS: usize = 96;

/// The published start, fitted by least squares until nothing improves.
fn fitted(session: &Session, size: &Size) -> Result<Vec<f64>, Failure> {
    let stream = Stream::new(session.run.seed);
    let points = torus_grid(size.side, 0.0);
    let target: Vec<f64> = points.iter().map(|x| published_start(*x)).collect();
    let mut theta = size.net.initial(stream.named("network"));
    let mut teng = engine(size, EQUATIONS[0].1, Tableau::euler(), stream.named("fit"))?;
    (teng.params.damping, teng.params.sweeps) = (1e-3, size.fits);
    let found = teng
        .project(0.0, &mut theta, &target)
        .map_err(Failure::computation)?;
    let fresh = torus_grid(PIXELS, 0.3);
    let exact: Vec<f64> = fresh.iter().map(|x| published_start(*x)).collect();
    session.say(format!(
        "start: mean square {:.1e} on the grid, relative error {:.1e} on another one",
        found.loss(),
        relative_l2(&size.net.values(&theta, &fresh), &exact)
    ));
    Ok(theta)
}

/// Errors in time on a finer, shifted grid, the largest loss of a step, CPU time and the last field.
struct Run {
    errors: Vec<(f64, f64)>,
    worst: f64,
    cpu: f64,
    picture: Vec<f64>,
}

fn carried(
    session: &Session,
    size: &Size,
    start: &[f64],
    pde: Pde,
    tableau: Tableau,
    sweeps: Option<usize>,
) -> Result<Run, Failure> {
    let stop = session.interrupted();
    let mut teng = engine(
        size,
        pde,
        tableau,
        Stream::new(session.run.seed).named("steps"),
    )?;
    teng.params.sweeps = sweeps.unwrap_or(teng.params.sweeps);
    let mut theta = start.to_vec();
    let mut exact = Spectral::new(pde, 64, published_start).map_err(Failure::computation)?;
    let fresh = torus_grid(PIXELS, 0.3);
    let mut run = Run {
        errors: Vec::new(),
        worst: 0.0,
        cpu: 0.0,
        picture: Vec::new(),
    };
    for step in 1..=size.steps {
        let t = f64::from(step) * size.dt;
        let watch = Stopwatch::start();
        let found = teng
            .step(t - size.dt, &mut theta, size.dt)
            .map_err(Failure::computation)?;
        run.cpu += watch.elapsed().cpu_seconds;
        run.worst = run.worst.max(found.loss());
        exact.advance(size.dt, 0.01).map_err(Failure::computation)?;
        if step % (size.steps / 4) == 0 {
            let values = size.net.values(&theta, &fresh);
            run.errors
                .push((t, relative_l2(&values, &exact.values(&fresh))));
            let top = values
                .iter()
                .map(|v| v.abs())
                .fold(f64::MIN_POSITIVE, f64::max);
            run.picture = values.iter().map(|v| 0.5 + 0.5 * v / top).collect();
        }
        if stop.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted(format!(
                "stopped at t = {t}; nothing was kept"
            )));
        }
    }
    Ok(run)
}

fn engine(size: &Size, pde: Pde, tableau: Tableau, stream: Stream) -> Result<PdeTeng, Failure> {
    let teng = PdeTeng::new(size.net, pde, tableau, torus_grid(size.side, 0.0), stream);
    let mut teng = teng.map_err(Failure::input)?;
    teng.params.columns = 768;
    Ok(teng)
}
