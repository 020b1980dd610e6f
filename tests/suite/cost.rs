//! Costs that the book promises: measured, hence not part of the usual run. See `tests/long.sh`.

use crate::prelude::example;
use ketwork::hamiltonians::{Free, OnSpace, Sector, Space};
use ketwork::{
    Ancestral, Autoregressive, Stopwatch, Stream, Transformer, TransformerParams, Wavefunction,
};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[test]
#[ignore = "a measurement: 10 s, on an idle machine"]
fn a_million_shots_of_twelve_sites_cost_at_most_three_times_4096() {
    let sector: Sector = Arc::new(Free::new(Space::qubits(12)));
    let net = Transformer::<f64>::new(*sector.space(), TransformerParams::default()).unwrap();
    let psi = Autoregressive::new(net, sector);
    let theta = psi.layout().initial(Stream::new(1));
    let cost = |shots| {
        let once = |run| {
            let watch = Stopwatch::start();
            psi.sample(&theta, 0..shots, Stream::new(run));
            watch.elapsed().cpu_seconds
        };
        (0..5).map(once).fold(f64::INFINITY, f64::min)
    };
    let (few, many) = (cost(4096), cost(1_000_000));
    println!(
        "4096 shots: {few:.3} CPU s, 10^6 shots: {many:.3} CPU s, ratio {:.2}",
        many / few
    );
    assert!(many <= 3.0 * few, "{many} s against {few} s");
}

#[test]
#[ignore = "a measurement: seconds, on an idle machine"]
fn the_first_energy_of_the_default_example_comes_within_half_a_second() {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let dir = tempfile::tempdir().unwrap();
        let start = Instant::now();
        let elapsed = after_first_step(dir.path(), &["--out", "out"], |_| start.elapsed());
        best = best.min(elapsed);
    }
    println!("first energy after {:.3} s", best.as_secs_f64());
    assert!(best < Duration::from_millis(500), "{best:?}");
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "a measurement: a minute"]
fn memory_of_a_step_stays_within_the_limit_at_64_sites_and_4096_samples() {
    // 2 GiB for tangent map and solver, and 300 MB for all else.
    memory_of_a_step(64, 2147.5 + 300.0);
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "a measurement: two minutes"]
fn memory_of_a_step_stays_below_4_gb_at_128_sites_and_4096_samples() {
    memory_of_a_step(128, 4000.0);
}

#[cfg(target_os = "linux")]
fn memory_of_a_step(n_sites: usize, limit: f64) {
    let dir = tempfile::tempdir().unwrap();
    let ring = format!(
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1.0\n\
        lattice = {{ kind = \"chain\", extent = [{n_sites}], boundary = \"periodic\" }}\n"
    );
    fs::write(dir.path().join("run.toml"), ring).unwrap();
    let flags = ["run.toml", "--out", "out", "--samples", "4096"];
    let status = after_first_step(dir.path(), &flags, |pid| {
        fs::read_to_string(format!("/proc/{pid}/status")).unwrap()
    });
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let kib: f64 = peak
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    let peak = 1024.0 * kib / 1e6;
    println!("peak memory of the first step of {n_sites} sites: {peak:.0} MB");
    assert!(peak < limit, "{peak} MB");
}

/// Starts the example, asks `what` once the log holds a step, and ends it.
fn after_first_step<R>(dir: &Path, flags: &[&str], what: impl FnOnce(u32) -> R) -> R {
    let mut run = Command::new(example("ground_state"));
    run.current_dir(dir).args(flags);
    let mut child = run
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The first line is the manifest.
    let lines = || fs::read_to_string(dir.join("out/log.jsonl")).map_or(0, |t| t.lines().count());
    while lines() < 2 {
        assert!(
            child.try_wait().unwrap().is_none(),
            "the example has ended early"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    let answer = what(child.id());
    child.kill().unwrap();
    child.wait().unwrap();
    answer
}
