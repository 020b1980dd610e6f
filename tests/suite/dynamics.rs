//! Whole runs of the example `quench`: its JSON line, its refusals, its threads.

use crate::prelude::example;
use ketwork::run::{QuenchRun, RunError, RunOptions};
use serde_json::Value;
use std::process::{Command, Output};
use std::sync::atomic::AtomicBool;

const RING: &str = r#"
seed = 3
[hamiltonian]
model = "tfim"
h = 1.0
lattice = { kind = "chain", extent = [4], boundary = "periodic" }
[wavefunction]
network = "gru"
width = 8
[evolution]
method = "tdvp"
integrator = "heun"
dt = 0.02
initial = "up_z"
times = [0.0, 0.1, 0.15]
observables = ["mean_sz", "mean_sy"]
"#;

fn run(text: &str, flags: &str) -> Output {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("run.toml"), text).unwrap();
    let mut command = Command::new(example("quench"));
    command
        .current_dir(dir.path())
        .args(["run.toml", "--json"])
        .args(flags.split_whitespace());
    command.output().unwrap()
}

fn errors(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

/// The JSON line of a run that must succeed.
#[track_caller]
fn line(text: &str, flags: &str) -> Value {
    let out = run(text, flags);
    assert!(out.status.success(), "{}", errors(&out));
    let text = String::from_utf8(out.stdout).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    let list = value.as_array().unwrap();
    list.iter().map(|v| v.as_f64().unwrap()).collect()
}

#[test]
fn the_line_of_a_quench_holds_the_times_and_every_observable() {
    let found = line(RING, "");
    assert_eq!(numbers(&found["times"]), [0.0, 0.1, 0.15]);
    let exact = line(&RING.replace("\"tdvp\"", "\"exact\""), "");
    for key in ["mean_sz", "mean_sy"] {
        let (found, exact) = (numbers(&found[key]), numbers(&exact[key]));
        for (a, b) in found.iter().zip(&exact) {
            // The promise of a method with full sums, far above the error of its steps.
            assert!((a - b).abs() < 1e-3, "{key}: {found:?}, exactly {exact:?}");
        }
    }
    assert!(numbers(&found["infidelity"]).iter().all(|x| *x < 1e-4));
    for key in ["energy_drift", "residual", "seconds", "cpu_seconds"] {
        assert!(found[key].is_f64(), "{key}: {found}");
    }
    assert!(found.get("mean_sz_error").is_none(), "sums have no error");
    assert!(exact["residual"].is_null(), "{exact}");
}

#[test]
fn one_network_for_all_times_keeps_to_the_midpoint_rule() {
    let text = RING.replace(
        "\"tdvp\"\nintegrator = \"heun\"\ndt = 0.02",
        "\"spacetime\"\ndt = 0.03",
    );
    // Intervals of unequal length; the start is asked for.
    let text = text.replace("[0.0, 0.1, 0.15]", "[0.0, 0.09, 0.13]");
    let table = text.replace("\"gru\"\nwidth = 8", "\"table\"");
    let exact = line(&text.replace("spacetime", "exact"), "");
    for text in [&text, &table] {
        let found = line(text, "");
        assert_eq!(numbers(&found["times"]), [0.0, 0.09, 0.13]);
        for key in ["mean_sz", "mean_sy"] {
            let (found, exact) = (numbers(&found[key]), numbers(&exact[key]));
            for (a, b) in found.iter().zip(&exact) {
                // Error of the rule: t dt^2 |H - E|^3 / 12 = 6e-4 with |H - E| = 4 and t = 0.13.
                assert!((a - b).abs() < 1e-3, "{key}: {found:?}, exactly {exact:?}");
            }
        }
    }
    // No time but the start needs no network.
    let still = line(&text.replace("[0.0, 0.09, 0.13]", "[0.0]"), "");
    assert_eq!(numbers(&still["mean_sz"]), [1.0]);
    let drawn = format!("{text}[sampling]\nsampler = \"ancestral\"\n");
    let out = run(&drawn, "");
    assert_eq!(out.status.code(), Some(2), "{}", errors(&out));
    assert!(
        errors(&out).contains("sampling.sampler"),
        "{}",
        errors(&out)
    );
}

#[test]
fn a_sampled_quench_has_error_bars_and_does_not_depend_on_the_threads() {
    let text = format!("{RING}[sampling]\nsampler = \"ancestral\"\nsamples = 300\n");
    let (one, two) = (line(&text, "--threads 1"), line(&text, "--threads 2"));
    for key in ["mean_sz", "mean_sz_error", "mean_sy", "residual"] {
        assert_eq!(one[key], two[key], "{key}");
    }
    let errors = numbers(&one["mean_sz_error"]);
    assert!(errors[0].abs() < 1e-300, "the start is exact");
    assert!(errors[1..].iter().all(|e| *e > 0.0), "{errors:?}");
}

#[test]
fn quick_keeps_the_first_times_and_refuses_what_is_wrong() {
    let many = RING.replace("[0.0, 0.1, 0.15]", "[0.0, 0.01, 0.02, 5.0]");
    assert_eq!(numbers(&line(&many, "--quick")["times"]), [0.0, 0.01, 0.02]);
    let wrong = many.replace("0.02, 5.0", "0.02, 0.01");
    assert_eq!(run(&wrong, "--quick").status.code(), Some(2));
}

#[test]
fn bad_input_is_refused_by_its_key() {
    let cases = [
        ("dt = 0.02", "dt = 0.0", "evolution.dt"),
        ("[0.0, 0.1, 0.15]", "[0.2, 0.1]", "evolution.times"),
        ("[0.0, 0.1, 0.15]", "[-0.1, 0.1]", "evolution.times"),
        ("[0.0, 0.1, 0.15]", "[]", "evolution.times"),
        (
            "\"mean_sz\", \"mean_sy\"",
            "\"flux\"",
            "evolution.observables",
        ),
        ("\"up_z\"", "\"vacuum\"", "evolution.initial"),
        ("\"gru\"", "\"rbm\"", "wavefunction.network"),
    ];
    for (from, to, key) in cases {
        let out = run(&RING.replace(from, to), "");
        let message = errors(&out);
        assert_eq!(out.status.code(), Some(2), "{to}: {message}");
        assert!(message.contains(key), "{to}: {message}");
        assert_eq!(message.trim_end().lines().count(), 1, "{message}");
        assert!(out.stdout.is_empty(), "a refused run has no result");
    }
}

#[test]
fn an_interrupted_quench_continues_bit_for_bit() {
    // Stopped from outside after its first step, or window.
    static STOP: AtomicBool = AtomicBool::new(true);
    let sampled = format!("{RING}[sampling]\nsampler = \"ancestral\"\nsamples = 300\n")
        .replace("integrator = \"heun\"\n", "");
    let at_once = RING
        .replace("\"tdvp\"\nintegrator = \"heun\"", "\"spacetime\"")
        .replace("dt = 0.02", "dt = 0.05");
    for text in [
        &*sampled,
        RING,
        &at_once,
        &RING.replace("\"tdvp\"", "\"teng_heun\""),
        &RING.replace("\"tdvp\"", "\"exact\""),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let run = || QuenchRun::new(text.parse().unwrap()).unwrap();
        let whole = run().run(&RunOptions::default()).unwrap();
        let mut options = RunOptions {
            out: Some(dir.path().to_owned()),
            stop: Some(&STOP),
            ..RunOptions::default()
        };
        let stopped = run().run(&options);
        assert!(
            matches!(&stopped, Err(RunError::Interrupted { checkpoint: Some(path), .. }) if path.exists()),
            "{text}: {stopped:?}"
        );
        let again = run().run(&options);
        assert!(
            matches!(again, Err(RunError::Value { key: "--out", .. })),
            "{again:?}"
        );
        options.resume = true;
        // A second stop, then to the end.
        assert!(run().run(&options).is_err(), "{text}");
        options.stop = None;
        let resumed = run().run(&options).unwrap();
        assert_eq!(whole.values, resumed.values, "{text}");
        assert_eq!(whole.infidelity, resumed.infidelity, "{text}");
        assert_eq!(whole.residual, resumed.residual, "{text}");
    }
}

#[test]
fn a_state_that_left_the_exact_one_is_told() {
    // Two shots determine nothing.
    let text = format!("{RING}[sampling]\nsampler = \"ancestral\"\nsamples = 2\n");
    let run = |text: &str| {
        let run = QuenchRun::new(text.parse().unwrap()).unwrap();
        run.run(&RunOptions::default()).unwrap()
    };
    let found = run(&text.replace("[0.0, 0.1, 0.15]", "[0.0, 0.1, 0.4]"));
    let doubt = found.doubt().expect("an infidelity above 0.01");
    assert!(doubt.contains("t = 0.4"), "{doubt}: {:?}", found.infidelity);
    assert_eq!(run(RING).doubt(), None);
}

#[test]
fn a_start_without_the_symmetry_of_the_network_is_refused() {
    let odd = RING.replace("width = 8", "width = 8\nsymmetry = [\"spin_flip\"]");
    let out = run(&odd, "");
    assert_eq!(out.status.code(), Some(2), "{}", errors(&out));
    assert!(errors(&out).contains("symmetry"), "{}", errors(&out));
    // A mixture of images is sampled from its own law.
    let even = odd
        .replace("up_z", "plus_x")
        .replace("spin_flip", "translation");
    let found = line(&format!("{even}[sampling]\nsampler = \"ancestral\"\n"), "");
    let infidelity = numbers(&found["infidelity"]);
    assert!(infidelity.iter().all(|x| *x < 1e-3), "{infidelity:?}");
}
